"""What dialects write in ways of their own, in plain words and signs for the shapes of `sql.py`.

Owns the rewriting of a value before it is read: casts, kinds of literals, operators and clauses that mean what others say as well.
Knows nothing of shapes. Each is asked for only where the value has its letters, and is linear in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from waf.inspect.native import SQL


def _words(words: bytes, behind: bytes = b"") -> bytes:
    """Branches for words, each with what stands behind it: `re` skips to their first letters, and not to the edges of words."""
    return b"|".join(rb"%b(?<!\w%b)%b%b" % (word[:1], word[:1], word[1:], behind) for word in words.split())


_CAST: Final = re.compile(
    rb"::\s?(?:int\w*|text|numeric|bigint|varchar|char|bool\w*|name|reg\w+|jsonb?|bytea|float\w*|date|oid)\b(?:\[\])?"
)
# What stands before is asked about behind the first characters, the edge of a word as well: `re` skips to those.
_SELECTED: Final = re.compile(
    rb"\((?<=[|=+*/%^&,(<>-].)\s*select\s+(?:current_|session_|system_)?user\s*(?=\)|\bfrom\b)"
)
_LIKENESS: Final = re.compile(
    rb"~(?<=[\w)'\"\]\s!]~)(?<!\bor~)(?<!\bor ~)(?<!\band~)(?<!\band ~)(?<!\bnot ~)~?\*?\s{0,8}(?=e?['\"])"
)
"""'a' ~ 'b', current_user !~* '^a', a ~~ 'b%': PostgreSQL; behind logic it turns the bits of an operand."""
_SIMILAR: Final = re.compile(rb"similar(?<!\wsimilar)\s+to\b")
_MEMBER: Final = re.compile(rb"member(?<!\wmember)\s+of\b")
_DISTINCT: Final = re.compile(rb"is(?<!\wis)\s{1,8}(?:not\s{1,8})?distinct\s{1,8}from\b\s{0,8}")
_TYPED: Final = re.compile(
    rb"((?:"
    + _words(b"xor or and not like when")
    + rb"|=|<|>|\(|,|\||&)\s{0,8})(?:date|time(?:stamp(?:tz)?)?|interval|jsonb?|uuid|inet|cidr|point|box"
    rb"|bytea|regclass|int\d?|integer|numeric|text|bool(?:ean)?|xml|name)\s{0,4}(?=')"
)
"""or jsonb '{…}'"""
_ARRAY: Final = re.compile(rb"array(?<!\warray)\s?\[[^\[\]]{0,200}\]")
_MONEY: Final = re.compile(
    rb"(" + _words(b"xor or and select like", rb"[\s(]{1,8}") + rb"|=\s{0,4}|<\s{0,4}|>\s{0,4})\$(?=\d)"
)
"""or $1=1: SQL Server's money, a column by its number."""
_DELIMITED = rb"\{[^}']{0,200}\}|\([^)']{0,200}\)|<[^>']{0,200}>"
_ALTERNATIVE: Final = re.compile(
    rb"q'(?:(?<![\w'].')(?:%b|([!|/#^~:;.,*+-])[^'\r\n]{0,200}?\1)"
    rb"|(?<=nq')(?<![\w']..')(?:\[[^\]']{0,200}\]|%b|([!|/#^~:;.,*+-])[^'\r\n]{0,200}?\2))'"
    % (_DELIMITED, _DELIMITED)
)
"""q'{a}', nq'<a>': Oracle's literals. An "n" before one stays, as before any other."""
_MODE: Final = re.compile(rb"in(?<!\win)\s{1,4}(?:boolean|natural\s{1,4}language)\s{1,4}mode\b")
_TABLE: Final = re.compile(
    rb"table(?=\s{1,4}[a-z_`][\w.`]{0,64}(?:(\s{1,4}(?:limit\s{1,4}\d|order\s{1,4}by\s))|\s{0,4}\)))"
)
"""(table t limit 1), exists(table t): a query of MySQL that names no columns."""
_GROUPED: Final = re.compile(rb"\(\s{0,4}\Z")
_TESTED: Final = re.compile(rb"(?:\bexists|[=<>])\s{0,4}\(\s{0,4}\Z")
_BEFORE: Final = 16  # bytes before the word in which that begins

