"""What comes before what: at which endpoints a source was before it came to another.

For people, and as a sign of risk: whoever comes to a checkout again and again without ever having had a cart is told.
It never refuses anything, since a bookmark, a deep link and a client of one's own are no attacks. Learned from lessons
in the order in which they come, off the data path; where only a sample is learned, what came before is the last request
of the source that was in it.
"""

from __future__ import annotations

import sys
from typing import Final, NamedTuple

from waf.profiles.observe import HOUR, Observation
from waf.profiles.sampling import Repeats
from waf.profiles.segments import MAX_DEPTH, literal, slot_of, split

TOP: Final = 8  # predecessors remembered of one endpoint
SESSION: Final = 1_800.0  # seconds after which a source begins anew
START: Final = "(start)"  # what comes before the first request of a session
MAX_SOURCES: Final = 4_096
MAX_PLACE: Final = 200  # characters
SETTLED: Final = 200.0  # arrivals, below which nothing is unusual
COVERED: Final = 0.95  # share of them that the remembered must stand for, else anything goes
RARE: Final = 0.005  # share of them below which one is unusual
STRAYS: Final = 10  # unusual steps of one source within an hour that are told


class Before:
    """The commonest predecessors of one endpoint, with counts that are at most `total` / 9 too low.

    A summary of heavy hitters (Misra, Gries, Finding repeated elements, 1982; the same as Space-Saving but for a
    constant), which may be merged (Agarwal et al., Mergeable summaries, PODS 2012): commutative, and exact as long as
    there are no more than `TOP`.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}
        self.total = 0.0

    def add(self, place: str) -> None:
        """Count one arrival from `place`."""
        counts = self.counts
        self.total += 1.0
        if place in counts or len(counts) < TOP:
            counts[place] = counts.get(place, 0.0) + 1.0
        else:
            self.counts = {known: count - 1.0 for known, count in counts.items() if count > 1.0}

    def unusual(self, place: str) -> bool:
        """True if hardly anybody comes from there, and it is known well enough from where they come."""
        if self.total < SETTLED or self.counts.get(place, 0.0) >= RARE * self.total:
            return False
        return sum(self.counts.values()) >= COVERED * self.total

    def shares(self) -> dict[str, float]:
        """Each predecessor with its share of all arrivals, the commonest first."""
        ordered = sorted(self.counts.items(), key=lambda each: (-each[1], each[0]))
        return {place: count / self.total for place, count in ordered} if self.total else {}

    def merge(self, other: Before) -> None:
        counts = self.counts
        for place, count in other.counts.items():
            counts[place] = counts.get(place, 0.0) + count
        self.total += other.total
        if len(counts) > TOP:
            too_many = sorted(counts.values(), reverse=True)[TOP]
            self.counts = {place: count - too_many for place, count in counts.items() if count > too_many}

    def lessen(self, by: Before) -> None:
        """Take the counts of `by` off, as far as they are there."""
        self.total = max(0.0, self.total - by.total)
        lessened = {place: count - by.counts.get(place, 0.0) for place, count in self.counts.items()}
        self.counts = {place: count for place, count in lessened.items() if count > 0.0}

    def age(self) -> None:
        """What is known counts half."""
        self.total /= 2
        self.counts = {place: count / 2 for place, count in self.counts.items() if count >= 1.0}

    def pack(self) -> list[object]:
        return [self.total, sorted(self.counts.items())]

    @classmethod
    def unpack(cls, data: list[object]) -> Before:
        """The inverse of `pack`. Raises ValueError or TypeError."""
        self = cls()
        total, counts = data
        if not isinstance(counts, list) or len(counts) > TOP:
            raise ValueError("more predecessors than are remembered")
        self.total = float(total)  # type: ignore[arg-type]
        self.counts = {sys.intern(str(place)[:MAX_PLACE]): float(count) for place, count in counts}
        return self


class Step(NamedTuple):
    """One arrival: where its source was `before`, and whether it is the first such within the hour, which counts."""

    before: str
    first: bool


class Trails:
    """Where each source was last; the most recent few thousand of them."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[str, float]] = {}
        self._repeats = Repeats()

    def step(self, seen: Observation, method: str) -> Step | None:
        """Note where a source is now, and how it came there; None where that cannot be told."""
        place = _place_of(seen, method)
        last = self._last
        was, when = last.pop(seen.source, (START, seen.wall))
        last[seen.source] = place, seen.wall
        if len(last) > MAX_SOURCES:
            del last[next(iter(last))]
        before = was if 0.0 <= seen.wall - when < SESSION else START
        if not (before and place):
            return None
        # A source that goes the same way again and again is one witness of it, as everywhere.
        return Step(before, self._repeats.count(hash((seen.source, before, place)), seen.wall) == 1)


class Strays:
    """Counts the unusual steps of each source within an hour, of a few thousand sources at most."""

    def __init__(self) -> None:
        self._hour = -1
        self._counts: dict[int, int] = {}

    def tells(self, source: int, now: float) -> bool:
        """Count one; true when it is one too many, once an hour for each source."""
        if (hour := int(now // HOUR)) != self._hour:
            self._hour, self._counts = hour, {}
        if source not in self._counts and len(self._counts) >= MAX_SOURCES:
            return False
        count = self._counts[source] = self._counts.get(source, 0) + 1
        return count == STRAYS


def _place_of(seen: Observation, method: str) -> str:
    """Where a request was: as the profile knows the place, else by the forms of its segments; "" for nowhere to be told."""
    template = seen.endpoint
    if not template.startswith("/") or template.endswith("/**"):
        segments = split(seen.path)
        if segments is None or "segment" in seen.masked:
            return ""
        template = "".join(f"/{slot_of(segment) or literal(segment)}" for segment in segments[:MAX_DEPTH])
    return sys.intern(f"{method} {template}") if len(method) + len(template) < MAX_PLACE else ""
