"""What was found in one message and what was done, by field and entity; and the findings that tell it.

Never a value: counts, and a keyed sketch of how many different ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec

from waf.config.schema import SensitiveAction
from waf.findings import PASSED, Action, Confidence, Engine, Finding, Severity, Verdict
from waf.sensitive import speed
from waf.sensitive.entities import Entity
from waf.sensitive.mask import Key
from waf.sensitive.sketch import EMPTY, Sketch

MAX_PLACES: Final = 128
"""Different (field, entity, action) of one message; what comes later is counted under "*"."""

_SKETCHED: Final = speed.sketch_function()
_REDACT: Final = Action.REDACT
_FORWARD: Final = Action.FORWARD
_SENSITIVE: Final = Engine.SENSITIVE  # an enum's attribute costs more than a global
_CRITICAL: Final = Severity.CRITICAL
_INFO: Final = Severity.INFO
_HIGH: Final = Confidence.HIGH
_LOW: Final = Confidence.LOW

_DONE: Final[dict[SensitiveAction, str]] = {
    "ignore": "ignored", "report": "reported", "mask": "masked", "hash": "hashed", "tokenise": "tokenised",
    "drop": "dropped", "block": "refused",
}  # fmt: skip


class Count(msgspec.Struct):
    """How often `entity` was found at one field; `test` of them were published sample values. `registers` are those of a sketch
    of the different values.
    """

    entity: Entity
    address: str
    action: SensitiveAction
    count: int = 0
    test: int = 0
    sure: bool = False
    registers: bytes = EMPTY


class Sighting(msgspec.Struct):
    """The values of `entity` that were seen at one field: the different ones, and how many there were."""

    entity: Entity
    address: str
    action: SensitiveAction
    values: set[bytes]
    count: int = 0
    test: int = 0
    sure: bool = False


class Tally:
    """The counts of one message."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self.counts: Final[list[Count]] = []
        """Each of another place; what C counts goes in here, and then `recount` has to be told."""
        self._places: dict[tuple[str, str, str], Count] = {}  # of the first so many of them
        self._more: tuple[Count, ...] = ()
        self.totals: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self.counts or self._more)

    def __iter__(self) -> Iterator[Count]:
        return chain(self._more, self.counts)

    def include(self, other: Tally) -> None:
        """Count what `other` counted, too, but leave its findings to whoever made it."""
        self._more += tuple(other)
        self.recount()

    def add(
        self, entity: Entity, address: str, action: SensitiveAction, value: bytes, *, sure: bool, test: bool
    ) -> None:
        self.add_all(Sighting(entity, address, action, {value}, 1, int(test), sure))

    def add_all(self, seen: Sighting) -> None:
        """Counts all that was seen at one field."""
        entity, address, action = seen.entity, seen.address, seen.action
        places = self._places
        for known in self.counts[len(places) :]:
            places[known.address, known.entity.id, known.action] = known
        count = places.get((address, entity.id, action))
        if count is None and len(places) >= MAX_PLACES:
            address = "*"
            count = places.get((address, entity.id, action))
        if count is None:
            count = places[address, entity.id, action] = Count(entity, address, action)
            self.counts.append(count)
        count.count += seen.count
        count.test += seen.test
        count.sure |= seen.sure
        registers = count.registers
        for value in seen.values:
            if _SKETCHED is not None:
                registers = _SKETCHED(registers, self._key.sketch, entity.id, value)
            else:
                sketch = Sketch.of(registers)
                sketch.add(self._key.sketch_hash(entity.id, value))
                registers = bytes(sketch.registers)
        count.registers = registers
        self.totals[entity.id] = self.totals.get(entity.id, 0) + seen.count

    def recount(self) -> None:
        """Make the totals anew."""
        totals: dict[str, int] = {}
        for count in self:
            id = count.entity.id
            totals[id] = totals.get(id, 0) + count.count
        self.totals = totals

    def findings(self, direction: str) -> tuple[Finding, ...]:
        """One for each field and entity. Only a block weighs anything: to have been seen is no attack."""
        return tuple([_finding(count, direction) for count in self.counts])


def _finding(count: Count, direction: str) -> Finding:
    """Mostly one that was made before: of a value or two of an entity at a field there are few."""
    told = (count.entity.id, count.address, count.action, count.count, count.test, count.sure, direction)
    known = _TOLD.get(told)
    if known is not None and known[0] is count.entity:
        return known[1]
    finding = _made(count, direction)
    if len(_TOLD) >= _MAX_TOLD:
        _TOLD.clear()
    _TOLD[told] = count.entity, finding
    return finding


_MAX_TOLD: Final = 1024
_TOLD: Final[dict[tuple[str, str, str, int, int, bool, str], tuple[Entity, Finding]]] = {}


def _made(count: Count, direction: str) -> Finding:
    entity = count.entity
    number = count.count
    blocks = count.action == "block" and count.test < number
    tags = (entity.group, *entity.tags)
    return Finding(
        f"sensitive.{entity.id}",
        entity.id,
        _SENSITIVE,
        _CRITICAL if blocks else _INFO,
        _HIGH if count.sure else _LOW,
        address=count.address,
        detail=f"{number} × {entity.title} in the {direction}, {_DONE[count.action]}"
        if number > 1
        else f"{entity.title} in the {direction}, {_DONE[count.action]}",
        tags=(*tags, "test") if count.test else tags,
    )


DENSE: Final = 2_000
"""Values in one body beyond which it is called dense; all of them are acted on nevertheless."""


def remark(rule: str, detail: str, kind: str = "undecodable") -> Finding:
    """A finding about the body itself."""
    return Finding(rule, kind, Engine.SENSITIVE, Severity.INFO, Confidence.HIGH, detail=detail)


def verdict_of(tally: Tally, remarks: Sequence[Finding], altered: bool, would: bool) -> Verdict:
    """What was found in a body and done to it."""
    findings = tally.findings("response")
    if remarks:
        findings = (*remarks, *findings)
    total = 0
    for number in tally.totals.values():
        total += number
    if total > DENSE:
        findings += (remark("sensitive.dense", f"{total} sensitive values in one body", "dense"),)
    if not findings:
        return PASSED
    return Verdict(_REDACT if altered else _FORWARD, _REDACT if would else _FORWARD, findings=findings)
