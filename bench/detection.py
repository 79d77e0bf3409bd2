"""Detection and false-positive rates, per class and level, ours and (where Debian's packages are) CRS side by side.

    python -m bench.detection [--count 400] [--levels 1,2,3] [--seed 1] [--crs] [--show 5] [--json OUT]

Attacks are composed by grammar (payload x wrapping x place), benign messages from real texts on this machine (see
`bench.corpora`). Both go through the very path of traffic: strict parse, plan, admit, in protect mode. With --crs the
same bytes are sent to nginx + ModSecurity + OWASP CRS at paranoia level 1 over a socket; 403 counts as refused.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import socket
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

from bench import peers
from bench.corpora import payloads, requests, texts
from bench.figures import replace_section
from bench.processes import cores
from waf.assembly import Files, build, keep
from waf.model import Action
from waf.policy.explain import judge
from waf.policy.policy import Policy
from waf.policy.samples import Sample

Refuses = Callable[[requests.Message], tuple[bool, str]]

# Where a class can strike at all: an XML entity needs an XML body, and a header cannot hold a line break.
_PLACES = {
    "xxe": ("xml-raw",),
    "ssrf": ("query", "form", "json", "multipart", "xml", "graphql"),
    "prototype": ("json-raw", "query-raw"),
    "crlf": ("query", "form", "json", "path"),
    "lfi": ("query", "form", "json", "path", "cookie", "multipart"),
}
_ALL = ("query", "form", "json", "multipart", "xml", "path", "cookie", "header", "graphql")


def ours(level: int) -> tuple[Policy, Refuses]:
    files = Files((), {}, {"mode": "protect", "inspection.level": str(level), "profiles.enabled": "false"})
    policy = build(files, keep(files.load().config, {"HOME": str(Path.home())})).policy

    def refuses(message: requests.Message) -> tuple[bool, str]:
        answer = judge(policy, Sample(message.head, message.body, ""))
        if answer.fault:
            return True, answer.fault
        rules = ",".join(sorted({f"{f.rule}@{f.address}" for f in answer.verdict.findings}))
        return answer.verdict.action is Action.BLOCK, rules

    return policy, refuses


def over_socket(port: int) -> Refuses:
    """A peer that answers 403 to what it refuses."""

    def refuses(message: requests.Message) -> tuple[bool, str]:
        head = message.head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(head + message.body)
            status = sock.recv(64)
        return status[9:12] in (b"403", b"400"), status[9:12].decode()

    return refuses


def _raw(r: random.Random, payload: str) -> requests.Message:
    """A payload that is keys rather than a value: the body itself, or the query itself."""
    if payload.startswith("{"):
        return requests.message(
            r, "POST", "/api/settings", [("Content-Type", "application/json")], payload.encode(), "json"
        )
    return requests.message(r, "GET", f"/api/settings?{payload}", [], b"", "query")


def crs(seed: int, count: int, which: str) -> tuple[Tally, Tally]:
    """The same messages sent to nginx + ModSecurity + the OWASP rules before a small app."""
    where = cores()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        app = peers.start_app(directory / "app", where)
        stack.enter_context(app.server)
        peer = peers.start_modsecurity(directory / "modsecurity", where, app.port)
        stack.enter_context(peer.server)
        return measure(over_socket(peer.port), seed, count, which)


def attacks(seed: int, count: int) -> Iterable[tuple[str, str, requests.Message, str]]:
    """(class, wrapping, message, payload); `count` for each class and wrapping."""
    for kind in payloads.SHAPES:
        for wrapping, wrap in requests.ENCODINGS.items():
            r = random.Random(f"{kind}:{wrapping}:{seed}")
            for _ in range(count if wrapping == "plain" else max(1, count // 4)):
                payload = payloads.payload(kind, r)
                place = r.choice(_PLACES.get(kind, _ALL))
                if place == "xml-raw":
                    yield (
                        kind,
                        wrapping,
                        requests.message(
                            r,
                            "POST",
                            "/api/order",
                            [("Content-Type", "application/xml")],
                            payload.encode(),
                            place,
                        ),
                        payload,
                    )
                    continue
                if place.endswith("-raw"):
                    if wrapping == "plain":
                        yield kind, wrapping, _raw(r, payload), payload
                    continue
                yield kind, wrapping, requests.PLACES[place](r, wrap(payload)), payload


def benign(seed: int, count: int) -> Iterable[tuple[str, str, requests.Message, str]]:
    """(group, kind, message, text)."""
    for kind, (group, _) in texts.KINDS.items():
        r = random.Random(f"place:{kind}:{seed}")
        long = group in ("rich", "code") or kind in ("paragraphs", "foreign")
        places = (
            ("form", "json", "multipart")
            if long
            else ("query", "form", "json", "multipart", "xml", "cookie", "graphql")
        )
        for text in texts.texts(kind, seed, count):
            yield group, kind, requests.PLACES[r.choice(places)](r, text), text


class Tally:
    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.examples: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        self.rules: Counter[str] = Counter()

    def add(self, keys: Iterable[str], refused: bool, wrong: bool, text: str, why: str, place: str) -> None:
        keys = list(keys)
        for key in keys:
            self.sent[key] += 1
            self.refused[key] += refused
        if wrong:
            self.examples[keys[0]].append((place, text, why))
            self.rules.update(why.split(","))

    def share(self, key: str) -> float:
        return self.refused[key] / self.sent[key] if self.sent[key] else 0.0


def measure(refuses: Refuses, seed: int, count: int, which: str) -> tuple[Tally, Tally]:
    attack, legitimate = Tally(), Tally()
    if which in ("all", "attacks"):
        for kind, wrapping, message, payload in attacks(seed, count):
            refused, why = refuses(message)
            keys = [
                kind if wrapping == "plain" else f"wrapped {wrapping}",
                f"{'plain' if wrapping == 'plain' else 'wrapped'} total",
            ]
            attack.add([*keys, f"at {message.place}"], refused, not refused, payload, why, message.place)
    if which in ("all", "benign"):
        for group, kind, message, text in benign(seed, count):
            refused, why = refuses(message)
            legitimate.add([f"{group}/{kind}", f"{group} total"], refused, refused, text, why, message.place)
    return attack, legitimate


def report(results: dict[str, tuple[Tally, Tally]]) -> None:
    names = list(results)
    for title, index in (("attacks refused", 0), ("legitimate requests refused", 1)):
        print(f"\n{title:<34}{'n':>7}" + "".join(f"{name:>12}" for name in names))
        keys = sorted(
            {k for tallies in results.values() for k in tallies[index].sent}, key=lambda k: ("total" in k, k)
        )
        for key in keys:
            row = "".join(f"{100 * results[name][index].share(key):>11.2f}%" for name in names)
            print(f"{key:<34}{max(results[n][index].sent[key] for n in names):>7}{row}")


def show_wrong(results: dict[str, tuple[Tally, Tally]], show: int) -> None:
    """Examples of what was missed and of what was wrongly refused."""
    if show:
        for name, (attack, legitimate) in results.items():
            if name.startswith("CRS"):
                continue
            for label, tally in (("missed", attack), ("wrongly refused", legitimate)):
                for key, examples in tally.examples.items():
                    print(f"\n[{name}] {label}: {key} ({len(examples)})")
                    for place, text, why in examples[:show]:
                        print(f"   {place}: {text[:160]!r}  {why[:160]}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=400, help="messages per class and kind")
    parser.add_argument("--levels", default="2")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--crs", action="store_true", help="measure nginx + ModSecurity + CRS too")
    parser.add_argument("--results", action="store_true", help="write the report into RESULTS.md")
    parser.add_argument("--show", type=int, default=0, help="examples of what went wrong")
    parser.add_argument("--which", choices=("all", "attacks", "benign"), default="all")
    parser.add_argument("--json", help="write the shares to this file")
    options = parser.parse_args()
    results: dict[str, tuple[Tally, Tally]] = {}
    for level in options.levels.split(","):
        _, refuses = ours(int(level))
        results[f"level {level}"] = measure(refuses, options.seed, options.count, options.which)
    if options.crs:
        if missing := peers.why_not("modsecurity"):
            print(f"nginx + ModSecurity + CRS is left out: {missing}", file=sys.stderr)
        else:
            results["CRS PL1"] = crs(options.seed, options.count, options.which)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        report(results)
    print(printed.getvalue())
    if options.results:
        told = f"`python -m bench.detection --count {options.count} --seed {options.seed}`, {date.today()}."
        text = f"{told} Composed attacks and real texts, see bench/corpora.\n\n```{printed.getvalue()}```"
        replace_section(Path(__file__).with_name("RESULTS.md"), "detection", "Detection", text)
    if options.show:
        show_wrong(results, options.show)
    if options.json:
        shares: dict[str, Any] = {
            name: {key: tally.share(key) for tally in pair for key in tally.sent}
            for name, pair in results.items()
        }
        Path(options.json).write_text(json.dumps(shares, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
