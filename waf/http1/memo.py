"""A bounded memory of pure functions of short byte strings: names, hosts, options repeat from request to
request.

Never used for values that may be secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


class Memo(dict[bytes, Value]):
    """`memo[key]` is `make(key)`, computed once while there is room.

    A key longer than `longest` bytes, or one that comes when `capacity` entries are kept, is computed each
    time: a peer can make us slower by a little, never larger. What `make` raises is raised and not kept.
    """

    __slots__ = ("capacity", "longest", "make")

    def __init__(self, make: Callable[[bytes], Value], *, capacity: int, longest: int) -> None:
        super().__init__()
        self.make = make
        self.capacity = capacity
        self.longest = longest

    def __missing__(self, key: bytes) -> Value:
        value = self.make(key)
        if len(self) < self.capacity and len(key) <= self.longest:
            self[key] = value
        return value
