"""How a value may be decoded once more: one function for each `View`, and the search through their chains.

Owns what each step does and when it can do anything at all (`TRIGGERS`). Knows nothing of rules, fields or
patterns. Every step is total (any bytes in, texts out, never an exception), linear in its input and bounded
in its output. Steps give nothing when they would change nothing.
"""

from __future__ import annotations

import base64
import binascii
import html.entities
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from waf.inspect.views import FOLDS, LAYERS, Chain, View

MAX_LAYERS: Final = 2  # rounds of decoding beyond what the container does
MAX_FOLDS: Final = 2  # folds on top of one another
MAX_TEXTS: Final = 24  # distinct texts of one value, itself included
_GROWTH: Final = 4  # no step's text is longer than this many times its input and a little

# ------------------------------------------------------------------------------------------- percent-encoding

_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def unpercent(data: bytes) -> bytes:
    """Percent-decoded once, as servers do (RFC 3986 section 2.1); a "%" without two hex digits stays."""
    if b"%" not in data:
        return data
    if len(data) < 64 or _BAD_PERCENT.search(data):
        return unquote_to_bytes(data)
    # Quoted-printable differs in its escape character alone, and its decoder is ten times as fast.
    return binascii.a2b_qp(data.replace(b"=", b"=3D").replace(b"%", b"="))


_PERCENT_U: Final = re.compile(rb"%[uU]([0-9A-Fa-f]{4})")


def _percent(text: bytes) -> tuple[bytes, ...]:
    if b"%u" in text or b"%U" in text:  # Microsoft's, and JavaScript's escape()
        text = _PERCENT_U.sub(_code_point, text)
    if b"+" in text and b" " not in text:  # encoded as forms do, or not
        return unpercent(text), unpercent(text.replace(b"+", b" "))
    return (unpercent(text),)


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

# Named references that stand for ASCII text; the rest can hide nothing that a pattern looks for.
_NAMED: Final = {
    name.rstrip(";").encode(): value.replace("\xa0", " ").encode()
    for name, value in html.entities.html5.items()
    if value.replace("\xa0", " ").isascii()
}
_REFERENCE: Final = re.compile(
    rb"&(?:#0*([0-9]{1,7});?|#[xX]0*([0-9A-Fa-f]{1,6});?|([A-Za-z]{2,20});|(lt|gt|amp|quot|nbsp|LT|GT|AMP|QUOT))"
)


def _html(text: bytes) -> tuple[bytes, ...]:
    return (_REFERENCE.sub(_reference, text),)


def _reference(match: re.Match[bytes]) -> bytes:
    decimal, hexadecimal, closed, _ = match.groups()
    if decimal is not None:
        return _character(int(decimal))
    if hexadecimal is not None:
        return _character(int(hexadecimal, 16))
    return _NAMED.get(closed or match[4], match[0])


_SHORT: Final = {
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"v": b"\v", b"\n": b"", b"\r": b"",
}  # fmt: skip
_JS: Final = re.compile(
    rb"\\(?:[xX]([0-9A-Fa-f]{2})|[uU](?:0000)?([0-9A-Fa-f]{4})|u\{0*([0-9A-Fa-f]{1,6})\}|([0-7]{1,3})|([\s\S]))"
)
_SURROGATES: Final = re.compile(rb"\\u([dD][89abAB][0-9A-Fa-f]{2})\\u([dD][c-fC-F][0-9A-Fa-f]{2})")


def _js(text: bytes) -> tuple[bytes, ...]:
    if b"\\ud" in text or b"\\uD" in text:
        text = _SURROGATES.sub(_pair, text)
    return (_JS.sub(_escape, text),)


def _pair(match: re.Match[bytes]) -> bytes:
    high, low = int(match[1], 16), int(match[2], 16)
    return _character(0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF))


def _escape(match: re.Match[bytes]) -> bytes:
    last = match.lastindex
    digits = match[last or 0]
    if last == 5:
        return _SHORT.get(digits, digits)
    return _character(int(digits, 8) & 0xFF if last == 4 else int(digits, 16))


_CSS: Final = re.compile(rb"\\([0-9A-Fa-f]{1,6})[ \t\n\r\f]?")


def _css(text: bytes) -> tuple[bytes, ...]:
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


