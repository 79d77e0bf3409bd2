"""What of a program's factors is left for ordinary texts: words, numbers, and the few signs that stand among them.

Owns which texts are ordinary. Most of what is looked for needs a sign that they do not have ("ls" is nothing without a
";" or "$" somewhere), and the little that is left is looked for at a fraction of the places.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from typing import Final

from waf.prefilter.factors import DIGIT, EDGE, IN_WORDS, SYMBOLS, WORD_EDGE, Factors, dearness

ORDINARY: Final = frozenset(
    (EDGE, *(string.ascii_letters + string.digits + " .,-_").encode().translate(SYMBOLS))
)
"""The symbols of ordinary texts, …"""

QUOTED: Final = ORDINARY | {SYMBOLS[ord("'")]}
"""… and of those that have apostrophes as well ("O'Neill", "don't")."""

_IN_NUMBERS: Final = frozenset((WORD_EDGE, EDGE, DIGIT, *b" .-/()".translate(SYMBOLS)))
_DIGITS: Final = bytes((DIGIT,))
TWO_DIGITS: Final = _DIGITS * 2

_SHORT: Final = 3  # symbols of a factor that are too few to be looked up by alone


def within(sets: Sequence[Factors], covered: frozenset[int]) -> list[Factors]:
    """Sets of factors of one expression as far as they are in texts of the covered symbols, the best first: it matches in
    none of these where one of the sets is empty.
    """
    left = {frozenset(one for one in factors if covered.issuperset(one.strip(b"\0"))) for factors in sets}
    return sorted(left, key=lambda one: (dearness(one) if one else 0, sorted(one)))


def spelt(
    factors: dict[bytes, int], pairs: Iterable[tuple[int, int]], covered: frozenset[int]
) -> dict[bytes, int]:
    """The factors, each with its bits, as they are looked for in texts of the covered symbols.

    The bit 1 stops alone, those of each of the `pairs` together.
    """
    edges = [bytes((symbol,)) for symbol in sorted(covered - IN_WORDS)]
    made: dict[bytes, int] = {}
    for factor, bits in factors.items():
        for one in _spelt(factor, edges):
            made[one] = made.get(one, 0) | bits
    return with_plain_numbers(made, pairs, -1)


def with_plain_numbers(
    factors: dict[bytes, int], pairs: Iterable[tuple[int, int]], among: int
) -> dict[bytes, int]:
    """The same with a mere digit in place of short factors that are in numbers, of those that set no bits but `among` these.

    They would be looked up at each number; that there are digits at all tells nearly as much, and costs nothing. Of each
    pair one has to be more than a single symbol.
    """
    short = {one for one in factors if len(one) <= _SHORT and DIGIT in one and _IN_NUMBERS.issuperset(one)}
    weak = single = 0
    for factor, bits in factors.items():
        if factor in short:
            weak |= bits & among
        if len(factor.strip(b"\0")) == 1:
            single |= bits
    for first, second in pairs:
        if (weak & first and (weak | single) & second) or (weak & second and single & first):
            weak &= ~(first | second)
    plain: dict[bytes, int] = {}
    for factor, bits in factors.items():
        one = _DIGITS if factor in short and not bits & (1 | ~weak) else factor
        plain[one] = plain.get(one, 0) | bits
    return plain


def _spelt(factor: bytes, edges: Sequence[bytes]) -> Iterable[bytes]:
    """A short factor with what may stand at the edges of its word in place of them: so more of it is looked up."""
    inner = factor.strip(b"\0")
    if len(inner) > _SHORT or len(inner) == len(factor):
        return (factor,)
    before = edges if factor[0] == WORD_EDGE else (b"",)
    behind = edges if factor[-1] == WORD_EDGE else (b"",)
    return (one + inner + other for one in before for other in behind)
