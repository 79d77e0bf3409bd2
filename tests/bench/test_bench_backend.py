"""The app of the robustness runs: right answers however requests are cut, and faults that are faults."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.backend import FAULTS, App, answer, bomb, chunked, pattern, serve


class Fake(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:  # type: ignore[override]
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def said(*pieces: bytes) -> bytes:
    app, transport = App(), Fake()
    app.connection_made(transport)
    for piece in pieces:
        app.data_received(piece)
    return transport.written


ECHO = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nX-Request-Id: r1\r\n"
REQUESTS = [
    (b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n", answer(b'{"ok":true}')),
    (b"GET /page/300/7 HTTP/1.1\r\nHost: x\r\n\r\n", answer(pattern(300, 7), b"text/html")),
    (b"GET /data/20000/7 HTTP/1.1\r\nHost: x\r\n\r\n", chunked(pattern(20_000, 7))),
    (b"POST /sink HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde", answer(b'{"received":5}')),
    (b"POST /sink HTTP/1.1\r\nContent-Length: 0\r\n\r\n", answer(b'{"received":0}')),
    (ECHO + b"Content-Length: 5\r\n\r\nab\r\nc", answer(b"ab\r\nc", b"text/plain", b"X-Seen-Id: r1\r\n")),
    (
        ECHO + b"Transfer-Encoding: chunked\r\n\r\n4\r\nab\r\n\r\n2\r\n\r\n\r\n0\r\n\r\n",
        answer(b"ab\r\n\r\n", b"text/plain", b"X-Seen-Id: r1\r\n"),
    ),
]


@pytest.mark.parametrize(("request_", "expected"), REQUESTS)
def test_answers_whole_byte_by_byte_and_with_a_tail(request_: bytes, expected: bytes) -> None:
    assert said(request_) == expected
    assert said(*(request_[i : i + 1] for i in range(len(request_)))) == expected
    assert said(request_ + request_) == expected * 2


@given(st.binary(max_size=300), st.data())
@settings(max_examples=100)
def test_an_echo_is_the_body_however_it_was_chunked_and_cut(body: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True) if a < b]
    raw = ECHO + b"Transfer-Encoding: chunked\r\n\r\n"
    raw += b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    at = data.draw(st.integers(0, len(raw)))
    assert said(raw[:at], raw[at:]).endswith(b"X-Seen-Id: r1\r\n\r\n" + body)


@pytest.mark.parametrize("size", [0, 1, 63, 5_000, 3_000_000])
def test_a_pattern_has_its_size_and_depends_on_its_seed(size: int) -> None:
    assert len(pattern(size, 1)) == size
    assert size < 30 or pattern(size, 1) != pattern(size, 2)


def test_a_bomb_unfolds_to_what_it_says() -> None:
    packed = bomb(2)
    assert len(zlib.decompress(packed, 31)) == 2 * 2**20
    assert len(packed) < 5_000


@pytest.fixture
async def port() -> AsyncIterator[int]:
    server = await serve("127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


SILENT = {"silence", "early-close", "early-reset"}


@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"silence", "stuck-head", "stuck-body", "gzip-bomb"}))
async def test_faults_over_a_socket(port: int, name: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /fault/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    writer.write_eof()
    data = b""
    async with asyncio.timeout(60):
        try:
            data = await reader.read()
        except ConnectionResetError:
            assert "reset" in name
    assert bool(data) == (name not in SILENT) or "reset" in name
    writer.close()


async def test_a_slow_answer_comes_and_the_next_request_waits_for_it(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"GET /slow/0.01 HTTP/1.1\r\nHost: x\r\n\r\nPOST /sink HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"
    )
    async with asyncio.timeout(60):
        await reader.readuntil(b'{"ok":true}')
        await reader.readuntil(b"\r\n\r\n")
        assert json.loads(await reader.readexactly(14)) == {"received": 2}
    writer.close()
