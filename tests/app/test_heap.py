"""Memory that is free goes back to the system."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from waf import heap

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or importlib.util.find_spec("waf._heap") is None,
    reason="needs waf/_heap.c, and /proc",
)


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def burst() -> list[bytes]:
    """32 MB of blocks of which every hundredth stays: free memory between what is in use."""
    blocks = [bytes(8_000) for _ in range(4_000)]
    return blocks[::100]


def test_what_a_burst_left_is_given_back() -> None:
    kept = burst()
    before = resident()
    assert heap.trim()
    assert resident() < before - 24 * 2**20
    assert len(kept) == 40


def test_a_little_is_not_worth_it() -> None:
    assert not heap.trim(enough=2**40)


async def test_it_is_looked_for_now_and_then() -> None:
    kept = burst()
    before = resident()
    task = asyncio.create_task(heap.keep_trim(0.0))
    async with asyncio.timeout(60):
        while resident() > before - 24 * 2**20:  # noqa: ASYNC110
            await asyncio.sleep(0)
    task.cancel()
    assert len(kept) == 40


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_GIVES_BACK", False)
    heap.prepare()
    assert not heap.trim(0)


def test_without_the_module_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_HEAP", None)
    heap.prepare()
    assert not heap.trim(0)
    assert not heap.forget_files()


MAPPING = (
    "7f00aaaa1000-7f00aaaa3000 {perm} 00001000 fd:00 {inode}       /usr/lib/libthing.so.1\nRss:      8 kB\n"
)


@pytest.mark.parametrize(
    ("perm", "inode", "anonymous", "clean"),
    [
        ("r-xp", "77", "Anonymous:             0 kB", True),
        ("r--p", "77", "Anonymous:             0 kB", True),
        ("r--p", "77", "Anonymous:             4 kB", False),  # relocated, then made read-only
        ("rw-p", "77", "Anonymous:             0 kB", False),  # may be written to the next moment
        ("r--s", "77", "Anonymous:             0 kB", False),
        ("---p", "77", "Anonymous:             0 kB", False),
        ("r-xp", "0", "Anonymous:             0 kB", False),  # no file
        ("r-xp", "77", "Referenced:            0 kB", False),  # a kernel that does not tell
        ("r-xp", "77", "Anonymous:             0 pages", False),
    ],
)
def test_what_is_let_go_of_is_as_in_its_file(perm: str, inode: str, anonymous: str, clean: bool) -> None:
    text = MAPPING.format(perm=perm, inode=inode) + anonymous + "\nVmFlags: rd ex mr mw me\n"
    other = MAPPING.format(perm="rw-p", inode="5") + "Anonymous:   0 kB\n"
    found = list(heap.clean_mappings(other + text + other))
    assert found == ([(0x7F00AAAA1000, 0x7F00AAAA3000)] if clean else [])


def test_libraries_run_on_after_their_pages_went() -> None:
    code = (
        "import json, re, zlib, os\n"
        "from waf import heap\n"
        "def resident(): return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')\n"
        "import hyperscan, msgspec, orjson, yaml, uvloop\n"
        "before = resident()\n"
        "heap.settle()\n"
        "after = resident()\n"
        "assert yaml.load('a: [1, 2]', yaml.CSafeLoader) == orjson.loads('{\"a\": [1, 2]}')\n"
        "assert zlib.decompress(zlib.compress(b'x' * 10_000)) == b'x' * 10_000\n"
        "assert heap.forget_files()\n"
        "print(before - after)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) > 4 * 2**20


def test_a_kernel_that_shows_no_mappings(tmp_path: Path) -> None:
    assert heap.forget_files(tmp_path / "smaps") == 0
