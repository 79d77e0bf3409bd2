"""Of what kind resident memory is, as the kernel tells it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.memory import Kinds, kinds, kinds_of

SMAPS = """\
55d0c0000000-55d0c0002000 r-xp 00001000 fd:00 77                         /usr/bin/thing
Size:                  8 kB
Rss:                   8 kB
Pss:                   2 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
55d0c0002000-55d0c0006000 rw-p 00003000 fd:00 77                         /usr/bin/thing
Rss:                  16 kB
Pss:                  16 kB
Anonymous:            12 kB
55d0c1000000-55d0c1010000 rw-p 00000000 00:00 0                          [heap]
Rss:                  64 kB
Pss:                  64 kB
Anonymous:            64 kB
7f0000000000-7f0000100000 rw-p 00000000 00:00 0 
Rss:                1024 kB
Pss:                1024 kB
Anonymous:          1024 kB
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
Rss:                  20 kB
Pss:                  20 kB
Anonymous:            20 kB
"""  # noqa: W291


def test_each_page_is_of_one_kind() -> None:
    found = kinds_of(SMAPS)
    kb = 1024
    assert found == Kinds(
        programs=12 * kb, written=12 * kb, heap=64 * kb, anonymous=1044 * kb, shared=1126 * kb
    )
    assert found.all == (8 + 16 + 64 + 1024 + 20) * kb


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_kinds_are_all_of_a_process() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    found = kinds(os.getpid())
    assert found.all == pytest.approx(pages * os.sysconf("SC_PAGE_SIZE"), rel=0.05)
    assert min(found) > 0
