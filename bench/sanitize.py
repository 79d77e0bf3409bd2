"""The modules in C under the address and undefined-behaviour sanitizers: their tests, and hostile messages.

    python -m bench.sanitize [--seconds 120] [--only TEXT] [--fuzz]

Builds a copy of the tree in build/sanitized whose C files alone are compiled, instrumented, and runs in it the tests
that reach them, then the search of bench.worst for so many seconds: made-up requests and answers through a whole
policy. `--fuzz` tries new examples and messages. Allocations of Python go to malloc, so that reads beyond a value are
seen as well. Ends with the first report; leaks are not looked for, as Python keeps what it made until the end.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
COPY: Final = ROOT / "build" / "sanitized"
NEEDED: Final = ("waf", "tests", "bench", "rules", "setup.py", "pyproject.toml")
FLAGS: Final = "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g"
TESTS: Final = (
    "tests/inspect", "tests/prefilter", "tests/sensitive", "tests/policy", "tests/http1", "tests/profiles",
)  # fmt: skip
# What Cython makes is not ours, and takes minutes to compile so.
BUILD: Final = (
    "import runpy, sys; sys.modules['Cython'] = None; sys.argv = ['setup.py', 'build_ext', '--inplace'];"
    "runpy.run_path('setup.py', run_name='__main__')"
)


def copy() -> None:
    """The tree as it is now, without what was compiled of it."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, COPY / name, ignore=shutil.ignore_patterns("*.so", "*.digest", "__pycache__")
            )
        else:
            shutil.copy(ROOT / name, COPY / name)


def runtime() -> str:
    """The sanitizer's library, which has to be loaded first. Raises RuntimeError where there is none."""
    compiler = shutil.which("gcc")
    found = ""
    if compiler is not None:
        asked = [compiler, "-print-file-name=libasan.so"]
        found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    if not Path(found).is_absolute():
        raise RuntimeError("gcc with libasan is needed (the package gcc, or libgcc-NN-dev, has it)")
    return found


def environment(library: str, *, fuzz: bool) -> dict[str, str]:
    found = {
        **os.environ,
        "LD_PRELOAD": library,
        "PYTHONMALLOC": "malloc",
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONPATH": str(COPY),
    }
    return {**found, "WAF_HYPOTHESIS": "fuzz"} if fuzz else found


def run(what: str, command: Sequence[str], environ: Mapping[str, str]) -> bool:
    print(f"--- {what}", flush=True)
    return subprocess.run(command, cwd=COPY, env=environ, check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sanitize", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="of hostile messages; 0 for none")
    parser.add_argument("--only", default="", help="part of the names of the tests that are run")
    parser.add_argument("--fuzz", action="store_true", help="new examples in each run")
    options = parser.parse_args()
    try:
        library = runtime()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    copy()
    plain = {**os.environ, "CC": "gcc", "CFLAGS": FLAGS, "LDFLAGS": "-fsanitize=address,undefined"}
    if not run("compile", [sys.executable, "-c", BUILD], plain):
        return 2
    environ = environment(library, fuzz=options.fuzz)
    loaded = "import waf._search, waf._finder, waf._speed; assert 'sanitized' in waf._search.__file__"
    if not run("load", [sys.executable, "-c", loaded], environ):
        return 2
    tests = [sys.executable, "-m", "pytest", "-x", "-p", "no:xdist", *TESTS]
    if options.only:
        tests += ["-k", options.only]
    if not run("tests", tests, environ):
        return 1
    seed = random.SystemRandom().randrange(2**32) if options.fuzz else 1
    worst = [sys.executable, "-m", "bench.worst", "--seconds", str(options.seconds), "--seed", str(seed)]
    return 0 if not options.seconds or run("hostile messages", worst, environ) else 1


if __name__ == "__main__":
    sys.exit(main())
