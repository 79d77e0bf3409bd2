"""The straight path of one exchange, from the first byte of its head to its record.

Owns the order of the steps, and that every exchange ends in at most one answer and exactly one record. Each
way out leads through `conduct`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from waf.exchange import Exchange
from waf.http1 import arrival, parse
from waf.http1.serialize import Hop
from waf.model import (
    Admitted,
    Framing,
    Outcome,
    Refused,
    Request,
    Response,
    Withheld,
)
from waf.proxy.endings import settle
from waf.proxy.faults import Refusal, fault
from waf.proxy.intake import Upload, take_body
from waf.proxy.relay import deliver
from waf.proxy.steps import HEAD_END, IDEMPOTENT, Way, close, introduce, part
from waf.proxy.tunnel import check_handshake, tunnel
from waf.proxy.upstream import Link

if TYPE_CHECKING:
    from waf.proxy.downstream import Conversation

_NONE: Final = Framing.NONE  # an enum's attribute costs more than a global
_LENGTH: Final = Framing.LENGTH

INTERIM_MOST: Final = 16
"""How many 1xx answers the app may send before its answer; we pass none of them on."""


async def conduct(talk: Conversation) -> bool:
    """Carry out the exchange whose first byte is in the client's inbox, or go on with the one that was sent ahead;
    True where another may follow it."""
    commons = talk.commons
    ahead, talk.ahead = talk.ahead, None
    if ahead is None:
        commons.flow.under_way += 1
        exchange = Exchange(commons.ids.draw(), talk.peer, commons.clock(), commons.wall())
        talk.unread = True
    else:
        exchange = ahead.exchange
    try:
        if ahead is None:
            return await _walk(talk, exchange)
        if ahead.permission is None:
            return await _take(talk, ahead)
        return await _carry(talk, ahead, ahead.permission, None)
    except Exception as error:
        return settle(talk, exchange, error)
    finally:
        close(talk, exchange)


async def _walk(talk: Conversation, exchange: Exchange) -> bool:
    client, commons = talk.client, talk.commons
    clock = commons.clock
    began = exchange.started

    inbox = client.inbox
    end = inbox.find(HEAD_END) + 4
    if end == 3:
        end = await _rest_of_head(talk, exchange)
        began = clock()
        inbox = client.inbox
    if len(inbox) == end:
        head, client.inbox = inbox, b""
    else:
        head, client.inbox = inbox[:end], inbox[end:]
    client.wanted = False  # until a body is asked for
    exchange.bytes_from_client = end

    request = parse.request_head(head, commons.limits, commons.hosts)
    if request.upgrade is not None and not commons.websocket:
        request = request.altered(upgrade=None)
    talk.unread = request.framing is not _NONE
    way = introduce(talk, exchange, request, began)
    if request.framing is not _NONE and (request.framing is not _LENGTH or request.length):
        exchange.overhead = clock() - began
        return await _take(talk, way)
    talk.unread = False
    permission = way.policy.admit(exchange, b"", exchange.head_at)
    exchange.admitted_at = now = clock()
    exchange.overhead = now - began
    if isinstance(permission, Refused):
        raise Refusal(permission.verdict, Outcome.BLOCKED)
    return await _carry(talk, way, permission, None)


async def _take(talk: Conversation, way: Way) -> bool:
    """Have the body judged that the plan asks for, and go on."""
    exchange = way.exchange
    assert exchange.request is not None
    permission, upload = await take_body(talk, exchange, exchange.request, way.policy, way.plan)
    exchange.admitted_at = talk.commons.clock()
    if isinstance(permission, Refused):
        raise Refusal(permission.verdict, Outcome.BLOCKED)
    return await _carry(talk, way, permission, upload)


async def _carry(talk: Conversation, way: Way, permission: Admitted, upload: Upload | None) -> bool:
    """The second half: to the app with what was admitted (where it is not there yet), and back with the answer."""
    client, commons, exchange = talk.client, talk.commons, way.exchange
    clock = commons.clock
    request = permission.request
    link, response = await _ask(talk, exchange, permission, way.hop, upload)
    began = exchange.answered_at
    exchange.response = response
    if response.status == 101:
        check_handshake(request, response)
    whole = None
    if response.framing is _LENGTH:
        if len(link.inbox) == response.length:
            whole = link.inbox
    elif response.framing is _NONE:
        whole = b""
    released = way.policy.release(exchange, response, whole)
    if isinstance(released, Withheld):
        raise Refusal(released.verdict, Outcome.WITHHELD)
    exchange.overhead += clock() - began
    if response.status == 101:
        await tunnel(talk, exchange, link, released)
        return False
    keep = await deliver(talk, exchange, request, link, response, released, upload)
    part(talk, exchange, link, response, upload)
    while client.blocked:
        await talk.wait(clock() + commons.timeouts.write, "timeout.write")
    return keep


async def _rest_of_head(talk: Conversation, exchange: Exchange) -> int:
    """Where the head ends, once all of it is here."""
    client, commons = talk.client, talk.commons
    deadline = exchange.started + commons.timeouts.head
    scanned = 0
    while True:
        exchange.bytes_from_client = len(client.inbox)
        end = arrival.request_head_end(client.inbox, scanned, commons.limits)
        if end is not None:
            return end
        scanned = len(client.inbox)
        if client.ended or client.lost:
            raise fault("client.gone-early")
        client.want()  # its beginning may have come with the request before, while nobody wanted it
        await talk.pause(deadline)
        if talk.expired and len(client.inbox) == scanned:
            raise fault("timeout.head")


async def _ask(
    talk: Conversation, exchange: Exchange, permission: Admitted, hop: Hop, upload: Upload | None
) -> tuple[Link, Response]:
    """Send what was admitted and read the head of the answer; once more where the connection was stale."""
    commons = talk.commons
    pool = commons.pool
    repeatable = upload is None and permission.request.method in IDEMPOTENT
    length = None if upload is None else upload.length
    link = talk.link
    sent = link is not None
    if link is None:
        link = pool.ready(talk, repeatable)
    while True:
        if link is None:
            link = await pool.connect(talk, talk.client)
            if link.reused and link.stirs():  # while it changed hands
                link.owner = None
                link.unasked()
                link = None
                continue
        if not sent:
            talk.link = link
            exchange.attempts += 1
            link.send(permission, hop, length)
            exchange.sent_upstream_at = commons.clock()
        sent = False
        if upload is not None:
            upload.start(link)
        response = await _answer(talk, exchange, permission.request, link, upload)
        if response is not None:
            return link, response
        if not (repeatable and link.reused and exchange.attempts == 1):
            raise fault("upstream.reset")
        talk.drop_link()
        commons.stats.retries += 1
        link = None


async def _answer(
    talk: Conversation, exchange: Exchange, request: Request, link: Link, upload: Upload | None
) -> Response | None:
    """The head of the app's answer; None where it closed before a byte of one came. Interim answers are
    dropped."""
    commons = talk.commons
    first_byte = commons.first_byte
    deadline = exchange.sent_upstream_at + first_byte
    scanned = interim = 0
    while True:
        inbox = link.inbox
        if len(inbox) > scanned:
            end = inbox.find(HEAD_END) + 4 if not scanned else 3
            if end == 3:
                end = arrival.response_head_end(inbox, scanned) or 0
            if end:
                exchange.answered_at = commons.clock()
                exchange.bytes_from_app += end
                response = parse.response_head(inbox[:end], commons.limits, request.method)
                link.inbox = inbox[end:]
                if response.status >= 200 or response.status == 101:
                    return response
                interim += 1
                if interim > INTERIM_MOST:
                    raise fault("upstream.interim-flood")
                commons.stats.interim_dropped += 1
                scanned = 0
                continue
            scanned = len(inbox)
        if link.ended or link.lost:
            if inbox or interim:
                raise fault("upstream.reset")
            return None
        if upload is not None and not upload.done:
            if not upload.step():
                await talk.wait(*upload.terms())
                continue
            deadline = commons.clock() + first_byte
        await talk.wait(deadline, "timeout.first-byte")
