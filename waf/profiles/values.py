"""What one value looks like: its type, its character classes, its shape. Pure tables and one regular
expression.

Letters and digits are folded into classes (a, A, 0) so that a set of characters closes after few values and
says what it is about: which punctuation, control characters and scripts a parameter takes.
"""

from __future__ import annotations

import enum
import re
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from waf.model import Kind


class Type(enum.IntEnum):
    """The narrowest type a value has. The order is that of `_TYPES`, first match wins."""

    EMPTY = 0
    INT = 1
    DECIMAL = 2
    BOOL = 3
    DATE = 4
    DATETIME = 5
    UUID = 6
    IPV4 = 7
    HEX = 8  # 8 digits or more, at least one of each
    EMAIL = 9
    URL = 10
    JWT = 11
    WORD = 12  # letters, digits, "_", "-" and "." inside; long ones may begin or end with "-"
    TEXT = 13

    @property
    def label(self) -> str:
        return self.name.lower()


_TYPES: Final[tuple[tuple[Type, str], ...]] = (
    (Type.INT, r"-?[0-9]{1,40}"),
    (Type.DECIMAL, r"-?[0-9]{1,18}[.,][0-9]{1,18}"),
    (Type.BOOL, r"true|false|True|False|TRUE|FALSE"),
    (Type.DATE, r"[0-9]{4}-[01][0-9]-[0-3][0-9]"),
    (Type.DATETIME, r"[0-9]{4}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9](?::[0-6][0-9](?:\.[0-9]{1,9})?)?"
                    r"(?:Z|[+-][0-2][0-9]:?[0-5][0-9])?"),
    (Type.UUID, r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"),
    (Type.IPV4, r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"),
    (Type.HEX, r"(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,512}|"
               r"(?=[A-F]*[0-9])(?=[0-9]*[A-F])[0-9A-F]{8,512}"),
    (Type.EMAIL, r"[A-Za-z0-9](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_+-])?"
                 r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}"),
    (Type.URL, r"https?://[A-Za-z0-9.:-]{1,255}(?:[/?#][A-Za-z0-9._~:/?#@!$&()*+,;=%-]{0,2000})?"),
    (Type.JWT, r"eyJ[A-Za-z0-9_-]{5,4000}\.[A-Za-z0-9_-]{2,8000}\.[A-Za-z0-9_-]{0,2000}"),
    # A word, or a token in base64url (RFC 4648 section 5), of which one in thirty begins or ends with "-".
    (Type.WORD, r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?|[A-Za-z0-9_-]{16,512}={0,2}"),
)  # fmt: skip

PATTERNS: Final[dict[Type, str]] = {
    Type.EMPTY: "",
    **dict(_TYPES),
    # To be told from words a value needs a digit and a letter; to belong to such values it does not.
    Type.HEX: "[0-9a-f]{8,512}|[0-9A-F]{8,512}",
    Type.TEXT: "(?s:.)*",
}
"""What a value must look like to be of a type; anchored at both ends where used."""

SUBTYPES: Final[dict[Type, frozenset[Type]]] = {
    Type.DECIMAL: frozenset({Type.INT}),
    Type.DATETIME: frozenset({Type.DATE}),
    Type.HEX: frozenset({Type.INT}),
    Type.WORD: frozenset({Type.INT, Type.DECIMAL, Type.BOOL, Type.DATE, Type.UUID, Type.IPV4, Type.HEX}),
}
"""Types whose values a wider type takes as well: a hexadecimal id may happen to have no letter."""

HARMLESS: Final = frozenset(
    {Type.EMPTY, Type.INT, Type.DECIMAL, Type.BOOL, Type.DATE, Type.DATETIME, Type.UUID, Type.IPV4, Type.HEX}
)
"""Types that leave no room for an attack of any class: no signature needs to look at their values."""

_CLASSIFY: Final = re.compile("|".join(f"({pattern})" for _, pattern in _TYPES).encode()).fullmatch
_BY_GROUP: Final = (Type.EMPTY, *(kind for kind, _ in _TYPES))


def type_of(value: bytes) -> Type:
    """The narrowest type of a value."""
    if not value:
        return Type.EMPTY
    match = _CLASSIFY(value)
    return Type.TEXT if match is None else _BY_GROUP[match.lastindex or 0]


KIND_SHIFT: Final = 5


def tag_of(kind: Kind, type_: Type) -> int:
    """A JSON kind and a type as one small number; `kind_and_type` is its inverse."""
    return kind << KIND_SHIFT | type_


def kind_and_type(tag: int) -> tuple[Kind, Type]:
    return Kind(tag >> KIND_SHIFT), Type(tag & (1 << KIND_SHIFT) - 1)


# ---------------------------------------------------------------------------------------------- characters

LOWER: Final = ord("a")
UPPER: Final = ord("A")
DIGIT: Final = ord("0")


def _fold(byte: int) -> int:
    char = chr(byte)
    if byte < 0x80 and char.isalpha():
        return LOWER if char.islower() else UPPER
    return DIGIT if byte < 0x80 and char.isdigit() else byte


FOLD: Final = bytes(_fold(byte) for byte in range(256))

CONTROL: Final = 0x100  # one class for C0 controls but tab and line ends, and DEL
RAW: Final = 0x101  # bytes that are no UTF-8
BLOCKS: Final = 0x110  # + number of the script, see `_SCRIPTS`
_PROSE: Final = frozenset(b"!?&:'\"()")
_CODE: Final = frozenset(b"<>`|\\{}[]^~=;$*#%")
_CONTROLS: Final = frozenset({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D})


class Stratum(enum.Enum):
    """Kinds of character classes that close by themselves: a text that keeps showing new scripts and
    brackets may still never show an angle bracket."""

    PLAIN = "plain"  # letters, digits, blanks, "-" "." "_" "," "/" "+" "@"
    PROSE = "prose"  # punctuation that people write
    CODE = "code"  # punctuation that programs write
    CONTROL = "control"  # tabs and line ends, too
    SCRIPT = "script"  # beyond ASCII


def stratum(code: int) -> Stratum:
    if code >= RAW or 0x80 <= code < 0x100:
        return Stratum.SCRIPT
    if code == CONTROL or code < 0x20:
        return Stratum.CONTROL
    if code in _CODE:
        return Stratum.CODE
    return Stratum.PROSE if code in _PROSE else Stratum.PLAIN


_SCRIPTS: Final[tuple[tuple[int, str], ...]] = (
    # First code point beyond the script, its name; coarse, so that a language is one thing and not a dozen.
    (0x0250, "latin"), (0x0370, "marks"), (0x0400, "greek"), (0x0530, "cyrillic"), (0x0590, "armenian"),
    (0x0600, "hebrew"), (0x0900, "arabic"), (0x0E00, "indic"), (0x1100, "south-east-asian"),
    (0x1200, "hangul"),
    (0x1E00, "other"), (0x1F00, "latin"), (0x2000, "greek"), (0x2070, "punctuation"), (0x2C00, "symbols"),
    (0x2E80, "other"), (0xA000, "cjk"), (0xAC00, "other"), (0xD800, "hangul"), (0xF900, "private"),
    (0xFB00, "cjk"), (0xFE10, "arabic"), (0xFE20, "marks"), (0xFF00, "other"), (0xFFF0, "fullwidth"),
    (0x10000, "special"), (0x1F000, "other"), (0x20000, "emoji"), (0x32000, "cjk"), (0x110000, "other"),
)  # fmt: skip
_ENDS: Final = [end for end, _ in _SCRIPTS]
_NAMES: Final = sorted({name for _, name in _SCRIPTS})


def _block(char: str) -> int:
    return BLOCKS + _NAMES.index(_SCRIPTS[bisect_right(_ENDS, ord(char))][1])


def codes_of(value: bytes) -> set[int]:
    """The character classes of a value."""
    codes = set(value.translate(FOLD))
    if value.isascii():
        if not codes.isdisjoint(_CONTROLS):
            codes = {CONTROL if code in _CONTROLS else code for code in codes}
        return codes
    return _wide_codes(value)


def _wide_codes(value: bytes) -> set[int]:
    codes: set[int] = set()
    try:
        text = value.decode()
    except UnicodeDecodeError:
        codes.add(RAW)
        text = value.decode("ascii", "ignore")
    for char in set(text):
        point = ord(char)
        if point >= 0x80:
            codes.add(_block(char))
        else:
            codes.add(CONTROL if point in _CONTROLS else FOLD[point])
    return codes


_LABELS: Final = {
    LOWER: "a-z", UPPER: "A-Z", DIGIT: "0-9", CONTROL: "control", RAW: "non-utf8", 0x20: "space", 0x09: "tab",
    0x0A: "lf", 0x0D: "cr", **{BLOCKS + number: name for number, name in enumerate(_NAMES)},
}  # fmt: skip
_CODES: Final = {label: code for code, label in _LABELS.items()}


def code_label(code: int) -> str:
    """How a person reads a character class; `code_of` is its inverse."""
    return _LABELS.get(code) or chr(code)


def code_of(label: str) -> int:
    """The inverse of `code_label`. Raises ValueError for what is no label."""
    if label in _CODES:
        return _CODES[label]
    if len(label) == 1 and 0x20 < ord(label) < 0x7F:
        return ord(label)
    raise ValueError(f"{label!r} is no character class")


def bytes_of(code: int) -> bytes:
    """The ASCII bytes of a class, for `bytes.translate`; b"" for a class beyond ASCII."""
    if code == CONTROL:
        return bytes(sorted(_CONTROLS))
    return bytes(byte for byte in range(0x80) if FOLD[byte] == code) if code < 0x80 else b""


# ------------------------------------------------------------------------------------------------- lengths

_EXACT: Final = 64


def length_bucket(length: int) -> int:
    """Lengths up to 64 as they are; above, eight steps to each doubling, as the largest length of the
    step."""
    if length <= _EXACT:
        return length
    step = 1 << (length.bit_length() - 4)
    return (length // step + 1) * step - 1


def bucket_floor(bucket: int) -> int:
    """The least length in a bucket."""
    return bucket if bucket <= _EXACT else bucket - (1 << (bucket.bit_length() - 4)) + 1


# -------------------------------------------------------------------------------------------------- shapes

SHAPE_LIMIT: Final = 96  # bytes of a value that its shape describes; longer ones have none
_WIDE: Final = 0x01  # stands for bytes beyond ASCII in a shape


def _shape_byte(byte: int) -> int:
    if byte >= 0x80:
        return _WIDE
    return LOWER if FOLD[byte] == UPPER else FOLD[byte]


_SHAPE: Final = bytes(_shape_byte(byte) for byte in range(256))
_RUNS: Final = re.compile(rb"(.)(?=\1)", re.DOTALL).sub
_PAIRS: Final = re.compile(rb"(..)(?=\1)", re.DOTALL).sub


def shape_of(value: bytes) -> bytes:
    """The value with letters as "a", digits as "0", what is beyond ASCII as \\x01, and runs as one of their
    kind.

    "Ana-1984" is "a-0"; runs of pairs are folded too, so that any number of words is "a a". b"" for values
    longer than SHAPE_LIMIT: those have a length and characters, no shape.
    """
    if len(value) > SHAPE_LIMIT:
        return b""
    return _PAIRS(b"", _RUNS(b"", value.translate(_SHAPE)))


_SHAPE_CLASSES: Final = {LOWER: "[A-Za-z]", DIGIT: "[0-9]", _WIDE: "[\\x80-\\xff]"}


def shape_pattern(shapes: Iterable[bytes]) -> str:
    """A pattern for values that have one of the shapes without any pair folded; the others fail it."""
    return "|".join(
        "".join(_SHAPE_CLASSES.get(byte, f"\\x{byte:02x}") + "+" for byte in shape)
        for shape in sorted(shapes)
    )


# --------------------------------------------------------------------------------------- all of it at once


class Look(msgspec.Struct, frozen=True, gc=False):
    """All that one value shows: type, length, character classes, shape; `number` where it is an integer."""

    type: Type
    length: int  # as `length_bucket` has it
    codes: tuple[int, ...]
    shape: bytes
    number: float | None


_SHORT: Final = 48  # bytes; longer values seldom come again


def look_at(value: bytes) -> Look:
    """What a value shows; of short ones it is remembered for a while, since most come again."""
    return _look_again(value) if len(value) <= _SHORT else _look(value)


def _look(value: bytes) -> Look:
    type_ = type_of(value)
    number = float(int(value)) if type_ is Type.INT else None
    return Look(type_, length_bucket(len(value)), tuple(codes_of(value)), shape_of(value), number)


_look_again: Final = lru_cache(maxsize=2_048)(_look)
