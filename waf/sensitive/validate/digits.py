"""Arithmetic on digit strings that several validators share. All take ASCII digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

VALUE: Final = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))
_SEPARATORS: Final = b" -./()"


def plain(value: bytes) -> bytes:
    """`value` without separators."""
    return value.translate(None, _SEPARATORS)


def luhn(digits: bytes) -> bool:
    """The check digit of ISO/IEC 7812-1 annex B is right."""
    return not (sum(digits[-1::-2].translate(VALUE)) + sum(digits[-2::-2].translate(_DOUBLED))) % 10


def weighted(digits: bytes, weights: Sequence[int]) -> int:
    """The sum of the digits times `weights`, as far as the shorter of the two goes."""
    return sum(a * b for a, b in zip(digits.translate(VALUE), weights, strict=False))


def one_digit(digits: bytes) -> bool:
    """All digits are the same: a placeholder, never an issued number."""
    return len(set(digits)) == 1


_VERHOEFF_D: Final = tuple(
    bytes.fromhex(row)
    for row in (
        "00010203040506070809", "01020304000607080905", "02030400010708090506", "03040001020809050607",
        "04000102030905060708", "05090807060004030201", "06050908070100040302", "07060509080201000403",
        "08070605090302010004", "09080706050403020100",
    )
)  # fmt: skip
_VERHOEFF_P: Final = tuple(
    bytes.fromhex(row)
    for row in (
        "00010203040506070809", "01050706020803000904", "05080003070906010402", "08090106000403050207",
        "09040503010206080700", "04020806050703090001", "02070903080006040105", "07000406090103020508",
    )
)  # fmt: skip


_VERHOEFF: Final = tuple(
    tuple(bytes(48) + bytes(row[permuted[digit]] for digit in range(10)) for row in _VERHOEFF_D)
    for permuted in _VERHOEFF_P
)
"""By place, check so far and digit as it is written."""


def verhoeff(digits: bytes) -> bool:
    """The last digit is right by J. Verhoeff's dihedral check (1969)."""
    check = 0
    for place, digit in enumerate(digits[::-1]):
        check = _VERHOEFF[place & 7][check][digit]
    return check == 0


_BASE36: Final = {
    ord(c): str(int(c, 36)).encode() for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
}


def mod97(text: bytes) -> int:
    """ISO/IEC 7064 MOD 97-10 of letters and digits, letters counting 10 to 35."""
    return int(b"".join([_BASE36[c] for c in text])) % 97
