"""Values that were found, and which of those that overlap count."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import msgspec

from waf.sensitive.entities import Entity

ACT: Final = 0.8
"""Score from which on a value is acted on; below it is told alone."""


class Hit(msgspec.Struct, frozen=True, gc=False):
    """`text[start:end]` is a value of `entity`; `score` is at least REPORT. `test`: a published sample value."""

    entity: Entity
    start: int
    end: int
    score: float
    test: bool = False

    @property
    def acts(self) -> bool:
        return self.score >= ACT - 1e-9


def apart(hits: list[Hit]) -> list[Hit]:
    """`hits` in order, those that overlap a surer or longer one taken out."""
    hits.sort(key=lambda hit: hit.start)
    out: list[Hit] = []
    cluster: list[Hit] = []
    reach = -1
    for hit in hits:
        if hit.start >= reach:
            out += _surest(cluster)
            cluster = []
        cluster.append(hit)
        reach = max(reach, hit.end)
    return out + _surest(cluster)


def _surest(cluster: list[Hit]) -> list[Hit]:
    if len(cluster) < 2:
        return cluster
    kept: list[Hit] = []  # in order and apart
    starts: list[int] = []
    for hit in sorted(cluster, key=lambda h: (-h.score, h.start - h.end, h.start, h.entity.id)):
        place = bisect_left(starts, hit.end)
        if place == 0 or kept[place - 1].end <= hit.start:
            kept.insert(place, hit)
            starts.insert(place, hit.start)
    return kept
