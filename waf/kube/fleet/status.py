"""The status of a WafProfile, as `kubectl get wafprofiles` and `describe` show it: written when it says something new."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from waf.kube.client import Conflict, Kube, NotFound
from waf.kube.fleet.replicas import Status, in_sync, moment_of, with_transitions
from waf.kube.fleet.specs import GROUP, collection_of, path_of
from waf.kube.fleet.terms import Key

EVERY: Final = 60.0  # seconds between two writes of a status whose version stayed
ANYHOW: Final = 600.0  # after which it is written though it says nothing new


class Told:
    """What was written of one workload, and when."""

    def __init__(self) -> None:
        self.looked = self.written = float("-inf")
        self.version: str | None = None
        self.status: Status = {}

    def due(self, version: str, now: float, every: float = EVERY) -> bool:
        """Whether it is time to look whether there is something new to say."""
        return version != self.version or now - self.looked >= every


async def write(
    kube: Kube,
    key: Key,
    status: Status,
    told: Told,
    now: float,
    wall: float,
    *,
    drift: list[str] | None = None,
    refused: str = "",
    in_git: bool = False,
) -> bool:
    """Write the status if it says something new; the object is made where there is none. Raises ApiError.

    `drift` and `refused` are of the profile in the spec, if there is one (`in_git`).
    """
    told.looked = now
    conditions = [*status["conditions"], *([in_sync(drift, refused)] if in_git else [])]
    # A merge patch leaves what it does not name: what no longer holds is taken away by a null.
    new: dict[str, Any] = {
        **status,
        "conditions": conditions,
        "drift": len(drift) if drift is not None else None,
    }
    if new == told.status and now - told.written < ANYHOW:
        told.version = status["version"]
        return False
    moment = moment_of(wall)
    before = await _conditions(kube, key)
    shown = {**new, "conditions": with_transitions(conditions, before, moment), "lastMerge": moment}
    await kube.patch(f"{path_of(key)}/status", {"status": shown})
    told.version, told.status, told.written = status["version"], new, now
    return True


async def _conditions(kube: Kube, key: Key) -> Any:
    """Those that stand there; the object is made where there is none."""
    for _ in range(2):
        with contextlib.suppress(NotFound):
            thing = await kube.get(path_of(key))
            return (thing.get("status") or {}).get("conditions")
        made = {"apiVersion": GROUP, "kind": "WafProfile", "metadata": {"name": key.workload}, "spec": {}}
        with contextlib.suppress(Conflict):
            await kube.create(collection_of(key.namespace), made)
    return None
