"""How well profiles are learned: detection, false alarms, poison, merging, memory, and what a check costs.

    python -m bench.profiles --proxy …     # through a running sidecar, see bench.profiles_proxy
    python -m bench.profiles [--seeds 3] [--styles shop,rest,json,cms] [--quick] [--misses] [--check]

Applications, users and attacks come from `bench.profile_apps`; the users that are measured are others than those
that are learned from. Requests go through the very parser and reader of the data path; signatures are off. For each
application two ways of learning are measured: a *replay* (one trusted source, requests as witnesses) and a *crowd*
(400 users over 72 hours, every floor as by default but the day of staging). `--check` exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from bench import profile_cost
from bench.corpora.payloads import payload
from bench.profile_apps import STYLES, Sent, body_of, traffic
from bench.profile_cost import KEY, SOURCES, START, finished, told
from bench.profile_enemies import attacks
from bench.profile_held_out import HELD_OUT, app_of
from waf.config.schema import Limits, Profiles
from waf.errors import ClientFault
from waf.http1.parse import request_head
from waf.inspect.reading import Reading, read
from waf.model import Field, Request
from waf.profiles.check import Profile
from waf.profiles.findings import shape_mask
from waf.profiles.learner import Learner
from waf.profiles.observe import HOUR, Observation

LIMITS: Final = Limits()
TRAIN, TEST, ATTACKS, SMALL = 28_800, 7_200, 2_500, 3_600
POISON: Final = 0.01

BARS: Final = {
    "form shop, 28,800 learned: detection": (">=", 0.985),
    "form shop, 28,800 learned: false alarms": ("<=", 0.0005),
    "form shop, 3,600 learned: detection": (">=", 0.95),
    "form shop, 3,600 learned: false alarms": ("<=", 0.0005),
    "poison of 1 % from two sources: points lost": ("<=", 0.5),
    "four replicas: other verdicts than one": ("<=", 0),
    **profile_cost.BARS,
}


class Seen(msgspec.Struct, frozen=True):
    """One request as the policy reads it."""

    sent: Sent
    request: Request
    reading: Reading

    @property
    def content_type(self) -> bytes:
        return self.request.headers.get(b"content-type") or b""

    @property
    def fields(self) -> list[Field]:
        return [*self.reading.target, *self.reading.cookies, *self.reading.body_fields()]


def reads(sent: Sequence[Sent]) -> list[Seen]:
    """What of `sent` our parser accepts; the rest never reaches a profile."""
    result = []
    for each in sent:
        body, content_type = body_of(each)
        cookies = "; ".join(f"{name}={value}" for name, value in each.cookies)
        lines = [
            f"{each.method} {each.target} HTTP/1.1",
            "host: app",
            "user-agent: bench",
            f"cookie: {cookies}",
        ]
        if body:
            lines += [f"content-type: {content_type.decode()}", f"content-length: {len(body)}"]
        try:
            request = request_head(("\r\n".join(lines) + "\r\n\r\n").encode(), LIMITS)
        except ClientFault:
            continue
        reading = read(request, body, LIMITS, shape_mask)
        result.append(Seen(each, request, reading))
    return result


class Data(msgspec.Struct, frozen=True):
    train: list[Seen]
    test: list[Seen]
    attacks: list[Seen]
    poison: list[Seen]


def data_of(seed: int, style: str) -> Data:
    app = app_of(seed, style)
    bad, worse = [], []
    for number in range(2_000, 2_025):
        bad += attacks(app, app.user(number), ATTACKS // 25, payload)
    for number in range(3_000, 3_010):
        worse += attacks(app, app.user(number), 60, payload)
    train = traffic(app, range(400), TRAIN, 72, seed)
    test = traffic(app, range(1_000, 1_200), TEST, 24, seed + 1)
    return Data(reads(train), reads(test), reads(bad), reads(worse))


def learner(epsilon: float = 0.002) -> Learner:
    return Learner(Profiles(mode="protect", epsilon=epsilon), KEY)


def observe(made: Learner, seen: Seen, number: int, *, trusted: bool) -> None:
    user = seen.sent.user
    wall = START + seen.sent.hour * HOUR + number * 0.001
    made.observe(
        Observation(
            method=seen.request.method,
            path=seen.request.path,
            fields=seen.fields,
            source=SOURCES.of("127.0.0.1" if trusted else f"10.{user // 250}.{user % 250}.1"),
            wall=wall,
            status=200,
            content_type=seen.content_type,
            trusted=trusted,
        ),
        wall,
    )


def learn(train: Iterable[Seen], *, trusted: bool, epsilon: float = 0.002) -> Profile:
    """The profile after `train`, every closed constraint protected."""
    made = learner(epsilon)
    for number, seen in enumerate(train):
        observe(made, seen, number, trusted=trusted)
    return finished(made)


def refuses(profile: Profile, seen: Seen) -> bool:
    check = profile.check(seen.request, seen.reading, seen.content_type)
    return any(finding.enforced for finding in check.findings)


def rates(profile: Profile, data: Data, missed: Counter[str]) -> tuple[float, float]:
    """Share of attacks refused, share of normal requests refused."""
    caught = 0
    for seen in data.attacks:
        if refuses(profile, seen):
            caught += 1
        else:
            missed[seen.sent.attack.split()[0]] += 1
    return caught / len(data.attacks), sum(refuses(profile, seen) for seen in data.test) / len(data.test)


# ------------------------------------------------------------------------------------------- the measures


def measure_detection(styles: Sequence[str], seeds: int, results: dict[str, float], misses: bool) -> None:
    ways = (
        ("28,800 learned, replay", TRAIN, True, 0.002),
        ("28,800 learned, crowd", TRAIN, False, 0.002),
        ("3,600 learned, replay", SMALL, True, 0.002),
        ("3,600 learned, quick", SMALL, True, 0.02),
    )
    for style in styles:
        sums: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        missed: Counter[str] = Counter()
        lost = []
        for seed in range(seeds):
            data = data_of(seed, style)
            small = random.Random(seed).sample(data.train, SMALL)
            for name, count, trusted, epsilon in ways:
                profile = learn(data.train if count == TRAIN else small, trusted=trusted, epsilon=epsilon)
                sums[name].append(rates(profile, data, missed))
            if style == "shop":
                lost.append(
                    [points_lost(data, sources, sums["28,800 learned, crowd"][-1][0]) for sources in (2, 20)]
                )
        for name, found in sums.items():
            detection = sum(rate for rate, _ in found) / seeds
            alarms = sum(rate for _, rate in found) / seeds
            worst = min(rate for rate, _ in found)
            print(
                f"{style:5} {name:24} detection {detection:.4f} (least {worst:.4f})   false alarms {alarms:.5f}"
            )
            if style == "shop" and "crowd" not in name:
                label = name.replace(", replay", "")
                results[f"form shop, {label}: detection"] = detection
                results[f"form shop, {label}: false alarms"] = alarms
        for index, sources in enumerate(("two", "twenty")):
            if lost:
                points = sum(each[index] for each in lost) / len(lost)
                results[f"poison of 1 % from {sources} sources: points lost"] = points
                print(f"{style:5} 1 % poison from {sources} sources: {points:.2f} points of detection lost")
        if misses:
            print("      missed:", dict(missed.most_common()))


def points_lost(data: Data, sources: int, clean: float) -> float:
    """Points of detection lost where 1 % of the lessons of a crowd are attacks from so many sources."""
    rng = random.Random(sources)
    poisoned = list(data.train)
    for index in rng.sample(range(len(poisoned)), int(POISON * len(poisoned))):
        bad = rng.choice(data.poison)
        sent = msgspec.structs.replace(
            bad.sent, user=5_000 + 250 * rng.randrange(sources), hour=poisoned[index].sent.hour
        )
        poisoned[index] = msgspec.structs.replace(bad, sent=sent)
    return 100 * (clean - rates(learn(poisoned, trusted=False), data, Counter())[0])


def measure_merge(results: dict[str, float]) -> None:
    """Four replicas that saw a quarter each, merged, against one that saw it all."""
    different = 0
    for style in STYLES:
        data = data_of(0, style)
        one, four, whole = learner(), [learner() for _ in range(4)], learner()
        for number, seen in enumerate(data.train):
            observe(one, seen, number, trusted=False)
            observe(four[number % 4], seen, number, trusted=False)
        for each in four:
            whole.merge(each)
        alone, together = finished(one), finished(whole)
        for seen in [*data.test, *data.attacks]:
            different += refuses(alone, seen) != refuses(together, seen)
    results["four replicas: other verdicts than one"] = different
    print(f"four replicas: {different} verdicts differ from those of one")


def measure_price(results: dict[str, float]) -> None:
    """What a check costs, and memory at 20,000 parameters; `bench.profile_cost` tells more of both."""
    costs = profile_cost.measure_cost(3, results)
    print(profile_cost.table(costs, profile_cost.measure_memory(results, compiled=False)))


def main() -> int:
    if "--proxy" in sys.argv:
        from bench import profiles_proxy

        sys.argv.remove("--proxy")
        return profiles_proxy.main()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--proxy", action="store_true", help="through a running sidecar: bench.profiles_proxy and its options"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--styles", default=",".join((*STYLES, *HELD_OUT)))
    parser.add_argument("--quick", action="store_true", help="one form shop, one seed")
    parser.add_argument("--misses", action="store_true", help="tell which kinds of attack got through")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    options = parser.parse_args()
    styles = ["shop"] if options.quick else options.styles.split(",")
    results: dict[str, float] = {}
    measure_price(results)
    measure_detection(styles, 1 if options.quick else options.seeds, results, options.misses)
    if not options.quick:
        measure_merge(results)
    return 0 if told(results, BARS) or not options.check else 1


if __name__ == "__main__":
    sys.exit(main())
