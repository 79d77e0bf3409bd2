"""Which patterns look at texts that were folded, and the databases for them.

Knows patterns by their numbers and folds by their bits; nothing of what is folded or how.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from waf.inspect.decode import STEPS
from waf.inspect.matcher import Matcher, Pattern
from waf.inspect.views import FOLDS
from waf.model import PatternStore

ALL_FOLDS: Final = int(FOLDS)
"""Their bits."""


class Folded:
    """Which patterns look at texts that were folded; few do, so each fold has a database of its own for them."""

    __slots__ = ("_by_fold", "_combined", "_next", "_wanted", "size")

    def __init__(
        self, patterns: Sequence[Pattern], views: Sequence[int], store: PatternStore, *, marked: bool = False
    ) -> None:
        """`marked` as for `Matcher`."""
        folds = [bits & ALL_FOLDS for bits in views]
        self._combined: Final = frozenset(folds)
        self._by_fold: dict[int, Matcher] = {}
        self._wanted: dict[int, bool] = {}  # one for each combination of folds at most
        self._next: dict[int, int] = {}
        for step in STEPS:
            looking = [index for index, bits in enumerate(folds) if bits & step.bit]
            if step.fold and looking:
                parts = [(index, patterns[index]) for index in looking]
                self._by_fold[step.bit] = Matcher.parts(len(patterns), parts, store, marked=marked)
        self.size: Final = sum(matcher.size for matcher in self._by_fold.values())

    def wants(self, folds: int) -> bool:
        """Whether any pattern looks at a text to which these folds were done."""
        wanted = self._wanted.get(folds)
        if wanted is None:
            wanted = self._wanted[folds] = any(not folds & ~bits for bits in self._combined)
        return wanted

    def next(self, folds: int) -> int:
        """The bits of the folds after these that give a text which any pattern looks at."""
        known = self._next.get(folds)
        if known is None:
            known = self._next[folds] = sum(
                step.bit for step in STEPS if step.fold and self.wants(folds | step.bit)
            )
        return known

    def goes_on(self, folds: int) -> bool:
        """Whether any looks at one to which these were done and another."""
        return any(folds != bits and not folds & ~bits for bits in self._combined)

    def matcher(self, folds: int) -> Matcher:
        """One with all patterns that look at such a text, and perhaps more; only where some do."""
        return min((self._by_fold[bit] for bit in _bits_of(folds)), key=lambda matcher: matcher.size)


def _bits_of(bits: int) -> list[int]:
    return [step.bit for step in STEPS if step.bit & bits]
