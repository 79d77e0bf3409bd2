"""Learning across replicas over real HTTP: merging once, storing whole versions, surviving every loss."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kube.api_double import ApiDouble, status
from tests.kube.test_client import PATIENCE, until
from tests.loopback import HOST
from waf.errors import ConfigError, Problem
from waf.kube.client import ApiError, Conflict, Kube
from waf.kube.fleet import shards
from waf.kube.fleet.aggregator import MOST_OF_NAMESPACE, Aggregator
from waf.kube.fleet.client import FleetClient, FleetError
from waf.kube.fleet.events import Events
from waf.kube.fleet.identity import Identities, caller_of
from waf.kube.fleet.lease import Leadership
from waf.kube.fleet.run import shared_secret
from waf.kube.fleet.senders import MOST, Senders
from waf.kube.fleet.server import Fleet
from waf.kube.fleet.shards import Damaged, Store, Version
from waf.kube.fleet.shares import Shares, lease_of, share_of
from waf.kube.fleet.specs import GROUP, Specs
from waf.kube.fleet.spread import spread, wanting
from waf.kube.fleet.terms import Compiled, Key, Place, Receipt, Report
from waf.record.log import Log

SHOP = Key("shop", "web")
MAPS = "/api/v1/namespaces/waf-system/configmaps"
LOST = 3.0
"""Seconds of a lease that one is to lose and another to take, or that is to lapse."""
SHORT = 1.0
"""The same where it may be lost by chance as well."""


class Numbers:
    """An engine that learns a bag of numbers; b"bad" is damaged."""

    def __init__(self, key: Key, state: bytes) -> None:
        self.bag: dict[str, int] = msgspec.json.decode(state or b"{}")

    def merge(self, delta: bytes, now: float) -> None:
        for name, count in msgspec.json.decode(delta, type=dict[str, int]).items():
            self.bag[name] = self.bag.get(name, 0) + count

    def dump(self) -> bytes:
        return msgspec.json.encode(self.bag, order="sorted")

    def compile(self, now: float, reach: str) -> Compiled:
        text = self.dump()
        return Compiled(
            text, f"v{sum(self.bag.values())}-{len(self.bag)}", {"requests": sum(self.bag.values())}
        )

    def take_document(self, former: Any, document: Any, now: float) -> list[str]:
        """Every name that a document gives is counted 1,000 times."""
        if "bad" in document:
            raise ConfigError([Problem("spec.profile", 0, "bad", "no such thing", "leave it out")])
        self.bag |= dict.fromkeys(document.get("names", []), 1_000)
        return [f"+ {name}" for name in document.get("names", [])]

    def drift(self, document: Any) -> list[str]:
        return [f"+ {name}" for name in sorted(self.bag.keys() - set(document.get("names", [])))]


def at(number: int, life: str = "e", after: int = 0) -> Place:
    return Place(f"0.{life}", number, after)


async def stored(client: FleetClient, delta: bytes, place: Place) -> Receipt:
    """Push as a sidecar does: until a receipt says that it is stored. A busy machine loses a short lease for a while."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                receipt = await client.push(delta, place)
                if receipt.stored >= place.number:
                    return receipt
            except FleetError as error:
                if error.refused:
                    raise
            await asyncio.sleep(0.02)


async def state_in(replica: Replica) -> Any:
    """What is stored of the shop."""
    found = await replica.store.read(SHOP)
    assert found is not None
    return msgspec.json.decode(found[0].blobs["state"])


async def take(replica: Replica, key: Key, sender: str, number: int, delta: bytes) -> Receipt:
    return await replica.aggregator.take(key, sender, at(number), delta, Report())


