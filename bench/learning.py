"""What learning costs: CPU and memory of a sidecar that learns beside one that does not, under the same load.

    python -m bench.learning [--rounds 3] [--seconds 5] [--results]

Two loads: *repeated*, the requests of `bench.cases` again and again, as fast as one core gives them; *varied*, every
request another one (ids, words, tokens). Both sidecars run at once and are driven one after the other, A B A B. The
figures are CPU time per request from /proc, as a ratio, and the resident memory at the end.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from bench.cases import cases, message
from bench.figures import replace_section
from bench.load import run_load, write_script
from bench.peers import Peer, start_app, start_backend, start_sidecar
from bench.processes import cores
from waf.control.files import default_cache_dir

HERE: Final = Path(__file__).resolve().parent
WAYS: Final = {"with learning": "", "without learning": "profiles: {enabled: false}"}
VARIANTS: Final = 3_000
CONNECTIONS: Final = 16


class Sample(NamedTuple):
    load: str
    way: str
    cpu: float  # seconds a request
    rate: float  # requests a second
    p99: float  # seconds


def varied(count: int, seed: int = 1) -> tuple[bytes, ...]:
    """GET and form requests to twenty endpoints, no two alike."""
    rng = random.Random(seed)
    words = [
        "".join(rng.choices("aeiou", k=1) + rng.choices("bcdfgklmnprst", k=1)) * rng.randint(1, 4)
        for _ in range(400)
    ]
    made = []
    for _ in range(count):
        place = rng.randrange(20)
        text = "+".join(rng.choices(words, k=rng.randint(1, 5)))
        pairs = (
            f"id={rng.randrange(10**6)}&q={text}&page={rng.randrange(90)}&sort={rng.choice(('asc', 'desc'))}"
        )
        if place % 4:
            made.append(message("GET", f"/area{place}/list?{pairs}&token={rng.getrandbits(128):032x}"))
        else:
            body = f"{pairs}&name={rng.choice(words).title()}&mail={rng.choice(words)}%40example.com"
            made.append(
                message("POST", f"/area{place}/save", body.encode(), "application/x-www-form-urlencoded")
            )
    return tuple(made)


def measure(rounds: int, seconds: float) -> tuple[list[Sample], dict[str, float]]:
    """All samples, and megabytes resident at the end by way."""
    where = cores()
    samples: list[Sample] = []
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waf-bench-")))
        sink = start_app(directory / "sink", where)
        stack.enter_context(sink.server)
        backend = start_backend(directory / "backend", where, sink)
        stack.enter_context(backend.server)
        cache = Path(default_cache_dir(os.environ))
        # The first start fills the cache of patterns, and keeps the memory that compiling them took.
        start_sidecar(directory / "first", where, backend.port, cache=cache).server.stop()
        peers: dict[str, Peer] = {}
        for number, (way, more) in enumerate(WAYS.items()):
            peers[way] = start_sidecar(
                directory / f"sidecar{number}", where, backend.port, more=more, cache=cache
            )
            stack.enter_context(peers[way].server)
        get = next(case for case in cases() if case.name == "get")
        loads = {"repeated": get.requests, "varied": varied(VARIANTS)}
        for load, requests in loads.items():
            script = write_script(requests, directory / load)
            for turn in range(rounds):
                for way, peer in peers.items():
                    before = peer.server.usage().cpu_seconds
                    result = run_load(peer.port, script, CONNECTIONS, seconds, where.others)
                    used = peer.server.usage().cpu_seconds - before
                    samples.append(
                        Sample(
                            load,
                            way,
                            used / result.requests,
                            result.requests / result.seconds,
                            result.p99,
                        )
                    )
                    resident = peer.server.usage().resident / 2**20
                    last = samples[-1]
                    print(
                        f"{load:9} {turn + 1}/{rounds} {way:17} {last.cpu * 1e6:7.1f} us CPU {last.rate:8,.0f}/s"
                        f"  p99 {last.p99 * 1e3:6.1f} ms  {resident:5.0f} MB",
                        file=sys.stderr,
                    )
        return samples, {way: peer.server.usage().resident / 2**20 for way, peer in peers.items()}


def told(samples: list[Sample], resident: dict[str, float]) -> str:
    by: defaultdict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        by[sample.load, sample.way].append(sample)
    lines = ["| load | | µs CPU a request | ratio | requests a second |", "|---|---|---|---|---|"]
    base = "without learning"
    for load in dict.fromkeys(sample.load for sample in samples):
        without = statistics.median(s.cpu for s in by[load, base])
        for way in WAYS:
            cpu = statistics.median(s.cpu for s in by[load, way])
            rate = statistics.median(s.rate for s in by[load, way])
            lines.append(f"| {load} | {way} | {cpu * 1e6:.1f} | {cpu / without:.3f} | {rate:,.0f} |")
    memory = ", ".join(f"{mb:.0f} MB {way}" for way, mb in resident.items())
    return "\n".join([*lines, "", f"Resident after it: {memory}."])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.learning", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    options = parser.parse_args()
    text = told(*measure(options.rounds, options.seconds))
    print(text)
    if options.results:
        replace_section(HERE / "RESULTS.md", "learning", "Cost of learning", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
