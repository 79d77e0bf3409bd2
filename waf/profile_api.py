"""The learned profile on the control port: look at it, review it, edit it, teach it. Guarded like all of that port.

With several workers the first of them answers, on a Unix socket in a directory that only these processes have; the
process that has the control port hands on what it was asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from waf import edits
from waf.config.schema import Config
from waf.control.api import Route, json_answer, text_answer
from waf.control.wire import MAX_UPLOAD, Answer, Asked
from waf.errors import ConfigError
from waf.learning import Learning
from waf.memory import Memory
from waf.profiles.book import Book
from waf.profiles.constraints import MODES
from waf.profiles.merge import Delta
from waf.profiles.outbox import Handed
from waf.profiles.rules import check_allowed

PATIENCE: Final = 120.0  # seconds for the answer of the leading worker
MAX_ANSWER: Final = 64 * 1024 * 1024  # bytes

Handler = Callable[[Asked], Awaitable[Answer]]


PATHS: Final = (
    ("GET", "/v1/profile"), ("POST", "/v1/profile"), ("GET", "/v1/profile/status"), ("GET", "/v1/profile/shadows"),
    ("POST", "/v1/profile/shadows"), ("POST", "/v1/profile/har"), ("GET", "/v1/profile/deltas"),
    ("GET", "/v1/profile/compiled"), ("PUT", "/v1/profile/compiled"), ("DELETE", "/v1/profile/compiled"),
)  # fmt: skip


def profile_routes(learning: Learning, config: Callable[[], Config]) -> list[Route]:
    """Routes over the learner of this process; `config` is what is in force."""

    def workload() -> str:
        return config().profiles.workload

    async def show(asked: Asked) -> Answer:
        view = asked.query.get("view", "profile")
        if view not in edits.VIEWS:
            return json_answer({"error": f"no such view; ask for one of {', '.join(edits.VIEWS)}"}, 400)
        text = await learning.ask(lambda memory: edits.view(memory.learner, workload(), view, learning.mask))
        return text_answer(text, kind="application/json" if view == "openapi" else "application/yaml")

    async def status(_asked: Asked) -> Answer:
        def looked(memory: Memory) -> dict[str, Any]:
            return edits.status(memory.learner, workload(), learning.mask, edits.route_modes(config()))

        said = await learning.ask(looked)
        alerts = [{"at": a.at, "kind": a.kind, "subject": a.subject, "text": a.text} for a in learning.alerts]
        return json_answer({**said, "alerts": alerts})

    async def edit(asked: Asked) -> Answer:
        wanted = msgspec.json.decode(asked.body, type=edits.Edit)
        return json_answer({"changed": await learning.edit(wanted, time.time())})

    async def har(asked: Asked) -> Answer:
        recording = msgspec.json.decode(asked.body)
        learned, skipped = await learning.teach(recording, asked.query.get("host", ""))
        return json_answer({"learned": learned, "skipped": skipped})

    async def shadows(asked: Asked) -> Answer:
        if asked.method == "POST":
            from waf.profiles.openapi_import import import_document  # needed by few, and not small

            document = import_document(msgspec.yaml.decode(asked.body), "the document")
            places = document.places
        else:
            places = learning.memory.learner.book.document_places
        if not places:
            return json_answer({"error": "no OpenAPI document is configured: send one"}, 400)

        def compare(memory: Memory) -> dict[str, Any]:
            return edits.compare(memory.learner.state, places, time.time(), learning.mask)

        return json_answer(await learning.ask(compare))

    async def deltas(asked: Asked) -> Answer:
        _refuse_in_a_fleet(config())
        since = asked.query.get("since", "")
        handed, key = await learning.ask(
            lambda memory: (
                memory.learner.hand_out(since, os.urandom(4).hex(), time.time()),
                memory.fingerprint,
            )
        )
        reach = MODES[learning.memory.learner.cap]
        return json_answer(msgspec.to_builtins(Told.of(handed, key, reach)))

    async def compiled(_asked: Asked) -> Answer:
        book = await learning.book()
        key, led = learning.memory.fingerprint, learning.memory.learner.pushed
        return json_answer(
            {"key": key, "version": learning.version, "pushed": led, "profile": b64encode(book).decode()}
        )

    async def push(asked: Asked) -> Answer:
        _refuse_in_a_fleet(config())
        pushed = msgspec.json.decode(asked.body, type=Pushed)
        book = await asyncio.to_thread(pushed.book)
        key = learning.memory.fingerprint
        if pushed.key != key:
            raise ValueError(
                f"made for values hashed under another secret ({pushed.key[:32]!r}, here {key!r})"
            )
        await learning.change(lambda memory: memory.learner.follow(book, pushed=True))
        await learning.keep()
        return json_answer({"version": learning.version})

    async def let_go(_asked: Asked) -> Answer:
        if not learning.memory.learner.pushed:
            return json_answer({"error": "no store pushed this profile"}, 409)
        await learning.change(lambda memory: memory.learner.alone())
        await learning.keep()
        return Answer(status=204)

    handlers = (show, edit, status, shadows, shadows, har, deltas, compiled, push, let_go)
    return [Route(*place, _told(handler)) for place, handler in zip(PATHS, handlers, strict=True)]


def _refuse_in_a_fleet(config: Config) -> None:
    if config.fleet.address:
        raise ValueError("the fleet that fleet.address names learns from this sidecar and leads it already")


class Told(msgspec.Struct, frozen=True):
    """`outbox.Handed` as JSON; each delta is `merge.Delta.pack`. `key` is the fingerprint of the secret of its hashes.

    `reach` is the furthest mode of the profile at any route: what traffic is held against somewhere.
    """

    replica: str
    mark: str
    whole: bool
    key: str
    deltas: tuple[bytes, ...]  # in base64
    reach: str = ""

    @classmethod
    def of(cls, handed: Handed, key: str, reach: str) -> Told:
        packed = tuple(delta.pack() for delta in handed.deltas)
        return cls(handed.replica, handed.mark, handed.whole, key, packed, reach)

    def handed(self) -> Handed:
        """Raises `store.Damaged`."""
        return Handed(self.replica, self.mark, self.whole, tuple(Delta.unpack(data) for data in self.deltas))


class Pushed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A profile to be enforced: `Book.dump`, and the fingerprint of the secret of its hashes."""

    key: str
    profile: bytes  # in base64

    def book(self) -> Book:
        """Raises ValueError for what could not be enforced."""
        book = Book.load(self.profile)
        for constraint in book.constraints():
            if problem := check_allowed(constraint):
                raise ValueError(f"{constraint.key}: {problem}")
        return book


