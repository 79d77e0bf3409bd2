"""A whole sidecar in this process, on ports of its own, in front of an app that the test chooses."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
import yaml
from yarl import URL

from tests.loopback import HOST
from waf.app import Sidecar
from waf.assembly import Files
from waf.demo.shop import serve_shop

PATIENCE = 120.0
"""Seconds for one test; so long only where something hangs."""
ATTACK = "/search?q=1%27%20OR%20%271%27=%271%27%20--%20"


def on_uvloop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a uvloop of its own, for a while at most."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(test(*args, **kwargs), PATIENCE))

    return run


class Site:
    """A sidecar that serves, and a client of both of its ports."""

    def __init__(self, sidecar: Sidecar, session: aiohttp.ClientSession) -> None:
        self.sidecar = sidecar
        self.session = session
        assert sidecar.control is not None
        self.base = f"http://{sidecar.server.endpoints[0]}"
        self.control = f"http://{sidecar.control.endpoint}"

    async def get(self, path: str, **more: Any) -> tuple[int, dict[str, str], str]:
        """One request through the sidecar, its target byte for byte: status, headers, text."""
        return await self.send("GET", path, **more)

    async def send(self, method: str, path: str, **more: Any) -> tuple[int, dict[str, str], str]:
        async with self.session.request(method, URL(self.base + path, encoded=True), **more) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, headers, await answer.text()

    async def status(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("/v1/status")
        return found

    async def ask(self, path: str, method: str = "GET") -> Any:
        async with self.session.request(method, self.control + path) as answer:
            return await answer.json()

    async def recorded(self, exchanges: int) -> None:
        """Wait until so many exchanges are over: a client has its answer a moment before."""
        await self.until(lambda status: bool(status["requests"] >= exchanges))

    async def learned(self, exchanges: int) -> None:
        """The same, and wait until what they teach is learned."""
        await self.until(
            lambda status: bool(status["requests"] >= exchanges and not status["learning"]["queued"])
        )

    async def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.ask("/v1/events"))["events"]
        return found

    async def until(self, fact: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first status that fits; the watch looks once a second."""
        deadline = time.monotonic() + PATIENCE / 2
        while not fact(status := await self.status()):
            assert time.monotonic() < deadline, status
            await asyncio.sleep(0.02)
        return status


@asynccontextmanager
async def serving(
    cache: Path, upstream: str, *files: Path, environ: Mapping[str, str] | None = None, **options: str
) -> AsyncIterator[Site]:
    """A sidecar over these files, ended in the end."""
    given = {
        "upstream.url": upstream,
        "listen.address": f"{HOST}:0",
        "control.listen": f"{HOST}:0",
        "cache_dir": str(cache),
        "events.output": "none",
        **{name.replace("__", "."): value for name, value in options.items()},
    }
    sidecar = Sidecar(Files([str(path) for path in files], environ, given), environ or {})
    await sidecar.start()
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
            yield Site(sidecar, session)
    finally:
        await sidecar.stop()


@asynccontextmanager
async def shop() -> AsyncIterator[str]:
    """The demo shop's address."""
    runner, port = await serve_shop()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


class RawApp:
    """An app in plain bytes: keeps what it got, answers what it is told to, when it is told to."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://{HOST}:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> RawApp:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.requests.append(await reader.readuntil(b"\r\n\r\n"))
                self.arrived.set()
                await self.gate.wait()
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def write(path: Path, content: object) -> Path:
    """Replace a file as an editor does: whole, by a rename."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    fresh.rename(path)
    return path
