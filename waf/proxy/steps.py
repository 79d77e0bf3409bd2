"""Steps that an exchange takes on both ways, the straight one and the coroutine's. None of them waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from waf.exchange import Exchange, Outcome
from waf.findings import PASSED, Action, joined
from waf.http1.forwarding import traceparent as trace_of
from waf.http1.serialize import Hop, announces, isolates, response_head, to_app
from waf.messages import Framing, Request, Response
from waf.permission import Admitted, BodyFilter, BodyPlan, BodyRefused, Refused, Released
from waf.proxy.commons import PolicyLike
from waf.proxy.faults import Refusal
from waf.proxy.intake import Upload
from waf.proxy.upstream import Link

if TYPE_CHECKING:
    from waf.proxy.downstream import Conversation

IDEMPOTENT: Final = frozenset(
    {b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"PROPFIND", b"REPORT", b"SEARCH", b"QUERY"}
)
"""Methods of requests that may be sent again where nothing came back (RFC 9110 9.2.2)."""

HEAD_END: Final = b"\r\n\r\n"

_NONE: Final = Framing.NONE  # an enum's attribute costs more than a global


class Way:
    """An exchange whose head was read, with what was decided of it so far.

    Without `permission` its body is to be taken as planned; with it, it was sent where the conversation has a link. Until
    `gathers` it is waited for the rest of an answer in chunks.
    """

    __slots__ = ("exchange", "gathers", "hop", "permission", "plan", "policy")

    def __init__(
        self,
        exchange: Exchange,
        policy: PolicyLike,
        hop: Hop,
        plan: BodyPlan,
        permission: Admitted | None = None,
    ) -> None:
        self.exchange = exchange
        self.policy = policy
        self.hop = hop
        self.plan = plan
        self.permission = permission
        self.gathers = 0.0


def introduce(talk: Conversation, exchange: Exchange, request: Request, began: float) -> Way:
    """Note whose request it is and under which trace it goes, and ask the policy in force what is to become of it.

    Raises Refusal where the head is enough; `began` is when our own time with it began.
    """
    commons = talk.commons
    exchange.request = request
    if commons.trusts:
        exchange.peer = talk.believed(request)
    request_id = exchange.id.encode()
    traceparent = trace_of(request.headers) if b"traceparent" in request.headers.index else None
    if traceparent is None:
        exchange.trace_id = exchange.id
        traceparent = b"".join((b"00-", request_id, b"-", request_id[:16], b"-01"))
    else:
        exchange.trace_id = traceparent[3:35].decode()
    policy = commons.policy()
    exchange.policy_version = policy.version
    exchange.generation = policy.generation
    exchange.head_at = now = commons.clock()
    plan = policy.plan(exchange, now)
    if isinstance(plan, Refused):
        exchange.overhead = commons.clock() - began
        raise Refusal(plan.verdict, Outcome.BLOCKED)
    way = Way.__new__(Way)  # compiled, this calls nothing
    way.exchange = exchange
    way.policy = policy
    way.hop = to_app(exchange.peer, talk.trusted, request_id, traceparent)
    way.plan = plan
    way.permission = None
    way.gathers = 0.0
    return way


def deliver_whole(
    talk: Conversation,
    exchange: Exchange,
    released: Released,
    data: bytes,
    keep: bool,
    at_once: bool = False,
) -> bool:
    """Send an answer whose payload `data` is here whole, through its filter where it has one. Raises Refusal.

    `at_once`: nothing but the answer's own end depends on whether the client takes it.
    """
    if released.whole is not None:
        data = released.whole
    elif (body_filter := released.body) is not None:
        data = filtered(exchange, body_filter, data, True, talk.commons.clock)
        note(exchange, body_filter)
    request, response = exchange.request, released.response
    assert request is not None
    head = response_head(response, len(data), not keep, request.minor, (), exchange.id.encode())
    exchange.sent_status = response.status
    exchange.bytes_to_client = len(head) + len(data)
    if at_once:
        talk.client.write_whole(head, data)
    else:
        talk.client.write_parts(head, data)
    return keep


def filtered(
    exchange: Exchange, body_filter: BodyFilter, data: bytes, last: bool, clock: Callable[[], float]
) -> bytes:
    """What of `data` may go on; the time is ours. Raises Refusal."""
    began = clock()
    try:
        out = body_filter.feed(data) if data else b""
        return out + body_filter.finish() if last else out
    except BodyRefused as refused:
        raise Refusal(refused.verdict, Outcome.WITHHELD) from None
    finally:
        exchange.overhead += clock() - began


def note(exchange: Exchange, body_filter: BodyFilter) -> None:
    """Keep what the filter found."""
    verdict = body_filter.verdict()
    if verdict is not PASSED:
        exchange.response_verdict = joined(exchange.response_verdict, verdict)  # the head has one of its own


def part(
    talk: Conversation, exchange: Exchange, link: Link, response: Response, upload: Upload | None = None
) -> None:
    """The answer is on its way: let go of the connection to the app, and say how the exchange ended."""
    request = exchange.request
    assert request is not None
    if response.keep_alive and not talk.unread and _ended_exactly(request, response, link, upload):
        talk.link = None
        talk.commons.pool.give(link, response)
    if exchange.verdict is not PASSED or exchange.response_verdict is not PASSED:
        actions = (exchange.verdict.action, exchange.response_verdict.action)
        exchange.outcome = Outcome.REDACTED if Action.REDACT in actions else Outcome.FORWARDED


def _ended_exactly(request: Request, response: Response, link: Link, upload: Upload | None) -> bool:
    """True where nothing of this exchange is left on the connection to the app, neither way.

    An app may answer before it has read the body: what we still hold of it would come before the next
    request.
    """
    if link.inbox:
        return False
    if request.framing is not _NONE and (
        (upload is not None and not upload.done) or link.unsent or isolates(request)
    ):
        return False
    return response.framing is not _NONE or not announces(response)


def close(talk: Conversation, exchange: Exchange) -> None:
    """Give back what the exchange held, and have it recorded."""
    if talk.link is not None:
        talk.drop_link()
    if talk.held:
        talk.let_go()
    talk.commons.finish(exchange)
