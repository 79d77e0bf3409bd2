"""Less of what says the same: fields cut to where something matched, findings that tell of one attack but once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from msgspec import structs

from waf.inspect.hits import ends_of
from waf.model import Field, Finding

_AROUND: Final = 2048  # bytes before and behind the first of them in each value


def excerpts(fields: Sequence[Field], offsets: Sequence[int]) -> list[Field]:
    """The fields in which the bytes before the offsets stand when all are joined, cut to what is around the first."""
    ends = ends_of([field.value for field in fields])
    last = len(ends) - 1
    first: dict[int, int] = {}
    for offset in sorted(offsets):
        first.setdefault(min(bisect_right(ends, offset - 1), last), offset)
    cut = []
    for number, offset in first.items():
        field = fields[number]
        start = max(offset - (ends[number - 1] if number else 0) - _AROUND, 0)
        cut.append(structs.replace(field, value=field.value[start : start + 2 * _AROUND]))
    return cut


def without_echoes(findings: list[Finding]) -> list[Finding]:
    """A rule that fits the path fits the segment as well: the attack counts once."""
    if len(findings) < 2:
        return findings
    in_path = {finding.rule for finding in findings if finding.address == "path"}
    return [one for one in findings if one.address != "segment" or one.rule not in in_path]
