"""Detection of learned profiles through the running proxy: learned by replay, promoted by itself, then attacked.

    python -m bench.profiles_proxy [--styles shop,rest,json,cms,forum,backend] [--seeds 2] [--quick] [--no-crowd]
                                   [--misses] [--results] [--check]

A sidecar in protect mode, signatures and the search for sensitive data off, is sent the normal requests of an
application from a trusted source, as fast as they go. Then the learned profile is asked to compile, as `waf profile
compile` does, and requests of other users and attacks are sent: an answer below 400 has passed. 28,800 requests are
learned with the default settings, then 3,600 with the default settings and with the quick ones of the documentation.

Then a crowd of 400 addresses teaches, none of them trusted (X-Forwarded-For from a trusted proxy): without and with
1 % of attacks from two and from twenty sources; and the same requests are learned by four replicas, whose state
directories `waf profile merge` brings together, twice. `--quick` is one shop learned from 3,600 requests alone.
`--check` exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench.corpora.payloads import payload
from bench.figures import replace_section
from bench.peers import SIDECAR_COMMAND, Peer, start_app, start_backend, start_sidecar
from bench.processes import cores
from bench.profile_apps import STYLES, Sent, body_of, traffic
from bench.profile_enemies import attacks
from bench.profile_held_out import HELD_OUT, app_of

HERE: Final = Path(__file__).resolve().parent
TRAIN, SMALL, TEST, ATTACKS = 28_800, 3_600, 7_200, 2_500
CONNECTIONS: Final = 8
POISON: Final = 0.01
SETTINGS: Final = """
signatures: {{enabled: false}}
sensitive: {{enabled: false}}
profiles:
  mode: protect
  trusted_sources: [127.0.0.0/8]
  epsilon: {epsilon}
"""
CROWD: Final = """
signatures: {{enabled: false}}
sensitive: {{enabled: false, key_file: {key}}}
profiles: {{mode: {mode}, hours: 1}}
"""
IN_FRONT: Final = "  trusted_proxies: [127.0.0.0/8]\n  trusted_hops: 1\n"
WAYS: Final = {"28,800": (TRAIN, 0.002), "3,600": (SMALL, 0.002), "3,600 (quick)": (SMALL, 0.02)}
BARS: Final = {
    "shop 28,800: detection": (">=", 0.985),
    "shop 28,800: false alarms": ("<=", 0.0005),
    "shop 3,600: detection": (">=", 0.95),
    "shop 3,600: false alarms": ("<=", 0.0005),
    "1 % poison from 2 sources: points lost": ("<=", 0.5),
    "four replicas merged: other verdicts than one": ("<=", 0),
}


class Outcome(NamedTuple):
    detection: float
    false_alarms: float
    learned: int
    dropped: int
    seconds: float
    missed: Counter[str]
    refused: list[Sent]
    statuses: list[int]


def message(sent: Sent, source: str = "") -> bytes:
    """The request on the wire, as a proxy in front passes it on that had it from `source`."""
    body, content_type = body_of(sent)
    cookies = "; ".join(f"{name}={value}" for name, value in sent.cookies)
    lines = [f"{sent.method} {sent.target} HTTP/1.1", "Host: app", "User-Agent: bench", f"Cookie: {cookies}"]
    if source:
        lines.append(f"X-Forwarded-For: {source}")
    if body or sent.method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    if body:
        lines.append(f"Content-Type: {content_type.decode()}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def statuses(port: int, messages: Sequence[bytes]) -> list[int]:
    """The status of the answer to each, in order; several connections at once."""
    results = [0] * len(messages)
    numbers = iter(range(len(messages)))

    async def run() -> None:
        reader = writer = None
        for number in numbers:
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert reader is not None
            writer.write(messages[number])
            head = await reader.readuntil(b"\r\n\r\n")
            results[number] = int(head[9:12])
            lower = head.lower()
            length = lower.partition(b"content-length:")[2].partition(b"\r\n")[0]
            if length:
                await reader.readexactly(int(length))
            if b"connection: close" in lower or not length:
                writer.close()
                writer = None
        if writer is not None:
            writer.close()

    await asyncio.gather(*(run() for _ in range(CONNECTIONS)))
    return results


def control(peer: Peer, path: str, body: object = None) -> dict[str, object]:
    data = None if body is None else msgspec.json.encode(body)
    with urllib.request.urlopen(f"http://127.0.0.1:{peer.control}{path}", data=data, timeout=120) as answer:
        found: dict[str, object] = msgspec.json.decode(answer.read())
        return found


class Data(NamedTuple):
    train: list[Sent]
    good: list[Sent]
    bad: list[Sent]
    poison: list[Sent]


def data_of(seed: int, style: str, count: int) -> Data:
    app = app_of(seed, style)
    bad: list[Sent] = []
    for number in range(2_000, 2_025):
        bad += attacks(app, app.user(number), ATTACKS // 25, payload)
    poison: list[Sent] = []
    for number in range(3_000, 3_010):
        poison += attacks(app, app.user(number), 60, payload)
    train = traffic(app, range(400), TRAIN, 72, seed)
    if count < TRAIN:
        train = random.Random(seed).sample(train, count)
    return Data(train, traffic(app, range(1_000, 1_200), TEST, 24, seed + 1), bad, poison)


def measure(directory: Path, upstream: int, style: str, seed: int, count: int, epsilon: float) -> Outcome:
    data = data_of(seed, style, count)
    more = SETTINGS.format(epsilon=epsilon)
    peer = start_sidecar(directory, cores(), upstream, more=more, cache=directory.parent / "cache")
    with peer.server:
        began = time.monotonic()
        asyncio.run(statuses(peer.port, [message(sent) for sent in data.train]))
        seconds = time.monotonic() - began
        control(peer, "/v1/profile", {"operation": "compile"})
        return judged(peer, data, seconds)


def judged(peer: Peer, data: Data, seconds: float = 0.0) -> Outcome:
    """What of the other users' requests and of the attacks a sidecar refuses that has learned."""
    learning = control(peer, "/v1/status")["learning"]
    assert isinstance(learning, dict)
    on_good = asyncio.run(statuses(peer.port, [message(sent) for sent in data.good]))
    on_bad = asyncio.run(statuses(peer.port, [message(sent) for sent in data.bad]))
    missed = Counter(s.attack.split()[0] for s, status in zip(data.bad, on_bad, strict=True) if status < 400)
    return Outcome(
        1 - missed.total() / len(data.bad),
        sum(status >= 400 for status in on_good) / len(data.good),
        learning["observed"],
        learning["dropped"],
        seconds,
        missed,
        [s for s, status in zip(data.good, on_good, strict=True) if status >= 400],
        [*on_good, *on_bad],
    )


