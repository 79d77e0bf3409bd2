"""Expressions without the literals that hostile text repeats: two slashes, ampersands, bars or at signs.

The engine looks for the best literals of an expression and starts an automaton at each. Where the best that it finds is "//", a text
of slashes or of short URLs costs 30 to 50 ns for each of them, once for each of a dozen expressions; "&&" and "||" are no better. A
class of some bytes is no literal to it: it takes another one, or makes one automaton of all, which costs a nanosecond for a byte of
any text. So controls may stand in for such a sign here (`STAND_INS`), and what is found through them alone is taken out again.

Owns what is loosened, and that no more is found by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import hyperscan

from waf.inspect.databases import Database, Pattern, compiled
from waf.model import PatternStore
from waf.prefilter.expressions import longest, tokens

STAND_INS: Final = b"\x01\x02\x03"
"""Bytes that hardly any text has. With fewer of them the engine would look for each literal that the classes make."""
_REPEATED: Final = (b"/", b"&", rb"\|", b"@")
_CONTROLS: Final = tuple(bytes((byte,)) for byte in STAND_INS)
_ALIKE: Final = bytes.maketrans(STAND_INS, STAND_INS[:1] * len(STAND_INS))
_REACH: Final = 2048  # bytes before its end in which a match without bounds is looked for again
_FEW: Final = 64  # matches with a control in what they may have that are looked for again
_MOST: Final = 65_536  # matches that are found on the way

Match = tuple[int, int]


def loosened(expression: bytes) -> bytes:
    """The expression with classes in place of signs that are repeated, and of a colon before slashes.

    Itself where it has none, or uses more of the engine's syntax than is understood here.
    """
    pieces = tokens(expression) or []
    made = list(pieces)
    for at in range(1, len(pieces)):
        if pieces[at - 1] == pieces[at] and pieces[at] in _REPEATED:
            first = at - 2 if pieces[at] == b"/" and at > 1 and pieces[at - 2] == b":" else at - 1
            made[first : at + 1] = [b"[%b%b]" % (one[-1:], STAND_INS) for one in pieces[first : at + 1]]
    return b"".join(made) if pieces else expression


class Recheck:
    """Which matches of loosened patterns are matches of the patterns themselves; immutable."""

    __slots__ = ("_database", "_reach", "patterns", "size")

    def __init__(self, patterns: Mapping[int, Pattern], store: PatternStore) -> None:
        """`patterns` are those that were loosened, by their numbers among all. Raises hyperscan.HyperscanError."""
        self._reach: Final = {index: longest(one.expression) for index, one in patterns.items()}
        self._database: Final = Database(compiled([*patterns.values()], store), [*patterns])
        self.size: Final[int] = self._database.size  # bytes
        # A byte for each of all patterns, not 0 for those that were loosened.
        self.patterns: Final = bytes(index in self._reach for index in range(max(patterns) + 1))

    def doubts(self, text: bytes) -> bool:
        """Whether controls stand in the text: without them all matches are certain."""
        one, other, third = _CONTROLS  # thousands of short texts are asked about
        return one in text or other in text or third in text

    def spurious(self, text: bytes, matches: Sequence[Match]) -> set[Match]:
        """Those of the matches that controls alone make. Looks once at what all doubtful ones may have; of more than a few they
        count as matches, as no honest text has so many controls beside URLs.
        """
        doubtful: dict[Match, bool] = {}  # each with whether it may begin before what is looked at
        low, high = len(text), 0
        alike, reaches = (
            text.translate(_ALIKE),
            self._reach,
        )  # one search tells of all of them, however many there are
        for match in [match for match in matches if match[0] in reaches]:
            index, end = match
            reach = reaches[index]
            bounded = reach is not None and reach < _REACH
            # With the byte before and the byte behind it, by which the edges of words and lines are told.
            start = max(0, end - (reach if reach is not None and bounded else _REACH) - 1)
            if alike.rfind(_CONTROLS[0], start, end) >= 0:
                doubtful[match] = not bounded and start > 0
                low, high = min(low, start), max(high, end)
                if len(doubtful) > _FEW:
                    return set()
        if not doubtful:
            return set()
        found = self._found(text[low : high + 1])
        if found is None:
            return set()
        return {
            match
            for match, longer in doubtful.items()
            if not longer and (match[0], match[1] - low) not in found
        }

    def _found(self, text: bytes) -> set[Match] | None:
        """What is found with the patterns themselves; None where that is more than anybody asks for."""
        found: set[Match] = set()
        indices = self._database.indices or ()

        def on_match(number: int, start: int, end: int, flags: int, context: object) -> bool:
            found.add((indices[number], end))
            return len(found) > _MOST

        try:
            self._database.scan(text, on_match)
        except hyperscan.ScanTerminated:
            return None
        return found
