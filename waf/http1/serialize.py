"""Model to bytes. Framing and hop-by-hop headers are written here; all else goes in wire order and wire case.

Nothing received is ever copied to the other side but the parsed target, names, values and payload.
"""

from __future__ import annotations

import functools
import http
from typing import Final

from waf.exchange import Peer
from waf.http1 import connection
from waf.http1.headers import CLIENT_CLAIMS, HOP_BY_HOP, OWN_TO_REQUESTS
from waf.http1.memo import Memo
from waf.http1.speed import FROM_APP, FROM_CLIENT, HEADS
from waf.messages import Framing, Request, Response
from waf.value import Value

LAST_CHUNK: Final = b"0\r\n\r\n"
"""Ends a chunked body; there are never trailers."""

Lines = tuple[tuple[bytes, bytes], ...]

_NONE: Final = Framing.NONE
_CHUNKED_FRAMING: Final = Framing.CHUNKED
_WITH_CONTENT: Final = frozenset({b"POST", b"PUT", b"PATCH"})
"""Methods that expect content, so that "none" is said aloud as Content-Length: 0 (RFC 9110 8.6)."""

_write: Final = HEADS.write if HEADS is not None else None
_CHUNKED: Final = (b"\r\nTransfer-Encoding: chunked\r\n\r\n",)
_ENDED: Final = (b"\r\n\r\n",)
_OWN_OPTIONS: Final = frozenset({None, b"keep-alive", b"Keep-Alive", b"close", b"Close"})
"""Connection headers that nominate no field, as nearly everybody writes them."""

_NOT_TO_APP: Final = HOP_BY_HOP | OWN_TO_REQUESTS
_from_trusted: Final = Memo(lambda name: name not in _NOT_TO_APP, capacity=4096, longest=64)
_from_client: Final = Memo(
    lambda name: _from_trusted[name] and name not in CLIENT_CLAIMS and not name.startswith(b"x-forwarded-"),
    capacity=4096,
    longest=64,
)
_from_app: Final = Memo(lambda name: name not in HOP_BY_HOP, capacity=4096, longest=64)
"""Lower-case name -> whether a header of that name goes on."""


class Hop(Value):
    """What this hop adds to a request.

    `trusted`: the peer is a proxy that we believe, so X-Forwarded-* are kept and appended to; else all that
    a client claims of the kind is dropped and written anew. `via` is our name in a Via header (b"": none).
    `traceparent` is the line to send (the client's own where `forwarding.traceparent` gives it; then its
    tracestate goes along); None sends none. `fallback_host` is the Host for an HTTP/1.0 request without one.
    """

    __slots__ = ("peer", "trusted", "via", "request_id", "traceparent", "fallback_host")  # noqa: RUF023

    def __init__(
        self,
        peer: Peer,
        trusted: bool = False,
        via: bytes = b"",
        request_id: bytes = b"",
        traceparent: bytes | None = None,
        fallback_host: bytes = b"localhost",
    ) -> None:
        self.peer = peer
        self.trusted = trusted
        self.via = via
        self.request_id = request_id
        self.traceparent = traceparent
        self.fallback_host = fallback_host


def to_app(peer: Peer, trusted: bool, request_id: bytes, traceparent: bytes) -> Hop:
    """What `Hop(peer, trusted, b"", request_id, traceparent)` gives, at less cost: compiled, it calls nothing."""
    made = Hop.__new__(Hop)
    made.peer = peer
    made.trusted = trusted
    made.via = b""
    made.request_id = request_id
    made.traceparent = traceparent
    made.fallback_host = b"localhost"
    return made


def isolates(request: Request) -> bool:
    """True where the connection to the app must not be used again after this request.

    An app that ignores the body of a method that mostly has none would take it for the next request ("CL.0");
    on a connection of its own there is no next request. `request_head` says `Connection: close` then.
    """
    return request.framing is not _NONE and request.method not in _WITH_CONTENT and not _is_empty(request)


def announces(response: Response) -> bool:
    """True where a response that has no body (to HEAD, or 304) names the framing of one.

    An app that sends it all the same would answer the next request on that connection with it.
    """
    header = response.headers.index.get
    return response.framing is _NONE and (
        header(b"content-length", b"0") != b"0" or header(b"transfer-encoding") is not None
    )


def _is_empty(request: Request) -> bool:
    return request.framing is not _CHUNKED_FRAMING and not request.length


