"""What a step left as it was need not be searched again, and nothing is lost by that."""

from __future__ import annotations

import itertools
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import STORE, reading, rule, signatures
from waf.inspect import layers, rounds
from waf.inspect.changes import (
    NEAR,
    REACH,
    carried,
    changes,
    is_doubtful,
    origin,
    pieces,
    pieces_of,
    unchanged,
    unchanged_runs,
)
from waf.inspect.databases import Pattern
from waf.inspect.search import Searcher
from waf.inspect.views import LAYERS, View

_WORDS = [b"word ", b"a", b"%41", b"&lt;", b"\\x27", b"\n", b"'", b"the quick brown fox jumps ", b"\0"]
TEXTS = st.lists(st.one_of(st.sampled_from(_WORDS), st.binary(max_size=9)), max_size=80).map(b"".join)
FORM = b"application/x-www-form-urlencoded"
DECODERS = (layers.decode_percent, layers.decode_html, layers.decode_js, layers.decode_null)


@given(TEXTS, st.sampled_from(DECODERS), st.integers(1, 40))
@settings(max_examples=1500)
def test_runs_are_the_same_bytes_in_both(source: bytes, decode: object, reach: int) -> None:
    assert callable(decode)
    for made in (*decode(source), source[::-1], source[3:], source[:-3]):
        runs = unchanged(source, made, reach)
        assert runs == unchanged_runs(source, made, reach)
        behind = 0
        for start, end, begin in runs:
            assert behind <= start
            assert end - start >= reach
            low = 0 if start == begin == 0 else start - reach
            high = end if end == len(made) else end + reach
            assert made[low:high] == source[low - start + begin : high - start + begin]
            behind = end
            for place in (start + 1, end):
                assert carried(place - start + begin, runs) == place


@pytest.mark.skipif(unchanged is unchanged_runs, reason="without the accelerator")
@pytest.mark.parametrize("arguments", [(b"a", "a", 1), (b"a", b"a"), (b"a", b"a", b"a")])
def test_wrong_arguments(arguments: tuple[object, ...]) -> None:
    with pytest.raises((TypeError, AttributeError)):
        unchanged(*arguments)  # type: ignore[arg-type]


