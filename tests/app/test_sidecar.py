"""The whole sidecar in front of an app: what clients get, what the control port tells, what reload changes."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from tests.app.rig import ATTACK, PATIENCE, RawApp, Site, on_uvloop, serving, shop, write
from waf.assembly import Bundle, Files, Kept, build
from waf.demo.tour import Fate, run_tour
from waf.errors import ConfigError
from waf.model import Action
from waf.policy.explain import judge
from waf.policy.samples import from_har

TOUR = {
    "protect": [Fate.FORWARDED, Fate.FORWARDED, Fate.BLOCKED, Fate.BLOCKED, Fate.MASKED, Fate.MASKED],
    "monitor": [Fate.FORWARDED, Fate.FORWARDED, Fate.FORWARDED, Fate.FORWARDED, Fate.LEAKED, Fate.LEAKED],
    "off": [Fate.FORWARDED, Fate.FORWARDED, Fate.FORWARDED, Fate.FORWARDED, Fate.LEAKED, Fate.LEAKED],
}


@pytest.mark.parametrize("mode", TOUR)
@on_uvloop
async def test_the_tour_in_each_mode(pattern_cache: Path, mode: str) -> None:
    async with shop() as upstream, serving(pattern_cache, upstream, mode=mode) as site:
        steps = await run_tour(site.base)
        assert [step.fate for step in steps] == TOUR[mode]
        assert all(step.request_id for step in steps if step.fate is Fate.BLOCKED)
        await site.recorded(len(steps))
        told = await site.events()
        assert len(told) == {"protect": 4, "monitor": 4, "off": 0}[mode]
        assert (await site.status())["requests"] == len(steps)


@on_uvloop
async def test_an_app_of_raw_bytes(pattern_cache: Path) -> None:
    async with RawApp() as app, serving(pattern_cache, app.url, mode="protect") as site:
        status, _, text = await site.get("/a%20b?x=1", headers={"X-Odd-CASE": "v"})
        assert (status, text) == (200, "hello")
        (request,) = app.requests
        assert request.startswith(b"GET /a%20b?x=1 HTTP/1.1\r\n")
        assert b"\r\nX-Odd-CASE: v\r\n" in request
        assert b"\r\nx-request-id: " in request.lower()
        await site.get(ATTACK)
        assert len(app.requests) == 1


@on_uvloop
async def test_what_serves_does_not_hold_the_samples_of_rules(
    pattern_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundles: list[Bundle] = []

    def seen(files: Files, kept: Kept, generation: int, *, samples: bool) -> Bundle:
        bundles.append(build(files, kept, generation, samples=samples))
        return bundles[-1]

    monkeypatch.setattr("waf.app.build", seen)
    async with RawApp() as app, serving(pattern_cache, app.url, mode="protect") as site:
        rules = bundles[0].rules
        assert rules
        assert not any(rule.hits or rule.misses for rule in rules)
        assert (await site.get(ATTACK))[0] == 403


@on_uvloop
async def test_an_exchange_leaves_nothing_for_the_collector(pattern_cache: Path, tmp_path: Path) -> None:
    """A cycle would keep bodies of ended exchanges until the collector runs, which it rarely does."""
    config = write(tmp_path / "waf.yaml", {"mode": "protect", "profiles": {"enabled": False}})
    async with shop() as upstream, serving(pattern_cache, upstream, config) as site:
        while gc.collect():  # what earlier tests left, and what that leaves in turn
            pass
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await run_tour(site.base)
            await site.send("POST", "/api/reviews", json={"text": "good coffee", "stars": 5})
            await site.send("POST", "/login", data={"name": "mary", "password": "x y"})
            await site.until(lambda status: status["requests"] == 8 and not status["learning"]["queued"])
            gc.collect()
            left = {type(one).__qualname__ for one in gc.garbage if type(one).__module__.startswith("waf.")}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert not left


@on_uvloop
async def test_a_block_is_told_with_all_that_is_needed(pattern_cache: Path) -> None:
    async with RawApp() as app, serving(pattern_cache, app.url, mode="protect") as site:
        status, headers, text = await site.get(ATTACK + "4532198874063150")
        assert status == 403
        assert "sqli" not in text
        await site.recorded(1)
        (told,) = await site.events()
        assert told["http.request.id"] == headers["x-request-id"]
        assert told["http.request.id"] in text
        assert (told["waf.outcome"], told["waf.would"], told["http.response.status_code"]) == (
            "blocked",
            "block",
            403,
        )
        assert told["waf.score"] >= 7
        finding = told["waf.findings"][0]
        assert finding["rule"].startswith("sqli-")
        assert (finding["field"], finding["engine"]) == ("arg.q", "signature")
        assert "OR" in finding["excerpt"]
        assert "4532198874063150" not in str(told)
        assert told["waf.exclusion"].startswith("- {")


@on_uvloop
async def test_the_control_port(pattern_cache: Path) -> None:
    async with RawApp() as app, serving(pattern_cache, app.url, mode="protect") as site:
        await site.get("/")
        await site.get(ATTACK)
        await site.recorded(2)
        async with site.session.get(site.control + "/metrics") as answer:
            lines = (await answer.text()).splitlines()
        counted = [line for line in lines if line.startswith("waf_requests_total{")]
        assert any('outcome="forwarded"' in line and line.endswith(" 1.0") for line in counted)
        assert any('outcome="blocked"' in line and line.endswith(" 1.0") for line in counted)
        assert "waf_config_last_reload_successful 1.0" in lines
        assert any(line.startswith("waf_findings_total{") and 'kind="sqli"' in line for line in lines)
        status = await site.status()
        assert (status["requests"], status["mode"], status["ready"]) == (2, "protect", True)
        assert status["listen"] == [site.base.removeprefix("http://")]
        assert (await site.ask("/v1/config"))["config"]["upstream"]["url"] == app.url
        for path in ("/healthz", "/readyz"):
            async with site.session.get(site.control + path) as answer:
                assert answer.status == 200
        site.sidecar.site.draining = True
        async with site.session.get(site.control + "/readyz") as answer:
            assert answer.status == 503


@on_uvloop
async def test_a_capture_can_be_replayed(pattern_cache: Path) -> None:
    async with RawApp() as app, serving(pattern_cache, app.url, mode="monitor") as site:
        async with site.session.post(site.control + "/v1/capture", json={"exchanges": 1}) as answer:
            assert answer.status == 201
        await site.send("POST", ATTACK, data={"note": "hello"})
        await site.recorded(1)
        (sample,) = from_har(await site.ask("/v1/capture"))
        told = judge(site.sidecar._current(), sample, fields=True)
        assert (told.fault, told.verdict.would) == ("", Action.BLOCK)
        assert ("form.note", "hello") in told.fields


@on_uvloop
async def test_bypasses_are_counted_by_reason_and_make_no_event(pattern_cache: Path) -> None:
    async with RawApp() as app, serving(pattern_cache, app.url, mode="off") as site:
        await site.get(ATTACK)
        await site.recorded(1)
        async with site.session.get(site.control + "/metrics") as answer:
            assert 'waf_uninspected_total{reason="mode-off"} 1.0' in await answer.text()
        assert await site.events() == []


@on_uvloop
async def test_files_over_one_another(tmp_path: Path, pattern_cache: Path) -> None:
    far = write(
        tmp_path / "far.yaml", {"mode": "monitor", "routes": [{"path": "/watched", "mode": "monitor"}]}
    )
    near = write(
        tmp_path / "near.yaml", {"mode": "off", "routes": [{"path": "/gone", "allow_methods": ["POST"]}]}
    )
    environ = {"WAF_MODE": "protect"}
    async with RawApp() as app, serving(pattern_cache, app.url, far, near, environ=environ) as site:
        assert (await site.get(ATTACK))[0] == 403
        assert (await site.get("/gone"))[0] == 405
        assert (await site.get("/watched" + ATTACK.removeprefix("/search")))[0] == 200


@on_uvloop
async def test_configuration_that_cannot_be_used_serves_nothing(tmp_path: Path, pattern_cache: Path) -> None:
    bad = write(tmp_path / "waf.yaml", {"tuning": ["gone.yaml"]})
    with pytest.raises(ConfigError, match="gone"):
        async with serving(pattern_cache, "http://127.0.0.1:9", bad):
            pass


# ------------------------------------------------------------------------------------------------------ reload


class Traffic:
    """Requests without a pause, until told to end; every answer counts."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ending = False
        self.statuses: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Traffic:
        self._tasks = [asyncio.create_task(self._send()) for _ in range(4)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending = True
        await asyncio.gather(*self._tasks)  # a request without an answer fails the test here

    async def _send(self) -> None:
        while not self._ending:
            self.statuses.append((await self._site.get("/"))[0])
            await asyncio.sleep(0)


@on_uvloop
async def test_a_reload_changes_the_mode_and_drops_nothing(tmp_path: Path, pattern_cache: Path) -> None:
    config = write(tmp_path / "waf.yaml", {"mode": "monitor"})
    async with RawApp() as app, serving(pattern_cache, app.url, config, watch="false") as site:
        async with Traffic(site) as traffic:
            assert (await site.get(ATTACK))[0] == 200
            write(config, {"mode": "protect"})
            told = await site.ask("/v1/reload", "POST")
            assert (told["ok"], told["generation"]) == (True, 2)
            assert (await site.get(ATTACK))[0] == 403
            write(config, "mode: sometimes\n")
            told = await site.ask("/v1/reload", "POST")
            assert (told["ok"], told["generation"]) == (False, 2)
            (problem,) = told["problems"]
            assert (problem["file"], problem["line"], problem["path"]) == (str(config), 1, "mode")
            assert (await site.get(ATTACK))[0] == 403
        assert set(traffic.statuses) == {200}
        assert len(app.requests) == len(traffic.statuses) + 1
        await site.recorded(len(traffic.statuses) + 3)
        assert (await site.status())["requests"] == len(traffic.statuses) + 3


@on_uvloop
async def test_files_are_watched_and_a_bad_one_never_replaces_a_good_one(
    tmp_path: Path, pattern_cache: Path
) -> None:
    config = write(tmp_path / "waf.yaml", {"mode": "protect", "tuning": ["tuning.yaml"]})
    tuning = write(tmp_path / "tuning.yaml", {})
    async with RawApp() as app, serving(pattern_cache, app.url, config) as site, Traffic(site) as traffic:
        assert (await site.get(ATTACK))[0] == 403
        async with asyncio.timeout(PATIENCE / 2):
            while not (blocked := [told for told in await site.events() if told["waf.outcome"] == "blocked"]):
                pass
        write(tuning, "exclusions: oops\n")
        status = await site.until(lambda status: not status["last_reload"]["ok"])
        assert status["policy"]["generation"] == 1
        assert (await site.get(ATTACK))[0] == 403
        write(tuning, f"exclusions:\n{blocked[0]['waf.exclusion']}\n")
        await site.until(lambda status: bool(status["policy"]["generation"] == 2))
        assert (await site.get(ATTACK))[0] == 200
    assert set(traffic.statuses) == {200}


@on_uvloop
async def test_what_changes_while_it_is_first_read_is_noticed(
    tmp_path: Path, pattern_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write(tmp_path / "waf.yaml", {"mode": "monitor"})

    def slowly(files: Files, kept: Kept, generation: int, *, samples: bool) -> Bundle:
        bundle = build(files, kept, generation, samples=samples)
        write(config, {"mode": "protect"})
        return bundle

    monkeypatch.setattr("waf.app.build", slowly)
    async with RawApp() as app, serving(pattern_cache, app.url, config) as site:
        await site.until(lambda status: bool(status["mode"] == "protect"))


@on_uvloop
async def test_a_config_map_is_swapped_by_its_symlink(tmp_path: Path, pattern_cache: Path) -> None:
    def version(name: str, mode: str) -> None:
        (tmp_path / name).mkdir()
        write(tmp_path / name / "waf.yaml", {"mode": mode})
        (tmp_path / "..data_tmp").symlink_to(name)
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")

    version("..2026_1", "monitor")
    (tmp_path / "waf.yaml").symlink_to("..data/waf.yaml")
    async with RawApp() as app, serving(pattern_cache, app.url, tmp_path / "waf.yaml") as site:
        assert (await site.get(ATTACK))[0] == 200
        version("..2026_2", "protect")
        await site.until(lambda status: bool(status["policy"]["generation"] == 2))
        assert (await site.get(ATTACK))[0] == 403
