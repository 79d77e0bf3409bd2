"""WebSocket: the handshake checked, then bytes both ways until one side ends. Frames are not looked at."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

from waf.errors import Fault
from waf.http1 import serialize
from waf.model import Exchange, Outcome, Released, Request, Response
from waf.proxy.faults import fault
from waf.proxy.stream import Stream
from waf.proxy.upstream import Link

if TYPE_CHECKING:
    from waf.proxy.downstream import Conversation

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3

ENDED_QUIETLY: Final = frozenset({"client.gone", "timeout.tunnel", "drain.deadline"})
"""Faults that are an ordinary end of a tunnel."""


def accept_of(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (RFC 6455 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def check_handshake(request: Request, response: Response) -> None:
    """`response` is a 101. Raises UpstreamFault where it was not asked for or does not answer the key."""
    if request.upgrade is None:
        raise fault("upstream.unasked-upgrade")
    headers = response.headers
    options = (headers.get(b"connection") or b"").lower().replace(b",", b" ").split()
    if (
        (headers.get(b"upgrade") or b"").lower() != request.upgrade
        or b"upgrade" not in options
        or headers.get(b"sec-websocket-accept") != accept_of(request.headers.get(b"sec-websocket-key") or b"")
    ):
        raise fault("upstream.handshake")


async def tunnel(talk: Conversation, exchange: Exchange, link: Link, released: Released) -> None:
    """Pass the released 101 on and then all bytes, both ways, with each side's pace."""
    commons, client = talk.commons, talk.client
    head = serialize.response_head(released.response, length=None, close=False, minor=1)
    exchange.sent_status = 101
    exchange.outcome = Outcome.TUNNELLED
    exchange.bytes_to_client = len(head)
    client.write(head)
    commons.stats.tunnels += 1
    idle = float(commons.timeouts.tunnel_idle)
    finished = False
    try:
        while not client.lost:
            up = _move(client, link)
            down = _move(link, client)
            exchange.bytes_from_client += up
            exchange.bytes_from_app += down
            exchange.bytes_to_client += down
            if (link.ended or link.lost) and not link.inbox:
                break
            if client.ended and not client.inbox and not finished:
                finished = True
                idle = min(idle, float(commons.timeouts.write))
                link.end()
            await _pause(talk, commons.clock() + idle)
        while client.blocked:
            await _pause(talk, commons.clock() + commons.timeouts.write)
    except Fault as error:
        if error.rule not in ENDED_QUIETLY:
            raise
        exchange.detail = error.detail
    client.close()
    talk.unread = False


async def _pause(talk: Conversation, deadline: float) -> None:
    await talk.pause(deadline)
    if talk.client.lost:
        raise fault("client.gone")
    if talk.expired:
        raise fault("timeout.tunnel")


def _move(source: Stream, sink: Stream) -> int:
    """Hand on what arrived, unless the sink is full: then the source is read no further."""
    moved = 0
    if not sink.blocked and (data := source.take()):
        sink.write(data)
        moved = len(data)
    if sink.blocked:
        source.wanted = False
    else:
        source.want()
    return moved
