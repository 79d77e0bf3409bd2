"""Bodies: where one ends, and what of the bytes is its payload. Sans I/O; constant memory.

Each reader takes bytes as they come, in any cut, and hands payload through as large as it came. It never
reads past the end of its message: what follows is `excess`. Trailers are checked and dropped.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final, Protocol

from waf.config.schema import Limits
from waf.errors import Fault
from waf.http1.grammar import CHUNK_LINE, CHUNK_LINE_PREFIX, TRAILERS, TRAILERS_PREFIX
from waf.http1.headers import TRAILER_FORBIDDEN, is_twin
from waf.http1.rules import client_fault, upstream_fault
from waf.model import Framing, Request, Response

CHUNK_LINE_SIZE: Final = 256
"""Bytes of the longest chunk line, CRLF and extensions included."""
EXTENSIONS_SIZE: Final = 16 * 1024
"""Bytes of chunk extensions in one body."""
ENDLESS: Final = 1 << 62
"""Bytes of an answer's payload: as many as the app sends."""
TRAILERS_SIZE: Final = 8 * 1024
"""Bytes of the trailer section, its blank line included."""


class BodyReader(Protocol):
    """Reads one body. `done`: the message ended exactly; `excess`: bytes that came after its end.

    `feed` gives the payload pieces in the bytes given; `eof` says that the peer closed. Both raise the fault
    of the side that is read. A reader that raised must not be fed again.
    """

    done: bool
    excess: bytes

    def feed(self, data: bytes) -> list[bytes]: ...

    def eof(self) -> None: ...


class NoBody:
    """No body: whatever comes is excess."""

    __slots__ = ("done", "excess")

    def __init__(self) -> None:
        self.done = True
        self.excess = b""

    def feed(self, data: bytes) -> list[bytes]:
        self.excess += data
        return []

    def eof(self) -> None:
        pass


class LengthBody:
    """A body of exactly `length` bytes."""

    __slots__ = ("done", "excess", "fault", "left")

    def __init__(self, length: int, fault: Callable[[str], Fault]) -> None:
        self.left = length
        self.done = length == 0
        self.excess = b""
        self.fault = fault

    def feed(self, data: bytes) -> list[bytes]:
        size = len(data)
        if size < self.left:
            self.left -= size
            return [data] if data else []
        if self.done:
            self.excess += data
            return []
        piece = data if size == self.left else data[: self.left]
        self.excess = data[self.left :]
        self.left = 0
        self.done = True
        return [piece]

    def eof(self) -> None:
        if not self.done:
            raise self.fault("body-cut")


class BodyUntilClose:
    """A response body that ends when the app closes (RFC 9112 6.3, last rule)."""

    __slots__ = ("done", "excess")

    def __init__(self) -> None:
        self.done = False
        self.excess = b""

    def feed(self, data: bytes) -> list[bytes]:
        return [data] if data else []

    def eof(self) -> None:
        self.done = True


class _At(enum.Enum):
    """What a chunked body's next byte belongs to."""

    SIZE = enum.auto()
    DATA = enum.auto()
    END = enum.auto()  # the CRLF after a chunk's data
    TRAILERS = enum.auto()


