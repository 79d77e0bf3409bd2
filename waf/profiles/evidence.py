"""Who has shown a thing, and when: one integer per thing, merged by OR.

A *thing* is whatever a set is made of: a value, a character class, a shape, a parameter's name, a path
segment. Counting requests would let one client make anything normal by repeating it, so a thing carries
which sources and which hours it was seen in. Both are bitmaps (linear counting: Whang, Vander-Zanden,
Taylor 1990): a source sets one bit of 64 chosen by its keyed hash, an hour one of 32, a trusted request
one of 32. OR makes merging commutative, associative and idempotent; a collision only ever counts too low,
which is the safe side.

Knows nothing of what the things are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec

REQUEST_BITS: Final = 32
HOUR_BITS: Final = 32
SOURCE_BITS: Final = 64

_HOUR_SHIFT: Final = REQUEST_BITS
SOURCE_SHIFT: Final = REQUEST_BITS + HOUR_BITS
REQUESTS: Final = (1 << REQUEST_BITS) - 1
HOURS: Final = ((1 << HOUR_BITS) - 1) << _HOUR_SHIFT
SOURCES: Final = ((1 << SOURCE_BITS) - 1) << SOURCE_SHIFT

FRESH: Final = 1 << (REQUEST_BITS + HOUR_BITS + SOURCE_BITS)
"""Set by every observation, cleared once a month: what stays without it has not been seen since."""

BYTES: Final = 17  # of one evidence, written out
ALL: Final = 2 * FRESH - 1
ENOUGH_SOURCES: Final = 24
ENOUGH_HOURS: Final = 3

Evidence = int
"""Bits as above; 0 is "never seen"."""


def mark(source: int, hour: int, request: int, *, trusted: bool) -> Evidence:
    """What one observation adds to each thing it shows.

    `source` is a keyed hash, `hour` the number of the hour since the epoch, `request` any number that differs
    from one request to the next; it counts only for trusted ones, where each request is a witness by itself.
    """
    bits = FRESH | 1 << (SOURCE_SHIFT + source % SOURCE_BITS) | 1 << (_HOUR_SHIFT + hour % HOUR_BITS)
    return bits | 1 << request % REQUEST_BITS if trusted else bits


def rewitnessed(evidence: Evidence, request: int) -> Evidence:
    """The same mark with another witness, where it has one: what its client sends with each request is one witness."""
    return evidence & ~REQUESTS | 1 << request % REQUEST_BITS if evidence & REQUESTS else evidence


def sources(evidence: Evidence) -> int:
    """How many sources at least have shown it; see `estimate` for the likely number."""
    return (evidence & SOURCES).bit_count()


def hours(evidence: Evidence) -> int:
    return (evidence & HOURS).bit_count()


def estimate(evidence: Evidence) -> float:
    """The likely number of sources; infinite once the bitmap is nearly full (some 200 of them)."""
    empty = SOURCE_BITS - sources(evidence)
    return SOURCE_BITS * math.log(SOURCE_BITS / empty) if empty > 1 else math.inf


_SEEN_BY_ALL: Final = SOURCES | HOURS


def saturated(evidence: Evidence) -> Evidence:
    """The same for every purpose, but of few different values: what more than enough have seen, all have
    seen.

    Commutes with OR, so replicas may do it whenever they like.
    """
    if sources(evidence) >= ENOUGH_SOURCES and hours(evidence) >= ENOUGH_HOURS:
        return evidence | _SEEN_BY_ALL
    return evidence


class Floors(msgspec.Struct, frozen=True):
    """How much evidence one thing needs before it may be relied upon."""

    sources: int = 3
    hours: int = 1
    ignored: Evidence = 0  # source bits that are left out of account (dissenters, see `closing`)

    def rank(self, evidence: Evidence) -> int:
        """0 for unseen, then the number of independent witnesses, at most `need(evidence)` + 1."""
        trusted = (evidence & REQUESTS).bit_count()
        if trusted:
            return min(trusted, 3)
        kept = evidence & ~self.ignored
        if (kept & HOURS).bit_count() < self.hours:
            return min((kept & SOURCES).bit_count(), self.sources - 1)
        return min((kept & SOURCES).bit_count(), self.sources + 1)

    def need(self, evidence: Evidence) -> int:
        """The rank at which a thing with this kind of evidence is known: 1 where trusted."""
        return 1 if evidence & REQUESTS else self.sources

    def known(self, evidence: Evidence) -> bool:
        return self.rank(evidence) >= self.need(evidence)


TWICE = 1.0


class Tally(msgspec.Struct):
    """What a set of things amounts to: how many are known, how many witnesses the doubtful ones have."""

    known: int = 0
    doubtful: float = 0.0


def tally(things: Iterable[Evidence], floors: Floors) -> Tally:
    """Turing's estimate of the number of requests that would meet a thing that is not known.

    Things seen r times stand for (r + 1) * n[r+1] requests (Good 1953), so with a floor of k witnesses the
    mass below it, the unseen things included, is the sum of r * n[r] for r = 1..k. With k = 1 that is the
    usual n[1].
    """
    result = Tally()
    for evidence in things:
        rank, need = floors.rank(evidence), floors.need(evidence)
        if rank >= need:
            result.known += 1
        if rank <= need:
            result.doubtful += rank
        elif rank == 2 and need == 1:
            result.doubtful += TWICE
    return result
