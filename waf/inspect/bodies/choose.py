"""Which parser reads a body: by its content type, confirmed by its content.

Owns the table of media types and the judgement of mismatches. A body that is not what it claims is read by every
parser that accepts it, and raw.
"""

from __future__ import annotations

import re
from typing import Final

import orjson

from waf.http1.memo import Memo
from waf.inspect import torn
from waf.inspect.bodies import graphql, json_body, multipart_body, packed_body, plain, protobuf_body, xml_body
from waf.inspect.bodies.coding import decode_body
from waf.inspect.bodies.content_type import (
    NO_TYPE,
    ContentType,
    ascii_compatible,
    odd_charset,
    parse_content_type,
    transcode,
)
from waf.inspect.bodies.parsed import (
    LONGEST_NAME,
    MARK,
    BodyKind,
    Collector,
    Notes,
    Parsed,
    Sheet,
    most_pairs,
)
from waf.inspect.fields import pair_fields
from waf.inspect.layers import is_text
from waf.inspect.native import unform, unpercent
from waf.model import Field, Part, Request

EMPTY: Final = Parsed(BodyKind.NONE, list)

_FORM_TYPE: Final = b"application/x-www-form-urlencoded"
_JSON_TYPES: Final = frozenset(
    {
        b"application/json", b"text/json", b"application/x-json", b"application/csp-report",
        b"application/jsonrequest", b"application/json-rpc",
    }
)  # fmt: skip
_JSON_LINES: Final = frozenset(
    {
        b"application/x-ndjson", b"application/ndjson", b"application/jsonl", b"application/x-jsonlines",
        b"application/jsonlines", b"application/json-seq", b"application/x-json-stream", b"application/stream+json",
    }
)  # fmt: skip
FILE_TYPES: Final = (
    b"image/", b"video/", b"audio/", b"font/", b"application/octet-stream", b"application/pdf", b"application/zip",
    b"application/gzip", b"application/x-tar", b"application/vnd.", b"application/x-7z", b"application/msword",
    b"application/x-zip", b"application/wasm",
)  # fmt: skip
_XML_TYPES: Final = frozenset(
    {b"application/xml", b"text/xml", b"application/soap", b"image/svg", b"text/x-opml"}
)
_GRPC: Final = (
    b"application/grpc",
    b"application/x-protobuf",
    b"application/protobuf",
    b"application/x-grpc",
)


def _plain_kind(line: bytes) -> BodyKind:
    content_type = parse_content_type(line)
    media = content_type.media
    if not content_type.wellformed or odd_charset(content_type) is not None:
        return BodyKind.NONE
    if media == _FORM_TYPE:
        return BodyKind.FORM
    if media.startswith(b"multipart/"):
        return BodyKind.NONE
    if media in _JSON_TYPES or (media.endswith(b"+json") and media not in _JSON_LINES):
        return BodyKind.JSON
    return BodyKind.XML if media in _XML_TYPES or media.endswith(b"+xml") else BodyKind.NONE


PLAIN_KIND: Final = Memo(_plain_kind, capacity=256, longest=64)
"""JSON, XML or FORM where a Content-Type says that and nothing that would have to be noticed, else NONE."""

_IN_PARTS: Final = re.compile(rb"multipart/form-data; ?boundary=([0-9A-Za-z'+_.-]{1,70})")


def plain_boundary(line: bytes) -> bytes:
    """The boundary of a form in parts where a Content-Type says that and nothing that would have to be noticed, else b""."""
    match = _IN_PARTS.fullmatch(line)
    return b"" if match is None else match[1]


def open_body(request: Request, body: bytes, notes: Notes) -> tuple[bytes, Parsed]:
    """The body without its content codings, and as its parser read it."""
    lines = request.headers.all(b"content-type")
    if len(lines) > 1:
        notes.add("protocol.content-type")
    content_type = parse_content_type(lines[0]) if lines else NO_TYPE
    if not body:
        return body, EMPTY
    if lines and not content_type.wellformed:
        # A comma is what joins two lines of one header.
        doubled = b"," in lines[0] and b"," not in b"".join(content_type.all(b"boundary"))
        notes.add("protocol.content-type" if doubled else "protocol.content-type-syntax")
    data = decode_body(body, request.headers.get(b"content-encoding"), notes)
    charset = odd_charset(content_type)
    if charset is not None and not content_type.media.startswith(b"multipart/"):
        if ascii_compatible(charset) is None:
            notes.add("protocol.charset-unknown")
        else:
            notes.add("protocol.charset")
            data = transcode(data, charset)
    return data, parse_body(data, content_type, notes)


