"""Limits of plain JSON documents that are judged without their fields.

Owns the counting: what `json_body` notes while it makes fields is noted here of documents for which nobody makes any.
"""

from __future__ import annotations

from typing import Any

import orjson

from waf.inspect.bodies import plain
from waf.inspect.bodies.json_values import nested
from waf.inspect.bodies.parsed import MARK, Notes
from waf.model import Part


def note_limits(data: bytes, sheet: bytes, notes: Notes, *, lines: bool = False) -> None:
    """Notes what making the fields of a plain document, or of one a line, would: mostly it is judged by its sheet, without any."""
    limits = notes.limits
    if len(data) > limits.value and _has_longer(sheet, limits.value):
        notes.add("limit.value", Part.JSON)
    if len(data) < 2 * limits.fields:
        return
    values, colons, opened = _counts(data, sheet)
    # Values with keys, as often as they stand there, and without empty containers; strings may hold colons and brackets.
    if values - colons > limits.fields or (
        values + opened > limits.fields and _has_more(data, limits.fields, lines)
    ):
        notes.add("limit.fields")


def _has_more(data: bytes, most: int, lines: bool) -> bool:
    told = plain.has_more(data, most)
    if told is not None:
        return told
    documents = (
        [orjson.loads(line) for line in data.split(b"\n") if line.strip()] if lines else [orjson.loads(data)]
    )
    return _counts_more(documents, most)


def _has_longer(sheet: bytes, longest: int) -> bool:
    """Whether a value is longer than so many bytes."""
    start = 0
    while len(sheet) - start > longest:
        mark = sheet.rfind(MARK, start, start + longest + 1)
        if mark < 0:
            return True
        start = mark + 1
    return False


def _counts_more(documents: list[Any], most: int) -> bool:
    """Whether `json_body` would make more fields of them; it looks at no more of them."""
    count = 0
    for document in documents:
        count += _fields_of(document, most - count)
        if count > most:
            return True
    return False


def _fields_of(document: Any, most: int) -> int:
    """How many fields `json_body` would make of it; one more than `most` where they are more."""
    count = 0
    keys: set[str] = set()  # by their paths, each once
    stack: list[tuple[str, Any, bool]] = [("", document, False)]
    while stack:
        path, value, inner = stack.pop()
        kind = type(value)
        if (kind is not dict and kind is not list) or not value:
            count += 1
            if kind is str and not inner and (within := nested(value)) is not None:
                stack.append((f"{path}{{}}", within, True))
        elif count + len(value) > most:  # each of them makes one at least
            return most + 1
        elif kind is dict:
            lead = f"{path[:1000]}." if path else ""
            for name, child in value.items():
                place = lead + name
                if place not in keys:
                    keys.add(place)
                    count += 1
                stack.append((place, child, inner))
        else:
            place = f"{path}[]"
            stack += [(place, child, inner) for child in value]
        if count > most:
            return most + 1
    return count


def _count(data: bytes, sheet: bytes) -> tuple[int, int, int]:
    """Marks in a sheet, and colons and opening brackets of either kind in its document."""
    return sheet.count(MARK), data.count(b":"), data.count(b"[") + data.count(b"{")


try:
    from waf._bodies import json_counts as _counts
except ImportError:
    _counts = _count
