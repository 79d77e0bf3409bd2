"""Payment cards: check digit, issuer ranges with their lengths, the groups in which numbers are printed."""

from __future__ import annotations

import re
from typing import Final

_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
_VALUE: Final = bytes.maketrans(b"0123456789", bytes(range(10)))

# Issuer identification numbers with the lengths in use (ISO/IEC 7812-1; the networks' published BIN tables).
_ISSUER: Final = re.compile(
    rb"""(?:
      4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})                                     # Visa 13, 16, 19
    | 5[1-5][0-9]{14}                                                        # Mastercard 16
    | 2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}         # Mastercard 2221-2720 16
    | 3[47][0-9]{13}                                                         # American Express 15
    | (?:6011[0-9]{2}|64[4-9][0-9]{3}|65[0-9]{4})[0-9]{10,13}                # Discover 16-19
    | 3(?:0[0-5]|[689][0-9])[0-9]{11,16}                                     # Diners Club 14-19
    | 35(?:2[89]|[3-8][0-9])[0-9]{12,15}                                     # JCB 16-19
    | 62[0-9]{14,17}                                                         # UnionPay 16-19
    )""",
    re.VERBOSE,
)
_MAESTRO: Final = re.compile(rb"(?:50|5[6-9]|6[0-9])[0-9]{10,17}")

# Groups of digits as printed on cards and typed by people, by the separators' places.
_GROUPS: Final = frozenset(
    {
        (4, 4, 4, 4), (4, 6, 5), (4, 4, 4, 3), (4, 6, 4), (4, 4, 4, 2), (4, 4, 4, 1), (4, 3, 3, 3),
        (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 4, 4, 1), (6, 13), (4, 4, 4), (6, 10), (8, 8), (4, 4, 5), (4, 5, 6),
    }
)  # fmt: skip


def luhn(digits: bytes) -> bool:
    """The check digit of ISO/IEC 7812-1 annex B is right. `digits` are ASCII digits only."""
    return not (sum(digits[-1::-2].translate(_VALUE)) + sum(digits[-2::-2].translate(_DOUBLED))) % 10


def card(value: bytes) -> float:
    """A primary account number of a known issuer; 13 digits that are a right EAN as well are less sure."""
    digits = _ungrouped(value)
    if digits is None or not _ISSUER.fullmatch(digits) or not luhn(digits) or _monotone(digits):
        return 0.0
    return 0.6 if len(digits) == 13 and _ean(digits) else 1.0


def maestro(value: bytes) -> float:
    """Maestro's wide ranges, 12 to 19 digits: true for one number in ten, so for use with context only."""
    digits = _ungrouped(value)
    return 1.0 if digits and _MAESTRO.fullmatch(digits) and luhn(digits) and not _monotone(digits) else 0.0


def _ungrouped(value: bytes) -> bytes | None:
    """The digits alone; None where separators are mixed or stand where nobody puts them."""
    if value.isdigit():
        return value
    separator = b" " if b" " in value else b"-"
    groups = value.split(separator)
    digits = b"".join(groups)
    if not digits.isdigit() or tuple(map(len, groups)) not in _GROUPS:
        return None
    return digits


def _monotone(digits: bytes) -> bool:
    """Placeholders such as 4444444444444444 or 3000000000000000."""
    return len(set(digits[1:])) == 1


def _ean(digits: bytes) -> bool:
    values = digits.translate(_VALUE)
    return not (sum(values[-1::-2]) + 3 * sum(values[-2::-2])) % 10
