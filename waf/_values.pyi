from collections.abc import Callable
from typing import final

Rule = tuple[
    bytes,
    int,
    int,
    int,
    bytes,
    frozenset[bytes] | None,
    frozenset[bytes] | None,
    Callable[[bytes], object] | None,
    bool,
    int,
    int,
]
"""Raw name, bit, least and most length, allowed bytes, enumeration, shapes, what else is to be asked, whether it may be
met once only, a bit for each kind that is allowed, and one for each type of which nothing need be asked."""

@final
class Query:
    def __init__(self, rules: tuple[Rule, ...], others: bool, /) -> None: ...
    def met(self, query: bytes, /) -> int: ...

@final
class Document:
    def __init__(self, rules: tuple[Rule, ...], others: bool, /) -> None: ...
    def met(self, document: bytes, /) -> int: ...

def shape_of(value: bytes, /) -> bytes: ...
