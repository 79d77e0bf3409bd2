"""Forms that C looks for by itself (waf/_finder_openings.h): those whose values begin with a digit, or any of several capitals (led ones:
any letters), at a word's edge, or with "+" or "(".

The engine takes 100 ns to tell of a match and as long again to find out where it began, and a text of groups of digits has several at
each. C knows what can be none by its first bytes, and runs a form's own program where that does not tell. What begins with letters of
its own (a token) the engine finds at once, and is left to it. Of led forms it looks for the words alone: with what may stand behind them it
would tell of each value as often as there are such forms, and the sum of all gaps and values keeps it busy.

Owns which forms these are, and the table of first bytes.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from waf.prefilter.expressions import leading
from waf.sensitive.forms import ANY_GAP, GAP, Form
from waf.sensitive.programs import bits_of, program

COLUMNS: Final = 16
"""First bytes that are looked at."""

MOST: Final = 64
"""Forms that one table tells apart, and contexts; all others are the engine's."""

Table = tuple[bytes, tuple[tuple[int, bytes, int], ...]]
"""For each of the first bytes, for each value of it and for the end of the text, 64 bits of the forms that this may belong to; and of each
form its number, its program and the number of its context."""

Told = tuple[Table, Table, int, int, int]
"""What C is told: of forms that speak for themselves, of led ones; how many forms the engine has, and how many contexts, whose words it tells of
with the numbers behind those; the bytes between a word and a value."""

_DIGITS: Final = sum(1 << byte for byte in b"0123456789")
_CAPITALS: Final = sum(1 << byte for byte in range(65, 91))
_LETTERS: Final = _CAPITALS | _CAPITALS << 32
_SIGNS: Final = sum(1 << byte for byte in b"+(")
_ALL: Final = (1 << 256) - 1
_END: Final = 256
_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


class Shares(msgspec.Struct, frozen=True):
    """Whose are which forms: the engine's, and C's that speak for themselves and that are led."""

    asked: tuple[Form, ...]
    alone: tuple[Form, ...]
    led: tuple[Form, ...]

    @property
    def all(self) -> tuple[Form, ...]:
        """As candidates number them."""
        return (*self.asked, *self.alone, *self.led)

    @property
    def contexts(self) -> tuple[tuple[str, ...], ...]:
        """The words that led forms of C's need, each such list once."""
        return tuple(dict.fromkeys(form.entity.context for form in self.led))

    @property
    def told(self) -> Told:
        contexts = self.contexts
        first = len(self.asked)
        alone = [(first + place, form, 0) for place, form in enumerate(self.alone)]
        first += len(self.alone)
        led = [
            (first + place, form, contexts.index(form.entity.context)) for place, form in enumerate(self.led)
        ]
        return _table(alone), _table(led), len(self.asked), len(contexts), GAP


def shares(all_forms: Sequence[Form]) -> Shares:
    """Who looks for which of the forms."""
    mine = [form for form in all_forms if _columns(form) is not None]
    alone = tuple(form for form in mine if not form.led)[:MOST]
    led = tuple(form for form in mine if form.led)[:MOST]
    taken = {id(form) for form in (*alone, *led)}
    return Shares(tuple(form for form in all_forms if id(form) not in taken), alone, led)


def _table(numbered: Sequence[tuple[int, Form, int]]) -> Table:
    table = array("Q", bytes(COLUMNS * (_END + 1) * 8))
    programs = []
    for place, (number, form, context) in enumerate(numbered):
        columns, code = _columns(form), program(_pattern(form))
        if columns is None or code is None:
            raise ValueError(f"{form.pattern!r} is not for C")
        programs.append((number, code, context))
        for column, accepted in enumerate(columns):
            for byte in range(_END + 1):
                # Where anything may follow, so may nothing.
                if accepted == _ALL or (byte < _END and accepted >> byte & 1):
                    table[column * (_END + 1) + byte] |= 1 << place
    return table.tobytes(), tuple(programs)


def _pattern(form: Form) -> re.Pattern[bytes]:
    return re.compile(leading(form.pattern.encode()), re.DOTALL if form.led else 0)


def _columns(form: Form) -> list[int] | None:
    """The bytes that the first of a match may be, 256 bits each; None for a form that is the engine's."""
    parser = getattr(re, "_parser", None)
    if parser is None or (form.led and form.gap != ANY_GAP):
        return None
    try:
        pattern = _pattern(form)
        tree = list(parser.parse(pattern.pattern, pattern.flags))
    except (re.error, OverflowError, RecursionError):
        return None
    if not tree or program(pattern) is None:
        return None
    columns = [0] * COLUMNS
    ends = _follow(tree, 1, columns, pattern.flags)
    for place in range(COLUMNS):
        if ends & ((2 << place) - 1):
            columns[place] = _ALL  # a match may be over
    first, second = columns[:2]
    if not _at_edge(tree):
        mine = not first & ~_SIGNS
    elif form.led:
        mine = not first & ~(_DIGITS | _LETTERS | _SIGNS)
    else:
        several = first.bit_count() > 1 and second.bit_count() > 1
        mine = not first & ~(_DIGITS | (_CAPITALS if several else 0))
    return columns if first and mine else None


def _at_edge(tree: Sequence[Any]) -> bool:
    """Whether every match begins at a word's edge, or with one of the signs before that."""
    for op, value in tree:
        name = str(op)
        if name == "AT":
            return str(value) == "AT_BOUNDARY"
        if name == "SUBPATTERN":
            return _at_edge(list(value[3]))
        if name == "BRANCH":
            return all(_at_edge(list(way)) for way in value[1])
        bits = (
            bits_of(str(value[2][0][0]), value[2][0][1])
            if name == "MAX_REPEAT" and len(value[2]) == 1
            else None
        )
        if bits is None or bits & ~_SIGNS or value[:2] != (0, 1):
            return False
    return False


def _follow(items: Any, places: int, columns: list[int], flags: int) -> int:
    """Notes the bytes of what begins at any of `places` (a bit for each); where it may end."""
    for op, value in items:
        name = str(op)
        if name == "AT":
            continue
        if name in _REPEATS:
            least, most, body = value
            reached, left = (places if least == 0 else 0), places
            for times in range(1, min(int(most), COLUMNS) + 1):
                left = _follow(body, left, columns, flags)
                reached |= left if times >= least else 0
            # What is repeated more often than there are columns goes beyond them.
            places = reached
        elif name == "BRANCH":
            reached = 0
            for way in value[1]:
                reached |= _follow(way, places, columns, flags)
            places = reached
        elif name == "SUBPATTERN":
            places = _follow(value[3], places, columns, (flags | value[1]) & ~value[2])
        else:
            bits = bits_of(name, value, flags)
            for column in range(COLUMNS):
                if places >> column & 1:
                    columns[column] |= _ALL if bits is None else bits
            places <<= 1
    return places & ((1 << COLUMNS) - 1)
