"""What questions cost against what the budget is charged for them: where `bench.worst` would find something next.

    python -m bench.charges [--sizes 400,20000,900000] [--texts 200] [--seed 1] [--shown 12] [--results]

Texts of the units of bench.hostile, drawn as its genomes are, are searched with the default rules as one value, and each
rule that matches is asked about its first and its last match. The CPU of this thread for the answer, with the search
for where the match begins, is held against the units of `waf.inspect.effort` that are taken for it. A unit is meant to be
a microsecond where the bar was set, and machines differ: so what a unit is here is told by the middle of all questions,
and what takes many times of it is too cheap. Rules without a confirmer take no units, and are left out.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from bench.figures import replace_section
from bench.hostile import made_up, text_of
from bench.latency import machine
from bench.micro import Bench
from bench.worst import HERE, shown
from waf.inspect.decode import Text
from waf.inspect.effort import Effort
from waf.inspect.hits import Hit
from waf.inspect.matcher import Match, Matcher, TooManyMatches
from waf.inspect.questions import Armed, Questions

_PLENTY: Final = 1_000_000  # units
_TIMES: Final = 3  # each question is asked so often, and the least counts


class Asked(NamedTuple):
    """One question: what it took, and about what."""

    microseconds: float
    units: int
    confirm: str
    rule: str
    text: str  # what it is made of

    @property
    def ratio(self) -> float:
        """Microseconds for a unit."""
        return self.microseconds / self.units


def asked(matcher: Matcher, armed: Armed, data: bytes, match: Match, text: str) -> Asked | None:
    """One question, asked as if it were the first."""
    best, units = float("inf"), 0
    for _ in range(_TIMES):
        effort = Effort(len(data))
        effort.left = _PLENTY
        questions = Questions(matcher, effort)
        ((question, hit),), _ = questions.chosen(armed, [Hit(Text(0, data), match)])
        started = time.thread_time()
        questions.ask(armed, question, hit)
        best = min(best, time.thread_time() - started)
        units = _PLENTY - effort.left
    return Asked(best * 1e6, units, armed.rule.confirm, armed.rule.id, text) if units else None


def questions_of(bench: Bench, size: int, texts: int, chance: random.Random) -> Iterator[Asked]:
    """The questions about so many texts of so many bytes."""
    signatures = bench.policy.signatures
    assert signatures is not None
    matcher, owners = signatures.searcher.matcher, signatures._requests.owners
    assert matcher is not None
    for _ in range(texts):
        genome = made_up(chance, "plain text")
        data = text_of(genome, size).encode("latin-1")
        try:
            matches = matcher.scan(data)
        except TooManyMatches as error:
            matches = error.found
        first = {index: (index, end) for index, end in reversed(matches)}
        for match in dict.fromkeys([*first.values(), *dict(matches).items()]):
            one = asked(matcher, owners[match[0]], data, match, shown(genome))
            if one is not None:
                yield one


def report(found: dict[int, list[Asked]], most: int) -> str:
    """A table of confirmers, and one of the questions that are charged least for what they cost."""
    every = [one for asked in found.values() for one in asked]
    usual = statistics.median(one.ratio for one in every)
    lines = [
        f"{len(every):,} questions; in the middle of all a unit is {usual:.2f} µs here, which is 1 below.",
        "",
        "| confirmer | bytes of text | questions | cost for what is charged: all, most | µs: middle, most |",
        "|---|---:|---:|---:|---:|",
    ]
    for size, asked in found.items():
        by_confirm: dict[str, list[Asked]] = {}
        for one in asked:
            by_confirm.setdefault(one.confirm, []).append(one)
        for confirm, those in sorted(by_confirm.items()):
            whole = sum(one.microseconds for one in those) / sum(one.units for one in those) / usual
            times = sorted(one.microseconds for one in those)
            lines.append(
                f"| {confirm} | {size:,} | {len(those)} | {whole:.1f}, {max(one.ratio for one in those) / usual:.1f} "
                f"| {statistics.median(times):.0f}, {times[-1]:.0f} |"
            )
    lines += [
        "",
        "| cost for what is charged | µs | rule | bytes of text | units |",
        "|---:|---:|---|---:|---|",
    ]
    ranked = sorted(
        ((one, size) for size, those in found.items() for one in those), key=lambda pair: -pair[0].ratio
    )
    named: set[str] = set()
    for one, size in ranked:
        if one.confirm in named or one.ratio < 2 * usual:
            continue
        named.add(one.confirm)
        lines.append(
            f"| {one.ratio / usual:.1f} | {one.microseconds:.0f} | {one.rule} | {size:,} | {one.text} |"
        )
        if len(named) == most:
            break
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.charges", description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", default="400,20000,900000", help="bytes of the texts (400,20000,900000)")
    parser.add_argument("--texts", type=int, default=200, help="texts of each size (200)")
    parser.add_argument("--seed", type=int, default=1, help="what they are drawn by (1)")
    parser.add_argument(
        "--shown", type=int, default=12, help="how many confirmers are named as too cheap (12)"
    )
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="waf-charges-") as cache:
        bench = Bench(cache)
        found = {
            size: [*questions_of(bench, size, options.texts, random.Random(options.seed))]
            for size in map(int, options.sizes.split(","))
        }
    text = f"{time.strftime('%Y-%m-%d')}, {machine()}. {report(found, options.shown)}"
    print(text)
    if options.results:
        replace_section(HERE / "RESULTS.md", "charges", "What questions cost for what they are charged", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
