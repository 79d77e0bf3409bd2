"""Replicas: merging is commutative and associative, a ledger of deltas idempotent too, four are as good as one."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.profiles.traffic import (
    KEY,
    START,
    args,
    check,
    cookies,
    form,
    learned_shop,
    learner,
    rules,
    seen,
    shop,
)
from waf.config.schema import Profiles
from waf.profiles import store
from waf.profiles.book import Book
from waf.profiles.constraints import Key as Constraint
from waf.profiles.constraints import Stage
from waf.profiles.evidence import mark, saturated
from waf.profiles.gathered import Gathered
from waf.profiles.learner import LENT, Learner
from waf.profiles.lineage import Share, TooMany
from waf.profiles.merge import Complaint, Delta, Fall, Ledger, copy, merged
from waf.profiles.model import State
from waf.profiles.observe import Observation

MEMORY = 10**7

OBSERVATIONS = st.builds(
    lambda path, name, value, source, hour: seen(
        path, [*args(**{name: value}), *form(b=value)], source=f"10.{source}.0.1", wall=START + hour * 3600
    ),
    st.sampled_from(["/", "/a", "/a/1", "/a/2", "/b/x", "/b/y", "/b/z/w", "/img/a.png"]),
    st.sampled_from(["q", "id", "x9"]),
    st.binary(max_size=12),
    st.integers(0, 30),
    st.integers(0, 50),
)


def state_of(observations: list[Observation]) -> State:
    state = State(MEMORY)
    for number, made in enumerate(observations):
        state.observe(made, mark(made.source, int(made.wall // 3600), number, trusted=number % 3 == 0), KEY)
    return state


def canonical(state: State, *, texts: bool = True) -> object:
    """What a state holds, whatever order it came in. `texts` are values that may be shown: no verdict knows them."""

    def node(n: object) -> object:
        return (
            n.n, n.seen, n.collapsed, None if n.values is None else parameter(n.values),  # type: ignore[attr-defined]
            sorted((m, endpoint(e)) for m, e in n.endpoints.items()),  # type: ignore[attr-defined]
            sorted((name, node(child)) for name, child in n.children.items()),  # type: ignore[attr-defined]
        )  # fmt: skip

    def endpoint(e: object) -> object:
        names = ("n", "seen", "first", "last", "lost", "types_in", "types_out", "statuses", "auth", "callers")
        parts = []
        for name in names:
            value = getattr(e, name)
            things = name in ("types_in", "types_out", "callers")
            items = (
                sorted((k, saturated(x) if things else x) for k, x in value.items())
                if isinstance(value, dict)
                else value
            )
            parts.append(repr(items))
        return parts, sorted((place, parameter(p)) for place, p in e.parameters().items())  # type: ignore[attr-defined]

    def parameter(p: object) -> object:
        sets = [sorted((t, saturated(e)) for t, e in things.items()) for things in p.sets()]  # type: ignore[attr-defined]
        return (
            p.n,
            p.requests,
            p.seen,
            sets,
            sorted(p.texts.items()) if texts else None,
            p.many_values,
            p.many_shapes,
            p.low,
            p.high,
        )  # type: ignore[attr-defined]

    return (
        node(state.root),
        endpoint(state.common),
        sorted((h, saturated(e)) for h, e in state.hosts.items()),
        state.activity,
    )


BATCH = st.lists(OBSERVATIONS, max_size=25)


@settings(max_examples=100, deadline=None)
@given(BATCH, BATCH)
def test_merging_is_commutative(one: list[Observation], other: list[Observation]) -> None:
    a, b = state_of(one), state_of(other)
    assert canonical(merged([a, b], MEMORY)) == canonical(merged([b, a], MEMORY))


@settings(max_examples=60, deadline=None)
@given(BATCH, BATCH, BATCH)
def test_merging_is_associative(
    one: list[Observation], two: list[Observation], three: list[Observation]
) -> None:
    a, b, c = state_of(one), state_of(two), state_of(three)
    left = merged([merged([a, b], MEMORY), c], MEMORY)
    right = merged([a, merged([b, c], MEMORY)], MEMORY)
    assert canonical(left) == canonical(right)


def test_merging_does_not_touch_what_is_merged() -> None:
    rng = random.Random(1)
    a, b = state_of([shop(rng) for _ in range(50)]), state_of([shop(rng) for _ in range(50)])
    before = canonical(a), canonical(b)
    merged([a, b], MEMORY)
    copy(a, MEMORY).merge(b)
    assert (canonical(a), canonical(b)) == before


def deltas(seed: int, count: int, replica: str) -> list[Delta]:
    rng = random.Random(seed)
    return [
        Delta(replica, epoch, store.dump(state_of([shop(rng) for _ in range(5)])))
        for epoch in range(1, count + 1)
    ]


ALL = [*deltas(1, 3, "a"), *deltas(2, 3, "b")]


def ledger(some: list[Delta]) -> Ledger:
    made = Ledger(MEMORY)
    for delta in some:
        made.add(delta)
    return made


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(ALL), max_size=10), st.lists(st.sampled_from(ALL), max_size=10))
def test_a_ledger_does_not_care_for_order_doubles_and_ways(one: list[Delta], other: list[Delta]) -> None:
    a, b = ledger(one), ledger(other)
    b.join(a)
    a.join(ledger(other))
    a.join(ledger(one))
    straight = ledger([*one, *other])
    assert canonical(a.whole()) == canonical(b.whole()) == canonical(straight.whole())
    assert [a.epoch(r) for r in "ab"] == [straight.epoch(r) for r in "ab"]


def test_what_is_missing_is_waited_for() -> None:
    for order in itertools.permutations(ALL[:3]):
        made = ledger(list(order))
        assert made.epoch("a") == 3
    late = ledger([ALL[0], ALL[2]])
    assert late.epoch("a") == 1
    assert not late.add(ALL[2])
    assert late.add(ALL[1])
    assert late.epoch("a") == 3


def test_a_delta_survives_the_wire_and_damage_is_refused() -> None:
    packed = ALL[0].pack()
    assert Delta.unpack(packed) == ALL[0]
    with pytest.raises(store.Damaged):
        Delta.unpack(packed[:-1])
    with pytest.raises(store.Damaged):
        Ledger(MEMORY).add(Delta("a", 1, b"nonsense"))
    with pytest.raises(store.Damaged):
        Delta.unpack(store.dump(State()))


def test_four_replicas_are_as_good_as_one() -> None:
    rng = random.Random(4)
    traffic = [shop(rng, source=f"10.{rng.randrange(80)}.0.1", wall=START + n * 60.0) for n in range(3_000)]
    one = learner()
    four = [Learner(one.config, KEY, replica=f"r{n}") for n in range(4)]
    for number, made in enumerate(traffic):
        one.observe(made, made.wall)
        four[number % 4].observe(made, made.wall)
    book = Ledger(MEMORY)
    for each in four:
        for delta in each.deltas():
            assert book.add(Delta.unpack(delta.pack()))
        for delta in each.deltas():
            assert not book.add(delta)
        assert each.deltas(acknowledged=1) == []
    whole = Learner(one.config, KEY)
    whole.adopt(book.whole())
    assert canonical(whole.state) == canonical(one.state)
    assert whole.compile(START + 10**6).version == one.compile(START + 10**6).version
    bad = args(q="red", page="x", sort="asc")
    assert (
        rules(check(whole.profile(), "/shop/search", bad))
        == rules(check(one.profile(), "/shop/search", bad))
        != []
    )


def claims(made: Learner) -> list[tuple[object, ...]]:
    """What a learner's profile says once traffic is held against it; the order says nothing."""
    said = learner(hours=1)
    said.load(made.dump())
    said.advance(START + 20_000)
    return sorted((str(c.key), c.allowed, c.stage.label) for c in said.book.constraints())


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_however_traffic_falls_to_replicas_their_whole_is_what_one_would_have_learned(
    data: st.DataObject,
) -> None:
    """Each replica compiles profiles of its own while it learns; nothing of these is in the whole."""
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    trusted = data.draw(st.booleans())
    traffic = [
        replace(
            shop(rng, source=f"10.{rng.randrange(80)}.0.1", trusted=trusted),
            wall=START + number * 11.0,
            fields=(),
        )
        if rng.random() < 0.05
        else shop(rng, source=f"10.{rng.randrange(80)}.0.1", wall=START + number * 11.0, trusted=trusted)
        for number in range(data.draw(st.integers(200, 900)))
    ]
    traffic = [replace(s, fields=[*s.fields, *cookies(sid=f"{s.source % 97:08x}z")]) for s in traffic]
    one, parts = [learner("discover", hours=1)], [learner("discover", hours=1) for _ in range(4)]
    for number, made in enumerate([*one, *parts]):
        made.lineage = f"replica{number}"
    for exchange in traffic:
        for made in (one[0], rng.choice(parts)):
            made.observe(exchange, exchange.wall)
            if rng.random() < 0.004:
                made.advance(exchange.wall, settled=rng.random() < 0.5)
    rng.shuffle(parts)
    whole = parts[0]
    for other in [*parts[1:], *parts]:  # itself and all others once more
        whole.merge(other)
    assert claims(whole) == claims(one[0])
    assert canonical(whole.state, texts=False) == canonical(one[0].state, texts=False)


