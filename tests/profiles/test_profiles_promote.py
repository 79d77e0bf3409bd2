"""The way of a constraint: staged, protected, widened, demoted, held; and when nothing is learned at all."""

from __future__ import annotations

import random

import pytest

from tests.profiles.traffic import START, args, check, form, learned_shop, learner, rules, seen, shop
from waf.profiles.book import Book, narrowed, pattern_of, widened
from waf.profiles.constraints import Aspect, Constraint, Key, Origin, Stage
from waf.profiles.learner import Learner
from waf.profiles.observe import HOUR
from waf.profiles.promote import wilson
from waf.profiles.siege import Siege, Suspects
from waf.profiles.store import Damaged

TYPE = Key("/shop/search", "GET", "arg.page", "type")
SORT = Key("/shop/search", "GET", "arg.sort", "enum")
DAY = 24 * HOUR


def live(made: Learner, requests: int, begin: float, span: float, *, users: int = 60, seed: int = 1) -> float:
    """Traffic of many users; gives the time at which it ended."""
    rng = random.Random(seed)
    for number in range(requests):
        now = begin + number * span / requests
        made.observe(shop(rng, source=f"10.{rng.randrange(users)}.0.1", wall=now), now)
    return begin + span


def stage_of(made: Learner, key: Key) -> Stage:
    entry = made.book.entries.get(key)
    return entry.constraint.stage if entry else Stage.DISCOVER


def test_discovered_then_staged_then_protected() -> None:
    made = learner()
    now = live(made, 600, START, 6 * HOUR)
    made.advance(now)
    assert stage_of(made, TYPE) is Stage.DISCOVER  # not a day yet
    now = live(made, 2_000, now, 20 * HOUR, seed=2)
    made.advance(now)
    assert stage_of(made, TYPE) is Stage.STAGE
    assert (
        rules(check(made.profile(), "/shop/search", args(q="red", page="x", sort="asc")), enforced=True) == []
    )
    now = live(made, 1_500, now, 20 * HOUR, seed=3)
    made.advance(now)
    assert stage_of(made, TYPE) is Stage.STAGE  # requests enough, but not a day
    now = live(made, 3_000, now, 30 * HOUR, seed=4)
    made.advance(now)
    assert stage_of(made, TYPE) is Stage.PROTECT
    found = check(made.profile(), "/shop/search", args(q="red", page="x", sort="asc"))
    assert rules(found, enforced=True)[0] == "profile.type"


def test_complaints_hold_a_staged_constraint_back() -> None:
    made = learner()
    now = live(made, 3_000, START, 26 * HOUR)
    made.advance(now)
    for user in range(30):
        complaint = seen("/shop/search", args(page="1"), source=f"11.{user}.0.1", wall=now, endpoint="/shop/search",
                         violations=(str(TYPE),))  # fmt: skip
        made.observe(complaint, now)
    assert made.book.entries[TYPE].violations == 30
    now = live(made, 6_000, now, 30 * HOUR, seed=4)
    made.advance(now)
    assert stage_of(made, TYPE) is Stage.STAGE
    assert stage_of(made, SORT) is Stage.PROTECT


def test_by_hand_nothing_is_protected_until_somebody_says_so() -> None:
    made = learner(promotion="manual")
    rng = random.Random(1)
    for number in range(1_500):
        made.observe(shop(rng, trusted=True, wall=START + number), START)
    made.advance(START)
    made.advance(START + 2 * DAY)
    assert stage_of(made, TYPE) is Stage.STAGE
    assert TYPE in made.book.accept("GET /shop/search arg.page", START)
    assert stage_of(made, TYPE) is Stage.PROTECT
    assert stage_of(made, SORT) is Stage.STAGE


def test_one_hour_of_learning_needs_no_staging() -> None:
    made = learner(hours=1)
    now = live(made, 2_000, START, 600.0)
    made.advance(now)
    assert stage_of(made, TYPE) is Stage.PROTECT


def protected(*, more_users: int = 60) -> tuple[Learner, float]:
    made = learner(hours=1)
    now = live(made, 2_500, START, 600.0, users=more_users)
    made.advance(now)
    assert stage_of(made, SORT) is Stage.PROTECT
    return made, now


