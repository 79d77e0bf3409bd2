"""What the replicas of one workload tell of themselves, and the status that people read of it. No I/O, no clock.

In memory of the leader alone: a new leader knows the fleet again once every replica has pushed.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from waf.kube.fleet.terms import MODES, Report

GONE: Final = 3.5  # of the interval between two pushes: who has been silent for longer is no replica any more
_MOST: Final = 20_000
_LINES: Final = 5  # of a long list that are shown
_MESSAGE: Final = 1_000

Status = dict[str, Any]


class _Told(msgspec.Struct, frozen=True):
    pod: str
    report: Report
    when: float


class Replicas:
    """`live` forgets who has been silent for too long; times are of any one clock, in seconds."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def __len__(self) -> int:
        return len(self._told)

    def note(self, sender: str, pod: str, report: Report, now: float) -> None:
        if sender in self._told or len(self._told) < _MOST:
            self._told[sender] = _Told(pod, report, now)

    def forget_silent(self, now: float, every: float) -> None:
        self._told = {sender: told for sender, told in self._told.items() if now - told.when < every * GONE}

    def reach(self) -> str:
        """The furthest mode in which one of them holds traffic against its profile somewhere; "" where none has told."""
        told = {each.report.reach or each.report.mode for each in self._told.values()}
        return next((mode for mode in reversed(MODES) if mode in told), "")

    def status(self, version: str, wanted_mode: str) -> Status:
        """How many there are, what they enforce, and the conditions that follow from it."""
        reports = [told.report for told in self._told.values()]
        mode = wanted_mode or _common(report.mode for report in reports)
        enforced = _common(report.enforced for report in reports)
        return {
            "replicas": len(reports),
            "current": sum(report.version == version for report in reports) if version else 0,
            "mode": mode,
            "enforced": enforced,
            "conditions": [self._accepted(), _enforced(mode, enforced, reports)],
        }

    def _accepted(self) -> Status:
        refused = {told.pod: told.report.problems for told in self._told.values() if told.report.problems}
        if not self._told:
            return condition("ConfigAccepted", "Unknown", "NoReplica", "no replica has been heard of lately")
        if not refused:
            return condition(
                "ConfigAccepted", "True", "Accepted", "every replica runs the configuration it has"
            )
        text = f"{len(refused)} of {len(self._told)} replicas keep their former configuration: "
        lines = list(dict.fromkeys(line for problems in refused.values() for line in problems))
        return condition("ConfigAccepted", "False", "Refused", text + shortened(lines))


def _enforced(mode: str, enforced: str, reports: list[Report]) -> Status:
    """Whether what is learned refuses anything: the profile's mode and that of the sidecars must both allow it."""
    if not reports:
        return condition("Enforced", "Unknown", "NoReplica", "no replica has been heard of lately")
    if mode != "protect":
        said = f"the profile's mode is {mode or 'not known'}; set spec.mode to protect"
        return condition("Enforced", "False", "ProfileMode", said)
    if enforced != "protect":
        said = f"mode of the sidecars is {enforced or 'not known'}; set mode: protect in waf.yaml"
        return condition("Enforced", "False", "SidecarMode", said)
    if late := sum(report.mode != mode for report in reports):
        said = f"{late} of {len(reports)} replicas have not heard of it yet"
        return condition("Enforced", "False", "Spreading", said)
    return condition(
        "Enforced", "True", "Protecting", "requests that go against protected constraints are refused"
    )


def in_sync(drift: list[str] | None, refused: str) -> Status:
    """Whether the profile says what its spec says; `drift` None: not known yet, `refused` why it cannot be used."""
    if refused:
        return condition("InSync", "False", "Refused", f"spec.profile is not used: {refused}")
    if drift is None:
        return condition("InSync", "Unknown", "NotTaken", "spec.profile has not been taken yet")
    if drift:
        return condition("InSync", "False", "Drift", f"{len(drift)} differences: {shortened(drift)}")
    return condition("InSync", "True", "Same", "the profile says what spec.profile says")


def condition(kind: str, status: str, reason: str, message: str) -> Status:
    return {"type": kind, "status": status, "reason": reason, "message": message[:_MESSAGE]}


def with_transitions(now: list[Status], before: Any, moment: str) -> list[Status]:
    """The conditions with the time at which each came to be as it is; `before` as it stands in the cluster."""
    known = {
        old.get("type"): old
        for old in (before if isinstance(before, list) else [])
        if isinstance(old, Mapping)
    }
    out = []
    for each in now:
        old = known.get(each["type"], {})
        same = old.get("status") == each["status"] and old.get("lastTransitionTime")
        out.append({**each, "lastTransitionTime": old["lastTransitionTime"] if same else moment})
    return out


def shortened(lines: list[str]) -> str:
    more = f"; and {len(lines) - _LINES} more" if len(lines) > _LINES else ""
    return "; ".join(lines[:_LINES]) + more


def moment_of(wall: float) -> str:
    """Unix time as the API writes it."""
    return datetime.datetime.fromtimestamp(wall, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _common(values: Any) -> str:
    """The one value that all have, "mixed" where they differ, "" where there is none."""
    found = {value for value in values if value}
    return found.pop() if len(found) == 1 else "mixed" if found else ""
