"""Which characters a text must hold before an expression can match in it.

Owns the reading of expressions for that: a pattern that cannot match without "$" needs no look at a text that has
none. Wherever an expression uses more of the engine's syntax than is understood here, nothing is demanded of the text.
Knows no engine.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from re import _constants as code  # type: ignore[attr-defined]
from typing import Final

from waf.inspect.native import SEARCH
from waf.prefilter.expressions import Item, parse

_RARE: Final = (b"\x80", b"$", b"<>", b"%", b"|&`\\", b"@#*!+~^\0")
_COMMON: Final = (b"=;", b"{}[]", b"()", b"/", b"\t\r\n", b"\"'", b"_:?-,.")
_SETS: Final = tuple(
    frozenset(one) for one in (*_RARE, b"".join(_RARE), *(common + b"".join(_RARE) for common in _COMMON))
)
"""Families of characters, those that ordinary text has least often first."""
USUAL: Final = len(_SETS) - 1
"""The family of what needs one of characters that nearly every text has."""
SLASHES: Final = _SETS.index(frozenset(b"/" + b"".join(_RARE)))
"""The family of what needs a slash, or a rarer character in its place."""
MIXED: Final = len(_SETS)
"""The family of what needs one of characters of several families."""
FREE: Final = MIXED + 1
"""The family of what needs none of the characters that are looked for in a text."""
TOGETHER: Final = {
    USUAL: FREE,  # both are asked about every text
    _SETS.index(frozenset(b"%")): MIXED,
    _SETS.index(frozenset(b"|&`\\")): MIXED,
}
"""Families that share the database of another: the engine's pass over a text costs little more for both than for one."""
_RANK: Final = {byte: rank for rank, one in enumerate((*_RARE, *_COMMON)) for byte in one}
WATCHED: Final = frozenset(_RANK) - frozenset(_COMMON[-1])
"""The characters that are looked for in a text. Those that are in nearly every text are taken for there."""
ALIKE: Final = bytes(
    0 if byte < 32 and byte not in b"\t\r\n" else 128 if byte > 127 else byte for byte in range(256)
)
"""A table for `bytes.translate`: one byte stands for all rare controls, one for all beyond ASCII."""

BITS: Final = {byte: 1 << number for number, byte in enumerate(sorted(WATCHED))}
"""A bit for each character that is watched."""
_OF_BYTES: Final = array("I", [BITS.get(byte, 0) for byte in ALIKE]).tobytes()
_UNWATCHED: Final = bytes(byte for byte in range(256) if ALIKE[byte] not in WATCHED)


def find_watched(text: bytes) -> int:
    """The bits of the characters that the text has, of those that decide whether a group of patterns is looked for."""
    bits = 0
    for byte in set(text.translate(ALIKE, _UNWATCHED)):
        bits |= BITS[byte]
    return bits


def _watched_in_c(text: bytes) -> int:
    assert SEARCH is not None
    bits: int = SEARCH.watched(text, _OF_BYTES)
    return bits


watched: Final[Callable[[bytes], int]] = find_watched if SEARCH is None else _watched_in_c

Gate = frozenset[int]
"""Bytes of which a text must have one."""


@lru_cache(maxsize=8192)
def family(expression: bytes) -> tuple[int, Gate]:
    """The family of an expression, and its gate: the least usual characters without one of which nothing matches.

    An empty gate demands nothing.
    """
    found = _family(_gates(expression))
    return _ONE.setdefault(found, found)


_ONE: Final[dict[tuple[int, Gate], tuple[int, Gate]]] = {}
"""Each once, as there are dozens for a thousand expressions."""


def _family(gates: list[Gate]) -> tuple[int, Gate]:
    for number, members in enumerate(_SETS):
        fitting = [gate for gate in gates if gate <= members]
        if fitting:
            return number, _rarest(fitting)
    watched = [gate for gate in gates if gate <= WATCHED]
    return (MIXED, _rarest(watched)) if watched else (FREE, frozenset())


def _gates(expression: bytes) -> list[Gate]:
    items = parse(expression)
    return [] if items is None else list(_of_all(items))


def _rarest(gates: Iterable[Gate]) -> Gate:
    return min(gates, key=lambda gate: (sorted(map(_RANK.__getitem__, gate), reverse=True), sorted(gate)))


def _of_all(items: Iterable[Item]) -> Iterator[Gate]:
    """A gate for each item of a sequence that has one: each of them must be passed."""
    for kind, value in items:
        if kind is code.LITERAL:
            if ALIKE[value] in _RANK:
                yield frozenset((ALIKE[value],))
        elif kind is code.IN:
            members = _members(value)
            if members and members <= _RANK.keys():
                yield members
        elif kind is code.SUBPATTERN:
            yield from _of_all(value[3])
        elif kind is code.BRANCH:
            branches = [list(_of_all(branch)) for branch in value[1]]
            if all(branches):
                yield frozenset().union(*map(_rarest, branches))
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT) and value[0] > 0:
            yield from _of_all(value[2])


def _members(items: Sequence[Item]) -> Gate | None:
    """The bytes of a class that lists them; None for one that is given by what is not in it or by a category."""
    members: set[int] = set()
    for kind, value in items:
        if kind is code.LITERAL:
            members.add(ALIKE[value])
        elif kind is code.RANGE:
            members.update(ALIKE[value[0] : value[1] + 1])
        else:
            return None
    return frozenset(members)
