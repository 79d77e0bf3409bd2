"""In how many ways an expression of the standard library may match one run of a character, which `re` tries one after the other.

Owns that estimate. Two runs that share a character, one behind the other, take the square of a text's length where nothing fits
behind them, three its third power, and a run of runs more than anybody waits for (Davis et al., The Impact of Regular Expression Denial of
Service in Practice, 2018). What only words of several letters show ("ab" and "abab", any number of times) is not seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

from waf.prefilter.expressions import Item, accepted, either_case

ENDLESS: Final = 99
"""The power that stands for more than any."""
BOUNDED: Final = 2
"""The power that may be: a few thousand characters still take milliseconds."""
MEND: Final = "let its runs give nothing back (\\s*+), or put something between them"

_FEW: Final = 8  # a part that is repeated no more often makes no run
_LENGTHS: Final = 16  # lengths of a part, of one character again and again, that are told apart
_NEVER: Final = -1  # in place of runs: no text of this character alone fits
_IGNORE_CASE: Final = 2  # re.IGNORECASE, as the parser has it
_REST: Final = 256  # stands for all characters beyond
_BYTES: Final = frozenset(range(_REST))


class _Many(NamedTuple):
    least: int
    most: int
    kept: bool  # gives nothing back
    body: Any


class _Look(NamedTuple):
    ahead: bool
    body: Any


class _Either(NamedTuple):
    ways: list[Any]


_Node = frozenset[int] | list[Any] | _Many | _Look | _Either
"""Characters, a sequence, or one of the others."""


class _Runs(NamedTuple):
    """Runs of one character, one behind the other, in what a part of an expression matches."""

    whole: int  # where all of the match is that character; `_NEVER` where it cannot be
    first: int  # where a match begins
    last: int  # where one ends
    most: int  # anywhere
    lengths: frozenset[int]  # of matches that are that character alone, without runs
    twice: bool  # one of these lengths is matched in two ways


_NOTHING: Final = _Runs(0, 0, 0, 0, frozenset((0,)), False)
_OTHER: Final = _Runs(_NEVER, 0, 0, 0, frozenset(), False)
_ONE: Final = _Runs(0, 0, 0, 0, frozenset((1,)), False)


def ways(expression: str | bytes, flags: int = 0) -> int:
    """The power of a text's length that the time to find no match grows with where `re` begins in one place; 0 and 1: linear.

    Raises `re.error` for what is no expression.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = parser.parse(expression, flags)
    classes: dict[frozenset[int], None] = {}
    try:
        tree = [*_read(parsed, bool(parsed.state.flags & _IGNORE_CASE), classes)]
        run = frozenset(_run(tree))
        return max((_sequence(tree, one).most for one in _different(list(classes)) if one in run), default=0)
    except RecursionError:
        return ENDLESS  # so many brackets that nobody can tell


def _run(nodes: Iterable[_Node], within: bool = False) -> Iterator[int]:
    """The characters that runs are made of: of all others there is one way."""
    for node in nodes:
        if isinstance(node, frozenset):
            yield from node if within else ()
        elif isinstance(node, list):
            yield from _run(node, within)
        elif isinstance(node, _Either):
            yield from _run(node.ways, within)
        else:
            yield from _run(node.body, within or (isinstance(node, _Many) and node.most > _FEW))


def _read(items: Any, ignores: bool, classes: dict[frozenset[int], None]) -> Iterator[_Node]:
    """What matters of a parsed expression; adds all that one of its characters may be to `classes`."""
    for kind, value in items:
        taken = _taken((kind, value), ignores)
        if taken is not None:
            classes[taken] = None
            yield taken
        elif kind is code.SUBPATTERN:
            on, off, body = value[1], value[2], value[3]
            inner = (ignores or bool(on & _IGNORE_CASE)) and not off & _IGNORE_CASE
            yield [*_read(body, inner, classes)]
        elif kind is code.BRANCH:
            yield _Either([[*_read(way, ignores, classes)] for way in value[1]])
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT):
            least, most, body = value
            kept = kind is code.POSSESSIVE_REPEAT
            yield _Many(int(least), int(most), kept, [*_read(body, ignores, classes)])
        elif kind is code.ATOMIC_GROUP:
            yield _Many(1, 1, True, [*_read(value, ignores, classes)])
        elif kind in (code.ASSERT, code.ASSERT_NOT):
            yield _Look(value[0] > 0, [*_read(value[1], ignores, classes)])
        elif kind is code.GROUPREF_EXISTS:
            yield _Either([[*_read(way or (), ignores, classes)] for way in value[1:]])
        # An edge, or what stood before, is as good as nothing.


