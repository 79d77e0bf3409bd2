"""Keys, tokens and passwords: what makes a string more than a name or a placeholder."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from typing import Final

_PLACEHOLDERS: Final = re.compile(
    rb"(?i)example|sample|placeholder|change_?me|your[_-]|dummy|x{6}|\*{3}|\.{3}|<|\$\{|\{\{|%\(|redacted"
)


def jwt(value: bytes) -> float:
    """A JSON web token: the first part decodes to a JSON object that names an algorithm (RFC 7515)."""
    head = value.partition(b".")[0]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return 0.0
    return 1.0 if isinstance(decoded, dict) and ("alg" in decoded or "enc" in decoded) else 0.0


_SURPRISE: Final = tuple(n * math.log2(n) if n else 0.0 for n in range(257))


def entropy(value: bytes) -> float:
    """Shannon entropy in bits a character, of at most 256 characters."""
    size = min(len(value), 256)
    return (
        math.log2(size) - sum([_SURPRISE[n] for n in Counter(value[:256]).values()]) / size if size else 0.0
    )


def token(value: bytes) -> float:
    """A key with a prefix of its maker: the part behind it is no placeholder and no word."""
    # Random characters hardly repeat: nine different ones among sixteen is what chance gives at the very least.
    if len(set(value[4:])) < 9 or _PLACEHOLDERS.search(value):
        return 0.0
    return 1.0


def aws_secret(value: bytes) -> float:
    """Forty base64 characters that are neither hexadecimal nor words."""
    mixed = re.search(rb"[a-z]", value) and re.search(rb"[A-Z]", value) and re.search(rb"[0-9+/]", value)
    return 1.0 if mixed and entropy(value) >= 4.0 and not _PLACEHOLDERS.search(value) else 0.0


def password(value: bytes) -> float:
    """A password in a URL: anything but a placeholder or a variable."""
    return 0.0 if _PLACEHOLDERS.search(value) or value.lower() in (b"password", b"pass", b"pwd") else 1.0


def high_entropy(value: bytes) -> float:
    """A value under a secret-like name that looks drawn by chance."""
    kinds = sum(bool(re.search(c, value)) for c in (rb"[a-z]", rb"[A-Z]", rb"[0-9]"))
    return 1.0 if kinds >= 2 and entropy(value) >= 3.3 and not _PLACEHOLDERS.search(value) else 0.0
