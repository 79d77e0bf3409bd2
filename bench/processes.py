"""Servers under measurement: start them on chosen cores, read from /proc what they cost, end them.

Owns everything that touches processes. Linux only. Knows nothing of HTTP but "somebody listens".
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 10.0
_LOWEST_PORT: Final = 10_000  # below are the ports of well-known servers
_STRIPES: Final = 97  # a process takes every so manieth port, and the next process those beside

_given_out: Final[set[int]] = set()


class Cores(NamedTuple):
    """Which cores the measured server gets, and which all others; equal where there is only one core."""

    server: str
    others: str
    pinned: bool


class Usage(NamedTuple):
    """What a process and its children hold and have used up to now."""

    cpu_seconds: float
    resident: int  # bytes, summed over the processes
    descriptors: int
    processes: int


def cores() -> Cores:
    """The first allowed core for the server, the rest for load generator, backend and ourselves."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2 or shutil.which("taskset") is None:
        every = ",".join(map(str, allowed))
        return Cores(every, every, pinned=False)
    return Cores(str(allowed[0]), ",".join(map(str, allowed[1:])), pinned=True)


def on_cores(command: Sequence[str], where: str) -> list[str]:
    """`command` with its processes bound to the cores named, as taskset names them."""
    return [*(("taskset", "-c", where) if shutil.which("taskset") else ()), *command]


def free_port() -> int:
    """A port of the loopback address that nobody uses, for a server that is about to start.

    It is none of those that the kernel gives to outgoing connections and to whoever asks for any port, nor one that
    another process has from here, so that it is still free when the server comes to it; and never the same twice.
    """
    chance = random.SystemRandom()
    for _ in range(1_000):
        port = chance.randrange(_LOWEST_PORT + os.getpid() % _STRIPES, _first_ephemeral(), _STRIPES)
        if port in _given_out:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_out.add(port)
        return port
    raise OSError("no port is free")


def _first_ephemeral() -> int:
    """Where the ports begin that the kernel chooses itself (ip(7), ip_local_port_range)."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        first = 0
    return first if first > 2 * _LOWEST_PORT else 32_768


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """One server process with its children, started at once; a context manager that ends it.

    `ready` is asked until it is true; RuntimeError with the end of the log if the process dies first or
    START_SECONDS pass. `ready_seconds` tells how long it took.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        where: str,
        log: Path,
        ready: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        started = time.perf_counter()
        with log.open("ab") as sink:
            self.process = subprocess.Popen(
                on_cores(command, where),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
            )
        while not ready():
            if self.process.poll() is not None or time.perf_counter() - started > START_SECONDS:
                self.stop()
                raise RuntimeError(f"{command[0]} did not get ready:\n{self.tail()}")
            time.sleep(0.002)
        self.ready_seconds = time.perf_counter() - started

    def tail(self, size: int = 2_000) -> str:
        """The last bytes of what the server wrote to its output."""
        return self.log.read_bytes()[-size:].decode("utf-8", "replace")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def usage(self) -> Usage:
        return usage(self.process.pid)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """End it; gives the seconds it took. Killed after STOP_SECONDS."""
        started = time.perf_counter()
        if self.alive:
            self.process.send_signal(how)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return time.perf_counter() - started

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def usage(pid: int) -> Usage:
    """What `pid` and all its descendants use; of children that ended, the CPU time counts."""
    cpu, resident, descriptors, count = 0.0, 0, 0, 0
    for member in _family(pid):
        try:
            stat = _stat(member)
            descriptors += len(os.listdir(f"/proc/{member}/fd"))
        except (FileNotFoundError, ProcessLookupError):
            continue
        # utime, stime, cutime, cstime: see proc(5), fields 14 to 17; stat[0] is field 3
        cpu += sum(int(stat[number - 3]) for number in (14, 15, 16, 17)) / CLOCK_TICKS
        resident += int(stat[24 - 3]) * os.sysconf("SC_PAGE_SIZE")
        count += 1
    return Usage(cpu, resident, descriptors, count)


def waited_for_core(pid: int) -> float:
    """Seconds for which `pid` (its main thread) could have run and others had its core; 0 where nobody tells."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; the second may hold spaces and parentheses."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _family(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents.setdefault(int(_stat(int(entry))[1]), []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                continue
    family = [pid]
    for member in family:
        family.extend(parents.get(member, ()))
    return family
