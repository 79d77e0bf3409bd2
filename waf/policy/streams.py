"""Bodies judged while they pass: what the scanners find becomes a verdict before the bytes go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from waf.model import PASSED, Action, BodyFilter, BodyRefused, Finding, Verdict, joined


class Scan(Protocol):
    """What an engine offers for a body in windows; holds its own carry-over between them."""

    def feed(self, data: bytes) -> Sequence[Finding]: ...

    def finish(self) -> Sequence[Finding]: ...


Judge = Callable[[Sequence[Finding]], Verdict]


class Ceiling:
    """A `Scan` that gives `finding` once more than `most` bytes came."""

    def __init__(self, most: int, finding: Finding) -> None:
        self._left = most
        self._finding = finding

    def feed(self, data: bytes) -> Sequence[Finding]:
        before, self._left = self._left, self._left - len(data)
        return [self._finding] if before >= 0 > self._left else []

    def finish(self) -> Sequence[Finding]:
        return ()


class Guarded:
    """A `Scan` whose own errors go to `failed`, once; where that raises nothing, the rest passes unscanned."""

    def __init__(self, scan: Scan, failed: Callable[[Exception], None]) -> None:
        self._scan: Scan | None = scan
        self._failed = failed

    def feed(self, data: bytes) -> Sequence[Finding]:
        try:
            return () if self._scan is None else self._scan.feed(data)
        except Exception as error:
            return self._broken(error)

    def finish(self) -> Sequence[Finding]:
        try:
            return () if self._scan is None else self._scan.finish()
        except Exception as error:
            return self._broken(error)

    def _broken(self, error: Exception) -> Sequence[Finding]:
        self._scan = None
        self._failed(error)
        return ()


class Scans:
    """Several scans of one body as one."""

    def __init__(self, scans: Sequence[Scan]) -> None:
        self._scans = scans

    def feed(self, data: bytes) -> Sequence[Finding]:
        return [finding for scan in self._scans for finding in scan.feed(data)]

    def finish(self) -> Sequence[Finding]:
        return [finding for scan in self._scans for finding in scan.finish()]


class ScannedBody:
    """A `BodyFilter` that changes nothing: every byte leaves only after the window behind it was found clean.

    The last window is held back until the next one (or the end) was scanned, so an attack that is complete
    within two windows never reaches the app whole.
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
            if found := scan.feed(data):
                self._weigh(found)
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


class Tapped(BodyFilter, Protocol):
    """A filter that shows its text, decoded and redacted, before it encodes it again for the client."""

    tap: Callable[[bytes], None] | None


class JudgedResponse:
    """A `BodyFilter` for what the app sends: the redactor (which also undoes content codings), and the scan.

    The scan reads the text that reaches the client, so it needs no decoding of its own and never sees what was
    masked.
    """

    __slots__ = ("_filter", "_findings", "_judge", "_scan", "_verdict")

    def __init__(self, filter: Tapped | None, scan: Scan, judge: Judge) -> None:
        self._filter = filter
        self._scan = scan
        self._judge = judge
        self._findings: list[Finding] = []
        self._verdict = PASSED
        if filter is not None:
            filter.tap = self._look

    def feed(self, data: bytes) -> bytes:
        if self._filter is not None:
            return self._filter.feed(data)
        self._look(data)
        return data

    def idle(self) -> bytes:
        return b"" if self._filter is None else self._filter.idle()

    def finish(self) -> bytes:
        out = b"" if self._filter is None else self._filter.finish()
        if self._filter is not None:
            # It would keep us, and we keep it: a cycle for each response, with the exchange in it.
            self._filter.tap = None
        self._weigh(self._scan.finish())
        return out

    def verdict(self) -> Verdict:
        """Redaction and leaks as one."""
        return self._verdict if self._filter is None else joined(self._filter.verdict(), self._verdict)

    def _look(self, text: bytes) -> None:
        self._weigh(self._scan.feed(text))

    def _weigh(self, found: Sequence[Finding]) -> None:
        if not found:
            return
        self._findings += found
        self._verdict = self._judge(self._findings)
        if self._verdict.action is Action.BLOCK:
            raise BodyRefused(self._verdict)
