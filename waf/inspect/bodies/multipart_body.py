"""Multipart bodies: parts, their names, headers and contents as fields; whole or as a stream.

Splitting is the business of the `multipart` library in its strict mode; what it refuses is noted and inspected raw.
This module owns what is read out of the parts, and the tricks by which two parsers see different parts.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final

import msgspec
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)

from waf.http1.seek import find
from waf.inspect.bodies import json_body, plain
from waf.inspect.bodies.content_type import (
    NO_TYPE,
    ContentType,
    ascii_compatible,
    odd_charset,
    parse_content_type,
    transcode,
)
from waf.inspect.bodies.disposition import Disposition, parse_disposition
from waf.inspect.bodies.parsed import BodyKind, Collector, Notes, Parsed, Sheet
from waf.inspect.fields import name_text
from waf.model import Field, Part

MAX_PART_HEADER: Final = 8 * 1024
MAX_PART_HEADERS: Final = 16

_BOUNDARY: Final = re.compile(
    rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]"
)  # RFC 2046 section 5.1.1
_CHARSET_FIELD: Final = b"_charset_"  # says in what the values of others are written (RFC 7578 section 4.6)
_PLAIN_TRANSFER: Final = frozenset({b"", b"7bit", b"8bit", b"binary"})


PARTS: Final = (Part.FORM, Part.PART_NAME)
PLAIN_SHEET: Final = plain.PARTS_SHEET
"""What is below is the reference of it."""


class PartHead(msgspec.Struct, frozen=True):
    """What the headers of one part say, read as the strictest parser would."""

    disposition: Disposition
    content_type: ContentType
    transfer: bytes
    others: tuple[tuple[bytes, bytes], ...]  # (name, value) of all further headers


def boundary_of(content_type: ContentType, notes: Notes) -> bytes | None:
    """The boundary, None where there is none that could be used; notes what is ambiguous about it."""
    values = content_type.all(b"boundary")
    boundary = values[0] if values else b""
    # Some look for the word wherever it stands.
    named = any(
        b"boundary" in key or b"boundary" in value.lower()
        for key, value in content_type.parameters
        if key != b"boundary"
    )
    if len(values) != 1 or named:
        notes.add("protocol.multipart-boundary", detail="absent, doubled or in pieces")
    elif not _BOUNDARY.fullmatch(boundary):
        notes.add("protocol.multipart-boundary", detail="characters or length out of the grammar")
    charset = odd_charset(content_type)
    if charset is not None:  # some read the values of all parts in it
        notes.add("protocol.charset-unknown" if ascii_compatible(charset) is None else "protocol.charset")
    return boundary if boundary and b"\n" not in boundary and len(boundary) <= 1000 else None


class PartSplitter:
    """Feeds a body to the library and gives `PartHead`, content pieces, and None at each part's end.

    `broken` says that the body cannot be split further; the rest must be inspected raw.
    """

    def __init__(self, boundary: bytes, notes: Notes) -> None:
        self._notes = notes
        self._first = b"--" + boundary
        self._delimiter = b"\r\n--" + boundary
        self._last = self._delimiter + b"--"
        self._tail = b"\r\n"  # what was fed last; a body begins as if a line had ended
        self._within = False  # a part's content goes on, and what came last of it cannot begin a delimiter
        self._begun = False
        self._epilogue: bytes | None = None  # None: the last boundary has not come
        self.broken = False
        self._parser = PushMultipartParser(
            boundary,
            max_header_size=MAX_PART_HEADER,
            max_header_count=MAX_PART_HEADERS,
            header_charset="latin-1",
            strict=True,
        )

    def feed(self, data: bytes) -> Iterator[PartHead | bytes | None]:
        if self.broken:
            return
        if self.goes_on(data):
            yield data
            return
        if self._epilogue is not None:
            self._epilogue = (self._epilogue + data)[:3]
            return
        if not self._begun:
            data = self._tail[2:] + data
            if len(data) < len(self._first):
                self._tail = b"\r\n" + data
                return
            self._begun, self._tail = True, b"\r\n"
            if not data.startswith(self._first):
                self._fail("something stands before the first boundary")
                return
        window = self._tail + data
        if self._is_elsewhere(window):
            self._fail("the boundary stands elsewhere than in a line of its own")
            return
        end = find(window, self._last)
        if end >= 0:
            # The library passes over what follows, and only where it comes in the same piece.
            end += len(self._last) - len(self._tail)
            data, self._epilogue = data[:end], data[end : end + 3]
        self._tail = window[1 - len(self._last) :]
        try:
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._within = False
                    yield self._head(event)
                elif event is None:
                    self._within = False
                    yield None
                else:
                    self._within = True
                    yield bytes(event)
            self._within = self._within and not self._may_begin(data)
        except ParserLimitReached:
            self._fail("part headers beyond the limit")
        except MultipartError as error:
            self._fail(_sentence(error))

    def goes_on(self, data: bytes) -> bool:
        """Takes the piece, and says True, where `feed` would give it as it is: all of it content of the same part.

        Nearly all of a large file comes this way: looked through once, and given as it came.
        """
        if not self._within or not data or find(data, self._first) >= 0 or self._may_begin(data):
            return False
        if self._first in self._tail + data[: len(self._last)]:
            return False
        self._tail = (self._tail + data if len(data) < len(self._last) else data)[1 - len(self._last) :]
        return True

    def _is_elsewhere(self, window: bytes) -> bool:
        """Whether the boundary stands where no line ended with CR and LF: lenient parsers split there, too.

        What came before the window's first two bytes was looked at with what was fed before.
        """
        return find(window, self._first) >= 0 and window.count(self._first, 2) != window.count(
            self._delimiter
        )

    def _may_begin(self, data: bytes) -> bool:
        """Whether the piece ends with what may be the beginning of a delimiter."""
        start = data.rfind(b"\r", max(len(data) - len(self._delimiter), 0))
        return start >= 0 and self._delimiter.startswith(data[start:])

    def finish(self) -> None:
        if self.broken:
            return
        if self._epilogue is None:
            self._fail("the last boundary is missing")
        elif self._epilogue not in (b"", b"\r\n"):
            self._fail("something stands after the last boundary")

    def _fail(self, detail: str) -> None:
        self.broken = True
        self._notes.add("protocol.multipart-syntax", detail=detail)

    def _head(self, segment: MultipartSegment) -> PartHead:
        """Names are the library's, values the wire's: latin-1 gives every byte back."""
        lines = [
            (name.encode("latin-1").lower(), value.encode("latin-1")) for name, value in segment.headerlist
        ]
        return read_head(lines, self._notes)


def _sentence(error: MultipartError) -> str:
    """The library's own words where they quote nothing of the body."""
    words = str(error.args[0]) if error.args else ""
    return (
        words[:80] if re.fullmatch(r"[A-Za-z0-9 ():/-]{1,120}", words) else "not split alike by all parsers"
    )