def _unicode(text: bytes) -> tuple[bytes, ...]:
    plain = _OVERLONG.sub(_shortest, text)
    shown = unicodedata.normalize("NFKC", plain.decode("utf-8", "surrogateescape")).translate(_LOOK_ALIKES)
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
    if not _OVERLONG.search(text):
        return False
    try:
        _OVERLONG.sub(b"", text).decode()
    except UnicodeDecodeError:
        return False
    return any(len(_shortest(match)) == 1 for match in _OVERLONG.finditer(text))


_UTF7: Final = re.compile(rb"\+([A-Za-z0-9+/]{2,2000})-?")


def _utf7(text: bytes) -> tuple[bytes, ...]:
    return (_UTF7.sub(_shifted, text),)


def _shifted(match: re.Match[bytes]) -> bytes:
    """A base64 run of UTF-16 (RFC 2152); left alone unless it is text."""
    units = _debase64(match[1])
    try:
        decoded = units[: len(units) & ~1].decode("utf-16-be").encode()
    except UnicodeDecodeError:
        return match[0]
    return decoded if is_text(decoded) else match[0]


def _utf16(text: bytes) -> tuple[bytes, ...]:
    even, odd = text[::2], text[1::2]
    if not odd or max(even.count(0), odd.count(0)) * 4 < len(odd) * 3:
        return ()
    codec = "utf-16-le" if odd.count(0) >= even.count(0) else "utf-16-be"
    return (text.decode(codec, "replace").lstrip("\ufeff").encode(),)


def _null(text: bytes) -> tuple[bytes, ...]:
    return (text.replace(b"\0", b""),)


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


# Base64 of text: in each group of four the bits that are zero in printable ASCII are zero.
_GROUP: Final = rb"[I-Za-f][C-HS-Xi-ny-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_-]"
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


def _base64(text: bytes) -> tuple[bytes, ...]:
    found = []
    joined = text.strip().replace(b" ", b"+") if b"\n" not in text else text.translate(None, b" \t\r\n")
    if _WHOLE.fullmatch(joined):
        found.append(joined)
    elif match := _BASIC.match(text):
        found.append(match[1])
    else:
        lowered = text.lower()
        if b"base64," in lowered:
            found += _DATA_URL.findall(text)[:8]
        if b"eyJ" in text:
            found += [part for match in _JWT.findall(text)[:4] for part in match]
    return tuple(plain for coded in found if (plain := _as_text(_debase64(coded))))


def _as_text(data: bytes) -> bytes:
    """`data` if it is text, UTF-16 turned to UTF-8; otherwise b""."""
    if is_text(data):
        if data.count(0) * 3 > len(data):
            return b"".join(_utf16(data))
        return data
    return b""


_HEX: Final = re.compile(rb"(?:0x|\\x|x'|)((?:[0-9A-Fa-f]{2}){6,})'?", re.I)


def _hex(text: bytes) -> tuple[bytes, ...]:
    match = _HEX.fullmatch(text.strip())
    plain = _as_text(bytes.fromhex(match[1].decode())) if match else b""
    return (plain,) if plain else ()


# ------------------------------------------------------------------------------------------------------ folds

_OPENED: Final = re.compile(rb"/\*[!+][0-9]{0,6}")
_COMMENT: Final = re.compile(rb"/\*.*?\*/", re.S)
_WITHIN_WORD: Final = re.compile(rb"(?<=[a-z0-9_])/\*.*?\*/(?=[a-z0-9_])", re.S | re.I)
_LINE_COMMENT: Final = re.compile(rb"(?:--|#)[^\n]*\n")
_BLANKS: Final = re.compile(rb"[\s\xa0]+")


def _sqlspace(text: bytes) -> tuple[bytes, ...]:
    # Only what is closed can be a comment; cutting there keeps the search linear.
    text = _OPENED.sub(b" ", text)
    end = text.rfind(b"*/") + 2 if b"*/" in text else 0
    line = text.rfind(b"\n") + 1
    blank = _COMMENT.sub(b" ", text[:end]) + text[end:]
    if line:
        line = blank.rfind(b"\n") + 1
        blank = _LINE_COMMENT.sub(b" ", blank[:line]) + blank[line:]
    blank = _BLANKS.sub(b" ", blank.replace(b"*/", b" "))
    joined = _WITHIN_WORD.sub(b"", text[:end]) + text[end:]
    if len(joined) == len(text):
        return (blank,)
    return blank, _BLANKS.sub(b" ", joined)


