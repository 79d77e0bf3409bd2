"""The rounds of a search: what is still to be decoded, how much of it, and which text a match belongs to.

Owns one search of some values; what it looks with is the searcher's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from waf.inspect.changes import REACH, Changes, Origin, Piece, carried, changes, is_doubtful, origin
from waf.inspect.confirm.shape import is_document
from waf.inspect.decode import MAX_TEXTS, Text, steps_among
from waf.inspect.edges import BEGINS, ENDS
from waf.inspect.effort import COUNTED, Effort
from waf.inspect.folded import ALL_FOLDS
from waf.inspect.hits import Hit, Place, Result, Scan, ends_of, firsts, gathered, steps_of
from waf.inspect.joining import joined, length_joined, parted
from waf.inspect.matcher import (
    CLOSE,
    MAX_MATCHES,
    PER_MATCH,
    Match,
    Matcher,
    TooManyMatches,
    placed,
)

if TYPE_CHECKING:
    from waf.inspect.search import Searcher

_LONG: Final = 4096  # bytes of a long text
_PARTED: Final = 2048  # bytes of a text of which only what is new is searched
_PER_TEXT: Final = (
    64  # bytes of a value for which it may have a text more than MAX_TEXTS: of documents within
)
_HITS: Final = 512  # matches in all texts of a message, and …
_PER_HIT: Final = 24  # … one more for so many bytes of it: nearly twice what dumps and source code have in all of their views
_KIN: Final = 3  # texts that another is held against, and …
_REACHED: Final = 2 * REACH  # … bytes that are new in it with which nothing more is to be won
_SOME: Final = 4  # a part in so many of what all patterns cost is what those cost whose matches are judged by the whole text
_DOUBTS: Final = 32  # matches that are looked at one by one, …
_DOUBTFUL: Final = 2048  # … with so many bytes before their ends
_HELD: Final = 16  # bytes of such a text that count as one that is searched
_OWNER: Final = attrgetter("owner")
_CUT: Final = b".\n"  # stands for what was before
_BIG: Final = 512  # mean bytes of texts that are not scanned all at once, but …
_BATCH: Final = 4096  # … as many as have so many bytes: what characters others have costs nothing, nor do a dozen scans a text


class Rounds:
    """One search: texts of a round are scanned together, then decoded into those of the next."""

    def __init__(self, searcher: Searcher, values: Sequence[bytes], effort: Effort, heads: int) -> None:
        """Of the values so many of the first may be of a message's head."""
        self._effort = effort
        self._heads = heads
        self._hints = searcher.hints
        self._searcher = searcher
        self._values = list(values)
        length = min(sum(len(value) for value in values), COUNTED)
        self._known: dict[int, set[bytes]] = {}  # texts of each value
        self._kin: dict[int, list[Text]] = {}  # of each value the last long ones that no fold made
        self._groups: dict[int, list[Hit]] = {}
        self._count = 0  # of hits
        # Of long texts the matches that are judged by the whole text, one of a pattern.
        self._judged_whole: dict[bytes, dict[int, int]] = {}
        self._most = _HITS + length // _PER_HIT
        self._overflowed: set[int] = set()
        self._exhausted = self._unopened = False
        self._allowed: dict[tuple[int, int], int] = {}  # steps after others and so many layers

    def run(self, scan: Scan) -> Result:
        frontier = [Text(owner, value) for owner, value in enumerate(self._values)]
        decoded: list[Text] = []
        ends = ends_of(self._values)
        matcher = self._searcher.matcher
        places = placed(scan.matches, ends, CLOSE) if scan.places is None else scan.places
        if places:
            found = len(scan.matches) if scan.places is None else 2 * len(places)
            self._effort.first_matches(found, len(places), ends[-1])
            if self._effort.left <= 0 and len(places) > _HITS:
                # Nobody can be asked about any of them: some are enough to tell of.
                self._overflowed.add(places[_HITS][0])
                places = places[:_HITS]
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

    def _of_body(self, text: Text) -> bool:
        return text.owner >= self._heads

    def _look(self, texts: list[Text], matcher: Matcher | None) -> None:
        """Searches texts with all patterns that count in their view."""
        if matcher is None:
            return
        whole = sorted([text for text in texts if text.unsearched is None], key=self._of_body)
        sizes = [len(text.data) for text in whole]
        few = sum(sizes) <= len(whole) * _BIG
        for group in [whole] if whole and few else _batches(whole, sizes):
            if self._count > self._most:
                self._overflowed.add(group[0].owner)
                break
            values = [text.data for text in group]
            data = joined(values)
            first = [text.data for text in group if text.owner < self._heads]
            most = len(group) * MAX_MATCHES + len(data) // PER_MATCH
            try:
                matches = matcher.scan(data, most, head=length_joined(first))
            except TooManyMatches as error:
                matches = error.found
                self._overflowed.add(group[0].owner)
            if matches:
                self._give(group, placed(matches, ends_of(values), CLOSE), len(matches))
        changed = [text for text in texts if text.unsearched is not None]
        for group in _batches(changed, [_new_bytes(text) for text in changed]):
            if self._count > self._most:
                self._overflowed.add(group[0].owner)
                break
            self._look_at_changes(group, matcher)

    def _look_at_changes(self, texts: list[Text], matcher: Matcher) -> None:
        """Searches texts but for what each has from its source, which was searched."""
        searcher = self._searcher
        each = [text.unsearched for text in texts if text.unsearched is not None]
        found, doubtful = self._in_parts(texts, [one.near for one in each], matcher)
        asked: dict[Matcher, list[tuple[int, list[Piece], bool]]] = {}
        if searcher.far is not None:
            if searcher.far.further is not None:
                more, unsure = self._in_parts(texts, [one.parts for one in each], searcher.far.further)
                for number, matches in enumerate(more):
                    found[number] += matches
                    doubtful[number] |= unsure[number]
            # A match without bounds may begin in what is new and end anywhere.
            for number, text in enumerate(texts):
                for far, parts, ends in searcher.far.wanted(text.data):
                    asked.setdefault(far, []).append((number, parts, ends))
        found = [
            self._certain(text, found[number], matcher, doubtful[number]) for number, text in enumerate(texts)
        ]
        for far, those in asked.items():
            further = [texts[number] for number, _, _ in those]
            more, unsure = self._in_parts(further, [parts for _, parts, _ in those], far)
            for (number, _, ends), text, matches, doubts in zip(those, further, more, unsure, strict=True):
                if matches:
                    if ends:
                        doubts.update(matches)
                    found[number] += self._certain(text, matches, matcher, doubts, ends)
        # In the order in which they were made: each may be held against those before it.
        for text, new, matches in zip(texts, each, found, strict=True):
            # What is judged by the whole text may be judged otherwise now.
            for one in new.origins:
                for index, end in self._judged_whole.get(one.source, {}).items():
                    if (place := carried(end, one.runs)) is not None:
                        matches.append((index, place))
            if matches:
                every = sorted(dict.fromkeys(matches), key=_end)
                self._give([text], placed(every, [len(text.data) + 1], CLOSE), len(every))

    def _certain(
        self, text: Text, matches: list[Match], matcher: Matcher, doubtful: set[Match], ends: bool = False
    ) -> list[Match]:
        """The matches without those doubtful ones that the text does not have. `ends`: they may begin anywhere before."""
        if not doubtful:
            return matches
        data, unsure = text.data, doubtful
        if len(doubtful) <= _DOUBTS:
            self._effort.doubts(len(doubtful))
            unsure = set()
            untrue: set[Match] = set()
            for match in doubtful:
                index, end = match
                start = max(end - _DOUBTFUL, 0)
                if ends and start and self._searcher.sides[index] & BEGINS:
                    unsure.add(match)
                    continue
                try:
                    near = matcher.scan_for(data[start : end + CLOSE], (index,), _DOUBTFUL)
                except TooManyMatches:
                    continue  # so few bytes have so many that this one counts
                if (index, end - start) not in near:
                    (unsure if ends else untrue).add(match)
            matches = [match for match in matches if match not in untrue]
        if unsure:
            certain = set(self._scanned(text, data, matcher, {index for index, _ in unsure}))
            matches = [match for match in matches if match not in unsure or match in certain]
        return matches

    def _in_parts(
        self, texts: list[Text], parts: list[list[Piece]], matcher: Matcher
    ) -> tuple[list[list[Match]], list[set[Match]]]:
        """Of each text the matches in its parts, and those of them that it may not have."""
        found: list[list[Match]] = [[] for _ in texts]
        doubtful: list[set[Match]] = [set() for _ in texts]
        bounds = [(number, piece) for number, own in enumerate(parts) for piece in own]
        if not bounds:
            return found, doubtful
        data, ends = parted([text.data for text in texts], parts)
        searcher, alone, first = self._searcher, len(bounds) == 1, min(texts, key=_OWNER)
        # Where a text was cut, or two pieces meet, there may be a match which it does not have.
        for piece, (index, place) in placed(self._scanned(first, data, matcher, (), len(bounds)), ends, 0):
            number, bound = bounds[piece]
            size, sides = len(texts[number].data), searcher.sides[index]
            if (sides & BEGINS and bound[0]) or (sides & ENDS and bound[1] < size):
                continue  # the text has no end there
            match = index, bound[0] + place
            found[number].append(match)
            reach = searcher.anchored[index]
            if (reach >= 0 and is_doubtful(place, reach, bound, size)) or not (
                alone or searcher.within[index]
            ):
                doubtful[number].add(match)
        return found, doubtful

    def _scanned(
        self, text: Text, data: bytes, matcher: Matcher, indices: Iterable[int] = (), pieces: int = 1
    ) -> list[Match]:
        """The matches in `data`, a part of the text or so many pieces of it; with `indices` those of some patterns."""
        most = pieces * MAX_MATCHES + len(data) // PER_MATCH
        head = None if text.owner < self._heads else 0
        try:
            return matcher.scan_for(data, indices, most) if indices else matcher.scan(data, most, head=head)
        except TooManyMatches as error:
            self._overflowed.add(text.owner)
            return error.found

    def _decode(self, frontier: list[Text], ends: list[int], scan: Scan) -> list[Text]:
        """The texts that one more step makes of these; `scan` is the look at all of them, joined."""
        following: list[Text] = []
        effort, values = self._effort, self._values
        allowing = self._allowed
        # The short ones first: what is long shall not use up what they need.
        for text, wanted in sorted(self._hinted(frontier, ends, scan), key=_size):
            owner, whole, chain, mask = text.owner, text.data, text.chain, text.mask
            long = len(whole) >= _LONG
            known = self._known.get(owner)
            if known is None:
                known = self._known[owner] = {values[owner]}
            most = MAX_TEXTS + len(values[owner]) // _PER_TEXT
            behind = (mask, len(chain))
            allowed = allowing.get(behind)
            if allowed is None:
                more = self._searcher.folded.next(mask & ALL_FOLDS) | ~ALL_FOLDS
                allowed = allowing[behind] = text.steps & more
            for step in steps_among(wanted & allowed):
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
                    data = self._excerpt(text, text.changes)
                effort.step(len(data), aside)
                for made in text.made(step, data):
                    if made in known:
                        continue
                    if len(known) >= most:
                        self._exhausted = True
                        self._unopened |= not (text.folds or fold)
                        continue
                    known.add(made)
                    apart = len(data) >= _PARTED and not text.folds
                    had = origin(data, made) if apart else None
                    own = changes(made, [had]) if had is not None else None
                    new = self._new(owner, made, mask | step.bit, had, own) if apart and not fold else own
                    if not effort.text(len(made) if new is None else new.size, fold, aside):
                        self._exhausted = True
                        self._unopened |= not (text.folds or fold)
                        continue
                    if new is not None:
                        effort.carried(len(made), aside)
                    count = text.folds + fold
                    one = Text(owner, made, (*chain, step.view), mask | step.bit, count, own, new)
                    following.append(one)
                    if apart and not fold:
                        self._kin.setdefault(owner, []).append(one)
        return following

    def _excerpt(self, text: Text, changes: Changes) -> bytes:
        """What is new in a text; all of it where a part would no longer look like the document that it is.

        It was searched with the text. Of what is judged by the whole text it is known where it first was in there.
        """
        whole, parts = text.data, changes.parts
        if len(parts) == 1 and parts[0] == (0, len(whole)):
            return whole
        data = b"\n".join([whole[start:end] for start, end in parts])
        if is_document(whole) and not is_document(data):
            return whole
        # What does not begin or end with the text shall not look so to "^" and "$".
        before, behind = _CUT if parts[0][0] else b"", _CUT[::-1] if parts[-1][1] < len(whole) else b""
        data = before + data + behind
        judged, matcher = self._judged_whole.get(whole), self._searcher.matcher
        if not judged or data in self._judged_whole or matcher is None:
            return data
        runs, place = [], len(before)
        for start, end in parts:
            runs.append((place, place + end - start, start))
            place += end - start + 1
        ends = {index: carried(end, runs) for index, end in judged.items()}
        if elsewhere := {index for index, end in ends.items() if end is None}:  # and perhaps in here as well
            paid = self._effort.text(len(data) // _SOME, False, False)
            if not paid:
                self._exhausted = self._unopened = True
            for index, end in reversed(self._scanned(text, data, matcher, elsewhere) if paid else []):
                if index in elsewhere:
                    ends[index] = end
        self._judged_whole[data] = {index: end for index, end in ends.items() if end is not None}
        return data

    def _new(
        self, owner: int, made: bytes, mask: int, had: Origin | None, own: Changes | None
    ) -> Changes | None:
        """What is new in a text against all long ones of its value; `own` is against its source, of which it has what `had` tells.

        Escapes of one language are mostly those of another, too, so two steps make nearly the same of a text, and two steps one
        behind the other what each of them makes.
        """
        if own is not None and own.size <= _REACHED:
            return own
        origins = [] if had is None else [had]
        for kin in self._kin.get(owner, ())[: -_KIN - 1 : -1]:
            if self._searcher.sees(kin.mask, mask) and (found := origin(kin.data, made)) is not None:
                origins.append(found)
        return own if len(origins) == (had is not None) else changes(made, origins)

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


def _new_bytes(text: Text) -> int:
    """What is searched of it for most patterns; and some for all of it, as that is held once more for the others."""
    return len(text.data) // _HELD + (0 if text.unsearched is None else text.unsearched.size)


def _batches(texts: list[Text], sizes: list[int]) -> list[list[Text]]:
    """Texts, those together that are scanned at once; `sizes` are the bytes of each that are."""
    batches: list[list[Text]] = []
    room = 0
    for text, size in zip(texts, sizes, strict=True):
        if size > room:
            batches.append([])
            room = _BATCH
        batches[-1].append(text)
        room -= size
    return batches


def _end(match: Match) -> int:
    return match[1]


def _size(entry: tuple[Text, int]) -> int:
    return len(entry[0].data)
