"""What begins or ends with a value is looked for at the ends of long ones alone, and found all the same."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import STORE, reading, rule, signatures
from waf.inspect import edges, grouping, rulebook
from waf.inspect.far import Far
from waf.inspect.joining import between_marks, joined, without_marks
from waf.inspect.matcher import Matcher, Pattern
from waf.inspect.rules import parse_rules

EXPRESSIONS = (
    rb"^//[\w\[]",
    rb"^\s*//\w",
    rb"^[\x00-\x20]*ab",
    rb"^\s{0,24}!\d{1,10}\s{0,4}(?:&&|or\b)",
    rb"[\w/)]\s{0,4}\|\s{0,4}$",
    rb"^\s*(?:ab|//)\s*$",
    rb"(?:^|[\r\n])a\b",
    rb"^[^\x27]{0,240}\x27\s?or\b",
    rb"^//[^\s<>]*\.php\s{0,8}$",
    rb"(?:\|\||&&)\s{0,8}\w{0,16}\s{0,8}[=<>]",
    rb"\bor\b",
    rb"ab$|^or",
)


@pytest.mark.parametrize(
    ("expression", "is_bound"),
    [
        (rb"^//\w", True),
        (rb"\w\|$", True),
        (rb"^\s*ab\s*$", True),
        (rb"^[\x00-\x20]*ab", True),
        (rb"(?:^a|^b)c", True),
        (rb"^a{1,255}", True),
        (rb"^a{1,256}", False),  # with the mark more than is looked at
        (rb"^a*b", False),
        (rb"^a\s*b", False),
        (rb"(?:^|\n)a", False),
        (rb"^?a", False),
        (rb"a\$", False),
        (rb"^(?=a)b", False),  # not understood
        (rb"", False),
    ],
)
def test_what_is_bound_to_an_end(expression: bytes, is_bound: bool) -> None:
    assert edges.bound(between_marks(without_marks(expression))) is is_bound


@pytest.mark.parametrize(
    ("expression", "sides"),
    [
        (rb"^a", edges.BEGINS),
        (rb"a$", edges.ENDS),
        (rb"^a[^b]*$", edges.BEGINS | edges.ENDS),
        (rb"^a|^b", edges.BEGINS),
        (rb"(?:^|;)a(?:b|c)$", edges.ENDS),
        (rb"^a|b$", 0),
        (rb"a", 0),
        (rb"a\$", 0),
        (rb"^(?=a)b", 0),  # not understood
    ],
)
def test_at_which_sides_a_match_has_an_end_of_a_value(expression: bytes, sides: int) -> None:
    assert edges.sides(between_marks(without_marks(expression))) == sides


def test_the_ends_of_long_values_and_the_short_ones_whole() -> None:
    long = b"<" + b"x" * 20_000 + b">"
    blanks = b" " * 5000
    text = b"\x7f" + joined([long, b"short", blanks + b"a" * 3000 + blanks, blanks, b""]) + b"\x7f"
    ends = edges.ends(text)
    assert ends is not None
    assert len(ends.text) < 4000
    assert ends.text.startswith(b"\x7f<xxx")
    assert b"xxx>\x7fshort\x7f " in ends.text
    assert b"  aaa" in ends.text
    assert b"aaa  " in ends.text
    for found in (b"\x7f<x", b"x>\x7f", b"\x7fshort\x7f", b" aaaa", b"aaaa "):
        assert text[: ends.place(ends.text.find(found) + len(found))].endswith(found)


def test_short_texts_and_those_of_short_values_are_asked_about_whole() -> None:
    assert edges.ends(b"\x7f" + b"a" * 500 + b"\x7f") is None
    assert edges.ends(b"\x7f" + joined([b"a" * 200] * 500) + b"\x7f") is None
    assert edges.ends(b"\x7f" + joined([b"a" * 9000] * 5) + b"\x7f") is not None


@cache
def matchers() -> tuple[Matcher, Matcher, Matcher]:
    patterns = [Pattern(between_marks(without_marks(one))) for one in EXPRESSIONS]
    whole = Matcher.build(patterns, STORE, marked=True)
    grouped = Matcher.build(patterns, STORE, grouped=True, marked=True)
    return whole, grouped, Matcher.parts(len(patterns), [*enumerate(patterns)], STORE, marked=True)


PIECES = [b"//", b"/", b"ab", b" ", b"\n", b"!12", b"&&", b"||", b" or ", b"|", b"'", b"a", b".php", b"="]
CONTROLS = [b"\x01", b"\x02\x03"]  # stand for slashes in what is loosened


def values(pieces: list[bytes], longest: int) -> st.SearchStrategy[bytes]:
    edge = st.lists(st.sampled_from(pieces), max_size=8).map(b"".join)
    filling = st.tuples(
        st.sampled_from([0, 3, 40, 250, 700, longest]), st.sampled_from([b"x", b" ", b"\n", b"y "])
    )
    return st.tuples(edge, filling.map(lambda one: one[0] * one[1]), edge).map(b"".join)


def _found_alike(text: bytes) -> None:
    whole, *others = matchers()
    expected = sorted(whole.scan(text, 10_000))
    for matcher in others:
        assert sorted(matcher.scan(text, 10_000)) == expected


@settings(max_examples=200)
@given(st.lists(values(PIECES, 3000), min_size=1, max_size=4).map(joined))
def test_no_more_and_no_less_is_found(text: bytes) -> None:
    _found_alike(text)


@settings(max_examples=200)
@given(values(PIECES + CONTROLS, 950))
def test_nor_where_controls_look_like_what_was_loosened(text: bytes) -> None:
    _found_alike(text)


def test_too_many_at_the_ends_are_too_many() -> None:
    _, grouped, _ = matchers()
    text = joined([b"//a" + b"x" * 9000] * 40)
    with pytest.raises(Exception, match="matches"):
        grouped.scan(text, 20)


def test_which_share_a_database() -> None:
    patterns = [
        Pattern(between_marks(without_marks(one))) for one in (rb"^//\w", rb"ab", rb"&&\s?=", rb"^\d&&")
    ]
    groups = grouping.grouped(patterns, marked=True)
    assert sorted((group.indices, group.bound, group.loose) for group in groups) == [
        ([0, 3], True, True),
        ([1], False, False),
        ([2], False, True),
    ]
    groups = grouping.parted(list(enumerate(patterns)), marked=True)
    assert [(group.indices, group.bound) for group in groups] == [([1], False), ([2], False), ([0, 3], True)]
    assert not any(group.bound for group in grouping.grouped(patterns, marked=False))


def test_what_goes_as_far_as_a_line_is_no_reason_to_search_all_of_a_decoded_text() -> None:
    text = b"ab" + b" " * 400
    for expression, wanted in ((rb"<a[^\r\n]{0,}b", 0), (rb"<a[^\r\n]*b", 1), (rb"<a[^\r\n]{300,}b", 1)):
        far = Far([Pattern(expression)], 256, STORE)
        assert len(far.wanted(text)) == wanted


@pytest.mark.parametrize(
    ("confirm", "leads"),
    [
        (r"\A[^!]{0,80}!", True),
        (r"\A(?:a|b)[|]\|", True),
        (r"\A(?!\s*(?:x|(?:y|z)))a", True),
        (r"\Aa|b", False),
        (r"(?:\Aa|b)", False),
        (r"^a", False),  # of a line
        ("", False),
    ],
)
def test_what_is_confirmed_by_how_a_value_begins_leads_it(confirm: str, leads: bool) -> None:
    text = rule(pattern="word", confirm_pattern=confirm) if confirm else rule(pattern="word")
    (parsed,) = parse_rules(text, "rules.yaml")
    (one,) = rulebook.Rulebook([rulebook.arm(parsed, [])], ascii).patterns
    assert one.leads is leads


def test_what_leads_a_value_shares_a_database_with_what_begins_it() -> None:
    patterns = [Pattern(rb"\x7f//\w"), Pattern(rb"x//word", leads=True), Pattern(rb"x//word")]
    groups = grouping.grouped(patterns, marked=True)
    assert sorted((group.indices, group.bound, group.loose) for group in groups) == [
        ([0], True, True),
        ([1], True, False),
        ([2], False, True),
    ]
    matcher = Matcher.build(patterns, STORE, grouped=True, marked=True)
    long, short = b"x" * edges.LEADING + b"//word" + b"x" * 20_000, b"x" * 1000 + b"//word"
    middle = b"x" * 9000 + b"//word" + b"x" * 9000
    for text, found in ((long, [1, 2]), (short, [1, 2]), (middle, [2])):
        assert sorted(index for index, _ in matcher.scan(text)) == found


LED = (
    rule(id="led", pattern="word", confirm_pattern=r"\A[^!]{0,600}!"),
    rule(id="led-far", pattern="wo[^!]*rd", confirm_pattern=r"\A[^!]{0,600}!"),
    rule(id="led-alone", pattern="'\\s?or", confirm_pattern=r"\A[^!]{0,600}'"),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"word", b"w%6frd", b"wo", b"rd", b"!", b"'or", b"%27 or", b"x" * 60, b"x" * 300, b"y\n" * 1200]
        ),
        max_size=8,
    ).map(b"".join)
)
def test_the_same_is_confirmed_wherever_it_is_looked_for(text: bytes) -> None:
    def found() -> set[str]:
        checker = signatures(*LED)
        return {one.rule for one in checker.check(reading(body=text, content_type=b"text/plain"), 2)}

    apart = found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rulebook, "_leads", lambda rule: False)
        assert apart == found()
