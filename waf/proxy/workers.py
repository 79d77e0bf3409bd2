"""Several processes on one port: forked, watched, restarted, ended together.

Owns processes and signals of the parent; what a worker does is `work`'s. Linux only, and to be called before
any thread or event loop exists.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final

PASSED_ON: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
ENDING: Final = frozenset({signal.SIGTERM, signal.SIGINT})
_TOLD_TO_END: Final = frozenset(128 + number for number in ENDING)

QUICK_DEATH: Final = 2.0
"""A worker that lives for fewer seconds failed to start; so many in a row end the whole."""
QUICK_DEATHS: Final = 5

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)


def run_workers(count: int, work: Callable[[int], int]) -> int:
    """Run `work(index)` in `count` processes until SIGTERM or SIGINT; gives the worst exit status.

    SIGTERM, SIGINT and SIGHUP are passed on to every worker. A worker that ends by itself is started again,
    after a pause where it lived shortly; when workers keep dying at once, all are ended.
    """
    watched = PASSED_ON | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    alive: dict[int, tuple[int, float]] = {}  # pid -> index, start
    worst = deaths = 0
    ending = False
    try:
        for index in range(count):
            alive[_fork(index, work, before)] = (index, time.monotonic())
        while alive:
            number = signal.sigwait(watched)
            if number in PASSED_ON:
                ending = ending or number in ENDING
                _tell(alive, number)
            for pid, status in _reaped():
                index, began = alive.pop(pid, (-1, 0.0))
                if index < 0:
                    continue
                if ending:
                    worst = max(worst, 0 if status in _TOLD_TO_END else status)
                    continue
                deaths = deaths + 1 if time.monotonic() - began < QUICK_DEATH else 0
                if deaths >= QUICK_DEATHS:
                    ending, worst = True, max(status, 1)
                    _tell(alive, signal.SIGTERM)
                    continue
                if deaths:
                    time.sleep(min(1.0, 0.1 * 2**deaths))
                alive[_fork(index, work, before)] = (index, time.monotonic())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return worst


def _fork(index: int, work: Callable[[int], int], mask: set[signal.Signals | int]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _end_with(parent)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        status = work(index)
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _end_with(parent: int) -> None:
    """Have the kernel send this process SIGTERM when `parent` is killed, so that no worker is left on the
    port."""
    import ctypes  # for several workers alone

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    if os.getppid() != parent:  # it was killed already
        os._exit(1)


def _tell(alive: dict[int, tuple[int, float]], number: int) -> None:
    for pid in alive:
        os.kill(pid, number)


def _reaped() -> list[tuple[int, int]]:
    """(pid, exit status) of the children that ended; 128 + signal for those that were killed."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if not pid:
            return found
        code = os.waitstatus_to_exitcode(status)
        found.append((pid, code if code >= 0 else 128 - code))
