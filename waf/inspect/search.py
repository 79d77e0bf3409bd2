"""The search of many values through all their views with one scan a round.

Owns the rounds: what is still to be decoded, how much of it, and which text a match belongs to. Knows patterns by
their numbers alone; what a match means is the caller's business.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import msgspec

from waf.inspect.decode import MAX_TEXTS, STEPS, TRIGGERS, can_differ, may_follow, step
from waf.inspect.matcher import Match, Matcher, Pattern, TooManyMatches
from waf.inspect.views import FOLDS, LAYERS, Chain, View
from waf.model import PatternStore

BETWEEN: Final = b"\n\x7f\n"  # stands between values that are scanned together; no pattern's blank
_STEPS: Final = tuple(STEPS)
_BASE: Final = 64 * 1024  # bytes of decoded text that any message may lead to
_TIMES: Final = 3  # and this many times its own length
_OVERHEAD: Final = 256  # what a text costs beside its bytes, in bytes


class Text(msgspec.Struct, frozen=True, gc=False):
    """A value (`owner`: its index) as one chain of steps left it; `mask` has every view of the chain."""

    owner: int
    chain: Chain
    mask: View
    data: bytes


class Hit(msgspec.Struct, frozen=True, gc=False):
    text: Text
    match: Match


class Result(msgspec.Struct, frozen=True, gc=False):
    """`hits` of patterns (no triggers), `decoded` all texts but the values themselves.

    `overflowed` has the owners of texts with more matches than were counted; `exhausted` says that there was more
    to decode than is decoded.
    """

    hits: list[Hit]
    decoded: list[Text]
    overflowed: set[int]
    exhausted: bool


NOTHING: Final = Result([], [], set(), False)


class Searcher:
    """Patterns and the triggers of all views in one matcher; immutable."""

    __slots__ = ("_count", "matcher")

    def __init__(self, matcher: Matcher, count: int) -> None:
        self.matcher: Final = matcher
        self._count = count

    @classmethod
    def build(cls, patterns: Sequence[Pattern], store: PatternStore) -> Searcher:
        """Raises PatternFault with indices into `patterns`."""
        triggers = [Pattern(TRIGGERS[view], once=True) for view in _STEPS]
        return cls(Matcher.build([*patterns, *triggers], store), len(patterns))

    def scan(self, values: Sequence[bytes]) -> list[Match] | None:
        """What is in all values taken together: nothing at all for most requests. None: more than is counted."""
        try:
            return self.matcher.scan(BETWEEN.join(values))
        except TooManyMatches:
            return None

    def views_of(self, found: Sequence[Match]) -> View:
        """The steps that might change one of the texts scanned."""
        views = View(0)
        for index, _, _ in found:
            if index >= self._count:
                views |= _STEPS[index - self._count]
        return views

    def search(
        self, values: Sequence[bytes], found: Sequence[Match] | None, opaque: frozenset[int] | set[int]
    ) -> Result:
        """All hits in all views of all values. `found` is what `scan` gave; values in `opaque` are not decoded."""
        frontier = [Text(owner, (), View(0), value) for owner, value in enumerate(values)]
        budget = _BASE + _TIMES * sum(len(value) for value in values)
        seen: dict[int, set[bytes]] = {}
        hits: list[Hit] = []
        decoded: list[Text] = []
        overflowed: set[int] = set()
        exhausted = False
        while True:
            self._collect(frontier, found, hits, overflowed)
            views = LAYERS | FOLDS if found is None else self.views_of(found)
            following: list[Text] = []
            for view in _STEPS:
                if not view & views:
                    continue
                for text in frontier:
                    if (
                        not may_follow(text.chain, view)
                        or text.owner in opaque
                        or not can_differ(view, text.data)
                    ):
                        continue
                    if budget <= 0:
                        exhausted = True
                        break
                    budget -= len(text.data) // 4  # the step's own work
                    known = seen.setdefault(text.owner, {values[text.owner]})
                    for made in step(view, text.data):
                        if made in known:
                            continue
                        if len(known) >= MAX_TEXTS:
                            exhausted = True
                            break
                        known.add(made)
                        budget -= len(made) + _OVERHEAD
                        following.append(Text(text.owner, (*text.chain, view), text.mask | view, made))
            if not following:
                return Result(hits, decoded, overflowed, exhausted)
            decoded += following
            frontier = following
            found = self.scan([text.data for text in frontier])

    def _collect(
        self, frontier: list[Text], found: Sequence[Match] | None, hits: list[Hit], overflowed: set[int]
    ) -> None:
        """Gives every match to its text; what was found in a joined scan is looked for in the one text alone."""
        if found is not None:
            found = [match for match in found if match[0] < self._count]
            if not found:
                return
        if found is not None and len(frontier) == 1:
            hits += [Hit(frontier[0], match) for match in found]
            return
        suspects: Sequence[int] = range(len(frontier))
        if found is not None:
            starts = [0, *accumulate(len(text.data) + len(BETWEEN) for text in frontier)]
            suspects = sorted({bisect_right(starts, end - 1) - 1 for _, _, end in found})
        for suspect in suspects:
            text = frontier[suspect]
            try:
                matches = self.matcher.scan(text.data)
            except TooManyMatches as error:
                matches = error.found
                overflowed.add(text.owner)
            hits += [Hit(text, match) for match in matches if match[0] < self._count]
