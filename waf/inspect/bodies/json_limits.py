"""Limits of plain JSON documents that are judged without their fields.

Owns the counting: what `json_body` notes while it makes fields is noted here of documents for which nobody makes any.
"""

from __future__ import annotations

from typing import Any

import orjson

from waf.inspect.bodies.parsed import MARK, Notes
from waf.model import Part


def note_limits(data: bytes, sheet: bytes, notes: Notes) -> None:
    """Notes what making the fields of a plain document would: mostly it is judged by its sheet, without any."""
    limits = notes.limits
    if len(data) > limits.value and _has_longer(sheet, limits.value):
        notes.add("limit.value", Part.JSON)
    if len(data) < 2 * limits.fields:
        return
    values = sheet.count(MARK)  # keys as often as they stand there, and no empty containers
    if values - data.count(b":") > limits.fields or (
        values + data.count(b"[") + data.count(b"{") > limits.fields
        and _has_more(orjson.loads(data), limits.fields)
    ):
        notes.add("limit.fields")


def _has_longer(sheet: bytes, longest: int) -> bool:
    """Whether a value is longer than so many bytes."""
    start = 0
    while len(sheet) - start > longest:
        mark = sheet.rfind(MARK, start, start + longest + 1)
        if mark < 0:
            return True
        start = mark + 1
    return False


def _has_more(document: Any, most: int) -> bool:
    """Whether `json_body` would make more fields of it; it looks at no more of them."""
    count = 0
    stack: list[tuple[Any, dict[str, Any]]] = [(document, {})]
    while stack:
        value, names = stack.pop()  # of keys at this path
        kind = type(value)
        if (kind is not dict and kind is not list) or not value:
            count += 1
            if count > most:
                return True
        elif count + len(value) > most:
            return True
        elif kind is dict:
            for name, child in value.items():
                below = names.get(name)
                if below is None:
                    below = names[name] = {}
                    count += 1
                stack.append((child, below))
        else:
            below = names.setdefault("", {})
            stack += [(child, below) for child in value]
    return count > most
