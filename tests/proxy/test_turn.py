"""The coroutine of a connection: woken by news, once for each, never from within itself."""

from __future__ import annotations

import asyncio
import math

import pytest

from tests.proxy.stage import Loop
from waf.proxy.turn import Turn
from waf.proxy.wheel import Wheel


class Sleeper(Turn):
    def __init__(self) -> None:
        self.now = 50.0
        super().__init__(Wheel(lambda: self.now, 0.25))
        self.log: list[str] = []

    async def count(self) -> None:
        for number in range(3):
            self.log.append(f"{number}")
            await self.pause(self.now + 10)
            if self.expired:
                self.log.append("late")
        self.log.append("end")


def test_each_wake_is_a_step() -> None:
    turn = Sleeper()
    turn.start(turn.count())
    for _ in range(5):
        turn.wake()
    assert turn.log == ["0", "1", "2", "end"]
    assert len(turn.wheel) == 0


def test_a_deadline_wakes_and_says_so() -> None:
    turn = Sleeper()
    turn.start(turn.count())
    turn.now += 11
    turn.wheel.advance()
    turn.wake()
    assert turn.log == ["0", "late", "1", "2"]


def test_a_wake_from_within_is_nothing() -> None:
    turn = Sleeper()

    async def selfish() -> None:
        turn.wake()
        turn.log.append("went on")
        await turn.pause(math.inf)
        turn.log.append("woken")

    turn.start(selfish())
    assert turn.log == ["went on"]
    turn.wake()
    assert turn.log == ["went on", "woken"]


def test_an_interruption_is_raised_where_it_sleeps() -> None:
    turn = Sleeper()

    async def sleeps() -> None:
        try:
            await turn.pause(math.inf)
        except KeyError:
            turn.log.append("interrupted")
            await turn.pause(math.inf)
        turn.log.append("end")

    turn.start(sleeps())
    turn.interrupt(KeyError())
    turn.wake()
    turn.interrupt(KeyError())
    assert turn.log == ["interrupted", "end"]


def test_what_escapes_ends_the_turn() -> None:
    turn = Sleeper()

    async def breaks() -> None:
        await turn.pause(turn.now + 1)
        raise LookupError

    turn.start(breaks())
    with pytest.raises(LookupError):
        turn.wake()
    turn.wake()
    assert len(turn.wheel) == 0


def test_a_future_of_the_loop_can_be_waited_for() -> None:
    loop = Loop()
    turn = Sleeper()
    good: asyncio.Future[str] = loop.create_future()
    bad: asyncio.Future[str] = loop.create_future()

    async def waits() -> None:
        turn.log.append(await turn.settled(good))
        try:
            await turn.settled(bad)
        except OSError:
            turn.log.append("failed")

    turn.start(waits())
    turn.wake()  # without news
    assert turn.log == []
    good.set_result("done")
    loop.settle()
    bad.set_exception(OSError())
    loop.settle()
    assert turn.log == ["done", "failed"]
