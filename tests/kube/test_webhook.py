"""The injector over real TLS, before a double of the API server."""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.kube.api_double import ApiDouble
from tests.kube.api_double import status as api_status
from tests.kube.pod_shapes import container, pod, shape
from tests.kube.test_admission import asked, config_map
from tests.kube.test_client import until
from waf.kube.client import Kube
from waf.kube.keyring import Keyring, SelfMade
from waf.kube.settings import LABEL_INJECT, Settings, SettingsError
from waf.kube.webhook import MAX_BODY, Injector, Served, View, lookup_in, namespaces_of, read_defaults
from waf.record.log import Log

NAMES = ("localhost",)


class Running:
    def __init__(self, session: aiohttp.ClientSession, base: str, injector: Injector, view: View) -> None:
        self.session, self.base, self.injector, self.view = session, base, injector, view

    async def post(self, path: str, body: bytes) -> tuple[int, Any]:
        async with self.session.post(self.base + path, data=io.BytesIO(body)) as response:
            text = await response.text()
            return response.status, json.loads(text)["response"] if response.status == 200 else text

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.base + path) as response:
            return response.status, await response.text()


@pytest.fixture
async def running(api: ApiDouble, kube: Kube, log: Log, tmp_path: Path) -> AsyncIterator[Running]:
    await api.put("/api/v1/namespaces", {"metadata": {"name": "shop", "labels": {LABEL_INJECT: "true"}}})
    (tmp_path / "settings.yaml").write_text("mode: monitor\n")
    maker = SelfMade(kube, "waf-system", "waf-tls", NAMES)
    keyring = Keyring(maker.load, log)
    injector = Injector(Settings(), namespaces_of(kube), lookup_in(kube), log)
    view = View(kube, injector, Settings(), tmp_path / "settings.yaml", log)
    await view.first()
    tasks = [asyncio.create_task(view.run()), asyncio.create_task(keyring.run())]
    served = Served(injector.app(), keyring, "127.0.0.1", 0)
    await served.start()
    await injector.namespaces.synced.wait()
    assert maker.state is not None
    trust = ssl.create_default_context(cadata=maker.state.ca.certificate.decode())
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust))
    yield Running(session, f"https://localhost:{served.port}", injector, view)
    await session.close()
    await served.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_pods_are_patched_by_label_of_their_namespace(running: Running, api: ApiDouble) -> None:
    status, response = await running.post("/mutate", asked(shape("one named port")))
    assert status == 200
    assert "patch" in response
    _, response = await running.post("/mutate", asked(shape("one named port"), "new"))
    assert "patch" not in response
    await api.put("/api/v1/namespaces", {"metadata": {"name": "new", "labels": {LABEL_INJECT: "true"}}})
    await until(lambda: "new" in running.injector.namespaces.items)
    _, response = await running.post("/mutate", asked(shape("one named port"), "new"))
    assert "patch" in response


async def test_a_namespace_that_was_just_made_is_looked_up(running: Running, api: ApiDouble) -> None:
    await api.put("/api/v1/namespaces", {"metadata": {"name": "new", "labels": {LABEL_INJECT: "true"}}})
    await until(lambda: "new" in running.injector.namespaces.items)
    del running.injector.namespaces.items["new"]  # as if the watch were behind
    _, response = await running.post("/mutate", asked(shape("one named port"), "new"))
    assert "patch" in response
    del running.injector.namespaces.items["shop"]
    api.fail = lambda request: api_status(403, "Forbidden")
    assert (await running.post("/mutate", asked(shape("one named port"))))[0] == 500


async def test_broken_configuration_is_refused_with_its_place(running: Running) -> None:
    _, response = await running.post(
        "/validate-config", asked(config_map(waf_yaml="moode: x\n"), kind="ConfigMap")
    )
    assert response["allowed"] is False
    assert "waf.yaml:1" in response["status"]["message"]


async def test_what_is_no_review_and_what_is_too_long(running: Running) -> None:
    assert (await running.post("/mutate", b"{}"))[0] == 400
    assert (await running.post("/validate-config", b"[" * 10_000))[0] == 400
    assert (await running.post("/mutate", b" " * (MAX_BODY + 1)))[0] == 413
    assert (await running.get("/mutate"))[0] == 405


async def test_a_bug_of_ours_is_the_failure_policys_to_decide(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*arguments: Any) -> Any:
        raise RuntimeError("bug")

    monkeypatch.setattr("waf.kube.webhook.review", bug)
    status, text = await running.post("/mutate", asked(shape("one named port")))
    assert status == 500
    assert "bug" not in text


async def test_health_readiness_and_metrics(running: Running) -> None:
    assert await running.get("/healthz") == (200, "ok")
    assert await running.get("/readyz") == (200, "ok")
    running.injector.namespaces.synced.clear()
    assert (await running.get("/readyz"))[0] == 503
    bad = pod(container("a"), annotations={"waf.sidecar/mode": "x"})
    await running.post("/mutate", asked(bad))
    text = (await running.get("/metrics"))[1]
    assert 'waf_injector_reviews_total{outcome="denied",webhook="mutate"} 1.0' in text


async def test_defaults_change_without_a_restart_and_a_mistake_keeps_them(
    running: Running, tmp_path: Path
) -> None:
    assert running.injector.defaults.mode == "monitor"
    (tmp_path / "settings.yaml").write_text("mode: protect\nexcluded-ports: [22, 23]\nnative: false\n")
    running.view.look_at_settings()
    assert running.injector.defaults.mode == "protect"
    assert running.injector.defaults.excluded_ports == (22, 23)
    (tmp_path / "settings.yaml").write_text("moode: off\n")
    running.view.look_at_settings()
    assert running.injector.defaults.mode == "protect"
    assert not running.view.settings_good


@pytest.mark.parametrize("text", ["a: [", "- mode", "mode: sometimes", "mode: {a: b}", "7: 8"])
def test_defaults_that_cannot_be_read(text: str) -> None:
    with pytest.raises(SettingsError):
        read_defaults(text, Settings())


def test_an_empty_file_of_defaults_says_nothing() -> None:
    assert read_defaults("# nothing\n", Settings()) == Settings()
