"""Events of the cluster about pods: what `kubectl describe pod` shows of a sidecar whose configuration was refused.

A sidecar has no rights at the API; it tells the aggregator, and the aggregator tells the cluster, at a bounded rate.
Losing an event hurts nobody: the WafProfile's condition says the same.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from waf.kube.client import ApiError, Kube, Object
from waf.kube.fleet.identity import Caller
from waf.kube.fleet.replicas import moment_of, shortened
from waf.kube.fleet.terms import Report
from waf.kube.pods import SIDECAR

AGAIN: Final = 1800.0  # seconds after which a mistake that lasts is told again; events live for an hour
RATE: Final = 5.0  # a second, at most
_WAITING: Final = 1_000
_KNOWN: Final = 20_000
_MESSAGE: Final = 1_000  # the API takes 1,024


class Events:
    def __init__(
        self,
        kube: Kube,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._kube = kube
        self._clock = clock
        self._wall = wall
        self._waiting: deque[tuple[str, Object]] = deque(maxlen=_WAITING)
        self._told: OrderedDict[str, tuple[tuple[str, ...], float]] = OrderedDict()  # by the pod's uid
        self._more = asyncio.Event()
        self.written = self.failed = 0

    def note(self, caller: Caller, report: Report) -> None:
        """Tell of a configuration that was refused, and of one that is good again."""
        problems, when = self._told.get(caller.uid, ((), float("-inf")))
        now = self._clock()
        if report.problems == problems and (not problems or now - when < AGAIN):
            return
        self._told[caller.uid] = (report.problems, now)
        self._told.move_to_end(caller.uid)
        while len(self._told) > _KNOWN:
            self._told.popitem(last=False)
        if report.problems:
            text = f"the former configuration stays in force: {shortened(list(report.problems))}"
            self._put(caller, "Warning", "WafConfigRefused", text)
        else:
            self._put(caller, "Normal", "WafConfigAccepted", "the configuration is in force")

    async def run(self) -> None:
        """Write what waits, until cancelled."""
        while True:
            await self._more.wait()
            while self._waiting:
                namespace, event = self._waiting.popleft()
                try:
                    await self._kube.create(f"/api/v1/namespaces/{namespace}/events", event)
                    self.written += 1
                except ApiError:
                    self.failed += 1
                await asyncio.sleep(1 / RATE)
            self._more.clear()

    def _put(self, caller: Caller, kind: str, reason: str, text: str) -> None:
        moment = moment_of(self._wall())
        pod = {"apiVersion": "v1", "kind": "Pod", "namespace": caller.namespace, "name": caller.pod,
               "uid": caller.uid}  # fmt: skip
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{caller.pod[:230]}.{secrets.token_hex(8)}", "namespace": caller.namespace},
            "involvedObject": pod,
            "type": kind,
            "reason": reason,
            "message": text[:_MESSAGE],
            "source": {"component": SIDECAR},
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }
        self._waiting.append((caller.namespace, event))
        self._more.set()
