"""The search of many values through all their views with a few scans a round.

Owns the first look at values, and what all looks need: patterns by their numbers, hints, folds. What a match means is the
caller's business; what is decoded further is that of `rounds`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from waf.http1.speed import PASSES
from waf.inspect import edges
from waf.inspect.changes import NEAR, REACH
from waf.inspect.decode import steps_among
from waf.inspect.effort import COUNTED, Effort
from waf.inspect.far import Far
from waf.inspect.folded import ALL_FOLDS, Folded
from waf.inspect.gates import watched
from waf.inspect.hints import Hints, Spot
from waf.inspect.hits import Result, Scan
from waf.inspect.joining import (
    among_others,
    anchors,
    between_marks,
    joined,
    length_joined,
    stays_within,
    without_marks,
)
from waf.inspect.matcher import (
    CLOSE,
    SHORT,
    Match,
    Matcher,
    Pattern,
    TooManyMatches,
    placed,
)
from waf.inspect.rounds import Rounds
from waf.inspect.views import LAYERS, View
from waf.model import PatternStore
from waf.prefilter import program
from waf.prefilter.expressions import longest

_FEW: Final = 4  # values that are tried at once, …
_SMALL: Final = 512  # … of no more bytes
_SEEN: Final = 1024  # pairs of layers of which it is remembered whether one is seen by all who see the other

_TELLING: Final = int(View.PERCENT | View.UNICODE | View.UTF16 | View.NULL)


class Searcher:
    """Patterns, and the hints of all views; immutable.

    `program` lets values pass in which neither a pattern nor a hint matches (see `prefilter.program`).
    """

    __slots__ = (
        "_layers",
        "_seen",
        "anchored",
        "families",
        "far",
        "folded",
        "hints",
        "matcher",
        "program",
        "sides",
        "whole",
        "within",
    )

    def __init__(
        self,
        matcher: Matcher | None,
        hints: Hints,
        folded: Folded,
        program: bytes | None = None,
        within: Sequence[bool] = (),
        anchored: Sequence[int] = (),
        whole: Sequence[bool] = (),
        families: Sequence[int] = (),
        far: Far | None = None,
        layers: Iterable[int] = (),
        sides: Sequence[int] = (),
    ) -> None:
        self.matcher: Final = matcher
        self._layers: Final = tuple(layers)  # in which the patterns look, each set of them once
        self._seen: dict[tuple[int, int], bool] = {}  # what `sees` told
        self.hints: Final = hints
        self.folded: Final = folded
        self.program: Final = program
        self.far: Final = far  # patterns whose matches may reach further than what is searched around a change for most of them
        # Of each pattern whether none of its matches spans joined values, …
        self.within: Final = bytes(within)
        self.anchored: Final = tuple(
            anchored
        )  # … of one with "^" the bytes of its longest match, 0 of one with "$" alone, -1 of all others, …
        self.sides: Final = bytes(sides)  # … at which sides each of its matches has an end of a value, …
        self.whole: Final = bytes(whole)  # … a match of it is judged by the whole text, wherever it stands, …
        self.families: Final = array("I", families).tobytes()  # … the number of its family.

    @classmethod
    def build(
        cls,
        patterns: Sequence[Pattern],
        store: PatternStore,
        views: Sequence[int] | None = None,
        whole: Sequence[bool] | None = None,
        families: Sequence[int] | None = None,
    ) -> Searcher:
        """`views` has the bits of the views in which each pattern looks; without it all look in all.

        `whole` tells of each whether its matches are judged by the whole text; without it those of none are. `families`
        has the number of that of each; without it each is one of its own.

        Raises PatternFault with indices into `patterns`.
        """
        anchored = [_reach(one.expression) for one in patterns]
        bounded = [without_marks(one.expression) for one in patterns]
        within = [stays_within(one) for one in bounded]
        # What is proved to be clean must not depend on how values are joined.
        expressions = [among_others(one.expression) for one in patterns]
        patterns = [
            replace(one, expression=between_marks(expression))
            for expression, one in zip(bounded, patterns, strict=True)
        ]
        matcher = Matcher.build(patterns, store, grouped=True, marked=True) if patterns else None
        views = [ALL_FOLDS] * len(patterns) if views is None else views
        hints = Hints(store)
        expressions += hints.expressions
        proves = program.build(
            expressions,
            store,
            leads=hints.leads,
            exact=hints.small,
            unquoting=hints.unquoting,
            whole_where_ordinary=True,
        )
        whole = [False] * len(patterns) if whole is None else whole
        far = Far(patterns, REACH, store, close=NEAR, marked=True)
        families = range(len(patterns)) if families is None else families
        return cls(
            matcher,
            hints,
            Folded(patterns, views, store, marked=True),
            proves,
            within,
            anchored,
            whole,
            families,
            far,
            {bits & LAYERS for bits in views},
            [edges.sides(one.expression) for one in patterns],
        )

    def sees(self, mask: int, other: int) -> bool:
        """Whether each pattern that looks in a text of layers `other` looks in one of layers `mask`."""
        known = self._seen.get((mask, other))
        if known is None:
            if len(self._seen) >= _SEEN:
                self._seen.clear()
            known = not any(mask & ~layers and not other & ~layers for layers in self._layers)
            self._seen[mask, other] = known
        return known

    @property
    def size(self) -> int:
        """Bytes of all compiled patterns and hints."""
        parts = [part for part in (self.matcher, self.far, self.hints, self.folded) if part is not None]
        return sum(part.size for part in parts)

    def scan(
        self,
        text: bytes,
        hinted: tuple[int, list[Spot] | None] | None = None,
        head: int | None = None,
    ) -> Scan:
        """One look at a text as it is; `hinted` is what `hints.look` gives for it where that is known, `head` as for `Matcher.scan`."""
        if self.matcher is None:
            return Scan([], 0, [])
        there = watched(text) if len(text) > SHORT else None
        matches, overflow = self._matches(text, there, head)
        return Scan(matches, *(hinted or self.hints.look(text, there)), overflow)

    def _matches(
        self, text: bytes, there: int | None = None, head: int | None = None
    ) -> tuple[list[Match], bool]:
        """What is there, and whether there is more."""
        if self.matcher is None:
            return [], False
        try:
            return self.matcher.scan(text, there=there, head=head), False
        except TooManyMatches as error:
            return error.found, True

    def scan_all(self, values: Sequence[bytes], heads: int | None = None) -> Scan:
        """One look at all values together: nothing at all in most requests. So many of the first may be of a head; None: all of them."""
        return self.scan(joined(values), head=None if heads is None else length_joined(values[:heads]))

    def scan_again(self, values: Sequence[bytes], wanted: Sequence[int], matched: bool) -> Scan:
        """What `scan_all` gives for a body's values out of a scan that told the steps for each, and whether any match."""
        matches, overflow = self._matches(joined(values), head=0) if matched else ([], False)
        return Scan(matches, _all_of(wanted), None, overflow, wanted)

    def narrowed(self, scan: Scan, ends: list[int], wanted: dict[int, int]) -> Scan:
        """What is known of some values out of a scan of all: `wanted` has their numbers, with the steps of each.

        `ends` is that of all (see `ends_of`).
        """
        places = placed(scan.matches, ends, CLOSE, wanted if len(wanted) != len(ends) else None)
        steps = [*wanted.values()]
        # Where the places are known, only whether there is any match is asked about matches.
        return Scan([match for _, match in places[:1]], _all_of(steps), None, False, steps, places)

    def idle(self, values: Sequence[bytes], scan: Scan) -> bool:
        """True where it is certain that `search` gives no hit and nothing to note: the usual end of a suspicion.

        `scan` is one of `scan_again`. Only few short values without a match are tried, and only steps of which one
        alone tells nothing about how a value was written.
        """
        if (
            scan.matches
            or scan.overflow
            or scan.wanted is None
            or scan.steps & _TELLING
            or len(values) > _FEW
        ):
            return False
        texts: list[bytes] = []
        for value, bits in zip(values, scan.wanted, strict=True):
            if len(value) > _SMALL:
                return False
            for step in steps_among(bits):
                texts += [made for made in step.apply(value) if made and made != value]
        if PASSES is not None:
            texts = [text for text in texts if not PASSES(self.program, text)]
        return not texts or not self.scan(joined(texts))

    def search(
        self,
        values: Sequence[bytes],
        scan: Scan,
        effort: Effort | None = None,
        heads: int | None = None,
    ) -> Result:
        """All hits in all views of all values; `scan` and `heads` as of `scan_all`. What it costs is taken from `effort`."""
        effort = Effort(sum(map(len, values))) if effort is None else effort
        return Rounds(self, values, effort, len(values) if heads is None else heads).run(scan)


def _reach(expression: bytes) -> int:
    """Bytes of the longest match with a mark before and behind it, at most `COUNTED`; 0 without "^", -1 without "$" as well."""
    has = anchors(expression)
    if b"^" not in has:
        return 0 if has else -1
    most = longest(expression)
    return COUNTED if most is None else min(most + 2, COUNTED)


def _all_of(steps: Iterable[int]) -> int:
    together = 0
    for bits in steps:
        together |= bits
    return together