def read_head(lines: list[tuple[bytes, bytes]], notes: Notes) -> PartHead:
    """What a part's header lines (lower-case name, value) say; notes every ambiguity."""
    if len(lines) == 1 and lines[0][0] == b"content-disposition":
        disposition = parse_disposition(lines[0][1])
        if disposition.trick:
            notes.add("protocol.multipart-header", detail=disposition.trick)
        return PartHead(disposition, NO_TYPE, b"", ())
    dispositions = [value for name, value in lines if name == b"content-disposition"]
    types = [value for name, value in lines if name == b"content-type"]
    transfers = [value.strip().lower() for name, value in lines if name == b"content-transfer-encoding"]
    if len(dispositions) > 1 or len(types) > 1 or len(transfers) > 1:
        notes.add("protocol.multipart-header", detail="a part header is given twice")
    disposition = parse_disposition(dispositions[0]) if dispositions else Disposition(b"")
    if disposition.trick:
        notes.add("protocol.multipart-header", detail=disposition.trick)
    content_type = parse_content_type(types[0]) if types else NO_TYPE
    if types and not content_type.wellformed:
        notes.add("protocol.multipart-header", detail="the content type does not follow the grammar")
    if content_type.media.startswith(b"multipart/"):
        notes.add("protocol.multipart-nested")
    transfer = transfers[0] if transfers else b""
    if transfer not in _PLAIN_TRANSFER:
        notes.add("protocol.multipart-coding")
    charset = odd_charset(content_type)
    if charset is not None and ascii_compatible(charset) is False:
        notes.add("protocol.multipart-charset")
    known = (b"content-disposition", b"content-type", b"content-transfer-encoding", b"content-length")
    return PartHead(
        disposition, content_type, transfer, tuple(line for line in lines if line[0] not in known)
    )


