"""The sidecar in a fleet as one process sees it: readiness while a file is refused, learning beside the fleet's work."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.app.rig import RawApp, serving
from waf.config.schema import Config, Fleet
from waf.kube.fleet.client import CA_PATH
from waf.kube.inject import injected
from waf.kube.settings import Settings
from waf.kube.sidecar import CONFIG_DIR, TOKEN_PATH
from waf.profiles.book import Book


def test_what_the_injector_mounts_is_what_the_sidecar_reads() -> None:
    assert (Fleet().token_file, Fleet().ca_file) == (TOKEN_PATH, CA_PATH)
    pod = injected(
        {
            "metadata": {"name": "web"},
            "spec": {"containers": [{"name": "app", "ports": [{"containerPort": 80}]}]},
        },
        Settings(fleet="waf-fleet.waf-system.svc:8443", config=("waf-cluster", "waf-config")),
        (1, 31),
    )
    (sidecar,) = (c for c in pod["spec"]["initContainers"] if c["name"] == "waf-sidecar")
    environ = {each["name"]: each.get("value", "") for each in sidecar["env"]}
    mounts = {each["mountPath"] for each in sidecar["volumeMounts"]}
    assert environ["WAF_FLEET"] == "waf-fleet.waf-system.svc:8443"
    assert environ["WAF_CONFIG"] == f"{CONFIG_DIR}/waf-cluster/waf.yaml:{CONFIG_DIR}/waf-config/waf.yaml"
    assert {str(Path(TOKEN_PATH).parent), f"{CONFIG_DIR}/waf-cluster", f"{CONFIG_DIR}/waf-config"} <= mounts


@pytest.mark.parametrize(("policy", "status"), [("ready", 200), ("unready", 503)])
async def test_whether_a_refused_file_takes_the_pod_out_of_service_is_a_choice(
    tmp_path: Path, pattern_cache: Path, policy: str, status: int
) -> None:
    file = tmp_path / "waf.yaml"
    file.write_text(f"control: {{refused_config: {policy}}}\n")
    async with (
        RawApp() as app,
        serving(pattern_cache, app.url, file) as site,
        aiohttp.ClientSession() as session,
    ):
        async with session.get(site.control + "/readyz") as answer:
            assert answer.status == 200
        file.write_text("moode: x\n")
        await site.ask("/v1/reload", "POST")
        async with session.get(site.control + "/readyz") as answer:
            assert answer.status == status
            assert ("waf.yaml:1" in await answer.text()) is (policy == "unready")
        async with session.get(site.control + "/healthz") as answer:
            assert answer.status == 200, "never a reason to be killed"
        file.write_text("mode: monitor\n")
        await site.ask("/v1/reload", "POST")
        async with session.get(site.control + "/readyz") as answer:
            assert answer.status == 200


async def test_each_layer_wins_over_the_farther_ones_and_the_api_tells_which(
    tmp_path: Path, pattern_cache: Path
) -> None:
    """Cluster, namespace, workload, annotation: the order of the files, then the environment."""
    layers = {
        "waf-cluster": "mode: monitor\nlimits: {headers: 10, fields: 10, depth: 10}\naccess: {deny: [192.0.2.0/24]}\n",
        "waf-config": "limits: {headers: 20, fields: 20}\naccess: {deny: [198.51.100.0/24]}\n",
        "web-waf": "limits: {headers: 30}\n",
    }
    files = []
    for name, text in layers.items():
        (tmp_path / name).mkdir()
        files.append(tmp_path / name / "waf.yaml")
        files[-1].write_text(text)
    async with (
        RawApp() as app,
        serving(pattern_cache, app.url, *files, environ={"WAF_MODE": "protect"}) as site,
    ):
        told = (await site.ask("/v1/config"))["origins"]
        where = {"depth": files[0], "fields": files[1], "headers": files[2]}
        for name, file in where.items():
            assert told[f"limits.{name}"].startswith(f"{file}:")
        assert told["mode"] == "environment WAF_MODE"
        config = site.sidecar._current().config
        assert (config.limits.headers, config.limits.fields, config.limits.depth) == (30, 20, 10)
        assert config.access.deny == ("192.0.2.0/24", "198.51.100.0/24")
        assert config.mode.value == "protect"


async def test_a_fleet_that_is_not_there_keeps_nobody_from_serving(
    tmp_path: Path, pattern_cache: Path
) -> None:
    file = tmp_path / "waf.yaml"
    file.write_text(
        f"fleet: {{address: '127.0.0.1:1', token_file: {tmp_path}/none, ca_file: {tmp_path}/none}}\n"
        f"state_dir: {tmp_path}/state\n"
    )
    async with RawApp() as app, serving(pattern_cache, app.url, file) as site:
        status = await site.status()
        assert status["ready"]
        assert status["fleet"]["failures"] >= 1
        async with aiohttp.ClientSession() as session, session.get(site.control + "/metrics") as answer:
            assert "waf_fleet_failures_total" in await answer.text()


async def test_configuration_that_comes_while_a_thread_has_the_memory_is_not_lost(
    tmp_path: Path, pattern_cache: Path
) -> None:
    async with RawApp() as app, serving(pattern_cache, app.url) as site:
        learning = site.sidecar.learning
        begun, go_on = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(60)

        task = asyncio.create_task(learning._aside(work))
        await begun.wait()
        changed = Config(profiles=Config().profiles.__class__(mode="protect", sources=1))
        learning.reconfigure(changed)
        assert learning.memory.learner.config.mode == "discover"
        go_on.set()
        await task
        assert learning.memory.learner.config.mode == "protect"
        learning.set_mode("monitor")
        assert learning.memory.learner.config.mode == "monitor", "the fleet's word for the workload wins"
        learning.reconfigure(Config(profiles=Config().profiles.__class__(mode="off")))
        assert learning.memory.learner.config.mode == "off", "but not over a sidecar that is not to learn"


async def test_a_profile_of_the_fleet_is_not_edited_here(tmp_path: Path, pattern_cache: Path) -> None:
    async with RawApp() as app, serving(pattern_cache, app.url) as site:
        await site.sidecar.learning.follow(Book().dump())
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                site.control + "/v1/profile", json={"operation": "ignore", "pattern": "GET /a"}
            ) as answer,
        ):
            assert answer.status == 400
            assert "waf fleet export" in await answer.text()
