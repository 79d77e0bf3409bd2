"""What a stream sends, and when: whole messages at once where nothing else is under way, else when the turn ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

from waf.proxy.stream import JOINED, Flow, Stream


class Wire:
    """Keeps what was written, each write apart."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def writelines(self, parts: Sequence[bytes]) -> None:
        self.writes.append(b"".join(parts))


def stream() -> tuple[Stream, Flow, Wire, list[Callable[[], None]]]:
    waiting: list[Callable[[], None]] = []
    flow, wire = Flow(waiting.append, 1024), Wire()
    one = Stream(None, flow)
    one.connection_made(cast(asyncio.BaseTransport, wire))
    return one, flow, wire, waiting


def test_the_only_exchange_under_way_waits_for_no_other() -> None:
    one, flow, wire, waiting = stream()
    flow.under_way = 1
    one.write_whole(b"head", b"body")
    assert wire.writes == [b"headbody"]
    assert not waiting


def test_one_of_several_waits_for_the_end_of_the_turn() -> None:
    one, flow, wire, waiting = stream()
    flow.under_way = 2
    one.write_whole(b"head", b"body")
    assert not wire.writes
    (flush,) = waiting
    flush()
    assert wire.writes == [b"headbody"]


def test_nothing_overtakes_what_waits() -> None:
    one, flow, wire, waiting = stream()
    flow.under_way = 1
    one.write(b"first,")
    one.write_whole(b"head", b"body")
    one.write_whole(b"second", b"x" * (JOINED + 1))
    assert b"".join(wire.writes) == b"first,headbodysecond" + b"x" * (JOINED + 1)
    for flush in waiting:
        flush()
    assert b"".join(wire.writes).count(b"first") == 1


def test_what_is_lost_is_not_written() -> None:
    one, flow, wire, _ = stream()
    flow.under_way = 1
    one.lost = True
    one.write_whole(b"head", b"body")
    assert not wire.writes
