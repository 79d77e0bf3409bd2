"""Factors of expressions: short pieces of text of which every match holds at least one.

Owns the reading of expressions for that, as RE2's prefilter and Cox's index of trigrams do it ("Regular Expression
Matching with a Trigram Index", 2012). Texts are read in *symbols*: letters without case, one symbol for all digits, one
for blanks, one for whatever parts values. So a factor may be found where the expression would not match, never the
other way round. What is not understood gives no factors, and whoever asks must do without.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import fsum
from re import _constants as code  # type: ignore[attr-defined]
from typing import Any, Final

import msgspec

from waf.prefilter.expressions import Item, accepted, members, parse

WORD_EDGE: Final = 0
"""In factors alone: there a word begins or ends."""
EDGE: Final = 1
"""At both ends of a value, and for the mark between values."""
LINE_END: Final = 2
DIGIT: Final = 3
BLANK: Final = 4
CONTROL: Final = 5
"""All controls but line ends, tabs too."""
WIDE: Final = 6
"""All bytes beyond ASCII."""
_FIRST_LETTER: Final = 7
_PUNCTUATION: Final = _FIRST_LETTER + 26
_SIGNS: Final = string.punctuation.replace("~", "")  # which shares the symbol of "^"


def _symbol(byte: int) -> int:
    if byte == 0x7F:
        return EDGE
    if byte == 0x0A:
        return LINE_END
    if byte == 0x20:
        return BLANK
    if byte < 32:
        return CONTROL
    if byte > 127:
        return WIDE
    char = chr(byte)
    if char.isdigit():
        return DIGIT
    if char.isalpha():
        return _FIRST_LETTER + ord(char.lower()) - ord("a")
    return _PUNCTUATION + _SIGNS.index("^" if char == "~" else char)


SYMBOLS: Final = bytes(_symbol(byte) for byte in range(256))
"""A table for `bytes.translate`. There are no more than 64 symbols, and none is `WORD_EDGE`."""
IN_WORDS: Final = frozenset(SYMBOLS[byte] for byte in (string.ascii_letters + string.digits + "_").encode())

LONGEST: Final = 12  # symbols of a factor
_MOST: Final = 96  # factors of one set that are made by multiplying out
_MOST_LISTED: Final = 512  # and of one whose factors the expression lists
_WIDEST: Final = 13  # symbols of a class that is multiplied out

Factors = frozenset[bytes]
"""Pieces in symbols: a match holds one of them."""

# How often each symbol stands in values of ordinary traffic, roughly, in parts of 10,000.
_LETTERS: Final = dict(
    zip(
        "etaoinsrhldcumfpgwybvkxjqz",
        (900, 680, 620, 570, 560, 540, 490, 480, 350, 330, 300, 260, 210, 200, 170, 170, 150, 130, 130, 110, 80, 70,
         25, 20, 15, 15),
        strict=True,
    )
)  # fmt: skip
_OTHERS: Final = {
    ".": 90,
    "-": 90,
    ",": 80,
    "/": 60,
    "_": 50,
    ":": 40,
    "=": 30,
    '"': 20,
    "?": 15,
    "&": 15,
    "'": 15,
}
_RARE: Final = 6
_SHARES: Final = (
    dict.fromkeys(range(64), _RARE)
    | {WORD_EDGE: 3000, EDGE: 300, LINE_END: 30, DIGIT: 900, BLANK: 1200, CONTROL: 2, WIDE: 100}
    | {SYMBOLS[ord(char)]: share for char, share in (_LETTERS | _OTHERS).items()}
)
_IMPOSSIBLE: Final = 1e9


@lru_cache(maxsize=65536)
def share(factor: bytes) -> float:
    """About how often a factor stands at any place of an ordinary text."""
    likely = 1.0
    for symbol in factor:
        likely *= _SHARES[symbol] / 10_000
    return likely if factor else _IMPOSSIBLE


def dearness(factors: Factors) -> float:
    """About how often one of them stands at any place of an ordinary text; fewer is better."""
    return fsum(map(share, factors)) if factors else _IMPOSSIBLE


def usual(expression: bytes, how: float) -> bool:
    """Whether the factors of an expression stand at more places of ordinary text than this share of all."""
    sets = sets_of(expression)
    return not sets or dearness(sets[0]) > how


class _Part(msgspec.Struct, frozen=True):
    """What is known of a piece of an expression: all that it matches, or how its matches begin and end.

    `sets` are sets of factors that its matches hold beside.
    """

    exact: Factors | None
    begins: Factors
    ends: Factors
    sets: tuple[Factors, ...] = ()


_EMPTY: Final[Factors] = frozenset((b"",))
_AT_EDGES: Final[Factors] = frozenset(bytes((symbol,)) for symbol in (EDGE, LINE_END, WORD_EDGE)) | _EMPTY
_NOTHING: Final = _Part(_EMPTY, _EMPTY, _EMPTY)
_ANYTHING: Final = _Part(None, _EMPTY, _EMPTY)
_EDGES: Final[Factors] = frozenset((bytes((WORD_EDGE,)),))
_OUTSIDE_WORDS: Final = _Part(None, _EDGES, _EDGES)
"""Any one byte that is in no word: too many to be listed."""


def _exactly(factors: Factors) -> _Part:
    return _Part(factors, factors, factors)


def sets_of(expression: bytes) -> list[Factors]:
    """Sets of factors, the best first: each match of the expression holds a factor of every one of them.

    Empty where no text can be ruled out. "^" and "$" are those of lines.
    """
    items = parse(expression)
    if items is None:
        return []
    usable = {_trimmed(one) for one in _all_sets(_sequence(items, True, True))}
    usable = {one for one in usable if one and b"" not in one}
    return sorted(usable, key=lambda one: (dearness(one), sorted(one)))


def all_of(expression: bytes) -> Factors | None:
    """Everything that the expression matches, in symbols; None where that is too much, or not understood."""
    items = parse(expression)
    exact = None if items is None else _sequence(items, True, True).exact
    return None if exact is None else frozenset(map(_edged, exact))


def _all_sets(part: _Part) -> Iterable[Factors]:
    return (*part.sets, part.exact) if part.exact is not None else (*part.sets, part.begins, part.ends)


def _trimmed(factors: Factors) -> Factors:
    """Without those that hold another one, each cut to its least usual piece of the longest size."""
    cut = {_rarest(_edged(factor)) for factor in factors}
    return frozenset(one for one in cut if not any(other != one and other in one for other in cut))


def _edged(factor: bytes) -> bytes:
    """The factor with edges of words only where they say something: outside of a letter, digit or "_"."""
    inner = factor.strip(b"\0").replace(b"\0", b"")
    if not inner:
        return b""
    before = b"\0" if factor[0] == WORD_EDGE and inner[0] in IN_WORDS else b""
    behind = b"\0" if factor[-1] == WORD_EDGE and inner[-1] in IN_WORDS else b""
    return before + inner + behind


def _rarest(factor: bytes, size: int = LONGEST) -> bytes:
    """The least usual piece of that size; edges of words are not counted."""
    inner = factor.strip(b"\0")
    if len(inner) <= size:
        return factor
    return min((inner[at : at + size] for at in range(len(inner) - size + 1)), key=share)


# -------------------------------------------------------------------------------------------------------- the walk


def _sequence(items: Sequence[Item], first: bool, last: bool) -> _Part:
    """Items one behind the other. `first` and `last`: nothing of the expression stands before, or behind."""
    sets: list[Factors] = []
    run = _EMPTY  # all that may stand here since the last piece that is not known
    begins: Factors | None = None
    for number, item in enumerate(items):
        parts = tuple(_pieces(item, first and number == 0, last and number == len(items) - 1))
        if parts == (_ANYTHING,) and (gap := _gap(item)) is not None:
            # Before what may be missing stands what it begins with or what follows, and behind it the like.
            # At the beginning of a line nearly anything does; that there is one says as much, and costs nothing.
            following = None if run & _AT_EDGES or b"" in gap.begins else _following(items[number + 1 :])
            sets.append(run if following is None else _before(run, gap.begins | following))
            begins = begins or sets[-1]
            preceding = None if b"" in gap.ends else _preceding(run)
            run = _EMPTY if preceding is None else gap.ends | preceding
            continue
        for part in parts:
            sets += part.sets
            beginning = part.begins if part.exact is None else part.exact
            product = _product(run, beginning)
            if part.exact is not None and product is not None:
                run = product
                continue
            sets.append(_before(run, beginning))
            begins = begins or sets[-1]
            if part.exact is None:
                if product is None:
                    sets.append(_behind(run, part.begins))
                run = part.ends
            else:
                run = _behind(run, part.exact)
    if begins is None:
        return _Part(run, run, run, tuple(sets))
    return _Part(None, begins, run, (*sets, run))


def _gap(item: Item) -> _Part | None:
    """How an item that may be missing begins and ends where it is there; None for others."""
    kind, value = item
    if kind not in (code.MAX_REPEAT, code.MIN_REPEAT) or value[0] != 0:
        return None
    once = _sequence(list(value[2]), False, False)
    return once if once.exact is None else _exactly(once.exact)


def _preceding(run: Factors) -> Factors | None:
    """The symbols with which a run ends; None where that is not known."""
    ends = frozenset(factor.rstrip(b"\0")[-1:] for factor in run)
    return None if b"" in ends or b"\0" in ends else ends


def _following(items: Sequence[Item]) -> Factors | None:
    """The symbols with which the items begin; None where they may all be missing, or that is not known."""
    symbols, missing = _first(items)
    return None if missing or not 0 < len(symbols) <= _WIDEST else frozenset(map(_one, symbols))


def _first(items: Sequence[Item]) -> tuple[frozenset[int], bool]:
    """The symbols that items begin with, and whether they may take nothing; all symbols where that is not known."""
    found: frozenset[int] = frozenset()
    for kind, value in items:
        taken = accepted((kind, value))
        missing = False
        if taken is not None:
            symbols = frozenset(SYMBOLS[byte] for byte in taken)
        elif kind is code.SUBPATTERN:
            symbols, missing = _first(list(value[3]))
        elif kind is code.BRANCH:
            ways = [_first(list(branch)) for branch in value[1]]
            symbols, missing = frozenset().union(*(one for one, _ in ways)), any(none for _, none in ways)
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT):
            symbols, missing = _first(list(value[2]))
            missing = missing or value[0] == 0
        elif kind is code.AT and value is code.AT_BOUNDARY:
            symbols, missing = frozenset(), True
        elif kind is code.AT and value in _ENDS:
            symbols = frozenset((EDGE, LINE_END))
        else:
            symbols = frozenset(range(64))
        found |= symbols
        if not missing:
            return found, False
    return found, True


def _before(left: Factors, right: Factors) -> Factors:
    """The first where the second stand behind: together, or with the edge of a word between them, as far as that can be told."""
    product = _product(left, right)
    if product is not None:
        return product
    if any(not one or one[0] in IN_WORDS for one in right):
        return left
    return frozenset(one + b"\0" if one and one[-1] in IN_WORDS else one for one in left)


def _behind(left: Factors, right: Factors) -> Factors:
    """The second where the first stand before, but are too many to be put together with them."""
    if any(not one or one[-1] in IN_WORDS for one in left):
        return right
    return frozenset(b"\0" + one if not one or one[0] in IN_WORDS else one for one in right)


def _product(left: Factors, right: Factors) -> Factors | None:
    if len(left) * len(right) > (_MOST if len(left) > 1 < len(right) else _MOST_LISTED):
        return None
    made = frozenset(a + b for a in left for b in right)
    return made if max(map(len, made)) <= 4 * LONGEST else None


def _pieces(item: Item, first: bool, last: bool) -> Iterable[_Part]:
    kind, value = item
    if kind is code.LITERAL:
        return (_exactly(frozenset((SYMBOLS[value : value + 1],))),)
    if kind is code.IN:
        symbols = {SYMBOLS[byte] for byte in members(value)}
        if 0 < len(symbols) <= _WIDEST:
            return (_exactly(frozenset(map(_one, symbols))),)
        return (_ANYTHING if symbols & IN_WORDS else _OUTSIDE_WORDS,)
    if kind is code.SUBPATTERN:
        return (_sequence(list(value[3]), first, last),)
    if kind is code.BRANCH:
        return (_branch([_sequence(list(branch), first, last) for branch in value[1]]),)
    if kind is code.AT:
        return (_at(value, first, last),)
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, inner = value
        return _repeat(least, most, list(inner), first, last)
    return (_ANYTHING,)


_BEGINNINGS: Final = frozenset((code.AT_BEGINNING, code.AT_BEGINNING_LINE, code.AT_BEGINNING_STRING))
_ENDS: Final = frozenset((code.AT_END, code.AT_END_LINE, code.AT_END_STRING))


def _at(place: Any, first: bool, last: bool) -> _Part:
    """Within an expression "^" takes nothing, and what stands before it is seen elsewhere."""
    if (place in _BEGINNINGS and first) or (place in _ENDS and last):
        return _exactly(frozenset((_one(EDGE), _one(LINE_END))))
    return _exactly(frozenset((_one(WORD_EDGE),))) if place is code.AT_BOUNDARY else _NOTHING


def _one(symbol: int) -> bytes:
    return bytes((symbol,))


def _branch(parts: Sequence[_Part]) -> _Part:
    exact = _union([part.exact for part in parts])
    if exact is not None:
        return _exactly(exact)
    begins = _union([part.begins for part in parts]) or _EMPTY
    ends = _union([part.ends for part in parts]) or _EMPTY
    best: set[bytes] = set()
    for part in parts:
        sets: list[Factors] = [one for one in map(_trimmed, _all_sets(part)) if one and b"" not in one]
        if not sets:
            return _Part(None, begins, ends)
        fewest: Factors = min(sets, key=dearness)
        best |= fewest
    return _Part(None, begins, ends, (frozenset(best),))


def _union(sets: Sequence[Factors | None]) -> Factors | None:
    """All of them together; None where one is not known or they are too many."""
    union: set[bytes] = set()
    for one in sets:
        if one is None or len(union) + len(one) > _MOST_LISTED:
            return None
        union |= one
    return frozenset(union)


def _repeat(least: int, most: int, inner: Sequence[Item], first: bool, last: bool) -> Iterable[_Part]:
    if least == 0:
        once = _sequence(inner, first and most == 1, last and most == 1)
        made = once.exact
        if (
            made is None
            or most > _WIDEST
            or (most != 1 and sum(len(made) ** times for times in range(most + 1)) > _WIDEST)
        ):
            return (_ANYTHING,)
        any_number = made | _EMPTY
        for _ in range(most - 1):
            any_number |= frozenset(a + b for a in any_number for b in made)
        return (_exactly(any_number) if len(any_number) <= _MOST else _ANYTHING,)
    once = _sequence(inner, False, False)
    copies = [once] * min(least, LONGEST)
    if most == least <= LONGEST:
        return copies
    return (
        *copies,
        _ANYTHING,
        _exactly(once.exact) if once.exact is not None else _Part(None, _EMPTY, once.ends),
    )