def test_a_profile_that_is_only_discovered_is_what_the_evidence_says_and_staged_when_it_is_first_watched() -> (
    None
):
    made = learner("discover")
    rng = random.Random(2)
    for number in range(4_000):
        exchange = shop(rng, source=f"10.{rng.randrange(200)}.0.1", wall=START + number * 60)
        made.observe(exchange, exchange.wall)
    made.advance(START + 4_000 * 60)
    made.advance(START + 10 * 86_400)
    assert {e.constraint.stage for e in made.book.entries.values()} == {Stage.STAGE}  # nothing could complain
    watched = learner("monitor")
    watched.load(made.dump())
    watched.advance(START + 10 * 86_400 + 60)
    assert {e.constraint.stage for e in watched.book.entries.values()} == {Stage.STAGE}


def test_what_a_person_accepted_stays_while_a_workload_is_discovered() -> None:
    made = learned_shop(mode="discover")
    made.advance(START + 10_000)
    assert made.book.accept("GET /shop/search arg.sort enum", START)
    accepted = Constraint("/shop/search", "GET", "arg.sort", "enum")
    before = made.book.entries[accepted].constraint
    for number in range(300):
        made.observe(
            seen("/shop/search", args(sort="any"), trusted=True, wall=START + 20_000 + number), START
        )
    made.advance(START + 30_000)
    entry = made.book.entries[accepted]
    assert entry.constraint == before
    assert len(entry.wanted) == len(before.allowed) + 1


