"""Notices that files changed: plain edits, editors that rename, and the symlink swap of a ConfigMap volume.

Looks once a second instead of asking the kernel to tell: inotify on a mounted file dies at the first swap
(the kubelet replaces the directory behind "..data"), and some file systems never tell. A look is one stat per
file, off the loop. Knows nothing of what the files mean.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

INTERVAL: Final = 1.0
SETTLE: Final = 0.2  # a change counts once nothing moved for so long

_RACY: Final = 2.0  # seconds; a file touched so lately may change again without a new time stamp
_MAX_FILES: Final = 2_000
_MAX_HASHED: Final = 4 * 1024 * 1024

Print = tuple[object, ...]
Prints = dict[str, Print]


def fingerprint(paths: Iterable[str], now: float) -> Prints:
    """What can be seen of each path without reading it: identity, size, times. Directories: all files within.

    `now` is Unix time. Symbolic links are followed, so the swap of one is a new identity. Files changed
    within the last two seconds are read too, since a second change may fall into the same tick of the file
    system's clock.
    """
    prints: Prints = {}
    for path in paths:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            prints[path] = ("missing",)
            continue
        if not stat.S_ISDIR(status.st_mode):
            prints[path] = _print(path, status, now)
            continue
        prints[path] = ("directory",)
        for name in _files_within(path):
            if len(prints) >= _MAX_FILES:
                break
            try:
                prints[name] = _print(name, os.stat(name), now)
            except OSError:
                prints[name] = ("missing",)
    return prints


def _files_within(directory: str) -> list[str]:
    """Files below, without hidden ones: in a ConfigMap volume those are the links' targets, seen already."""
    found: list[str] = []
    for root, directories, files in os.walk(directory, followlinks=False):
        directories[:] = sorted(d for d in directories if not d.startswith("."))
        found += [os.path.join(root, name) for name in sorted(files) if not name.startswith(".")]
        if len(found) > _MAX_FILES:
            break
    return found


def _print(path: str, status: os.stat_result, now: float) -> Print:
    seen: Print = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if now - max(status.st_mtime, status.st_ctime) > _RACY or not stat.S_ISREG(status.st_mode):
        return seen
    try:
        with open(path, "rb") as file:
            return (*seen, hashlib.blake2b(file.read(_MAX_HASHED), digest_size=16).digest())
    except OSError:
        return (*seen, "unreadable")


class Watch:
    """Calls `changed` after files of `paths()` changed and settled. `paths` is asked anew at each look."""

    def __init__(self, paths: Callable[[], Iterable[str]], clock: Callable[[], float] = time.time) -> None:
        self._paths = paths
        self._clock = clock
        self._seen = fingerprint(paths(), clock())
        self._moving = False

    def look(self) -> bool:
        """Look once; True when a change has settled since the last look. Blocks for the time of the stats."""
        now = fingerprint(self._paths(), self._clock())
        if self._differs(now):
            self._moving = True
            self._seen = now
            return False
        self._seen = now
        settled, self._moving = self._moving, False
        return settled

    @property
    def moving(self) -> bool:
        """A change was seen that has not settled yet."""
        return self._moving

    def _differs(self, now: Prints) -> bool:
        """A path that is watched only since now, or no longer, is no change; within a directory it is."""
        before = self._seen
        for path, print_ in now.items():
            if path in before:
                if not _same(before[path], print_):
                    return True
            elif any(path.startswith(root + "/") for root in before if before[root] == ("directory",)):
                return True
        directories = [path for path, print_ in now.items() if print_ == ("directory",)]
        return any(path not in now and any(path.startswith(d + "/") for d in directories) for path in before)

    async def run(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(SETTLE if self._moving else INTERVAL)
            if await asyncio.to_thread(self.look):
                await changed()


def _same(before: Print, now: Print) -> bool:
    """Equal in all that both hold: the content's hash is there only while a file is young."""
    if len(before) == len(now):
        return before == now
    shorter = min(len(before), len(now))
    return shorter >= 5 and before[:5] == now[:5]
