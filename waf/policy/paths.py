"""Path templates, and the one canonical reading of a path that they are held against.

A template's "*" and "{name}" stand for one segment, a last "**" for the rest. Templates match the canonical
path: percent-decoded once, dot segments resolved (RFC 3986 section 5.2.4), repeated slashes joined. A path
that servers may read differently is `ambiguous`; what loosens the policy must not apply to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

_PLAIN: Final = re.compile(rb"(?:/[A-Za-z0-9_~!$'()*+,=:@-][A-Za-z0-9._~!$'()*+,=:@-]*)+/?|/")
_ODD: Final = re.compile(rb"[\x00-\x1f\x7f\\;%]|//|/\.{1,2}(?:/|$)")


class CanonicalPath(msgspec.Struct, frozen=True):
    text: str
    ambiguous: bool


def canonical(path: bytes) -> CanonicalPath:
    """The canonical reading of a raw path of the request target."""
    if _PLAIN.fullmatch(path):
        return CanonicalPath(path.decode("ascii"), False)
    decoded = unquote_to_bytes(path)
    slashes_differ = decoded.count(b"/") != path.count(b"/")
    ambiguous = slashes_differ or _ODD.search(decoded) is not None
    segments: list[bytes] = []
    parts = decoded.replace(b"\\", b"/").split(b"/")[1:]
    for part in parts:
        if part == b"..":
            if segments:
                segments.pop()
        elif part not in (b"", b"."):
            segments.append(part)
    text = "/" + b"/".join(segments).decode("utf-8", "replace")
    if decoded.endswith(b"/") and len(text) > 1:
        text += "/"
    return CanonicalPath(text, ambiguous)


@lru_cache(maxsize=1024)
def template(pattern: str) -> re.Pattern[str]:
    """Compile a path template. "" and "/**" match every path. Raises ValueError with the mend in its text."""
    if pattern in ("", "**", "/**"):
        return re.compile(r"(?s:.*)")
    if not pattern.startswith("/"):
        raise ValueError(f'a path template starts with "/": write "/{pattern}"')
    out: list[str] = []
    segments = pattern[1:].split("/")
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment == "**":
            if not last:
                raise ValueError('"**" may only stand at the end of a path template')
            out.append(r"(?:/(?s:.*))?")
        elif segment == "*" or (segment.startswith("{") and segment.endswith("}")):
            out.append(r"/[^/]+")
        else:
            out.append("/" + re.escape(segment).replace(r"\*", "[^/]*"))
    return re.compile("".join(out))
