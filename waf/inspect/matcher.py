"""Many patterns over a text at once: matches in microseconds, whatever the number of patterns.

Owns scans and streams, and which database is asked about a text. Knows nothing of rules, fields or
views: patterns go in, (pattern's index, end offset) pairs come out. Where a match starts is found only when somebody
asks: letting the engine track starts makes scans dearer by half, databases twice as large, and forbids some patterns.

A set is kept in groups, each a database of its own that is only asked about texts with a character without which
nothing in it can match (see `gates`). That spares most texts most of the work, and even where all groups are asked
they are faster than all patterns in one database.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final

import hyperscan

from waf.inspect import databases, edges, gates, grouping
from waf.inspect.bodies.parsed import MARK
from waf.inspect.databases import Database, Pattern, PatternFault
from waf.inspect.loosened import without_stand_ins
from waf.inspect.native import SEARCH
from waf.model import PatternStore
from waf.patterns import Patterns

__all__ = [
    "Match",
    "MatchStream",
    "Matcher",
    "Pattern",
    "PatternFault",
    "TooManyMatches",
    "place",
    "placed",
    "thinned",
]

MAX_MATCHES: Final = 256  # of one scan, and …
PER_MATCH: Final = 30  # … one more for so many bytes of text: of 700 files the densest have one in 23, scripts that were minified one in 40
SHORT: Final = 256  # bytes of a text up to which one database of all hints is faster than several
_COMBINATIONS: Final = 1024  # of characters, whose groups are remembered
_COUNTED: Final = (
    512 * 1024
)  # bytes of text for which there are more: what unfolds to zeros matches at every byte
CLOSE: Final = 12  # bytes
_LOOK_BACK: Final = 2048  # bytes before a match's end in which its start is looked for


Match = tuple[int, int]
"""Index of the pattern, and the offset behind the match."""


class Found:
    """The matches of one text, as the engine reports them; it wants no more after `most`. In C: `waf/_search.c`."""

    __slots__ = ("_groups", "_indices", "_matches", "_most")

    def __init__(self, most: int) -> None:
        self._matches: list[Match] = []
        self._most = most
        self._indices: Sequence[int] | None = None
        self._groups = 0

    def __call__(self, index: int, start: int, end: int, flags: int, context: object) -> bool | None:
        self._matches.append((index if self._indices is None else self._indices[index], end))
        return True if len(self._matches) > self._most else None

    def group(self, numbers: bytes | None) -> None:
        """Whose matches follow: what stands for each of its patterns, as in `Database.numbers`."""
        self._indices = None if numbers is None else memoryview(numbers).cast("I")
        self._groups += 1

    def matches(self, last: int = 0) -> list[Match]:
        """All by ascending end, each once. `last` is where a mark stands behind the text, and one before it: their ends are
        those in the text without them.
        """
        found = self._matches
        if self._groups > 1 and len(found) > 1:
            found = sorted(dict.fromkeys(found), key=lambda match: match[1])
        return [(index, max(min(end, last) - 1, 0)) for index, end in found] if last else found


NewFound: Final[type[Found]] = Found if SEARCH is None else SEARCH.Found


class Matcher:
    """A compiled set of patterns; immutable. May be used from several threads at once.

    `marked`: a mark stands before and behind each text when it is searched (see `joining.between_marks`).
    """

    __slots__ = ("_chosen", "_groups", "_marked", "_of", "_streaming", "size")

    def __init__(
        self,
        count: int,
        groups: Sequence[Database],
        streaming: Patterns | None,
        *,
        marked: bool = False,
    ) -> None:
        self._marked: Final = marked
        self._groups = tuple(groups)
        self._chosen: dict[tuple[int, bool], tuple[Database, ...]] = {}
        members = [(group, frozenset(group.indices or ())) for group in groups]
        # Those that have a pattern; a pattern may be in several groups, in parts.
        self._of = [tuple(group for group, within in members if index in within) for index in range(count)]
        self._streaming = streaming
        self.size: Final[int] = sum(group.size for group in groups) + (
            streaming.size if streaming else 0
        )  # bytes

    @classmethod
    def build(
        cls,
        patterns: Sequence[Pattern],
        store: PatternStore,
        *,
        streaming: bool = False,
        grouped: bool = False,
        marked: bool = False,
    ) -> Matcher:
        """Compiles, or loads what was compiled before. Raises PatternFault naming every bad pattern.

        `grouped` pays for many patterns over texts of which most match nothing.
        """
        try:
            groups = [one.database(store) for one in (grouping.grouped(patterns, marked) if grouped else ())]
            groups = groups or [Database(databases.compiled(patterns, store))]
            stream = databases.compiled(patterns, store, streaming=True) if streaming else None
        except hyperscan.HyperscanError as error:
            faults = databases.faults(patterns, streaming=streaming)
            raise PatternFault(faults or [(-1, str(error))]) from None
        return cls(len(patterns), groups, stream, marked=marked)

    @classmethod
    def parts(
        cls,
        count: int,
        parts: Sequence[tuple[int, Pattern]],
        store: PatternStore,
        *,
        marked: bool = False,
        ends: bool = False,
    ) -> Matcher:
        """Some of so many patterns, or parts of them, each with its place among all. `ends`: of a long text they are asked about its
        ends alone, one behind the other, in which there may be a match that the text does not have.
        """
        groups = [one.database(store) for one in grouping.parted(parts, marked, ends)]
        return cls(count, groups, None, marked=marked)

    def scan(
        self, text: bytes, most: int = 0, there: int | None = None, head: int | None = None
    ) -> list[Match]:
        """Every match, by ascending end. Raises TooManyMatches beyond `most` (0: what `MAX_MATCHES` allows).

        `there` is `watched(text)` where it is known. Of the text the first `head` bytes, values joined, may be of a message's head, and
        all others are of its body; None: all may be of either.
        """
        return self._scan(self._fitting(text, there, head != 0), text, most, head)

    def _fitting(self, text: bytes, there: int | None = None, heads: bool = True) -> tuple[Database, ...]:
        """The groups that have to be asked about a text; `heads`: something of a head may be in it."""
        if len(self._groups) == 1:
            return self._groups
        if there is None:
            there = gates.watched(text)
        return self._chosen.get((there, heads)) or self._choose(there, heads)

    def _choose(self, there: int, heads: bool) -> tuple[Database, ...]:
        """The groups for a text with these characters. Few combinations make up most of traffic."""
        chosen = tuple(
            group
            for group in self._groups
            if (heads or not group.head) and (not group.bits or group.bits & there)
        )
        if len(self._chosen) >= _COMBINATIONS:
            self._chosen.clear()
        self._chosen[there, heads] = chosen
        return chosen

    def _scan(
        self, groups: Sequence[Database], text: bytes, most: int = 0, head: int | None = None
    ) -> list[Match]:
        found = NewFound(most or MAX_MATCHES + min(len(text), _COUNTED) // PER_MATCH)
        ends = None
        if self._marked:
            text = MARK + text + MARK
            ends = edges.ends(text) if len(text) >= edges.LONG else None
        try:
            if head and head < len(text) and any(group.head for group in groups):
                edge = head + 2 if self._marked else head
                self._ask([group for group in groups if group.head], text[:edge], found)
                groups = [group for group in groups if not group.head]
            self._ask(groups if ends is None else [group for group in groups if not group.bound], text, found)
        except hyperscan.ScanTerminated:
            raise TooManyMatches(self._told(text, found)) from None
        if ends is None:
            return self._told(text, found)
        near = NewFound(most or MAX_MATCHES)
        try:
            self._ask([group for group in groups if group.bound], ends.text, near)
        except hyperscan.ScanTerminated:
            raise TooManyMatches(self._told(text, found)) from None
        return self._told(text, found, [(index, ends.place(end)) for index, end in near.matches()])

    def _ask(self, groups: Sequence[Database], text: bytes, found: Found) -> None:
        plain = None
        for group in groups:
            found.group(group.numbers)
            if group.loose:
                plain = without_stand_ins(text) if plain is None else plain
                group.scan(plain, found)
            else:
                group.scan(text, found)

    def _told(self, text: bytes, found: Found, more: Sequence[Match] = ()) -> list[Match]:
        """Matches of the text as it was searched as those of it as it is."""
        last = len(text) - 1 if self._marked else 0
        matches = found.matches(last)
        if more:
            matches = sorted(dict.fromkeys([*matches, *[_shown(match, last) for match in more]]), key=_END)
        return matches

    def scan_for(self, text: bytes, indices: Iterable[int], most: int = 0) -> list[Match]:
        """As `scan`, for some of the patterns, and perhaps others."""
        groups = dict.fromkeys(group for index in indices for group in self._of[index] or self._groups)
        return self._scan([*groups], text, most)

    def hits(self, text: bytes) -> bool:
        """Whether there is any match; the scan ends at the first."""
        try:
            if self._marked or any(group.loose for group in self._groups):
                return bool(self.scan(text))
            for group in self._fitting(text):
                group.scan(text, _enough)
        except TooManyMatches:
            return True
        except hyperscan.ScanTerminated:
            return True
        return False

    def start_of(self, text: bytes, match: Match) -> int:
        """Where the shortest match begins that ends where this one does, at most 2 KiB before."""
        index, end = match
        without = end  # no match begins from here on
        start = max(end - 16, 0)
        while start and end - start < _LOOK_BACK and not self._ends_at(index, text[start:end]):
            without, start = start, max(end - (end - start) * 4, 0)
        while without - start > 1:
            middle = (start + without) // 2
            if self._ends_at(index, text[middle:end]):
                start = middle
            else:
                without = middle
        return start

    def fits(self, text: bytes, match: Match) -> bool:
        """Whether the pattern has a match that ends there and begins in this text."""
        return self._ends_at(match[0], text[: match[1]])

    def _ends_at(self, index: int, text: bytes) -> bool:
        try:
            return (index, len(text)) in self._scan(self._of[index] or self._groups, text)
        except TooManyMatches:
            return False

    def stream(self) -> MatchStream:
        """A scan that goes on over pieces of one text. Only where it was built for streaming."""
        assert self._streaming is not None
        return MatchStream(self._streaming.database())


_END: Final = itemgetter(1)


def _shown(match: Match, last: int) -> Match:
    """A match in a text without the marks around it (see `Found.matches`)."""
    index, end = match
    return (index, max(min(end, last) - 1, 0)) if last else match


def _enough(index: int, start: int, end: int, flags: int, context: object) -> bool:
    return True


class TooManyMatches(Exception):
    """A scan was given up; `found` is what it had found."""

    def __init__(self, found: list[Match]) -> None:
        super().__init__(f"{len(found)} matches")
        self.found: Final = found


def thinned(matches: Sequence[Match], last: dict[int, int] | None = None) -> list[Match]:
    """The matches without those that end less than `CLOSE` bytes behind one of the same pattern that is kept.

    `last` has the ends kept before, of a text that comes in pieces. Whoever looks at a match looks around it, too.
    """
    last = {} if last is None else last
    kept = []
    for match in matches:
        index, end = match
        if end - last.get(index, -CLOSE) >= CLOSE:
            last[index] = end
            kept.append(match)
    return kept


def place(
    matches: Sequence[Match], ends: Sequence[int], close: int, wanted: dict[int, int] | None = None
) -> list[tuple[int, Match]]:
    """Each match of joined texts with the number of its text, and its end in there; thinned as `thinned` does.

    `ends` are behind the mark that follows each text. Matches come by ascending end. With `wanted` only those of texts
    whose numbers it has, numbered by their order in it. In C: `waf/_search.c`.
    """
    kept: dict[tuple[int, int], int] = {}
    places: list[tuple[int, Match]] = []
    numbers = None if wanted is None else {number: order for order, number in enumerate(wanted)}
    number, last = 0, len(ends) - 1
    for index, end in matches:
        if number and end <= ends[number - 1]:  # should the engine ever give them in another order
            number = bisect_right(ends, end - 1)
        while number < last and ends[number] < end:
            number += 1
        start = ends[number - 1] if number else 0
        # What "$" takes of the mark is no byte of the text.
        local = min(end - start, ends[number] - start - 1)
        if local - kept.get((number, index), -close) >= close:
            kept[number, index] = local
            if numbers is None:
                places.append((number, (index, local)))
            elif number in numbers:
                places.append((numbers[number], (index, local)))
    return places


placed: Final[Callable[..., list[tuple[int, Match]]]] = place if SEARCH is None else SEARCH.placed


class MatchStream:
    """One text in pieces; offsets count from its first byte."""

    __slots__ = ("_context", "_database", "_found", "_handler", "_limit", "_stream")

    def __init__(self, database: Any) -> None:
        # The callback knows these two and not the stream: a cycle would outlive the exchange until the collector runs.
        found: list[Match] = []
        limit = [MAX_MATCHES]
        self._found: Final = found
        self._limit: Final = limit

        def on_match(index: int, start: int, end: int, flags: int, context: object) -> bool | None:
            found.append((index, end))
            return True if len(found) > limit[0] else None

        # The binding keeps no references of its own: a stream outlives the policy that opened it.
        self._handler, self._database = on_match, database
        self._context = database.stream(match_event_handler=on_match)
        self._stream = self._context.__enter__()

    def feed(self, data: bytes) -> list[Match]:
        """Matches that end within `data`. Raises TooManyMatches; the stream is of no use after that."""
        self._limit[0] = MAX_MATCHES + len(data) // PER_MATCH
        try:
            self._stream.scan(data)
        except hyperscan.ScanTerminated:
            raise TooManyMatches(self._taken()) from None
        return self._taken()

    def finish(self) -> list[Match]:
        """Matches that only the end of the text makes ("$")."""
        self._context.__exit__(None, None, None)
        return self._taken()

    def _taken(self) -> list[Match]:
        if not self._found:
            return []
        found = self._found.copy()
        self._found.clear()
        return found
