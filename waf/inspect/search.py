"""The search of many values through all their views with a few scans a round.

Owns the rounds: what is still to be decoded, how much of it, and which text a match belongs to. Knows patterns by
their numbers alone; what a match means is the caller's business.
"""

from __future__ import annotations

import functools
from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from waf.http1.speed import PASSES
from waf.inspect.changes import REACH, Changes, carried, changes, is_open
from waf.inspect.confirm.shape import is_document
from waf.inspect.decode import MAX_TEXTS, STEPS, Step, Text
from waf.inspect.effort import COUNTED, Effort
from waf.inspect.folded import ALL_FOLDS, Folded
from waf.inspect.hints import Hints, Spot
from waf.inspect.hits import Hit, Place, Result, Scan, ends_of, firsts, gathered, steps_of
from waf.inspect.joining import among_others, is_anchored, joined, stays_within, without_marks
from waf.inspect.matcher import (
    CLOSE,
    MAX_MATCHES,
    PER_MATCH,
    SHORT,
    Match,
    Matcher,
    Pattern,
    TooManyMatches,
    placed,
    watched,
)
from waf.inspect.views import View
from waf.model import PatternStore
from waf.prefilter import program

_LONG: Final = 4096  # bytes of a long text
_PARTED: Final = 2048  # bytes of a text of which only what is new is searched
_PER_TEXT: Final = (
    64  # bytes of a value for which it may have a text more than MAX_TEXTS: of documents within
)
_HITS: Final = 512  # matches in all texts of a message, and …
_PER_HIT: Final = (
    12  # … one more for so many bytes of it: three times what source code has in all of its views
)
_FEW: Final = 4  # values that are tried at once
_BIG: Final = 512  # mean bytes of texts that are not scanned all at once, but …
_BATCH: Final = 4096  # … as many as have so many bytes: what characters others have costs nothing, nor do a dozen scans a text


_TELLING: Final = int(View.PERCENT | View.UNICODE | View.UTF16 | View.NULL)


@functools.lru_cache(maxsize=1024)
def _steps_of(bits: int) -> tuple[Step, ...]:
    return tuple(step for step in STEPS if step.bit & bits)


class Searcher:
    """Patterns, and the hints of all views; immutable.

    `program` lets values pass in which neither a pattern nor a hint matches (see `prefilter.program`).
    """

    __slots__ = ("anchored", "families", "far", "folded", "hints", "matcher", "program", "whole", "within")

    def __init__(
        self,
        matcher: Matcher | None,
        hints: Hints,
        folded: Folded,
        program: bytes | None = None,
        within: Sequence[bool] = (),
        anchored: Sequence[bool] = (),
        whole: Sequence[bool] = (),
        families: Sequence[int] = (),
        far: Matcher | None = None,
    ) -> None:
        self.matcher: Final = matcher
        self.hints: Final = hints
        self.folded: Final = folded
        self.program: Final = program
        self.far: Final = (
            far  # patterns whose matches may reach further than what is searched around a change
        )
        # Of each pattern whether none of its matches spans joined values, …
        self.within: Final = bytes(within)
        self.anchored: Final = tuple(anchored)  # … it asks for the beginning or the end of a line, …
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
        anchored = [is_anchored(one.expression) for one in patterns]
        bounded = [without_marks(one.expression) for one in patterns]
        within = [stays_within(one) for one in bounded]
        # What is proved to be clean must not depend on how values are joined.
        expressions = [among_others(one.expression) for one in patterns]
        patterns = [
            Pattern(among_others(expression), one.case, one.once)
            for expression, one in zip(bounded, patterns, strict=True)
        ]
        matcher = Matcher.build(patterns, store, grouped=True) if patterns else None
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
        far = Matcher.reaching(patterns, REACH, store)
        families = range(len(patterns)) if families is None else families
        return cls(
            matcher, hints, Folded(patterns, views, store), proves, within, anchored, whole, families, far
        )

    @property
    def size(self) -> int:
        """Bytes of all compiled patterns and hints."""
        matchers = [matcher for matcher in (self.matcher, self.far) if matcher is not None]
        return self.hints.size + self.folded.size + sum(matcher.size for matcher in matchers)

    def scan(self, text: bytes, hinted: tuple[int, list[Spot] | None] | None = None) -> Scan:
        """One look at a text as it is; `hinted` is what `hints.look` gives for it where that is known."""
        if self.matcher is None:
            return Scan([], 0, [])
        there = watched(text) if len(text) > SHORT else None
        matches, overflow = self._matches(text, there)
        return Scan(matches, *(hinted or self.hints.look(text, there)), overflow)

    def _matches(self, text: bytes, there: int | None = None) -> tuple[list[Match], bool]:
        """What is there, and whether there is more."""
        if self.matcher is None:
            return [], False
        try:
            return self.matcher.scan(text, there=there), False
        except TooManyMatches as error:
            return error.found, True

    def scan_all(self, values: Sequence[bytes]) -> Scan:
        """One look at all values together: nothing at all in most requests."""
        return self.scan(joined(values))

    def scan_again(self, values: Sequence[bytes], wanted: Sequence[int], matched: bool) -> Scan:
        """What `scan_all` gives for values out of a scan that told the steps for each, and whether any match."""
        matches, overflow = self._matches(joined(values)) if matched else ([], False)
        return Scan(matches, _all_of(wanted), None, overflow, wanted)

    def narrowed(self, scan: Scan, ends: list[int], wanted: dict[int, int]) -> Scan:
        """What is known of some values out of a scan of all: `wanted` has their numbers, with the steps of each.

        `ends` is that of all (see `ends_of`).
        """
        places = placed(scan.matches, ends, CLOSE)
        if len(wanted) != len(ends):
            numbers = {number: place for place, number in enumerate(wanted)}
            places = [(numbers[number], match) for number, match in places if number in numbers]
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
            if len(value) > _BIG:
                return False
            for step in _steps_of(bits):
                texts += [made for made in step.apply(value) if made and made != value]
        if PASSES is not None:
            texts = [text for text in texts if not PASSES(self.program, text)]
        return not texts or not self.scan(joined(texts))

    def search(self, values: Sequence[bytes], scan: Scan, effort: Effort | None = None) -> Result:
        """All hits in all views of all values; `scan` is their `scan_all`. What it costs is taken from `effort`."""
        effort = Effort(sum(map(len, values))) if effort is None else effort
        return _Rounds(self, values, effort).run(scan)


