"""What every match of an expression ends with, and begins with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.sensitive.messages import ENTITIES
from tests.together import together
from waf.inspect.rules import parse_rules
from waf.prefilter.expressions import ending, leading
from waf.sensitive.forms import forms

_FILES = sorted((Path(__file__).parents[2] / "rules" / "signatures").glob("*.yaml"))


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


@together(
    ("expression", "start"),
    [
        (rb"\b[0-9]{3}-[0-9]{4}\b", rb"\b[0-9]{3}-[0-9]{4}\b"),
        (rb"\b[0-9]{1,3}\.[0-9]{2,3}\b", rb"\b[0-9]{1,3}\.[0-9]{2}"),
        (rb"\^[0-9]{4}[^?\r\n]{0,60}\??", rb"\^[0-9]{4}"),
        (rb"(?i:\bab(?:cd[ -]?){2,7}e{0,4}\b)", rb"(?i:\bab(?:cd[ -]?){2})"),
        (rb"a+|bc*?\b|d{3}", rb"a|b|d{3}"),
        (rb"a??b+?", rb"a??b"),
        (rb"(?:ab)++", rb"(?:ab)"),
        (rb"\?{2,}", rb"\?{2}"),
        (rb"[?+]+", rb"[?+]"),
        (rb"(a|b{2,3})", rb"(a|b{2})"),
        (rb"x(?:a|b+)", rb"x(?:a|b+)"),
        (rb"a?\b", rb"a?\b"),
        (rb"(?=x)y+", rb"(?=x)y+"),
        (rb"", rb""),
    ],
)
def test_what_every_match_begins_with(expression: bytes, start: bytes) -> None:
    assert leading(expression) == start


@pytest.mark.parametrize("texts", ["entities", "rules"])
def test_the_beginning_stands_where_a_match_begins(texts: str) -> None:
    """Of each expression that there is, in each sample that it matches in."""
    if texts == "entities":
        pairs = [
            (form.pattern.encode(), sample.text.encode())
            for form in forms(ENTITIES)
            for sample in (*form.entity.hits, *form.entity.misses)
        ]
    else:
        rules = [rule for file in _FILES for rule in parse_rules(file.read_text("utf-8"), file.name)]
        pairs = [
            (p.encode(), sample.text.encode())
            for rule in rules
            for p in rule.patterns
            for sample in rule.hits
        ]
    tried = cut = 0
    for expression, text in pairs:
        start = leading(expression)
        try:
            whole = re.compile(expression, re.S | re.I | re.M)
        except re.error:  # what only the engine reads
            continue
        found = whole.search(text)
        if found is None:
            continue
        tried += 1
        cut += start != expression
        shorter = re.compile(start, re.S | re.I | re.M).match(text, found.start())
        assert shorter, expression
        assert shorter.end() <= found.end(), expression
    assert tried > 60
    assert cut > 20
