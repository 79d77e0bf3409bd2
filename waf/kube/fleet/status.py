"""The status of a WafProfile, as `kubectl get wafprofiles` and `describe` show it: written when it says something new."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from waf.kube.client import Conflict, Kube, NotFound
from waf.kube.fleet.replicas import Status, in_sync, moment_of, with_transitions
from waf.kube.fleet.specs import GROUP, collection_of, path_of
from waf.kube.fleet.terms import Key

AGAIN: Final = 10.0  # seconds after a write that failed
EVERY: Final = 60.0  # seconds between two writes of a status whose version stayed
ANYHOW: Final = 600.0  # after which it is written though it says nothing new


class Told:
    """What was written of one workload, and when."""

    def __init__(self) -> None:
        self.looked = self.written = self.not_before = float("-inf")
        self.version: str | None = None
        self.status: Status = {}

    def due(self, version: str, now: float, every: float = EVERY) -> bool:
        """Whether it is time to look whether there is something new to say."""
        return now >= self.not_before and (version != self.version or now - self.looked >= every)


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
    told.looked, told.not_before = now, now + AGAIN
    conditions = [*status["conditions"], *([in_sync(drift, refused)] if in_git else [])]
    new = {name: value for name, value in status.items() if value != ""}
    new |= {"conditions": conditions, **({"drift": len(drift)} if drift is not None else {})}
    if new == told.status and now - told.written < ANYHOW:
        told.version, told.not_before = status["version"], now
        return False
    moment = moment_of(wall)
    before = await _status(kube, key)
    shown = {
        **new,
        "conditions": with_transitions(conditions, before.get("conditions"), moment),
        "lastMerge": moment,
    }
    # A merge patch leaves what it does not name; a null takes it away, and is minded where there is nothing to take.
    gone: dict[str, Any] = dict.fromkeys(before.keys() - shown.keys())
    await kube.patch(f"{path_of(key)}/status", {"status": {**shown, **gone}})
    told.version, told.status, told.written, told.not_before = status["version"], new, now, now
    return True


async def _status(kube: Kube, key: Key) -> Status:
    """What stands there; the object is made where there is none."""
    for _ in range(2):
        with contextlib.suppress(NotFound):
            thing = await kube.get(path_of(key))
            return dict(thing.get("status") or {})
        made = {"apiVersion": GROUP, "kind": "WafProfile", "metadata": {"name": key.workload}, "spec": {}}
        with contextlib.suppress(Conflict):
            await kube.create(collection_of(key.namespace), made)
    return {}
