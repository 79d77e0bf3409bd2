"""What people read of a fleet: status and conditions of a WafProfile, events of a pod, documents of a repository."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.kube.api_double import ApiDouble, status
from tests.kube.test_client import until
from tests.kube.test_fleet import SHOP, Numbers, Replica, at, bag, lease, replica
from waf.kube.client import Kube
from waf.kube.fleet.aggregator import SHARE, Aggregator
from waf.kube.fleet.events import AGAIN, Events
from waf.kube.fleet.identity import Caller
from waf.kube.fleet.replicas import GONE, Replicas, in_sync, with_transitions
from waf.kube.fleet.shards import Store
from waf.kube.fleet.specs import GROUP, Specs, digest_of
from waf.kube.fleet.status import Told, write
from waf.kube.fleet.terms import Report
from waf.record.log import Log

__all__ = ["lease", "replica"]

PROFILES = f"/apis/{GROUP}/namespaces/shop/wafprofiles"
GOOD = Report("v1", "protect", "protect")


def of(reports: list[Report], wanted: str = "", version: str = "v1") -> dict[str, Any]:
    replicas = Replicas()
    for number, report in enumerate(reports):
        replicas.note(f"p{number}/0", f"p{number}", report, 0.0)
    found = replicas.status(version, wanted)
    found["conditions"] = {each["type"]: (each["status"], each["reason"]) for each in found["conditions"]}
    return found


@pytest.mark.parametrize(
    ("reports", "wanted", "expected"),
    [
        ([], "", {"replicas": 0, "mode": "", "ConfigAccepted": ("Unknown", "NoReplica"), "Enforced": ("Unknown", "NoReplica")}),
        ([GOOD, GOOD], "", {"replicas": 2, "current": 2, "mode": "protect", "enforced": "protect", "Enforced": ("True", "Protecting"), "ConfigAccepted": ("True", "Accepted")}),
        ([GOOD, Report("v0", "protect", "protect")], "", {"replicas": 2, "current": 1}),
        ([Report("v1", "protect", "monitor")], "", {"enforced": "monitor", "Enforced": ("False", "SidecarMode")}),
        ([GOOD, Report("v1", "monitor", "monitor")], "", {"mode": "mixed", "enforced": "mixed", "Enforced": ("False", "ProfileMode")}),
        ([GOOD, Report("v1", "monitor", "protect")], "protect", {"mode": "protect", "Enforced": ("False", "Spreading")}),
        ([GOOD], "monitor", {"mode": "monitor", "Enforced": ("False", "ProfileMode")}),
        ([GOOD, Report("v1", "protect", "protect", ("waf.yaml:2: moode",))], "", {"ConfigAccepted": ("False", "Refused")}),
    ],
)  # fmt: skip
def test_what_is_told_of_replicas(reports: list[Report], wanted: str, expected: dict[str, Any]) -> None:
    found = of(reports, wanted)
    for name, value in expected.items():
        assert (found["conditions"][name] if name in found["conditions"] else found[name]) == value


@pytest.mark.parametrize(
    ("reports", "reach"),
    [
        ([], ""),
        ([Report()], ""),
        ([Report(mode="monitor")], "monitor"),  # of a replica that does not tell its reach yet
        ([Report(mode="discover", reach="discover"), Report(mode="discover", reach="protect")], "protect"),
        ([Report(mode="monitor", reach="monitor"), Report(mode="discover", reach="discover")], "monitor"),
        ([Report(reach="no such mode")], ""),
    ],
)
def test_the_furthest_reach_of_the_replicas(reports: list[Report], reach: str) -> None:
    replicas = Replicas()
    for number, report in enumerate(reports):
        replicas.note(f"p{number}/0", f"p{number}", report, 0.0)
    assert replicas.reach() == reach


def test_who_is_silent_is_forgotten() -> None:
    replicas = Replicas()
    replicas.note("a", "a", GOOD, 0.0)
    replicas.note("b", "b", GOOD, 10.0)
    replicas.forget_silent(10 * GONE + 1, 10.0)
    assert len(replicas) == 1
    replicas.forget_silent(1e9, 10.0)
    assert len(replicas) == 0


@pytest.mark.parametrize(
    ("drift", "refused", "expected"),
    [
        (None, "", ("Unknown", "NotTaken")),
        ([], "", ("True", "Same")),
        (["+ a", "+ b"], "", ("False", "Drift")),
        ([], "line 2", ("False", "Refused")),
    ],
)
def test_whether_the_profile_says_what_its_spec_says(
    drift: list[str] | None, refused: str, expected: tuple[str, str]
) -> None:
    found = in_sync(drift, refused)
    assert (found["status"], found["reason"]) == expected


def test_a_condition_keeps_the_time_since_which_it_holds() -> None:
    now = [{"type": "A", "status": "True"}, {"type": "B", "status": "False"}]
    before = [{"type": "A", "status": "True", "lastTransitionTime": "then"},
              {"type": "B", "status": "True", "lastTransitionTime": "then"}]  # fmt: skip
    assert [each["lastTransitionTime"] for each in with_transitions(now, before, "now")] == ["then", "now"]
    for odd in (None, "x", [1, {"type": "A"}]):
        assert {each["lastTransitionTime"] for each in with_transitions(now, odd, "now")} == {"now"}


async def test_a_status_is_written_when_it_says_something_new(api: ApiDouble, kube: Kube) -> None:
    told = Told()
    said = {"conditions": [{"type": "A", "status": "True"}], "version": "", "mode": "monitor"}
    assert await write(kube, SHOP, said, told, 0.0, 0.0, drift=[], in_git=True)
    there = api.get(PROFILES, "web")
    assert "version" not in there["status"], "what is not known is left out"
    assert there["status"]["drift"] == 0
    assert not await write(kube, SHOP, said, told, 60.0, 60.0, drift=[], in_git=True)
    assert await write(kube, SHOP, {**said, "version": "v1"}, told, 60.0, 60.0, in_git=False)
    there = api.get(PROFILES, "web")
    assert "drift" not in there["status"], "what no longer holds is taken away"
    assert {each["type"] for each in there["status"]["conditions"]} == {"A"}
    assert not told.due("v1", 61.0)
    assert told.due("v2", 61.0)
    api.fail = lambda request: status(500, "Down") if request.method == "PATCH" else None
    with pytest.raises(Exception, match="Down"):
        await write(kube, SHOP, {**said, "version": "v2"}, told, 61.0, 61.0)
    assert not told.due("v2", 62.0), "a server that fails is not hammered"


# ------------------------------------------------------------------------------------------ events


async def test_a_refused_file_is_told_once_again_while_it_lasts_and_when_it_is_good(
    api: ApiDouble, kube: Kube
) -> None:
    now = [0.0]
    events = Events(kube, clock=lambda: now[0])
    caller = Caller("shop", "web-1", "uid-1")
    events.note(caller, GOOD)
    broken = Report(problems=("waf.yaml:2: moode: unknown key",))
    for _ in range(3):
        events.note(caller, broken)
    now[0] = AGAIN + 1
    events.note(caller, broken)
    events.note(caller, GOOD)
    task = asyncio.create_task(events.run())
    await until(lambda: events.written == 3)
    task.cancel()
    found = [thing for (place, _), thing in api.objects.items() if place == "/api/v1/events"]
    assert sorted(thing["reason"] for thing in found) == ["WafConfigAccepted", *["WafConfigRefused"] * 2]
    refused = next(thing for thing in found if thing["type"] == "Warning")
    assert "waf.yaml:2: moode" in refused["message"]
    assert refused["involvedObject"] == {
        "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-1", "uid": "uid-1",
    }  # fmt: skip


async def test_an_event_that_cannot_be_written_hurts_nobody(api: ApiDouble, kube: Kube) -> None:
    events = Events(kube)
    api.fail = lambda request: status(403, "Forbidden")
    events.note(Caller("shop", "web-1", "u"), Report(problems=("x" * 5000,)))
    task = asyncio.create_task(events.run())
    await until(lambda: events.failed == 1)
    task.cancel()


# ------------------------------------------------------------------------------------------ documents


def condition(api: ApiDouble, kind: str) -> tuple[str, str]:
    thing = api.objects.get((f"/apis/{GROUP}/wafprofiles", "shop/web"), {})
    for each in thing.get("status", {}).get("conditions", []):
        if each["type"] == kind:
            return each["reason"], each["message"]
    return "", ""


async def test_a_profile_of_a_repository_is_taken_held_against_what_is_learned_and_undone(
    replica: Replica, api: ApiDouble, kube: Kube
) -> None:
    await kube.create(PROFILES, {"metadata": {"name": "web"}, "spec": {"profile": {"names": ["a"]}}})
    await until(lambda: condition(api, "InSync")[0] == "Same")
    await replica.aggregator.take(SHOP, "p", at(1), bag(b=1), GOOD)
    await until(lambda: condition(api, "InSync")[0] == "Drift")
    assert "+ b" in condition(api, "InSync")[1]
    assert api.get(PROFILES, "web")["status"]["drift"] == 1
    await kube.patch(f"{PROFILES}/web", {"spec": {"profile": {"bad": True}}})
    await until(lambda: condition(api, "InSync")[0] == "Refused")
    assert "leave it out" in condition(api, "InSync")[1]
    await kube.patch(f"{PROFILES}/web", {"spec": {"profile": {"names": ["a", "b"], "bad": None}}})
    await until(lambda: condition(api, "InSync")[0] == "Same")
    await kube.patch(f"{PROFILES}/web", {"spec": {"profile": None}})
    await until(lambda: condition(api, "InSync") == ("", ""))
    assert "drift" not in api.get(PROFILES, "web")["status"]


async def test_a_document_is_taken_once_whoever_leads(api: ApiDouble, kube: Kube, log: Log) -> None:
    first = await Replica(api, log).start()
    await until(lambda: first.leadership.sure)
    await kube.create(PROFILES, {"metadata": {"name": "web"}, "spec": {"profile": {"names": ["a"]}}})
    await until(lambda: condition(api, "InSync")[0] == "Same")
    await first.kill()
    await kube.delete(
        "/apis/coordination.k8s.io/v1/namespaces/waf-system/leases/waf-fleet"
    )  # as if it had lapsed
    second = await Replica(api, log).start()
    await until(lambda: second.leadership.sure)
    await second.aggregator.take(SHOP, "p", at(1), bag(b=1), GOOD)
    await second.aggregator.documents_due()
    held = second.aggregator._held[SHOP]
    assert digest_of(held.document) == digest_of({"names": ["a"]})
    assert held.merged.dump() == bag(a=1_000, b=1)
    await second.kill()


async def test_a_spec_that_cannot_be_read_is_not_tried_all_the_time(
    replica: Replica, api: ApiDouble, kube: Kube
) -> None:
    asked = 0

    def fail(request: Any) -> Any:
        nonlocal asked
        if request.method == "GET" and request.path.endswith("/wafprofiles/web"):
            asked += 1
            return status(403, "Forbidden")
        return None

    api.fail = fail
    await kube.create(PROFILES, {"metadata": {"name": "web"}, "spec": {"profile": {"names": ["a"]}}})
    await until(lambda: SHOP in replica.aggregator._later)
    for _ in range(5):
        await replica.aggregator.documents_due()
    assert asked == 1
    api.fail = lambda request: None
    replica.aggregator._later.clear()
    await until(lambda: condition(api, "InSync")[0] == "Same")


async def test_deleting_a_wafprofile_forgets_what_was_learned(
    replica: Replica, api: ApiDouble, kube: Kube
) -> None:
    await replica.aggregator.take(SHOP, "p", at(1), bag(a=1), GOOD)
    await until(lambda: (f"/apis/{GROUP}/wafprofiles", "shop/web") in api.objects)
    await until(lambda: any("waf-profile" in key for _, key in api.objects))
    await kube.delete(f"{PROFILES}/web")
    await until(lambda: replica.aggregator.erased == 1)
    assert not any("waf-profile" in key for _, key in api.objects)
    # Replicas that are there go on: what they learn from now on makes it anew.
    receipt = await replica.aggregator.take(SHOP, "p", at(2), bag(b=1), GOOD)
    assert (receipt.taken, receipt.stored) == (2, 0)


async def test_what_is_missing_is_asked_for_before_anything_after_it(replica: Replica) -> None:
    assert (await replica.aggregator.take(SHOP, "p", at(1), bag(a=1), GOOD)).taken == 1
    ahead = await replica.aggregator.take(SHOP, "p", at(3, after=2), bag(c=1), GOOD)
    assert ahead.taken == 1
    assert replica.aggregator.missing == 1
    await replica.aggregator.take(SHOP, "p", at(2, after=1), bag(b=1), GOOD)
    assert (await replica.aggregator.take(SHOP, "p", at(3, after=2), bag(c=1), GOOD)).taken == 3
    assert replica.aggregator._held[SHOP].merged.dump() == bag(a=1, b=1, c=1)


async def test_workers_of_one_pod_are_told_apart(replica: Replica) -> None:
    from waf.kube.fleet.terms import Place

    for life in ("0.x", "1.y", "0.x", "1.y"):
        await replica.aggregator.take(SHOP, "p", Place(life, 1), bag(a=1), GOOD)
    assert replica.aggregator._held[SHOP].merged.dump() == bag(a=2)
    assert replica.aggregator.replicas == 2


async def test_an_aggregator_with_much_to_do_asks_for_longer_pauses(
    api: ApiDouble, kube: Kube, log: Log
) -> None:
    spent = [0.0]
    specs = Specs(kube)
    made = Aggregator(
        kube, Store(kube, "waf-system"), Numbers, specs, log, push_every=20.0, cpu=lambda: spent[0]
    )

    async def pushes(cost: float, count: int) -> float:
        for number in range(count):
            await made.take(SHOP, f"p{number}", at(1), bag(a=1), GOOD)
            spent[0] += cost
        return made.pace()

    assert await pushes(0.001, 400) == 20.0
    assert await pushes(0.5, 400) == pytest.approx(400 * 0.5 / SHARE)
    assert (await made.take(SHOP, "p1", at(1), bag(a=1), GOOD)).every == made.every
    assert await pushes(5.0, 400) == 600.0
    assert made.pace() == 600.0, "a time without pushes says nothing"
    spent[0] += 100.0
    made.pace()
    assert await pushes(0.001, 1_000) == 20.0
