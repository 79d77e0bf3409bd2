"""The sidecar as a process: signals, drain, workers. The one place where `waf run` really runs."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench.processes import free_port
from tests.app.rig import ATTACK, PATIENCE, RawApp, on_uvloop, write
from tests.e2e.test_proxy_tls import certify

ROOT = Path(__file__).parents[2]


class Process:
    """`waf run`, and what it says of itself."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []

    async def says(self, fact: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next line that fits."""
        assert self.process.stdout is not None
        while True:
            line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
            assert line, ("it ended", self.said)
            self.said.append(told := json.loads(line))
            if fact(told):
                return told

    async def message(self, text: str) -> dict[str, Any]:
        return await self.says(lambda told: told.get("message") == text)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ends(self) -> int:
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def waf(cache: Path, upstream: str, *args: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", "waf.cli", "run", "--upstream", upstream, *args]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "WAF_CACHE_DIR": str(cache)}
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=asyncio.subprocess.PIPE)
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


ANY = ("--listen", "127.0.0.1:0", "--control", "127.0.0.1:0")


@on_uvloop
async def test_a_hang_up_reloads_and_a_termination_drains(tmp_path: Path, pattern_cache: Path) -> None:
    config = write(tmp_path / "waf.yaml", {"mode": "monitor", "watch": False})
    async with RawApp() as app, waf(pattern_cache, app.url, "-c", str(config), *ANY) as process:
        base = "http://" + (await process.message("serving"))["waf.listen"]
        async with aiohttp.ClientSession() as session:
            write(config, {"mode": "protect", "watch": False})
            process.signal(signal.SIGHUP)
            told = await process.message("policy in force")
            assert (told["waf.reason"], told["waf.generation"]) == ("SIGHUP", 2)
            async with session.get(base + ATTACK) as answer:
                assert answer.status == 403
                request_id = answer.headers["X-Request-Id"]
            event = await process.says(lambda told: told.get("waf.outcome") == "blocked")
            assert event["http.request.id"] == request_id

            app.gate.clear()
            slow = asyncio.create_task(_text(session, base + "/slow"))
            await app.arrived.wait()
            process.signal(signal.SIGTERM)
            assert (await process.message("draining"))["waf.connections"] >= 1
            app.gate.set()
            assert await slow == (200, "hello")
        assert (await process.message("ended"))["waf.cut"] == 0
        assert await process.ends() == 0


async def _text(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with session.get(url) as answer:
        return answer.status, await answer.text()


@on_uvloop
async def test_workers_share_the_port_and_one_control_port(tmp_path: Path, pattern_cache: Path) -> None:
    listen, control = free_port(), free_port()
    config = write(tmp_path / "waf.yaml", {"mode": "monitor", "watch": False, "listen": {"workers": 2}})
    ports = ("--listen", f"127.0.0.1:{listen}", "--control", f"127.0.0.1:{control}")
    async with RawApp() as app, waf(pattern_cache, app.url, "-c", str(config), *ports) as process:
        for _ in range(2):
            assert (await process.message("serving"))["waf.listen"] == f"127.0.0.1:{listen}"
        fresh = aiohttp.TCPConnector(force_close=True)  # each request is a connection, for any of the workers
        async with aiohttp.ClientSession(connector=fresh) as session:
            await until(session, f"http://127.0.0.1:{control}/readyz", lambda status, _: status == 200)
            for _ in range(20):
                assert (await _text(session, f"http://127.0.0.1:{listen}/"))[0] == 200
            write(config, {"mode": "protect", "watch": False, "listen": {"workers": 2}})
            async with session.post(f"http://127.0.0.1:{control}/v1/reload") as answer:
                assert answer.status == 200, await answer.text()
            statuses = [(await _text(session, f"http://127.0.0.1:{listen}{ATTACK}"))[0] for _ in range(20)]
            assert statuses == [403] * 20
            await until(session, f"http://127.0.0.1:{control}/metrics", lambda _, text: _requests(text) == 40)
            await until(
                session,
                f"http://127.0.0.1:{control}/v1/events",
                lambda _, text: len(json.loads(text)["events"]) == 20,
            )
        process.signal(signal.SIGTERM)
        assert await process.ends() == 0


def _requests(metrics: str) -> float:
    counted = [line for line in metrics.splitlines() if line.startswith("waf_requests_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in counted)


async def until(session: aiohttp.ClientSession, url: str, fact: Callable[[int, str], bool]) -> None:
    deadline = time.monotonic() + PATIENCE / 2
    while True:
        try:
            if fact(*await _text(session, url)):
                return
        except aiohttp.ClientError:
            pass
        assert time.monotonic() < deadline, url
        await asyncio.sleep(0.02)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is missing")
@on_uvloop
async def test_a_certificate_that_changes_alone_is_taken_and_a_bad_one_told(
    pattern_cache: Path, tmp_path: Path
) -> None:
    def issue(name: str) -> Path:
        """Both files at once, as in a Secret's volume: by a link to another directory."""
        (tmp_path / name).mkdir()
        certify(tmp_path / name, name)
        (tmp_path / "new").symlink_to(name)
        (tmp_path / "new").rename(tmp_path / "tls")
        return tmp_path / name

    issue("one.example")
    pem, key = str(tmp_path / "tls" / "server.pem"), str(tmp_path / "tls" / "server.key")
    listen = {"address": "127.0.0.1:0", "tls": {"certificate": pem, "key": key}}
    config = write(tmp_path / "waf.yaml", {"listen": listen, "control": {"listen": "127.0.0.1:0"}})
    async with RawApp() as app, waf(pattern_cache, app.url, "--config", str(config)) as process:
        host, _, port = (await process.message("serving"))["waf.listen"].rpartition(":")

        async def served() -> bytes:
            """The certificate that a new connection gets."""
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            _, writer = await asyncio.open_connection(host, int(port), ssl=context)
            found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            return found

        first = await served()
        latest = issue("two.example")
        assert (await process.message("policy in force"))["waf.reason"] == "file changed"
        second = await served()
        assert second != first
        write(latest / "server.key", "rubbish")
        told = await process.message("the old certificate stays")
        assert "server.pem" in told["waf.problems"][0]
        assert await served() == second
