"""Content-Type values and what a charset means for inspection.

Owns the grammar of media types (RFC 9110 section 8.3) and the table of charsets. A charset matters here only where
ASCII text is written in other bytes: there, patterns see nothing until it is transcoded.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

import msgspec

from waf.http1.memo import Memo

_PARAMETER: Final = re.compile(
    rb'[ \t]*;[ \t]*(?:([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=([!#$%&\'*+.^_`|~0-9A-Za-z-]+|"(?:[^"\\]|\\.)*"))?',
    re.S,
)
_TYPE: Final = re.compile(rb"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+)")


class ContentType(msgspec.Struct, frozen=True):
    """`media` in lower case, "" where none could be read. `parameters`: (lower-case name, unquoted value), in order.

    `wellformed` is False where the value does not follow the grammar; what could be read is still there.
    """

    media: bytes
    parameters: tuple[tuple[bytes, bytes], ...] = ()
    wellformed: bool = True

    def get(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.parameters if key == name), None)

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.parameters if key == name]


NO_TYPE: Final = ContentType(b"")


def parse_content_type(value: bytes) -> ContentType:
    """Never raises; see `ContentType.wellformed`."""
    return _PARSED[value]


def _parse(value: bytes) -> ContentType:
    head = _TYPE.match(value)
    if head is None:
        return ContentType(b"", (), not value.strip())
    parameters = []
    position = head.end()
    while position < len(value):
        match = _PARAMETER.match(value, position)
        if match is None:
            break
        if match[1]:
            key, held = match[1].lower(), match[2]
            # No boundary needs escapes, and some read them as they stand.
            as_it_is = key == b"boundary" and held[:1] == b'"'
            parameters.append((key, held[1:-1] if as_it_is else unquote(held)))
        position = match.end()
    return ContentType(head[1].lower(), tuple(parameters), not value[position:].strip())


_PARSED: Final = Memo(_parse, capacity=512, longest=64)


def unquote(value: bytes) -> bytes:
    """A token, or a quoted string without its quotes and backslashes (RFC 9110 section 5.6.4)."""
    if len(value) > 1 and value[:1] == b'"' and value[-1:] == b'"':
        inner = value[1:-1]
        return re.sub(rb"\\(.)", rb"\1", inner, flags=re.S) if b"\\" in inner else inner
    return value


_PROBE: Final = bytes(range(32, 127))


def ascii_compatible(charset: bytes) -> bool | None:
    """Whether ASCII is written as ASCII in it; None for a charset that is not known."""
    return _COMPATIBLE[charset]


def _compatible(charset: bytes) -> bool | None:
    try:
        codec = codecs.lookup(charset.decode("ascii"))
    except (LookupError, ValueError):
        return None
    if not codec._is_text_encoding:  # such as "hex", Python's own
        return None
    try:
        # utf-7 writes most of ASCII as ASCII, and "<" in a second way.
        return codec.name != "utf-7" and _PROBE.decode(codec.name) == _PROBE.decode("ascii")
    except UnicodeError:
        return False


def odd_charset(content_type: ContentType) -> bytes | None:
    """The charset in which ASCII is written otherwise, or one that is not known; None where there is neither.

    Of several some readers take the first, others the last.
    """
    odd = [charset for charset in content_type.all(b"charset") if not ascii_compatible(charset)]
    return next((charset for charset in odd if ascii_compatible(charset) is False), odd[0] if odd else None)


_COMPATIBLE: Final = Memo(_compatible, capacity=128, longest=40)


def transcode(data: bytes, charset: bytes) -> bytes:
    """`data` as UTF-8. Only for charsets that `ascii_compatible` knows."""
    return data.decode(charset.decode("ascii"), "replace").encode("utf-8", "surrogatepass")