@pytest.mark.parametrize(("users", "opened"), [(5, False), (60, True)])
def test_a_protected_set_opens_only_to_what_many_have_shown(users: int, opened: bool) -> None:
    made, now = protected()
    for number in range(1_500):
        fields = args(q="red", page="1", sort="price")
        made.observe(seen("/shop/search", fields, source=f"12.{number % users}.0.1", wall=now + number), now)
    made.advance(now + 2_000)
    entry = made.book.entries[SORT]
    assert (len(entry.constraint.allowed) == 3) is opened
    assert (len(entry.wanted) == 3) is not opened
    if not opened:
        assert made.book.accept("GET /shop/search arg.sort enum", now) == [SORT]
        assert len(made.book.entries[SORT].constraint.allowed) == 3


def test_new_things_from_the_trusted_open_at_once() -> None:
    made = learned_shop(1_500)
    made.advance(START)
    rng = random.Random(7)
    for number in range(300):
        made.observe(
            seen("/shop/search", args(q="red", page="1", sort="price"), trusted=True, wall=START), START
        )
        made.observe(shop(rng, trusted=True, wall=START + number), START)
    profile = made.compile(START)
    assert rules(check(profile, "/shop/search", args(q="red", page="1", sort="price"))) == []


def test_compiling_while_learning_does_not_freeze_what_is_known_too_early() -> None:
    rng = random.Random(1)
    made = learner()
    for number in range(3_000):
        made.observe(shop(rng, trusted=True, wall=START + number), START + number)
        if number % 100 == 99:
            made.advance(START + number)
    wrong = 0
    profile = made.profile()
    for _ in range(1_000):
        each = shop(rng)
        wrong += bool(check(profile, each.path.decode(), each.fields, each.fields, method=each.method.decode(),
                            content_type=each.content_type).findings)  # fmt: skip
    assert wrong <= 2


def blocked(now: float, source: str) -> object:
    return seen("/shop/search", args(sort="new"), source=source, wall=now, status=403, blocked=True,
                endpoint="/shop/search", violations=(str(SORT),))  # fmt: skip


def test_the_breaker_demotes_a_constraint_that_refuses_a_crowd() -> None:
    made, now = protected()
    for number in range(200):
        made.observe(seen("/shop/search", endpoint="/shop/search", source=f"10.{number}.0.1", wall=now), now)
    for user in range(4):
        made.observe(blocked(now, f"13.{user}.0.1"), now)  # type: ignore[arg-type]
    assert stage_of(made, SORT) is Stage.PROTECT
    made.observe(blocked(now, "14.9.0.1"), now)  # type: ignore[arg-type]
    made.observe(blocked(now, "15.9.0.1"), now)  # type: ignore[arg-type]
    assert stage_of(made, SORT) is Stage.STAGE
    assert [alert.kind for alert in made.alerts] == ["breaker"]
    assert stage_of(made, TYPE) is Stage.PROTECT


def test_one_source_cannot_trip_the_breaker_nor_can_attackers() -> None:
    made, now = protected()
    for _ in range(500):
        made.observe(blocked(now, "13.1.0.1"), now)  # type: ignore[arg-type]
    for user in range(30):
        attack = seen("/shop/search", source=f"13.{user}.0.1", wall=now, flagged=True, blocked=True,
                      endpoint="/shop/search", violations=(str(SORT),))  # fmt: skip
        made.observe(attack, now)
    assert stage_of(made, SORT) is Stage.PROTECT


def test_a_crowd_with_something_new_stages_its_endpoint_and_no_other() -> None:
    made, now = protected()
    other = Key("/shop/login", "POST", "form.go", "enum")
    made.release(now)
    for user in range(4):
        for _ in range(60):
            made.observe(
                seen("/shop/search", endpoint="/shop/search", source=f"16.{user}.0.1", wall=now), now
            )
        made.observe(blocked(now, f"16.{user}.0.1"), now)  # type: ignore[arg-type]
    assert stage_of(made, TYPE) is Stage.STAGE
    assert stage_of(made, other) is Stage.PROTECT
    assert "drift" in [alert.kind for alert in made.alerts]


# ------------------------------------------------------------------------------------------------- versions


def test_the_last_versions_are_kept_and_can_be_gone_back_to() -> None:
    made = learned_shop(1_000)
    made.advance(START)
    good = made.profile().version
    book = made.book
    for number in range(12):
        book.pin(Constraint(Key(f"/x{number}", "GET", "arg.q", "length"), ("1", "2")))
        book.keep_version(made.profile().version, START, "pinned")
    assert len(book.versions) == 10
    book.keep_version("0" * 12, START, "again")
    assert len(book.versions) == 10
    latest = book.versions[3].version
    book.roll_back(latest, START)
    assert made.profile().version == latest
    with pytest.raises(KeyError):
        book.roll_back(good, START)  # long gone
    rng = random.Random(9)
    for _ in range(500):
        made.observe(shop(rng, trusted=True), START)
    assert made.advance(START) == []
    assert made.profile().version == latest
    book.resume()
    assert made.advance(START) != []


