"""One control port for several worker processes: one process asks each over a socket, and joins the answers.

A worker runs `answer(sock, site)` beside its proxy; the asking process, which carries no traffic, gives a
`WorkersSite` to the API. Messages are msgpack with a length before them; both ends are the same build, so
there is no version.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
import orjson

from waf.control.reload import Result
from waf.control.site import Readiness, Site
from waf.errors import Problem
from waf.record.capture import Wanted
from waf.record.families import Family, join

T = TypeVar("T")

MAX_MESSAGE: Final = 64 * 1024 * 1024
QUICK: Final = 5.0  # seconds a worker has for what needs no work
SLOW: Final = 120.0  # ... and for building a policy

_LENGTH = struct.Struct("!I")


class Ask(msgspec.Struct, frozen=True):
    name: str
    argument: Wanted | str | None = None


# What a worker is asked, what it does, and what comes back.
_ASKS: Final[dict[str, tuple[Callable[[Site, Any], Awaitable[Any]], Any]]] = {
    "readiness": (lambda site, _: site.readiness(), Readiness),
    "families": (lambda site, _: site.families(), tuple[Family, ...]),
    "events": (lambda site, _: site.events(), list[bytes]),
    "config": (lambda site, _: site.config(), dict[str, Any]),
    "status": (lambda site, _: site.status(), dict[str, Any]),
    "reload": (lambda site, reason: site.reload(reason), Result),
    "drain": (lambda site, _: site.drain(), None),
    "capture": (lambda site, wanted: site.capture(wanted), None),
    "captured": (lambda site, _: site.captured(), dict[str, Any] | None),
    "forget_capture": (lambda site, _: site.forget_capture(), None),
}


async def answer(sock: socket.socket, site: Site) -> None:
    """Answer the parent until it closes its end (then it is gone, and the worker should drain)."""
    sock.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=sock)
    decoder = msgspec.msgpack.Decoder(Ask)
    encoder = msgspec.msgpack.Encoder()
    try:
        while True:
            ask = decoder.decode(await _read(reader))
            act, _ = _ASKS[ask.name]
            data = encoder.encode(await act(site, ask.argument))
            writer.write(_LENGTH.pack(len(data)) + data)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > MAX_MESSAGE:
        raise ConnectionError("a message too long")
    return await reader.readexactly(length)


class WorkerLink:
    """The parent's end to one worker. `alive` is False once it has gone or did not answer in time."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self.alive = True

    async def ask(self, name: str, argument: Wanted | str | None = None, patience: float = QUICK) -> Any:
        """The worker's answer. ConnectionError if it has gone or takes longer than `patience` seconds."""
        try:
            async with asyncio.timeout(patience), self._turn:
                if not self.alive:
                    raise ConnectionError("the worker has gone")
                if self._streams is None:
                    self._streams = await asyncio.open_connection(sock=self._sock)
                reader, writer = self._streams
                data = msgspec.msgpack.encode(Ask(name, argument))
                writer.write(_LENGTH.pack(len(data)) + data)
                await writer.drain()
                return msgspec.msgpack.decode(await _read(reader), type=_ASKS[name][1])
        except (TimeoutError, asyncio.IncompleteReadError, msgspec.DecodeError) as error:
            self.close()  # a late answer would be taken for the next one's
            raise ConnectionError("the worker did not answer") from error
        except ConnectionError:
            self.close()
            raise

    def close(self) -> None:
        self.alive = False
        if self._streams is not None:
            self._streams[1].close()
        with contextlib.suppress(OSError):
            self._sock.close()


class WorkersSite:
    """Asks all workers. `links` gives those that can be reached now, `expected` how many there should be (0:
    as many as links), `recent` bounds the joined events.

    `connect` gives links of their own for what takes long, so that whether workers are ready can be asked meanwhile:
    a link carries one ask at a time, and one that waits for its turn too long would take its worker for silent.
    """

    def __init__(
        self,
        links: Callable[[], Sequence[WorkerLink]],
        recent: int = 500,
        expected: int = 0,
        connect: Callable[[], Sequence[WorkerLink]] | None = None,
    ) -> None:
        self._links = links
        self._recent = recent
        self._expected = expected
        self._connect = connect

    def _missing(self, answers: Sequence[Any]) -> int:
        return max(0, (self._expected or len(self._links())) - len(answers))

    async def _all(self, name: str, argument: Wanted | str | None = None) -> list[Any]:
        """What those answered who did."""
        return await self._ask(self._links(), name, argument, QUICK)

    async def _ask(
        self, links: Sequence[WorkerLink], name: str, argument: Wanted | str | None, patience: float
    ) -> list[Any]:
        asks = [link.ask(name, argument, patience) for link in links]
        answers = await asyncio.gather(*asks, return_exceptions=True)
        for one in answers:
            if isinstance(one, BaseException) and not isinstance(one, ConnectionError):
                raise one
        return [one for one in answers if not isinstance(one, BaseException)]

    async def readiness(self) -> Readiness:
        answers: list[Readiness] = await self._all("readiness")
        missing = self._missing(answers)
        if missing or not answers:
            return Readiness(False, f"{missing} of {missing + len(answers)} workers do not answer")
        return next((one for one in answers if not one.ready), Readiness(True))

    async def families(self) -> tuple[Family, ...]:
        answers: list[tuple[Family, ...]] = await self._all("families")
        workers = Family("waf_workers", "Worker processes that answer.", samples=(((), float(len(answers))),))
        return (*join(answers), workers)

    async def events(self) -> list[bytes]:
        answers: list[list[bytes]] = await self._all("events")
        lines = [line for lines in answers for line in lines]
        return sorted(lines, key=lambda line: str(orjson.loads(line).get("@timestamp", "")))[-self._recent :]

    async def config(self) -> dict[str, Any]:
        return next(iter(await self._all("config")), {})

    async def status(self) -> dict[str, Any]:
        readiness = await self.readiness()
        workers: list[dict[str, Any]] = await self._all("status")
        return {
            "ready": readiness.ready,
            "reason": readiness.reason,
            "requests": sum(worker.get("requests", 0) for worker in workers),
            "workers": workers,
        }

    async def reload(self, reason: str) -> Result:
        """Of all workers; not ok if one of them refused, since they then differ until it is mended."""
        links = self._links() if self._connect is None else self._connect()
        try:
            results: list[Result] = await self._ask(links, "reload", reason, SLOW)
        finally:
            for link in links if self._connect is not None else ():
                link.close()
        if not results:
            return Result(False, reason, 0.0, 0.0, 0, "", (Problem("", 0, "", "no worker answers"),))
        worst = min(results, key=lambda result: (result.ok, result.generation))
        missing = self._missing(results)
        if missing:
            silent = Problem("", 0, "", f"{missing} workers did not answer")
            return msgspec.structs.replace(worst, ok=False, problems=(*worst.problems, silent))
        return worst

    async def drain(self) -> None:
        await self._all("drain")

    async def capture(self, wanted: Wanted) -> None:
        await self._all("capture", wanted)

    async def captured(self) -> dict[str, Any] | None:
        answers = [har for har in await self._all("captured") if har is not None]
        if not answers:
            return None
        entries = [entry for har in answers for entry in har["log"]["entries"]]
        entries.sort(key=lambda entry: str(entry["startedDateTime"]))
        return {"log": {**answers[0]["log"], "entries": entries}}

    async def forget_capture(self) -> None:
        await self._all("forget_capture")
