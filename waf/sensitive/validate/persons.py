"""National identity, tax and insurance numbers: the rules that their issuers publish."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from waf.sensitive.validate.digits import VALUE, luhn, one_digit, plain, verhoeff, weighted


def ssn(value: bytes) -> float:
    """US social security number: area, group and serial that can have been issued (SSA, randomised since 2011)."""
    digits = plain(value)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    never = area in (b"000", b"666") or area[:1] == b"9" or group == b"00" or serial == b"0000"
    return 0.0 if never or one_digit(digits) or digits == b"123456789" else 1.0


def itin(value: bytes) -> float:
    """US individual taxpayer number: 9xx with a group that the IRS assigns."""
    digits = plain(value)
    group = int(digits[3:5])
    known = 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99
    return 1.0 if digits[:1] == b"9" and known else 0.0


_NINO_NEVER: Final = frozenset({b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"})


def nino(value: bytes) -> float:
    """UK national insurance number: a prefix that is allocated (HMRC NIM39110)."""
    text = plain(value).upper()
    first, second = text[0], text[1]
    never = first in b"DFIQUV" or second in b"DFIOQUV" or text[:2] in _NINO_NEVER
    return 0.0 if never else 1.0


def nhs(value: bytes) -> float:
    """UK NHS number: modulus 11 check digit."""
    digits = plain(value)
    check = 11 - weighted(digits[:9], range(10, 1, -1)) % 11
    return 1.0 if check % 11 == int(digits[9:]) and not one_digit(digits) else 0.0


_DNI_LETTERS: Final = b"TRWAGMYFPDXBNJZSQVHLCKE"


def dni(value: bytes) -> float:
    """Spanish DNI: the letter is the number modulo 23."""
    text = plain(value).upper()
    return 1.0 if _DNI_LETTERS[int(text[:8]) % 23] == text[8] and not one_digit(text[:8]) else 0.0


def nie(value: bytes) -> float:
    """Spanish NIE: as a DNI with X, Y, Z standing for 0, 1, 2."""
    text = plain(value).upper()
    number = b"%d%b" % (b"XYZ".index(text[:1]), text[1:8])
    return 1.0 if _DNI_LETTERS[int(number) % 23] == text[8] else 0.0


def nir(value: bytes) -> float:
    """French NIR (INSEE): sex, year, month, department, and a key modulo 97."""
    text = plain(value).upper()
    month = int(text[3:5])
    if not (1 <= month <= 12 or 20 <= month <= 42 or month >= 50):
        return 0.0
    number = text[:13]
    if text[5:7] == b"2A":
        number = number.replace(b"2A", b"19")
    elif text[5:7] == b"2B":
        number = number.replace(b"2B", b"18")
    if not number.isdigit() or number[5:7] == b"00":
        return 0.0
    return 1.0 if 97 - int(number) % 97 == int(text[13:]) else 0.0


def steuer_id(value: bytes) -> float:
    """German tax identification number: one digit twice or thrice among ten, check by ISO/IEC 7064 MOD 11,10."""
    digits = plain(value)
    if digits[:1] == b"0":
        return 0.0
    counts = sorted((digits[:10].count(d) for d in set(digits[:10])), reverse=True)
    if counts[0] not in (2, 3) or counts[1] > 1:
        return 0.0
    product = 10
    for digit in digits[:10].translate(VALUE):
        total = (digit + product) % 10 or 10
        product = 2 * total % 11
    return 1.0 if (11 - product) % 10 == digits[10] - 48 else 0.0


_FISCALE_ODD: Final = dict(
    zip(
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12,
        14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip


def codice_fiscale(value: bytes) -> float:
    """Italian codice fiscale: the last letter checks the fifteen before it (DM 23/12/1976)."""
    text = value.upper()
    total = 0
    for place, char in enumerate(text[:15]):
        if place % 2 == 0:
            total += _FISCALE_ODD[char]
        else:
            total += char - 48 if char < 58 else char - 65
    return 1.0 if total % 26 == text[15] - 65 else 0.0


def bsn(value: bytes) -> float:
    """Dutch BSN: the eleven test with the last digit counted negative."""
    digits = plain(value)
    total = weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1))
    return 1.0 if not total % 11 and not one_digit(digits) else 0.0


_DAYS: Final = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def pesel(value: bytes) -> float:
    """Polish PESEL: a date of birth (the month tells the century) and a check digit."""
    if weighted(value, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10:
        return 0.0
    month, day = int(value[2:4]) % 20, int(value[4:6])
    return 1.0 if 1 <= month <= 12 and 1 <= day <= _DAYS[month] else 0.0


def aadhaar(value: bytes) -> float:
    """Indian Aadhaar: twelve digits, the first from 2 on, Verhoeff check; palindromes are never issued."""
    digits = plain(value)
    return 1.0 if digits[:1] not in b"01" and digits != digits[::-1] and verhoeff(digits) else 0.0


def sin(value: bytes) -> float:
    """Canadian social insurance number: Luhn; no number starts with 0 or 8."""
    digits = plain(value)
    return 1.0 if digits[:1] not in b"08" and luhn(digits) and not one_digit(digits) else 0.0


def cpf(value: bytes) -> float:
    """Brazilian CPF: two check digits modulo 11."""
    digits = plain(value)
    if one_digit(digits):
        return 0.0
    for length in (9, 10):
        check = weighted(digits[:length], range(length + 1, 1, -1)) * 10 % 11 % 10
        if check != digits[length] - 48:
            return 0.0
    return 1.0


_NAMED_MONTH: Final = re.compile(rb"[A-Za-z]{3}")


def date(value: bytes) -> float:
    """A day that a living person can be born on, in the orders in use."""
    if _NAMED_MONTH.search(value):
        return 1.0
    parts = [int(part) for part in re.findall(rb"[0-9]+", value)]
    if len(parts) == 1 and len(value) == 8:
        parts = [int(value[:4]), int(value[4:6]), int(value[6:])]
    if len(parts) != 3:
        return 0.0
    if parts[0] > 31:
        year, month, day = parts
    else:
        day, month, year = parts
        if month > 12:
            day, month = month, day
    full = len(str(year)) <= 2 or 1900 <= year <= 2035
    return 1.0 if full and 1 <= month <= 12 and 1 <= day <= _DAYS[month] else 0.0


def document(value: bytes) -> float:
    """A passport or licence number: digits in it, and no placeholder."""
    digits = sum(48 <= c <= 57 for c in value)
    return 1.0 if digits >= 4 and not one_digit(plain(value)) else 0.0


TABLE: Final[dict[str, Callable[[bytes], float]]] = {
    "ssn": ssn,
    "itin": itin,
    "nino": nino,
    "nhs": nhs,
    "dni": dni,
    "nie": nie,
    "nir": nir,
    "steuer_id": steuer_id,
    "codice_fiscale": codice_fiscale,
    "bsn": bsn,
    "pesel": pesel,
    "aadhaar": aadhaar,
    "sin": sin,
    "cpf": cpf,
    "date": date,
    "document": document,
}
