"""Keys, tokens and passwords: what makes a string more than a name or a placeholder."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from typing import Final

_PLACEHOLDERS: Final = (
    b"example", b"sample", b"placeholder", b"changeme", b"change_me", b"your_", b"your-", b"dummy", b"xxxxxx", b"***",
    b"...", b"<", b"${", b"{{", b"%(", b"redacted",
)  # fmt: skip


def is_placeholder(value: bytes) -> bool:
    """Somebody meant to put a secret there."""
    text = value.lower()
    for word in _PLACEHOLDERS:  # noqa: SIM110 (a generator would cost more than all of the searches)
        if word in text:
            return True
    return False


def jwt(value: bytes) -> float:
    """A JSON web token: the first part decodes to a JSON object that names an algorithm (RFC 7515)."""
    head = value.partition(b".")[0]
    try:
        text = base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4))
        # Most of what only looks like one is told without being read.
        if text[-1:] not in _CLOSING or not (b"alg" in text or b"enc" in text or b"\\" in text):
            return 0.0
        decoded = json.loads(text)
    except (binascii.Error, ValueError, RecursionError):
        return 0.0
    return 1.0 if isinstance(decoded, dict) and ("alg" in decoded or "enc" in decoded) else 0.0


_CLOSING: Final = (b"}", b" ", b"\n", b"\r", b"\t")


_SURPRISE: Final = tuple(n * math.log2(n) if n else 0.0 for n in range(257))


def entropy(value: bytes) -> float:
    """Shannon entropy in bits a character, of at most 256 characters."""
    value = value[:256]
    size = len(value)
    return math.log2(size) - sum([_SURPRISE[value.count(c)] for c in set(value)]) / size if size else 0.0


def token(value: bytes) -> float:
    """A key with a prefix of its maker: the part behind it is no placeholder and no word."""
    # Random characters hardly repeat: nine different ones among sixteen is what chance gives at the very least.
    if len(set(value[4:])) < 9 or is_placeholder(value):
        return 0.0
    return 1.0


_LOWER: Final = re.compile(rb"[a-z]")
_UPPER: Final = re.compile(rb"[A-Z]")
_DIGIT: Final = re.compile(rb"[0-9]")
_OTHER: Final = re.compile(rb"[0-9+/]")


def aws_secret(value: bytes) -> float:
    """Forty base64 characters that are neither hexadecimal nor words."""
    mixed = _LOWER.search(value) and _UPPER.search(value) and _OTHER.search(value)
    return 1.0 if mixed and entropy(value) >= 4.0 and not is_placeholder(value) else 0.0


def password(value: bytes) -> float:
    """A password in a URL: anything but a placeholder or a variable."""
    return 0.0 if is_placeholder(value) or value.lower() in (b"password", b"pass", b"pwd") else 1.0


def high_entropy(value: bytes) -> float:
    """A value under a secret-like name that looks drawn by chance."""
    kinds = bool(_LOWER.search(value)) + bool(_UPPER.search(value)) + bool(_DIGIT.search(value))
    return 1.0 if kinds >= 2 and entropy(value) >= 3.3 and not is_placeholder(value) else 0.0
