"""Where the sidecar's memory goes: what each part costs at the start, what each kind of load leaves behind, and of what kind it is.

    python -m bench.memory [--seconds 3] [--results]

Resident memory as the kernel counts it, pages of shared libraries included. The parts are loaded one after the
other in a process of their own, as the sidecar loads them; a part that another one needs is counted where it is loaded first. What
a part gives back is counted as well. The loads are those of bench.latency, one after the other on one sidecar, with everything
on and once more with learning off. The kinds are read from its /proc/PID/smaps: nobody in the process is asked.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from bench.cases import cases
from bench.figures import replace_section
from bench.latency import machine
from bench.load import run_load, write_script
from bench.peers import ROOT, start_app, start_backend, start_sidecar, why_not
from bench.processes import Cores, cores

HERE: Final = Path(__file__).resolve().parent
REST_SECONDS: Final = 7.0  # of silence, in which freed memory goes back to the system

PARTS: Final = (
    ("Python", ""),
    (
        "asyncio and uvloop, without TLS",
        "from waf import spared; spared.spare_hashes(); spared.spare_typing(); spared.spare_dataclasses(); "
        "spared.spare_files(); spared.spare_tls()",
    ),
    ("msgspec, orjson, yaml, multipart", "import msgspec, orjson, yaml, multipart, json"),
    ("Hyperscan's library", "import hyperscan"),
    ("our modules", "import waf.cli.entry, waf.processes"),
    (
        "rules, entities",
        "from waf.assembly import Files, build, keep; from waf import heap; heap.prepare(); files = Files(); "
        "bundle = build(files, keep(files.load().config, {'HOME': home}))",
    ),
    ("given back when it serves", "heap.settle()"),
    (
        "patterns, were all of them scanned with",
        "from waf import patterns; [one.database() for one in patterns.alive()]",
    ),
)
"""What is loaded, and the statement that does it."""

KINDS: Final = (
    ("programs and libraries, as in their files", "programs"),
    ("their pages that were written to", "written"),
    ("blocks of the C library: large Python objects, compiled patterns, buffers", "heap"),
    ("small Python objects, stacks, what is mapped for itself", "anonymous"),
    ("**all**", "all"),
    ("all, pages that others have too divided among them", "shared"),
)
"""What is told of `Kinds`, with its name."""

_PROBE: Final = """
import os, sys
home = sys.argv[1]
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
for line in sys.stdin.read().splitlines():
    exec(line)
    print(resident())
"""


class Kinds(NamedTuple):
    """Bytes resident by what backs them, and `shared`: our part of the whole where pages that others have too are divided."""

    programs: int  # pages of programs and libraries that are as in their files
    written: int  # pages of them that were written to: tables, variables
    heap: int  # blocks of the C library: what Python has of more than 512 bytes, compiled patterns, libuv
    anonymous: int  # small Python objects, stacks, blocks so large that they are mapped for themselves
    shared: int

    @property
    def all(self) -> int:
        return self.programs + self.written + self.heap + self.anonymous


class Grown(NamedTuple):
    """Bytes resident when a sidecar got ready, after each load, and after a rest; the first, the last load and the rest by kinds."""

    ready: int
    after: dict[str, int]
    rested: int
    kinds: tuple[Kinds, Kinds, Kinds]


def kinds_of(smaps: str) -> Kinds:
    """What /proc/PID/smaps says (proc(5)); sizes in there are in kB."""
    programs = written = heap = anonymous = shared = 0
    name, of_file = "", False
    for line in smaps.splitlines():
        key, _, value = line.partition(":")
        if " " in key:  # the line that begins a mapping: addresses, permissions, offset, device, inode, name
            fields = line.split(None, 5)
            name, of_file = fields[5] if len(fields) > 5 else "", fields[4] != "0"
            continue
        size = int(value.split()[0]) * 1024 if value.endswith(" kB") else 0
        if key == "Pss":
            shared += size
        elif key == "Rss":
            programs += size if of_file else 0
            heap += size if name == "[heap]" else 0
            anonymous += size if not of_file and name != "[heap]" else 0
        elif key == "Anonymous" and of_file:
            programs -= size
            written += size
    return Kinds(programs, written, heap, anonymous, shared)


def kinds(pid: int) -> Kinds:
    return kinds_of(Path(f"/proc/{pid}/smaps").read_text())


def parts(home: Path) -> list[int]:
    """Bytes resident after each of PARTS, in a fresh process; patterns come from the cache under `home`."""
    lines = "\n".join(statement or "pass" for _, statement in PARTS)
    command = [sys.executable, "-c", _PROBE, str(home)]
    ran = subprocess.run(command, input=lines, cwd=ROOT, capture_output=True, text=True, check=True)
    return [int(line) for line in ran.stdout.split()]


def grown(directory: Path, where: Cores, upstream: int, cache: Path, more: str, seconds: float) -> Grown:
    """Start a sidecar, load it with every case in turn."""
    peer = start_sidecar(directory, where, upstream, cache=cache, more=more)
    with peer.server as server:
        pid = server.process.pid
        ready, at_first = server.usage().resident, kinds(pid)
        after = {}
        for case in cases():
            script = write_script(case.requests, directory / "load" / case.name)
            run_load(peer.port, script, case.connections, seconds, where.others)
            after[case.name] = server.usage().resident
        loaded = kinds(pid)
        time.sleep(REST_SECONDS)
        return Grown(ready, after, server.usage().resident, (at_first, loaded, kinds(pid)))


def text_of(sizes: Sequence[int], on: Grown, off: Grown) -> str:
    def mb(size: int) -> str:
        return f"{size / 2**20:.1f}"

    lines = ["| part | MB more | MB in all |", "|---|---:|---:|"]
    before = 0
    for (name, _), size in zip(PARTS, sizes, strict=True):
        lines.append(f"| {name} | {mb(size - before)} | {mb(size)} |")
        before = size
    lines += ["", "| after | MB resident | with learning off |", "|---|---:|---:|"]
    lines.append(f"| start, ready | {mb(on.ready)} | {mb(off.ready)} |")
    for case in cases():
        lines.append(f"| … {case.title} | {mb(on.after[case.name])} | {mb(off.after[case.name])} |")
    lines.append(f"| … {REST_SECONDS:.0f} seconds of silence | {mb(on.rested)} | {mb(off.rested)} |")
    lines += ["", "| MB resident | ready | after all loads | rested |", "|---|---:|---:|---:|"]
    for title, name in KINDS:
        lines.append(f"| {title} | " + " | ".join(mb(getattr(one, name)) for one in on.kinds) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load (3)")
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    options = parser.parse_args(arguments)
    if why := why_not("sidecar"):
        print(why, file=sys.stderr)
        return 1
    where = cores()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waf-memory-")))
        sink = start_app(directory / "sink", where)
        stack.enter_context(sink.server)
        backend = start_backend(directory / "backend", where, sink)
        stack.enter_context(backend.server)
        cache = directory / "home" / ".cache" / "waf-sidecar"
        cache.mkdir(parents=True)
        start_sidecar(directory / "first", where, backend.port, cache=cache).server.stop()
        sizes = parts(directory / "home")
        on = grown(directory / "on", where, backend.port, cache, "", options.seconds)
        learns_not = "profiles: {enabled: false}"
        off = grown(directory / "off", where, backend.port, cache, learns_not, options.seconds)
    text = f"{time.strftime('%Y-%m-%d')}, {machine()}; {options.seconds:g} s of each load.\n\n" + text_of(
        sizes, on, off
    )
    print(text)
    if options.results:
        replace_section(HERE / "RESULTS.md", "memory", "Where the memory goes", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
