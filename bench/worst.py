"""The input that costs most: a seeded search over requests and answers, by grammar and mutation.

    python -m bench.worst [--seconds 120] [--seed 1] [--only TEXT] [--known FILE] [--keep] [--sizes] [--floor] [--results]

Messages of bench.hostile go through a whole policy in protect mode, as the proxy gives them to it: head parsed, plan,
admit, or release of an answer that is here whole and of the same in pieces of 64 KB. The figure is CPU of this thread
in milliseconds for 100 KB of text (a coded body counts as what it unfolds to), where what is shorter counts as 100 KB:
that is what one request may take. As many small requests can be sent for one large, those that cost most for their
size are shown apart, and are searched for as eagerly. Whatever costs most is changed by chance and tried again. The ten
worst of different kinds are measured again, least of eight. Machines differ by three times, and one machine by two from one minute to
the next: so plain nginx answers GETs before and after each round, its least counts as well, and what the worst would take where it needs
19 µs of CPU for one, as where the bar was set, is shown. `--sizes` shows how they grow from 10 KB to a megabyte, `--floor` what they take with no budget at all: reading, the first look
and the search for sensitive data are paid before anything is asked.

A search by chance finds other messages each time. So it begins with those that earlier ones found, of code that has changed since (`bench/worst.json`): what was
dear once is tried again. `--keep` adds what this one found.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from bench.cases import cases
from bench.figures import replace_section
from bench.hostile import CARRIERS, Genome, Message, changed, made_up, message
from bench.latency import Plan, machine
from bench.latency import run as measure
from bench.peers import why_not
from waf.inspect import effort

HERE: Final = Path(__file__).resolve().parent
BAR: Final = 20.0  # ms for 100 KB …
USUAL: Final = 19.0  # … where nginx takes so many µs of CPU for a GET that it hands on
UNIT: Final = 100_000  # bytes
PIECE: Final = 64 * 1024
KEPT: Final = 96  # genomes that are changed further
ROUNDS: Final = 8
PER_CARRIER: Final = 3  # of them of one carrier
SHOWN: Final = 10
SMALL: Final = 40_000  # bytes of text of a small message
PATIENCE: Final = 5.0  # seconds of CPU after which a message is given up


class GivenUp(BaseException):
    """A message took longer than the bench waits; nothing that judges catches it."""


def _give_up(_signal: int, _frame: FrameType | None) -> None:
    raise GivenUp


class Judge:
    """A policy with default rules in protect mode."""

    def __init__(self, cache: str) -> None:
        from waf import heap
        from waf.assembly import Files, build, keep

        files = Files(options={"mode": "protect", "cache_dir": cache})
        config = files.load().config
        self.policy = build(files, keep(config, {})).policy
        self.limits = config.limits
        heap.settle()  # the collector as the process has it

    def spent(self, one: Message) -> tuple[float, str]:
        """Seconds of CPU for judging the message, and what came of it."""
        signal.setitimer(signal.ITIMER_PROF, PATIENCE)
        try:
            return self._answer(one) if one.answer else self._request(one.head, one.body)
        except GivenUp:
            return PATIENCE, "given up"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _exchange(self, head: bytes) -> Any:
        from waf.http1 import parse
        from waf.model import Exchange, Peer

        exchange = Exchange("0123456789abcdef", Peer("127.0.0.1", 40_000, "127.0.0.1", "http"), 1.0, 1.7e9)
        exchange.request = parse.request_head(head, self.limits)
        return exchange

    def _request(self, head: bytes, body: bytes) -> tuple[float, str]:
        from waf.errors import Fault
        from waf.model import Refused

        started = time.thread_time()
        try:
            exchange = self._exchange(head)
            answer = self.policy.plan(exchange, 1.0)
            if not isinstance(answer, Refused):
                answer = self.policy.admit(exchange, body, 1.0)
        except Fault as fault:
            return time.thread_time() - started, fault.rule
        spent = time.thread_time() - started
        if not isinstance(answer, Refused):
            return spent, "passed"
        return spent, ", ".join(dict.fromkeys(f.rule for f in answer.verdict.findings[:20]))[:60]

    def _answer(self, one: Message) -> tuple[float, str]:
        from waf.http1 import parse
        from waf.model import BodyRefused, Withheld

        most, what = 0.0, "passed"
        for whole in (True, False):
            exchange = self._exchange(
                b"GET /a HTTP/1.1\r\nHost: shop.example\r\nAccept-Encoding: gzip\r\n\r\n"
            )
            self.policy.plan(exchange, 1.0)
            self.policy.admit(exchange, b"", 1.0)
            started = time.thread_time()
            try:
                response = parse.response_head(one.head, self.limits, b"GET")
                released = self.policy.release(exchange, response, one.body if whole else None)
                if isinstance(released, Withheld):
                    what = "withheld"
                elif released.body is not None:
                    for start in range(0, len(one.body), PIECE):
                        released.body.feed(one.body[start : start + PIECE])
                    released.body.finish()
            except BodyRefused:
                what = "withheld"
            most = max(most, time.thread_time() - started)
        return most, what


class Trial(NamedTuple):
    rate: float  # ms for 100 KB of text at its own size
    genome: Genome
    seconds: float
    text: int  # bytes
    outcome: str

    @property
    def taken(self) -> float:
        """ms for 100 KB; what is shorter counts as that."""
        return self.seconds * 1e3 * UNIT / max(self.text, UNIT)


def trial(judge: Judge, genome: Genome, times: int = 1) -> Trial:
    """What is longer than what is inspected whole would come in pieces: the genome is made to fit."""
    one = message(genome)
    most = int(judge.limits.inspect_body)
    while not one.answer and len(one.body) > most:
        genome = genome._replace(size=genome.size * most // len(one.body) * 9 // 10)
        one = message(genome)
    tries = [judge.spent(one) for _ in range(times)]
    seconds, outcome = min(tries)
    return Trial(seconds * 1e3 * UNIT / max(one.text, 1), genome, seconds, one.text, outcome)


def load(path: Path) -> list[Genome]:
    """Genomes that were kept. Raises SystemExit where the file is none of them."""
    try:
        rows = json.loads(path.read_text())
        return [Genome(**{**row, "units": tuple(row["units"])}) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SystemExit(f"{path}: no list of genomes: {error}") from None


def keep(path: Path, genomes: Iterable[Genome]) -> None:
    """One a line, so that a change shows what is new."""
    rows = [json.dumps(one._asdict(), ensure_ascii=True) for one in dict.fromkeys(genomes)]
    path.write_text("[\n" + ",\n".join(rows) + "\n]\n")


def search(
    judge: Judge, seconds: float, chance: random.Random, only: str, known: Sequence[Genome] = ()
) -> tuple[list[Trial], int]:
    """The dearest that were found, the dearest first, and how many were tried. `known` are tried first."""
    carriers = [name for name in CARRIERS if only in name]
    known = [one for one in known if one.carrier in carriers]
    best: list[Trial] = []
    tried, end = 0, time.monotonic() + seconds
    while tried < len(carriers) + len(known) or time.monotonic() < end:
        if tried < len(known):
            genome = known[tried]
        elif tried - len(known) < 2 * len(carriers) or chance.random() < 0.25:
            genome = made_up(chance, carriers[tried % len(carriers)])
        else:
            genome = changed(chance.choice(best).genome, chance.choice(best).genome, chance)
            if genome.carrier not in carriers:
                continue
        found = trial(judge, genome)
        tried += 1
        if found.seconds >= PATIENCE:
            print(f"given up: {found.genome}", file=sys.stderr)
        if len(best) < KEPT or found.rate > best[-1].rate:
            found = min(found, trial(judge, genome), key=lambda one: one.rate)
            best = _kept([*best, found])
    return best, tried


def measured_again(judge: Judge, found: Sequence[Trial]) -> tuple[list[Trial], float | None]:
    """Least of several rounds through all of them, and what nginx took at least between these (see `reference`).

    A machine that is slow for a while would make the next ones look dear, and one that is slow for us alone all of them. In each round a
    message is judged twice, as nginx answers the same GET again and again: the first time pays for what was in the caches before.
    """
    rounds, references = [], [reference()]
    for _ in range(ROUNDS):
        rounds.append([trial(judge, one.genome, 2) for one in found])
        references.append(reference())
    least = [min(tries, key=lambda one: one.seconds) for tries in zip(*rounds, strict=True)]
    known = [one for one in references if one is not None]
    return least, min(known, default=None)


def _kept(trials: Iterable[Trial], most: int = KEPT, each: int = PER_CARRIER) -> list[Trial]:
    """The dearest, few of each carrier: what is bad in one way shall not hide what is bad in another."""
    count: dict[str, int] = {}
    kept = []
    for one in sorted(set(trials), key=lambda one: one.rate, reverse=True):
        name = one.genome.carrier
        count[name] = count.get(name, 0) + 1
        if count[name] <= each and len(kept) < most:
            kept.append(one)
    return kept


def _short(unit: str) -> str:
    """A unit as it is written; of a run, what is repeated and how often."""
    run = re.fullmatch(r"(..?)\1{9,}", unit, re.S)
    return f"{run[1]!a}*{len(unit) // len(run[1])}" if run else ascii(unit)


def shown(genome: Genome) -> str:
    """What its text is made of."""
    units = " ".join(_short(unit) for unit in genome.units).replace("|", "\\|").replace("`", "\\`")
    return f"{'by chance' if genome.shuffled else 'in turn'}: {units}"


def reference() -> float | None:
    """µs of CPU that plain nginx takes for a GET; None where there is no nginx."""
    if why_not("nginx"):
        return None
    get = next(case for case in cases() if case.name == "get")
    plan = Plan(rounds=2, window=1.0, paced=1)
    return measure(plan, [get], ["nginx"], quiet=True).figures["get"]["nginx"].cpu_us


def table(trials: Sequence[Trial], speed: float) -> str:
    lines = [
        f"| ms / 100 KB at {USUAL:.0f} µs | as measured | ms | KB of text | µs / KB | where, and each value's length | units "
        "| outcome |",
        "|---:|---:|---:|---:|---:|---|---|---|",
    ]
    for one in sorted(trials, key=lambda one: one.taken, reverse=True):
        where = f"{one.genome.carrier}, {one.genome.each}"
        lines.append(
            f"| {one.taken * speed:.1f} | {one.taken:.1f} | {one.seconds * 1e3:.1f} | {one.text / 1000:.0f} | {one.rate * 10:.0f} | {where} "
            f"| {shown(one.genome)} | {one.outcome} |"
        )
    return "\n".join(lines)


def report(trials: Sequence[Trial], nginx: float | None) -> tuple[list[Trial], str]:
    """The worst of large and of small messages, and tables of them. `nginx`: what it took in this run (see `reference`)."""
    speed = 1.0 if nginx is None else USUAL / nginx
    large = _kept([one for one in trials if one.text >= SMALL], SHOWN, 2)
    small = _kept([one for one in trials if one.text < SMALL], SHOWN, 2)
    lines = [table(large, speed)] if large else []
    if small:
        lines += [
            f"Of messages with less than {SMALL // 1000} KB, those that cost most for their size:",
            table(small, speed),
        ]
    over = [one for one in large + small if one.taken * speed > BAR]
    lines.append(
        "There is no nginx here." if nginx is None else f"nginx took {nginx:.1f} µs for a GET at least."
    )
    lines.append(f"{len(over)} of these {len(large + small)} take more than {BAR:.0f} ms for 100 KB.")
    return large + small, "\n\n".join(lines)


def growth(judge: Judge, trials: Sequence[Trial]) -> str:
    sizes = (10_000, 30_000, 100_000, 300_000, 1_000_000)
    lines = [
        "| ms / 100 KB by KB of text | " + " | ".join(f"{s // 1000}" for s in sizes) + " |",
        "|---|" + "---:|" * len(sizes),
    ]
    for one in trials:
        rates = [trial(judge, one.genome._replace(size=size), 2).rate for size in sizes]
        lines.append(f"| {one.genome.carrier} | " + " | ".join(f"{rate:.1f}" for rate in rates) + " |")
    return "\n".join(lines)


_GIVEN: Final = ("BASE", "PER_KB", "_LESS_PER_KB", "_LEAST_BASE")
"""What the budget of a message is made of."""


@contextmanager
def without_budget() -> Iterator[None]:
    before = {name: getattr(effort, name) for name in _GIVEN}
    try:
        for name in _GIVEN:
            setattr(effort, name, 0)
        yield
    finally:
        for name, value in before.items():
            setattr(effort, name, value)


def floor(judge: Judge, trials: Sequence[Trial]) -> str:
    lines = ["| where, and each value's length | ms / 100 KB | without any budget |", "|---|---:|---:|"]
    for one in trials:
        usual = trial(judge, one.genome, 4).taken
        with without_budget():
            least = trial(judge, one.genome, 4).taken
        lines.append(f"| {one.genome.carrier}, {one.genome.each} | {usual:.1f} | {least:.1f} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.worst", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=120.0, help="how long to search (120)")
    parser.add_argument("--seed", type=int, default=1, help="where the search begins (1)")
    parser.add_argument("--only", default="", help="carriers whose name holds this text")
    parser.add_argument(
        "--known",
        type=Path,
        default=HERE / "worst.json",
        help="what earlier searches found (bench/worst.json)",
    )
    parser.add_argument("--keep", action="store_true", help="add what is found to these")
    parser.add_argument("--sizes", action="store_true", help="how the worst grow with their size")
    parser.add_argument("--floor", action="store_true", help="what the worst take with no budget")
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGPROF, _give_up)
    known = load(options.known)
    with tempfile.TemporaryDirectory(prefix="waf-worst-") as cache:
        judge = Judge(cache)
        found, tried = search(judge, options.seconds, random.Random(options.seed), options.only, known)
        large = [one for one in found if one.text >= SMALL][: 3 * SHOWN]
        small = [one for one in found if one.text < SMALL][: 3 * SHOWN]
        worst, tables = report(*measured_again(judge, large + small))
        text = f"{time.strftime('%Y-%m-%d')}, {machine()}. {tried:,} messages tried in {options.seconds:.0f} s; the worst:\n\n"
        text += tables
        if options.sizes:
            text += "\n\n" + growth(judge, worst)
        if options.floor:
            text += "\n\n" + floor(judge, worst)
    print(text)
    if options.keep:
        keep(options.known, [*known, *[one.genome for one in worst]])
    if options.results:
        replace_section(HERE / "RESULTS.md", "worst", "What the worst input costs", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
