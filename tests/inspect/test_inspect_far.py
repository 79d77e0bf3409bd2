"""Long matches: in which texts patterns without bounds have to be looked for behind a change."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import reading, rule, signatures
from tests.together import together
from waf.inspect.changes import NEAR, REACH
from waf.inspect.databases import Pattern
from waf.inspect.far import FILLING, RUN, WORDS, Far, find_stretches, near
from waf.inspect.joining import between_marks, without_marks
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
    st.integers(0, 30),
)
@settings(max_examples=1500)
def test_a_run_is_found_wherever_it_stands(pieces: list[tuple[bytes, int]], size: int, around: int) -> None:
    text = b"".join(piece * often for piece, often in pieces)
    expected: set[int] = set()
    for run in re.finditer(rb"[ (]{%d,}" % size, text):
        expected.update(range(max(run.start() - around, 0), min(run.end() + around, len(text))))
    found = find_stretches(text, MEMBERS, size, around)
    assert {place for low, high in found for place in range(low, high)} == expected
    assert all(one[1] < other[0] for one, other in itertools.pairwise(found))
    if SEARCH is not None:
        assert SEARCH.stretches(text, MEMBERS, size, around) == found


@pytest.mark.skipif(SEARCH is None, reason="without the accelerator")
@pytest.mark.parametrize(
    "arguments",
    [
        (), ("a", MEMBERS, 1, 1), (b"a", b"short", 1, 1), (b"a", MEMBERS, "1", 1), (b"a", MEMBERS, 0, 1), (b"a", MEMBERS, 2**70, 1),
        (b"a", MEMBERS, 1, -1), (b"a", MEMBERS, 1, 2**70), (b"a", MEMBERS, 1, None),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly(arguments: tuple[object, ...]) -> None:
    assert SEARCH is not None
    with pytest.raises((TypeError, ValueError, OverflowError)):
        SEARCH.stretches(*arguments)


@given(
    st.sampled_from(EXPRESSIONS),
    st.lists(st.sampled_from([b" ", b"(", b"a", b"b", b"   ", b"\n"]), max_size=60).map(b"".join),
    st.integers(1, 9),
)
@settings(max_examples=1500)
def test_no_match_is_longer_where_no_run_is(expression: bytes, text: bytes, run: int) -> None:
    filling = b" (\n\t\r\v\f"
    most = longest_with_runs(expression, [filling], run)
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
    assert longest_with_runs(expression, [b" \t\n\v\f\r"], 9) == most


def test_who_has_to_be_asked() -> None:
    def far(*expressions: bytes) -> Far:
        return Far([Pattern(one) for one in expressions], REACH, Nowhere(), close=NEAR, marked=True)

    plain = b"nothing in particular " * 50
    filled, word = plain + b"or" + b" " * RUN + b"1", plain + b"or" + b"x" * RUN + b"1"
    texts = (plain, filled, word)
    assert far(rb"or\s{0,9}1").wanted(filled) == []  # it reaches no further than what is searched anyway
    blanks, words, anything = far(rb"or\s*1"), far(rb"or\w*1"), far(rb"or[^!]*1")
    assert [len(blanks.wanted(text)) for text in texts] == [0, 1, 0]
    assert [len(words.wanted(text)) for text in texts] == [0, 1, 1]
    assert [len(anything.wanted(text)) for text in texts] == [1, 1, 1]
    (one,) = blanks.wanted(filled)
    assert one.parts == [(len(plain) + 2 - REACH, len(filled))]
    assert one.matcher.scan(filled) == [(0, len(filled))]
    both = far(rb"or\s*1", rb"or[^!]*1")
    assert [len(both.wanted(text)) for text in texts] == [1, 2, 1]
    assert both.size == blanks.size + anything.size > 0
    assert (longest(rb"or\s*1") or 0) > REACH
    assert set(b" \n()'\"") <= set(FILLING)
    assert set(b"azAZ09_.") <= set(WORDS)


def test_long_runs_of_both_kinds_are_one_part() -> None:
    (one,) = Far([Pattern(rb"or\s*\w*1")], REACH, Nowhere()).wanted(
        b"-" * 2000 + b"or" + b" " * RUN + b"x" * RUN + b"1" + b"|" * 2000
    )
    assert one.parts == [(0, 2000 + 2 + 2 * RUN + 1 + REACH)]


@pytest.mark.parametrize(
    ("expression", "further"),
    [
        (rb"a.{0,90}b", False),
        (rb"a.{0,100}b", True),
        (rb"a\s*b.{0,100}", True),  # long without any run
        (rb"a\s*b", False),
        (rb"a[^!]*b.{0,100}", False),  # it is looked for in all of the text
        (rb"a[^!]{0,}b", False),
        (rb"a[^!]{0,}b[^!]{2,}c[^!]{1,}d", True),
    ],
)
def test_what_may_be_longer_than_what_is_searched_close_by(expression: bytes, further: bool) -> None:
    one = Far([Pattern(expression)], REACH, Nowhere(), close=NEAR)
    assert (one.further is not None) is further


def test_what_goes_as_far_as_it_can_goes_a_little_around_a_change() -> None:
    assert near(rb"a[^!]{0,}b\d{12,}c(?:de){1,}") == rb"a[^!]{0,40}b\d{12,40}c(?:de){1,40}"
    assert near(rb"a[^!]*b\{1,}") == rb"a[^!]*b\{1,}"


@together("expression", [rb"^!\d*=[^!]*z", rb"![^!]*=\d*$"])
def test_what_begins_or_ends_with_a_value_is_looked_for_there(expression: bytes) -> None:
    one = Far([Pattern(between_marks(without_marks(expression)))], REACH, Nowhere(), close=NEAR, marked=True)
    (wanted,) = one.wanted(b"x" * 20_000)
    assert wanted.ends
    lines = b"Nothing is written otherwise in this line of a page.\n" * 60
    rules = (rule(id="end", pattern=expression.decode()),)
    for text, there in (
        (b"!%311=" + b"x" * 300 + b"z" + lines, b"z" in expression),
        (lines + b"!%311=" + b"x" * 300 + b"z" + lines, False),
        (lines + b"!" + b"x" * 300 + b"=%311", b"z" not in expression),
        (b"!" + b"x" * 300 + b"=%311" + lines, False),
        # from one end to the other
        (b"!%311=" + b"x " * 2500 + b"z", b"z" in expression),
        (b"!" + b"x " * 2500 + b"=%311", b"z" not in expression),
        # which the ends one behind the other have, and the text has not
        (b"!%311=" + lines.replace(b".", b"!").replace(b"\n", b" ") + b"z" * 400, False),
    ):
        found = signatures(*rules).check(reading(body=text, content_type=b"text/plain"), 2)
        assert bool(found) is there, text[:20]


@together("filler", [b" ", b"(", b"\n\t", b"' ", b"x"])
@together("size", [20, RUN - 2, RUN, REACH + 50, 1500])
@together("hidden", [b"%6fr", b"o&#114;"])
def test_a_long_match_of_what_was_decoded_is_found(filler: bytes, size: int, hidden: bytes) -> None:
    lines = b"Nothing is written otherwise in this line of a page.\n" * 60
    text = lines + hidden + filler * (size // len(filler)) + b"11" + lines
    rules = (rule(id="blank", pattern=r"or[\s('\"]*11"), rule(id="word", pattern=r"or\w*11"))
    found = signatures(*rules).check(reading(body=text, content_type=b"text/plain"), 2)
    assert [one.rule for one in found] == ["word" if filler == b"x" else "blank"]
