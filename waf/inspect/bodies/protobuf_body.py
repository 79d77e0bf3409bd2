"""Protocol buffers and gRPC bodies: the strings of messages as fields, by the wire format alone.

Owns the framing of gRPC (length-prefixed messages, in base64 for grpc-web-text) and the walk over a message without its
schema (Protocol Buffers, "Encoding"). A length-delimited value that is text is a field by its path of field numbers;
one that reads as a message is walked; of any other, what reads as strings between the binary is one text. So is all of
a body that does not follow the format.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from waf.inspect.bodies.coding import decode_body
from waf.inspect.bodies.parsed import BodyKind, Collector, Notes, Parsed
from waf.inspect.layers import is_text
from waf.inspect.native import BODIES
from waf.model import Field, Part

_STRINGS_IN: Final = None if BODIES is None else BODIES.protobuf_strings
"""`_Walk.collect` is the reference of it."""
_STRINGS: Final = re.compile(rb"[\t\n\r -~\x80-\xf4]{4,}")
_SEGMENT: Final = re.compile(rb"[A-Za-z0-9+/]+={0,2}")  # each may end with padding of its own
_FRAME: Final = 5  # bytes before a message: flags, and its length
_COMPRESSED: Final = 1
_TRAILERS: Final = 0x80
_VARINT: Final = 10  # bytes at most
_NUMBER: Final = 0
_DELIMITED: Final = 2
_FIXED: Final = {1: 8, 5: 4}  # bytes of a value by its wire type
_PER_FIELD: Final = 4  # values of any kind that are walked over, for each field that the limit allows
_MOST_TEXTS: Final = 8
"""Texts within one another that are read as messages, too: each has all bytes of those in it once more."""

_Value = tuple[int, bytes]
"""A field's number, and what it holds."""


def parse(data: bytes, media: bytes, notes: Notes) -> Parsed:
    """`data` as messages of the media type; never None, as no schema tells what is none."""
    if media.startswith(b"application/grpc-web-text"):
        try:
            data = b"".join(base64.b64decode(one) for one in _SEGMENT.findall(data))
        except binascii.Error:
            return Parsed(BodyKind.TEXT, lambda: [Field(Part.BODY, "", data)])
    return Parsed(BodyKind.BINARY, lambda: _fields(data, framed=b"grpc" in media, notes=notes))


def _fields(data: bytes, *, framed: bool, notes: Notes) -> list[Field]:
    walk = _Walk(notes)
    for message in _messages(data, notes) if framed else [data]:
        walk.read(message)
    return walk.into.done()


def _messages(data: bytes, notes: Notes) -> Iterator[bytes]:
    """The payloads of gRPC's frames; what follows no frame is one as well."""
    position = 0
    while len(data) - position >= _FRAME:
        flags = data[position]
        start = position + _FRAME
        end = start + int.from_bytes(data[position + 1 : start], "big")
        if end > len(data) or flags & ~(_COMPRESSED | _TRAILERS):
            break
        payload = data[start:end]
        position = end
        # Which coding it is stands in a header that few send; what is not gzip is noted as unknown.
        yield decode_body(payload, b"gzip", notes) if flags & _COMPRESSED else payload
    if position < len(data):
        yield data[position:]


class _Walk:
    """Over the messages of one body. What is beyond the limits, or follows no format, is one text of its strings."""

    def __init__(self, notes: Notes) -> None:
        self.into = Collector(notes)
        self._deepest = notes.limits.depth
        self._left = notes.limits.fields * _PER_FIELD

    def read(self, message: bytes) -> None:
        """The strings of a message as fields."""
        told = None if _STRINGS_IN is None else _STRINGS_IN(message, self._deepest, self._left)
        if told is None:
            self.collect(message, "", 0)
            return
        found, self._left = told
        for path, text in found:
            self.into.add(Part.BODY, path, text)

    def collect(self, message: bytes, path: str, depth: int, texts: int = 0) -> None:
        """`texts`: how many values that are texts as well it stands in."""
        values = self._values(message) if depth <= self._deepest else None
        if values is None:
            if strings := b"\n".join(_STRINGS.findall(message)):
                self.into.add(Part.BODY, path, strings)
            return
        for number, value in values:
            if not value:
                continue
            place = f"{path}.{number}" if path else str(number)
            text = is_text(value)
            if text:
                self.into.add(Part.BODY, place, value)
            # A message whose tags and lengths are all printable reads as text, too.
            if not text or (
                texts < _MOST_TEXTS
                and value[0] & 7 == _DELIMITED
                and depth < self._deepest
                and self._values(value)
            ):
                self.collect(value, place, depth + 1, texts + text)

    def _values(self, message: bytes) -> list[_Value] | None:
        """The numbers and contents of fields that have a length; None where this is no message to its end."""
        found: list[_Value] = []
        position, end = 0, len(message)
        while position < end:
            tag, position = message[position], position + 1
            if tag >= 0x80:
                tag, position = _varint(message, position - 1)
            kind, number = tag & 7, tag >> 3
            self._left -= 1
            if number <= 0 or self._left < 0:
                return None
            if kind in _FIXED:
                position += _FIXED[kind]
                continue
            size = message[position] if position < end else 0x80
            if size < 0x80:
                position += 1
            else:
                size, position = _varint(message, position)
            if size < 0 or kind not in (_NUMBER, _DELIMITED):
                return None
            if kind == _DELIMITED:
                found.append((number, message[position : position + size]))
                position += size
        return found if position == end else None


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number in groups of seven bits, and where it ends; -1 for none."""
    value = shift = 0
    for byte in data[position : position + _VARINT]:
        value |= (byte & 0x7F) << shift
        shift += 7
        position += 1
        if byte < 0x80:
            return value, position
    return -1, position
