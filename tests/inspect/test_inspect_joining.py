"""Values that are scanned together give what each gives by itself."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import LIMITS, STORE, mask, rules
from tests.inspect.inspect_samples import request as made
from tests.together import together
from waf.inspect.joining import BETWEEN, among_others, between_marks, joined, stays_within, without_marks
from waf.inspect.matcher import Matcher, Pattern
from waf.inspect.reading import read
from waf.inspect.search import Searcher
from waf.inspect.signatures import Signatures
from waf.model import Part

SHIPPED = Path(__file__).parents[2] / "rules" / "signatures"


@pytest.mark.parametrize(
    ("expression", "opened"),
    [
        (b"^a$", b"(?:^|\x7f)a(?:$|\x7f)"),
        (b"a[^b$]c\\^\\$", b"a[^b$]c\\^\\$"),
        (b"[]^]x|^y", b"[]^]x|(?:^|\x7f)y"),
        (b"[[:alpha:]^$]$", b"[[:alpha:]^$](?:$|\x7f)"),
        (b"\\\\^", b"\\\\(?:^|\x7f)"),
    ],
)
def test_anchors_hold_at_every_value(expression: bytes, opened: bytes) -> None:
    assert among_others(expression) == opened


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"ab", [2]),
        (b"x\x7fab\x7fy", [5]),  # with the mark
        (b"x\nab", []),  # the beginning of a line, not of a value
        (b"ab\nx", []),
        (b"ab\x7fab", [3, 5]),
    ],
)
def test_ends_of_values_are_told_by_marks(text: bytes, found: list[int]) -> None:
    assert between_marks(rb"^a[^$]$") == b"\x7fa[^$]\x7f"
    for grouped in (False, True):
        matcher = Matcher.build([Pattern(between_marks(b"^ab$"))], STORE, grouped=grouped, marked=True)
        assert matcher.scan(text) == [(0, end) for end in found]
        assert matcher.hits(text) is bool(found)


@together(
    ("expression", "within"),
    [
        (rb"a.{0,9}b", True),
        (rb"a[^<]*b|\Sx\W\D", True),
        (rb"[\W_]a[\S]", True),
        (rb"^a|b(?:$|\s)|(?:[;\s]|^)c", True),
        (rb"(?:^a|b)c", True),
        (rb"a$\nb", False),  # what stands for the line's end may be a mark
        (rb"(?:a$|b)c", False),
        (rb"x(?:^|;)a", False),
        (rb"(?:^a)+", False),
        (rb"a\x7fb", False),
        (rb"[ -\xff]a", False),
        (rb"a[^\0]b", False),  # not read here
    ],
)
def test_what_is_known_to_stay_within_a_value(expression: bytes, within: bool) -> None:
    assert stays_within(without_marks(expression)) is within


def test_every_rule_of_requests_stays_within_a_value() -> None:
    texts = [file.read_text(encoding="utf-8") for file in sorted(SHIPPED.glob("*.yaml"))]
    shipped = [
        one
        for one in rules(*texts)
        if not one.response and {place.part for place in one.where} != {Part.FILE}
    ]
    assert shipped
    reaching = [
        (rule.id, pattern)
        for rule in shipped
        for pattern in rule.patterns
        if not stays_within(without_marks(pattern.encode()))
    ]
    assert reaching == []


@given(
    st.sampled_from([rb".", rb"[^a]", rb"\S", rb"\W", rb"\D", rb"[\Wa]", rb"[^\s]", rb"[a-z]"]),
    st.binary(max_size=1),
)
def test_all_but_a_mark_is_taken_as_before(expression: bytes, byte: bytes) -> None:
    bounded = without_marks(expression)
    before, now = (re.fullmatch(one, byte, re.S) is not None for one in (expression, bounded))
    assert now is (before and byte != BETWEEN)


_VALUES = st.lists(st.text("abk<> ;\x7f", max_size=6).map(str.encode), max_size=7)
_EXPRESSIONS = [rb"^a", rb"b$", rb"a.{0,5}b", rb"<[^>]{0,9}>", rb"a\Sb", rb"k\W{1,4}k", rb"(?:^|;)k"]


@cache
def _searcher() -> Searcher:
    return Searcher.build([Pattern(one) for one in _EXPRESSIONS], STORE)


@given(_VALUES)
@settings(max_examples=300)
def test_joined_values_give_exactly_the_matches_of_each(values: list[bytes]) -> None:
    found = _searcher().search(values, _searcher().scan_all(values))
    got = {(hit.text.owner, hit.match[0]) for hit in found.hits if not hit.text.chain}
    expected = {
        (owner, index)
        for owner, value in enumerate(values)
        for index, expression in enumerate(_EXPRESSIONS)
        if re.search(expression, value, re.I | re.M | re.S)
    }
    # A mark within a value is no other byte than any control; all that ends at one may be found as well.
    assert expected <= got
    assert {one for one in got if BETWEEN not in values[one[0]]} <= expected
    assert all(hit.sure for hit in found.hits)


def test_the_joined_text_is_as_long_with_marks_in_the_values() -> None:
    assert joined([b"a\x7fb", b"c"]) == b"a\x01b\x7fc"
    assert joined([]) == b""
    assert joined([b"\x7f"]) == b"\x01"


@pytest.mark.parametrize(
    "target", [b"/?q=%3Cscript%7f%3Ealert(1)%3C/script%3E", b"/?q=%7f%3Csvg%7f/onload=alert(1)%3E"]
)
def test_a_mark_within_a_value_hides_nothing(target: bytes) -> None:
    signatures = Signatures.build(rules((SHIPPED / "xss.yaml").read_text(encoding="utf-8")), STORE, mask)
    plain = target.replace(b"%7f", b"%01")
    for one in (target, plain):
        assert signatures.check(read(made(target=one), b"", LIMITS, mask), 2), one