class Replica:
    """One aggregator on a port of its own. `seconds` is how long its leases hold without being renewed: long where
    nobody is to lose one, since a busy machine is late to renew.
    """

    def __init__(self, api: ApiDouble, log: Log, *, seconds: float = 60.0) -> None:
        self.api, self.log, self.seconds = api, log, seconds
        self.tasks: list[asyncio.Task[Any]] = []

    async def start(self) -> Replica:
        secrets = "/api/v1/namespaces/waf-system/secrets"
        if ("/api/v1/secrets", "waf-system/waf-fleet-key") not in self.api.objects:
            await self.api.put(secrets, {"metadata": {"name": "waf-fleet-key"}})
        self.kube = Kube(self.api.base, timeout=60.0, pause=0.001)
        self.store = Store(self.kube, "waf-system")
        self.specs = Specs(self.kube)
        self.aggregator = Aggregator(
            self.kube, self.store, Numbers, self.specs, self.log,
            leads=self.leads, store_every=0.05, push_every=0.1,
        )  # fmt: skip
        self.specs.removed = self.aggregator.erase_soon
        self.events = Events(self.kube)
        self.runner = web.AppRunner(web.Application())
        shares = self.shares = Shares(
            self.kube, "waf-system", "waf-fleet", "", seconds=self.seconds,
            changed=lambda share, leads: self.aggregator.forget(),
        )  # fmt: skip
        leadership = self.leadership = shares.of(SHOP)
        secret = await shared_secret(self.kube, "waf-system")
        fleet = Fleet(
            Identities(self.kube),
            shares,
            self.aggregator,
            self.store,
            self.specs,
            secret,
            self.log,
            events=self.events,
            fresh=0.0,
        )
        self.runner = web.AppRunner(fleet.app(), access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, HOST, 0)
        await site.start()
        self.address = leadership.identity = f"{HOST}:{self.runner.addresses[0][1]}"
        self.tasks = [
            asyncio.create_task(each)
            for each in (shares.run(), self.aggregator.run(), self.specs.watched.run(), self.events.run())
        ]
        await self.specs.watched.synced.wait()
        return self

    def leads(self, key: Key) -> bool:
        return self.shares.leads(key)

    async def kill(self) -> None:
        """Gone without a word: nothing is stored, no lease given back."""
        self.leadership.leads = False
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.runner.cleanup()
        await self.kube.close()


def pod_token(api: ApiDouble, tmp_path: Path, name: str, namespace: str = "shop", **changes: Any) -> Path:
    api.tokens[f"token-{name}"] = {
        "authenticated": True,
        "audiences": ["waf-fleet"],
        "user": {
            "username": f"system:serviceaccount:{namespace}:default",
            "extra": {
                "authentication.kubernetes.io/pod-name": [name],
                "authentication.kubernetes.io/pod-uid": [f"uid-{name}"],
            },
        },
    } | changes
    path = tmp_path / f"{name}.token"
    path.write_text(f"token-{name}\n")
    return path


@pytest.fixture
def lease() -> float:
    """Seconds of the replica's lease."""
    return 60.0


@pytest.fixture
async def replica(
    api: ApiDouble, log: Log, lease: float, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Replica]:
    monkeypatch.setattr(
        "waf.kube.fleet.replicas.GONE", 1e6
    )  # pushes are as far apart as this machine is slow
    made = await Replica(api, log, seconds=lease).start()
    await until(lambda: made.leadership.sure)
    yield made
    await made.kill()


@pytest.fixture
async def sidecar(replica: Replica, api: ApiDouble, tmp_path: Path) -> AsyncIterator[FleetClient]:
    token = pod_token(api, tmp_path, "web-1")
    client = FleetClient(replica.address, "web", token_file=token, scheme="http", timeout=60)
    yield client
    await client.close()


def bag(**numbers: int) -> bytes:
    return msgspec.json.encode(numbers)


# ------------------------------------------------------------------------------------------ push and pull


async def test_what_one_learned_all_can_pull(replica: Replica, sidecar: FleetClient, api: ApiDouble) -> None:
    assert await sidecar.pull() is None
    await sidecar.push(bag(a=1), at(1))
    await sidecar.push(bag(a=1, b=2), at(2))
    await until(lambda: replica.aggregator.stored > 0 and SHOP in replica.aggregator._held
                and not replica.aggregator._held[SHOP].dirty)  # fmt: skip
    pulled = await sidecar.pull()
    assert pulled is not None
    assert msgspec.json.decode(pulled.profile) == {"a": 2, "b": 2}
    again = await sidecar.pull(pulled.version)
    assert again is not None
    assert (again.profile, again.version) == (b"", pulled.version)
    receipt = await sidecar.push(bag(), at(3))
    assert receipt.version == pulled.version


