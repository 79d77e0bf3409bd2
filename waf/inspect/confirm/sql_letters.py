"""SQL's tokens to the letters of a shape (see `sql.py`), one for each.

Owns what a word means where it stands. Knows nothing of shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from waf.inspect.confirm.sql_tokens import LIMIT, Token, read_tokens
from waf.inspect.confirm.sql_words import CATALOGUE, DANGEROUS, FUNCTIONS, LETTERS, STATEMENTS

_STATEMENTS: Final = 16
"""Words of one text of which it is asked whether they begin a statement: text with more of them is none of SQL, but dear."""

Letters = tuple[str, str, str, int, int]
"""The letters, the kinds of the first and the last token ("" where there is none), where the last starts and ends."""

_SYMBOLS: Final = {
    b"&&": "&", b"||": "|", b"=": "=", b"==": "=", b"<": "=", b">": "=", b"<=": "=", b">=": "=", b"<>": "=",
    b"!=": "=", b"<=>": "=", b"!": "", b"~": "", b"!~": "=", b"!~*": "=", b"~*": "=", b"@>": "=", b"<@": "=",
    b"?": "?", b":=": "=",
}  # fmt: skip


def read_letters(text: bytes) -> Letters:
    """Of a text in lower case. Dotted names become one name."""
    found = read_tokens(text, 0, LIMIT)
    if not found:
        return "", "", "", 0, 0
    return _letters(text, found), found[0][0], found[-1][0], found[-1][2], found[-1][3]


def _letters(text: bytes, found: Sequence[Token]) -> str:
    out: list[str] = []
    skip = statements = 0
    for number, (kind, said, start, _) in enumerate(found):
        if skip:
            skip -= 1
            continue
        if kind in "WF":
            name, call = said, kind == "F"
            while (
                number + skip + 2 < len(found)
                and found[number + skip + 1][0] == "."
                and found[number + skip + 2][0] in "WFP."
            ):
                skip += 2
                last = found[number + skip]
                name += b"." + last[1]
                call = last[0] == "F"
            statements += name in STATEMENTS
            asked = statements <= _STATEMENTS
            out.append(_word(text, start, name, call) if asked else _by_name(name, call))
        elif kind == "P":
            out.append(_SYMBOLS.get(said, "o"))
        elif kind == "O":
            out.append("z" if len(said) == 1 else "q")
        elif kind == "V":
            out.append("X" if said.startswith(b"@@") else "v")
        elif kind == "N":
            out.append("1")
        elif kind == "S":
            out.append("s")
        elif kind == "C":
            out.append("c")
            break
        elif kind == "{" and number + 1 < len(found) and found[number + 1][0] in "WF":
            out.append("(")  # ODBC's {fn name()}, and MySQL's {x 1}
            skip = 1
        else:
            out.append(kind if kind in "(),;" else ")" if kind == "}" else "?")
    return "".join(out)


def _word(text: bytes, start: int, name: bytes, call: bool) -> str:
    """The letter of a name whose first word is at `start`; none for what changes no shape."""
    letter = _by_name(name, call)
    if letter in {"X", "D"}:
        return letter
    statement = STATEMENTS.get(name)
    return "T" if statement is not None and statement.match(text, start + len(name)) else letter


def _letter(name: bytes, call: bool) -> str:
    if CATALOGUE.found(name) or (call and name == b"analyse"):
        return "X"
    if call and (name in DANGEROUS or name.rpartition(b".")[2] in DANGEROUS or name.startswith(b"system$")):
        return "D"
    letter = LETTERS.get(name)
    if call and (name in FUNCTIONS or letter == "1"):
        return "F"
    if letter is not None:
        return letter
    return "f" if call else "n"


_by_name: Final = lru_cache(1024)(_letter)

_KNOWN: Final = {
    word: (_letter(word, False), _letter(word, True), word in STATEMENTS)
    for word in (*LETTERS, *FUNCTIONS, *DANGEROUS, *STATEMENTS)
}
"""Letters of words as names and as calls, and whether what follows decides."""


def letters_in_c(read: Callable[..., Letters], text: bytes) -> Letters:
    """By a function that asks for what it does not know of words: `shape` in `waf/_sql.c`."""
    return read(text, _KNOWN, lambda name, start, call: _word(text, start, name, call))