_IFS: Final = re.compile(rb"\$(?:\{IFS[^}]{0,20}\}|IFS(?:\$[0-9])?)|\\?\r?\n", re.I)
_UNSET: Final = re.compile(rb"\$(?:[@*!#]|\{[@*!]\}|[0-9])|\$\(\)|``")
_BRACES: Final = re.compile(rb"\{([A-Za-z/.][^{}\s\"':]{0,100},[^{}\s\"':]{0,200})\}")


def _shell(text: bytes) -> tuple[bytes, ...]:
    if b"$" in text or b"\n" in text:
        text = _UNSET.sub(b"", _IFS.sub(b" ", text))
    if b"{" in text:
        text = _BRACES.sub(_expanded, text)
    return (
        (text.translate(None, b"'\"\\^`"), text.translate(None, b"'\"\\^"))
        if b"`" in text
        else (text.translate(None, b"'\"\\^"),)
    )


def _expanded(match: re.Match[bytes]) -> bytes:
    return match[1].replace(b",", b" ")


_PARAMETERS: Final = re.compile(rb"(\.\.|/);[^/\s]{0,60}(?=/)")
_SLASHES: Final = re.compile(rb"/(?:\.?/)+")
_CLIMB: Final = re.compile(rb"/(?!\.\.?/)[^/\s]{1,255}/\.\.(?=/)")


def _pathnorm(text: bytes) -> tuple[bytes, ...]:
    text = _SLASHES.sub(b"/", _PARAMETERS.sub(rb"\1", text.replace(b"\\", b"/")))
    resolved = text
    for _ in range(8):
        if b"/../" not in resolved:
            break
        shorter = _CLIMB.sub(b"", resolved)
        if shorter == resolved:
            break
        resolved = shorter
    return text, resolved


_CONTROLS: Final = bytes(range(32)) + b"\x7f"
_SCHEMES: Final = (b"script:", b"data:")


def _squash(text: bytes) -> tuple[bytes, ...]:
    """Browsers drop tabs and line ends from URLs (WHATWG URL, basic parser), so only schemes gain by it."""
    squashed = text.translate(None, _CONTROLS)
    lowered = squashed.lower()
    return (squashed,) if any(scheme in lowered for scheme in _SCHEMES) else ()


_JOINED: Final = re.compile(rb"""['"]\s{0,20}(?:\+|\|\||\.|&)\s{0,20}['"]""")


def _concat(text: bytes) -> tuple[bytes, ...]:
    return (_JOINED.sub(b"", text),)


# ----------------------------------------------------------------------------------------------------- tables

STEPS: Final[dict[View, Callable[[bytes], tuple[bytes, ...]]]] = {
    View.PERCENT: _percent,
    View.HTML: _html,
    View.JS: _js,
    View.CSS: _css,
    View.UNICODE: _unicode,
    View.UTF7: _utf7,
    View.UTF16: _utf16,
    View.BASE64: _base64,
    View.HEX: _hex,
    View.NULL: _null,
    View.SQLSPACE: _sqlspace,
    View.SHELL: _shell,
    View.PATHNORM: _pathnorm,
    View.SQUASH: _squash,
    View.CONCAT: _concat,
}

