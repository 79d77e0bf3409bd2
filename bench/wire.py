"""The smallest client that can measure: one blocking keep-alive connection, raw bytes out, one answer in.

It reads strictly: an answer that is cut, or followed by bytes nobody asked for, is a `WireError`. Knows
nothing of what it sends.
"""

from __future__ import annotations

import socket
import time
from types import TracebackType
from typing import Final, NamedTuple

MAX_HEAD: Final = 64 * 1024


class WireError(Exception):
    """The peer closed early, sent garbage, or sent more than its answer."""


class Answer(NamedTuple):
    status: int
    headers: dict[bytes, bytes]  # by lower-case name, the last of each
    body: bytes
    seconds: float  # from the first byte sent to the last byte read


class Connection:
    """A connection to 127.0.0.1:`port`, opened at once; every operation ends after `timeout` seconds."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def exchange(self, request: bytes) -> Answer:
        """Send one whole request, read its whole answer. Raises WireError and OSError."""
        started = time.perf_counter()
        self.socket.sendall(request)
        status, headers = self.head()
        while 100 <= status < 200:
            status, headers = self.head()
        body = b"" if request.startswith(b"HEAD ") or status in (204, 304) else self.body(headers)
        if self._buffer:
            raise WireError("bytes after the end of the answer")
        return Answer(status, headers, body, time.perf_counter() - started)

    def head(self) -> tuple[int, dict[bytes, bytes]]:
        """The next answer's status and headers."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise WireError("endless head")
            self._more()
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        version, _, rest = lines[0].partition(b" ")
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or not rest[:3].isdigit():
            raise WireError("no status line")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        return int(rest[:3]), headers

    def body(self, headers: dict[bytes, bytes]) -> bytes:
        """The payload that belongs to these headers, read to its end."""
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            pieces = []
            while size := int(self._line().split(b";")[0], 16):
                pieces.append(self._take(size))
                if self._take(2) != b"\r\n":
                    raise WireError("chunk without an end")
            while self._line():
                pass
            return b"".join(pieces)
        if b"content-length" in headers:
            return self._take(int(headers[b"content-length"]))
        pieces = [bytes(self._buffer)]
        self._buffer.clear()
        while data := self.socket.recv(256 * 1024):
            pieces.append(data)
        return b"".join(pieces)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _more(self) -> None:
        data = self.socket.recv(256 * 1024)
        if not data:
            raise WireError("closed before the answer ended")
        self._buffer += data


def ask(port: int, request: bytes, timeout: float = 30.0) -> Answer:
    """One exchange on a connection of its own."""
    with Connection(port, timeout) as connection:
        return connection.exchange(request)


def get(port: int, path: str, host: str = "127.0.0.1", timeout: float = 30.0) -> Answer:
    return ask(port, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode(), timeout)
