"""The matcher: matches, faults, the cache, streams, threads; and the joining of values."""

from __future__ import annotations

import gc
import re
import sys
import threading
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import Store
from waf.inspect.bodies.parsed import MARK
from waf.inspect.decode import Text
from waf.inspect.effort import Effort
from waf.inspect.hits import Hit, ends_of, steps_of
from waf.inspect.matcher import MAX_MATCHES, PER_MATCH, Matcher, Pattern, PatternFault, TooManyMatches
from waf.inspect.questions import Questions
from waf.inspect.search import Searcher

EXPRESSIONS = [b"union\\s+select", b"^admin$", b"a[^b]{0,5}c", b"\\bor\\b"]


def build(*expressions: bytes, streaming: bool = False, store: Store | None = None) -> Matcher:
    return Matcher.build([Pattern(one) for one in expressions], store or Store(), streaming=streaming)


MATCHER = build(*EXPRESSIONS, streaming=True)


def test_matches_have_index_and_end() -> None:
    assert MATCHER.scan(b"x UNION\n select") == [(0, 15)]
    assert MATCHER.scan(b"nothing here") == []
    assert MATCHER.scan(b"x\nadmin\ny") == [(1, 7)]


def test_case() -> None:
    matcher = Matcher.build([Pattern(b"ab", case=True), Pattern(b"ab")], Store())
    assert matcher.scan(b"AB") == [(1, 2)]


@pytest.mark.parametrize(
    ("text", "match", "found"),
    [
        (b"x union   select y", (0, 16), b"union   select"),
        (b"a a1c", (2, 5), b"a1c"),
        (b"z" * 3000 + b" or ", (3, 3003), b"or"),
        (b"union" + b" " * 1500 + b"select", (0, 1511), b"union" + b" " * 1500 + b"select"),
        (b"or", (3, 2), b"or"),
    ],
)
def test_starts_are_those_of_the_shortest_match(text: bytes, match: tuple[int, int], found: bytes) -> None:
    assert match in MATCHER.scan(text)
    assert text[MATCHER.start_of(text, match) : match[1]] == found


@given(
    st.lists(
        st.sampled_from([b"union", b"  ", b"select", b"a", b"1c", b"or", b" ", b"admin", b"\n", b"x" * 20]),
        max_size=30,
    ).map(b"".join)
)
def test_what_is_remembered_of_starts_is_what_the_matcher_tells(text: bytes) -> None:
    asked = Questions(MATCHER, Effort(0))
    for match in MATCHER.scan(text, 10_000):
        hit = Hit(Text(0, text), match)
        assert asked._start_of(MATCHER, hit) == MATCHER.start_of(text, match)


def test_a_match_that_comes_again_is_scanned_for_once_whatever_stands_before() -> None:
    scanned: list[bytes] = []

    class Counting(Matcher):
        __slots__ = ()

        def start_of(self, text: bytes, match: tuple[int, int]) -> int:
            scanned.append(text)
            return super().start_of(text, match)

    matcher = Counting.build([Pattern(b"union\\s+select")], Store())
    asked = Questions(matcher, Effort(0))
    for text in (b"union select", b"1 union select", b"' or union select a", b"x union  select"):
        for match in matcher.scan(text):
            assert text[asked._start_of(matcher, Hit(Text(0, text), match)) :].startswith(b"union")
    assert scanned == [b"union select", b"x union  select"]


def test_all_bad_patterns_are_named() -> None:
    with pytest.raises(PatternFault) as raised:
        build(b"fine", b"(open", b"also fine", b"a(?=b)")
    assert [index for index, _ in raised.value.faults] == [1, 3]


def test_compiled_patterns_are_kept_and_damage_is_mended() -> None:
    store = Store()
    build(*EXPRESSIONS, store=store, streaming=True)
    assert store.saved == 2
    assert build(*EXPRESSIONS, store=store, streaming=True).scan(b"admin") == [(1, 5)]
    assert store.saved == 2
    build(*EXPRESSIONS[1:], store=store)
    assert store.saved == 3
    for key, kept in store.kept.items():
        store.kept[key] = kept[:-200]
    assert build(*EXPRESSIONS, store=store).scan(b"admin") == [(1, 5)]
    assert store.saved == 4


def test_too_many_matches_end_the_scan() -> None:
    matcher = build(b"a", b"[ab]")
    with pytest.raises(TooManyMatches) as raised:
        matcher.scan(b"a" * 10_000)
    assert len(raised.value.found) == MAX_MATCHES + 10_000 // PER_MATCH + 1
    with pytest.raises(TooManyMatches):
        matcher.scan(b"aaaa", most=3)
    assert len(matcher.scan(b"a" * 100)) == 200


