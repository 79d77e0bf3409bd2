"""Deadlines for thousands of sockets with one timer. Owns when things are late; knows not what they are.

A deadline is an attribute of the thing itself, so setting one costs an assignment. The wheel looks at a thing
when the slot fires in which it stands: if its deadline moved on meanwhile, it is put into the slot of the new
one. Deadlines that only ever move on (idle, first byte, idle …) are therefore never touched in between. A
deadline fires at most one tick late and never early.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Protocol

TICK: Final = 0.25
"""Seconds between two looks; the coarseness of every timeout of the proxy."""


class Timed(Protocol):
    deadline: float  # monotonic seconds, inf = none
    fires: float  # the wheel's: when it looks next, inf = not at all

    def expire(self) -> None: ...


class Wheel:
    """`clock` gives monotonic seconds; whoever runs the loop calls `advance` every `tick` seconds."""

    __slots__ = ("_clock", "_slots", "_turned", "tick")

    def __init__(self, clock: Callable[[], float], tick: float = TICK) -> None:
        self.tick: Final = tick
        self._clock: Final = clock
        self._slots: dict[int, set[Timed]] = {}
        self._turned = int(clock() / tick)

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))

    def watch(self, timed: Timed) -> None:
        """Look at `timed` when its deadline passes. Needed only where `timed.deadline < timed.fires`."""
        if timed.fires != math.inf:
            self.forget(timed)
        slot = max(math.ceil(timed.deadline / self.tick), self._turned + 1)
        timed.fires = slot * self.tick
        self._slots.setdefault(slot, set()).add(timed)

    def forget(self, timed: Timed) -> None:
        """Never look at it again (until it is watched anew); nothing of it is kept."""
        if timed.fires != math.inf:
            slot = round(timed.fires / self.tick)
            members = self._slots.get(slot)
            if members is not None:
                members.discard(timed)
                if not members:
                    del self._slots[slot]
            timed.fires = math.inf

    def advance(self) -> None:
        """Expire all that is late now."""
        now = self._clock()
        target = int(now / self.tick)
        if target - self._turned > len(
            self._slots
        ):  # after a long stall: visit what is there, not every slot
            due = sorted(slot for slot in self._slots if slot <= target)
        else:
            due = [slot for slot in range(self._turned + 1, target + 1) if slot in self._slots]
        self._turned = target
        for slot in due:
            for timed in self._slots.pop(slot, ()):
                timed.fires = math.inf
                if timed.deadline <= now:
                    timed.expire()
                elif timed.deadline != math.inf:
                    self.watch(timed)
