"""MessagePack and CBOR: the names and strings of a document as those of JSON, whose data they pack.

Owns the heads of both formats (the MessagePack specification; RFC 8949 section 3) and the walk over them. Every text is a
field by its path, as of a JSON document, and so are bytes that read as text; of other bytes what reads as strings is one
text, and so is all behind a place where the format is not followed or a bound is passed. Numbers hold nothing to inspect.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.bodies.parsed import BodyKind, Collector, Notes, Parsed
from waf.inspect.layers import is_text
from waf.model import Field, Part

MESSAGE_PACK: Final = frozenset(
    {b"application/msgpack", b"application/x-msgpack", b"application/vnd.msgpack", b"application/messagepack"}
)
CBOR: Final = frozenset({b"application/cbor", b"application/cbor-seq"})

_STRINGS: Final = re.compile(rb"[\t\n\r -~\x80-\xf4]{4,}")
_PER_FIELD: Final = 4  # values of any kind that are walked over, for each field that the limit allows
_LONGEST_PATH: Final = 1000

_OTHER, _TEXT, _BYTES, _LIST, _MAP, _TAG, _BREAK = range(7)
_OPEN: Final = -1  # the size of what goes on until it is ended

Head = tuple[int, int, int]
"""What stands there, its size (bytes or members), and where it goes on."""


class _Broken(Exception):
    """The format is not followed."""


def is_packed(media: bytes) -> bool:
    return media in MESSAGE_PACK or media in CBOR or media.endswith((b"+cbor", b"+msgpack"))


def parse(data: bytes, media: bytes, notes: Notes) -> Parsed:
    head = _head_of_cbor if media in CBOR or media.endswith(b"+cbor") else _head_of_message_pack
    return Parsed(BodyKind.BINARY, lambda: _Walk(data, notes, head is _head_of_cbor).fields())


# ------------------------------------------------------------------------------------------------------------ heads


def _number(data: bytes, position: int, size: int) -> tuple[int, int]:
    end = position + size
    if end > len(data):
        raise _Broken
    return int.from_bytes(data[position:end], "big"), end


# What stands behind a first byte from 0xc4 on: the kind, the bytes of its size, and further bytes that are skipped.
_SIZED: Final[dict[int, tuple[int, int, int]]] = {
    0xC4: (_BYTES, 1, 0), 0xC5: (_BYTES, 2, 0), 0xC6: (_BYTES, 4, 0),
    0xC7: (_BYTES, 1, 1), 0xC8: (_BYTES, 2, 1), 0xC9: (_BYTES, 4, 1),
    0xD9: (_TEXT, 1, 0), 0xDA: (_TEXT, 2, 0), 0xDB: (_TEXT, 4, 0),
    0xDC: (_LIST, 2, 0), 0xDD: (_LIST, 4, 0), 0xDE: (_MAP, 2, 0), 0xDF: (_MAP, 4, 0),
}  # fmt: skip
# Numbers and extensions of a fixed size: how many bytes follow the first.
_FIXED: Final[dict[int, int]] = {
    0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
}  # fmt: skip
_EXTENSIONS: Final = range(0xD4, 0xD9)  # of 1, 2, 4, 8, 16 bytes behind their type


def _head_of_message_pack(data: bytes, position: int) -> Head:
    first = data[position]
    position += 1
    if first < 0x80 or first >= 0xE0:
        return _OTHER, 0, position
    if first < 0x90:
        return _MAP, first & 0x0F, position
    if first < 0xA0:
        return _LIST, first & 0x0F, position
    if first < 0xC0:
        return _TEXT, first & 0x1F, position
    if first in _SIZED:
        kind, size, more = _SIZED[first]
        amount, position = _number(data, position, size)
        return kind, amount, position + more
    if first in _EXTENSIONS:
        return _BYTES, 1 << first - _EXTENSIONS.start, position + 1
    if first not in _FIXED:
        raise _Broken
    return _OTHER, 0, position + _FIXED[first]


_MAJOR: Final = (_OTHER, _OTHER, _BYTES, _TEXT, _LIST, _MAP, _TAG, _OTHER)
_SIMPLE: Final = 7
_INDEFINITE: Final = 31


def _head_of_cbor(data: bytes, position: int) -> Head:
    first = data[position]
    major, amount = first >> 5, first & 0x1F
    position += 1
    if amount == _INDEFINITE:
        if major == _SIMPLE:
            return _BREAK, 0, position
        if major < 2 or major == 6:
            raise _Broken
        return _MAJOR[major], _OPEN, position
    if amount >= 24:
        if amount > 27:
            raise _Broken
        amount, position = _number(data, position, 1 << amount - 24)
    return _MAJOR[major], 0 if _MAJOR[major] in (_OTHER, _TAG) else amount, position


# ------------------------------------------------------------------------------------------------------------- walk


class _Level:
    """A list or map that is being read: how many items it still has, and the name that waits for its value."""

    __slots__ = ("is_map", "left", "name", "path")

    def __init__(self, path: str, left: int, is_map: bool) -> None:
        self.path = path
        self.left = left
        self.is_map = is_map
        self.name: str | None = None

    def place(self) -> str:
        if self.is_map:
            return f"{self.path[:_LONGEST_PATH]}.{self.name}" if self.path else str(self.name)
        return f"{self.path[:_LONGEST_PATH]}[]"


class _Walk:
    """Over the documents of one body, one behind another."""

    def __init__(self, data: bytes, notes: Notes, cbor: bool) -> None:
        self._data = data
        self._notes = notes
        self._head = _head_of_cbor if cbor else _head_of_message_pack
        self._into = Collector(notes)
        self._left = notes.limits.fields * _PER_FIELD
        self._position = 0

    def fields(self) -> list[Field]:
        try:
            self._documents()
        except _Broken:
            self._notes.add("protocol.body-mismatch")
            self._strings(self._data[self._position :])
        return self._into.done()

    def _documents(self) -> None:
        levels: list[_Level] = []
        keys: set[str] = set()
        while self._position < len(self._data):
            self._left -= 1
            if self._left < 0:
                self._notes.add("limit.fields")
                self._strings(self._data[self._position :])
                return
            kind, amount, behind = self._head(self._data, self._position)
            if kind == _TAG:
                self._position = behind
                continue
            level = levels[-1] if levels else None
            if kind == _BREAK:
                if level is None or level.left != _OPEN or level.name is not None:
                    raise _Broken
                levels.pop()
                self._position = behind
            elif level is not None and level.is_map and level.name is None:
                self._name(level, kind, amount, behind, keys)
                continue
            else:
                place = level.place() if level else ""
                if level is not None:
                    level.name = None
                    level.left -= level.left > 0
                if kind in (_LIST, _MAP):
                    if len(levels) >= self._notes.limits.depth:
                        self._notes.add("limit.depth", Part.JSON)
                        raise _Broken
                    self._position = behind
                    levels.append(_Level(place, amount, kind == _MAP))
                else:
                    self._value(place, kind, amount, behind)
            while levels and levels[-1].left == 0:
                levels.pop()

    def _name(self, level: _Level, kind: int, amount: int, behind: int, keys: set[str]) -> None:
        if kind in (_LIST, _MAP):  # which no reader of JSON's data has for a name
            raise _Broken
        if kind == _OTHER:
            level.name = ""
            self._position = behind
            return
        name = self._content(kind, amount, behind)
        level.name = name.decode("utf-8", "replace")
        place = level.place()
        if place not in keys:
            keys.add(place)
            self._into.add(Part.JSON_KEY, place, name)

    def _value(self, place: str, kind: int, amount: int, behind: int) -> None:
        if kind == _OTHER:
            self._position = behind
            return
        content = self._content(kind, amount, behind)
        if kind == _TEXT or is_text(content):
            if content:
                self._into.add(Part.JSON, place, content)
        else:
            self._strings(content)

    def _content(self, kind: int, amount: int, behind: int) -> bytes:
        if amount != _OPEN:
            end = behind + amount
            if end > len(self._data):
                raise _Broken
            self._position = end
            return self._data[behind:end]
        pieces: list[bytes] = []
        while True:
            if behind >= len(self._data) or self._left < 0:
                raise _Broken
            self._left -= 1
            piece, amount, behind = self._head(self._data, behind)
            if piece == _BREAK:
                self._position = behind
                return b"".join(pieces)
            if piece != kind or amount == _OPEN or behind + amount > len(self._data):
                raise _Broken
            pieces.append(self._data[behind : behind + amount])
            behind += amount

    def _strings(self, data: bytes) -> None:
        if strings := b"\n".join(_STRINGS.findall(data)):
            self._into.add(Part.BODY, "", strings)