@pytest.mark.skipif(unchanged is unchanged_runs, reason="Python's numbers have no end")
@pytest.mark.parametrize("reach", [0, -1, 2**31, 2**63 - 1, 2**70])
def test_a_distance_that_is_none(reach: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        unchanged(b"a", b"a", reach)


@given(TEXTS.map(lambda text: text * 6), st.sampled_from(DECODERS), st.integers(1, 40), st.booleans())
@settings(max_examples=500)
def test_pieces_are_all_that_is_not_in_runs(source: bytes, decode: object, reach: int, lines: bool) -> None:
    assert callable(decode)
    for made in decode(source):
        runs = unchanged(source, made, reach)
        found = pieces(made, runs, lines)
        assert found == pieces_of(made, runs, lines)
        if found is None:
            continue
        inside = {place for start, end in found for place in range(start, end)}
        alike = {place for start, end, _ in runs for place in range(start, end)}
        assert inside | alike == set(range(len(made)))
        assert all(before[1] < after[0] for before, after in itertools.pairwise(found))


def test_a_page_with_few_changes_is_looked_at_there() -> None:
    line = b"Nothing in this line is written in another way than it is meant.\n"
    source = line * 100 + b"a &lt;b&gt; c\n" + line * 100
    (made,) = layers.decode_html(source)
    runs = unchanged(source, made, 512)
    found = pieces(made, runs, True)
    assert found is not None
    assert len(found) == 1
    start, end = found[0]
    assert 1024 <= end - start <= 2048
    assert made[start:end].startswith(b"Nothing")
    assert b"<b>" in made[start:end]


@pytest.mark.parametrize(
    ("place", "piece", "doubtful"),
    [
        (20, (0, 50), False),
        (20, (1, 50), True),  # may begin where the piece does
        (21, (1, 50), False),
        (49, (0, 50), False),
        (50, (0, 50), True),  # may end behind it
        (100, (0, 100), False),
        (99, (1, 100), False),
    ],
)
def test_a_match_at_the_end_of_a_piece_may_be_none(
    place: int, piece: tuple[int, int], doubtful: bool
) -> None:
    assert is_doubtful(place, 20, piece, 100) is doubtful


def test_what_is_changed_everywhere_is_looked_at_whole() -> None:
    source = b"%41b" * 5000
    (made,) = layers.decode_percent(source)
    assert pieces(made, unchanged(source, made, 512), True) is None


@pytest.mark.skipif(pieces is pieces_of, reason="without the accelerator")
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((b"a", []), TypeError),
        (("a", [], True), TypeError),
        ((b"a", (), True), TypeError),
        ((b"a", [], 1), TypeError),
        ((b"a", [(0, 1)], True), TypeError),
        ((b"a", [("0", 1, 0)], True), TypeError),
        ((b"a", [(0, 2**70, 0)], True), OverflowError),
        ((b"a", [(0, 2, 0)], True), ValueError),
        ((b"a", [(-1, 1, 0)], True), ValueError),
        ((b"abc", [(1, 2, 0), (1, 3, 0)], True), ValueError),
        ((b"abc", [(2, 1, 0)], True), ValueError),
    ],
)
def test_runs_that_are_none(arguments: tuple[object, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        pieces(*arguments)  # type: ignore[arg-type]


def test_most_patterns_are_looked_for_close_by() -> None:
    line = b"Nothing in this line is written in another way than it is meant.\n"
    source = line * 100 + b"a &lt;b&gt; c\n" + line * 100
    (made,) = layers.decode_html(source)
    had = origin(source, made)
    assert had is not None
    found = changes(made, [had])
    assert found is not None
    ((low, high),), ((start, end),) = found.near, found.parts
    place = made.index(b"<b>")
    assert place - NEAR - 16 < low <= place - NEAR < place + NEAR <= high < place + NEAR + 32
    assert (
        place - REACH - len(line)
        <= start
        <= place - REACH
        < place + REACH
        <= end
        <= place + REACH + 2 * len(line)
    )
    assert high - low < found.size < end - start


@given(TEXTS.map(lambda text: text * 12), st.sampled_from(DECODERS), st.sampled_from(DECODERS))
@settings(max_examples=300)
def test_what_is_not_new_was_in_one_of_the_others(source: bytes, decode: object, other: object) -> None:
    assert callable(decode)
    assert callable(other)
    for made in decode(source):
        searched = [source, *other(source)]
        origins = [one for one in (origin(text, made) for text in searched) if one is not None]
        found = changes(made, origins) if origins else None
        if found is None:
            continue
        alike: dict[int, set[int]] = {NEAR: set(), REACH: set()}
        for one in origins:
            assert one.source in searched
            for reach, runs in ((NEAR, one.close), (REACH, one.runs)):
                for start, end, begin in runs:
                    low = 0 if start == begin == 0 else start - reach
                    high = end if end == len(made) else end + reach
                    assert made[low:high] == one.source[low - start + begin : high - start + begin]
                    alike[reach].update(range(start, end))
        for reach, parts in ((NEAR, found.near), (REACH, found.parts)):
            within = {place for start, end in parts for place in range(start, end)}
            assert within | alike[reach] == set(range(len(made)))


def test_two_steps_make_what_each_of_them_makes() -> None:
    line = b"Nothing in this line is written in another way than it is meant.\n"
    source = (line * 20 + b"a &lt;b&gt; c\n" + line * 20 + b"a %41 b\n") * 8 + line * 20
    (html,) = layers.decode_html(source)
    (percent,) = layers.decode_percent(source)
    (both,) = layers.decode_percent(html)
    had, like = origin(html, both), origin(percent, both)
    assert had is not None
    assert like is not None
    alone, together = changes(both, [had]), changes(both, [had, like])
    assert alone is not None
    assert together is not None
    assert (len(alone.near), together.near, together.parts) == (8, [], [])
    assert together.size == 0


RULES = tuple(
    rule(id=f"r{number}", pattern=pattern, views=["decoded", "shell", "sqlspace"])
    for number, pattern in enumerate(
        (
            "attack",
            "^line",
            "end$",
            "start[^!]*stop",
            "a.{0,200}z",
            "\\bword\\b",
            "(?:^|;)now",
            "on(?:e|$)",
            "a.{0,80}!",
            "now\\s*.{0,120}z",
            "w\\w*d.{0,99}!",
        )
    )
)
IN_SOME_LAYERS = (
    *RULES,
    rule(id="in-percent", pattern="perc", views=["percent"]),
    rule(id="in-js", pattern="jays", views=["percent", "js"]),
    rule(id="in-css", pattern="css", views=["css"]),
    rule(id="by-value", pattern="'\\s{0,4}or\\b", confirm="sql", views=["decoded"]),
)
"""What looks in some layers alone, and what is judged by the whole value."""
_FILLER = [
    b"Nothing is written otherwise in this line of a page.\n",
    b"plain words, and no line ends; ",
    b"x" * 300,
]
_TELLING = [
    b"%61ttack", b"at%74ack", b"\n%6cine", b"%0aline", b"en%64", b"en%64\n", b"st%61rt", b"start", b"stop", b"s&#116;op", b"!",
    b"%61", b"a", b"z", b"%7a", b" w%6frd ", b"w&#111;rd", b";n%6fw", b"%3bnow", b"now", b"\\x6eow", b"o%6e", b"o%6e\n", b"one",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(_FILLER), st.sampled_from(_TELLING)), max_size=60))
