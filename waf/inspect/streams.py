"""Bodies that are too long to be held, scanned in constant memory as they pass.

Owns carry-over: what a chunk's border cuts is found all the same. `StreamScan` sees every byte of one text exactly
once, whatever the chunks (files, responses); `UploadScan` reads a request's body as its type says and gives each
piece to who can judge it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from waf.inspect.bodies.choose import FILE_TYPES
from waf.inspect.bodies.content_type import NO_TYPE, parse_content_type
from waf.inspect.bodies.multipart_body import PartHead, PartSplitter, boundary_of, collect_head, collect_part
from waf.inspect.bodies.parsed import Collector, Notes
from waf.inspect.clean_lines import CleanLines
from waf.inspect.decode import Text
from waf.inspect.effort import Effort
from waf.inspect.hits import Hit
from waf.inspect.matcher import Match, Matcher, TooManyMatches, thinned
from waf.inspect.notices import notice
from waf.inspect.questions import Outcome, Questions
from waf.inspect.rulebook import Rulebook
from waf.model import Field, Finding, HeaderLine, Part, Request, Response

_BEFORE: Final = 2048  # bytes before a match's end that are judged with it
_AFTER: Final = 256  # bytes behind it; it is judged again until they are there
_PENDING: Final = 512  # matches that wait for what follows them
_WINDOW: Final = 64 * 1024  # bytes that are examined at once
_CARRY: Final = 2048  # bytes of a window that are examined again with the next


class BodyScan(Protocol):
    """A body in pieces; gives what each piece completes."""

    def feed(self, data: bytes) -> list[Finding]: ...

    def finish(self) -> list[Finding]: ...


class StreamScan:
    """One text under the rules of `book`, as the field `field` (its value is not looked at).

    `effort` is what the message that it is a part of may cost; without one it is a message of its own.
    """

    __slots__ = (
        "_before",
        "_book",
        "_done",
        "_effort",
        "_field",
        "_kept",
        "_level",
        "_matcher",
        "_offset",
        "_owns",
        "_pending",
        "_questions",
        "_stream",
        "_tail",
    )  # fmt: skip

    def __init__(
        self,
        book: Rulebook,
        matcher: Matcher,
        field: Field,
        level: int,
        before: Sequence[Finding] = (),
        effort: Effort | None = None,
    ) -> None:
        self._book = book
        self._matcher = matcher
        self._field = field
        self._level = level
        self._stream = matcher.stream()
        self._offset = 0  # of the first byte after the tail
        self._tail = b""
        self._pending: list[Match] = []
        self._owns = effort is None
        self._effort = Effort(0) if effort is None else effort
        self._questions = Questions(matcher, self._effort)
        self._kept: dict[int, int] = {}  # ends of matches by pattern
        self._done: set[str] = {finding.rule for finding in before}
        self._before = list(before)  # found in the head, given with the first piece

    def feed(self, data: bytes) -> list[Finding]:
        findings, self._before = self._before, []
        try:
            matches = self._stream.feed(data)
        except TooManyMatches as error:
            matches = error.found
            self._stream = self._matcher.stream()
            findings += self._once(notice("limit.matches", self._field.address))
        if matches:
            self._pending += [match for match in thinned(matches, self._kept) if self._open(match)]
        if self._owns:
            self._effort.allow(len(data))
        self._offset += len(data)
        if self._pending or len(data) < _BEFORE + _AFTER:
            window = self._tail + data
            findings += self._judge(window, last=False)
        else:
            window = data
        self._tail = window[-(_BEFORE + _AFTER) :]
        return findings

    def finish(self) -> list[Finding]:
        findings, self._before = self._before, []
        self._pending += [match for match in self._stream.finish() if self._open(match)]
        return findings + self._judge(self._tail, last=True)

    def _open(self, match: Match) -> bool:
        """Whether the match could still lead to a finding."""
        rule = self._book.owners[match[0]].rule
        return rule.level <= self._level and rule.id not in self._done

    def _judge(self, window: bytes, last: bool) -> list[Finding]:
        """Judges what waits; `window` ends at the current offset."""
        findings: list[Finding] = []
        waiting: list[Match] = []
        start = self._offset - len(window)
        for match in self._pending:
            if not self._open(match):
                continue
            end = match[1] - start
            text = window[max(end - _BEFORE, 0) : end + _AFTER]
            finding = self._judged(match[0], text, min(end, _BEFORE))
            if finding is not None:
                findings += self._once(finding)
            elif not last and len(window) - end < _AFTER:
                waiting.append(match)
        self._pending = waiting[-_PENDING:]
        return findings

    def _judged(self, index: int, text: bytes, end: int) -> Finding | None:
        hit = Hit(Text(0, text), (index, end))
        judged = self._book.judge(
            [[hit]], [self._field], self._matcher, self._level, questions=self._questions
        )
        for candidate in judged:
            if candidate.outcome is Outcome.FOUND:
                return self._book.finding(candidate)
            if candidate.outcome is Outcome.UNSEEN:
                return notice("limit.candidates", self._field.address)
        return None

    def _once(self, finding: Finding) -> list[Finding]:
        if finding.rule in self._done:
            return []
        self._done.add(finding.rule)
        return [finding]


class UploadScan:
    """A request's body: files of a multipart body and octet streams as files, all else in windows of raw text."""

    def __init__(
        self,
        request: Request,
        notes: Notes,
        effort: Effort,
        examine: Callable[[Sequence[Field]], list[Finding]],
        file_scan: Callable[[str], StreamScan | None],
    ) -> None:
        """`examine` and `file_scan` pay from `effort`, which grows with what comes."""
        self._effort = effort
        self._notes = notes
        self._given = 0  # notes that were given out
        self._examine = examine
        self._file_scan = file_scan
        self._seen: set[tuple[str, str]] = set()
        self._splitter: PartSplitter | None = None
        self._head: PartHead | None = None
        self._content = b""
        self._carry = b""
        self._file: StreamScan | None = None
        line = request.headers.get(b"content-type")
        content_type = parse_content_type(line) if line else NO_TYPE
        coding = (request.headers.get(b"content-encoding") or b"identity").strip().lower()
        if coding not in (b"", b"identity"):
            notes.add("protocol.coding-unknown", detail="a coded body beyond the inspection limit")
        self._raw = False
        if content_type.media == b"multipart/form-data":
            boundary = boundary_of(content_type, notes)
            self._splitter = PartSplitter(boundary, notes) if boundary else None
        elif content_type.media.startswith(FILE_TYPES):
            self._file = file_scan("")
            self._raw = self._file is None

    def feed(self, data: bytes) -> list[Finding]:
        self._effort.allow(len(data))
        splitter, file = self._splitter, self._file
        if splitter is not None and file is not None and not splitter.broken and splitter.goes_on(data):
            findings = file.feed(data)
            if not findings and self._given == len(self._notes.findings):
                return findings
        elif splitter is not None and not splitter.broken:
            findings = self._feed_parts(splitter, data)
        elif self._file is not None:
            findings = self._file.feed(data)
        elif self._raw:
            findings = []
        else:
            findings = self._window(Part.BODY, "", data)
        return self._new(findings)

    def finish(self) -> list[Finding]:
        findings: list[Finding] = []
        if self._splitter is not None:
            self._splitter.finish()
            findings += self._end_part()
        elif self._file is not None:
            findings += self._file.finish()
        return self._new(findings)

    def _feed_parts(self, splitter: PartSplitter, data: bytes) -> list[Finding]:
        findings: list[Finding] = []
        for event in splitter.feed(data):
            if isinstance(event, PartHead):
                findings += self._begin_part(event)
            elif event is None:
                findings += self._end_part()
            elif self._file is not None:
                findings += self._file.feed(event)
            elif self._head is not None:
                findings += self._part_piece(self._head, event)
        if splitter.broken:
            findings += self._end_part()
            findings += self._window(Part.BODY, "", data)
        return findings

    def _begin_part(self, head: PartHead) -> list[Finding]:
        self._head, self._content, self._carry = head, b"", b""
        into = Collector(self._notes)
        name = collect_head(head, into)
        if head.disposition.filename and head.content_type.media not in _DOCUMENTS:
            self._file = self._file_scan(name)
        return self._examine(into.done())

    def _part_piece(self, head: PartHead, piece: bytes) -> list[Finding]:
        """A field's value is held whole up to the limit, then goes on in windows."""
        if self._content is not None and len(self._content) + len(piece) <= self._notes.limits.value:
            self._content += piece
            return []
        self._notes.add("limit.value", Part.FORM)
        piece, self._content = self._content + piece, b""
        part = Part.FILE if head.disposition.filename else Part.FORM
        return self._window(part, "", piece)

    def _end_part(self) -> list[Finding]:
        findings: list[Finding] = []
        if self._file is not None:
            findings += self._file.finish()
        elif self._head is not None and self._content:
            into = Collector(self._notes)
            collect_part(self._head, self._content, into)
            findings += self._examine(into.done())
        self._file, self._head, self._content, self._carry = None, None, b"", b""
        return findings

    def _window(self, part: Part, name: str, data: bytes) -> list[Finding]:
        """Examines the data at once, in windows that overlap."""
        findings: list[Finding] = []
        for start in range(0, len(data), _WINDOW):
            text = self._carry + data[start : start + _WINDOW]
            findings += self._examine([Field(part, name, text)])
            self._carry = text[-_CARRY:]
        return findings

    def _new(self, findings: list[Finding]) -> list[Finding]:
        """Findings and notes that were not given before: windows overlap."""
        noted = self._notes.findings[self._given :]
        self._given += len(noted)
        fresh = []
        for finding in (*noted, *findings):
            key = (finding.rule, finding.address)
            if key not in self._seen:
                self._seen.add(key)
                fresh.append(finding)
        return fresh


