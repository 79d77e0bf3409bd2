"""Model to bytes. Writes framing and hop-by-hop headers itself; everything else in wire order and wire case.

Nothing received is ever copied to the other side but the parsed target, header names, header values and
payload.
"""

from __future__ import annotations

import http
from typing import Final

import msgspec

from waf.http1.headers import CLIENT_CLAIMS, HOP_BY_HOP
from waf.model import Framing, Peer, Request, Response

LAST_CHUNK: Final = b"0\r\n\r\n"

_CONTENT_METHODS: Final = frozenset({b"POST", b"PUT", b"PATCH"})
"""Methods for which "no body" is said aloud as Content-Length: 0 (RFC 9110 8.6)."""

_FROM_REQUEST: Final = HOP_BY_HOP | {b"expect", b"proxy", b"x-request-id", b"traceparent", b"tracestate"}
_FROM_UNTRUSTED: Final = _FROM_REQUEST | CLIENT_CLAIMS


class Hop(msgspec.Struct, frozen=True, gc=False):
    """What this hop adds to a request.

    `trusted`: the peer is a proxy that we believe, so X-Forwarded-* are kept and appended to; else all that a
    client claims of the kind is dropped and written anew. `via` is our name in a Via header (b"": none).
    `traceparent` is the line to send (the client's own where valid); None sends none. `fallback_host` is the
    Host for an HTTP/1.0 request that named none.
    """

    peer: Peer
    trusted: bool = False
    via: bytes = b""
    request_id: bytes = b""
    traceparent: bytes | None = None
    fallback_host: bytes = b"localhost"


def isolates(request: Request) -> bool:
    """True where the upstream connection must not be used again after this request.

    Apps that ignore a body on methods without one would take it for the next request ("CL.0"); on a
    connection of its own there is no next request.
    """
    return (
        request.framing is not Framing.NONE
        and request.method not in _CONTENT_METHODS
        and (request.framing is Framing.CHUNKED or request.length > 0)
    )


def request_head(request: Request, hop: Hop, length: int | None) -> bytes:
    """The head to send to the app; `length` is the body's size in bytes, None for chunked. Always
    HTTP/1.1."""
    trusted = hop.trusted
    dropped = _FROM_REQUEST if trusted else _FROM_UNTRUSTED
    nominated = request.headers.get(b"connection")
    if nominated is not None and len(nominated) > 10:
        dropped = dropped.union(nominated.lower().replace(b",", b" ").split())
    out = [request.method, b" ", request.target, b" HTTP/1.1\r\n"]
    add = out.append
    for lower, name, value in request.headers.lines:
        if lower in dropped or (lower[:11] == b"x-forwarded" and not trusted):
            continue
        if lower == b"x-forwarded-for":
            continue
        add(b"%b: %b\r\n" % (name, value))
    get = request.headers.get
    if b"host" not in request.headers.index:
        add(b"Host: %b\r\n" % (request.host or hop.fallback_host))
    peer = hop.peer
    before = get(b"x-forwarded-for") if trusted else None
    address = peer.address.encode("ascii", "replace") or b"unknown"
    add(b"X-Forwarded-For: %b\r\n" % (address if not before else before + b", " + address))
    if not trusted or get(b"x-forwarded-proto") is None:
        add(b"X-Forwarded-Proto: %b\r\n" % peer.scheme.encode())
    if request.host and (not trusted or get(b"x-forwarded-host") is None):
        add(b"X-Forwarded-Host: %b\r\n" % request.host)
    if hop.request_id:
        add(b"X-Request-Id: %b\r\n" % hop.request_id)
    if hop.traceparent is not None:
        add(b"traceparent: %b\r\n" % hop.traceparent)
        if hop.traceparent == get(b"traceparent"):
            for state in request.headers.all(b"tracestate"):
                add(b"tracestate: %b\r\n" % state)
    if hop.via:
        add(b"Via: 1.%d %b\r\n" % (request.minor, hop.via))
    if request.upgrade is not None:
        add(b"Connection: Upgrade\r\nUpgrade: %b\r\n\r\n" % request.upgrade)
    elif length is None:
        add(b"Transfer-Encoding: chunked\r\n\r\n")
    elif length or request.framing is not Framing.NONE or request.method in _CONTENT_METHODS:
        add(b"Content-Length: %d\r\n\r\n" % length)
    else:
        add(b"\r\n")
    if isolates(request):
        out[-1] = b"Connection: close\r\n" + out[-1]
    return b"".join(out)


def response_head(
    response: Response,
    *,
    length: int | None,
    close: bool,
    minor: int,
    extra: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """The head to send to a client that spoke HTTP/1.`minor`; `length` None: chunked, for 1.0 until close.

    A response without a body (`framing` NONE: HEAD, 1xx, 204, 304) gets no framing; the Content-Length of an
    answer to HEAD, or of a 304, is information and goes on. `close` says that the connection ends after it.
    `extra` headers are ours and replace those of the same name.
    """
    bodiless = response.framing is Framing.NONE
    status = response.status
    dropped = HOP_BY_HOP
    nominated = response.headers.get(b"connection")
    if nominated is not None and len(nominated) > 10:
        dropped = dropped.union(nominated.lower().replace(b",", b" ").split())
    if extra:
        dropped = dropped.union(name.lower() for name, _ in extra)
    out = [b"HTTP/1.1 %d %b\r\n" % (status, response.reason)]
    out += [
        b"%b: %b\r\n" % (name, value) for lower, name, value in response.headers.lines if lower not in dropped
    ]
    out += [b"%b: %b\r\n" % line for line in extra]
    if bodiless:
        informed = response.headers.get(b"content-length")
        if informed is not None and status >= 200 and status != 204:
            out.append(b"Content-Length: %b\r\n" % informed)
    elif length is not None:
        out.append(b"Content-Length: %d\r\n" % length)
    elif minor:
        out.append(b"Transfer-Encoding: chunked\r\n")
    else:
        close = True
    if status == 101:
        chosen = response.headers.get(b"upgrade") or b"websocket"
        out.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % chosen)
    elif status >= 200 and close:
        out.append(b"Connection: close\r\n")
    elif status >= 200 and not minor:
        out.append(b"Connection: keep-alive\r\n")
    out.append(b"\r\n")
    return b"".join(out)


def chunk(data: bytes) -> bytes:
    """One chunk of payload; b"" for none, since an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def reason(status: int) -> bytes:
    """The reason phrase of a status code of ours."""
    return _REASONS.get(status, b"")


_REASONS: Final = {status.value: status.phrase.encode() for status in http.HTTPStatus}


def simple_response(
    status: int,
    body: bytes = b"",
    content_type: bytes = b"text/plain; charset=utf-8",
    *,
    close: bool,
    minor: int = 1,
    head_only: bool = False,
    extra: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """A whole answer of our own, head and body; `head_only` for HEAD."""
    out = [b"HTTP/1.1 %d %b\r\n" % (status, reason(status))]
    if status >= 200 and status != 204:
        if body:
            out.append(b"Content-Type: %b\r\n" % content_type)
        out.append(b"Content-Length: %d\r\n" % len(body))
    out += [b"%b: %b\r\n" % line for line in extra]
    if status >= 200 and close:
        out.append(b"Connection: close\r\n")
    elif status >= 200 and not minor:
        out.append(b"Connection: keep-alive\r\n")
    out.append(b"\r\n")
    if not head_only and status >= 200 and status not in (204, 304):
        out.append(body)
    return b"".join(out)
