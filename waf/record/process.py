"""The process itself as metric families, under the names that Prometheus's client libraries share.

Linux only: read from /proc at each scrape; what cannot be read is left out.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

from waf.record.families import Family, Join

_PROC: Final = Path("/proc")


def process_families(proc: Path = _PROC) -> list[Family]:
    """CPU time, memory, start and descriptors of this process; none where there is no /proc."""
    try:
        # Behind the name in parentheses, which may hold anything; the first is field 3 of proc(5).
        fields = (proc / "self/stat").read_bytes().rpartition(b")")[2].split()
        ticks = os.sysconf("SC_CLK_TCK")
        cpu = (int(fields[14 - 3]) + int(fields[15 - 3])) / ticks
        start = _boot_time(proc) + int(fields[22 - 3]) / ticks
        size, resident = int(fields[23 - 3]), int(fields[24 - 3]) * os.sysconf("SC_PAGE_SIZE")
        open_now = len(os.listdir(proc / "self/fd"))
    except (OSError, ValueError, IndexError):
        return []
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return [
        _one("process_virtual_memory_bytes", "Virtual memory size in bytes.", size),
        _one("process_resident_memory_bytes", "Resident memory size in bytes.", resident),
        _one("process_start_time_seconds", "Start of the process as Unix time in seconds.", start, Join.MIN),
        _one("process_cpu_seconds_total", "User and system CPU time spent in seconds.", cpu),
        _one("process_open_fds", "Open file descriptors.", open_now),
        _one("process_max_fds", "File descriptors that may be open.", most, Join.MIN),
    ]


def _boot_time(proc: Path) -> int:
    for line in (proc / "stat").read_bytes().splitlines():
        if line.startswith(b"btime "):
            return int(line.split()[1])
    raise ValueError("no boot time")


def _one(name: str, help: str, value: float, join: Join = Join.SUM) -> Family:
    return Family(name, help, samples=(((), float(value)),), join=join)
