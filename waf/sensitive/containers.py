"""What kind of text a body is, and what may be written into it without breaking it."""

from __future__ import annotations

import enum
import re
from typing import Final


class Container(enum.Enum):
    """The grammar of a text, as far as masks and names depend on it. The value begins the address of a field."""

    TEXT = "text"
    JSON = "json"
    XML = "xml"
    HTML = "html"
    FORM = "form"
    CSV = "csv"
    SCRIPT = "script"
    MULTIPART = "multipart"

    __hash__ = object.__hash__  # an enum's own hashes its name anew each time


_TYPES: Final[dict[bytes, Container]] = {
    b"application/json": Container.JSON,
    b"application/x-ndjson": Container.JSON,
    b"application/ndjson": Container.JSON,
    b"application/jsonl": Container.JSON,
    b"application/json-seq": Container.JSON,
    b"text/json": Container.JSON,
    b"text/event-stream": Container.JSON,
    b"application/graphql": Container.TEXT,
    b"application/xml": Container.XML,
    b"text/xml": Container.XML,
    b"text/html": Container.HTML,
    b"application/x-www-form-urlencoded": Container.FORM,
    b"multipart/form-data": Container.MULTIPART,
    b"multipart/mixed": Container.MULTIPART,
    b"text/csv": Container.CSV,
    b"text/tab-separated-values": Container.CSV,
    b"application/csv": Container.CSV,
    b"application/javascript": Container.SCRIPT,
    b"application/x-javascript": Container.SCRIPT,
    b"application/ecmascript": Container.SCRIPT,
    b"text/javascript": Container.SCRIPT,
    b"application/yaml": Container.TEXT,
    b"application/x-yaml": Container.TEXT,
    b"application/sql": Container.TEXT,
    b"application/toml": Container.TEXT,
    b"application/x-httpd-php": Container.HTML,
}

_READABLE_CHARSETS: Final = re.compile(
    rb"utf-?8|us-ascii|ascii|iso[-_]?8859-?\d{1,2}|windows-125\d|latin-?\d|cp125\d|koi8-[ru]|gb2312|gbk|gb18030|"
    rb"shift[-_]jis|sjis|euc-(?:jp|kr)|big5",
)
"""Character sets in which ASCII stands for itself; in others (UTF-16, UTF-7, EBCDIC) nothing could be found."""


def container_of(content_type: bytes | None) -> Container | None:
    """The container that a Content-Type names; None for types that hold no text (images, archives, octets).

    No Content-Type at all counts as text, of which `sniffed` then says more.
    """
    if content_type is None:
        return Container.TEXT
    media = content_type.partition(b";")[0].strip().lower()
    known = _TYPES.get(media)
    if known is not None:
        return known
    if media.endswith(b"+json"):
        return Container.JSON
    if media.endswith(b"+xml"):
        return Container.XML
    return Container.TEXT if media.startswith(b"text/") or not media else None


def readable_charset(content_type: bytes | None) -> bool:
    """False where a Content-Type names a character set in which ASCII does not stand for itself."""
    if content_type is None or b"charset" not in content_type.lower():
        return True
    named = re.search(rb"(?i)charset\s*=\s*[\"']?([^\"';,\s]+)", content_type)
    return named is None or _READABLE_CHARSETS.fullmatch(named[1].lower()) is not None


def sniffed(named: Container, start: bytes) -> Container | None:
    """What a body whose type says little is by its first bytes: JSON sent as HTML or text; None for binary data."""
    if named not in (Container.TEXT, Container.HTML):
        return named
    if named is Container.HTML and start[:1] == b"<":
        return named
    head = start[:256].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] in (b"{", b"["):
        return Container.JSON
    if named is Container.TEXT:
        if b"\x00" in start[:256]:
            return None
        if head[:1] == b"<":
            return Container.XML if head[:5].lower() == b"<?xml" else Container.HTML
    return named


_MEMBER_BEFORE: Final = re.compile(rb"[\"'][ \t]*:[ \t\r\n]*-?\Z")
_BARE_BEFORE: Final = re.compile(rb"[:\[,{\n][ \t\r\n]*-?\Z|\A[ \t\r\n]*-?\Z")
_CODE_BEFORE: Final = re.compile(rb"(?:[=:(\[,+*/<>?&|!;{-]|\breturn)[ \t\r\n]*\Z")
_MEMBER_AFTER: Final = re.compile(rb"[ \t]*(?:[\r\n,}\]]|\Z)")
_CODE_AFTER: Final = re.compile(rb"[ \t]*(?:[\r\n,}\]);+*/<>?&|:-]|\Z)")

_BARE: Final[dict[Container, tuple[re.Pattern[bytes], re.Pattern[bytes]]]] = {
    Container.JSON: (_BARE_BEFORE, _MEMBER_AFTER),
    Container.SCRIPT: (_CODE_BEFORE, _CODE_AFTER),
    Container.TEXT: (_MEMBER_BEFORE, _MEMBER_AFTER),
    Container.HTML: (_MEMBER_BEFORE, _MEMBER_AFTER),
    Container.MULTIPART: (_MEMBER_BEFORE, _MEMBER_AFTER),
}


_QUOTES: Final = (b'"', b"'", b"`")


def is_bare_number(container: Container, text: bytes, start: int, end: int) -> bool:
    """The digits at [start, end) may stand outside of quotes, where the grammar allows digits only.

    Errs towards yes: digits within a string may as well be masked by digits, a star outside breaks the
    document.
    """
    rule = _BARE.get(container)
    if rule is None or text[start - 1 : start] in _QUOTES or not text[start:end].isdigit():
        return False
    before, after = rule
    return before.search(text[max(0, start - 40) : start]) is not None and after.match(text, end) is not None
