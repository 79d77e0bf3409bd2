"""How the lines begin in which an expression matches that begins with "^": one class of bytes after the other."""

from __future__ import annotations

from collections.abc import Sequence
from re import _constants as code  # type: ignore[attr-defined]
from typing import Final

from waf.prefilter.expressions import Item, accepted, counts_case, either_case, parse
from waf.prefilter.layout import LONGEST_LEAD, MOST_LEADS, Lead

_LEAST: Final = 6  # classes that tell enough
_SHORT: Final = 4  # classes of ways that are made one

Leads = list[tuple[frozenset[int], ...]]


class _Unfit(Exception):
    """It does not begin with "^", or not in few enough ways."""


def leads_of(expression: bytes, *, case: bool = False) -> list[Lead]:
    """Sequences of classes with one of which such a line begins; empty where they would say too little."""
    items = parse(expression)
    if items is None:
        return []
    try:
        leads, _ = _sequence(_anchored(items, case), [()])
    except _Unfit:
        return []
    return [*leads] if len(leads) <= MOST_LEADS and all(len(one) >= _LEAST for one in leads) else []


def _anchored(items: Sequence[Item], case: bool) -> list[tuple[Item, bool]]:
    """The items behind "^", each with whether case counts."""
    if not items:
        raise _Unfit
    kind, value = items[0]
    if kind is code.AT and value is code.AT_BEGINNING:
        return [(item, case) for item in items[1:]]
    if kind is code.SUBPATTERN:
        inner = counts_case(case, value)
        return _anchored(list(value[3]), inner) + [(item, case) for item in items[1:]]
    raise _Unfit


def _sequence(items: Sequence[tuple[Item, bool]], leads: Leads) -> tuple[Leads, bool]:
    """The leads longer by the items, and whether nothing of them was left out."""
    for item, case in items:
        leads, whole = _item(item, case, leads)
        if len(leads) > 2 * MOST_LEADS:
            raise _Unfit
        if not whole or all(len(one) >= LONGEST_LEAD for one in leads):
            return [one[:LONGEST_LEAD] for one in leads], False
    return leads, True


def _item(item: Item, case: bool, leads: Leads) -> tuple[Leads, bool]:
    kind, value = item
    taken = accepted(item)
    if taken is not None:
        taken = taken if case else either_case(taken)
        return [(*one, taken) for one in leads], True
    if kind is code.SUBPATTERN:
        inner = counts_case(case, value)
        return _sequence([(one, inner) for one in value[3]], leads)
    if kind is code.BRANCH:
        return _branch([_sequence([(one, case) for one in branch], [()]) for branch in value[1]], leads)
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, inner_items = value
        within = [(one, case) for one in inner_items]
        grown = leads
        for _ in range(least):
            grown, whole = _sequence(within, grown)
            if not whole:
                return grown, False
        if least == 0 and most == 1:
            more, whole = _sequence(within, leads)
            return [*leads, *more], whole
        return grown, least == most
    return leads, False


def _branch(branches: Sequence[tuple[Leads, bool]], leads: Leads) -> tuple[Leads, bool]:
    made = [one for found, _ in branches for one in found]
    whole = all(whole for _, whole in branches)
    lengths = {len(one) for one in made}
    if whole and len(lengths) == 1 and max(lengths) <= _SHORT:  # one for all: a little more than they accept
        made = [tuple(frozenset().union(*at) for at in zip(*made, strict=True))]
    return [(*lead, *one) for lead in leads for one in made], whole
