"""JSON bodies: strict documents fast, lenient ones with a note of what was lenient.

Owns the reading of JSON (RFC 8259) and what parsers are known to read differently: doubled keys, a second
document, other charsets, NaN, comments. `orjson` decides what is strict; it drops doubled keys silently, so its
document is written out again and the strings of both are counted. What it refuses is read with the standard
library, which accepts more and shows every pair.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import orjson

from waf.inspect.bodies import graphql, plain
from waf.inspect.bodies.json_fields import fields_of
from waf.inspect.bodies.json_limits import note_limits
from waf.inspect.bodies.json_values import Pairs, as_bytes, scalars, within
from waf.inspect.bodies.parsed import MARK, BodyKind, Notes, Parsed, Sheet
from waf.model import Field, Part

_QUOTES_TO_MARKS: Final = bytes.maketrans(b'"', MARK)
_STRUCTURE_TO_MARKS: Final = bytes.maketrans(b'"{}[]\n\r\t', MARK * 8)
PARTS: Final = (Part.JSON, Part.JSON_KEY)
_BRACKETS: Final = bytes.maketrans(b"{[]}", b"(())")
_NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'{[]}"'))
_MAX_DOCUMENTS: Final = 10_000  # of one body
_WRITTEN: Final = 250
"""Levels of a document that orjson writes; what is nested deeper is too deep under any limit."""


PLAIN_SHEET: Final = plain.SHEET
"""What is below is the reference of it."""


def parse(data: bytes, notes: Notes, *, by_line: bool = False) -> Parsed | None:
    """`data` as one JSON document, or `by_line` as one a line. None where it is no JSON at all.

    Notes whatever lets two parsers read different things; what only lenient parsers read is kept as raw text, too.
    """
    if by_line:
        data = data.translate(None, b"\x1e")
        return _plain(data, notes, lines=True) or _parse_lines(data, notes)
    parsed = _plain(data, notes)
    if parsed is not None:
        return parsed
    try:
        document, shape = _strict(data, notes)
    except orjson.JSONDecodeError:
        return objects(data, notes) or _parse_leniently(data, notes)
    return _parsed([document], notes, data, shape, strict=data)


def _plain(data: bytes, notes: Notes, *, lines: bool = False) -> Parsed | None:
    """A document of the most ordinary form, or one a line; None for any other."""
    made = None if PLAIN_SHEET is None else PLAIN_SHEET(data, notes.limits.depth, lines)
    if made is None:
        return None
    text, spelled, asks, doubled = made
    if asks and (lines or doubled):
        return None
    if asks and graphql.is_operation(document := orjson.loads(data)):
        return _operation(data, document, text, notes)
    for name in doubled:
        notes.add("protocol.json-duplicate-key", Part.JSON, name.decode())
    sheet = Sheet(text, PARTS)
    note_limits(data, text, notes, lines=lines)
    return Parsed(
        BodyKind.JSON,
        lambda: _plain_fields(data, notes, lines, bool(doubled)),
        lambda: sheet,
        b"" if spelled or doubled or lines else data,
        lambda: plain.json_lines(data, notes.limits),
    )


def _plain_fields(data: bytes, notes: Notes, lines: bool, doubled: bool) -> list[Field]:
    limits = notes.limits
    made = plain.json_fields(data, limits)
    if made is None:
        read = partial(_with_pairs, notes=notes) if doubled else orjson.loads
        documents = [read(line) for line in data.split(b"\n") if line.strip()] if lines else [read(data)]
        return fields_of(documents, notes)
    if len(data) > limits.value:
        for field in made[: limits.fields]:
            if len(field.value) > limits.value:
                notes.add("limit.value", field.part, field.name)
    if len(made) > limits.fields:
        notes.add("limit.fields")
    return made


def _operation(data: bytes, document: Any, text: bytes, notes: Notes) -> Parsed:
    """A request of GraphQL whose document is plain; `text` is the sheet of that."""
    graphql.check(document, notes)
    literals = graphql.all_literals(document)
    limits = notes.limits
    # What comes of a document is no more than there are values, containers and commas in it.
    most = text.count(MARK) + len(data) - len(data.translate(None, b"{[,")) + 2 * len(literals) + 1
    sheet = None
    if most <= limits.fields and len(data) <= limits.value and not any(MARK in one for one in literals):
        sheet = Sheet(MARK.join([text, *literals]), (*PARTS, Part.GRAPHQL))
    return Parsed(
        BodyKind.GRAPHQL,
        lambda: fields_of([document], notes, [document]),
        None if sheet is None else lambda: sheet,
    )


def _parsed(
    documents: list[Any],
    notes: Notes,
    data: bytes | None = None,
    shape: bytes = b"",
    rest: bytes = b"",
    strict: bytes | None = None,
) -> Parsed:
    """`data` is the text if it is one strict document, of this shape; `strict` the same of one or more; `rest` what is to be
    inspected raw.
    """
    operations = [document for document in documents if graphql.is_operation(document)]
    for operation in operations:
        graphql.check(operation, notes)

    def sheet() -> Sheet | None:
        if rest:
            return None
        if data is not None and b"\\" not in data and MARK not in data:
            # Line breaks and tabs never stand in a string; where brackets do not, they are structure as well.
            bare = b'"' not in shape.replace(b'""', b"")
            return Sheet(data.translate(_STRUCTURE_TO_MARKS if bare else _QUOTES_TO_MARKS), PARTS)
        strings = scalars(documents, Pairs)[0]
        if data is None or b'\\"' in data:
            strings += within(strings)
        text = as_bytes(MARK.decode().join(strings))
        return Sheet(text, PARTS) if text.count(MARK) == max(len(strings) - 1, 0) else None

    if operations:
        return Parsed(BodyKind.GRAPHQL, lambda: fields_of(documents, notes, operations, rest))
    lines = None if strict is None else lambda: plain.json_lines(strict, notes.limits)
    return Parsed(BodyKind.JSON, lambda: fields_of(documents, notes, (), rest), sheet, lines=lines)


# ------------------------------------------------------------------------------------------------- strict documents


def _strict(data: bytes, notes: Notes) -> tuple[Any, bytes]:
    """The document, with every pair of objects that have a key twice, and its shape. Raises orjson.JSONDecodeError."""
    document = orjson.loads(data)
    shape = _shape(data)
    if type(document) is not dict and type(document) is not list:
        return document, shape
    if _deeper_than(min(notes.limits.depth, _WRITTEN), shape, document):
        notes.add("limit.depth", Part.JSON)
        return _with_pairs(data, notes) or document, shape
    if _quotes(orjson.dumps(document)) != shape.count(b'"'):
        return _with_pairs(data, notes) or document, shape
    return document, shape


def _shape(data: bytes) -> bytes:
    """Brackets as parentheses, and unescaped quotes; all else left out. Strings may show brackets of their own."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    return data.translate(_BRACKETS, _NOT_STRUCTURE)