class ChunkedBody:
    """A chunked body of at most `maximum` bytes of payload: RFC 9112 section 7.1 without its leniencies."""

    __slots__ = ("done", "excess", "extensions", "fault", "held", "left", "maximum", "state", "total")

    def __init__(self, maximum: int, fault: Callable[[str], Fault]) -> None:
        self.maximum = maximum
        self.fault = fault
        self.done = False
        self.excess = b""
        self.state = _At.SIZE
        self.left = 0  # payload bytes to come in this chunk
        self.held = b""  # the beginning of a line, or of the trailers
        self.total = 0
        self.extensions = 0

    def feed(self, data: bytes) -> list[bytes]:
        if self.done:
            self.excess += data
            return []
        if self.state is _At.DATA and len(data) <= self.left:
            self.left -= len(data)
            if not self.left:
                self.state = _At.END
            return [data] if data else []
        if self.held:
            data = self.held + data
            self.held = b""
        return self._read(data)

    def _read(self, data: bytes) -> list[bytes]:
        pieces: list[bytes] = []
        at, size = 0, len(data)
        while at < size:
            if self.state is _At.SIZE:
                line = CHUNK_LINE.match(data, at)
                if line is None or line.end() - at > CHUNK_LINE_SIZE:
                    self._unfinished_line(data, at)
                    return pieces
                at = line.end()
                digits, extensions = line.groups()
                if extensions:
                    self._count_extensions(len(extensions))
                self.left = length = int(digits, 16)
                self.total += length
                if self.total > self.maximum:
                    raise self.fault("body-size")
                if length and data.startswith(b"\r\n", at + length):  # all of it is here: on to the next
                    pieces.append(data[at : at + length])
                    at += length + 2
                    self.left = 0
                else:
                    self.state = _At.DATA if length else _At.TRAILERS
            elif self.state is _At.DATA:
                end = min(at + self.left, size)
                pieces.append(data[at:end])
                self.left -= end - at
                at = end
                if not self.left:
                    self.state = _At.END
            elif self.state is _At.END:
                mark = data[at : at + 2]
                if mark != b"\r\n":
                    if mark != b"\r":
                        raise self.fault("chunk-end")
                    self.held = mark
                    return pieces
                at += 2
                self.state = _At.SIZE
            else:
                self._read_trailers(data, at)
                return pieces
        return pieces

    def _count_extensions(self, size: int) -> None:
        self.extensions += size
        if self.extensions > EXTENSIONS_SIZE:
            raise self.fault("chunk-extension-flood")

    def _unfinished_line(self, data: bytes, at: int) -> None:
        """A chunk line that does not match: keep it where it may still become one, else refuse it."""
        line = data[at : at + CHUNK_LINE_SIZE]
        if CHUNK_LINE_PREFIX.match(line) is None:
            raise self.fault("chunk-extension" if b";" in line.partition(b"\n")[0] else "chunk-size")
        if len(line) == CHUNK_LINE_SIZE:
            raise self.fault("chunk-line-size")
        self.held = line

    def _read_trailers(self, data: bytes, at: int) -> None:
        if data.startswith(b"\r\n", at):
            end = at + 2
        elif (blank := data.find(b"\r\n\r\n", at, at + TRAILERS_SIZE)) >= 0:
            end = blank + 4
        else:
            self.held = data[at : at + TRAILERS_SIZE]
            if TRAILERS_PREFIX.match(self.held) is None:
                raise self.fault("trailer-line")
            if len(self.held) == TRAILERS_SIZE:
                raise self.fault("trailer-size")
            return
        section = data[at:end]
        if TRAILERS.match(section) is None:
            raise self.fault("trailer-line")
        for line in section.split(b"\r\n")[:-2]:
            name = line.partition(b":")[0].lower()
            if name in TRAILER_FORBIDDEN or name.startswith(b"x-forwarded-") or is_twin(name):
                raise self.fault("trailer-field")
        self.excess = data[end:]
        self.done = True

    def eof(self) -> None:
        if not self.done:
            raise self.fault("body-cut")


def request_body(request: Request, limits: Limits, maximum: int | None = None) -> BodyReader:
    """The reader of a request's body; `maximum` bytes of payload (default `limits.body`), else a 413
    fault."""
    most = limits.body if maximum is None else maximum
    if request.framing is Framing.CHUNKED:
        return ChunkedBody(most, client_fault)
    if request.framing is Framing.LENGTH:
        if request.length > most:
            raise client_fault("body-size")
        return LengthBody(request.length, client_fault)
    return NoBody()


def response_body(response: Response, limits: Limits) -> BodyReader:
    """The reader of a response's body."""
    if response.framing is Framing.CHUNKED:
        return ChunkedBody(ENDLESS, upstream_fault)
    if response.framing is Framing.LENGTH:
        return LengthBody(response.length, upstream_fault)
    if response.framing is Framing.UNTIL_CLOSE:
        return BodyUntilClose()
    return NoBody()
