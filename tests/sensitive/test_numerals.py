"""The signs of numbers that C looks for are those that `re` finds, and those that it leaves are left."""

from __future__ import annotations

import importlib
import random
import re
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sensitive.messages import FINDER
from waf.sensitive import speed
from waf.sensitive.numerals import Numerals, numerals
from waf.sensitive.sieve import Sieve

try:
    finder: ModuleType | Any = importlib.import_module("waf._finder")
except ImportError:
    finder = None

pytestmark = pytest.mark.skipif(not speed.counts_numerals(), reason="waf._finder looks for none here")

SIGNS = list(
    dict.fromkeys(
        sign
        for form in FINDER._candidates.forms
        if not form.led
        for sign in form.entity.signs
        if sign.startswith("[")
    )
)


def _chosen() -> tuple[Numerals, list[str], re.Pattern[bytes]]:
    found, left = numerals(SIGNS)
    assert found is not None
    return found, left, re.compile("|".join(s for s in SIGNS if s not in left).encode(), re.DOTALL)


FOUND, LEFT, PATTERN = _chosen()
LEAST = 5


def _places(text: bytes) -> set[int] | None:
    """Where C says that signs are; None where it says that the text is full of them."""
    signs = finder.Signs(b"", 0)
    signs.begin(1 << 30)
    if signs.numerals(text, FOUND.program, FOUND.heads, FOUND.runs):
        return None
    return {low for low, high in signs.windows(False)}


def _expected(text: bytes) -> set[int]:
    return {place + LEAST for place in range(len(text)) if PATTERN.match(text, place)}


_GRAINS = st.sampled_from(
    ["0", "12", "345", "6789", "1234567890", "A", "AB", "aB", "x", " ", ".", "-", "_", "  ", "word ", "é", "DE89", "1A22B", "12L34A",
     "\n", "<td>", "0 0 0 ", "1.1.1.1.1", "99A", "99D ", "y" * 60, "7" * 30]
)  # fmt: skip
_texts = st.lists(_GRAINS, max_size=40).map(lambda grains: "".join(grains).encode())


@settings(max_examples=800)
@given(_texts, st.integers(0, 70))
@example(b"123456A", 0)
@example(b"123456789", 55)
@example(b"AB12345", 59)
def test_all_of_them_and_no_others(text: bytes, before: int) -> None:
    text = b"z" * before + text
    places = _places(text)
    assert places == _expected(text) or (
        places is None and len(_expected(text)) < len(re.findall(rb"[0-9A-Z]", text)) >= 64
    )


def test_at_each_place_of_a_block() -> None:
    for sample in (b"123456789", b"1 2 3 4 5 6A", b"DE89 370", b"1A22-C", b"12L34A", b"123456D"):
        for before in range(200):
            text = b"." * before + b"," + sample + b" and"
            assert _places(text) == _expected(text), (sample, before)
            assert _expected(text), sample


def test_of_any_bytes() -> None:
    r = random.Random(3)
    for alphabet in (bytes(range(256)), b"0123456789 .-ABab", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/abc"):
        for _ in range(300):
            text = bytes(r.choices(alphabet, k=r.randint(0, 300)))
            places = _places(text)
            assert places is None or places == _expected(text)


def test_what_is_too_full_is_searched_as_a_whole() -> None:
    assert _places(b"123456_" * 2000) is None
    signs = finder.Signs(b"", 0)
    signs.begin(3)
    assert signs.numerals(b"123456789,\n" * 9, FOUND.program, FOUND.heads, FOUND.runs)


def test_all_signs_of_numbers_are_of_this_kind() -> None:
    assert LEFT == [r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"]
    assert FOUND.runs
    assert len(FOUND.heads) == 12


@pytest.mark.parametrize(
    "sign",
    ["[a-z]{9}", "[0-9]{3}", "[0-9]{2}[a-z]{2}", "[A-Z]{4}", "[0-9]?[A-Z]{3}", "[ .-][0-9]{6}", "[0-9](?:[ .-]{2}[0-9]){8}",
     "[0-9]{6}x{0,90}", "[0-9](?:,?[0-9]){8}", "[A-Z]{3}[0-9]"],
)  # fmt: skip
def test_others_are_left_to_hyperscan(sign: str) -> None:
    assert numerals([sign]) == (None, [sign])


@pytest.mark.parametrize(
    ("sign", "heads", "runs"),
    [("[0-9]{6}", b"", True), ("[0-9](?:-?[0-9]){5}x", b"", True), ("[A-F][0-9]{3}", b"\x02\x01\x01\x01", False),
     ("[0-9][A-Z0-9]{3}", b"\x01\x03\x03\x03", False)],
)  # fmt: skip
def test_what_one_begins_with(sign: str, heads: bytes, runs: bool) -> None:
    found, left = numerals([sign])
    assert found is not None
    assert (found.heads, found.runs, left) == (heads, runs, [])


def test_without_them_hyperscan_looks_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        b"lorem ipsum " * 300
        + b"4539148803436467"
        + b" dolor sit amet" * 300
        + b"DE89 3704 0044 0532 0130 00"
        + b"x" * 900
    )
    fast = Sieve.build(FINDER._candidates.forms, None)
    monkeypatch.setattr(speed, "_FINDER", None)
    slow = Sieve.build(FINDER._candidates.forms, None)
    assert fast is not None
    assert slow is not None
    assert slow._numerals is None
    for start in (4539, 3704):
        place = text.index(b"%d" % start)
        for one in (fast, slow):
            windows = one.windows(text, one.scratch())
            assert windows is not None
            assert any(low <= place < high for low, high in windows)


def test_what_is_told_has_to_fit() -> None:
    signs = finder.Signs(b"", 0)
    for wrong in (
        ("x", FOUND.program, b"", True),
        (b"x", FOUND.program, b"123", True),
        (b"x", FOUND.program, b""),
    ):
        with pytest.raises(TypeError):
            signs.numerals(*wrong)
    for program in (None, b"", b"x" * 40):
        with pytest.raises(ValueError):  # noqa: PT011 (the words differ)
            signs.numerals(b"x", program, b"", True)
