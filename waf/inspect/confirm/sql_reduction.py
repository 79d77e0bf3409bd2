"""Letters of SQL (see `sql.py`) reduced to a shape: calls and parentheses, from the inside out, to single letters.

Owns what a call or a group becomes, by what is in it. Knows nothing of words or of what a shape means.
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.sql_letters import Letters, letters_in_c, read_letters
from waf.inspect.native import SQL

_INNERMOST: Final = re.compile(r"([fFD]?)\(([^()]*)\)")
_DANGER: Final = re.compile(r"[DHeETX]")
_PROSE: Final = re.compile(r"nn|1n|n1")
_UNARY: Final = re.compile(r"(?<=[&|=o(,])o+|(?<=&)[&|]+|(?<=\|)[&|]+|(?<==)=+")
_MENTION: Final = re.compile(r"nn|n1|^En*$")
_ALIASED: Final = re.compile(r"^(E[gG](?:,[gG1ns])*kn)n")
"""select max(a) from b c: a name behind the table's, where a call says that it is no sentence."""
_NAMED: Final = re.compile(r"[ngk?U]")
_CASE: Final = re.compile(r"a[^;c(]*a")


def _fold(match: re.Match[str]) -> str:
    call, inside = match[1], match[2]
    if call == "D":
        return "g" if _PROSE.search(inside) else "H" if inside else "G"
    if inside.startswith("E"):
        return "n" if _MENTION.search(_ALIASED.sub(r"\1", inside)) else "H" if call else "e"
    if inside.startswith("a") and inside.endswith("a"):
        return "e"
    if _DANGER.search(inside):
        return "e" if call == "F" else "H"
    if call:
        # One that nobody knows is of SQL where it is told what a function of SQL says.
        return "G" if call == "F" or ("G" in inside and not _PROSE.search(inside)) else "g"
    if not inside:
        return "?"
    if _NAMED.search(inside):
        return "n"
    return "G" if "G" in inside or "=" in inside else "1"


def reduce(letters: str) -> str:
    """Calls and parentheses from the inside out, then case … end, to single letters. Each round takes one depth."""
    for _ in range(12):
        shorter, count = _INNERMOST.subn(_fold, letters)
        if not count:
            break
        letters = shorter
    letters = _UNARY.sub("", letters)
    return _CASE.sub(lambda m: "e" if _DANGER.search(m[0]) else "G", letters)


def read_shape(text: bytes) -> Letters:
    """The same as `read_letters`, reduced. In C: `shape` in `waf/_sql.c`."""
    plain, *tokens = read_letters(text)
    return reduce(plain), *tokens  # type: ignore[return-value]


def _in_c(text: bytes) -> Letters:
    assert SQL is not None
    return letters_in_c(SQL.shape, text)


shape_of: Final = read_shape if SQL is None else _in_c
