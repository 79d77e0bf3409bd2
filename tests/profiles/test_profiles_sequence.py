"""What comes before what: summaries that merge, trails of sources, and who strays."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.profiles.traffic import KEY, START, learner, seen
from waf import edits
from waf.profiles import store
from waf.profiles.constraints import Stage
from waf.profiles.evidence import mark
from waf.profiles.learner import Learner
from waf.profiles.lineage import lessen
from waf.profiles.merge import copy
from waf.profiles.model import State
from waf.profiles.sequence import MAX_SOURCES, SESSION, SETTLED, STRAYS, TOP, Before, Step, Strays, Trails
from waf.profiles.sequence import START as FIRST

MEMORY = 10**7
PLACES = st.lists(st.sampled_from("abcdefghijklm"), max_size=120)


def summary(places: list[str]) -> Before:
    made = Before()
    for place in places:
        made.add(place)
    return made


def merge(*parts: Before) -> Before:
    whole = Before()
    for part in parts:
        whole.merge(part)
    return whole


def plain(before: Before) -> tuple[float, dict[str, float]]:
    return before.total, before.counts


@given(st.lists(PLACES, min_size=1, max_size=4))
def test_counts_are_bounded_and_hardly_too_low_however_they_were_merged(parts: list[list[str]]) -> None:
    truth = Counter(place for part in parts for place in part)
    n = truth.total()
    for made in (summary([p for part in parts for p in part]), merge(*map(summary, parts))):
        assert len(made.counts) <= TOP
        assert made.total == n
        for place, count in truth.items():
            assert count - n / (TOP + 1) <= made.counts.get(place, 0.0) <= count


@given(PLACES, PLACES)
def test_merging_commutes_and_is_exact_where_there_are_few(one: list[str], other: list[str]) -> None:
    assert plain(merge(summary(one), summary(other))) == plain(merge(summary(other), summary(one)))
    few = [place for place in (*one, *other) if place < "i"]
    assert merge(summary(few)).counts == dict(Counter(few))
    assert plain(Before.unpack(summary(one).pack())) == plain(summary(one))


@pytest.mark.parametrize(
    "bad", [[], [1.0], [1.0, 5], ["x", []], [1.0, [["a"]]], [1.0, [["a", "x"]]], [9.0, [["a", 1.0]] * 9]]
)
def test_what_never_was_a_summary_is_none(bad: list[object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Before.unpack(bad)


def test_a_trail_is_of_one_source_and_one_session() -> None:
    trails = Trails()

    def step(path: str, source: str = "10.0.0.1", wall: float = START, **more: object) -> str:
        made = trails.step(seen(path, source=source, wall=wall, **more), "GET")  # type: ignore[arg-type]
        return made.before if made else ""

    assert step("/cart") == FIRST
    assert step("/login", source="10.0.1.1") == FIRST
    assert step("/items/17") == "GET /cart"
    assert step("/items/18", endpoint="/items/{str}") == "GET /items/{int}"
    assert step("/cart", endpoint="/**") == "GET /items/{str}"
    for untold in ("/secret-1", "/" + "x" * 500):
        assert step(untold, masked=frozenset({"segment"})) == "", "what cannot be told is not counted"
        assert step("/cart") == ""
    assert step("/cart", wall=START + SESSION) == FIRST
    for number in range(MAX_SOURCES + 1):
        trails.step(seen("/a", source=f"{number >> 8}.{number & 255}.0.1"), "GET")
    assert step("/cart", wall=START + SESSION) == FIRST, "the oldest trails are forgotten"


def test_unusual_is_only_what_a_settled_summary_does_not_have() -> None:
    settled = summary(["a"] * int(SETTLED))
    assert settled.unusual("z")
    assert not settled.unusual("a")
    assert not summary(["a"] * (int(SETTLED) - 1)).unusual("z")
    rng = random.Random(1)
    assert not summary([str(rng.randrange(40)) for _ in range(2_000)]).unusual("z"), (
        "they come from everywhere"
    )


def test_a_step_that_is_taken_again_and_again_is_one_witness() -> None:
    trails = Trails()
    steps = [trails.step(seen(path, wall=START), "GET") for path in ("/a", "/b") * 4]
    assert [step.first for step in steps if step] == [True, True, True, *[False] * 5]
    later = trails.step(seen("/a", wall=START + 3_600), "GET")
    assert later is not None
    assert later.first


def walk(made: Learner, rounds: int, pages: tuple[str, ...], network: int = 0, start: float = START) -> None:
    """So many sources (of one network) go this way, one an hour."""
    for number in range(rounds):
        for page in pages:
            wall = start + number * 3_600
            made.observe(seen(page, source=f"10.{network}.{number % 50}.1", wall=wall), wall)


def test_who_strays_is_told_once_and_never_refused() -> None:
    made = learner("protect", sources=3, hours=1, epsilon=0.02)
    walk(made, 600, ("/cart", "/checkout"))
    later = START + 600 * 3_600
    walk(made, 1, ("/items", "/checkout"), network=7, start=later)
    assert not [alert for alert in made.alerts if alert.kind == "sequence"], "one deep link is nothing"
    one = [seen(page, source="10.9.9.1", wall=2 * later - START) for page in ("/items", "/checkout")]
    for turn in one * (STRAYS + 5):
        made.observe(turn, turn.wall)
    alerts = [alert for alert in made.alerts if alert.kind == "sequence"]
    assert [alert.subject for alert in alerts] == ["GET /checkout"]
    made.advance(START)
    made.book.promote("* *", Stage.PROTECT, START)
    assert not [key for key in made.book.entries if "before" in str(key)], "it is no constraint"


def test_strays_are_counted_by_the_hour_and_bounded() -> None:
    strays = Strays()
    assert [strays.tells(1, START) for _ in range(2 * STRAYS)].count(True) == 1
    assert [strays.tells(1, START + 3_600) for _ in range(2 * STRAYS)].count(True) == 1
    for source in range(2 * MAX_SOURCES):
        strays.tells(source, START)
    assert not any(strays.tells(2 * MAX_SOURCES, START) for _ in range(STRAYS))


def state_of(pages: list[tuple[str, str]]) -> State:
    state = State(MEMORY)
    for page, before in pages:
        state.observe(seen(page), mark(1, 1, 0, trusted=False), KEY, Step(before, True) if before else None)
    return state


def befores(state: State) -> dict[str, dict[str, float]]:
    return {template: e.before.counts for template, n in state.root.walk() for e in n.endpoints.values()}


def test_a_state_keeps_merges_lessens_and_ages_them() -> None:
    state = state_of([("/cart", "GET /items"), ("/cart", "GET /items"), ("/items", FIRST)])
    assert befores(store.load(store.dump(state), MEMORY)) == befores(state)
    twice = copy(state, MEMORY)
    twice.merge(state)
    assert befores(twice) == {"/cart": {"GET /items": 4.0}, "/items": {FIRST: 2.0}}
    lessen(twice, state)
    assert befores(twice) == befores(state)
    twice.age(START)
    assert befores(twice) == {"/cart": {"GET /items": 1.0}, "/items": {FIRST: 0.5}}
    assert befores(store.load(store.dump(state_of([("/a", "")])), MEMORY)) == {"/a": {}}


def test_people_see_where_callers_come_from() -> None:
    made = learner("discover")
    walk(made, 40, ("/items", "/cart"))
    for number in range(60):  # these become one place
        walk(made, 1, (f"/blog/post-{'abcdefghij'[number % 10]}{number // 10}x", "/cart"), network=number)
    status = edits.status(made, "shop", bytes.decode)
    row = next(row for row in status["places"] if row["template"] == "/cart")
    assert next(iter(row["before"])) == "GET /items"
    assert set(row["before"]) <= {"GET /items", "GET /blog/{str}"}
    evidence = yaml.safe_load(edits.view(made, "shop", "evidence", lambda data: data.decode()))
    assert max(evidence["GET /cart before"], key=evidence["GET /cart before"].get) == "GET /items"
