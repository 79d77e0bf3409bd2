"""Bodies judged while they pass: what the scanners find becomes a verdict before the bytes go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from waf.model import PASSED, Action, BodyRefused, Finding, Verdict


class Scan(Protocol):
    """What an engine offers for a body in windows; holds its own carry-over between them."""

    def feed(self, data: bytes) -> Sequence[Finding]: ...

    def finish(self) -> Sequence[Finding]: ...


Judge = Callable[[Sequence[Finding]], Verdict]


class ScannedBody:
    """A `BodyFilter` that changes nothing: every byte leaves only after the window behind it was found clean.

    The last window is held back until the next one (or the end) was scanned, so an attack that is complete within
    two windows never reaches the app whole.
    """

    __slots__ = ("_findings", "_held", "_judge", "_scans", "_verdict")

    def __init__(self, scans: Sequence[Scan], judge: Judge, findings: Sequence[Finding] = ()) -> None:
        self._scans = tuple(scans)
        self._judge = judge
        self._findings = list(findings)
        self._verdict = judge(self._findings) if findings else PASSED
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        for scan in self._scans:
            self._weigh(scan.feed(data))
        out, self._held = self._held, data
        return out

    def idle(self) -> bytes:
        """Uploads are never flushed early: the app gets nothing that was not scanned with what follows it."""
        return b""

    def finish(self) -> bytes:
        for scan in self._scans:
            self._weigh(scan.finish())
        out, self._held = self._held, b""
        return out

    def verdict(self) -> Verdict:
        return self._verdict

    def _weigh(self, found: Sequence[Finding]) -> None:
        if not found:
            return
        self._findings += found
        self._verdict = self._judge(self._findings)
        if self._verdict.action is Action.BLOCK:
            self._held = b""
            raise BodyRefused(self._verdict)