_DOCUMENTS: Final = frozenset({b"application/json", b"text/json"})

_STATUS: Final = b":status"  # no header can be called that

_UNREADABLE: Final = (
    b"image/", b"video/", b"audio/", b"font/", b"application/octet-stream", b"application/pdf",
    b"application/zip", b"application/gzip", b"application/wasm", b"application/grpc",
)  # fmt: skip
"""Types of responses that hold no text; SVG is text."""


def readable(content_type: bytes) -> bool:
    """A response of this type may hold text."""
    media = content_type.strip().lower()
    return not media.startswith(_UNREADABLE) or media.startswith(b"image/svg")


def scan_response_head(
    book: Rulebook, matcher: Matcher, response: Response, level: int, clean: CleanLines
) -> list[Finding]:
    """What the rules find in status and headers; lines known to be `clean` are left out."""
    lines: list[HeaderLine] = []
    questions = Questions(matcher, Effort(0))
    if Part.STATUS in book.parts:
        lines.append((_STATUS, _STATUS, b"%d %s" % (response.status, response.reason)))
    if Part.RESPONSE_HEADER in book.parts:
        lines += response.headers.lines
    findings: list[Finding] = []
    for line in clean.unknown(lines):
        name, _, value = line
        part = Part.STATUS if name is _STATUS else Part.RESPONSE_HEADER
        found = book.scan(
            Field(part, "" if name is _STATUS else name.decode("latin-1"), value), matcher, level, questions
        )
        if not found:
            clean.add([line])
        findings += found
    return findings
