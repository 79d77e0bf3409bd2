"""Rules against messages: what a reading, an upload or a response has in it that a rule describes.

Owns what a match means: where a rule may look, which views count, who confirms. Decides nothing: each finding that
holds is given, scoring is another room's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import msgspec

from waf.config.schema import Limits
from waf.errors import ConfigError, Problem
from waf.inspect.bodies.parsed import BodyKind, Notes, Sheet
from waf.inspect.clean_lines import CleanLines
from waf.inspect.decode import places as places_of
from waf.inspect.fields import header_fields
from waf.inspect.matcher import Match, Matcher, PatternFault
from waf.inspect.reading import Reading
from waf.inspect.rulebook import (
    Armed,
    Candidate,
    Outcome,
    Rulebook,
    arm,
    doubled_ids,
    nothing_typed,
    pattern_problems,
)
from waf.inspect.rules import Rule
from waf.inspect.search import Result, Searcher, Text
from waf.inspect.streams import BodyScan, StreamScan, UploadScan, response_scan
from waf.inspect.suspicion import note_layers
from waf.model import Field, Finding, Mask, Part, PatternStore, Request, Response

MAX_SUSPECTS: Final = 64  # values of a sheet that are looked at one by one before all of its fields are made
_AS_GIVEN: Final = frozenset({Part.FILE, Part.METHOD})  # parts whose values are not decoded further


class Explanation(msgspec.Struct, frozen=True):
    """How a request was looked at: fields, all their decoded texts, all candidates, findings."""

    fields: tuple[Field, ...]
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
    ) -> None:
        self._requests: Final = requests
        self._searcher: Final = searcher
        self._files: Final = files
        self._file_matcher: Final = file_matcher
        self._responses: Final = responses
        self._response_matcher: Final = response_matcher
        self._clean: Final[dict[int, CleanLines]] = {level: CleanLines() for level in range(1, 5)}
        self._looks_at_method: Final = Part.METHOD in requests.parts

    @classmethod
    def build(cls, rules: Sequence[Rule], store: PatternStore, mask: Mask, highest: int = 4) -> Signatures:
        """Compiles the rules of levels up to `highest` (or loads what was compiled before: milliseconds).

        Raises ConfigError with every rule that cannot be used, each at its file and line.
        """
        rules = [rule for rule in rules if rule.level <= highest]
        problems: list[Problem] = []
        armed = [arm(rule, problems) for rule in rules]
        problems += doubled_ids(rules)
        requests = Rulebook([one for one in armed if not one.rule.response], mask)
        files = Rulebook([one for one in requests.armed if Part.FILE in one.places], mask)
        responses = Rulebook([one for one in armed if one.rule.response], mask)

        def matcher(book: Rulebook) -> Matcher | None:
            return Matcher.build(book.patterns, store, streaming=True) if book.patterns else None

        searcher = file_matcher = response_matcher = None
        try:
            searcher = Searcher.build(requests.patterns, store)
            file_matcher = matcher(files)
        except PatternFault as fault:
            problems += pattern_problems(fault, requests)
        try:
            response_matcher = matcher(responses)
        except PatternFault as fault:
            problems += pattern_problems(fault, responses)
        if problems or searcher is None:
            raise ConfigError(problems)
        return cls(requests, searcher, files, file_matcher, responses, response_matcher)

    @property
    def size(self) -> int:
        """Bytes of all compiled patterns."""
        extra = (self._file_matcher, self._response_matcher)
        return self._searcher.matcher.size + sum(matcher.size for matcher in extra if matcher is not None)

    def check(
        self, reading: Reading, level: int, typed: Callable[[Field], bool] = nothing_typed
    ) -> list[Finding]:
        """What the rules of levels up to `level` find in a request, but in fields that `typed` says are harmless.

        Notes on suspicious encodings and on limits go to `reading.findings`.
        """
        clean = self._clean[level]
        lines = clean.unknown(reading.request.headers.lines)
        fields = reading.target + reading.cookies
        if lines:
            fields += header_fields(lines)
        if self._looks_at_method:
            fields.append(Field(Part.METHOD, "", reading.request.method))
        if reading.body_kind is not BodyKind.NONE:
            sheet = reading.body_sheet()
            if sheet is None or self._suspects(sheet, level, reading.notes):
                fields += reading.body_fields()
        found = self._searcher.scan([field.value for field in fields])
        if found is not None and not found:
            clean.add(lines)
            return []
        before = len(reading.findings)
        _, candidates = self._examine(fields, found, level, reading.notes, typed)
        findings = [self._requests.finding(one) for one in candidates if one.outcome is Outcome.FOUND]
        if not findings and len(reading.findings) == before:
            clean.add(lines)
        return _without_echoes(findings)

    def examine(self, fields: Sequence[Field], level: int, notes: Notes) -> list[Finding]:
        """What the rules find in single fields of a request."""
        found = self._searcher.scan([field.value for field in fields])
        if found is not None and not found:
            return []
        _, candidates = self._examine(fields, found, level, notes, nothing_typed)
        return [self._requests.finding(one) for one in candidates if one.outcome is Outcome.FOUND]

    def explain(self, reading: Reading, level: int) -> Explanation:
        """The same as `check`, with everything that was looked at on the way."""
        fields = [*reading.head, *reading.body_fields()]
        found = self._searcher.scan([field.value for field in fields])
        result, candidates = self._examine(fields, found, level, reading.notes, nothing_typed)
        findings = [self._requests.finding(one) for one in candidates if one.outcome is Outcome.FOUND]
        return Explanation(
            tuple(fields), tuple(result.decoded), tuple(candidates), tuple(_without_echoes(findings))
        )

    def request_stream(self, request: Request, level: int, limits: Limits | None = None) -> BodyScan:
        """A scan of a request's body that is too long to be held; its head was checked by `check`."""
        notes = Notes(limits or Limits(), self._requests.mask)
        return UploadScan(
            request,
            notes,
            examine=lambda fields: self.examine(fields, level, notes),
            file_scan=lambda name: self.file_stream(name, level),
        )

    def response_stream(self, request: Request, response: Response, level: int) -> BodyScan | None:
        """A scan of a response for leaks; None where no rule looks at such a response."""
        book, matcher = self._responses, self._response_matcher
        if matcher is None:
            return None
        return response_scan(book, matcher, response, level)

    def file_stream(self, name: str, level: int) -> StreamScan | None:
        """A scan of one file's content; None where no rule looks at files."""
        if self._file_matcher is None:
            return None
        return StreamScan(self._files, self._file_matcher, Field(Part.FILE, name, b""), level)

    def _examine(
        self,
        fields: Sequence[Field],
        found: Sequence[Match] | None,
        level: int,
        notes: Notes,
        typed: Callable[[Field], bool],
        covers: Callable[[Armed, Field], bool] = Armed.covers,
    ) -> tuple[Result, list[Candidate]]:
        """Searches all views of the fields and judges the hits; notes suspicious layers and limits."""
        opaque = {owner for owner, field in enumerate(fields) if field.part in _AS_GIVEN}
        result = self._searcher.search([field.value for field in fields], found, opaque)
        note_layers(fields, result.decoded, notes)
        for owner in result.overflowed:
            notes.add("limit.matches", fields[owner].part, fields[owner].name)
        if result.exhausted:
            notes.add("limit.views")
        matcher = self._searcher.matcher
        candidates = list(self._requests.judge(result.hits, fields, matcher, level, typed, covers))
        for candidate in candidates:
            if candidate.outcome is Outcome.UNSEEN:
                notes.add("limit.candidates", candidate.field.part, candidate.field.name)
        return result, candidates

    def _suspects(self, sheet: Sheet, level: int, notes: Notes) -> bool:
        """Whether anything might be found in the fields behind a sheet: only then are they made."""
        found = self._searcher.scan([sheet.text])
        if not found:
            return found is None
        values = self._suspicious_values(sheet, found, level)
        if values is None:
            return True
        fields = [Field(Part.JSON, "", value) for value in values]
        silent = Notes(notes.limits, notes.mask)
        again = self._searcher.scan(values)
        _, candidates = self._examine(fields, again, level, silent, nothing_typed, _covers_json)
        return bool(silent.findings) or any(one.outcome is Outcome.FOUND for one in candidates)

    def _suspicious_values(self, sheet: Sheet, found: Sequence[Match], level: int) -> list[bytes] | None:
        """The values of a sheet that a match or a trigger points at; None where they are too many."""
        owners = self._requests.owners
        values: dict[bytes, None] = {}
        for index, _, end in found:
            if index < len(owners) and owners[index].rule.level <= level:
                values[sheet.around(end)] = None
                if len(values) > MAX_SUSPECTS:
                    return None
        for view in self._searcher.views_of(found):
            for place in islice(places_of(view, sheet.text), 16 * MAX_SUSPECTS):
                values[sheet.around(place)] = None
                if len(values) > MAX_SUSPECTS:
                    return None
        return list(values)


def _covers_json(armed: Armed, field: Field) -> bool:
    """For values of which only the container is known: any place in JSON will do."""
    return Part.JSON in armed.places or Part.JSON_KEY in armed.places


def _without_echoes(findings: list[Finding]) -> list[Finding]:
    """A rule that fits the path fits the segment as well: the attack counts once."""
    if len(findings) < 2:
        return findings
    in_path = {finding.rule for finding in findings if finding.address == "path"}
    return [one for one in findings if one.address != "segment" or one.rule not in in_path]
