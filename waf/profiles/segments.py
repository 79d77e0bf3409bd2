"""What a path segment is: a literal, or a value of a type that names itself.

Most ids in paths say what they are; those never become literals. What does not (slugs, names) starts as a
literal and becomes a slot by the rules of `model`. Percent-decoding happens once and dot segments are left
for the signatures: a path with either of "." and ".." as a segment is no place that can be learned.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

MAX_DEPTH: Final = 16

SLOT: Final = "{str}"  # the untyped slot that literals collapse into
STATIC: Final = "{file}"

_STATIC_TYPES: Final = (
    "css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "webp", "avif", "svg", "ico", "bmp", "tif",
    "tiff", "woff", "woff2", "ttf", "otf", "eot", "mp3", "mp4", "m4a", "ogg", "webm", "wav", "swf", "pdf",
    "wasm", "webmanifest",
)  # fmt: skip

PATTERNS: Final[dict[str, str]] = {
    "{int}": r"-?[0-9]{1,18}",
    "{uuid}": r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    "{date}": r"[0-9]{4}-[01][0-9]-[0-3][0-9]",
    "{hex}": r"(?=[a-f]*[0-9])[0-9a-f]{12,128}|(?=[A-F]*[0-9])[0-9A-F]{12,128}",
    "{token}": r"(?=[^0-9]*[0-9])(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[A-Za-z0-9_-]{16,512}={0,2}",
    # Numbers in groups, codes of capitals and digits, addresses: they may be a person's, so none becomes a literal.
    "{id}": r"(?=(?:[^0-9]*[0-9]){5})\+?[A-Za-z]{0,4}[0-9]{1,6}(?:[-. ][A-Za-z]{0,2}[0-9]{1,6}){1,8}[A-Za-z]?"
    r"|(?=(?:[A-Z]*[0-9]){5})[A-Z0-9]{8,34}|[^@/\s]{1,64}@[^@/\s]{1,190}\.[A-Za-z]{2,24}",
    STATIC: r"[A-Za-z0-9_@.%+,~ ()-]{0,200}[A-Za-z0-9_)-]\.(?:" + "|".join(_STATIC_TYPES) + ")",
}
"""Slots that a segment enters by its own form, in order; the first that fits."""

_CLASSIFY: Final = re.compile("|".join(f"({p})" for p in PATTERNS.values()).encode()).fullmatch
_SLOTS: Final = ("", *PATTERNS)
_WORD: Final = re.compile(rb"[a-z_]{1,24}").fullmatch  # most literals; saves the dear patterns

_SESSION: Final = re.compile(
    rb";(?:jsessionid|sid|phpsessid)=[A-Za-z0-9.!_-]{0,128}(?=/|$)", re.IGNORECASE
).sub

_ANYWHERE: Final = re.compile(
    rb"/(?:favicon\.(?:ico|png|svg)|robots\.txt|sitemap\.xml|humans\.txt|(?:app-)?ads\.txt|browserconfig\.xml"
    rb"|site\.webmanifest|manifest\.json|apple-touch-icon(?:-[0-9]{2,3}x[0-9]{2,3})?(?:-precomposed)?\.png"
    rb"|\.well-known(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}){1,2})"
).fullmatch

HARMLESS: Final = frozenset({"{int}", "{uuid}", "{date}", "{hex}"})


def split(path: bytes) -> list[bytes] | None:
    """The decoded segments of a raw path; the last is b"" after a trailing slash. None where no place is
    meant.

    "/" gives [b""]. None for "*", for paths not starting with "/", with dot segments, encoded slashes or
    control characters.
    """
    if path[:1] != b"/":
        return None
    if b";" in path:
        path = _SESSION(b"", path)
    segments = path[1:].split(b"/")
    if b"%" in path:
        segments = [unquote_to_bytes(segment) if b"%" in segment else segment for segment in segments]
        if any(b"/" in segment or b"\\" in segment or b"\0" in segment for segment in segments):
            return None
    if b"." in segments or b".." in segments:
        return None
    return segments


def asked_anywhere(path: bytes) -> bool:
    """True for what browsers and crawlers ask of any site by themselves (icons, robots.txt, RFC 8615).

    An app that has no such thing answers 404, which is not learned from; whether it has it is no sign of anything.
    """
    return _ANYWHERE(path) is not None


def slot_of(segment: bytes) -> str | None:
    """The typed slot a segment enters, None for a literal. A matrix parameter (";") is no part of the
    type."""
    if _WORD(segment):
        return None
    if segment.isdigit() and len(segment) <= 18:
        return "{int}"
    match = _CLASSIFY(segment)
    return None if match is None else _SLOTS[match.lastindex or 0]


def is_word(segment: bytes) -> bool:
    """Whether a segment is a plain word, as most literals are, and no one's data."""
    return _WORD(segment) is not None


def literal(segment: bytes) -> str:
    """A literal segment as text without blanks, controls or a "{" that would make it a slot; see
    `unliteral`."""
    if _WORD(segment):
        return segment.decode()
    try:
        text = segment.decode()
    except UnicodeDecodeError:
        return quote(segment, safe="")
    return "".join(c if c.isprintable() and c not in ' %{}"' else quote(c, safe="") for c in text)


def unliteral(name: str) -> bytes:
    """The segment that `literal` wrote."""
    return unquote_to_bytes(name)
