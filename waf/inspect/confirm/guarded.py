"""Long expressions of confirmers, each behind a first look by the engine.

Owns the choice whether `re` is asked at all: an alternation of a hundred branches takes it 100 to 300 ns for each byte
of a text in which none fits, one of four hundred 900, and Hyperscan 4. What the engine finds, `re` has to find as well; until `prepare` was called,
and for short texts, `re` alone is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from waf.inspect.matcher import Matcher, Pattern
from waf.model import PatternStore

_SHORT: Final = 8_000  # bytes of a text times those of the expression for which it does not pay
_TOKEN: Final = re.compile(rb"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?<?[=!]|.", re.S)
_AROUND: Final = (b"(?=", b"(?!", b"(?<=", b"(?<!")
_POSSESSIVE: Final = re.compile(rb"(?<=[*+?}])\+")
_AGAIN: Final = re.compile(rb"((?<!\\)(?:\\\\)*)\\[1-9]")


class Guarded:
    """An expression for texts in lower case, or, where it is without case, for any."""

    __slots__ = ("_engine", "_exact", "_short", "pattern")
    all: Final[list[Guarded]] = []

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self.pattern: Final = pattern
        self._engine: Matcher | None = None
        self._short: Final = _SHORT // len(pattern.pattern)  # bytes
        self._exact: Final = loosened(pattern.pattern) == pattern.pattern
        self.all.append(self)

    def prepare(self, store: PatternStore) -> None:
        if self._engine is None:
            self._engine = Matcher.build(
                [Pattern(loosened(self.pattern.pattern), case=not self.pattern.flags & re.I, once=True)],
                store,
            )

    def occurs(self, text: bytes) -> bool:
        """False: `search` finds nothing in the text."""
        return self._engine is None or len(text) < self._short or self._engine.hits(text)

    def found(self, text: bytes) -> bool:
        """Whether it is there; where the engine knows all of the expression `re` need not look for it."""
        if not self.occurs(text):
            return False
        told = self._exact and self._engine is not None and len(text) >= self._short
        return told or self.pattern.search(text) is not None

    def search(self, text: bytes, start: int = 0, end: int | None = None) -> re.Match[bytes] | None:
        """As that of `pattern`, which sees no further than to `end`."""
        if end is None and not start:
            return self.pattern.search(text) if self.occurs(text) else None
        end = len(text) if end is None else end
        # With the byte before, by which the edges of words are told.
        return self.pattern.search(text, start, end) if self.occurs(text[max(start - 1, 0) : end]) else None

    def finditer(self, text: bytes) -> Iterable[re.Match[bytes]]:
        return self.pattern.finditer(text) if self.occurs(text) else ()


def loosened(expression: bytes) -> bytes:
    """The expression without what the engine does not know, which only narrows it: what stands around, what is kept, what
    stood before (64 bytes of it at most)."""
    return _AGAIN.sub(rb"\1.{0,64}", _POSSESSIVE.sub(b"", _alone(expression)))


def _alone(expression: bytes) -> bytes:
    """Without what stands around."""
    kept: list[bytes] = []
    depth = 0  # of groups within what is left out
    for token in _TOKEN.findall(expression):
        if depth or token in _AROUND:
            depth += (token[:1] == b"(") - (token == b")")
        else:
            kept.append(token)
    return b"".join(kept)


def prepare(store: PatternStore) -> None:
    """Compiles what the engine looks for, or loads what was compiled before."""
    for one in Guarded.all:
        one.prepare(store)
