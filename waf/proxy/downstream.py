"""A client connection: its socket, its one coroutine, and what lies between two requests.

Owns keep-alive, parting and who the peer is. What happens to a request is `exchange.conduct`'s.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from typing import TYPE_CHECKING, Final

from waf.errors import Fault
from waf.exchange import Peer
from waf.http1.forwarding import certificate_identity, client_address, client_identity, forwarded_scheme
from waf.messages import Request
from waf.proxy.exchange import conduct
from waf.proxy.faults import fault
from waf.proxy.replies import TOO_MANY_CONNECTIONS
from waf.proxy.straight import answered, begin, give_up
from waf.proxy.stream import Stream
from waf.proxy.turn import Turn
from waf.proxy.upstream import Link

if TYPE_CHECKING:
    from waf.proxy.commons import Commons
    from waf.proxy.steps import Way

LINGER_BYTES: Final = 64 * 1024
LINGER_SECONDS: Final = 2.0
"""How much, and for how long, is read of a client after its last answer: to close while bytes of it are on
their way would reset the connection, and that may take the answer with it (RFC 9112 9.6)."""

HALF_CLOSED_SECONDS: Final = 2.0
"""How long a client that closed its sending side is waited with for the app. It may be one that half-closes
after its request, or one that has left: TCP does not tell. The first kind is served by an app that answers
promptly; for the second kind no app is kept busy."""

_RESET: Final = struct.pack("ii", 1, 0)
_BLANK: Final = (b"", b"\r", b"\r\n")


class ClientStream(Stream):
    """The client's socket. `counted` is the address under which the door counted it when it was accepted."""

    __slots__ = ("_address", "_commons", "_secure", "conversation")

    def __init__(self, commons: Commons, *, secure: bool = False, counted: str | None = None) -> None:
        super().__init__(None, commons.flow)
        self._commons = commons
        self._secure = secure
        self._address = counted
        self.conversation: Conversation | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        commons = self._commons
        name = transport.get_extra_info("peername")
        address = address_of(name)
        if self._address is None:
            if not commons.door.enter(address):
                self.transport.write(TOO_MANY_CONNECTIONS)
                self.transport.close()
                return
            self._address = address
        port = name[1] if isinstance(name, tuple) else 0
        certificate = transport.get_extra_info("peercert") if self._secure else None
        identity = certificate_identity(certificate) if certificate else ""
        peer = Peer(address, port, address, "https" if self._secure else "http", identity)
        talk = self.conversation = self.owner = Conversation(commons, self, peer)
        commons.conversations.add(talk)
        talk.start(talk.converse())

    def eof_received(self) -> bool:
        super().eof_received()
        return not self._secure  # TLS has no half-closed connections

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.uncount()
        if self.conversation is not None:
            self._commons.conversations.discard(self.conversation)
            self.conversation = self.owner = None

    def uncount(self) -> None:
        """Its place is free; may be called more than once."""
        if self._address is not None:
            self._commons.door.leave(self._address)
            self._address = None

    def reset(self) -> None:
        """Cut the connection so that no client can take what it got for a whole answer."""
        self._outbox = b""
        if not self.lost:
            sock = self.transport.get_extra_info("socket")
            if sock is not None and sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._commons.stats.resets_by_us += 1
            self.transport.abort()


