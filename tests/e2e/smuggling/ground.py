"""The whole data path on real sockets, with the default rules, between raw clients and a raw app.

All cases of one table run side by side through one server; each is told apart by a tag in its target, which the
app's recordings and the records of the exchanges carry.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import re
import socket
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import uvloop

from tests.loopback import HOST, MANY
from tests.proxy.stage import CountedIds
from waf.assembly import Files, build, keep
from waf.config.schema import Config, Timeouts
from waf.model import Exchange
from waf.policy.policy import Policy
from waf.proxy.server import Server

TAG = re.compile(rb"/t(\d{4})\b")
PATIENCE = 120.0
"""Seconds for one case; reached only where something hangs."""
PATIENT = Timeouts(head=60, body_idle=60, write=60, connect=60, first_byte=60, response_idle=60)
"""No case is one of slowness: a busy machine may take seconds for what is sent byte by byte."""


class Connection:
    """One connection of the app: all bytes that came, and a way to answer."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.reader, self.writer = reader, writer
        self.got = b""
        self.served: list[bytes] = []  # targets

    async def more(self) -> bool:
        data = await self.reader.read(1 << 16)
        self.got += data
        return bool(data)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


def framed_end(data: bytes) -> int | None:
    """Where the first request in `data` ends, by the most naive of readings; None: more must come."""
    head, blank, rest = data.partition(b"\r\n\r\n")
    if not blank:
        return None
    start = len(head) + 4
    if re.search(rb"\r\ntransfer-encoding:", head, re.I):
        end = rest.find(b"0\r\n\r\n") if rest.startswith(b"0\r\n\r\n") else rest.find(b"\r\n0\r\n\r\n") + 2
        return None if end < (0 if rest.startswith(b"0\r\n\r\n") else 2) else start + end + 5
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    size = int(length[1]) if length else 0
    return None if len(rest) < size else start + size


Script = Callable[[Connection, bytes], Awaitable[bool]]
"""Answers one request, whose head is given; False where the connection must not be read on."""


async def greet(connection: Connection, head: bytes) -> bool:
    """Says which target was asked for."""
    method, target = head.split(b" ", 2)[:2]
    body = b"hello " + target.partition(b"?")[0]
    shown = b"" if method == b"HEAD" else body
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + shown)
    return True


class App:
    """Records every byte of every connection. `script` answers; `scripts` of them have ended."""

    def __init__(self, script: Script = greet) -> None:
        self.script = script
        self.connections: list[Connection] = []
        self.scripts = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(len(self.connections), reader, writer)
        self.connections.append(connection)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        at = 0
        try:
            while True:
                while (end := framed_end(connection.got[at:])) is None:
                    if not await connection.more():
                        return
                head = connection.got[at:].partition(b"\r\n\r\n")[0]
                connection.served.append(head.split(b" ", 2)[1])
                at += end
                try:
                    if not await self.script(connection, head):
                        return
                finally:
                    self.scripts += 1
        except (ConnectionError, asyncio.CancelledError, IndexError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()


@functools.cache
def policy(mode: str) -> tuple[Config, Policy]:
    """The policy of an installation without any file, in this mode."""
    files = Files(options={"mode": mode, "events.output": "none"})
    kept = keep(files.load().config, os.environ)
    policy = build(files, kept).policy
    return policy.config, policy


@dataclass
class Heard:
    """What a client got. `ended`: the proxy closed first; `hung`: neither the end nor enough came in time."""

    data: bytes = b""
    ended: bool = False
    reset: bool = False
    hung: bool = False
    source: tuple[str, int] = ("", 0)


@dataclass
class Ground:
    """A server of one mode in front of an app."""

    mode: str
    app: App = field(default_factory=App)
    options: dict[str, object] = field(default_factory=dict)
    records: list[Exchange] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def __aenter__(self) -> Ground:
        import msgspec

        config, chosen = policy(self.mode)
        listen = msgspec.structs.replace(config.listen, address=f"{HOST}:0")
        upstream = msgspec.structs.replace(
            config.upstream, url=f"http://{HOST}:{await self.app.start()}", connections=200
        )
        config = msgspec.structs.replace(
            config, listen=listen, upstream=upstream, timeouts=PATIENT, **self.options
        )
        self.ids = CountedIds()
        self.server = Server(config, lambda: chosen, self.records.append, ids=self.ids, tick=0.05)
        await self.server.start()
        self.port = self.server.endpoints[0].port
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()
        self.app.stop()
        await asyncio.sleep(0.01)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(sock=await self._connected())

    async def _connected(self) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Ports are given out again, soon where many are in use: so each client has an address, where there are more.
        number = next(self._numbers)
        if MANY:
            sock.bind((f"127.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", 0))
        await asyncio.get_running_loop().sock_connect(sock, (HOST, self.port))
        return sock

    async def talk(
        self, pieces: Iterable[bytes], enough: Callable[[bytes], bool], *, half_close: bool = False
    ) -> Heard:
        """Send the pieces on a connection of their own, each in a segment, and read until it is enough.

        On a bare socket: a stream that cannot write any more forgets what is still to be read.
        """
        loop = asyncio.get_running_loop()
        with await self._connected() as sock:
            source = sock.getsockname()[:2]
            with contextlib.suppress(OSError):  # refused already: what was answered can still be read
                for piece in pieces:
                    await loop.sock_sendall(sock, piece)
                    await asyncio.sleep(0)
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
            heard = await self._hear(lambda: loop.sock_recv(sock, 1 << 16), enough)
        heard.source = source
        return heard

    async def ask(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        data: bytes,
        enough: Callable[[bytes], bool],
    ) -> Heard:
        """Send, and read until the end or until it is enough."""
        writer.write(data)
        return await self._hear(lambda: reader.read(1 << 16), enough)

    async def _hear(self, read: Callable[[], Awaitable[bytes]], enough: Callable[[bytes], bool]) -> Heard:
        heard = Heard()
        try:
            async with asyncio.timeout(PATIENCE):
                while not enough(heard.data):
                    got = await read()
                    if not got:
                        heard.ended = True
                        break
                    heard.data += got
        except ConnectionError:
            heard.ended = heard.reset = True
        except TimeoutError:
            heard.hung = True
        return heard

    async def settled(self) -> None:
        """Wait until no client is connected any more."""
        await self.until(lambda: not self.server.gauges["connections_open"])

    async def until(self, fact: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not fact():  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        except TimeoutError:
            left = [talk.peer.port for talk in self.server._commons.conversations]
            raise AssertionError(f"it never came true: {self.server.gauges}, clients {left}") from None

    def records_by_source(self) -> dict[tuple[str, int], list[Exchange]]:
        found: dict[tuple[str, int], list[Exchange]] = defaultdict(list)
        for exchange in self.records:
            found[exchange.peer.address, exchange.peer.port].append(exchange)
        return found


T = TypeVar("T")
R = TypeVar("R")


async def side_by_side(cases: Sequence[T], run: Callable[[T], Awaitable[R]], at_once: int = 40) -> list[R]:
    gate = asyncio.Semaphore(at_once)

    async def one(case: T) -> R:
        async with gate:
            return await run(case)

    return list(await asyncio.gather(*map(one, cases)))


def on_uvloop(work: Callable[[], Awaitable[R]]) -> R:
    """Run it on a loop of its own."""

    async def run() -> R:
        return await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
