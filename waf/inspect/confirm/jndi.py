"""Do nested lookups of a logging library resolve to one that fetches code (CVE-2021-44228 and its family)?

Owns the reduction of `${lower:j}`, `${::-j}`, `${env:X:-j}` and the like, from the inside out.
"""

from __future__ import annotations

import re
from typing import Final

from waf.model import Confidence

_CAP: Final = 2048
_INNER: Final = re.compile(rb"\$\{([^${}]{0,120})\}")
# All for lower case.
_FETCH: Final = re.compile(rb"\$\{[^}]{0,24}?jndi\s*:")
_FETCHES: Final = re.compile(rb"jndi\s*:\s*(?:ldaps?|rmi|dns|nis|iiop|corba|nds|https?)\s*:")
_SCHEME: Final = re.compile(rb":\s*(?:ldaps?|rmi|dns|nis|iiop|corba|nds):/?/")
_SCRIPT: Final = re.compile(rb"\$\{script\s*:\s*\w+\s*:|\$\{(?:url|dns)\s*:[^}]{0,80}(?:://|\.)")
_NESTED: Final = re.compile(rb"\$\{[^{}]{0,8}::?-\$?\$\{[^{}]{0,8}::?-")
_LEAK: Final = re.compile(
    rb"\$\{[^}]{0,12}(?:env|sys|java|ctx|main|bundle|docker|k8s|spring|script|url|dns|file|base64decoder"
    rb"|const|xml)\s*:"
)
_IN_PATHS: Final = re.compile(
    rb"\$\{env:(?:home|path|userprofile|(?:local)?appdata|gopath|pythonpath)\}(?=[/\\:;])|(?<=[:;])\$\{env:path\}"
)
"""Settings of editors name directories so: no secret, and not alone."""
_SPELLED: Final = re.compile(rb"[^j]*+j[^n]*+n[^d]*+d[^i]*+i")
"""Its letters, whatever stands between: lookups that are resolved add none. From the front, so that no letter is begun at twice."""
_ROUNDS: Final = 12
_LEAK_MAX: Final = 200  # bytes of a value that is a lookup and no text with one in it


def places(value: bytes, end: int) -> int:
    """How many lookups may be resolved around a match that ends there, in fives."""
    piece = value[max(0, end - _CAP) : end + _CAP]
    return piece.count(b"${") // 5 if _SPELLED.match(piece.lower()) else 0


def _resolve(match: re.Match[bytes]) -> bytes:
    inside = match[1]
    if inside.lstrip().startswith(b"jndi"):
        return b"$\x01" + inside + b"\x02"  # found: kept, and out of the way of further rounds
    _, dash, default = inside.rpartition(b":-")
    if dash:
        return default
    kind, colon, text = inside.partition(b":")
    if colon and kind.strip() in (b"lower", b"upper", b"date"):
        return text.strip(b"'")
    return b"(" + inside + b")"


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH for a lookup that reaches out (jndi) or nests to hide one, MEDIUM for one that only reads."""
    piece = value[max(0, span[0] - 64) : span[0] + _CAP].lower()  # nothing here cares for case
    plain = piece
    rounds = 0 if _SPELLED.match(piece) else _ROUNDS
    while rounds < _ROUNDS:
        shorter = _INNER.sub(_resolve, plain)
        if shorter == plain:
            break
        plain = shorter
        rounds += 1
    if b"jndi" in plain or b"jndi" in piece:
        shown = plain.replace(b"$\x01", b"${")
        if _FETCH.search(shown) or _FETCH.search(piece) or _FETCHES.search(shown):
            return Confidence.HIGH
    if piece.count(b"${") > 1 and _SCHEME.search(piece):
        return Confidence.HIGH  # whatever the inner lookups give
    if _NESTED.search(piece):
        return (
            Confidence.HIGH
        )  # lookups of nothing within each other, which some versions never end to resolve
    if _SCRIPT.search(piece):
        return Confidence.HIGH  # the same idea in Apache Commons Text (CVE-2022-42889)
    return Confidence.MEDIUM if len(value) < _LEAK_MAX and _LEAK.search(_IN_PATHS.sub(b"", piece)) else None
