"""What was found in one message and what was done, by field and entity; and the findings that tell it.

Never a value: counts, and a keyed sketch of how many different ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

import msgspec

from waf.config.schema import SensitiveAction
from waf.model import Confidence, Engine, Finding, Severity
from waf.sensitive.entities import Entity
from waf.sensitive.mask import Key
from waf.sensitive.sketch import Sketch

MAX_PLACES: Final = 256
"""Different (field, entity, action) of one message; what comes later is counted under "*"."""

_DONE: Final[dict[SensitiveAction, str]] = {
    "ignore": "ignored", "report": "reported", "mask": "masked", "hash": "hashed", "tokenise": "tokenised",
    "drop": "dropped", "block": "refused",
}  # fmt: skip


class Count(msgspec.Struct):
    """How often `entity` was found at one field; `test` of them were published sample values."""

    entity: Entity
    address: str
    action: SensitiveAction
    count: int = 0
    test: int = 0
    sure: bool = False
    sketch: Sketch = msgspec.field(default_factory=Sketch)


class Tally:
    """The counts of one message."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._counts: dict[tuple[str, str, str], Count] = {}
        self._more: tuple[Count, ...] = ()
        self.totals: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._counts or self._more)

    def __iter__(self) -> Iterator[Count]:
        return chain(self._more, self._counts.values())

    def include(self, other: Tally) -> None:
        """Count what `other` counted, too, but leave its findings to whoever made it."""
        self._more += tuple(other)
        for entity, count in other.totals.items():
            self.totals[entity] = self.totals.get(entity, 0) + count

    def add(
        self, entity: Entity, address: str, action: SensitiveAction, value: bytes, *, sure: bool, test: bool
    ) -> None:
        place = (address, entity.id, action)
        count = self._counts.get(place)
        if count is None:
            if len(self._counts) >= MAX_PLACES:
                place = ("*", entity.id, action)
            count = self._counts.setdefault(place, Count(entity, place[0], action))
        count.count += 1
        count.test += test
        count.sure |= sure
        count.sketch.add(self._key.sketch_hash(entity.id, value))
        self.totals[entity.id] = self.totals.get(entity.id, 0) + 1

    def put(
        self,
        entity: Entity,
        address: str,
        action: SensitiveAction,
        count: int,
        test: int,
        sure: bool,
        registers: bytes,
    ) -> None:
        """Take the count of a place that was not counted here before; `registers` are those of its sketch."""
        self._counts[address, entity.id, action] = Count(
            entity, address, action, count, test, sure, Sketch.of(registers)
        )
        self.totals[entity.id] = self.totals.get(entity.id, 0) + count

    def findings(self, direction: str) -> tuple[Finding, ...]:
        """One for each field and entity. Only a block weighs anything: to have been seen is no attack."""
        return tuple([_finding(count, direction) for count in self._counts.values()])


def _finding(count: Count, direction: str) -> Finding:
    entity = count.entity
    blocks = count.action == "block" and count.test < count.count
    times = f"{count.count} × " if count.count > 1 else ""
    return Finding(
        rule=f"sensitive.{entity.id}",
        kind=entity.id,
        engine=Engine.SENSITIVE,
        severity=Severity.CRITICAL if blocks else Severity.INFO,
        confidence=Confidence.HIGH if count.sure else Confidence.LOW,
        address=count.address,
        detail=f"{times}{entity.title} in the {direction}, {_DONE[count.action]}",
        tags=(entity.group, *entity.tags, *(("test",) if count.test else ())),
    )
