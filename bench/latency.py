"""What a request costs: CPU, added latency and memory of the sidecar beside plain nginx and ModSecurity.

    python -m bench.latency [--quick] [--only CASE] [--peers a,b] [--json OUT] [--results] [--check]

All servers run at once but are driven one after the other, A B A B, so that whatever else the machine does
falls on all of them. CPU time comes from /proc of the server's processes. Every answer is checked: one wrong
status or a broken connection and the run fails.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench.cases import PAGE_CARDS, Case, cases, new_page, page
from bench.figures import Run, Sample, notes, over_budget, read_budget, replace_section, summarise, table
from bench.load import LoadResult, one_by_one, paced, percentile, run_load, write_script
from bench.peers import PEERS, Peer, start_app, start_backend, start_sidecar, why_not
from bench.processes import Cores, cores
from bench.wire import Connection
from waf import exchange
from waf.demo.catalogue import grouped

HERE: Final = Path(__file__).resolve().parent
VERIFIED: Final = 64
SLOW_SECONDS: Final = 0.2
"""A server that takes longer than this for one request is given single requests instead of a load."""


class Plan(NamedTuple):
    """How much is measured. `window` are the seconds of one load, `paced` the exchanges of one latency
    sample."""

    rounds: int
    window: float
    paced: int
    rate: float = 100.0


FULL: Final = Plan(rounds=5, window=3.0, paced=250)
QUICK: Final = Plan(rounds=2, window=1.0, paced=80)


class WrongAnswer(Exception):
    """A peer answered something else than it should; figures of such a run would mean nothing."""


def run(plan: Plan, wanted: Sequence[Case], names: Sequence[str], *, quiet: bool = False) -> Run:
    """Start everything, measure, end everything. Raises WrongAnswer and RuntimeError."""
    where = cores()
    skipped = {name: why for name in names if (why := why_not(name))}
    samples: list[Sample] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waf-bench-")))
        sink = start_app(directory / "sink", where)
        stack.enter_context(sink.server)
        backend = start_backend(directory / "backend", where, sink)
        stack.enter_context(backend.server)
        peers: list[Peer] = []
        for name in names:
            if name not in skipped:
                peers.append(_start(name, directory, where, backend.port))
                stack.enter_context(peers[-1].server)
        for case in wanted:
            script = write_script(case.requests, directory / "load" / case.name)
            slow = {
                peer.name: _verify(peer, case) > SLOW_SECONDS for peer in peers if peer.name in case.peers
            }
            for turn in range(plan.rounds):
                if case.paced:
                    samples.append(_latency(backend, case, plan))
                for peer in peers:
                    if peer.name not in case.peers or (slow[peer.name] and turn >= 2):
                        continue
                    samples.append(_sample(peer, case, plan, script, slow=slow[peer.name], where=where))
                    if not quiet:
                        last = samples[-1]
                        print(
                            f"{case.name:11} {turn + 1}/{plan.rounds} {peer.name:12}"
                            f"{last.cpu_per_request * 1e6:12,.1f} µs CPU {last.requests_per_second:10,.0f}/s"
                            f"  busy {last.busy:4.0%}",
                            file=sys.stderr,
                        )
        return Run(
            machine=machine(),
            date=datetime.date.today().isoformat(),
            rounds=plan.rounds,
            pinned=where.pinned,
            figures=summarise(samples),
            resident_mb={peer.name: peer.server.usage().resident / 2**20 for peer in peers},
            ready_seconds={peer.name: peer.server.ready_seconds for peer in peers},
            skipped=skipped,
        )


def _start(name: str, directory: Path, where: Cores, upstream: int) -> Peer:
    """Our sidecar is started twice: the first start fills the cache of patterns, the second is timed."""
    if name == "sidecar":
        cache = directory / "cache"
        start_sidecar(directory / "first", where, upstream, cache=cache).server.stop()
        return start_sidecar(directory / name, where, upstream, cache=cache)
    return PEERS[name](directory / name, where, upstream)


def _verify(peer: Peer, case: Case) -> float:
    """Send the first `VERIFIED` variants once and look at each answer; gives the seconds of the slowest."""
    slowest = 0.0
    with Connection(peer.port, timeout=120.0) as connection:
        for request in case.requests[:VERIFIED]:
            answer = connection.exchange(request)
            slowest = max(slowest, answer.seconds)
            if answer.status != 200:
                raise WrongAnswer(
                    f"{peer.name} answered {answer.status} to {case.name}: {answer.body[:300]!r}"
                )
            if request.startswith(b"POST /upload"):
                size = len(request) - request.index(b"\r\n\r\n") - 4
                if answer.body != b'{"received":%d}' % size:
                    raise WrongAnswer(
                        f"{peer.name} passed on another body than {size} bytes: {answer.body!r}"
                    )
            if case.masked and (
                wrong := _wrong_page(_page_of(request), answer.body, masks=peer.name == "sidecar")
            ):
                raise WrongAnswer(f"{peer.name}, {case.name}: {wrong}")
    return slowest


def _page_of(request: bytes) -> bytes:
    """What the app has at the place that is asked for."""
    path = request.split(b" ", 2)[1]
    return new_page(int(path[5:-5])) if path.startswith(b"/new/") else page()


def _wrong_page(expected: bytes, body: bytes, *, masks: bool) -> str:
    """What is wrong with the answer to a request for a page, "" if nothing: cards masked, all else as it was."""
    if not masks:
        return "" if body == expected else "not the page that the app sent"
    if len(body) != len(expected):
        return f"{len(body)} bytes instead of {len(expected)}"
    for card in PAGE_CARDS:
        shown = grouped(card).encode()
        if shown in body:
            return f"the card number that ends in {card[-4:]} is in clear"
        at = expected.index(shown)
        expected = expected[:at] + body[at : at + len(shown)] + expected[at + len(shown) :]
    return "" if body == expected else "more than the card numbers was changed"


def _sample(peer: Peer, case: Case, plan: Plan, script: Path, *, slow: bool, where: Cores) -> Sample:
    before = peer.server.usage()
    if slow:
        result = one_by_one(peer.port, case.requests, plan.window)
    else:
        result = run_load(peer.port, script, case.connections, plan.window, where.others)
    used = peer.server.usage().cpu_seconds - before.cpu_seconds
    _insist(peer, case, result)
    times = _latency(peer, case, plan) if case.paced else None
    return Sample(
        case=case.name,
        peer=peer.name,
        cpu_per_request=used / result.requests,
        requests_per_second=result.requests / result.seconds,
        busy=min(1.0, used / result.seconds),
        p50=times.p50 if times else None,
        p99=times.p99 if times else None,
    )


def _latency(peer: Peer, case: Case, plan: Plan) -> Sample:
    times = paced(
        peer.port, case.requests, rate=plan.rate, count=plan.paced, most_seconds=2 * plan.window + 2
    )
    return Sample(case.name, peer.name, 0.0, 0.0, 0.0, percentile(times, 50), percentile(times, 99))


def _insist(peer: Peer, case: Case, result: LoadResult) -> None:
    if result.refused or result.broken or result.timed_out or not result.requests:
        raise WrongAnswer(
            f"{peer.name}, {case.name}: {result.refused} refused, {result.broken} broken and "
            f"{result.timed_out} late of {result.requests}\n{peer.server.tail()}"
        )
    if not peer.server.alive:
        raise WrongAnswer(f"{peer.name} ended during {case.name}\n{peer.server.tail()}")


def machine() -> str:
    """The kind of machine in general words."""
    nginx = "no nginx"
    if shutil.which("nginx"):
        told = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr
        nginx = f"nginx {told.rpartition('/')[2].strip()}"
    # A source was changed and not built again, or there was no compiler: figures of such a run say little.
    pure = ", nothing compiled" if str(exchange.__file__).endswith(".py") else ""
    return (
        f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, {nginx}{pure}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two short rounds: a first look, not a result")
    parser.add_argument("--only", action="append", choices=[c.name for c in cases()], help="this case alone")
    parser.add_argument("--peers", default=",".join(PEERS), help="which, of: " + ", ".join(PEERS))
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    parser.add_argument("--check", action="store_true", help="fail where budget.yaml is exceeded")
    options = parser.parse_args(arguments)
    names = options.peers.split(",")
    if unknown := set(names) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    wanted = [case for case in cases() if not options.only or case.name in options.only]
    try:
        result = run(QUICK if options.quick else FULL, wanted, names)
    except (WrongAnswer, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    text = notes(result) + "\n\n" + table(result, {case.name: case.title for case in cases()})
    print(text)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    if options.results:
        replace_section(HERE / "RESULTS.md", "latency", "Cost of a request", text)
    if options.check:
        over, missing = over_budget(result, read_budget(HERE / "budget.yaml"))
        for line in missing:
            print(f"not measured: {line}", file=sys.stderr)
        for line in over:
            print(f"OVER BUDGET: {line}", file=sys.stderr)
        print("within budget" if not over else f"{len(over)} over budget")
        return 1 if over else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
