"""What four times as many rules cost: the shipped ones, and three times the same with other words.

    python -m bench.many_rules [--results]

Whole messages are read and searched for signatures, as `bench.micro` does it, with both sets in turn in one run; the
figure is CPU of this thread, least of three. GETs are as many and as different as in bench.cases, the others few.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from bench.cases import Case, cases
from bench.figures import replace_section
from bench.latency import machine
from bench.micro import Bench, Stage, best

HERE: Final = Path(__file__).resolve().parent
MEASURED: Final = ("get", "json-2k", "json-64k", "form")
TIMES: Final = 4
ROUNDS: Final = 3
# What is no letter of a pattern by itself: escapes, classes, openings of groups, counts.
_SYNTAX: Final = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|.)|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\(\?(?:[a-z-]*:|<?[=!])|\{[0-9,]*\}|([a-z]+)",
    re.S,
)


class _Forgetful:
    """A store of compiled patterns that keeps nothing."""

    def load(self, key: str) -> bytes | None:
        return None

    def save(self, key: str, database: bytes) -> None:
        pass


def _other(rule: Any, turn: int) -> Any:
    """The same rule with other words of the same length and kind."""

    def changed(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        return "".join(chr((ord(letter) - 97 + 7 * turn) % 26 + 97) for letter in match[1])

    patterns = tuple(_SYNTAX.sub(changed, pattern) for pattern in rule.patterns)
    return structs.replace(rule, id=f"{rule.id}-{turn}", patterns=patterns)


def _stage(bench: Bench, signatures: Any, case: Case) -> Stage:
    from waf.http1 import parse
    from waf.inspect.reading import read

    messages = []
    for raw in case.requests:
        head, _, body = raw.partition(b"\r\n\r\n")
        messages.append((parse.request_head(head + b"\r\n\r\n", bench.limits), body))
    following = itertools.cycle(messages).__next__
    mask = bench.policy.detector.mask

    def call() -> Any:
        request, body = following()
        return signatures.check(read(request, body, bench.limits, mask), 2)

    return call


def measure(bench: Bench) -> str:
    """A table of both sets' cost by case, and the size of what was compiled."""
    from waf.inspect.signatures import Signatures

    assert bench.policy.signatures is not None
    rules = list(bench.policy.signatures.rules)
    more = [_other(rule, turn) for turn in range(1, TIMES) for rule in rules if not rule.response]
    mask, store = bench.policy.detector.mask, _Forgetful()
    sets = [Signatures.build(chosen, store, mask) for chosen in (rules, rules + more)]
    lines = [f"| | {len(rules)} rules | {len(rules) + len(more)} rules | more |", "|---|---:|---:|---:|"]
    for case in cases():
        if case.name in MEASURED:
            stages = [_stage(bench, signatures, case) for signatures in sets]
            spent = [[best(stage) * 1e6 for stage in stages] for _ in range(ROUNDS)]
            one, four = (min(column) for column in zip(*spent, strict=True))
            lines.append(f"| {case.title}, µs | {one:.1f} | {four:.1f} | {four / one - 1:+.0%} |")
    sizes = [signatures.size / 2**20 for signatures in sets]
    lines.append(f"| compiled, MB | {sizes[0]:.1f} | {sizes[1]:.1f} | |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.many_rules", description=__doc__.split("\n")[0])
    parser.add_argument("--results", action="store_true", help="write the table into RESULTS.md")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="waf-rules-") as cache:
        text = f"{time.strftime('%Y-%m-%d')}, {machine()}.\n\n{measure(Bench(cache))}"
    print(text)
    if options.results:
        replace_section(HERE / "RESULTS.md", "many-rules", "What four times as many rules cost", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
