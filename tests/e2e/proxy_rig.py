"""A proxy on real sockets between a client and an app that the test plays, all on one uvloop in this process.

Leaving the rig asks what every test wants to know: is there one record for each exchange, are all connections
and descriptors gone?
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any

import h11
import uvloop

from tests.loopback import HOST
from tests.proxy.stage import CountedIds, OpenPolicy
from waf.config.schema import Config, Listen, Upstream
from waf.model import Exchange
from waf.proxy.server import Server

PATIENCE = 120.0
"""Seconds for one test; so long only where something hangs."""
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def on_uvloop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a uvloop of its own, for a while at most."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(test(*args, **kwargs), PATIENCE))

    return run


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def until(fact: Callable[[], bool], seconds: float = PATIENCE / 4) -> None:
    """Wait for something that other tasks bring about."""
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.005)


class Line:
    """One connection, as a pair of streams with a few verbs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> tuple[bytes, bytes]:
        """Head and body of one request (Content-Length only)."""
        head = await self.head()
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return head, await self.reader.readexactly(int(value))
        return head, b""

    async def response(self, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, headers and body of one answer, as h11 reads it. Raises h11.RemoteProtocolError when it is
        cut."""
        connection = h11.Connection(h11.CLIENT)
        connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
        response: h11.Response | None = None
        body = b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                try:
                    connection.receive_data(await self.reader.read(1 << 18))
                except ConnectionError:
                    connection.receive_data(b"")
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                raise h11.RemoteProtocolError("the connection ended without an answer")
        assert response is not None
        rest = connection.trailing_data[0]
        if rest:
            self.reader._buffer[:0] = rest  # type: ignore[attr-defined]
        return response.status_code, dict(response.headers), body

    async def rest(self) -> bytes:
        """All until the end; what came before a reset is kept from view, as a client would keep it."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def half_close(self) -> None:
        self.writer.write_eof()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """End the connection with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def hello(line: Line) -> None:
    """An app that greets, again and again."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await line.request()
            await line.send(OK)


class Rig:
    """`app` plays the app on each of its connections; None: nobody listens there."""

    def __init__(
        self,
        app: Callable[[Line], Awaitable[None]] | None = hello,
        policy: Any = None,
        *,
        unix: str = "",
        **sections: Any,
    ) -> None:
        self.app = app
        self.policy = policy or OpenPolicy()
        self.records: list[Exchange] = []
        self.ids = CountedIds()
        self.unix = unix
        self.sections = sections
        self.lines: list[Line] = []  # of the app, open ones and ended ones
        self.clients: list[Line] = []
        self.app_port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self._silent: socket.socket | None = None

    async def __aenter__(self) -> Rig:
        first = await asyncio.get_running_loop().create_server(asyncio.Protocol, HOST, 0)
        first.close()  # libuv keeps a spare descriptor from its first listener on
        await asyncio.sleep(0.001)
        self._before = descriptors()
        if self.app is not None:
            await self.start_app()
        elif not self.unix:
            self._silent = socket.socket()  # has the port, so that nobody else comes to listen there
            self._silent.bind((HOST, 0))
            self.app_port = self._silent.getsockname()[1]
        listen = self.sections.pop("listen", None) or Listen(
            address=f"unix:{self.unix}/waf.sock" if self.unix else f"{HOST}:0"
        )
        upstream = self.sections.pop("upstream", {})
        url = f"unix:{self.unix}/app.sock" if self.unix else f"http://{HOST}:{self.app_port}"
        config = Config(listen=listen, upstream=Upstream(url=url, **upstream), **self.sections)
        self.server = Server(config, lambda: self.policy, self.records.append, ids=self.ids, tick=0.02)
        await self.server.start()
        self.endpoint = self.server.endpoints[0]
        return self

    async def start_app(self) -> None:
        if self.unix:
            self._listening = await asyncio.start_unix_server(self._serve, f"{self.unix}/app.sock")
        else:
            self._listening = await asyncio.start_server(self._serve, HOST, self.app_port)
            self.app_port = self._listening.sockets[0].getsockname()[1]

    async def stop_app(self, *, reset: bool = False) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for line in self.lines:
            if not line.writer.is_closing():
                line.reset() if reset else line.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        self.lines.append(line)
        task = asyncio.current_task()
        assert task is not None
        assert self.app is not None
        self._tasks.add(task)
        try:
            await self.app(line)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            if not writer.is_closing():
                writer.close()

    async def connect(self, **options: Any) -> Line:
        if self.endpoint.path:
            streams = await asyncio.open_unix_connection(self.endpoint.path)
        else:
            streams = await asyncio.open_connection(self.endpoint.host, self.endpoint.port, **options)
        self.clients.append(Line(*streams))
        return self.clients[-1]

    @contextlib.asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[Line]:
        line = await self.connect(**options)
        try:
            yield line
        finally:
            line.close()

    async def recorded(self, count: int) -> list[Exchange]:
        await until(lambda: len(self.records) >= count)
        return self.records

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        for client in self.clients:
            client.writer.transport.abort()
        if kind is None:
            await until(lambda: self.server.gauges["connections_open"] == 0)
            gauges = self.server.gauges
            assert gauges["upstream_open"] == gauges["upstream_idle"], gauges
            assert gauges["upstream_waiting"] == 0
        await self.server.close()
        await self.stop_app(reset=True)
        if self._silent is not None:
            self._silent.close()
        for task in list(self._tasks):
            task.cancel()
        if kind is None:
            await until(lambda: not self._tasks)
            await until(lambda: descriptors() <= self._before)
            assert self.server.gauges["upstream_open"] == 0
            assert sorted(exchange.id for exchange in self.records) == sorted(self.ids.drawn)
            assert all(exchange.ended >= exchange.started > 0 for exchange in self.records)
