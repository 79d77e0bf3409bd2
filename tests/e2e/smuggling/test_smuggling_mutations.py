"""Thousands of requests that somebody tampered with: whatever reaches the app, h11 and llhttp read it alike, and
as they read what the client sent."""

from __future__ import annotations

import random

import pytest

from tests.e2e.smuggling.ground import Ground, on_uvloop, side_by_side
from tests.e2e.smuggling.readers import Message, prefix_by_h11, prefix_by_llhttp, read_alike
from tests.e2e.smuggling.request_cases import DISGUISES, SIZES, TE, _chunked, head

pytestmark = pytest.mark.slow

ROUNDS = 4
CASES = 1500
BASES = (
    head(b"Content-Length: 9") + b"abcdefghi", head(TE) + _chunked(b"abcdef"), head(start=b"GET /TAGID HTTP/1.1"),
    head(b"Connection: keep-alive", b"X-A: b", TE) + b"3;a=b\r\nabc\r\n0\r\nX-T: u\r\n\r\n",
    head(start=b"GET /TAGID HTTP/1.1") + head(b"Content-Length: 4") + b"a=b&",
)  # fmt: skip
SPLINTERS = (
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b"\x00", b"\x0b", b"\x7f", b"\xff", b":", b",", b";", b"0", b"+", b"_",
    b"\r\n ", b"0\r\n\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"chunked",
    b"Connection: close\r\n", b"HTTP/1.0", b"Expect: 100-continue\r\n", b"Content-Length: 0\r\n", b"#", b"%", b"5\r\n",
    *(disguise + b"\r\n" for disguise in DISGUISES[:20]), *SIZES[:20],
)  # fmt: skip


def tampered(dice: random.Random, number: int) -> bytes:
    data = dice.choice(BASES).replace(b"TAGID", b"t%04d" % number)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(data) + 1)
        end = min(len(data), at + dice.randrange(4))
        data = data[:at] + dice.choice((b"", dice.choice(SPLINTERS), data[at:end] * 2)) + data[end:]
    return data


@pytest.mark.parametrize("mode", ["protect", "off"])
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_tampered_requests(mode: str, seed: int) -> None:
    dice = random.Random(seed)
    wires = [tampered(dice, number) for number in range(CASES)]

    async def play() -> list[bytes]:
        async with Ground(mode) as ground:
            await side_by_side(wires, lambda wire: ground.talk([wire], lambda _: False, half_close=True))
            await ground.settled()
            assert sorted(ground.ids.drawn) == sorted(exchange.id for exchange in ground.records)
            return [connection.got for connection in ground.app.connections]

    meant = [
        {_essence(m) for wire in wires for m in reader(wire)} for reader in (prefix_by_h11, prefix_by_llhttp)
    ]
    for stream in on_uvloop(play):
        for message in read_alike(stream):
            assert not message.complete or all(_essence(message) in seen for seen in meant), message


def _essence(message: Message) -> tuple[bytes, bytes, bytes]:
    """Slashes at the beginning of a target are made one."""
    return message.method, b"/" + message.target.lstrip(b"/"), message.body
