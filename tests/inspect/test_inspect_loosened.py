"""Two slashes are no literal to the engine, and what controls in their place make is not found."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspect.inspect_samples import STORE
from waf.inspect.loosened import STAND_INS, loosened, tells_apart
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
    assert any(group.loose for group in grouped._groups)
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
    assert grouped.scan(b"// x:\x01\x02ab.svc/") == []
    assert grouped.scan(b"x://ab.svc/ x:\x01\x02ab.svc/ ://a\x01b.svc/") == [(1, 11), (1, 35)]


def test_however_many_there_are_and_however_long_a_match() -> None:
    _, grouped = matchers()
    assert grouped.scan(b"// " + b"x:\x01\x02ab.svc/ " * 10_000) == []
    for signs, there in ((b"//", True), (b"\x01\x01", False)):
        text = signs + b"a" * 5000 + b"\x01\x01.php"
        assert ((UNBOUNDED, len(text)) in grouped.scan(text)) is there


@pytest.mark.parametrize(
    ("expression", "apart"),
    [
        (rb"//[^/]*\W[\x00-\x1f].", False),
        (rb"//(?:a|b\s)+", False),
        (rb"//\x01", True),
        (rb"//(?:a|[\x00-\x02])b", True),
        (rb"//[^\x04]", True),
        (rb"(?:a//\x03){2}", True),
        (rb"//a\Z", True),  # not understood
    ],
)
def test_what_is_about_the_controls_themselves_is_left_as_it_is(expression: bytes, apart: bool) -> None:
    assert tells_apart(expression) is apart
    assert (loosened(expression) == expression) is apart
    texts = [b"//\x01", b"//\x04", b"//ab", b"a//\x03a//\x03", b"//\x02b"]
    whole, grouped = (
        Matcher.build([Pattern(b"^x//a"), Pattern(expression)], STORE, grouped=one) for one in (False, True)
    )
    for text in texts:
        assert sorted(grouped.scan(text)) == sorted(whole.scan(text))


def test_what_is_told_once_is_told_of_what_is_there() -> None:
    patterns = [Pattern(one, once=True) for one in EXPRESSIONS]
    grouped = Matcher.build(patterns, STORE, grouped=True)
    assert (1, 24) in grouped.scan(b"x:\x01\x02ab.svc/ x://abc.svc/"), "not hidden behind what controls make"
