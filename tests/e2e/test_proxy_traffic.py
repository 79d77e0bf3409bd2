"""Ordinary and heavy traffic on real sockets: pipelines, streams, tunnels, Unix sockets, reloads, drains."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import itertools
import os
import random
import socket
import tracemalloc
from pathlib import Path

import h11
import pytest

from tests.e2e.proxy_rig import GET, OK, Line, Rig, on_uvloop, until
from tests.loopback import HOST
from tests.proxy.stage import OpenPolicy
from waf.config.schema import Config, Limits, Listen, Timeouts, Upstream
from waf.model import Outcome
from waf.proxy.server import Server
from waf.proxy.tunnel import accept_of

MEGABYTE = 1 << 20


async def echo(line: Line) -> None:
    """Answers with what it got: target and body."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head, body = await line.request()
            answer = head.split(b" ", 2)[1] + b"|" + body
            await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))


@on_uvloop
async def test_many_requests_on_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    # Else a connection that has been idle for a second gets no POST any more, and a busy machine is idle for a second.
    monkeypatch.setattr("waf.proxy.upstream.UNREPEATABLE_IDLE", 600.0)

    async def talk(rig: Rig, name: int) -> None:
        async with rig.client() as client:
            for turn in range(20):
                body = os.urandom(random.choice((0, 10, 5000, 200_000)))
                target = b"/%d/%d" % (name, turn)
                head = b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (target, len(body))
                await client.send(head + body)
                code, _, answer = await client.response()
                assert code == 200
                assert answer == target + b"|" + body

    async with Rig(echo) as rig:
        await asyncio.gather(*(talk(rig, name) for name in range(20)))
        assert len(await rig.recorded(400)) == 400
        assert len(rig.lines) <= 20


@on_uvloop
async def test_a_pipeline_is_answered_in_order() -> None:
    async with Rig(echo) as rig, rig.client() as client:
        await client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(50)))
        for n in range(50):
            assert (await client.response())[2] == b"/%d|" % n
        assert len(rig.lines) == 1


@on_uvloop
async def test_a_pipeline_of_refused_requests_leaves_time_for_others() -> None:
    policy = OpenPolicy()
    async with Rig(echo, policy) as rig, rig.client() as greedy, rig.client() as other:
        await greedy.send(b"GET /greedy HTTP/1.1\r\n\r\n" * 5000)  # refused, the connection ends
        await other.send(GET)
        assert (await other.response())[0] == 200
        assert (await greedy.response())[0] == 400
        assert len(await rig.recorded(2)) == 2


@on_uvloop
async def test_continue_comes_before_the_body() -> None:
    async with Rig(echo) as rig, rig.client() as client:
        await client.send(b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert await client.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"hello")
        assert (await client.response())[2] == b"/x|hello"


@on_uvloop
async def test_http_1_0() -> None:
    async with Rig(echo) as rig, rig.client() as client:
        await client.send(b"GET /old HTTP/1.0\r\n\r\n")
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\n/old|")


@on_uvloop
async def test_events_of_the_app_are_not_held_back() -> None:
    tick = asyncio.Event()

    async def app(line: Line) -> None:
        await line.request()
        await line.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for n in range(3):
            await line.send(b"9\r\ndata: %d\n\n\r\n" % n)
            await tick.wait()
            tick.clear()
        await line.send(b"0\r\n\r\n")

    async with Rig(app) as rig, rig.client() as client:
        await client.send(GET)
        await client.head()
        for n in range(3):
            assert await client.reader.readexactly(14) == b"9\r\ndata: %d\n\n\r\n" % n
            tick.set()
        assert await client.reader.readexactly(5) == b"0\r\n\r\n"


@on_uvloop
async def test_unix_sockets_on_both_sides(tmp_path: Path) -> None:
    async with Rig(echo, unix=str(tmp_path)) as rig:
        async with rig.client() as client:
            await client.send(b"GET /u HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await client.response())[2] == b"/u|"
            assert (await rig.recorded(1))[0].peer.address == ""
        assert (tmp_path / "waf.sock").exists()
    assert not (tmp_path / "waf.sock").exists()


@on_uvloop
async def test_a_unix_socket_left_behind_is_replaced_but_not_one_in_use(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "waf.sock"))
    async with Rig(echo, unix=str(tmp_path)):
        second = Rig(None, unix=str(tmp_path))
        with pytest.raises(OSError, match="in use"):
            await second.__aenter__()


