"""Which deltas were already merged, so that one that is sent twice counts once. A value; kept beside the state.

A sender is one process of one pod. It starts an epoch and counts from 1; a delta is taken where its number is higher
than the last of the epoch and what it builds on has been taken.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST: Final = 20_000  # senders remembered; the longest silent are forgotten


class Senders:
    def __init__(self, entries: dict[str, tuple[str, int]] | None = None) -> None:
        self._last: OrderedDict[str, tuple[str, int]] = OrderedDict(
            (sender, (str(e[0]), int(e[1]))) for sender, e in (entries or {}).items()
        )

    def takes(self, sender: str, epoch: str, number: int, after: int = 0) -> bool:
        """Whether this delta is new and nothing is missing before it."""
        return after <= self.last(sender, epoch) < number

    def note(self, sender: str, epoch: str, number: int) -> None:
        self._last[sender] = (epoch, number)
        self._last.move_to_end(sender)
        while len(self._last) > MOST:
            self._last.popitem(last=False)

    def last(self, sender: str, epoch: str) -> int:
        """The number of the last delta taken of this epoch, 0 for none."""
        known, number = self._last.get(sender, ("", 0))
        return number if known == epoch else 0

    def entries(self) -> dict[str, tuple[str, int]]:
        return dict(self._last)

    def __len__(self) -> int:
        return len(self._last)
