"""From a text to the values in it: candidates, exact spans, validators, context, score, overlaps.

Pure: the same text gives the same hits. Knows nothing of containers, policy or masks; the text it sees is already
decoded (see `views.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from waf.model import PatternStore
from waf.sensitive.candidates import Candidates, context_words
from waf.sensitive.entities import EDGES, Entity
from waf.sensitive.validate import VALIDATORS, Validator

ACT: Final = 0.8
REPORT: Final = 0.5
CONTEXT: Final = 0.3
NEAR: Final = 30
"""Characters before a value in which a context word counts."""

LOOK_BEHIND: Final = 200
"""Bytes before a value that its score may depend on (mark-up is taken out before `NEAR` is counted)."""


class Hit(msgspec.Struct, frozen=True, gc=False):
    """`text[start:end]` is a value of `entity`; `score` is at least REPORT. `test`: a published sample value."""

    entity: Entity
    start: int
    end: int
    score: float
    test: bool = False

    @property
    def acts(self) -> bool:
        return self.score >= ACT


class _Kind(msgspec.Struct, frozen=True):
    """An entity made ready to run."""

    entity: Entity
    shapes: tuple[re.Pattern[bytes], ...]
    validate: Validator | None
    context: re.Pattern[bytes] | None
    negative: re.Pattern[bytes] | None


class Finder:
    """Finds the values of `entities`. Immutable; may be used from several threads."""

    def __init__(self, entities: Sequence[Entity], candidates: Candidates) -> None:
        self.entities = tuple(entities)
        self._candidates = candidates
        self._kinds = tuple(_kind(entity) for entity in entities)

    @classmethod
    def build(cls, entities: Sequence[Entity], store: PatternStore | None) -> Finder:
        return cls(entities, Candidates.build(entities, store))

    def find(self, text: bytes) -> list[Hit]:
        """The values in `text`, in order and without overlaps; of two that overlap the surer, then the longer."""
        found = self._candidates.scan(text)
        if not found:
            return []
        hits = []
        for index, start in {(index, start) for index, start, _ in found}:
            hit = self._judge(self._kinds[index], text, start)
            if hit is not None:
                hits.append(hit)
        return _apart(hits)

    def _judge(self, kind: _Kind, text: bytes, start: int) -> Hit | None:
        for shape in kind.shapes:
            match = shape.match(text, start)
            if match is None:
                continue
            group = 1 if shape.groups else 0
            begin, end = match.span(group)
            value = match[group]
            score = kind.entity.confidence
            if kind.validate is not None:
                score *= kind.validate(value)
            if score <= 0:
                continue
            score += self._context(kind, text, begin)
            if score < REPORT:
                continue
            return Hit(kind.entity, begin, end, min(score, 1.0), _plain(value) in kind.entity.tests)
        return None

    def _context(self, kind: _Kind, text: bytes, start: int) -> float:
        before = text[max(0, start - LOOK_BEHIND) : start]
        if kind.negative is not None and kind.negative.search(before):
            return -CONTEXT
        if kind.context is not None and kind.context.search(before[-NEAR:]):
            return CONTEXT
        return 0.0


def _kind(entity: Entity) -> _Kind:
    before, after = EDGES[entity.edges]
    return _Kind(
        entity=entity,
        shapes=tuple(re.compile(before + b"(?:" + p.encode() + b")" + after) for p in entity.patterns),
        validate=VALIDATORS[entity.validator] if entity.validator else None,
        context=re.compile(context_words(entity.context).encode(), re.I) if entity.context else None,
        negative=re.compile(
            b"(?:"
            + context_words(entity.negative).encode()
            + rb")(?:[ _.-]?(?:no|nr|num|number|id|ref|code|key))?"
            rb"[^A-Za-z0-9]{0,8}\Z",
            re.I,
        )
        if entity.negative
        else None,
    )


def _plain(value: bytes) -> bytes:
    return value.translate(None, b" -./")


def _apart(hits: list[Hit]) -> list[Hit]:
    if len(hits) > 1:
        kept: list[Hit] = []
        for hit in sorted(hits, key=lambda h: (-h.score, h.start - h.end, h.start, h.entity.id)):
            if all(hit.end <= other.start or hit.start >= other.end for other in kept):
                kept.append(hit)
        hits = sorted(kept, key=lambda h: h.start)
    return hits
