"""Robustness: what the sidecar withstands, and whether others are served meanwhile and all is given back
after.

    python -m bench.torture [--only TEXT] [--idle 5000] [--results]

During each attack of bench.attacks a normal request is made every 20 ms on a connection of its own; the
slowest must take less than a second. Two things are not held against the sidecar: the time in which the kernel gave
its core to others, and what the app itself took then, which is asked past the sidecar. After it, memory and descriptors must return to what they were before,
and the outcome of each hostile exchange must be one of those allowed. Ends by itself; fails loudly.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from bench.attacks import Attack, Tally, attacks
from bench.figures import replace_section
from bench.latency import machine
from bench.peers import Peer, start_app, start_sidecar, why_not
from bench.processes import Usage, cores, waited_for_core
from bench.wire import WireError, get

HERE: Final = Path(__file__).resolve().parent
PROBE_SECONDS: Final = 1.0
ATTACK_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 15.0
SPARE_DESCRIPTORS: Final = 40  # kept-alive connections to the app may stay
SPARE_BYTES: Final = 24 * 2**20  # what the allocator may keep

# Short timeouts, so that what is slow is seen to end within the run.
_CONFIG: Final = """
timeouts:
  head: 2s
  body_idle: 2s
  first_byte: 3s
  response_idle: 3s
  write: 3s
  connect: 1s
