"""Patterns of which a match may be longer than what is searched around a change, and in which texts they have to be looked for.

Owns what makes a match long. Most of them have no bounds only on blanks, brackets and quotes ("or    1=1"), so they can be long only
where a text has many of those in a row, which hardly any has; they cost four times what all others do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from waf.inspect.databases import Pattern
from waf.inspect.matcher import Matcher
from waf.inspect.native import SEARCH
from waf.model import PatternStore
from waf.prefilter.expressions import alternatives, longest, longest_with_runs

RUN: Final = 48  # bytes
FILLING: Final = b" \t\n\v\f\r()[]{}'\"`+!~@-,;"
_AS_FAR_AS_IT_GOES: Final = re.compile(rb"(?<=[\])\w])\{([01]),\}")
"""What a rule gives no bounds because the engine takes ten times the room to count: `[^\\r\\n]{0,}`. …"""
_A_LITTLE: Final = rb"{\1,48}"
"""… Nobody needs more of it, so around a change it is looked for within reach."""
_IS_FILLING: Final = bytes(byte in FILLING for byte in range(256))


def find_run(text: bytes, members: bytes, size: int) -> bool:
    """Whether the text has `size` bytes in a row of those whose byte in `members` is not 0. In C: `waf/_search.c`."""
    begin = 0  # behind the last byte that is none
    for place, byte in enumerate(text):
        if not members[byte]:
            begin = place + 1
        elif place + 1 - begin >= size:
            return True
    return False


_has_run: Final[Callable[[bytes, bytes, int], bool]] = find_run if SEARCH is None else SEARCH.has_run


class Far:
    """The patterns, or those of their alternatives, whose matches may have more than `reach` bytes; immutable."""

    __slots__ = ("_always", "_in_runs", "size")

    def __init__(
        self, patterns: Sequence[Pattern], reach: int, store: PatternStore, *, marked: bool = False
    ) -> None:
        """`marked` as for `Matcher`."""
        always: list[tuple[int, Pattern]] = []
        in_runs: list[tuple[int, Pattern]] = []
        for index, pattern in enumerate(patterns):
            for expression in alternatives(pattern.expression):
                near = _AS_FAR_AS_IT_GOES.sub(_A_LITTLE, expression)
                most = longest(near)
                if most is not None and most <= reach:
                    continue
                without = longest_with_runs(near, FILLING, RUN)
                kept = always if without is None or without > reach else in_runs
                kept.append((index, Pattern(expression, pattern.case, pattern.once)))

        def matcher(parts: list[tuple[int, Pattern]]) -> Matcher | None:
            return Matcher.parts(len(patterns), parts, store, marked=marked) if parts else None

        self._always = matcher(always)
        self._in_runs = matcher(in_runs)
        self.size: Final = sum(one.size for one in (self._always, self._in_runs) if one is not None)  # bytes

    def wanted(self, text: bytes) -> list[Matcher]:
        """Those that may find a long match in a text."""
        wanted = [] if self._always is None else [self._always]
        if self._in_runs is not None and _has_run(text, _IS_FILLING, RUN):
            wanted.append(self._in_runs)
        return wanted
