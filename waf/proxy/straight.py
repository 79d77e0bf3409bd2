"""The straight way: an exchange of which every part is there when it is wanted, carried out by callbacks.

Nearly all exchanges are so: the request came in one piece, a connection to the app is idle, the answer comes in
one piece. They need no coroutine, and no question whether the rest has come. Two callbacks carry them out, with
the steps that `exchange` takes for all others (`steps`): `begin` when the request is there, `answered` when the answer is.
The conversation's coroutine sleeps meanwhile, between two requests. Whatever else happens (a deadline, a client
that left, an answer in parts) wakes it, and it goes on from where this way ended: `Conversation.ahead`.

Both look before they act: what they do not carry out to the end, they have not touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from waf.errors import Fault
from waf.exchange import Exchange, Outcome, begun
from waf.http1.chunks import unchunked
from waf.http1.parse import request_head, response_head
from waf.http1.seek import cut, head_size
from waf.http1.serialize import isolates
from waf.messages import Framing, Response
from waf.permission import Refused, Withheld
from waf.proxy.endings import settle
from waf.proxy.faults import Refusal
from waf.proxy.intake import JUDGED_AT_ONCE
from waf.proxy.steps import HEAD_END, IDEMPOTENT, Way, close, deliver_whole, introduce, part

if TYPE_CHECKING:
    from waf.proxy.downstream import Conversation

GATHERED: Final = 128 * 1024
"""Bytes up to which an answer of known length is gathered whole before it is judged …"""

CODED_AT_ONCE: Final = 4 * 1024
"""Bytes up to which a coded answer is judged in one step."""

PATIENCE: Final = 0.25
"""… if no more seconds pass meanwhile, or a tick of the wheel more; then it goes on in pieces, as far as it came."""

SHORT_PATIENCE: Final = 0.02
"""The same for one in chunks, to the millisecond."""

_EVENTS: Final = b"text/event-stream"
_NONE: Final = Framing.NONE  # an enum's attribute costs more than a global
_LENGTH: Final = Framing.LENGTH
_CHUNKED: Final = Framing.CHUNKED


def begin(talk: Conversation) -> bool:
    """Judge the request in the client's inbox and send it on; False where the coroutine has to, from its start."""
    client, commons = talk.client, talk.commons
    data = client.inbox
    size = len(data)
    # Nearly all end with their heads; where something else ends so, what is no head up to there is refused below.
    end = size if data.endswith(HEAD_END) else head_size(data)
    if (
        size - end > JUDGED_AT_ONCE
        or not end
        or client.blocked
        or client.ended
        or not commons.keep_alive
        or talk.served + 1 >= commons.most_requests
    ):
        return False
    clock = commons.clock
    started = clock()
    head = data if size == end else cut(data, 0, end)
    try:
        request = request_head(head, commons.limits, commons.hosts)
    except Fault:
        return False  # to be refused there
    if not request.keep_alive or request.upgrade is not None:
        return False
    framing = request.framing
    if framing is not _NONE and (
        framing is not _LENGTH or request.length != size - end or isolates(request)
        or b"content-encoding" in request.headers.index
    ):  # fmt: skip
        return False
    if framing is _NONE and size != end:
        return False  # the next request is here already
    client.inbox = b""
    client.wanted = False
    talk.resting = talk.unread = False
    commons.flow.under_way += 1
    exchange = begun(commons.ids.draw(), talk.peer, started, commons.wall())
    exchange.bytes_from_client = size
    try:
        way = introduce(talk, exchange, request, started)
        policy, plan, now = way.policy, way.plan, exchange.head_at
        body = b""
        if request.length:
            if request.length > plan.buffer and not plan.stream:
                client.inbox = data[end:]
                exchange.bytes_from_client = end
                talk.unread = True
                talk.ahead = way
                talk.wake()
                return True
            body = cut(data, end, size)
            talk.hold(request.length)
            exchange.client_body_at = now
        permission = policy.admit(exchange, body, now)
        exchange.admitted_at = now = clock()
        exchange.overhead = now - started
        if isinstance(permission, Refused):
            raise Refusal(permission.verdict, Outcome.BLOCKED)
        link = commons.pool.ready(talk, request.method in IDEMPOTENT)
        way.permission = permission
        talk.ahead = way
        if link is None:
            talk.wake()
            return True
        talk.link = link
        exchange.attempts = 1
        link.send(permission, way.hop)
        exchange.sent_upstream_at = now = clock()
    except Exception as error:
        _end(talk, exchange, settle(talk, exchange, error))
        return True
    deadline = talk.deadline = now + commons.first_byte
    if deadline < talk.fires:
        talk.wheel.watch(talk)
    return True


