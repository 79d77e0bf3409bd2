"""Sizes and spans of time, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.together import together
from waf.config.schema import Seconds, Size
from waf.config.units import MAX_SECONDS, MAX_SIZE, SECOND_UNITS, SIZE_UNITS, parse_seconds, parse_size

SIZES = {
    "0": 0,
    "65536": 65536,
    "65_536": 65536,
    "64KiB": 65536,
    "64kib": 65536,
    "64 KiB": 65536,
    " 64KiB ": 65536,
    "64Ki": 65536,
    "64KB": 64000,
    "10MB": 10_000_000,
    "1.5MiB": 1_572_864,
    "1GiB": 2**30,
    "12b": 12,
    "8192TiB": 2**53,
}

BAD_SIZES = {
    "": "expected a size",
    "KiB": "expected a size",
    "-1": "expected a size",
    "+1": "expected a size",
    "1e3": "expected a size",
    "0x10": "expected a size",
    "1_0": "expected a size",
    "64k": "ambiguous: write KiB (1024) or KB (1000)",
    "64M": "ambiguous: write MiB",
    "1 PB": "unknown unit",
    "1.5": "not a whole number",
    "0.3KiB": "not a whole number",
    "8193TiB": "larger than",
    "9" * 17: "expected a size",
    "64 KiB x": "expected a size",
    "٣": "expected a size",
}

SPANS = {
    "0": 0.0,
    "30": 30.0,
    "0.5": 0.5,
    "500ms": 0.5,
    "250us": 0.00025,
    "30s": 30.0,
    "30 s": 30.0,
    "5m": 300.0,
    "1h": 3600.0,
    "2d": 172800.0,
    "1h30m": 5400.0,
    "1m500ms": 60.5,
    "1.5h": 5400.0,
    "86_400": 86400.0,
}

BAD_SPANS = {
    "": "expected a time",
    "s": "expected a time",
    "-5s": "expected a time",
    "nan": "expected a time",
    "inf": "expected a time",
    "5 minutes": "unknown unit",
    "5M": "expected a time",
    "30m1h": "largest first",
    "1h1h": "once",
    "1h30": "expected a time",
    "11y": "unknown unit",
    "3651d": "longer than",
    "1.5h30m": "expected a time",
}


@together(("text", "size"), SIZES.items())
def test_a_size_is_read(text: str, size: int) -> None:
    parsed = parse_size(text)
    assert parsed == size
    assert type(parsed) is Size


@together(("text", "told"), BAD_SIZES.items())
def test_what_is_no_size_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_size(text)
    assert told in str(caught.value)


@together(("text", "seconds"), SPANS.items())
def test_a_span_is_read(text: str, seconds: float) -> None:
    parsed = parse_seconds(text)
    assert parsed == pytest.approx(seconds, abs=1e-12)
    assert type(parsed) is Seconds


@together(("text", "told"), BAD_SPANS.items())
def test_what_is_no_span_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_seconds(text)
    assert told in str(caught.value)


@given(st.integers(0, 8192), st.sampled_from(sorted(SIZE_UNITS)))
def test_every_unit_of_size_multiplies(number: int, unit: str) -> None:
    assert parse_size(f"{number}{unit}") == number * SIZE_UNITS[unit]


@given(st.integers(0, 3000), st.sampled_from(sorted(SECOND_UNITS)))
def test_every_unit_of_time_multiplies(number: int, unit: str) -> None:
    assert parse_seconds(f"{number}{unit}") == float(number * SECOND_UNITS[unit])


@given(st.text(max_size=30) | st.from_regex(r"[0-9._]{1,20} ?[A-Za-z]{0,4}", fullmatch=True))
@settings(max_examples=300)
def test_any_text_is_a_bounded_value_or_a_value_error(text: str) -> None:
    for parse, most in ((parse_size, MAX_SIZE), (parse_seconds, MAX_SECONDS)):
        try:
            value = parse(text)
        except ValueError:
            continue
        else:
            assert 0 <= value <= most
