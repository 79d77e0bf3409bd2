"""The last clause of a statement and a comment that takes the rest of the app's: what ends one, whatever began it.

Owns which clauses these are. All for lower case. See `sql.py`.
"""

from __future__ import annotations

import re
from typing import Final

_MOST: Final = 2048  # bytes from its quote to the end of the value
_CLAUSE: Final = re.compile(
    rb"(?:['\"]|(?<![(\w])\d{1,12}\))[\s)]*(?:returning(?:\s+(?:\*|[\w.]++(?:\s*+,\s*+[\w.]++)*+|[\w.]+\([^\r\n]{0,200}?\))|\s*\(\s*select\b[^\r\n]{1,400}?\))|for\s+(?:json|xml)\s+(?:auto|path|raw|explicit)\b[^\r\n]{0,24}?"
    rb"|allow\s+filtering|into\s+@\w+(?:\s*+,\s*+@\w+)*+)\s*+;?\s*+(?:--|#|/\*)[\s+\-/*#;]*+\w?\W{0,12}\Z"
)
"""A last clause of a statement, and a comment, …"""
_BEGUN: Final = re.compile(rb"returning|for\s|allow\s|into\s")
"""… which begins with one of these."""
_NARROWED: Final = re.compile(
    rb"\A[^'\"]{0,40}['\"][\s)]++(?<=[\s)])where\s++[\w.]{1,40}\s?(?:=|<|>|like)\s?[\w'\"]{1,24}\s*+;?\s*+(?:--|#|/\*)[\s+\-/*#;]*+\w?\W{0,12}\Z"
)
"""A statement ended with another condition."""
_DISTINCT: Final = re.compile(
    rb"\A\s*distinct\s?(?:on\s?)?\([^()]{1,80}\)[\w\s,.]{0,80}\sfrom\s+[\w.]{1,60}\s*+;?\s*+(?:--|#|/\*)[\s+\-/*#;]*+\w?\W{0,12}\Z"
)
"""What is selected, once."""
_SIGNS: Final = bytes(code for code in range(256) if not (bytes([code]).isalnum() or code == ord("_")))


def ends_statement(value: bytes) -> bool:
    """It ends a statement so."""
    last = value[-_MOST:]
    return _ends_in_comment(last) and (
        (_BEGUN.search(last) is not None and _CLAUSE.search(value, len(value) - len(last)) is not None)
        or _NARROWED.match(value) is not None
        or _DISTINCT.match(value) is not None
    )


def _ends_in_comment(last: bytes) -> bool:
    """False where no comment begins behind the last letter but one, which each of these clauses needs."""
    head = last.rstrip(_SIGNS)[:-1].rstrip(_SIGNS)
    tail = last[len(head) :]
    return not head or b"--" in tail or b"#" in tail or b"/*" in tail
