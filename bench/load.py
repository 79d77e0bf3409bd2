"""Load: wrk for throughput, one paced connection for latency. Gives counts and times, judges nothing."""

from __future__ import annotations

import math
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.processes import on_cores
from bench.wire import Connection

_LUA: Final = """
local requests = {{}}
for number = 1, {count} do
  local file = assert(io.open("{dir}/" .. number, "rb"))
  requests[number] = file:read("*a")
  file:close()
end
local turn = 0
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("result %d %d %d %d %d %d %d %d %d %d\\n",
    summary.requests, summary.duration, summary.bytes, e.connect, e.read, e.write, e.timeout, e.status,
    latency:percentile(50), latency:percentile(99)))
end
"""
_RESULT: Final = re.compile(r"^result" + r" (\d+)" * 10 + "$", re.M)


class LoadResult(NamedTuple):
    """What wrk counted. `refused` are answers with a status of 400 or more; times are seconds."""

    requests: int
    seconds: float
    received: int  # bytes
    broken: int  # connections refused or cut
    timed_out: int
    refused: int
    p50: float
    p99: float


def write_script(requests: Sequence[bytes], directory: Path) -> Path:
    """A script for wrk that sends whole messages in turn."""
    directory.mkdir(parents=True, exist_ok=True)
    for number, request in enumerate(requests, start=1):
        (directory / str(number)).write_bytes(request)
    script = directory / "send.lua"
    script.write_text(_LUA.format(count=len(requests), dir=directory))
    return script


def parse_result(output: str) -> LoadResult:
    """Read the line that our script printed; ValueError if there is none."""
    found = _RESULT.search(output)
    if found is None:
        raise ValueError(f"wrk gave no result: {output[-500:]}")
    number = [int(group) for group in found.groups()]
    return LoadResult(
        requests=number[0],
        seconds=number[1] / 1e6,
        received=number[2],
        broken=sum(number[3:6]),
        timed_out=number[6],
        refused=number[7],
        p50=number[8] / 1e6,
        p99=number[9] / 1e6,
    )


def start_load(
    port: int, script: Path, *, connections: int, seconds: float, where: str, timeout: int = 60
) -> subprocess.Popen[str]:
    """Start wrk in the background; its output goes to `parse_result` once it ended."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", f"{timeout}s"]
    command += ["-s", str(script), f"http://127.0.0.1:{port}/"]
    return subprocess.Popen(
        on_cores(command, where), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def run_load(port: int, script: Path, connections: int, seconds: float, where: str) -> LoadResult:
    """wrk with one thread for about `seconds` (whole ones)."""
    with start_load(port, script, connections=connections, seconds=seconds, where=where) as process:
        output, _ = process.communicate(timeout=seconds + 90)
    return parse_result(output)


def one_by_one(port: int, requests: Sequence[bytes], seconds: float, most: int = 1_000_000) -> LoadResult:
    """Whole exchanges on one connection, each counted, at least one: for servers too slow for a load of
    seconds."""
    times: list[float] = []
    refused = received = 0
    started = time.perf_counter()
    with Connection(port, timeout=120.0) as connection:
        while not times or (time.perf_counter() - started < seconds and len(times) < most):
            answer = connection.exchange(requests[len(times) % len(requests)])
            times.append(answer.seconds)
            received += len(answer.body)
            refused += answer.status >= 400
    spent = time.perf_counter() - started
    return LoadResult(
        len(times), spent, received, 0, 0, refused, percentile(times, 50), percentile(times, 99)
    )


def paced(
    port: int, requests: Sequence[bytes], *, rate: float, count: int, most_seconds: float = 5.0
) -> list[float]:
    """Round-trip seconds of `count` exchanges at `rate` a second on one keep-alive connection.

    Ends early after `most_seconds`. A late answer delays the next request: what is measured is the server,
    not a queue of ours.
    """
    times: list[float] = []
    with Connection(port) as connection:
        for request in requests[:4]:  # warm: connection, pool, caches
            connection.exchange(request)
        started = due = time.perf_counter()
        while len(times) < count and time.perf_counter() - started < most_seconds:
            if (wait := due - time.perf_counter()) > 0:
                time.sleep(wait)
            times.append(connection.exchange(requests[len(times) % len(requests)]).seconds)
            due = max(due + 1 / rate, time.perf_counter())
    return times


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of a sample that is not empty; `share` from 0 to 100."""
    ordered = sorted(values)
    rank = math.ceil(len(ordered) * share / 100)
    return ordered[max(rank, 1) - 1]
