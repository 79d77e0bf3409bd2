"""The profiles' engine as a `Merger`: states are merged, promoted and compiled into the book that sidecars enforce.

What a sidecar pulls is the packed book (`waf.profiles.book.Book.load`); the mode in which it is enforced comes beside
it. The key with which sidecars hash is theirs; merging never needs it.
"""

from __future__ import annotations

from typing import Any

from waf.config.schema import Profiles
from waf.kube.fleet.terms import Compiled, Key
from waf.profiles import compile, store
from waf.profiles.learner import Learner
from waf.profiles.merge import Delta


class Workload:
    """One workload's learner. Raises store.Damaged (a ValueError) for bytes that cannot be read."""

    def __init__(self, config: Profiles, state: bytes) -> None:
        self._memory = int(config.memory)
        self._learner = Learner(config, b"")
        if state:
            self._learner.load(state)

    def merge(self, delta: bytes) -> None:
        self._learner.state.merge(store.load(Delta.unpack(delta).state, self._memory))

    def dump(self) -> bytes:
        return self._learner.dump()

    def compile(self, now: float) -> Compiled:
        self._learner.advance(now)
        book = self._learner.book
        version = compile.version_of(book.all_places(), book.constraints())
        return Compiled(book.dump(), version, self._facts())

    def _facts(self) -> dict[str, Any]:
        book = self._learner.book
        found = self._learner.candidates()
        closed = sum(candidate.closed for candidate in found)
        return {
            "requests": int(self._learner.state.common.n),
            "endpoints": sum(len(methods) for methods in book.all_places().values()),
            "constraints": len(book.constraints()),
            "progress": f"{100 * closed // len(found) if found else 0}%",
            "wouldBlock": sum(entry.violations for entry in book.entries.values()),
        }


def merger(config: Profiles) -> Any:
    """The `Merger` for workloads of this configuration."""

    def opened(key: Key, state: bytes) -> Workload:
        return Workload(config, state)

    return opened
