"""Worker processes: started, passed signals on, started again, ended together."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds; so long only where something hangs

SCRIPT = """
import os, signal, sys
from waf.proxy.workers import run_workers

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())  # one line, one write

def work(index):
    heard = {signal.SIGHUP, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    say("up", index, os.getpid())
    while signal.sigwait(heard) == signal.SIGHUP:
        say("hup", index)
    say("down", index)
    return int(sys.argv[2])

def breaks(index):
    say("up", index, os.getpid())
    raise LookupError("cannot start")

sys.exit(run_workers(2, work if sys.argv[1] == "work" else breaks))
"""


class Parent:
    def __init__(self, kind: str, status: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, kind, str(status)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self._seen = b""

    def says(self, count: int) -> list[str]:
        """The next `count` lines of all workers, in no particular order."""
        assert self.process.stdout is not None
        while self._seen.count(b"\n") < count:
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            assert ready, f"silence after {self._seen!r}"
            self._seen += (data := os.read(self.process.stdout.fileno(), 4096))
            assert data, f"it ended after {self._seen!r}"
        *lines, self._seen = self._seen.split(b"\n", count)
        return sorted(line.decode() for line in lines)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@pytest.fixture
def parents() -> Iterator[list[Parent]]:
    started: list[Parent] = []
    yield started
    for parent in started:
        if parent.process.poll() is None:
            parent.process.kill()
        parent.process.communicate(timeout=PATIENCE)


def test_workers_run_hear_signals_and_end_together(parents: list[Parent]) -> None:
    parents.append(parent := Parent("work", status=3))
    assert [line.split()[:2] for line in parent.says(2)] == [["up", "0"], ["up", "1"]]
    parent.process.send_signal(signal.SIGHUP)
    assert parent.says(2) == ["hup 0", "hup 1"]
    assert parent.end() == 3  # the worst status of all
    assert parent.says(2) == ["down 0", "down 1"]


def test_a_worker_that_dies_is_started_again(parents: list[Parent]) -> None:
    parents.append(parent := Parent("work"))
    pids = {line.split()[1]: int(line.split()[2]) for line in parent.says(2)}
    os.kill(pids["1"], signal.SIGKILL)
    word, index, pid = parent.says(1)[0].split()
    assert (word, index) == ("up", "1")
    assert int(pid) != pids["1"]
    assert parent.end() == 0


def test_workers_do_not_outlive_their_parent(parents: list[Parent]) -> None:
    parents.append(parent := Parent("work"))
    parent.says(2)
    parent.process.kill()
    assert parent.says(2) == ["down 0", "down 1"]


def test_workers_that_cannot_start_end_the_whole(parents: list[Parent]) -> None:
    parents.append(parent := Parent("breaks"))
    assert parent.process.wait(PATIENCE) == 1
    assert parent.process.stderr is not None
    assert b"LookupError: cannot start" in parent.process.stderr.read()
