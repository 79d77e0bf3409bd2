"""Responses: head and body to the client, through the filter that the policy chose.

Owns the framing decision, the idle flush and the patience with a slow client or a stalled app. What is small
goes out in one write with its length known; what is large passes through piece by piece in constant memory.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final

from waf.exchange import Exchange
from waf.http1 import framing, serialize
from waf.http1.framing import BodyReader, ChunkedBody
from waf.http1.serialize import LAST_CHUNK
from waf.model import BodyFilter, BodyRefused, Framing, Outcome, Released, Request, Response
from waf.proxy.faults import Refusal, fault
from waf.proxy.intake import DENSE, SLICE, Upload
from waf.proxy.steps import deliver_whole, filtered, note
from waf.proxy.upstream import Link

if TYPE_CHECKING:
    from waf.proxy.downstream import Conversation

_LENGTH: Final = Framing.LENGTH  # an enum's attribute costs more than a global

TURN: Final = 0.004
"""Seconds after which a body that takes long to filter lets others have their turn."""

_SLICE: Final = 128  # bytes of a coded body that are unfolded at once, at first: to 130 KB at the worst
_LEAST: Final = 16

IDLE_FLUSH: Final = 0.05
"""Seconds for which the app may pause before its filter is asked to give out what it holds back."""


async def deliver(
    talk: Conversation,
    exchange: Exchange,
    request: Request,
    link: Link,
    response: Response,
    released: Released,
    upload: Upload | None,
) -> bool:
    """Send the answer whose head was released; True where the client's connection may be used again.

    Bytes that the app sent beyond its answer are left in the link's inbox. Raises Refusal, UpstreamFault and
    ClientFault; `exchange.sent_status` tells whether something was sent before.
    """
    commons = talk.commons
    keep = request.keep_alive and commons.keep_alive and not talk.unread
    if talk.served + 1 >= commons.limits.requests_per_connection:
        keep = False
    if released.whole is not None:
        if response.framing is _LENGTH:
            exchange.bytes_from_app += len(link.take())
        return deliver_whole(talk, exchange, released, b"", keep)
    data = link.take()
    size = len(data)
    if response.framing is not _LENGTH or size != response.length:  # else it is all here
        reader = framing.response_body(response, commons.limits)
        if data:
            pieces, size = _drawn(link, reader, data)
            data = b"".join(pieces)
        exchange.bytes_from_app += size
        if not reader.done:
            passing = Passing(talk, exchange, link, response, released, reader, upload)
            return await passing.run(released.response, data, request, keep)
        link.inbox = reader.excess + link.inbox
    else:
        exchange.bytes_from_app += size
    if (body_filter := released.body) is not None and b"content-encoding" in response.headers.index:
        data = await filtered_by_turns(talk, exchange, body_filter, data, True)
        note(exchange, body_filter)
        released = released.altered(body=None, whole=data)
    return deliver_whole(talk, exchange, released, data, keep)


def _drawn(link: Link, reader: BodyReader, data: bytes) -> tuple[list[bytes], int]:
    """The payload of what came, and how much of that was read: a body in very short chunks is read in slices, as that of a
    request is (`intake.DENSE`), and the rest put back.
    """
    if len(data) <= SLICE or type(reader) is not ChunkedBody:
        return reader.feed(data), len(data)
    pieces = reader.feed(data[:SLICE])
    if not reader.done and len(pieces) * DENSE <= SLICE:
        return pieces + reader.feed(data[SLICE:]), len(data)
    link.inbox = data[SLICE:]
    return pieces, SLICE


class Passing:
    """A response too long, too slow or too vague to be sent as one piece."""

    __slots__ = (
        "_chunked", "_coded", "_exchange", "_filter", "_flush_at", "_head", "_heard", "_hold", "_known", "_link",
        "_reader", "_sent", "_status", "_talk", "_timer", "_upload",
    )  # fmt: skip

    def __init__(
        self,
        talk: Conversation,
        exchange: Exchange,
        link: Link,
        response: Response,
        released: Released,
        reader: BodyReader,
        upload: Upload | None,
    ) -> None:
        self._talk = talk
        self._exchange = exchange
        self._link = link
        self._reader = reader
        self._upload = upload
        self._filter = released.body
        self._hold = released.hold_head and released.body is not None
        self._status = released.response.status
        self._coded = b"content-encoding" in response.headers.index
        exact = response.framing is Framing.LENGTH and not released.changes_length
        self._known = response.length if exact else None
        self._chunked = False
        self._head = b""
        self._sent = 0
        self._heard = exchange.answered_at  # when the app last sent something
        self._flush_at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, response: Response, data: bytes, request: Request, keep: bool) -> bool:
        """Send the released `response`; `data` is the payload that came with it. Raises what `deliver` does."""
        reader, body_filter, clock = self._reader, self._filter, self._talk.commons.clock
        if self._known is None:
            self._chunked = request.minor > 0
            keep = keep and self._chunked
        self._head = serialize.response_head(
            response,
            length=self._known,
            close=not keep,
            minor=request.minor,
            request_id=self._exchange.id.encode(),
        )
        try:
            last = False
            while True:
                if body_filter is not None and self._coded:
                    data = await filtered_by_turns(self._talk, self._exchange, body_filter, data, last)
                elif body_filter is not None:
                    data = filtered(self._exchange, body_filter, data, last, clock)
                self._write(data, last)
                if last:
                    break
                data = await self._next()
                last = reader.done
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if body_filter is not None:
                note(self._exchange, body_filter)
        self._link.inbox = reader.excess + self._link.inbox
        return keep

    async def _next(self) -> bytes:
        """The next payload; b"" only where the body ended."""
        talk, link, reader = self._talk, self._link, self._reader
        client, timeouts, clock = talk.client, talk.commons.timeouts, talk.commons.clock
        if link.inbox:  # in short chunks: see `_drawn`
            await talk.let_others()
            if client.lost:
                raise fault("client.gone")
        if self._filter is not None:
            self._flush_at = clock() + IDLE_FLUSH
        while True:
            if not client.blocked:
                if data := link.take():
                    self._heard = clock()
                    pieces, size = _drawn(link, reader, data)
                    self._exchange.bytes_from_app += size
                    if pieces or reader.done:
                        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
                elif link.ended:
                    reader.eof()
                    return b""
                elif link.lost:
                    raise fault("upstream.reset")
                link.want()
                self._flush()
            if client.blocked:
                link.wanted = False
                deadline, late = clock() + timeouts.write, "timeout.write"
            else:
                deadline, late = self._heard + timeouts.response_idle, "timeout.response"
            upload = self._upload
            if upload is not None and not upload.step() and not (link.ended or link.lost):
                # A client may read nothing until it has sent everything, so both are waited for.
                terms = upload.terms()
                deadline, late = min((deadline, late), terms) if client.blocked else terms
            await talk.wait(deadline, late)

    def _flush(self) -> None:
        """Ask the filter for what it holds back once the app has paused for a while."""
        if self._flush_at == math.inf or self._timer is not None:
            return
        left = self._flush_at - self._talk.commons.clock()
        if left > 0.001:
            self._timer = self._talk.commons.loop.call_later(left, self._paused)
            return
        self._flush_at = math.inf
        assert self._filter is not None
        try:
            self._write(self._filter.idle(), False)
        except BodyRefused as refused:
            raise Refusal(refused.verdict, Outcome.WITHHELD) from None

    def _paused(self) -> None:
        self._timer = None
        self._talk.wake()

    def _write(self, out: bytes, last: bool) -> None:
        head = self._head
        if not (out or last) and (self._hold or not head):
            return
        if head:
            self._head = b""
            self._exchange.sent_status = self._status
        self._sent += len(out)
        if self._known is not None and (self._sent > self._known or (last and self._sent != self._known)):
            raise RuntimeError("a filter changed the length of a body whose length was sent already")
        ending = b""
        if self._chunked:
            if out:
                head += b"%x\r\n" % len(out)
                ending = b"\r\n"
            if last:
                ending += LAST_CHUNK
        self._exchange.bytes_to_client += len(head) + len(out) + len(ending)
        self._talk.client.write_parts(head, out, ending)


async def filtered_by_turns(
    talk: Conversation, exchange: Exchange, body_filter: BodyFilter, data: bytes, last: bool
) -> bytes:
    """`filtered` for a coded body, which may unfold to a thousand times its length: all others have their turns between.

    How much is given to the filter at once follows from how long it took for what it was given before.
    """
    clock = talk.commons.clock
    out: list[bytes] = []
    start, size, since = 0, _SLICE, 0.0
    while True:
        piece = data[start : start + size]
        start += size
        end = start >= len(data)
        began = clock()
        out.append(filtered(exchange, body_filter, piece, last and end, clock))
        spent = clock() - began
        if end:
            return b"".join(out)
        size = max(size // 2, _LEAST) if spent > TURN else size * 2 if spent < TURN / 4 else size
        since += spent
        if since > TURN:
            since = 0.0
            await talk.let_others()
            if talk.client.lost:
                raise fault("client.gone")
