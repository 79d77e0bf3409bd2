"""The words between sidecars and aggregator, and the engine as this room sees it. Imports no engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

WORKLOAD_HEADER: Final = "X-Waf-Workload"
SEQUENCE_HEADER: Final = "X-Waf-Sequence"  # "epoch:number"; the epoch is of one process, numbers count from 1
MODE_HEADER: Final = "X-Waf-Mode"
MAX_DELTA: Final = 1024 * 1024  # bytes
MAX_STATE: Final = 32 * 1024 * 1024  # bytes of a state or profile, unpacked
CA_CONFIG_MAP: Final = "waf-fleet-ca"
NAME: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
EPOCH: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

MODES: Final = ("discover", "monitor", "protect")


class Key(msgspec.Struct, frozen=True, order=True):
    """One workload in the cluster."""

    namespace: str
    workload: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.workload}"


class Compiled(msgspec.Struct, frozen=True):
    """A profile to hand out: bytes that the sidecars' engine reads, their version, and figures for people."""

    profile: bytes
    version: str
    facts: Mapping[str, Any] = {}  # requests, endpoints, constraints, progress (0–1), wouldBlock


class Merged(Protocol):
    """One workload's learned state. `merge` is commutative; each delta is given once."""

    def merge(self, delta: bytes) -> None:
        """Raises ValueError for bytes that are no delta; the state is then as before."""
        ...

    def dump(self) -> bytes: ...

    def compile(self, now: float) -> Compiled: ...


class Merger(Protocol):
    """The engine: opens a workload's state, b"" for a new one. Raises ValueError for bytes that are no state."""

    def __call__(self, key: Key, state: bytes) -> Merged: ...


class Receipt(msgspec.Struct, frozen=True):
    """What a sidecar hears after a push: the profile in force now, "" for none yet, and what is stored for good."""

    version: str = ""
    mode: str = ""
    stored: int = 0  # the last delta of this sender's epoch that no loss of an aggregator can undo
