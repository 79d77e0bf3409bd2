"""Deadlines: never early, at most a tick late, and nothing is kept of what was forgotten."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from waf.proxy.wheel import Wheel


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Thing:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.deadline = math.inf
        self.fires = math.inf
        self.expired_at: list[float] = []

    def expire(self) -> None:
        self.expired_at.append(self.clock.now)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0.0, 20.0)), min_size=1, max_size=12),
    st.floats(0.01, 3.0),
)
def test_a_deadline_fires_once_and_in_time(settings: list[tuple[int, float]], step: float) -> None:
    clock = Clock()
    wheel = Wheel(clock, 0.25)
    things = [Thing(clock) for _ in range(4)]
    last: dict[int, float] = {}
    for index, delay in settings:  # set deadlines, earlier and later ones, while time goes by
        thing = things[index]
        if not thing.expired_at:
            thing.deadline = last[index] = clock.now + delay
            if thing.deadline < thing.fires:
                wheel.watch(thing)
        clock.now += step
        wheel.advance()
    while len(wheel):
        clock.now += 0.05
        wheel.advance()
    for index, deadline in last.items():
        [at] = things[index].expired_at
        assert at >= deadline
        assert at <= deadline + 0.25 + step + 0.05


def test_a_deadline_that_moves_on_is_not_touched_in_between() -> None:
    clock = Clock()
    wheel = Wheel(clock, 0.25)
    thing = Thing(clock)
    thing.deadline = clock.now + 10
    wheel.watch(thing)
    fires = thing.fires
    for _ in range(30):
        clock.now += 0.25
        thing.deadline = clock.now + 10
        wheel.advance()
        assert thing.fires == fires
    clock.now += 3
    wheel.advance()
    assert thing.fires > fires
    assert thing.expired_at == []
    assert len(wheel) == 1


def test_what_is_forgotten_is_gone() -> None:
    clock = Clock()
    wheel = Wheel(clock, 0.25)
    things = [Thing(clock) for _ in range(100)]
    for number, thing in enumerate(things):
        thing.deadline = clock.now + number / 10
        wheel.watch(thing)
    for thing in things:
        wheel.forget(thing)
        wheel.forget(thing)
    assert len(wheel) == 0
    clock.now += 100
    wheel.advance()
    assert not any(thing.expired_at for thing in things)


def test_without_a_deadline_it_is_dropped_when_looked_at() -> None:
    clock = Clock()
    wheel = Wheel(clock, 0.25)
    thing = Thing(clock)
    thing.deadline = clock.now + 1
    wheel.watch(thing)
    thing.deadline = math.inf
    clock.now += 2
    wheel.advance()
    assert len(wheel) == 0
    assert thing.expired_at == []


def test_after_a_long_stall_everything_late_fires() -> None:
    clock = Clock()
    wheel = Wheel(clock, 0.25)
    things = [Thing(clock) for _ in range(3)]
    for number, thing in enumerate(things):
        thing.deadline = clock.now + number
        wheel.watch(thing)
    clock.now += 1_000_000
    wheel.advance()
    assert all(thing.expired_at for thing in things)


def test_one_may_forget_another_while_the_wheel_turns() -> None:
    clock = Clock()
    wheel = Wheel(clock, 0.25)
    things = [Thing(clock) for _ in range(5)]
    for thing in things:
        thing.expire = lambda: [wheel.forget(other) for other in things]  # type: ignore[method-assign]
        thing.deadline = clock.now
        wheel.watch(thing)
    clock.now += 1
    wheel.advance()
    assert len(wheel) == 0
