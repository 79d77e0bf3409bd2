"""A short word before one of many characters: several expressions that together match what the one does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.inspect.apart import apart

_EXPRESSIONS = [
    rb"\b(?:x?or|and)[\s(+!~'\"@-][\w.]+=",
    rb"\b(?:x?or|and)(?:\{\w{0,8}\s|[\s(+!-])x?",
    rb"\b(?:or|and)\s{1,8}\d",
    rb"(?:or|and)\s+\d",
    rb"'(?:or|and|div)\s{2,3}=",
    rb"(?:or|and)\s{2,}=",
]
_TEXTS = st.lists(
    st.sampled_from([b"or", b"xor", b"and", b"div", b" ", b"\t", b"\n", b"\v", b"\f", b"\r", b"(", b"+", b"'", b'"', b"@", b"-", b"{a ",
                     b"1", b"=", b"x", b"."]),
    max_size=12,
).map(b"".join)  # fmt: skip


def _spans(expression: bytes, text: bytes) -> set[tuple[int, int]]:
    """Of all matches where they begin and end, as the engine would tell of them."""
    whole = re.compile(rb"(?:" + expression + rb")\Z", re.I)
    return {
        (start, end)
        for end in range(len(text) + 1)
        for start in range(end + 1)
        if whole.match(text, start, end)
    }


@pytest.mark.parametrize("expression", _EXPRESSIONS)
@given(_TEXTS)
def test_the_parts_match_what_the_whole_does(expression: bytes, text: bytes) -> None:
    parts = apart(expression)
    assert len(parts) > 1
    assert set().union(*(_spans(one, text) for one in parts)) == _spans(expression, text)


@pytest.mark.parametrize("expression", _EXPRESSIONS)
def test_the_engine_writes_out_each_class(expression: bytes) -> None:
    for part in apart(expression):
        written = re.search(rb"\)\[((?:\\x..)+)\]", part)
        assert part.count(b"\\{") or (written is not None and len(written[1]) <= 4 * 5)


@pytest.mark.parametrize(
    "expression",
    [
        rb"\b(?:or|and) [\s(]",  # a blank behind the word already
        rb"(?:or|and)[ (]",  # few enough
        rb"(?:or|and)[^x]",  # too many
        rb"(?:or|and)\s{0,4}=",  # none at all, perhaps
        rb"(?:union|select)\s",  # long words
        rb"(?:or|and)(?:\s\d)?",
        rb"(?:or|and)",
        rb"(?:or|and)\p{L}",  # not understood
        rb"",
    ],
)
def test_others_stay_as_they_are(expression: bytes) -> None:
    assert apart(expression) == [expression]
