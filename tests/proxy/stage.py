"""A stage for scripted conversations: client, app and clock are played by the test; no socket, no event loop.

The proxy's coroutines are driven by the calls of its protocols, so a script is a sequence of plain calls:
what the client sends, what the app must have got, what the app answers, what the client must have got.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any

from waf.config.schema import Config
from waf.model import (
    Admitted,
    BodyPlan,
    Exchange,
    Refused,
    Released,
    Request,
    Response,
    Withheld,
)
from waf.proxy.commons import Commons
from waf.proxy.downstream import ClientStream
from waf.proxy.identity import Ids
from waf.proxy.upstream import Link

START = 1000.0


class OpenPolicy:
    """Admits and releases everything; a test replaces the steps that it is about."""

    version = "test"
    generation = 7

    def __init__(self, buffer: int = 1 << 20, over: str = "stream", stream: bool = False) -> None:
        self.body_plan: BodyPlan | Refused = BodyPlan(buffer, over, stream)  # type: ignore[arg-type]
        self.judged: list[bytes] = []
        self.on_admit: Callable[[Request, bytes], Admitted | Refused] = Admitted
        self.on_stream: Callable[[Request], Admitted | Refused] = lambda request: Admitted(request, None)
        self.on_release: Callable[[Response], Released | Withheld] = Released
        self.reads_answers = True

    def plan(self, exchange: Exchange, now: float) -> BodyPlan | Refused:
        return self.body_plan

    def admit(self, exchange: Exchange, body: bytes, now: float) -> Admitted | Refused:
        self.judged.append(body)
        assert exchange.request is not None
        return self.on_admit(exchange.request, body)

    def admit_stream(self, exchange: Exchange, now: float) -> Admitted | Refused:
        assert exchange.request is not None
        return self.on_stream(exchange.request)

    def reads(self, exchange: Exchange, response: Response) -> bool:
        return self.reads_answers

    def release(
        self, exchange: Exchange, response: Response, body: bytes | None = None
    ) -> Released | Withheld:
        return self.on_release(response)


class CountedIds(Ids):
    """Remembers which ids were drawn: each belongs to an exchange that must be recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[str] = []

    def draw(self) -> str:
        self.drawn.append(super().draw())
        return self.drawn[-1]


class Transport:
    """What the proxy writes, and what it wants of the socket. `room` bytes fit before it says that it is
    full."""

    def __init__(self, peer: object = ("192.0.2.7", 4711)) -> None:
        self.peer = peer
        self.protocol: Any = None
        self.sent = bytearray()
        self.unsent = 0
        self.room: int | None = None
        self.reading = True
        self.closing = False
        self.aborted = False
        self.half_closed = False
        self.gone = False

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self.peer if name == "peername" else default

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes) -> None:
        assert not self.gone, "written to a connection that was lost"
        if self.closing:
            return
        self.sent += data
        if self.room is not None:
            self.unsent += len(data)
            if self.unsent > self.room and not self.protocol.blocked:
                self.protocol.pause_writing()

    def writelines(self, parts: Any) -> None:
        self.write(b"".join(parts))

    def drain(self) -> None:
        self.unsent = 0
        if self.protocol.blocked:
            self.protocol.resume_writing()

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_closed = True

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = self.aborted = True