def address(user: int) -> str:
    return f"10.{user // 250}.{user % 250}.1"


def crowd(directory: Path, upstream: int, mode: str = "protect") -> Peer:
    """A sidecar behind a proxy that tells it whom a request is from; its secret is that of its siblings."""
    directory.mkdir(parents=True, exist_ok=True)
    key = directory.parent / "key"
    key.write_bytes(b"bench" * 8)
    more = CROWD.format(key=key, mode=mode)
    return start_sidecar(
        directory, cores(), upstream, more=more, listen=IN_FRONT, cache=directory.parent / "cache"
    )


def taught(peer: Peer, messages: list[bytes]) -> None:
    asyncio.run(statuses(peer.port, messages))
    control(peer, "/v1/profile", {"operation": "compile"})


def measure_poison(directory: Path, upstream: int, seed: int) -> dict[int, Outcome]:
    """By the number of poisoners: how well the profile of a shop is learned in which 1 % of the lessons are attacks."""
    data = data_of(seed, "shop", TRAIN)
    found = {}
    for sources in (0, 2, 20):
        rng = random.Random(sources)
        messages = [message(sent, address(sent.user)) for sent in data.train]
        for index in rng.sample(range(TRAIN), int(POISON * TRAIN) if sources else 0):
            messages[index] = message(rng.choice(data.poison), address(5_000 + 250 * rng.randrange(sources)))
        # Nothing is refused while it is taught, so that all of the poison is heard.
        with (peer := crowd(directory / str(sources), upstream, "discover")).server:
            taught(peer, messages)
        with (peer := crowd(directory / str(sources), upstream)).server:
            control(peer, "/v1/profile", {"operation": "compile"})
            found[sources] = judged(peer, data)
    return found


def measure_merge(directory: Path, upstream: int, seed: int) -> tuple[int, int]:
    """How many verdicts differ between one sidecar that saw it all and four that saw a quarter each, merged.

    And between that one and another that saw it all as well. Each replica compiles profiles of its own while it learns; in
    `discover` nothing of these outlasts the merge.
    """
    data = data_of(seed, "shop", TRAIN)
    messages = [message(sent, address(sent.user)) for sent in data.train]
    verdicts = []
    for name, parts in (("one", 1), ("another", 1), ("four", 4)):
        places = [directory / f"{name}{part}" for part in range(parts)]
        for part, place in enumerate(places):
            with (peer := crowd(place, upstream, "discover")).server:
                taught(peer, messages[part::parts])
        for place in [*places[1:], *places[1:]]:  # to merge twice is to merge once
            waf = [*SIDECAR_COMMAND[:-1], "profile", "--config", str(places[0] / "waf.yaml")]
            state = ["--state", str(places[0] / "state"), "merge", str(place / "state")]
            subprocess.run([*waf, *state], check=True, cwd=HERE.parent, stdout=subprocess.DEVNULL)
        with (peer := crowd(places[0], upstream)).server:
            control(peer, "/v1/profile", {"operation": "compile"})
            verdicts.append(judged(peer, data).statuses)
    one, another, four = verdicts
    return _different(one, four), _different(one, another)


