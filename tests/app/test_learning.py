"""Learning beside a running sidecar: taught by traffic and recordings, reviewed over the control port."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from yarl import URL

from tests.app.rig import RawApp, Site, on_uvloop, serving
from waf.assembly import Kept
from waf.cli.main import main
from waf.config.schema import Config, Profiles
from waf.crew import Crew
from waf.learning import Learning
from waf.memory import Memory
from waf.profiles.book import Book
from waf.profiles.constraints import Constraint, Stage
from waf.profiles.constraints import Key as ProfileKey
from waf.profiles.observe import Observation
from waf.profiles.sampling import BURST, Budget
from waf.record.log import Log

TRUSTED = {
    "profiles.mode": "protect",
    "profiles.sources": "1",
    "profiles.epsilon": "0.02",
    "signatures.defaults": "false",
    "mode": "protect",
}
KEY = b"k" * 32


class _Unhurried(Budget):
    """Lessons cost it nothing, however long they take."""

    def charge(self, lessons: int, seconds: float) -> None:
        pass


async def post(site: Site, path: str, content: object) -> tuple[int, Any]:
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    async with site.session.post(URL(site.control + path, encoded=True), data=body) as answer:
        return answer.status, await answer.json()


async def visit(site: Site, requests: int) -> None:
    for number in range(requests):
        status, _, _ = await site.get(f"/items?id={number}&sort={('asc', 'desc')[number % 2]}")
        assert status == 200


@on_uvloop
async def test_replayed_traffic_teaches_and_is_then_enforced(pattern_cache: Path) -> None:
    async with RawApp() as app, serving(pattern_cache, app.url, **TRUSTED) as site:
        await visit(site, 120)
        await site.learned(120)
        status, answer = await post(site, "/v1/profile", {"operation": "compile"})
        assert status == 200
        assert any("GET /items arg.id type" in line for line in answer["changed"])
        assert (await site.get("/items?id=1234&sort=asc"))[0] == 200
        for attack in (
            "/items?id=1x&sort=asc",
            "/items?id=1&sort=up",
            "/items?id=1&sort=asc&debug=1",
            "/admin",
        ):
            assert (await site.get(attack))[0] == 403, attack
        said = await site.ask("/v1/profile/status")
        assert said["ready"]
        (place,) = said["places"]
        assert (place["template"], place["method"]) == ("/items", "GET")
        assert place["requests"] == 121


ROUTES = """
routes:
  - {path: /items/old, name: old, profiles_mode: discover}
  - {path: /items/new, name: new, profiles_mode: monitor}
