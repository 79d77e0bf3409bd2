"""Patterns run by C match where `re` says that they match, and nowhere else."""

from __future__ import annotations

import importlib
import re
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sensitive.messages import ENTITIES, FINDER
from tests.together import together
from waf.sensitive import speed
from waf.sensitive.find import Finder
from waf.sensitive.programs import program, run

try:
    finder: ModuleType | Any = importlib.import_module("waf._finder")
except ImportError:
    finder = None

pytestmark = pytest.mark.skipif(
    finder is None or speed.judge_type() is None, reason="waf._finder was not built, or is not to be used"
)

PATTERNS = sorted(
    {
        pattern
        for form in FINDER._forms
        if form is not None
        for pattern in (form.shape, form.before, form.after, form.endless, form.context, form.denied)
        if pattern is not None
    },
    key=lambda pattern: (pattern.pattern, pattern.flags),
)
_SAMPLES = [sample.text for entity in ENTITIES for sample in (*entity.hits, *entity.misses)]


def _alike(pattern: re.Pattern[bytes], text: bytes, start: int, end: int) -> None:
    compiled = program(pattern)
    assert compiled is not None
    for anywhere in (False, True):
        if anywhere and pattern.match(b"") is not None:
            continue
        found = (pattern.search if anywhere else pattern.match)(text, start, end)
        told = None if found is None else (*found.span(), *(found.span(1) if pattern.groups else (-1, -1)))
        try:
            given = finder.run(compiled, text, start, end, anywhere)
        except ValueError:
            assert anywhere, "what may be empty is not looked for"
            continue
        assert given == told, (pattern.pattern, text[start:end], anywhere)


_texts = st.lists(
    st.sampled_from(_SAMPLES) | st.text("aZ09 -._+@/:=%$\n\x00é<>", max_size=6), min_size=1, max_size=5
).map(lambda pieces: "".join(pieces).encode())


@settings(max_examples=300)
@given(st.sampled_from(PATTERNS), _texts, st.integers(0, 60), st.none() | st.integers(0, 120))
def test_those_of_the_entities(pattern: re.Pattern[bytes], text: bytes, start: int, size: int | None) -> None:
    if program(pattern) is None:
        return
    start = min(start, len(text))
    _alike(pattern, text, start, len(text) if size is None else min(len(text), start + size))


def test_nearly_all_of_the_entities_have_one() -> None:
    assert [p.pattern for p in PATTERNS if program(p) is None] == [b"(?:[ \\r\\n\\t]{0,4}[A-Za-z0-9+/=])*"]


def test_samples_of_each_entity_by_its_own_patterns() -> None:
    for form in FINDER._forms:
        assert form is not None
        for sample in form.entity.hits:
            text = sample.text.encode()
            for pattern in (form.shape, form.before, form.after):
                for start in range(len(text) + 1 if pattern is not None and program(pattern) else 0):
                    _alike(pattern, text, start, len(text))  # type: ignore[arg-type]


_ONE = st.sampled_from(
    [r"a", r"b", r"[ab]", r"[^a]", r".", r"\d", r"\w", r"[A-Z0-9]", r"[^\W_]", r"-", r"\S", r"[\s-]", r"é"]
)
_PLACE = st.sampled_from(
    [r"\b", r"\B", r"\A", r"\Z", r"(?=a)", r"(?!b)", r"(?<=a)", r"(?<!ab)", r"(?<![a-z])(?!\.)"]
)
_COUNT = st.sampled_from(
    ["", "?", "*", "+", "{2}", "{0,3}", "{1,2}", "{2,}", "??", "*?", "+?", "{1,3}?", "?+", "++", "{0,2}+"]
)


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda ways: f"(?:{'|'.join(ways)})"),
        st.tuples(inner, st.sampled_from(["{2}", "{0,3}", "?", "{1,4}?", "{2,3}"])).map(
            lambda p: f"(?:{p[0]}){p[1]}"
        ),
        inner.map(lambda p: f"(?i:{p})"),
    )


_expressions = st.recursive(st.one_of(st.tuples(_ONE, _COUNT).map("".join), _PLACE), _joined, max_leaves=10)
_words = st.text("abABz09 -.\n", max_size=16)


@settings(max_examples=600)
@given(
    _expressions,
    _expressions,
    st.booleans(),
    _words,
    st.integers(0, 6),
    st.sampled_from([0, re.DOTALL, re.IGNORECASE]),
)
def test_any_expression(first: str, second: str, grouped: bool, words: str, start: int, flags: int) -> None:
    pattern = re.compile((f"({first}){second}" if grouped else first + second).encode("latin-1"), flags)
    text = words.encode()
    if program(pattern) is not None:
        _alike(pattern, text, min(start, len(text)), len(text))


