"""Expressions without the literal that hostile text repeats: two slashes.

The engine looks for the best literals of an expression and starts an automaton at each. Where the best that it finds is "//", a text
of slashes or of short URLs costs 30 to 50 ns for each of them, once for each of a dozen expressions. A class of some bytes is no
literal to it: it takes another one, or makes one automaton of all, which costs a nanosecond for a byte of any text. So controls may
stand in for a slash here (`STAND_INS`), and what is found through them alone is taken out again.

Owns what is loosened, and that no more is found by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from waf.inspect.databases import Database, Pattern, compiled
from waf.model import PatternStore
from waf.prefilter.expressions import longest, tokens

STAND_INS: Final = b"\x01\x02\x03"
"""Bytes that hardly any text has. With fewer of them the engine would look for each literal that the classes make."""
_STANDS_IN: Final = re.compile(b"[%b]" % STAND_INS)
_REACH: Final = 2048  # bytes before its end in which a match without bounds is looked for again

Match = tuple[int, int]


def loosened(expression: bytes) -> bytes:
    """The expression with classes in place of slashes that follow one another, and of a colon before them.

    Itself where it has none, or uses more of the engine's syntax than is understood here.
    """
    pieces = tokens(expression) or []
    made = list(pieces)
    for at in range(1, len(pieces)):
        if pieces[at - 1 : at + 1] == [b"/", b"/"]:
            first = at - 2 if at > 1 and pieces[at - 2] == b":" else at - 1
            made[first : at + 1] = [b"[%b%b]" % (one, STAND_INS) for one in pieces[first : at + 1]]
    return b"".join(made) if pieces else expression


class Recheck:
    """Which matches of loosened patterns are matches of the patterns themselves; immutable."""

    __slots__ = ("_database", "_reach", "size")

    def __init__(self, patterns: Mapping[int, Pattern], store: PatternStore) -> None:
        """`patterns` are those that were loosened, by their numbers among all. Raises hyperscan.HyperscanError."""
        self._reach: Final = {index: longest(one.expression) for index, one in patterns.items()}
        self._database: Final = Database(compiled([*patterns.values()], store), [*patterns])
        self.size: Final[int] = self._database.size  # bytes

    def certain(self, text: bytes, matches: Sequence[Match]) -> list[Match]:
        """The matches but for those that controls alone make."""
        if not _STANDS_IN.search(text):
            return [*matches]
        return [match for match in matches if match[0] not in self._reach or self._holds(text, match)]

    def _holds(self, text: bytes, match: Match) -> bool:
        index, end = match
        reach = self._reach[index]
        bounded = reach is not None and reach < _REACH
        # With the byte before and the byte behind it, by which the edges of words and lines are told.
        start = max(0, end - (reach if reach is not None and bounded else _REACH) - 1)
        if not _STANDS_IN.search(text, start, end):
            return True
        if (index, end - start) in self._found(text[start : end + 1]):
            return True
        return not bounded and start > 0  # it may begin before

    def _found(self, text: bytes) -> list[Match]:
        found: list[Match] = []
        indices = self._database.indices or ()

        def on_match(number: int, start: int, end: int, flags: int, context: object) -> None:
            found.append((indices[number], end))

        self._database.scan(text, on_match)
        return found