def parse_body(data: bytes, content_type: ContentType, notes: Notes) -> Parsed:
    """`data` as its content type says, or as whatever it turns out to be."""
    media = content_type.media
    if media.startswith(b"multipart/"):
        return multipart_body.parse(data, content_type, notes)
    if media == _FORM_TYPE:
        return _form(data, notes)
    if media in _JSON_LINES:
        return json_body.parse(data, notes, by_line=True) or _mismatch(data, notes)
    if media in _JSON_TYPES or media.endswith(b"+json"):
        return json_body.parse(data, notes) or _mismatch(data, notes)
    if media in _XML_TYPES or media.endswith(b"+xml"):
        return xml_body.parse(data, notes) or _mismatch(data, notes)
    if media == b"application/graphql":
        return _graphql(data, notes) or _unknown(data, notes, text=True)
    if media.startswith(_GRPC):
        return protobuf_body.parse(data, media, notes)
    if packed_body.is_packed(media):
        return packed_body.parse(data, media, notes)
    if media.startswith(FILE_TYPES) and content_type.wellformed:
        return _file(data, notes)
    return _unknown(data, notes, text=media.startswith(b"text/"))


# --------------------------------------------------------------------------------------------- one function a kind


def _form(data: bytes, notes: Notes) -> Parsed:
    """A urlencoded form. JSON under this type is what curl and old scripts send; it is read as both."""
    start = data.lstrip()[:1]
    others: list[Parsed] = []
    if start in OTHER_FORMATS:
        others = _sniffed(data, notes)
        if others:
            notes.add("protocol.body-mislabelled")
    if not others and not is_text(data):
        notes.add("protocol.body-mismatch")
        return Parsed(BodyKind.BINARY, lambda: [*_pairs(data, notes), Field(Part.BODY, "", data)])
    if CHARSET_FIELD in data:
        _check_charset_field(data, notes)
    if not others:
        limits = notes.limits
        short = data.count(b"&") < most_pairs(limits) and len(data) <= limits.value
        bare = data if short and not torn.may_be(data) else b""
        told = (lambda: plain.form_lines(data, limits)) if bare else None
        return Parsed(
            BodyKind.FORM, lambda: _pairs(data, notes), lambda: _form_sheet(data, notes), bare, told
        )
    return Parsed(others[0].kind, lambda: [*_pairs(data, notes), *_all_fields(others)])


OTHER_FORMATS: Final = (b"{", b"[", b"<", b"-")
"""What a form may begin with that is one in name only."""
CHARSET_FIELD: Final = b"_charset_="
FORM_PARTS: Final = (Part.FORM, Part.FORM_NAME)
_FORM_TO_MARKS: Final = bytes.maketrans(b"&=+", MARK + MARK + b" ")
_NOT_PAIRS: Final = bytes(set(range(256)) - set(b"&="))


def _form_sheet(data: bytes, notes: Notes) -> Sheet | None:
    """Names and values of a form of which each pair is a name, one "=" and a value."""
    shape = data.translate(None, _NOT_PAIRS)
    count = len(shape) // 2
    if shape != b"=&" * count + b"=" or count >= most_pairs(notes.limits) or len(data) > notes.limits.value:
        return None
    if torn.may_be(data):
        return None
    text = data.translate(_FORM_TO_MARKS)
    coded = b"%" in text
    if coded:
        text = unpercent(text)
    return Sheet(text, FORM_PARTS, coded) if text.count(MARK) == len(shape) else None


_CHARSET_FIELD: Final = re.compile(rb"(?:^|&)_charset_=([^&]{1,40})")


def _check_charset_field(data: bytes, notes: Notes) -> None:
    """The field by which a form may say its charset (HTML, form submission)."""
    match = _CHARSET_FIELD.search(data)
    if match is not None and not ascii_compatible(match[1]):
        notes.add("protocol.charset")


