"""A text as a person would read it, and the way back to the bytes that spell it.

Values hide behind the escapes of their container: "4539\\u00201488", "4539&nbsp;1488", "4539%201488",
"https:\\/\\/". A view undoes the escapes that stand for one ASCII character (or for a blank or a dash that is
not ASCII) and keeps the rest out of the way. Where nothing is escaped, which is the common case, the view is
the text itself and costs a few searches for one byte. The map back is built only when something was found.

Escapes of the same length ("\\n", "&lt;") are replaced in place; only those that shorten the text ("units") need the
map. `Spelled` is the reference of what waf/_finder_views.h does.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any, Final, Protocol

from waf.sensitive import speed

# \uXXXX that are read; all others become filler of the same length.
_READ_U: Final = rb"00(?:[2-7][0-9a-fA-F]|[aA][0dD])|20(?:0[0-9a-fA-F]|1[0-5]|2[fF])|2212"
_UNREAD_U: Final = re.compile(rb"\\u(?!" + _READ_U + rb")[0-9a-fA-F]{4}")
_UNIT_U: Final = re.compile(rb"\\u(" + _READ_U + rb")")
_UNIT_X: Final = re.compile(rb"\\x([2-7][0-9a-fA-F])")
_UNIT_NUMERIC: Final = re.compile(rb"&#(?:([0-9]{1,7})|[xX]([0-9a-fA-F]{1,6}));")
_UNIT_PERCENT: Final = re.compile(rb"%([0-9a-fA-F]{2})")

_NAMED: Final[dict[bytes, bytes]] = {
    b"&nbsp;": b" ", b"&ensp;": b" ", b"&emsp;": b" ", b"&thinsp;": b" ", b"&ndash;": b"-", b"&hyphen;": b"-",
    b"&dash;": b"-", b"&minus;": b"-", b"&commat;": b"@", b"&period;": b".", b"&sol;": b"/", b"&plus;": b"+",
    b"&equals;": b"=", b"&colon;": b":", b"&lowbar;": b"_", b"&num;": b"#",
}  # fmt: skip
_WIDE: Final[dict[bytes, bytes]] = {
    "\u00a0".encode(): b" ", "\u2002".encode(): b" ", "\u2003".encode(): b" ", "\u2007".encode(): b" ",
    "\u2009".encode(): b" ", "\u202f".encode(): b" ", "\u2010".encode(): b"-", "\u2011".encode(): b"-",
    "\u2012".encode(): b"-", "\u2013".encode(): b"-", "\u2212".encode(): b"-",
}  # fmt: skip
_SLASH: Final = b"\\/"

_UNIT: Final = re.compile(
    b"|".join(
        [
            re.escape(_SLASH), _UNIT_U.pattern, _UNIT_X.pattern, _UNIT_NUMERIC.pattern,
            *map(re.escape, _NAMED), *map(re.escape, _WIDE),
        ]
    )
)  # fmt: skip
_CHARACTERS: Final = {_SLASH: b"/", **_NAMED, **_WIDE}
_UNIT_FORM: Final = re.compile(_UNIT_PERCENT.pattern)

_SAME_LENGTH: Final = (
    (b"\\n", b" \n"), (b'\\"', b' "'), (b"\\r", b" \r"), (b"\\t", b" \t"), (b"\\'", b" '"), (b"\\b", b"  "),
    (b"\\f", b"  "),
)  # fmt: skip
_SAME_LENGTH_MARKUP: Final = (
    (b"&amp;", b"    &"),
    (b"&lt;", b"   <"),
    (b"&gt;", b"   >"),
    (b"&quot;", b'     "'),
    (b"&apos;", b"     '"),
)
_DASHES: Final = frozenset({0xAD, 0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212})


class View(Protocol):
    """`text` is what `raw` spells; every byte of it stands for one byte or one unit of `raw`."""

    @property
    def raw(self) -> bytes: ...

    @property
    def text(self) -> bytes: ...

    def at(self, place: int, /) -> tuple[int, int]:
        """The bytes of `raw` that spell `text[place]`, from and to."""
        ...

    def span(self, start: int, end: int, /) -> tuple[int, int]:
        """The bytes of `raw` that spell `text[start:end]`."""
        ...

    def place(self, offset: int, /) -> int:
        """The index in `text` of what stands at `raw[offset]` or of the unit that it is a part of."""
        ...


class Spelled:
    """A `View` in Python."""

    __slots__ = ("_plain", "_sizes", "_starts", "_units", "_wheres", "raw", "text")

    def __init__(
        self,
        raw: bytes,
        plain: bytes | None = None,
        text: bytes | None = None,
        units: re.Pattern[bytes] = _UNIT,
    ) -> None:
        """Without more than `raw`, a text that spells itself."""
        plain = raw if plain is None else plain
        text = raw if text is None else text
        self.raw = raw
        self.text = text
        self._plain = plain
        self._units = units
        self._starts: list[int] | None = [] if len(text) == len(raw) else None
        self._wheres: list[int] = []
        self._sizes: list[int] = []

    def at(self, place: int) -> tuple[int, int]:
        starts = self._starts
        if starts is None:
            starts = self._map()
        if not starts:
            return place, place + 1
        unit = bisect_right(starts, place) - 1
        if unit < 0:
            return place, place + 1
        if starts[unit] == place:
            return self._wheres[unit], self._wheres[unit] + self._sizes[unit]
        start = self._wheres[unit] + self._sizes[unit] + place - starts[unit] - 1
        return start, start + 1

    def span(self, start: int, end: int) -> tuple[int, int]:
        if not (self._map() if self._starts is None else self._starts):
            return start, end
        if start == end:
            where = self.at(start)[0]
            return where, where
        return self.at(start)[0], self.at(end - 1)[1]

    def place(self, offset: int) -> int:
        starts = self._starts
        if starts is None:
            starts = self._map()
        if not starts:
            return offset
        unit = bisect_right(self._wheres, offset) - 1
        if unit < 0:
            return offset
        past = offset - self._wheres[unit] - self._sizes[unit]
        return starts[unit] if past < 0 else starts[unit] + 1 + past

    def _map(self) -> list[int]:
        starts: list[int] = []
        saved = 0
        for match in self._units.finditer(self._plain):
            where, end = match.span()
            starts.append(where - saved)
            self._wheres.append(where)
            self._sizes.append(end - where)
            saved += end - where - 1
        self._starts = starts
        return starts


_VIEW: Final[Any] = speed.view_function()


def view(raw: bytes, form: bool = False) -> View:
    """What `raw` spells. `form`: percent-encoded, "+" for a blank; else the escapes of JSON, scripts and mark-up."""
    seen: View = spelled_by(raw, form) if _VIEW is None else _VIEW(raw, form)
    return seen


def spelled_by(raw: bytes, form: bool = False) -> Spelled:
    """As `view`, in Python."""
    if form:
        plain = raw.replace(b"+", b" ") if b"+" in raw else raw
        text = _UNIT_PERCENT.sub(_from_hex, plain) if b"%" in plain else plain
        return Spelled(raw, plain, text, _UNIT_FORM)
    plain = raw
    if b"\\" in raw:
        plain = raw.replace(b"\\\\", b"\x80\x80")
        for escape, same in _SAME_LENGTH:
            plain = plain.replace(escape, same)
        if b"\\u" in plain:
            plain = _UNREAD_U.sub(b"\x80\x80\x80\x80\x80\x80", plain)
    if b"&" in plain and b";" in plain:
        for escape, same in _SAME_LENGTH_MARKUP:
            plain = plain.replace(escape, same)
    # In one step: a unit that is read must not make another with what stands behind it.
    text = _UNIT.sub(_from_unit, plain) if b"\\" in plain or b"&" in plain or not plain.isascii() else plain
    return Spelled(raw, plain, text, _UNIT)


def over(seen: View, place: int, new: bytes) -> bytes:
    """What `raw` becomes where `new` stands for the text from `place` on: each character in its old spelling."""
    if seen.text is seen.raw:
        return new
    end = place + len(new)
    low, high = seen.span(place, end)
    old, raw = seen.text[place:end], seen.raw[low:high]
    if raw == old:
        return new
    if len(raw) == len(old):
        return bytes(r if n == o else n for n, o, r in zip(new, old, raw, strict=True))
    pieces = []
    for index, char in enumerate(new):
        low, high = seen.at(place + index)
        piece = seen.raw[low:high]
        pieces.append(piece if char == old[index] else spelled(piece, new[index : index + 1]))
    return b"".join(pieces)


def spelled(piece: bytes, char: bytes) -> bytes:
    """`char` in the spelling and the length of `piece`: "\\u0034" and "*" give "\\u002a"."""
    if len(piece) == 1:
        return char
    if piece[:2] == b"\\u":
        return b"\\u%04x" % char[0]
    if piece[:2] == b"\\x":
        return b"\\x%02x" % char[0]
    if piece[:1] == b"%":
        return b"%%%02X" % char[0]
    if piece[:2] in (b"&#",):
        if piece[2:3] in b"xX":
            return piece[:3] + b"%0*x;" % (len(piece) - 4, char[0])
        return b"&#%0*d;" % (len(piece) - 3, char[0])
    return char * len(piece)


def _from_hex(match: re.Match[bytes]) -> bytes:
    return _one(int(match[1], 16))


def _from_unit(match: re.Match[bytes]) -> bytes:
    unit = match[0]
    if known := _CHARACTERS.get(unit):
        return known
    code = match[1] or match[2] or match[4]
    return _one(int(code, 16) if code else int(match[3]))


def _one(point: int) -> bytes:
    """One byte for a character: itself, its ASCII likeness, or filler."""
    if 32 <= point < 127:
        return bytes((point,))
    if point < 32 or point == 0xA0 or 0x2000 <= point <= 0x200A or point == 0x202F:
        return b"\n" if point == 10 else b" "
    return b"-" if point in _DASHES else b"\x80"
