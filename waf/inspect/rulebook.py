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
from waf.inspect.confirm import CONFIRMERS, OF_DOCUMENT, OF_VALUE, READS_DOCUMENTS, Confirmer
from waf.inspect.confirm.shape import is_document
from waf.inspect.decode import MAX_TEXTS, Text
from waf.inspect.matcher import Match, Matcher, Pattern, PatternFault, TooManyMatches, thinned
from waf.inspect.notices import notice
from waf.inspect.rules import Place, Rule
from waf.inspect.search import COUNTED, Hit
from waf.inspect.views import FOLDS, LAYERS, chain_label
from waf.model import Confidence, Engine, Field, Finding, Mask, Part

# What questions may cost, in units of some 5 µs: so much for any message, and …
_EFFORT: Final = 600
_PER_UNIT: Final = 70  # … one unit more for so many bytes of it
_FINDINGS: Final = 32  # of one message; what lies beyond is not looked at, and that is told
_UNSEEN: Final = 3  # candidates that nobody could be asked about which are given, of a message
_GLANCE: Final = 1  # what it costs to see that a document is none of a confirmer's business
_OPENING: Final = (
    8  # to read how a document begins; and one more for 8 KB, or for one where its middle is read
)
_LOOK: Final = 6  # to find where a match begins, and to judge what is around it; and one more for …
_PER_LOOK: Final = 128  # bytes
_DEARER: Final = {"html": 24, "js": 24, "shell": 20, "template": 64, "code": 64, "path": 64}
"""For so many bytes one more where every tag is read, every place where a command may begin, every call around a match."""
_READ: Final = 3  # to read a whole value; and one more for 40 bytes
_WINDOW: Final = 2048  # bytes of which a confirmer reads no more
_USUAL: Final = 36  # of a question about a long text: by it the budget is shared out
_LEAST: Final = 6  # questions that every rule may ask at every field while there is budget
_EXCERPT: Final = 60  # bytes of a match that an excerpt shows, from its end
_NEAR: Final = (
    160  # bytes on each side of a match's end within which two matches must be alike to be one question
)
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


class Scope(enum.Enum):
    """On what the answer of a confirmer depends."""

    NEAR = enum.auto()  # on what surrounds the match
    DOCUMENT = enum.auto()  # in documents on the value alone
    VALUE = enum.auto()  # on the value alone


class Armed(msgspec.Struct, frozen=True):
    """A rule ready to judge its matches."""

    rule: Rule
    places: dict[Part, tuple[Place, ...]]  # those of each part
    whole: tuple[bool, ...]  # for each part whether every field of it counts
    confirm: Confirmer | None
    scope: Scope
    other_views: int  # the bits of views in which it does not look

    def covers(self, field: Field) -> bool:
        part = field.part
        if self.whole[part]:
            return True
        places = self.places.get(part)
        return places is not None and any(place.covers(part, field.name) for place in places)


def nothing_typed(field: Field) -> bool:
    return False


Question = tuple[int, int, bytes]
"""Who is asked, and all of the text that the answer depends on."""

Answer = tuple[Outcome, tuple[int, int], Confidence]


