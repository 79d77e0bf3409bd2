"""Forms that C looks for by itself (waf/_finder_openings.h): those whose values begin with a digit, or any of several capitals, at a
word's edge, or with "+" or "(".

The engine takes 100 ns to tell of a match and as long again to find out where it began, and a text of groups of digits has several at
each. C knows what can be none by its first bytes, and runs a form's own program where that does not tell. What begins with letters of
its own (a token) the engine finds at once, and is left to it.

Owns which forms these are, and the table of first bytes.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import Any, Final

from waf.sensitive.forms import Form
from waf.sensitive.programs import bits_of, program

COLUMNS: Final = 16
"""First bytes that are looked at."""

MOST: Final = 32
"""Forms that one table tells apart; all others are the engine's."""

Told = tuple[bytes, tuple[tuple[int, bytes], ...]]
"""What C is told: for each of the first bytes, for each value of it and for the end of the text, 32 bits of the forms that this may belong
to; and of each form its number and its program."""

_DIGITS: Final = sum(1 << byte for byte in b"0123456789")
_WORD: Final = sum(1 << byte for byte in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SIGNS: Final = sum(1 << byte for byte in b"+(")
_ALL: Final = (1 << 256) - 1
_END: Final = 256
_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def opened(all_forms: Sequence[Form]) -> tuple[Form, ...]:
    """Those of the forms that C can look for, in their order."""
    return tuple(form for form in all_forms if _columns(form) is not None)[:MOST]


def told(numbered: Sequence[tuple[int, Form]]) -> Told:
    """What C is told of `opened` forms, each with the number that its candidates carry."""
    table = array("I", bytes(COLUMNS * (_END + 1) * array("I").itemsize))
    programs = []
    for place, (number, form) in enumerate(numbered):
        columns, code = _columns(form), program(_pattern(form))
        if columns is None or code is None:
            raise ValueError(f"{form.expression!r} is not for C")
        programs.append((number, code))
        for column, accepted in enumerate(columns):
            for byte in range(_END + 1):
                # Where anything may follow, so may nothing.
                if accepted == _ALL or (byte < _END and accepted >> byte & 1):
                    table[column * (_END + 1) + byte] |= 1 << place
    return table.tobytes(), tuple(programs)


def _pattern(form: Form) -> re.Pattern[bytes]:
    return re.compile(form.expression)


def _columns(form: Form) -> list[int] | None:
    """The bytes that the first of a match may be, 256 bits each; None for a form that is the engine's."""
    parser = getattr(re, "_parser", None)
    if form.led or parser is None:
        return None
    try:
        tree = list(parser.parse(form.expression))
    except (re.error, OverflowError, RecursionError):
        return None
    if not tree or program(_pattern(form)) is None:
        return None
    columns = [0] * COLUMNS
    ends = _follow(tree, 1, columns)
    for place in range(COLUMNS):
        if ends & ((2 << place) - 1):
            columns[place] = _ALL  # a match may be over
    first, second = columns[:2]
    if str(tree[0][1]) == "AT_BOUNDARY":
        several = first.bit_count() > 1 and second.bit_count() > 1
        mine = not first & ~(_WORD if several else _DIGITS)
    else:
        mine = not first & ~_SIGNS
    return columns if first and mine else None


def _follow(items: Any, places: int, columns: list[int]) -> int:
    """Notes the bytes of what begins at any of `places` (a bit for each); where it may end."""
    for op, value in items:
        name = str(op)
        if name == "AT":
            continue
        if name in _REPEATS:
            least, most, body = value
            reached, left = (places if least == 0 else 0), places
            for times in range(1, min(int(most), COLUMNS) + 1):
                left = _follow(body, left, columns)
                reached |= left if times >= least else 0
            # What is repeated more often than there are columns goes beyond them.
            places = reached
        elif name == "BRANCH":
            reached = 0
            for way in value[1]:
                reached |= _follow(way, places, columns)
            places = reached
        elif name == "SUBPATTERN":
            places = _follow(value[3], places, columns)
        else:
            bits = bits_of(name, value)
            for column in range(COLUMNS):
                if places >> column & 1:
                    columns[column] |= _ALL if bits is None else bits
            places <<= 1
    return places & ((1 << COLUMNS) - 1)
