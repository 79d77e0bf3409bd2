"""Where a request's time goes, stage by stage, in one process without sockets.

    python -m bench.micro [--only CASE] [--profile CASE] [--patterns] [--results]

Each stage of the data path is called as the proxy calls it, on the requests of bench.cases; the figure is
the best of several repetitions, in microseconds of this thread's CPU. What the sum of the stages leaves of `bench.latency`'s CPU
per request is sockets, event loop and bookkeeping. `--profile` shows the functions behind a case,
`--patterns` the dearest patterns and what all of them cost.
"""

from __future__ import annotations

import argparse
import cProfile
import itertools
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench.bare import Bare
from bench.cases import Case, cases, page
from bench.figures import replace_section
from bench.latency import machine
from waf.errors import ConfigError

HERE: Final = Path(__file__).resolve().parent
MEASURED: Final = ("get", "json-2k", "json-64k", "form", "page")
REPEATS: Final = 5
SPAN_SECONDS: Final = 0.05
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 29\r\n\r\n"
PAGE_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"

Stage = Callable[[], Any]


def best(stage: Stage) -> float:
    """Seconds of CPU of one call: the best of REPEATS spans of about SPAN_SECONDS each."""
    stage()
    count = 1
    while True:
        started = time.thread_time()
        for _ in itertools.repeat(None, count):
            stage()
        spent = time.thread_time() - started
        if spent >= SPAN_SECONDS / 4:
            break
        count *= 4
    count = max(1, int(count * SPAN_SECONDS / spent))
    spans = []
    for _ in range(REPEATS):
        started = time.thread_time()
        for _ in itertools.repeat(None, count):
            stage()
        spans.append((time.thread_time() - started) / count)
    return min(spans)


class Bench:
    """A policy with default rules in protect mode, and one exchange after the other through it."""

    def __init__(self, cache: str) -> None:
        from waf.assembly import Files, build, keep

        files = Files(options={"mode": "protect", "cache_dir": cache})
        self.config = files.load().config
        self.policy = build(files, keep(self.config, {})).policy
        self.limits = self.config.limits
        idle = Files(options={"mode": "off", "cache_dir": cache})
        self.idle = build(idle, keep(idle.load().config, {})).policy

    def stages(self, case: Case) -> Iterator[tuple[str, Stage]]:
        """Name and call of each stage, in the order of the data path. May raise where a room has changed."""
        from waf.http1 import framing, parse, serialize
        from waf.inspect.reading import read
        from waf.model import Admitted, Exchange, Peer
        from waf.record.events import event

        policy, limits = self.policy, self.limits
        peer = Peer("127.0.0.1", 40_000, "127.0.0.1", "http")
        trace = b"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
        hop = serialize.Hop(peer=peer, request_id=b"0123456789abcdef", traceparent=trace)
        heads, bodies, requests = [], [], []
        for raw in case.requests:
            head, _, body = raw.partition(b"\r\n\r\n")
            heads.append(head + b"\r\n\r\n")
            bodies.append(body)
            requests.append(parse.request_head(heads[-1], limits))
        pairs = list(zip(requests, bodies, strict=True))
        next_head, next_pair = itertools.cycle(heads).__next__, itertools.cycle(pairs).__next__

        def exchange() -> tuple[Any, bytes]:
            request, body = next_pair()
            one = Exchange("0123456789abcdef", peer, 1.0, 1.7e9)
            one.request = request
            policy.plan(one, 1.0)
            return one, body

        def whole() -> Any:
            one, body = exchange()
            admitted = policy.admit(one, body, 1.0)
            if not isinstance(admitted, Admitted):
                raise TypeError(f"{case.name} was refused: {one.verdict}")
            return admitted

        yield "parse the head", lambda: parse.request_head(next_head(), limits)
        if bodies[0]:

            def frame() -> Any:
                request, body = next_pair()
                return framing.request_body(request, limits).feed(body)

            yield "frame the body", frame

        def fields(with_body: bool) -> Stage:
            def call() -> Any:
                request, body = next_pair()
                reading = read(request, body, limits, policy.detector.mask)
                return reading.body_fields() if with_body else reading

            return call

        yield "read the head's fields", fields(with_body=False)
        if bodies[0]:
            yield "read all fields", fields(with_body=True)

        def readings() -> Callable[[], Any]:
            """Requests read, but for their fields: each stage makes those that it needs."""
            return itertools.cycle([read(r, b, limits, policy.detector.mask) for r, b in pairs]).__next__

        if policy.signatures is not None:
            signatures, searched = policy.signatures, readings()
            yield "search signatures", lambda: signatures.check(searched(), 2, lambda _field: False)
        detected = readings()
        yield "search sensitive data", lambda: policy.detector.check_request(detected(), b"/search")
        yield "WHOLE: plan and admit", whole
        yield "write the head", lambda: serialize.request_head(next_pair()[0], hop, 0)
        yield "parse the answer's head", lambda: parse.response_head(ANSWER, limits, b"GET")
        judged, body = exchange()
        policy.admit(judged, body, 1.0)
        content = page() if case.masked else b'{"ok":true,"items":[1,2,3]}\r\n'
        head = PAGE_HEAD % len(content) if case.masked else ANSWER
        response = parse.response_head(head, limits, b"GET")

        def stream() -> Any:
            released: Any = policy.release(judged, response)
            if released.body is None:
                return content
            return released.body.feed(content) + released.body.finish()

        yield "judge the answer", lambda: policy.release(judged, response, content)
        yield "judge it as a stream", stream
        judged.response = response
        yield "event, where one is written", lambda: event(judged, policy.detector.mask)
        for name, chosen in (
            ("without sockets: all of it", policy),
            ("without sockets: the proxy alone", self.idle),
        ):
            bare = Bare(self.config, chosen, case.requests, head + content, policy.detector.mask)
            yield name, bare.exchange
            bare.close()


