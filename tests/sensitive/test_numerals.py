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
from msgspec.structs import astuple

from tests.patterns import patterns_made
from tests.sensitive.messages import FINDER
from tests.together import together
from waf.sensitive import speed
from waf.sensitive.numerals import Numerals, numerals
from waf.sensitive.sieve import Sieve

try:
    finder: ModuleType | Any = importlib.import_module("waf._finder")
except ImportError:
    finder = None

if not speed.counts_numerals():
    pytest.skip("waf._finder looks for none here", allow_module_level=True)

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
TOLD = astuple(FOUND)


def _places(text: bytes) -> set[int] | None:
    """Where C says that signs are; None where it says that the text is full of them."""
    signs = finder.Signs(b"", 0)
    signs.heed(*TOLD)
    signs.begin(1 << 30)
    if signs.numerals(text):
        return None
    return {low for low, high in signs.windows(False)}


def _expected(text: bytes) -> list[tuple[int, int]]:
    found = (PATTERN.match(text, place) for place in range(len(text)))
    return [match.span() for match in found if match is not None]


def _alike(text: bytes, places: set[int]) -> bool:
    """There is a place in each sign, and each place is in one."""
    spans = _expected(text)
    return all(any(start < place <= end for place in places) for start, end in spans) and all(
        any(start < place <= end for start, end in spans) for place in places
    )


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
    if places is None:  # too full to try
        assert len(re.findall(rb"[0-9A-Z]", text)) > 32
    else:
        assert _alike(text, places)


def test_at_each_place_of_a_block() -> None:
    for sample in (b"123456789", b"1 2 3 4 5 6A", b"DE89 370", b"1A22-C", b"12L34A", b"123456D"):
        for before in range(200):
            text = b"." * before + b"," + sample + b" and"
            places = _places(text)
            assert places
            assert _alike(text, places), (sample, before)


def test_of_any_bytes() -> None:
    r = random.Random(3)
    for alphabet in (bytes(range(256)), b"0123456789 .-ABab", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/abc"):
        for _ in range(300):
            text = bytes(r.choices(alphabet, k=r.randint(0, 300)))
            places = _places(text)
            assert places is None or _alike(text, places)


def test_what_is_too_full_is_searched_as_a_whole() -> None:
    assert _places(b"1234567 12_" * 2000) is None
    signs = finder.Signs(b"", 0)
    signs.heed(*TOLD)
    signs.begin(3)
    assert signs.numerals(b"123456789,\n" * 9)


def test_all_signs_of_numbers_are_of_this_kind() -> None:
    assert LEFT == [r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]"]
    assert (FOUND.least, FOUND.exactly) == (9, 6)
    assert len(FOUND.heads) == 18


@together(
    "sign",
    ["[a-z]{9}", "[0-9]{3}", "[0-9]{2}[a-z]{2}", "[A-Z]{4}", "[0-9]?[A-Z]{3}", "[ ,-][0-9]{6}", "[0-9](?:[ .-]{2}[0-9]){8}",
     "[0-9]{6}x{0,90}", "[0-9](?:,?[0-9]){8}", "[A-Z]{3}[0-9]"],
)  # fmt: skip
def test_others_are_left_to_hyperscan(sign: str) -> None:
    assert numerals([sign]) == (None, [sign])


@together(
    ("sign", "heads", "least", "exactly"),
    [("[0-9]{6}", b"", 6, 0), ("[0-9](?:-?[0-9]){5}x", b"", 0, 6), ("[0-9]{7}[0-9x]", b"", 7, 0), ("[0-9]{7} ?[xy]", b"", 0, 7),
     ("[0-9]{7}(?:x|-?y)", b"", 0, 7), ("[0-9]{7}(?:x|)", b"", 7, 0), ("[0-9]{6}x?", b"", 6, 0),
     ("[A-F][0-9]{3}", b"\x02\x01\x01\x01\0\0", 0, 0), ("[0-9][A-Z0-9]{3}-Q[a-z]", b"\x01\x03\x03\x03\x04\x02", 0, 0),
     ("[A-Z][0-9]{3,4}X", b"\x02\x01\x01\x01\0\0", 0, 0)],
)  # fmt: skip
def test_what_one_begins_with(sign: str, heads: bytes, least: int, exactly: int) -> None:
    found, left = numerals([sign])
    assert found is not None
    assert (found.heads, found.least, found.exactly, left) == (heads, least, exactly, [])


def test_signs_of_several_lengths() -> None:
    found, _ = numerals(["[0-9]{6}x", "[0-9]{7}y", "[0-9]{12}"])
    assert found is not None
    assert (found.least, found.exactly) == (6, 0)


def test_without_them_hyperscan_looks_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        b"lorem ipsum " * 300
        + b"4539148803436467"
        + b" dolor sit amet" * 300
        + b"DE89 3704 0044 0532 0130 00"
        + b"x" * 900
    )
    fast = Sieve.build(FINDER._candidates.forms, patterns_made())
    monkeypatch.setattr(speed, "_FINDER", None)
    slow = Sieve.build(FINDER._candidates.forms, patterns_made())
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
    with pytest.raises(TypeError, match="to heed"):
        signs.numerals(b"x")
    for place, value in ((1, None), (3, "9"), (5, None), (6, "x")):
        told = list(TOLD)
        told[place] = value
        with pytest.raises(TypeError):
            signs.heed(*told)
    with pytest.raises(TypeError):
        signs.heed(*TOLD[:-1])
    for place, wrong in ((0, None), (0, b""), (0, b"x" * 40), (1, b"123"), (2, None), (4, None), (6, b"")):
        told = list(TOLD)
        told[place] = wrong
        signs.heed(*TOLD)
        with pytest.raises(ValueError):  # noqa: PT011 (the words differ)
            signs.heed(*told)
        with pytest.raises(TypeError, match="to heed"):  # half of it is nothing
            signs.numerals(b"x")
    signs.heed(*TOLD)
    with pytest.raises(TypeError):
        signs.numerals("x")