class Loop:
    """As much of an event loop as the proxy needs, run by hand."""

    def __init__(self) -> None:
        self.now = START
        self._soon: list[tuple[Callable[..., Any], tuple[Any, ...]]] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self.errors: list[BaseException] = []
        self._count = 0

    def get_debug(self) -> bool:
        return False

    def time(self) -> float:
        return self.now

    def call_soon(self, call: Callable[..., Any], *args: Any, context: Any = None) -> None:
        self._soon.append((call, args))

    def call_later(self, delay: float, call: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(self.now + delay, call, args, self)  # type: ignore[arg-type]
        self._count += 1
        heapq.heappush(self._timers, (self.now + delay, self._count, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(context["exception"])

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)  # type: ignore[arg-type]

    def run_in_executor(self, _: Any, call: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future = self.create_future()
        self.call_soon(lambda: future.set_result(call(*args)))
        return future

    def settle(self) -> None:
        while self._soon or (self._timers and self._timers[0][0] <= self.now):
            if self._soon:
                call, args = self._soon.pop(0)
                call(*args)
            else:
                handle = heapq.heappop(self._timers)[2]
                if not handle.cancelled():
                    handle._run()


class Actor:
    """One end of a connection to the proxy, played by the test."""

    def __init__(self, stage: Stage, protocol: Any, transport: Transport) -> None:
        self.stage = stage
        self.protocol = protocol
        self.transport = transport
        transport.protocol = protocol

    def sends(self, *pieces: bytes) -> None:
        for piece in pieces:
            assert not self.transport.gone
            self.protocol.data_received(piece)
            self.stage.settle()

    def got(self) -> bytes:
        """What the proxy sent since the last time."""
        data = bytes(self.transport.sent)
        self.transport.sent.clear()
        return data

    def ends(self) -> None:
        """Close the sending side in order."""
        if not self.protocol.eof_received():
            self.transport.closing = True
        self.stage.settle()

    def goes(self, error: Exception | None = None) -> None:
        """The connection is no more."""
        if not self.transport.gone:
            self.transport.gone = True
            self.protocol.connection_lost(error)
            self.stage.settle()

    def resets(self) -> None:
        self.goes(ConnectionResetError())

    @property
    def closed(self) -> bool:
        """The proxy says that no more will come, after all that it wrote."""
        transport = self.transport
        return (transport.half_closed or transport.closing) and not transport.aborted

    @property
    def cut(self) -> bool:
        """The proxy cut it."""
        return self.transport.aborted


class Stage:
    """A proxy without sockets. `connect()` makes a client; connections to the app appear in `apps`."""

    def __init__(self, policy: Any = None, config: Config | None = None, *, app: str = "up") -> None:
        self.loop = Loop()
        self.policy = policy or OpenPolicy()
        self.records: list[Exchange] = []
        self.ids = CountedIds()
        self.apps: list[Actor] = []
        self.clients: list[Actor] = []
        self.app = app  # "up", "refuses", "hangs", "unreachable"
        self.pending: list[tuple[Link, asyncio.Future[Any]]] = []
        self.commons = Commons(
            config or Config(),
            lambda: self.policy,
            self.records.append,
            self.loop,  # type: ignore[arg-type]
            ids=self.ids,
            clock=self.loop.time,
            wall=lambda: 1_700_000_000.0 + self.loop.now,
            tick=0.25,
            dial=self._dial,
        )

    def _dial(self, link: Link) -> asyncio.Future[Any]:
        future = self.loop.create_future()
        self.pending.append((link, future))
        if self.app == "up":
            self.accept()
        elif self.app != "hangs":
            self.pending.clear()
            future.set_exception(
                ConnectionRefusedError() if self.app == "refuses" else OSError(113, "no route")
            )
        return future

    def accept(self) -> None:
        """The app takes the oldest connection that waits."""
        link, future = self.pending.pop(0)
        transport = Transport(("127.0.0.1", 8000))
        link.connection_made(transport)  # type: ignore[arg-type]
        self.apps.append(Actor(self, link, transport))
        future.set_result((transport, link))

    def connect(self, peer: object = ("192.0.2.7", 4711)) -> Actor:
        stream = ClientStream(self.commons)
        transport = Transport(peer)
        actor = Actor(self, stream, transport)
        self.clients.append(actor)
        stream.connection_made(transport)  # type: ignore[arg-type]
        self.settle()
        return actor

    def settle(self) -> None:
        """Let everything happen that can happen now, closed connections included."""
        while True:
            self.loop.settle()
            for actor in (*self.clients, *self.apps):
                transport = actor.transport
                if transport.closing and not transport.gone and (transport.aborted or not transport.unsent):
                    transport.gone = True
                    actor.protocol.connection_lost(None)
                    break
            else:
                return

    def passes(self, seconds: float) -> None:
        """Time goes by in steps of the wheel."""
        end = self.loop.now + seconds
        while self.loop.now < end:
            self.loop.now = min(end, self.loop.now + self.commons.wheel.tick)
            self.loop.settle()
            self.commons.wheel.advance()
            self.settle()

    @property
    def last(self) -> Exchange:
        return self.records[-1]

    def close(self) -> None:
        """Everybody leaves; afterwards nothing may be left, and every exchange recorded exactly once."""
        for client in self.clients:
            client.goes()
        for app in self.apps:
            app.goes()
        self.settle()
        commons = self.commons
        commons.judge.shutdown()
        assert [exchange.id for exchange in self.records].count("") == 0
        assert sorted(exchange.id for exchange in self.records) == sorted(self.ids.drawn)
        assert all(exchange.ended >= exchange.started for exchange in self.records)
        assert not commons.conversations
        assert commons.door.open == 0
        assert (commons.pool.open, commons.pool.idle, commons.pool.waiting) == (0, 0, 0)
        assert len(commons.wheel) == 0
        assert commons.bodies_held == 0
        assert commons.flow.under_way == 0