async def test_a_delta_that_is_sent_twice_counts_once(replica: Replica, sidecar: FleetClient) -> None:
    for _ in range(3):
        await sidecar.push(bag(a=1), at(1))
    await sidecar.push(bag(a=1), at(1, "another-life"))
    assert replica.aggregator._held[SHOP].merged.dump() == bag(a=2)
    assert replica.aggregator.doubled == 2


async def test_people_promote_by_patching_the_spec(
    replica: Replica, sidecar: FleetClient, api: ApiDouble
) -> None:
    await sidecar.push(bag(a=5), at(1))
    where = f"/apis/{GROUP}/namespaces/shop/wafprofiles"
    await until(lambda: (f"/apis/{GROUP}/wafprofiles", "shop/web") in api.objects
                # Replicas that are seen before anything is stored make a status without figures.
                and "requests" in api.get(where, "web").get("status", {}))  # fmt: skip
    told = api.get(where, "web")
    assert told["spec"] == {}
    assert told["status"]["requests"] == 5
    assert told["status"]["replicas"] == 1
    await replica.kube.patch(f"{where}/web", {"spec": {"mode": "protect"}})
    await until(lambda: replica.specs.of(SHOP).mode == "protect")
    assert (await sidecar.push(bag(a=1), at(2))).mode == "protect"
    assert api.get(where, "web")["spec"]["mode"] == "protect"
    await replica.kube.patch(f"{where}/web", {"spec": {"mode": "nonsense"}})
    await until(lambda: replica.specs.of(SHOP).mode == "")


async def test_replicas_of_a_workload_share_a_key_and_others_do_not(
    sidecar: FleetClient, replica: Replica, api: ApiDouble, tmp_path: Path
) -> None:
    other = FleetClient(
        replica.address, "web", token_file=pod_token(api, tmp_path, "x", "elsewhere"), scheme="http"
    )
    key = await sidecar.key()
    assert len(key) == 32
    assert await sidecar.key() == key
    assert await other.key() != key
    await other.close()


async def test_a_pod_teaches_only_its_own_namespace(
    replica: Replica, sidecar: FleetClient, api: ApiDouble, tmp_path: Path
) -> None:
    stranger = FleetClient(
        replica.address, "web", token_file=pod_token(api, tmp_path, "evil", "elsewhere"), scheme="http"
    )
    await stranger.push(bag(poison=1), at(1))
    await sidecar.push(bag(a=1), at(1))
    assert replica.aggregator._held[SHOP].merged.dump() == bag(a=1)
    await stranger.close()


@pytest.mark.parametrize(
    "change",
    [
        {"authenticated": False},
        {"audiences": ["https://kubernetes.default.svc"]},
        {"audiences": None},
        {"user": {"username": "system:node:x"}},
        {"user": {"username": "system:serviceaccount:shop:default"}},
    ],
)
def test_who_is_no_pod_for_us_is_nobody(change: dict[str, Any]) -> None:
    extra = {"authentication.kubernetes.io/pod-name": ["p"], "authentication.kubernetes.io/pod-uid": ["u"]}
    good = {
        "authenticated": True,
        "audiences": ["waf-fleet"],
        "user": {"username": "system:serviceaccount:shop:default", "extra": extra},
    }
    assert caller_of(good) is not None
    assert caller_of(good | change) is None


async def test_a_token_that_is_refused_is_not_asked_about_again(
    replica: Replica, api: ApiDouble, tmp_path: Path
) -> None:
    (tmp_path / "bad").write_text("forged")
    client = FleetClient(replica.address, "web", token_file=tmp_path / "bad", scheme="http", timeout=60)
    for _ in range(3):
        with pytest.raises(FleetError, match="401"):
            await client.push(bag(a=1), at(1))
    assert sum("tokenreviews" in path for _, path in api.requests) == 1
    await client.close()


