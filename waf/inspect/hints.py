"""Hints: where a text shows that some step of decoding might change it.

What each step does is known to `layers` and `folds`, which hint belongs to which to `decode`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from waf.inspect.decode import CLASS_HINTS, LITERAL_HINTS, SECOND_HINTS
from waf.inspect.joining import among_others
from waf.inspect.matcher import SHORT, Matcher, Pattern, TooManyMatches
from waf.inspect.native import SEARCH
from waf.inspect.views import View
from waf.model import PatternStore
from waf.prefilter.automaton import automaton
from waf.prefilter.factors import usual
from waf.prefilter.layout import Lead
from waf.prefilter.leads import leads_of

_SPOTS: Final = 512  # hints of one text that are looked at one by one, and one more for every 16 bytes …
_COUNTED: Final = 512 * 1024  # … of so many
_USUAL: Final = 2e-3  # of the places of a text

Spot = tuple[int, int]
"""The bit of a step, and the offset behind a place where it might change the text."""


def _matcher(hints: Iterable[bytes], store: PatternStore, *, once: bool, grouped: bool = False) -> Matcher:
    return Matcher.build([Pattern(among_others(hint), once=once) for hint in hints], store, grouped=grouped)


def _is_small(hint: bytes) -> bool:
    """Whether the hint is told by nothing but usual characters, and an automaton of it is small."""
    return usual(hint, _USUAL) and automaton([b"(?i:" + hint + b")"], most=64) is not None


class Hints:
    """Which steps might change a text, and where."""

    __slots__ = ("_once", "_short", "_spots", "expressions", "leads", "small", "unquoting")

    def __init__(self, store: PatternStore) -> None:
        literals = [(int(view), hint) for view, hint in LITERAL_HINTS.items() if view not in SECOND_HINTS]
        literals += [(int(view), hint) for view, hint in SECOND_HINTS.items()]
        classes = [(int(view), hint) for view, hint in CLASS_HINTS.items()]

        def built(
            pairs: list[tuple[int, bytes]], *, once: bool, grouped: bool
        ) -> tuple[Matcher, tuple[int, ...]]:
            hints = [hint for _, hint in pairs]
            return _matcher(hints, store, once=once, grouped=grouped), tuple(bit for bit, _ in pairs)

        self._once, self._spots = (
            (built(literals, once=once, grouped=True), built(classes, once=once, grouped=False))
            for once in (True, False)
        )
        self._short = (built([*literals, *classes], once=False, grouped=False),)
        known = {hint: leads_of(hint) for _, hint in classes}
        self.leads: Final[list[Lead]] = [lead for leads in known.values() for lead in leads]
        """How values begin that some hint is about, …"""
        others = [hint for _, hint in (*literals, *classes) if not known.get(hint)]
        self.expressions: Final = [among_others(hint) for hint in others if not _is_small(hint)]
        """… all other hints, …"""
        self.small: Final = [b"(?i:" + hint + b")" for hint in others if _is_small(hint)]
        """… and those that become one automaton, as they have only characters that stand everywhere."""
        shell = SECOND_HINTS[View.SHELL]
        self.unquoting: Final = [b"(?i:" + shell + b")" if _is_small(shell) else among_others(shell)]
        """Of both the one for quotes within words. In text without other signs of a shell it finds apostrophes alone, and
        what its step makes of the text is the text without them."""

    def steps(self, text: bytes) -> int:
        """Every step that might change the text, as the bits of their views."""
        if SEARCH is not None:
            return int(SEARCH.steps(text))
        steps = 0
        for matcher, bits in self._once:
            for index, _ in matcher.scan(text):
                steps |= bits[index]
        return steps

    def look(self, text: bytes, there: int | None = None) -> tuple[int, list[Spot] | None]:
        """Every step that might change the text, and where; None where the places are too many.

        `there` is `watched(text)` where it is known.
        """
        if SEARCH is not None:
            told: tuple[int, list[Spot]] = SEARCH.hints(text)
            return told
        most = _SPOTS + min(len(text), _COUNTED) // 16
        spots: list[Spot] = []
        try:
            for matcher, bits in self._spots if len(text) > SHORT else self._short:
                if found := matcher.scan(text, most, there):
                    spots += [(bits[index], end) for index, end in found]
        except TooManyMatches:
            return self.steps(text), None
        steps = 0
        for bit, _ in spots:
            steps |= bit
        return steps, spots

    @property
    def size(self) -> int:
        return sum(matcher.size for matcher, _ in (*self._once, *self._spots, *self._short))
