"""Expressions taken apart where a short word stands before one of many characters.

The engine starts an automaton at each literal that it has chosen of an expression. Behind `\\b(?:or|and)[\\s(+!~'"@-]` it takes "or": words in
any text have it, and "ororor" at every second byte. A class of no more than five characters it writes out, and then takes "or ", "or(" and
so on. So such a class is parted here into several, each in an expression of its own; together they match what the one does.

Owns where an expression is parted. Which database its parts are in is the business of `grouping`.
"""

from __future__ import annotations

import re
from typing import Final

from waf.prefilter.expressions import accepted, alternatives, parse, pieces, repeated

_WORDS: Final = re.compile(rb"\(\?:(?:[a-z]\??){2,4}(?:\|(?:[a-z]\??){2,5})*\)")
"""A choice of words of which the first has two or three letters, mostly."""
_WRITTEN: Final = 5  # characters of a class that the engine writes out
_MOST: Final = 20  # characters of a class that is parted


def apart(expression: bytes) -> list[bytes]:
    """The expression, which has no alternatives at its outermost, as several that together match what it matches."""
    found = pieces(expression)
    for at in range(len(found) - 1):
        if _WORDS.fullmatch(found[at]):
            ways = _ways(found[at + 1])
            if len(ways) > 1:
                before, behind = b"".join(found[: at + 1]), b"".join(found[at + 2 :])
                return [before + way + behind for way in ways]
    return [expression]


def _ways(piece: bytes) -> list[bytes]:
    """What a piece matches, in several where it begins with one of too many characters."""
    base, least, most = repeated(piece)
    if base.startswith(b"(?:") and least == most == 1:
        return [way for one in alternatives(base[3:-1]) for way in _of_one(one)]
    items = parse(base)
    taken = accepted(items[0]) if items is not None and len(items) == 1 and least else None
    if taken is None or not _WRITTEN < len(taken) <= _MOST:
        return [piece]
    rest = b""
    if most != 1:
        rest = base + b"{%d,%b}" % (least - 1, b"" if most < 0 else b"%d" % (most - 1))
    bytes_taken = sorted(taken)
    return [
        b"[" + b"".join([b"\\x%02x" % byte for byte in bytes_taken[first : first + _WRITTEN]]) + b"]" + rest
        for first in range(0, len(bytes_taken), _WRITTEN)
    ]


def _of_one(way: bytes) -> list[bytes]:
    """The same of an alternative, which may have several pieces."""
    return _ways(way) if len(pieces(way)) == 1 else [way]
