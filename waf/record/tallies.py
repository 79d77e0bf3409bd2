"""The numbers behind the metrics: plain sums, cheap to add to, easy to join.

The hot path adds to ordinary ints and lists, which costs a tenth of a metrics library's children; families
are made of them only when somebody asks. Owns bounds on labels: no stream of requests can make a series
without end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

K = TypeVar("K")

OTHER: Final = "_OTHER"

# OpenTelemetry's buckets for HTTP durations, and finer ones for what we add ourselves. Seconds.
DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
OVERHEADS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, *DURATIONS)


class Histogram:
    """Counts by upper bound; `counts` has one more for what is above the last."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        at = 0
        for bound in self.bounds:  # nearly all are below the first few
            if value <= bound:
                break
            at += 1
        self.counts[at] += 1
        self.sum += value


class Counts(Generic[K]):
    """Sums by key, at most `capacity` of them; later ones go under what `overflow` makes of their key."""

    __slots__ = ("_capacity", "_overflow", "sums")

    def __init__(self, capacity: int, overflow: Callable[[K], K]) -> None:
        self.sums: dict[K, int] = {}
        self._capacity = capacity
        self._overflow = overflow

    def add(self, key: K, amount: int = 1) -> None:
        sums = self.sums
        try:
            sums[key] += amount
        except KeyError:
            if len(sums) >= self._capacity:
                key = self._overflow(key)
            sums[key] = sums.get(key, 0) + amount
