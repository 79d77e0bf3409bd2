"""The workers of one sidecar learn as one: the first leads, the others hand in what they learned and follow its profile.

Through a directory that only these processes have: a follower puts a delta there (`merge.Delta`, as a replica does
for the fleet), the leader adds it to what it knows, and publishes its book when the profile changes. So all workers
enforce the same, one of them keeps the state on disk, and a worker that dies loses a few seconds of learning.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from waf.control.files import atomic_write, read_capped
from waf.learning import Learning
from waf.record.log import Log

EVERY: Final = 3.0  # seconds between two looks into the directory
MAX_FILE: Final = 64 * 1024 * 1024  # bytes
MAX_WAITING: Final = 32  # deltas of one worker; while the leader is away, learning goes on in its own memory
BOOK: Final = "profile.book"


def leader_socket(directory: str) -> str:
    """Where the first worker answers for what all have learned."""
    return str(Path(directory) / "profile.sock")


class Crew:
    """One worker's part in it. `index` 0 leads."""

    def __init__(self, directory: str, index: int, learning: Learning, log: Log) -> None:
        self._directory: Final = Path(directory)
        self._index: Final = index
        self._learning: Final = learning
        self._log: Final = log
        self._published = ""  # version of the book that the leader wrote last
        self._read = (0, 0)  # of the book that a follower read last: when it was written, its size
        self._number = 0

    @property
    def leads(self) -> bool:
        return self._index == 0

    async def start(self) -> asyncio.Task[None]:
        """Take part from now on, until the task is cancelled."""
        await self.turn()
        return asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self.turn()
            await asyncio.sleep(EVERY)

    async def turn(self) -> None:
        """Hand in or collect, publish or follow. What cannot be done is told, and done the next time."""
        try:
            if self.leads:
                await self._collect()
                await self._publish()
            else:
                await self._hand_in()
                await self._follow()
        except (OSError, ValueError) as error:
            self._log("error", "the workers' learning could not be shared", error=str(error)[:500])

    async def _collect(self) -> None:
        for path in sorted(self._directory.glob("*.delta")):
            try:
                await self._learning.receive(read_capped(path, MAX_FILE))
            finally:
                path.unlink(missing_ok=True)  # a damaged one is told once

    async def _publish(self) -> None:
        version = self._learning.version
        if version != self._published:
            atomic_write(self._directory / BOOK, await self._learning.book())
            self._published = version

    async def _hand_in(self) -> None:
        mine = f"{self._index:03}-"
        if sum(path.name.startswith(mine) for path in self._directory.glob("*.delta")) >= MAX_WAITING:
            return
        if (cut := await self._learning.cut()) is not None:
            self._number += 1
            atomic_write(self._directory / f"{mine}{os.getpid()}-{self._number:08}.delta", cut[1])

    async def _follow(self) -> None:
        path = self._directory / BOOK
        try:
            stat = path.stat()
        except FileNotFoundError:  # the leader has not begun yet
            return
        if (now := (stat.st_mtime_ns, stat.st_size)) != self._read:
            await self._learning.follow(read_capped(path, MAX_FILE))
            self._read = now
