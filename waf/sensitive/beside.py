"""Which values stand beside another: a verification code counts only near its card.

Whoever writes pages of codes must not make each be compared with all: a place among the others is found by bisection.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from waf.sensitive.hits import Hit

BESIDE: Final = 400
"""Bytes between a value and the one that it must stand beside."""


def settled_by(hits: list[Hit]) -> list[Hit]:
    """`hits` without those that lack the value they must stand beside."""
    for hit in hits:
        if hit.entity.beside:
            neighbours = Neighbours(hits)
            return [hit for hit in hits if not hit.entity.beside or neighbours.stand_by(hit)]
    return hits


class Neighbours:
    """Of `hits`, which are in order and apart."""

    __slots__ = ("_hits", "_known")

    def __init__(self, hits: Sequence[Hit]) -> None:
        self._hits = hits
        self._known: dict[str, tuple[list[int], list[int]]] = {}

    def stand_by(self, hit: Hit) -> bool:
        """One of the hits that `hit` must stand beside is near it."""
        wanted = hit.entity.beside
        known = self._known.get(wanted)
        if known is None:
            others = [other for other in self._hits if other.entity.id.startswith(wanted)]
            known = [other.start for other in others], [other.end for other in others]
            self._known[wanted] = known
        starts, ends = known
        last = bisect_left(starts, hit.end + BESIDE) - 1
        return last >= 0 and ends[last] > hit.start - BESIDE
