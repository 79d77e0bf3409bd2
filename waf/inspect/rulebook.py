"""Rules of one direction, armed: whose pattern is whose, where each may look, who confirms a match.

Owns what a match means. Decides nothing: scoring is another room's.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from waf.config.shape import did_you_mean
from waf.errors import Problem
from waf.inspect.bodies.parsed import address
from waf.inspect.confirm import CONFIRMERS, Confirmer
from waf.inspect.decode import Text
from waf.inspect.matcher import Matcher, Pattern, PatternFault, TooManyMatches
from waf.inspect.notices import notice
from waf.inspect.rules import Place, Rule
from waf.inspect.search import Hit
from waf.inspect.views import FOLDS, LAYERS, chain_label
from waf.model import Confidence, Engine, Field, Finding, Mask, Part

_CONFIRMS: Final = 48  # calls of confirmers for any message, and one more for every 512 bytes
_EXCERPT: Final = 60  # bytes of a match that an excerpt shows, from its end
_AROUND: Final = 512  # bytes before and after a candidate in which a confirming pattern is looked for


class Outcome(enum.Enum):
    """What became of a match."""

    FOUND = "found"
    LEVEL = "above the level"
    PLACE = "not in this place"
    VIEW = "not in this view"
    TYPED = "the value is harmless by its learned type"
    REJECTED = "not confirmed"
    UNSEEN = "more candidates than are looked at"


class Candidate(msgspec.Struct, frozen=True):
    """One match and what became of it."""

    rule: Rule
    field: Field
    text: Text
    span: tuple[int, int]
    outcome: Outcome
    confidence: Confidence


class Armed(msgspec.Struct, frozen=True):
    """A rule ready to judge its matches."""

    rule: Rule
    places: dict[Part, tuple[Place, ...]]  # those of each part
    confirm: Confirmer | None
    other_views: int  # the bits of views in which it does not look

    def covers(self, field: Field) -> bool:
        places = self.places.get(field.part)
        return places is not None and any(place.covers(field.part, field.name) for place in places)


def nothing_typed(field: Field) -> bool:
    return False


class Rulebook:
    """The rules of one direction and whose pattern is whose; immutable."""

    __slots__ = ("armed", "mask", "owners", "parts", "patterns")

    def __init__(self, armed: Sequence[Armed], mask: Mask) -> None:
        self.armed: Final = tuple(armed)
        self.mask: Final = mask
        self.owners: Final = [rule for rule in self.armed for _ in rule.rule.patterns]
        self.patterns: Final = [
            Pattern(expression.encode(), case=rule.rule.case)
            for rule in self.armed
            for expression in rule.rule.patterns
        ]
        self.parts: Final = frozenset(part for rule in self.armed for part in rule.places)

    def judge(
        self,
        hits: Sequence[Hit],
        fields: Sequence[Field],
        matcher: Matcher | None,
        level: int,
        typed: Callable[[Field], bool] = nothing_typed,
        covers: Callable[[Armed, Field], bool] = Armed.covers,
    ) -> Iterator[Candidate]:
        """What becomes of each hit; of one rule at one field nothing more after it is found."""
        done: set[tuple[int, int]] = set()
        asked: dict[tuple[int, int, tuple[int, int]], Confidence | None] = {}
        calls = _CONFIRMS + sum(len(field.value) for field in fields) // 512
        for hit in hits:
            text, index = hit.text, hit.match[0]
            armed = self.owners[index]
            rule, field = armed.rule, fields[text.owner]
            key = (id(rule), text.owner)
            if key in done:
                continue
            span = (hit.match[1], hit.match[1])
            confidence: Confidence | None = rule.confidence
            if rule.level > level:
                outcome = Outcome.LEVEL
            elif text.mask & armed.other_views:
                outcome = Outcome.VIEW
            elif not covers(armed, field):
                outcome = Outcome.PLACE
            elif typed(field):
                outcome = Outcome.TYPED
            else:
                assert matcher is not None  # it made the hits
                span = (matcher.start_of(text.data, hit.match), hit.match[1])
                outcome = Outcome.FOUND
                if armed.confirm is not None:
                    question = (id(armed.confirm), id(text), span)
                    if question not in asked:
                        if calls <= 0:
                            yield Candidate(rule, field, text, span, Outcome.UNSEEN, rule.confidence)
                            continue
                        calls -= 1
                        asked[question] = armed.confirm(text.data, span)
                    confidence = asked[question]
                    if confidence is None:
                        outcome = Outcome.REJECTED
            if outcome is Outcome.FOUND:
                done.add(key)
            yield Candidate(
                rule, field, text, span, outcome, rule.confidence if confidence is None else confidence
            )

    def scan(self, field: Field, matcher: Matcher, level: int) -> list[Finding]:
        """What the rules find in one field as it is."""
        findings = []
        try:
            matches = matcher.scan(field.value)
        except TooManyMatches as error:
            matches = error.found
            findings.append(notice("limit.matches", address(field.part, field.name, self.mask)))
        text = Text(0, field.value)
        hits = [Hit(text, match) for match in matches]
        for candidate in self.judge(hits, [field], matcher, level):
            if candidate.outcome is Outcome.FOUND:
                findings.append(self.finding(candidate))
        return findings

    def finding(self, candidate: Candidate) -> Finding:
        rule, field, data = candidate.rule, candidate.field, candidate.text.data
        start, end = candidate.span
        start = max(start if end - start <= _EXCERPT else end - _EXCERPT, 0)
        return Finding(
            rule=rule.id,
            kind=rule.kind,
            engine=Engine.SIGNATURE,
            severity=rule.severity,
            confidence=candidate.confidence,
            address=address(field.part, field.name, self.mask),
            excerpt=self.mask(data[max(start - 20, 0) : end + 20]),
            views=chain_label(candidate.text.chain),
            detail=rule.title,
            tags=rule.labels,
        )


def arm(rule: Rule, problems: list[Problem]) -> Armed:
    places: dict[Part, tuple[Place, ...]] = {}
    for place in rule.where:
        places[place.part] = (*places.get(place.part, ()), place)
    confirm: Confirmer | None = None
    if rule.confirm:
        confirm = CONFIRMERS.get(rule.confirm)
        if confirm is None:
            mend = did_you_mean(rule.confirm, CONFIRMERS) or "one of " + ", ".join(sorted(CONFIRMERS))
            message = f'there is no confirmer "{rule.confirm}"'
            problems.append(Problem(rule.file, rule.line, f"{rule.id}.confirm", message, mend))
    elif rule.confirm_pattern:
        confirm = _pattern_confirmer(rule)
    return Armed(rule, places, confirm, int((LAYERS | FOLDS) & ~rule.views))


def _pattern_confirmer(rule: Rule) -> Confirmer:
    flags = re.S | re.M | (0 if rule.case else re.I)
    search = re.compile(rule.confirm_pattern.encode(), flags).search

    def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
        return rule.confidence if search(value, max(0, span[0] - _AROUND), span[1] + _AROUND) else None

    return confirm


def doubled_ids(rules: Sequence[Rule]) -> list[Problem]:
    """Ids must be unique among all files."""
    first: dict[str, Rule] = {}
    problems = []
    for rule in rules:
        known = first.setdefault(rule.id, rule)
        if known is not rule:
            message = f"the id is taken, first at {known.file}:{known.line}"
            problems.append(Problem(rule.file, rule.line, rule.id, message))
    return problems


def pattern_problems(fault: PatternFault, book: Rulebook) -> list[Problem]:
    problems = []
    for index, reason in fault.faults:
        rule = book.owners[index].rule if index >= 0 else book.armed[0].rule
        place = f"{rule.id}.pattern" if index >= 0 else ""
        problems.append(Problem(rule.file, rule.line, place, f"does not compile: {reason}"))
    return problems
