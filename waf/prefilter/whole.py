"""Expressions whose factors ordinary values hold, and which are looked for whole therefore.

A time in seconds is ten digits, as one way to write an address is; a URL holds "//". Where such factors are met, an automaton
tells whether the expression itself is there. Owns which values are ordinary, and how an expression is made small enough: from
its beginning, with its counts left out. So the automaton may find what the expression does not match, never the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from re import _constants as code  # type: ignore[attr-defined]
from typing import Final

from waf.prefilter.automaton import END, Automaton, automaton
from waf.prefilter.expressions import Item, parse
from waf.prefilter.factors import EDGE, IN_WORDS, SYMBOLS, WORD_EDGE, Factors

VALUES: Final = (
    b"1795940000", b"1795940000123", b"GA1.2.1203948576.1795940000", b"-1", b"-8.4756", b"-8.52,51.87,-8.41,51.92", b"+353871234567",
    b"2026-04-17", b"2026-04-17T09:30:00.123Z", b"09:30", b"17/04/2026", b"v2.14.0-rc.1", b"PT1H30M", b"Europe/Dublin",
    b"4f2a1c88-93de-4a7b-b0c5-5a6e2f1d7c90", b"mary.jones@example.com", b"Mary Jones <mary@example.com>", b"@mary", b"#1a2b3c",
    b"https://shop.example", b"https://shop.example/products/kettles/", b"https://cdn.example/p/48213/a.jpg?w=640&h=480",
    b"https://www.example.com/search?q=red+shoes&page=2", b"/account/orders?page=2", b"/api/v2/orders/48213", b"/", b"*/*", b"include",
    b"Please ring the bell (top floor).", b"Tea (loose), 250 g", b"a (b) and (c), or d", b"page[size]", b"user[name]", b"items[0].price",
    b"application/x-www-form-urlencoded", b"application/json, text/plain, */*", b"text/html; charset=utf-8", b'W/"5f3-18c2a1b4e90"',
    b'"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"', b"1.1 varnish (Varnish/7.4)", b"max-age=0", b"en-US,en;q=0.9",
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    b"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 Version/17.6 Mobile/15E148 Safari/604.1",
    b"Good, but loud!", b"Would you?", b"It's easy to clean; the lid, however, is stiff.", b"Fish & chips", b"$7.20", b"4 x 6 = 24",
    "Küchengeräte".encode(), "Très bon, je recommande".encode(), "Привет, мир".encode(), "コーヒー".encode(), "你好，谢谢".encode(),
    "10 °C – 20 °C".encode(), "€4.50".encode(), "love it 😍".encode(), "“quoted”, ‘so’…".encode(),
    b"Hello,\n\nthanks for the quick reply.\n\nBest,\nMary", b"First line\r\nSecond line, a bit longer.\r\n", b"a\tb",
)  # fmt: skip
"""Values of kinds that every app gets."""


def met(factors: Factors, text: bytes) -> bool:
    """Whether one of the factors stands in a text of symbols with its edges at both ends."""
    return any(_stands(factor, text) for factor in factors)


def _stands(factor: bytes, text: bytes) -> bool:
    inner = factor.strip(b"\0")
    at = text.find(inner)
    while at >= 0:
        end = at + len(inner)
        if not (factor[0] == WORD_EDGE and at and text[at - 1] in IN_WORDS) and not (
            factor[-1] == WORD_EDGE and end < len(text) and text[end] in IN_WORDS
        ):
            return True
        at = text.find(inner, at + 1)
    return False


def symbols(values: Iterable[bytes]) -> list[bytes]:
    """The values in symbols, with edges."""
    edge = bytes((EDGE,))
    return [edge + value.translate(SYMBOLS) + edge for value in values]


_FEW: Final = 3  # times that are counted
_LEAST: Final = 12
_MOST_OWN: Final = 192  # states of an automaton for one expression
_IGNORECASE: Final = 2

Demand = tuple[Factors, ...]


def _loosened(items: Sequence[Item]) -> list[Item]:
    """The items with all that is repeated more than a few times repeated without end."""
    made: list[Item] = []
    for kind, value in items:
        if kind is code.SUBPATTERN:
            made.append((kind, (*value[:3], _loosened(value[3]))))
        elif kind is code.BRANCH:
            made.append((kind, (value[0], [_loosened(branch) for branch in value[1]])))
        elif kind in (code.MAX_REPEAT, code.MIN_REPEAT):
            least, most, inner = value
            if most > _FEW:
                least, most = min(least, _LEAST), code.MAXREPEAT
            made.append((kind, (least, most, _loosened(inner))))
        else:
            made.append((kind, value))
    return made


@lru_cache(maxsize=1024)
def _small(expressions: tuple[bytes, ...]) -> Automaton | None:
    """An automaton for what all expressions begin with, in any case; None where it is not small."""
    ways = []
    for expression in expressions:
        items = _loosened(parse(expression) or ())
        for end in range(len(items), 0, -1):
            if automaton([_caseless(items[:end])], _MOST_OWN) is not None:
                ways.append(items[:end])
                break
        else:
            return None
    return automaton([_caseless(way) for way in ways], _MOST_OWN)


def _caseless(items: list[Item]) -> list[Item]:
    return [(code.SUBPATTERN, (None, _IGNORECASE, 0, items))]


def finds(machine: Automaton, text: bytes) -> bool:
    """Whether an automaton finds something in a text: as `prefilter_whole` in C, step by step."""
    states, state = len(machine.table) // machine.columns, 0
    for byte in (*text, END):
        state = machine.table[state * machine.columns + machine.classes[byte]]
        if state >= states:
            return True
    return False


def wholes_of(demands: Mapping[Demand, Sequence[bytes]]) -> list[tuple[Demand, Automaton]]:
    """Of the demands those that ordinary values meet, though some of these values hold nothing of their expressions, each with what
    finds these instead. Those that are looked for first are met by most values.
    """
    texts = symbols(VALUES)
    found: list[tuple[int, Demand, Automaton]] = []
    for demand, expressions in demands.items():
        meeting = [
            value for value, text in zip(VALUES, texts, strict=True) if all(met(one, text) for one in demand)
        ]
        if not meeting or (machine := _small(tuple(expressions))) is None:
            continue
        spared = sum(not finds(machine, value) for value in meeting)
        if spared:
            found.append((-spared, demand, machine))
    return [(demand, machine) for _, demand, machine in sorted(found, key=lambda one: one[0])]
