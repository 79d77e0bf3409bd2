"""Memory that is free goes back to the system."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from waf import heap

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


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
    monkeypatch.setattr(heap, "_LIBC", None)
    heap.prepare()
    assert not heap.trim(0)
