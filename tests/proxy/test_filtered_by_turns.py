"""Coded answers are unfolded in slices whose size follows from what the last ones took, and others have their turns."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tests.together import together
from waf.errors import ClientFault
from waf.model import PASSED, Verdict
from waf.proxy.relay import TURN, filtered_by_turns


class _Filter:
    """Each byte takes `each` seconds of a clock that only this filter moves."""

    def __init__(self, each: float) -> None:
        self.each = each
        self.now = 0.0
        self.taken: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        self.taken.append(data)
        self.now += self.each * len(data)
        return data

    def idle(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b"."

    def verdict(self) -> Verdict:
        return PASSED


def _talk(body_filter: _Filter, turns: list[float], lost: bool = False) -> Any:
    async def let_others() -> None:
        turns.append(body_filter.now)

    commons = SimpleNamespace(clock=lambda: body_filter.now)
    return SimpleNamespace(commons=commons, client=SimpleNamespace(lost=lost), let_others=let_others)


DATA = bytes(range(256)) * 400


@together("each", [0.0, 1e-7, 1e-6, 1e-5, 1e-4])
@together("last", [True, False])
def test_all_bytes_pass_in_order_and_others_have_turns(each: float, last: bool) -> None:
    body_filter, turns = _Filter(each), list[float]()
    exchange = SimpleNamespace(overhead=0.0)
    out = asyncio.run(filtered_by_turns(_talk(body_filter, turns), exchange, body_filter, DATA, last))  # type: ignore[arg-type]
    assert out == DATA + (b"." if last else b"")
    assert b"".join(body_filter.taken) == DATA
    assert exchange.overhead == pytest.approx(body_filter.now)
    # Between two turns of others passes no more than a turn and one slice, which is small where bytes are dear.
    gaps = [after - before for before, after in zip([0.0, *turns], [*turns, body_filter.now], strict=True)]
    assert max(gaps) <= max(3 * TURN, 1024 * each + TURN)
    assert bool(turns) is (body_filter.now > 2 * TURN)


def test_nothing_at_all_is_finished() -> None:
    body_filter = _Filter(0.0)
    exchange = SimpleNamespace(overhead=0.0)
    assert asyncio.run(filtered_by_turns(_talk(body_filter, []), exchange, body_filter, b"", True)) == b"."  # type: ignore[arg-type]


def test_a_client_that_left_ends_it() -> None:
    body_filter = _Filter(1e-4)
    exchange = SimpleNamespace(overhead=0.0)
    with pytest.raises(ClientFault):
        asyncio.run(filtered_by_turns(_talk(body_filter, [], lost=True), exchange, body_filter, DATA, True))  # type: ignore[arg-type]
