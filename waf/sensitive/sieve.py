"""A cheap first look at a text: where could anything be at all?

The whole database of entities costs about 3 µs/KB, as dozens of patterns without literals are each a pass over the
text. What all values of a pattern have in common is simpler: nine digits, a letter behind six digits, a context word
with three digits after it. Such *signs* fit into one small automaton. Only around its hits does the whole database look;
so the sieve may let through what is nothing, and must not hold back what is something: every match of a pattern
contains a match of its sign (the tests generate values and hold it to that).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import hyperscan
from msgspec.structs import astuple

from waf.model import PatternStore
from waf.patterns import Expression, Patterns
from waf.prefilter import program as prefilter
from waf.prefilter.expressions import ending, longest
from waf.prefilter.factors import sets_of, usual
from waf.prefilter.layout import APART, HUMPED
from waf.sensitive import speed
from waf.sensitive.forms import Form, humped
from waf.sensitive.numerals import Numerals, numerals

REACH: Final = 320
"""Bytes before and behind a sign within which the match that it belongs to stands; longer forms are `wide`."""

_CROWDED: Final = 96  # bytes of text for each sign from which on it is cheaper to search all of it


Others = Sequence[Expression]

OTHERS: Final = 2
"""What a sign is to whom it is reported: 1 where a match may reach far, this where it is an expression of others."""

MARGIN: Final = 512
"""Bytes of a sign at most, where what had no sign in it is remembered."""

REMEMBERED: Final = 4096
"""Bytes of a text from which on that is worth it."""

_USUAL: Final = 1e-6  # of the places of a text
_EDGE: Final = r"(?:\b|_)"


class Sieve:
    """The signs of a set of forms, compiled; may be scanned with from several threads with a scratch each."""

    def __init__(
        self,
        patterns: Patterns,
        wide: bytes,
        program: bytes | None,
        numerals: Numerals | None = None,
        margin: int | None = None,
    ) -> None:
        """`wide` says of each sign, by a byte, that the match it belongs to may reach far, or that it is `OTHERS`. `numerals` are
        signs that are not in the database. `margin`: bytes of the longest sign, if all are short.
        """
        self._margin = margin or 0
        self._key = os.urandom(speed.key_of_known()) if margin else b""
        self._patterns = patterns
        self._numerals = None if numerals is None else astuple(numerals)
        self._wide = wide
        self._signs = speed.signs_type() or Signs
        self.program: Final = program
        """Lets texts pass in which there is no sign (see `prefilter.program`)."""

    @classmethod
    def build(
        cls, forms: Sequence[Form], store: PatternStore | None, others: Sequence[Expression] = ()
    ) -> Sieve | None:
        """None where a sign does not compile, which the whole database will say better, or where there are none.

        `others` are looked for in the same pass: it costs nothing more, and spares whoever is after them one of their own.
        """
        signs, numerals = _signs(forms)
        if not signs:
            return None
        wide = bytes(signs.values()) + bytes([OTHERS]) * len(others)
        program = _program(forms, store)
        wanted = [(sign, hyperscan.HS_FLAG_DOTALL) for sign in signs]
        margin, others = _bounded(wanted, others)
        try:
            patterns = Patterns.of([*wanted, *others], store, scratch=False)
        except hyperscan.HyperscanError:
            return None
        return cls(patterns, wide, program, numerals, margin)

    def scratch(self) -> Any:
        """What one thread needs to scan."""
        database = self._patterns.database()
        signs: Any = self._signs(self._wide, REACH)
        if self._numerals is not None:
            signs.heed(*self._numerals)
        if self._key:
            signs.remember(self._key, self._margin)
        return database.scan, hyperscan.Scratch(database), signs

    def windows(self, text: bytes, scratch: Any, repeats: bool = False) -> list[tuple[int, int]] | None:
        """The parts of `text` to search, in order and apart; None for all of it, an empty list for none.

        Unless it is None, `scratch[2].others` then says whether one of the expressions of others may match somewhere. What `repeats`
        is searched once: parts without a sign are remembered, as keyed prints.
        """
        scan, space, signs = scratch
        # All of a short text is within reach of any sign, or nearly so.
        signs.begin(len(text) // _CROWDED if len(text) > 2 * REACH else 0)
        repeats = repeats and bool(self._key) and len(text) >= REMEMBERED
        for low, high in signs.parts(text) if repeats else ((0, len(text)),):
            part = text[low:high]
            signs.at(low)
            try:
                scan(part, match_event_handler=signs, scratch=space)
            except hyperscan.ScanTerminated:
                return None
            if self._numerals is not None and signs.numerals(part):
                return None
        if repeats:
            signs.learn()
        # A context word at the very beginning has nothing before it that its sign could tell it by.
        found: list[tuple[int, int]] = signs.windows(text[:1].isalpha())
        return found


class Signs:
    """What Hyperscan reports, as windows; called with each sign. The reference of `Signs` in waf/_finder.c, which besides counts
    numbers and remembers: without it all signs are in the database, and all is searched.
    """

    def __init__(self, wide: bytes, reach: int) -> None:
        self._wide = wide
        self._reach = reach
        self._most = 0
        self._ends: list[int] = []
        self._base = 0
        self.others = False

    def begin(self, most: int) -> None:
        """A new text, in which more than `most` signs are too many."""
        self._most = most
        self._base = 0
        self._ends = []
        self.others = False

    def at(self, base: int) -> None:
        """Places of the signs to come count from `base`."""
        self._base = base

    def __call__(self, sign: int, start: int, end: int, flags: int, context: object) -> bool | None:
        """True where it is cheaper to search all of the text, or needed."""
        if self._wide[sign] == OTHERS:
            self.others = True
            return None
        self._ends.append(self._base + end)
        return True if len(self._ends) > self._most or self._wide[sign] else None

    def windows(self, first: bool) -> list[tuple[int, int]]:
        """What is within reach of the signs, in order and apart; `first`: the text's beginning counts as one."""
        ends = sorted([*self._ends, 0] if first else self._ends)
        if not ends:
            return []
        reach = self._reach
        windows = []
        low, high = ends[0] - reach, ends[0] + reach
        for end in ends:
            if end - reach > high:
                windows.append((max(low, 0), high))
                low = end - reach
            high = end + reach
        windows.append((max(low, 0), high))
        return windows


