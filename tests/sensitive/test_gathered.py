"""What is found in lines is gathered in C as in Python."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sensitive.messages import CARD, FINDER, SSN, detector, request
from waf.config.schema import Limits
from waf.inspect.reading import read
from waf.model import Field, Part
from waf.sensitive import gathered as room
from waf.sensitive import speed
from waf.sensitive.beside import settled_by
from waf.sensitive.gathered import Gathered, gathered
from waf.sensitive.lines import Lines

in_c = pytest.mark.skipif(
    speed.judge_type() is None, reason="waf._finder was not built, or is not to be used"
)
VALUES = [
    CARD, "4539 1488 0343 6467", "4111111111111111", SSN, "536228145", "mary@example.com", "+49 30 1234567", "DE89370400440532013000",
    "123", "12/27", "plain", "", "Mary O'Neill", f"card {CARD}, again {CARD}", f"{CARD} mary@example.com ann@example.org", "=", "\n",
]  # fmt: skip
NAMES = ["a", "card", "cvv", "ssn", "email", "note", "order", "x" * 70, "phone", ""]


def parts_of(document: Any) -> tuple[Any, list[Field]]:
    """What C tells of a document where it was built, and its fields."""
    body = json.dumps(document).encode()
    asked = request((b"Content-Type", b"application/json"), method=b"POST", length=len(body))
    told = read(asked, body, Limits(), detector().mask).body_lines()
    return told, [*read(asked, body, Limits(), detector().mask).body_fields()]


def lines_of(document: Any) -> tuple[Lines, Lines]:
    """A document's fields in lines, as told by C where it was built, and by the fields."""
    told, fields = parts_of(document)
    return Lines([], told) if told is not None else Lines(fields), Lines(fields)


def shown(found: Any, lines: Lines) -> list[Any]:
    return [
        (number, lines.address(number), entity.id, acts, test, count, values)
        for number, entity, acts, test, count, values in found
    ]


def reference(lines: Lines) -> list[Gathered]:
    return room._gathered(settled_by(FINDER.find(lines.text)), lines)


_DOCUMENTS = st.recursive(
    st.sampled_from(VALUES) | st.integers(0, 10**17),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@in_c
@given(st.lists(_DOCUMENTS, min_size=1, max_size=3))
@settings(max_examples=400)
def test_c_gathers_as_python_does(document: Any) -> None:
    told, made = lines_of(document)
    assert shown(gathered(FINDER, told, FINDER.candidates(told.text)), told) == shown(reference(told), told)
    assert shown(gathered(FINDER, made, FINDER.candidates(made.text)), made) == shown(reference(made), made)
    assert shown(gathered(FINDER, told, FINDER.candidates(told.text)), told) == shown(
        gathered(FINDER, made, FINDER.candidates(made.text)), made
    )


@given(st.lists(_DOCUMENTS, min_size=1, max_size=2), st.lists(st.sampled_from(VALUES), max_size=3))
def test_a_head_before_a_body(document: Any, values: list[str]) -> None:
    head = [Field(Part.ARG, "card", value.encode()) for value in values]
    told, fields = parts_of(document)
    whole = Lines([*head, *fields])
    expected = shown(reference(whole), whole)
    assert shown(gathered(FINDER, whole, FINDER.candidates(whole.text)), whole) == expected
    if told is not None:
        mixed = Lines(head, told)
        assert shown(gathered(FINDER, mixed, FINDER.candidates(mixed.text)), mixed) == expected


def test_one_thing_is_told_of_many_fields_of_one_name() -> None:
    told, _ = lines_of([{"card": CARD}, {"card": "4111111111111111"}, {"card": CARD}, {"other": CARD}])
    found = [
        (one[1], one[2], one[4], one[5], one[6])
        for one in shown(gathered(FINDER, told, FINDER.candidates(told.text)), told)
    ]
    assert found == [
        ("json.[].card", "pan", False, 2, {CARD.encode()}),
        ("json.[].card", "pan", True, 1, {b"4111111111111111"}),
        ("json.[].other", "pan", False, 1, {CARD.encode()}),
    ]


@in_c
@pytest.mark.parametrize(
    "wrong", [(b"x", []), ("x", [], b""), (b"x", (), b""), (b"x", [], b"123"), (b"x", [-1], b"")]
)
def test_c_names_what_it_takes(wrong: tuple[Any, ...]) -> None:
    assert FINDER.judge is not None
    with pytest.raises((TypeError, ValueError)):
        FINDER.judge.gather(*wrong)
