"""Forms that C looks for are found where the engine finds them, and it is not asked for them."""

from __future__ import annotations

import importlib
import re
from types import ModuleType
from typing import Any

import hyperscan
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patterns import patterns_made
from tests.sensitive.messages import ENTITIES, FINDER
from waf.patterns import compiled
from waf.sensitive import speed
from waf.sensitive.candidates import FORM, PLACE
from waf.sensitive.entities import custom_entity
from waf.sensitive.find import Finder
from waf.sensitive.forms import forms
from waf.sensitive.openings import COLUMNS, opened, told

try:
    finder: ModuleType | Any = importlib.import_module("waf._finder")
except ImportError:
    finder = None

if speed.notices_type() is None:
    pytest.skip("C looks for none here", allow_module_level=True)

OWN = opened(forms(ENTITIES))
ALL = tuple(enumerate(OWN))
DATABASE = compiled([(form.expression, form.flags) for form in OWN])
SCRATCH = hyperscan.Scratch(DATABASE)
_SAMPLES = [
    sample.text
    for entity in ENTITIES
    for sample in (*entity.hits, *entity.misses)
    if any(form.entity == entity for form in OWN)
]


def _by_engine(text: bytes) -> set[tuple[int, int]]:
    found = set()

    def met(form: int, start: int, end: int, flags: int, context: object) -> None:
        found.add((start, form))

    DATABASE.scan(text, match_event_handler=met, scratch=SCRATCH)
    return found


def _by_c(text: bytes, base: int = 0) -> set[tuple[int, int]]:
    notices = finder.Notices(bytes(len(OWN)), told(ALL))
    notices.begin(base)
    notices.openings(text)
    return {(candidate >> PLACE, candidate & FORM) for candidate in notices.take()}


_texts = st.lists(
    st.sampled_from(_SAMPLES)
    | st.text("0123456789 -.", max_size=12)
    | st.text("0123459 -.XABab_/\n\x00é", max_size=8)
    | st.text("+(12)3 .-", max_size=9)
    | st.sampled_from(
        [
            "4539 ",
            "2341-",
            "10.0.0.1",
            "x",
            "2026-01-31 12:00:00 ",
            "DE89 3704 0044 ",
            "JG10",
            "X1",
            "_",
            "é",
            "Z" * 15,
        ]
    ),
    max_size=8,
).map(lambda pieces: "".join(pieces).encode())


@settings(max_examples=600)
@given(_texts)
def test_as_the_engine_finds_them(text: bytes) -> None:
    assert _by_c(text) == _by_engine(text)


@given(_texts, st.integers(0, 1 << 40))
def test_places_count_from_a_base(text: bytes, base: int) -> None:
    assert _by_c(text, base) == {(base + start, form) for start, form in _by_c(text)}


def test_each_sample_cut_at_each_place() -> None:
    for sample in _SAMPLES:
        text = sample.encode()
        for end in range(len(text) + 1):
            assert _by_c(text[:end]) == _by_engine(text[:end])


def test_numbers_are_not_asked_of_the_engine() -> None:
    """It would tell of two matches for each group of a text of groups."""
    assert {form.entity.id for form in OWN} >= {"pan", "us-ssn", "in-aadhaar", "ip-address", "iban", "phone"}
    patterns = FINDER._candidates._patterns
    assert patterns is not None
    reports = []
    database = compiled(patterns._expressions)

    def met(*report: object) -> None:
        reports.append(report)

    for text in (
        b"4539 " * 400,
        b"2341 2341 23 " * 150,
        b"10.0.0.1 " * 200,
        b"536-22-8145," * 150,
        b"DE89 " * 400,
        b"+44 20 7946 09 " * 99,
    ):
        database.scan(text, match_event_handler=met, scratch=hyperscan.Scratch(database))
        assert not reports
        assert FINDER.candidates(text)


def test_others_are_the_engines() -> None:
    for pattern in (
        "[0-9]{9}",
        r"\b[a-z0-9]{9}",
        r"\bSK[0-9]{9}",
        r"\b[SZ]K-",
        r"[0-9]{3}\b",
        r"\b(?:[0-9]{3}|x)-1",
        r";?\b[0-9]{9}",
        "[+-]1",
    ):
        assert not opened(forms([custom_entity("one", pattern)]))
    with pytest.raises(ValueError, match="not for C"):
        told([(0, forms([custom_entity("one", "[0-9]{9}")])[0])])
    several = [custom_entity(f"one-{n}", rf"\b[0-9]{{{n % 40 + 3}}}\b") for n in range(60)]
    assert len(opened(forms(several))) == 32
    assert not Finder.build(several, patterns_made()).find(b"12 nothing")
    assert len(Finder.build(several, patterns_made()).find(b"1234 and 123456789")) == 2


@given(
    st.sampled_from(
        [
            r"\b[0-9]{3}-?[A-F]",
            r"\b1(?:[ -]?[0-9]){2,40}x?",
            r"\b[0-9]+?7",
            r"\b(?:12|1[3-5]{2,}|9)\b",
            r"\+?\([0-9]",
            r"\b[A-Z0-9]{3}",
        ]
    ),
    _texts,
)
def test_any_expressions(expression: str, text: bytes) -> None:
    own = forms([custom_entity("one", expression)])
    assert opened(own) == own
    notices = finder.Notices(b"\0", told([(0, own[0])]))
    notices.openings(text)
    places = [place for place in range(len(text)) if re.compile(own[0].expression).match(text, place)]
    assert [candidate >> PLACE for candidate in notices.take()] == places


def test_what_c_is_told_has_to_fit() -> None:
    table, programs = told(ALL)
    for wrong in (
        (table[:-4], programs), (table, programs * 9), (table, ((0, b"x"),)), (table, ((len(OWN), programs[0][1]),)),
        (table, ((-1, programs[0][1]),)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"form|program"):
            finder.Notices(bytes(len(OWN)), wrong)
    for wrong in ((table,), ("x", ()), (table, (1,)), (table, [])):
        with pytest.raises(TypeError):
            finder.Notices(bytes(len(OWN)), wrong)
    with pytest.raises(TypeError):
        finder.Notices(b"").openings("text")
    finder.Notices(b"").openings(b"4539 1488 0343 6467")
    assert len(table) == COLUMNS * 257 * 4
