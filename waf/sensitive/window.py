"""What was seen of the bytes at hand while a body passes. Knows nothing of policy."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final

import msgspec

from waf.sensitive.candidates import Candidate
from waf.sensitive.containers import Container
from waf.sensitive.hits import Hit
from waf.sensitive.views import View

_SCRIPT: Final = re.compile(rb"</?script")

_OPEN_TAIL: Final = re.compile(
    rb"[A-Za-z0-9+%._@:/=;^#&\\()-]+(?: [A-Za-z0-9(+-][A-Za-z0-9+%._@:/=;^#&\\()-]*)*\Z"
)


def open_tail(text: bytes) -> int:
    """How many of the last bytes may be the beginning of a value."""
    tail = _OPEN_TAIL.search(text)
    return len(tail[0]) if tail is not None and re.search(rb"[0-9@_]", tail[0]) else 0


class Endless(msgspec.Struct, frozen=True):
    """A key that is passing: what may belong to it, and what is done with it."""

    more: re.Pattern[bytes]
    alters: bool


class Window:
    """Holds until more bytes come, so that a pause or the end costs no second look."""

    __slots__ = ("_scripts", "candidates", "ceiling", "hits", "origin", "seen")

    def __init__(self, seen: View, origin: int) -> None:
        self.seen = seen
        self.origin = origin  # where it begins in the body
        self.candidates: list[Candidate] | None = None
        self.hits: list[Hit] | None = None
        self.ceiling = 0  # hits are known up to here
        self._scripts: list[tuple[int, bool]] | None = (
            None  # where tags of scripts are; whether they open one
        )

    def container(self, outer: Container, start: int, end: int, in_script: bool) -> Container:
        """Within mark-up a script has a grammar of its own, which matters to digits that nothing quotes.

        `in_script`: it is one that began before this window.
        """
        text = self.seen.text
        if outer is not Container.HTML or not text[start:end].isdigit():
            return outer
        if text[start - 1 : start] == b">" and text[end : end + 1] == b"<":
            return Container.HTML
        if self._scripts is None:
            self._scripts = [(tag.start(), tag[0][1:2] != b"/") for tag in _SCRIPT.finditer(text)]
        place = bisect_left(self._scripts, (start, False))
        inside = self._scripts[place - 1][1] if place else in_script
        return Container.SCRIPT if inside else Container.HTML
