"""The memory that the process gives back: what is no longer needed stays resident until somebody says so.

A burst (an attack, a first compilation, a hundred large bodies at once) leaves free memory between what is in use,
which glibc keeps for a next burst that may never come. And a start runs through much of Python, of the libraries and of
Hyperscan's compiler once, whose pages stay mapped. Both are asked of `waf/_heap.c`; where that was not built, or the C library
is another one, nothing is done.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

ENOUGH: Final = 1024 * 1024  # bytes that are free; less is not worth the system calls (0.1 ms for each MB)
PERIOD: Final = 0.5  # seconds between two looks
SWITCH: Final = 0.001  # seconds for which a thread that judges may keep the interpreter from the loop
GENERATIONS: Final = (50_000, 20, 50)

_SMAPS: Final = Path("/proc/self/smaps")
_MAPPING: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r[-w][-x]p [0-9a-f]+ \S+ ([0-9]+)")


def _module() -> ModuleType | None:
    try:
        from waf import _heap
    except ImportError:  # not built
        return None
    return _heap


_HEAP: Final = _module()
_GIVES_BACK: Final = hasattr(_HEAP, "trim")


def prepare() -> None:
    """To be called before the process starts a thread: all of them share one arena, so that `trim` sees it whole."""
    if _HEAP is not None and _GIVES_BACK:
        _HEAP.one_arena()
    sys.setswitchinterval(SWITCH)


def settle() -> None:
    """What is there now lives as long as the process: the collector need not look at it again."""
    re.purge()  # a start compiles most expressions, and who needs one again has it
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*GENERATIONS)
    trim(0)
    forget_files()


def trim(enough: int = ENOUGH) -> bool:
    """Give free memory back to the system if it is more than `enough` bytes; True if some was given."""
    if _HEAP is None or not _GIVES_BACK or _HEAP.free_bytes() <= enough:
        return False
    return bool(_HEAP.trim())


def forget_files(smaps: Path = _SMAPS) -> int:
    """Let go of all pages of programs and libraries; gives how many mappings. What is run again comes back from the page
    cache, sixteen pages at a time and in a microsecond; what only the start ran does not. 13 ms, and Linux only.
    """
    if _HEAP is None:
        return 0
    try:
        return sum(_HEAP.forget(start, end) for start, end in clean_mappings(smaps.read_text()))
    except (OSError, ValueError):
        return 0


def clean_mappings(smaps: str) -> Iterator[tuple[int, int]]:
    """Start and end of each private mapping of a file in which nobody wrote a byte (proc(5), /proc/PID/smaps).

    A library's tables that the loader filled in are no longer writable, and yet not as in the file: what counts is that no
    page of the mapping is anonymous. Where the kernel does not say so, the mapping is none of them.
    """
    found: tuple[int, int] | None = None
    for line in smaps.splitlines():
        name, _, value = line.partition(":")
        if name == "Anonymous" and found is not None:
            if value.split() == ["0", "kB"]:
                yield found
            found = None
        elif (mapping := _MAPPING.match(line)) is not None:
            start, end, inode = mapping.groups()
            found = (int(start, 16), int(end, 16)) if inode != "0" and line.split()[1][1] == "-" else None


async def keep_trim(period: float = PERIOD) -> None:
    """`trim` now and then, until cancelled."""
    while True:
        await asyncio.sleep(period)
        trim()