@pytest.mark.parametrize(
    ("workload", "delta", "place"),
    [
        ("web", b"bad", at(1)),
        ("web", b"x" * (1024 * 1024 + 1), at(1)),
        ("../x", b"{}", at(1)),
        ("Web", b"{}", at(1)),
        ("a..b", b"{}", at(1)),
        ("web", b"{}", Place("0.e e", 1)),
        ("web", b"{}", Place("e", 1)),
        ("web", b"{}", Place("0.e", -1)),
    ],
)
async def test_what_cannot_be_merged_is_refused_for_good(
    replica: Replica, api: ApiDouble, tmp_path: Path, workload: str, delta: bytes, place: Place
) -> None:
    client = FleetClient(
        replica.address, workload, token_file=pod_token(api, tmp_path, "w"), scheme="http", timeout=60
    )
    with pytest.raises(FleetError) as error:
        await client.push(delta, place)
    assert error.value.refused
    await client.close()


async def test_one_namespace_does_not_crowd_out_the_others(replica: Replica) -> None:
    for number in range(MOST_OF_NAMESPACE):
        await take(replica, Key("evil", f"w{number}"), "p", 1, bag(a=1))
    with pytest.raises(ApiError, match="too many"):
        await take(replica, Key("evil", "one-more"), "p", 1, bag(a=1))
    await take(replica, SHOP, "p", 1, bag(a=1))


# ------------------------------------------------------------------------------------------ losses


async def test_a_follower_names_the_leader(
    replica: Replica, api: ApiDouble, log: Log, tmp_path: Path
) -> None:
    follower = await Replica(api, log).start()
    await until(lambda: follower.leadership.leader == replica.address)
    client = FleetClient(
        follower.address, "web", token_file=pod_token(api, tmp_path, "web-2"), scheme="http", timeout=60
    )
    await client.push(bag(a=1), at(1))
    assert replica.aggregator.merged == 1
    assert follower.aggregator.merged == 0
    await until(lambda: replica.aggregator.stored > 0)
    pulled = await client.pull()
    assert pulled is not None
    await client.close()
    await follower.kill()


async def test_another_takes_over_and_knows_what_was_stored(api: ApiDouble, log: Log, tmp_path: Path) -> None:
    first = await Replica(api, log, seconds=LOST).start()
    await until(lambda: first.leadership.sure)
    client = FleetClient(
        first.address, "web", token_file=pod_token(api, tmp_path, "w"), scheme="http", timeout=60
    )
    await stored(client, bag(a=1), at(1))
    second = await Replica(api, log, seconds=LOST).start()
    assert not (first.leadership.sure and second.leadership.sure)
    await first.kill()
    await until(lambda: second.leadership.sure)
    await client.close()
    client = FleetClient(second.address, "web", token_file=tmp_path / "w.token", scheme="http", timeout=60)
    await stored(client, bag(a=1), at(1))  # sent again after the loss of the receipt
    await stored(client, bag(b=1), at(2))
    assert await state_in(second) == {"a": 1, "b": 1}
    await client.close()
    await second.kill()


async def test_a_former_leader_cannot_overwrite_a_later_one(api: ApiDouble, log: Log) -> None:
    one, two = await Replica(api, log).start(), await Replica(api, log).start()
    for each in (one, two):
        for task in each.tasks:
            task.cancel()
        await asyncio.gather(*each.tasks, return_exceptions=True)  # the last act of one is to forget
    await take(one, SHOP, "p", 1, bag(a=1))
    await one.aggregator.store(SHOP)
    await take(two, SHOP, "q", 1, bag(b=1))
    await two.aggregator.store(SHOP)
    await take(one, SHOP, "p", 2, bag(c=1))
    await one.aggregator.store(SHOP)
    assert one.aggregator.conflicts == 1
    assert await state_in(two) == {"a": 1, "b": 1}
    await take(one, SHOP, "p", 2, bag(c=1))
    await one.aggregator.store(SHOP)
    assert await state_in(two) == {"a": 1, "b": 1, "c": 1}
    for each in (one, two):
        await each.kill()


