"""What the control API shows and does, whether one process serves or several workers do.

`Site` is the interface; `LocalSite` answers for the process it lives in, `workers.WorkersSite` for many.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from waf.control.reload import Reloader, Result
from waf.record.capture import Capture, Wanted
from waf.record.families import Family
from waf.record.recorder import Recorder


class Readiness(msgspec.Struct, frozen=True):
    """Whether new requests are welcome, and the reason if not."""

    ready: bool
    reason: str = ""


class Site(Protocol):
    async def readiness(self) -> Readiness: ...

    async def families(self) -> tuple[Family, ...]: ...

    async def events(self) -> list[bytes]:
        """The recent events as JSON lines, the oldest first."""
        ...

    async def config(self) -> dict[str, Any]: ...

    async def status(self) -> dict[str, Any]: ...

    async def reload(self, reason: str) -> Result: ...

    async def drain(self) -> None:
        """Begin to drain; returns at once."""
        ...

    async def capture(self, wanted: Wanted) -> None:
        """Begin a capture; one that runs is ended and forgotten."""
        ...

    async def captured(self) -> dict[str, Any] | None:
        """The capture as HAR; None if none was asked for."""
        ...

    async def forget_capture(self) -> None: ...


class LocalSite:
    """The site of one process.

    `effective` gives the configuration for people (`config.load.effective`), `drain` begins to drain, `facts`
    adds what the app knows to the status (connections, pool, addresses), `unready` why new requests are not welcome.
    """

    def __init__(
        self,
        recorder: Recorder,
        reloader: Reloader[Any],
        effective: Callable[[], dict[str, Any]],
        drain: Callable[[], None],
        facts: Callable[[], dict[str, Any]] = dict,
        version: str = "",
        clock: Callable[[], float] = time.monotonic,
        *,
        unready: Callable[[], str] = str,
    ) -> None:
        self._unready = unready
        self._recorder = recorder
        self._reloader = reloader
        self._effective = effective
        self._drain = drain
        self._facts = facts
        self._version = version
        self._clock = clock
        self._started = clock()
        self._capture: Capture | None = None
        self.draining = False

    async def readiness(self) -> Readiness:
        if self.draining:
            return Readiness(False, "draining")
        if not self._reloader.loaded:
            return Readiness(False, "no policy was loaded yet")
        reason = self._unready()
        return Readiness(not reason, reason)

    async def families(self) -> tuple[Family, ...]:
        return self._recorder.metrics.families()

    async def events(self) -> list[bytes]:
        return list(self._recorder.recent)

    async def config(self) -> dict[str, Any]:
        return self._effective()

    async def status(self) -> dict[str, Any]:
        last = self._reloader.last
        readiness = await self.readiness()
        return {
            "version": self._version,
            "ready": readiness.ready,
            "reason": readiness.reason,
            "uptime_seconds": round(self._clock() - self._started, 1),
            "requests": self._recorder.metrics.requests,
            "policy": {"version": self._reloader.version, "generation": self._reloader.generation},
            "last_reload": shown(last) if last is not None else None,
            "capture": self._capture is not None and self._capture.running,
            **self._facts(),
        }

    async def reload(self, reason: str) -> Result:
        return await self._reloader.reload(reason)

    async def drain(self) -> None:
        self.draining = True
        self._drain()

    async def capture(self, wanted: Wanted) -> None:
        await self.forget_capture()
        self._capture = Capture(wanted, self._mask, self._clock, self._end_capture)
        self._recorder.capture = self._capture.take

    async def captured(self) -> dict[str, Any] | None:
        return None if self._capture is None else self._capture.har(self._version)

    async def forget_capture(self) -> None:
        if self._capture is not None:
            self._capture.stop()
        self._capture = None

    def _mask(self, data: bytes) -> str:
        """The mask in force: a reload's new one counts for a running capture as well."""
        return self._recorder.mask(data)

    def _end_capture(self) -> None:
        self._recorder.capture = None


def shown(result: Result) -> dict[str, Any]:
    """A reload's result for JSON, each problem located."""
    return {
        "ok": result.ok,
        "reason": result.reason,
        "at": result.at,
        "seconds": result.seconds,
        "generation": result.generation,
        "policy": result.version,
        "problems": [msgspec.structs.asdict(problem) for problem in result.problems],
        "warnings": [msgspec.structs.asdict(problem) for problem in result.warnings],
    }
