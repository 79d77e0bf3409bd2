"""Which patterns share a database: those that a text without some character, or but for the ends of its values, cannot match.

Owns how patterns are put together; what is asked about a text is `matcher`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from waf.inspect import databases, edges, gates
from waf.inspect.apart import apart
from waf.inspect.databases import Database, Pattern
from waf.inspect.loosened import loosened, tells_apart
from waf.model import PatternStore
from waf.prefilter.expressions import alternatives

_APART: Final = (gates.SLASHES, gates.FREE)
"""Families of which what is bound to an end has a database of its own; all others share one, as there are few of each."""


_BEGINS: Final = re.compile(
    rb"\x7f?(?:(?:\[[^\]]*\]|\\s)(?:[*+?]|\{[\d,]+\})?)?(?:\(\?:)?(?:\\\\\\\\\|)?(?://|&&|\\\|\\\|)"
)
"""A mark, blanks or a class, and then two signs, or a choice of such."""
_ALWAYS: Final = (-1,)  # no character
_HEADS: Final = -1  # the family of what is looked for in heads alone
_BARS: Final = (
    -2
)  # the same of what is bound and needs a bar: as dear as all else that is bound, and few texts have any
_BAR: Final = frozenset(b"|")


class Group(NamedTuple):
    """Patterns, or parts of them, for one database."""

    bits: int
    """As for `Database`."""
    bound: bool
    loose: bool
    indices: list[int]
    parts: list[Pattern]
    head: bool = False

    def database(self, store: PatternStore) -> Database:
        """Compiled, or as it was compiled before. Raises hyperscan.HyperscanError."""
        return Database(
            databases.compiled(self.parts, store), self.indices, self.bits, self.bound, self.loose, self.head
        )


def grouped(patterns: Sequence[Pattern], marked: bool) -> list[Group]:
    """Groups of the patterns, each pattern in as many parts as it has alternatives, or more (see `apart`). `marked` as for `Matcher`.

    What is loosened has no literal, and is apart: the engine makes one automaton of all such, which is small by itself, and grows
    with what else has none. What takes a slash is together all the same: few texts have any. What is looked for in heads alone is apart,
    too, as a body is much longer.
    """
    kinds: dict[tuple[bool, bool, int], list[tuple[int, Pattern]]] = {}  # bound, loosened, of which family
    wanted: dict[tuple[bool, bool, int], set[int]] = {}
    for index, pattern in enumerate(patterns):
        for expression in [part for one in alternatives(pattern.expression) for part in apart(one)]:
            number, gate = gates.family(expression)
            at_end = marked and edges.bound(expression)
            bound = at_end or (marked and pattern.leads)
            slashes = number == gates.SLASHES and not bound
            form = _loosened(expression, always=at_end or slashes)
            loose = form != expression or (slashes and not tells_apart(expression))
            family = number if slashes and loose else gates.TOGETHER.get(number, number)
            if bound and (loose or family not in _APART):
                family = _BARS if gate == _BAR else gates.MIXED
            if pattern.head:
                family = _HEADS
            kind = (bound, loose, family)
            kinds.setdefault(kind, []).append((index, Pattern(form, pattern.case, pattern.once)))
            wanted.setdefault(kind, set()).update(gate or _ALWAYS)
    groups = []
    for kind, members in sorted(kinds.items()):
        usual = not wanted[kind] <= gates.WATCHED
        bits = 0 if usual else sum(gates.BITS[byte] for byte in wanted[kind])
        groups.append(_group(bits, kind[0], kind[1], members, head=kind[2] == _HEADS))
    return groups


def parted(parts: Iterable[tuple[int, Pattern]], marked: bool, ends: bool = False) -> list[Group]:
    """The same of parts with their places among all patterns, but for what characters a text has: in four groups at most.

    `ends`: all of them count as bound.
    """
    groups: dict[tuple[bool, bool], list[tuple[int, Pattern]]] = {}
    for index, pattern in parts:
        ways: dict[tuple[bool, bool], list[bytes]] = {}
        for expression in alternatives(pattern.expression):
            at_end = marked and edges.bound(expression)
            bound = ends or at_end or (marked and pattern.leads)
            form = _loosened(expression, always=at_end)
            ways.setdefault((bound, form != expression), []).append(form)
        for kind, expressions in ways.items():
            part = Pattern(b"|".join(expressions), pattern.case, pattern.once)
            groups.setdefault(kind, []).append((index, part))
    return [_group(0, *kind, members) for kind, members in sorted(groups.items())]


def _loosened(expression: bytes, *, always: bool) -> bytes:
    """The expression, a part of a pattern, as it is looked for.

    Unless `always`, only what begins with such signs: what has words before them has better literals.
    """
    return loosened(expression) if always or _BEGINS.match(expression) else expression


def _group(
    bits: int, bound: bool, loose: bool, members: Sequence[tuple[int, Pattern]], head: bool = False
) -> Group:
    return Group(bits, bound, loose, [index for index, _ in members], [part for _, part in members], head)
