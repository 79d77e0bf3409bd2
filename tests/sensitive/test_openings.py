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
from tests.sensitive.messages import CARD, ENTITIES, FINDER
from waf.patterns import Patterns, compiled
from waf.sensitive import speed
from waf.sensitive.candidates import FORM, PLACE, Candidates
from waf.sensitive.entities import custom_entity
from waf.sensitive.find import Finder
from waf.sensitive.forms import forms
from waf.sensitive.openings import COLUMNS, Shares, shares

try:
    finder: ModuleType | Any = importlib.import_module("waf._finder")
except ImportError:
    finder = None

if speed.notices_type() is None:
    pytest.skip("C looks for none here", allow_module_level=True)

SPLIT = shares(forms(ENTITIES))
OWN = SPLIT.alone
ALONE = Shares((), OWN, ()).told
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
    notices = finder.Notices(bytes(len(OWN)), ALONE)
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


def _all_by_engine() -> Finder:
    """The same where the engine is asked for all that C looks for."""
    patterns = Patterns.of(
        [(form.expression, form.flags) for form in SPLIT.all], patterns_made(), scratch=False
    )
    return Finder(ENTITIES, Candidates(patterns, SPLIT.all), {})


BY_ENGINE = _all_by_engine()
SIEVELESS = Finder.build(ENTITIES, patterns_made(), sieved=False)
_LED = [
    sample.text.replace(CARD, "12")
    for entity in ENTITIES
    for sample in (*entity.hits, *entity.misses)
    if any(form.entity == entity for form in SPLIT.led)
]
_led_texts = st.lists(
    st.sampled_from(_LED)
    | st.sampled_from(
        [
            "phone",
            "tel",
            "ssn=",
            "\n",
            "<td>",
            "z" * 50,
            " " * 58,
            '": "',
            "cvv",
            "customerPan",
            "born",
            "_",
            "é",
            "-",
        ]
    )
    | st.sampled_from(
        sorted({re.sub(r"\\b|\W", "", word) for form in SPLIT.led for word in form.entity.context})
    )
    | st.text("0123456789 -.()/X", max_size=12),
    max_size=12,
).map(lambda pieces: "".join(pieces).encode())


def _told_of(one: Finder, text: bytes) -> list[tuple[str, int, int, float]]:
    return [(hit.entity.id, hit.start, hit.end, hit.score) for hit in one.find(text)]


@settings(max_examples=600, deadline=None)
@given(_led_texts)
def test_led_values_are_found_as_the_engine_finds_them(text: bytes) -> None:
    assert _told_of(FINDER, text) == _told_of(BY_ENGINE, text)
    places = {(candidate & FORM, candidate >> PLACE) for candidate in BY_ENGINE.candidates(text)}
    sieveless = SIEVELESS.candidates(text)
    assert {(candidate & FORM, candidate >> PLACE) for candidate in sieveless} <= places


@pytest.mark.parametrize("between", [59, 60, 61])
def test_a_word_reaches_as_far_as_the_engine_says(between: int) -> None:
    text = b"phone" + b" " * between + b"020 7946 0958"
    forms_of = FINDER._candidates.forms
    found = {forms_of[candidate & FORM].entity.id for candidate in FINDER.candidates(text)}
    assert ("phone" in found) == (between <= 60)
    by_engine = {forms_of[candidate & FORM].entity.id for candidate in BY_ENGINE.candidates(text)}
    assert ("phone" in by_engine) == (between <= 60)


