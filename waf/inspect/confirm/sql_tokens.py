"""Text to SQL tokens, for all dialects at once.

Owns the lexical union of MySQL, PostgreSQL, SQL Server, Oracle and SQLite. Knows nothing of grammar or of attacks.
Linear in its input: one alternation, no nested repeats; every call stops after `LIMIT` tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from waf.inspect.native import SQL

LIMIT: Final = 160
"""Tokens that are looked at from one starting point."""


Token = tuple[str, bytes, int, int]
"""Kind, text (lower case for words and operators), where it starts, where it ends.

N number, S closed string, O string that is open at the end, W word, F word directly before "(",
V variable, P operator, ( ) , ; . for themselves, C comment that takes the rest (or the line), Q stray quote.
"""


_TOKEN: Final = re.compile(
    rb"""(?P<blank>(?:[\s\x00\x0b\x0c]|\xc2?\xa0|\xe2\x80[\x80-\xaf]|\xe3\x80\x80
            |/\*(?!!)(?:[^*]|\*(?!/))*\*/|/\*!\d{0,6}|\*/|\\[ntr]|\d+\.e(?=[\s(.,)]))+)
      |(?P<comment>--[^\n]*|\#[^\n]*|/\*.*|;\x00.*)
      |(?P<number>0x[0-9a-f]*|\d+\.e(?=[=<>])|0b[01]+|\d+(?:\.\d*)?(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)
      |(?P<string>(?:_\w{3,12}\s?|[nxbeu]|u&)?(?:'(?:[^'\\]|\\.|'')*(?P<q1>'|\\?$)|"(?:[^"\\]|\\.|"")*(?P<q2>"|\\?$))
            |(?P<other_quote>\$(?P<tag>\w{0,8})\$[^$]*\$(?P=tag)\$|q'\[[^\]]*\]'))
      |(?P<variable>@@?[\w$.`]+|:\w+(?=\W|$))
      |(?P<word>`[^`]{0,128}(?:`|$)|\[[a-z_][\w ]{0,64}\]|[a-z_\x80-\xff][\w$\x80-\xff]{0,200})
      |(?P<operator>\|\||&&|<=>|<>|!=|>=|<=|:=|::|==|<<|>>|!~\*?|~\*|@>|<@|\#>|->>?|[-+*/%^&|~!=<>?:])
      |(?P<punct>[(),;.{}\[\]])
      |(?P<other>.)""",
    re.X | re.S,
)


def read_tokens(text: bytes, start: int, most: int) -> list[Token]:
    """The tokens of `text` from `start` on, blanks and closed comments left out, at most `most`.

    `text` is in lower case: words are compared as they are. In C: `tokens` in `waf/_sql.c`.
    """
    found: list[Token] = []
    add = found.append
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup or ""
        if kind == "blank":
            continue
        begin, end = match.span()
        raw = match[0]
        if kind == "word":
            follows = text[end : end + 1] == b"(" or text[end : end + 8].lstrip()[:1] == b"("
            add(("F" if follows else "W", raw.strip(b"`[]"), begin, end))
        elif kind == "string":
            closed = match["q1"] == b"'" or match["q2"] == b'"' or match["other_quote"]
            add(("S" if closed else "O", raw, begin, end))
        elif kind == "punct":
            add((_PUNCTUATION[raw], raw, begin, end))
        else:
            add((_KINDS[kind or "other"], raw, begin, end))
        if len(found) >= most:
            break
    return found


_PUNCTUATION: Final = {bytes([code]): chr(code) for code in b"(),;.{}[]"}
_KINDS: Final = {"operator": "P", "number": "N", "variable": "V", "comment": "C", "other": "Q"}

tokens: Final[Callable[[bytes, int, int], list[Token]]] = read_tokens if SQL is None else SQL.tokens