def request_head(request: Request, hop: Hop, length: int | None) -> bytes:
    """The head to send to the app, always HTTP/1.1; `length` is the body's size in bytes, None: chunked.

    What `any_request_head` gives; heads of the plain form are written in C.
    """
    if _write is not None and not hop.trusted and not hop.via and request.upgrade is None:
        head = _plain_request(request, hop, length)
        if head is not None:
            return head
    return any_request_head(request, hop, length)


def _plain_request(request: Request, hop: Hop, length: int | None) -> bytes | None:
    """The head for an ordinary request of a client that is not believed; None where it is not ordinary."""
    assert _write is not None
    headers = request.headers
    index = headers.index
    framed = request.framing is not _NONE
    if (
        index.get(b"connection") not in _OWN_OPTIONS
        or b"host" not in index
        or b"tracestate" in index
        or not (request.host and hop.request_id)
        or hop.traceparent is None
        or (framed and request.method not in _WITH_CONTENT)
    ):
        return None
    framing: tuple[bytes | int, ...]
    if length is None:
        framing = _CHUNKED
    elif length or framed or request.method in _WITH_CONTENT:
        framing = (b"\r\nContent-Length: ", length, b"\r\n\r\n")
    else:
        framing = _ENDED
    peer = hop.peer
    return _write(
        False,
        (request.method, b" ", request.target, b" HTTP/1.1\r\n"),
        headers.lines,
        FROM_CLIENT,
        (
            _forwarded(peer.address, peer.scheme),
            b"X-Forwarded-Host: ",
            request.host,
            b"\r\nX-Request-Id: ",
            hop.request_id,
            b"\r\ntraceparent: ",
            hop.traceparent,
            *framing,
        ),
    )


@functools.lru_cache(maxsize=1024)
def _forwarded(address: str, scheme: str) -> bytes:
    """X-Forwarded-For and -Proto of a client that is not believed."""
    proto = b"https" if scheme == "https" else b"http"
    return b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\n" % (_spelled(address), proto)


def _spelled(address: str) -> bytes:
    return address.encode("ascii", "replace") or b"unknown"


def any_request_head(request: Request, hop: Hop, length: int | None) -> bytes:
    """The same for whatever request; the reference."""
    headers = request.headers
    header = headers.index.get
    lines = headers.lines
    if (value := header(b"connection")) is not None and (dropped := connection.nominated(value)):
        lines = tuple(line for line in lines if line[0] not in dropped)
    keeps = _from_trusted if hop.trusted else _from_client
    out = [request.method, b" ", request.target, b" HTTP/1.1\r\n"]
    for lower, name, value in lines:
        if keeps[lower]:
            out += (name, b": ", value, b"\r\n")
    if header(b"host") is None:
        out.append(b"Host: %b\r\n" % (request.host or hop.fallback_host))
    _add_forwarded(out, request, hop)
    if hop.request_id:
        out += (b"X-Request-Id: ", hop.request_id, b"\r\n")
    if hop.traceparent is not None:
        out += (b"traceparent: ", hop.traceparent, b"\r\n")
        if hop.traceparent == header(b"traceparent"):
            out += [b"tracestate: %b\r\n" % state for state in headers.all(b"tracestate")]
    if hop.via:
        out.append(b"Via: 1.%d %b\r\n" % (request.minor, hop.via))

    if request.upgrade is not None:
        out.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % request.upgrade)
    elif length is None:
        out.append(b"Transfer-Encoding: chunked\r\n")
    elif length or request.framing is not _NONE or request.method in _WITH_CONTENT:
        out.append(b"Content-Length: %d\r\n" % length)
    if request.framing is not _NONE and isolates(request):
        out.append(b"Connection: close\r\n")
    out.append(b"\r\n")
    return b"".join(out)


def _add_forwarded(out: list[bytes], request: Request, hop: Hop) -> None:
    """X-Forwarded-For, -Proto and -Host (and Forwarded, where a trusted proxy began it)."""
    header = request.headers.index.get
    peer = hop.peer
    address = _spelled(peer.address)
    before = header(b"x-forwarded-for") if hop.trusted else None
    if before:
        out += (b"X-Forwarded-For: ", before, b", ", address, b"\r\n")
    else:
        out += (b"X-Forwarded-For: ", address, b"\r\n")
    if not hop.trusted or header(b"x-forwarded-proto") is None:
        out.append(
            b"X-Forwarded-Proto: https\r\n" if peer.scheme == "https" else b"X-Forwarded-Proto: http\r\n"
        )
    if request.host and (not hop.trusted or header(b"x-forwarded-host") is None):
        out += (b"X-Forwarded-Host: ", request.host, b"\r\n")
    if hop.trusted and (said := request.headers.all(b"forwarded")):
        node = b'"[%b]"' % address if b":" in address else address
        out += (b"Forwarded: ", b", ".join(said), b", for=", node, b"\r\n")


