"""WebSocket: an inspected handshake, then bytes both ways."""

from __future__ import annotations

import base64

import pytest

from tests.proxy.stage import Actor, OpenPolicy, Stage
from tests.proxy.test_conversation import BLOCK, header, status
from waf.config.schema import Config, Listen, Timeouts
from waf.model import Outcome, Refused, Withheld
from waf.proxy.faults import fault
from waf.proxy.tunnel import accept_of

KEY = base64.b64encode(b"0123456789abcdef")
ASK = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n"
)
YES = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: " + accept_of(KEY) + b"\r\n\r\n"
)


def opened(stage: Stage) -> tuple[Actor, Actor]:
    client = stage.connect()
    client.sends(ASK)
    app = stage.apps[-1]
    assert header(app.got(), b"Upgrade") == b"websocket"
    app.sends(YES)
    assert status(client.got()) == 101
    return client, app


def test_the_accept_of_the_standard() -> None:
    assert accept_of(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 1.3


def test_bytes_go_both_ways(stage: Stage) -> None:
    client, app = opened(stage)
    client.sends(b"ping", b"pong")
    assert app.got() == b"pingpong"
    app.sends(b"hello")
    assert client.got() == b"hello"
    assert stage.records == []
    app.ends()
    assert client.closed
    exchange = stage.last
    assert (exchange.outcome, exchange.sent_status, exchange.fault) == (Outcome.TUNNELLED, 101, "")
    assert exchange.bytes_from_app == len(YES) + 5
    assert exchange.bytes_from_client == len(ASK) + 8


def test_frames_that_come_with_the_handshake(stage: Stage) -> None:
    client = stage.connect()
    client.sends(ASK + b"early")
    app = stage.apps[0]
    assert app.got().endswith(b"\r\n\r\n")
    app.sends(YES + b"first")
    assert client.got().endswith(b"\r\n\r\nfirst")
    assert app.got() == b"early"


@pytest.mark.parametrize(
    "answer",
    [
        YES.replace(accept_of(KEY), accept_of(b"other")),
        YES.replace(b"Upgrade: websocket\r\n", b""),
        YES.replace(b"Connection: Upgrade\r\n", b""),
        YES.replace(b"websocket", b"h2c"),
    ],
)
def test_a_handshake_that_is_not_valid(stage: Stage, answer: bytes) -> None:
    client = stage.connect()
    client.sends(ASK)
    stage.apps[0].sends(answer)
    assert status(client.got()) == 502
    assert stage.last.fault == "upstream.handshake"
    assert stage.apps[0].cut


def test_an_app_that_declines_is_an_ordinary_answer(stage: Stage) -> None:
    client = stage.connect()
    client.sends(ASK)
    stage.apps[0].sends(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    assert status(client.got()) == 404
    assert stage.last.outcome is Outcome.FORWARDED
    assert not client.closed


def test_the_handshake_is_judged(make_stage) -> None:
    policy = OpenPolicy()
    policy.on_admit = lambda request, body: Refused(BLOCK)
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(ASK)
    assert status(client.got()) == 403
    assert stage.apps == []


def test_and_so_is_its_answer(make_stage) -> None:
    policy = OpenPolicy()
    policy.on_release = lambda response: Withheld(BLOCK)
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(ASK)
    stage.apps[0].sends(YES)
    assert status(client.got()) == 403
    assert stage.apps[0].cut


def test_where_it_is_switched_off_the_app_is_not_asked(make_stage) -> None:
    stage = make_stage(config=Config(listen=Listen(websocket=False)))
    client = stage.connect()
    client.sends(ASK)
    sent = stage.apps[0].got()
    assert header(sent, b"Upgrade") is None
    assert header(sent, b"Connection") is None
    stage.apps[0].sends(YES)
    assert status(client.got()) == 502


def test_each_side_keeps_the_pace_of_the_other(stage: Stage) -> None:
    client, app = opened(stage)
    app.transport.room = client.transport.room = 100_000
    client.sends(b"x" * 200_000)
    client.sends(b"y" * 200_000)
    assert not client.transport.reading
    assert app.got() == b"x" * 200_000
    app.transport.drain()
    assert app.got() == b"y" * 200_000
    app.sends(b"z" * 200_000)
    app.sends(b"w" * 200_000)
    assert not app.transport.reading
    client.transport.room = app.transport.room = None
    client.transport.drain()
    assert client.got() == b"z" * 200_000 + b"w" * 200_000
    assert app.transport.reading
    app.transport.drain()
    assert client.transport.reading


def test_a_client_that_half_closes_still_hears_the_app(stage: Stage) -> None:
    client, app = opened(stage)
    client.sends(b"bye")
    client.ends()
    assert app.got() == b"bye"
    assert app.transport.half_closed
    app.sends(b"bye too")
    app.ends()
    assert client.got() == b"bye too"
    assert client.closed
    assert stage.last.outcome is Outcome.TUNNELLED


@pytest.mark.parametrize("side", ["client", "app"])
def test_a_side_that_is_lost_ends_the_other(stage: Stage, side: str) -> None:
    client, app = opened(stage)
    (client if side == "client" else app).resets()
    assert client.transport.gone
    assert app.transport.gone
    assert stage.last.outcome is Outcome.TUNNELLED


def test_a_silent_tunnel_ends(make_stage) -> None:
    stage = make_stage(config=Config(timeouts=Timeouts(tunnel_idle=10)))
    client, app = opened(stage)
    stage.passes(9)
    client.sends(b"x")
    stage.passes(9)
    app.sends(b"y")
    stage.passes(9)
    assert stage.records == []
    stage.passes(2)
    assert client.closed
    assert app.cut
    assert (stage.last.outcome, stage.last.detail) == (Outcome.TUNNELLED, fault("timeout.tunnel").detail)


def test_a_drain_ends_it_in_order(stage: Stage) -> None:
    client, _ = opened(stage)
    for talk in list(stage.commons.conversations):
        talk.interrupt(fault("drain.deadline"))
    stage.settle()
    assert client.closed
    assert stage.last.outcome is Outcome.TUNNELLED