_WITHIN: Final = re.compile(rb"within(?<!\wwithin)\s{1,8}group\s{0,8}\(\s{0,8}order\s{1,8}by\s[^()]{1,80}\)")
"""listagg(a,',') within group (order by 1): how a call's rows are sorted."""
_COMPARED: Final = re.compile(
    rb"((?:0|1|2|3|4|5|6|7|8|9|'|"
    + _words(b"null true")
    + rb")\s{1,4})(?:eq|ne)(?=\s{1,4}(?:\d|'|null\b|true\b|false\b))"
)
"""1 eq 1: as OData writes it."""

_NEAR: Final = 16_384  # bytes


SIGNS: Final = (
    b"::", b"user", b"similar", b"member", b"^@", b"~", b"distinct", b"array", b"q'", b"within", b" mode",
    b"$", b" eq ", b" ne ", b"table", b"'",
)  # fmt: skip
"""What a value must have before anything in it is rewritten: few have any."""


def find_signs(value: bytes) -> int:
    """Which of `SIGNS` the value has, a bit for each. In C: `waf/_sql.c`."""
    return sum(1 << number for number, sign in enumerate(SIGNS) if sign in value)


_signs: Final[Callable[[bytes], int]] = find_signs if SQL is None else SQL.signs
(
    _CASTS, _USERS, _SIMILARS, _MEMBERS, _BEGINNINGS, _TILDES, _DISTINCTS, _ARRAYS, _QS, _WITHINS, _MODES,
    _DOLLARS, _EQUALS, _UNEQUALS, _TABLE_WORDS, _QUOTES,
) = (1 << number for number in range(len(SIGNS)))  # fmt: skip


def read_cast(value: bytes) -> bytes:
    """Without casts. In C: `waf/_sql_plain.h`, as are the three below."""
    return _CAST.sub(b"", value)


def read_money(value: bytes) -> bytes:
    """Amounts without their sign."""
    return _MONEY.sub(rb"\1", value)


def read_compared(value: bytes) -> bytes:
    return _COMPARED.sub(rb"\1=", value)


def read_typed(value: bytes) -> bytes:
    return _TYPED.sub(rb"\1", value)


_cast: Final[Callable[[bytes], bytes]] = read_cast if SQL is None else SQL.cast
_money: Final[Callable[[bytes], bytes]] = read_money if SQL is None else SQL.money
_compared: Final[Callable[[bytes], bytes]] = read_compared if SQL is None else SQL.compared
_typed: Final[Callable[[bytes], bytes]] = read_typed if SQL is None else SQL.typed


def plain(value: bytes) -> bytes:
    """Without casts, and with plain words and signs for rare ones. `value` is in lower case."""
    signs = _signs(value)
    if not signs:
        return value
    if signs & _CASTS:
        value = _cast(value)
    if signs & _USERS and b"select" in value:
        value = _SELECTED.sub(b"(select user()", value)  # which needs no parentheses there
    if signs & _SIMILARS:
        value = _SIMILAR.sub(b"like", value)
    if signs & _MEMBERS:
        value = _MEMBER.sub(b"like", value)
    if signs & _BEGINNINGS:
        value = value.replace(b"^@", b"=")
    if signs & _TILDES:
        value = _LIKENESS.sub(b"=", value)
    if signs & _DISTINCTS:
        value = _DISTINCT.sub(b"=", value)
    if signs & _ARRAYS:
        value = _ARRAY.sub(b"1", value)
    if signs & _QS:
        value = _ALTERNATIVE.sub(b"'x'", value)
    if signs & _WITHINS:
        value = _WITHIN.sub(b"", value)
    if signs & _MODES:
        value = _MODE.sub(b"", value)
    return _near(value[:_NEAR]) + value[_NEAR:] if signs & _ASKED_NEAR else value


_ASKED_NEAR: Final = _DOLLARS | _EQUALS | _UNEQUALS | _TABLE_WORDS | _QUOTES


def _queried(match: re.Match[bytes]) -> bytes:
    before = match.string[max(match.start() - _BEFORE, 0) : match.start()]
    opened = (_GROUPED if match[1] else _TESTED).search(before)
    return match[0] if opened is None else b"select 1 from"


def _near(value: bytes) -> bytes:
    """What is asked at many places of a text, and so of its beginning alone."""
    signs = _signs(value)  # not those that are further on, or were rewritten
    if signs & _DOLLARS:
        value = _money(value)
    if signs & (_EQUALS | _UNEQUALS):
        value = _compared(value)
    if signs & _TABLE_WORDS:
        value = _TABLE.sub(_queried, value)
    return _typed(value) if signs & _QUOTES else value