@on_uvloop
async def test_a_websocket_echo() -> None:
    key = base64.b64encode(os.urandom(16))

    async def app(line: Line) -> None:
        await line.head()
        await line.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: " + accept_of(key) + b"\r\n\r\n"
        )
        while data := await line.reader.read(65536):
            await line.send(data)

    async with Rig(app) as rig:
        client = await rig.connect()
        await client.send(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
        )
        assert (await client.head()).startswith(b"HTTP/1.1 101 ")
        frames = os.urandom(3 * MEGABYTE)
        sending = asyncio.ensure_future(client.send(frames))
        assert await client.reader.readexactly(len(frames)) == frames
        await sending
        client.half_close()
        assert await client.rest() == b""
        client.close()
        [exchange] = await rig.recorded(1)
        assert exchange.outcome is Outcome.TUNNELLED
        assert exchange.bytes_from_app > len(frames)
        assert rig.server.stats.tunnels == 1


# -------------------------------------------------------------------------------------------- constant memory


async def upload(size: int, framing: str) -> None:
    """Send `size` bytes through; the app reads slowly at first."""
    piece = os.urandom(65536)
    count = size // len(piece)
    received, digest = 0, hashlib.md5(usedforsecurity=False)

    async def app(line: Line) -> None:
        nonlocal received
        await line.head()
        await asyncio.sleep(0.2)
        while received < size:
            if framing == "chunked":
                length = int(await line.reader.readline(), 16)
                data = await line.reader.readexactly(length)
                await line.reader.readexactly(2)
            else:
                data = await line.reader.read(1 << 17)
            digest.update(data)
            received += len(data)
        if framing == "chunked":
            assert await line.reader.readexactly(5) == b"0\r\n\r\n"
        await line.send(OK)

    async with Rig(app, OpenPolicy(buffer=MEGABYTE)) as rig, rig.client() as client:
        expected = hashlib.md5(usedforsecurity=False)
        if framing == "chunked":
            await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(count):
            expected.update(piece)
            await client.send(b"10000\r\n" + piece + b"\r\n" if framing == "chunked" else piece)
        if framing == "chunked":
            await client.send(b"0\r\n\r\n")
        assert (await client.response())[0] == 200
        assert digest.digest() == expected.digest()


async def download(size: int, framing: str) -> None:
    """Fetch `size` bytes; the client reads slowly at first."""
    piece = os.urandom(65536)
    count = size // len(piece)

    async def app(line: Line) -> None:
        await line.request()
        if framing == "chunked":
            await line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        elif framing == "length":
            await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        else:
            await line.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(count):
            await line.send(b"10000\r\n" + piece + b"\r\n" if framing == "chunked" else piece)
        if framing == "chunked":
            await line.send(b"0\r\n\r\n")

    async with Rig(app) as rig, rig.client() as client:
        await client.send(GET.replace(b"1.1", b"1.0") if framing == "close" else GET)
        await client.head()
        await asyncio.sleep(0.2)
        got = 0
        while got < size:
            if framing == "length":
                got += len(await client.reader.read(1 << 17))
            elif framing == "close":
                got += len(await client.reader.readexactly(min(1 << 17, size - got)))
            else:
                length = int(await client.reader.readline(), 16)
                await client.reader.readexactly(length + 2)
                got += length
        assert got == size
        if framing == "chunked":
            assert await client.reader.readexactly(5) == b"0\r\n\r\n"
        [exchange] = await rig.recorded(1)
        assert exchange.outcome is Outcome.FORWARDED
        assert exchange.bytes_from_app >= size


@pytest.mark.parametrize("framing", ["length", "chunked"])
@on_uvloop
async def test_an_upload_in_constant_memory(framing: str) -> None:
    tracemalloc.start()
    try:
        await upload(48 * MEGABYTE, framing)
        assert tracemalloc.get_traced_memory()[1] < 6 * MEGABYTE  # client and app are counted too
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@on_uvloop
async def test_a_download_in_constant_memory(framing: str) -> None:
    tracemalloc.start()
    try:
        await download(48 * MEGABYTE, framing)
        assert tracemalloc.get_traced_memory()[1] < 6 * MEGABYTE
    finally:
        tracemalloc.stop()


def resident() -> int:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.parametrize("way", [upload, download])
def test_a_gigabyte_in_constant_memory(way) -> None:
    import uvloop

    before = resident()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(way(1024 * MEGABYTE, "length"))
    assert resident() - before < 40 * MEGABYTE


@pytest.mark.slow
@on_uvloop
async def test_five_thousand_idle_connections() -> None:
    async with Rig(limits=Limits(connections=6000)) as rig:
        before = resident()
        sockets = []
        for _ in range(5000):
            sock = socket.socket()
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (rig.endpoint.host, rig.endpoint.port))
            sockets.append(sock)
        await until(lambda: rig.server.gauges["connections_open"] == 5000)
        assert (resident() - before) / 5000 < 6 * 1024
        async with rig.client() as client:
            await client.send(GET)
            assert (await client.response())[0] == 200
        for sock in sockets:
            sock.close()


# ------------------------------------------------------------------------------------------------------ drain


