"""Several values in one text, so that one scan looks at all: what stands between them, and that no match spans two.

Owns how expressions are made to hold among joined values. A mark between two values is an end of theirs to "^" and "$",
and nothing else in an expression takes one. Values that hold the mark's byte themselves are joined with another
control in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from re import _constants as code  # type: ignore[attr-defined]
from typing import Final

from waf.inspect.bodies.parsed import MARK
from waf.inspect.native import SEARCH
from waf.prefilter.expressions import Item, accepted, parse, tokens

BETWEEN: Final = MARK  # stands between values that are scanned together
_STAND_IN: Final = b"\x01"  # for a mark within a value

_ANCHOR: Final = re.compile(rb"\\.|\[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*\]|[$^]", re.S)
_BEYOND: Final = {  # what these take beside the mark
    rb"\D": rb"\x00-/:-~\x80-\xff",
    rb"\W": rb"\x00-/:-@\[-^`{-~\x80-\xff",
    rb"\S": rb"\x00-\x08\x0e-\x1f!-~\x80-\xff",
}
_ESCAPE: Final = re.compile(rb"\\.", re.S)


def length_joined(values: Sequence[bytes]) -> int:
    """Bytes of `joined(values)`."""
    return sum(map(len, values)) + max(len(values) - 1, 0)


def join(values: Sequence[bytes]) -> bytes:
    """All values in one text, as long as they are with a mark behind each but the last. In C: `waf/_search.c`."""
    text = BETWEEN.join(values)
    if text.count(BETWEEN) < max(len(values), 1):
        return text
    return BETWEEN.join([value.replace(BETWEEN, _STAND_IN) for value in values])


def part(texts: list[bytes], parts: list[list[tuple[int, int]]]) -> tuple[bytes, list[int]]:
    """Parts of texts (start and end of each), joined as values are, and where each of them ends with the mark behind it.

    In C: `waf/_search.c`.
    """
    pieces = [text[start:end] for text, own in zip(texts, parts, strict=True) for start, end in own]
    return join(pieces), [*accumulate(len(piece) + 1 for piece in pieces)]


joined: Final[Callable[[Sequence[bytes]], bytes]] = join if SEARCH is None else SEARCH.joined
parted: Final[Callable[[list[bytes], list[list[tuple[int, int]]]], tuple[bytes, list[int]]]] = (
    part if SEARCH is None else SEARCH.parted
)


def among_others(expression: bytes) -> bytes:
    """The expression with "^" and "$" that hold at the ends of each of several joined values, too."""
    return _ANCHOR.sub(
        lambda match: b"(?:%b|%b)" % (match[0], BETWEEN) if match[0] in (b"^", b"$") else match[0], expression
    )


def between_marks(expression: bytes) -> bytes:
    """The expression for values with a mark before and behind each: there "^" and "$" hold, and nowhere else.

    A mark alone, and not the ends of the text or of lines as well: so it is one more literal to the engine.
    """
    return _ANCHOR.sub(lambda match: BETWEEN if match[0] in (b"^", b"$") else match[0], expression)


def anchors(expression: bytes) -> set[bytes]:
    """Which of "^" and "$" it has."""
    return {match[0] for match in _ANCHOR.finditer(expression)} & {b"^", b"$"}


def without_marks(expression: bytes) -> bytes:
    """The expression, but for nothing that takes any byte or all but some taking a mark.

    As it is where it uses more of the engine's syntax than is understood here.
    """
    pieces = tokens(expression)
    return expression if pieces is None else b"".join(map(_without_mark, pieces))


def _without_mark(token: bytes) -> bytes:
    if token == b".":
        return rb"[^\x7f]"
    if token in _BEYOND:
        return b"[" + _BEYOND[token] + b"]"
    if token[:2] == b"[^":
        return token[:-1] + rb"\x7f]"
    if token[:1] == b"[" and len(token) > 1:
        return _ESCAPE.sub(lambda match: _BEYOND.get(match[0], match[0]), token)
    return token


def stays_within(expression: bytes) -> bool:
    """Whether no match of `among_others(expression)` reaches over a mark. False: it is not known."""
    items = parse(expression)
    if items is None:
        return False
    try:
        _consumes(items, _OPENING, before=False)
        _consumes(items, _CLOSING, before=False)
    except _ReachesOver:
        return False
    return True


class _ReachesOver(Exception):
    pass


_OPENING: Final = code.AT_BEGINNING
_CLOSING: Final = code.AT_END
_MARK_BYTE: Final = BETWEEN[0]


def _consumes(items: Iterable[Item], anchor: object, *, before: bool) -> bool:
    """Whether the items take any byte; `before`: something else in the match did already.

    Looks at a sequence from its end where `anchor` is "$". Raises where that stands behind what takes a byte, as it may
    be a mark itself, or where anything else takes a mark.
    """
    took = before
    for kind, value in list(items) if anchor is _OPENING else reversed(list(items)):
        taken = accepted((kind, value))
        if taken is not None:
            if _MARK_BYTE in taken:
                raise _ReachesOver
            took = True
        elif kind is code.AT:
            if value is anchor and took:
                raise _ReachesOver
        elif kind is code.SUBPATTERN:
            took = _consumes(value[3], anchor, before=took)
        elif kind is code.BRANCH:
            took = True in [_consumes(branch, anchor, before=took) for branch in value[1]]
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT):
            once = _consumes(value[2], anchor, before=took)
            took = _consumes(value[2], anchor, before=once) if value[1] > 1 else once
        else:
            raise _ReachesOver
    return took
