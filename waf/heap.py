"""The memory that the process gives back: what the C library frees stays resident until somebody asks for it.

A burst (an attack, a first compilation, a hundred large bodies at once) leaves free memory between what is in use,
which glibc keeps for a next burst that may never come. glibc only; elsewhere nothing is done.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from typing import Any, Final

ENOUGH: Final = 1024 * 1024  # bytes that are free; less is not worth the system calls (0.1 ms for each MB)
PERIOD: Final = 0.5  # seconds between two looks
SWITCH: Final = 0.001  # seconds for which a thread that judges may keep the interpreter from the loop
GENERATIONS: Final = (10_000, 20, 50)

_ARENA_MAX: Final = -8  # M_ARENA_MAX of mallopt(3)


class _Info(ctypes.Structure):
    """struct mallinfo2 of mallinfo(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


def _library() -> Any:
    try:
        library = ctypes.CDLL(None)
        library.mallinfo2.restype = _Info
        library.malloc_trim.argtypes = [ctypes.c_size_t]
        library.mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
    except (OSError, AttributeError):  # another C library, or a glibc before 2.33
        return None
    return library


_LIBC: Final = _library() if sys.platform == "linux" else None


def prepare() -> None:
    """To be called before the process starts a thread: all of them share one arena, so that `trim` sees it whole."""
    if _LIBC is not None:
        _LIBC.mallopt(_ARENA_MAX, 1)
    sys.setswitchinterval(SWITCH)


def settle() -> None:
    """What is there now lives as long as the process: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*GENERATIONS)
    trim(0)


def trim(enough: int = ENOUGH) -> bool:
    """Give free memory back to the system if it is more than `enough` bytes; True if some was given."""
    if _LIBC is None or _LIBC.mallinfo2().fordblks <= enough:
        return False
    return bool(_LIBC.malloc_trim(0))


async def keep_trim(period: float = PERIOD) -> None:
    """`trim` now and then, until cancelled."""
    while True:
        await asyncio.sleep(period)
        trim()
