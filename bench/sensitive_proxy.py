"""Documents of the corpus through a running sidecar, both ways: as they are, gzipped, cut anywhere, and very long.

The app stands in a thread of this process, so it can be told how to send the next answer, and asked what came in.
"""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.peers import Peer, start_sidecar
from bench.processes import cores
from bench.sensitive_corpus import Document
from bench.sensitive_values import luhn
from bench.wire import Connection

CONFIG: Final = """
signatures:
  mode: monitor
profiles:
  enabled: false
sensitive:
  report_only: []
  request_action: mask
limits:
  inspect_body: 256KiB
"""
"""All entities masked, both ways; attack rules only watch, as documents of a corpus may look like anything."""

PAUSE: Final = 0.0006
"""Seconds between two pieces of a cut answer: enough for the proxy to read them one by one."""


class Plan(NamedTuple):
    """How the next answer is sent: in one piece with its length, or in chunks with a pause between them."""

    content_type: str
    pieces: Sequence[bytes] | Iterator[bytes]
    coding: str = ""
    chunked: bool = False
    pause: float = PAUSE


class App:
    """One request at a time; `received` is the last body that came."""

    def __init__(self) -> None:
        self.plan = Plan("application/json", (b"{}",))
        self.received = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        with connection, reader:
            while line := reader.readline():
                headers = {}
                while (field := reader.readline().strip()) != b"":
                    name, _, value = field.partition(b":")
                    headers[name.lower()] = value.strip()
                if b"content-length" in headers:
                    self.received = reader.read(int(headers[b"content-length"]))
                elif b"transfer-encoding" in headers:
                    pieces = []
                    while size := int(reader.readline(), 16):
                        pieces.append(reader.read(size))
                        reader.readline()
                    reader.readline()
                    self.received = b"".join(pieces)
                self._answer(connection, head_only=line.startswith(b"HEAD "))

    def _answer(self, connection: socket.socket, head_only: bool) -> None:
        plan = self.plan
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {plan.content_type}\r\n"
        if plan.coding:
            head += f"Content-Encoding: {plan.coding}\r\n"
        if not plan.chunked:
            body = b"".join(plan.pieces)
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            return
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for piece in plan.pieces if not head_only else ():
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            if plan.pause:
                time.sleep(plan.pause)
        connection.sendall(b"0\r\n\r\n")

    def close(self) -> None:
        self._listener.close()


class Rig:
    """The sidecar between the app and one keep-alive connection of ours."""

    def __init__(self, directory: Path) -> None:
        self.app = App()
        self.sidecar: Peer = start_sidecar(directory, cores(), self.app.port, more=CONFIG)
        self._connection = Connection(self.sidecar.port, timeout=600.0)

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.socket.close()
        self.sidecar.server.stop()
        self.app.close()

    def response(self, document: Document, sizes: Sequence[int] = (), coded: bool = False) -> bytes:
        """What a client gets of a document that the app sends whole, or cut after `sizes` bytes each."""
        body = gzip.compress(document.body, 6) if coded else document.body
        pieces = []
        for size in sizes:
            pieces.append(body[:size])
            body = body[size:]
        pieces = [piece for piece in (*pieces, body) if piece]
        self.app.plan = Plan(document.content_type, pieces, "gzip" if coded else "", chunked=bool(sizes))
        answer = self._connection.exchange(b"GET /x HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: gzip\r\n\r\n")
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}")
        zipped = answer.headers.get(b"content-encoding") == b"gzip"
        return zlib.decompress(answer.body, 47) if zipped else answer.body

    def request(self, document: Document, coded: bool = False) -> bytes:
        """What the app gets of a document that a client sends."""
        self.app.plan = Plan("application/json", (b"{}",))
        body = gzip.compress(document.body, 6) if coded else document.body
        coding = b"Content-Encoding: gzip\r\n" if coded else b""
        self.app.received = b""
        answer = self._connection.exchange(
            b"POST /x HTTP/1.1\r\nHost: bench\r\nContent-Type: %b\r\n%bContent-Length: %d\r\n\r\n%b"
            % (document.content_type.encode(), coding, len(body), body)
        )
        if answer.status != 200:
            raise RuntimeError(f"status {answer.status}")
        got = self.app.received
        return zlib.decompress(got, 47) if got[:2] == b"\x1f\x8b" else got


class Download(NamedTuple):
    """A very long table through the sidecar."""

    megabytes: float
    rows: int
    masked: int
    resident_before: int  # bytes
    most_resident: int  # bytes, the highest of samples while it passed
    cpu_seconds: float


def long_download(rig: Rig, megabytes: int) -> Download:
    """A CSV of so many megabytes with a card number in every tenth row, streamed, counted and dropped."""
    row = "{:09d},Jane Doe,jane street {},{},Graz,2026-01-31,{:.2f},a note about nothing at all\n"
    block_rows = 1000
    rows = 1 + megabytes * 1024 * 1024 // (
        len(row.format(1, 10, "", 10.0)) + 1
    )  # every tenth has 16 bytes more
    cards = [luhn("453914" + f"{number:09d}") for number in range(100)]

    def blocks() -> Iterator[bytes]:
        yield b"id,name,street,card,city,since,amount,note\n"
        for start in range(0, rows, block_rows):
            yield "".join(
                row.format(n, n % 97, cards[n // 10 % 100] if n % 10 == 0 else "", n % 9973 / 100)
                for n in range(start, min(start + block_rows, rows))
            ).encode()

    server = rig.sidecar.server
    before = server.usage()
    rig.app.plan = Plan("text/csv", blocks(), chunked=True, pause=0.0)
    connection = Connection(rig.sidecar.port, timeout=600.0)
    connection.socket.sendall(b"GET /x HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
    size = masked = most = 0
    tail = b""
    next_look = 0.0
    while data := connection.socket.recv(1 << 20):
        size += len(data)
        text = tail + data
        masked += text.count(b",453914******")
        tail = text[-13:]
        masked -= tail.count(b",453914******")
        if time.monotonic() > next_look:
            next_look = time.monotonic() + 0.5
            most = max(most, server.usage().resident)
    connection.socket.close()
    after = server.usage()
    return Download(
        size / (1024 * 1024), rows, masked, before.resident, max(most, after.resident),
        after.cpu_seconds - before.cpu_seconds,
    )  # fmt: skip
