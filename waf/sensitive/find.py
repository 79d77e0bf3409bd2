"""From a text to the values in it: candidates, exact spans, validators, context, score, overlaps.

Pure: the same text gives the same hits. Knows nothing of containers, policy or masks; the text it sees is
already decoded (see `views.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from waf.model import PatternStore
from waf.sensitive import speed
from waf.sensitive.candidates import FORM, PLACE, Candidate, Candidates
from waf.sensitive.cells import cells_of, column
from waf.sensitive.context import ELEMENTS, QUIET, Surroundings, is_decisive, plain_words
from waf.sensitive.entities import Entity
from waf.sensitive.exact import ExactData
from waf.sensitive.hits import ACT, Hit, apart
from waf.sensitive.places import Columns
from waf.sensitive.readings import Form, continues, follows_group, form_of, form_spans
from waf.sensitive.sieve import Others
from waf.sensitive.tally import Count
from waf.sensitive.validate import VALIDATORS, Validator, bank, contact

REPORT: Final = 0.5
CONTEXT: Final = 0.3
NEGATIVE: Final = 0.45
"""More than enough to silence what would act without it: look-alikes make no noise."""

_TWINS: Final[dict[Validator, str]] = {
    VALIDATORS[name]: name
    for name in (
        "card", "maestro", "token", "ssn", "itin", "nino", "nhs", "dni", "nie", "steuer_id", "bsn", "pesel", "aadhaar", "sin", "cpf",
        "document", "record_number", "icd10", "npi", "dea", "routing", "account", "iban", "email", "phone",
        "jwt", "password", "aws_secret", "high_entropy", "track", "date", "codice_fiscale",
    )
}  # fmt: skip
"""Validators that waf/_finder_secrets.h lists, by their names there."""

FieldAt = Callable[[bytes, int], tuple[bytes | None, int]]

_LACKING: Final = -1.0
_MAX_LABELS: Final = 128
_MAX_TABLES: Final = 256
MOST_RETRIES: Final = 2_000
"""Second readings of grouped numbers in one text, and one more for each `RETRY_BYTES`: pages of groups are not dear, and a table of
cards with their dates takes one for each."""
RETRY_BYTES: Final = 16

LEAD_IN: Final = 128  # bytes of a match before its value, at most
_SEPARATORS: Final = b" -./()"


class Finder:
    """Finds the values of `entities`. Immutable; may be used from several threads."""

    def __init__(
        self,
        entities: Sequence[Entity],
        candidates: Candidates,
        lists: Mapping[str, ExactData],
        strict: bool = False,
    ) -> None:
        """`entities` may be fewer than those that were compiled; the rest is not looked at."""
        self.entities: Final = tuple(entities)
        self.lasting: Final = tuple(sorted({entity.beside for entity in entities if entity.beside}))
        """Entities beside which others are looked for, so that where they stood is remembered."""
        self._candidates = candidates
        self.candidates: Final = candidates.scan  # where `find` would have to look closer in a text
        self.look: Final = candidates.look
        own = {f"exact:{name}": data.confirm for name, data in lists.items()}
        wanted = {entity.id for entity in entities}
        self._forms = tuple(
            form_of(form.entity, form.pattern, form.led, own) if form.entity.id in wanted else None
            for form in candidates.forms
        )
        self._lists = lists
        self._strict = strict
        self._led = tuple(form for form in self._forms if form is not None and form.led)
        judges = speed.judge_type()
        self.judge = None if judges is None else judges(
            self._forms, Hit, Count, _say, QUIET, ELEMENTS, _TWINS, bank.LAYOUTS, contact.TLDS, strict
        )  # fmt: skip
        self._numbers = {id(form): number for number, form in enumerate(self._forms)}
        self._columns: dict[str, tuple[Form, ...]] = {}
        self._tables: dict[tuple[str, ...], tuple[tuple[int, tuple[int, ...]], ...] | None] = {}

    @classmethod
    def build(
        cls,
        entities: Sequence[Entity],
        store: PatternStore | None,
        lists: Mapping[str, ExactData] | None = None,
        sieved: bool = True,
        others: Others = (),
    ) -> Finder:
        """Raises ConfigError naming each pattern that Hyperscan refuses. `sieved` is for long texts, `others` for `look`."""
        return cls(entities, Candidates.build(entities, store, sieved, others), lists or {})

    def only(
        self, entities: Sequence[Entity], store: PatternStore | None = None, others: Others = ()
    ) -> Finder:
        """The same patterns, looking for some of the entities."""
        return Finder(entities, self._candidates.only(entities, store, others), self._lists, self._strict)

    def stricter(self) -> Finder:
        """The same, deaf to words that would say that a value is something else."""
        return Finder(self.entities, self._candidates, self._lists, strict=True)

    @property
    def program(self) -> bytes | None:
        """Lets texts pass in which there is nothing (see `prefilter.program`)."""
        return self._candidates.program

    def suspects(self, text: bytes) -> bool:
        """False: there is nothing in `text`. True: `find` has to look."""
        return self._candidates.has(text, self._forms)

    def find(
        self,
        text: bytes,
        floor: int = 0,
        ceiling: int | None = None,
        field_at: FieldAt | Columns | None = None,
        found: list[Candidate] | None = None,
    ) -> list[Hit]:
        """The values in `text`, in order and without overlaps; of two that overlap the surer, then the longer.

        Only those that end behind `floor` and begin before `ceiling` matter to the caller. `field_at` tells
        the name and the beginning of the field at a place, where the container knows them (a table's columns do). `found` are the
        `candidates` of this text, where they are known. Entities that must stand `beside` another are given
        whether they do or not.
        """
        if found is None:
            found = self._candidates.scan(text)
        if not found:
            return []
        if self.judge is not None:
            how = field_at.table if isinstance(field_at, Columns) else field_at
            return self.judge.find(text, floor, -1 if ceiling is None else max(ceiling, 0), how, found)
        if isinstance(field_at, Columns):
            field_at = field_at.field_at
        return self._find(text, floor, ceiling, field_at, found)

    def _find(
        self,
        text: bytes,
        floor: int,
        ceiling: int | None,
        field_at: FieldAt | None,
        found: Sequence[Candidate],
    ) -> list[Hit]:
        """The reference of `Judge.find` in waf/_finder.c."""
        hits = []
        before: dict[int, Surroundings] = {}
        low = floor - LEAD_IN
        high = len(text) if ceiling is None else ceiling
        forms = self._forms
        retries, most = 0, MOST_RETRIES + len(text) // RETRY_BYTES
        ends: set[int] = set()
        judged: set[tuple[int, int, int]] = set()
        walked: dict[int, tuple[int, int]] = {}
        led: dict[int, tuple[int, int]] = {}  # where the last value of each led form stands
        for candidate in found:
            place, number = candidate >> PLACE, candidate & FORM
            if place < low or place > high:
                continue
            form = forms[number]
            if form is None:
                continue
            if form.led:  # the engine tells of each place where a value may end, and one value is judged once
                first, last = led.get(number, (0, 0))
                if first < place <= last:
                    continue
            again = form.regroups and retries < most and not follows_group(text, place, ends)
            spans: Iterable[tuple[int, int]]
            if again or form.led or form.before is not None:
                spans = form_spans(form, text, place, again)
            else:
                match = form.shape.match(text, place)
                spans = (match.span(form.group),) if match is not None else ()
            for attempt, (start, end) in enumerate(spans):
                retries += attempt > 0
                if form.led and not attempt:
                    led[number] = start, end
                if end <= floor or (number, start, end) in judged:
                    continue
                judged.add((number, start, end))
                around = before.get(start)
                if around is None:
                    label, begin = field_at(text, start) if field_at is not None else (None, 0)
                    around = before[start] = Surroundings(text, start, label, begin)
                if form.numeric and continues(text, start, end, form.regroups, ends):
                    continue
                hit = _judge(form, text, start, end, around, self._strict, walked)
                if hit is not None:
                    hits.append(hit)
                    ends.add(end)
                    break
                if form.led and not attempt and _lacks(form, around):
                    break  # no word is nearer to what begins later in it
        return apart(hits) if len(hits) > 1 else hits

    def find_cells(
        self,
        text: bytes,
        start: int,
        end: int,
        columns: Sequence[str],
        separator: bytes,
        taken: Container[int] = (),
    ) -> list[Hit]:
        """Values that only the head of their column makes sensitive, in the whole lines of `text[start:end]`.

        Cells that begin at a place in `taken` are settled already.
        """
        wanted = [(number, forms) for number, name in enumerate(columns) if (forms := self._led_by(name))]
        if not wanted:
            return []
        hits: list[Hit] = []
        if b'"' not in text[start:end]:
            for number, forms in wanted:
                for cell in column(number, separator).finditer(text, start, end):
                    if cell.start(1) not in taken:
                        hits += _judge_cell(forms, text, *cell.span(1))
            return hits
        place = start
        while place < end:
            stop = text.find(b"\n", place, end)
            stop = end if stop < 0 else stop
            cells = cells_of(text, place, stop, separator)
            for number, forms in wanted:
                if number < len(cells):
                    low, high = cells[number]
                    if low in taken or low + 1 in taken:
                        continue
                    hits += _judge_cell(forms, text, low, high)
            place = stop + 1
        return hits

    def cells_led(self, columns: tuple[str, ...]) -> tuple[tuple[int, tuple[int, ...]], ...] | None:
        """What `Judge.screen` is told of the cells that `find_cells` looks at; None where it cannot do it."""
        if columns in self._tables:
            return self._tables[columns]
        wanted = [(number, forms) for number, name in enumerate(columns) if (forms := self._led_by(name))]
        told = None
        if not any(form.programs[0] is None for _, forms in wanted for form in forms):
            told = tuple(
                (number, tuple(self._numbers[id(form)] for form in forms)) for number, forms in wanted
            )
        if all(name in self._columns for name in columns):
            if len(self._tables) >= _MAX_TABLES:
                self._tables.clear()
            self._tables[columns] = told
        return told

    def _led_by(self, label: str) -> tuple[Form, ...]:
        """The led forms that a column's head speaks for."""
        known = self._columns.get(label)
        if known is None:
            name = plain_words(label.encode())
            known = tuple(
                form for form in self._led if _last(form.context, name) > max(_last(form.negative, name), 0)
            )
            if len(self._columns) < 4 * _MAX_LABELS:
                self._columns[label] = known
        return known


def _judge_cell(forms: Sequence[Form], text: bytes, low: int, high: int) -> list[Hit]:
    for form in forms:
        match = form.shape.search(text, low, high)
        if match is None:
            continue
        start, end = match.span(form.group)
        score = form.entity.confidence + CONTEXT
        if form.validate is not None:
            try:
                score = form.entity.confidence * form.validate(text[start:end]) + CONTEXT
            except (ValueError, IndexError, KeyError):
                continue
        if score > CONTEXT and score >= REPORT - 1e-9:
            test = _plain(text[start:end]) in form.entity.tests
            return [Hit(form.entity, start, end, min(score, 1.0), test)]
    return []


def _judge(
    form: Form,
    text: bytes,
    start: int,
    end: int,
    around: Surroundings,
    strict: bool,
    walked: dict[int, tuple[int, int]],
) -> Hit | None:
    """`walked` has the run that the last value without bounds of each form ended in: each is walked once, whatever begins in it."""
    entity = form.entity
    value = text[start:end]
    score = entity.confidence
    # What is cheaper goes first: a led value is mostly refused by its surroundings, any other by its validator.
    if form.led:
        score += _weigh(form, around)
        if score < REPORT - 1e-9:
            return None
    if form.validate is not None:
        try:
            factor = form.validate(value)
        except (ValueError, IndexError, KeyError):
            return None
        if factor <= 0:
            return None
        score -= entity.confidence * (1 - factor)
    if not form.led:
        weight = _weigh(form, around)
        score += 0.0 if strict and weight == -NEGATIVE else weight
    if score < REPORT - 1e-9:
        return None
    if form.endless is not None:
        first, last = walked.get(id(form), (0, -1))
        if not first <= end <= last:
            tail = form.endless.match(text, end)
            first, last = walked[id(form)] = (end, end) if tail is None else tail.span()
        end = last
    return Hit(entity, start, end, min(score, 1.0), _plain(value) in entity.tests)


def _lacks(form: Form, around: Surroundings) -> bool:
    """No word speaks for a led value, and it has no label that says anything."""
    return not (around.label and is_decisive(around.label)) and _weigh(form, around) == _LACKING


def _weigh(form: Form, around: Surroundings) -> float:
    """What the surroundings add to the score; far below zero where a led value lacks its context."""
    label = around.label
    if label and is_decisive(label):
        said = form.said.get(label)
        return _say(form, label) if said is None else said
    if form.entity.labelled:
        return _LACKING
    if form.denied is not None and form.denied.search(around.near):
        return -NEGATIVE
    if form.context is None or not (form.led or form.entity.confidence < ACT):
        return 0.0
    if form.context.search(around.near):
        return CONTEXT
    return _LACKING if form.led else 0.0


def _say(form: Form, label: bytes) -> float:
    """What a label says, remembered."""
    said = _said(form, label)
    if len(form.said) < _MAX_LABELS:
        form.said[label] = said
    return said


_words_of: Final = lru_cache(maxsize=16)(plain_words)
"""Several forms ask one behind the other what the same label says."""


def _said(form: Form, label: bytes) -> float:
    words = _words_of(label)
    said, denied = _last(form.context, words), _last(form.negative, words)
    if denied > said:
        return -NEGATIVE
    if said >= 0:
        return CONTEXT
    return _LACKING if form.led else 0.0


def _last(pattern: re.Pattern[bytes] | None, label: bytes) -> int:
    """Where the last match in `label` ends; -1 for none."""
    last = -1
    if pattern is not None:
        for match in pattern.finditer(label):
            last = match.end()
    return last


def _plain(value: bytes) -> bytes:
    return value.translate(None, _SEPARATORS).upper()
