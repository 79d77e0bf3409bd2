"""Layers: one function for each encoding that apps undo.

Owns what undoing an encoding gives. Every function is total (any bytes in, texts out, never an exception), linear in
its input and bounded in its output; when it should be called is the business of `decode.py`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import unicodedata
import zlib
from typing import Final
from urllib.parse import unquote_to_bytes

# ------------------------------------------------------------------------------------------- percent-encoding

_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def unpercent(data: bytes) -> bytes:
    """Percent-decoded once, as servers do (RFC 3986 section 2.1); a "%" without two hex digits stays."""
    if b"%" not in data:
        return data
    if len(data) < 64:
        return unquote_to_bytes(data)
    # Quoted-printable differs in its escape character alone, and its decoder is ten times as fast.
    data = data.replace(b"=", b"=3D")
    return binascii.a2b_qp(_BAD_PERCENT.sub(b"=25", data).replace(b"%", b"="))


def unform(data: bytes) -> bytes:
    """The same of a part of a urlencoded list, where "+" is a blank."""
    return unpercent(data.replace(b"+", b" "))


_PERCENT_U: Final = re.compile(rb"%[uU]([0-9A-Fa-f]{4})")


def decode_percent(text: bytes) -> tuple[bytes, ...]:
    if b"%u" in text or b"%U" in text:  # Microsoft's, and JavaScript's escape()
        text = _PERCENT_U.sub(_code_point, text)
    decoded = unpercent(text)
    if decoded != text and b"+" in text and b" " not in text:  # encoded as forms do, or not
        return decoded, unpercent(text.replace(b"+", b" "))
    return (decoded,)


def _code_point(match: re.Match[bytes]) -> bytes:
    return _character(int(match[1], 16))


def _character(point: int) -> bytes:
    """A code point as UTF-8, U+FFFD where it is none (surrogates included)."""
    if point < 128:
        return _ASCII[point]
    if point > 0x10FFFF or 0xD800 <= point < 0xE000:
        return b"\xef\xbf\xbd"
    return chr(point).encode()


_ASCII: Final = tuple(bytes([code]) for code in range(128))

# --------------------------------------------------------------------------- HTML, JavaScript and CSS escapes

NAMED: Final = {
    b"AMP": b"&", b"amp": b"&", b"apos": b"'", b"ast": b"*", b"bsol": b"\\", b"colon": b":", b"comma": b",",
    b"commat": b"@", b"DiacriticalGrave": b"`", b"dollar": b"$", b"equals": b"=", b"excl": b"!",
    b"fjlig": b"fj", b"grave": b"`", b"GT": b">", b"gt": b">", b"Hat": b"^", b"lbrace": b"{",
    b"lbrack": b"[", b"lcub": b"{", b"lowbar": b"_", b"lpar": b"(", b"lsqb": b"[", b"LT": b"<", b"lt": b"<",
    b"midast": b"*", b"nbsp": b" ", b"NewLine": b"\n", b"NonBreakingSpace": b" ", b"num": b"#",
    b"percnt": b"%", b"period": b".", b"plus": b"+", b"quest": b"?", b"QUOT": b'"', b"quot": b'"',
    b"rbrace": b"}", b"rbrack": b"]", b"rcub": b"}", b"rpar": b")", b"rsqb": b"]", b"semi": b";",
    b"sol": b"/", b"Tab": b"\t", b"UnderBar": b"_", b"verbar": b"|", b"vert": b"|", b"VerticalLine": b"|",
}  # fmt: skip
"""Named references that stand for ASCII text (HTML, "Named character references"), with a blank for one that does not break; the
rest can hide nothing that a pattern looks for. Written out, since the module that knows all 2,231 takes 0.6 MB.
"""
_REFERENCE: Final = re.compile(
    rb"&(?:#0*([0-9]{1,7})(?![0-9]);?|#[xX]0*([0-9A-Fa-f]{1,6})(?![0-9A-Fa-f]);?"
    rb"|([A-Za-z]{2,20});|(lt|gt|amp|quot|nbsp|LT|GT|AMP|QUOT))"
)


def decode_html(text: bytes) -> tuple[bytes, ...]:
    return (_REFERENCE.sub(_reference, text),)


def _reference(match: re.Match[bytes]) -> bytes:
    decimal, hexadecimal, closed, _ = match.groups()
    if decimal is not None:
        return _character(int(decimal))
    if hexadecimal is not None:
        return _character(int(hexadecimal, 16))
    return NAMED.get(closed or match[4], match[0])


_SHORT: Final = (
    (b"\\\r\n", b""), (b"\\\n", b""),  # first: an escape may give such an end of a line
    (b"\\n", b"\n"), (b"\\r", b"\r"), (b"\\t", b"\t"), (b"\\b", b"\b"), (b"\\f", b"\f"), (b"\\v", b"\v"),
)  # fmt: skip
_CODED: Final = re.compile(
    rb"\\(?:[xX]([0-9A-Fa-f]{2})|[uU](?:0000)?([0-9A-Fa-f]{4})|u\{0*([0-9A-Fa-f]{1,6})\}|([0-7]{1,3}))"
)
_SURROGATES: Final = re.compile(rb"\\u([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
_HELD: Final = b"\x1a"  # stands for a backslash that is one


def decode_js(text: bytes) -> tuple[bytes, ...]:
    """Escapes of JavaScript, C, Java, Python, JSON; before any other character the backslash is dropped."""
    if b"\\" not in text:
        return (text,)
    text = text.replace(b"\\\\", _HELD)
    if b"\\ud" in text or b"\\uD" in text:
        text = _SURROGATES.sub(_pair, text)
    text = _CODED.sub(_coded, text)
    for escape, character in _SHORT:
        text = text.replace(escape, character)
    return (text.translate(None, b"\\").replace(_HELD, b"\\"),)


def _pair(match: re.Match[bytes]) -> bytes:
    high, low = int(match[1], 16), int(match[2], 16)
    return _character(0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF))


def _coded(match: re.Match[bytes]) -> bytes:
    last = match.lastindex or 0
    point = int(match[last], 8) & 0xFF if last == 4 else int(match[last], 16)
    return _HELD if point == 0x5C else _character(point)


_CSS: Final = re.compile(
    rb"\\0{0,4}([2-7][0-9A-Fa-f])(?![0-9A-Fa-f])[ \t\n\r\f]?"
)  # ASCII, at most six digits


def decode_css(text: bytes) -> tuple[bytes, ...]:
    return (_CSS.sub(_code_point, text),)


# --------------------------------------------------------------------------------------------- character sets

_OVERLONG: Final = re.compile(
    rb"[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]{2}"
)
# What NFKC leaves alone and databases, shells or browsers fold to ASCII; None: dropped without a trace.
_LOOK_ALIKES: Final = str.maketrans(
    dict.fromkeys("ʹʼʻˈ′‵＇", "'")
    | dict.fromkeys("ʺ″", '"')
    | dict.fromkeys("‹〈⟨˂", "<")
    | dict.fromkeys("›〉⟩˃", ">")
    | dict.fromkeys("⁄∕⧸", "/")
    | dict.fromkeys("∖⧵", "\\")
    | {"ı": "i", "ſ": "s", "∗": "*", "ǃ": "!", "∶": ":", "‚": ",", "‐": "-", "‑": "-", "−": "-", "∣": "|"}
    | {chr(point): None for point in (0xAD, 0x34F, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
                                      *range(0x2060, 0x2070), 0xFEFF)}
)  # fmt: skip
# Where the characters are that NFKC turns to ASCII.
_COMPATIBLE: Final = (
    range(0xA0, 0x240),
    range(0x2B0, 0x380),
    range(0x1D2C, 0x1DC0),
    range(0x1E9A, 0x1E9C),
    range(0x1FBD, 0x1FFF),
    range(0x2000, 0x2500),
    range(0x2A74, 0x2A77),
    range(0x2C7C, 0x2C7E),
    range(0x3000, 0x3400),
    range(0xA7F2, 0xA7F5),
    range(0xFB00, 0xFB50),
    range(0xFE10, 0xFE70),
    range(0xFF00, 0xFFF0),
    range(0x10780, 0x107C0),
    range(0x1D400, 0x1D800),
    range(0x1F100, 0x1F250),
    range(0x1FBF0, 0x1FBFA),
)


def _plain_forms() -> dict[int, str]:
    """What stands for ASCII, character by character (Unicode Standard Annex 15, and the table above)."""
    forms: dict[int, str] = {point: form or "" for point, form in _LOOK_ALIKES.items()}
    for point in (point for some in _COMPATIBLE for point in some):
        form = unicodedata.normalize("NFKC", chr(point)).translate(_LOOK_ALIKES)
        if form.isascii() and point not in forms:
            forms[point] = form
    return forms


PLAIN_FORMS: Final = _plain_forms()
"""Of characters beyond ASCII those that stand for ASCII."""


def decode_unicode(text: bytes) -> tuple[bytes, ...]:
    plain = _OVERLONG.sub(_shortest, text)
    shown = plain.decode("utf-8", "surrogateescape").translate(PLAIN_FORMS)
    return (shown.encode("utf-8", "surrogateescape"),)


def _shortest(match: re.Match[bytes]) -> bytes:
    """The character that an overlong sequence stands for (RFC 3629 section 10)."""
    lead, *rest = match[0]
    point = lead & (0x1F, 0x0F, 0x07)[len(rest) - 1]
    for byte in rest:
        point = point << 6 | byte & 0x3F
    return _character(point)


def has_overlong(text: bytes) -> bool:
    """ASCII in overlong UTF-8 within a text that is otherwise UTF-8 (elsewhere it may be another charset)."""
    try:
        text.decode()
    except UnicodeDecodeError:
        pass
    else:
        return False  # for which `re` takes twenty times as long
    try:
        _OVERLONG.sub(b"", text).decode()
    except UnicodeDecodeError:
        return False
    return any(len(_shortest(match)) == 1 for match in _OVERLONG.finditer(text))


_UTF7: Final = re.compile(rb"\+([A-Za-z0-9+/]{2,2000})-?")
_BEYOND: Final = re.compile(rb"[\x80-\xff]*")


def decode_utf7(text: bytes) -> tuple[bytes, ...]:
    return (_UTF7.sub(_shifted, text),)


def _shifted(match: re.Match[bytes]) -> bytes:
    """A base64 run of UTF-16 (RFC 2152); left alone unless it is text with a character of ASCII: else it is some word behind a plus."""
    units = _debase64(match[1])
    try:
        decoded = units[: len(units) & ~1].decode("utf-16-be").encode()
    except UnicodeDecodeError:
        return match[0]
    return decoded if is_text(decoded) and not _BEYOND.fullmatch(decoded) else match[0]


def decode_utf16(text: bytes) -> tuple[bytes, ...]:
    even, odd = text[::2], text[1::2]
    if not odd or max(even.count(0), odd.count(0)) * 4 < len(odd) * 3:
        return ()
    codec = "utf-16-le" if odd.count(0) >= even.count(0) else "utf-16-be"
    return (text.decode(codec, "replace").lstrip("\ufeff").encode(),)


def decode_null(text: bytes) -> tuple[bytes, ...]:
    return (text.translate(None, b"\0"),)  # a tenth of the time of replace() where nulls are many


# --------------------------------------------------------------------------------------------- base64 and hex

_TEXT_BYTES: Final = bytes(range(32, 127)) + b"\t\n\r\f\v\0"


def is_text(data: bytes) -> bool:
    """Reads as text: ASCII or UTF-8 without control characters but white space and null; not empty."""
    rest = data.translate(None, _TEXT_BYTES)
    if not rest:
        return bool(data)
    try:
        rest.decode()
    except UnicodeDecodeError:
        return False
    return min(rest) >= 0x80


_WHOLE: Final = re.compile(rb"[A-Za-z0-9+/_-]{6,}={0,2}")
_DATA_URL: Final = re.compile(rb"data:[^,\s]{0,100};\s?base64,\s?([A-Za-z0-9+/_-]{8,})", re.I)
_JWT: Final = re.compile(rb"\b(eyJ[A-Za-z0-9_-]{8,})\.(eyJ[A-Za-z0-9_-]{4,})")
_BASIC: Final = re.compile(rb"\Abasic +([A-Za-z0-9+/_-]{4,}={0,2})\Z", re.I)
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


def _debase64(data: bytes) -> bytes:
    """Decoded by either alphabet, padded or not; a lone last character is dropped."""
    data = data.rstrip(b"=").translate(_TO_STANDARD)
    data = data[: len(data) - 1] if len(data) % 4 == 1 else data
    return base64.b64decode(data + b"=" * (-len(data) % 4))


def decode_base64(text: bytes) -> tuple[bytes, ...]:
    found = []
    joined = text.strip().replace(b" ", b"+") if b"\n" not in text else text.translate(None, b" \t\r\n")
    if match := _BASIC.match(text):
        return _credentials(_as_text(_debase64(match[1])))
    if _WHOLE.fullmatch(joined):
        found.append(joined)
    else:
        lowered = text.lower()
        if b"base64," in lowered:
            found += _DATA_URL.findall(text)[:8]
        if b"eyJ" in text:
            found += [part for match in _JWT.findall(text)[:4] for part in match]
    return tuple(plain for coded in found if (plain := _as_text(_debase64(coded))))


def _credentials(plain: bytes) -> tuple[bytes, ...]:
    """User and password apart, as apps take them (RFC 7617 section 2)."""
    user, _, password = plain.partition(b":")
    return tuple(dict.fromkeys(text for text in (plain, user, password) if text))


_PACKED: Final = (b"\x1f\x8b\x08", b"x\x01", b"x^", b"x\x9c", b"x\xda")
_UNPACKED: Final = (
    5  # times as many bytes are unpacked, and a little: of a text that no step makes longer than that
)


def _unpacked(data: bytes) -> bytes:
    """What gzip or zlib packed, to a bound by its size; b"" where that is none."""
    try:
        return zlib.decompressobj(47).decompress(data, _UNPACKED * len(data) + 64)
    except zlib.error:
        return b""


def _as_text(data: bytes) -> bytes:
    """`data` if it is text, UTF-16 turned to UTF-8, or what was packed unpacked; otherwise b""."""
    if data.startswith(_PACKED) and not is_text(data):
        data = _unpacked(data)
    if is_text(data):
        if data.count(0) * 3 > len(data):
            return b"".join(decode_utf16(data))
        return data
    return b""


_HEX: Final = re.compile(rb"(?:0x|\\x|x'|)((?:[0-9A-Fa-f]{2}){6,})'?", re.I)


_DOCUMENT_MAX: Final = 65_536  # bytes of a document that is taken apart
_STRINGS_MAX: Final = 16  # of a document that are texts of their own; all others are one text
_PLAIN: Final = re.compile(r"[\w.,:@-]{1,40}")  # what no language takes for more than a name or a number
_CODED_TEXT: Final = re.compile(  # base64 whose first two groups are text: see the hints of `decode`
    r"(?:[CDI-Za-f][AC-HQS-Xgi-nwy-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][\w+/-]){2}[\w+/-]*={0,2}\Z", re.A
)


def decode_json(text: bytes) -> tuple[bytes, ...]:
    """The strings and names of a JSON document, doubled ones too; () for what is none.

    And what those of its first strings say that are base64 as a whole: apps keep their state so, in base64 once more.
    """
    if len(text) > _DOCUMENT_MAX or text.rstrip()[-1:] not in (b"}", b"]"):
        return ()
    found: list[str] = []

    def pairs(items: list[tuple[str, object]]) -> list[object]:
        found.extend(name for name, _ in items)
        return [value for _, value in items]

    try:
        waiting = [json.loads(text, object_pairs_hook=pairs)]
    except (ValueError, RecursionError):
        return ()
    strings: list[str] = []
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, str):
            strings.append(value)
    telling = [one for one in dict.fromkeys(strings + found) if len(one) > 2 and not _PLAIN.fullmatch(one)]
    if len(telling) > _STRINGS_MAX:
        telling[_STRINGS_MAX:] = ["\n".join(telling[_STRINGS_MAX:])]
    texts = [one.encode("utf-8", "surrogatepass") for one in telling]
    coded = [one.encode() for one in strings[:_STRINGS_MAX] if one.isascii() and _CODED_TEXT.match(one)]
    return tuple(texts + [plain for one in coded for plain in decode_base64(one)])


def decode_hex(text: bytes) -> tuple[bytes, ...]:
    match = _HEX.fullmatch(text.strip())
    plain = _as_text(bytes.fromhex(match[1].decode())) if match else b""
    return (plain,) if plain else ()
