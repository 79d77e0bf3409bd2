"""One socket of ours, towards a client or towards the app: bytes in, bytes out, and flow control both ways.

Owns no protocol: what the bytes mean is for its `owner`, the turn that is woken when something happens.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from waf.proxy.turn import Turn

JOINED: Final = 64 * 1024
"""A body of up to this many bytes is copied behind its head; a larger one goes to the kernel as it is."""


HELD: Final = 256 * 1024
"""What was not taken when it came, and is more than this many bytes, stops the reading even where it is wanted."""


class Stream(asyncio.Protocol):
    """What arrived and was not taken yet is in `inbox`.

    Bytes that nobody wants (`wanted` is false) are kept, and the socket is read no further until somebody
    does: so at most two reads of the event loop are ever held. `blocked` says that the peer does not take
    what we write. `ended`: the peer closed its sending side in order. `lost`: the connection is no more;
    without `ended` before it, it was cut.
    """

    __slots__ = ("blocked", "ended", "inbox", "lost", "owner", "paused", "transport", "wanted")

    def __init__(self, owner: Turn | None) -> None:
        self.owner = owner
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)  # until connection_made
        self.inbox = b""
        self.wanted = False
        self.paused = False
        self.blocked = False
        self.ended = False
        self.lost = False

    # ------------------------------------------------------------------------------- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        owner = self.owner
        if owner is None:
            self.unasked()
            return
        self.inbox = self.inbox + data if self.inbox else data
        if self.wanted:
            owner.wake()
            if len(self.inbox) <= HELD:
                return
        if not self.paused and not self.lost:
            self.paused = True
            self.transport.pause_reading()

    def eof_received(self) -> bool | None:
        self.ended = True
        if self.owner is not None:
            self.owner.wake()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.blocked = False
        if self.owner is not None:
            self.owner.wake()

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self.blocked = False
        if self.owner is not None:
            self.owner.wake()

    def unasked(self) -> None:
        """Bytes came while nobody owns this side."""
        self.abort()

    # ------------------------------------------------------------------------------------ called by the owner

    def want(self) -> None:
        """Read on."""
        self.wanted = True
        if self.paused and not self.lost:
            self.paused = False
            self.transport.resume_reading()

    def take(self) -> bytes:
        """All that arrived."""
        data = self.inbox
        self.inbox = b""
        return data

    def write(self, data: bytes) -> None:
        if not self.lost:
            self.transport.write(data)

    def write_parts(self, head: bytes, body: bytes, tail: bytes = b"") -> None:
        """One write of three parts; a large body is not copied."""
        if self.lost:
            return
        if len(body) <= JOINED:
            self.transport.write(head + body + tail)
        else:
            self.transport.writelines((head, body, tail))

    def close(self) -> None:
        """Close in order, once all that was written is sent."""
        if not self.lost:
            self.transport.close()

    def abort(self) -> None:
        """Close at once; the peer sees a reset where bytes are missing."""
        if not self.lost:
            self.transport.abort()
