"""Patterns of which a match may be longer than what is searched around a change, and in which texts they have to be looked for.

Owns what makes a match long. Most of them have no bounds only on blanks, brackets and quotes ("or    1=1") or on the letters of a word,
so they can be long only where a text has many of those in a row, which few have; or they are about how a value begins or ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from waf.inspect import edges
from waf.inspect.changes import Piece, united
from waf.inspect.databases import Pattern
from waf.inspect.matcher import Matcher
from waf.inspect.native import SEARCH
from waf.model import PatternStore
from waf.prefilter.expressions import alternatives, longest, longest_with_runs

RUN: Final = 40  # bytes
FILLING: Final = b" \t\n\v\f\r()[]{}'\"`+!~@-,;"
WORDS: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-"
_AS_FAR_AS_IT_GOES: Final = re.compile(rb"(?<=[\])\w])\{(\d\d?),\}")
"""What a rule gives no bounds because the engine takes ten times the room to count: `[^\\r\\n]{0,}`. …"""
_A_LITTLE: Final = rb"{\1,40}"
"""… Nobody needs more of it, so around a change it is looked for within reach."""
_IS_FILLING: Final = bytes(byte in FILLING for byte in range(256))
_IS_OF_WORDS: Final = bytes(byte in WORDS for byte in range(256))


def find_stretches(text: bytes, members: bytes, size: int, around: int) -> list[Piece]:
    """Where the text has `size` bytes in a row of those whose byte in `members` is not 0, and what is within `around` bytes of them.

    In C: `waf/_search.c`.
    """
    found: list[Piece] = []
    begin = 0
    for place in range(len(text) + 1):
        if place < len(text) and members[text[place]]:
            continue
        if place - begin >= size:
            low, high = max(begin - around, 0), min(place + around, len(text))
            found.append((found.pop()[0] if found and low <= found[-1][1] else low, high))
        begin = place + 1
    return found


_stretches: Final[Callable[[bytes, bytes, int, int], list[Piece]]] = (
    find_stretches if SEARCH is None else SEARCH.stretches
)


def near(expression: bytes) -> bytes:
    """The expression as it is looked for around a change: what goes as far as it can goes a little."""
    return _AS_FAR_AS_IT_GOES.sub(_A_LITTLE, expression)


class Wanted(NamedTuple):
    """Who may find a long match in a text, and in which parts of it. `ends`: at its ends, one behind the other, in which there may be
    a match that it does not have.
    """

    matcher: Matcher
    parts: list[Piece]
    ends: bool = False


class Far:
    """The patterns, or those of their alternatives, whose matches may have more than `reach` bytes; immutable.

    `further` has those whose matches have no more than that, but more than `close`.
    """

    __slots__ = ("_always", "_at_ends", "_in_runs", "_in_words", "_reach", "further", "size")

    def __init__(
        self,
        patterns: Sequence[Pattern],
        reach: int,
        store: PatternStore,
        *,
        close: int | None = None,
        marked: bool = False,
    ) -> None:
        """`marked` as for `Matcher`; without `close` nothing is further than close by."""
        self._reach: Final = reach
        further: list[tuple[int, Pattern]] = []
        always: list[tuple[int, Pattern]] = []
        at_ends: list[tuple[int, Pattern]] = []
        in_runs: list[tuple[int, Pattern]] = []
        in_words: list[tuple[int, Pattern]] = []
        for index, pattern in enumerate(patterns):
            for expression in alternatives(pattern.expression):
                part = index, Pattern(expression, pattern.case, pattern.once, pattern.leads)
                around = near(expression)
                most = _within(longest(around), reach)
                if most is None and marked and (pattern.leads or edges.at_an_end(expression)):
                    at_ends.append(part)
                    continue
                if most is None:
                    most = _within(longest_with_runs(around, (FILLING,), RUN), reach)
                    kept = in_runs
                    if most is None:
                        most = _within(longest_with_runs(around, (FILLING, WORDS), RUN), reach)
                        kept = always if most is None else in_words
                    kept.append(part)
                if most is not None and close is not None and most > close:
                    further.append(part)

        def matcher(parts: list[tuple[int, Pattern]], *, ends: bool = False) -> Matcher | None:
            return Matcher.parts(len(patterns), parts, store, marked=marked, ends=ends) if parts else None

        self.further: Final = matcher(further)
        self._always = matcher(always)
        self._at_ends = matcher(at_ends, ends=True)
        self._in_runs = matcher(in_runs)
        self._in_words = matcher(in_words)
        made = (self.further, self._always, self._at_ends, self._in_runs, self._in_words)
        self.size: Final = sum(one.size for one in made if one is not None)  # bytes

    def wanted(self, text: bytes) -> list[Wanted]:
        """Those that may find a long match in a text."""
        whole = [(0, len(text))]
        wanted = [] if self._always is None else [Wanted(self._always, whole)]
        if self._at_ends is not None:
            wanted.append(Wanted(self._at_ends, whole, ends=True))
        # The bytes of such a match outside of long runs are no more than reach, so none is further than that from the next.
        filled = _stretches(text, _IS_FILLING, RUN, self._reach)
        if self._in_runs is not None and filled:
            wanted.append(Wanted(self._in_runs, filled))
        if self._in_words is not None:
            both = united([*filled, *_stretches(text, _IS_OF_WORDS, RUN, self._reach)])
            if both:
                wanted.append(Wanted(self._in_words, both))
        return wanted


def _within(most: int | None, reach: int) -> int | None:
    return most if most is not None and most <= reach else None
