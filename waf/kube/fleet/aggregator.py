"""The merged states of all workloads, in memory while we lead, stored at a bounded rate.

Merging happens at once, compiling and storing every few seconds for what changed. A leader that dies loses at most
what came since its last store. A former leader that still believes in itself cannot overwrite a later one: the index
is written with the version it was read in, and a conflict makes it forget the workload and read it anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from weakref import WeakValueDictionary

import msgspec

from waf.kube.client import ApiError, Conflict, Kube, NotFound
from waf.kube.fleet.senders import Senders
from waf.kube.fleet.shards import Damaged, Store, Version
from waf.kube.fleet.terms import Compiled, Key, Merged, Merger, Receipt
from waf.record.log import Log

STORE_EVERY: Final = 10.0  # seconds between two stores of one workload, at least
STATUS_EVERY: Final = 60.0  # seconds between two writes of a status whose version stayed
WRITES: Final = 5.0  # workloads stored a second, at most
MOST_WORKLOADS: Final = 5_000
MOST_OF_NAMESPACE: Final = 200  # one namespace shall not crowd out the others
_IDLE: Final = 900.0  # seconds after which an untouched workload leaves memory
GROUP: Final = "waf.sidecar/v1alpha1"


class _Held:
    """One workload in memory."""

    def __init__(
        self, merged: Merged, senders: Senders, compiled: Compiled | None, version: str, now: float
    ) -> None:
        self.merged, self.senders, self.compiled, self.version = merged, senders, compiled, version
        self.durable = Senders(senders.entries())  # as of the last store
        self.dirty = False
        self.stored = self.touched = now
        self.told = float("-inf")  # when the status was written
        self.told_version = ""


class _Facts(msgspec.Struct, frozen=True):
    """What stands in the index beside the blobs."""

    version: str = ""
    senders: dict[str, tuple[str, int]] = {}
    facts: dict[str, Any] = {}


class Aggregator:
    """`modes` gives the mode that people set for a workload (WafProfile's spec.mode), "" where they set none."""

    def __init__(
        self,
        kube: Kube,
        store: Store,
        merger: Merger,
        modes: Callable[[Key], str],
        log: Log,
        *,
        store_every: float = STORE_EVERY,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._kube = kube
        self._store = store
        self._merger = merger
        self._modes = modes
        self._log = log
        self._store_every = store_every
        self._clock = clock
        self._wall = wall
        self._held: dict[Key, _Held] = {}
        self._locks: WeakValueDictionary[Key, asyncio.Lock] = (
            WeakValueDictionary()
        )  # as long as they are held
        self.merged = self.doubled = self.stored = self.conflicts = 0

    def __len__(self) -> int:
        return len(self._held)

    def forget(self) -> None:
        """We no longer lead: what is in memory may be out of date."""
        self._held.clear()

    async def take(self, key: Key, sender: str, epoch: str, number: int, delta: bytes) -> Receipt:
        """Merge one delta, once. Raises ValueError for one that is damaged, ApiError, Damaged."""
        async with self._lock(key):
            held = await self._open(key)
            held.touched = self._clock()
            if held.senders.takes(sender, epoch, number):
                await asyncio.to_thread(held.merged.merge, delta)
                if self._held.get(key) is not held:
                    raise ApiError(
                        0, "Moved", "we no longer lead"
                    )  # forgotten meanwhile: not to be counted as taken
                held.senders.note(sender, epoch, number)
                held.dirty = True
                self.merged += 1
            else:
                self.doubled += 1
            version = held.compiled.version if held.compiled else ""
            return Receipt(version, self._modes(key), held.durable.last(sender, epoch))

    async def run(self) -> None:
        """Store what changed, until cancelled."""
        while True:
            await asyncio.sleep(min(1.0, self._store_every / 4))
            await self.store_due()

    async def store_due(self) -> None:
        """Compile and store each workload whose time has come, at the bounded rate."""
        now = self._clock()
        for key, held in list(self._held.items()):
            if held.dirty and now - held.stored >= self._store_every:
                await self.store(key)
                await asyncio.sleep(1 / WRITES if len(self._held) > 1 else 0)
            elif not held.dirty and now - held.touched > _IDLE:
                self._held.pop(key, None)

    async def store(self, key: Key) -> None:
        """Compile and store one workload now; what cannot be stored stays to be stored later."""
        async with self._lock(key):
            held = self._held.get(key)
            if held is None or not held.dirty:
                return
            held.stored = self._clock()
            try:
                compiled, state = await asyncio.to_thread(_compile, held.merged, self._wall())
                facts = _Facts(compiled.version, held.senders.entries(), dict(compiled.facts))
                # What people read is small; who sent what may be long, and goes among the packed blobs.
                blobs = {
                    "state": state,
                    "profile": compiled.profile,
                    "senders": msgspec.json.encode(facts.senders),
                }
                index = {"version": facts.version, **facts.facts}
                held.version = await self._store.write(key, Version(blobs, index), held.version)
            except Conflict:
                self.conflicts += 1
                self._held.pop(key, None)  # read anew at the next delta
                self._log("warning", "another aggregator wrote this workload", workload=str(key))
                return
            except (ApiError, Damaged) as error:
                self._log("error", "a workload could not be stored", workload=str(key), error=str(error))
                return
            except Exception as error:
                self._log("error", "a workload could not be compiled", workload=str(key), error=repr(error))
                return
            held.dirty, held.compiled, held.durable = False, compiled, Senders(facts.senders)
            self.stored += 1
            await self._tell(key, held, compiled)

    async def store_all(self) -> None:
        """Store everything that changed: we are to end."""
        for key in list(self._held):
            await self.store(key)

    async def _open(self, key: Key) -> _Held:
        held = self._held.get(key)
        if held is not None:
            return held
        of_namespace = sum(other.namespace == key.namespace for other in self._held)
        if len(self._held) >= MOST_WORKLOADS or of_namespace >= MOST_OF_NAMESPACE:
            raise ApiError(429, "TooMany", "too many workloads are learned at once")
        found = await self._store.read(key, ("state", "profile", "senders"))
        if found is None:
            held = _Held(self._merger(key, b""), Senders(), None, "", self._clock())
        else:
            stored, version = found
            merged = await asyncio.to_thread(self._merger, key, stored.blobs.get("state", b""))
            senders = Senders(msgspec.json.decode(stored.blobs.get("senders", b"{}")))
            compiled = Compiled(stored.blobs.get("profile", b""), str(stored.facts.get("version", "")))
            held = _Held(merged, senders, compiled, version, self._clock())
        # A workload that is new to us is stored soon, not only after a whole interval.
        held.stored -= self._store_every / 2
        self._held[key] = held
        return held

    def _lock(self, key: Key) -> asyncio.Lock:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    async def _tell(self, key: Key, held: _Held, compiled: Compiled) -> None:
        """Write the status that `kubectl get wafprofiles` shows; its failure hurts nobody."""
        now = self._clock()
        if held.told_version == compiled.version and now - held.told < STATUS_EVERY:
            return
        moment = datetime.datetime.fromtimestamp(self._wall(), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = {
            **compiled.facts,
            "version": compiled.version,
            "replicas": len(held.senders),
            "lastMerge": moment,
        }
        try:
            await write_status(self._kube, key, status)
            held.told, held.told_version = now, compiled.version
        except ApiError as error:
            self._log("warning", "no status was written", workload=str(key), error=str(error))


async def write_status(kube: Kube, key: Key, status: Mapping[str, Any]) -> None:
    """Write a WafProfile's status; the object is made where there is none. Raises ApiError."""
    collection = f"/apis/{GROUP}/namespaces/{key.namespace}/wafprofiles"
    name = object_name(key)
    for _ in range(2):
        with contextlib.suppress(NotFound):
            await kube.patch(f"{collection}/{name}/status", {"status": dict(status)})
            return
        thing = {"apiVersion": GROUP, "kind": "WafProfile", "metadata": {"name": name},
                 "spec": {"workload": key.workload}}  # fmt: skip
        with contextlib.suppress(Conflict):
            await kube.create(collection, thing)


def object_name(key: Key) -> str:
    """The WafProfile's name: the workload's, or a hash where that is too long."""
    if len(key.workload) <= 253:
        return key.workload
    return "waf-" + hashlib.sha256(key.workload.encode()).hexdigest()[:32]


def _compile(merged: Merged, now: float) -> tuple[Compiled, bytes]:
    return merged.compile(now), merged.dump()
