"""The way to the app: connections, kept alive and counted. Sends what was admitted and nothing else.

A connection is used again only after request and response both ended exactly. Bytes that come while nobody
asked for any end it at once.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from waf.config.address import Endpoint
from waf.config.schema import Upstream
from waf.http1.serialize import LAST_CHUNK, Hop, request_head
from waf.messages import Response
from waf.permission import Admitted
from waf.proxy.faults import fault
from waf.proxy.readiness import stirs
from waf.proxy.stats import Stats
from waf.proxy.stream import Flow, Stream
from waf.proxy.turn import Turn
from waf.proxy.wheel import Wheel

UNREPEATABLE_IDLE: Final = 1.0
"""A request that must not be sent twice goes on no connection idle for longer (seconds): the app may be
closing it."""

QUEUE_PER_CONNECTION: Final = 4
"""How many exchanges may wait for a connection, per connection allowed; the next one is refused at once."""

_KEEP_ALIVE_HINT: Final = re.compile(rb"(?:^|[,;\s])timeout\s*=\s*([0-9]{1,6})", re.I)


class Link(Stream):
    """One connection to the app. It belongs to one exchange at a time (`owner`), or is idle in the pool."""

    __slots__ = (
        "_counted", "_fd", "_left", "_permission", "_pool", "deadline", "fires", "idle_since", "reused",
    )  # fmt: skip

    def __init__(self, pool: Pool) -> None:
        super().__init__(None, pool.flow)
        self._pool = pool
        self._counted = True
        self._permission: Admitted | None = None
        self._fd = -1
        self._left: int | None = None  # bytes still to come of a body that streams with a known length
        self.reused = False  # an exchange ended on it before this one
        self.idle_since = 0.0
        self.deadline = math.inf  # while idle
        self.fires = math.inf

    # ------------------------------------------------------------------------------------------------ sending

    def send(self, permission: Admitted, hop: Hop, length: int | None = None) -> None:
        """Write the head, with the body where the permission holds one.

        Else the body streams through `push`: `length` bytes of it, None for chunked.
        """
        body = permission.body
        if body is None:
            self._permission = permission
            self._left = length
            self.write(request_head(permission.request, hop, length))
            return
        self._permission = None
        self.write_whole(request_head(permission.request, hop, len(body)), body)

    def push(self, data: bytes, last: bool) -> None:
        """Send on what the permission's filter lets through of the next bytes of the body.

        Raises BodyRefused, and RuntimeError where a filter breaks the length that the head promised; nothing of
        `data` went out then.
        """
        assert self._permission is not None
        body_filter = self._permission.stream
        if body_filter is not None:
            data = body_filter.feed(data) if data else b""
            if last:
                data += body_filter.finish()
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0 or (last and self._left):
                raise RuntimeError("a filter changed the length of a body whose length was sent already")
            self.write(data)
        elif data:
            self.write_parts(b"%x\r\n" % len(data), data, b"\r\n" + LAST_CHUNK if last else b"\r\n")
        elif last:
            self.write(LAST_CHUNK)

    # ------------------------------------------------------------------------------- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if not self._counted:  # given up while it was being opened
            self.abort()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            self._fd = sock.fileno()

    def stirs(self) -> bool:
        """True where the app sent something, or closed, since its last answer: asked of the kernel.

        What the event loop has not read yet would be taken for the answer to the next request.
        """
        if self.inbox or self.ended or self.lost:
            return True
        return self._fd >= 0 and stirs(self._fd)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.retire()

    def unasked(self) -> None:
        self._pool.stats.unasked_bytes += 1
        self.retire()
        self.abort()

    def expire(self) -> None:
        """Called by the wheel: idle for too long."""
        self.retire()
        self.close()

    def retire(self) -> None:
        """Count it no longer; it will not be used again. May be called more than once."""
        if self._counted:
            self._counted = False
            self._pool.forget(self)


Dial = Callable[[Link], "asyncio.Future[Any]"]
"""Connects the link to the app; the future is done when `connection_made` was called, or raises OSError."""


def dialler(endpoint: Endpoint, loop: asyncio.AbstractEventLoop) -> Dial:
    """How the app at `endpoint` is reached."""
    if endpoint.path:
        return lambda link: loop.create_task(loop.create_unix_connection(lambda: link, endpoint.path))
    return lambda link: loop.create_task(loop.create_connection(lambda: link, endpoint.host, endpoint.port))


class Ticket:
    """A place in the queue for a connection."""

    __slots__ = ("granted", "link", "turn")

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.link: Link | None = None
        self.granted = False  # may open one; it is counted already


class Pool:
    """Connections to one app: at most `connections`, of which at most `idle_connections` are kept idle."""

    def __init__(
        self,
        dial: Dial,
        config: Upstream,
        wheel: Wheel,
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        stats: Stats,
        flow: Flow,
    ) -> None:
        self.stats: Final = stats
        self.flow: Final = flow
        self._dial: Final = dial
        self._wheel: Final = wheel
        self._clock: Final = clock
        self._loop: Final = loop
        self._idle: list[Link] = []  # the most recently used last
        self._queue: deque[Ticket] = deque()
        self._closed = False
        self.open = 0  # all that exist, being opened included
        self.resize(config, 3.0)

    def resize(self, config: Upstream, patience: float) -> None:
        self._most = config.connections
        self._most_idle = config.idle_connections
        self._idle_timeout = float(config.idle_timeout)
        self._patience = float(patience)

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def waiting(self) -> int:
        return len(self._queue)

    # ------------------------------------------------------------------------------------------------ leasing

    def ready(self, turn: Turn, repeatable: bool) -> Link | None:
        """An idle connection, now owned by `turn`, or None."""
        idle = self._idle
        while idle:
            link = idle[-1]
            if not repeatable and self._clock() - link.idle_since > UNREPEATABLE_IDLE:
                return None
            idle.pop()
            link.deadline = math.inf
            if not link.stirs():
                link.owner = turn
                return link
            link.unasked()
        return None

    async def connect(self, turn: Turn, client: Stream) -> Link:
        """A new connection, owned by `turn`; waits for its turn where there are too many.

        Raises the faults `upstream.refused`, `upstream.unreachable`, `timeout.connect`,
        `overload.upstream-pool` and, when `client` leaves meanwhile, `client.gone`.
        """
        if self.open >= self._most and self._idle:  # unfit for this request, or `ready` had given one
            self._idle[0].expire()
        if self.open < self._most:
            self.open += 1
        elif (link := await self._queued(turn, client)) is not None:
            return link
        link = Link(self)
        self.stats.connects += 1
        try:
            await self._open(link, turn, client)
        except BaseException:
            self.stats.connect_failures += 1
            link.retire()
            raise
        link.owner = turn
        link.wanted = True
        return link

    async def _open(self, link: Link, turn: Turn, client: Stream) -> None:
        attempt = self._dial(link)
        try:
            deadline = self._clock() + self._patience
            await wait_for(attempt, turn, client, deadline, "timeout.connect")
        except ConnectionRefusedError:
            raise fault("upstream.refused") from None
        except (OSError, asyncio.CancelledError):  # cancelled: by whoever ends the event loop
            raise fault("upstream.unreachable") from None
        finally:
            if not attempt.done():
                attempt.cancel()

    async def _queued(self, turn: Turn, client: Stream) -> Link | None:
        """Wait for a connection (given), or for a place to open one, which is then ours (None)."""
        if len(self._queue) >= self._most * QUEUE_PER_CONNECTION:
            raise fault("overload.upstream-pool")
        ticket = Ticket(turn)
        self._queue.append(ticket)
        deadline = self._clock() + self._patience
        try:
            while ticket.link is None and not ticket.granted:
                await turn.pause(deadline)
                if client.lost:
                    raise fault("client.gone")
                if turn.expired and ticket.link is None and not ticket.granted:
                    raise fault("overload.upstream-pool")
        except BaseException:
            if ticket.link is not None:
                self.give(ticket.link)
            elif ticket.granted:
                self.open -= 1
                self._pass_on_place()
            else:
                self._queue.remove(ticket)
            raise
        return ticket.link

    # -------------------------------------------------------------------------------------------- giving back

    def give(self, link: Link, response: Response | None = None) -> None:
        """Both messages ended exactly: the connection may serve another exchange."""
        link.reused = True
        if link.ended or link.lost or link.inbox or self._closed:
            link.retire()
            link.close()
            return
        link.want()
        if self._queue:
            ticket = self._queue.popleft()
            link.owner = ticket.turn
            ticket.link = link
            self._loop.call_soon(ticket.turn.wake)
            return
        link.owner = None
        timeout = self._idle_timeout
        if response is not None and (hint := response.headers.index.get(b"keep-alive")) is not None:
            timeout = min(timeout, _hinted(hint))
        if timeout <= 0 or not self._most_idle:
            link.retire()
            link.close()
            return
        while len(self._idle) >= self._most_idle:  # the freshest is of most use: some requests take no other
            self._idle[0].expire()
        now = self._clock()
        link.idle_since = now
        link.deadline = now + timeout
        if link.deadline < link.fires:
            self._wheel.watch(link)
        self._idle.append(link)

    def forget(self, link: Link) -> None:
        """Called by a link that is of no more use: its place is free."""
        self._wheel.forget(link)
        if link in self._idle:
            self._idle.remove(link)
        self.open -= 1
        self._pass_on_place()

    def _pass_on_place(self) -> None:
        if self._queue and self.open < self._most:
            ticket = self._queue.popleft()
            ticket.granted = True
            self.open += 1
            self._loop.call_soon(ticket.turn.wake)

    def close(self) -> None:
        """Close what is idle, and keep nothing from now on."""
        self._closed = True
        for link in list(self._idle):
            link.expire()


async def wait_for(
    attempt: asyncio.Future[Any], turn: Turn, client: Stream, deadline: float, late: str
) -> None:
    """Wait until `attempt` is done; raise what it raised, or `client.gone` or `late` before that."""
    attempt.add_done_callback(lambda _: turn.wake())
    while not attempt.done():
        await turn.pause(deadline)
        if attempt.done():
            break
        if client.lost:
            raise fault("client.gone")
        if turn.expired:
            raise fault(late)
    attempt.result()


def _hinted(value: bytes) -> float:
    """Seconds for which the app says it keeps an idle connection, less one for the way."""
    said = _KEEP_ALIVE_HINT.search(value)
    return math.inf if said is None else float(said[1]) - 1.0
