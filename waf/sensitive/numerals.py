"""Signs of numbers that C looks for by itself (waf/_finder_numerals.h), faster than an automaton that has to follow each byte.

Owns which signs these are and what they begin with: six bytes of which each is a digit, a capital letter, what may stand between digits,
or any of some of these, and among the first four of which a digit has a digit or a capital behind it; or six digits at least with nothing but blanks, dots and dashes between
them, after which either anything may follow or only some bytes that are none of these. All others are Hyperscan's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from waf.sensitive import speed
from waf.sensitive.programs import bits_of, program

_DIGITS: Final = sum(1 << byte for byte in b"0123456789")
_CAPITALS: Final = sum(1 << byte for byte in range(65, 91))
_BETWEEN: Final = sum(1 << byte for byte in b" .-")
_HEAD: Final = 6
_RUN: Final = 6
_MOST: Final = 32  # bytes of a sign


class Numerals(msgspec.Struct, frozen=True):
    """What C is told: the signs with a head, as one program, and their heads; those of so many digits in a row at least; and those of
    exactly so many, and what may stand behind them (256 bits). No number is 0 and means none.
    """

    headed: bytes | None
    heads: bytes
    longer: bytes | None
    least: int
    fixed: bytes | None
    exactly: int
    behind: bytes


def numerals(signs: Sequence[str]) -> tuple[Numerals | None, list[str]]:
    """Of `signs` those that C looks for, None where it cannot; and those that are left."""
    parser = getattr(re, "_parser", None)
    if parser is None or not speed.counts_numerals():
        return None, list(signs)
    heads: dict[str, bytes] = {}
    rows: dict[str, _Row] = {}
    left = []
    for sign in signs:
        tree = parser.parse(sign.encode())
        row, head = _row(tree), _head(tree)
        if tree.getwidth()[1] > _MOST or (row is None and head is None) or program(_one([sign])) is None:
            left.append(sign)
        elif row is not None:
            rows[sign] = row
        elif head is not None:
            heads[sign] = head
    if not heads and not rows:
        return None, left
    lengths = {row.digits for row in rows.values() if row.behind}
    fixed = [sign for sign, row in rows.items() if row.behind] if len(lengths) == 1 else []
    longer = [sign for sign in rows if sign not in fixed]
    behind = 0
    for sign in fixed:
        behind |= rows[sign].behind
    made = Numerals(
        _programmed(heads), b"".join(sorted(set(heads.values()))),
        _programmed(longer), min([rows[sign].digits for sign in longer], default=0),
        _programmed(fixed), lengths.pop() if fixed else 0, behind.to_bytes(32, "little"),
    )  # fmt: skip
    return made, left


def _one(signs: Iterable[str]) -> re.Pattern[bytes]:
    return re.compile("|".join(signs).encode(), re.DOTALL)


def _programmed(signs: Collection[str]) -> bytes | None:
    return program(_one(signs)) if signs else None


class _Row(msgspec.Struct, frozen=True):
    """Digits in a row, and what has to follow, as 256 bits; 0 where that may be anything."""

    digits: int
    behind: int


def _head(tree: Any) -> bytes | None:
    """The classes of the first bytes, 0 where they are not known; None where they are nothing special."""
    classes: list[int] = []
    for op, value in tree:
        name = str(op)
        bits = bits_of(name, value)
        least = most = 1
        if bits is None and name == "MAX_REPEAT" and len(value[2]) == 1:
            bits = bits_of(str(value[2][0][0]), value[2][0][1])
            least, most = value[0], value[1]
        one = _class(bits)
        if not one:
            break
        classes += [one] * least
        if least != most:
            break
    head = classes[:_HEAD]
    # What C looks for first.
    special = any(one == 1 and behind in (1, 2, 3) for one, behind in pairwise(head[:4]))
    return bytes(head + [0] * (_HEAD - len(head))) if len(head) >= 4 and special else None


def _class(bits: int | None) -> int:
    """1 for digits, 2 for capitals, 4 for what may stand between digits, and their sums; 0 for anything else."""
    if not bits or bits & ~(_DIGITS | _CAPITALS | _BETWEEN):
        return 0
    return (bits & _DIGITS != 0) + 2 * (bits & _CAPITALS != 0) + 4 * (bits & _BETWEEN != 0)


def _row(tree: Any) -> _Row | None:
    """The digits that it begins with, if they are enough and have nothing between them but what may be there."""
    count = 0
    rest = list(tree)
    while rest:
        op, value = rest[0]
        name = str(op)
        bits = bits_of(name, value)
        if bits is not None and not bits & ~_DIGITS:
            count += 1
        elif name == "MAX_REPEAT" and value[0] == value[1]:
            one = bits_of(str(value[2][0][0]), value[2][0][1])
            inner = _only_digits(value[2])
            if not inner or (not count and (one is None or one & ~_DIGITS)):
                break  # it may begin with what stands between digits
            count += inner * value[0]
        else:
            break
        rest.pop(0)
    return _Row(count, _behind(rest)) if count >= _RUN else None


def _behind(tree: Sequence[Any]) -> int:
    """What follows, where it is something that neither is a digit nor may stand between them; 0 where that is not known."""
    for op, value in tree:
        name = str(op)
        if name == "BRANCH":
            found = 0
            for way in value[1]:
                one = _behind(way)
                if not one:
                    return 0
                found |= one
            return found
        if name == "SUBPATTERN":
            return _behind(value[3])
        bits = bits_of(name, value)
        if bits is not None:
            return 0 if bits & (_DIGITS | _BETWEEN) else bits
        inner = bits_of(str(value[2][0][0]), value[2][0][1]) if name == "MAX_REPEAT" else None
        if inner is None or inner & ~_BETWEEN:
            return 0
    return 0


def _only_digits(tree: Any) -> int:
    """Digits at least in what holds nothing but digits and what may stand between them; 0 where it holds anything else."""
    count = 0
    for op, value in tree:
        name = str(op)
        bits = bits_of(name, value)
        if name == "SUBPATTERN":
            inner = _only_digits(value[3])
            if not inner:
                return 0
            count += inner
        elif bits is not None and not bits & ~(_DIGITS | _BETWEEN):
            count += not bits & ~_DIGITS
        elif name == "MAX_REPEAT" and value[1] == 1 and len(value[2]) == 1:
            bits = bits_of(str(value[2][0][0]), value[2][0][1])
            if bits is None or bits & ~_BETWEEN:
                return 0
        else:
            return 0
    return count