@pytest.mark.parametrize("lease", [LOST])
async def test_without_the_api_server_nothing_is_lost_and_learning_goes_on_after(
    replica: Replica, sidecar: FleetClient, api: ApiDouble
) -> None:
    await stored(sidecar, bag(a=1), at(1))
    api.fail = lambda request: status(503, "Down")
    await until(lambda: not replica.leadership.sure)
    with pytest.raises(FleetError):
        await sidecar.push(bag(a=1), at(2))
    api.fail = lambda request: None
    await stored(sidecar, bag(a=1), at(2))
    assert await state_in(replica) == {"a": 2}


async def test_whoever_is_killed_every_delta_counts_once(api: ApiDouble, log: Log, tmp_path: Path) -> None:
    """Sidecars keep what no receipt called stored; leaders die at random in the midst of merges and stores."""
    rng = random.Random(11)
    alive = [await Replica(api, log, seconds=SHORT).start() for _ in range(2)]
    tokens = [pod_token(api, tmp_path, f"p{n}") for n in range(4)]
    kept: list[list[int]] = [[] for _ in tokens]

    async def push_all(n: int) -> None:
        client = FleetClient(rng.choice(alive).address, "web", token_file=tokens[n], scheme="http", timeout=1)
        with contextlib.suppress(FleetError):
            before = 0
            for number in list(kept[n]):
                receipt = await client.push(bag(**{f"p{n}": 1}), at(number, "life", after=before))
                kept[n] = [left for left in kept[n] if left > receipt.stored]
                if receipt.taken < number:
                    break  # a new leader does not know what was before it
                before = number
        await client.close()

    for turn in range(1, 41):
        for n in range(4):
            kept[n].append(turn)
        await asyncio.gather(*(push_all(n) for n in range(4)))
        if turn % 8 == 0:
            await until(lambda: any(each.leadership.sure for each in alive))
            await asyncio.gather(*(push_all(n) for n in range(4)))
            leader = next((each for each in alive if each.leadership.sure), alive[0])
            alive.remove(leader)
            await leader.kill()
            alive.append(await Replica(api, log, seconds=SHORT).start())
    async with asyncio.timeout(3 * PATIENCE):
        while any(kept):
            await asyncio.gather(*(push_all(n) for n in range(4)))
            await asyncio.sleep(0.02)
    assert await state_in(alive[0]) == {f"p{n}": 40 for n in range(4)}
    for each in alive:
        await each.kill()


async def test_a_lease_is_waited_for_from_the_answer_on(api: ApiDouble, kube: Kube) -> None:
    """While the question was on its way, its holder may have renewed it."""
    leases = "/apis/coordination.k8s.io/v1/namespaces/waf-system/leases"
    await api.put(leases, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "other:1"}})
    now, delays = [0.0], [4.0]

    def late(request: web.Request) -> None:
        now[0] += delays.pop() if delays else 0.0

    api.fail = late
    seeker = Leadership(kube, "waf-system", "l", "me:1", seconds=5.0, clock=lambda: now[0])
    for moment, leads in ((0.0, False), (8.9, False), (9.0, True)):
        now[0] = moment
        await seeker.once()
        assert seeker.leads is leads, moment


