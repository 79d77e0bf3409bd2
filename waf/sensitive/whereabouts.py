"""Follows a body for its tracker, as late as possible.

Names of fields are asked for only where something was found, so the bytes that a tracker would read are kept
for a while instead of being read at once. A body of which `REMEMBER` bytes went by without a find is not
followed any more; what is found in it later is named by what directly precedes it, after "**".
"""

from __future__ import annotations

from typing import Final

from waf.sensitive.containers import Container
from waf.sensitive.context import label_before
from waf.sensitive.places import Columns, Tracker, named, tracker

REMEMBER: Final = 64 * 1024
"""Bytes kept for a tracker that nobody asked yet."""


class Whereabouts:
    """Where in a body we are. `eager`: every name will be needed, so nothing may be forgotten."""

    def __init__(self, container: Container, *, eager: bool, address: str = "", part: str = "") -> None:
        self._container = container
        self._fixed = address
        self._part = part
        self._eager = eager or container is Container.CSV
        self._tracker: Tracker | None = tracker(container) if self._eager else None
        self.columns: Final = self._tracker if isinstance(self._tracker, Columns) else None
        self._lost = False
        self._kept: list[bytes] = []  # sent, and not followed yet
        self._size = 0
        self._ahead = 0  # bytes of what is held now that were followed already

    def address(self, text: bytes, place: int, held: bytes, start: int) -> str:
        """The field of the value at `text[place]`, which stands at `held[start]`."""
        if self._fixed:
            return self._fixed
        if self.columns is not None and self.columns.names:
            return self.columns.named_at(text, place)
        address = self._address(text, place, held, start)
        return self._part + address.removeprefix(self._container.value) if self._part else address

    def _address(self, text: bytes, place: int, held: bytes, start: int) -> str:
        if self._lost:
            label = label_before(text, place).decode("utf-8", "replace")
            return named(self._container, f"**.{label}" if label else "")
        if self._tracker is None:
            self._tracker = tracker(self._container)
        self.follow(held, start)
        return self._tracker.address(text, place)

    def follow(self, held: bytes, upto: int) -> None:
        """Lead the tracker to `held[upto]`."""
        if self._tracker is None:
            return
        if self._kept:
            self._tracker.follow(b"".join(self._kept))
            self._kept, self._size = [], 0
        if upto > self._ahead:
            self._tracker.follow(held[self._ahead : upto])
            self._ahead = upto

    def sent(self, held: bytes, limit: int) -> None:
        """`held[:limit]` goes out."""
        if self._lost:
            return
        if limit > self._ahead:
            self._kept.append(held[self._ahead : limit])
            self._size += limit - self._ahead
            self._ahead = 0
        else:
            self._ahead -= limit
        if self._size > REMEMBER:
            if self._tracker is None:
                self._lost = True
                self._kept = []
            else:
                self.follow(b"", 0)
