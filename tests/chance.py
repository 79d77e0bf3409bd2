"""Many values by chance from one number that hypothesis draws: to draw each part of each value takes it far longer than to
test them.

What fails is told, but not made smaller; so values of few parts are drawn by hypothesis beside these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


def by_chance(make: Callable[[Random], T]) -> st.SearchStrategy[T]:
    """What `make` makes with a source of chance."""
    return st.integers(0, (1 << 64) - 1).map(lambda seed: make(Random(seed)))


def several(make: Callable[[Random], T], count: int = 12) -> st.SearchStrategy[list[T]]:
    """So many at once."""
    return by_chance(lambda chance: [make(chance) for _ in range(count)])


def joined(pieces: Sequence[bytes], most: int, odd: int = 0) -> Callable[[Random], bytes]:
    """Makes texts of up to `most` pieces, few as often as many; with `odd`, up to so many bytes of any kind stand here and there."""

    def make(chance: Random) -> bytes:
        mixed = odd and chance.random() < 0.6
        return b"".join(
            chance.randbytes(chance.randint(0, odd))
            if mixed and chance.random() < 0.4
            else chance.choice(pieces)
            for _ in range(chance.randint(0, chance.choice([3, most // 4, most])))
        )

    return make
