"""Which single patterns make hostile text dear to the engine: each database of them without each of its patterns.

    python -m bench.dearest [--seconds 60] [--seed 1] [--messages 24] [--databases 3] [--shown 4] [--only TEXT] [--ordinary]

What the engine takes for many patterns is not the sum of what each takes by itself: it makes one automaton of all that have no
good literal, and one pattern that keeps it busy can cost nine tenths of all. So the messages that `bench.worst` finds are
judged, and what each database is asked about is kept; those that take most of the time are compiled again, each of their
patterns left out in turn, and asked the same. Shown are nanoseconds for a byte of these texts, and bytes of the database,
both ways. `--ordinary` takes the bodies of `bench.spending` in place of hostile ones.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import hyperscan

from bench.hostile import Message, message
from bench.latency import machine
from bench.worst import Judge, _give_up, search, shown
from waf.inspect.matcher import NewFound
from waf.patterns import Expression, Patterns

_SAMPLE: Final = 400_000  # bytes of text that a database is asked about again
_TIMES: Final = 5
_WIDTH: Final = 150  # characters of an expression that are shown


class Asked:
    """What one database was asked about."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.texts: list[bytes] = []

    def forget(self) -> None:
        self.seconds = 0.0
        self.texts.clear()

    @property
    def length(self) -> int:
        return sum(map(len, self.texts))

    def sample(self, chance: random.Random) -> list[bytes]:
        """Some of the texts, until there are enough bytes."""
        chosen, length = [], 0
        for text in chance.sample(self.texts, len(self.texts)):
            if length < _SAMPLE:
                chosen.append(text[: _SAMPLE - length])
                length += len(chosen[-1])
        return chosen


class _Watched:
    """The engine's database, as its user sees it."""

    def __init__(self, database: Any, asked: Asked) -> None:
        self._database = database
        self._asked = asked

    def scan(self, text: bytes, *arguments: Any, **options: Any) -> Any:
        started = time.thread_time()
        try:
            return self._database.scan(text, *arguments, **options)
        finally:
            self._asked.seconds += time.thread_time() - started
            self._asked.texts.append(bytes(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@contextmanager
def watched() -> Iterator[dict[Patterns, Asked]]:
    """What each database is asked about meanwhile."""
    asked: dict[Patterns, Asked] = {}
    usual, scratch = Patterns.database, hyperscan.Scratch

    def database(self: Patterns) -> Any:
        return _Watched(usual(self), asked.setdefault(self, Asked()))

    Patterns.database = database  # type: ignore[method-assign]
    hyperscan.Scratch = lambda one: scratch(one._database if isinstance(one, _Watched) else one)
    try:
        yield asked
    finally:
        Patterns.database = usual  # type: ignore[method-assign]
        hyperscan.Scratch = scratch


def taken(expressions: Sequence[Expression], mode: int, texts: Sequence[bytes]) -> tuple[float, int]:
    """Nanoseconds for a byte of the texts, least of several, and bytes of the database."""
    if not expressions:
        return 0.0, 0
    patterns = Patterns(expressions, None, mode, True, "")
    database = patterns.database()
    best = float("inf")
    for _ in range(_TIMES):
        started = time.thread_time()
        for text in texts:
            database.scan(text, NewFound(sys.maxsize >> 32))
        best = min(best, time.thread_time() - started)
    return best * 1e9 / sum(map(len, texts)), patterns.size


class Without(NamedTuple):
    """A database without one of its patterns."""

    cost: float  # ns for a byte
    size: int  # bytes
    expression: bytes


def left_out(patterns: Patterns, texts: Sequence[bytes]) -> list[Without]:
    """Each pattern left out in turn; the cheapest that is left first."""
    expressions, mode = patterns._expressions, patterns._mode
    found = []
    for index, (expression, _) in enumerate(expressions):
        rest = expressions[:index] + expressions[index + 1 :]
        found.append(Without(*taken(rest, mode, texts), expression))
    return sorted(found)


def _code(expression: bytes) -> str:
    text = expression.decode("latin-1")
    text = text if len(text) <= _WIDTH else text[:_WIDTH] + " …"
    return "`" + ascii(text)[1:-1].replace("\\\\", "\\").replace("|", "\\|").replace("`", "'") + "`"


def report(asked: dict[Patterns, Asked], most: int, each: int, chance: random.Random) -> str:
    """Tables of the databases that took most, and of the patterns in them."""
    whole = sum(one.seconds for one in asked.values())
    ranked = sorted(asked.items(), key=lambda pair: -pair[1].seconds)[:most]
    lines = [f"{len(asked)} databases took {whole * 1e3:.0f} ms in all.", ""]
    for number, (patterns, one) in enumerate(ranked, 1):
        texts = one.sample(chance)
        cost, size = taken(patterns._expressions, patterns._mode, texts)
        lines += [
            f"Database {number}: {one.seconds / whole:.0%} of the time, {one.length / 1000:,.0f} KB of text; "
            f"{len(patterns._expressions)} patterns, {size / 1000:,.0f} KB, {cost:.1f} ns a byte.",
            "",
            "| ns a byte without | KB without | the pattern |",
            "|---:|---:|---|",
        ]
        lines += [
            f"| {left.cost:.1f} | {left.size / 1000:,.0f} | {_code(left.expression)} |"
            for left in left_out(patterns, texts)[:each]
        ]
        lines.append("")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.dearest", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to search for messages (60)")
    parser.add_argument("--seed", type=int, default=1, help="where the search begins (1)")
    parser.add_argument("--only", default="", help="carriers whose name holds this text")
    parser.add_argument("--messages", type=int, default=24, help="how many of the dearest are judged (24)")
    parser.add_argument(
        "--databases", type=int, default=3, help="how many of the dearest are taken apart (3)"
    )
    parser.add_argument("--shown", type=int, default=4, help="how many patterns of each are shown (4)")
    parser.add_argument("--ordinary", action="store_true", help="of ordinary bodies instead")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGPROF, _give_up)
    chance = random.Random(options.seed)
    messages: list[tuple[str, Message]]
    with tempfile.TemporaryDirectory(prefix="waf-dearest-") as cache:
        judge = Judge(cache)
        if options.ordinary:
            from bench.spending import bodies

            messages = [*bodies(chance)]
        else:
            found, _ = search(judge, options.seconds, chance, options.only)
            found.sort(key=lambda one: one.taken, reverse=True)
            messages = [
                (f"{one.genome.carrier}, {one.genome.each}: {shown(one.genome)}", message(one.genome))
                for one in found[: options.messages]
            ]
        print(f"{time.strftime('%Y-%m-%d')}, {machine()}.\n")
        with watched() as asked:
            for _, one_message in messages:
                judge.spent(one_message)  # what is loaded once
            for one in asked.values():
                one.forget()
            for name, one_message in messages:
                before = sum(one.seconds for one in asked.values())
                spent, _ = judge.spent(one_message)
                engine = sum(one.seconds for one in asked.values()) - before
                rate = 1e8 / max(one_message.text, 100_000)
                print(
                    f"{spent * rate:5.1f} ms for 100 KB, {engine * rate:5.1f} in the engine: {name[:_WIDTH]}"
                )
        print()
        print(report(asked, options.databases, options.shown, chance))
    return 0


if __name__ == "__main__":
    sys.exit(main())
