"""What a learned profile costs a request, and what it takes of memory.

    python -m bench.profile_cost [--rounds 5] [--no-memory] [--compiled] [--results] [--check]

For requests of each kind of `bench.cases` a profile is learned from 2,000 of them, all of it protected; then others are
judged (`Policy.plan` and `admit`, signatures and all) by a policy with that profile and by one without, in turns: the
difference is what the profile costs. One check alone (`Profile.check`, no fields made before) is timed request by request
for its 99th percentile, as is one of ten parameters. All times are CPU of this thread. Then 20,000 parameters at 200
endpoints, each seen thirty times: what the learning state takes, which `profiles.memory` bounds; with `--compiled` (for
minutes) also the constraints that come of it, and the compiled profile. `--check` exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.cases import MAKERS
from bench.figures import replace_section
from waf.config.schema import Limits, Profiles
from waf.http1.parse import request_head
from waf.inspect.reading import Reading, read
from waf.model import Admitted, Exchange, Field, Part, Peer, Request
from waf.policy.policy import Policy
from waf.profiles.check import Profile
from waf.profiles.constraints import Stage
from waf.profiles.findings import shape_mask
from waf.profiles.learner import Learner
from waf.profiles.observe import HOUR, Observation, Sources

KEY: Final = b"bench" * 6
START: Final = 1_000_000 * HOUR
LIMITS: Final = Limits()
SOURCES: Final = Sources(KEY)
LEARNED, JUDGED = 2_000, 400
TEN: Final = "GET, 10 parameters"
AGAINST: Final = "the same, two against the profile"
TITLES: Final = {"get": "GET, 5 parameters", "form": "POST form, 6 fields", "json-2k": "POST JSON 2 KB"}
MEMORY: Final = "MB at 20,000 parameters, each seen thirty times"

BARS: Final = {
    MEMORY: ("<=", 32),
    "check of ten parameters, typically: µs": ("<=", 10),
    "check of ten parameters, p99: µs": ("<=", 50),
}


class Cost(NamedTuple):
    """Microseconds of CPU. `added` is what the profile adds to judging a request, None where that is not measured."""

    added: float | None
    middle: float
    p99: float
    conforming: float  # share of the requests


class Message(NamedTuple):
    request: Request
    body: bytes

    @property
    def content_type(self) -> bytes:
        return self.request.headers.get(b"content-type") or b""

    def reading(self) -> Reading:
        return read(self.request, self.body, LIMITS, shape_mask)


def messages(make: Callable[[random.Random], bytes], count: int, seed: int) -> list[Message]:
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        head, _, body = make(rng).partition(b"\r\n\r\n")
        made.append(Message(request_head(head + b"\r\n\r\n", LIMITS), body))
    return made


def ten_parameters(rng: random.Random) -> bytes:
    word = "".join(rng.choices("abcdefghijklm", k=8))
    query = (
        f"id={rng.randrange(10**5)}&page={rng.randrange(50)}&sort={rng.choice(('asc', 'desc'))}&q={word}+{word[:4]}"
        f"&name={word.title()}&ref={rng.getrandbits(128):032x}&day=2024-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}"
        f"&mail={word}@example.com&flag=true&price={rng.randrange(999)}.50"
    )
    cookie = f"{rng.getrandbits(128):032x}"
    return f"GET /shop/search?{query} HTTP/1.1\r\nhost: app\r\ncookie: sid={cookie}\r\n\r\n".encode()


def against(rng: random.Random) -> bytes:
    """The like that goes against the profile in two parameters, so that fields are made and findings written."""
    return ten_parameters(rng).replace(b"&sort=", b"&sort=up'", 1).replace(b"?id=", b"?id=1%20or%201=", 1)


def learned(train: Sequence[Message]) -> Profile:
    """What a trusted source taught, all of it protected."""
    made = Learner(Profiles(mode="protect"), KEY)
    for number, message in enumerate(train):
        reading = message.reading()
        fields = [*reading.target, *reading.cookies, *reading.body_fields()]
        observation = Observation(
            method=message.request.method, path=message.request.path, fields=fields, source=1, wall=START + number,
            status=200, content_type=message.content_type, trusted=True,
        )  # fmt: skip
        made.observe(observation, START + number)
    return finished(made)


def finished(made: Learner) -> Profile:
    made.advance(START + 73 * HOUR)
    made.book.promote("* *", Stage.PROTECT, START)
    return made.profile()


def checks(profile: Profile, test: Sequence[Message], rounds: int) -> Cost:
    """One check at a time, of requests of which no fields were made."""
    spent, conforming = [], 0
    clock = time.thread_time_ns
    empty = min(-clock() + clock() for _ in range(1_000))
    for turn in range(rounds + 1):
        for message in test:
            reading, content_type = message.reading(), message.content_type
            began = clock()
            check = profile.check(message.request, reading, content_type)
            took = clock() - began - empty
            if turn:  # the first round warms up
                spent.append(took / 1_000)
                conforming += not check.findings
    spent.sort()
    return Cost(
        None, statistics.median(spent), spent[int(len(spent) * 0.99)], conforming / (rounds * len(test))
    )


def judged(policy: Policy, test: Sequence[Message]) -> float:
    """Microseconds to judge one request."""
    peer = Peer("127.0.0.1", 40_000, "127.0.0.1", "http")
    began = time.thread_time()
    for request, body in test:
        one = Exchange("0123456789abcdef", peer, 1.0, 1.7e9)
        one.request = request
        policy.plan(one, 1.0)
        if not isinstance(policy.admit(one, body, 1.0), Admitted):
            raise TypeError(f"refused: {one.verdict}")
    return (time.thread_time() - began) / len(test) * 1e6


Policies = Callable[[Profile | None], Policy]


def cost_of(make: Callable[[random.Random], bytes], policies: Policies, rounds: int) -> Cost:
    profile = learned(messages(make, LEARNED, 1))
    test = messages(make, JUDGED, 2)
    alone = checks(profile, test, rounds)
    fine = [m for m in test if not profile.check(m.request, m.reading(), m.content_type).findings]
    with_it, without = policies(profile), policies(None)
    differences = []
    for turn in range(2 * rounds + 2):  # more than the first look warms up: what came is remembered
        with_profile, bare = judged(with_it, fine), judged(without, fine)
        if turn > 1:
            differences.append(with_profile - bare)
    return alone._replace(added=statistics.median(differences))


def policies(cache: str) -> Policies:
    """Makes policies with default rules that protect, with a profile or without."""
    from waf.assembly import Files, build, keep

    files = Files(options={"mode": "protect", "cache_dir": cache, "profiles.mode": "protect"})

    def made(profile: Profile | None) -> Policy:
        kept = keep(files.load().config, {})
        kept.profile = profile
        return build(files, kept).policy

    return made


def measure_cost(rounds: int, results: dict[str, float]) -> dict[str, Cost]:
    profile = learned(messages(ten_parameters, 3_000, 1))
    costs = {
        TEN: checks(profile, messages(ten_parameters, 2_000, 2), rounds),
        AGAINST: checks(profile, messages(against, 2_000, 2), rounds),
    }
    with tempfile.TemporaryDirectory(prefix="waf-cost-") as cache:
        made = policies(cache)
        for name, title in TITLES.items():
            costs[title] = cost_of(MAKERS[name], made, rounds)
    results["check of ten parameters, typically: µs"] = costs[TEN].middle
    results["check of ten parameters, p99: µs"] = costs[TEN].p99
    return costs


# ------------------------------------------------------------------------------------------------ memory


def teach_many(made: Learner, turn: int, rng: random.Random) -> None:
    """One look at each of 20,000 parameters at 200 endpoints."""
    letters = "abcdefghijklmnop"
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: b"%d" % rng.randrange(10**6),
        lambda: rng.choice((b"on", b"off", b"auto")),
        lambda: "".join(rng.choices(letters + " .,-'!", k=rng.randrange(5, 40))).encode(),
        lambda: b"%032x" % rng.getrandbits(128),
        lambda: "".join(rng.choices(letters, k=rng.randrange(4, 12))).encode(),
    )
    for place in range(200):
        fields = [Field(Part.FORM, f"field{n}", kinds[n % 5]()) for n in range(100)]
        path = f"/area{place % 8}/page{place}x".encode()
        source = SOURCES.of(f"10.{rng.randrange(250)}.0.1")
        wall = START + turn * HOUR
        observation = Observation(
            method=b"POST", path=path, fields=fields, source=source, wall=wall, status=200
        )
        made.observe(observation, wall)


def measure_memory(results: dict[str, float], *, compiled: bool) -> dict[str, float]:
    """MB by what they are for; `compiled` says whether all of it."""
    rng = random.Random(7)
    taught = Learner(Profiles(mode="protect"), KEY)
    for turn in range(29):
        teach_many(taught, turn, rng)
    kept = taught.dump()
    del taught
    gc.collect()
    tracemalloc.start()  # only now: with it, teaching takes minutes

    def used() -> float:
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / 2**20

    before = tracemalloc.get_traced_memory()[0]
    made = Learner(Profiles(mode="protect"), KEY)
    made.load(kept)
    tracemalloc.reset_peak()
    teach_many(made, 29, rng)
    results[MEMORY] = (tracemalloc.get_traced_memory()[1] - before) / 2**20
    sizes = {"learning state": used(), "state at most, while it learns": results[MEMORY]}
    if compiled:
        made.advance(START + 73 * HOUR)
        sizes["constraints and their stages"] = used() - sizes["learning state"]
        so_far = used()
        made.book.promote("* *", Stage.PROTECT, START)
        profile = made.profile()
        sizes["compiled profile"] = used() - so_far
        sizes["constraints"] = len(made.book.entries)
        del profile
    tracemalloc.stop()
    sizes["file"] = len(kept) / 2**20
    return sizes


def told(results: dict[str, float], bars: dict[str, Any]) -> bool:
    """Print each bar; true if all are kept."""
    print()
    kept = True
    for name, (sign, bar) in bars.items():
        if name in results:
            fine = results[name] >= bar if sign == ">=" else results[name] <= bar
            kept = kept and fine
            print(f"{'kept  ' if fine else 'MISSED'} {name}: {results[name]:.5g} (bar {sign} {bar})")
    return kept


def table(costs: dict[str, Cost], sizes: dict[str, float]) -> str:
    lines = [
        "| µs of CPU | added to judging | one check | p99 of a check | conforming |",
        "|---|---:|---:|---:|---:|",
    ]
    for title, cost in costs.items():
        added = "" if cost.added is None else f"{cost.added:.1f}"
        lines.append(f"| {title} | {added} | {cost.middle:.1f} | {cost.p99:.1f} | {cost.conforming:.1%} |")
    if sizes:
        lines += ["", "| 20,000 parameters | MB |", "|---|---:|"]
        lines += [f"| {name} | {size:.1f} |" for name, size in sizes.items() if name != "constraints"]
        if "constraints" in sizes:
            lines += ["", f"They make {sizes['constraints']:,.0f} constraints."]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.profile_cost",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-memory", action="store_true", help="only what checks cost")
    parser.add_argument("--compiled", action="store_true", help="memory of constraints and profile as well")
    parser.add_argument("--results", action="store_true", help="write the tables into RESULTS.md")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    options = parser.parse_args(arguments)
    results: dict[str, float] = {}
    costs = measure_cost(options.rounds, results)
    sizes = {} if options.no_memory else measure_memory(results, compiled=options.compiled)
    text = table(costs, sizes)
    print(text)
    if options.results:
        about = "`python -m bench.profile_cost --results`; a check is one of `Profile.check`, no fields made before.\n\n"
        path = Path(__file__).resolve().parent / "RESULTS.md"
        replace_section(path, "profile-cost", "What a learned profile costs", about + text)
    return 0 if told(results, BARS) or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
