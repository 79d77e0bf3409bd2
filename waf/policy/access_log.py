"""Requests from access logs in the Common or Combined format of Apache and nginx.

Owns the reading of such lines. A log knows the request line, the Referer and the User-Agent of a request, no more; so
what is judged of it are these. Knows no files: lines in, `Sample` out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from waf.policy.samples import Sample

_LINE: Final = re.compile(
    rb'[^"\[]*(?:\[[^\]]{0,60}\])?\s*"(?P<asked>(?:[^"\\]|\\.)*)"\s+(?:\d{3}|-)\s+(?:\d+|-)'
    rb'(?:\s+"(?P<referer>(?:[^"\\]|\\.)*)"\s+"(?P<agent>(?:[^"\\]|\\.)*)")?'
)
_ESCAPE: Final = re.compile(rb'\\(?:x([0-9A-Fa-f]{2})|(["\\]))')
_ASKED: Final = re.compile(rb"(?P<method>[A-Z]{3,16}) (?P<target>\S.*?)(?: HTTP/\d(?:\.\d)?)?")
HOST: Final = "log.invalid"  # RFC 2606: what the log does not tell


def from_access_log(lines: Iterable[bytes]) -> Iterator[Sample | None]:
    """A sample for each line, in their order; None for lines of other formats and for what was no request line."""
    for line in lines:
        if line.strip():
            yield _sample(line)


def _sample(line: bytes) -> Sample | None:
    match = _LINE.match(line)
    asked = _ASKED.fullmatch(_unescaped(match["asked"])) if match else None
    if match is None or asked is None:
        return None
    target = asked["target"].replace(b" ", b"%20")  # as logs show it decoded; no client sends it so
    head = [asked["method"] + b" " + target + b" HTTP/1.1", b"Host: " + HOST.encode()]
    for name, group in ((b"Referer", "referer"), (b"User-Agent", "agent")):
        value = _unescaped(match[group] or b"-")
        if value != b"-":
            head.append(name + b": " + value)
    return Sample(
        b"\r\n".join(head) + b"\r\n\r\n",
        b"",
        b" ".join(asked.group("method", "target")).decode("latin-1")[:200],
    )


def _unescaped(text: bytes) -> bytes:
    """As it was before the server wrote it down: \\xHH, and backslashes before quotes and backslashes."""
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 16)]) if m[1] else m[2], text)