def test_the_book_survives_its_dump() -> None:
    made = learned_shop(1_000)
    made.advance(START)
    made.book.pin(Constraint(SORT, ("=asc",)))
    made.book.ignore("GET /shop/search arg.q charset")
    again = Book.load(made.book.dump())
    assert again == made.book
    with pytest.raises(Damaged):
        Book.load(made.book.dump()[:-1])


# ---------------------------------------------------------------------------------------------- people's word


def test_what_is_ignored_is_not_checked_and_can_be_recalled() -> None:
    made = learned_shop(1_500)
    made.advance(START)
    bad = args(q="red", page="x", sort="asc")
    made.book.ignore("GET /shop/search arg.page")
    assert rules(check(made.profile(), "/shop/search", bad)) == []
    assert made.book.recall("GET /shop/search arg.page")
    assert rules(check(made.profile(), "/shop/search", bad)) != []


def test_a_pin_replaces_what_is_learned() -> None:
    made = learned_shop(1_500)
    made.advance(START)
    made.book.pin(Constraint(SORT, ("=asc", "=desc", "=price"), Stage.PROTECT))
    profile = made.profile()
    assert rules(check(profile, "/shop/search", args(q="red", page="1", sort="price"))) == []
    found = check(profile, "/shop/search", args(q="red", page="1", sort="other"))
    assert found.findings[0].tags == (str(SORT), Origin.PINNED.value)
    assert made.book.unpin(SORT)
    assert not made.book.unpin(SORT)


PATTERNS = [
    ("GET /shop/search", True),
    ("GET /shop/*", True),
    ("* /shop/search arg.sort", True),
    ("GET /shop/search arg.* enum", True),
    ("GET /shop/search arg.sort charset", False),
    ("POST /shop/search", False),
    ("GET /shop", False),
    ("GET /shop/search -", False),
]


@pytest.mark.parametrize(("pattern", "fits"), PATTERNS)
def test_patterns(pattern: str, fits: bool) -> None:
    assert pattern_of(pattern)(SORT) is fits


def test_a_pattern_may_name_a_whole_group_of_aspects() -> None:
    fits = pattern_of("GET /p arg.q charset")
    assert fits(Key("/p", "GET", "arg.q", "charset.code"))
    assert not fits(Key("/p", "GET", "arg.q", "shape"))


@pytest.mark.parametrize("pattern", ["", "GET", "a b c d e"])
def test_patterns_that_are_none_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="METHOD"):
        pattern_of(pattern)


KEYS = [
    Key("", "*", "", "path"),
    Key("/", "GET", "", "method"),
    Key("/a/{int}", "POST", "form.a b", "charset.code"),
]


@pytest.mark.parametrize("key", KEYS)
def test_ids_of_constraints_can_be_read_back(key: Key) -> None:
    assert Key.parse(str(key)) == key


def test_allowed_things_can_be_widened_and_narrowed() -> None:
    assert widened(Aspect.LENGTH, ("2", "5"), ("1", "4")) == ("1", "5")
    assert narrowed(Aspect.LENGTH, ("2", "5"), ("1", "4")) == ("2", "4")
    assert widened(Aspect.ENUM, ("=a",), ("=b",)) == ("=a", "=b")
    assert narrowed(Aspect.ENUM, ("=a", "=b"), ("=b",)) == ("=b",)
    assert widened(Aspect.REPEATS, ("1",), ("3",)) == ("3",)


def test_wilson_bounds_the_rate_from_above() -> None:
    assert wilson(0, 0) == 1.0
    assert wilson(0, 1_000) == pytest.approx(0.00383, abs=1e-4)
    assert wilson(5, 1_000) > 0.005


# --------------------------------------------------------------------------------------------- not learning


def test_learning_freezes_under_attack_and_goes_on_after() -> None:
    siege = Siege()
    for minute in range(30):
        for number in range(100):
            siege.count(number == 0, minute * 60.0)
    assert not siege.frozen
    turned = [siege.count(number % 2 == 0, 1_800.0) for number in range(100)]
    assert siege.frozen
    assert [t[0] for t in turned if t] == ["frozen"]
    events = [siege.count(False, 1_800.0 + 60.0 * minute) for minute in range(1, 13)]
    assert [t[0] for t in events if t] == ["thawed"]
    assert not siege.frozen


def test_a_few_findings_are_no_siege() -> None:
    siege = Siege()
    assert not any(siege.count(True, 0.0) for _ in range(15))