def parse(data: bytes, content_type: ContentType, notes: Notes) -> Parsed:
    """`data` as a multipart body. What cannot be split strictly is split roughly and inspected raw as well."""
    boundary = boundary_of(content_type, notes)
    if boundary is None:
        return Parsed(BodyKind.MULTIPART, lambda: [Field(Part.BODY, "", data)])
    if content_type.media != b"multipart/form-data":
        notes.add("protocol.multipart-subtype")
        into = Collector(notes)
        collect_roughly(data, boundary, into)
        return Parsed(BodyKind.MULTIPART, into.done)
    limits = notes.limits
    made = None if PLAIN_SHEET is None else PLAIN_SHEET(data, boundary, limits.value)
    if made is None:
        return _plainly(data, boundary, notes) or _split(data, boundary, notes)
    text, count = made
    if count > limits.fields:
        notes.add("limit.fields")
    parts = PARTS if count <= limits.fields else (*PARTS, Part.BODY)
    return Parsed(
        BodyKind.MULTIPART,
        lambda: _plain_fields(data, boundary, notes),
        lambda: Sheet(text, parts),
        lines=lambda: plain.parts_lines(data, boundary, limits),
    )


def _plain_fields(data: bytes, boundary: bytes, notes: Notes) -> list[Field]:
    if (lines := plain.parts_lines(data, boundary, notes.limits)) is not None:
        return plain.fields(lines)
    return (_plainly(data, boundary, notes) or _split(data, boundary, notes)).fields()


_PLAIN_HEAD: Final = re.compile(
    rb'\r\n[Cc]ontent-[Dd]isposition: form-data; name="([^"\\\0\r\n]{1,2048}+)"(?:; filename="([^"\\\0\r\n]{0,2048}+)")?'
    rb"(?:\r\n[Cc]ontent-[Tt]ype: (?!multipart/)([a-z]{1,16}/[a-z0-9.+-]{1,64}))?\r\n\r\n"
)


def _plainly(data: bytes, boundary: bytes, notes: Notes) -> Parsed | None:
    """A form whose parts all have heads as browsers write them, of files, too; None for any other, which `_split` reads."""
    window, delimiter = b"\r\n" + data, b"\r\n--" + boundary
    begin, *parts = window.split(delimiter)
    if begin or len(parts) < 2 or parts.pop() not in (b"--", b"--\r\n"):
        return None
    heads = [*map(_PLAIN_HEAD.match, parts)]
    if None in heads or window.count(delimiter[2:], 2) != len(parts) + 1:
        return None
    into = Collector(notes)
    for head, part in zip(heads, parts, strict=True):
        assert head is not None
        content_type = parse_content_type(head[3]) if head[3] else NO_TYPE
        own = PartHead(Disposition(b"form-data", head[1], head[2]), content_type, b"", ())
        collect_part(own, part[head.end() :], into)
    return Parsed(BodyKind.MULTIPART, into.done)


def _split(data: bytes, boundary: bytes, notes: Notes) -> Parsed:
    """A form, by the library."""
    into = Collector(notes)
    splitter = PartSplitter(boundary, notes)
    head: PartHead | None = None
    pieces: list[bytes] = []
    for event in splitter.feed(data):
        if isinstance(event, PartHead):
            head, pieces = event, []
        elif event is not None:
            pieces.append(event)
        elif head is not None:
            collect_part(head, b"".join(pieces), into)
            head = None
    splitter.finish()
    if splitter.broken:
        into = Collector(notes)
        collect_roughly(data, boundary, into)
        into.add_raw(data)
    return Parsed(BodyKind.MULTIPART, into.done)


