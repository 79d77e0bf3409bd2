"""A rollout of many replicas against real aggregators: how long until all enforce one version, what killed leaders and
replicas cost, and what a push costs the leader. Two aggregator processes over the API double, TLS, real deltas.

    python -m bench.fleet [--replicas 200] [--kills 3] [--results]

Each replica is a membership and a learner as in a sidecar, all of them in this process; their traffic is their own: of
a few hundred endpoints every replica sees a different dozen.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from bench.figures import replace_section
from tests.kube.api_double import ApiDouble
from tests.kube.fleet_rig import LEARNING, Fleet, eventually
from waf.config.schema import Config, Profiles
from waf.kube.fleet.client import FleetClient
from waf.kube.fleet.member import Member
from waf.kube.fleet.shards import name_of, read_index
from waf.kube.fleet.terms import Key, Report
from waf.memory import Memory
from waf.model import Field, Part
from waf.profiles.book import Book
from waf.profiles.compile import version_of
from waf.profiles.observe import Observation
from waf.record.log import Log

BAR: Final = 60.0  # seconds until all agree
EVERY: Final = float(Config().fleet.every)  # seconds between two pushes of a replica
THINGS: Final = ("orders", "items", "carts", "users", "invoices", "payments", "stores", "vendors", "coupons", "reviews",
                 "shipments", "returns", "wishes", "brands", "prices", "stocks", "labels", "images", "events", "tickets")  # fmt: skip
DOINGS: Final = (
    "list",
    "find",
    "count",
    "export",
    "latest",
    "summary",
    "history",
    "options",
    "filters",
    "totals",
)
ENDPOINTS: Final = len(THINGS) * len(DOINGS)
OF_EACH: Final = 12  # endpoints that one replica sees
REQUESTS: Final = 40  # that a replica learns from between two pushes
BOOKS: Final[dict[bytes, str]] = {}  # every profile that was pulled, and the version of its content
RESULTS: Final = Path(__file__).with_name("RESULTS.md")
CONFIG: Final = Profiles(**LEARNING)  # type: ignore[arg-type]


class Replica:
    """A sidecar without its proxy: the learner, and the membership over it."""

    def __init__(self, fleet: Fleet, directory: Path, number: int, port: int) -> None:
        self.name = f"pod-{number}"
        fleet.admit(self.name)
        self.memory = Memory("", CONFIG, b"", self.name, teaches=True)
        self._random = random.Random(number)
        self._places = self._random.sample(range(ENDPOINTS), OF_EACH)
        self._fleet, self._directory, self._port = fleet, directory, port
        self.learned = 0
        self.profile = b""
        self.member = self._member()

    def _member(self, kept: bytes = b"") -> Member:
        client = FleetClient(
            f"localhost:{self._port}", "web", token_file=self._directory / f"{self.name}.token",
            ca_file=self._directory / "ca.crt",
        )  # fmt: skip
        return Member(
            client, lambda version: Report(version, "discover", "monitor"), Log(lambda line: None),
            every=EVERY, kept=kept, keep=self._keep, rng=self._random,
        )  # fmt: skip

    def _keep(self, data: bytes) -> None:
        self.kept = data

    @property
    def whole(self) -> bool:
        """Whether the profile that it has is the one that its version names."""
        return BOOKS[self.profile] == self.member.version

    async def start(self) -> None:
        await self.member.join(self, patience=30)
        self.member.start()

    async def die(self) -> int:
        """Without a word; gives how many requests were not stored anywhere but here: the most that can be lost."""
        told = self.member
        if told._task is not None:
            told._task.cancel()
            await asyncio.gather(told._task, return_exceptions=True)
        await told._client.close()
        lost = self.untold + sum(_requests_in(delta) for _, delta in told._outbox)
        self.memory = Memory("", CONFIG, told.key, self.name, teaches=True)
        self.member = self._member(self.kept)
        return lost

    @property
    def untold(self) -> int:
        """Requests learned from since the last cut."""
        return int(self.memory.learner._fresh.common.n)

    @property
    def settled(self) -> bool:
        return not self.untold and not self.member._outbox

    def learn(self, count: int = REQUESTS) -> None:
        now = time.time()
        for _ in range(count):
            place = self._random.choice(self._places)
            fields = [
                Field(Part.ARG, f"arg{place % 7}", str(self._random.randrange(10**6)).encode()),
                Field(Part.ARG, "sort", self._random.choice([b"asc", b"desc"])),
                Field(Part.ARG, "q", self._random.randbytes(6).hex().encode()),
            ]
            self.memory.learner.observe(
                Observation(
                    method=b"GET", path=f"/api/{THINGS[place // 10]}/{DOINGS[place % 10]}".encode(), fields=fields,
                    source=self._random.getrandbits(60), wall=now, status=200,
                ),
                now,
            )  # fmt: skip
            self.learned += 1

    # what a membership asks of a learner

    async def cut(self) -> tuple[int, bytes] | None:
        return self.memory.cut()

    async def follow(self, profile: bytes) -> None:
        self.profile = profile
        # Two hundred sidecars have as many processes to read it in; here each whole text is read once.
        if profile not in BOOKS:
            book = Book.load(profile)
            BOOKS[profile] = version_of(book.all_places(), book.constraints())

    async def rekey(self, key: bytes) -> None:
        self.memory.rekey(key)

    def set_mode(self, mode: str) -> None: ...


def _requests_in(delta: bytes) -> int:
    from waf.profiles import store
    from waf.profiles.merge import Delta

    return int(store.load(Delta.unpack(delta).state, int(CONFIG.memory)).common.n)


def stored(api: ApiDouble) -> dict[str, Any]:
    """What the index of the workload says: version and figures."""
    thing = api.get("/api/v1/namespaces/waf-system/configmaps", name_of(Key("shop", "web")))
    return read_index(thing).facts


class Outcome(msgspec.Struct, frozen=True):
    converged: float  # seconds from the last request to one version everywhere
    risked: int  # requests of killed replicas that were stored nowhere else
    lost: int  # requests that nobody knows of in the end
    learned: int
    leader_cpu: float  # milliseconds of the leader for each push
    leader_memory: float  # MiB
    delta: float  # bytes of a push, on average
    profile: int  # bytes that a replica pulls
    again: float  # seconds from the killing of a leader to a push that another took


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _resident(pid: int) -> float:
    line = next(ln for ln in Path(f"/proc/{pid}/status").read_text().splitlines() if ln.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


async def measure(replicas: int, kills: int) -> Outcome:
    rng = random.Random(5)
    with tempfile.TemporaryDirectory() as directory:
        api = ApiDouble()
        await api.start()
        fleet = Fleet(api, Path(directory), every=EVERY)
        made: list[Replica] = []
        try:
            await fleet.start()
            ports = [each.port for each in fleet.aggregators]
            made = [Replica(fleet, Path(directory), n, ports[n % 2]) for n in range(replicas)]
            await asyncio.gather(*(each.start() for each in made))
            for each in made:
                each.learn()
            lost, again = 0, 0.0
            leader = fleet.leader
            began, pushed = _cpu(leader.pid), sum(each.member.pushed for each in made)
            await asyncio.sleep(EVERY * 1.5)
            pushes = sum(each.member.pushed for each in made) - pushed
            cost = (_cpu(leader.pid) - began) / max(1, pushes) * 1000
            for _ in range(kills):
                for each in made:
                    each.learn(5)
                await asyncio.sleep(rng.uniform(0.2, 1.0) * EVERY)
                leader = fleet.leader
                await leader.end(signal.SIGKILL)
                killed = time.monotonic()
                for victim in rng.sample(made, max(1, replicas // 40)):
                    lost += await victim.die()
                    await victim.start()
                await eventually(lambda former=leader: fleet.leader is not former)  # type: ignore[misc]
                await leader.start()
                again = max(again, time.monotonic() - killed)
            for each in made:
                each.learn(5)
            end = time.monotonic()
            learned = sum(each.learned for each in made)
            while time.monotonic() - end < 2 * BAR:
                versions = {each.member.version for each in made}
                if versions == {stored(api)["version"]} and all(each.settled and each.whole for each in made):
                    break
                await asyncio.sleep(0.1)
            converged = time.monotonic() - end
            leader = fleet.leader
            pushed_bytes = [len(each.memory.cut()[1]) for each in made if not each.learn(REQUESTS)]  # type: ignore[index]
            return Outcome(
                converged, lost, learned - int(stored(api)["requests"]), learned, cost, _resident(leader.pid),
                sum(pushed_bytes) / len(pushed_bytes), len(made[0].profile), again,
            )  # fmt: skip
        finally:
            await asyncio.gather(*(each.die() for each in made))
            await fleet.stop()
            await api.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, default=200)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--results", action="store_true", help="write them into bench/RESULTS.md")
    given = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8 * given.replicas)), hard))
    got = uvloop.run(measure(given.replicas, given.kills))
    lines = [
        f"{given.replicas} replicas, {ENDPOINTS} endpoints, {given.kills} killed leaders with "
        f"{max(1, given.replicas // 40)} replicas each; a push every {EVERY:g} s. `python -m bench.fleet --results`.",
        "",
        "| | |",
        "|---|---|",
        f"| until all enforce one version, s (bar {BAR:g}) | {got.converged:.1f} |",
        f"| until another leader took a push, s | {got.again:.1f} |",
        f"| requests learned from | {got.learned:,} |",
        f"| of them stored nowhere when their replica was killed | {got.risked:,} |",
        f"| lost in the end | {got.lost:,} |",
        f"| leader's CPU for a push, ms | {got.leader_cpu:.1f} |",
        f"| leader's resident memory at most, MiB | {got.leader_memory:.0f} |",
        f"| a delta of {REQUESTS} requests, bytes | {got.delta:,.0f} |",
        f"| the profile that is pulled, bytes | {got.profile:,} |",
    ]
    print("\n".join(lines))
    if given.results:
        replace_section(RESULTS, "fleet", "Learning across replicas", "\n".join(lines))
    return int(got.converged >= BAR or not 0 <= got.lost <= got.risked)


if __name__ == "__main__":
    sys.exit(main())
