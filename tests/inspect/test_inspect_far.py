"""Long matches: in which texts patterns without bounds have to be looked for behind a change."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import reading, rule, signatures
from tests.together import together
from waf.inspect.changes import REACH
from waf.inspect.databases import Pattern
from waf.inspect.far import FILLING, RUN, Far, find_run
from waf.inspect.native import SEARCH
from waf.prefilter.expressions import longest, longest_with_runs

MEMBERS = bytes(byte in b" ()" for byte in range(256))
EXPRESSIONS = [
    rb"a\s*b", rb"a[ (]+b", rb"a(?: |\()*b", rb"a\s*\(*b{2}", rb"(?:a\s+){1,2}b", rb"a\s{0,90}b", rb"(?:ab?|a\s*)b", rb"a(?:[ ]{3})*b",
]  # fmt: skip


class Nowhere:
    """A store that keeps nothing."""

    def load(self, key: str) -> bytes | None:
        return None

    def save(self, key: str, data: bytes) -> None:
        pass


@given(
    st.lists(st.tuples(st.sampled_from([b" ", b"(", b"a", b"\xff"]), st.integers(0, 12)), max_size=20),
    st.integers(1, 14),
)
@settings(max_examples=1500)
def test_a_run_is_found_wherever_it_stands(pieces: list[tuple[bytes, int]], size: int) -> None:
    text = b"".join(piece * often for piece, often in pieces)
    expected = re.search(rb"[ (]{%d}" % size, text) is not None
    assert find_run(text, MEMBERS, size) is expected
    if SEARCH is not None:
        assert SEARCH.has_run(text, MEMBERS, size) is expected


@pytest.mark.skipif(SEARCH is None, reason="without the accelerator")
@pytest.mark.parametrize(
    "arguments", [(), ("a", MEMBERS, 1), (b"a", b"short", 1), (b"a", MEMBERS, "1"), (b"a", MEMBERS, 0), (b"a", MEMBERS, 2**70)]
)  # fmt: skip
def test_what_is_asked_wrongly(arguments: tuple[object, ...]) -> None:
    assert SEARCH is not None
    with pytest.raises((TypeError, ValueError, OverflowError)):
        SEARCH.has_run(*arguments)


@given(
    st.sampled_from(EXPRESSIONS),
    st.lists(st.sampled_from([b" ", b"(", b"a", b"b", b"   ", b"\n"]), max_size=60).map(b"".join),
    st.integers(1, 9),
)
@settings(max_examples=1500)
def test_no_match_is_longer_where_no_run_is(expression: bytes, text: bytes, run: int) -> None:
    filling = b" (\n\t\r\v\f"
    most = longest_with_runs(expression, filling, run)
    assert most is not None
    if re.search(rb"[%b]{%d}" % (re.escape(filling), run + 1), text) is None:
        assert all(len(match[0]) <= most for match in re.finditer(expression, text))


@pytest.mark.parametrize(
    ("expression", "most"),
    [
        (rb"a\s*b", 2 + 9),
        (rb"a\s{0,4}b", 2 + 4),
        (rb"a\s{0,40}b", 2 + 9),
        (rb"a(?:x|\s)*b", 1 << 32),
        (rb"a\w+b", 1 << 32),
        (rb"^ab$", 2),
        (rb"a(?=b)", None),
    ],
)
def test_how_long_a_match_may_be(expression: bytes, most: int | None) -> None:
    assert longest_with_runs(expression, b" \t\n\v\f\r", 9) == most


def test_who_has_to_be_asked() -> None:
    def far(*expressions: bytes) -> Far:
        return Far([Pattern(one) for one in expressions], REACH, Nowhere())

    plain, filled = b"nothing in particular " * 50, b"or" + b" " * RUN + b"1"
    assert far(rb"or\s{0,9}1").wanted(filled) == []  # it reaches no further than what is searched anyway
    blanks, words = far(rb"or\s*1"), far(rb"or\w*1")
    assert [len(one.wanted(text)) for one in (blanks, words) for text in (plain, filled)] == [0, 1, 1, 1]
    both = far(rb"or\s*1", rb"or\w*1")
    assert len(both.wanted(plain)) == 1
    assert [m for one in both.wanted(filled) for m in one.scan(filled)] == [(0, len(filled))]
    assert both.size == blanks.size + words.size > 0
    assert (longest(rb"or\s*1") or 0) > REACH
    assert set(b" \n()'\"") <= set(FILLING)


@together("filler", [b" ", b"(", b"\n\t", b"' ", b"x"])
@together("size", [20, RUN - 2, RUN, REACH + 50, 1500])
@together("hidden", [b"%6fr", b"o&#114;"])
def test_a_long_match_of_what_was_decoded_is_found(filler: bytes, size: int, hidden: bytes) -> None:
    lines = b"Nothing is written otherwise in this line of a page.\n" * 60
    text = lines + hidden + filler * (size // len(filler)) + b"11" + lines
    rules = (rule(id="blank", pattern=r"or[\s('\"]*11"), rule(id="word", pattern=r"or\w*11"))
    found = signatures(*rules).check(reading(body=text, content_type=b"text/plain"), 2)
    assert [one.rule for one in found] == ["word" if filler == b"x" else "blank"]