def test_the_name_of_a_secret_is_heeded_whatever_its_first_value_was() -> None:
    made = learner("discover")
    for number, masked in enumerate([frozenset({"form.password"}), frozenset[str](), frozenset[str]()]):
        fields = form(password="hunter2", go="yes")
        made.observe(
            seen("/login", fields, method="POST", source=f"10.{number}.0.1", masked=masked, wall=START), START
        )
    values = made.state.root.children["login"].endpoints["POST"].parameters()
    assert [p.texts for (_, name), p in values.items() if name == "password"] == [{}]


def test_learning_goes_on_while_deltas_wait_to_be_fetched() -> None:
    made = Learner(learner().config, KEY, replica="r")
    made.observe(seen("/a"), START)
    first = made.deltas()
    made.observe(seen("/b"), START)
    assert [d.epoch for d in made.deltas()] == [1, 2]
    assert made.deltas()[0] == first[0]
    made.adopt(State())
    assert [d.epoch for d in made.deltas(2)] == []


# ------------------------------------------------------------------------------------------ what else is told


def protected() -> tuple[Learner, Constraint]:
    """A learner whose book protects the type of an argument."""
    made = learned_shop(1_500)
    made.advance(START)
    key = next(key for key, entry in made.book.entries.items() if key.aspect == "type")
    made.book.promote(f"{key.method} {key.template} {key.address} {key.aspect}", Stage.PROTECT, START)
    return made, key