def test_who_was_caught_is_not_believed_for_an_hour() -> None:
    suspects = Suspects(cap=2)
    suspects.add(1, 0.0)
    assert suspects.holds(1, 3_599.0)
    assert not suspects.holds(1, 3_600.0)
    for source in (1, 2, 3):
        suspects.add(source, 0.0)
    assert [suspects.holds(source, 1.0) for source in (1, 2, 3)] == [False, True, True]


def test_nothing_is_learned_from_sources_that_were_caught() -> None:
    made = learner()
    assert made.observe(seen("/a", source="10.1.1.1"), START)
    assert not made.observe(seen("/a", source="10.1.1.1", flagged=True), START)
    assert not made.observe(seen("/a", source="10.1.1.2"), START + 60)
    assert made.observe(seen("/a", source="10.2.1.2"), START + 60)
    assert made.observe(seen("/a", source="10.1.1.1"), START + 3_700)


def test_the_trusted_are_believed_even_then() -> None:
    made = learner()
    for _ in range(100):
        made.observe(seen("/a", flagged=True), START)
    assert made.alerts[0].kind == "frozen"
    assert not made.observe(seen("/a", source="10.9.9.9"), START)
    assert made.observe(seen("/a", trusted=True), START)


def test_forms_and_queries_of_one_name_are_told_apart() -> None:
    made = learner()
    for number in range(400):
        fields = [*args(id=str(number)), *form(id=f"text {number}")]
        made.observe(seen("/p", fields, method="POST", trusted=True, wall=START + number), START)
    profile = made.compile(START)
    assert rules(check(profile, "/p", args(id="5"), form(id="text 5"), method="POST")) == []
    assert "profile.type" in rules(check(profile, "/p", args(id="text 5"), form(id="text 5"), method="POST"))


def test_what_a_recording_teaches_is_not_enforced_while_it_is_played() -> None:
    """Else the second half of a recording would be refused for what its first half did not show."""
    made = learner()
    for number in range(300):
        made.observe(seen("/p", args(id=str(number)), trusted=True, wall=START + number), START + number)
    made.advance(START + 300, settled=False)
    stages = {c.stage for c in made.book.constraints()}
    assert stages == {Stage.STAGE}
    made.advance(START + 310, settled=True)
    assert {c.stage for c in made.book.constraints()} == {Stage.PROTECT}


def test_what_is_taught_for_ever_is_enforced_once_as_much_was_shown_again_for_an_hour() -> None:
    made = learner()
    for number in range(700):
        wall = START + 12 * number
        made.observe(seen("/p", args(id=str(number)), trusted=True, wall=wall), wall)
        if number in (299, 400, 590, 650):  # a recording of a day, played within the hour, has releases in it
            made.advance(wall, settled=False)
            stages = {c.stage for c in made.book.constraints() if c.key.address == "arg.id"}
            assert (Stage.PROTECT in stages) is (number == 650)


def test_the_breaker_sees_the_requests_that_nobody_learns_from() -> None:
    made = learned_shop(3_000)
    made.compile(START)
    key = next(key for key in made.book.entries if str(key) == "GET /shop/search arg.page type")
    made.passed(100_000, 0, {"/shop/search": 100_000}, START)
    for source in range(8):
        made.observe(
            seen(
                "/shop/search",
                source=f"10.0.{source}.1",
                blocked=True,
                endpoint="/shop/search",
                violations=(str(key),),
            ),
            START + 1,
        )
    assert made.book.entries[key].constraint.stage is Stage.PROTECT
    assert not made.frozen


def test_the_breaker_opens_a_place_to_the_ways_on_that_many_want() -> None:
    """A page that the app has now, and that nobody could be learned from while it was refused."""
    for others, opened in ((100, True), (1_000, False)):
        made = learned_shop(3_000)
        made.compile(START)
        path = Key("/shop", "*", "", "path")
        assert stage_of(made, path) is Stage.PROTECT
        made.passed(others, 0, {"/shop/search": others}, START)
        for source in range(16):
            again = seen(
                "/shop/new",
                source=f"10.0.{source}.1",
                blocked=True,
                endpoint="/shop/**",
                violations=(str(path),),
            )
            made.observe(again, START + 1)
        assert (stage_of(made, path) is Stage.STAGE) is opened


def test_floods_that_are_only_counted_freeze_learning() -> None:
    made = learner()
    made.passed(1_000, 0, {}, START)
    assert not made.frozen
    made.passed(0, 900, {}, START + 1)
    assert made.frozen