@together(
    "expression",
    [rb"(a)\1", rb"\B", rb"(a)(b)", rb"(?:ab)*", rb"(?:ab){1,300}", rb"(?:(?:ab){20}c){20}", rb"(?:a?)+", rb"(?:a*){2}", rb"(?=(a))a", rb"a$",
     rb"(?m:^a)", rb"(?>ab)", rb"(?:ab)++"],
)  # fmt: skip
def test_what_is_left_to_re(expression: bytes) -> None:
    assert program(re.compile(expression)) is None


@pytest.mark.parametrize("change", [b"", b"\0", b"\0" * 24, "head", "size", "jump", "set", "end"])
def test_what_is_no_program_is_refused(change: bytes | str) -> None:
    good = bytearray(program(re.compile(rb"(?:ab|cd){2}(?!d)")) or b"")
    assert finder.run(bytes(good), b"abcd", 0, 4, True) == (0, 4, -1, -1)
    match change:
        case bytes():
            good = bytearray(change)
        case "head":
            good[0] ^= 1
        case "size":
            good = good[:-4]
        case _:
            word = {"jump": 14, "set": 4, "end": 5 + good[4]}[change]
            good[4 * word : 4 * word + 4] = (999).to_bytes(4, "little")
    with pytest.raises(ValueError, match=r"not a program of waf\.sensitive\.programs"):
        finder.run(bytes(good), b"ab", 0, 2, True)


def test_any_bytes_as_a_program_touch_nothing_else() -> None:
    good = program(re.compile(rb"(?:ab|cd){2}(?!d)")) or b""
    for place in range(0, len(good), 4):
        for wrong in (-1, 0, 1, 5, 7, 14, 15, 16, 1 << 20):
            bad = good[:place] + wrong.to_bytes(4, "little", signed=True) + good[place + 4 :]
            with suppress(ValueError):
                given = finder.run(bad, b"abab", 0, 4, True)
                assert given is None or 0 <= given[0] <= given[1] <= 4


def test_a_pattern_that_re_has_to_run_finds_as_well() -> None:
    from waf.sensitive.entities import custom_entity

    entity = custom_entity("own", r"(ab)-(?:[0-9]{2}-)*x", where="sensitive.custom[0]")
    looking = Finder.build([entity], None)
    text = b"see ab-12-34-x here"
    assert [text[hit.start : hit.end] for hit in looking.find(text)] == [
        text[hit.start : hit.end] for hit in looking._find(text, 0, None, None, looking.candidates(text))
    ]


def test_only_a_run_of_one_kind_is_read_backwards() -> None:
    assert run(re.compile(rb"[a-z.]{0,63}")) == program(re.compile(rb"[a-z.]{0,63}"))
    for other in (rb"[a-z]{1,63}", rb"[a-z]{0,9}-", rb"(?:ab){0,9}", rb"[a-z]{0,9}+", rb"(?=a)"):
        assert run(re.compile(other)) is None, other
    assert run(None) is None


@settings(max_examples=300)
@given(
    st.sampled_from(
        [
            rb"[0-9](?:[ -]?[0-9]){2,14}\b", rb"(?:[ -]?[0-9]){0,3}7", rb"(?:[0-5]?[0-9]){2,4}x", rb"(?:(?:-?[0-9]){2}x){1,3}",
            rb"((?:[a-z]?[0-9]){1,40})a", rb"(?:-?[0-9]){3}", rb"(?:-?[0-9]){1,4}?a", rb"[0-9]{1,3}(?:-?[0-9]{1,3}){0,3}x",
            rb"(?:[0-9]{1,2}-?){2,12}?x", rb"(?:[0-9a]{1,2}(?=(?:[0-9]|-){1,3}x)){1,3}", rb"(?:((?:-?[0-9]{1,2}){0,3})a){1,2}x",
        ]
    ),
    st.text("0579- ax", max_size=24).map(str.encode),
)  # fmt: skip
def test_digits_in_groups(expression: bytes, text: bytes) -> None:
    for start in range(len(text) + 1):
        _alike(re.compile(expression), text, start, len(text))


def test_what_came_to_nothing_is_not_tried_again() -> None:
    """Else the ways in which this could be divided up would take for ever."""
    compiled = program(re.compile(rb"(?:[0-9]{1,9}[0-9]{1,9}[0-9]{1,9}){0,7}x"))
    assert compiled is not None
    assert finder.run(compiled, b"1" * 50, 0, 50, False) is None
    assert finder.run(compiled, b"1" * 50 + b"x", 0, 51, False) == (0, 51, -1, -1)