async def test_the_lease_is_held_by_one_at_any_time(api: ApiDouble) -> None:
    """Many candidates over a server that fails now and then: never two that are sure."""
    rng = random.Random(7)
    kube = Kube(api.base, timeout=0.3, pause=0.001)
    api.fail = lambda request: status(500, "x") if rng.random() < 0.1 else None
    all_of = [Leadership(kube, "waf-system", "l", f"host{n}:1", seconds=0.3) for n in range(4)]
    tasks = [asyncio.create_task(each.run()) for each in all_of]
    led: set[str] = set()
    end = asyncio.get_running_loop().time() + PATIENCE
    turns = 0
    while turns < 120 or (not led and asyncio.get_running_loop().time() < end):
        turns += 1
        await asyncio.sleep(0.01)
        sure = [each.identity for each in all_of if each.sure]
        assert len(sure) <= 1
        led |= set(sure)
        if rng.random() < 0.05:
            number = rng.randrange(4)
            tasks[number].cancel()
            await asyncio.gather(tasks[number], return_exceptions=True)
            tasks[number] = asyncio.create_task(all_of[number].run())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await kube.close()
    assert led


async def test_aggregators_divide_the_shares_and_take_over_what_another_held(api: ApiDouble) -> None:
    kube = Kube(api.base, timeout=60.0, pause=0.001)
    made = [Shares(kube, "waf-system", "f", f"host{n}:1", 6, seconds=LOST) for n in range(3)]
    tasks = [asyncio.create_task(each.run()) for each in made]
    await until(lambda: sum(each.held for each in made) == 6)
    assert all(each.held >= 1 for each in made), "whoever holds fewer is quicker"
    keys = [Key("shop", f"w{n}") for n in range(200)]
    assert {share_of(key, 6) for key in keys} == set(range(6))

    def led() -> bool:
        """Every workload by somebody; by two never."""
        counts = {sum(each.leads(key) for each in made) for key in keys}
        assert counts <= {0, 1}
        return counts == {1}

    await until(led)
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
    await until(lambda: sum(each.held for each in made[1:]) == 6 and led())
    leases = {key.partition("/")[2] for place, key in api.objects if place.endswith("leases")}
    assert leases == {lease_of("f", n) for n in range(6)} == {"f", *(f"f-{n}" for n in range(1, 6))}
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await kube.close()


async def test_two_hundred_replicas_converge_on_one_whole_version(
    replica: Replica, api: ApiDouble, tmp_path: Path
) -> None:
    """While versions change all the time, no replica ever reads a profile that was not compiled as it is."""
    clients = [
        FleetClient(
            replica.address, "web", token_file=pod_token(api, tmp_path, f"p{n}"), scheme="http", timeout=60
        )
        for n in range(200)
    ]

    async def learn(number: int, client: FleetClient) -> None:
        for turn in (1, 2):
            await client.push(bag(**{f"n{number}": 1}), at(turn))
            pulled = await client.pull()
            if pulled is not None:
                held = msgspec.json.decode(pulled.profile)
                assert pulled.version == f"v{sum(held.values())}-{len(held)}"

    gate = asyncio.Semaphore(20)

    async def gated(number: int, client: FleetClient) -> None:
        async with gate:
            for left in reversed(range(5)):
                try:
                    await learn(number, client)
                    return
                except FleetError as error:
                    if not left or error.refused:
                        raise
                    await asyncio.sleep(0.05)

    await asyncio.gather(*(gated(n, client) for n, client in enumerate(clients)))
    await until(lambda: SHOP in replica.aggregator._held and not replica.aggregator._held[SHOP].dirty)
    pulled = [await client.pull() for client in clients]
    assert {p.version for p in pulled if p is not None} == {"v400-200"}
    assert None not in pulled
    for client in clients:
        await client.close()


# ------------------------------------------------------------------------------------------ the store


async def test_a_long_blob_is_cut_and_old_shards_go(api: ApiDouble, kube: Kube) -> None:
    store = Store(kube, "waf-system")
    long = random.Random(1).randbytes(1_700_000)
    version = await store.write(SHOP, Version({"state": long, "profile": b"p"}, {"version": "1"}), "")
    assert sum("waf-profile" in key for _, key in api.objects) == 1 + 3 + 1
    found = await store.read(SHOP)
    assert found is not None
    assert found[0].blobs == {"state": long, "profile": b"p"}
    assert found[1] == version
    await store.write(SHOP, Version({"state": b"short", "profile": b"p"}), version)
    assert sum("waf-profile" in key for _, key in api.objects) == 1 + 1 + 1
    with pytest.raises(Conflict):
        await store.write(SHOP, Version({"state": b"late"}), version)


