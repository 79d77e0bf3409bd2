"""Brings a new policy into force, or keeps the old one and says so.

SIGHUP, the control API, the watch and the start all come through here. Building happens off the loop; the
swap is one call on it. Knows nothing of what a policy is.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from waf.errors import ConfigError, Problem
from waf.record.log import Log
from waf.record.metrics import Metrics


class Bundle(Protocol):
    """All that a reload replaces, built as a whole."""

    @property
    def version(self) -> str:
        """Names the content: equal for equal configuration and rules."""
        ...

    @property
    def mode(self) -> str: ...

    @property
    def warnings(self) -> Sequence[Problem]: ...


B = TypeVar("B", bound=Bundle)

_SHOWN: Final = 50  # problems in one log line


class Result(msgspec.Struct, frozen=True):
    """How one reload ended; `generation` and `version` of what is in force after it, `seconds` it took."""

    ok: bool
    reason: str
    at: float
    seconds: float
    generation: int
    version: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


class Reloader(Generic[B]):
    """`build` makes a bundle in a thread, or raises; `swap` puts it into force, on the loop.

    One reload at a time. Who asks while one is running gets the next, and all who wait share it, so that a
    storm of signals costs two builds.
    """

    def __init__(
        self,
        build: Callable[[], B],
        swap: Callable[[B], None],
        metrics: Metrics,
        log: Log,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._build = build
        self._swap = swap
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[Result]] = set()
        self._begun = 0  # builds begun so far
        self.generation = 0
        self.version = ""
        self.last: Result | None = None

    @property
    def loaded(self) -> bool:
        """A policy is in force."""
        return self.generation > 0

    async def reload(self, reason: str) -> Result:
        """Build and swap. Never raises for what is wrong with the files: that is in the result."""
        # Whoever asked may go away (a client of the API); the reload goes on, and keeps its lock.
        task = asyncio.ensure_future(self._in_turn(reason, self._begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _in_turn(self, reason: str, begun: int) -> Result:
        async with self._lock:
            if self.last is not None and self._begun > begun:
                return self.last  # a build that began after this was asked for is done
            self._begun += 1
            self.last = await self._once(reason)
            return self.last

    async def _once(self, reason: str) -> Result:
        started = time.monotonic()
        problems: Sequence[Problem] = ()
        warnings: Sequence[Problem] = ()
        try:
            bundle = await asyncio.to_thread(self._build)
            self._swap(bundle)
        except ConfigError as error:
            problems = error.problems
        except OSError as error:
            problems = (Problem(str(error.filename or ""), 0, "", error.strerror or str(error)),)
        except Exception as error:
            problems = (_bug(error),)
        else:
            self.generation += 1
            self.version = bundle.version
            warnings = bundle.warnings
            self._metrics.policy(bundle.version, bundle.mode, self.generation)
        result = Result(
            ok=not problems,
            reason=reason,
            at=self._clock(),
            seconds=round(time.monotonic() - started, 3),
            generation=self.generation,
            version=self.version,
            problems=tuple(problems),
            warnings=tuple(warnings),
        )
        self._metrics.reloaded(result.ok, result.at)
        self._tell(result)
        return result

    def _tell(self, result: Result) -> None:
        said = result.problems or result.warnings
        self._log(
            "info" if result.ok else "error",
            "policy in force" if result.ok else "reload refused, the old policy stays",
            reason=result.reason,
            generation=result.generation,
            policy=result.version,
            seconds=result.seconds,
            problems=[str(problem) for problem in said[:_SHOWN]],
        )


def _bug(error: Exception) -> Problem:
    """Type and place only: the text of an unforeseen error may quote anything."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return Problem("", 0, "", f"a bug of ours: {type(error).__name__} at {place}", "please report it")
