"""Nothing that two servers may read differently reaches the app, judged by the bytes that reach it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from tests.e2e.smuggling.further_cases import further_requests
from tests.e2e.smuggling.ground import TAG, Ground, Heard, on_uvloop, side_by_side
from tests.e2e.smuggling.odd_bytes import odd_requests
from tests.e2e.smuggling.ordinary_cases import ordinary
from tests.e2e.smuggling.readers import Message, answers, read_alike
from tests.e2e.smuggling.request_cases import Case, malformed
from tests.together import together
from waf.model import Exchange

CASES = [*malformed(), *ordinary(), *further_requests(), *odd_requests()]
NAMES = [f"{number}-{case.kind}-{case.name}"[:90] for number, case in enumerate(CASES)]
MODES = ("protect", "off")
"""They take different ways through the proxy: bodies held and measured anew, bodies streamed as they come."""


@dataclass
class Seen:
    """What one case led to."""

    heard: Heard
    forwarded: list[Message] = field(default_factory=list)
    records: list[Exchange] = field(default_factory=list)
    alone: bool = True  # the app's connections that carried it carried no other case after it
    unlike: str = ""


def tagged(data: bytes, number: int) -> bytes:
    return data.replace(b"TAGID", b"t%04d" % number).replace(b"CANARY", b"canary")


def pieces_of(case: Case, data: bytes, number: int) -> list[bytes]:
    """Most cases whole; some byte by byte, some cut in two at a place of their own."""
    if len(data) > 1000 or number % 3 == 0:
        return [data]
    if number % 3 == 1:
        return [data[i : i + 1] for i in range(len(data))]
    at = (number * 7) % len(data)
    return [data[:at], data[at:]]


async def _run(mode: str) -> list[Seen]:
    async with Ground(mode) as ground:

        async def one(numbered: tuple[int, Case]) -> Seen:
            number, case = numbered
            data = tagged(case.data, number)
            methods = [method.decode() for method, _, _ in case.forwards]

            def enough(got: bytes) -> bool:
                if case.refused or case.ends or not got:
                    return False
                return len(answers(without_interim(got), methods, closed=False)) == len(methods)

            return Seen(await ground.talk(pieces_of(case, data, number), enough, half_close=case.ends))

        seen = await side_by_side(list(enumerate(CASES)), one)
        await ground.settled()
        by_source = ground.records_by_source()
        for one_seen in seen:
            one_seen.records = by_source.get(one_seen.heard.source, [])
        for connection in ground.app.connections:
            _attribute(connection.got, seen)
        assert sorted(ground.ids.drawn) == sorted(exchange.id for exchange in ground.records)
    return seen


def _attribute(stream: bytes, seen: list[Seen]) -> None:
    """Hand each request of one connection of the app to its case; what is unlike to all its cases."""
    numbers = [int(tag) for tag in re.findall(rb"\bt(\d{4})\b", stream)]
    try:
        messages = read_alike(stream)
        assert not [message for message in messages if b"canary" in message.target], "a canary is a request"
    except Exception as error:
        for number in numbers:
            seen[number].unlike = f"{type(error).__name__}: {error}"
        return
    for message in messages:
        found = TAG.search(message.target)
        if found:
            seen[int(found[1])].forwarded.append(message)


def without_interim(got: bytes) -> bytes:
    return got.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")


@pytest.fixture(scope="module", params=MODES)
def outcomes(request: pytest.FixtureRequest) -> list[Seen]:
    """All cases played once, side by side."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("waf.proxy.downstream.HALF_CLOSED_SECONDS", 30.0)  # however slow this machine is
        return on_uvloop(lambda: _run(request.param))


@together(("number", "case"), enumerate(CASES), ids=NAMES, families=lambda _, case: case.kind)
def test_the_app_sees_what_the_client_meant_or_nothing(outcomes: list[Seen], number: int, case: Case) -> None:
    seen = outcomes[number]
    assert not seen.unlike
    assert not seen.heard.hung, seen.heard.data[:300]
    whole = [message for message in seen.forwarded if message.complete]
    expected = [(m, tagged(t, number), tagged(b, number)) for m, t, b in case.forwards]
    assert sorted((message.method, message.target, message.body) for message in whole) == sorted(expected)
    got = without_interim(seen.heard.data)
    methods = [method.decode() for method, _, _ in case.forwards]
    statuses = [
        status for status, _ in answers(got, [*methods, "GET"][: len(methods) + case.refused], closed=True)
    ]
    assert statuses[: len(expected)] == [200] * len(expected)
    extra = 0
    if case.refused:
        assert 400 <= statuses[-1] < 600
        assert len(statuses) == len(expected) + 1
        assert seen.heard.ended
        extra = 1
    elif case.ends:
        extra = 1
    assert len(seen.records) == len(expected) + extra
