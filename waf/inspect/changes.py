"""What a step of decoding changed in a long text: only there is anything to be found that was not before.

Owns which pieces of such a text are searched. A page with ten references in it is the page that was searched before,
but for what is around those ten; decoded in four ways it would be searched five times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from waf.inspect.native import SEARCH

REACH: Final = 256
"""Bytes before and behind a change that are decoded further with it, and searched for what may be long: no pattern with bounds takes
more, and no question about a match needs as much (see `questions`)."""
NEAR: Final = 96
"""Bytes before and behind a change that are searched with it for most patterns, which take no more."""
_ALIKE: Final = 8  # bytes by which a text and what was made of it are known to go on alike
_MADE: Final = 8  # bytes further on in what was made, at most, and …
_TAKEN: Final = 64  # … in its source
_FURTHER: Final = (16, 64, 256, 1024)  # the same in larger steps, and …
_GROWN: Final = 6  # … for how many bytes of the source one that was made of them may stand
_CHANGES: Final = 8
_EDGE: Final = (
    256  # bytes that a piece may be longer, so that it begins and ends where a line or at least a word does
)
_FEW: Final = (
    12  # a part in so many of the cost of all patterns is that of those that may take more than `NEAR` bytes
)
_CLOSE: Final = 48  # the same of what is searched for most patterns, where it begins and ends as a word does

Run = tuple[int, int, int]
"""Where a piece that is the same in both begins and ends in what was made, and where it begins in its source."""
Piece = tuple[int, int]
"""Where a piece of a text begins and ends."""


def unchanged_runs(source: bytes, made: bytes, reach: int) -> list[Run]:
    """What is the same in both texts, and so within `reach` bytes around, in pieces of at least as many.

    Two texts are not held against each other any longer where there are so many changes that little would come of it.
    In C: `waf/_search.c`.
    """
    runs: list[Run] = []
    start = place = 0  # in the source, in what was made
    for left in range(len(made) // 2 // reach + _CHANGES, -1, -1):
        size = _alike(source, start, made, place)
        ends = start + size == len(source) and place + size == len(made)
        lead, trail = reach if start or place else 0, 0 if ends else reach
        if size - lead - trail >= reach:
            runs.append((place + lead, place + size - trail, start + lead))
        if ends or not left:
            break
        start, place = start + size, place + size
        following = _meet(source, start, made, place)
        if following is None:
            break
        start, place = following
    return runs


def _alike(source: bytes, start: int, made: bytes, place: int) -> int:
    """For how many bytes the texts are the same from there."""
    low, high = 0, min(len(source) - start, len(made) - place)
    while low < high:
        middle = (low + high + 1) // 2
        if source[start + low : start + middle] == made[place + low : place + middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _meet(source: bytes, start: int, made: bytes, place: int) -> tuple[int, int] | None:
    """Where the texts go on alike."""
    for given in range(_MADE + 1):
        wanted = made[place + given : place + given + _ALIKE]
        if len(wanted) < _ALIKE:
            break
        found = source.find(wanted, start, start + _TAKEN + _ALIKE)
        if found >= 0:
            return found, place + given
    for given in _FURTHER:  # many changes in a row
        wanted = made[place + given : place + given + _ALIKE]
        if len(wanted) < _ALIKE:
            break
        found = source.find(wanted, start, start + given * _GROWN + _TAKEN + _ALIKE)
        if found >= 0:
            return found, place + given
    return None


unchanged: Final[Callable[[bytes, bytes, int], list[Run]]] = (
    unchanged_runs if SEARCH is None else SEARCH.unchanged
)

_BOUNDARY: Final = re.compile(rb"[^A-Za-z0-9_\x80-\xff]")
_OF_WORDS: Final = bytes(byte for byte in range(256) if not _BOUNDARY.match(bytes((byte,))))


def pieces_of(text: bytes, runs: Sequence[Run], lines: bool) -> list[Piece] | None:
    """What is left of a text without the runs, each piece from the end of a line or word to another; None: all of it.

    Without `lines` from the end of a word, which is closer. In C: `waf/_search.c`.
    """
    if sum(end - start for start, end, _ in runs) * 3 < len(text):
        return None
    found: list[Piece] = []
    bounds = [0, *(bound for start, end, _ in runs for bound in (start, end)), len(text)]
    for start, end in list(pairwise(bounds))[::2]:
        if start >= end:
            continue
        low, high = _before(text, start, lines), _behind(text, end, lines)
        if low is None or high is None:
            return None
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found


def _before(text: bytes, place: int, lines: bool) -> int | None:
    if place <= 0:
        return 0
    if not lines:
        before = text[max(place - _CLOSE, 0) : place]
        word = len(before) - len(before.rstrip(_OF_WORDS))
        if word < len(before):
            return place - word
    line = text.rfind(b"\n", max(place - _EDGE, 0), place)
    if line >= 0:
        return line + 1
    boundary = _BOUNDARY.search(text, max(place - _EDGE, 0), place)
    return None if boundary is None else boundary.end()


def _behind(text: bytes, place: int, lines: bool) -> int | None:
    if place >= len(text):
        return len(text)
    if not lines:
        behind = text[place : place + _CLOSE]
        word = len(behind) - len(behind.lstrip(_OF_WORDS))
        if word < len(behind):
            return place + word
    line = text.find(b"\n", place, place + _EDGE)
    if line >= 0:
        return line
    boundary = _BOUNDARY.search(text, place, place + _EDGE)
    return None if boundary is None else boundary.start()


pieces: Final[Callable[[bytes, list[Run], bool], list[Piece] | None]] = (
    pieces_of if SEARCH is None else SEARCH.pieces
)


class Origin(msgspec.Struct, frozen=True, gc=False):
    """A text that was searched, and what another one has of it: with `NEAR` bytes around that are the same, and with `REACH`."""

    source: bytes
    close: Sequence[Run]
    runs: Sequence[Run]


class Changes(msgspec.Struct, frozen=True, gc=False):
    """What is new in a text: `parts` of it, and of which texts it has all else.

    `near` are parts with as much around what is new as most patterns may take; `parts` may be all of the text.
    """

    origins: Sequence[Origin]
    parts: list[Piece]
    near: list[Piece]

    @property
    def size(self) -> int:
        """About the bytes that would cost as much were they searched for all patterns."""
        near = sum([end - start for start, end in self.near])
        return near + sum([end - start for start, end in self.parts]) // _FEW


def origin(source: bytes, made: bytes) -> Origin | None:
    """What a text has of another one; None where that is nothing."""
    close = unchanged(source, made, NEAR)
    return Origin(source, close, _further_off(close, len(made))) if close else None


def changes(made: bytes, origins: Sequence[Origin]) -> Changes | None:
    """What is new in a text against others, all of which were searched; None where that is most of it.

    A match that takes a byte with so much around it that is as it was in one of them was found there.
    """
    near = pieces(made, _together([one.close for one in origins]), False)
    if near is None:
        return None
    parts = pieces(made, _together([one.runs for one in origins]), True)
    return Changes(origins, [(0, len(made))] if parts is None else parts, near)


def _together(all_runs: list[Sequence[Run]]) -> list[Run]:
    """What is in any of these, in order; where it begins in a source is not told of several."""
    if len(all_runs) == 1:
        return list(all_runs[0])
    spans = [(start, end) for runs in all_runs for start, end, _ in runs]
    return [(start, end, 0) for start, end in united(spans)]


def united(spans: list[Piece]) -> list[Piece]:
    """What is in any of these, in order, those that touch as one."""
    found: list[Piece] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            if end > found[-1][1]:
                found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _further_off(runs: Sequence[Run], size: int) -> list[Run]:
    """Of runs of a text of so many bytes what is the same within `REACH` bytes around."""
    found: list[Run] = []
    for start, end, begin in runs:
        lead = REACH - NEAR if start or begin else 0
        trail = REACH - NEAR if end < size else 0
        if end - start - lead - trail >= REACH:
            found.append((start + lead, end - trail, begin + lead))
    return found


def is_doubtful(place: int, reach: int, piece: Piece, size: int) -> bool:
    """Whether a match that ends at a place of a piece may have taken an end of it for one of the text, which has `size` bytes.

    `reach` are the bytes of the longest match of an expression with "^"; 0 of one that has "$" alone.
    """
    start, end = piece
    return (start > 0 and place <= reach) or (end < size and place >= end - start)


def carried(place: int, runs: Sequence[Run]) -> int | None:
    """Where what ends at a place in the source ends in what was made of it; None where that is changed."""
    for start, end, origin in runs:
        if origin < place <= origin + end - start:
            return place - origin + start
    return None
