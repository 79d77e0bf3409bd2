"""Byte streams as three readers see them: h11, llhttp (through httptools), and a strict one written here.

The strict one owes nothing to the product: it is the shortest reader that takes only what RFC 9112 allows a
sender to produce.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass

import httptools

from tests.http1.http1_wire import Refused, h11_request, h11_response, llhttp_response

_LINE = re.compile(rb"([A-Z]+) (/[!-~]*|\*) HTTP/1\.([01])\Z")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*?)[\t ]*\Z")


@dataclass(frozen=True)
class Message:
    """One request; `complete` is False where the stream ended within it."""

    method: bytes
    target: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    complete: bool = True

    def all(self, name: bytes) -> list[bytes]:
        return [value for lower, value in self.fields if lower == name]


def strict(stream: bytes) -> list[Message]:
    """All requests in the stream. Raises Refused at the first byte that no strict sender produces."""
    found = []
    while stream:
        head, blank, rest = stream.partition(b"\r\n\r\n")
        if not blank:
            found.append(Message(b"", b"", (), stream, complete=False))
            break
        first, *lines = head.split(b"\r\n")
        start = _LINE.match(first)
        fields = [_FIELD.match(line) for line in lines]
        if start is None or None in fields:
            raise Refused(f"malformed head {head[:200]!r}")
        pairs = tuple((field[1].lower(), field[2]) for field in fields if field)
        message = Message(start[1], start[2], pairs, b"")
        if len(message.all(b"host")) != 1:
            raise Refused("not one Host")
        body, stream, complete = _body(message, rest)
        found.append(Message(start[1], start[2], pairs, body, complete))
    return found


def _body(message: Message, rest: bytes) -> tuple[bytes, bytes, bool]:
    lengths, codings = message.all(b"content-length"), message.all(b"transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Refused("framed twice")
    if codings:
        if codings != [b"chunked"]:
            raise Refused(f"coding {codings}")
        return _chunked(rest)
    size = int(lengths[0]) if lengths else 0
    return rest[:size], rest[size:], len(rest) >= size


def _chunked(rest: bytes) -> tuple[bytes, bytes, bool]:
    body = b""
    while True:
        line, end, after = rest.partition(b"\r\n")
        if not end:
            return body, b"", False
        if not re.fullmatch(rb"[0-9a-f]+", line):
            raise Refused(f"chunk line {line!r}")
        size = int(line, 16)
        if len(after) < size + 2:
            return body + after[:size], b"", False
        if after[size : size + 2] != b"\r\n":
            raise Refused("chunk without an end")
        body += after[:size]
        rest = after[size + 2 :]
        if not size:
            return body, rest, True


def by_h11(stream: bytes) -> list[Message]:
    found = []
    while stream:
        got = h11_request(stream)
        method, target = got.start[:2] if got.start else (b"", b"")
        found.append(Message(method, target, got.fields, got.body, got.complete))
        if not got.complete:
            break
        stream = got.rest
    return found


class _Collector:
    """llhttp's callbacks, message after message. What comes as a field after the head are trailers."""

    def __init__(self) -> None:
        self.found: list[Message] = []

    def on_message_begin(self) -> None:
        self.target, self.body, self.in_head = b"", b"", True
        self.fields: list[tuple[bytes, bytes]] = []

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:
            self.fields.append((name.lower(), value.strip(b"\t ")))

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.method = self.parser.get_method()

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.found.append(Message(self.method, self.target, tuple(self.fields), self.body))

    parser: httptools.HttpRequestParser


def by_llhttp(stream: bytes) -> list[Message]:
    """Its whole messages only."""
    collector = _Collector()
    collector.parser = httptools.HttpRequestParser(collector)
    try:
        collector.parser.feed_data(stream)
    except httptools.HttpParserError as error:
        raise Refused(repr(error)) from None
    return collector.found


def prefix_by_llhttp(stream: bytes) -> list[Message]:
    """The whole messages before the first error."""
    collector = _Collector()
    collector.parser = httptools.HttpRequestParser(collector)
    with contextlib.suppress(httptools.HttpParserError):
        collector.parser.feed_data(stream)
    return collector.found


def prefix_by_h11(stream: bytes) -> list[Message]:
    """The same for h11."""
    found = []
    with contextlib.suppress(Refused):
        while stream:
            got = h11_request(stream.removeprefix(b"\r\n"))  # RFC 9112 2.2 allows one; h11 does not
            if not got.complete:
                break
            found.append(Message(*got.start[:2], got.fields, got.body))
            stream = got.rest
    return found


def read_alike(stream: bytes) -> list[Message]:
    """The requests in the stream, if all three readers see the same ones; AssertionError if not."""
    ours = strict(stream)
    complete = [message for message in ours if message.complete]
    for reader in (by_h11, by_llhttp):
        theirs = [message for message in reader(stream) if message.complete]
        assert [_essence(message) for message in theirs] == [_essence(message) for message in complete], (
            f"{reader.__name__} reads otherwise: {stream[:300]!r}"
        )
    return ours


def _essence(message: Message) -> tuple[object, ...]:
    return message.method, message.target, tuple(sorted(message.fields)), message.body


def answers(stream: bytes, methods: list[str], *, closed: bool) -> list[tuple[int, bytes]]:
    """(status, body) of the whole answers in what a client got, as h11 and llhttp both read them.

    `methods` are those of the requests asked. An answer that is cut is not given. Raises Refused.
    """
    found = []
    for method in methods:
        if not stream:
            break
        theirs = h11_response(stream, method.encode(), closed=closed)
        if not theirs.complete:
            break
        if method != "HEAD" and theirs.start[0] != b"304":
            other = llhttp_response(stream, closed=closed)
            assert (other.start[0], other.body) == (theirs.start[0], theirs.body), "read otherwise"
        found.append((int(theirs.start[0]), theirs.body))
        stream = theirs.rest
    else:
        assert not stream, f"bytes after the last answer: {stream[:200]!r}"
    return found