def _pairs(data: bytes, notes: Notes) -> list[Field]:
    limit = most_pairs(notes.limits)
    pairs = data.split(b"&", limit)
    rest = b""
    if len(pairs) > limit:
        rest = pairs.pop()
        data = b"&".join(pairs)
        notes.add("limit.fields")
    fields = pair_fields(data, Part.FORM_NAME, Part.FORM)
    longest = notes.limits.value
    if len(data) > longest:
        for field in fields:
            if len(field.value) > longest:
                notes.add("limit.value", field.part, field.name[:LONGEST_NAME])
    if rest:
        fields.append(Field(Part.BODY, "", unform(rest.replace(b"&", b"\n"))))
    return fields


def _graphql(data: bytes, notes: Notes) -> Parsed | None:
    text = data.decode("utf-8", "replace")
    if not graphql.looks_like(text):
        return None
    graphql.check_text(text, notes)
    into = Collector(notes)
    graphql.collect(text, into)
    return Parsed(BodyKind.GRAPHQL, into.done)


def _file(data: bytes, notes: Notes) -> Parsed:
    """An upload by its own type. A document that the app might parse all the same is read as that, too."""
    others = _sniffed(data, notes) if data.lstrip()[:1] in (b"{", b"[") else []
    if others:
        notes.add("protocol.body-mislabelled")
    return Parsed(BodyKind.BINARY, lambda: [Field(Part.FILE, "", data), *_all_fields(others)])


_MARKS_OF_16: Final = (b"\xff\xfe", b"\xfe\xff")  # byte order marks of UTF-16


def _unknown(data: bytes, notes: Notes, text: bool) -> Parsed:
    """No type, or one that no parser is for: everything that accepts it reads it, and it is inspected raw."""
    if not data.strip():
        return EMPTY
    if data.startswith(_MARKS_OF_16):
        data = transcode(data, b"utf-16")
    others = _sniffed(data, notes, forms=not text)
    part = Part.BODY if text or is_text(data) else Part.FILE
    kind = others[0].kind if others else BodyKind.TEXT if part is Part.BODY else BodyKind.BINARY
    if others and others[0].kind in (BodyKind.JSON, BodyKind.GRAPHQL):
        return others[0]  # nothing of a strict document is outside of its fields
    return Parsed(kind, lambda: [Field(part, "", data), *_all_fields(others)])


def _mismatch(data: bytes, notes: Notes) -> Parsed:
    """The body is not what it claims to be."""
    if not data.strip():
        return EMPTY
    notes.add("protocol.body-mismatch")
    others = _sniffed(data, notes, forms=True)
    kind = others[0].kind if others else BodyKind.TEXT
    return Parsed(kind, lambda: [Field(Part.BODY, "", data), *_all_fields(others)])


# ------------------------------------------------------------------------------------------------ claimed by nobody

_PART_BEGINS: Final = re.compile(rb"\s*--([^\r\n]{1,70})\r?\n[\s\S]{0,200}?content-disposition\s*:", re.I)
_PAIR_BEGINS: Final = re.compile(rb"[\w.%+*\[\]$-]{1,100}=[^\n]*\Z")


def _sniffed(data: bytes, notes: Notes, forms: bool = False) -> list[Parsed]:
    """What accepts the body by its content alone; strict documents only."""
    start = data.lstrip()[:1]
    if start in (b"{", b"["):
        try:
            orjson.loads(data)
        except orjson.JSONDecodeError:
            lines = json_body.objects(data, notes)
            return [lines] if lines else _graphql_only(data, notes)
        parsed = json_body.parse(data, notes)
        return [parsed] if parsed else []
    if start == b"<" and (forms or b"<?xml" in data[:200]):
        # Text that is mark-up is no XML to the app unless nothing says that it is text.
        kept = notes if forms else Notes(notes.limits, notes.mask)
        parsed = xml_body.parse(data, kept)
        return [parsed] if parsed and (forms or not kept.findings) else []
    if start == b"-" and (match := _PART_BEGINS.match(data)):
        boundary = ContentType(b"multipart/form-data", ((b"boundary", match[1].rstrip()),))
        return [multipart_body.parse(data, boundary, notes)]
    if forms and _PAIR_BEGINS.match(data):
        return [Parsed(BodyKind.FORM, lambda: _pairs(data, notes))]
    return _graphql_only(data, notes) if forms else []


def _graphql_only(data: bytes, notes: Notes) -> list[Parsed]:
    if not data.lstrip().startswith((b"query", b"mutation", b"subscription")):
        return []
    parsed = _graphql(data, notes)
    return [parsed] if parsed else []


def _all_fields(parsed: list[Parsed]) -> list[Field]:
    return [field for one in parsed for field in one.fields()]
