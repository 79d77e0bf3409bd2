"""What must not be in a text, as a program that C runs over it (`waf/_prefilter.h`).

Owns the choice of the factors that are looked for; `layout` knows how they lie in memory. A text that the program lets
pass holds no match of any of the expressions; of one that it stops nothing is known.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from waf.model import PatternStore
from waf.prefilter.automaton import Automaton, automaton, beginning
from waf.prefilter.expressions import Item, alternatives, least_width, parse
from waf.prefilter.factors import LONGEST, SYMBOLS, Factors, all_of, dearness, sets_of, share
from waf.prefilter.layout import (
    FIRST_WHOLE,
    FOUND,
    HUMPED,
    MAGIC,
    MOST_LEADS,
    MOST_WHOLES,
    Lead,
    chained,
    is_whole,
    packed,
    pair_bit,
)
from waf.prefilter.ordinary import ORDINARY, QUOTED, TWO_DIGITS, spelt, with_plain_numbers, within
from waf.prefilter.whole import VALUES, Demand, wholes_of

_NONE: Final = b"-"  # what is kept where there is no program
_CLEAR: Final = 1e-12  # how often a set of factors may be met for one to be enough
_NOISY: Final = 0.1  # and from which on it says nothing
_LETTERS: Final = frozenset(SYMBOLS[ord(letter)] for letter in string.ascii_lowercase)
_RARE: Final = 3e-6  # Beside a set that is met so rarely …
_OFTEN: Final = (
    1e-4  # … one with short factors that are met so often adds little: each costs a look wherever it is.
)
_MOST_PAIRS: Final = 255
_SHARED: Final = 64  # pairs of sets that stand for several
_MOST_ATOMS: Final = 1 << 17
_MANY: Final = 3  # wholes that share a sign before it is worth while to look for them
_MOST_OWN: Final = 64  # states of an automaton for one whole expression


Exact = bytes | Sequence[Item]
"""An expression, or the items of one."""


def build(
    expressions: Iterable[bytes],
    store: PatternStore | None,
    *,
    leads: Sequence[Lead] = (),
    exact: Sequence[bytes] = (),
    unquoting: Collection[bytes] = (),
    cased: Sequence[tuple[bytes, int]] = (),
    wholes: Sequence[tuple[bytes, Sequence[bytes]]] = (),
    whole_where_ordinary: bool = False,
) -> bytes | None:
    """A program for the expressions, in the engine's syntax and any case; None where some text cannot be ruled out.

    `leads` and `exact` are of the same kind, and their factors would be met everywhere: what begins a line, and
    expressions for which case counts, and which become one automaton where it is not too large.

    `unquoting` are those of the expressions that are about apostrophes in ordinary words, and say no more than that the
    text without them has to be looked at: so it passes where both texts hold none of the others.

    `cased` are further expressions, which tell no case themselves, each with `layout.HUMPED` or `layout.APART`: they count
    only where that holds of a match.

    `wholes` are all that those of `exact` which are named with them are wanted for: nothing is looked for but what holds a match of
    the whole, and each of its matches holds one of the named.

    `whole_where_ordinary`: expressions whose factors ordinary values have are looked for whole (see `whole`).
    """
    wanted = list(expressions)
    words = _cased(cased)
    if words is None:
        wanted += [one for one, _ in cased]
        words = {}
    parts = (
        MAGIC, SYMBOLS, wanted, [list(map(sorted, one)) for one in leads], exact, sorted(unquoting), sorted(words.items()),
        [(whole, list(signs)) for whole, signs in wholes], VALUES if whole_where_ordinary else (),
    )  # fmt: skip
    key = f"prefilter-{hashlib.sha256(repr(parts).encode()).hexdigest()}"
    kept = store.load(key) if store is not None else None
    if kept is not None and (kept == _NONE or is_whole(kept)):
        return None if kept == _NONE else kept
    program = _built(wanted, leads, _narrowed(exact, wholes), unquoting, words, whole_where_ordinary)
    if store is not None:
        store.save(key, program or _NONE)
    return program


def _narrowed(exact: Sequence[bytes], wholes: Sequence[tuple[bytes, Sequence[bytes]]]) -> Sequence[Exact]:
    """`exact` with wholes, or what they begin with, in place of the sign that most of them share, where all of them make small
    automata and so does the result; else itself.

    A sign is short, and met in what is no whole: six digits and a letter are in many a hash.
    """
    own = {
        whole: beginning(whole, min(least_width(parse(sign) or ()) for sign in signs), _MOST_OWN)
        for whole, signs in wholes
    }
    shared = [
        (sum(sign in signs for _, signs in wholes), sign) for sign in exact
        if all(own[whole] is not None for whole, signs in wholes if sign in signs)
    ]  # fmt: skip
    users, sign = max(shared, default=(0, b""))
    if users < _MANY:
        return exact
    kept = [one for one in exact if one != sign]
    narrowed: list[Exact] = [*kept]
    for whole, signs in wholes:
        items = own[whole]
        if items is not None and sign in signs:
            narrowed.append(items)
    return exact if _machine(narrowed) is None else narrowed


def _machine(exact: Sequence[Exact]) -> Automaton | None:
    machine = automaton(exact) if exact else None
    return machine if machine is None or len(machine.table) <= FOUND - 256 else None


def _cased(expressions: Iterable[tuple[bytes, int]]) -> dict[bytes, int] | None:
    """All that the expressions match, as factors with what must hold of their case; None where that is not known."""
    words: dict[bytes, int] = {}
    for expression, holds in expressions:
        matched = all_of(expression)
        if matched is None:
            return None
        for factor in matched:
            inner = factor.strip(b"\0")
            if len(inner) < 2 or b"\0" in inner:
                return None
            end = factor
            if len(inner) > LONGEST:  # what holds is told at one end
                end = factor[:LONGEST] if holds == HUMPED else factor[-LONGEST:]
            words[end] = holds if words.get(end, holds) == holds else 0
    return words


def _built(
    expressions: Sequence[bytes],
    leads: Sequence[Lead],
    exact: Sequence[Exact],
    unquoting: Collection[bytes],
    cased: dict[bytes, int],
    whole: bool,
) -> bytes | None:
    """A program for all texts, one for ordinary ones, and one for those of them that have apostrophes."""
    found = _factors(expressions, exact, whole)
    if found is None or len(leads) > MOST_LEADS:
        return None
    factors, machine, wholes = found
    pairs = [(one, one << 1) for one in map(_pair, range(_MOST_PAIRS))]
    programs = [
        packed(
            with_plain_numbers(factors, pairs, factors.get(TWO_DIGITS, 0)),
            leads,
            machine,
            cased=cased,
            wholes=wholes,
        )
    ]
    parts = [(ORDINARY, expressions, exact)]
    if unquoting:
        rest = [one for one in expressions if one not in unquoting]
        left = [one for one in exact if not (isinstance(one, bytes) and one in unquoting)]
        parts.append((QUOTED, rest, left))
    for covered, some, small in parts:
        if (found := _factors(some, small, whole, covered)) is not None:
            factors, machine, wholes = found
            programs.append(packed(spelt(factors, pairs, covered), leads, machine, covered, cased, wholes))
    sound: list[bytes] = []
    for program in programs:
        if program is None:
            break
        sound.append(program)
    return chained(sound) if sound else None


def _factors(
    expressions: Sequence[bytes], exact: Sequence[Exact], whole: bool, covered: frozenset[int] | None = None
) -> tuple[dict[bytes, int], Automaton | None, list[Automaton]] | None:
    """The factors that are looked for, each with its bits, the automaton for what has none, and those for what is looked for whole
    behind its factors; None where some text cannot be ruled out. With `covered` all of it for texts of these symbols alone.
    """
    machine = _machine(exact)
    demands: dict[Demand, list[bytes]] = {}
    without = (one for one in exact if isinstance(one, bytes)) if machine is None else ()
    for expression in (*expressions, *without):
        for part in alternatives(expression):
            sets = sets_of(part)
            if not sets:
                return None
            if covered is not None:
                sets = within(sets, covered)
                if not all(sets):
                    continue
            demands.setdefault(_telling(sets), []).append(part)
    wholes = wholes_of(demands)[:MOST_WHOLES] if whole else []
    factors = _pruned(_bits_of(list(demands), [demand for demand, _ in wholes]))
    return (factors, machine, [made for _, made in wholes]) if len(factors) <= _MOST_ATOMS else None


def _telling(sets: Sequence[Factors]) -> tuple[Factors, ...]:
    """Of the sets of one expression those that are looked for: the best, and where it is usual a second one."""
    best = sets[0]
    if dearness(best) > _CLEAR:
        for other in sets[1:]:
            if dearness(other) > _NOISY:
                break
            if dearness(best) < _RARE and sum(map(share, filter(_is_short, other))) > _OFTEN:
                continue
            if not best & other and not all(any(one in factor for one in other) for factor in best):
                return best, other
    return (best,)


def _is_short(factor: bytes) -> bool:
    """A letter beside one other symbol."""
    return len(factor) == 2 and any(symbol in _LETTERS for symbol in factor)


def _bits_of(demands: Sequence[Demand], wholes: Sequence[Demand]) -> dict[bytes, int]:
    """The bits that each factor sets: the first is enough alone, of the others each two neighbours together. Those of `wholes` have
    pairs of their own.

    In words of 64 bits, as C has them, no two neighbours are parted.
    """
    stopping = [demand for demand in demands if demand not in wholes]
    alone = {factor for demand in stopping if len(demand) == 1 for factor in demand[0]}
    pairs = [*enumerate(_pairs([(demand[0], demand[1]) for demand in stopping if len(demand) == 2]))]
    pairs += [(FIRST_WHOLE + number, (demand[0], demand[-1])) for number, demand in enumerate(wholes)]
    bits: dict[bytes, int] = {}
    for number, (first, second) in pairs:
        one = _pair(number)
        for factor in first:
            bits[factor] = bits.get(factor, 0) | one
        for factor in second:
            bits[factor] = bits.get(factor, 0) | one << 1
    for factor in alone:
        bits[factor] = 1
    return bits


def _pair(number: int) -> int:
    """The first bit of a pair; the second is the next one."""
    return 1 << pair_bit(number)


def _pairs(demands: Sequence[tuple[Factors, ...]]) -> list[tuple[Factors, Factors]]:
    """Pairs of sets, no more than there are bits for, of which one must be met whole.

    Those with the same second set are made one, and of those that are met least several at a time: ones whose second
    sets are met about as often, for one that is met everywhere would leave the first sets of all others alone.
    """
    firsts: dict[Factors, Factors] = {}
    for first, second in demands:
        firsts[second] = firsts.get(second, frozenset()) | first
    pairs = [(first, second) for second, first in firsts.items()]
    pairs.sort(key=lambda pair: (-dearness(pair[0]), -dearness(pair[1]), sorted(pair[1])))
    own, rest = pairs[: FIRST_WHOLE - _SHARED], pairs[FIRST_WHOLE - _SHARED :]
    rest.sort(key=lambda pair: (-dearness(pair[1]), sorted(pair[1])))
    size = -(-len(rest) // _SHARED) or 1
    for at in range(0, len(rest), size):
        some = rest[at : at + size]
        own.append(
            (frozenset().union(*(one for one, _ in some)), frozenset().union(*(one for _, one in some)))
        )
    return own


def _pruned(bits: dict[bytes, int]) -> dict[bytes, int]:
    """Without those that hold another one that is enough alone."""

    def held(factor: bytes) -> bool:
        size = len(factor)
        return any(
            bits.get(factor[at:end], 0) == 1
            for at in range(size)
            for end in range(at + 1, size + 1)
            if end - at < size
        )

    return {factor: mask for factor, mask in bits.items() if not held(factor)}
