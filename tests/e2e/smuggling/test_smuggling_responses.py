"""A client never gets a mixed-up answer, whatever the app sends, and the next request gets an answer of its own."""

from __future__ import annotations

import asyncio
import functools
import socket
import struct
from dataclasses import dataclass, field

import pytest

from tests.e2e.smuggling.further_cases import further_answers
from tests.e2e.smuggling.ground import TAG, App, Connection, Ground, Heard, greet, on_uvloop, side_by_side
from tests.e2e.smuggling.odd_bytes import odd_answers
from tests.e2e.smuggling.readers import answers
from tests.e2e.smuggling.response_cases import GONE, PAUSE, RESET, Answer, all_answers
from tests.http1.http1_wire import Refused
from tests.together import together
from waf.model import Exchange

CASES = [*all_answers(), *further_answers(), *odd_answers()]
NAMES = [f"{number}-{case.kind}-{case.name}"[:90] for number, case in enumerate(CASES)]
MODES = ("protect", "off")
"""With and without filters over the answers' bodies."""

NEXT = b"GET /TAGID?next HTTP/1.1\r\nHost: a\r\n\r\n"
PAUSE_SECONDS = 0.03


async def play(connection: Connection, head: bytes) -> bool:
    """The app: the script of the case that the target names, and an ordinary greeting for all else."""
    target = head.split(b" ", 2)[1]
    found = TAG.search(target)
    if found is None or b"?" in target:
        return await greet(connection, head)
    for piece in CASES[int(found[1])].pieces:
        if piece == PAUSE:
            await asyncio.sleep(PAUSE_SECONDS)
        elif piece == GONE:
            return False
        elif piece == RESET:
            sock = connection.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.writer.transport.abort()
            return False
        else:
            await connection.send(piece)
            await asyncio.sleep(0)
    return True


@dataclass
class Seen:
    """What the client heard to its first request and to the next one, and on which of the app's connections the
    case was played."""

    first: Heard
    second: Heard
    records: list[Exchange] = field(default_factory=list)
    served: list[bytes] = field(default_factory=list)


async def _run(mode: str) -> list[Seen]:
    return await side_by_side(list(enumerate(CASES)), functools.partial(_case, mode))


async def _case(mode: str, numbered: tuple[int, Answer]) -> Seen:
    """Each with a server of its own: whose request takes a connection next is part of the case."""
    number, case = numbered
    tag = b"t%04d" % number
    method = case.request.partition(b" ")[0].decode()

    def enough(got: bytes) -> bool:
        try:
            return bool(got) and bool(answers(got, [method], closed=False))
        except (Refused, AssertionError):
            return False

    async with Ground(mode, App(play)) as ground:
        reader, writer = await ground.connect()
        first = await ground.ask(reader, writer, case.request.replace(b"TAGID", tag), enough)
        second = Heard()
        if not first.ended:
            if PAUSE in case.pieces:  # what comes late has come before the next request
                await ground.until(lambda: ground.app.scripts >= 1)
            if PAUSE in case.pieces and not case.reused:
                await ground.until(lambda: ground.server.gauges["upstream_open"] == 0)
            second = await ground.ask(
                reader, writer, NEXT.replace(b"TAGID", tag), lambda got: got.endswith(tag)
            )
        writer.close()
        await ground.settled()
        served = next(
            (c.served[1:] for c in ground.app.connections if c.served and b"?" not in c.served[0]), []
        )
        assert sorted(ground.ids.drawn) == sorted(exchange.id for exchange in ground.records)
        return Seen(first, second, ground.records, served)


@pytest.fixture(scope="module", params=MODES)
def outcomes(request: pytest.FixtureRequest) -> list[Seen]:
    """All cases played once, side by side."""
    return on_uvloop(lambda: _run(request.param))


@together(("number", "case"), enumerate(CASES), ids=NAMES, families=lambda _, case: case.kind)
def test_the_client_gets_one_whole_answer_or_sees_that_it_is_none(
    outcomes: list[Seen], number: int, case: Answer
) -> None:
    seen = outcomes[number]
    first, second = seen.first, seen.second
    assert not first.hung, first.data[:300]
    assert not second.hung, second.data[:300]
    assert b"poison" not in first.data + second.data
    method = case.request.partition(b" ")[0].decode()
    try:
        whole = [] if first.reset else answers(first.data, [method], closed=first.ended)
    except Refused:  # so the client knows
        assert first.ended
        whole = []
    if case.status is None:
        assert not whole or whole[0][0] == 502
    else:
        [(status, body)] = whole
        assert status == case.status
        assert case.body is None or body == case.body
    if not first.ended:
        assert answers(second.data, ["GET"], closed=False) == [(200, b"hello /t%04d" % number)]
    if not case.reused:
        assert seen.served == []
    assert len(seen.records) == 1 + (not first.ended)