@given(
    st.lists(
        st.sampled_from([b"union", b" ", b"select", b"admin", b"\n", b"a", b"c", b"or"]), max_size=20
    ).map(b"".join),
    st.integers(1, 7),
)
@settings(max_examples=150)
def test_a_stream_finds_what_the_whole_has(text: bytes, size: int) -> None:
    stream = MATCHER.stream()
    found = [
        match for start in range(0, len(text), size) for match in stream.feed(text[start : start + size])
    ]
    found += stream.finish()
    assert sorted(set(found)) == sorted(set(MATCHER.scan(text)))


def test_a_stream_gives_up_as_a_scan_does() -> None:
    stream = build(b"a", b"[ab]", streaming=True).stream()
    with pytest.raises(TooManyMatches):
        stream.feed(b"a" * 10_000)


def test_a_stream_outlives_its_matcher() -> None:
    streams = [build(b"ab", streaming=True).stream() for _ in range(20)]
    gc.collect()
    assert [stream.feed(b"a") + stream.feed(b"b") for stream in streams] == [[(0, 2)]] * 20


def test_threads_may_scan_at_once() -> None:
    matcher = build(b"a")
    counts: list[int] = []

    def work() -> None:
        counts.extend(len(matcher.scan(b"a" * 50)) for _ in range(400))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert counts == [50] * 1200


# ----------------------------------------------------------------------------------------------- joined values


VALUES = st.lists(
    st.sampled_from([b"", b"admin", b"x admin", b"union select", b"union", b"select", b"or", b"a1c", b"bb"]),
    max_size=8,
)


@cache
def _searcher() -> Searcher:
    return Searcher.build([Pattern(one) for one in EXPRESSIONS], STORE)


@given(VALUES)
@settings(max_examples=200)
def test_joined_values_give_what_each_gives(values: list[bytes]) -> None:
    searcher = _searcher()
    scan = searcher.scan_all(values)
    found = searcher.search(values, scan)
    got = {(hit.text.owner, hit.match[0]) for hit in found.hits if not hit.text.chain}
    expected = {
        (owner, index)
        for owner, value in enumerate(values)
        for index, expression in enumerate(EXPRESSIONS)
        if re.search(expression, value, re.I | re.M | re.S)
    }
    assert got == expected


STORE = Store()


@given(st.lists(st.binary(max_size=4).map(lambda value: value.replace(MARK, b"")), min_size=1, max_size=6))
def test_offsets_lead_to_their_values(values: list[bytes]) -> None:
    text = MARK.join(values)
    ends = ends_of(values)
    position = 0
    for number, value in enumerate(values):
        for offset in range(position + 1, position + len(value) + 1):
            assert steps_of(ends, [offset], ()) == {number: 0}
        position += len(value) + 1
    assert position == len(text) + 1


# ---------------------------------------------------------------------------------------------- heads and bodies

HEADED = [
    Pattern(b"\x7f/admin"),
    Pattern(b"select"),
    Pattern(b"agent\x7f", head=True),
    Pattern(b"\x7f/wp-", head=True),
]


@cache
def _headed(grouped: bool) -> Matcher:
    return Matcher.build(HEADED, Store(), grouped=grouped, marked=grouped)


def test_what_only_a_head_has_is_looked_for_in_the_head_alone() -> None:
    matcher = _headed(True)
    text = MARK.join([b"/wp-a", b"an agent", b"/wp-b", b"/admin", b"agent"])
    assert {index for index, _ in matcher.scan(text)} == {0, 2, 3}
    head = len(MARK.join([b"/wp-a", b"an agent"]))
    assert matcher.scan(text, head=head) == [
        (3, 4),
        (2, head + 1),
        (0, len(text) - 6),
    ]  # the mark behind it included
    assert matcher.scan(text, head=0) == [(0, len(text) - 6)]
    assert matcher.scan(text, head=len(text)) == matcher.scan(text)


@given(
    st.lists(st.sampled_from([b"/wp-", b"/admin", b"agent", b"select", b"x", b""]), max_size=6),
    st.integers(0, 6),
    st.sampled_from([0, 300, 5000]),
)
def test_a_head_before_a_body(values: list[bytes], heads: int, filling: int) -> None:
    """A long text is asked about its ends alone for some patterns."""
    matcher, heads = _headed(True), min(heads, len(values))
    values = [*values[:heads], *(value + b" " * filling for value in values[heads:])]
    head = len(MARK.join(values[:heads]))
    found = matcher.scan(MARK.join(values), head=head)
    every = matcher.scan(MARK.join(values))
    assert found == [(index, end) for index, end in every if end <= head + 1 or not HEADED[index].head]


def test_one_database_knows_no_heads() -> None:
    assert _headed(False).scan(b"agent\x7f", head=0) == [(2, 6)]
