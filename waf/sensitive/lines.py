"""Fields as one text, each in a line behind its name: names matter as much as values, and stand before them there.

Owns the finding of the field that a place in the text belongs to. `Lines` over fields is the reference for what C makes of plain
bodies (`waf/_bodies_lines.h`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

from waf.findings import Field, Part
from waf.sensitive import speed

Told = tuple[bytes, bytes, bytes, Part, Part, Part]
"""The lines of a body that C made: the text; four int32 for each field (where its value begins and ends, where its name begins among
the names, and four times its length, one more where the field is a name itself, two more where it is the rest of more fields than may be);
the names; the parts of values, of names, and of the rest."""

_NAMED: Final = 11  # bits of four times the longest name, and what the field is
_PARTS: Final = 64  # more than there are parts of messages
_DIGITS: Final = b"0123456789"
_NUMBER: Final = 7  # digits of which a value may be made
_WITHOUT_DIGITS: Final = bytes.maketrans(_DIGITS, b"x" * len(_DIGITS))
_NAMES: Final = 1 << Part.ARG_NAME | 1 << Part.FORM_NAME | 1 << Part.COOKIE_NAME
_LABEL: Final = 64  # bytes of a field's name that are looked at before its value


def written(fields: Sequence[Field], names: int = _NAMES) -> tuple[bytes, bytes]:
    """The text of the fields, and four int32 for each: where its value begins and ends, a number for its name and its part, and 0.

    `names` has a bit for each part of which fields are names. In C: `waf/_finder_fields.h`.
    """
    lines: list[bytes] = []
    size = 0
    labels: dict[str, tuple[bytes, bytes, int]] = {}
    rows = array("i")
    for field in fields:
        value = field.value
        spoken = labels.get(field.name)
        if spoken is None:
            name = field.name.encode("utf-8", "replace")
            # The end of a long one says as much as all of it; and numbers in it, which are no values, say nothing.
            label = b"\n" + name[-_LABEL:].replace(b"\n", b" ") + b"="
            if len(label) - len(label.translate(None, _DIGITS)) >= _NUMBER:
                label = label.translate(_WITHOUT_DIGITS)
            spoken = labels[field.name] = name, label, len(labels) * _PARTS
        # A name that is looked at itself says nothing of itself, even where it is no text and is told in another way.
        label = b"\n=" if value == spoken[0] or names >> field.part & 1 else spoken[1]
        lines.append(label)
        lines.append(value)
        size += len(label)
        rows.extend((size, size + len(value), spoken[2] + field.part, 0))
        size += len(value)
    return b"".join(lines), rows.tobytes()


_written: Final[Callable[[Sequence[Field], int], tuple[bytes, bytes]]] = speed.lines_function() or written


class Lines:
    """The text of some fields, and of a body behind them where C made its own."""

    __slots__ = ("_begin", "_fields", "_own", "_rows", "_size", "_starts", "_table", "_told", "text")

    def __init__(self, fields: Sequence[Field], told: Told | None = None) -> None:
        text, self._own = _written(fields, _NAMES) if fields else (b"", b"")
        self._fields = fields
        self._rows = memoryview(self._own).cast("i")
        self._starts = self._rows[::4]
        self._size = len(text)
        self._told = told
        if told is None:
            self.text = text
        else:
            self.text = text + told[0] if fields else told[0]
            self._table = memoryview(told[1]).cast("i")
            self._begin = self._table[::4]

    @property
    def table(self) -> bytes | None:
        """The table of fields as C makes it, where all of them are of one kind. Names are numbers there, if C did not make them."""
        told, fields = self._told, self._fields
        if told is not None:
            return None if fields else told[1]
        return self._own

    def at(self, place: int) -> tuple[int, int, int]:
        """The number of the field whose value begins last before a place of the text, and where it begins and ends; -1 before all."""
        size = self._size
        if place >= size and self._told is not None:
            number = bisect_right(self._begin, place - size) - 1
            if number >= 0:
                start, end = self._table[4 * number], self._table[4 * number + 1]
                return len(self._fields) + number, start + size, end + size
        number = bisect_right(self._starts, place) - 1
        if number < 0:
            return -1, 0, 0
        start = self._starts[number]
        return number, start, start + len(self._fields[number].value)

    def spoken(self, number: int) -> int:
        """The same for all fields of one address, and for no others."""
        fields = self._fields
        if number < len(fields):
            return ~self._rows[4 * number + 2]
        row = 4 * (number - len(fields))
        return self._table[row + 2] << _NAMED | self._table[row + 3]

    def address(self, number: int) -> str:
        """`Field.address` of the field of this number."""
        fields = self._fields
        if number < len(fields):
            return fields[number].address
        told = self._told
        assert told is not None
        row = 4 * (number - len(fields))
        place, length = self._table[row + 2], self._table[row + 3]
        name = told[2][place : place + (length >> 2)].decode()
        part: Part = told[3:][length & 3]
        label = part.label
        return f"{label}.{name}" if name else label
