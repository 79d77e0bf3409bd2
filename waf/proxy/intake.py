"""Request bodies: taken whole up to the plan's measure, or streamed on in inspected windows.

Owns the patience with a slow client. A body that was not admitted goes nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from waf.http1 import framing
from waf.http1.framing import BodyReader, ChunkedBody
from waf.model import Admitted, BodyPlan, BodyRefused, Exchange, Framing, Outcome, Refused, Request
from waf.proxy.commons import JUDGED_IN_THREAD, PolicyLike
from waf.proxy.faults import Refusal, fault
from waf.proxy.replies import CONTINUE
from waf.proxy.upstream import Link

if TYPE_CHECKING:
    from waf.proxy.downstream import Conversation

JUDGED_AT_ONCE: Final = 16 * 1024
"""Bodies up to this many bytes take so little time to judge that what waits to be sent may wait on."""

DENSE: Final = 64
"""Bytes: chunks shorter than that on average cost more time than the rest of their request …"""

SLICE: Final = 16 * 1024
"""… so of a body in such chunks this many bytes are read before others have their turn: some 3 ms."""

RATE_GRACE: Final = 20.0
"""Seconds of waiting for a body before the least rate counts (Apache's mod_reqtimeout has the same)."""


class Inflow:
    """A request body as it arrives. Only time spent waiting for the client counts against it."""

    __slots__ = ("_exchange", "_reader", "_received", "_since", "_talk", "_waited", "dense", "done")

    def __init__(self, talk: Conversation, exchange: Exchange, reader: BodyReader) -> None:
        self._talk = talk
        self._exchange = exchange
        self._reader = reader
        self._received = 0
        self._waited = 0.0
        self._since = 0.0  # when we began to wait, 0.0 = we do not
        self.done = reader.done
        self.dense = True  # chunks seem to be short; nothing was seen of them yet

    def draw(self) -> bytes:
        """The payload that is here now, perhaps none; sets `done` and `dense`. Raises ClientFault."""
        talk = self._talk
        talk.client.wanted = False  # until `terms` asks for more
        data = talk.client.take()
        if not data:
            if talk.client.ended or talk.client.lost:
                raise fault("client.gone-early")
            return b""
        if self._since:
            self._waited += talk.commons.clock() - self._since
            self._since = 0.0
        reader = self._reader
        if self.dense and len(data) > SLICE and type(reader) is ChunkedBody:
            pieces = reader.feed(data[:SLICE])
            if pieces or reader.done:
                talk.client.inbox = data[SLICE:]
                data = data[:SLICE]
            else:
                pieces = reader.feed(data[SLICE:])
        else:
            pieces = reader.feed(data)
        self.dense = len(pieces) * DENSE > len(data)
        self._received += len(data)
        self._exchange.bytes_from_client += len(data)
        if reader.done:
            self.done = True
            excess = reader.excess
            if excess:
                talk.client.inbox = excess + talk.client.inbox
                self._exchange.bytes_from_client -= len(excess)
            talk.unread = False
            self._exchange.client_body_at = talk.commons.clock()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def terms(self) -> tuple[float, str]:
        """Ask for more; until when it is waited for, and what it is called when it does not come."""
        talk = self._talk
        timeouts = talk.commons.timeouts
        talk.client.want()
        if not self._since:
            self._since = talk.commons.clock()
        stalled = self._since + timeouts.body_idle
        if timeouts.body_rate:
            slow = self._since + RATE_GRACE + self._received / timeouts.body_rate - self._waited
            if slow < stalled:
                return slow, "timeout.body-rate"
        return stalled, "timeout.body"


class Upload:
    """A body on its way to the app. `step` moves what can be moved now: answers may come meanwhile."""

    __slots__ = ("_exchange", "_first", "_inflow", "_link", "_talk", "done", "length")

    def __init__(
        self, talk: Conversation, exchange: Exchange, inflow: Inflow, first: bytes, length: int | None
    ):
        self._talk = talk
        self._exchange = exchange
        self._inflow = inflow
        self._first = first
        self._link: Link | None = None
        self.length = length  # None: chunked
        self.done = False

    def start(self, link: Link) -> None:
        """The head was sent on `link`."""
        self._link = link
        self.step()

    def step(self) -> bool:
        """True when all of it went. Raises Refusal and ClientFault."""
        inflow, link = self._inflow, self._link
        assert link is not None
        while not self.done:
            if link.blocked or link.lost or link.ended:
                self._talk.client.wanted = False
                return False
            data, self._first = self._first, b""
            if not inflow.done:
                data = data + inflow.draw() if data else inflow.draw()
            if not data and not inflow.done:
                return False
            self._push(link, data, inflow.done)
            if self._talk.held:
                self._talk.let_go()
        return True

    def _push(self, link: Link, data: bytes, last: bool) -> None:
        clock = self._talk.commons.clock
        began = clock()
        try:
            link.push(data, last)
        except BodyRefused as refused:
            raise Refusal(refused.verdict, Outcome.BLOCKED) from None
        finally:
            self._exchange.overhead += clock() - began
        self.done = last

    def terms(self) -> tuple[float, str]:
        """Until when to wait before the next step, and the name of the fault after that."""
        assert self._link is not None
        if self._link.blocked:
            return self._talk.commons.clock() + self._talk.commons.timeouts.write, "timeout.upstream-write"
        return self._inflow.terms()


def _weight(request: Request, body: bytes, ratio: int) -> int:
    """Bytes that may have to be judged: a coded body unfolds to `ratio` times its length."""
    return len(body) * ratio if b"content-encoding" in request.headers.index else len(body)


async def take_body(
    talk: Conversation, exchange: Exchange, request: Request, policy: PolicyLike, plan: BodyPlan
) -> tuple[Admitted | Refused, Upload | None]:
    """Read the body as planned and have it judged; with an upload where it is to be streamed."""
    commons = talk.commons
    reader = framing.request_body(request, commons.limits)
    known = request.framing is Framing.LENGTH
    streams = plan.stream
    if known and request.length > plan.buffer and not streams:
        if plan.over == "block":
            raise fault("limit.body")
        streams = True
    if request.expects_continue and not talk.client.inbox and not reader.done:
        talk.client.write(CONTINUE)
    inflow = Inflow(talk, exchange, reader)
    body: bytes | bytearray = b""
    while not (streams or inflow.done):
        data = inflow.draw()
        if data:
            if body:  # not a list of pieces: each may be a single byte
                body = body if isinstance(body, bytearray) else bytearray(body)
                body += data
            else:
                body = data
            talk.hold(len(data))
            if len(body) > plan.buffer:
                if plan.over == "block":
                    raise fault("limit.body")
                streams = True
            if inflow.dense and talk.client.inbox:
                await talk.let_others()
        elif not inflow.done:
            await talk.wait(*inflow.terms())
    body = bytes(body)
    if len(body) > JUDGED_AT_ONCE:
        commons.flow.flush()  # let nobody's answer wait for our judgement
    began = commons.clock()
    answer: Admitted | Refused
    if streams:
        answer = policy.admit_stream(exchange, began)
    elif _weight(request, body, commons.limits.ratio) > JUDGED_IN_THREAD:
        answer = await talk.settled(
            commons.loop.run_in_executor(commons.judge, policy.admit, exchange, body, began)
        )
        if talk.client.lost:
            raise fault("client.gone")
    else:
        answer = policy.admit(exchange, body, began)
    exchange.overhead += commons.clock() - began
    if not streams or isinstance(answer, Refused):
        return answer, None
    return answer, Upload(talk, exchange, inflow, body, request.length if known else None)