def _signs(forms: Sequence[Form]) -> tuple[dict[bytes, bool], Numerals | None]:
    """Each sign once, and whether a match it belongs to may reach far; and those of numbers, where C looks for them."""
    signs: dict[bytes, bool] = {}
    joined: list[str] = []
    for form in forms:
        entity = form.entity
        far = form.width > REACH
        wanted: list[str] = []
        if form.led:
            tail = f"{form.gap}(?:{entity.led_sign or form.pattern})"
            wanted += [
                spelling + tail for word in entity.context for spelling in _spellings(word, entity.labelled)
            ]
        elif entity.signs and not far:
            # Signs of numbers share their beginnings: as one expression they are one small automaton.
            joined += [sign for sign in entity.signs if sign.startswith("[")]
            wanted += [sign for sign in entity.signs if not sign.startswith("[")]
        else:
            wanted.append(form.pattern)
        for sign in wanted:
            signs[sign.encode()] = signs.get(sign.encode(), False) or far
    found, left = numerals(list(dict.fromkeys(joined)))
    if left:
        signs["|".join(left).encode()] = False
    return signs, found


def _bounded(
    signs: Sequence[Expression], others: Sequence[Expression]
) -> tuple[int | None, list[Expression]]:
    """How far a sign reaches at most, with the byte at its edge, and `others` by their ends, of which each has to be told; None and
    the same where one knows no bounds.
    """
    ends = [(ending(expression, MARGIN - 1), flags) for expression, flags in others]
    widths = [longest(expression) for expression, _ in signs]
    widths += [longest(expression) for expression, _ in ends if expression is not None]
    known = [width for width in widths if width is not None and width < MARGIN]
    if len(known) < len(signs) + len(others):
        return None, list(others)
    once = ~int(hyperscan.HS_FLAG_SINGLEMATCH)
    return max(known) + 1, [
        (expression, flags & once) for expression, flags in ends if expression is not None
    ]


def _program(forms: Sequence[Form], store: PatternStore | None) -> bytes | None:
    """Of signs, and of what cannot be without its context word; numbers are known by no factors."""
    sought: list[bytes] = []
    exact: list[bytes] = []
    cased: list[tuple[bytes, int]] = []
    wholes: list[tuple[bytes, list[bytes]]] = []
    for form in forms:
        entity = form.entity
        if form.led:
            tail = f"{form.gap}(?:{entity.led_sign or form.pattern})"
            bare = not sets_of(tail.encode())  # then the word is all that there is to look for
            for word in entity.context:
                text, edged = humped(word)
                if edged:
                    cased.append((f"(?i:{text})".encode(), HUMPED))
                if edged and bare and _behind(word, entity.labelled):
                    cased += [(f"{_EDGE}(?i:{text}){more}".encode(), APART) for more in ("", "s")]
                    sought.append(f"^(?i:{text})".encode())  # where its sign could not tell it
                else:
                    sought.append(f"{_EDGE if edged else ''}(?i:{text}){tail}".encode())
        else:
            signs = entity.signs if entity.signs and form.width <= REACH else (form.pattern,)
            numbers = [
                sign.encode() for sign in signs if sign.startswith("[") and usual(sign.encode(), _USUAL)
            ]
            exact += numbers
            sought += [sign for sign in map(str.encode, signs) if sign not in numbers]
            if numbers:
                wholes.append((form.pattern.encode(), numbers))
    return prefilter.build(
        dict.fromkeys(sought), store, exact=[*dict.fromkeys(exact)], cased=cased, wholes=wholes
    )


def _behind(word: str, labelled: bool) -> str:
    """What stands behind a context word that ends at an edge."""
    return "s?[^a-z]" if word.endswith(r"\b") and not labelled else ""


def _spellings(word: str, labelled: bool) -> list[str]:
    """A context word as expressions of literals and single characters: assertions would make each a pass of its own.

    Behind a word that ends at an edge stands no further letter of it, but for a plural's; what follows a label's word
    is the gap's to say.
    """
    text, edged = humped(word)
    behind = _behind(word, labelled)
    if not edged:
        return [f"(?i:{text}){behind}"]
    return [f"[^A-Za-z0-9](?i:{text}){behind}", f"[a-z]{text[0].upper()}(?i:{text[1:]}){behind}"]