async def test_a_writer_that_dies_between_shards_and_index_changes_nothing(
    api: ApiDouble, kube: Kube
) -> None:
    store = Store(kube, "waf-system")
    version = await store.write(SHOP, Version({"state": b"one"}), "")
    api.fail = lambda request: status(403, "No") if request.method == "PUT" else None
    with pytest.raises(ApiError):
        await store.write(SHOP, Version({"state": b"two"}), version)
    found = await store.read(SHOP)
    assert found is not None
    assert found[0].blobs == {"state": b"one"}
    api.fail = lambda request: None
    assert await store.sweep(1.0) == 0, "a shard that may still be waiting for its index"
    assert await store.sweep(4e9) == 1
    assert await store.sweep(4e9) == 0


async def test_damage_is_told(api: ApiDouble, kube: Kube) -> None:
    store = Store(kube, "waf-system")
    await store.write(SHOP, Version({"state": b"one"}), "")
    shard = next(key for _, key in api.objects if key.count("-") == 4)
    await kube.patch(f"{MAPS}/{shard.partition('/')[2]}", {"binaryData": {"data": "AAAA"}})
    with pytest.raises(Damaged):
        await store.read(SHOP)
    await kube.delete(f"{MAPS}/{shard.partition('/')[2]}")
    with pytest.raises(Damaged, match="missing"):
        await store.read(SHOP)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=5000))
def test_what_is_split_can_be_joined(blob: bytes) -> None:
    import hashlib

    pieces = shards.split(blob)
    assert shards.join(pieces, hashlib.sha256(blob).hexdigest()) == blob
    assert shards.split(blob) == pieces
    with pytest.raises(Damaged):
        shards.join([*pieces[:-1], pieces[-1][:-9]], hashlib.sha256(blob + b"x").hexdigest())


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MAX_STATE", 1000)
    with pytest.raises(Damaged):
        shards.join(shards.split(b"0" * 100_000), "x")


def test_senders_are_remembered_boundedly() -> None:
    senders = Senders()
    for number in range(MOST + 10):
        senders.note(f"s{number}", "e", 1)
    assert len(senders) == MOST
    assert not senders.takes(f"s{MOST}", "e", 1)
    assert senders.takes(f"s{MOST}", "e", 2)
    assert senders.takes(f"s{MOST}", "f", 1)
    assert senders.takes("s0", "e", 1)
    assert Senders(senders.entries()).entries() == senders.entries()


# ------------------------------------------------------------------------------------------ copies


async def test_copies_are_made_put_right_and_never_laid_over_anothers(
    api: ApiDouble, kube: Kube, log: Log
) -> None:
    labelled = {"labels": {"waf.sidecar/inject": "true"}}
    namespaces = {
        "shop": labelled,
        "theirs": labelled,
        "plain": {},
        "kube-system": labelled,
        "waf-system": labelled,
    }
    assert wanting(namespaces, "waf-system") == ["shop", "theirs"]
    await api.put(
        "/api/v1/namespaces/theirs/configmaps", {"metadata": {"name": "waf-cluster"}, "data": {"k": "own"}}
    )
    copies = {"waf-cluster": {"waf.yaml": "mode: monitor\n"}}
    assert await spread(kube, wanting(namespaces, "waf-system"), copies, log) == 1
    assert await spread(kube, wanting(namespaces, "waf-system"), copies, log) == 0
    assert api.get("/api/v1/namespaces/theirs/configmaps", "waf-cluster")["data"] == {"k": "own"}
    await kube.patch("/api/v1/namespaces/shop/configmaps/waf-cluster", {"data": {"waf.yaml": "mode: off\n"}})
    assert await spread(kube, ["shop"], copies, log) == 1
    assert api.get("/api/v1/namespaces/shop/configmaps", "waf-cluster")["data"] == copies["waf-cluster"]