"""


class Watch(threading.Thread):
    """Makes a normal request every 20 ms until told to stop; remembers the slowest and what failed.

    `slowest` in seconds as the client sees it, `slowest_own` without the time for which the server had no core.
    """

    def __init__(self, peer: Peer) -> None:
        super().__init__(daemon=True)
        self.port = peer.port
        self.pid = peer.server.process.pid
        self.slowest = self.slowest_own = 0.0
        self.count = 0
        self.failures: list[str] = []
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(0.02):
            started, waited = time.perf_counter(), waited_for_core(self.pid)
            try:
                status = get(self.port, "/ok", host="shop.example", timeout=5.0).status
                if status != 200:
                    self.failures.append(str(status))
            except (OSError, WireError) as error:
                self.failures.append(type(error).__name__)
            seconds = time.perf_counter() - started
            self.slowest = max(self.slowest, seconds)
            self.slowest_own = max(self.slowest_own, seconds - (waited_for_core(self.pid) - waited))
            self.count += 1

    def stop(self) -> None:
        self._end.set()
        self.join(10.0)


class Report(NamedTuple):
    attack: Attack
    tally: Tally
    slowest: float  # seconds of the slowest normal request meanwhile
    slowest_own: float  # of the slowest one, without the time for which others had the sidecar's core
    app_alone: float  # seconds of the slowest one past the sidecar, which may be slow by itself
    after: float  # seconds of a normal request right after
    before: Usage
    settled: Usage
    peak: int  # bytes resident right after the attack
    problems: tuple[str, ...]


def assault(peer: Peer, app: Peer, attack: Attack) -> Report:
    """Run one attack and watch; never raises for what the server does."""
    before = peer.server.usage()
    watch, direct = Watch(peer), Watch(app)
    watch.start()
    direct.start()
    tally: Tally = Counter()
    deadline = time.monotonic() + ATTACK_SECONDS
    try:
        while not tally or time.monotonic() < deadline:
            tally += attack.run(peer.port)
    finally:
        watch.stop()
        direct.stop()
    peak = peer.server.usage().resident
    problems = []
    started = time.perf_counter()
    try:
        status = get(peer.port, "/ok", host="shop.example", timeout=5.0).status
        if status != 200:
            problems.append(f"{status} right after")
    except (OSError, WireError) as error:
        problems.append(f"{type(error).__name__} right after")
    after = time.perf_counter() - started
    settled = _settle(peer, before)
    if watch.failures:
        problems.append(
            f"{len(watch.failures)} of {watch.count} normal requests failed ({watch.failures[0]})"
        )
    if max(watch.slowest_own - direct.slowest_own, after) > PROBE_SECONDS:
        problems.append("a normal request took too long")
    if settled.descriptors > before.descriptors + SPARE_DESCRIPTORS:
        problems.append("descriptors did not return")
    if settled.resident > before.resident + SPARE_BYTES:
        problems.append("memory did not return")
    if attack.allowed and (wrong := set(tally) - attack.allowed):
        problems.append("unexpected: " + ", ".join(sorted(wrong)))
    if not peer.server.alive:
        problems.append("the server ended")
    return Report(
        attack,
        tally,
        watch.slowest,
        watch.slowest_own,
        direct.slowest,
        after,
        before,
        settled,
        peak,
        tuple(problems),
    )


def _settle(peer: Peer, before: Usage) -> Usage:
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        now = peer.server.usage()
        returned = (
            now.descriptors <= before.descriptors + SPARE_DESCRIPTORS
            and now.resident <= before.resident + SPARE_BYTES
        )
        if returned or time.monotonic() > deadline:
            return now
        time.sleep(0.1)


def table(reports: Sequence[Report]) -> str:
    lines = [
        "| attack | what came back | slowest normal request (with a core; the app alone) | right after "
        "| descriptors | resident MB (peak) | |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for r in reports:
        outcomes = ", ".join(f"{count} × {outcome}" for outcome, count in sorted(r.tally.items()))
        lines.append(
            f"| {r.attack.name}: {r.attack.what} | {outcomes} "
            f"| {r.slowest * 1000:.0f} ms ({r.slowest_own * 1000:.0f}; {r.app_alone * 1000:.0f}) | {r.after * 1000:.0f} ms "
            f"| {r.before.descriptors} → {r.settled.descriptors} "
            f"| {r.before.resident / 2**20:.0f} → {r.settled.resident / 2**20:.0f} ({r.peak / 2**20:.0f}) "
            f"| {'; '.join(r.problems) or 'ok'} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.torture", description=__doc__.split("\n")[0])
    parser.add_argument("--only", default="", help="attacks whose name holds this text")
    parser.add_argument("--idle", type=int, default=5_000, help="how many idle connections (5000)")
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    options = parser.parse_args(arguments)
    if why := why_not("sidecar"):
        print(why, file=sys.stderr)
        return 1
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * options.idle + 500
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(needed, hard), hard))
    where = cores()
    reports: list[Report] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waf-torture-")))
        app = start_app(directory / "app", where)
        stack.enter_context(app.server)
        peer = start_sidecar(directory / "sidecar", where, app.port, more=_CONFIG)
        stack.enter_context(peer.server)
        for _ in range(200):  # first requests fill pools and caches; what they hold is the base line
            get(peer.port, "/page/20000/1", host="shop.example")
        first = peer.server.usage()
        for attack in attacks(options.idle):
            if options.only in attack.name and peer.server.alive:
                reports.append(assault(peer, app, attack))
                last = reports[-1]
                print(f"{attack.name:20} {'; '.join(last.problems) or 'ok'}", file=sys.stderr)
        last_usage = _settle(peer, first)
        stopped = peer.server.stop()
        problems = sum(bool(r.problems) for r in reports)
        if last_usage.resident > first.resident + SPARE_BYTES:
            problems += 1
            print("memory grew over the whole run", file=sys.stderr)
        if peer.server.process.returncode != 0:
            problems += 1
            print(
                f"the sidecar ended with {peer.server.process.returncode}\n{peer.server.tail()}",
                file=sys.stderr,
            )
    text = f"{time.strftime('%Y-%m-%d')}, {machine()}. Sidecar in protect mode, short timeouts; ended in "
    text += f"{stopped:.1f} s when told to. Resident {first.resident / 2**20:.0f} MB before, "
    text += f"{last_usage.resident / 2**20:.0f} MB after all of it.\n\n{table(reports)}"
    print(text)
    if options.results:
        replace_section(HERE / "RESULTS.md", "torture", "What it withstands", text)
    print(f"{len(reports)} attacks, {problems} problems")
    return 1 if problems or not reports else 0


if __name__ == "__main__":
    sys.exit(main())
