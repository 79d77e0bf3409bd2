"""Forms of entities: each pattern as Hyperscan looks for it, context words included.

Owns expressions. Knows nothing of how they are run or of scores.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import hyperscan
import msgspec

from waf.prefilter.expressions import leading
from waf.sensitive.entities import EDGES, Entity

GAP: Final = 60
"""Bytes between a context word and a led value, mark-up included."""

ANY_GAP: Final = f".{{0,{GAP}}}"

_LABEL_GAP: Final = r"[A-Za-z0-9_\]-]{0,16}[\"' ]{0,2}(?:=>|[=:>])[\"' ]{0,3}"

_EDGED: Final = re.compile(r"(?:\(\?i:)?\\b")
_LETTER: Final = re.compile(r"(?<!\\)[A-Za-z]\Z")
_TOUCHED: Final = re.compile(rb"\(\?<!\[([^\]]+)\]\)")

ENDLESS: Final = 1 << 20
"""The width of a form without bounds, or of one that cannot be worked out."""


class Form(msgspec.Struct, frozen=True):
    """One pattern of one entity; `led` ones count behind a context word only."""

    entity: Entity
    pattern: str
    led: bool

    @property
    def gap(self) -> str:
        """What may stand between a context word and a led value."""
        if self.entity.labelled:
            return _LABEL_GAP
        # A value that begins at an edge of its own is asked for there: a text of what could be its bytes has it ending at each of them.
        edge = _TOUCHED.match(EDGES[self.entity.edges][0])
        if edge is None or _EDGED.match(self.pattern) or not all(map(_LETTER.search, self.entity.context)):
            return ANY_GAP
        return f".{{0,{GAP - 1}}}[^{edge[1].decode()}]"

    @property
    def expression(self) -> bytes:
        """What Hyperscan looks for: what each value begins with. Of all places where a value could end it would tell, one by one."""
        return self._of(leading(self.pattern.encode()))

    @property
    def whole(self) -> bytes:
        """The same of values to their ends."""
        return self._of(self.pattern.encode())

    def _of(self, pattern: bytes) -> bytes:
        if not self.led:
            return pattern
        return words_of(self.entity.context) + f"{self.gap}(?:".encode() + pattern + b")"

    @property
    def flags(self) -> int:
        return int(hyperscan.HS_FLAG_DOTALL if self.led else hyperscan.HS_FLAG_SOM_LEFTMOST)

    @property
    def width(self) -> int:
        """Bytes of the longest match of the pattern, at most `ENDLESS`."""
        parser: Any = vars(re)["_parser"]  # the one way to ask; where it goes, all forms count as endless
        try:
            return min(int(parser.parse(self.whole).getwidth()[1]), ENDLESS)
        except (re.error, OverflowError, AttributeError):
            return ENDLESS


def core(word: str) -> str:
    """A context word as an expression without its edges."""
    return word.removeprefix(r"\b").removesuffix(r"\b").replace(" ", "[ _.-]?")


def humped(word: str) -> tuple[str, bool]:
    """A context word as an expression, and whether it begins at an edge or a hump ("customerPan", not "span")."""
    text = core(word)
    return text, word.startswith(r"\b") and text[:1].isalpha()


def words_of(context: Sequence[str]) -> bytes:
    """Any of the context words, for Hyperscan."""
    return f"(?:{'|'.join(map(_word, context))})".encode()


def _word(word: str) -> str:
    """A context word for Hyperscan."""
    text, edged = humped(word)
    if not edged:
        return f"(?i:{text})"
    return rf"(?:(?:\b|_)(?i:{text})|[a-z]{text[0].upper()}(?i:{text[1:]}))"


def forms(entities: Sequence[Entity]) -> tuple[Form, ...]:
    """Every pattern of `entities`; candidates carry an index into this."""
    return tuple(
        Form(entity, pattern, led)
        for entity in entities
        for patterns, led in ((entity.patterns, False), (entity.led, True))
        for pattern in patterns
    )
