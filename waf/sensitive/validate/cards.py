"""Payment cards: check digit, issuer ranges with their lengths, the groups in which numbers are printed."""

from __future__ import annotations

import re
from typing import Final

from waf.sensitive.validate.digits import VALUE, luhn, one_digit

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

# Groups of digits as printed on cards and typed by people.
_GROUPS: Final = frozenset(
    {
        (4, 4, 4, 4), (4, 6, 5), (4, 4, 4, 3), (4, 5, 6), (4, 6, 4), (4, 4, 4, 2), (4, 4, 4, 1), (4, 3, 3, 3),
        (4, 4, 5), (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 4, 4, 1), (6, 13), (6, 10), (8, 8), (4, 4, 4),
    }
)  # fmt: skip


def card(value: bytes) -> float:
    """A primary account number of a known issuer.

    Less sure, and so in need of context, are 13 digits that are a right EAN as well, and the lengths 17 and
    18, which the networks allow but hardly anyone issues, while many apps number their objects so.
    """
    digits = _ungrouped(value)
    if not luhn(digits) or not _ISSUER.fullmatch(digits) or one_digit(digits):
        return 0.0
    doubtful = len(digits) in (17, 18) or (len(digits) == 13 and _ean(digits))
    return 0.6 if doubtful else 1.0


def maestro(value: bytes) -> float:
    """A number of Maestro's ranges, 12 to 19 digits."""
    digits = _ungrouped(value)
    return 1.0 if luhn(digits) and _MAESTRO.fullmatch(digits) and not one_digit(digits) else 0.0


def _ungrouped(value: bytes) -> bytes:
    """The digits alone; none where separators are mixed or stand where nobody puts them."""
    if value.isdigit():
        return value
    groups = value.split(b" " if b" " in value else b"-")
    digits = b"".join(groups)
    return digits if digits.isdigit() and tuple(map(len, groups)) in _GROUPS else b""


def track(value: bytes) -> float:
    """Track data around a right card number (ISO/IEC 7813)."""
    number = re.search(rb"[0-9]{12,19}", value)
    return 1.0 if number and luhn(number[0]) and _ISSUER.fullmatch(number[0]) else 0.0


def _ean(digits: bytes) -> bool:
    values = digits.translate(VALUE)
    return not (sum(values[-1::-2]) + 3 * sum(values[-2::-2])) % 10