def answered(talk: Conversation) -> bool:
    """Judge the answer in the link's inbox and hand it on; False where the coroutine has to, from its first byte."""
    client, commons, link, way = talk.client, talk.commons, talk.link, talk.ahead
    assert way is not None
    if link is None or client.lost or not commons.keep_alive:
        return False
    data = link.inbox
    end = head_size(data)
    if not end:
        return False
    exchange = way.exchange
    request = exchange.request
    assert request is not None
    try:
        response = response_head(cut(data, 0, end), commons.limits, request.method)
    except Fault:
        return False
    size = len(data)
    if response.framing is _CHUNKED:
        payload = unchunked(data, end)
        if payload is None:
            return size < GATHERED and size < commons.flow.held and _gather_chunks(talk, way, response)
        body = payload
    elif response.framing is _LENGTH and end + response.length >= size:
        if end + response.length > size:
            # A stream takes no more than `held`: the rest of what is longer would not come before this is taken.
            fits = response.length <= GATHERED and end + response.length <= commons.flow.held
            return fits and _gather(talk, way, response)
        body = cut(data, end, size)
    else:
        return False
    if len(body) > CODED_AT_ONCE and _is_coded(response):
        return False  # it may unfold to very much
    talk.ahead = None
    link.inbox = b""
    exchange.answered_at = began = commons.clock()
    exchange.bytes_from_app = size
    exchange.response = response
    try:
        released = way.policy.release(exchange, response, body)
        if isinstance(released, Withheld):
            raise Refusal(released.verdict, Outcome.WITHHELD)
        exchange.overhead += commons.clock() - began
        keep = deliver_whole(talk, exchange, released, body, True, True)
        part(talk, exchange, link, response)
    except Exception as error:
        keep = settle(talk, exchange, error)
    _end(talk, exchange, keep)
    return True


def _gather(talk: Conversation, way: Way, response: Response) -> bool:
    """Wait for the rest of the answer, where it is to be read: a text costs less to judge whole than in pieces."""
    if response.length > CODED_AT_ONCE and _is_coded(response):
        return False
    if not way.policy.reads(way.exchange, response):
        return False
    deadline = talk.commons.clock() + PATIENCE
    if talk.deadline > deadline:
        talk.deadline = deadline
        talk.wheel.watch(talk)
    return True


def _gather_chunks(talk: Conversation, way: Way, response: Response) -> bool:
    """The same for an answer that does not say how long it is: an app that pauses may mean to be read as it writes."""
    now = talk.commons.clock()
    if way.gathers:
        return now < way.gathers
    kind = response.headers.index.get(b"content-type")
    if kind is None or kind.startswith(_EVENTS) or _is_coded(response):
        return False
    if not way.policy.reads(way.exchange, response):
        return False
    way.gathers = now + SHORT_PATIENCE
    talk.commons.loop.call_later(SHORT_PATIENCE, _enough, talk, way)
    return True


def _enough(talk: Conversation, way: Way) -> None:
    """Let the coroutine go on with what has come of an answer in chunks."""
    if talk.ahead is way:
        talk.wake()


def _is_coded(response: Response) -> bool:
    return b"content-encoding" in response.headers.index


def give_up(talk: Conversation, error: Fault) -> None:
    """End the exchange that is under way, because of `error`."""
    way, talk.ahead = talk.ahead, None
    if way is not None:
        settle(talk, way.exchange, error)
        close(talk, way.exchange)


def _end(talk: Conversation, exchange: Exchange, keep: bool) -> None:
    """The exchange has ended: rest, or wake the coroutine for whatever is to be done before the next one."""
    close(talk, exchange)
    client, commons = talk.client, talk.commons
    talk.served += 1
    talk.resting = True
    talk.parting = not keep
    talk.deadline = exchange.ended + commons.rest
    if talk.deadline < talk.fires:
        talk.wheel.watch(talk)
    if keep and not client.inbox and not client.ended and not client.blocked:
        client.want()
    else:
        talk.wake()