def measure(bench: Bench, wanted: Sequence[Case]) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Microseconds by stage and case, and what could not be measured and why."""
    figures: dict[str, dict[str, float]] = {}
    missing: list[str] = []
    for case in wanted:
        stages = bench.stages(case)
        name = "set-up"
        try:
            for name, stage in stages:
                figures.setdefault(name, {})[case.name] = best(stage) * 1e6
                print(f"{case.name:10} {name:30} {figures[name][case.name]:12.1f} µs", file=sys.stderr)
        except (ImportError, AttributeError, TypeError) as error:
            missing.append(f"{case.name}, {name}: {type(error).__name__}: {error}")
    return figures, missing


def table(figures: dict[str, dict[str, float]], wanted: Sequence[Case]) -> str:
    lines = ["| µs | " + " | ".join(case.title for case in wanted) + " |", "|---|" + "---:|" * len(wanted)]
    for name, by_case in figures.items():
        cells = [f"{by_case[case.name]:,.1f}" if case.name in by_case else "" for case in wanted]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def profile(bench: Bench, case: Case, count: int = 2_000) -> None:
    """Print the functions that judging this case spends its time in."""
    whole = dict(bench.stages(case))["WHOLE: plan and admit"]
    whole()
    count = max(10, min(count, int(2.0 / best(whole))))
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(count):
        whole()
    profiler.disable()
    print(f"{count} × {case.title}")
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(25)


def patterns(bench: Bench, top: int = 15) -> None:
    """Print the patterns that cost most per KB, and what all of them cost in one database and in groups."""
    from waf.inspect.bodies import json_body
    from waf.inspect.bodies.parsed import Notes
    from waf.inspect.cost import ORDINARY, pattern_costs, text_costs

    if bench.policy.signatures is None:
        return
    rules = bench.policy.signatures.rules
    for entry in pattern_costs(rules, clock=time.perf_counter)[:top]:
        print(f"{entry.microseconds_per_kb:8.2f} µs/KB  {entry.rule}  {entry.pattern[:80]}")
    case = next(case for case in cases() if case.name == "json-64k")
    document = case.requests[0].partition(b"\r\n\r\n")[2]
    parsed = json_body.parse(document, Notes(bench.limits, bench.policy.detector.mask))
    sheet = parsed.sheet() if parsed is not None and parsed.sheet is not None else None
    named = dict(zip(("prose", "values of records", "parameters"), ORDINARY, strict=True))
    if sheet is not None:
        named[case.title] = sheet.text
    for name, (one, grouped) in zip(
        named, text_costs(rules, time.thread_time, [*named.values()]), strict=True
    ):
        print(f"{one:8.2f} µs/KB in one database, {grouped:5.2f} in groups: {name}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.micro", description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=MEASURED, help="this case alone")
    parser.add_argument("--profile", choices=MEASURED, help="show the functions behind a case")
    parser.add_argument("--patterns", action="store_true", help="show the dearest patterns")
    parser.add_argument("--results", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(arguments)
    by_name = {case.name: case for case in cases()}
    with tempfile.TemporaryDirectory(prefix="waf-micro-") as cache:
        try:
            bench = Bench(cache)
        except (ImportError, ConfigError) as error:
            print(f"not measured: {error}", file=sys.stderr)
            return 1
        if options.profile or options.patterns:
            if options.profile:
                profile(bench, by_name[options.profile])
            if options.patterns:
                patterns(bench)
            return 0
        wanted = [by_name[name] for name in options.only or MEASURED]
        figures, missing = measure(bench, wanted)
    text = f"{time.strftime('%Y-%m-%d')}, {machine()}.\n\n{table(figures, wanted)}"
    print(text)
    for line in missing:
        print(f"not measured: {line}", file=sys.stderr)
    if options.results and not missing:
        replace_section(HERE / "RESULTS.md", "micro", "Where a request's time goes", text)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