def _quotes(data: bytes) -> int:
    """How many unescaped quotes there are."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    return data.count(b'"')


def _deeper_than(limit: int, shape: bytes, document: Any) -> bool:
    if shape.count(b"(") <= limit:
        return False
    shape = shape.replace(b'""', b"")
    if b'"' in shape:  # brackets within strings
        return _depth(document) > limit
    for _ in range(limit):
        if not shape:
            return False
        shape = shape.replace(b"()", b"")  # the innermost level
    return bool(shape)


def _depth(document: Any) -> int:
    level, depth = [document], 0
    while level:
        depth += 1
        level = [
            value
            for container in level
            for value in (container.values() if type(container) is dict else container)
            if type(value) is dict or type(value) is list
        ]
    return depth


def _with_pairs(data: bytes, notes: Notes) -> Any:
    """The document with doubled keys kept (and noted); None where it is nested too deep for the reader."""
    try:
        text = data.decode("utf-8", "replace")
        return _lenient_decoder(text, notes).decode(text)
    except (ValueError, RecursionError):
        notes.add("limit.depth", Part.JSON)
        return None


def _parse_lines(data: bytes, notes: Notes) -> Parsed | None:
    """One document a line (NDJSON), or each after a record separator (RFC 7464), which is left out already."""
    lines = data.split(b"\n", _MAX_DOCUMENTS)
    more = len(lines) > _MAX_DOCUMENTS
    try:
        documents = _strictly([line for line in lines[:_MAX_DOCUMENTS] if line.strip()], notes)
    except orjson.JSONDecodeError:
        several = _apart(data)
        if several is None:
            return _parse_leniently(data, notes, lines=True)
        return _parsed(_strictly(several, notes), notes)
    if more:
        notes.add("limit.fields", Part.JSON)
        return _parsed(documents, notes, rest=data)
    return _parsed(documents, notes, strict=data) if documents else None


def _apart(data: bytes) -> list[bytes] | None:
    """The documents of lines that have several, each by itself, as readers of streams take them; None where any is not strict JSON."""
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    documents: list[bytes] = []
    try:
        text = data.decode()
        position = _skip_blanks(text, 0)
        while position < len(text) and len(documents) < _MAX_DOCUMENTS:
            start = position
            _, end = decoder.raw_decode(text, start)
            documents.append(text[start:end].encode())
            orjson.loads(documents[-1])
            position = _skip_blanks(text, end)
    except (ValueError, RecursionError):
        return None
    return documents if position >= len(text) else None


def _no_constant(text: str) -> None:
    raise ValueError(text)


def objects(data: bytes, notes: Notes) -> Parsed | None:
    """One object a line under the type of a single document, as clients of bulk interfaces send; None for anything else.

    Whether its reader takes one or all of them, each was inspected. What follows on the same line stays ambiguous.
    """
    lines = [line for line in data.split(b"\n", _MAX_DOCUMENTS) if line.strip()]
    if not 2 <= len(lines) <= _MAX_DOCUMENTS:
        return None
    if not all(line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines):
        return None
    try:
        return _parsed(_strictly(lines, notes), notes, strict=data)
    except orjson.JSONDecodeError:
        return None


def _strictly(lines: Sequence[bytes], notes: Notes) -> list[Any]:
    """What `_strict` gives for each line; thousands of small ones are looked at together.

    Raises orjson.JSONDecodeError.
    """
    documents = [*map(orjson.loads, lines)]
    data = b"\n".join(lines)
    shape = _shape(data)
    deep = _deeper_than(min(notes.limits.depth, _WRITTEN) + 1, b"(%b)" % shape, documents)
    if deep:
        notes.add("limit.depth", Part.JSON)
    if deep or _quotes(orjson.dumps(documents)) != shape.count(b'"'):
        # Each line is one whole document, so that all of them are one list.
        pairs = _with_pairs(b"[%b]" % b",".join(lines), notes)
        documents = documents if pairs is None else pairs
    return documents


# ------------------------------------------------------------------------------------------------ lenient documents

_DIGITS: Final = 400  # of an integer; beyond 308 it is infinite for most parsers
_ALIKE: Final = bytes.maketrans(b"123456789", b"0" * 9)


def _lenient_decoder(text: str, notes: Notes) -> json.JSONDecoder:
    """One for this text: it is called back for each integer only where one may be too long."""
    long = b"0" * _DIGITS in as_bytes(text).translate(_ALIKE)

    def pairs(items: list[tuple[str, Any]]) -> Any:
        unique = dict(items)
        if len(unique) == len(items):
            return unique
        seen: set[str] = set()
        for name, _ in items:
            if name in seen:
                notes.add("protocol.json-duplicate-key", Part.JSON, name)
                break
            seen.add(name)
        return Pairs(items)

    def odd_number(text: str) -> str:
        notes.add("protocol.json-number", Part.JSON, detail="not a number or infinite")
        return text

    def integer(text: str) -> int | str:
        if len(text) <= _DIGITS:
            return int(text)
        notes.add("protocol.json-number", Part.JSON, detail=f"{len(text)} digits")
        return text

    return json.JSONDecoder(
        object_pairs_hook=pairs,
        parse_constant=odd_number,
        parse_int=integer if long else None,
        strict=False,
    )


def _parse_leniently(data: bytes, notes: Notes, lines: bool = False) -> Parsed | None:
    noted = len(notes.findings)
    text = _text(data, notes)
    decoder = _lenient_decoder(text, notes)
    documents: list[Any] = []
    position = _skip_blanks(text, 0)
    while position < len(text) and len(documents) < _MAX_DOCUMENTS:
        try:
            document, position = decoder.raw_decode(text, position)
        except RecursionError:
            notes.add("limit.depth", Part.JSON)
            return Parsed(BodyKind.TEXT, lambda: [Field(Part.BODY, "", data)])
        except ValueError:
            break
        documents.append(document)
        position = _skip_blanks(text, position)
    whole = position >= len(text)
    if not any(type(document) in (dict, list, Pairs) for document in documents) and (
        not whole or not documents
    ):
        if not text[:1] or text[:1] not in "{[\"'":
            return None
        notes.add("protocol.json-syntax", Part.JSON)
        return Parsed(BodyKind.TEXT, lambda: [Field(Part.BODY, "", data)])
    if not whole or (len(documents) > 1 and not lines):
        notes.add("protocol.json-trailing", Part.JSON)
    elif len(notes.findings) == noted:
        notes.add(*_what_was_lenient(text))
    return _parsed(documents, notes, rest=as_bytes(text))


def _what_was_lenient(text: str) -> tuple[str, Part]:
    if re.search(r"\\u[dD][89a-fA-F]", text):
        return "protocol.json-surrogate", Part.JSON
    if re.search(r"[0-9][eE]\+?[0-9]{3}", text):
        return "protocol.json-number", Part.JSON
    return "protocol.json-syntax", Part.JSON


def _text(data: bytes, notes: Notes) -> str:
    """`data` as characters, by its byte order mark or by where its nulls stand (RFC 4627 section 3)."""
    codec = json.detect_encoding(data)
    if codec == "utf-8-sig":
        notes.add("protocol.json-byte-order-mark", Part.JSON)
    elif codec != "utf-8":
        notes.add("protocol.json-charset", Part.JSON, detail=codec)
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        notes.add("protocol.json-syntax", Part.JSON, detail="invalid UTF-8")
        return data.decode(codec, "replace")


_BLANKS: Final = re.compile(r"[ \t\r\n\x1e]*")


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position
