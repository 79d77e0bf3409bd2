"""Endurance: 200 connections for a minute, a reload every second, the app restarted in between.

    python -m bench.soak [--seconds 60] [--connections 200] [--results]

Beside the load of wrk a few clients of our own send requests of their own making and compare every byte of
every answer. At the end: no wrong byte, no hung request, no refused reload, and as many records as exchanges.
While the app is down, and only then, a 502, 503 or 504 or a cut answer is right.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from bench.backend import pattern
from bench.cases import document
from bench.figures import replace_section
from bench.latency import machine
from bench.load import LoadResult, parse_result, start_load, write_script
from bench.peers import Peer, start_app, start_sidecar, why_not
from bench.processes import cores
from bench.wire import Connection, WireError, ask, get

HERE: Final = Path(__file__).resolve().parent
CLIENTS: Final = 4
GRACE_SECONDS: Final = 2.0  # after the app is back: connections of the pool that died with it
REST_SECONDS: Final = 5.0  # before memory is looked at
SPARE_BYTES: Final = 24 * 2**20  # what may stay of sixty policies and all that was learned
PATIENCE_SECONDS: Final = 10.0  # an exchange that takes longer counts as hung
_RELOAD: Final = b"POST /v1/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
_METRIC: Final = re.compile(r"^(\w+)(?:\{.*\})? (\S+)$", re.M)  # a route in a label may hold braces


class Outage:
    """When the app was away, in monotonic seconds; errors are right from its start to a little after its
    end."""

    def __init__(self) -> None:
        self.began = self.ended = float("inf")

    def excuses(self, started: float, ended: float) -> bool:
        """True if an exchange of that span overlaps the outage."""
        return ended >= self.began and started <= self.ended + GRACE_SECONDS


class Client(threading.Thread):
    """Makes requests that nobody else makes, compares each answer whole."""

    def __init__(self, port: int, seed: int, outage: Outage) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.rng = random.Random(seed)
        self.outage = outage
        self.counts: Counter[str] = Counter()
        self.ids: list[str] = []
        self.wrong: list[str] = []
        self._end = threading.Event()
        self._connection: Connection | None = None

    def run(self) -> None:
        while not self._end.is_set():
            self._one()
        self._close()

    def _one(self) -> None:
        request, body = self._request()
        started = time.monotonic()
        outcome, problem = "right", ""
        try:
            if self._connection is None:
                self._connection = Connection(self.port, PATIENCE_SECONDS)
            answer = self._connection.exchange(request)
            if answer.status != 200:
                outcome, problem = str(answer.status), f"{answer.status} {answer.body[:200]!r}"
            elif answer.body != body:
                self.wrong.append(f"{len(answer.body)} bytes instead of {len(body)}, or other ones")
            elif seen := answer.headers.get(b"x-seen-id"):
                self.ids.append(seen.decode("latin-1"))
            if answer.headers.get(b"connection", b"").lower() == b"close":
                self._close()
        except TimeoutError:
            outcome, problem = "hung", "hung"
        except (OSError, WireError) as error:
            outcome, problem = "broken", repr(error)
        self.counts[outcome] += 1
        if outcome == "hung" or (problem and not self.outage.excuses(started, time.monotonic())):
            self.wrong.append(problem)
        if outcome != "right":
            self._close()
            time.sleep(0.02)

    def _request(self) -> tuple[bytes, bytes]:
        """A request and the body that is the only right answer."""
        seed = self.rng.randrange(1, 40)
        head = "{} {} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: soak/1\r\n{}\r\n"
        match self.rng.randrange(4):
            case 0:
                body = document(self.rng, 3_000)
                more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                return head.format("POST", "/echo", more).encode() + body, body
            case 1:
                body = pattern(2_000, seed)
                half = self.rng.randrange(1, len(body))
                more = "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"
                chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (
                    half,
                    body[:half],
                    len(body) - half,
                    body[half:],
                )
                return head.format("POST", "/echo", more).encode() + chunks, body
            case 2:
                return head.format("GET", f"/data/40000/{seed}", "").encode(), pattern(40_000, seed)
            case _:
                return head.format("GET", f"/page/20000/{seed}", "").encode(), pattern(20_000, seed)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.socket.close()
            self._connection = None

    def stop(self) -> None:
        self._end.set()
        self.join(PATIENCE_SECONDS + 5)


class Reloader(threading.Thread):
    """Writes another valid configuration every second, the way a person's editor does: whole, by rename.

    And asks for a reload each time, beside those by which the sidecar follows the file itself. `refused` says what
    came of asks that failed.
    """

    def __init__(self, config: Path, control: int) -> None:
        super().__init__(daemon=True)
        self.config = config
        self.control = control
        self.base = config.read_text()
        self.count = 0
        self.refused: list[str] = []
        self._end = threading.Event()

    def run(self) -> None:
        due = time.monotonic()
        while not self._end.wait(max(0.0, due - time.monotonic())):
            due = time.monotonic() + 1.0
            self.count += 1
            fresh = self.config.with_suffix(".new")
            fresh.write_text(f"{self.base}\ninspection:\n  request_threshold: {7 + self.count % 2}\n")
            os.replace(fresh, self.config)
            try:
                answer = ask(self.control, _RELOAD, PATIENCE_SECONDS)
                if answer.status != 200:
                    self.refused.append(f"{answer.status} {answer.body[:200]!r}")
            except (OSError, WireError) as error:
                self.refused.append(repr(error))

    def stop(self) -> None:
        self._end.set()
        self.join(PATIENCE_SECONDS + 5)


class Outcome(NamedTuple):
    load: LoadResult
    clients: Counter[str]
    reloads: int
    metrics: dict[str, float]
    lines: int
    resident: tuple[int, int]  # bytes when the sidecar got ready, and after a rest at the end
    text: str
    problems: tuple[str, ...]


def soak(seconds: int, connections: int) -> Outcome:
    """The whole run; takes `seconds` and a little."""
    where = cores()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waf-soak-")))
        app = start_app(directory / "app", where)

        def stop_app() -> None:
            app.server.stop()

        stack.callback(stop_app)  # whichever is the app by then
        sidecar = start_sidecar(directory / "sidecar", where, app.port, access="all")
        stack.enter_context(sidecar.server)
        ready = sidecar.server.usage().resident
        outage = Outage()
        clients = [Client(sidecar.port, seed, outage) for seed in range(CLIENTS)]
        reloader = Reloader(directory / "sidecar" / "waf.yaml", sidecar.control)
        script = write_script(_mix(), directory / "load")
        with start_load(
            sidecar.port, script, connections=connections, seconds=seconds, where=where.others, timeout=10
        ) as wrk:
            threads: tuple[Client | Reloader, ...] = (*clients, reloader)
            for thread in threads:
                thread.start()
            time.sleep(seconds / 2)
            outage.began = time.monotonic()
            app.server.stop()
            time.sleep(0.5)
            app = start_app(directory / "app", where, app.port)
            outage.ended = time.monotonic()
            output, _ = wrk.communicate(timeout=seconds + 60)
            for thread in threads:
                thread.stop()
        load = parse_result(output)
        metrics = _metrics(sidecar, at_least=load.requests)
        ids = {identifier for client in clients for identifier in client.ids}
        time.sleep(REST_SECONDS)
        resident = (ready, sidecar.server.usage().resident)
        sidecar.server.stop()
        lines, found = _records(directory / "sidecar" / "events.jsonl", ids)
        problems = list(_judge(load, clients, reloader, metrics, connections))
        if lines + metrics.get("waf_events_dropped_total", 0) < metrics.get("waf_requests_total", 0):
            problems.append(
                f"{lines} event lines for {metrics['waf_requests_total']:.0f} exchanges, none said dropped"
            )
        if doubled := {k: n for k, n in found.items() if n > 1}:
            problems.append(f"{len(doubled)} exchanges have more than one record")
        if not metrics.get("waf_events_dropped_total") and (missing := len(ids) - len(found)):
            problems.append(f"{missing} of {len(ids)} exchanges have no record")
        if resident[1] > resident[0] + SPARE_BYTES:
            problems.append(f"memory grew from {resident[0] / 2**20:.0f} to {resident[1] / 2**20:.0f} MB")
        counts: Counter[str] = Counter()
        for client in clients:
            counts.update(client.counts)
        return Outcome(
            load, counts, reloader.count, metrics, lines, resident, sidecar.server.tail(), tuple(problems)
        )


def _mix() -> list[bytes]:
    rng = random.Random(5)
    head = "{} {} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: soak/1\r\n{}\r\n"
    requests = []
    for seed in range(1, 9):
        body = document(rng, 2_000)
        more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        requests.append(head.format("POST", "/echo", more).encode() + body)
        requests.append(head.format("GET", f"/page/20000/{seed}", "").encode())
        requests.append(head.format("GET", f"/ok?q=coffee&page={seed}", "").encode())
    return requests


def _metrics(sidecar: Peer, at_least: int) -> dict[str, float]:
    """The sums of all metrics by name, read until the count of requests is what it will be."""
    sums: dict[str, float] = {}
    last = -1.0
    for _ in range(50):
        text = get(sidecar.control, "/metrics").body.decode()
        sums = {}
        for name, value in _METRIC.findall(text):
            sums[name] = sums.get(name, 0.0) + float(value)
        now = sums.get("waf_requests_total", 0.0)
        if now == last and now >= at_least:
            break
        last = now
        time.sleep(0.1)
    return sums


def _records(path: Path, ids: set[str]) -> tuple[int, Counter[str]]:
    """How many exchange records there are, and how often each of `ids` has one."""
    found: Counter[str] = Counter()
    lines = 0
    with path.open("rb") as file:
        for line in file:
            record = json.loads(line)
            if "http.request.id" in record:
                lines += 1
                if record["http.request.id"] in ids:
                    found[record["http.request.id"]] += 1
    return lines, found


def _judge(
    load: LoadResult,
    clients: Sequence[Client],
    reloader: Reloader,
    metrics: dict[str, float],
    connections: int,
) -> list[str]:
    problems = []
    for client in clients:
        problems += [f"wrong answer: {text}" for text in client.wrong[:3]]
    if load.timed_out:
        problems.append(f"{load.timed_out} requests of the load hung")
    if not any(client.counts["right"] for client in clients):
        problems.append("no request was answered rightly")
    # The load leaves with its last requests under way, and cannot count an answer that was cut with the app.
    answered = load.requests + sum(sum(client.counts.values()) for client in clients)
    records = metrics.get("waf_requests_total", 0.0)
    if not answered - CLIENTS <= records <= answered + connections + load.broken:
        problems.append(f"{records:.0f} records for {answered} exchanges")
    reloads = metrics.get("waf_config_reloads_total", 0.0)
    problems += [f"a reload failed: {text}" for text in reloader.refused[:3]]
    if reloads < reloader.count:
        problems.append(f"{reloads:.0f} reloads for {reloader.count} changes")
    if metrics.get("waf_config_last_reload_successful", 1.0) != 1.0:
        problems.append("the last reload failed")
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    options = parser.parse_args(arguments)
    if why := why_not("sidecar"):
        print(why, file=sys.stderr)
        return 1
    o = soak(options.seconds, options.connections)
    counts = ", ".join(f"{count} × {name}" for name, count in sorted(o.clients.items()))
    metric = o.metrics.get
    text = (
        f"{time.strftime('%Y-%m-%d')}, {machine()}. {options.connections} connections for "
        f"{options.seconds} s: "
        f"{o.load.requests:,} requests of the load, {o.load.refused:,} refused and {o.load.broken} cut while "
        f"the app was away, {o.load.timed_out} hung. Verified byte by byte beside it: {counts}. "
        f"{o.reloads} changes of the configuration, {metric('waf_config_reloads_total', 0):.0f} reloads. "
        f"{metric('waf_requests_total', 0):,.0f} records, {o.lines:,} event lines, "
        f"{metric('waf_events_dropped_total', 0):,.0f} counted as dropped. "
        f"Resident {o.resident[0] / 2**20:.0f} MB when ready, {o.resident[1] / 2**20:.0f} MB after it.\n\n"
    )
    text += "\n".join(f"* {problem}" for problem in o.problems) or "No problem was found."
    print(text)
    if o.problems:
        print(o.text, file=sys.stderr)
    if options.results:
        replace_section(HERE / "RESULTS.md", "soak", "Endurance", text)
    return 1 if o.problems else 0


if __name__ == "__main__":
    sys.exit(main())