@on_uvloop
async def test_a_drain_under_load_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waf.proxy.server.IDLE_GRACE", 20.0)  # no client of this machine is as slow

    async def slow(line: Line) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await line.request()
                await asyncio.sleep(0.002)
                await line.send(OK)

    served = itertools.count()
    draining = asyncio.Event()

    async def talk(rig: Rig) -> None:
        while True:
            try:
                client = await rig.connect()
            except ConnectionRefusedError:
                assert draining.is_set()
                return
            while True:
                await client.send(GET)
                code, headers, body = await client.response()
                assert (code, body) == (200, b"hello")
                next(served)
                if headers.get(b"connection") == b"close":
                    assert draining.is_set()
                    break
            client.close()

    async with Rig(slow) as rig:
        talks = [asyncio.create_task(talk(rig)) for _ in range(30)]
        await until(lambda: len(rig.records) > 300)
        draining.set()
        result = await rig.server.drain(60)
        await asyncio.gather(*talks)
        assert result.clean
        assert all(exchange.outcome is Outcome.FORWARDED for exchange in rig.records)
        assert len(rig.records) == next(served)


@on_uvloop
async def test_a_drain_ends_idle_connections_and_waits_for_the_rest() -> None:
    go = asyncio.Event()

    async def app(line: Line) -> None:
        await line.request()
        await go.wait()
        await line.send(OK)

    async with Rig(app) as rig, rig.client() as idle, rig.client() as busy:
        await busy.send(GET)
        await until(lambda: len(rig.lines) == 1)
        drain = asyncio.create_task(rig.server.drain(60))
        assert await idle.rest() == b""
        assert not drain.done()
        with pytest.raises(ConnectionRefusedError):
            await rig.connect()
        go.set()
        code, headers, _ = await busy.response()
        assert (code, headers[b"connection"]) == (200, b"close")
        assert (await drain).clean


@on_uvloop
async def test_a_drain_has_a_deadline() -> None:
    async def app(line: Line) -> None:
        await line.request()
        await line.reader.read()

    async with Rig(app) as rig, rig.client() as client:
        await client.send(GET)
        await until(lambda: len(rig.lines) == 1)
        result = await rig.server.drain(0.2)
        assert (result.clean, result.cut) == (False, 1)
        assert (await client.response())[0] == 503
        assert (await rig.recorded(1))[0].fault == "drain.deadline"


@on_uvloop
async def test_several_processes_may_share_a_port() -> None:
    def server(address: str, rig: Rig) -> Server:
        config = Config(
            listen=Listen(address=address), upstream=Upstream(url=f"http://{HOST}:{rig.app_port}")
        )
        return Server(config, lambda: rig.policy, rig.records.append, ids=rig.ids)

    async with Rig() as rig:
        first = server(f"{HOST}:0", rig)
        await first.start(reuse_port=True)
        address = str(first.endpoints[0])
        second, third = server(address, rig), server(address, rig)
        await second.start(reuse_port=True)
        with pytest.raises(OSError, match="in use"):
            await third.start()
        await first.close()
        await second.close()


# --------------------------------------------------------------------------------------------------- upheaval


@on_uvloop
async def test_policies_change_and_the_app_restarts_under_load() -> None:
    async def talk(rig: Rig, name: int, ends: asyncio.Event) -> dict[int, int]:
        codes: dict[int, int] = {}
        turn = 0
        while not ends.is_set():
            client = await rig.connect()
            with contextlib.suppress(ConnectionError, h11.RemoteProtocolError):
                while not ends.is_set():
                    turn += 1
                    body = b"%d-%d" % (name, turn) * random.randrange(1, 500)
                    head = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (turn, len(body))
                    await client.send(head + body)
                    code, _, answer = await client.response()
                    codes[code] = codes.get(code, 0) + 1
                    if code == 200:
                        assert answer == b"/%d|%b" % (turn, body)
                    else:
                        assert code == 502
            client.close()
        return codes

    ends = asyncio.Event()
    async with Rig(echo, timeouts=Timeouts(first_byte=60)) as rig:
        talks = [asyncio.create_task(talk(rig, name, ends)) for name in range(30)]
        for turn in range(6):
            seen = len(rig.records)
            await until(lambda seen=seen: len(rig.records) > seen + 40)
            rig.policy = OpenPolicy()
            rig.policy.version = f"v{turn}"
            await rig.stop_app(reset=turn % 2 == 0)
            await until(lambda: any(exchange.sent_status == 502 for exchange in rig.records[-10:]))
            await rig.start_app()
        seen = len(rig.records)
        await until(lambda: len(rig.records) > seen + 40)
        ends.set()
        codes = await asyncio.gather(*talks)
        assert sum(c.get(200, 0) for c in codes) > 100
        assert sum(c.get(502, 0) for c in codes) > 0
        assert len({exchange.policy_version for exchange in rig.records}) > 3
        assert {exchange.outcome for exchange in rig.records} <= {
            Outcome.FORWARDED, Outcome.UPSTREAM_FAULT, Outcome.CLIENT_GONE
        }  # fmt: skip
