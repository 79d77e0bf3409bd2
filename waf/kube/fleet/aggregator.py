"""The merged states of all workloads, in memory while we lead, stored at a bounded rate.

Merging happens at once, compiling and storing every few seconds for what changed. A leader that dies loses nothing
that its senders cannot send again: a receipt tells them what is stored. A former leader that still believes in itself
cannot overwrite a later one: the index is written with the version it was read in, and a conflict makes it forget the
workload and read it anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec

from waf.errors import ConfigError
from waf.kube.client import ApiError, Conflict, Kube
from waf.kube.fleet.replicas import Replicas
from waf.kube.fleet.senders import Senders
from waf.kube.fleet.shards import Damaged, Store, Version
from waf.kube.fleet.specs import Specs, digest_of
from waf.kube.fleet.status import EVERY, Told, write
from waf.kube.fleet.terms import (
    LONGEST_EVERY,
    PUSH_EVERY,
    Compiled,
    Key,
    Merged,
    Merger,
    Place,
    Receipt,
    Report,
)
from waf.record.log import Log

STORE_EVERY: Final = 10.0  # seconds between two stores of one workload, at least
WRITES: Final = 5.0  # workloads stored a second, at most
MOST_WORKLOADS: Final = 5_000
MOST_OF_NAMESPACE: Final = 200  # one namespace shall not crowd out the others
SHARE: Final = 0.5  # of one core that pushes may take; beyond it sidecars are asked to push less often
_SMOOTH: Final = 200  # pushes over which the cost of one is smoothed
_ROUND: Final = 4 / 3  # of the interval: then every replica has pushed once
_READ_AGAIN: Final = 30.0  # seconds after which a spec that could not be read is tried again
_IDLE: Final = 900.0  # seconds after which an untouched workload leaves memory


class _Held:
    """One workload in memory."""

    def __init__(
        self, merged: Merged, senders: Senders, compiled: Compiled | None, version: str, now: float
    ) -> None:
        self.merged, self.senders, self.compiled, self.version = merged, senders, compiled, version
        self.durable = Senders(senders.entries())  # as of the last store
        self.dirty = False
        self.stored = self.touched = now
        self.replicas = Replicas()
        self.document: Any = None  # of the spec, as it was taken last
        self.refused = ("", "")  # hash of the document that cannot be used, and why
        self.told = Told()
        self.heard_all = 0.0  # when every replica will have pushed since we lead
        self.reach = ""  # of the replicas, with which it was compiled last

    def reached(self, now: float) -> str:
        """How far replicas hold traffic against the profile; "" while some of them may not have told.

        A new leader that has heard of a few only would take back what the others protect.
        """
        return self.replicas.reach() if now >= self.heard_all else ""


class Aggregator:
    """`specs` tells what people ask of each workload, `leads` whether it is ours to write."""

    def __init__(
        self,
        kube: Kube,
        store: Store,
        merger: Merger,
        specs: Specs,
        log: Log,
        *,
        leads: Callable[[Key], bool] = lambda key: True,
        store_every: float = STORE_EVERY,
        push_every: float = PUSH_EVERY,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self._kube = kube
        self._store = store
        self._merger = merger
        self._specs = specs
        self._log = log
        self._leads = leads
        self._store_every = store_every
        self._push_every = push_every
        self._clock = clock
        self._wall = wall
        self._held: dict[Key, _Held] = {}
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = (
            WeakValueDictionary()
        )  # as long as they are held
        self._to_erase: set[Key] = set()
        self._settled: dict[Key, str] = {}  # hash of each document that needs no look
        self._later: dict[Key, float] = {}  # documents that could not be read, and when to try again
        self._cost = 0.0  # seconds of this process for one push and all that follows from it, smoothed
        self._paced = (cpu(), 0)  # seconds spent, and pushes, when it was looked at last
        self._cpu = cpu
        self.every = push_every
        self.pushes = self.merged = self.doubled = self.missing = self.stored = self.conflicts = (
            self.erased
        ) = 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def replicas(self) -> int:
        return sum(len(held.replicas) for held in self._held.values())

    def pace(self) -> float:
        """Seconds between two pushes of a replica, so that what they cost leaves room for all else."""
        (spent, pushes), self._paced = self._paced, (self._cpu(), self.pushes)
        if count := self._paced[1] - pushes:
            cost = (self._paced[0] - spent) / count
            self._cost += (cost - self._cost) * min(1.0, count / _SMOOTH)
        self.every = min(max(self._push_every, self.replicas * self._cost / SHARE), LONGEST_EVERY)
        return self.every

    def forget(self, ours: Callable[[Key], bool] = lambda key: True) -> None:
        """We lead these anew or no longer: what is in memory of them may be out of date."""
        for held in (self._held, self._settled, self._later):
            for key in [key for key in held if ours(key)]:
                del held[key]
        self._to_erase = {key for key in self._to_erase if not ours(key)}

    async def take(
        self, key: Key, sender: str, place: Place, delta: bytes, report: Report, pod: str = ""
    ) -> Receipt:
        """Merge one delta, once. Raises ValueError for one that is damaged, ApiError, Damaged."""
        async with self._lock(key):
            self.pushes += 1
            held = await self._open(key)
            held.touched = self._clock()
            sender = f"{sender}/{place.slot}"
            if place.number and held.senders.takes(sender, place.epoch, place.number, place.after):
                await asyncio.to_thread(held.merged.merge, delta, self._wall())
                if self._held.get(key) is not held:
                    raise ApiError(
                        0, "Moved", "we no longer lead"
                    )  # forgotten meanwhile: not to be counted as taken
                held.senders.note(sender, place.epoch, place.number)
                held.dirty = True
                self.merged += 1
            elif place.number > held.senders.last(sender, place.epoch):
                self.missing += 1
            else:
                self.doubled += bool(place.number)
            held.replicas.note(sender, pod, report, held.touched)
            return Receipt(
                held.compiled.version if held.compiled else "",
                self._specs.of(key).mode,
                held.senders.last(sender, place.epoch),
                held.durable.last(sender, place.epoch),
                self.every,
            )

    def erase_soon(self, key: Key) -> None:
        """People deleted the WafProfile: forget what was learned."""
        if self._leads(key):
            self._to_erase.add(key)

    async def run(self) -> None:
        """Store what changed and take what people wrote, until cancelled."""
        while True:
            await asyncio.sleep(min(1.0, self._store_every / 4))
            self.pace()
            await self.erase_due()
            await self.documents_due()
            await self.store_due()

    async def store_due(self) -> None:
        """Compile and store each workload whose time has come, and tell of it, at the bounded rate."""
        now = self._clock()
        for key, held in list(self._held.items()):
            if not self._leads(key):
                continue
            if (reach := held.reached(now)) and reach != held.reach and held.compiled:
                held.dirty = True  # what may be staged and protected is another now
            if held.dirty:
                if now - held.stored < self._store_every:
                    continue
                await self.store(key)
            elif now - held.touched > _IDLE:
                self._held.pop(key, None)
                continue
            elif not await self._tell(key, held):
                continue
            await asyncio.sleep(1 / WRITES if len(self._held) > 1 else 0)

    async def documents_due(self) -> None:
        """Take the profiles that people wrote into specs, where they changed."""
        if not self._specs.watched.synced.is_set():
            return
        gone = [key for key, held in self._held.items() if held.document is not None]
        for key in {*self._specs.with_documents(), *gone}:
            if self._settled.get(key, "") == self._specs.of(key).document or not self._leads(key):
                continue
            if self._clock() < self._later.get(key, 0.0):
                continue
            try:
                await self._take_document(key)
                self._later.pop(key, None)
            except (ApiError, Damaged) as error:
                self._later[key] = self._clock() + _READ_AGAIN
                self._log("warning", "spec.profile could not be read", workload=str(key), error=str(error))

    async def erase_due(self) -> None:
        while self._to_erase:
            key = self._to_erase.pop()
            async with self._lock(key):
                self._held.pop(key, None)
                self._settled.pop(key, None)
                try:
                    await self._store.delete(key)
                except (ApiError, Damaged) as error:
                    self._log("error", "a workload could not be erased", workload=str(key), error=str(error))
                    continue
            self.erased += 1
            self._log("warning", "WafProfile deleted: what was learned is forgotten", workload=str(key))

    async def store(self, key: Key) -> None:
        """Compile and store one workload now; what cannot be stored stays to be stored later."""
        async with self._lock(key):
            held = self._held.get(key)
            if held is None or not held.dirty:
                return
            now = held.stored = self._clock()
            held.replicas.forget_silent(now, self.every)
            reach = held.reached(now) or held.reach
            try:
                compiled, state = await asyncio.to_thread(_compile, held.merged, self._wall(), reach)
                senders = held.senders.entries()
                # What people read is small; who sent what may be long, and goes among the packed blobs.
                blobs = {
                    "state": state,
                    "profile": compiled.profile,
                    "senders": msgspec.json.encode(senders),
                    "document": msgspec.json.encode(held.document),
                }
                index = {"version": compiled.version, "reach": reach, **compiled.facts}
                held.version = await self._store.write(key, Version(blobs, index), held.version)
            except Conflict:
                self.conflicts += 1
                self._held.pop(key, None)  # read anew at the next delta
                self._settled.pop(key, None)
                self._log("warning", "another aggregator wrote this workload", workload=str(key))
                return
            except (ApiError, Damaged) as error:
                self._log("error", "a workload could not be stored", workload=str(key), error=str(error))
                return
            except Exception as error:
                self._log("error", "a workload could not be compiled", workload=str(key), error=repr(error))
                return
            held.dirty, held.compiled, held.durable = False, compiled, Senders(senders)
            held.reach = reach
            self.stored += 1
        await self._tell(key, held)

    async def store_all(self) -> None:
        """Store everything that changed: we are to end."""
        for key in list(self._held):
            if self._leads(key):
                await self.store(key)

    async def _take_document(self, key: Key) -> None:
        document, digest = await self._specs.document(key)
        async with self._lock(key):
            held = await self._open(key)
            self._settled[key] = digest
            if digest == digest_of(held.document):
                return
            try:
                changes = await asyncio.to_thread(
                    held.merged.take_document, held.document, document or {}, self._wall()
                )
            except ConfigError as error:
                held.refused = (digest, "; ".join(str(problem) for problem in error.problems))
                self._log(
                    "warning", "spec.profile is not used", workload=str(key), error=held.refused[1][:500]
                )
            else:
                held.document, held.refused, held.dirty = document, ("", ""), True
                self._log("info", "spec.profile taken", workload=str(key), changes=len(changes))
        await self.store(key)

    async def _open(self, key: Key) -> _Held:
        held = self._held.get(key)
        if held is not None:
            return held
        of_namespace = sum(other.namespace == key.namespace for other in self._held)
        if len(self._held) >= MOST_WORKLOADS or of_namespace >= MOST_OF_NAMESPACE:
            raise ApiError(429, "TooMany", "too many workloads are learned at once")
        found = await self._store.read(key, ("state", "profile", "senders", "document"))
        if found is None:
            held = _Held(self._merger(key, b""), Senders(), None, "", self._clock())
        else:
            stored, version = found
            merged = await asyncio.to_thread(self._merger, key, stored.blobs.get("state", b""))
            senders = Senders(msgspec.json.decode(stored.blobs.get("senders", b"{}")))
            facts = dict(stored.facts)
            reach = str(facts.pop("reach", ""))
            compiled = Compiled(stored.blobs.get("profile", b""), str(facts.pop("version", "")), facts)
            held = _Held(merged, senders, compiled, version, self._clock())
            held.document = msgspec.json.decode(stored.blobs.get("document", b"null"))
            held.reach = reach
            held.heard_all = self._clock() + self.every * _ROUND
        # A workload that is new to us is stored soon, not only after a whole interval.
        held.stored -= self._store_every / 2
        self._held[key] = held
        return held

    def _lock(self, key: Key) -> asyncio.Lock:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    async def _tell(self, key: Key, held: _Held) -> bool:
        """Write the status where it is time; true if it was written. Its failure hurts nobody."""
        now = self._clock()
        held.replicas.forget_silent(now, self.every)
        version = held.compiled.version if held.compiled else ""
        if now < held.heard_all or not held.told.due(version, now, min(EVERY, self.every * _ROUND)):
            return False
        status = {
            **(held.compiled.facts if held.compiled else {}),
            "version": version,
            **held.replicas.status(version, self._specs.of(key).mode),
        }
        drift: list[str] | None = None
        if held.document is not None:
            try:
                async with self._lock(key):
                    drift = await asyncio.to_thread(held.merged.drift, held.document)
            except ConfigError as error:
                held.refused = (digest_of(held.document), "; ".join(str(each) for each in error.problems))
        try:
            wanted = self._specs.of(key).document or held.document is not None
            return await write(
                self._kube, key, status, held.told, now, self._wall(),
                drift=drift, refused=held.refused[1], in_git=bool(wanted),
            )  # fmt: skip
        except ApiError as error:
            self._log("warning", "no status was written", workload=str(key), error=str(error))
            return False


def _compile(merged: Merged, now: float, reach: str) -> tuple[Compiled, bytes]:
    return merged.compile(now, reach), merged.dump()
