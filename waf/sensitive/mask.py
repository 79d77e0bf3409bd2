"""How values are made unreadable.

A mask is a function from a value to one of the same length that says less: "*" stands for each hidden letter
or digit, separators stay. Where the grammar allows no star (a bare JSON number) digits stand instead. PCI DSS
3.4.1 allows the BIN and the last four digits of a card number at most.

Tokens and hashes are keyed (PCI DSS 3.5.1.1): without the key nobody can try all numbers. They change the
length.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from functools import lru_cache
from typing import Final

from waf.sensitive.validate.digits import luhn

_FORMAT: Final = re.compile(r"(?:first(\d+))?(?:last(\d+))?")
_LEAST_HIDDEN: Final = 4
"""A mask that would hide fewer characters keeps the last ones only, then none."""

_STARS: Final = bytes(42 if chr(c).isalnum() and c < 128 else c for c in range(256))


def masked(value: bytes, format: str) -> bytes:
    """`value` in the mask `format` of an entity file, as long as it was."""
    if format == "everything":
        return b"*" * len(value)
    if format == "email":
        return _email(value)
    first, last = _kept(format)
    if value.isdigit():
        places: range | list[int] = range(len(value))
    else:
        places = [place for place, char in enumerate(value) if _STARS[char] == 42]
    size = len(places)
    if size - first - last < _LEAST_HIDDEN:
        first = 0
        if size - last < _LEAST_HIDDEN:
            last = 0
    if size == 0:
        return value
    start = places[first]
    end = places[size - last - 1] + 1
    return value[:start] + value[start:end].translate(_STARS) + value[end:]


def masked_number(value: bytes, format: str) -> bytes:
    """As `masked`, in digits alone and without a leading zero: middle digits 0."""
    out = masked(value, format).replace(b"*", b"0")
    return b"1" + out[1:] if out[:1] == b"0" and len(out) > 1 else out


def hidden(format: str) -> tuple[int, int, int]:
    """A mask as waf/_finder.c knows it: by places (0), everything (1), e-mail (2); the first and last that stay."""
    if format == "everything":
        return 1, 0, 0
    return (2, 0, 0) if format == "email" else (0, *_kept(format))


@lru_cache(maxsize=64)
def _kept(format: str) -> tuple[int, int]:
    if format == "all":
        return 0, 0
    match = _FORMAT.fullmatch(format)
    assert match is not None, "mask formats are checked when entities are read"
    return int(match[1] or 0), int(match[2] or 0)


def _email(value: bytes) -> bytes:
    """j***@d***.tld: first characters, where they are not the only ones, and the top-level domain stay."""
    local, at, domain = value.rpartition(b"@")
    name, dot, tld = domain.rpartition(b".")
    return b"".join((_beyond_first(local), at, _beyond_first(name), dot, tld))


def _beyond_first(text: bytes) -> bytes:
    return text[:1] + text[1:].translate(_STARS) if len(text) > 1 else text.translate(_STARS)


class Key:
    """The secret behind tokens, hashes and sketches; each use has a key of its own derived from it."""

    def __init__(self, secret: bytes) -> None:
        self._token = hmac.digest(secret, b"waf sensitive token", "sha256")
        self._hash = hmac.digest(secret, b"waf sensitive hash", "sha256")
        self.sketch: Final = hmac.digest(secret, b"waf sensitive sketch", "sha256")
        self._bases: dict[str, hashlib.blake2b] = {}
        self.exact: Final = hmac.digest(secret, b"waf sensitive exact", "sha256")

    def token(self, entity: str, value: bytes) -> bytes:
        """`tok_<entity>_<16 base32>`: the same for the same value, separators and case aside."""
        digest = hmac.digest(self._token, entity.encode() + b"\0" + normal(value), "sha256")
        return b"tok_%b_%b" % (entity.encode(), base64.b32encode(digest[:10]).lower())

    def hash(self, entity: str, value: bytes) -> bytes:
        """32 hexadecimal digits of a keyed hash."""
        return hmac.digest(self._hash, entity.encode() + b"\0" + normal(value), "sha256")[:16].hex().encode()

    def number(self, entity: str, value: bytes) -> bytes:
        """A token for where only digits may stand: as many digits, and on purpose no valid card number."""
        digest = hmac.digest(self._token, b"number\0" + entity.encode() + b"\0" + normal(value), "sha256")
        digits = str(int.from_bytes(digest, "big")).encode()[: len(value)].rjust(len(value), b"7")
        if digits[:1] == b"0":
            digits = b"7" + digits[1:]
        if luhn(digits):
            digits = digits[:-1] + b"%d" % ((digits[-1] - 48 + 1) % 10)
        return digits

    def sketch_hash(self, entity: str, value: bytes) -> int:
        """64 bits of a keyed hash for counting distinct values."""
        base = self._bases.get(entity)
        if base is None:
            base = hashlib.blake2b(entity.encode() + b"\0", digest_size=8, key=self.sketch)
            self._bases[entity] = base
        digest = base.copy()
        digest.update(normal(value))
        return int.from_bytes(digest.digest(), "big")


def normal(value: bytes) -> bytes:
    """A value without what people write differently: separators and case."""
    return value.translate(None, b" -./()\t\r\n").upper()
