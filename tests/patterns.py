"""Compiled patterns: to make them takes seconds, to load them milliseconds, so what one test made is there for all others."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import waf
from waf.control.files import DirectoryPatternStore, default_cache_dir


@cache
def patterns_made() -> DirectoryPatternStore:
    """The store of this run, on disk (see `tests/conftest.py`); one object, so that a process loads each database once."""
    return DirectoryPatternStore(default_cache_dir(os.environ))


def forget_old(store: Path) -> None:
    """Delete what is older than the code that makes it: its name tells what it was made of, and not by whom."""
    root = Path(waf.__path__[0])
    makers = [root / "patterns.py", *(root / "prefilter").glob("*.py")]
    newest = max(maker.stat().st_mtime for maker in makers)
    for file in store.glob("*.pat"):
        if file.stat().st_mtime < newest:
            file.unlink()
