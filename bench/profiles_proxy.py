"""Detection of learned profiles through the running proxy: learned by replay, promoted by itself, then attacked.

    python -m bench.profiles_proxy [--styles shop,rest,json,cms] [--seeds 1] [--quick] [--misses] [--results] [--check]

A sidecar in protect mode, signatures and the search for sensitive data off, is sent the normal requests of an
application of `bench.profile_apps` as fast as it answers, from a source it trusts. Then the learned profile is asked
to compile, as `waf profile compile` does, and requests of other users and attacks are sent: an answer below 400 has
passed. `--quick` learns 3,600 requests with the quick settings of the documentation. `--check` exits with 1 if a bar
is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench.corpora.payloads import payload
from bench.figures import replace_section
from bench.peers import Peer, start_app, start_backend, start_sidecar
from bench.processes import cores
from bench.profile_apps import STYLES, Sent, attacks, body_of, traffic
from bench.profile_held_out import HELD_OUT, app_of

HERE: Final = Path(__file__).resolve().parent
TRAIN, SMALL, TEST, ATTACKS = 28_800, 3_600, 7_200, 2_500
CONNECTIONS: Final = 8
SETTINGS: Final = """
signatures: {{enabled: false}}
sensitive: {{enabled: false}}
profiles:
  mode: protect
  trusted_sources: [127.0.0.0/8]
  epsilon: {epsilon}
"""
BARS: Final = {
    "shop 28,800: detection": (">=", 0.985),
    "shop 28,800: false alarms": ("<=", 0.0005),
    "shop 3,600: detection": (">=", 0.95),
}


class Outcome(NamedTuple):
    detection: float
    false_alarms: float
    learned: int
    dropped: int
    seconds: float
    missed: Counter[str]
    refused: list[Sent]


def message(sent: Sent) -> bytes:
    """The request on the wire."""
    body, content_type = body_of(sent)
    cookies = "; ".join(f"{name}={value}" for name, value in sent.cookies)
    lines = [f"{sent.method} {sent.target} HTTP/1.1", "Host: app", "User-Agent: bench", f"Cookie: {cookies}"]
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


def measure(directory: Path, upstream: int, style: str, seed: int, *, quick: bool) -> Outcome:
    app = app_of(seed, style)
    bad: list[Sent] = []
    for number in range(2_000, 2_025):
        bad += attacks(app, app.user(number), ATTACKS // 25, payload)
    train = traffic(app, range(400), TRAIN, 72, seed)
    if quick:
        train = random.Random(seed).sample(train, SMALL)
    good = traffic(app, range(1_000, 1_200), TEST, 24, seed + 1)
    where = cores()
    more = SETTINGS.format(epsilon=0.02 if quick else 0.002)
    peer = start_sidecar(directory, where, upstream, more=more, cache=directory.parent / "cache")
    with peer.server:
        loop = asyncio.new_event_loop()
        started = loop.time()
        loop.run_until_complete(statuses(peer.port, [message(sent) for sent in train]))
        seconds = loop.time() - started
        control(peer, "/v1/profile", {"operation": "compile"})
        learning = control(peer, "/v1/status")["learning"]
        assert isinstance(learning, dict)
        on_good = loop.run_until_complete(statuses(peer.port, [message(sent) for sent in good]))
        on_bad = loop.run_until_complete(statuses(peer.port, [message(sent) for sent in bad]))
        loop.close()
    missed = Counter(s.attack.split()[0] for s, status in zip(bad, on_bad, strict=True) if status < 400)
    refused = [s for s, status in zip(good, on_good, strict=True) if status >= 400]
    return Outcome(
        1 - missed.total() / len(bad),
        len(refused) / len(good),
        learning["observed"],
        learning["dropped"],
        seconds,
        missed,
        refused,
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.profiles_proxy", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--styles", default="shop")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="only the 3,600 requests of one shop")
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
            for quick in (True,) if options.quick else (False, True):
                found = [
                    measure(directory / f"{style}-{seed}-{quick}", backend.port, style, seed, quick=quick)
                    for seed in range(options.seeds)
                ]
                count = f"{SMALL if quick else TRAIN:,}"
                for name, values in (
                    ("detection", [each.detection for each in found]),
                    ("false alarms", [each.false_alarms for each in found]),
                ):
                    results[f"{style} {count}: {name}"] = values
                rows.append(
                    f"| {style} | {count}{' (quick)' if quick else ''} | {_mean(e.detection for e in found):.4f} "
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
    text = "\n".join(rows)
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


def _mean(values: object) -> float:
    numbers = list(values)  # type: ignore[call-overload]
    return sum(numbers) / len(numbers)


if __name__ == "__main__":
    sys.exit(main())
