"""Content codings of request bodies: undone within limits, so that what is inspected is what the app will read.

Owns gzip, deflate, and br and zstd where their libraries are installed. What cannot be undone exactly is noted and
inspected as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Final

from waf.http1.libraries import has, library
from waf.inspect.bodies.parsed import Notes

_RATIO_COUNTS_FROM: Final = 256 * 1024  # bytes inflated; small repetitive bodies pass any ratio
_MAX_MEMBERS: Final = 100


class Damaged(Exception):
    """The data is cut, damaged or followed by something else; `partial` is what came out before."""

    def __init__(self, partial: bytes) -> None:
        super().__init__("damaged")
        self.partial = partial


class TooLong(Exception):
    """More came out than allowed; `partial` is what did."""

    def __init__(self, partial: bytes) -> None:
        super().__init__("too long")
        self.partial = partial


def decode_body(data: bytes, codings: bytes | None, notes: Notes) -> bytes:
    """`data` without the codings of a Content-Encoding value; notes all that went wrong and gives what came out."""
    if not codings:
        return data
    names = [name.strip().lower() for name in codings.split(b",")]
    names = [name for name in names if name not in (b"", b"identity")]
    if not names or not data:
        return data
    if len(names) > 1:
        notes.add("protocol.coding-doubled")
    for name in reversed(names[:3]):
        inflate = _CODINGS.get(name)
        if inflate is None:
            notes.add("protocol.coding-unknown")
            return data
        try:
            data = inflate(data, _allowed(len(data), notes))
        except Damaged as error:
            notes.add("protocol.coding-damaged" if error.partial else "protocol.coding-mislabelled")
            return error.partial or data
        except TooLong as error:
            notes.add("limit.decompressed")
            return error.partial
    return data


def _allowed(length: int, notes: Notes) -> int:
    return min(notes.limits.decompressed, max(length * notes.limits.ratio, _RATIO_COUNTS_FROM))


def _zlib(data: bytes, allowed: int, wbits: int) -> bytes:
    """All members of a gzip file (RFC 1952 section 2.2), or the one zlib stream."""
    out: list[bytes] = []
    left = allowed
    for _ in range(_MAX_MEMBERS):
        inflater = zlib.decompressobj(wbits)
        try:
            piece = inflater.decompress(data, left + 1)
        except zlib.error:
            # Whatever came out before the damage is lost in the call: feed it again in small steps.
            raise Damaged(b"".join(out) + _before_damage(data, wbits, left)) from None
        out.append(piece)
        left -= len(piece)
        if left < 0:
            raise TooLong(b"".join(out)[:allowed])
        if not inflater.eof:
            raise Damaged(b"".join(out))
        data = inflater.unused_data
        if not data:
            return b"".join(out)
        if wbits != _GZIP or data[:2] != b"\x1f\x8b":
            break
    raise Damaged(b"".join(out))


def _before_damage(data: bytes, wbits: int, allowed: int) -> bytes:
    inflater = zlib.decompressobj(wbits)
    out: list[bytes] = []
    try:
        for start in range(0, len(data), 256):
            piece = inflater.decompress(data[start : start + 256], allowed)
            out.append(piece)
            allowed -= len(piece)
            if allowed <= 0 or inflater.eof:
                break
    except zlib.error:
        pass
    return b"".join(out)


_GZIP: Final = 31
_ZLIB: Final = 15
_RAW: Final = -15


def _gzip(data: bytes, allowed: int) -> bytes:
    return _zlib(data, allowed, _GZIP)


def _deflate(data: bytes, allowed: int) -> bytes:
    """The zlib format, as the standard says, or bare deflate, as many clients send (RFC 9110 section 8.4.1.2)."""
    zlib_header = len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    return _zlib(data, allowed, _ZLIB if zlib_header else _RAW)


def _brotli(data: bytes, allowed: int) -> bytes:
    brotli = library("brotli")
    inflater = brotli.Decompressor()
    out: list[bytes] = []
    left = allowed
    try:
        while True:
            piece = inflater.process(data, output_buffer_limit=min(left + 1, 1 << 20))
            data = b""
            out.append(piece)
            left -= len(piece)
            if left < 0:
                raise TooLong(b"".join(out)[:allowed])
            if inflater.is_finished():
                return b"".join(out)
            if not piece and inflater.can_accept_more_data():
                raise Damaged(b"".join(out))
    except brotli.error:
        raise Damaged(b"".join(out)) from None


def _zstd(data: bytes, allowed: int) -> bytes:
    zstandard = library("zstandard")
    out: list[bytes] = []
    left = allowed
    try:
        while data:
            inflater: Any = zstandard.ZstdDecompressor(max_window_size=1 << 23).decompressobj()
            for start in range(0, len(data), 4096):
                piece = inflater.decompress(data[start : start + 4096])
                out.append(piece)
                left -= len(piece)
                if left < 0:
                    raise TooLong(b"".join(out)[:allowed])
                if inflater.eof:
                    data = inflater.unused_data + data[start + 4096 :]
                    break
            else:
                raise Damaged(b"".join(out))
    except zstandard.ZstdError:
        raise Damaged(b"".join(out)) from None
    return b"".join(out)


_CODINGS: Final[dict[bytes, Callable[[bytes, int], bytes]]] = {
    b"gzip": _gzip,
    b"x-gzip": _gzip,
    b"deflate": _deflate,
}
if has("brotli"):
    _CODINGS[b"br"] = _brotli
if has("zstandard"):
    _CODINGS[b"zstd"] = _zstd