def _different(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(mine != theirs for mine, theirs in zip(one, other, strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.profiles_proxy", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--styles", default="shop")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="only the 3,600 requests of one shop")
    parser.add_argument("--no-crowd", action="store_true", help="leave out poison and merging")
    parser.add_argument("--misses", action="store_true", help="tell what got through, and what was refused")
    parser.add_argument("--results", action="store_true", help="write the run into RESULTS.md")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a bar is missed")
    options = parser.parse_args()
    if unknown := set(options.styles.split(",")) - {*STYLES, *HELD_OUT}:
        parser.error(f"no such style: {', '.join(sorted(unknown))}")
    results: dict[str, list[float]] = {}
    rows = [
        "| application | learned from | detection | false alarms | replay | lessons |",
        "|---|---|---|---|---|---|",
    ]
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waf-bench-")))
        where = cores()
        sink = start_app(directory / "sink", where)
        stack.enter_context(sink.server)
        backend = start_backend(directory / "backend", where, sink)
        stack.enter_context(backend.server)
        for style in options.styles.split(","):
            for way, (count, epsilon) in WAYS.items():
                if options.quick and way != "3,600":
                    continue
                found = [
                    measure(directory / f"{style}-{seed}-{way}", backend.port, style, seed, count, epsilon)
                    for seed in range(options.seeds)
                ]
                for name, values in (
                    ("detection", [each.detection for each in found]),
                    ("false alarms", [each.false_alarms for each in found]),
                ):
                    results[f"{style} {way}: {name}"] = values
                rows.append(
                    f"| {style} | {way} | {_mean(e.detection for e in found):.4f} "
                    f"| {_mean(e.false_alarms for e in found):.5f} | {_mean(e.seconds for e in found):.0f} s "
                    f"| {_mean(e.learned for e in found):,.0f} |"
                )
                print(rows[-1], file=sys.stderr)
                if options.misses:
                    print("   missed:", dict(sum((e.missed for e in found), Counter())), file=sys.stderr)
                    for each in found:
                        print("   dropped:", each.dropped, file=sys.stderr)
                        for sent in each.refused[:12]:
                            print("   refused:", sent.method, sent.target[:150], sent.form, file=sys.stderr)
        if not (options.quick or options.no_crowd):
            rows += _crowds(directory, backend.port, options.seeds, results)
    command = f"`python -m bench.profiles_proxy --styles {options.styles} --seeds {options.seeds} --results`"
    text = "\n".join([f"{command}: means over {options.seeds} applications of each kind.", "", *rows])
    print(text)
    kept = True
    for name, (sign, bar) in BARS.items():
        if name in results:
            mean = _mean(results[name])
            fine = mean >= bar if sign == ">=" else mean <= bar
            kept = kept and fine
            print(f"{'kept  ' if fine else 'MISSED'} {name}: {mean:.5g} (bar {sign} {bar})")
    if options.results:
        replace_section(HERE / "RESULTS.md", "profiles-proxy", "Learned profiles through the proxy", text)
    return 0 if kept or not options.check else 1


def _crowds(directory: Path, upstream: int, seeds: int, results: dict[str, list[float]]) -> list[str]:
    rows = [
        "",
        "| a shop taught by 400 strangers | detection | false alarms | points lost |",
        "|---|---|---|---|",
    ]
    found = [measure_poison(directory / f"poison{seed}", upstream, seed) for seed in range(seeds)]
    for sources in found[0]:
        lost = [100 * (each[0].detection - each[sources].detection) for each in found]
        results[f"1 % poison from {sources} sources: points lost"] = lost
        rows.append(
            f"| {f'1 % poison from {sources} of them' if sources else 'no poison'} "
            f"| {_mean(e[sources].detection for e in found):.4f} | {_mean(e[sources].false_alarms for e in found):.5f} "
            f"| {_mean(lost):.2f} |"
        )
        print(rows[-1], file=sys.stderr)
    different = [measure_merge(directory / f"merge{seed}", upstream, seed) for seed in range(seeds)]
    results["four replicas merged: other verdicts than one"] = [float(four) for four, _ in different]
    rows += [
        "",
        f"Of {TEST + ATTACKS:,} verdicts {_mean(four for four, _ in different):.1f} differ between one sidecar that saw it all and four "
        f"replicas merged, each twice; {_mean(other for _, other in different):.1f} between two that saw it all.",
    ]
    print(rows[-1], file=sys.stderr)
    return rows


def _mean(values: object) -> float:
    numbers = list(values)  # type: ignore[call-overload]
    return sum(numbers) / len(numbers)


if __name__ == "__main__":
    sys.exit(main())
