"""What a body parser gives: fields on demand, notes of what was odd, and a text to scan before any field is made.

Owns the bounds on the number of fields and on their length. Knows no format.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from waf.config.schema import Limits
from waf.inspect.notices import notice
from waf.model import Field, Finding, Kind, Mask, Part

_MOST_NOTES: Final = 100  # of one message
LONGEST_NAME: Final = 256  # characters of a field's name that are kept


MARK: Final = b"\x7f"
"""Stands between values in a joined text. Text has no use for it; values that hold it all the same are looked at
one by one."""


class BodyKind(enum.Enum):
    """As what a body was read."""

    NONE = "none"
    FORM = "form"
    JSON = "json"
    XML = "xml"
    MULTIPART = "multipart"
    GRAPHQL = "graphql"
    TEXT = "text"
    BINARY = "binary"


class Sheet(msgspec.Struct, frozen=True, gc=False):
    """Many values in one text, for one scan: each stands between two `MARK`s, and none holds one.

    `parts` are those that a value may be of. `coded`: some were percent-encoded in their container.
    """

    text: bytes
    parts: tuple[Part, ...]
    coded: bool = False

    def around(self, offsets: Iterable[int], spots: Iterable[tuple[int, int]] = ()) -> dict[bytes, int]:
        """The different values in which the bytes before the offsets stand; a mark belongs to the value before.

        A spot is an offset with bits before it; each value is given with all bits of its spots.
        """
        values: dict[bytes, int] = {}
        end = -1  # behind the value that was given last, its mark included
        value = b""
        for offset, bits in sorted(
            [*((offset, 0) for offset in offsets), *((end, bit) for bit, end in spots)]
        ):
            if offset > end:
                start = self.text.rfind(MARK, 0, max(offset - 1, 0)) + 1
                end = self.text.find(MARK, max(offset - 1, 0))
                end = end + 1 if end >= 0 else len(self.text) + 1
                value = self.text[start : end - 1]
            values[value] = values.get(value, 0) | bits
        return values


BodyLines = tuple[bytes, bytes, bytes, Part, Part, Part]
"""Fields in lines behind their names, as `waf/_bodies_lines.h` makes them, and the parts of values, of names and of what is more."""


class Parsed:
    """A body as one parser read it. `fields` costs a walk, so it is called once and only when asked for.

    `sheet` gives all values in one text much faster; None where the fields are as cheap. A sheet may hold more
    than the fields' values (the container's own syntax), never less. `plain` is a form or a JSON document
    that can be read in one way only. `lines` gives all fields with their names in one text; None where only `fields` does.
    """

    __slots__ = ("fields", "kind", "lines", "plain", "sheet")

    def __init__(
        self,
        kind: BodyKind,
        fields: Callable[[], list[Field]],
        sheet: Callable[[], Sheet | None] | None = None,
        plain: bytes = b"",
        lines: Callable[[], BodyLines | None] | None = None,
    ) -> None:
        self.plain = plain
        self.lines = lines
        self.kind = kind
        self.fields = fields
        self.sheet = sheet


class Notes:
    """Findings made while reading one message; each (rule, address) once."""

    __slots__ = ("_known", "_seen", "findings", "limits", "mask")

    def __init__(self, limits: Limits, mask: Mask) -> None:
        self.limits = limits
        self.mask = mask
        self.findings: list[Finding] = []
        self._seen: set[tuple[str, str]] = set()
        self._known: tuple[str, Part, str] | None = None  # what was added last: most come in rows

    def add(self, rule: str, part: Part = Part.BODY, name: str = "", detail: str = "") -> None:
        """`name` may be the client's own text; `detail` must not be."""
        if len(self._seen) >= _MOST_NOTES or self._known == (rule, part, name):
            return
        self._known = rule, part, name
        shown = address(part, name, self.mask)
        if (rule, shown) not in self._seen:
            self._seen.add((rule, shown))
            self.findings.append(notice(rule, shown, detail))


def most_pairs(limits: Limits) -> int:
    """Pairs of a form, of which each is two fields: frameworks take about as many (PHP, Django and ASP.NET 1,000)."""
    return max(limits.fields // 2, 1)


def address(part: Part, name: str, mask: Mask) -> str:
    """A field's address for findings: as `Field.address`, with the client's own text masked."""
    if not name:
        return part.label
    if name.isascii() and name.replace("_", "").replace("-", "").isalpha():
        return f"{part.label}.{name}"
    return f"{part.label}.{mask(name.encode('utf-8', 'backslashreplace'))}"


class Collector:
    """Fields up to the limit; the values of what comes after are kept as one BODY field, so nothing is lost."""

    __slots__ = ("_raw", "_rest", "fields", "left", "longest", "notes")

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.fields: list[Field] = []
        self.longest = notes.limits.value
        self.left = notes.limits.fields  # how many fields more there may be
        self._rest: list[bytes] = []
        self._raw: Field | None = None

    def add(
        self, part: Part, name: str, value: bytes, raw: bytes | None = None, kind: Kind = Kind.STRING
    ) -> None:
        if len(value) > self.longest:
            self.notes.add("limit.value", part, name[:LONGEST_NAME])
        if self.left > 0:
            self.left -= 1
            self.fields.append(Field(part, name[:LONGEST_NAME], value, raw, kind))
        else:
            self._rest.append(value)

    @property
    def full(self) -> bool:
        """There will be no more fields: what is added is kept as one text."""
        return self.left <= 0

    def keep(self, values: Iterable[bytes]) -> None:
        """Adds many values once there are as many fields as there may be."""
        self.notes.add("limit.fields")
        before = len(self._rest)
        self._rest += values
        if any(len(value) > self.longest for value in self._rest[before:]):
            self.notes.add("limit.value", Part.BODY)

    def add_raw(self, data: bytes) -> None:
        """All of the body once more, to be inspected as it is. It stays a field of its own, the last, even where there are as many
        as there may be: so it can be left out by itself (see `copies`).
        """
        if self.full:
            self.notes.add("limit.fields")
        if len(data) > self.longest:
            self.notes.add("limit.value", Part.BODY)
        self._raw = Field(Part.BODY, "", data)

    def extend(self, fields: list[Field]) -> None:
        for field in fields:
            self.add(field.part, field.name, field.value, field.raw, field.kind)

    def done(self) -> list[Field]:
        """All fields; call once, at the end."""
        if self._rest:
            self.notes.add("limit.fields")
            self.fields.append(Field(Part.BODY, "", b"\n".join(self._rest)))
        if self._raw is not None:
            self.fields.append(self._raw)
        return self.fields