def _told(handler: Handler) -> Handler:
    """What a person got wrong is told with its place, not as a failure of ours."""

    async def answered(asked: Asked) -> Answer:
        try:
            return await handler(asked)
        except ConfigError as error:
            problems = [str(problem) for problem in error.problems]
            return json_answer({"error": "the document cannot be used", "problems": problems}, 422)
        except (msgspec.MsgspecError, ValueError) as error:
            return json_answer({"error": str(error)}, 400)

    return answered


# -------------------------------------------------------------------------------------- with several workers

_LENGTH: Final = 4  # bytes before each message


async def serve_to_parent(routes: list[Route], path: str) -> asyncio.Server:
    """Answer on a Unix socket: one MessagePack of `Asked`, one of `Answer`, each with its length before it."""
    handlers = {(route.method, route.path): route.handler for route in routes}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, EOFError):
            asked = msgspec.msgpack.decode(await _read(reader, 2 * MAX_UPLOAD), type=Asked)
            handler = handlers["GET" if asked.method == "HEAD" else asked.method, asked.path]
            _write(writer, msgspec.msgpack.encode(await handler(asked)))
            await writer.drain()

    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # left by a worker that died
    return await asyncio.start_unix_server(answer, path)


def forwarded_routes(path: str) -> list[Route]:
    """The same routes, answered by who serves at the Unix socket `path`."""

    async def forward(asked: Asked) -> Answer:
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_unix_connection(path)
                with contextlib.closing(writer):
                    _write(writer, msgspec.msgpack.encode(asked))
                    await writer.drain()
                    answer = msgspec.msgpack.decode(await _read(reader, MAX_ANSWER), type=Answer)
        except (OSError, EOFError, TimeoutError, msgspec.DecodeError):
            return json_answer({"error": "the worker that leads does not answer"}, 503)
        return answer

    return [Route(*place, forward) for place in PATHS]


async def _read(reader: asyncio.StreamReader, most: int) -> bytes:
    length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
    if length > most:
        raise EOFError
    return await reader.readexactly(length)


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(len(data).to_bytes(_LENGTH, "big") + data)