class _Rounds:
    """One search: texts of a round are scanned together, then decoded into those of the next."""

    def __init__(self, searcher: Searcher, values: Sequence[bytes], effort: Effort) -> None:
        self._effort = effort
        self._hints = searcher.hints
        self._searcher = searcher
        self._values = values
        length = min(sum(len(value) for value in values), COUNTED)
        self._known: dict[int, set[bytes]] = {}  # texts of each value
        self._groups: dict[int, list[Hit]] = {}
        self._count = 0  # of hits
        # Of long texts the matches that are judged by the whole text, one of a pattern.
        self._judged_whole: dict[bytes, dict[int, int]] = {}
        self._most = _HITS + length // _PER_HIT
        self._overflowed: set[int] = set()
        self._exhausted = self._unopened = False

    def run(self, scan: Scan) -> Result:
        frontier = [Text(owner, value) for owner, value in enumerate(self._values)]
        decoded: list[Text] = []
        ends = ends_of(self._values)
        matcher = self._searcher.matcher
        places = placed(scan.matches, ends, CLOSE) if scan.places is None else scan.places
        if places:
            found = len(scan.matches) if scan.places is None else 2 * len(places)
            self._effort.first_matches(found, len(places), ends[-1])
            self._take(frontier, places)
        if scan.overflow:
            self._overflowed.update(range(len(self._values)))
        # What has more matches than are counted is decoded no further: that alone is a finding.
        while made := self._decode(frontier, ends, scan) if scan.steps and not self._overflowed else []:
            decoded += made
            by_folds: dict[int, list[Text]] = {}
            for text in made:
                by_folds.setdefault(text.mask & ALL_FOLDS, []).append(text)
            frontier = []
            for folds, texts in by_folds.items():
                if self._count > self._most:
                    self._overflowed.add(texts[0].owner)
                    break
                self._look(texts, self._searcher.folded.matcher(folds) if folds else matcher)
                if not folds or self._searcher.folded.goes_on(folds):
                    frontier += texts
            ends = ends_of([text.data for text in frontier])
            scan = Scan([], *self._hints.look(joined([text.data for text in frontier])))
        return Result([*self._groups.values()], decoded, self._overflowed, self._exhausted, self._unopened)

    def _look(self, texts: list[Text], matcher: Matcher | None) -> None:
        """Searches texts with all patterns that count in their view."""
        if matcher is None:
            return
        whole = []
        for text in texts:
            if text.changes is None:
                whole.append(text)
            else:
                self._look_at_changes(text, text.changes, matcher)
        for group in _batches(whole):
            if self._count > self._most:
                self._overflowed.add(group[0].owner)
                break
            values = [text.data for text in group]
            data = joined(values)
            try:
                matches = matcher.scan(data, len(group) * MAX_MATCHES + len(data) // PER_MATCH)
            except TooManyMatches as error:
                matches = error.found
                self._overflowed.add(group[0].owner)
            if matches:
                self._give(group, placed(matches, ends_of(values), CLOSE), len(matches))

    def _look_at_changes(self, text: Text, changes: Changes, matcher: Matcher) -> None:
        """Searches a text but for what it has from its source, which was searched."""
        data, searcher = text.data, self._searcher
        matches: list[Match] = []
        doubtful: set[int] = set()
        for part in changes.parts:
            start, end = part
            found = self._scanned(text, data[start:end], matcher)
            matches += [(index, start + place) for index, place in found]
            if found and is_open(data, part):
                doubtful.update(index for index, _ in found if searcher.anchored[index])
        if doubtful:
            certain = set(self._scanned(text, data, matcher, doubtful))
            matches = [match for match in matches if match[0] not in doubtful or match in certain]
        if searcher.far is not None:
            # A match without bounds may begin in what is new and end anywhere.
            matches = list(dict.fromkeys([*matches, *self._scanned(text, data, searcher.far)]))
        # What is judged by the whole text may be judged otherwise now.
        for index, end in self._judged_whole.get(changes.source, {}).items():
            if (place := carried(end, changes.runs)) is not None:
                matches.append((index, place))
        if matches:
            matches.sort(key=_end)
            self._give([text], placed(matches, [len(data) + 1], CLOSE), len(matches))

    def _scanned(self, text: Text, data: bytes, matcher: Matcher, indices: Iterable[int] = ()) -> list[Match]:
        """The matches in `data`, a part of the text; with `indices` those of some patterns."""
        try:
            return matcher.scan_for(data, indices) if indices else matcher.scan(data)
        except TooManyMatches as error:
            self._overflowed.add(text.owner)
            return error.found

    def _decode(self, frontier: list[Text], ends: list[int], scan: Scan) -> list[Text]:
        """The texts that one more step makes of these; `scan` is the look at all of them, joined."""
        following: list[Text] = []
        effort, values = self._effort, self._values
        next_folds = self._searcher.folded.next
        # The short ones first: what is long shall not use up what they need.
        for text, wanted in sorted(self._hinted(frontier, ends, scan), key=_size):
            owner, whole, chain, mask = text.owner, text.data, text.chain, text.mask
            long = len(whole) >= _LONG
            known = self._known.get(owner)
            if known is None:
                known = self._known[owner] = {values[owner]}
            most = MAX_TEXTS + len(values[owner]) // _PER_TEXT
            allowed = text.steps & (next_folds(mask & ALL_FOLDS) | ~ALL_FOLDS)
            for step in _steps_of(wanted & allowed):
                fold = step.fold
                # In a long text a fold undoes what hardly hides there.
                aside = fold and (bool(chain) or long)
                if not (effort.folds if aside else effort.looks):
                    self._exhausted = True
                    self._unopened |= not aside
                    continue
                data = whole
                if text.changes is not None and (fold or not effort.ample):
                    # What is not new goes through the same step where it was not decoded.
                    data = _excerpt(text, text.changes)
                effort.step(len(data), aside=aside)
                for made in text.made(step, data):
                    if made in known:
                        continue
                    if len(known) >= most:
                        self._exhausted = True
                        self._unopened |= not (text.folds or fold)
                        continue
                    known.add(made)
                    apart = len(whole) >= _PARTED and data is whole and not text.folds
                    new = changes(whole, made) if apart else None
                    effort.text(len(made) if new is None else new.size, fold=fold, aside=aside)
                    if new is not None:
                        effort.text(len(made), fold=True, aside=aside)
                    count = text.folds + fold
                    following.append(Text(owner, made, (*chain, step.view), mask | step.bit, count, new))
        return following

    def _hinted(self, frontier: list[Text], ends: list[int], scan: Scan) -> Iterable[tuple[Text, int]]:
        """Those of the texts that some step might change, and the bits of such steps."""
        if len(frontier) == 1:
            return [(frontier[0], scan.steps)]
        if scan.wanted is not None:
            return zip(frontier, scan.wanted, strict=True)
        if scan.spots is None:
            return [(text, self._hints.steps(text.data)) for text in frontier]
        return [(frontier[number], bits) for number, bits in steps_of(ends, (), scan.spots).items()]

    def _give(self, texts: list[Text], places: list[Place], found: int) -> None:
        """Gives every match to its text; `found` are how many there were before those close by were left out."""
        self._effort.matches(found, len(places))
        self._take(texts, places)

    def _take(self, texts: list[Text], places: list[Place]) -> None:
        searcher = self._searcher
        within = b"" if len(texts) == 1 else searcher.within
        owners = [text.owner for text in texts]
        self._count += gathered(self._groups, places, texts, owners, searcher.families, within, Hit)
        parted = bytes([len(text.data) >= _PARTED for text in texts])
        if any(parted):
            for number, (index, end) in firsts(places, parted, searcher.whole):
                self._judged_whole.setdefault(texts[number].data, {}).setdefault(index, end)


def _batches(texts: list[Text]) -> list[list[Text]]:
    """Texts, those together that are scanned at once."""
    sizes = [len(text.data) for text in texts]
    if sum(sizes) <= len(texts) * _BIG:
        return [texts] if texts else []
    batches: list[list[Text]] = []
    room = 0
    for text, size in zip(texts, sizes, strict=True):
        if size > room:
            batches.append([])
            room = _BATCH
        batches[-1].append(text)
        room -= size
    return batches


def _all_of(steps: Iterable[int]) -> int:
    together = 0
    for bits in steps:
        together |= bits
    return together


def _excerpt(text: Text, changes: Changes) -> bytes:
    """What is new in a text; all of it where a part would no longer look like the document that it is."""
    data = b"\n".join([text.data[start:end] for start, end in changes.parts])
    return text.data if is_document(text.data) and not is_document(data) else data


def _end(match: Match) -> int:
    return match[1]


def _size(entry: tuple[Text, int]) -> int:
    return len(entry[0].data)
