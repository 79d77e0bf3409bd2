"""The profiles' engine behind the aggregator's words: what replicas learned apart is what one would have learned."""

from __future__ import annotations

import pytest

from waf.config.schema import Profiles
from waf.kube.fleet.engine import merger
from waf.kube.fleet.terms import Key
from waf.profiles import store
from waf.profiles.book import Book
from waf.profiles.learner import Learner
from waf.profiles.merge import Delta
from waf.profiles.observe import Observation

CONFIG = Profiles(sources=1, hours=1, epsilon=0.2)
NOW = 1_800_000_000.0
SHOP = Key("shop", "web")


def learned(replica: str, paths: list[bytes]) -> list[bytes]:
    """The deltas of a replica that saw these paths, packed as they travel."""
    learner = Learner(CONFIG, b"k" * 32, replica)
    for number, path in enumerate(paths):
        learner.observe(
            Observation(method=b"GET", path=path, fields=(), source=number, wall=NOW + number, status=200),
            NOW + number,
        )
    return [delta.pack() for delta in learner.deltas()]


def test_the_order_of_replicas_does_not_matter() -> None:
    deltas = learned("a", [b"/cart", b"/items"] * 50) + learned("b", [b"/items", b"/login"] * 50)
    states = []
    for order in (deltas, deltas[::-1]):
        workload = merger(CONFIG)(SHOP, b"")
        for delta in order:
            workload.merge(delta, NOW)
        states.append(workload)
    one, two = (workload.compile(NOW) for workload in states)
    assert one.version == two.version
    assert one.facts["requests"] == two.facts["requests"] > 0


def test_what_is_pulled_is_a_book_that_sidecars_can_load() -> None:
    workload = merger(CONFIG)(SHOP, b"")
    for delta in learned("a", [b"/cart", b"/items"] * 200):
        workload.merge(delta, NOW)
    compiled = workload.compile(NOW)
    book = Book.load(compiled.profile)
    assert set(book.all_places())
    again = merger(CONFIG)(SHOP, workload.dump())
    assert again.compile(NOW).version == compiled.version


@pytest.mark.parametrize("bad", [b"", b"x", b"\x89WAFLED\nrubbish", Delta("a", 1, b"rubbish").pack()])
def test_a_damaged_delta_changes_nothing(bad: bytes) -> None:
    workload = merger(CONFIG)(SHOP, b"")
    for delta in learned("a", [b"/cart"] * 20):
        workload.merge(delta, NOW)
    before = workload.dump()
    with pytest.raises(store.Damaged):
        workload.merge(bad, NOW)
    assert workload.dump() == before


def test_a_damaged_state_is_no_state() -> None:
    with pytest.raises(store.Damaged):
        merger(CONFIG)(SHOP, b"rubbish")