def test_complaints_of_replicas_are_counted_and_their_sources_known() -> None:
    made, key = protected()
    delta = Delta("a", 1, store.dump(State()), (Complaint(str(key), 3, f"{1 << 70:x}"),), (), 5)
    for packed in (delta.pack(), replace(delta, epoch=2).pack()):
        made.take(Delta.unpack(packed), START)
    assert made.book.entries[key].violations == 6
    assert made.book.entries[key].violators == 1 << 70
    assert made.would_block == 10


@pytest.mark.parametrize("kind", ["breaker", "drift"])
def test_what_one_replica_takes_back_all_take_back(kind: str) -> None:
    made, key = protected()
    fall = Fall(kind, str(key) if kind == "breaker" else key.template)
    made.take(Delta("a", 1, store.dump(State()), (), (fall,)), START)
    assert made.book.entries[key].constraint.stage is Stage.STAGE
    assert [alert.kind for alert in made.alerts] == [kind]
    made.take(Delta("b", 1, store.dump(State()), (), (fall,)), START)
    assert len(made.alerts) == 1, "taken back already"


@pytest.mark.parametrize(
    "bad",
    [
        {"complaints": (Complaint("x", 1, "0"),)},
        {"complaints": (Complaint("GET /a type", 1, "not hexadecimal"),)},
        {"falls": (Fall("held", "GET /a type"),)},
        {"falls": (Fall("breaker", "x"),)},
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_taken(bad: dict[str, Any]) -> None:
    made, _ = protected()
    before = made.dump()
    state = store.dump(state_of([shop(random.Random(1))]))
    with pytest.raises(store.Damaged):
        made.take(Delta("a", 1, state, **bad), START)
    assert made.dump() == before


def test_numbers_beyond_reason_are_no_delta() -> None:
    for bad in (
        Delta("a", 1, b"", would_block=10**12),
        Delta("a", 1, b"", (Complaint("GET /a type", -1, "0"),)),
        Delta("a", 0, b""),
    ):
        with pytest.raises(store.Damaged):
            Delta.unpack(bad.pack())


def test_a_replica_tells_who_goes_against_what_and_what_its_breaker_took_back() -> None:
    whole, key = protected()
    made = Learner(whole.config, KEY, replica="r")
    made.follow(Book.load(whole.book.dump()))
    assert made.advance(START) == [], "promotion is the fleet's"
    for number in range(60):
        bad = replace(
            shop(random.Random(number), source=f"10.0.{number}.1", wall=START),
            endpoint=key.template, violations=(str(key),),
        )  # fmt: skip
        made.observe(bad, START)
    (delta,) = made.deltas()
    assert delta.complaints[0].constraint == str(key)
    assert delta.complaints[0].times >= 5
    assert {fall.kind for fall in delta.falls} >= {"breaker"}
    assert made.book.entries[key].constraint.stage is Stage.STAGE, "here at once"
    whole.take(Delta.unpack(delta.pack()), START)
    assert whole.book.entries[key].constraint.stage is Stage.STAGE, "and for all with the delta"
    assert made.deltas(acknowledged=1) == []


def test_a_learner_goes_on_where_its_predecessor_stopped() -> None:
    before = Learner(learner().config, KEY, replica="r")
    before.observe(seen("/a"), START)
    before.deltas()
    before.observe(seen("/b"), START)
    before.would_block = 2
    after = Learner(replace(before.config, mode="protect"), KEY, replica="r")
    after.succeed(before)
    assert [(d.epoch, d.would_block) for d in after.deltas()] == [(1, 0), (2, 2)]
    assert canonical(after.state) == canonical(before.state)


# ------------------------------------------------------------------------------------------------ lineages


def named(name: str, observations: list[Observation]) -> Learner:
    made = learner()
    made.lineage = name
    teach(made, observations)
    return made


def teach(made: Learner, observations: list[Observation]) -> None:
    for observation in observations:
        made.observe(observation, observation.wall)


def parts(made: Learner) -> object:
    """What a learner knows, and of whom, but for evidence that only was repeated."""
    return canonical(made.state), {name: share.epoch for name, share in made.shares.items()}


JOINS = st.lists(
    st.one_of(
        st.tuples(st.just("join"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("learn"), st.integers(0, 2), OBSERVATIONS),
    ),
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(JOINS)
def test_replicas_that_take_one_another_again_and_again_know_the_sum(
    steps: list[tuple[str, int, Any]],
) -> None:
    replicas = [named(str(number), []) for number in range(3)]
    alone = [learner() for _ in range(3)]
    for what, one, other in steps:
        if what == "learn":
            teach(replicas[one], [other])
            teach(alone[one], [other])
        elif one != other:
            replicas[one].merge(replicas[other])
            before = parts(replicas[one])
            assert not replicas[one].merge(replicas[other])
            assert parts(replicas[one]) == before
    for _ in range(2):
        for one, other in itertools.permutations(range(3), 2):
            replicas[one].merge(replicas[other])
    whole = merged([each.state for each in alone], MEMORY)
    for state in (whole, *(each.state for each in replicas)):
        for _, node in state.root.walk():
            for endpoint in node.endpoints.values():
                for parameter in endpoint.open().values():
                    parameter.texts.clear()  # kept by whoever met a value twice, which depends on who met it
    for each in replicas:
        assert canonical(each.state) == canonical(whole)


def test_what_was_merged_is_known_after_a_restart() -> None:
    rng = random.Random(3)
    one, two = (named(name, [shop(rng, trusted=True) for _ in range(60)]) for name in ("one", "two"))
    assert one.merge(two)
    again = learner()
    again.load(one.dump())
    assert not again.merge(two)
    teach(two, [shop(rng, trusted=True)])
    assert again.merge(two)
    assert again.state.common.n == 121


def test_there_is_a_limit_to_what_is_remembered_of_others() -> None:
    rng = random.Random(3)
    one, two = learner(memory=10**6), named("two", [shop(rng, trusted=True)])
    one.lineage, one.shares = "one", {"three": Share(1.0, 0, bytes(10**6))}
    with pytest.raises(TooMany, match=r"profiles\.memory"):
        one.merge(two)
    assert one.state.common.n == 0
    assert list(one.shares) == ["three"]


def asked_for(made: Learner, gathered: Gathered, now: float, reach: str) -> None:
    handed = made.hand_out(gathered.mark(made.lineage), "life", now)
    gathered.take(handed, "key", now, reach)


def test_a_store_promotes_nothing_on_the_silence_of_those_who_only_discover() -> None:
    config = Profiles(epsilon=0.2)
    made, gathered = learner("discover", epsilon=0.2), Gathered(config)
    made.lineage = "one"
    day, number, now = 86_400.0, 0, START

    def a_day(reach: str) -> int:
        nonlocal number, now
        for turn in range(1_200):
            wall = now + turn * day / 1_200
            made.observe(seen(("/cart", "/items")[turn % 2], source=f"10.{number % 40}.0.1", wall=wall), wall)
            number += 1
        now += day
        asked_for(made, gathered, now, reach)
        book = Book.load(gathered.compile(now)[0])
        return sum(entry.constraint.stage is Stage.PROTECT for entry in book.entries.values())

    assert [a_day("discover") for _ in range(4)] == [0] * 4
    assert gathered.learner.book.entries
    assert a_day("monitor") == 0
    again = Gathered(config)
    again.load(gathered.dump())
    gathered = again
    assert a_day("monitor") > 0
    assert a_day("") > 0, "who tells nothing changes nothing"
    assert a_day("discover") == 0


def test_learning_twice_ends_when_the_store_stays_away() -> None:
    made, gathered = learner("discover"), Gathered(Profiles())
    made.lineage = "one"

    def lessons(count: int) -> None:
        for _ in range(count):
            made.observe(seen("/cart"), START)

    lessons(3)
    asked_for(made, gathered, START, "")
    lessons(2)
    made.passed(0, 0, {}, START + LENT)
    assert made.hand_out(gathered.mark("one"), "other", START).whole is False
    made.passed(0, 0, {}, START + LENT + 1)
    lessons(4)
    handed = made.hand_out(gathered.mark("one"), "other", START + LENT + 1)
    assert handed.whole, "the mark of then is not known any more"
    gathered.take(handed, "key", START)
    gathered.compile(START)
    assert gathered.learner.state.requests == 9
