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
]
"""Raw name, bit, least and most length, allowed bytes, enumeration, shapes, and what else is to be asked."""

@final
class Query:
    def __init__(self, rules: tuple[Rule, ...], others: bool, /) -> None: ...
    def met(self, query: bytes, /) -> int: ...

def shape_of(value: bytes, /) -> bytes: ...
