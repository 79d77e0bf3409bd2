"""What is found in the lines of a request, by the fields that it stands in.

Owns the gathering: of thousands of values in fields of one name, one thing is told. `_gathered` is the reference of waf/_finder_gather.h.
"""

from __future__ import annotations

from collections.abc import Sequence

from waf.sensitive.beside import settled_by
from waf.sensitive.candidates import Candidate
from waf.sensitive.entities import Entity
from waf.sensitive.find import Finder
from waf.sensitive.hits import Hit
from waf.sensitive.lines import Lines

Gathered = tuple[int, Entity, bool, bool, int, set[bytes]]
"""The first field of some of one address; what was found there, whether it acts, and whether it is a published sample; how often; the
different values."""


def gathered(finder: Finder, lines: Lines, found: list[Candidate]) -> Sequence[Gathered]:
    """What `finder` finds in values, without what lacks the value it must stand beside; in the order of the first of each.

    `found` are its candidates in the lines.
    """
    text = lines.text
    table = lines.table
    if table is not None and finder.judge is not None:
        return finder.judge.gather(text, found, table)
    return _gathered(settled_by(finder.find(text, found=found)), lines)


def _gathered(hits: Sequence[Hit], lines: Lines) -> list[Gathered]:
    text = lines.text
    groups: dict[tuple[int, str, bool, bool], Gathered] = {}
    number = -1
    first = behind = spoken = 0  # bounds of the value that the last hit stands in, or before; and its name
    for hit in hits:
        start, end = hit.start, hit.end
        if not first <= start < behind:
            number, first, behind = lines.at(start)
            spoken = lines.spoken(number) if number >= 0 else 0
        if number < 0 or end > behind:
            continue  # in a name, or beyond its value
        key = spoken, hit.entity.id, hit.acts, hit.test
        known = groups.get(key)
        if known is None:
            groups[key] = number, hit.entity, hit.acts, hit.test, 1, {text[start:end]}
        else:
            known[5].add(text[start:end])
            groups[key] = *known[:4], known[4] + 1, known[5]
    return [*groups.values()]
