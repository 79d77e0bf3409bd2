"""The words between sidecars and aggregator, and the engine as this room sees it. Imports no engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol

import msgspec

WORKLOAD_HEADER: Final = "X-Waf-Workload"
SEQUENCE_HEADER: Final = "X-Waf-Sequence"  # "epoch:number:after", see `Place`
MODE_HEADER: Final = "X-Waf-Mode"
MAX_DELTA: Final = 1024 * 1024  # bytes
MAX_PUSH: Final = MAX_DELTA + 64 * 1024  # bytes of a delta and the report beside it
MAX_STATE: Final = 32 * 1024 * 1024  # bytes of a state or profile, unpacked
CA_CONFIG_MAP: Final = "waf-fleet-ca"
NAME: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
)
_PLACE: Final = re.compile(r"([0-9]{1,3}\.[A-Za-z0-9_-]{1,60}):([0-9]{1,15}):([0-9]{1,15})", re.ASCII)

PUSH_EVERY: Final = 20.0  # seconds between two pushes of a replica, a third more or less
LONGEST_EVERY: Final = 600.0  # that an aggregator may ask for

MODES: Final = ("discover", "monitor", "protect")


class Key(msgspec.Struct, frozen=True, order=True):
    """One workload in the cluster."""

    namespace: str
    workload: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.workload}"


class Place(msgspec.Struct, frozen=True):
    """Where a delta stands in what its sender teaches.

    `epoch` is "slot.life": the slot is a process among those of one pod, the life is random and names this run of it.
    `number` counts the life's deltas from 1; 0 is a push without a delta. `after` is the number that must have been
    taken before, 0 for none.
    """

    epoch: str
    number: int = 0
    after: int = 0

    @property
    def slot(self) -> str:
        return self.epoch.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.epoch}:{self.number}:{self.after}"

    @classmethod
    def read(cls, text: str) -> Place:
        """The inverse of `str`. Raises ValueError."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(f"{SEQUENCE_HEADER} must be slot.life:number:after")
        return cls(found[1], int(found[2]), int(found[3]))


_Text = Annotated[str, msgspec.Meta(max_length=200)]
_Problem = Annotated[str, msgspec.Meta(max_length=1000)]


class Report(msgspec.Struct, frozen=True):
    """How a replica is, for people: sent with every push."""

    version: _Text = ""  # of the fleet's profile that it enforces, "" for none
    mode: _Text = ""  # of its profile: discover, monitor, protect
    enforced: _Text = ""  # mode of the whole sidecar: off, monitor, protect
    problems: Annotated[
        tuple[_Problem, ...], msgspec.Meta(max_length=10)
    ] = ()  # why its configuration was refused
    reach: _Text = ""  # the furthest mode of its profile at any route: what traffic is held against somewhere


class Push(msgspec.Struct, frozen=True):
    """The body of a push, as MessagePack."""

    report: Report = Report()
    delta: bytes = b""


class Compiled(msgspec.Struct, frozen=True):
    """A profile to hand out: bytes that the sidecars' engine reads, their version, and figures for people."""

    profile: bytes
    version: str
    facts: Mapping[str, Any] = {}  # what stands in the status: requests, endpoints, progress, wouldBlock …


class Merged(Protocol):
    """One workload's learned state. `merge` is commutative; each delta is given once. `now` is Unix time."""

    def merge(self, delta: bytes, now: float) -> None:
        """Raises ValueError for bytes that are no delta; the state is then as before."""
        ...

    def dump(self) -> bytes: ...

    def compile(self, now: float, reach: str) -> Compiled:
        """`reach` is the furthest of `MODES` in which a replica holds traffic against the profile; "" for as before."""
        ...

    def take_document(self, former: Any, document: Any, now: float) -> list[str]:
        """Make the profile say what a person wrote, where `former` is what was taken last (None for nothing).

        Gives what changed. Raises ConfigError.
        """
        ...

    def drift(self, document: Any) -> list[str]:
        """What the profile says beyond or against a document, a line each. Raises ConfigError."""
        ...


class Merger(Protocol):
    """The engine: opens a workload's state, b"" for a new one. Raises ValueError for bytes that are no state."""

    def __call__(self, key: Key, state: bytes) -> Merged: ...


class Receipt(msgspec.Struct, frozen=True):
    """What a sidecar hears after a push.

    `taken` is the last delta of its epoch that was merged, `stored` the last that no loss of an aggregator can undo.
    Where `taken` is below the number that was sent, something before it is missing: push from `taken` on.
    """

    version: str = ""  # of the profile in force, "" for none yet
    mode: str = ""
    taken: int = 0
    stored: int = 0
    every: float = PUSH_EVERY  # seconds until the next push
