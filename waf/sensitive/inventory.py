"""Which endpoint sends or receives which entity in which field: counts, never a value.

Mergeable over replicas without coordination: every replica counts for itself, in an epoch that is new
whenever it starts from nothing (not when it resumes its own dump), and a merge keeps the larger of two counts
of the same replica and epoch (a state-based CRDT, Shapiro et al., 2011). So merging is commutative,
associative and idempotent, and a dump read twice does no harm. Bounded: past `MAX_FLOWS` places what is new
is counted under the endpoint "_OTHER".

Owns the bytes of a dump, not the file: writing it safely is done where I/O may be done. Times are Unix
seconds and are passed in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from waf.sensitive.sketch import REGISTERS, Sketch, beyond
from waf.sensitive.tally import Count

MAX_FLOWS: Final = 20_000
MAX_SOURCES: Final = 64
"""Replicas and epochs whose counts are kept apart for one flow; past it the smallest counts are given up."""

OTHER: Final = "_OTHER"
_MAGIC: Final = b"waf-inventory 1\n"


class Place(msgspec.Struct, frozen=True, order=True):
    """Where data flows: `direction` is "request" or "response"."""

    endpoint: str
    direction: str
    field: str
    entity: str


class Counts(msgspec.Struct):
    """What one replica counted in one epoch at one place; grows only."""

    actions: dict[str, int] = {}
    test: int = 0
    messages: int = 0


class Flow(msgspec.Struct):
    """One place's history. `sources` maps "replica/epoch" to its counts."""

    group: str
    first: float
    last: float
    sources: dict[str, Counts] = {}
    registers: bytes = bytes(REGISTERS)
    policies: list[str] = []

    @property
    def count(self) -> int:
        """Values seen."""
        return sum(sum(counts.actions.values()) for counts in self.sources.values())

    @property
    def messages(self) -> int:
        return sum(counts.messages for counts in self.sources.values())

    @property
    def test(self) -> int:
        """How many of them were published sample values."""
        return sum(counts.test for counts in self.sources.values())

    @property
    def distinct(self) -> int:
        """How many different values, by estimate."""
        return Sketch(self.registers).count()

    @property
    def actions(self) -> dict[str, int]:
        """How often what was done."""
        total: dict[str, int] = {}
        for counts in self.sources.values():
            for action, count in counts.actions.items():
                total[action] = total.get(action, 0) + count
        return total


class _Dump(msgspec.Struct):
    flows: list[tuple[Place, Flow]]


class Inventory:
    """The flows that one replica knows of. Not for several threads."""

    def __init__(self, replica: str, epoch: str) -> None:
        self._source = f"{replica}/{epoch}"
        self._flows: dict[Place, Flow] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def __iter__(self) -> Iterator[tuple[Place, Flow]]:
        return iter(sorted(self._flows.items()))

    def add(
        self, endpoint: str, direction: str, counts: Iterable[Count], now: float, policy: str = ""
    ) -> list[Place]:
        """Count what one message carried; gives the places never seen before."""
        new = []
        for count in counts:
            place = Place(endpoint, direction, count.address, count.entity.id)
            flow = self._flows.get(place)
            if flow is None:
                if len(self._flows) >= MAX_FLOWS:
                    place = Place(OTHER, direction, "*", count.entity.id)
                    flow = self._flows.get(place)
                if flow is None:
                    flow = self._flows[place] = Flow(count.entity.group, now, now)
                    new.append(place)
            flow.first = min(flow.first, now)
            flow.last = max(flow.last, now)
            own = flow.sources.setdefault(self._source, Counts(actions={}))
            own.actions[count.action] = own.actions.get(count.action, 0) + count.count
            own.test += count.test
            own.messages += 1
            if beyond(count.registers, flow.registers):
                sketch = Sketch.of(flow.registers)
                sketch.merge(Sketch.of(count.registers))
                flow.registers = bytes(sketch.registers)
            if policy and policy not in flow.policies:
                flow.policies = sorted([*flow.policies, policy])[-16:]
        return new

    def merge(self, other: Inventory) -> None:
        """Afterwards this knows what either knew."""
        for theirs, flow in other._flows.items():
            place = theirs
            if place not in self._flows and len(self._flows) >= MAX_FLOWS:
                place = Place(OTHER, theirs.direction, "*", theirs.entity)
            mine = self._flows.get(place)
            self._flows[place] = flow_of(flow) if mine is None else merged(mine, flow)

    def dump(self) -> bytes:
        """All of it as bytes, with a version and a checksum."""
        body = msgspec.msgpack.encode(_Dump(sorted(self._flows.items())), order="deterministic")
        return _MAGIC + hashlib.sha256(body).digest() + body

    def load(self, data: bytes) -> None:
        """Merge a dump. ValueError if it is none, damaged or of another version; nothing is changed then."""
        head = len(_MAGIC)
        if data[:head] != _MAGIC:
            raise ValueError("not an inventory of this version")
        digest, body = data[head : head + 32], data[head + 32 :]
        if hashlib.sha256(body).digest() != digest:
            raise ValueError("the inventory is damaged: its checksum does not fit")
        try:
            read = msgspec.msgpack.decode(body, type=_Dump)
            for _, flow in read.flows:
                Sketch(flow.registers)
        except (msgspec.MsgspecError, ValueError) as error:
            raise ValueError(f"the inventory is damaged: {error}") from None
        other = Inventory("", "")
        other._flows = dict(read.flows)
        self.merge(other)


def flow_of(flow: Flow) -> Flow:
    """A copy that shares nothing."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(flow), type=Flow)


def merged(one: Flow, other: Flow) -> Flow:
    """The least flow that knows all that either does."""
    sources = {name: _larger(counts, Counts(actions={})) for name, counts in one.sources.items()}
    for name, counts in other.sources.items():
        sources[name] = _larger(sources.get(name, Counts(actions={})), counts)
    if len(sources) > MAX_SOURCES:
        largest = sorted(sources.items(), key=lambda item: (-sum(item[1].actions.values()), item[0]))
        sources = dict(largest[:MAX_SOURCES])
    sketch = Sketch(one.registers)
    sketch.merge(Sketch(other.registers))
    return Flow(
        group=max(one.group, other.group),
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        sources=sources,
        registers=bytes(sketch.registers),
        policies=sorted({*one.policies, *other.policies})[-16:],
    )


def _larger(one: Counts, other: Counts) -> Counts:
    actions = {
        action: max(one.actions.get(action, 0), other.actions.get(action, 0))
        for action in sorted({*one.actions, *other.actions})
    }
    return Counts(actions, max(one.test, other.test), max(one.messages, other.messages))
