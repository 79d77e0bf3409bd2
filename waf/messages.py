"""HTTP messages as values: what the parser makes and the serialiser writes. Part of `model`, which gives them out."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from waf.value import Value

HeaderLine = tuple[bytes, bytes, bytes]
"""(lower-case name, name as on the wire, value without surrounding white space)."""


class Headers(Value):
    """Header lines in wire order with an index by lower-case name.

    `index` maps a lower-case name to the value of its *last* line; it is exact for headers that may stand once
    only (the parser refuses their doubles). Use `all` for those that may repeat.
    """

    __slots__ = ("lines", "index")  # noqa: RUF023 (the order of the arguments)

    def __init__(self, lines: tuple[HeaderLine, ...], index: dict[bytes, bytes]) -> None:
        self.lines = lines
        self.index = index

    @classmethod
    def of(cls, lines: Sequence[HeaderLine]) -> Headers:
        return cls(tuple(lines), {lower: value for lower, _, value in lines})

    @classmethod
    def make(cls, *pairs: tuple[bytes, bytes]) -> Headers:
        """From (name, value) pairs in wire case."""
        return cls.of([(name.lower(), name, value) for name, value in pairs])

    def get(self, name: bytes) -> bytes | None:
        return self.index.get(name)

    def all(self, name: bytes) -> list[bytes]:
        return [value for lower, _, value in self.lines if lower == name] if name in self.index else []


class Framing(enum.Enum):
    """How the end of a message's body is known (RFC 9112 section 6)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until-close"  # responses only


class Request(Value):
    """A request head that passed the grammar; `http1.parse.request_head` is its only maker.

    `target` is in origin form ("/a?b") or "*", byte for byte as received, but that a leading "//" is "/".
    `path` and `query` are its two parts, undecoded (`query` without "?", None when there is no "?").
    `minor` is 0 or 1 of HTTP/1.x.
    `length` is the Content-Length, 0 unless `framing` is LENGTH.
    `upgrade` is b"websocket" or None; any other Upgrade was dropped or refused.
    """

    __slots__ = (
        "expects_continue",
        "framing",
        "headers",
        "host",
        "keep_alive",
        "length",
        "method",
        "minor",
        "path",
        "query",
        "target",
        "upgrade",
    )  # fmt: skip

    def __init__(
        self,
        method: bytes,
        target: bytes,
        path: bytes,
        query: bytes | None,
        minor: int,
        headers: Headers,
        host: bytes,
        framing: Framing,
        length: int,
        keep_alive: bool,
        expects_continue: bool,
        upgrade: bytes | None,
    ) -> None:
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.minor = minor
        self.headers = headers
        self.host = host
        self.framing = framing
        self.length = length
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.upgrade = upgrade

    def with_headers(self, headers: Headers) -> Request:
        """The same with other headers: what `altered` gives, at less cost."""
        made = Request.__new__(Request)
        made.method = self.method
        made.target = self.target
        made.path = self.path
        made.query = self.query
        made.minor = self.minor
        made.headers = headers
        made.host = self.host
        made.framing = self.framing
        made.length = self.length
        made.keep_alive = self.keep_alive
        made.expects_continue = self.expects_continue
        made.upgrade = self.upgrade
        return made


class Response(Value):
    """A response head that passed the grammar; `length` as in `Request`."""

    __slots__ = ("status", "reason", "minor", "headers", "framing", "length", "keep_alive")  # noqa: RUF023

    def __init__(
        self,
        status: int,
        reason: bytes,
        minor: int,
        headers: Headers,
        framing: Framing,
        length: int,
        keep_alive: bool,
    ) -> None:
        self.status = status
        self.reason = reason
        self.minor = minor
        self.headers = headers
        self.framing = framing
        self.length = length
        self.keep_alive = keep_alive

    def with_headers(self, headers: Headers) -> Response:
        """The same with other headers: what `altered` gives, at less cost."""
        made = Response.__new__(Response)
        made.status = self.status
        made.reason = self.reason
        made.minor = self.minor
        made.headers = headers
        made.framing = self.framing
        made.length = self.length
        made.keep_alive = self.keep_alive
        return made
