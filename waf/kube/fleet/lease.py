"""Who is the aggregator: one Lease of coordination.k8s.io, held by renewing it.

A lease counts as lost by its former holder before anybody else may take it: the holder steps down when it could not
renew for two thirds of the duration, others wait for all of it. Clocks of different machines are never compared: what
counts is for how long *we* saw no change.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import Callable
from typing import Final

from waf.kube.client import ApiError, Conflict, Kube, NotFound, Object

SECONDS: Final = 5
_STEP_DOWN: Final = 2 / 3
RENEW: Final = 1 / 4  # of the lease's seconds


class Leadership:
    """`leads` is true while we hold the lease; `leader` is the holder's address as it wrote it.

    A lease that is free is taken after `hesitate` seconds, so that others who hold fewer come first.
    """

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        name: str,
        identity: str,
        *,
        seconds: float = SECONDS,
        changed: Callable[[bool], None] = lambda leads: None,
        hesitate: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._kube = kube
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._name = name
        self.identity = identity
        self.seconds = seconds
        self._changed = changed
        self._hesitate = hesitate
        self._clock = clock
        self._wall = wall
        self.leads = False
        self.leader = ""
        self._renewed = float("-inf")  # when we last began a renewal that succeeded
        # The lease's version ("" where there is none), and since when we have seen it unchanged.
        self._seen: tuple[str | None, float] = (None, float("-inf"))

    @property
    def sure(self) -> bool:
        """Whether we lead and nobody can have taken over meanwhile."""
        return self.leads and self._clock() - self._renewed < self.seconds * _STEP_DOWN

    @property
    def stale(self) -> bool:
        """Whether it is time to renew, if we lead."""
        return self._clock() - self._renewed >= self.seconds * RENEW

    async def run(self) -> None:
        """Hold or seek the lease until cancelled; then give it back."""
        try:
            while True:
                await self.once()
                await asyncio.sleep(self.seconds * RENEW)
        finally:
            await self.release()

    async def once(self) -> None:
        """One look at the lease, and one write where it is ours to write."""
        begun = self._clock()
        try:
            async with asyncio.timeout(self.seconds * _STEP_DOWN):
                mine = await self._seek(begun)
        except (ApiError, TimeoutError):
            mine = self.sure  # nobody can have taken it yet
        else:
            if mine:
                self._renewed = begun
        self._become(mine)

    async def _seek(self, begun: float) -> bool:
        """Whether the lease was written as ours just now."""
        try:
            lease = await self._kube.get(f"{self._collection}/{self._name}")
        except NotFound:
            lease = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._name},
                "spec": {},
            }
        spec = lease.get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        version = str(lease["metadata"].get("resourceVersion", ""))
        if version != self._seen[0]:
            # From the answer on, not from the question: while that was on its way the holder may have renewed.
            self._seen = (version, self._clock())
        if holder != self.identity:
            self.leader = holder
            unchanged = max(0.0, begun - self._seen[1])
            if unchanged < (self.seconds if holder else 0.0) + self._hesitate():
                return False
        try:
            written = await self._write(lease, holder)
        except Conflict:
            return False  # somebody was faster
        self._seen = (str(written["metadata"]["resourceVersion"]), begun)
        self.leader = self.identity
        return True

    async def _write(self, lease: Object, holder: str) -> Object:
        spec = dict(lease.get("spec") or {})
        now = datetime.datetime.fromtimestamp(self._wall(), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if holder != self.identity:
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
            spec["acquireTime"] = now
        spec |= {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, int(self.seconds)),
            "renewTime": now,
        }
        new = {**lease, "spec": spec}
        if lease["metadata"].get("resourceVersion"):
            return await self._kube.replace(f"{self._collection}/{self._name}", new)
        return await self._kube.create(self._collection, new)

    async def release(self) -> None:
        """Give the lease back, if it is ours."""
        if not self.leads:
            return
        self._become(False)
        with contextlib.suppress(ApiError, TimeoutError):
            async with asyncio.timeout(1.0):
                lease = await self._kube.get(f"{self._collection}/{self._name}")
                if lease["spec"].get("holderIdentity") == self.identity:
                    lease["spec"] = {**lease["spec"], "holderIdentity": ""}
                    await self._kube.replace(f"{self._collection}/{self._name}", lease)

    def _become(self, leads: bool) -> None:
        if leads != self.leads:
            self.leads = leads
            self._changed(leads)
