"""An app to stand behind the sidecar in robustness runs: answers that can be verified, and every way to fail.

    python -m bench.backend --port 9000

    GET  /ok                 a short JSON answer
    GET  /page/SIZE/SEED     text/html of SIZE bytes that follow from SEED
    GET  /data/SIZE/SEED     the same as application/octet-stream, chunked
    GET  /slow/SECONDS       a short answer after a while
    POST /echo               the body, as it came, with its content type
    POST /sink               {"received": bytes of the body}
    any  /fault/NAME         a fault of FAULTS

Answers to /page and /echo say in X-Seen-Id which request id came in. One asyncio protocol per connection.
It trusts the sidecar for well-formed requests and is no example of a server.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import re
import socket
import zlib
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final, cast

import uvloop

_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.I)
_TYPE: Final = re.compile(rb"\r\ncontent-type:[ \t]*([^\r]+)", re.I)
_ID: Final = re.compile(rb"\r\nx-request-id:[ \t]*([^\r]+)", re.I)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.I)
_UNIT: Final = 1024 * 1024
_KEPT: Final = 4 * 1024 * 1024  # of a body that will be echoed
_LINE: Final = b"The quick brown fox carries %08x letters over the lazy river.\n"


@lru_cache(maxsize=1024)
def pattern(size: int, seed: int) -> bytes:
    """Readable bytes that follow from `size` and `seed`; lines differ, so a shifted byte shows."""
    lines, total, number = [], 0, zlib.crc32(b"%d" % seed)
    while total < min(size, _UNIT):
        lines.append(_LINE % number)
        total += len(lines[-1])
        number = (number * 1664525 + 1013904223) % 2**32
    unit = b"".join(lines)
    return (unit * (size // total + 1))[:size] if total else b""


def answer(body: bytes, content_type: bytes = b"application/json", extra: bytes = b"") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n"
    return head % (content_type, len(body), extra) + body


@lru_cache(maxsize=64)
def chunked(body: bytes, size: int = 8_000) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class App(asyncio.Protocol):
    """One connection; requests are answered in turn."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.head = b""  # of the request whose body is being read, b"" between requests
        self.left = 0  # bytes of the body, or of the current chunk, still to come
        self.in_chunks = False
        self.in_chunk = False  # its CRLF is still to come
        self.received = 0
        self.kept: list[bytes] = []
        self.waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None

    def data_received(self, data: bytes) -> None:
        if self.head and not self.in_chunks and not self.buffer and len(data) <= self.left:
            self._payload(data)  # the usual way of a large body, without a copy
            self.left -= len(data)
            if not self.left:
                self._finish()
            return
        self.buffer += data
        while self.waiting is None and not self.transport.is_closing() and self._step():
            pass

    def _step(self) -> bool:
        """Do the next thing the buffer allows; False if it needs more bytes."""
        if not self.head:
            return self._read_head()
        if self.in_chunks and not self.left:
            return self._read_chunk_line()
        if not self.buffer:
            return False
        piece = bytes(self.buffer[: self.left])
        del self.buffer[: len(piece)]
        self.left -= len(piece)
        self._payload(piece)
        if not self.left and not self.in_chunks:
            self._finish()
        return True

    def _read_head(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        self.head = bytes(self.buffer[: end + 4])
        del self.buffer[: end + 4]
        self.received, self.kept = 0, []
        fault = self._path().removeprefix(b"/fault/").decode("latin-1")
        if fault in FAULTS and fault.startswith("early"):
            FAULTS[fault](self)
            return False
        length = _LENGTH.search(self.head)
        self.in_chunks = _CHUNKED.search(self.head) is not None
        self.left = int(length[1]) if length and not self.in_chunks else 0
        if not self.left and not self.in_chunks:
            self._finish()
        return True

    def _read_chunk_line(self) -> bool:
        skip = 2 if self.in_chunk else 0  # the CRLF of the chunk before
        end = self.buffer.find(b"\r\n", skip)
        if end < 0:
            return False
        size = int(self.buffer[skip:end].split(b";")[0], 16)
        if size == 0:
            if len(self.buffer) < end + 4:
                return False  # trailers are not understood here; the sidecar drops them
            del self.buffer[: end + 4]
            self._finish()
            return True
        del self.buffer[: end + 2]
        self.left, self.in_chunk = size, True
        return True

    def _path(self) -> bytes:
        return self.head.split(b" ", 2)[1].partition(b"?")[0]

    def _payload(self, piece: bytes) -> None:
        self.received += len(piece)
        if self.received <= _KEPT and b"/echo" in self.head[:32]:
            self.kept.append(piece)

    def _finish(self) -> None:
        """The request ended: answer it."""
        path, head = self._path(), self.head
        self.head, self.in_chunks, self.in_chunk, self.left = b"", False, False, 0
        first, _, rest = path[1:].decode("latin-1").partition("/")
        match first:
            case "page":
                size, _, seed = rest.partition("/")
                self.transport.write(answer(pattern(int(size), int(seed)), b"text/html", _seen(head)))
            case "data":
                size, _, seed = rest.partition("/")
                self.transport.write(chunked(pattern(int(size), int(seed))))
            case "slow":
                self.waiting = asyncio.get_running_loop().call_later(min(float(rest), 30.0), self._later)
            case "echo":
                found = _TYPE.search(head)
                content_type = found[1] if found else b"text/plain"
                self.transport.write(answer(b"".join(self.kept), content_type, _seen(head)))
            case "fault" if rest in FAULTS:
                FAULTS[rest](self)
            case "sink" | "upload":
                self.transport.write(answer(b'{"received":%d}' % self.received))
            case _:
                self.transport.write(answer(b'{"ok":true}'))

    def _later(self) -> None:
        self.waiting = None
        self.transport.write(answer(b'{"ok":true}'))
        self.data_received(b"")

    # ---- faults

    def say(self, data: bytes, *, close: bool = True) -> None:
        self.transport.write(data)
        if close:
            self.transport.close()

    def reset(self, data: bytes = b"") -> None:
        """Send `data`, then a TCP reset."""
        if data:
            self.transport.write(data)
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger: on, 0 seconds
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


def _seen(head: bytes) -> bytes:
    found = _ID.search(head)
    return b"X-Seen-Id: %b\r\n" % found[1] if found else b""


@cache
def bomb(megabytes: int = 64) -> bytes:
    """A gzip stream of zeros: a thousandth of the size it unfolds to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(megabytes)) + packer.flush()


_CUT: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100000\r\n\r\n"

FAULTS: Final[dict[str, Callable[[App], None]]] = {
    "early-close": lambda app: app.transport.close(),
    "early-reset": lambda app: app.reset(),
    "early-answer": lambda app: app.say(
        answer(b"no need to read on", b"text/plain", b"Connection: close\r\n")
    ),
    "silence": lambda app: None,
    "half-head": lambda app: app.say(b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "stuck-head": lambda app: app.say(b"HTTP/1.1 200 OK\r\nContent-Ty", close=False),
    "garbage": lambda app: app.say(b"\x16\x03\x01 this is no HTTP\r\n\r\n"),
    "huge-head": lambda app: app.say(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n"),
    "two-lengths": lambda app: app.say(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    ),
    "cut-body": lambda app: app.say(_CUT + b"a" * 5_000),
    "reset-body": lambda app: app.reset(_CUT + b"a" * 5_000),
    "stuck-body": lambda app: app.say(_CUT + b"a" * 5_000, close=False),
    "cut-chunk": lambda app: app.say(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"
    ),
    "bad-chunk": lambda app: app.say(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0xzz\r\nabc\r\n0\r\n\r\n"
    ),
    "surplus": lambda app: app.say(
        answer(b"ok", b"text/plain") + b"HTTP/1.1 200 OK\r\n\r\nmore", close=False
    ),
    "unasked-101": lambda app: app.say(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", close=False
    ),
    "gzip-bomb": lambda app: app.say(
        answer(bomb(), b"text/html", b"Content-Encoding: gzip\r\n"), close=False
    ),
    "bad-gzip": lambda app: app.say(
        answer(b"\x1f\x8b\x08\x00 this is no deflate", b"text/html", b"Content-Encoding: gzip\r\n"),
        close=False,
    ),
}


async def serve(host: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(App, host, port, backlog=4096, reuse_address=True)


async def _main(port: int) -> None:
    server = await serve("127.0.0.1", port)
    gc.freeze()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_main(parser.parse_args().port))
