"""What kind of text a body is, and what may be written into it without breaking it."""

from __future__ import annotations

import enum
import re
from typing import Final


class Container(enum.Enum):
    """The grammar of a text, as far as masks and names depend on it."""

    TEXT = "text"
    JSON = "json"
    XML = "xml"
    HTML = "html"
    FORM = "form"
    CSV = "csv"
    SCRIPT = "script"
    MULTIPART = "multipart"


_TYPES: Final[dict[bytes, Container]] = {
    b"application/json": Container.JSON,
    b"application/x-ndjson": Container.JSON,
    b"application/ndjson": Container.JSON,
    b"application/graphql": Container.TEXT,
    b"text/json": Container.JSON,
    b"text/event-stream": Container.JSON,
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
}


def container_of(content_type: bytes | None) -> Container | None:
    """The container that a Content-Type names; None for types that hold no text (images, archives, octets)."""
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
    return Container.TEXT if media.startswith(b"text/") else None


_BARE_BEFORE: Final = re.compile(rb"(?:\A|[:\[,{])[ \t\r\n]*-?\Z")
_BARE_AFTER: Final = re.compile(rb"[ \t\r\n]*(?:\Z|[,}\]])")


def is_bare_number(text: bytes, start: int, end: int) -> bool:
    """The digits at [start, end) may stand outside of quotes, where JSON and scripts allow digits only."""
    return (
        text[start:end].isdigit()
        and _BARE_BEFORE.search(text[max(0, start - 40) : start]) is not None
        and _BARE_AFTER.match(text, end) is not None
    )
