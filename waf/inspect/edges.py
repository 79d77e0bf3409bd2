"""Expressions that match only at the beginning or at the end of a value, and as much of a text as they need.

Many rules are about how a value begins ("^//") or about all of a short one. The engine knows no more of that than that a mark
stands there: it looks at each "//" of a page for one before it, which is most of what such a page costs. So these expressions
have databases of their own, and of a long value those are asked about its two ends alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from re import _constants as code  # type: ignore[attr-defined]
from typing import Final, NamedTuple

from waf.inspect.bodies.parsed import MARK
from waf.inspect.native import SEARCH
from waf.prefilter.expressions import Item, longest, parse

WITHIN: Final = 256
"""Bytes of a match, but for blanks before and behind it, of what counts as bound to an end of a value."""
LEADING: Final = 512
"""Bytes of a value within which a match begins that counts only at the beginning of one."""
_BLANKS: Final = 32  # kept before and behind a value: more than any expression counts; with how many more, no expression tells
_WINDOW: Final = (
    LEADING + WITHIN + _BLANKS + 8
)  # bytes of each end that are looked at; the last ones tell whether a word ends there
LONG: Final = 4 * _WINDOW  # bytes of a text that has more in it than ends of values
_WORTH: Final = 2  # times as long a text must be as its ends

_BLANK: Final = bytes(range(33))
_LEADING: Final = re.compile(rb"\x7f(?:\\s|\[\\x00-\\x20\])[*+]")
_TRAILING: Final = re.compile(rb"\\s[*+]\x7f$")


class Ends(NamedTuple):
    """The ends of the values of a text, one behind the other with the marks between them."""

    text: bytes
    behind: list[int]
    """Where each piece of it ends, …"""
    further: list[int]
    """… and by how many bytes further on that is in the whole text."""

    def place(self, end: int) -> int:
        """Where a match that ends there ends in the whole text."""
        return end + self.further[min(bisect_left(self.behind, end), len(self.further) - 1)]


def at_an_end(expression: bytes) -> bool:
    """Whether each match begins or ends with a mark."""
    return sides(expression) != 0


def bound(expression: bytes) -> bool:
    """Whether each match begins or ends with a mark and is short but for blanks at that end."""
    if not at_an_end(expression):
        return False
    most = longest(_TRAILING.sub(MARK, _LEADING.sub(MARK, expression)))
    return most is not None and most <= WITHIN


BEGINS: Final = 1
ENDS: Final = 2


def sides(expression: bytes) -> int:
    """`BEGINS` where each match begins with a mark, `ENDS` where each ends with one, both together, or 0."""
    items = parse(expression)
    if not items:
        return 0
    return (BEGINS if _has_mark(items, 0) else 0) | (ENDS if _has_mark(items, -1) else 0)


def _has_mark(items: list[Item], place: int) -> bool:
    """Whether the first item, or the last one, is a mark whichever way it is matched."""
    kind, value = items[place]
    if kind is code.SUBPATTERN:
        return bool(value[3]) and _has_mark(list(value[3]), place)
    if kind is code.BRANCH:
        return all(way and _has_mark(list(way), place) for way in value[1])
    return bool(kind is code.LITERAL and value == MARK[0])


def find_ends(text: bytes, window: int, kept: int, most: int) -> tuple[bytes, list[int], list[int]] | None:
    """Of each value of a text with a mark before and behind each so many bytes of both ends, and so many blanks before and behind.

    The three parts of `Ends`; None where the text has more marks than `most`. In C: `waf/_search.c`.
    """
    if text.count(MARK) > most:
        return None
    pieces: list[bytes] = []
    behind: list[int] = []
    further: list[int] = []
    size = 0

    def take(start: int, end: int) -> None:
        nonlocal size
        pieces.append(text[start:end])
        further.append(start - size)
        size += end - start
        behind.append(size)

    mark = 0  # before the value
    while (following := text.find(MARK, mark + 1)) >= 0:
        take(mark, mark + 1)
        start, stop = _trimmed(text, mark + 1, following, kept)
        if stop - start <= 2 * window:
            take(start, stop)
        else:
            take(start, start + window)
            take(stop - window, stop)
        mark = following
    take(mark, mark + 1)
    return b"".join(pieces), behind, further


_ends: Final[Callable[[bytes, int, int, int], tuple[bytes, list[int], list[int]] | None]] = (
    find_ends if SEARCH is None else SEARCH.ends
)


def ends(text: bytes) -> Ends | None:
    """The ends of the values in a text with a mark before and behind each; None where that is not much less than all of it."""
    if len(text) < LONG:
        return None
    found = _ends(text, _WINDOW, _BLANKS, len(text) // (2 * _WINDOW * _WORTH) + 1)
    return None if found is None else Ends(*found)


def _trimmed(text: bytes, start: int, stop: int, kept: int) -> tuple[int, int]:
    """Where a value begins and ends but for blanks beyond so many before and behind it."""
    value = text[start:stop]
    before = len(value) - len(value.lstrip(_BLANK))
    after = len(value) - len(value.rstrip(_BLANK))
    if before == len(value):
        return (start, stop) if before <= 2 * kept else (start, start + 2 * kept)
    return start + max(before - kept, 0), stop - max(after - kept, 0)
