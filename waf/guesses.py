"""A place for sensitive data that went where no route is named and no profile knows one: a guess from the path alone.

Segments are typed as profiles type them ("/users/{int}"). What is not typed is a word of the app only if it looks like
one; everything else, and what holds sensitive data, becomes "{str}", so that no value comes to stand in an inventory.
Bounded: where too many words stand side by side they are names and not places, and past `MOST` places all that is new
goes under `OTHER`. Off the hot path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from waf.profiles.segments import SLOT, slot_of, split
from waf.sensitive.inventory import OTHER

MOST: Final = 1_000
"""Places that are guessed at all."""

MOST_CLEAN: Final = MOST // 2
"""The same of those where nothing sensitive was seen yet."""

SIDE_BY_SIDE: Final = 24
"""Words that may follow the same beginning of a path; more are names of people or things."""

DEEPEST: Final = 10  # segments of a place
_LONGEST: Final = 4096  # bytes of a path that is looked at

_WORD: Final = re.compile(
    rb"[A-Za-z](?:[A-Za-z]|[_-](?=[A-Za-z])){0,31}[0-9]{0,2}(?:\.(?:json|xml|html?|php|jsp|aspx?|do|action|cgi|csv|txt))?"
    rb"|v[0-9]{1,3}(?:\.[0-9]{1,3})?|\.well-known|"
)


class Guesses:
    """Of one workload; not for several threads."""

    def __init__(self) -> None:
        self._words: dict[str, set[str]] = {}  # by the beginning of a path, the words that follow it
        self._places: set[str] = set()

    def know(self, places: Iterable[str]) -> None:
        """Places that were guessed or learned before this process began."""
        for place in places:
            if place[:1] == "/" and len(self._places) < MOST:
                self._places.add(place)
                before = ""
                for segment in place[1:].split("/"):
                    if segment[:1] != "{":
                        self._words.setdefault(before, set()).add(segment)
                    before += "/" + segment

    def place(self, path: bytes, mask: Callable[[bytes], str], found: bool = True, most: int = MOST) -> str:
        """The place of a path as on the wire; `OTHER` where none can be guessed. `mask` hides sensitive data.

        Unless the app has `found` it, and there are fewer than `most`, only a place that is known already: whoever asks
        for anything at all must not fill the inventory.
        """
        segments = split(path) if len(path) <= _LONGEST else None
        if segments is None or len(segments) > DEEPEST:
            return OTHER
        place = ""
        grows = found and len(self._places) < most
        fresh: list[tuple[str, str]] = []
        for segment in segments:
            word = slot_of(segment) if segment else ""
            if word is None:
                word = segment.decode("latin-1")
                if word not in (known := self._words.get(place, ())):
                    if len(known) >= SIDE_BY_SIDE or not _WORD.fullmatch(segment):
                        word = SLOT
                    elif not grows:
                        return OTHER  # no place has it, and to mask it is what costs: whoever makes up paths gets no more
                    elif mask(segment) == word:
                        fresh.append((place, word))
                    else:
                        word = SLOT
            place += "/" + word
        if place not in self._places:
            if not grows:
                return OTHER
            self._places.add(place)
            for before, word in fresh:
                self._words.setdefault(before, set()).add(word)
        return place
