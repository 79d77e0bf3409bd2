"""A sidecar's membership against an aggregator that is a value: whatever dies, each delta counts once and in order."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kube.test_client import until
from waf.kube.fleet.client import FleetError, Pulled
from waf.kube.fleet.member import MAGIC, OUTBOX, Member
from waf.kube.fleet.senders import Senders
from waf.kube.fleet.terms import MAX_DELTA, Place, Receipt, Report
from waf.profiles import store
from waf.record.log import Log

KEY = b"k" * 32


class Taught:
    """A learner: what it learned is a list of words, what it follows is one."""

    def __init__(self) -> None:
        self.fresh: list[str] = []
        self.cuts = 0
        self.profile = b""
        self.mode = ""
        self.key = b""
        self.done: list[str] = []  # in the order in which it was told

    def learn(self, word: str) -> None:
        self.fresh.append(word)

    async def cut(self) -> tuple[int, bytes] | None:
        if not self.fresh:
            return None
        self.cuts += 1
        words, self.fresh = self.fresh, []
        return self.cuts, " ".join(words).encode()

    async def follow(self, profile: bytes) -> None:
        if profile == b"bad":
            raise ValueError("no profile")
        self.profile = profile
        self.done.append(f"follow in mode {self.mode}")

    async def rekey(self, key: bytes) -> None:
        self.key = key

    def set_mode(self, mode: str) -> None:
        self.mode = mode
        self.done.append(f"mode {mode}")


class Client:
    """An aggregator as a value: what it holds, what it stored, and whether it is there."""

    def __init__(self) -> None:
        self.senders, self.words = Senders(), list[str]()
        self.stored = (Senders(), list[str]())
        self.there = True
        self.refused: set[bytes] = set()
        self.profile, self.version, self.mode = b"", "", ""
        self.every = 45.0
        self.reports: list[Report] = []
        self.pushes: list[Place] = []
        self.calls: list[str] = []
        self.closed = False

    def store(self) -> None:
        self.stored = (Senders(self.senders.entries()), list(self.words))

    def lose(self) -> None:
        """The leader dies; another begins with what was stored."""
        senders, words = self.stored
        self.senders, self.words = Senders(senders.entries()), list(words)

    async def close(self) -> None:
        self.closed = True

    async def key(self) -> bytes:
        self._reach("key")
        return KEY

    async def push(self, delta: bytes, place: Place, report: Report) -> Receipt:
        self._reach("push")
        if delta in self.refused:
            raise FleetError("no delta", refused=True)
        self.reports.append(report)
        self.pushes.append(place)
        if place.number and self.senders.takes("pod", place.epoch, place.number, place.after):
            self.senders.note("pod", place.epoch, place.number)
            self.words += delta.decode().split()
        taken, stored = (each.last("pod", place.epoch) for each in (self.senders, self.stored[0]))
        return Receipt(self.version, self.mode, taken, stored, self.every)

    async def pull(self, have: str = "") -> Pulled | None:
        self._reach("pull")
        if not self.version:
            return None
        return Pulled(b"" if have == self.version else self.profile, self.version, self.mode)

    def _reach(self, what: str) -> None:
        self.calls.append(what)
        if not self.there:
            raise FleetError("the fleet cannot be reached")


class Rig:
    def __init__(self, kept: bytes = b"", client: Client | None = None) -> None:
        self.client = client or Client()
        self.taught = Taught()
        self.kept = kept
        self.logged: list[bytes] = []
        self.member = Member(
            self.client, Report, Log(self.logged.append),  # type: ignore[arg-type]
            every=45.0, kept=kept, keep=self._keep, rng=random.Random(1),
        )  # fmt: skip

    def _keep(self, data: bytes) -> None:
        self.kept = data


async def joined(**changes: Any) -> Rig:
    rig = Rig()
    for name, value in changes.items():
        setattr(rig.client, name, value)
    await rig.member.join(rig.taught)
    return rig


async def test_a_new_replica_begins_with_what_the_others_know() -> None:
    rig = await joined(profile=b"book", version="v1", mode="protect")
    assert (rig.taught.key, rig.taught.profile, rig.member.version) == (KEY, b"book", "v1")
    assert rig.taught.done == ["mode protect", "follow in mode protect"], "a profile is compiled for its mode"


async def test_a_restarted_replica_is_what_it_was_before_it_has_reached_anybody() -> None:
    before = await joined(profile=b"book", version="v1", mode="protect")
    client = Client()
    client.there = False
    rig = Rig(before.kept, client)
    assert rig.member.key == KEY
    await rig.member.join(rig.taught)
    assert (rig.taught.profile, rig.taught.mode, rig.member.version) == (b"book", "protect", "v1")
    assert rig.member.failures == 1


@pytest.mark.parametrize("kept", [b"rubbish", store.seal(["no key"], MAGIC), store.seal([1, 2, 3, 4], MAGIC)])
async def test_what_was_kept_and_is_damaged_is_told_and_left(kept: bytes) -> None:
    rig = Rig(kept)
    await rig.member.join(rig.taught)
    assert any(b"cannot be used" in line for line in rig.logged)
    assert rig.member.key == KEY


async def test_a_start_does_not_wait_for_a_silent_fleet() -> None:
    rig = Rig()

    async def silent() -> bytes:
        await asyncio.Event().wait()
        return b""

    rig.client.key = silent  # type: ignore[method-assign]
    rig.member.ask()
    await rig.member.join(rig.taught, patience=0.01)
    assert rig.taught.key == b""
    assert rig.member.last_error == "no answer in time"


async def test_what_was_learned_is_handed_over_and_the_profile_of_all_comes_back() -> None:
    rig = await joined()
    rig.taught.learn("a")
    rig.client.profile, rig.client.version = b"book", "v1"
    assert 15 <= await rig.member.turn() <= 30, "half of it: there is a look between two pushes"
    assert rig.client.words == ["a"]
    assert rig.taught.profile == b"book"
    await rig.member.turn()
    assert rig.client.reports[-1].version == "v1"
    assert rig.client.calls.count("pull") == 2, "a version that one has is not fetched again"


async def test_with_nothing_learned_a_replica_tells_how_it_is() -> None:
    rig = await joined()
    await rig.member.turn()
    assert rig.client.pushes == [Place(rig.client.pushes[0].epoch)]


async def test_a_mode_comes_without_a_new_profile() -> None:
    rig = await joined(profile=b"book", version="v1")
    rig.client.mode = "protect"
    await rig.member.turn()
    assert rig.taught.mode == "protect"
    again = Rig(rig.kept)
    again.client.there = False
    await again.member.join(again.taught)
    assert again.taught.mode == "protect"
    rig.client.mode = "nonsense of a newer version"
    await rig.member.turn()
    assert rig.taught.mode == "protect"


async def test_between_two_pushes_a_replica_looks_what_is_new() -> None:
    rig = await joined(profile=b"book", version="v1")
    await rig.member.turn()
    rig.client.profile, rig.client.version = b"newer", "v2"
    await rig.member.look()
    assert (rig.taught.profile, rig.member.version) == (b"newer", "v2")
    rig.client.mode = "protect"
    await rig.member.look()
    assert rig.taught.mode == "protect"
    assert rig.client.calls.count("push") == 1


async def test_pushes_and_looks_take_turns_and_a_nudge_is_a_push() -> None:
    rig = await joined()
    rig.member._every = rig.member._own_every = rig.client.every = 0.02
    rig.member.start()
    await until(lambda: rig.client.calls.count("push") >= 3)
    calls = rig.client.calls[2:]  # after what joining asked
    assert calls[:5] == ["push", "pull", "push", "pull", "push"]
    rig.member._every = rig.member._own_every = rig.client.every = 1_000.0
    await rig.member.turn()
    before = rig.client.calls.count("push")
    rig.member.nudge()
    await rig.member.stop()
    assert rig.client.calls.count("push") > before


async def test_a_profile_that_cannot_be_read_leaves_the_former_and_is_not_fetched_again_and_again() -> None:
    rig = await joined(profile=b"book", version="v1")
    rig.client.profile, rig.client.version = b"bad", "v2"
    await rig.member.turn()
    await rig.member.turn()
    assert (rig.taught.profile, rig.member.version) == (b"book", "v1")
    assert rig.client.calls.count("pull") == 2
    await rig.member.look()
    assert rig.member.failed == 1, "it is not even sent again"
    rig.client.profile, rig.client.version = b"good", "v3"
    await rig.member.turn()
    assert rig.taught.profile == b"good"


async def test_an_aggregator_with_much_to_do_is_left_alone_longer() -> None:
    rig = await joined(every=200.0)
    assert await rig.member.turn() > 65
    rig.client.every = 1.0
    assert await rig.member.turn() <= 30, "never more often than configured"
    rig.client.every = 1e9
    assert await rig.member.turn() <= 400


async def test_while_nobody_answers_the_pauses_grow_and_what_waits_is_bounded() -> None:
    rig = await joined()
    rig.client.there = False
    pauses = []
    for number in range(40):
        rig.taught.learn(f"w{number}")
        pauses.append(await rig.member.turn())
    assert pauses[0] < 6
    assert max(pauses) <= 45 * 1.25
    assert rig.member.facts()["waiting"] == OUTBOX
    assert len(rig.taught.fresh) == 40 - OUTBOX, "what finds no room waits in the learner"
    rig.client.there = True
    await rig.member.turn()
    rig.client.store()
    await rig.member.turn()
    assert rig.client.words == [f"w{number}" for number in range(40)]
    assert rig.member.failures == 0


async def test_a_delta_that_can_never_be_taken_does_not_hold_up_the_others() -> None:
    rig = await joined(refused={b"b"})
    rig.client.there = False
    for word in "abc":
        rig.taught.learn(word)
        await rig.member.turn()
    rig.taught.learn("x" * (MAX_DELTA + 1))
    await rig.member.turn()
    rig.client.there = True
    await rig.member.turn()
    assert rig.client.words == ["a", "c"]
    assert rig.member.dropped == 2


async def test_at_the_end_the_last_words_are_handed_over_if_it_can_be_done_quickly() -> None:
    rig = await joined()
    rig.member.start()
    rig.taught.learn("last")
    await rig.member.stop()
    assert rig.client.words == ["last"]
    assert rig.client.closed
    gone = await joined()
    gone.client.there = False
    await gone.member.stop()
    assert any(b"untold" in line for line in gone.logged)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["learn", "turn", "store", "lose", "away", "back"]), max_size=40))
def test_whatever_happens_every_word_counts_once(steps: list[str]) -> None:
    async def run() -> None:
        rig = await joined()
        said: list[str] = []
        for step in steps:
            match step:
                case "learn":
                    said.append(f"w{len(said)}")
                    rig.taught.learn(said[-1])
                case "turn":
                    await rig.member.turn()
                case "store":
                    rig.client.store()
                case "lose":
                    rig.client.lose()
                case "away" | "back":
                    rig.client.there = step == "back"
            assert len(rig.client.words) == len(set(rig.client.words))
        rig.client.there = True
        for _ in range(2):  # what was in the outbox, then what found no room there
            await rig.member.turn()
            rig.client.store()
        await rig.member.turn()
        assert sorted(rig.client.words) == sorted(said)

    asyncio.run(run())
