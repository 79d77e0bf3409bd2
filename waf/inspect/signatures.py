"""Rules against messages: what a reading, an upload or a response has in it that a rule describes.

Owns what a match means: where a rule may look, which views count, who confirms. Decides nothing: each finding that
holds is given, scoring is another room's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from waf.config.schema import Limits
from waf.errors import ConfigError, Problem
from waf.http1 import speed
from waf.http1.memo import Memo
from waf.inspect import copies
from waf.inspect.bodies.parsed import BodyKind, Notes, Sheet
from waf.inspect.clean_lines import CleanLines
from waf.inspect.confirm import guarded
from waf.inspect.databases import occurring
from waf.inspect.decode import Text
from waf.inspect.effort import Effort
from waf.inspect.fields import header_fields
from waf.inspect.glance import glance, proved
from waf.inspect.hits import Result, Scan, ends_of, ends_up_to, steps_of
from waf.inspect.joining import BETWEEN
from waf.inspect.matcher import Matcher, PatternFault
from waf.inspect.questions import Armed, Outcome, Questions, Scope
from waf.inspect.reading import Reading
from waf.inspect.rulebook import (
    Candidate,
    Rulebook,
    arm,
    doubled_ids,
    nothing_typed,
    pattern_problems,
)
from waf.inspect.rules import Rule
from waf.inspect.search import Searcher
from waf.inspect.streams import BodyScan, StreamScan, UploadScan, readable, scan_response_head
from waf.inspect.suspicion import note_layers
from waf.inspect.thinning import excerpts, without_echoes
from waf.model import Field, Finding, HeaderLine, Mask, Part, PatternStore, Request, Response
from waf.prefilter.program import build as proving

if TYPE_CHECKING:
    from waf._speed import Values

_SHOWN: Final = 256  # matches that are looked at where they are too many
_NAMED: Final = 3  # fields that a finding of a limit is made for
_FILE: Final = Part.FILE
_ANSWER: Final = Field(Part.RESPONSE, "", b"")
_LONG_TEXT: Final = 4096  # bytes from which on many candidates in one text are nothing special


class Explanation(msgspec.Struct, frozen=True):
    """How a request was looked at: fields, all their decoded texts, all candidates, findings.

    `searched` are the fields that texts are decoded from; the owner of a text is an index into them.
    """

    fields: tuple[Field, ...]
    searched: tuple[Field, ...]
    decoded: tuple[Text, ...]
    candidates: tuple[Candidate, ...]
    findings: tuple[Finding, ...]


class Signatures:
    """All rules, compiled; immutable but for what it remembers of header lines that were clean."""

    def __init__(
        self,
        requests: Rulebook,
        searcher: Searcher,
        files: Rulebook,
        file_matcher: Matcher | None,
        responses: Rulebook,
        response_matcher: Matcher | None,
        response_program: bytes | None = None,
    ) -> None:
        self._requests: Final = requests
        self.searcher: Final = searcher
        self._files: Final = files
        self._file_matcher: Final = file_matcher
        self._responses: Final = responses
        self._response_matcher: Final = response_matcher
        self._response_program: Final = response_program
        self.answer_expressions: Final = occurring(responses.patterns)  # as `answers.answer_expressions`
        self._clean: Final[dict[int, CleanLines]] = {level: CleanLines() for level in range(1, 5)}
        self._looks_at_method: Final = Part.METHOD in requests.parts
        self._clean_methods: Final[set[bytes]] = set() if self._looks_at_method else set(speed.METHODS)
        parts = responses.parts
        self._looks_at_answers: Final = Part.RESPONSE in parts
        self._looks_at_answer_heads: Final = Part.STATUS in parts or Part.RESPONSE_HEADER in parts
        self._clean_values: Final = speed.values()
        self._clean_answers: Final[dict[int, CleanLines]] = {level: CleanLines() for level in range(1, 5)}
        self._readable: Final = Memo(readable, capacity=256, longest=128)

    @classmethod
    def build(cls, rules: Sequence[Rule], store: PatternStore, mask: Mask, highest: int = 4) -> Signatures:
        """Compiles the rules of levels up to `highest` (or loads what was compiled before: milliseconds).

        Raises ConfigError with every rule that cannot be used, each at its file and line.
        """
        rules = [rule for rule in rules if rule.level <= highest]
        problems: list[Problem] = []
        armed = [arm(rule, problems) for rule in rules]
        problems += doubled_ids(rules)
        requests = Rulebook(
            [one for one in armed if not one.rule.response and {*one.places} != {_FILE}], mask
        )
        files = Rulebook([one for one in armed if _FILE in one.places], mask)
        responses = Rulebook([one for one in armed if one.rule.response], mask)

        def matcher(book: Rulebook) -> Matcher | None:
            return Matcher.build(book.patterns, store, streaming=True) if book.patterns else None

        guarded.prepare(store)
        searcher = None
        matchers: list[Matcher | None] = []
        try:
            searcher = Searcher.build(
                requests.patterns,
                store,
                [int(one.rule.views) for one in requests.owners],
                [one.scope is Scope.VALUE for one in requests.owners],
                requests.families,
            )
        except PatternFault as fault:
            problems += pattern_problems(fault, requests)
        for book in (files, responses):
            try:
                matchers.append(matcher(book))
            except PatternFault as fault:
                problems += pattern_problems(fault, book)
        if problems or searcher is None:
            raise ConfigError(list(dict.fromkeys(problems)))  # a rule may be in two books
        answers = proving([one.expression for one in responses.patterns], store)
        return cls(requests, searcher, files, matchers[0], responses, matchers[1], answers)

    @property
    def size(self) -> int:
        """Bytes of all compiled patterns."""
        matchers = (self._file_matcher, self._response_matcher)
        return self.searcher.size + sum(matcher.size for matcher in matchers if matcher is not None)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in force."""
        books = (self._requests, self._files, self._responses)
        return tuple({one.rule.id: one.rule for book in books for one in book.armed}.values())

    def check(
        self,
        reading: Reading,
        level: int,
        typed: Callable[[Field], bool] = nothing_typed,
        head_clear: bool = False,
        body_clear: bool = False,
    ) -> list[Finding]:
        """What the rules of levels up to `level` find in a request, but in fields that `typed` says are harmless.

        `head_clear`: it is known that there is nothing in the head (see `screened`), `body_clear` the same of the body. Notes on suspicious encodings and
        on limits go to `reading.findings`.
        """
        clean = self._clean[level]
        findings: list[Finding] = []
        effort = reading.effort
        values: list[Field] = []  # of the body, where they are made already
        bodiless = body_clear or reading.body_kind is BodyKind.NONE
        sheet = None if bodiless else reading.body_sheet()
        if not bodiless and sheet is None:
            values = self._values(reading, level, findings, effort)
            bodiless, sheet = proved(self.searcher, values)
        # Apart from the head: what characters one of them has costs nothing in the other.
        suspect = sheet is not None and self._suspects(sheet, level, reading.notes)
        if bodiless or (sheet is not None and not suspect):
            if head_clear:
                return findings
            known = self._clean_values
            quick = None if known is None else reading.head_text(clean.lines, known, self.searcher.program)
            if quick is not None:
                text, nothing_new, fresh = quick
                method = reading.request.method
                if method not in self._clean_methods:
                    text += BETWEEN + method
                if not text or not self.searcher.scan(text):
                    self._clean_methods.add(method)  # one of the few that the parser lets through
                    if fresh and known is not None:
                        known.add(fresh)
                        if not nothing_new:
                            clean.add(clean.unknown(reading.request.headers.lines))
                    return findings
        lines = clean.unknown(reading.request.headers.lines)
        fields = reading.target + reading.cookies
        effort.read(len(fields))  # not those of header lines, which may be remembered
        fields += header_fields(lines)
        if self._looks_at_method:
            fields.append(Field(Part.METHOD, "", reading.request.method))
        if suspect or not (bodiless or sheet is not None):
            fields += values or self._values(reading, level, findings, effort)
        before = len(reading.findings)
        looked, scan = copies.look(self.searcher, fields, reading.length, effort, reading.notes)
        if not scan:
            clean.add(lines)
            return findings
        effort.first_look(0, max(sum([len(field.value) for field in looked]) - reading.length, 0))
        found = self._findings(looked, scan, level, reading.notes, typed, effort)
        if not found and len(reading.findings) == before:
            clean.add(lines)
        return findings + found

    def screened(self, level: int) -> tuple[set[HeaderLine], set[bytes], Values, bytes | None] | None:
        """What `Heads.clear` is told of rules up to the level: lines, methods and values known to be clean, and what
        proves others to be; None without the accelerator.
        """
        values = self._clean_values
        if values is None:
            return None
        return self._clean[level].lines, self._clean_methods, values, self.searcher.program

    def examine(
        self, fields: Sequence[Field], level: int, notes: Notes, effort: Effort | None = None
    ) -> list[Finding]:
        """What the rules find in single fields of a request, which is paid from `effort`; without one they are all of it."""
        scan = self.searcher.scan_all([field.value for field in fields], copies.heads_of(fields))
        effort = Effort(sum([len(field.value) for field in fields])) if effort is None else effort
        return self._findings(fields, scan, level, notes, nothing_typed, effort)

    def explain(self, reading: Reading, level: int) -> Explanation:
        """The same as `check`, with everything that was looked at on the way."""
        findings: list[Finding] = []
        effort = reading.effort
        every = [*reading.head, *self._values(reading, level, findings, effort)]
        fields, scan = copies.look(self.searcher, every, reading.length, effort, reading.notes)
        result, candidates = self._examine(fields, scan, level, reading.notes, nothing_typed, effort)
        findings += [self._requests.finding(one) for one in candidates if one.outcome is Outcome.FOUND]
        shown, told = (*reading.head, *reading.body_fields()), tuple(without_echoes(findings))
        return Explanation(shown, tuple(fields), tuple(result.decoded), tuple(candidates), told)

    def request_stream(self, request: Request, level: int, limits: Limits | None = None) -> BodyScan:
        """A scan of a request's body that is too long to be held; its head was checked by `check`."""
        notes = Notes(limits or Limits(), self._requests.mask)
        effort = Effort(0)
        return UploadScan(
            request,
            notes,
            effort,
            examine=lambda fields: self.examine(fields, level, notes, effort),
            file_scan=lambda name: self.file_stream(name, level, effort),
        )

    def response_stream(self, request: Request, response: Response, level: int) -> BodyScan | None:
        """A scan of a response for leaks; None where no rule looks at such a response."""
        book, matcher = self._responses, self._response_matcher
        if matcher is None:
            return None
        findings = self._response_head(matcher, response, level)
        if not findings and not self.searches(response):
            return None
        return StreamScan(book, matcher, _ANSWER, level, findings)

    def response_whole(
        self, response: Response, body: bytes, level: int, bare: bool = False
    ) -> list[Finding]:
        """What `response_stream` would find in a whole body; `bare`: none of `answer_expressions` matches in it."""
        matcher = self._response_matcher
        if matcher is None:
            return []
        findings = self._response_head(matcher, response, level)
        if bare or not self.searches(response) or not matcher.hits(body):
            return findings
        scan = StreamScan(self._responses, matcher, _ANSWER, level, findings)
        return [*scan.feed(body), *scan.finish()]

    def clears_answer(self, content_type: bytes) -> bytes | None:
        """A program (see `prefilter.program`) that lets pass bodies of this type in which no rule finds anything, whatever
        the head; None where it takes more to tell.
        """
        if self._looks_at_answer_heads or not self._readable[content_type]:
            return None
        return self._response_program

    def _response_head(self, matcher: Matcher, response: Response, level: int) -> list[Finding]:
        if not self._looks_at_answer_heads:
            return []
        return scan_response_head(self._responses, matcher, response, level, self._clean_answers[level])

    def searches(self, response: Response) -> bool:
        """Rules look at bodies of this type."""
        return self._looks_at_answers and self._readable[response.headers.get(b"content-type") or b""]

    def file_stream(self, name: str, level: int, effort: Effort | None = None) -> StreamScan | None:
        """A scan of one file's content; None where no rule looks at files."""
        if self._file_matcher is None:
            return None
        return StreamScan(self._files, self._file_matcher, Field(Part.FILE, name, b""), level, (), effort)

    def _values(self, reading: Reading, level: int, findings: list[Finding], effort: Effort) -> list[Field]:
        """The body's fields but files, which are scanned at once and by their own rules; pays for what it cost to make them."""
        fields = reading.body_fields()
        effort.read(len(fields))
        if reading.body_kind is not BodyKind.MULTIPART and reading.body_kind is not BodyKind.BINARY:
            return list(fields)
        if self._file_matcher is not None:
            files = [field for field in fields if field.part is _FILE]
            findings += self._files.scan_each(files, self._file_matcher, level, effort)
        return [field for field in fields if field.part is not _FILE]

    def _findings(
        self,
        fields: Sequence[Field],
        scan: Scan,
        level: int,
        notes: Notes,
        typed: Callable[[Field], bool],
        effort: Effort,
    ) -> list[Finding]:
        """`scan` is that of all the fields' values, joined."""
        if scan.overflow:
            # What is there is more than enough; some of it is named.
            notes.add("limit.matches")
            fields = excerpts(fields, [end for _, end in scan.matches[:_SHOWN]])
            scan = self.searcher.scan_all([field.value for field in fields], copies.heads_of(fields))
        elif scan.spots is None:
            scan = self.searcher.scan_all([field.value for field in fields], copies.heads_of(fields))
        else:
            # All else is clean as it is and would not change by any step.
            matched = self._matched(scan, level)
            ends = ends_of([field.value for field in fields])
            wanted = steps_of(ends, matched, scan.spots)
            if not wanted:
                return []
            scan = self.searcher.narrowed(scan, ends, wanted)
            fields = [fields[index] for index in wanted]
            values = [field.value for field in fields]
            if self.searcher.idle(values, scan):
                return []
        effort.first_look(len(fields), 0)
        _, candidates = self._examine(fields, scan, level, notes, typed, effort)
        return without_echoes(
            [self._requests.finding(one) for one in candidates if one.outcome is Outcome.FOUND]
        )

    def _examine(
        self,
        fields: Sequence[Field],
        scan: Scan,
        level: int,
        notes: Notes,
        typed: Callable[[Field], bool],
        effort: Effort,
        covers: Callable[[Armed, Field], bool] = Armed.covers,
    ) -> tuple[Result, list[Candidate]]:
        """Searches all views of the fields and judges the hits; notes suspicious layers and limits."""
        values = [field.value for field in fields]
        result = self.searcher.search(values, scan, effort, copies.heads_of(fields))
        note_layers(fields, result.decoded, scan.steps, notes)
        for owner in sorted(result.overflowed)[:_NAMED]:
            notes.add("limit.matches", fields[owner].part, fields[owner].name)
        if result.exhausted:
            notes.add("limit.encodings" if result.unopened else "limit.views")
        if not result.groups:
            return result, []
        effort.begin_questions()
        matcher, judge = self.searcher.matcher, self._requests.judge
        questions = Questions(matcher, effort)
        candidates = [*judge(result.groups, fields, matcher, level, typed, covers, questions)]
        unseen = [one for one in candidates if one.outcome is Outcome.UNSEEN]
        for rule, long in (("limit.questions", False), ("limit.candidates", True)):
            for one in [one for one in unseen if (len(one.text.data) >= _LONG_TEXT) is long][:_NAMED]:
                notes.add(rule, one.field.part, one.field.name)
        return result, candidates

    def _matched(self, scan: Scan, level: int) -> list[int]:
        """The offsets behind the matches of rules up to the level."""
        return ends_up_to(scan.matches, self._requests.levels, level)

    def _suspects(self, sheet: Sheet, level: int, notes: Notes) -> bool:
        """Whether anything might be found in the fields behind a sheet: only then are they made."""
        told = glance(self.searcher, sheet, lambda scan: self._matched(scan, level))
        if isinstance(told, bool):
            return told
        scan, values = told
        raw = b"%" if sheet.coded else None  # any may have been; the fields themselves will tell
        fields = [Field(sheet.parts[0], "", value, raw) for value in values]
        silent = Notes(notes.limits, notes.mask)

        def covers(armed: Armed, field: Field) -> bool:
            """Of these values only the container is known: any place in it will do."""
            return any(part in armed.places for part in sheet.parts)

        effort = Effort(sum(map(len, values)), glance=True)
        _, candidates = self._examine(fields, scan, level, silent, nothing_typed, effort, covers)
        return bool(silent.findings) or any(one.outcome is Outcome.FOUND for one in candidates)
