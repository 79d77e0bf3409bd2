"""Lines to a file descriptor without ever making the caller wait: a bounded queue and one thread.

Owns the output file, and counts what could not be written. What a line says is none of its business. To be
made after a fork, since threads do not survive one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import stat
import threading
import time
from collections.abc import Callable
from typing import Final

MAX_QUEUED_BYTES: Final = 8 * 1024 * 1024
_LINGER: Final = 0.02  # seconds in which lines gather, so that a flood does not wake the thread for each
_PIPE_BUF: Final = select.PIPE_BUF
_BATCH: Final = 256 * 1024

_STANDARD: Final[dict[str, int]] = {"stdout": 1, "stderr": 2}


class _Ask:
    """A request to the thread that keeps its place among the lines."""

    def __init__(self, act: Callable[[], None] | None = None) -> None:
        self.act = act
        self.done = threading.Event()


class Sink:
    """Writes lines to `output`: "stdout", "stderr", "none", or a file that is appended to.

    Raises OSError where the file cannot be opened. `dropped` counts lines lost to a full queue, `failed`
    those lost to an error of the output, `written` the others. All methods may be called from any thread but
    `put`, which is for one (the loop's).
    """

    def __init__(self, output: str, capacity: int) -> None:
        self.dropped = 0
        self.failed = 0
        self.written = 0
        self._put_bytes = 0  # written by the caller only
        self._gone_bytes = 0  # written by the thread only, so that neither needs a lock
        self._capacity = capacity
        self._file = "" if output in _STANDARD or output == "none" else output
        self._fd = self._open() if self._file else _STANDARD.get(output, -1)
        self._pipe = self._fd >= 0 and _is_pipe(self._fd)
        self._queue: queue.SimpleQueue[bytes | _Ask] = queue.SimpleQueue()
        self._torn = False  # the last write ended within a line
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waf-events", daemon=True)
        self._started = False

    def put(self, line: bytes) -> bool:
        """Queue one line (with its newline); False when it was dropped. Never waits, never raises."""
        if self._fd < 0:
            return True
        full = self._queue.qsize() >= self._capacity
        if full or self._ending.is_set() or self._put_bytes - self._gone_bytes > MAX_QUEUED_BYTES:
            self.dropped += 1
            return False
        if not self._started:
            self._started = True
            self._thread.start()
        self._put_bytes += len(line)
        self._queue.put(line)
        return True

    @property
    def queued(self) -> int:
        return self._queue.qsize()

    def reopen(self) -> None:
        """Close the file and open its name anew, after log rotation. The old one is kept if that fails."""
        if self._file:
            if self._started:
                self._queue.put(_Ask(self._reopen))
            else:
                self._reopen()

    def flush(self, timeout: float = 2.0) -> bool:
        """Wait until all that was put before is written, at most `timeout` seconds; True if it is."""
        if not self._started:
            return True
        ask = _Ask()
        self._queue.put(ask)
        return ask.done.wait(timeout)

    def close(self, timeout: float = 2.0) -> bool:
        """Flush and end the thread; False when the output did not take everything in time."""
        if self._ending.is_set():
            return True
        flushed = self.flush(timeout)
        self._ending.set()
        if self._started:
            self._queue.put(_Ask())
            if flushed:
                self._thread.join(timeout)
        if self._file and flushed:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1
        return flushed

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        return os.open(self._file, flags, 0o640)

    def _reopen(self) -> None:
        try:
            fd = self._open()
        except OSError:
            self.failed += 1
            return
        os.close(self._fd)
        self._fd = fd
        self._torn = False

    def _run(self) -> None:
        while True:
            lines, ask = self._gather()
            self._write(lines)
            if ask is not None:
                if ask.act is not None:
                    ask.act()
                ask.done.set()
                if self._ending.is_set():
                    return
            elif self._queue.qsize() < 64:
                self._ending.wait(_LINGER)

    def _gather(self) -> tuple[list[bytes], _Ask | None]:
        """Lines up to the next ask, waiting for the first."""
        lines: list[bytes] = []
        size = 0
        item = self._queue.get()
        while True:
            if isinstance(item, _Ask):
                return lines, item
            lines.append(item)
            size += len(item)
            if size >= _BATCH:
                return lines, None
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return lines, None

    def _write(self, lines: list[bytes]) -> None:
        for batch in _batches(lines, _PIPE_BUF if self._pipe else _BATCH):
            data = b"".join(batch)
            # The line that a failed write cut must not swallow the next one.
            if self._write_all(b"\n" + data if self._torn else data):
                self.written += len(batch)
            else:
                self.failed += len(batch)
            self._gone_bytes += len(data)

    def _write_all(self, data: bytes) -> bool:
        view = memoryview(data)
        while view:
            try:
                sent = os.write(self._fd, view)
            except BlockingIOError:  # someone made our stdout non-blocking
                select.select([], [self._fd], [], 0.5)
                if self._ending.is_set():
                    self._torn = len(view) != len(data)
                    return False
                continue
            except OSError:
                if len(view) != len(data):
                    self._torn = True
                time.sleep(0.05)  # a full disk is not to be asked a thousand times a second
                return False
            view = view[sent:]
        self._torn = False
        return True


def _is_pipe(fd: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False


def _batches(lines: list[bytes], size: int) -> list[list[bytes]]:
    """Whole lines, joined up to `size` bytes, so that a write to a pipe stays atomic (pipe(7))."""
    batches: list[list[bytes]] = []
    total = size + 1
    for line in lines:
        if total + len(line) > size:
            batches.append([])
            total = 0
        batches[-1].append(line)
        total += len(line)
    return batches
