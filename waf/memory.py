"""What one workload has learned, and where it is kept: profile, flows of sensitive data, usual disclosures, policies.

A few files of the state directory, each replaced atomically with its predecessor kept beside it; a damaged file is
told loudly and its predecessor is used. Without a directory nothing outlives the process. One thread at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from waf.config.schema import Config, Profiles
from waf.control.files import atomic_write, read_capped
from waf.errors import Problem
from waf.model import Finding
from waf.profiles.book import Book
from waf.profiles.constraints import CAPS, Stage
from waf.profiles.learner import Learner
from waf.profiles.observe import Sources
from waf.profiles.openapi_import import Imported
from waf.profiles.report import endpoints_of
from waf.sensitive.anomaly import Disclosures
from waf.sensitive.inventory import Inventory
from waf.sensitive.tally import Tally

MAX_FILE: Final = 256 * 1024 * 1024  # bytes
PROFILE: Final = "profile.state"
INVENTORY: Final = "inventory.state"
DISCLOSURES: Final = "disclosures.state"
CHANGES: Final = "policies.json"
PREVIOUS: Final = ".previous"
DAMAGED: Final = ".damaged"
MAX_CHANGES: Final = 1_000
LEFT: Final = 600.0  # seconds after which nobody is still writing a file


class Change(msgspec.Struct, frozen=True):
    """Another policy came into force: `when` is Unix time in seconds."""

    when: float
    version: str
    mode: str


def reach_of(config: Config) -> Stage:
    """How far constraints may come where a route says so itself."""
    modes = (route.profiles_mode for route in config.routes)
    return max((CAPS[mode] for mode in modes if mode is not None), default=Stage.DISCOVER)


class Memory:
    """All that a workload remembers. `key` is the workload's secret: hashes of other keys do not fit together.

    With `teaches` what is learned is kept as deltas too, for the fleet. A worker that `follows` another (its number,
    0 for none) keeps no profile on disk, and its flows of data in a file of its own, which the leader reads. `reach` is
    how far constraints may come at some route (`reach_of`).
    """

    def __init__(
        self,
        directory: str,
        config: Profiles,
        key: bytes,
        replica: str = "",
        *,
        teaches: bool = False,
        follows: int = 0,
        reach: Stage = Stage.DISCOVER,
    ) -> None:
        self._directory = Path(directory) if directory else None
        self._config = config
        self._reach = reach
        self._follows = follows
        self._teaches = f"{replica or 'local'}{f'-{follows}' if follows else ''}" if teaches else ""
        self.rekey(key)
        self.inventory = Inventory(replica or "local", os.urandom(8).hex())
        self.disclosures = Disclosures()
        self.changes: list[Change] = []
        self.problems: list[Problem] = []
        self._written: dict[str, bytes] = {}
        self._damaged: set[str] = set()  # files that could not be read

    def rekey(self, key: bytes) -> None:
        """Begin the profile anew under another secret: what was learned under the former one fits it not."""
        self._cut = 0  # number of the last delta
        self._values_key = hashlib.blake2b(key, person=b"waf-values").digest()
        self.sources = Sources(hashlib.blake2b(key, person=b"waf-sources").digest())
        self.learner = self._learner()
        self.learner.lineage = os.urandom(8).hex()

    def _learner(self) -> Learner:
        made = Learner(self._config, self._values_key, self._teaches)
        made.reach = self._reach
        return made

    def cut(self) -> tuple[int, bytes] | None:
        """What was learned since the last cut, packed, and its number; None for nothing."""
        fresh = self.learner.deltas(self._cut)
        if not fresh:
            return None
        self._cut = fresh[-1].epoch
        return self._cut, fresh[-1].pack()

    def follow(self, profile: bytes) -> None:
        """Let the book of the fleet be ours. Raises `store.Damaged` and changes nothing then."""
        self.learner.follow(Book.load(profile))

    @property
    def fingerprint(self) -> str:
        """Names the workload's secret without telling it: hashes made under another do not fit."""
        return hashlib.blake2b(self._values_key, digest_size=8, person=b"waf-fingerprint").hexdigest()

    def reconfigure(self, config: Profiles, reach: Stage = Stage.DISCOVER) -> None:
        """Other thresholds and modes; what was learned stays, and what waits for the fleet."""
        if config == self._config and reach is self._reach:
            return
        before, former = self.learner, self._config
        self._config, self._reach = config, reach
        self.learner = self._learner()
        self.learner.succeed(before)
        if config.memory != former.memory:
            self.learner.load(before.dump())

    def pin(self, documents: Sequence[Imported]) -> None:
        """Let OpenAPI documents win over what was learned; those of an earlier call are forgotten."""
        self.learner.pin_documents(documents)

    def released(self, version: str, now: float) -> bool:
        """True if the app is another version than the last that was learned from; its changes are expected then."""
        return self.learner.meets(version, now)

    def lessons_by_place(self) -> dict[tuple[str, str], float]:
        """How often each (template, method) was learned."""
        return {(template, method): e.n for template, method, e in endpoints_of(self.learner.state)}

    def load(self) -> None:
        """Read what was kept; what cannot be read goes to `problems`, and its predecessor is tried."""
        self.problems = []
        self._sweep()
        for name, load in (
            (PROFILE, self.learner.load),
            (INVENTORY, self.inventory.load),
            (DISCLOSURES, self.disclosures.load),
            (CHANGES, self._load_changes),
        ):
            self._load(name, load)
        if self._follows:
            self.learner.follow(self.learner.book)
            self.learner.forget()

    def _sweep(self) -> None:
        """Delete what a process left that died while it wrote. What is young may just be being written."""
        if self._directory is None or self._follows:
            return
        for name in (PROFILE, INVENTORY, DISCLOSURES, CHANGES):
            for path in self._directory.glob(f".{name}*.tmp"):
                with contextlib.suppress(OSError):
                    if time.time() - path.stat().st_mtime > LEFT:
                        path.unlink()

    def flowed(
        self, route: str, direction: str, tally: Tally, wall: float, policy: str, place: str = ""
    ) -> Sequence[Finding]:
        """Note sensitive data that one message carried; gives what is unusual about an answer.

        `place` is where it went, as far as that can be guessed, where `route` says nothing.
        """
        self.inventory.add(place or route, direction, tally, wall, policy)
        if direction != "response":
            return ()
        unusual = self.disclosures.learn(route, tally.totals, wall)
        if place and place != route:
            known = self.disclosures.knows(place)
            here = self.disclosures.learn(place, tally.totals, wall)
            return here if known else unusual
        return unusual

    def policy_in_force(self, version: str, mode: str, now: float) -> None:
        """Note a policy if it is another one than the last."""
        if not self.changes or (self.changes[-1].version, self.changes[-1].mode) != (version, mode):
            self.changes = [*self.changes, Change(now, version, mode)][-MAX_CHANGES:]

    def _load_changes(self, data: bytes) -> None:
        self.changes = msgspec.json.decode(data, type=list[Change])[-MAX_CHANGES:]

    def _load(self, name: str, load: Callable[[bytes], None]) -> None:
        if self._directory is None:
            return
        path = self._directory / name
        previous = path.with_name(name + PREVIOUS)
        for candidate in (path, previous):
            if not candidate.exists():
                continue
            try:
                load(read_capped(candidate, MAX_FILE))
                return
            except (OSError, ValueError) as error:
                if candidate == path:
                    self._damaged.add(name)
                left = candidate == path and previous.exists()
                mend = "the predecessor is used" if left else "learning begins anew"
                self.problems.append(Problem(str(candidate), 0, "", f"cannot be used: {error}", mend))

    def save(self) -> None:
        """Keep everything that changed since the last time. Raises OSError."""
        if self._directory is None:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._follows:
            self._save(f"{INVENTORY}.{self._follows}", self.inventory.dump())
            return
        self._gather()
        self._save(PROFILE, self.learner.dump())
        self._save(INVENTORY, self.inventory.dump())
        self._save(DISCLOSURES, self.disclosures.dump())
        self._save(CHANGES, msgspec.json.encode(self.changes))

    def _save(self, name: str, data: bytes) -> None:
        assert self._directory is not None
        digest = hashlib.blake2b(data, digest_size=16).digest()
        if self._written.get(name) == digest:
            return
        path = self._directory / name
        # What is damaged must not take the place of the predecessor, which is all there is until this is written.
        former = path.with_name(name + (DAMAGED if name in self._damaged else PREVIOUS))
        atomic_write(path, data, previous=former)
        self._damaged.discard(name)
        self._written[name] = digest

    def _gather(self) -> None:
        """Add the flows that the other workers saw; to do so again changes nothing."""
        assert self._directory is not None
        for path in sorted(self._directory.glob(f"{INVENTORY}.[0-9]*")):
            if path.name.endswith(PREVIOUS):
                continue
            other = Inventory("other", "")
            try:
                other.load(read_capped(path, MAX_FILE))
            except (OSError, ValueError):
                continue  # being replaced, or damaged: its owner writes it anew within a minute
            self.inventory.merge(other)
