"""Two slashes are no literal to the engine, and what controls in their place make is not found."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspect.inspect_samples import STORE
from waf.inspect.loosened import STAND_INS, loosened
from waf.inspect.matcher import Matcher, Pattern

EXPRESSIONS = (
    rb"//[^/?#\s]{0,12}(?:@|%40|\\)",
    rb"://[^/\s]{1,20}\.(?:localhost|svc)(?:[/:?#]|$)",
    rb"^//[^\s<>]*\.(?:php|txt)",
    rb"\b(?:wget|curl)\s[^|]{0,20}https?://",
    rb"['\x22]\s{0,4}or\s{0,4}//\w",
    rb"(?:ssh|ldap)://|^(?:\\\\|//)\w{1,9}\b",
    rb"\|\s{0,4}//?[*\w]",
    rb"//a\b.{0,4}//$",
    rb"nothing/at/all",
)
UNBOUNDED = 2
SLASH, COLON = (b"[%b%b]" % (one, STAND_INS) for one in (b"/", b":"))


@pytest.mark.parametrize(
    ("expression", "form"),
    [
        (rb"a//b/c", b"a" + SLASH * 2 + b"b/c"),
        (rb"x://[a-z]", b"x" + COLON + SLASH * 2 + b"[a-z]"),
        (rb"(?://|:)///?", b"(?:" + SLASH * 2 + b"|:)" + SLASH * 3 + b"?"),
        (rb"[//]a\//b", rb"[//]a\//b"),
        (rb"(?=//)", rb"(?=//)"),  # not understood
        (rb"ab", rb"ab"),
    ],
)
def test_which_slashes_are_loosened(expression: bytes, form: bytes) -> None:
    assert loosened(expression) == form


@cache
def matchers() -> tuple[Matcher, Matcher]:
    patterns = [Pattern(one) for one in EXPRESSIONS]
    grouped = Matcher.build(patterns, STORE, grouped=True)
    assert grouped._recheck is not None
    return Matcher.build(patterns, STORE), grouped


@given(
    st.lists(
        st.sampled_from(
            [b"//", b"/", b":", b"\x01", b"\x02/", b"/\x03", b"\x01\x02", b"@", b"a", b".svc", b".php", b"curl ", b"http", b"ssh", b" ", b"\n", b"'", b" or ", b"|", b"bcd"]
        ),
        max_size=24,
    ).map(b"".join)
)  # fmt: skip
def test_no_more_and_no_less_is_found(text: bytes) -> None:
    whole, grouped = matchers()
    assert sorted(grouped.scan(text, 10_000)) == sorted(whole.scan(text, 10_000))
    assert grouped.hits(text) is bool(whole.scan(text, 10_000))


def test_controls_in_place_of_slashes_are_not_found() -> None:
    _, grouped = matchers()
    assert grouped._recheck is not None
    assert 1 in grouped._recheck._reach, "the pattern that is meant here is loosened"
    assert grouped.scan(b"// x:\x01\x02ab.svc/") == []
    assert grouped.scan(b"x://ab.svc/ x:\x01\x02ab.svc/ ://a\x01b.svc/") == [(1, 11), (1, 35)]


def test_what_begins_too_far_before_to_be_looked_for_again_is_found() -> None:
    _, grouped = matchers()
    text = b"//" + b"a" * 5000 + b"\x01\x01.php"
    assert (UNBOUNDED, len(text)) in grouped.scan(text)


def test_of_many_that_controls_may_have_made_all_count() -> None:
    _, grouped = matchers()
    few, many = (b"// " + b"x:\x01\x02ab.svc/ " * count for count in (60, 70))
    assert grouped.scan(few, 10_000) == []
    assert [index for index, _ in grouped.scan(many, 10_000)] == [1] * 70


def test_what_is_told_once_is_left_as_it_is() -> None:
    patterns = [Pattern(one, once=True) for one in EXPRESSIONS]
    grouped = Matcher.build(patterns, STORE, grouped=True)
    assert grouped._recheck is None
    assert (1, 24) in grouped.scan(b"x:\x01\x02ab.svc/ x://abc.svc/"), "not hidden behind what controls make"