class Conversation(Turn):
    """One client connection and the exchanges on it, one after another."""

    __slots__ = (
        "ahead", "client", "commons", "held", "link", "parting", "peer", "resting", "served", "trusted",
        "unread",
    )  # fmt: skip

    def __init__(self, commons: Commons, client: ClientStream, peer: Peer) -> None:
        super().__init__(commons.wheel)
        self.commons = commons
        self.client = client
        self.peer = peer
        self.trusted = False
        self.served = 0  # exchanges ended
        self.held = 0  # bytes of the body in hand that count in `commons.bodies_held`
        self.link: Link | None = None  # the connection to the app in use
        self.unread = False  # of the request in hand something has not arrived yet
        self.resting = False  # the coroutine sleeps between two requests
        self.ahead: Way | None = None  # the exchange under way meanwhile
        self.parting = False  # the last exchange was the last one

    async def converse(self) -> None:
        """All exchanges of this connection; ends when it is closed."""
        try:
            while await self._request_begins():
                if self.parting or not await conduct(self):
                    await self._linger()
                    break
                self.served += 1
            await self._part()
        except Fault as error:  # interrupted between two requests
            if self.ahead is not None:
                give_up(self, error)
                await self._linger()
                await self._part()
        finally:
            self.client.abort()

    async def _request_begins(self) -> bool:
        """Wait for the first byte of the next request; False where none will come."""
        client, commons = self.client, self.commons
        if client.inbox and self.served:  # pipelined
            await self.let_others()
        while client.blocked:  # a client that sends and does not read
            await self.wait(commons.clock() + commons.timeouts.write, "timeout.write")
        if client.inbox and client.inbox not in _BLANK:
            return not client.lost
        client.want()
        self.deadline = commons.clock() + commons.rest
        while client.inbox in _BLANK:
            if client.ended or client.lost:
                return False
            self.resting = True
            try:
                await self.pause(min(self.deadline, commons.idle_until))
            finally:
                self.resting = False
            if self.ahead is not None or self.parting:  # the straight way ends here
                return True
            if self.expired and client.inbox in _BLANK and commons.clock() >= self.deadline:
                return False
        return not client.lost

    def heard(self, of: object) -> None:
        """Bytes came: most exchanges are done with on the spot, without the coroutine."""
        if of is self.client:
            if self.resting and begin(self):
                return
        elif self.ahead is not None and answered(self):
            return
        self.wake()

    async def let_others(self) -> None:
        """Go on only after all other connections had their turn."""
        self.commons.loop.call_soon(self.wake)
        await self.pause(math.inf)

    async def wait(self, deadline: float, late: str) -> None:
        """Sleep until there is news. Raises `client.gone`, or `late` when the deadline passes before any."""
        client = self.client
        before = client.unsent if client.blocked else 0
        if client.ended and late != "timeout.write":
            patience = self.commons.clock() + HALF_CLOSED_SECONDS
            if patience < deadline:
                deadline, late = patience, "client.gone"
        if not client.lost:  # it may have left while we waited for something else
            await self.pause(deadline)
        if client.lost:
            raise fault("client.gone-early" if self.unread else "client.gone")
        if self.expired:
            if late == "timeout.write" and client.unsent < before:
                return  # slow, but it reads
            raise fault(late)

    async def _linger(self) -> None:
        """Say that no more will come, and drop what the client sends until it has seen that."""
        client, commons = self.client, self.commons
        client.take()
        if client.ended or client.lost or client.transport.is_closing():
            return  # a reset must not turn into an orderly end
        half_closes = client.end()
        deadline = commons.clock() + LINGER_SECONDS
        left = LINGER_BYTES if half_closes or self.unread else 0
        while left > 0 and not (client.ended or client.lost):
            client.want()
            await self.pause(deadline)
            if self.expired:
                return
            left -= len(client.take())

    async def _part(self) -> None:
        """Close, once the client has taken all that was written."""
        client, commons = self.client, self.commons
        client.close()
        deadline = commons.clock() + commons.timeouts.write
        while not client.lost:
            await self.pause(deadline)
            if self.expired:
                return

    def believed(self, request: Request) -> Peer:
        """The peer, with client address and scheme as a trusted proxy in front of us reports them."""
        peer = self.peer
        address, self.trusted = client_address(peer.address, request.headers, self.commons.proxies)
        if not self.trusted:
            return peer
        scheme = forwarded_scheme(request.headers) or peer.scheme
        # A proxy's own certificate says nothing of those it speaks for.
        identity = client_identity(request.headers, self.commons.proxies)
        return peer.altered(client=address, scheme=scheme, identity=identity)

    def hold(self, size: int) -> None:
        """`size` more bytes of the request's body are in memory. Raises `overload.bodies`."""
        self.held += size
        commons = self.commons
        commons.bodies_held += size
        if commons.bodies_held > commons.limits.bodies:
            raise fault("overload.bodies")

    def let_go(self) -> None:
        """The body in hand is needed no longer."""
        self.commons.bodies_held -= self.held
        self.held = 0

    def drop_link(self) -> None:
        """Cut the connection to the app: its exchange did not end exactly."""
        link, self.link = self.link, None
        if link is not None:
            link.retire()
            link.abort()
            link.owner = None


def address_of(name: object) -> str:
    """From a socket's peer name. IPv4 mapped into IPv6 is shown as IPv4; a Unix socket has no address: ""."""
    if isinstance(name, tuple):
        return str(name[0]).removeprefix("::ffff:").partition("%")[0]
    return ""
