"""What ordinary large bodies take of the inspection budget, and what they cost: the other side of bench.worst.

    python -m bench.spending [--size 100000] [--seed 1] [--each 2] [--worst 10] [--results]

Documents, pages, source and manuals of this machine, and made up dumps, tables, logs and reviews of changes, in the shapes
that clients send, go through a whole policy in protect mode. Shown are the units of `waf.inspect.effort` for each KiB of
the body, next to what there is, the CPU of this thread, least of four, how many are refused because some budget was spent, and how many pass: most others hold what is refused anywhere.
"""

from __future__ import annotations

import argparse
import difflib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from bench.corpora.texts import documents
from bench.figures import replace_section
from bench.hostile import Message
from bench.latency import machine
from bench.worst import HERE, Judge
from waf.inspect import reading, signatures
from waf.inspect.effort import Effort, given

_LIMITS: Final = ("limit.encodings", "limit.questions", "limit.matches")
_TIMES: Final = 3
_MOST: Final = 1_000_000  # bytes of a body that is inspected whole


class Recorded(Effort):
    """A budget that knows what it was given."""

    __slots__ = ("given",)
    all: Final[list[Recorded]] = []

    def __init__(self, length: int, charged: int = 0, **what: bool) -> None:
        super().__init__(length, charged, **what)
        self.given = self.left + charged
        self.all.append(self)

    def begin_questions(self) -> None:
        before = self.left
        super().begin_questions()
        self.given -= before - self.left


def _words(r: random.Random, count: int) -> str:
    words = r.choice(documents("prose")).split()
    start = r.randrange(max(len(words) - count, 1))
    return " ".join(words[start : start + count])


def _until(size: int, line: Callable[[], str]) -> str:
    lines: list[str] = []
    length = 0
    while length < size:
        lines.append(line())
        length += len(lines[-1])
    return "".join(lines)[:size]


def _document(kind: str) -> Callable[[random.Random, int], str]:
    return lambda r, size: _until(size, lambda: r.choice(documents(kind)) + "\n")


def _dump(r: random.Random, size: int) -> str:
    def line() -> str:
        rows = (
            f"({r.randrange(10**6)},'{_words(r, 2)}','{_words(r, 9)}')".replace("\\", "\\\\")
            for _ in range(20)
        )
        return "INSERT INTO `notes` VALUES " + ",".join(rows) + ";\n"

    return "/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `notes`;\n" + _until(size, line)


def _table(r: random.Random, size: int) -> str:
    return "id,name,email,city,amount,note\n" + _until(
        size,
        lambda: (
            f'{r.randrange(10**6)},"{_words(r, 2)}",jo{r.randrange(10**4)}@example.org,Lyon,{r.random() * 99:.2f},"{_words(r, 8)}"\n'
        ),
    )


def _log(r: random.Random, size: int) -> str:
    return _until(
        size,
        lambda: (
            f'10.{r.randrange(256)}.3.7 - - [12/Mar/2025:10:21:{r.randrange(10, 60)} +0100] "GET /a/{r.randrange(999)}.php?'
            f'q={quote_plus(_words(r, 3))} HTTP/1.1" 200 {r.randrange(9999)} "https://www.example.com/" "Mozilla/5.0 (X11; Linux x86_64)"\n'
        ),
    )


def _review(r: random.Random, size: int) -> str:
    def line() -> str:
        before = r.choice(documents("code")).splitlines()[:300]
        after = [one for one in before if r.random() > 0.05]
        return "\n".join(difflib.unified_diff(before, after, "a/x", "b/x", lineterm="")) + "\n"

    return _until(size, line)


KINDS: Final[dict[str, Callable[[random.Random, int], str]]] = {
    "prose": _document("prose"), "HTML": _document("html"), "source": _document("code"), "languages": _document("languages"),
    "SQL dump": _dump, "CSV": _table, "log": _log, "review": _review,
}  # fmt: skip


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


