"""The inventory: mergeable, bounded, whole; sketches; disclosures; exact data."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patterns import patterns_made
from tests.sensitive.messages import CARD, ENTITIES, KEY, detector, request, response
from waf.config.schema import Sensitive
from waf.errors import ConfigError
from waf.model import Severity
from waf.sensitive import inventory as inventories
from waf.sensitive.anomaly import FACTOR, KNOWN_AFTER, LEAST, MAX_ENDPOINTS, Disclosures
from waf.sensitive.detect import Detector
from waf.sensitive.exact import ExactData, read_list
from waf.sensitive.inventory import Inventory
from waf.sensitive.mask import Key
from waf.sensitive.sketch import Sketch, beyond
from waf.sensitive.tally import Count

PAN = next(e for e in ENTITIES if e.id == "pan")
SSN = next(e for e in ENTITIES if e.id == "us-ssn")

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["/a", "/b"]), st.sampled_from(["request", "response"]), st.sampled_from(["json.x", "html"]),
        st.sampled_from(["mask", "report"]), st.integers(1, 5), st.integers(0, 2**64 - 1), st.floats(0, 1e9),
    ),
    max_size=6,
)  # fmt: skip


def counted(replica: str, steps: list[tuple[str, str, str, str, int, int, float]]) -> Inventory:
    made = Inventory(replica, "1")
    for endpoint, direction, field, action, number, digest, now in steps:
        sketch = Sketch()
        sketch.add(digest)
        count = Count(PAN, field, action, number, registers=bytes(sketch.registers))  # type: ignore[arg-type]
        made.add(endpoint, direction, [count], now, "v1")
    return made


def joined(*parts: Inventory) -> bytes:
    out = Inventory("reader", "1")
    for part in parts:
        out.merge(part)
    return out.dump()


@settings(max_examples=100, deadline=None)
@given(STEPS, STEPS, STEPS)
def test_merging_is_commutative_associative_and_idempotent(a: list, b: list, c: list) -> None:  # type: ignore[type-arg]
    x, y, z = counted("x", a), counted("y", b), counted("z", c)
    assert joined(x, y, z) == joined(z, y, x) == joined(x, y, z, x, y, y)
    left = Inventory("reader", "1")
    left.load(joined(x, y))
    left.merge(z)
    right = Inventory("reader", "1")
    right.load(joined(y, z))
    right.merge(x)
    assert left.dump() == right.dump()


def test_counts_of_replicas_add_up_and_a_newer_dump_replaces_an_older() -> None:
    one = counted("x", [("/a", "response", "html", "mask", 3, 1, 10.0)])
    older = one.dump()
    one.add("/a", "response", [Count(PAN, "html", "mask", count=2)], 20.0, "v2")
    two = counted("y", [("/a", "response", "html", "report", 4, 2, 5.0)])
    reader = Inventory("r", "1")
    for data in (one.dump(), older, two.dump()):
        reader.load(data)
    ((place, flow),) = list(reader)
    assert (place.endpoint, place.direction, place.field, place.entity) == ("/a", "response", "html", "pan")
    assert (flow.count, flow.messages, flow.distinct) == (9, 3, 2)
    assert flow.actions == {"mask": 5, "report": 4}
    assert (flow.first, flow.last, flow.policies) == (5.0, 20.0, ["v1", "v2"])


def test_what_is_new_is_told() -> None:
    made = Inventory("x", "1")
    count = Count(PAN, "html", "mask", count=1)
    assert [p.field for p in made.add("/a", "response", [count], 1.0)] == ["html"]
    assert made.add("/a", "response", [count], 2.0) == []


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventories, "MAX_FLOWS", 10)
    made = Inventory("x", "1")
    for number in range(50):
        made.add(f"/{number}", "response", [Count(PAN, "html", "mask", count=1)], 1.0)
    assert len(made) == 11
    assert sum(flow.count for _, flow in made) == 50
    other = Inventory("y", "1")
    for number in range(100, 130):
        other.add(f"/{number}", "response", [Count(PAN, "html", "mask", count=1)], 1.0)
    made.merge(other)
    assert len(made) <= 12


def test_sources_are_bounded_by_size_in_any_order() -> None:
    parts = [counted(f"r{n:03d}", [("/a", "response", "html", "mask", n % 5 + 1, n, 1.0)]) for n in range(90)]
    r = random.Random(3)
    dumps = set()
    for _ in range(3):
        r.shuffle(parts)
        dumps.add(joined(*parts))
    assert len(dumps) == 1


@pytest.mark.parametrize("place", [0, 20, 60, -1])
def test_a_damaged_dump_is_refused_whole(place: int) -> None:
    data = bytearray(counted("x", [("/a", "response", "html", "mask", 3, 1, 10.0)]).dump())
    data[place] ^= 1
    reader = Inventory("r", "1")
    with pytest.raises(ValueError, match=r"inventory|checksum"):
        reader.load(bytes(data))
    assert len(reader) == 0
    with pytest.raises(ValueError, match="inventory"):
        reader.load(b"")


def test_no_value_is_in_a_dump() -> None:
    passed = detector().response_filter(request(), response((b"Content-Type", b"application/json")))
    assert passed is not None
    passed.feed(f'{{"card":"{CARD}","{CARD}":"{CARD}"}}'.encode())
    passed.finish()
    made = Inventory("x", "1")
    made.add("/a", "response", passed.hits, 1.0)
    assert CARD.encode() not in made.dump()
    assert b"json.card" in made.dump()


@pytest.mark.parametrize("size", [1, 10, 60, 300, 5_000, 100_000])
def test_a_sketch_counts_to_within_its_error(size: int) -> None:
    r = random.Random(size)
    sketch = Sketch()
    hashes = [r.getrandbits(64) for _ in range(size)]
    for number in hashes * 2:
        sketch.add(number)
    assert abs(sketch.count() - size) <= max(2, 0.4 * size)


def test_a_sketch_refuses_what_is_none() -> None:
    for wrong in (b"", bytes(63), bytes([200] * 64)):
        with pytest.raises(ValueError, match="sketch"):
            Sketch(wrong)


@given(*2 * [st.lists(st.tuples(st.integers(0, 63), st.integers(0, 59)), max_size=6)])
def test_only_a_sketch_with_something_new_need_be_merged(
    these: list[tuple[int, int]], those: list[tuple[int, int]]
) -> None:
    one, other = Sketch(), Sketch()
    for sketch, marks in ((one, these), (other, those)):
        for register, rank in marks:
            sketch.registers[register] = rank
    before = bytes(other.registers)
    new = beyond(bytes(one.registers), before)
    other.merge(one)
    assert new == (bytes(other.registers) != before)


def test_sketch_hashes_are_keyed_and_blind_to_spelling() -> None:
    one, other = Key(KEY), Key(KEY[::-1])
    assert one.sketch_hash("pan", b"4539 1488") == one.sketch_hash("pan", b"45391488")
    assert one.sketch_hash("pan", b"4539") != other.sketch_hash("pan", b"4539")
    assert one.sketch_hash("pan", b"4539") != one.sketch_hash("iban", b"4539")


def known(endpoint: str = "/a", count: int = 2, times: int = KNOWN_AFTER + 50) -> Disclosures:
    made = Disclosures()
    for number in range(times):
        assert made.learn(endpoint, {"pan": count}, 1000.0 + number) == [] or number == 0
    return made


def test_far_more_than_ever_is_remarkable() -> None:
    made = known(count=20)
    ceilings = made.ceilings("/a")
    assert ceilings is not None
    assert FACTOR * 20 <= ceilings["pan"] <= FACTOR * 40
    assert made.learn("/a", {"pan": ceilings["pan"]}, 2000.0) == []
    (finding,) = made.learn("/a", {"pan": 5000}, 2001.0)
    assert (finding.rule, finding.kind, finding.severity) == (
        "sensitive.disclosure-mass",
        "disclosure",
        Severity.HIGH,
    )


def test_few_are_no_mass() -> None:
    made = known(count=1)
    assert made.ceilings("/a") == {"pan": LEAST}
    assert made.learn("/a", {"pan": LEAST}, 2000.0) == []


def test_an_entity_that_never_came_is_remarkable_at_a_known_endpoint_only() -> None:
    made = known()
    assert [f.rule for f in made.learn("/a", {"us-ssn": 1}, 2000.0)] == ["sensitive.disclosure-new"]
    assert made.learn("/a", {"us-ssn": 1}, 2001.0) == []
    assert made.learn("/new", {"us-ssn": 1}, 2001.0) == []
    assert made.ceilings("/new") is None
    assert made.ceilings("/never") is None


def test_disclosures_are_kept_and_bounded() -> None:
    made = known()
    again = Disclosures()
    again.load(made.dump())
    assert again.ceilings("/a") == made.ceilings("/a")
    for number in range(MAX_ENDPOINTS + 50):
        again.learn(f"/{number}", {"pan": 1}, 1.0)
    assert len(again._endpoints) == MAX_ENDPOINTS
    for wrong in (b"", made.dump()[:-1], b"x" + made.dump()):
        with pytest.raises(ValueError, match="record"):
            again.load(wrong)


def test_what_was_usual_long_ago_fades() -> None:
    made = known(count=200)
    high = made.ceilings("/a")
    for number in range(3000):
        made.learn("/a", {"pan": 1}, 5_000_000.0 + number * 3600)
    low = made.ceilings("/a")
    assert high is not None
    assert low is not None
    assert low["pan"] < high["pan"]


def test_a_list_is_recognised_and_not_kept() -> None:
    values = [f"AC-{number:07d}" for number in range(2000)] + ["Jane Q Public", "ab"]
    data = ExactData(values, Key(KEY))
    assert (len(data), data.skipped) == (2001, 1)
    found = Detector.build(Sensitive(), ENTITIES, patterns_made(), KEY, {"customers": data})
    passed = found.response_filter(request(), response((b"Content-Type", b"text/plain")))
    assert passed is not None
    out = passed.feed(b"for ac-0000017 and AC-9990017, jane q  public\n") + passed.finish()
    assert out == b"for **-******* and AC-9990017, jane q  public\n" or out.startswith(b"for **-*******")
    assert b"AC-9990017" in out
    assert found.mask(b"see AC-0000017") == "see **-*******"
    assert "0000017" not in repr(vars(data))


def test_a_list_of_all_sorts_is_refused() -> None:
    r = random.Random(1)
    values = ["".join(r.choice("a1-_/. ") for _ in range(12)) for _ in range(3000)]
    with pytest.raises(ConfigError):
        ExactData(values, Key(KEY))


def test_lists_are_read() -> None:
    assert read_list("a\n\n b \n") == ["a", "b"]
    assert read_list('id,name\n1,"Doe, Jane"\n2,\n', "name") == ["Doe, Jane"]
    with pytest.raises(ConfigError):
        read_list("id,name\n", "email")
