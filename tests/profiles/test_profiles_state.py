"""What is remembered: evidence, the tree and its caps, packing, ageing, the dump."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.profiles.traffic import KEY, SOURCES, START, args, form, json, learned_shop, learner, seen, shop
from waf.model import Part
from waf.profiles import store
from waf.profiles.endpoint import MAX_PARAMETERS, general_name
from waf.profiles.evidence import FRESH, Floors, estimate, hours, mark, saturated, sources, tally
from waf.profiles.model import MAX_LITERALS, State
from waf.profiles.observe import accepted
from waf.profiles.parameter import MAX_VALUES, Parameter

EVIDENCE = st.lists(st.integers(0, 2**64 - 1), max_size=60).map(
    lambda hashes: sum_marks([mark(h, h % 100, h, trusted=False) for h in hashes])
)


def sum_marks(marks: list[int]) -> int:
    total = 0
    for each in marks:
        total |= each
    return total


def bits(source: int, hour: int = 0, request: int = 0, *, trusted: bool = False) -> int:
    return mark(source, hour, request, trusted=trusted)


# ------------------------------------------------------------------------------------------------- evidence


def test_evidence_counts_sources_and_hours_not_requests() -> None:
    evidence = sum_marks([bits(7, 1, n) for n in range(100)])
    assert (sources(evidence), hours(evidence)) == (1, 1)
    evidence |= bits(8, 2)
    assert (sources(evidence), hours(evidence)) == (2, 2)


def test_the_estimate_is_near_the_truth_until_the_bitmap_is_full() -> None:
    rng = random.Random(4)
    for true in (1, 3, 20, 60):
        evidence = sum_marks([bits(rng.getrandbits(64)) for _ in range(true)])
        assert true * 0.6 <= estimate(evidence) <= true * 1.5
    assert estimate(sum_marks([bits(n) for n in range(64)])) == float("inf")


@given(EVIDENCE, EVIDENCE)
def test_saturating_commutes_with_merging(one: int, other: int) -> None:
    assert saturated(saturated(one) | saturated(other)) == saturated(one | other)


FLOORS = [
    # sources, hours, trusted requests of a thing; known with three sources?
    (1, 1, 0, False),
    (2, 5, 0, False),
    (3, 1, 0, True),
    (0, 0, 1, True),
]


@pytest.mark.parametrize(("from_sources", "in_hours", "trusted", "known"), FLOORS)
def test_floors(from_sources: int, in_hours: int, trusted: int, known: bool) -> None:
    evidence = sum_marks([bits(s, h) for s in range(from_sources) for h in range(in_hours)])
    evidence |= sum_marks([bits(0, 0, n, trusted=True) for n in range(trusted)])
    assert Floors(sources=3).known(evidence) is known


def test_hours_can_be_demanded_too() -> None:
    one_hour = sum_marks([bits(s, 5) for s in range(9)])
    assert not Floors(sources=3, hours=2).known(one_hour)
    assert Floors(sources=3, hours=2).known(one_hour | bits(1, 6))


def test_ignored_sources_are_nobody() -> None:
    evidence = bits(1) | bits(2) | bits(3)
    ignored = bits(3) & ~FRESH & ~bits(1)
    assert not Floors(sources=3, ignored=ignored).known(evidence)
    assert tally([bits(3)], Floors(sources=3, ignored=ignored)).doubtful == 0


def test_doubt_is_the_mass_below_the_floor() -> None:
    three, two, one = bits(1) | bits(2) | bits(3), bits(1) | bits(2), bits(1)
    crowd = sum_marks([bits(n) for n in range(10)])
    result = tally([three, two, one, crowd], Floors(sources=3))
    assert (result.known, result.doubtful) == (2, 3 + 2 + 1)


# ------------------------------------------------------------------------------------------------- the tree


def observe(state: State, path: str, number: int = 0, **more: object) -> bool:
    made = seen(path, **more)  # type: ignore[arg-type]
    return state.observe(made, bits(made.source, 0, number, trusted=True), KEY)


def templates(state: State) -> list[str]:
    return [template for template, node in state.root.walk() if node.endpoints]


def test_paths_become_templates() -> None:
    state = State()
    for path in ("/", "/users/1", "/users/2", "/users/me", "/img/a.png", "/img/b.png", "/docs/"):
        assert observe(state, path)
    assert templates(state) == ["/", "/docs/", "/img/{file}", "/users/me", "/users/{int}"]


def test_too_many_literals_become_one_slot_with_all_that_was_below() -> None:
    state = State()
    for number in range(MAX_LITERALS + 10):
        observe(state, f"/blog/post-{'x' * (number % 7)}{number}-about/comments", number)
    assert templates(state) == ["/blog/{str}/comments"]
    blog = state.root.children["blog"]
    assert blog.children["{str}"].n == MAX_LITERALS + 10
    assert blog.values is not None
    assert blog.values.n == MAX_LITERALS + 10


@pytest.mark.parametrize("path", ["*", "/a/../b", "/a%2Fb"])
def test_what_is_no_place_is_not_learned(path: str) -> None:
    state = State()
    assert not observe(state, path)
    assert templates(state) == []


def test_deep_paths_are_cut() -> None:
    state = State()
    observe(state, "/" + "/".join("abcdefghijklmnopqrstuvwxyz"))
    assert templates(state)[0].count("/") == 16


def test_parameters_beyond_the_cap_are_noted_not_kept() -> None:
    state = State()
    observe(state, "/p", fields=args(**{f"n{chr(97 + n // 26)}{chr(97 + n % 26)}": "1" for n in range(200)}))
    endpoint = state.root.children["p"].endpoints["GET"]
    assert len(endpoint.parameters()) == MAX_PARAMETERS
    assert endpoint.lost


def test_keys_that_are_ids_are_one_name() -> None:
    assert general_name("users.4711.name") == "users.{}.name"
    assert general_name("m.550e8400-e29b-41d4-a716-446655440000") == "m.{}"
    assert general_name("items[].v2") == "items[].v2"
    assert general_name("address1") == "address1"


def test_headers_of_browsers_and_tracking_parameters_are_not_learned() -> None:
    state = State()
    headers = [("user-agent", "x"), ("accept", "y"), ("sec-fetch-mode", "z"), ("x-tenant", "acme")]
    from waf.model import Field

    fields = [Field(Part.HEADER, name, value.encode()) for name, value in headers]
    observe(state, "/p", fields=[*fields, *args(utm_source="mail", gclid="1", q="1")])
    assert [name for _, name in state.common.parameters()] == ["x-tenant"]
    assert [name for _, name in state.root.children["p"].endpoints["GET"].parameters()] == ["q"]


SENT = [
    ({}, True),
    ({"status": 101}, True),  # a WebSocket
    ({"status": 404}, False),
    ({"status": 500}, False),
    ({"status": 302}, True),
    ({"flagged": True}, False),
    ({"blocked": True}, False),
]


@pytest.mark.parametrize(("more", "expected"), SENT)
def test_only_what_the_app_took_gladly_is_learned(more: dict[str, object], expected: bool) -> None:
    assert accepted(seen("/p", **more)) is expected  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ parameters


def learn(values: list[bytes], *, clear: bool = True) -> Parameter:
    parameter = Parameter()
    for number, value in enumerate(values):
        parameter.observe(value, 0, bits(number, number, number), KEY, clear)  # type: ignore[arg-type]
    return parameter


def test_values_are_kept_in_clear_only_once_two_have_sent_them() -> None:
    assert learn([b"secret"]).texts == {}
    assert list(learn([b"en", b"en"]).texts.values()) == [b"en"]
    assert learn([b"en", b"en"], clear=False).texts == {}
    assert learn([b"x" * 40] * 3).texts == {}


def test_many_values_are_no_list_and_are_forgotten() -> None:
    parameter = learn([b"v%d" % n for n in range(MAX_VALUES + 1)])
    assert parameter.many_values
    assert parameter.values == {}


@pytest.mark.parametrize("name", ["password", "user_token", "csrf", "cardNumber", "PIN"])
def test_values_of_secret_names_are_never_kept_in_clear(name: str) -> None:
    state = State()
    for number in range(4):
        observe(state, "/p", number, fields=form(**{name: "same"}), source=f"10.0.{number}.1", method="POST")
    (parameter,) = state.root.children["p"].endpoints["POST"].parameters().values()
    assert parameter.texts == {}
    assert len(parameter.values) == 1


def test_values_of_masked_fields_are_never_kept_in_clear() -> None:
    state = State()
    for number in range(4):
        observe(state, "/p", number, fields=args(iq="same"), masked=frozenset({"arg.iq"}))
    (parameter,) = state.root.children["p"].endpoints["GET"].parameters().values()
    assert parameter.texts == {}


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=30), max_size=70))
def test_packing_a_parameter_loses_nothing(values: list[bytes]) -> None:
    parameter = learn(values)
    again = Parameter.unpack(parameter.pack())
    for name in Parameter.__slots__:
        assert getattr(again, name) == getattr(parameter, name)


def test_ageing_forgets_what_is_not_seen_again() -> None:
    made = learner()
    rng = random.Random(1)
    for number in range(300):
        made.observe(shop(rng, trusted=True), START + number)
    made.observe(seen("/old", trusted=True), START)
    made.state.age()
    assert "/old" in templates(made.state)
    before = made.state.common.n
    for number in range(300):
        made.observe(shop(rng, trusted=True), START + number)
    made.state.age()
    assert "/old" not in templates(made.state)
    assert made.state.common.n == (before + 300) / 2


def test_an_endpoint_that_was_in_use_is_remembered_and_its_return_is_told() -> None:
    made = learner()
    day = 86_400.0
    for number in range(60):
        made.observe(seen(f"/old/{number}", args(q="1"), trusted=True, wall=START + number), START + number)
    made.observe(seen("/once", trusted=True, wall=START), START)
    for month in range(1, 5):  # something else is in use all the time
        wall = START + month * 31 * day
        made.observe(seen("/new", trusted=True, wall=wall), wall)
        made.advance(wall)
    assert "/old/{int}" in templates(made.state)
    assert "/once" not in templates(made.state)
    old = made.state.root.children["old"].children["{int}"].endpoints["GET"]
    assert old.withered
    assert not old.parameters()
    wall = START + 130 * day
    again = learner()
    again.load(made.dump())
    again.observe(seen("/old/7", trusted=True, wall=wall), wall)
    (alert,) = again.alerts
    assert (alert.kind, alert.subject) == ("zombie", "GET /old/{int}")
    assert "130 days" in alert.text
    assert not again.state.root.children["old"].children["{int}"].endpoints["GET"].withered
    again.observe(seen("/old/8", trusted=True, wall=wall), wall)
    assert len(again.alerts) == 1
    made.state.age(START + 400 * day)
    made.state.age(START + 400 * day)
    assert "/old/{int}" not in templates(made.state)


# -------------------------------------------------------------------------------------------------- memory


def test_idle_endpoints_are_packed_and_come_back() -> None:
    state = State(memory=2_000_000)
    rng = random.Random(1)
    for number in range(400):
        fields = form(**{f"p{chr(97 + n)}": str(rng.randrange(1000)) for n in range(20)})
        observe(state, f"/e{chr(97 + number % 20)}", number, fields=fields, method="POST")
    endpoints = [e for _, node in state.root.walk() for e in node.endpoints.values()]
    assert any(e.packed for e in endpoints)
    assert all(p.n == 20 for e in endpoints for p in e.parameters().values())


def test_a_full_state_gives_up_what_is_longest_unseen() -> None:
    state = State(memory=400_000)
    for number in range(60):
        fields = form(**{f"p{chr(97 + n)}": f"{number} {n}" for n in range(20)})
        observe(
            state,
            f"/e{chr(97 + number // 26)}{chr(97 + number % 26)}",
            number,
            fields=fields,
            wall=START + number,
        )
    state.settle()
    kept = templates(state)
    assert 0 < len(kept) < 60
    assert kept[-1] == "/ech"  # the last one seen


# ------------------------------------------------------------------------------------------------- the dump


def test_a_dump_is_read_back_whole() -> None:
    made = learned_shop(400)
    made.advance(START)
    data = made.dump()
    other = learner()
    other.load(data)
    assert other.dump() == data
    assert other.profile().version == made.profile().version


def test_every_damage_is_refused() -> None:
    data = store.dump(learned_shop(60).state)
    for position in range(0, len(data), 7):
        broken = bytearray(data)
        broken[position] ^= 0x20
        with pytest.raises(store.Damaged):
            store.load(bytes(broken), 10**6)
    for length in (0, 5, 12, 28, len(data) - 1):
        with pytest.raises(store.Damaged):
            store.load(data[:length], 10**6)
    with pytest.raises(store.Damaged, match="bytes of content"):
        store.load(data + b"x", 10**6)


def test_another_version_is_told_by_its_number() -> None:
    data = bytearray(store.dump(State()))
    data[len(store.MAGIC)] = 99
    with pytest.raises(store.Damaged, match="version 99"):
        store.load(bytes(data), 10**6)


@pytest.mark.parametrize("content", [None, 3, [], [1, 2, 3, 4, 5], [[], [], [], 0, []], "text"])
def test_content_of_another_form_is_refused(content: object) -> None:
    with pytest.raises(store.Damaged):
        store.load(store.seal(content), 10**6)


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = store.seal(b"\0" * 100_000)
    monkeypatch.setattr(store, "_LIMIT", 1_000)
    with pytest.raises(store.Damaged, match="larger"):
        store.unseal(data)


def test_a_damaged_learner_leaves_the_old_one_as_it_was() -> None:
    made = learned_shop(50)
    before = made.dump()
    with pytest.raises(store.Damaged):
        made.load(before[:-3])
    assert made.dump() == before


# -------------------------------------------------------------------------------------------------- sources


def test_networks_are_one_source_and_principals_are_their_own() -> None:
    assert SOURCES.of("10.1.2.3") == SOURCES.of("10.1.2.200") == SOURCES.of("::ffff:10.1.2.9")
    assert SOURCES.of("10.1.2.3") != SOURCES.of("10.1.3.3")
    assert SOURCES.of("2001:db8::1") == SOURCES.of("2001:db8:0:0:ffff::2")
    assert SOURCES.of("2001:db8::1") != SOURCES.of("2001:db8:0:1::1")
    assert SOURCES.of("10.1.2.3", "ana") == SOURCES.of("10.9.9.9", "ana") != SOURCES.of("10.1.2.3")
    assert SOURCES.of("not an address") == SOURCES.of("not an address")


def test_json_fields_are_learned_by_kind() -> None:
    state = State()
    observe(state, "/p", fields=json(n=5, s="5", b=True, z=None), method="PUT")
    parameters = state.root.children["p"].endpoints["PUT"].parameters()
    assert len({tag for p in parameters.values() for tag in p.types}) == 4


def test_a_segment_that_is_someones_data_is_no_literal() -> None:
    made = learner()
    for source in range(5):
        told = seen("/users/Jane-Doe/cards", source=f"10.0.0.{source}", masked=frozenset({"segment"}))
        made.observe(told, START)
    root = made.state.root
    assert list(root.children) == ["users"]
    assert list(root.children["users"].children) == ["{str}"]
