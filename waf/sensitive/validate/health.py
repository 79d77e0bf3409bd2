"""Health: US provider, prescriber and beneficiary numbers, diagnosis codes."""

from __future__ import annotations

from waf.sensitive.validate.digits import VALUE, luhn, plain


def npi(value: bytes) -> float:
    """US national provider identifier: Luhn over the issuer prefix 80840 and the number (45 CFR 162.406)."""
    return 1.0 if luhn(b"80840" + plain(value)) else 0.0


def dea(value: bytes) -> float:
    """US DEA registration: (1st + 3rd + 5th) + 2 x (2nd + 4th + 6th) ends in the seventh digit."""
    digits = value[-7:].translate(VALUE)
    return 1.0 if (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6] else 0.0


def icd10(value: bytes) -> float:
    """A diagnosis code of a chapter that exists; U is for provisional ones."""
    return 1.0 if value[:1].upper() in b"ABCDEFGHIJKLMNOPQRSTUVZ" else 0.0


def record_number(value: bytes) -> float:
    """A medical record number: any with four digits."""
    return 1.0 if sum(48 <= c <= 57 for c in value) >= 4 else 0.0
