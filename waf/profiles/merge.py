"""What the replicas of a workload have learned, brought together.

Every replica cuts what it learns into deltas with an epoch that counts up from 1: (replica, epoch, state).
A `Ledger` is a set of deltas. Joining two of them is a union, so it is commutative, associative and
idempotent whatever is sent twice, late or in another order; the whole is the sum of its deltas, and
`State.merge` does not care for their order. What is contiguous from a replica's first epoch on is folded
into one state, so that a ledger does not grow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from waf.profiles import store
from waf.profiles.model import State

MAGIC: Final = b"\x89WAFLED\n"
_MOST: Final = 10**9  # of anything that one delta counts
MAX_AHEAD: Final = 64  # deltas kept of a replica whose earlier ones have not come


class Complaint(msgspec.Struct, frozen=True, array_like=True):
    """Requests that went against a constraint: how many, from whom (`Evidence`, as hexadecimal digits)."""

    constraint: str
    times: Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
    sources: Annotated[str, msgspec.Meta(max_length=64)]


class Fall(msgspec.Struct, frozen=True, array_like=True):
    """A replica took protection back: `kind` and `subject` are those of the `promote.Alert` that told it."""

    kind: str
    subject: str


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    replica: str
    epoch: Annotated[int, msgspec.Meta(ge=1)]
    state: bytes
    complaints: tuple[Complaint, ...]
    falls: tuple[Fall, ...]
    would_block: Annotated[int, msgspec.Meta(ge=0, le=_MOST)]


class Delta(msgspec.Struct, frozen=True):
    """What one replica learned in one epoch; `state` is `store.dump` of it.

    `would_block` counts requests that only the mode let pass.
    """

    replica: str
    epoch: int
    state: bytes
    complaints: tuple[Complaint, ...] = ()
    falls: tuple[Fall, ...] = ()
    would_block: int = 0

    def pack(self) -> bytes:
        packed = _Packed(*(getattr(self, name) for name in _Packed.__struct_fields__))
        return store.seal(packed, MAGIC, dense=True)

    @classmethod
    def unpack(cls, data: bytes) -> Delta:
        """Raises `store.Damaged`."""
        try:
            packed = msgspec.convert(store.unseal(data, MAGIC), _Packed)
        except msgspec.ValidationError as error:
            raise store.Damaged(f"not what one replica learned: {error}") from None
        return cls(*(getattr(packed, name) for name in _Packed.__struct_fields__))


class Ledger:
    """All that is known of a fleet. `memory` bounds each replica's state, in bytes."""

    def __init__(self, memory: int = 32 * 1024 * 1024) -> None:
        self._memory: Final = memory
        self._folded: dict[str, tuple[int, State]] = {}  # epochs 1 to n of each replica
        self._ahead: dict[tuple[str, int], bytes] = {}

    def epoch(self, replica: str) -> int:
        """The last epoch of a replica up to which nothing is missing: what it need not send again."""
        return self._folded[replica][0] if replica in self._folded else 0

    def add(self, delta: Delta) -> bool:
        """Take a delta; false if it was known or its replica is too far ahead. Raises `store.Damaged`."""
        replica, epoch = delta.replica, delta.epoch
        have = self.epoch(replica)
        if epoch <= have or (replica, epoch) in self._ahead or epoch > have + MAX_AHEAD:
            return False
        store.load(delta.state, self._memory)  # refuses a damaged one before it is kept
        self._ahead[replica, epoch] = delta.state
        self._fold(replica)
        return True

    def join(self, other: Ledger) -> None:
        """Take all that another ledger knows."""
        for replica, (epoch, state) in other._folded.items():
            if epoch > self.epoch(replica):
                self._folded[replica] = (epoch, copy(state, self._memory))
        for (replica, epoch), data in other._ahead.items():
            if epoch > self.epoch(replica):
                self._ahead[replica, epoch] = data
        for replica in sorted({replica for replica, _ in self._ahead}):
            self._fold(replica)

    def whole(self) -> State:
        """The sum of everything, deltas that came ahead of their turn included."""
        return merged(
            [state for _, (_, state) in sorted(self._folded.items())]
            + [store.load(data, self._memory) for _, data in sorted(self._ahead.items())],
            self._memory,
        )

    def _fold(self, replica: str) -> None:
        for key in [key for key in self._ahead if key[0] == replica and key[1] <= self.epoch(replica)]:
            del self._ahead[key]
        while (data := self._ahead.pop((replica, self.epoch(replica) + 1), None)) is not None:
            epoch, state = self._folded.get(replica, (0, State(self._memory)))
            state.merge(store.load(data, self._memory))
            self._folded[replica] = (epoch + 1, state)


def merged(states: Iterable[State], memory: int) -> State:
    """The sum of states; they stay as they are."""
    whole = State(memory)
    for state in states:
        whole.merge(state)
    return whole


def copy(state: State, memory: int) -> State:
    return merged([state], memory)
