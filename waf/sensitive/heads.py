"""Heads kept truthful: what a request may ask for, and what a response may still claim, where bodies are
redacted.

The head goes out before the body is seen, so it must hold whether or not something will be masked:
- digests of the content (RFC 9530, RFC 1864) are dropped;
- a strong ETag becomes a weak one (RFC 9110 section 8.8.1): masked bodies are equivalent, not equal byte for
byte.
  Revalidation goes on working, as If-None-Match compares weakly;
- ranges are neither asked for nor offered: a value could be fetched in parts that each look harmless;
- Content-Length stays where masks keep the length, and goes with Content-Encoding where the coding is undone.
"""

from __future__ import annotations

import re
from typing import Final

from waf.http1.memo import Memo
from waf.http1.speed import with_value
from waf.messages import Framing, HeaderLine, Headers, Request, Response

DIGESTS: Final = frozenset({b"content-md5", b"digest", b"content-digest", b"repr-digest", b"want-digest"})
_CLAIMS: Final = DIGESTS | {b"accept-ranges", b"etag"}
"""What a response may claim of a body that is not altered in length."""
_RANGES: Final = frozenset({b"range", b"if-range"})
_MEDIA: Final = re.compile(
    rb"(?i)\.(?:mp4|m4v|m4a|webm|mov|mkv|avi|mp3|ogg|oga|ogv|opus|flac|wav|aac|ts|zip|gz|tgz|bz2|xz|7z|rar|iso|img|dmg|"
    rb"exe|msi|deb|rpm|apk|pdf|png|jpe?g|gif|webp|avif|woff2?|bin)\Z"
)
"""Paths whose content is no text; ranges into it may pass. If it is text after all, `undecodable` decides."""

_GZIP: Final = re.compile(
    rb"(?i)(?:\A|,)[ \t]*(?:x-)?gzip[ \t]*(?:;[ \t]*q=(?!0(?:\.0*)?[ \t]*(?:,|\Z))[^,]*)?[ \t]*(?=,|\Z)"
)


_CODINGS: Final = Memo(
    lambda value: b"gzip" if _GZIP.search(value) is not None else b"identity", capacity=256, longest=128
)
"""Accept-Encoding, and which of the two codings that we can undo the app is asked for."""


def accepts_gzip(request: Request) -> bool:
    """The client takes gzip (RFC 9110 section 12.5.3); a mere "*" is not taken for it."""
    value = request.headers.get(b"accept-encoding")
    return value is not None and _CODINGS[value] == b"gzip"


def prepared(request: Request) -> Request:
    """`request` as it goes to the app where responses are redacted: gzip or nothing, and whole."""
    headers = request.headers
    index = headers.index
    value = index.get(b"accept-encoding")
    coding = _CODINGS[value] if value is not None else b"identity"
    ranged = b"range" in index and not _MEDIA.search(request.path)
    if (value is None or value == coding) and not ranged:
        return request
    if not ranged:  # what browsers send: one value to replace
        lines_of_it = with_value(headers.lines, b"accept-encoding", coding)
        return request.with_headers(Headers(lines_of_it, {**index, b"accept-encoding": coding}))
    lines: list[HeaderLine] = []
    for lower, name, old in request.headers.lines:
        if lower in _RANGES and ranged:
            continue
        lines.append((lower, name, coding if lower == b"accept-encoding" else old))
    return request.with_headers(Headers.of(lines))


def truthful(response: Response, decoded: bool, gzipped: bool, lengthens: bool) -> Response:
    """The head of a response whose body is redacted.

    `decoded`: its coding is undone; `gzipped`: and gzip applied again; `lengthens`: its length may change.
    """
    if not (decoded or lengthens) and _CLAIMS.isdisjoint(response.headers.index):
        return response
    lines: list[HeaderLine] = []
    for lower, name, value in response.headers.lines:
        if lower in DIGESTS or lower == b"accept-ranges":
            continue
        if lower == b"content-length" and (decoded or lengthens):
            continue
        if lower == b"content-encoding" and decoded:
            if gzipped:
                lines.append((lower, name, b"gzip"))
            continue
        strong = lower == b"etag" and not value.startswith(b"W/")
        lines.append((lower, name, b"W/" + value if strong else value))
    changed = response.with_headers(Headers.of(lines))
    if (decoded or lengthens) and response.framing is Framing.LENGTH:
        changed = changed.altered(framing=Framing.CHUNKED, length=0)
    return changed


def undigested(request: Request, length: int) -> Request:
    """A request whose body was altered: not coded, no digest of the old one, and its new length in bytes."""
    lines = [
        (lower, name, b"%d" % length if lower == b"content-length" else value)
        for lower, name, value in request.headers.lines
        if lower not in DIGESTS and lower != b"content-encoding"
    ]
    framing = Framing.LENGTH if request.framing is not Framing.NONE else Framing.NONE
    return request.altered(headers=Headers.of(lines), framing=framing, length=length)
