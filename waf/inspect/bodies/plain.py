"""Bodies of the most ordinary form, read in C (`waf/_bodies.c`), where it was built.

Wherever C gives None the parsers beside this module read the body; they are the reference.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from waf.config.schema import Limits
from waf.inspect.bodies.parsed import MARK, BodyLines, most_pairs
from waf.inspect.native import BODIES
from waf.model import Field, Kind, Part

SHEET: Final[Callable[[bytes, int, bool], tuple[bytes, bool, bool, tuple[bytes, ...]] | None] | None] = (
    BODIES.json_sheet if BODIES else None
)
"""The sheet of a document, or of one a line; whether a value has escapes, whether it may be a request of GraphQL, and
keys that an object has twice."""
SCREEN: Final[Callable[[bytes, int, bytes | None, bytes | None], tuple[int, bytes] | None] | None] = (
    BODIES.json_screen if BODIES else None
)
"""What of a document two programs do not prove to be clean."""
FORM_SCREEN: Final[Callable[[bytes, int, bytes | None, bytes | None], tuple[int, bytes] | None] | None] = (
    BODIES.form_screen if BODIES else None
)
"""The same of a form."""
PARTS_SHEET: Final[Callable[[bytes, bytes, int], tuple[bytes, int] | None] | None] = (
    BODIES.parts_sheet if BODIES else None
)
"""The sheet of a form in parts, and how many fields it has."""
PARTS_SCREEN: Final[
    Callable[[bytes, bytes, int, bytes | None, bytes | None], tuple[int, bytes] | None] | None
] = BODIES.parts_screen if BODIES else None
XML_SHEET: Final[Callable[[bytes, int, int], tuple[bytes, int] | None] | None] = (
    BODIES.xml_sheet if BODIES else None
)
XML_SCREEN: Final[
    Callable[[bytes, int, int, bytes | None, bytes | None], tuple[int, bytes] | None] | None
] = BODIES.xml_screen if BODIES else None


_KINDS: Final = tuple(Kind)
_WHAT: Final = 3
_THE_REST: Final = 2  # as in waf/_bodies_lines.h


def json_lines(data: bytes, limits: Limits) -> BodyLines | None:
    """The fields of strict documents in lines."""
    told = None if BODIES is None else BODIES.json_lines(data, limits.fields)
    return None if told is None else (*_each_once(*told), Part.JSON, Part.JSON_KEY, Part.BODY)


def json_fields(data: bytes, limits: Limits) -> list[Field] | None:
    """The fields of strict documents."""
    told = None if BODIES is None else BODIES.json_fields(data, limits.fields)
    if told is None:
        return None
    lines = (*_each_once(*told[:3]), Part.JSON, Part.JSON_KEY, Part.BODY)
    return fields(lines, told[3])


def has_more(data: bytes, most: int) -> bool | None:
    """Whether strict documents have more fields than `most`."""
    told = None if BODIES is None else BODIES.json_lines(data, most)
    return None if told is None else _is_more(told[1])


def _is_more(table: bytes) -> bool:
    return bool(table) and memoryview(table).cast("i")[-1] & _WHAT == _THE_REST


def _each_once(text: bytes, table: bytes, names: bytes) -> tuple[bytes, bytes, bytes]:
    """What is more than there may be fields, which has marks in it, with each of its values once, in lines."""
    if not _is_more(table):
        return text, table, names
    rows = array("i", table)
    start = rows[-4]
    text = text[:start] + b"\n".join(dict.fromkeys(text[start:].split(MARK)))
    rows[-3] = len(text)
    return text, rows.tobytes(), names


def form_lines(data: bytes, limits: Limits) -> BodyLines | None:
    """The fields of a urlencoded form in lines."""
    told = None if BODIES is None else BODIES.form_lines(data, 2 * most_pairs(limits))
    return None if told is None else (*told, Part.FORM, Part.FORM_NAME, Part.BODY)


def parts_lines(data: bytes, boundary: bytes, limits: Limits) -> BodyLines | None:
    """The fields of a form in parts in lines."""
    told = None if BODIES is None else BODIES.parts_lines(data, boundary, limits.fields)
    return None if told is None else (*told, Part.FORM, Part.PART_NAME, Part.BODY)


def xml_lines(data: bytes, limits: Limits) -> BodyLines | None:
    """The fields of a document of XML in lines."""
    told = None if BODIES is None else BODIES.xml_lines(data, limits.depth, limits.fields)
    return None if told is None else (*_each_once(*told), Part.XML, Part.XML_NAME, Part.BODY)


def fields(lines: BodyLines, kinds: bytes = b"") -> list[Field]:
    """The fields that stand in lines; all of them are texts where nothing else is told."""
    text, table, names = lines[:3]
    parts = lines[3:]
    rows = iter(memoryview(table).cast("i"))
    labels: dict[tuple[int, int], str] = {}
    made = []
    for start, end, at, told in zip(rows, rows, rows, rows, strict=True):
        label = labels.get((at, told))
        if label is None:
            label = labels[at, told] = names[at : at + (told >> 2)].decode()
        made.append(Field(parts[told & _WHAT], label, text[start:end]))
    for number, kind in enumerate(kinds):
        if kind:
            made[number] = replace(made[number], kind=_KINDS[kind])
    return made