def test_of_led_forms_the_engine_tells_the_words_alone() -> None:
    """Each value behind several words would be told of by each of their forms, with each of its ends."""
    patterns = FINDER._candidates._patterns
    assert patterns is not None
    database = compiled(patterns._expressions)
    reports = []

    def met(*report: object) -> None:
        reports.append(report)

    text = b"phone cvv ssn" + b" 1234 5678" * 5
    database.scan(text * 100, match_event_handler=met, scratch=hyperscan.Scratch(database))
    words = {context for context in SPLIT.contexts if {"phone", r"\bcvv2?\b", r"\bssn\b"} & {*context}}
    assert len(words) == 3
    assert len(reports) == 300
    assert len(FINDER.candidates(text * 100)) > 1000


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
        split = shares(forms([custom_entity("one", pattern)]))
        assert split.asked
        assert not split.alone
        with pytest.raises(ValueError, match="not for C"):
            assert Shares((), split.asked, ()).told
    several = [custom_entity(f"one-{n}", rf"\b[0-9]{{{n % 40 + 3}}}\b") for n in range(99)]
    assert len(shares(forms(several)).alone) == 64
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
    assert shares(own).alone == own
    notices = finder.Notices(b"\0", shares(own).told)
    notices.openings(text)
    places = [place for place in range(len(text)) if re.compile(own[0].expression).match(text, place)]
    assert [candidate >> PLACE for candidate in notices.take()] == places


def test_what_c_is_told_has_to_fit() -> None:
    led = bytes(len(SPLIT.all))
    alone, of_led, asked, contexts, gap = SPLIT.told
    table, programs = alone
    finder.Notices(led, SPLIT.told)
    one = programs[0][1]
    for wrong in (
        (table[:-4], programs), (table, programs * 9), (table, ((0, b"x", 0),)), (table, ((len(led), one, 0),)),
        (table, ((-1, one, 0),)), (table, ((0, one, 1),)), (table, ((0, one, -1),)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"form|program"):
            finder.Notices(led, (wrong, of_led, asked, contexts, gap))
    for numbers in (
        (-1, contexts, gap),
        (len(led) + 1, contexts, gap),
        (asked, 65, gap),
        (asked, -1, gap),
        (asked, contexts, -1),
    ):
        with pytest.raises(ValueError, match="not so many"):
            finder.Notices(led, (alone, of_led, *numbers))
    for parts in (
        (alone, of_led),
        (alone, 1, 1, 1, 1),
        ((table, (1,)), of_led, asked, contexts, gap),
        ("x", of_led, 1, 1, 1),
    ):
        with pytest.raises(TypeError):
            finder.Notices(led, parts)
    notices = finder.Notices(led, SPLIT.told)
    with pytest.raises(TypeError):
        notices.openings("text")
    with pytest.raises(ValueError, match="no such form"):
        notices(asked + contexts, 0, 1, 0, None)
    finder.Notices(b"").openings(b"4539 1488 0343 6467")
    assert len(table) == COLUMNS * 257 * 8


def test_words_are_taken_in_their_order() -> None:
    """The engine promises none; and those of a text before are forgotten."""
    notices = finder.Notices(bytes(len(SPLIT.all)), SPLIT.told)
    phone = len(SPLIT.asked) + [*SPLIT.contexts].index(next(c for c in SPLIT.contexts if "phone" in c))
    text = b"phone " + b"." * 80 + b"phone 020 7946 0958" + b"." * 80 + b"phone"
    for ends in ((5, 91, 189), (189, 91, 5), (91, 189, 5)):
        notices.begin(0)
        for end in ends:
            notices(phone, 0, end, 0, None)
        notices.openings(text)
        assert len(notices.take()) == 3  # one for each group of digits that another follows, or that is long
    notices(phone, 0, 91, 0, None)
    notices.begin(0)
    notices.openings(text)
    assert not notices.take()


def test_who_only_asks_whether_is_told_of_led_ones_too() -> None:
    assert FINDER.suspects(b"phone 020 7946 0958")
    assert FINDER.suspects(b"4539 1488 0343 6467")
    assert FINDER.suspects(b"a@b.example")
    assert not FINDER.suspects(b"phone, or not")


@pytest.mark.parametrize("before", [0, 1500, 2040, 10_000, 16_380, 60_000])
def test_a_long_text_is_suspected_wherever_a_value_stands(before: int) -> None:
    """How it begins is looked at first, and then all of it."""
    filling = b"phone, or a card: "
    text = (filling * (before // len(filling) + 1))[:before]
    behind = filling * 3000
    assert FINDER.suspects(text + b" 4539 1488 0343 6467 " + behind)
    assert not FINDER.suspects(text + behind)