def response_head(
    response: Response,
    length: int | None,
    close: bool,
    minor: int,
    extra: Lines = (),
    request_id: bytes = b"",
) -> bytes:
    """The head to send to a client that spoke HTTP/1.`minor`.

    `length` is the body's size in bytes; None means chunked, and to an HTTP/1.0 client until close. A
    response without a body (`framing` NONE: to HEAD, 1xx, 204, 304) gets no framing; what Content-Length says
    of an answer to HEAD or of a 304 is information, and goes on. `close`: the connection ends after it.
    `extra` headers are ours and replace those of the same name; `request_id` is told where the app told none. What `any_response_head` gives; heads of the plain
    form are written in C.
    """
    if (
        _write is not None
        and length is not None
        and not extra
        and minor
        and response.framing is not _NONE
        and response.status >= 200
        and response.headers.index.get(b"connection") in _OWN_OPTIONS
    ):
        ending = b"\r\nConnection: close\r\n\r\n" if close else b"\r\n\r\n"
        after: tuple[bytes | int, ...]
        if request_id and b"x-request-id" not in response.headers.index:
            after = (b"X-Request-Id: ", request_id, b"\r\nContent-Length: ", length, ending)
        else:
            after = (b"Content-Length: ", length, ending)
        head = _write(
            True,
            (b"HTTP/1.1 ", response.status, b" ", response.reason, b"\r\n"),
            response.headers.lines,
            FROM_APP,
            after,
        )
        if head is not None:
            return head
    return any_response_head(
        response, length=length, close=close, minor=minor, extra=extra, request_id=request_id
    )


def any_response_head(
    response: Response,
    *,
    length: int | None,
    close: bool,
    minor: int,
    extra: Lines = (),
    request_id: bytes = b"",
) -> bytes:
    """The same for whatever response; the reference."""
    headers = response.headers
    header = headers.index.get
    lines = headers.lines
    status = response.status
    dropped = connection.nominated(header(b"connection"))
    if extra:
        dropped = dropped.union([name.lower() for name, _ in extra])
    if dropped:
        lines = tuple(line for line in lines if line[0] not in dropped)
    keeps = _from_app
    out = [b"HTTP/1.1 %d " % status, response.reason, b"\r\n"]
    for lower, name, value in lines:
        if keeps[lower]:
            out += (name, b": ", value, b"\r\n")
    for name, value in extra:
        out += (name, b": ", value, b"\r\n")
    if request_id and status >= 200 and header(b"x-request-id") is None:
        out += (b"X-Request-Id: ", request_id, b"\r\n")

    if response.framing is _NONE:
        informed = header(b"content-length")
        if informed is not None and status >= 200 and status != 204:
            out += (b"Content-Length: ", informed, b"\r\n")
    elif length is not None:
        out.append(b"Content-Length: %d\r\n" % length)
    elif minor:
        out.append(b"Transfer-Encoding: chunked\r\n")
    else:
        close = True
    if status == 101:
        out += (b"Connection: Upgrade\r\nUpgrade: ", header(b"upgrade") or b"websocket", b"\r\n")
    else:
        out.append(_persistence(status, close, minor))
    out.append(b"\r\n")
    return b"".join(out)


def _persistence(status: int, close: bool, minor: int) -> bytes:
    """The Connection line: said where it is not the version's default, never on an interim response."""
    if status < 200:
        return b""
    if close:
        return b"Connection: close\r\n"
    return b"" if minor else b"Connection: keep-alive\r\n"


def chunk(data: bytes) -> bytes:
    """One chunk of payload; b"" for none, since an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def reason(status: int) -> bytes:
    """The reason phrase of a status of ours; b"" for one without."""
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
    extra: Lines = (),
) -> bytes:
    """A whole answer of our own, head and body; `head_only` for the answer to HEAD.

    1xx, 204 and 304 get neither body nor Content-Length, whatever `body` is.
    """
    with_body = status >= 200 and status not in (204, 304)
    out = [b"HTTP/1.1 %d %b\r\n" % (status, reason(status))]
    if with_body:
        if body:
            out.append(b"Content-Type: %b\r\n" % content_type)
        out.append(b"Content-Length: %d\r\n" % len(body))
    out += [b"%b: %b\r\n" % line for line in extra]
    out += (_persistence(status, close, minor), b"\r\n")
    if with_body and not head_only:
        out.append(body)
    return b"".join(out)