class Questions:
    """Asks confirmers about matches, within a bound, and no question twice.

    The same match in the same surroundings gets the same answer: views of one value repeat most of it, and so do
    values made to keep us busy. A question about a long text costs more of the budget than one about a short.
    """

    __slots__ = ("_alone", "_answers", "_budget", "_documents", "_matcher", "_share")

    def __init__(self, matcher: Matcher | None) -> None:
        self._matcher = matcher
        self._alone: dict[bytes, list[Match]] = {}
        self._budget = 0
        self._share = _LEAST
        self.allow(_EFFORT * _PER_UNIT)
        self._answers: dict[Question, tuple[int, Confidence | None]] = {}
        self._documents: dict[bytes, bool] = {}

    def allow(self, length: int, groups: int = 1) -> None:
        """Takes so many more bytes of text into the budget, which is shared among so many pairs of rule and value."""
        self._budget += length // _PER_UNIT
        self._share = max(self._budget // _USUAL // max(groups, 1), _LEAST)

    @property
    def spent(self) -> bool:
        return self._budget <= 0

    def chosen(self, armed: Armed, hits: Sequence[Hit]) -> tuple[list[tuple[Question, Hit]], bool]:
        """Of one rule's hits in one value those to ask about, each but once, and whether that is all of them.

        Where they are too many: the first, the last, and as many between them as fit, evenly spread.
        """
        if len(hits) == 1:
            return [(self._question(armed, hits[0]), hits[0])], True
        different = self._different(armed, hits)
        share = max(self._share, MAX_TEXTS) if self._short(armed, different[0][1]) else self._share
        if len(different) <= share:
            return different, True
        last, steps = len(different) - 1, share - 1
        return [different[number * last // steps] for number in range(share)], False

    def certain(self, owners: Sequence[Armed], armed: Armed, hits: Sequence[Hit]) -> list[Hit]:
        """One rule's hits in one value, those that begin within it.

        Among joined texts a match may have begun in the text before, and stand where another was left out as too close
        behind it: so each text with more than one is searched by itself.
        """
        matcher = self._matcher
        assert matcher is not None  # it made the hits
        if len(hits) == 1 and matcher.fits(hits[0].text.data, hits[0].match):
            return [Hit(hits[0].text, hits[0].match)]
        sure: list[Hit] = []
        for text in {id(hit.text): hit.text for hit in hits}.values():
            found = self._alone.get(text.data)
            if found is None:
                try:
                    found = matcher.scan(text.data)
                except TooManyMatches as error:
                    found = error.found
                self._alone[text.data] = found = thinned(found)
            sure += [Hit(text, match) for match in found if owners[match[0]] is armed]
        return sure

    def _short(self, armed: Armed, hit: Hit) -> bool:
        """Whether it is answered at once: most is looked for in no document, or only at its beginning."""
        return armed.scope is not Scope.NEAR and self._is_document(hit.text.data)

    def ask(self, armed: Armed, question: Question, hit: Hit) -> Answer:
        rule, data, end = armed.rule, hit.text.data, hit.match[1]
        matcher = self._matcher
        assert matcher is not None  # it made the match
        answer = self._answers.get(question)
        if answer is not None and answer[1] is None:
            return Outcome.REJECTED, (end - answer[0], end), rule.confidence
        if armed.confirm is None:
            return Outcome.FOUND, (matcher.start_of(data, hit.match), end), rule.confidence
        if answer is None:
            if self._budget <= 0:
                return Outcome.UNSEEN, (end, end), rule.confidence
            short = self._short(armed, hit)
            self._budget -= _cost(armed, len(data), short)
            # Where a match starts takes several scans to find, and not all confirmers want to know.
            start = end if short or armed.scope is Scope.VALUE else matcher.start_of(data, hit.match)
            answer = self._answers[question] = (end - start, armed.confirm(data, (start, end)))
        length, confidence = answer
        if confidence is not None and not length:
            length = end - matcher.start_of(data, hit.match)
        if confidence is None:
            return Outcome.REJECTED, (end - length, end), rule.confidence
        return Outcome.FOUND, (end - length, end), confidence

    def _question(self, armed: Armed, hit: Hit) -> Question:
        return self._different(armed, [hit])[0][0]

    def _different(self, armed: Armed, hits: Sequence[Hit]) -> list[tuple[Question, Hit]]:
        """The questions about the hits, each but once with the first hit that asks it."""
        who = id(armed.confirm)
        asked: dict[Question, Hit] = {}
        text: Text | None = None
        data, size, whole = b"", 0, False
        for hit in hits:
            if hit.text is not text:
                text = hit.text
                data = text.data
                size = len(data) // _NEAR
                whole = armed.scope is Scope.VALUE or (
                    armed.scope is Scope.DOCUMENT and self._is_document(data)
                )
                if whole:  # all that were found in one text are one question
                    asked.setdefault((who, -1, data), hit)
            if not whole:
                end = hit.match[1]
                asked.setdefault((who, size, data[max(end - _NEAR, 0) : end + _NEAR]), hit)
        return list(asked.items())

    def _is_document(self, data: bytes) -> bool:
        known = self._documents.get(data)
        if known is None:
            known = self._documents[data] = is_document(data)
        return known


def _cost(armed: Armed, size: int, short: bool) -> int:
    """What a question about a text of so many bytes takes of the budget; `short`: of a document as a whole."""
    confirm = armed.rule.confirm
    if short and confirm not in READS_DOCUMENTS:
        return _GLANCE
    if short:
        return _OPENING + size // (1024 if confirm == "template" else 8192)
    if armed.scope is Scope.VALUE:
        return _READ + min(size, _WINDOW) // 40
    return _LOOK + min(size, _WINDOW) // _DEARER.get(confirm, _PER_LOOK)


def _excluded(
    armed: Armed,
    field: Field,
    level: int,
    typed: Callable[[Field], bool],
    covers: Callable[[Armed, Field], bool],
) -> Outcome | None:
    """Why a rule does not count at a field, whatever was found there."""
    if armed.rule.level > level:
        return Outcome.LEVEL
    if not covers(armed, field):
        return Outcome.PLACE
    return Outcome.TYPED if typed(field) else None


def _candidate(armed: Armed, field: Field, hit: Hit, outcome: Outcome) -> Candidate:
    """A match that nobody was asked about."""
    end = hit.match[1]
    return Candidate(armed.rule, field, hit.text, (end, end), outcome, armed.rule.confidence)


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
        questions: Questions | None = None,
    ) -> Iterator[Candidate]:
        """What becomes of the hits: of one rule at one field nothing more after it is found.

        `questions` are those of a text that comes in pieces.
        """
        groups: dict[tuple[int, int], list[Hit]] = {}
        for hit in hits:
            groups.setdefault((id(self.owners[hit.match[0]]), hit.text.owner), []).append(hit)
        if questions is None:
            questions = Questions(matcher)
            length = sum(len(field.value) for field in fields)
            questions.allow(min(length, COUNTED), len(groups))
        findings = unseen = 0
        for group in groups.values():
            armed = self.owners[group[0].match[0]]
            if unseen >= _UNSEEN and armed.confirm is not None and questions.spent:
                continue
            field = fields[group[0].text.owner]
            if (outcome := _excluded(armed, field, level, typed, covers)) is None:
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

    def scan(self, field: Field, matcher: Matcher, level: int) -> list[Finding]:
        """What the rules find in one field as it is."""
        findings = []
        try:
            matches = matcher.scan(field.value)
        except TooManyMatches as error:
            matches = error.found
            findings.append(notice("limit.matches", address(field.part, field.name, self.mask)))
        text = Text(0, field.value)
        hits = [Hit(text, match) for match in thinned(matches)]
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
    scope = Scope.VALUE if rule.confirm in OF_VALUE else Scope.NEAR
    scope = Scope.DOCUMENT if rule.confirm in OF_DOCUMENT else scope
    whole = tuple(any(not place.name for place in places.get(part, ())) for part in Part)
    return Armed(rule, places, whole, confirm, scope, int((LAYERS | FOLDS) & ~rule.views))


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
