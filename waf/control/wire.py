"""HTTP for the control port: few clients, small messages, one coroutine for each connection.

Reads with the data path's own strict parser, so the sidecar has one reading of HTTP and no second server's weaknesses;
a web framework kept 10 MB resident and took a third of the time to ready. Owns limits on what an asker can hold:
connections, sizes, time. Knows neither routes nor who may ask.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from waf.config.address import Endpoint
from waf.config.schema import Limits, Size
from waf.errors import ClientFault
from waf.http1 import framing, parse
from waf.model import Framing, Request
from waf.proxy.replies import http_date
from waf.record.log import Log

MAX_BODY: Final = 64 * 1024
MAX_UPLOAD: Final = 8 * 1024 * 1024  # for the paths that take documents; one such body is read at a time
MAX_CONNECTIONS: Final = 256
MAX_PARAMETERS: Final = 32
IDLE: Final = 30.0  # seconds for the next request to come whole
WRITE: Final = 30.0  # seconds for an answer to be taken
LINGER: Final = 1.0  # seconds for an asker to close after its last answer
MAX_LINGER: Final = 32  # pieces of what it still sends that are read and dropped
LAST_WORDS: Final = 2.0  # seconds for answers under way when the port is closed

UPLOADS: Final = b"/v1/profile"
"""Where paths begin that take longer bodies: profiles, documents, recordings."""

_LIMITS: Final = Limits(head=Size(16 * 1024), line=Size(8 * 1024), headers=64, body=Size(MAX_BODY))
_UPLOAD_LIMITS: Final = msgspec.structs.replace(_LIMITS, body=Size(MAX_UPLOAD))


class Asked(msgspec.Struct, frozen=True):
    """A request: `headers` under their names in lower case, `query` with the last of equal names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


class Answer(msgspec.Struct, frozen=True):
    """What is answered; Content-Length, Date and Connection are written by the server."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


Respond = Callable[[Asked], Awaitable[Answer]]
Refuse = Callable[[int, str], Answer]
"""Makes the answer to a request that could not be read, of a status and a sentence."""


class ControlServer:
    """Answers on a listener. `await start()`, then `endpoint` tells where (port 0 resolved), `await close()`.

    At most `MAX_CONNECTIONS` are open; one more ends the oldest, so that idle ones can never shut the kubelet's probes
    out. What `respond` raises is answered with 500 and told in the log.
    """

    def __init__(
        self, respond: Respond, refuse: Refuse, endpoint: Endpoint, log: Log | None = None, idle: float = IDLE
    ) -> None:
        self.endpoint = endpoint
        self._respond = respond
        self._refuse = refuse
        self._log = log or Log()
        self._idle = idle
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}  # the oldest first
        self._busy: set[asyncio.Task[None]] = set()
        self._closing = False
        self._uploading = asyncio.Lock()

    async def start(self) -> None:
        """Bind and listen. Raises OSError."""
        where = self.endpoint
        if where.path:
            _remove_stale_socket(where.path)
            self._server = await asyncio.start_unix_server(self._accept, where.path, limit=_LIMITS.head)
            os.chmod(where.path, 0o660)
        else:
            self._server = await asyncio.start_server(
                self._accept, where.host, where.port, limit=_LIMITS.head
            )
            self.endpoint = Endpoint(where.host, self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening; answers under way get a moment to end."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        for task in self._open.keys() - self._busy:
            task.cancel()
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=LAST_WORDS)
            for task in late:
                task.cancel()
        if self.endpoint.path:
            with contextlib.suppress(OSError):
                os.unlink(self.endpoint.path)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._open) >= MAX_CONNECTIONS:
            oldest = next((task for task in self._open if task not in self._busy), next(iter(self._open)))
            self._open.pop(oldest).transport.abort()
            oldest.cancel()
        self._open[task] = writer
        try:
            while not self._closing and await self._exchange(task, reader, writer):
                pass
        except (OSError, EOFError, TimeoutError, asyncio.CancelledError):
            pass  # the asker has gone, or was too slow, or has to make room
        finally:
            self._busy.discard(task)
            self._open.pop(task, None)
            writer.close()

    async def _exchange(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """One request and its answer; True where another may follow on the connection."""
        head_only, keep = False, False
        try:
            async with asyncio.timeout(self._idle):
                request = parse.request_head(await reader.readuntil(b"\r\n\r\n"), _UPLOAD_LIMITS)
                if request.expects_continue:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await self._body(request, reader)
        except asyncio.LimitOverrunError:
            answer = self._refuse(431, "the head is too large")
        except ClientFault as fault:
            answer = self._refuse(fault.status, fault.detail)
        else:
            self._busy.add(task)
            head_only = request.method == b"HEAD"
            # What came behind a chunked body was read with it.
            keep = request.keep_alive and request.framing is not Framing.CHUNKED
            answer = await self._answered(request, body)
        keep = keep and not self._closing
        writer.write(_written(answer, keep=keep, head_only=head_only))
        async with asyncio.timeout(WRITE):
            await writer.drain()
        self._busy.discard(task)
        if not keep:
            await _linger(reader, writer)
        return keep

    async def _body(self, request: Request, reader: asyncio.StreamReader) -> bytes:
        if request.length <= MAX_BODY or not request.path.startswith(UPLOADS):
            return await _body(request, reader)
        async with self._uploading:  # who may ask is known only later: a crowd must not fill the memory
            return await _body(request, reader, _UPLOAD_LIMITS)

    async def _answered(self, request: Request, body: bytes) -> Answer:
        try:
            query = parse_qsl(
                (request.query or b"").decode("latin-1"),
                keep_blank_values=True,
                max_num_fields=MAX_PARAMETERS,
            )
        except ValueError:
            return self._refuse(400, "too many parameters")
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.index.items()
        }
        asked = Asked(request.method.decode(), request.path.decode("latin-1"), dict(query), headers, body)
        try:
            return await self._respond(asked)
        except Exception as error:  # a bug of ours: the port stays open, and says so
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            self._log("error", "the control port failed", error=type(error).__name__, place=where)
            return self._refuse(500, "an error of the sidecar; its log says more")


async def _body(request: Request, reader: asyncio.StreamReader, limits: Limits = _LIMITS) -> bytes:
    """The request's body, at most `limits.body` of it. Raises ClientFault."""
    if request.framing is Framing.NONE:
        return b""
    pieces: list[bytes] = []
    body = framing.request_body(request, limits)
    left = request.length
    while not body.done:
        data = await reader.read(left if request.framing is Framing.LENGTH else MAX_BODY)
        if not data:
            body.eof()  # raises: the body was cut
        left -= len(data)
        pieces += body.feed(data)
    return b"".join(pieces)


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Let the asker read the answer before unread bytes of its request reset the connection (RFC 9112 section 9.6)."""
    writer.write_eof()
    async with asyncio.timeout(LINGER):
        for _ in range(MAX_LINGER):
            if not await reader.read(MAX_BODY):
                return


def _written(answer: Answer, *, keep: bool, head_only: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"Date: {http_date(int(time.time()))}",
    ]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    if answer.status != 204:  # RFC 9110 section 8.6
        lines += [f"Content-Type: {answer.content_type}", f"Content-Length: {len(answer.body)}"]
    if not keep:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head if head_only or answer.status == 204 else head + answer.body


def _remove_stale_socket(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