@settings(max_examples=600, deadline=None)
def test_the_same_is_found_as_in_whole_texts(parts: list[bytes]) -> None:
    text = b"".join(parts) + _FILLER[0] * 45
    checker = signatures(*RULES)
    apart = {one.rule for one in checker.check(reading(body=text, content_type=b"text/plain"), 2)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "origin", lambda source, made: None)
        whole = {one.rule for one in checker.check(reading(body=text, content_type=b"text/plain"), 2)}
    assert apart == whole


@given(
    st.lists(
        st.lists(st.one_of(st.sampled_from(_FILLER), st.sampled_from(_TELLING)), max_size=40),
        min_size=2,
        max_size=5,
    )
)
@settings(max_examples=300, deadline=None)
def test_the_same_is_found_of_several_values_in_each(texts: list[list[bytes]]) -> None:
    """What is new in them is searched together, and no match is in another, or of two at once."""
    body = b"&".join(
        b"v%d=" % number + quote_from_bytes(b"".join(parts) + _FILLER[0] * 45).encode()
        for number, parts in enumerate(texts)
    )
    checker = signatures(*RULES)

    def found() -> set[tuple[str, str]]:
        return {(one.rule, one.address) for one in checker.check(reading(body=body, content_type=FORM), 2)}

    apart = found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "origin", lambda source, made: None)
        whole = found()
    assert apart == whole


_LAYERED = [
    *_TELLING, b"p%65rc", b"perc", b"p\\65 rc", b"p\\x65rc", b"j\\x61ys", b"j\\61 ys", b"j%61ys", b"jays", b"c\\73 s", b"c\\x73s", b"c%73s",
    b"' \\x6fr 1=1 -- ", b"' or 1=1 -- ", b"' \\6f r 1=1 -- ", b"'", b"\\x5cx61", b"\\5c x61", b"%5cx61", b"\\x25\\x36\\x31", b"\0", b"a\0t",
    b"&#92;x61", b"\\u0061", b"\\61\\74\\74 ack",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(_FILLER), st.sampled_from(_LAYERED)), max_size=60), st.booleans())
@settings(max_examples=600, deadline=None)
def test_the_same_is_found_however_alike_texts_are(parts: list[bytes], spent: bool) -> None:
    """With little of the budget left only what is new goes through further steps, whatever the texts are held against."""
    text = b"".join(parts) + _FILLER[0] * 45
    checker = signatures(*IN_SOME_LAYERS)
    made = reading(body=text, content_type=b"text/plain")
    made.charged = 3_500 if spent else 0
    apart = {one.rule for one in checker.check(made, 2)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounds, "_KIN", 0)
        if not spent:
            patch.setattr(rounds, "origin", lambda source, made: None)
        made = reading(body=text, content_type=b"text/plain")
        made.charged = 3_500 if spent else 0
        whole = {one.rule for one in checker.check(made, 2)}
    assert apart >= whole if spent else apart == whole


def test_a_match_without_bounds_may_end_anywhere() -> None:
    text = _FILLER[0] * 60 + b"st%61rt " + _FILLER[1] * 60 + b"stop " + _FILLER[0] * 60
    found = signatures(*RULES).check(reading(body=text, content_type=b"text/plain"), 2)
    assert "r3" in [one.rule for one in found]


def test_a_text_stands_for_another_where_no_pattern_looks_in_that_alone() -> None:
    patterns = [Pattern(b"a"), Pattern(b"b"), Pattern(b"c")]
    views = [View.PERCENT | View.JS, LAYERS, View.PERCENT | View.SQLSPACE]
    searcher = Searcher.build(patterns, STORE, [int(one) for one in views])
    assert searcher.sees(View.JS, View.CSS)  # of the three one looks in CSS, and in JS as well
    assert not searcher.sees(View.CSS, View.JS)
    assert searcher.sees(View.PERCENT, View.JS)
    assert not searcher.sees(View.JS, View.PERCENT)
    assert searcher.sees(View.JS, View.JS | View.PERCENT)
    assert not searcher.sees(View.JS | View.CSS, View.JS | View.PERCENT)
    everywhere = Searcher.build(patterns, STORE)
    assert everywhere.sees(View.CSS, View.PERCENT)
