"""What stands in JSON documents that were read: their keys, strings and numbers, wherever.

Owns the walk that knows no places, in Python and (`waf/_bodies_scalars.h`) in C.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from waf.inspect.native import BODIES


class Pairs(list[tuple[str, Any]]):
    """An object that has a key twice."""


def nested(text: str) -> Any:
    """The object or list that a string holds as JSON, None where it holds none."""
    if text[:1] in ("{", "[") and text[-1:] in ("}", "]"):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
    return None


def read_scalars(documents: list[Any], pairs: type[Any]) -> tuple[list[str], list[int | float]]:
    """Every key and every string, and every number, in no order. In C: `waf/_bodies_scalars.h`."""
    found: list[str] = []
    numbers: list[int | float] = []
    stack: list[Any] = [documents]
    while stack:
        container = stack.pop()
        values: Iterable[Any] = container
        if type(container) is dict:
            found += container
            values = container.values()
        elif type(container) is pairs:
            found += [name for name, _ in container]
            values = [value for _, value in container]
        for value in values:
            kind = type(value)
            if kind is str:
                found.append(value)
            elif kind is dict or kind is list or kind is pairs:
                stack.append(value)
            elif kind is int or kind is float:
                numbers.append(value)
    return found, numbers


scalars: Final[Callable[[list[Any], type[Any]], tuple[list[str], list[int | float]]]] = (
    read_scalars if BODIES is None else BODIES.json_scalars
)


def within(strings: Iterable[str]) -> list[str]:
    """Every key and string of the JSON that strings hold."""
    inner = [
        document for text in strings if text[:1] in {"{", "["} and (document := nested(text)) is not None
    ]
    return scalars(inner, Pairs)[0] if inner else []


def values(documents: list[Any], look_within: bool) -> list[bytes]:
    """Every key and string once, every number, in no order; with `look_within` keys and strings held by strings, too."""
    strings, numbers = scalars(documents, Pairs)
    strings = [*dict.fromkeys(strings)]
    if look_within and (held := within(strings)):
        strings = [*dict.fromkeys(strings + held)]
    try:
        texts = [*map(str.encode, strings)]
    except UnicodeEncodeError:
        texts = [*map(as_bytes, strings)]
    return [*texts, *map(str.encode, map(str, numbers))]


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