def _taken(item: Item, ignores: bool) -> frozenset[int] | None:
    kind, value = item
    if kind is code.LITERAL or kind is code.NOT_LITERAL:
        item = kind, min(value, _REST)
    elif kind is code.IN:
        item = kind, [_within(one) for one in value]
    taken = accepted(item)
    return either_case(taken & _BYTES) | taken - _BYTES if ignores and taken is not None else taken


def _within(member: Item) -> Item:
    kind, value = member
    if kind is code.LITERAL:
        return kind, min(value, _REST)
    return (kind, (min(value[0], _REST), min(value[1], _REST))) if kind is code.RANGE else member


def _different(classes: Sequence[frozenset[int]]) -> list[int]:
    """One of the characters for each combination of classes that some are in."""
    first: dict[tuple[bool, ...], int] = {}
    for one in sorted(frozenset().union(*classes)):
        first.setdefault(tuple([one in taken for taken in classes]), one)
    return [*first.values()]


def _runs(node: _Node, one: int) -> _Runs:
    if isinstance(node, frozenset):
        return _ONE if one in node else _OTHER
    if isinstance(node, list):
        return _sequence(node, one)
    if isinstance(node, _Either):
        return _either([_sequence(way, one) for way in node.ways])
    runs = _sequence(node.body, one)
    if isinstance(node, _Look):
        return _NOTHING._replace(first=runs.first if node.ahead else 0, most=runs.most)
    if node.kept:
        return _kept(runs, node.least)
    again = _endlessly(runs) if node.most > _FEW else _few(runs, node.least, node.most)
    return again if node.least or 0 in again.lengths else _either([again, _NOTHING])


def _sequence(nodes: Sequence[_Node], one: int) -> _Runs:
    runs = _NOTHING
    for node in nodes:
        runs = _behind(runs, _runs(node, one))
    return runs


def _behind(left: _Runs, right: _Runs) -> _Runs:
    if right is _ONE and left is _NOTHING:
        return right
    whole = left.whole + right.whole if left.whole >= 0 <= right.whole else _NEVER
    sums = [total for a in left.lengths for b in right.lengths if (total := a + b) <= _LENGTHS]
    return _Runs(
        whole,
        max(left.first, left.whole + right.first if left.whole >= 0 else 0),
        max(right.last, right.whole + left.last if right.whole >= 0 else 0),
        max(left.most, right.most, left.last + right.first),
        frozenset(sums),
        left.twice or right.twice or len(set(sums)) < len(sums),
    )


def _either(ways: Sequence[_Runs]) -> _Runs:
    lengths = [length for way in ways for length in way.lengths]
    return _Runs(
        max(way.whole for way in ways),
        max(way.first for way in ways),
        max(way.last for way in ways),
        max(way.most for way in ways),
        frozenset(lengths),
        any(way.twice for way in ways) or len(set(lengths)) < len(lengths),
    )


def _few(runs: _Runs, least: int, most: int) -> _Runs:
    again = _NOTHING
    for _ in range(most):
        again = _behind(again, runs)
    lengths = {many * length for many in range(least, most + 1) for length in runs.lengths}
    return again._replace(lengths=frozenset(length for length in lengths if length <= _LENGTHS))


def _endlessly(runs: _Runs) -> _Runs:
    if runs.whole < 0:
        return runs._replace(most=max(runs.most, runs.last + runs.first))
    if runs.whole or runs.twice or len(runs.lengths - {0}) > 1:
        return _Runs(ENDLESS, ENDLESS, ENDLESS, ENDLESS, frozenset(), False)
    most = max(runs.most, runs.last + 1 + runs.first)
    return _Runs(1, runs.first + 1, runs.last + 1, most, frozenset(), False)


def _kept(runs: _Runs, least: int) -> _Runs:
    whole = 0 if runs.whole >= 0 or not least else _NEVER
    lengths = frozenset((1,)) if runs.whole >= 0 else frozenset(() if least else (0,))
    return _Runs(whole, 0, 0, runs.most, lengths, False)
