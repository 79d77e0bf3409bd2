"""The profiles' engine behind the aggregator's words: what replicas learned apart is what one would have learned."""

from __future__ import annotations

import pytest

from waf.config.schema import Profiles
from waf.kube.fleet.engine import merger
from waf.kube.fleet.terms import Key, Merged
from waf.profiles import store
from waf.profiles.book import Book
from waf.profiles.learner import Learner
from waf.profiles.merge import Delta
from waf.profiles.observe import Observation

CONFIG = Profiles(sources=1, hours=1, epsilon=0.2)
NOW = 1_800_000_000.0
SHOP = Key("shop", "web")


def learned(
    replica: str, paths: list[bytes], config: Profiles = CONFIG, start: float = NOW, pause: float = 1.0
) -> list[bytes]:
    """The deltas of a replica that saw these paths, packed as they travel; `pause` is seconds between two."""
    learner = Learner(config, b"k" * 32, replica)
    for number, path in enumerate(paths):
        wall = start + number * pause
        learner.observe(
            Observation(method=b"GET", path=path, fields=(), source=number, wall=wall, status=200), wall
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
    one, two = (workload.compile(NOW, "protect") for workload in states)
    assert one.version == two.version
    assert one.facts["requests"] == two.facts["requests"] > 0


def test_what_is_pulled_is_a_book_that_sidecars_can_load() -> None:
    workload = merger(CONFIG)(SHOP, b"")
    for delta in learned("a", [b"/cart", b"/items"] * 200):
        workload.merge(delta, NOW)
    compiled = workload.compile(NOW, "protect")
    book = Book.load(compiled.profile)
    assert set(book.all_places())
    again = merger(CONFIG)(SHOP, workload.dump())
    assert again.compile(NOW, "").version == compiled.version


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


DAY = 86_400.0
CAREFUL = Profiles(sources=3, epsilon=0.2)  # hours of learning and a day of staging


def protected(workload: Merged, now: float, reach: str) -> bool:
    return bool(workload.compile(now, reach).facts["protected"])


def test_nothing_is_promoted_on_the_silence_of_those_who_only_discover() -> None:
    """However long nobody complained: nobody held anything against the profile."""
    workload = merger(CAREFUL)(SHOP, b"")
    paths, pause = [b"/cart", b"/items"] * 1_000, DAY / 2_000
    for day in range(4):
        start = NOW + day * DAY
        for delta in learned(f"r{day}", paths, CAREFUL, start, pause):
            workload.merge(delta, start + DAY)
        assert not protected(workload, start + DAY, "discover")
    now = NOW + 4 * DAY
    assert workload.compile(now, "").facts["constraints"] > 0
    assert not protected(workload, now, "monitor"), "staging begins now"
    again = merger(CAREFUL)(SHOP, workload.dump())
    for delta in learned("later", paths, CAREFUL, now, pause):
        again.merge(delta, now + DAY)
    assert protected(again, now + 1.1 * DAY, ""), "a new leader goes on where the former stood"
    assert not protected(again, now + 1.1 * DAY, "discover"), "what is only discovered has no past"
