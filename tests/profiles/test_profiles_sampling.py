"""Which exchanges are learned: repeats, mature endpoints, the budget; and that leaving out is without loss."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.profiles.traffic import KEY
from waf.model import Kind
from waf.profiles import values
from waf.profiles.evidence import mark
from waf.profiles.observe import HOUR
from waf.profiles.parameter import Parameter, value_hash
from waf.profiles.sampling import MAX_REPEATS, SAMPLE, USUAL, Budget, Pace, Repeats

HALF_PAST = 1_000_000 * HOUR + 1800.0


def test_repeats_are_counted_within_an_hour() -> None:
    repeats = Repeats()
    assert [repeats.count(7, HALF_PAST + n) for n in range(4)] == [1, 2, 3, 4]
    assert repeats.count(8, HALF_PAST) == 1
    assert repeats.count(7, HALF_PAST + HOUR) == 1


def test_many_different_requests_fill_no_memory_and_the_latest_are_remembered() -> None:
    repeats = Repeats()
    for what in range(3 * MAX_REPEATS):
        repeats.count(what, HALF_PAST)
    assert repeats.count(3 * MAX_REPEATS - 1, HALF_PAST) == 2
    assert repeats.count(0, HALF_PAST) == 1
    assert len(repeats._young) + len(repeats._old) <= MAX_REPEATS


def test_an_endpoint_is_learned_whole_until_it_is_mature() -> None:
    pace = Pace()
    for _ in range(50):
        assert pace.wants(50)
        assert pace.take() == 1.0
    rng = random.Random(1)
    learned = sum(pace.wants(50, rng.randrange) for _ in range(SAMPLE * 2_000))
    assert learned == pytest.approx(2_000, rel=0.1)


@given(st.integers(0, 2**32), st.integers(0, 3_000))
def test_weights_add_up_to_the_requests(seed: int, requests: int) -> None:
    rng = random.Random(seed)
    pace, total = Pace(1_000), 0.0
    for _ in range(requests):
        if pace.wants(100, rng.randrange):
            total += pace.take()
        else:
            pace.passed += 1
    assert total + pace.passed == requests


@given(st.lists(st.floats(0, 30), max_size=200))
def test_a_budget_is_never_overdrawn(pauses: list[float]) -> None:
    budget, now, spent = Budget(rate=5.0, burst=20.0), HALF_PAST, 0
    began = now
    for pause in pauses:
        now += pause
        spent += budget.spend(now)
        assert spent <= 20 + 5 * (now - began) + 1e-6


def test_a_spent_budget_fills_again() -> None:
    budget = Budget(rate=10.0, burst=3.0)
    assert [budget.spend(HALF_PAST) for _ in range(4)] == [True, True, True, False]
    assert budget.spend(HALF_PAST + 0.15)
    assert not budget.spend(HALF_PAST + 0.15)


def test_a_budget_may_begin_with_less_than_its_burst() -> None:
    budget = Budget(rate=10.0, burst=100.0, first=2.0)
    assert budget.short
    assert [budget.spend(HALF_PAST) for _ in range(3)] == [True, True, False]
    assert budget.has(HALF_PAST + 60.0)
    assert not budget.short


def test_dear_lessons_are_paid_by_those_to_come() -> None:
    budget = Budget(rate=100.0, burst=50.0)
    assert budget.spend(HALF_PAST)
    budget.charge(1, 100 * USUAL)
    assert not budget.spend(HALF_PAST + 0.5)
    assert budget.spend(HALF_PAST + 2.0)
    budget.charge(10, 5 * USUAL)  # cheap ones earn nothing
    assert [budget.spend(HALF_PAST + 2.0) for _ in range(200)].count(True) <= 50


def test_a_bucket_is_short_of_tokens_below_half_and_owes_one_burst_at_most() -> None:
    budget = Budget(rate=10.0, burst=4.0)
    shortness = []
    for _ in range(4):
        assert budget.spend(HALF_PAST)
        shortness.append(budget.short)
    assert shortness == [False, False, True, True]
    budget.charge(1, 1_000 * USUAL)
    assert not budget.has(HALF_PAST + 0.45)  # four owed, and half a second's five are not there yet
    assert budget.has(HALF_PAST + 1.6)


VALUES = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from([b"", b"7", b"on", b"a b", "é".encode(), b"2024-01-02"]), st.binary(max_size=60)
        ),
        st.sampled_from([Kind.STRING, Kind.NUMBER]),
        st.integers(0, 5),
        st.integers(0, 2),
    ),
    max_size=80,
)


@given(VALUES)
def test_what_was_seen_already_is_left_out_without_loss(seen: list[tuple[bytes, Kind, int, int]]) -> None:
    """The quick way of `observe` against all of it spelt out."""
    quick = Parameter()
    types: dict[int, int] = {}
    chars: dict[int, int] = {}
    lengths: dict[int, int] = {}
    shapes: dict[bytes, int] = {}
    digests: dict[int, int] = {}
    for value, kind, source, hour in seen:
        bits = mark(source, hour, 1, trusted=False)
        quick.observe(value, kind, bits, KEY, True)
        tag = values.tag_of(kind, values.type_of(value))
        for things, thing in (
            (types, tag),
            (lengths, values.length_bucket(len(value))),
            (shapes, values.shape_of(value)),
            (digests, value_hash(value, KEY)),
            *((chars, code) for code in values.codes_of(value)),
        ):
            things[thing] = things.get(thing, 0) | bits  # type: ignore[index, attr-defined]
    assert quick.n == len(seen)
    assert (quick.types, quick.chars, quick.lengths) == (types, chars, lengths)
    if not quick.many_shapes:
        assert quick.shapes == shapes
    if not quick.many_values:
        assert quick.values == digests
