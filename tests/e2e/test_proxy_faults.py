"""Faults of the app and of the client on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import h11
import pytest

from tests.e2e.proxy_rig import GET, OK, Line, Rig, on_uvloop, until
from tests.proxy.stage import OpenPolicy
from waf.config.schema import Timeouts
from waf.model import Outcome

App = Callable[[Line], Awaitable[None]]


def answers(*pieces: bytes, then: str = "stay") -> App:
    """An app that answers with these pieces (each in a segment of its own) and then leaves as told."""

    async def app(line: Line) -> None:
        await line.request()
        for piece in pieces:
            await line.send(piece)
            await asyncio.sleep(0.005)
        if then == "reset":
            line.reset()
        elif then == "close":
            line.close()
        else:
            await line.reader.read()

    return app


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"

CLEAN: list[tuple[str, App | None, int, str]] = [
    ("nobody listens", None, 502, "upstream.refused"),
    ("reset before the answer", answers(then="reset"), 502, "upstream.reset"),
    ("closed before the answer", answers(then="close"), 502, "upstream.reset"),
    ("reset within the head", answers(b"HTTP/1.1 200", then="reset"), 502, "upstream.reset"),
    ("closed within the head", answers(b"HTTP/1.1 200 OK\r\nContent", then="close"), 502, "upstream.reset"),
    ("only an interim answer", answers(b"HTTP/1.1 103 Hi\r\n\r\n", then="close"), 502, "upstream.reset"),
    ("garbage", answers(b"\x00\xff\x00\xffgarbage"), 502, "protocol.response-"),
    ("not HTTP", answers(b"220 mail.example ESMTP\r\n"), 502, "protocol.response-"),
    (
        "an unasked upgrade",
        answers(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n"),
        502,
        "upstream.unasked-upgrade",
    ),
    (
        "two lengths",
        answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        502,
        "protocol.",
    ),
    ("no answer in time", answers(), 504, "timeout.first-byte"),
]

CUT: list[tuple[str, App, str]] = [
    ("closed within a known length", answers(HEAD, b"hello", then="close"), "protocol.response-body-cut"),
    ("reset within a known length", answers(HEAD, b"hello", then="reset"), "upstream.reset"),
    ("closed within chunks", answers(CHUNKS, then="close"), "protocol.response-body-cut"),
    ("reset within chunks", answers(CHUNKS, then="reset"), "upstream.reset"),
    ("garbage within chunks", answers(CHUNKS, b"xyz\r\n"), "protocol.response-chunk-size"),
    ("stalled within the body", answers(HEAD, b"hello"), "timeout.response"),
]


def timeouts(rule: str) -> Timeouts:
    """Short is only the one that is waited for: a busy machine may be slow in all else."""
    return Timeouts(
        first_byte=0.3 if rule == "timeout.first-byte" else 60,
        response_idle=0.3 if rule == "timeout.response" else 60,
        connect=60,
        head=0.2 if rule == "timeout.head" else 60,
        body_idle=0.2 if rule == "timeout.body" else 60,
    )


@pytest.mark.parametrize(
    ("app", "code", "rule"), [case[1:] for case in CLEAN], ids=[case[0] for case in CLEAN]
)
@on_uvloop
async def test_before_the_answer_began_the_client_is_told(app: App | None, code: int, rule: str) -> None:
    async with Rig(app, timeouts=timeouts(rule)) as rig, rig.client() as client:
        await client.send(GET)
        answered, _, _ = await client.response()
        assert answered == code
        [exchange] = await rig.recorded(1)
        assert exchange.fault.startswith(rule)
        assert exchange.outcome is Outcome.UPSTREAM_FAULT


@pytest.mark.parametrize(("app", "rule"), [case[1:] for case in CUT], ids=[case[0] for case in CUT])
@on_uvloop
async def test_afterwards_the_client_sees_that_it_is_cut(app: App, rule: str) -> None:
    async with Rig(app, timeouts=timeouts(rule)) as rig, rig.client() as client:
        await client.send(GET)
        with pytest.raises(h11.RemoteProtocolError):
            await client.response()
        [exchange] = await rig.recorded(1)
        assert (exchange.fault, exchange.sent_status) == (rule, 200)


@on_uvloop
async def test_bytes_beyond_an_answer_reach_nobody() -> None:
    async def app(line: Line) -> None:
        await line.request()
        await line.send(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        await line.reader.read()

    async with Rig(app) as rig, rig.client() as client:
        for _ in range(3):
            await client.send(GET)
            assert (await client.response())[2] == b"hello"
        assert len(rig.lines) == 3


@on_uvloop
async def test_late_bytes_beyond_an_answer_end_the_idle_connection() -> None:
    more = asyncio.Event()

    async def app(line: Line) -> None:
        await line.request()
        await line.send(OK)
        await more.wait()
        await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        await line.reader.read()

    async with Rig(app) as rig, rig.client() as client:
        await client.send(GET)
        assert (await client.response())[2] == b"hello"
        more.set()
        await until(lambda: rig.server.gauges["upstream_open"] == 0)
        assert rig.server.stats.unasked_bytes == 1


@on_uvloop
async def test_a_restarted_app_is_found_again() -> None:
    async with Rig() as rig, rig.client() as client:
        await client.send(GET)
        assert (await client.response())[0] == 200
        await rig.stop_app()
        await until(lambda: rig.server.gauges["upstream_open"] == 0)
        await client.send(GET)
        assert (await client.response())[0] == 502
        await rig.start_app()
        await client.send(GET)
        assert (await client.response())[0] == 200


@on_uvloop
async def test_an_early_answer_is_seen_by_a_client_that_still_sends() -> None:
    async def app(line: Line) -> None:
        await line.head()
        await line.send(
            b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"
        )
        line.close()

    async with Rig(app, OpenPolicy(buffer=0, stream=True)) as rig, rig.client() as client:
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n" + b"x" * 10_000)
        code, headers, body = await client.response()
        assert (code, headers[b"connection"], body) == (413, b"close", b"big")
        await client.send(b"x" * 30_000)
        assert await client.rest() == b""
        assert (await rig.recorded(1))[0].outcome is Outcome.FORWARDED


# ------------------------------------------------------------------------------------------------- the client


@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize(
    "sent", [b"GET / HT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello"]
)
@on_uvloop
async def test_a_client_that_leaves_within_its_request(leave: str, sent: bytes) -> None:
    async with Rig() as rig:
        client = await rig.connect()
        await client.send(sent)
        await until(lambda: len(rig.ids.drawn) == 1)
        getattr(client, leave)()
        [exchange] = await rig.recorded(1)
        assert (exchange.outcome, exchange.sent_status) == (Outcome.CLIENT_GONE, 0)
        assert rig.lines == []


@pytest.mark.parametrize("leave", ["close", "reset"])
@on_uvloop
async def test_a_client_that_leaves_while_the_app_thinks_does_not_keep_it_busy(leave: str) -> None:
    gone = asyncio.Event()

    async def app(line: Line) -> None:
        await line.request()
        await line.rest()
        gone.set()

    async with Rig(app) as rig:
        client = await rig.connect()
        await client.send(GET)
        await until(lambda: len(rig.lines) == 1)
        getattr(client, leave)()
        await gone.wait()
        assert (await rig.recorded(1))[0].outcome is Outcome.CLIENT_GONE


@pytest.mark.parametrize("leave", ["close", "reset"])
@on_uvloop
async def test_a_client_that_leaves_within_its_answer(leave: str) -> None:
    async def app(line: Line) -> None:
        await line.request()
        await line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await line.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
            await asyncio.sleep(0.001)

    async with Rig(app) as rig:
        client = await rig.connect()
        await client.send(GET)
        await client.head()
        getattr(client, leave)()
        [exchange] = await rig.recorded(1)
        assert (exchange.outcome, exchange.sent_status) == (Outcome.CLIENT_GONE, 200)
        await until(lambda: rig.server.gauges["upstream_open"] == 0)


@on_uvloop
async def test_a_client_that_half_closes_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waf.proxy.downstream.HALF_CLOSED_SECONDS", 60.0)  # however slow this machine is
    async with Rig() as rig, rig.client() as client:
        await client.send(GET)
        client.half_close()
        assert (await client.rest()).endswith(b"hello")


@on_uvloop
async def test_what_is_malformed_is_answered_in_full_before_the_end() -> None:
    async with Rig() as rig, rig.client() as client:
        await client.send(
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        await client.send(b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        code, headers, _ = await client.response()
        assert (code, headers[b"connection"]) == (400, b"close")
        assert await client.rest() == b""
        assert rig.lines == []
        assert len(await rig.recorded(1)) == 1


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (b"GET / HTTP/1.1\r\nHo", "timeout.head"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "timeout.body"),
    ],
)
@on_uvloop
async def test_a_client_that_stalls(sent: bytes, fault: str) -> None:
    async with Rig(timeouts=timeouts(fault)) as rig, rig.client() as client:
        await client.send(sent)
        assert (await client.response())[0] == 408
        assert (await rig.recorded(1))[0].fault == fault


@on_uvloop
async def test_a_client_that_does_not_read() -> None:
    async def app(line: Line) -> None:
        await line.request()
        await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            await line.send(b"x" * 65536)

    async with Rig(app, timeouts=Timeouts(write=0.3)) as rig:
        client = await rig.connect(limit=1024)
        await client.send(GET)
        [exchange] = await rig.recorded(1)
        assert exchange.fault == "timeout.write"
        await until(lambda: rig.server.gauges["upstream_open"] == 0)
