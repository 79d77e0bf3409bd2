"""How many instructions an exchange takes: a figure that no other load on the machine moves.

    python -m bench.instructions [--only CASE] [--keep DIR] [--results]

Exchanges without sockets (`bench.bare`), counted by valgrind's callgrind in three ways: mode off, protect without learning, and
protect with a learned profile and the learner listening. `--keep` leaves callgrind's files for callgrind_annotate. Takes
some minutes for each figure, since all runs fifty times slower. Without valgrind it says so and ends.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.bare import Bare
from bench.cases import cases, page
from bench.figures import replace_section
from bench.latency import machine

HERE: Final = Path(__file__).resolve().parent
CASES: Final = ("get", "json-2k", "form", "json-64k", "page")
WAYS: Final = {"off": "mode off", "protect": "protect", "full": "protect and learning"}
LEARNED: Final = 3_000
WARM: Final = 500
COUNTED: Final = 2_000

_BEGIN: Final = "gc_freeze"  # called once, right before what is counted
_PLAIN: Final = b'{"items": [1, 2, 3], "ok": 1}'
_HEAD: Final = b"HTTP/1.1 200 OK\r\nServer: app\r\nDate: Sat, 28 Nov 2026 10:00:00 GMT\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"


def exchanges(name: str, way: str, cache: str) -> Bare:
    """What is to be counted, warm; `way` is one of `WAYS`."""
    from waf.assembly import Files, build, keep
    from waf.learning import Learning

    (case,) = (one for one in cases() if one.name == name)
    files = Files(options={"mode": "off" if way == "off" else "protect", "cache_dir": cache})
    config = files.load().config
    kept = keep(config, {})
    policy = build(files, kept).policy
    body, kind = (page(), b"text/html") if name == "page" else (_PLAIN, b"application/json")
    bare = Bare(config, policy, case.requests, _HEAD % (kind, len(body)) + body, policy.detector.mask)
    if way == "full":
        learning = Learning(config, kept, lambda: None, lambda *_args, **_more: None)
        learning.restore()
        bare.recorder.learner = learning.take
        for _ in range(3):
            run(bare, LEARNED // 3)
            learning._learn(60.0)
            learning._compile()
            bare.policy = policy.with_profile(kept.profile, 1)
    run(bare, WARM)
    return bare


def run(bare: Bare, count: int) -> None:
    for _ in range(count):
        bare.exchange()


def within(name: str, way: str, cache: str) -> None:
    """What runs below valgrind."""
    bare = exchanges(name, way, cache)
    gc.collect()
    gc.disable()
    gc.freeze()
    run(bare, COUNTED)
    os._exit(0)  # else the end of the process would be counted too


def counted(name: str, way: str, cache: str, out: Path) -> float:
    """Instructions of one exchange."""
    command = [
        "valgrind", "--tool=callgrind", f"--zero-before={_BEGIN}", f"--callgrind-out-file={out}",
        sys.executable, "-m", "bench.instructions", "--within", name, way, cache,
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, text=True, check=True)
    total = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    if total is None:
        raise RuntimeError("callgrind counted nothing")
    return int(total[1]) / COUNTED


def table(figures: dict[str, dict[str, float]]) -> str:
    """Thousands of instructions, by case and way."""
    lines = [
        "| thousands of instructions | " + " | ".join(WAYS.values()) + " |",
        "|---|" + "---:|" * len(WAYS),
    ]
    titles = {case.name: case.title for case in cases()}
    lines += [
        f"| {titles[name]} | " + " | ".join(f"{row[way] / 1000:,.1f}" for way in WAYS) + " |"
        for name, row in figures.items()
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.instructions", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--only", action="append", choices=CASES, help="these cases only")
    parser.add_argument("--keep", type=Path, help="leave callgrind's files there")
    parser.add_argument("--results", action="store_true", help="write the table into RESULTS.md")
    parser.add_argument("--within", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.within:
        within(*options.within)
        return 0
    if shutil.which("valgrind") is None:
        print("valgrind is missing (Debian's package valgrind): nothing is counted")
        return 0
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-instructions-") as space:
        kept = options.keep or Path(space)
        kept.mkdir(parents=True, exist_ok=True)
        exchanges(
            "get", "protect", space
        ).close()  # compiles the patterns, which would take an hour below valgrind
        for name in options.only or CASES:
            figures[name] = {}
            for way in WAYS:
                figures[name][way] = counted(name, way, space, kept / f"{name}-{way}.callgrind")
                print(f"{name}, {WAYS[way]}: {figures[name][way]:,.0f} instructions", flush=True)
    text = f"Instructions of one exchange without sockets, {machine()}:\n\n{table(figures)}"
    print(text)
    if options.results:
        replace_section(HERE / "RESULTS.md", "instructions", "Instructions of an exchange", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