SHAPES: Final[dict[str, tuple[bytes, Callable[[str], str]]]] = {
    "text": (b"text/plain", lambda text: text),
    "form": (b"application/x-www-form-urlencoded", lambda text: f"title=x&text={quote_plus(text)}"),
    "form, lines": (
        b"application/x-www-form-urlencoded",
        lambda text: "&".join(f"line={quote_plus(line)}" for line in _lines(text)),
    ),
    "JSON": (b"application/json", lambda text: json.dumps({"title": "x", "text": text})),
    "JSON, lines": (
        b"application/json",
        lambda text: json.dumps({"lines": _lines(text)}, ensure_ascii=False),
    ),
    "XML": (
        b"application/xml",
        lambda text: "<r>" + "".join(f"<i>{escape(line)}</i>" for line in _lines(text)) + "</r>",
    ),
    "multipart": (
        b"multipart/form-data; boundary=B",
        lambda text: f'--B\r\nContent-Disposition: form-data; name="text"\r\n\r\n{text}\r\n--B--\r\n',
    ),
}


class Spent(NamedTuple):
    per_kb: float  # units for each KiB of the body
    share: float  # of what there was
    rate: float  # ms of CPU for 100 KB
    name: str
    outcome: str


def bodies(chance: random.Random, size: int = 100_000, each: int = 2) -> Iterator[tuple[str, Message]]:
    """So many of each kind and shape, with their names; texts of so many characters."""
    head = b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    for kind, text in KINDS.items():
        for shape, (content_type, made) in SHAPES.items():
            for _ in range(each):
                body = made(text(chance, size)).encode()
                if len(body) <= _MOST:
                    yield (
                        f"{kind}, {shape}",
                        Message(head % (content_type, len(body)), body, False, len(body)),
                    )


def spent(judge: Judge, name: str, one: Message) -> Spent:
    least = min(judge.spent(one)[0] for _ in range(_TIMES))  # one that something came between says nothing
    Recorded.all.clear()
    seconds, outcome = judge.spent(one)
    units = sum(effort.given - effort.left for effort in Recorded.all)
    length = len(one.body)
    return Spent(
        units * 1024 / length, units / given(length), min(least, seconds) * 1e8 / length, name, outcome
    )


def report(found: Sequence[Spent], worst: int, size: int) -> str:
    units, rates = sorted(one.per_kb for one in found), sorted(one.rate for one in found)
    tenth = len(found) * 9 // 10
    refused = sum(any(limit in one.outcome for limit in _LIMITS) for one in found)
    passed = sum(one.outcome == "passed" for one in found)
    lines = [
        "| bodies | units / KiB: median, 90 %, most | there are | ms / 100 KB: median, 90 %, most | refused for a budget | pass |",
        "|---:|---:|---:|---:|---:|---:|",
        f"| {len(found)} | {statistics.median(units):.0f}, {units[tenth]:.0f}, {units[-1]:.0f} | {given(size) * 1024 / size:.0f} "
        f"| {statistics.median(rates):.1f}, {rates[tenth]:.1f}, {rates[-1]:.1f} | {refused} | {passed} |",
        "",
        "| share of the budget | units / KiB | ms / 100 KB | body | outcome |",
        "|---:|---:|---:|---|---|",
    ]
    for one in sorted(found, reverse=True, key=lambda one: one.share)[:worst]:
        lines.append(f"| {one.share:.0%} | {one.per_kb:.0f} | {one.rate:.1f} | {one.name} | {one.outcome} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.spending", description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=100_000, help="characters of each text (100,000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=2, help="bodies of each kind and shape (2)")
    parser.add_argument("--worst", type=int, default=10, help="how many are shown")
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    options = parser.parse_args(arguments)
    reading.Effort = signatures.Effort = Recorded  # type: ignore[misc]
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="waf-spending-") as cache:
        judge = Judge(cache)
        found = [spent(judge, name, one) for name, one in bodies(chance, options.size, options.each)]
    text = f"{time.strftime('%Y-%m-%d')}, {machine()}. Texts of {options.size:,} characters:\n\n"
    text += report(found, options.worst, options.size)
    print(text)
    if options.results:
        replace_section(
            HERE / "RESULTS.md", "spending", "What ordinary large bodies take of the budget", text
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
