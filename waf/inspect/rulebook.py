"""Rules of one direction, armed: whose pattern is whose, where each may look, who confirms a match.

Owns what a match means. Decides nothing: scoring is another room's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

import msgspec

from waf.config.shape import did_you_mean
from waf.errors import Problem
from waf.inspect.bodies.parsed import address
from waf.inspect.confirm import CONFIRMERS, OF_DOCUMENT, OF_VALUE, Confirmer
from waf.inspect.decode import Text
from waf.inspect.edges import LEADING
from waf.inspect.effort import Effort
from waf.inspect.hits import Hit
from waf.inspect.matcher import Matcher, Pattern, PatternFault, TooManyMatches, thinned
from waf.inspect.notices import notice
from waf.inspect.questions import Armed, Outcome, Questions, Scope
from waf.inspect.rules import Place, Rule
from waf.inspect.views import FOLDS, LAYERS, chain_label
from waf.model import HEAD_PARTS, Confidence, Engine, Field, Finding, Mask, Part

_FINDINGS: Final = 32  # of one message; what lies beyond is not looked at, and that is told
_UNSEEN: Final = 3  # candidates that nobody could be asked about which are given, of a message
_EXCERPT: Final = 60  # bytes of a match that an excerpt shows, from its end
_AROUND: Final = LEADING  # bytes before and after a candidate in which a confirming pattern is looked for


class Candidate(msgspec.Struct, frozen=True):
    """One match and what became of it."""

    rule: Rule
    field: Field
    text: Text
    span: tuple[int, int]
    outcome: Outcome
    confidence: Confidence


def nothing_typed(field: Field) -> bool:
    return False


def _excluded(
    armed: Armed,
    field: Field,
    level: int,
    typed: Callable[[Field], bool],
    looks: bool,
) -> Outcome | None:
    """Why a rule does not count at a field, whatever was found there."""
    if armed.rule.level > level:
        return Outcome.LEVEL
    if not looks:
        return Outcome.PLACE
    return Outcome.TYPED if typed(field) else None


def _candidate(armed: Armed, field: Field, hit: Hit, outcome: Outcome) -> Candidate:
    """A match that nobody was asked about."""
    end = hit.match[1]
    return Candidate(armed.rule, field, hit.text, (end, end), outcome, armed.rule.confidence)


class Rulebook:
    """The rules of one direction and whose pattern is whose; immutable."""

    __slots__ = ("armed", "families", "levels", "mask", "owners", "parts", "patterns")

    def __init__(self, armed: Sequence[Armed], mask: Mask) -> None:
        self.armed: Final = tuple(armed)
        self.mask: Final = mask
        self.owners: Final = [rule for rule in self.armed for _ in rule.rule.patterns]
        self.levels: Final = bytes([rule.rule.level for rule in self.owners])
        self.families: Final = [number for number, rule in enumerate(self.armed) for _ in rule.rule.patterns]
        self.patterns: Final = [
            Pattern(
                expression.encode(),
                case=rule.rule.case,
                leads=_leads(rule.rule),
                head=HEAD_PARTS.issuperset(rule.places),
            )
            for rule in self.armed
            for expression in rule.rule.patterns
        ]
        self.parts: Final = frozenset(part for rule in self.armed for part in rule.places)

    def judge(
        self,
        groups: Collection[list[Hit]],
        fields: Sequence[Field],
        matcher: Matcher | None,
        level: int,
        typed: Callable[[Field], bool] = nothing_typed,
        covers: Callable[[Armed, Field], bool] = Armed.covers,
        questions: Questions | None = None,
    ) -> Iterator[Candidate]:
        """What becomes of the hits, those of one rule at one field in each group: nothing more after it is found.

        `questions` are those of the same message, or of a text that comes in pieces.
        """
        if questions is None:
            questions = Questions(matcher, Effort(sum(len(field.value) for field in fields)))
        questions.share(len(groups))
        findings = unseen = 0
        covered: dict[
            tuple[int, Part, str], bool
        ] = {}  # whether a rule looks there, of all values with one name
        for group in groups:
            armed = self.owners[group[0].match[0]]
            if unseen >= _UNSEEN and armed.confirm is not None and questions.spent:
                continue
            field = fields[group[0].text.owner]
            place = (id(armed), field.part, field.name)
            looks = covered.get(place)
            if looks is None:
                looks = covered[place] = covers(armed, field)
            if (outcome := _excluded(armed, field, level, typed, looks)) is None:
                visible = [hit for hit in group if not hit.text.mask & armed.other_views]
                outcome = None if visible else Outcome.VIEW
            if outcome is not None:
                yield _candidate(armed, field, group[0], outcome)
                continue
            if findings >= _FINDINGS:
                # Tuning may lift all that was found, but then not what hides behind it.
                yield _candidate(armed, field, visible[0], Outcome.UNSEEN)
                break
            if not visible[0].sure:
                unsure = visible[0]
                visible = questions.certain(self.owners, armed, visible)
                if not visible:
                    yield _candidate(armed, field, unsure, Outcome.REJECTED)
                    continue
            chosen, complete = questions.chosen(armed, visible)
            found = False
            for question, hit in chosen:
                outcome, span, confidence = questions.ask(armed, question, hit)
                yield Candidate(armed.rule, field, hit.text, span, outcome, confidence)
                found = outcome is Outcome.FOUND
                findings += found
                unseen += outcome is Outcome.UNSEEN
                if found or outcome is Outcome.UNSEEN:
                    break
            if not complete and not found:
                yield _candidate(armed, field, visible[-1], Outcome.UNSEEN)

    def scan_each(
        self, fields: Sequence[Field], matcher: Matcher, level: int, effort: Effort
    ) -> list[Finding]:
        """What the rules find in fields of one message as they are; questions are paid from `effort`."""
        questions = Questions(matcher, effort)
        return [found for field in fields for found in self.scan(field, matcher, level, questions)]

    def scan(self, field: Field, matcher: Matcher, level: int, questions: Questions) -> list[Finding]:
        """What the rules find in one field as it is; `questions` are those of the same message."""
        findings = []
        try:
            matches = matcher.scan(field.value)
        except TooManyMatches as error:
            matches = error.found
            findings.append(notice("limit.matches", address(field.part, field.name, self.mask)))
        text = Text(0, field.value)
        groups: dict[int, list[Hit]] = {}
        for match in thinned(matches):
            groups.setdefault(self.families[match[0]], []).append(Hit(text, match))
        unseen = False
        for candidate in self.judge(groups.values(), [field], matcher, level, questions=questions):
            if candidate.outcome is Outcome.FOUND:
                findings.append(self.finding(candidate))
            unseen |= candidate.outcome is Outcome.UNSEEN
        if unseen:
            findings.append(notice("limit.candidates", address(field.part, field.name, self.mask)))
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
    places = _by_part(rule.where)
    confirm: Confirmer | None = None
    if rule.confirm:
        confirm = CONFIRMERS.get(rule.confirm)
        if confirm is None:
            mend = did_you_mean(rule.confirm, CONFIRMERS) or "one of " + ", ".join(sorted(CONFIRMERS))
            message = f'there is no confirmer "{rule.confirm}"'
            problems.append(Problem(rule.file, rule.line, f"{rule.id}.confirm", message, mend))
    elif rule.confirm_pattern:
        confirm = _pattern_confirmer(rule)
    scope = Scope.VALUE if rule.confirm in OF_VALUE else Scope.NEAR
    scope = Scope.DOCUMENT if rule.confirm in OF_DOCUMENT else scope
    whole = tuple(any(not place.name for place in places.get(part, ())) for part in Part)
    other_views = int((LAYERS | FOLDS) & ~rule.views)
    return Armed(rule, places, whole, confirm, scope, other_views, _by_part(rule.without))


def _by_part(places: Sequence[Place]) -> dict[Part, tuple[Place, ...]]:
    parts: dict[Part, tuple[Place, ...]] = {}
    for place in places:
        parts[place.part] = (*parts.get(place.part, ()), place)
    return parts


def _leads(rule: Rule) -> bool:
    """Whether what confirms it begins where the value does: a match further behind than is looked at with it cannot be confirmed."""
    return rule.confirm_pattern.startswith(r"\A") and "|" not in _outermost(rule.confirm_pattern)


def _outermost(expression: str) -> str:
    """The expression without its groups and classes."""
    left = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "", expression)
    found = 1
    while found:
        left, found = re.subn(r"\([^()]*\)", "", left)
    return left


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
