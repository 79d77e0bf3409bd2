"""In how many ways an expression may match one run."""

from __future__ import annotations

import re

import pytest

from waf.prefilter.ways import ENDLESS, ways


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", 0),
        ("abc", 0),
        (r"\s*x", 1),
        (r"\s*\w*x", 1),
        (r"\s*,?\s*x", 2),
        (r"\s*,\s*x", 1),
        (r"a\s*\(?\s*0?\s*\)?\s*$", 4),
        (r"a\s*+\(?\s*+0?\s*+\)?\s*+$", 0),
        (r"a\s*?\s*?\s*?$", 3),
        (r"\s*(?:a|\s*)\s*x", 3),
        (r"\s*(?=\s*x)", 2),
        (r"\s*(?<=\s)\s*x", 2),
        (r"(?>a*a*a*)b", 3),
        (r"(?>a*)a*b", 1),
        (r"(a)?(?(1)b*b*|c)d", 2),
        (r"(a*)\1a*b", 2),
        (r"(?i)a\w{0,40}\w{0,40}\w{0,40}!", 3),
        (r"a\w{0,4}\w{0,4}\w{0,4}!", 0),
        (r"(?:\s*,\s*\w)*", 1),
        (r"(?:x\s*)*\s*y", 2),
        (r"(?:\s*x)*\s*y", 1),
        (r"(?:\s+x|,)*\s+z", 1),
        (r"(?:[0-9][ -]?){8,14}[0-9]", 1),
        (r"^[a-z]+(\.[a-z]+)*@x", 1),
        (r"(x?)*y", 1),
        (r"(?:a?){9}b", 1),
        (r"(?i)[A-Z]+[a-z]+\d", 2),
        (r"(?i:[A-Z]+)[a-z]+\d", 2),
        (r"[A-Z]+[a-z]+\d", 1),
        (r"(?i)(?-i:[A-Z]+[a-z]+)\d", 1),
        ("é*é*é*x", 3),
        (r"[^\u0100]+[а-я]+x", 1),
        (r"[\U00010000-\U0010ffff]*[\u0400-\u0500]*x", 2),  # all beyond bytes are one
        (r"(?:[^a-z]+|or\b){2,24}", ENDLESS),
        (r"(?:[^a-z]++|or\b){1,24}", 1),
        (r'"(?:[^"\\]++|\\.)*+"', 0),
        (r'"(?:[^"\\]+|\\.)*"', ENDLESS),
        (r"^((\w+)\s?)*$", ENDLESS),
        (r"(a|aa)+$", ENDLESS),
        (r"(a|b|ab?)+$", ENDLESS),
        (r"(?:\+|-|\+\+)*$", ENDLESS),
        (r"(a{2,4})*b", ENDLESS),
        (r"(\w|\d)+!", 1),  # read as one class
        (r"(\w|\d\.?)+!", ENDLESS),
        (r"(a|b)*c", 1),
    ],
)
def test_ways(expression: str, expected: int) -> None:
    assert ways(expression) == expected


def test_bytes_and_flags() -> None:
    assert ways(rb"[A-Z]+[a-z]+\d") == 1
    assert ways(rb"[A-Z]+[a-z]+\d", re.I) == 2
    assert ways(rb"\xe2*\xe2*\xe2*x") == 3


def test_what_is_no_expression() -> None:
    with pytest.raises(re.error):
        ways("(")
