"""A bounded memory of pure functions of short byte strings: names, hosts and options come again and again.

Never used for values that may be secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


class Memo(dict[bytes, Value]):
    """`memo[key]` is `make(key)`, mostly computed once.

    Holds at most `capacity` keys of at most `longest` bytes and forgets all when full, so a peer that sends
    ever new keys costs time but no memory. What `make` raises is raised and not kept.
    """

    __slots__ = ("capacity", "longest", "make")

    def __init__(self, make: Callable[[bytes], Value], *, capacity: int, longest: int) -> None:
        super().__init__()
        self.make = make
        self.capacity = capacity
        self.longest = longest

    def __missing__(self, key: bytes) -> Value:
        value = self.make(key)
        if len(key) <= self.longest:
            if len(self) >= self.capacity:
                self.clear()
            self[key] = value
        return value
