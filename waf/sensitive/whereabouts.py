"""Follows a body for its tracker, as late as possible.

Names of fields are asked for only where something was found, so the bytes that a tracker would read are kept
for a while instead of being read at once. A JSON body of which `REMEMBER` bytes went by without a find is not
followed any more; what is found in it later is named by what directly precedes it, after "**".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from waf.sensitive.containers import Container
from waf.sensitive.context import label_before
from waf.sensitive.places import Columns, JsonPath, Tracker, named, tracker

REMEMBER: Final = 64 * 1024
"""Bytes kept for a tracker that nobody asked yet."""


MAX_NAMES: Final = 1024
LONGEST_NAME: Final = 256
_MAX_LONG: Final = 64  # names longer than that, as they are looked at

ONE_NAME, BY_LABEL, BY_PATH, BY_COLUMN = range(4)
"""How C names fields, by the numbers that it knows them by."""


class _Names(dict[bytes, str]):
    """Addresses of one container by what stands before a value. Bounded; names with a value in them are not kept."""

    def __init__(self, container: Container, lost: bool = False) -> None:
        super().__init__()
        self._container = container
        self._lost = lost
        self._long: dict[str, str] = {}
        self._last: tuple[bytes | None, str] = (
            None,
            "",
        )  # one that is not kept: values beside each other have one name

    def __missing__(self, name: bytes) -> str:
        if name == self._last[0]:
            return self._last[1]
        text = name.decode("utf-8", "replace")
        if len(name) > LONGEST_NAME:  # a document that is nested without end: all below has one name
            text = text[: LONGEST_NAME + 1]
            known = self._long.get(text)
            if known is not None:
                return known
        if self._lost:
            address = named(self._container, f"**.{text}" if text else "")
        else:
            address = named(self._container, text.removeprefix("."))
        if "*" not in address.removeprefix(f"{self._container.value}.**"):
            if len(name) > LONGEST_NAME:
                if len(self._long) >= _MAX_LONG:
                    self._long.clear()
                self._long[text] = address
            else:
                if len(self) >= MAX_NAMES:
                    self.clear()
                self[name] = address
        else:
            self._last = name, address
        return address


class Grammar(msgspec.Struct, frozen=True):
    """How C names the fields of a container, and the names by what it finds before a value."""

    how: int
    names: Any


def _grammar(container: Container) -> Grammar:
    if container in (Container.HTML, Container.TEXT, Container.CSV):
        return Grammar(ONE_NAME, named(container, ""))
    return Grammar(BY_PATH if container is Container.JSON else BY_LABEL, _Names(container))


GRAMMAR: Final = {container: _grammar(container) for container in Container}
_LOST: Final = Grammar(BY_LABEL, _Names(Container.JSON, lost=True))


class Whereabouts:
    """Where in a body we are. `eager`: every name will be needed, so nothing may be forgotten."""

    def __init__(self, container: Container, *, eager: bool, address: str = "", part: str = "") -> None:
        self._container = container
        self._fixed = address
        self._part = part
        self._follows = container in (
            Container.JSON,
            Container.CSV,
        )  # all others are named by what precedes a value
        eager = eager or container is not Container.JSON
        self._tracker: Tracker | None = tracker(container) if eager else None
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

    def grammar(self) -> Grammar:
        """How the fields of what comes next are named, as C is told."""
        if self._fixed:
            return Grammar(ONE_NAME, self._fixed)
        if self.columns is not None:
            return Grammar(BY_COLUMN, self.columns.places) if self.columns.names else GRAMMAR[Container.CSV]
        return _LOST if self._lost else GRAMMAR[self._container]

    def path(self, behind: int) -> tuple[list[str], str, bool, int, int] | None:
        """For C, of a JSON body: the path, and from where and up to where that is told, in bytes from `behind` bytes before
        what is to be sent; None where it begins before those.
        """
        if self._tracker is None:
            self._tracker = tracker(self._container)
        if not isinstance(self._tracker, JsonPath):
            return None
        self.follow(b"", 0)
        upto = behind + self._ahead
        stack, key, in_string, open = self._tracker.state()
        return None if open > upto else (stack, key, in_string, upto - open, upto)

    def told(self, path: tuple[list[str], str, bool, int, int], text: bytes, behind: int) -> None:
        """What C made of `path` in `text`, of which `behind` bytes were sent before."""
        stack, key, in_string, begin, upto = path
        assert isinstance(self._tracker, JsonPath)
        self._tracker.resume(stack, key, in_string, text[begin:upto])
        self._ahead = upto - behind

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
        if self._lost or not self._follows:
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
