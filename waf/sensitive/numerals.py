"""Signs of numbers that C looks for by itself (waf/_finder_numerals.h), faster than an automaton that has to follow each byte.

Owns which signs these are and what they begin with: four bytes of which each is a digit, a capital letter or either, with two
neighbours in the first three that are a digit and one of both; or six digits at least with nothing but blanks, dots and dashes between them.
All others are Hyperscan's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from waf.sensitive import speed
from waf.sensitive.programs import bits_of, program

_DIGITS: Final = sum(1 << byte for byte in b"0123456789")
_CAPITALS: Final = sum(1 << byte for byte in range(65, 91))
_BETWEEN: Final = sum(1 << byte for byte in b" .-")
_HEAD: Final = 4
_RUN: Final = 6
_MOST: Final = 32  # bytes of a sign


class Numerals(msgspec.Struct, frozen=True):
    """What C is told: all signs as one program, the heads of some, and whether others are digits in a row."""

    program: bytes
    heads: bytes
    runs: bool


def numerals(signs: Sequence[str]) -> tuple[Numerals | None, list[str]]:
    """Of `signs` those that C looks for, None where it cannot; and those that are left."""
    parser = getattr(re, "_parser", None)
    if parser is None or not speed.counts_numerals():
        return None, list(signs)
    heads: set[bytes] = set()
    chosen, left = [], []
    runs = False
    for sign in signs:
        tree = parser.parse(sign.encode())
        head = _head(tree)
        run = _digits_in_a_row(tree) >= _RUN
        if (head is None and not run) or tree.getwidth()[1] > _MOST:
            left.append(sign)
            continue
        chosen.append(sign)
        if run:
            runs = True
        elif head is not None:
            heads.add(head)
    made = program(re.compile("|".join(chosen).encode(), re.DOTALL), anywhere=True) if chosen else None
    if made is None:
        return None, list(signs)
    return Numerals(made, b"".join(sorted(heads)), runs), left


def _parts(tree: Any) -> Iterator[tuple[int, int]]:
    """The single bytes that `tree` begins with, as sets: (0: it may be left out or is not known, 1), and how often."""
    for op, value in tree:
        name = str(op)
        bits = bits_of(name, value)
        if bits is not None:
            yield bits, 1
        elif name == "MAX_REPEAT" and value[0] > 0 and len(value[2]) == 1:
            bits = bits_of(str(value[2][0][0]), value[2][0][1])
            yield bits or 0, value[0]
            if value[0] != value[1]:
                yield 0, 1
        else:
            yield 0, 1


def _head(tree: Any) -> bytes | None:
    """The classes of the first four bytes; None where they are not known, or are nothing special."""
    classes: list[int] = []
    for bits, count in _parts(tree):
        if not bits or bits & ~(_DIGITS | _CAPITALS):
            break
        classes += [(bits & _DIGITS != 0) + 2 * (bits & _CAPITALS != 0)] * count
    head = classes[:_HEAD]
    # What C looks for first: a digit with one of both behind it.
    special = any(one == 1 for one in head[:-1])
    return bytes(head) if len(head) == _HEAD and special else None


def _digits_in_a_row(tree: Any) -> int:
    """How many digits at least it begins with that have nothing between them but what may be there."""
    count = 0
    for op, value in tree:
        name = str(op)
        bits = bits_of(name, value)
        if bits is not None and not bits & ~_DIGITS:
            count += 1
            continue
        if name != "MAX_REPEAT" or value[0] == 0:
            break
        one = bits_of(str(value[2][0][0]), value[2][0][1])
        if not count and (one is None or one & ~_DIGITS):
            break  # it may begin with what stands between digits
        inner = _only_digits(value[2])
        count += inner * value[0]
        if not inner or value[0] != value[1]:
            break
    return count


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
