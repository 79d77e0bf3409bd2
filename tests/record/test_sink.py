"""The sink: nothing waits, what is lost is counted, lines stay whole."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from waf.record.sink import MAX_QUEUED_BYTES, Sink


@pytest.fixture
def full_pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """A pipe that nobody reads, in the place of stdout."""
    reading, writing = os.pipe()
    monkeypatch.setattr("waf.record.sink._STANDARD", {"stdout": writing, "stderr": 2})
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, b"x" * 4096):
            pass
    os.set_blocking(writing, True)
    before = set(threading.enumerate())
    yield reading, writing
    # A sink's thread may still wait to write. It has to end before the numbers of these files are given out
    # again, since its lines would go to whatever is opened next.
    drain = threading.Thread(target=_drain, args=(reading,))
    drain.start()
    for thread in set(threading.enumerate()) - before - {drain}:
        thread.join(30)
        assert not thread.is_alive()
    os.close(writing)
    drain.join(30)
    os.close(reading)


def _drain(fd: int) -> None:
    while os.read(fd, 1 << 20):
        pass


def test_lines_arrive_in_order(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path / "log"), 10_000)
    lines = [f'{{"n":{i}}}\n'.encode() for i in range(5000)]
    assert all(sink.put(line) for line in lines)
    assert sink.close()
    assert (tmp_path / "log").read_bytes() == b"".join(lines)
    assert (sink.written, sink.dropped, sink.failed) == (5000, 0, 0)


def test_what_an_output_does_not_take_is_dropped_and_counted(full_pipe: tuple[int, int]) -> None:
    sink = Sink("stdout", 100)
    taken = sum(sink.put(b"line\n") for _ in range(1000))
    # The thread may hold one batch in its hands; the queue holds its hundred.
    assert taken + sink.dropped == 1000
    assert sink.dropped >= 1000 - 2 * 100
    assert not sink.close(0.05)
    assert sink.put(b"late\n") is False


def test_the_bytes_that_wait_are_bounded_too(full_pipe: tuple[int, int]) -> None:
    sink = Sink("stdout", 1_000_000)
    line = b"x" * 100_000
    taken = sum(sink.put(line) for _ in range(200))
    assert taken * len(line) <= MAX_QUEUED_BYTES + 2 * len(line)
    assert sink.dropped == 200 - taken
    assert not sink.close(0.05)


def test_nothing_is_written_to_none() -> None:
    sink = Sink("none", 1)
    assert all(sink.put(b"x\n") for _ in range(100))
    assert sink.dropped == 0
    assert sink.close()


def test_a_rotated_file_is_left_and_its_name_opened_anew(tmp_path: Path) -> None:
    path, old = tmp_path / "log", tmp_path / "log.1"
    sink = Sink(str(path), 100)
    sink.put(b"one\n")
    assert sink.flush()
    path.rename(old)
    sink.put(b"two\n")
    sink.reopen()
    sink.put(b"three\n")
    sink.close()
    assert old.read_bytes() == b"one\ntwo\n"
    assert path.read_bytes() == b"three\n"


def test_a_name_that_cannot_be_opened_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "dir" / "log"
    path.parent.mkdir()
    sink = Sink(str(path), 100)
    sink.put(b"one\n")
    sink.flush()
    path.parent.rename(tmp_path / "moved")
    sink.reopen()
    sink.put(b"two\n")
    sink.close()
    assert (tmp_path / "moved" / "log").read_bytes() == b"one\ntwo\n"
    assert sink.failed == 1


def test_a_file_that_cannot_be_opened_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="log"):
        Sink(str(tmp_path / "missing" / "log"), 10)


def test_events_are_not_for_everyone_to_read(tmp_path: Path) -> None:
    sink = Sink(str(tmp_path / "log"), 10)
    sink.close()
    assert (tmp_path / "log").stat().st_mode & 0o027 == 0


def test_a_closed_output_is_counted_and_nothing_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr("waf.record.sink._STANDARD", {"stdout": writing, "stderr": 2})
    sink = Sink("stdout", 10)
    sink.put(b"lost\n")
    assert sink.flush()
    assert (sink.written, sink.failed) == (0, 1)
    assert sink.close()
    os.close(writing)


def test_a_line_torn_by_a_full_disk_does_not_swallow_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    left = [12]  # bytes until the disk is full
    sink = Sink(str(tmp_path / "log"), 10)

    def write(fd: int, data: bytes) -> int:
        if fd != sink._fd:  # other threads of this process write as well
            return real(fd, data)
        if left[0] == 0:
            left[0] = -1
            raise OSError(28, "No space left on device")
        if left[0] > 0:
            part = min(len(data), left[0])
            left[0] -= part
            return real(fd, data[:part])
        return real(fd, data)

    monkeypatch.setattr("waf.record.sink.os.write", write)
    sink.put(b'{"first":"line"}\n')
    sink.flush()
    sink.put(b'{"second":"line"}\n')
    sink.close()
    assert (tmp_path / "log").read_bytes().split(b"\n") == [b'{"first":"li', b'{"second":"line"}', b""]
    assert (sink.failed, sink.written) == (1, 1)


def test_pipes_get_whole_lines_in_each_write(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr("waf.record.sink._STANDARD", {"stdout": writing, "stderr": 2})
    writes: list[bytes] = []
    real = os.write

    def write(fd: int, data: bytes) -> int:
        if fd == writing:  # other threads of this process write as well
            writes.append(bytes(data))
        return real(fd, data)

    monkeypatch.setattr("waf.record.sink.os.write", write)
    sink = Sink("stdout", 1000)
    for i in range(200):
        sink.put(b"%03d" % i + b"x" * 90 + b"\n")
    sink.close()
    assert all(len(data) <= 4096 and data.endswith(b"\n") for data in writes)
    assert b"".join(writes) == os.read(reading, 1 << 20)
    os.close(reading)
    os.close(writing)
