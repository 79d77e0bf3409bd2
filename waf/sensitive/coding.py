"""Content codings undone as a body passes, within bounds (RFC 9110 section 8.4.1).

gzip and deflate always; br and zstd where their libraries are installed. What comes out of one call is
bounded by the ratio; a body that expands further than a document does is a bomb, and ends as policy says.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from waf.http1.libraries import has, library

RATIO: Final = 100
FREE: Final = 10 * 1024 * 1024
"""Bytes that may come out whatever the ratio."""

_PIECE: Final = 256 * 1024
_SLICE: Final = 512  # compressed bytes given to zstd at once, as it knows no bound for what comes out


class BadCoding(Exception):
    """The body is not what its Content-Encoding says, or expands beyond all measure."""


class Decoder(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]:
        """What `data` decodes to, in pieces; raises BadCoding."""
        ...


class _Deflate:
    """gzip with any number of members, zlib, and the raw deflate that some servers send as "deflate"."""

    def __init__(self, gzip: bool) -> None:
        self._gzip = gzip
        self._stream: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream is None:
                if self._gzip and data.strip(b"\0") == b"":
                    return  # padding behind the last member
                raw = not self._gzip and (data[0] & 0x0F) != 8
                self._stream = zlib.decompressobj(31 if self._gzip else -15 if raw else 15)
            try:
                out = self._stream.decompress(data, _PIECE)
            except zlib.error:
                raise BadCoding("the body is not what its Content-Encoding says") from None
            if out:
                yield out
            if self._stream.eof:
                data = self._stream.unused_data
                self._stream = None
                if not self._gzip:
                    return
            else:
                data = self._stream.unconsumed_tail


class _Brotli:
    def __init__(self) -> None:
        self._library = library("brotli")
        self._stream = self._library.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            out = self._stream.process(data, output_buffer_limit=_PIECE)
            while out:
                yield out
                if self._stream.is_finished() or self._stream.can_accept_more_data():
                    return
                out = self._stream.process(b"", output_buffer_limit=_PIECE)
        except self._library.error:
            raise BadCoding("the body is not what its Content-Encoding says") from None


class _Zstd:
    def __init__(self) -> None:
        self._library = library("zstandard")
        self._stream: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            for start in range(0, len(data), _SLICE):
                rest = data[start : start + _SLICE]
                while rest:
                    if self._stream is None:
                        self._stream = self._library.ZstdDecompressor(max_window_size=1 << 23).decompressobj()
                    out = self._stream.decompress(rest)
                    if out:
                        yield out
                    rest = b""
                    if self._stream.eof:
                        rest, self._stream = self._stream.unused_data, None
        except self._library.ZstdError:
            raise BadCoding("the body is not what its Content-Encoding says") from None


_MAKERS: Final[dict[bytes, Callable[[], Decoder]]] = {
    b"gzip": lambda: _Deflate(gzip=True),
    b"x-gzip": lambda: _Deflate(gzip=True),
    b"deflate": lambda: _Deflate(gzip=False),
}
if has("brotli"):
    _MAKERS[b"br"] = _Brotli
if has("zstandard"):
    _MAKERS[b"zstd"] = _Zstd


class Unfolded:
    """A chain of decoders with the bound on expansion held over all of it."""

    def __init__(self, decoders: list[Decoder]) -> None:
        self._decoders = decoders
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises BadCoding."""
        self._taken += len(data)
        for piece in self._through(data, 0):
            self._given += len(piece)
            if self._given > FREE and self._given > RATIO * self._taken:
                raise BadCoding(f"the body expands more than {RATIO} times")
            yield piece

    def _through(self, data: bytes, number: int) -> Iterator[bytes]:
        if number == len(self._decoders):
            yield data
            return
        for piece in self._decoders[number].feed(data):
            yield from self._through(piece, number + 1)


def codings(content_encoding: bytes | None) -> tuple[bytes, ...]:
    """The codings of a Content-Encoding value in the order they were applied; empty for identity."""
    if not content_encoding:
        return ()
    names = [name.strip().lower() for name in content_encoding.split(b",")]
    return tuple(name for name in names if name not in (b"", b"identity"))


def decoder(names: tuple[bytes, ...]) -> Unfolded | None:
    """Undoes `names`; None where one of them cannot be undone here."""
    if len(names) > 2 or any(name not in _MAKERS for name in names):
        return None
    return Unfolded([_MAKERS[name]() for name in reversed(names)])


def unfolded(body: bytes, names: tuple[bytes, ...]) -> bytes | None:
    """A whole body without its codings; None where it cannot be undone, or is longer than `FREE`."""
    if not names:
        return body
    chain = decoder(names)
    if chain is None:
        return None
    pieces = []
    size = 0
    try:
        for piece in chain.feed(body):
            size += len(piece)
            if size > FREE:
                return None
            pieces.append(piece)
    except BadCoding:
        return None
    return b"".join(pieces)


def unzipped(body: bytes, content_encoding: bytes, most: int = 1 << 20) -> bytes | None:
    """A whole body under gzip alone, of up to `most` bytes; None for anything else, which takes a `decoder`."""
    if content_encoding.lower() not in (b"gzip", b"x-gzip"):
        return None
    stream = zlib.decompressobj(31)
    try:
        out = stream.decompress(body, most)
    except zlib.error:
        return None
    return out if stream.eof and not stream.unused_data else None
