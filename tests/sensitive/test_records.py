"""Our own records: whatever was planted, none of it is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sensitive.messages import CARD, SSN, detector
from tests.together import together

SECRETS = [
    CARD, "4539 1488 0343 6467", SSN, "DE89370400440532013000", "AKIAQ3EGRTZ5MWVN7KLA", "jane.doe@mail.example.com",
    "ghp_x7Kq2mVbN4cRt8LwZp3JyHs6GdFa9EoU1iTy", "529.982.247-25", "+49 30 901820",
]  # fmt: skip


@together("secret", SECRETS)
@together("frame", ["{}", "x={}", '"a": "{}"', "a\n{}\nb", "' OR '{}'='1", "{} {}"])
def test_nothing_planted_is_shown(secret: str, frame: str) -> None:
    text = frame.replace("{}", secret)
    assert secret not in detector().mask(text.encode())
    assert secret not in detector().mask_text(text)


@pytest.mark.parametrize(
    ("data", "out"),
    [
        (b"plain text", "plain text"),
        (b"a\x00b\r\n\x1b[31m", "a\\x00b\\r\\n\\x1b[31m"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("grün \u202e".encode(), "grün \\u202e"),
        (b"4539148803436467", "453914******6467"),
        (b"q=%34539148803436467", "q=%3453914******6467"),
        (b";4539148803436467=29121011000012300?", "[card-track]"),
        (b"1700000000", "1700000000"),
        (b"' UNION SELECT card FROM t --", "' UNION SELECT card FROM t --"),
    ],
)
def test_excerpts(data: bytes, out: str) -> None:
    assert detector().mask(data) == out


def test_an_excerpt_is_short_and_masked_before_it_is_cut() -> None:
    shown = detector().mask(b"x" * 110 + b" " + CARD.encode() + b" tail" * 100)
    assert len(shown) == 120
    assert "4539148" not in shown


def test_a_number_that_the_edge_cut_is_hidden() -> None:
    assert detector().mask(b"148803436467, and more") == "************, and more"
    assert detector().mask(b"ref 4539 1488 0344") == "ref **** **** ****"


def test_names_count_even_where_policy_looks_for_nothing() -> None:
    quiet = detector(entities=())
    assert quiet.mask(CARD.encode()) == "453914******6467"
    assert quiet.mask_text("123", name="cvv") == "[card-cvv]"
    assert quiet.mask_text("536228145", name="ssn") == "*****8145"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_become_one_printable_line(data: bytes) -> None:
    shown = detector().mask(data)
    assert len(shown) <= 120
    assert shown.isprintable()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(SECRETS))
def test_whatever_stands_around_it(before: str, behind: str, secret: str) -> None:
    text = f"{before} {secret} {behind}"
    assert secret not in detector().mask(text.encode("utf-8", "surrogatepass"))


def test_what_says_nothing_is_remembered_and_nothing_else() -> None:
    mask = detector()._records
    mask._plain.clear()
    for data in (
        b"shop.example",
        b"ssn 536-22-8145",
        b"x" * 121,
        b"a\x00b",
        b"tel \xff",
        b"4539148803436467",
        b"pin 12345678",
    ):
        assert mask.excerpt(data) == mask.excerpt(data)
    assert mask._plain == {b"shop.example": "shop.example", b"a\x00b": "a\\x00b", b"tel \xff": "tel \\xff"}
    for number in range(3000):
        mask.excerpt(b"host-%d" % (number % 97) + bytes((97 + number % 23, 97 + number // 97)))
    assert len(mask._plain) <= 1024