TRIGGERS: Final[dict[View, bytes]] = {
    # Where none of these is found the step changes nothing. Caseless unless `(?-i)`; "^" and "$" at lines;
    # the common subset of Hyperscan's syntax and of `re`: the matcher looks for them along with the patterns.
    View.PERCENT: rb"%(?:[0-9a-f]{2}|u[0-9a-f]{4})",
    View.HTML: rb"&(?:#x?[0-9a-f]|[a-z]{2,20};|(?:lt|gt|amp|quot|nbsp))",
    View.JS: rb"\\",
    View.CSS: rb"\\0{0,4}[2-7][0-9a-f]",
    View.UNICODE: (
        rb"\xef[\xbc\xbd\xbb]|[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]"
        rb"|\xf0\x9d[\x90-\x9f]|\xf0\x9f[\x84\x85]|\xe2(?:\x80[\x80-\x8f\x90\x91\x9a\xa8-\xb3\xb5\xb9\xba]|\x81"
        rb"|\x82[\x80-\x8e]|\x84|\x88[\x92\x95-\x97\xa3\xb6]|[\x91-\x93]|\x9f[\xa8\xa9]|\xa7[\xb5\xb8])"
        rb"|\xe3\x80[\x80\x88\x89]|\xef\xb9|\xc2[\xa0\xad]|\xc4\xb1|\xc5\xbf|\xc7\x83|\xca[\xb9-\xbc]"
        rb"|\xcb[\x82\x83\x88]|\xcd\x8f|\xd8\x9c"
    ),
    View.UTF7: rb"(?-i:\+A[A-H][A-Za-z0-9+/])",
    View.UTF16: rb"\x00[\x01-\x7f]\x00|[\x01-\x7f]\x00[\x01-\x7f]\x00",
    View.BASE64: (
        rb"(?-i:^\s{0,2}(?:" + _GROUP + rb"){2}[A-Za-z0-9+/_= -]*\s{0,2}$)"
        rb"|;\s?base64,|eyJ[a-z0-9_-]{8}|^basic +[a-z0-9]"
    ),
    View.HEX: rb"^(?:0x|\\x|x'|)(?:[2-7][0-9a-f]|0[9ad]){6}[0-9a-f]*'?$",
    View.NULL: rb"\x00",
    View.SQLSPACE: rb"/\*|--|#|[\x0b\x0c\xa0]",
    View.SHELL: (
        rb"[a-z0-9/.*?-]['\"\\^`]{1,2}[a-z0-9/.*?$-]|\$\{?ifs|\$[@*!#0-9]|\$\{[@*!]|\{[a-z/.][^\s{}\"':]{0,40},|['\"]{2}"
    ),
    View.PATHNORM: rb"\\|[^:/]//|/\.{1,2}/|\.\.;",
    View.SQUASH: rb"[a-z][\x00-\x1f]{1,4}[a-z]|script[\x00-\x1f]{1,4}:",
    View.CONCAT: rb"""['"]\s{0,20}(?:\+|\|\||\.|&)\s{0,20}['"]""",
}  # fmt: skip

_FOUND: Final = {view: re.compile(trigger, re.I | re.M | re.S) for view, trigger in TRIGGERS.items()}


def can_differ(view: View, text: bytes) -> bool:
    """Whether the step might change the text: False is certain."""
    return _FOUND[view].search(text) is not None


def places(view: View, text: bytes) -> Iterator[int]:
    """Where in the text the step has something to do: the offset behind each such spot, ascending."""
    return (match.end() for match in _FOUND[view].finditer(text))


def step(view: View, text: bytes) -> list[bytes]:
    """The texts that one step makes of a text, none equal to it, none empty, none overlong."""
    longest = len(text) * _GROWTH + 64
    return [made[:longest] for made in STEPS[view](text) if made and made != text]


def may_follow(chain: Chain, view: View) -> bool:
    """Whether the step may come after the chain: layers before folds, no more of each than allowed."""
    if view & LAYERS:
        return len(chain) < MAX_LAYERS and not any(done & FOLDS for done in chain)
    return view not in chain and sum(1 for done in chain if done & FOLDS) < MAX_FOLDS


def views(value: bytes, wanted: View = LAYERS | FOLDS) -> Iterator[tuple[Chain, bytes]]:
    """The distinct texts that a value may stand for: itself first, with the empty chain, then longer chains."""
    seen = {value}
    frontier: list[tuple[Chain, bytes]] = [((), value)]
    steps = [view for view in STEPS if view & wanted]
    yield (), value
    while frontier:
        following: list[tuple[Chain, bytes]] = []
        for chain, text in frontier:
            for view in steps:
                if not may_follow(chain, view) or not can_differ(view, text):
                    continue
                for made in step(view, text):
                    if made in seen or len(seen) >= MAX_TEXTS:
                        continue
                    seen.add(made)
                    following.append(((*chain, view), made))
                    yield (*chain, view), made
        frontier = following
