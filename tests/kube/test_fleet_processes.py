"""The fleet as it runs: sidecars that learn different traffic, killed leaders, promotion by a patch, a broken file."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.app.rig import write
from tests.kube.api_double import ApiDouble
from tests.kube.fleet_rig import Fleet, Sidecar, eventually


@pytest.fixture
async def fleet(api: ApiDouble, tmp_path: Path) -> AsyncIterator[Fleet]:
    made = Fleet(api, tmp_path)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


UNTOLD = "what was learned last stays untold"
_PAGES = itertools.count(1_000)


async def teach(sidecar: Sidecar, path: str, count: int) -> int:
    """Requests of one kind, of which none is the repeat of another; gives how many were answered."""
    answers = [await sidecar.send(f"{path}?page={next(_PAGES)}") for _ in range(count)]
    assert set(answers) == {200}
    return count


async def test_replicas_learn_apart_enforce_together_and_outlive_their_leaders(fleet: Fleet) -> None:
    one, two = fleet.sidecar("web-1"), fleet.sidecar("web-2")
    await asyncio.gather(one.start(), two.start())
    sent = await teach(one, "/cart", 60) + await teach(two, "/items", 60)
    await eventually(lambda: fleet.status.get("requests") == sent, "what was learned did not arrive")
    await fleet.agreed()
    for each in (one, two):
        text = (await each.ask("/v1/profile"))[1]
        assert "GET /cart" in text
        assert "GET /items" in text

    # The leader dies without a word, between what it merged and what it stored: nothing is lost, nothing counts twice.
    for turn in range(2):
        leader = fleet.leader
        sent += await teach(one, "/cart", 30) + await teach(two, "/items", 30)
        await leader.end(signal.SIGKILL)
        sent += await teach(one, "/cart", 10 + turn)
        await leader.start()
    await eventually(lambda: fleet.status.get("requests") == sent, "learning was lost with a leader")
    await fleet.agreed()

    # A person promotes the workload: replicas refuse what none of them has seen itself.
    before = [await each.profile() for each in (one, two)]
    await fleet.patch(mode="protect")

    async def promoted() -> bool:
        # Constraints come as far as replicas say that they hold traffic against them: so a push later than the mode.
        now = [await each.profile() for each in (one, two)]
        texts = [(await each.ask("/v1/profile"))[1] for each in (one, two)]
        modes = {(await each.fleet())["mode"] for each in (one, two)}
        protects = all("stage: protect" in text for text in texts) and modes == {"protect"}
        return protects and now[0] == now[1] and now[0] not in before

    await eventually(promoted, "the promotion did not reach every replica")
    strange = ("/cart?page=abc", "/items?page=abc")  # no attack by itself: pages are numbers
    assert [await each.send(path) for each in (one, two) for path in strange] == [403] * 4
    await eventually(lambda: fleet.status.get("mode") == "protect" and fleet.status.get("current") == 2)

    # A replica that is killed begins where it was, with nobody to ask.
    for aggregator in fleet.aggregators:
        await aggregator.end(signal.SIGKILL)
    await two.end(signal.SIGKILL)
    await two.start()
    assert [await two.send(path) for path in strange] == [403, 403]

    async def alone() -> bool:
        return bool((await two.fleet())["failures"])

    await eventually(alone, "it does not tell that nobody answers")


async def test_a_replica_tells_of_a_file_that_it_refused_and_ends_with_all_told(fleet: Fleet) -> None:
    one = fleet.sidecar("web-1")
    await one.start()
    await teach(one, "/cart", 5)
    await eventually(lambda: fleet.status.get("replicas") == 1)
    good = one.config.read_text()
    write(one.config, good + "moode: x\n")

    def condition() -> str:
        found = {each["type"]: each for each in fleet.status.get("conditions", [])}
        return str(found.get("ConfigAccepted", {}).get("reason"))

    def events() -> dict[str, list[str]]:
        """What was told, by its reason; another leader may tell it again."""
        found = [thing for (place, _), thing in fleet.api.objects.items() if place == "/api/v1/events"]
        assert all(thing["involvedObject"]["name"] == "web-1" for thing in found)
        told: dict[str, list[str]] = {}
        for thing in found:
            told.setdefault(thing["reason"], []).append(thing["message"])
        return told

    await eventually(events, "the cluster was not told")
    ((reason, messages),) = events().items()
    assert reason == "WafConfigRefused"
    assert all("web-1.yaml:" in message and "moode" in message for message in messages)
    assert await one.send("/cart?page=1") == 200, "the former policy stays in force"
    write(one.config, good)
    await eventually(lambda: set(events()) == {"WafConfigRefused", "WafConfigAccepted"})
    await eventually(lambda: fleet.status.get("requests") == 6)
    # What was learned in the last moment is handed over on the way out, if there is time; if not, it says so.
    for _ in range(4):
        before = fleet.status["requests"]
        sent = await teach(one, "/cart", 25)
        said = len(one.log)
        assert await one.end() == 0
        if UNTOLD not in one.log[said:]:
            break
        await one.start()
    else:
        pytest.fail("there was never the time to hand it over")
    await eventually(lambda: fleet.status["requests"] >= before + sent, "the last moment was lost")
    assert json.loads((one.log.strip().splitlines() or ["{}"])[-1])
    assert condition() in ("Accepted", "Refused")
