"""How the tests read a byte stream: by our parser as the proxy drives it, and by two foreign parsers.

The foreign ones (h11, and llhttp through httptools) are oracles: what we accept they must accept and read
alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import h11
import httptools

from waf.config.schema import Limits
from waf.http1 import arrival, framing, parse, serialize
from waf.model import Framing, Peer, Request, Response

LIMITS = Limits()
PEER = Peer(address="192.0.2.7", port=40000, client="192.0.2.7", scheme="http")
HOP = serialize.Hop(PEER)


@dataclass(frozen=True)
class Got:
    """A message as one of the parsers reads it. `complete` is False where bytes are missing at the end."""

    start: tuple[bytes, ...]
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    rest: bytes = b""
    complete: bool = True


@dataclass
class Incoming:
    """A stream that arrives in pieces; `pieces` are the cuts."""

    pieces: Iterator[bytes]
    buffer: bytes = b""

    def more(self) -> bool:
        piece = next(self.pieces, None)
        if piece is None:
            return False
        self.buffer += piece
        return True


def whole(data: bytes) -> list[bytes]:
    return [data]


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def in_threes(data: bytes) -> list[bytes]:
    return [data[i : i + 3] for i in range(0, len(data), 3)]


CUTS = (whole, bytewise, in_threes)


@dataclass(frozen=True)
class OurRequest:
    """None for `request`: the head never came to an end (and was not refused either)."""

    request: Request | None
    payload: bytes = b""
    rest: bytes = b""
    complete: bool = False


@dataclass(frozen=True)
class OurResponse:
    response: Response | None
    payload: bytes = b""
    rest: bytes = b""
    complete: bool = False


def read_request(pieces: Iterable[bytes], limits: Limits = LIMITS, **more: object) -> OurRequest:
    """Reads one request as the proxy does. Raises whatever the parser raises."""
    stream = Incoming(iter(pieces))
    scanned = 0
    while (end := arrival.request_head_end(stream.buffer, scanned, limits)) is None:
        scanned = len(stream.buffer)
        if not stream.more():
            return OurRequest(None)
    request = parse.request_head(stream.buffer[:end], limits, **more)  # type: ignore[arg-type]
    payload, rest, complete = _read_body(framing.request_body(request, limits), stream, end)
    return OurRequest(request, payload, rest, complete)


def read_response(
    pieces: Iterable[bytes], method: bytes = b"GET", limits: Limits = LIMITS, *, closed: bool = False
) -> OurResponse:
    """Reads one response as the proxy does; `closed`: the app closes after the last piece."""
    stream = Incoming(iter(pieces))
    scanned = 0
    while (end := arrival.response_head_end(stream.buffer, scanned)) is None:
        scanned = len(stream.buffer)
        if not stream.more():
            return OurResponse(None)
    response = parse.response_head(stream.buffer[:end], limits, method)
    reader = framing.response_body(response, limits)
    payload, rest, complete = _read_body(reader, stream, end, closed=closed)
    return OurResponse(response, payload, rest, complete)


def _read_body(
    reader: framing.BodyReader, stream: Incoming, end: int, *, closed: bool = False
) -> tuple[bytes, bytes, bool]:
    payload = b"".join(reader.feed(stream.buffer[end:]))
    stream.buffer = b""
    while stream.more():
        payload += b"".join(reader.feed(stream.buffer))
        stream.buffer = b""
    if closed:
        reader.eof()
    return payload, reader.excess, reader.done


# ---------------------------------------------------------------------------------------------------- oracles


class Refused(Exception):
    """An oracle does not take the message."""


def fields_of(message: Request | Response) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((lower, value) for lower, _, value in message.headers.lines)


def h11_request(data: bytes) -> Got:
    return _h11(h11.SERVER, data, None)


def h11_response(data: bytes, method: bytes, *, closed: bool) -> Got:
    return _h11(h11.CLIENT, data, method, closed=closed)


def _h11(role: type[h11._util.Sentinel], data: bytes, method: bytes | None, *, closed: bool = False) -> Got:
    connection = h11.Connection(role, max_incomplete_event_size=128 * 1024)  # type: ignore[arg-type]
    if method is not None:
        connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
    start: tuple[bytes, ...] = ()
    fields: tuple[tuple[bytes, bytes], ...] = ()
    body = b""
    try:
        connection.receive_data(data)
        if closed:
            connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                start = (event.method, event.target, event.http_version)
                fields = tuple(event.headers)
            elif isinstance(event, h11.Response | h11.InformationalResponse):
                start = (b"%d" % event.status_code, event.reason, event.http_version)
                fields = tuple(event.headers)
                if isinstance(event, h11.InformationalResponse):
                    return Got(start, fields, b"", connection.trailing_data[0])
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return Got(start, fields, body, connection.trailing_data[0])
            else:
                return Got(start, fields, body, b"", complete=False)
    except h11.RemoteProtocolError as error:
        raise Refused(str(error)) from None


@dataclass
class _Collector:
    """Callbacks for llhttp. What comes as a header after the body are trailers: kept apart."""

    url: bytes = b""
    reason: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    head_done: bool = False
    done: bool = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.head_done:
            self.fields.append((name.lower(), value.strip(b"\t ")))

    def on_headers_complete(self) -> None:
        self.head_done = True

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.done = True


def llhttp_request(data: bytes) -> Got:
    """Feeds byte by byte, so that what follows the message is known to the byte."""
    seen = _Collector()
    parser = httptools.HttpRequestParser(seen)
    at = _feed(parser, seen, data)
    start = (parser.get_method(), seen.url, parser.get_http_version().encode()) if seen.head_done else ()
    return Got(start, tuple(seen.fields), seen.body, data[at:], complete=seen.done)


def llhttp_response(data: bytes, *, closed: bool = False) -> Got:
    seen = _Collector()
    parser = httptools.HttpResponseParser(seen)
    at = _feed(parser, seen, data)
    start: tuple[bytes, ...] = ()
    if seen.head_done:
        start = (b"%d" % parser.get_status_code(), seen.reason, parser.get_http_version().encode())
    return Got(start, tuple(seen.fields), seen.body, data[at:], complete=seen.done or closed)


def _feed(parser: httptools.HttpRequestParser, seen: _Collector, data: bytes) -> int:
    for at in range(len(data)):
        try:
            parser.feed_data(data[at : at + 1])
        except httptools.HttpParserUpgrade:
            return at + 1
        except httptools.HttpParserError as error:
            raise Refused(repr(error)) from None
        if seen.done:
            return at + 1
    return len(data)


def framed(request: Request) -> bool:
    return request.framing is not Framing.NONE
