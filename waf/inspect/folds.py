"""Folds: one function for each way in which a language lets the same text be written differently.

Owns what a fold gives. Every function is total, linear in its input and never makes it longer; when it should be
called is the business of `decode.py`.
"""

from __future__ import annotations

import re
from typing import Final

_OPENED: Final = re.compile(rb"/\*[!+][0-9]{0,6}")
_COMMENT: Final = re.compile(rb"/\*.*?\*/", re.S)
# A comment ends at its first "*/": to go on to a later one where no word follows is quadratic.
_WITHIN_WORD: Final = re.compile(rb"(?<=[a-z0-9_])/\*[^*]*+\*++(?:[^/*][^*]*+\*++)*+/(?=[a-z0-9_])", re.I)
_LINE_COMMENT: Final = re.compile(rb"(?:--|#)[^\n]*\n")
_RARE_BLANKS: Final = bytes.maketrans(b"\v\f", b"  ")


def fold_sqlspace(text: bytes) -> tuple[bytes, ...]:
    """Comments as one blank, and within words as nothing; the code of /*!code*/ stays."""
    text = _plain_blanks(text)
    if b"/*" in text:
        text = _OPENED.sub(b" ", text)
    joined = blank = text
    if b"*/" in text:
        # Only what is closed can be a comment; cutting there keeps the search linear.
        end = text.rfind(b"*/") + 2
        blank = _COMMENT.sub(b" ", text[:end]).replace(b"*/", b" ") + text[end:]
        joined = _WITHIN_WORD.sub(b"", text[: end + 1]) + text[end + 1 :]
    if b"\n" in blank:
        line = blank.rfind(b"\n") + 1
        blank = _LINE_COMMENT.sub(b" ", blank[:line]) + blank[line:]
    return (blank,) if joined == text else (blank, joined)


def _plain_blanks(text: bytes) -> bytes:
    """What databases take for a blank beside those of ASCII that patterns name."""
    if b"\v" in text or b"\f" in text:
        text = text.translate(_RARE_BLANKS)
    if b"\xa0" in text:
        try:
            text.decode()
        except UnicodeDecodeError:  # Latin-1's no-break space; in UTF-8 the byte is part of letters
            text = text.replace(b"\xa0", b" ")
    return text


_IFS: Final = re.compile(rb"\$(?:\{IFS[^}]{0,20}\}|IFS(?:\$[0-9])?)", re.I)
_UNSET: Final = re.compile(rb"\$(?:[@*!#]|\{[@*!]\}|[0-9])|\$\(\)|``")
_BRACES: Final = re.compile(rb"\{([A-Za-z/.][^{}\s\"':]{0,100},[^{}\s\"':]{0,200})\}")
_CONTINUED: Final = re.compile(rb"\\\r?\n")


def fold_shell(text: bytes) -> tuple[bytes, ...]:
    """Words as a shell puts them together: unquoted, expanded, continued lines joined."""
    if b"$" in text:
        text = _UNSET.sub(b"", _IFS.sub(b" ", text))
    if b"\\\n" in text or b"\\\r" in text:
        text = _CONTINUED.sub(b"", text)
    if b"{" in text:
        text = _BRACES.sub(_expanded, text)
    if b"^" in text:  # cmd.exe, where backslashes part directories
        return (text.translate(None, b"'\"\\^"), text.translate(None, b'"^'))
    unquoted = text.translate(None, b"'\"\\^")
    return (unquoted.replace(b"`", b""), unquoted) if b"`" in unquoted else (unquoted,)


def _expanded(match: re.Match[bytes]) -> bytes:
    return match[1].replace(b",", b" ")


_PARAMETERS: Final = re.compile(rb"(\.\.|/);[^/\s]{0,60}(?=/)")
_SLASHES: Final = re.compile(rb"/(?:\.?/)+")
_CLIMB: Final = re.compile(rb"/(?!\.\.?/)[^/\s]{1,255}/\.\.(?=/)")


def fold_pathnorm(text: bytes) -> tuple[bytes, ...]:
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


def fold_squash(text: bytes) -> tuple[bytes, ...]:
    """Browsers drop tabs and line ends from URLs (WHATWG URL, basic parser), so only schemes gain by it."""
    squashed = text.translate(None, _CONTROLS)
    lowered = squashed.lower()
    return (squashed,) if any(scheme in lowered for scheme in _SCHEMES) else ()


_JOINED: Final = re.compile(rb"""['"]\s{0,20}(?:\+|\|\||\.|&)\s{0,20}['"]""")


def fold_concat(text: bytes) -> tuple[bytes, ...]:
    return (_JOINED.sub(b"", text),)
