"""Confirmers against their tables, and what holds for every one of them whatever the value."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.together import together
from waf.inspect.confirm import CONFIRMERS, OF_DOCUMENT, OF_VALUE, Confirmer
from waf.inspect.confirm.shape import is_document
from waf.model import Confidence

_TABLES = Path(__file__).parent / "tables"
_SHOWN = str.maketrans({"␊": "\n", "␍": "\r", "␉": "\t", "␀": "\0"})
_ASKS_THE_PATTERN = {
    "stands",
    "whole",
    "css",
    "csv",
}  # these judge the span that a pattern found, not the value
_OWN_PLACES = {"path", "remote_include"}  # for values of parameters that name files


def _cases(name: str) -> list[tuple[str, bytes]]:
    cases = []
    for number, line in enumerate((_TABLES / f"{name}.txt").read_text().splitlines(), 1):
        if line.startswith("#") or not line:
            continue
        assert line[:2] in ("+ ", "- "), f"{name}.txt:{number}"
        cases.append((line[0], line[2:].translate(_SHOWN).encode()))
    assert cases, name
    return cases


def _answers(confirm: Confirmer, value: bytes) -> set[Confidence | None]:
    """Patterns find different pieces of a value; the answer may be that for any of them."""
    spans = [match.span() for match in re.finditer(rb"\S+", value)] or [(0, len(value))]
    if confirm is not CONFIRMERS["path"]:  # paths have no blanks
        spans += [(0, len(value))] + [
            (at, min(len(value), at + 12)) for at in range(0, min(len(value), 80), 3)
        ]
    return {confirm(value, span) for span in spans}


def test_every_confirmer_has_a_table_and_every_table_a_confirmer() -> None:
    tables = {path.stem for path in _TABLES.glob("*.txt")} - {"everyday"}
    assert tables == set(CONFIRMERS)


@together("name", sorted(CONFIRMERS))
def test_table(name: str) -> None:
    confirm = CONFIRMERS[name]
    wrong = []
    for expected, value in _cases(name):
        if name in _ASKS_THE_PATTERN:
            answers = {confirm(value, (0, len(value)))} if expected == "+" else set()
        else:
            answers = _answers(confirm, value)
        if (Confidence.HIGH in answers) != (expected == "+"):
            wrong.append((expected, value, answers))
    assert not wrong


@together("name", sorted(set(CONFIRMERS) - _ASKS_THE_PATTERN - _OWN_PLACES))
def test_everyday_text_is_no_attack(name: str) -> None:
    confirm = CONFIRMERS[name]
    wrong = [value for _, value in _cases("everyday") if confirm(value, (0, len(value))) is Confidence.HIGH]
    assert not wrong


@pytest.mark.parametrize(
    ("name", "value", "piece"),
    [
        ("stands", b"please call phpinfo() on the server", b"phpinfo()"),
        ("stands", b"how does the eval( thing work in old browsers today", b"eval("),
        ("css", b"the expression (in parentheses) is evaluated first", b"expression ("),
        ("css", b"good behavior: url shortening", b"behavior: url"),
        ("whole", b"the id card", b"id"),
        ("csv", b'=HYPERLINK("#\'Q3 - Summary\'!A1","back to top")', b"=HYPERLINK("),
        ("csv", b'=hyperlink("#Sheet2!B4"; "there")', b"=hyperlink("),
        ("csv", b"--- a/x.js\n+++ b/x.js\n@@ -1 +1 @@\n-exec(a)\n+execFile(a)", b"\n+exec"),
    ],
)
def test_a_mention_is_no_find(name: str, value: bytes, piece: bytes) -> None:
    at = value.find(piece)
    assert CONFIRMERS[name](value, (at, at + len(piece))) is None


# A page of text around it takes the place away where an injection could act, but not from what always acts.
_PAGE = (
    b"Dear all,\n\nwe had a look at the report of last week, and it is fine by us.\nThanks for the work!\n\n"
)


@together(
    ("name", "inside", "acts"),
    [
        ("sql", b"Students and teachers should select a name from the list, or drop it.\n", False),
        ("sql", b"SELECT name FROM users WHERE id = 1 OR 1 = 1;\n", False),
        ("sql", b"x' UNION SELECT password FROM users --\n", True),
        ("shell", b"Run this: cd /tmp; cat /etc/passwd | grep root\n", False),
        ("js", b"Then call alert(1) from the console.\n", False),
        ("template", b"Hello {{ user.name }}, it is ${amount}.\n", False),
        ("template", b"Hello {{ ''.__class__.__mro__ }}\n", True),
        ("html", b"<p>Hello <b>all</b></p>\n", False),
        ("html", b"<script>alert(1)</script>\n", True),
        ("html", b"<img src=x onerror=alert(1)>\n", True),
        ("path", b"See ../../../etc/passwd for users.\n", False),
    ],
)
def test_pages_of_text(name: str, inside: bytes, acts: bool) -> None:
    value = _PAGE + inside + _PAGE
    span = (len(_PAGE), len(_PAGE) + len(inside))
    assert (CONFIRMERS[name](value, span) is Confidence.HIGH) is acts


# ------------------------------------------------------------------------------------------------------- invariants

_PIECES = sorted({value for name in CONFIRMERS for _, value in _cases(name)})
_VALUES = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4).map(b"".join),
    st.builds(
        lambda piece, at, junk: piece[:at] + junk + piece[at:],
        st.sampled_from(_PIECES),
        st.integers(0, 60),
        st.text(alphabet="'\"`<>(){}[];|&$%\\/-#*=+ \n\r\x00aZ09", max_size=12).map(str.encode),
    ),
)


def _holds(value: bytes, start: int, length: int) -> None:
    start = min(start, len(value))
    span = (start, min(len(value), start + length))
    for confirm in CONFIRMERS.values():
        answer = confirm(value, span)
        assert answer is None or isinstance(answer, Confidence)
        assert confirm(bytes(bytearray(value)), span) == answer  # depends on nothing else


@given(_VALUES, st.integers(0, 200), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_a_confidence_or_none_and_never_an_exception(value: bytes, start: int, length: int) -> None:
    _holds(value, start, length)


@given(_VALUES, st.integers(0, 200), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_answers_of_a_value_need_no_span(value: bytes, start: int, length: int) -> None:
    start = min(start, len(value))
    for name in OF_VALUE:
        confirm = CONFIRMERS[name]
        assert confirm(value, (start, min(len(value), start + length))) == confirm(value, (0, len(value))), (
            name
        )


_LINES = st.lists(_VALUES, min_size=5, max_size=9).map(b"a line of plain words, it is;\n".join)


@given(_LINES, st.integers(0, 2000), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_answers_of_a_document_need_no_span(value: bytes, start: int, length: int) -> None:
    if not is_document(value):
        return
    start = min(start, len(value))
    for name in OF_DOCUMENT:
        confirm = CONFIRMERS[name]
        span = (start, min(len(value), start + length))
        assert confirm(value, span) == confirm(value, (0, len(value))), name


@pytest.mark.slow
@given(_VALUES, st.integers(0, 200), st.integers(0, 40))
@settings(max_examples=20_000, deadline=None)
def test_the_same_for_long(value: bytes, start: int, length: int) -> None:
    _holds(value, start, length)


_REPEATED = [
    b"'", b'"', b"(", b"a ", b"1,", b"/*", b"' or ", b"union select ", b"<a ", b"<a b='", b"{{", b"${",
    b"../", b"$(", b";a ", b"`", b"\\", b"%2e", b"=a=", b"on=x ", b"alert(", b"\n", b"a=1 or ", b"&&",
    b"--", b"@@", b"0x", b"[[", b"<!--", b"f(f(", b"case when ", b"a.b.", b"++", b"' '", b"||", b"\x00",
    b"%00", b"${${", b")(", b"){", b"http://", b"@", b"a:{", b"<%",
]  # fmt: skip


@together("name", sorted(CONFIRMERS))
def test_long_repetition_is_judged_like_a_shorter_one(name: str) -> None:
    """Work is bounded: 64 KiB of anything ends as soon as 8 KiB do (a hang would be seen, time is not measured)."""
    confirm = CONFIRMERS[name]
    for piece in _REPEATED:
        for prefix in (b"", b"1' or ", b"<x "):
            for size in (8_192, 65_536):
                value = (prefix + piece * (size // len(piece)))[:size]
                for at in (0, size // 2):
                    answer = confirm(value, (at, at + 4))
                    assert answer is None or isinstance(answer, Confidence)
