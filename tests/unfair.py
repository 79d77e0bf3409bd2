"""A machine that is busy at the wrong moment, as a plugin: what a test does not wait for comes late.

    WAF_UNFAIR=7 python -m pytest -p tests.unfair tests/kube tests/e2e

Events of sockets are held back and come in another order, timers and threads are late, and now and then everything
stands still for up to 0.6 s; each by chance, drawn for each test from its name and the seed in WAF_UNFAIR, so that a run
can be had again (threads and the kernel put aside). uvloop gives way to a loop of this kind. Not part of `make test`.
"""

from __future__ import annotations

import asyncio
import os
import random
import selectors
import sys
import time
import zlib
from collections.abc import Callable
from concurrent.futures import thread
from typing import Any

import pytest
import uvloop

SEED = int(os.environ.get("WAF_UNFAIR", "1"))
_chance = random.Random(SEED)


class Unfair(selectors.DefaultSelector):
    """Whatever is left out now is there at the next look, as epoll tells what is, not what was."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(timeout)
        luck = _chance.random()
        if luck < 0.0015:
            time.sleep(_chance.uniform(0.05, 0.6))
        elif luck < 0.02:
            time.sleep(_chance.uniform(0, 0.02))
        _chance.shuffle(ready)
        if ready and _chance.random() < 0.3:
            ready = ready[: _chance.randrange(len(ready) + 1)]
            if not ready:
                time.sleep(_chance.uniform(0, 0.003))
        return ready


def _late(often: float, rarely: float) -> float:
    """Seconds: mostly none, sometimes a few milliseconds, rarely up to so many."""
    luck = _chance.random()
    if luck < 0.03:
        return _chance.uniform(0, rarely)
    return _chance.expovariate(1 / often) if luck < 0.35 else 0.0


def _disturb() -> None:
    loops: Any = asyncio.base_events.BaseEventLoop
    works: Any = thread._WorkItem
    call_at, run = loops.call_at, works.run

    def call_late(
        self: Any, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> Any:
        return call_at(self, when + _late(0.02, 1.0), callback, *args, context=context)

    def run_late(self: Any) -> None:
        time.sleep(_late(0.02, 0.7))
        run(self)

    loops.call_at, works.run = call_late, run_late
    selectors.DefaultSelector = Unfair  # type: ignore[misc]
    uvloop.new_event_loop = lambda: asyncio.SelectorEventLoop(Unfair())  # type: ignore[assignment,return-value]
    sys.setswitchinterval(1e-4)


def pytest_configure() -> None:
    _disturb()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _chance.seed(zlib.crc32(item.nodeid.encode()) ^ SEED)