def collect_head(head: PartHead, into: Collector) -> str:
    """Fields of the names and headers of a part; gives its name as text."""
    name = head.disposition.name or b""
    label = name_text(name)
    if name:
        into.add(Part.PART_NAME, label, name)
    if head.disposition.filename is not None:
        into.add(Part.FILE_NAME, label, head.disposition.filename)
    if head.content_type.media:
        into.add(Part.PART_HEADER, "content-type", head.content_type.media)
    for key, value in head.content_type.parameters:
        if key != b"charset":
            into.add(Part.PART_HEADER, "content-type", value)
    for key, value in head.others:
        into.add(Part.PART_HEADER, name_text(key), value)
    return label


def collect_part(head: PartHead, content: bytes, into: Collector) -> None:
    """Fields of one part."""
    label = collect_head(head, into)
    content = _decoded(head, content)
    charset = content.strip()[:40] if head.disposition.name == _CHARSET_FIELD else b""
    if charset and not ascii_compatible(charset):
        into.notes.add("protocol.multipart-charset")
    if head.content_type.media in (b"application/json", b"text/json") and content:
        # A blob with a type: many frameworks read it as they read a JSON body.
        parsed = json_body.parse(content, into.notes)
        if parsed is not None:
            for field in parsed.fields():
                path = f"{label}.{field.name}" if field.name else label
                into.add(field.part, path, field.value, field.raw, field.kind)
            return
    if not head.disposition.filename:
        # An empty file name makes a file for some parsers, a field for others.
        into.add(Part.FORM, label, content)
    else:
        into.add(Part.FILE, label, content)


def _decoded(head: PartHead, content: bytes) -> bytes:
    if not head.transfer and not head.content_type.parameters:
        return content
    if head.transfer == b"base64":
        try:
            content = binascii.a2b_base64(content)
        except binascii.Error:
            return content
    elif head.transfer == b"quoted-printable":
        content = binascii.a2b_qp(content)
    charset = odd_charset(head.content_type)
    if charset is not None and ascii_compatible(charset) is False:
        content = transcode(content, charset)
    return content


_FOLD: Final = re.compile(rb"\r?\n[ \t]+")
_ROUGH_END: Final = re.compile(rb"\n\r?\n")  # which is looked for from line end to line end
_PLAIN_PIECE: Final = re.compile(
    rb'\r\n[Cc]ontent-[Dd]isposition: form-data; name="([^"\\\0\r\n]{0,4096}+)"\r\n\r\n'
)
"""A head as every client writes it, for which nothing has to be looked for."""
_HEADER_LINE: Final = re.compile(
    rb"^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,60})[ \t]*:[ \t]*([^\r\n]{0,8000}(?:\r?\n[ \t][^\r\n]{0,4000})*)", re.M
)


def collect_roughly(data: bytes, boundary: bytes, into: Collector) -> None:
    """Fields as the most lenient parser would find them: any line end, anything around the boundaries."""
    for piece in data.split(b"--" + boundary)[1:]:
        match = _PLAIN_PIECE.match(piece)
        if match is not None:
            name = match[1]
            label = name_text(name)
            if name:
                into.add(Part.PART_NAME, label, name)
            into.add(Part.FORM, label, piece[match.end() :].rstrip(b"\r\n"))
            continue
        match = _ROUGH_END.search(piece)
        if match is None:
            continue
        lines = [
            (name.lower(), _FOLD.sub(b" ", value))
            for name, value in _HEADER_LINE.findall(piece[: match.start() + 1])[:MAX_PART_HEADERS]
        ]
        silent = Notes(into.notes.limits, into.notes.mask)
        collect_part(read_head(lines, silent), piece[match.end() :].rstrip(b"\r\n"), into)
