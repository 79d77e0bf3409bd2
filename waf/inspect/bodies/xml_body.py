"""XML bodies: element texts and attributes as fields, by expat.

Owns the reading of XML 1.0 as data. A document type declaration is never followed: it is noted, and the document is
inspected as raw text. Nothing external is ever opened and no entity but the five of XML is expanded.
"""

from __future__ import annotations

import re
from typing import Final
from xml.parsers import expat

from waf.inspect.bodies import plain
from waf.inspect.bodies.content_type import ascii_compatible, transcode
from waf.inspect.bodies.parsed import LONGEST_NAME, BodyKind, Collector, Notes, Parsed, Sheet
from waf.model import Field, Part

_DECLARED: Final = re.compile(
    rb"\A\s*<\?xml\b[^>]{0,200}\bencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"'][^>]{0,100}\?>"
)
_MARKS: Final = (
    (b"\xff\xfe", b"utf-16"),
    (b"\xfe\xff", b"utf-16"),
    (b"<\0", b"utf-16-le"),
    (b"\0<", b"utf-16-be"),
)


PARTS: Final = (Part.XML, Part.XML_NAME)
PLAIN_SHEET: Final = plain.XML_SHEET
"""What is below is the reference of it."""


class _Doctype(Exception):
    """A document type declaration begins."""


class _TooDeep(Exception):
    """Nested beyond the limit."""


def parse(data: bytes, notes: Notes) -> Parsed | None:
    """`data` as XML; None where it is not well-formed (and has no DOCTYPE that would explain it)."""
    limits = notes.limits
    made = None if PLAIN_SHEET is None else PLAIN_SHEET(data, limits.depth, limits.value)
    if made is None:
        return read(data, notes)
    text, count = made
    if count > limits.fields:
        notes.add("limit.fields")
    parts = PARTS if count <= limits.fields else (*PARTS, Part.BODY)
    return Parsed(
        BodyKind.XML,
        lambda: _fields(data, notes),
        lambda: Sheet(text, parts),
        lines=lambda: plain.xml_lines(data, limits),
    )


def _fields(data: bytes, notes: Notes) -> list[Field]:
    """Of a plain document."""
    lines = plain.xml_lines(data, notes.limits)
    if lines is not None:
        return plain.fields(lines)
    parsed = read(data, notes)
    return [] if parsed is None else parsed.fields()


def read(data: bytes, notes: Notes) -> Parsed | None:
    """What `parse` gives, by expat."""
    data = _as_utf8(data, notes)
    tree = _Tree(notes)
    try:
        tree.read(data)
    except _Doctype:
        notes.add("protocol.xml-doctype", Part.XML)
    except _TooDeep:
        notes.add("limit.depth", Part.XML)
    except (expat.ExpatError, ValueError, LookupError):
        if b"<!DOCTYPE" in data[:10_000].upper():
            notes.add("protocol.xml-doctype", Part.XML)
        else:
            return None
    else:
        return Parsed(BodyKind.XML, tree.into.done)
    tree.into.fields.append(Field(Part.BODY, "", data))
    return Parsed(BodyKind.XML, tree.into.done)


def _as_utf8(data: bytes, notes: Notes) -> bytes:
    """`data` as the parser may read it; a charset that writes ASCII in other bytes is noted and undone."""
    charset = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    declared = _DECLARED.match(data)
    if charset is None and declared is not None:
        known = ascii_compatible(declared[1])
        if known is None:
            notes.add("protocol.charset-unknown", Part.XML)
            data = data[declared.end() :]
        elif known is False:
            charset = declared[1]
        elif declared[1].lower() not in (b"utf-8", b"us-ascii", b"iso-8859-1"):
            data = b'<?xml version="1.0"?>' + transcode(data[declared.end() :], declared[1])
    if charset is None:
        return data
    notes.add("protocol.xml-charset", Part.XML)
    data = transcode(data, charset).lstrip(b"\xef\xbb\xbf")
    return re.sub(rb"\A\s*<\?xml[^>]{0,300}\?>", b"", data)


class _Tree:
    """Handlers of one expat run. The text of an element is all of its own text, whatever stands between.

    Once there are as many fields as there may be, names of places are of no use any more, and others take over.
    """

    def __init__(self, notes: Notes) -> None:
        self.into = Collector(notes)
        self._rest: list[str] = []
        self._limit = notes.limits.depth
        self._paths: list[str] = []
        self._texts: list[list[str]] = []
        self._names: set[str] = set()

    def read(self, data: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.ordered_attributes = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.CommentHandler = self._comment
        parser.ProcessingInstructionHandler = self._instruction
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser
        try:
            parser.Parse(data, True)
        finally:
            del self._parser  # which knows this in turn
            if self._rest:
                self.into.keep([text.encode() for text in dict.fromkeys(self._rest)])

    def _start(self, name: str, attributes: list[str]) -> None:
        paths = self._paths
        path = f"{paths[-1]}.{name}" if paths else name
        if len(paths) >= self._limit:
            raise _TooDeep
        paths.append(path[:LONGEST_NAME])
        self._texts.append([])
        if name not in self._names:
            self._names.add(name)
            self.into.add(Part.XML_NAME, path, name.encode())
        for key, value in zip(attributes[::2], attributes[1::2], strict=True):
            self.into.add(Part.XML, f"{path}@{key}", value.encode())
            if key not in self._names:
                self._names.add(key)
                self.into.add(Part.XML_NAME, f"{path}@{key}", key.encode())
        if self.into.full:
            self._parser.StartElementHandler = self._start_of_rest
            self._parser.EndElementHandler = self._end_of_rest

    def _start_of_rest(self, name: str, attributes: list[str]) -> None:
        self._texts.append([])
        if len(self._texts) > self._limit:
            raise _TooDeep
        if name not in self._names:
            self._names.add(name)
            self._rest.append(name)
        if attributes:
            self._rest += attributes

    def _end_of_rest(self, name: str) -> None:
        pieces = self._texts.pop()
        if pieces and (text := "".join(pieces).strip()):
            self._rest.append(text)

    def _end(self, name: str) -> None:
        path = self._paths.pop()
        pieces = self._texts.pop()
        if pieces and (text := "".join(pieces).strip()):
            self.into.add(Part.XML, path, text.encode())

    def _text(self, text: str) -> None:
        self._texts[-1].append(text)

    def _comment(self, text: str) -> None:
        self.into.add(Part.XML, "#comment", text.encode())

    def _instruction(self, target: str, text: str) -> None:
        self.into.add(Part.XML, f"?{target}", text.encode())

    def _doctype(self, name: str, system: str | None, public: str | None, subset: bool) -> None:
        raise _Doctype
