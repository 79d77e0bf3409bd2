"""What a learner has learned and noticed since it told somebody last: the next delta, and those that may be asked again.

One for each listener, so that none waits for another: the fleet acknowledges what it has stored (`after`), a store that
asks by itself tells where it stopped (`since`), and gets the whole where that is not known any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from waf.profiles import store
from waf.profiles.evidence import Evidence
from waf.profiles.merge import Complaint, Delta, Fall
from waf.profiles.model import State

KEPT: Final = 16  # deltas that a store may ask for again
_COMPLAINTS: Final = 2_000  # constraints of which complaints are counted between two deltas


class Outbox:
    """`replica` names who learned it; `memory` bounds, in bytes, what waits to be told."""

    def __init__(self, replica: str, memory: int) -> None:
        self.replica: Final = replica
        self.fresh = State(memory)
        self.epoch = 0
        self._memory: Final = memory
        self._sent: list[Delta] = []
        self._complaints: dict[str, tuple[int, Evidence]] = {}  # by constraint
        self._falls: list[Fall] = []

    def complain(self, constraint: str, times: int, bits: Evidence) -> None:
        """So many requests of these sources went against a constraint."""
        before, seen = self._complaints.get(constraint, (0, 0))
        if before or len(self._complaints) < _COMPLAINTS:
            self._complaints[constraint] = (before + times, seen | bits)

    def fell(self, fall: Fall) -> None:
        """Protection was taken back."""
        if len(self._falls) < _COMPLAINTS:
            self._falls.append(fall)

    def cut(self, would_block: int = 0) -> None:
        """Make a delta of what is new, if anything is; `would_block` as in `Delta`."""
        if not (self.fresh.requests or self._complaints or would_block):
            return
        self.epoch += 1
        complaints = tuple(Complaint(text, n, f"{bits:x}") for text, (n, bits) in self._complaints.items())
        told = store.dump(self.fresh), complaints, tuple(self._falls), would_block
        self._sent.append(Delta(self.replica, self.epoch, *told))
        self.fresh = State(self._memory)
        self._complaints, self._falls = {}, []

    def after(self, acknowledged: int) -> list[Delta]:
        """The deltas beyond an epoch up to which all are stored for good: those are forgotten."""
        self._sent = [delta for delta in self._sent if delta.epoch > acknowledged]
        return list(self._sent)

    def since(self, epoch: int) -> list[Delta] | None:
        """The deltas beyond an epoch, in order; None where some of them are not kept any more, or it never was."""
        while len(self._sent) > KEPT or sum(len(delta.state) for delta in self._sent) > self._memory // 4:
            del self._sent[0]
        oldest = self.epoch - len(self._sent)
        return self._sent[epoch - oldest :] if oldest <= epoch <= self.epoch else None


class Handed(msgspec.Struct, frozen=True):
    """What a store gets: deltas that follow what it has; with `whole` one that stands for all that was learned ever.

    `mark` is what to ask with the next time, `replica` whose it is: a whole takes the place of all it had of that one.
    """

    replica: str
    mark: str
    whole: bool
    deltas: tuple[Delta, ...]


def handed(outbox: Outbox, life: str, since: str, whole: Callable[[], State]) -> Handed:
    """What is new for a store that asks with a mark, "" the first time. `whole` gives all that was learned.

    `life` names this numbering of deltas: after a restart they are numbered anew.
    """
    outbox.cut()
    mark = f"{life}.{outbox.epoch}"
    named, _, number = since.rpartition(".")
    deltas = outbox.since(int(number)) if named == life and number.isascii() and number.isdecimal() else None
    if deltas is not None:
        return Handed(outbox.replica, mark, False, tuple(deltas))
    state = store.dump(whole())
    return Handed(outbox.replica, mark, True, (Delta(outbox.replica, max(1, outbox.epoch), state),))
