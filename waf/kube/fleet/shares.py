"""Which aggregator leads which workloads: workloads fall into shares by their hash, and each share has a lease.

With one share one replica does all the work and the others stand by. With more, replicas divide them: whoever holds
fewer is quicker to take one that is free. Nobody gives a share away that it holds; a rollout deals them anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from typing import Final

from waf.kube.client import Kube
from waf.kube.fleet.lease import RENEW, SECONDS, Leadership
from waf.kube.fleet.terms import Key

MOST: Final = (
    8  # shares; the leases stand in the manifest, since the right to write them is bound to their names
)
_PAUSE: Final = 0.5  # seconds of hesitation for each share that we hold already


def share_of(key: Key, count: int) -> int:
    """The number of a workload's share, from 0."""
    return int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:4], "big") % count


def lease_of(name: str, share: int) -> str:
    return f"{name}-{share}" if share else name


class Shares:
    """`changed` hears the number of a share that we have begun or ceased to lead."""

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        name: str,
        identity: str,
        count: int = 1,
        *,
        changed: Callable[[int, bool], None] = lambda share, leads: None,
        seconds: float = SECONDS,
    ) -> None:
        self.identity = identity
        self._seconds = seconds
        self._all = [
            Leadership(
                kube, namespace, lease_of(name, share), identity, seconds=seconds, hesitate=self._hesitation,
                changed=lambda leads, share=share: changed(share, leads),  # type: ignore[misc]
            )
            for share in range(count)
        ]  # fmt: skip

    def share(self, key: Key) -> int:
        return share_of(key, len(self._all))

    def of(self, key: Key) -> Leadership:
        """The leadership over a workload."""
        return self._all[self.share(key)]

    def leads(self, key: Key) -> bool:
        """Whether a workload is ours, and nobody can have taken over meanwhile."""
        return self.of(key).sure

    @property
    def first(self) -> bool:
        """Whether we lead the first share: who does is the one to do what is to be done once in the cluster."""
        return self._all[0].sure

    @property
    def held(self) -> int:
        return sum(each.sure for each in self._all)

    async def run(self) -> None:
        """Hold and seek until cancelled; then give everything back."""
        try:
            while True:
                # What is held is renewed at once; what is free is taken one by one, so that hesitation counts.
                await asyncio.gather(*(each.once() for each in self._all if each.leads))
                seeking = [each for each in self._all if not each.leads]
                for each in random.sample(seeking, len(seeking)):
                    await each.once()
                    await asyncio.gather(*(held.once() for held in self._all if held.leads and held.stale))
                await asyncio.sleep(self._seconds * RENEW)
        finally:
            await asyncio.gather(*(each.release() for each in self._all))

    def _hesitation(self) -> float:
        return _PAUSE * self.held * self._seconds / SECONDS
