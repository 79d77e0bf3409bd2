"""SQL that somebody shows or posts: what tells that it is read on from no literal of the app's.

Owns signs in the text itself: a literal of its own, a question, a comment, a transaction. All for lower case. See `sql.py`.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.sql_words import LETTERS, STATEMENTS

_READ: Final = 4096  # bytes before and behind a literal within which the text must tell
_LITERAL: Final = 64  # bytes of a literal

_FALSE: Final = re.compile(rb"\s*or\s+(['\"])([^'\"]{0,24})\1\s*=\s*\1\2\s+[a-z]+\s+[a-z][^'\"\\]*\Z")


def is_false(rest: bytes) -> bool:
    """Behind a quote two literals are compared, and a sentence goes on in the second, which is left open: so they differ."""
    return _FALSE.match(rest) is not None


_ASKED: Final = re.compile(rb"['\"]\?\s{0,8}\Z")


def is_question(value: bytes) -> bool:
    """It ends in a literal and a question mark, where no statement goes on."""
    return _ASKED.search(value, max(len(value) - 12, 0)) is not None


_REMARK: Final = re.compile(rb"\s*-- [^\r\n]*\Z")
_TRANSACTION: Final = re.compile(rb"\s*(?:begin(?:\s+transaction)?|start\s+transaction)\s*;")


def is_script(value: bytes) -> bool:
    """All of it is a comment, "-- 0043; drop table old", or it is a transaction of several statements."""
    if _REMARK.match(value) is not None:
        return True
    return _TRANSACTION.match(value) is not None and value.count(b";", 0, _READ) >= 4


_SPOKEN: Final = re.compile(
    rb"\s*(?!(?:or|and|xor|not|union|order|group|having|limit|where|as|on|asc|desc|from|case|when|into|like|in|is|between"
    rb"|rlike|regexp)\b)[a-z_]\w*\s+[a-z_(*][^;#]*\Z"
)
_PAIR: Final = {
    quote: re.compile(rb"%b((?:\\%b|[\w.:/-])++)%b(?!%b)" % ((quote,) * 4)) for quote in (b"'", b'"')
}
_OPERAND: Final = re.compile(rb"\d[\w.:-]*|[a-z_]\w*(?:\\['\"]\w*)?")
_POSTFIX: Final = frozenset(b"isnull notnull uescape using match regexp return returning".split())
_ENDS: Final = re.compile(rb";(?!\s*\Z)|--|#|/\*")


def has_own(value: bytes, position: int, quote: bytes) -> bool:
    """The first quote opens a literal of the text's own: a number or a name, then the quote again (between '2024' and '2025').

    Behind a literal of the app's, that is an operand and a further literal in a row, which no server reads on from; and
    bare, the value begins with two words. Not where the quote may have been escaped, a statement may end, or the word is
    one that goes on behind a literal.
    """
    expression = _PAIR.get(quote)
    if expression is None or position > _READ or value[position - 1 : position] in (b"\\", quote):
        return False
    pair = expression.match(value, position, position + _LITERAL)
    if pair is None or len(value) > pair.end() + _READ or _SPOKEN.match(value, 0, position) is None:
        return False
    word = pair[1]
    goes_on = word in LETTERS or word in STATEMENTS or word in _POSTFIX or _OPERAND.fullmatch(word) is None
    return not goes_on and _ENDS.search(value, pair.end()) is None
