"""When a set is complete: few requests, few sources, rare things, families, floods."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from tests.profiles.traffic import (
    FORM,
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
from waf.profiles.candidates import Candidate, _room
from waf.profiles.constraints import Aspect, Stage
from waf.profiles.learner import Learner
from waf.profiles.observe import HOUR, Observation


def find(made: Learner, text: str) -> Candidate:
    return next(c for c in made.candidates() if str(c.key) == text)


def crowd(made: Learner, requests: int, *, users: int, over_hours: int, seed: int = 1) -> None:
    rng = random.Random(seed)
    for number in range(requests):
        wall = START + number * over_hours * HOUR / requests
        user = rng.randrange(users)
        made.observe(shop(rng, source=f"10.{user}.0.1", wall=wall), wall)


def test_untrusted_traffic_needs_sources_hours_and_a_day() -> None:
    few = learner()
    crowd(few, 2_000, users=2, over_hours=30)
    assert all(not c.closed for c in few.candidates())
    assert "from 2 sources" in find(few, "* /shop path").why
    hasty = learner()
    crowd(hasty, 2_000, users=60, over_hours=2)
    assert "hours" in find(hasty, "GET /shop/search arg.page type").why
    short = learner()
    crowd(short, 2_000, users=60, over_hours=5)
    assert "for 5 h" in find(short, "GET /shop/search arg.page type").why
    enough = learner()
    crowd(enough, 2_000, users=60, over_hours=30)
    assert find(enough, "GET /shop/search arg.page type").closed


def test_characters_and_values_need_a_crowd() -> None:
    made = learner()
    crowd(made, 2_000, users=8, over_hours=30)
    assert find(made, "GET /shop/search arg.page type").closed
    assert "needs 20" in find(made, "GET /shop/search arg.sort enum").why


def test_one_source_is_enough_where_it_is_trusted_or_asked_for() -> None:
    assert find(learned_shop(600), "GET /shop/search arg.page type").closed
    alone = learner(sources=1, hours=1)
    rng = random.Random(1)
    for number in range(600):
        alone.observe(shop(rng, wall=START + number), START + number)
    assert find(alone, "GET /shop/search arg.page type").closed


def test_one_source_cannot_make_anything_normal_by_repeating_it() -> None:
    made = learner()
    crowd(made, 2_000, users=60, over_hours=30)
    for number in range(5_000):
        wall = START + number * 30 * HOUR / 5_000
        made.observe(
            seen("/shop/search", args(q="red", page="1 or 1=1", sort="asc"), source="66.6.6.6", wall=wall),
            wall,
        )
    assert find(made, "GET /shop/search arg.page type").allowed == ("int",)


def test_what_keeps_showing_new_things_stays_open() -> None:
    made = learner()
    rng = random.Random(2)
    for number in range(1_500):
        text = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(4, 12)))
        made.observe(seen("/p", args(q=text), trusted=True, wall=START + number), START)
    assert not any(c.closed and c.aspect is Aspect.ENUM for c in made.candidates())
    assert rules(check(made.compile(START), "/p", args(q="something"))) == []


def test_rare_pages_of_a_few_are_not_closed_with_the_rest() -> None:
    made = learned_shop(1_500)
    for number in range(6):
        made.observe(seen("/shop/admin", args(task=f"t{number}"), trusted=True), START)
    profile = made.compile(START)
    assert rules(check(profile, "/shop/admin", args(task="another task", force="yes"))) == []


def test_a_parameter_seen_seldom_takes_the_constraints_of_its_name() -> None:
    made = learner()
    for number in range(900):
        made.observe(
            seen(f"/a{'xyz'[number % 3]}", args(id=str(number)), trusted=True, wall=START + number), START
        )
    for number in range(12):
        made.observe(seen("/rare", args(id=str(number)), trusted=True), START)
    profile = made.compile(START)
    assert "profile.type" in rules(check(profile, "/rare", args(id="1 or 1=1")))
    assert rules(check(profile, "/rare", args(id="123"))) == []


def test_a_family_says_nothing_about_a_member_that_differs() -> None:
    made = learner()
    for number in range(900):
        made.observe(
            seen(f"/a{'xyz'[number % 3]}", args(id=str(number)), trusted=True, wall=START + number), START
        )
    for number in range(12):
        made.observe(seen("/rare", args(id=f"text {number}!"), trusted=True), START)
    assert rules(check(made.compile(START), "/rare", args(id="other text?"))) == []


def test_what_is_refused_by_mistake_stays_within_a_budget() -> None:
    made = learned_shop(4_000)
    closed = [c for c in made.candidates() if c.closed]
    assert closed
    assert sum(c.doubtful for c in closed) <= max(0.002 * 4_000 / 8, 2)


def test_two_sources_teaching_attacks_change_nothing() -> None:
    clean, poisoned = learner(), learner()
    crowd(clean, 3_000, users=60, over_hours=30)
    crowd(poisoned, 3_000, users=60, over_hours=30)
    rng = random.Random(8)
    for number in range(40):
        bad = "".join(rng.choices("'\"<>;|&$(){}=%", k=5))
        where = rng.randrange(3)
        made = (
            seen("/shop/search", args(q=f"red{bad}", page=f"1{bad}", sort="asc"), source=f"66.6.{number % 2}.6", wall=START)
            if where == 0
            else seen("/shop/login", form(user=f"a{bad}", password=bad, go="Enter"), method="POST", source=f"66.6.{number % 2}.6", wall=START)
            if where == 1
            else seen(f"/shop/{''.join(rng.choices('abcdef', k=6))}.bak", source=f"66.6.{number % 2}.6", wall=START)
        )  # fmt: skip
        poisoned.observe(made, START)
    before = {c.key: c.allowed for c in clean.candidates() if c.closed}
    after = {c.key: c.allowed for c in poisoned.candidates() if c.closed}
    lost = [key for key in before if key not in after]
    assert len(lost) <= len(before) * 0.05
    assert all(after[key] == before[key] for key in after if key in before)


def test_what_only_a_poisoner_visited_is_still_unknown() -> None:
    made = learner()
    crowd(made, 3_000, users=60, over_hours=30)
    made.observe(seen("/shop/backdoor", source="66.6.6.6", wall=START), START)
    made.advance(START)
    made.book.promote("* *", Stage.PROTECT, START)
    assert rules(check(made.profile(), "/shop/backdoor"), enforced=True) == ["profile.unknown-path"]


# --------------------------------------------------------------------------- what young profiles got wrong


def taught(*observations: Observation) -> Learner:
    made = learner()
    for number, observation in enumerate(observations):
        wall = START + number
        made.observe(replace(observation, wall=wall, trusted=True), wall)
    return made


def test_short_values_are_never_too_long_or_too_short() -> None:
    rng = random.Random(4)
    made = taught(
        *(
            seen("/p", args(page=str(rng.randrange(1, 10)), zip=str(rng.randrange(10_000, 99_999))))
            for _ in range(900)
        )
    )
    profile = made.compile(START)
    for fine in (args(page="10", zip="12345"), args(page="3", zip="88")):
        assert rules(check(profile, "/p", fine)) == []
    assert rules(check(profile, "/p", args(page="3" * 300, zip="12345"))) == [
        "profile.type",
        "profile.length",
    ]
    assert rules(check(profile, "/p", args(page="3" * 30, zip="12345"))) == ["profile.length"]


def test_codes_of_one_length_keep_it() -> None:
    rng = random.Random(5)
    made = taught(*(seen("/p", args(code=f"{rng.getrandbits(128):032x}")) for _ in range(600)))
    profile = made.compile(START)
    assert "profile.length" in rules(check(profile, "/p", args(code="ab01" * 9)))
    assert "profile.length" in rules(check(profile, "/p", args(code="ab01" * 7)))


@pytest.mark.parametrize(("n", "room"), [(12, 2.1), (300, 1.4), (50_000, 1)])
def test_lengths_may_go_further_where_few_were_seen(n: int, room: float) -> None:
    low, high = 10, 40
    most = _room([low, high], n)[1]
    assert high + (high - low) <= most
    assert most >= room * high
    assert most <= 8 * high


def test_numbers_are_no_list_before_very_many_were_seen() -> None:
    rng = random.Random(6)

    def drawn(count: int) -> Learner:
        return taught(
            *(
                seen("/p", args(stars=str(rng.randrange(1, 6)), size=rng.choice(["10", "25", "50"]), by=rng.choice(["asc", "desc"])))
                for _ in range(count)
            )
        )  # fmt: skip

    few, many = drawn(300), drawn(600)
    assert find(few, "GET /p arg.stars type").closed
    assert find(few, "GET /p arg.by enum").closed
    assert not find(few, "GET /p arg.size enum").closed
    assert find(many, "GET /p arg.size enum").closed
    assert not [c for c in many.candidates() if str(c.key) == "GET /p arg.stars enum"]


def test_a_missing_body_is_of_no_type() -> None:
    rng = random.Random(7)
    made = taught(
        *(seen("/p", form(a=str(rng.randrange(99))), method="POST", content_type=FORM) for _ in range(300))
    )
    profile = made.compile(START)
    assert rules(check(profile, "/p", method="POST")) == ["profile.missing-parameter"]
    assert rules(check(profile, "/p", method="POST", content_type=b"text/xml")) == ["profile.content-type"]


def test_a_cookie_is_one_witness_however_often_its_client_sends_it() -> None:
    few = taught(*(seen("/p", cookies(t=f"{'abcdef'[n % 6]}-token-of-one-client")) for n in range(600)))
    assert find(few, "* * cookie.t shape").n == 6
    assert not find(few, "* * cookie.t shape").closed
    crowded = learner()
    for number in range(300):  # the same value from many clients is many witnesses
        wall = START + number * 600
        crowded.observe(seen("/p", cookies(lang="en"), source=f"10.{number % 60}.0.1", wall=wall), wall)
    assert find(crowded, "* * cookie.lang enum").n > 200


def test_few_values_that_come_again_are_a_small_sample_of_shapes() -> None:
    tokens = ["Ab3-x", "9Zq_w", "mm-1p", "7aB.c", "q_8_r", "Lk2-j", "x.9.y"]
    made = taught(*(seen("/p", args(t=tokens[n % len(tokens)])) for n in range(700)))
    shape = find(made, "GET /p arg.t shape")
    assert shape.n == len(tokens)
    assert not shape.closed