"""
ONE_ROUTE = "routes: [{path: /items/old, name: old, profiles_mode: protect}]"


async def teach_items(site: Site, places: tuple[str, ...]) -> None:
    for number in range(120):
        for place in places:
            assert (await site.get(f"/items/{place}?id={number}"))[0] == 200
    await site.learned(120 * len(places))
    assert (await post(site, "/v1/profile", {"operation": "compile"}))[0] == 200


@on_uvloop
async def test_a_route_has_a_mode_of_its_own(pattern_cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "waf.yaml"
    file.write_text(ROUTES)
    async with RawApp() as app, serving(pattern_cache, app.url, file, **TRUSTED) as site:
        await teach_items(site, ("old", "new", "now"))
        assert [(await site.get(f"/items/{place}?id=x"))[0] for place in ("old", "new", "now")] == [
            200,
            200,
            403,
        ]
        await site.learned(363)
        events = {event["url.path"]: event for event in await site.events()}
        assert "/items/old" not in events  # nothing is told where it is only discovered
        assert [f["enforced"] for f in events["/items/new"]["waf.findings"]] == [False]
        said = await site.ask("/v1/profile/status")
        assert said["routes"] == {"old": "discover", "new": "monitor"}
        assert {row["template"]: row["protected"] > 0 for row in said["places"]}["/items/old"]
        learner = site.sidecar.learning.memory.learner
        key = "GET /items/old arg.id type"
        entry = next(e for k, e in learner.book.entries.items() if str(k) == key)
        assert entry.violations == 1  # what would be refused there is counted all the same


@on_uvloop
async def test_a_route_is_protected_where_the_workload_is_only_discovered(
    pattern_cache: Path, tmp_path: Path
) -> None:
    file = tmp_path / "waf.yaml"
    file.write_text(ONE_ROUTE)
    settings = {**TRUSTED, "profiles.mode": "discover"}
    async with RawApp() as app, serving(pattern_cache, app.url, file, **settings) as site:
        await teach_items(site, ("old", "now"))
        assert [(await site.get(f"/items/{place}?id=x"))[0] for place in ("old", "now")] == [403, 200]
        await site.learned(242)
        assert [event["url.path"] for event in await site.events()] == ["/items/old"]
        file.write_text(ONE_ROUTE.replace("protect", "monitor"))
        assert (await site.sidecar.reloader.reload("test")).ok
        assert (await site.get("/items/old?id=x"))[0] == 200


@pytest.mark.parametrize(
    ("sources", "observed"),
    [
        ("3", 7),  # the 1st, 2nd, 4th … 64th
        ("1", 64),  # of those who teach on purpose, so that replicas together learn what one would
    ],
)
def test_requests_that_come_again(
    pattern_cache: Path, sources: str, observed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waf.profiles.sampling.HOUR", 1e9)  # seconds: none ends while this runs

    @on_uvloop
    async def run() -> None:
        settings = {**TRUSTED, "profiles.sources": sources}
        async with RawApp() as app, serving(pattern_cache, app.url, **settings) as site:
            for _ in range(64):
                assert (await site.get("/items?id=1&sort=asc"))[0] == 200
            await site.learned(64)
            said = await site.ask("/v1/profile/status")
            assert said["places"][0]["requests"] == 64
            assert (await site.status())["learning"]["observed"] == observed

    run()


@pytest.mark.parametrize(
    ("settings", "least", "most"),
    [
        ({"profiles.sources": "3"}, 500, 600),  # one in sixteen where half of the budget is spent
        ({"profiles.sources": "3", "profiles.trusted_sources": "127.0.0.0/8"}, 900, 900),
        ({"profiles.hours": "1", "profiles.sources": "3"}, 900, 900),
    ],
)
def test_a_rush_of_live_traffic_is_sampled_and_a_teacher_is_heard_out(
    pattern_cache: Path, settings: dict[str, str], least: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @on_uvloop
    async def run() -> None:
        slow = {**TRUSTED, "profiles.epsilon": "0.002", **settings}
        async with RawApp() as app, serving(pattern_cache, app.url, **slow) as site:
            # How fast this machine sends and learns is not to tell how much of the budget is left.
            intake = site.sidecar.learning.intake
            monkeypatch.setattr(intake, "_budget", _Unhurried(rate=0.0, burst=BURST))
            await visit(site, 100)
            await site.learned(100)
            await post(site, "/v1/profile", {"operation": "compile"})  # from now on the endpoint is known
            await visit(site, 800)
            await site.learned(900)
            said = await site.ask("/v1/profile/status")
            assert said["places"][0]["requests"] == pytest.approx(
                (await site.status())["learning"]["observed"]
            )
            assert least <= (await site.status())["learning"]["observed"] <= most

    run()


@on_uvloop
async def test_callers_are_told_apart_by_the_certificates_that_a_proxy_saw(pattern_cache: Path) -> None:
    proxied = {
        **TRUSTED,
        "profiles.sources": "3",
        "listen.trusted_proxies": "127.0.0.0/8",
        "listen.trusted_hops": "1",
    }
    async with RawApp() as app, serving(pattern_cache, app.url, **proxied) as site:
        names = [f"spiffe://cluster.local/ns/shop/sa/service-{letter}" for letter in "abcdefgh"]
        for number in range(40):
            name = names[number % 8]
            said = {"X-Forwarded-For": "10.0.0.7", "X-Forwarded-Client-Cert": f"By=spiffe://me;URI={name}"}
            assert (await site.get(f"/items?id={number}", headers=said))[0] == 200
        await site.learned(40)
        (place,) = (await site.ask("/v1/profile/status"))["places"]
        # Eight of one address. They are counted by bits of a keyed hash, so that a few may fall together.
        assert 4 <= place["sources"] <= 12
        assert place["callers"] == names
        assert place["authenticated"] == 1.0


@on_uvloop
async def test_a_recording_teaches_a_running_sidecar(pattern_cache: Path) -> None:
    entries = [
        {
            "startedDateTime": "2026-01-01T00:00:00Z",
            "request": {"method": "GET", "url": f"http://shop/books/{n}?page={n}", "headers": []},
            "response": {"status": 200 if n else 404},
        }
        for n in range(100)
    ]
    async with RawApp() as app, serving(pattern_cache, app.url, **TRUSTED) as site:
        status, answer = await post(site, "/v1/profile/har", {"log": {"entries": entries}})
        assert (status, answer) == (200, {"learned": 99, "skipped": {"answered 404": 1}})
        await post(site, "/v1/profile", {"operation": "compile"})
        assert (await site.get("/books/7?page=2"))[0] == 200
        assert (await site.get("/books/7?page=two"))[0] == 403


@on_uvloop
async def test_people_edit_over_the_control_port(pattern_cache: Path) -> None:
    pin = {"operation": "pin", "pattern": "GET /items arg.id length", "text": "1\n2"}
    async with RawApp() as app, serving(pattern_cache, app.url, **TRUSTED) as site:
        await visit(site, 80)
        await site.learned(80)
        await post(site, "/v1/profile", {"operation": "compile"})
        status, answer = await post(site, "/v1/profile", pin)
        assert (status, answer) == (200, {"changed": ["pinned GET /items arg.id length: 1 to 2 bytes"]})
        assert (await site.get("/items?id=100&sort=asc"))[0] == 403
        status, _ = await post(site, "/v1/profile", {"operation": "unpin", "pattern": pin["pattern"]})
        assert status == 200
        status, answer = await post(site, "/v1/profile", {"operation": "hold"})
        assert (await site.ask("/v1/profile/status"))["held"] in answer["changed"][0]


WRONG: list[tuple[str, object, int, str]] = [
    ("/v1/profile", b"{", 400, "truncated"),
    ("/v1/profile", {"operation": "explode"}, 400, "explode"),
    ("/v1/profile", {"operation": "pin", "pattern": "GET /a arg.x lenght"}, 400, "no aspect"),
    ("/v1/profile", {"operation": "pin", "pattern": "GET /a arg.x length", "text": "1"}, 400, "2 values"),
    ("/v1/profile", {"operation": "unpin", "pattern": "GET /a arg.x length"}, 400, "not pinned"),
    ("/v1/profile", {"operation": "rollback", "version": "0"}, 400, "not kept"),
    ("/v1/profile/shadows", b"[", 400, ""),
    ("/v1/profile/har", b"nonsense", 400, ""),
]


@pytest.mark.parametrize(("path", "content", "status", "said"), WRONG)
def test_what_a_person_got_wrong_is_told(
    pattern_cache: Path, path: str, content: object, status: int, said: str
) -> None:
    @on_uvloop
    async def run() -> None:
        async with RawApp() as app, serving(pattern_cache, app.url, **TRUSTED) as site:
            got, answer = await post(site, path, content)
            assert got == status
            assert said in answer["error"]

    run()


@on_uvloop
async def test_views_and_shadows(pattern_cache: Path) -> None:
    document = b"openapi: 3.1.0\npaths: {/old: {get: {responses: {'200': {description: ok}}}}}\n"
    async with RawApp() as app, serving(pattern_cache, app.url, **TRUSTED) as site:
        await visit(site, 60)
        await site.learned(60)
        await post(site, "/v1/profile", {"operation": "compile"})
        for view, part in (
            ("profile", "GET /items"),
            ("evidence", "unseen:"),
            ("openapi", '"openapi": "3.1.0"'),
        ):
            async with site.session.get(f"{site.control}/v1/profile?view={view}") as answer:
                assert part in await answer.text()
        assert "error" in await site.ask("/v1/profile?view=none")
        status, found = await post(site, "/v1/profile/shadows", document)
        assert status == 200
        assert found["shadows"] == [{"template": "/items", "method": "GET"}]
        assert [zombie["template"] for zombie in found["zombies"]] == ["/old"]


# --------------------------------------------------------------------------------------------- what is kept


def observation(number: int, trusted: bool = True) -> Observation:
    return Observation(
        method=b"GET", path=b"/a", fields=(), source=number, wall=1e9 + number, status=200, trusted=trusted
    )


def test_what_is_damaged_does_not_take_the_place_of_its_predecessor(tmp_path: Path) -> None:
    memory = Memory(str(tmp_path), Profiles(), KEY)
    for turn in range(2):
        memory.learner.observe(observation(turn), 1e9)
        memory.save()
    state = tmp_path / "profile.state"
    state.write_bytes(state.read_bytes()[:-1])
    again = Memory(str(tmp_path), Profiles(), KEY)
    again.load()
    assert [problem.file for problem in again.problems] == [str(state)]
    assert again.learner.state.common.n == 1
    predecessor = (tmp_path / "profile.state.previous").read_bytes()
    again.save()
    assert (tmp_path / "profile.state.previous").read_bytes() == predecessor
    assert (tmp_path / "profile.state.damaged").exists()


def test_another_version_of_the_app_is_noticed_over_a_restart(tmp_path: Path) -> None:
    for version, noticed in (("sha256:1", False), ("sha256:1", False), ("sha256:2", True), ("", False)):
        memory = Memory(str(tmp_path), Profiles(), KEY)
        memory.load()
        assert memory.released(version, 1e9) is noticed
        memory.learner.observe(observation(1), 1e9)
        memory.save()


@on_uvloop
async def test_workers_learn_as_one(tmp_path: Path) -> None:
    crew_directory = tmp_path / "crew"
    crew_directory.mkdir()
    config = Config(
        state_dir=str(tmp_path / "state"), profiles=Profiles(mode="protect", epsilon=0.02, sources=1, hours=1)
    )
    made = []
    for index in range(2):
        kept = Kept(KEY, None, 10)  # type: ignore[arg-type]
        learning = Learning(config, kept, lambda: None, Log(None), follows=index)
        learning.restore()
        made.append((learning, Crew(str(crew_directory), index, learning, Log(None)), kept))
    (leader, first, _), (follower, second, kept) = made
    for number in range(100):
        (leader if number % 2 else follower).memory.learner.observe(observation(number), 1e9)
    await second.turn()
    await first.turn()
    assert leader.memory.learner.state.common.n == 100
    assert not list(crew_directory.glob("*.delta"))
    leader.settle()
    await first.turn()
    await second.turn()
    assert follower.version == leader.version
    assert kept.profile is not None
    book = follower.memory.learner.book
    assert {c.stage for c in book.constraints()} == {Stage.PROTECT}
    assert follower.memory.learner.state.common.n == 0  # the whole is the leader's
    (crew_directory / "001-9-00000001.delta").write_bytes(b"rubbish")
    await first.turn()  # is told, and not met again
    assert not list(crew_directory.glob("*.delta"))
    for learning, _, _ in made:
        await learning.stop()
    assert (tmp_path / "state" / "profile.state").exists()


@on_uvloop
async def test_long_documents_are_taken_where_they_belong(pattern_cache: Path) -> None:
    entries = [
        {
            "request": {"method": "GET", "url": f"http://shop/{'x' * 200}?n={n}", "headers": []},
            "response": {"status": 200},
        }
        for n in range(500)
    ]
    recording = msgspec.json.encode({"log": {"entries": entries}})
    assert len(recording) > 100_000
    async with RawApp() as app, serving(pattern_cache, app.url, **TRUSTED) as site:
        assert await post(site, "/v1/profile/har", recording) == (200, {"learned": 500, "skipped": {}})
        assert (await post(site, "/v1/reload", recording))[0] == 413


@contextlib.asynccontextmanager
async def replicas(cache: Path, directory: Path, app: str, **settings: str) -> AsyncIterator[list[Site]]:
    """Two sidecars that share a secret, each with a state directory of its own."""
    key = directory / "key"
    key.write_bytes(b"shared" * 8)
    shared = {**TRUSTED, "sensitive.key_file": str(key), **settings}
    async with (
        serving(cache, app, **shared, state_dir=str(directory / "a")) as one,
        serving(cache, app, **shared, state_dir=str(directory / "b")) as other,
    ):
        yield [one, other]


async def waf(*args: str) -> tuple[int, str]:
    """A command against a sidecar of this loop."""
    result = await asyncio.to_thread(
        CliRunner().invoke, main, args, env={"WAF_CONFIG": None}, catch_exceptions=False
    )
    return result.exit_code, result.output


async def handed(site: Site, since: str = "") -> dict[str, Any]:
    found: dict[str, Any] = await site.ask(f"/v1/profile/deltas?since={since}")
    return found


@on_uvloop
async def test_a_store_asks_for_deltas_and_pushes_one_profile(pattern_cache: Path, tmp_path: Path) -> None:
    async with RawApp() as app, replicas(pattern_cache, tmp_path, app.url) as (one, other):
        await visit(one, 30)
        for number in range(30):
            await other.get(f"/items?id={number}&sort=random")
        for site in (one, other):
            await site.learned(30)
        urls = [one.control, other.control]
        file = tmp_path / "store.yaml"
        file.write_text("profiles: {sources: 1, epsilon: 0.02}")
        gather = ("profile", "--config", str(file), "gather", *urls, "--store", str(tmp_path / "store"))
        code, said = await waf(*gather)
        assert (code, said.count("the whole"), said.count("enforces")) == (0, 2, 2)
        for number in range(120):
            site = (one, other)[number % 2]
            assert (await site.get(f"/items?id={number}&sort={('asc', 'desc', 'random')[number % 3]}"))[
                0
            ] == 200
        for site in (one, other):
            await site.learned(90)
        code, said = await waf(*gather)
        assert (code, said.count("1 deltas"), said.count("enforces")) == (0, 2, 2)
        assert len({line.split()[-1] for line in said.splitlines() if "enforces" in line}) == 1
        for site in (one, other):  # both enforce what neither has seen whole
            assert (await site.get("/items?id=7&sort=random"))[0] == 200
            assert (await site.get("/items?id=7&sort=up"))[0] == 403
            status, answer = await post(site, "/v1/profile", {"operation": "hold"})
            assert (status, "a store's" in answer["error"]) == (400, True)
        async with one.session.delete(one.control + "/v1/profile/compiled") as answer:
            assert answer.status == 204
        assert (await post(one, "/v1/profile", {"operation": "hold"}))[0] == 200


@on_uvloop
async def test_deltas_since_a_mark(pattern_cache: Path, tmp_path: Path) -> None:
    async with RawApp() as app, replicas(pattern_cache, tmp_path, app.url) as (one, other):
        await visit(one, 3)
        await one.learned(3)
        first = await handed(one)
        assert (first["whole"], len(first["deltas"])) == (True, 1)
        assert await handed(one, first["mark"]) == {**first, "whole": False, "deltas": []}
        await visit(one, 2)
        await one.learned(5)
        second = await handed(one, first["mark"])
        assert (second["whole"], len(second["deltas"])) == (False, 1)
        assert await handed(one, first["mark"]) == second  # who lost the answer asks again
        await visit(one, 1)
        await one.learned(6)
        assert len((await handed(one, first["mark"]))["deltas"]) == 2  # another store may be behind
        for odd in ("other.1", first["mark"] + "9", "x", first["mark"].partition(".")[0] + ".-1"):
            assert (await handed(one, odd))["whole"], odd
        assert (await handed(other))["replica"] != first["replica"]
        assert (await handed(other))["key"] == first["key"]


@on_uvloop
async def test_what_a_store_may_not_push(pattern_cache: Path, tmp_path: Path) -> None:
    async with RawApp() as app, replicas(pattern_cache, tmp_path, app.url) as (one, _):
        await visit(one, 40)
        await one.learned(40)
        mine = await one.ask("/v1/profile/compiled")
        whole = b64decode(mine["profile"])
        book = Book.load(whole)
        key = ProfileKey("/items", "GET", "arg.id", "pattern")
        book.pin(Constraint(key, ("(",), Stage.PROTECT))
        broken = b64encode(book.dump()).decode()
        for pushed, told in (
            ({"key": "0" * 16, "profile": mine["profile"]}, "another secret"),
            ({"key": mine["key"], "profile": b64encode(whole[:12]).decode()}, "cut off"),
            ({"key": mine["key"], "profile": b64encode(whole[:-1]).decode()}, "bytes of content where"),
            ({"key": mine["key"], "profile": "!"}, "base64"),
            ({"key": mine["key"], "profile": broken}, "GET /items arg.id pattern"),
            ({"key": mine["key"], "profile": mine["profile"], "mode": "off"}, "mode"),
        ):
            async with one.session.put(one.control + "/v1/profile/compiled", json=pushed) as answer:
                said = (await answer.json())["error"]
                assert (answer.status, told in said) == (400, True), said
        async with one.session.delete(one.control + "/v1/profile/compiled") as answer:
            assert answer.status == 409
        assert not one.sidecar.learning.memory.learner.led


@on_uvloop
async def test_a_store_needs_the_token_and_leaves_a_fleet_alone(pattern_cache: Path) -> None:
    settings = {**TRUSTED, "control.token_env": "TOKEN"}
    async with (
        RawApp() as app,
        serving(pattern_cache, app.url, environ={"TOKEN": "t0ken"}, **settings) as site,
    ):
        for method in ("GET", "PUT", "DELETE"):
            async with site.session.request(method, site.control + "/v1/profile/compiled") as answer:
                assert answer.status == 401
        async with site.session.get(site.control + "/v1/profile/deltas") as answer:
            assert answer.status == 401


def test_a_pushed_profile_is_enforced_after_a_restart_as_well(pattern_cache: Path, tmp_path: Path) -> None:
    @on_uvloop
    async def run() -> None:
        async with RawApp() as app:
            async with replicas(pattern_cache, tmp_path, app.url) as (one, _):
                await visit(one, 40)
                await one.learned(40)
                mine = await one.ask("/v1/profile/compiled")
                pushed = {"key": mine["key"], "profile": mine["profile"]}
                async with one.session.put(one.control + "/v1/profile/compiled", json=pushed) as answer:
                    assert answer.status == 200
            async with replicas(pattern_cache, tmp_path, app.url) as (one, _):
                learner = one.sidecar.learning.memory.learner
                assert (learner.led, learner.pushed) == (True, True)
                assert (await one.ask("/v1/profile/compiled"))["pushed"]

    run()
