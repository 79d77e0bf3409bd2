"""What every match of an expression ends with."""

from __future__ import annotations

import re

import pytest

from tests.together import together
from waf.prefilter.expressions import ending


@together(
    ("expression", "end"),
    [
        (rb"abc[0-9]{1,5}", rb"abc[0-9]{1,5}"),
        (rb"(?i)warning[^\n]* on line", rb"(?i) on line"),
        (rb"fault[^\n]*\n\s{1,8}at [\w.]+\(\w{1,9}\.java:\d|plain", rb"\(\w{1,9}\.java:\d|plain"),
        (rb"x(?:ab+c){1,3}ending{2}", rb"ending{2}"),
        (rb"a{2,}b[*+]{6}", rb"b[*+]{6}"),
        (rb"a\+*literal", rb"literal"),
        (rb"begin.*", None),
        (rb"a+short", None),
        (rb"one|two.*", None),
        (rb"(?:a|b*)", None),
        (rb"(?<=not understood)", None),
    ],
)
def test_what_every_match_ends_with(expression: bytes, end: bytes | None) -> None:
    assert ending(expression, 60) == end


def test_an_ending_is_as_short_as_wanted() -> None:
    assert ending(rb"[a-z]{50}[0-9]{20}", 69) == rb"[0-9]{20}"
    assert ending(rb"[a-z]{50}[0-9]{20}", 70) == rb"[a-z]{50}[0-9]{20}"
    assert ending(rb"[a-z]{50}[0-9]{20}", 19) is None


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (rb"fault[^\n]*\n\s{1,8}at [\w.]+\(\w{1,9}\.java:\d", b"a fault of all\n   at org.it(Main.java:12)"),
        (rb"(?i)\bwarning[^\n]*\sin /[^\n]*\.php on line", b"Warning: no such thing in /srv/x.php on line 3"),
        (rb"one|t(?:a+|b)ree{1,3}|x+yzyzyz", b"tabtaaareee xyzyzyz"),
    ],
)
def test_the_ending_stands_where_a_match_ends(expression: bytes, text: bytes) -> None:
    end = ending(expression, 100) or rb"(?:)"
    found = list(re.finditer(expression, text, re.DOTALL | re.MULTILINE))
    assert found
    for match in found:
        assert any(one.end() == match.end() for one in re.finditer(end, text, re.DOTALL | re.MULTILINE))
