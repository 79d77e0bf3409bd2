"""Detection and false-positive rates, per class and level, ours and (where Debian's packages are) CRS side by side.

    python -m bench.detection [--count 400] [--levels 1,2,3] [--seed 1] [--crs] [--show 5] [--json OUT]

Attacks are composed by grammar (payload x wrapping x place): `payloads`, the wider `families`, and those of `held`, which
are only measured: what is missed of them is never shown, so that no rule is made for it. Those of `classics` are as
testers write them by hand, those of `fresh` as one who knows the rules does, those of `blind` as one who never read
them; so are those of `unread`, sent in every encoding at every place as well (`tester`). Benign messages are real texts
on this machine, texts that look like attacks, what people of the trade write about technical things (`talk`, a part of
it held back as well), and whole requests of everyday apps, machines, products and many worlds (see `bench.corpora`). All
go through the very path of traffic: strict parse, plan, admit, in protect mode. With --crs the same bytes are sent to
nginx + ModSecurity + OWASP CRS at paranoia level 1 over a socket; 403 and 400 count as refused.
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
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench import peers
from bench.corpora import (
    blind,
    classics,
    families,
    fresh,
    held,
    machines,
    payloads,
    requests,
    shapes,
    striking,
    talk,
    tester,
    texts,
)
from bench.figures import replace_section
from bench.processes import cores
from waf.assembly import Files, build, keep
from waf.model import Action
from waf.policy.explain import judge
from waf.policy.policy import Policy
from waf.policy.samples import Sample

Refuses = Callable[[requests.Message], tuple[bool, str]]

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


class Case(NamedTuple):
    """One message; the first of its `rows` of the report tells its class. `shown` is False of families held back."""

    attack: bool
    rows: tuple[str, ...]
    message: requests.Message
    text: str
    shown: bool = True


def crs(cases: Sequence[Case]) -> tuple[Tally, Tally]:
    """The same messages sent to nginx + ModSecurity + the OWASP rules before a small app."""
    where = cores()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        app = peers.start_app(directory / "app", where)
        stack.enter_context(app.server)
        peer = peers.start_modsecurity(directory / "modsecurity", where, app.port)
        stack.enter_context(peer.server)
        return measure(over_socket(peer.port), cases)


def attacks(seed: int, count: int) -> Iterable[Case]:
    """The first set: `count` for each class plain, a quarter of that for each wrapping."""
    for kind in payloads.SHAPES:
        for wrapping, wrap in requests.ENCODINGS.items():
            plain = wrapping == "plain"
            r = random.Random(f"{kind}:{wrapping}:{seed}")
            for _ in range(count if plain else max(1, count // 4)):
                payload = payloads.payload(kind, r)
                place = r.choice(striking.PLACES.get(kind, _ALL))
                if place == "xml-raw":
                    made = requests.untyped(r, payload, "application/xml")
                elif not place.endswith("-raw"):
                    made = requests.PLACES[place](r, wrap(payload))
                elif plain:
                    made = _raw(r, payload)
                else:
                    continue
                total = f"1 {'plain' if plain else 'wrapped'} total"
                yield Case(
                    True,
                    (f"1 {kind if plain else 'wrapped ' + wrapping}", total, f"1 at {place}"),
                    made,
                    payload,
                )


def wider(seed: int, count: int) -> Iterable[Case]:
    """The second set: `count` of each family plain at common places, and as many wrapped and at all places."""
    places = requests.PLACES | requests.MORE_PLACES
    wrappings = requests.MORE_ENCODINGS | requests.ENCODINGS
    for name, (kind, templates) in (families.FAMILIES | held.HELD).items():
        r = random.Random(f"{name}:{seed}")
        shown = name not in held.HELD
        set_ = "open" if shown else "held"
        able = [place for place in places if place not in striking.NOT_AT.get(kind, ())]
        usual = [place for place in ("query", "form", "json", "multipart") if place in able] or able
        for payload in families.drawn(templates, r, count if shown else 2 * count):
            rows = (f"2 {set_} {kind}", f"2 {set_} plain total")
            yield Case(True, rows, places[r.choice(usual)](r, payload), payload, shown)
            place, wrapping = r.choice(able), r.choice(list(wrappings))
            try:
                made = places[place](r, wrappings[wrapping](payload))
            except UnicodeError:
                continue
            rows = (f"2 wrapped {wrapping}", f"2 {set_} all places and wrappings total", f"2 at {place}")
            yield Case(True, rows, made, payload, shown)


def by_hand(seed: int, count: int) -> Iterable[Case]:
    """The third set: at most `count` of each class as they are, at common places."""
    for kind, written in classics.CLASSICS.items():
        r = random.Random(f"{kind}:{seed}")
        able = [
            place
            for place in ("query", "form", "json", "multipart")
            if place not in striking.NOT_AT.get(kind, ())
        ]
        for payload in r.sample(written, min(count, len(written))):
            made = _raw(r, payload) if kind == "keys" else requests.PLACES[r.choice(able)](r, payload)
            yield Case(True, (f"3 {kind}", "3 plain total"), made, payload)


def _common_places(kind: str) -> list[str]:
    return [
        place
        for place in ("query", "form", "json", "multipart")
        if place not in striking.NOT_AT.get(kind, ())
    ]


def _written(kind: str, payload: str, r: random.Random) -> requests.Message:
    if kind == "keys" or (kind in ("nosql", "deserialization") and payload.startswith("{")):
        return _raw(r, payload)
    if kind == "xxe":
        return requests.untyped(r, payload, "application/xml")
    return requests.PLACES[r.choice(_common_places(kind) or ["form"])](r, payload)


def afresh(seed: int, count: int) -> Iterable[Case]:
    """The fourth set: at most `count` of each class, and what acts whatever words stand before it in the value."""
    for kind, written in fresh.FRESH.items():
        r = random.Random(f"fresh:{kind}:{seed}")
        for payload in r.sample(written, min(count, len(written))):
            yield Case(True, (f"4 {kind}", "4 plain total"), _written(kind, payload, r), payload)
    for kind, endings in fresh.BEHIND_WORDS.items():
        r = random.Random(f"words:{kind}:{seed}")
        for text in (words + ending for words in fresh.WORDS for ending in endings):
            made = requests.PLACES[r.choice(_common_places(kind))](r, text)
            yield Case(True, (f"4 {kind} behind words", "4 behind words total"), made, text)
        for text in (fresh.PAGE + ending for ending in endings):
            made = requests.PLACES[r.choice(_common_places(kind))](r, text)
            yield Case(True, (f"4 {kind} behind a page", "4 behind a page total"), made, text)


def unread(seed: int, count: int) -> Iterable[Case]:
    """The fifth set: payloads and whole requests written before the rules were read."""
    for kind, written in blind.payloads().items():
        r = random.Random(f"blind:{kind}:{seed}")
        for payload in r.sample(written, min(count, len(written))):
            yield Case(True, (f"5 {kind}", "5 plain total"), _written(kind, payload, r), payload)
    for kind, request in blind.hostile_requests():
        yield Case(True, (f"5 requests {kind}", "5 requests total"), _whole(request, seed), request[1])


_AT_HOME: Final = frozenset({"keys", "xxe", "graphql", "redirect", "crlf", "mail", "rfi", "ssrf"})
"""Kinds that act at some places alone, so that places cannot be compared by them."""


def unread_again(seed: int, count: int) -> Iterable[Case]:
    """The sixth set, unread too; and of each of its kinds a few payloads in every encoding at every place."""
    for group, file in (("6", "unread.txt"), ("6 again", "unread_again.txt")):
        for kind, written in blind.payloads(file).items():
            r = random.Random(f"{file}:{kind}:{seed}")
            for payload in r.sample(written, min(count, len(written))):
                made = _written(kind.split()[0], payload, r)
                yield Case(True, (f"{group} {kind}", f"{group} plain total"), made, payload)
            able = [payload for payload in written if payload.isprintable() and "%" not in payload]
            few = 0 if kind.split()[0] in _AT_HOME else max(1, min(count // 50, 4))
            for payload in r.sample(able, min(few, len(able))):
                for encoding, place, made in tester.sent(payload, r):
                    rows = (f"{group} at {place}", f"{group} as {encoding}", f"{group} everywhere total")
                    yield Case(True, rows, made, payload)
    for kind, request in blind.hostile_requests("unread_requests.jsonl"):
        yield Case(True, (f"6 requests {kind}", "6 requests total"), _whole(request, seed), request[1])


def _whole(request: blind.Request, seed: int) -> requests.Message:
    method, target, headers, body = request
    return requests.message(random.Random(f"{target}:{seed}"), method, target, headers, body, "whole")


def technical_talk(seed: int, count: int) -> Iterable[Case]:
    """At most `count` of each kind of `talk`."""
    for shown, kinds in ((True, talk.TALK), (False, talk.HELD_TALK)):
        group = "talk" if shown else "held talk"
        for kind, written in kinds.items():
            r = random.Random(f"{group}/{kind}:{seed}")
            for text in r.sample(written, min(count, len(written))):
                made = requests.PLACES[r.choice(_TEXT_PLACES)](r, text)
                yield Case(False, (f"{group}/{kind}", f"{group} total"), made, text, shown)


def honest(seed: int, count: int) -> Iterable[Case]:
    """At most `count` of each kind of `machines`, and each of its requests."""
    for kind, written in machines.HONEST.items():
        r = random.Random(f"honest/{kind}:{seed}")
        for text in r.sample(written, min(count, len(written))):
            made = requests.PLACES[r.choice(_TEXT_PLACES)](r, text)
            yield Case(False, (f"honest/{kind}", "honest total"), made, text)
    for world, name, request in blind.worlds():
        total = "pieces total" if world == "pieces" else "worlds total"
        yield Case(
            False,
            (f"worlds/{world}", total),
            _whole(request, seed),
            f"{name} {request[1]} {request[3][:80]!r}",
        )
    for group, named in (("machines", machines.MACHINES.items()), ("products", blind.product_requests())):
        for name, request in named:
            yield Case(False, (f"{group} total",), _whole(request, seed), f"{name} {request[1]}")


def benign(seed: int, count: int) -> Iterable[Case]:
    for kind, (group, _) in texts.KINDS.items():
        r = random.Random(f"place:{kind}:{seed}")
        long = group in ("rich", "code") or kind in ("paragraphs", "foreign")
        places = ("form", "json", "multipart") if long else _TEXT_PLACES
        for text in texts.texts(kind, seed, count):
            made = requests.PLACES[r.choice(places)](r, text)
            yield Case(False, (f"{group}/{kind}", f"{group} total"), made, text)
    for kind, whole in shapes.WHOLE.items():
        r = random.Random(f"{kind}:{seed}")
        for _ in range(count):
            made = whole(r)
            text = (made.head.partition(b"\r\n")[0] + made.body).decode("latin-1")
            yield Case(False, (f"everyday/{kind}", "everyday total"), made, text)
    for kind, (group, draw) in shapes.TEXTS.items():
        r = random.Random(f"{kind}:{seed}")
        for _ in range(count):
            text = draw(r)
            yield Case(
                False,
                (f"{group}/{kind}", f"{group} total"),
                requests.PLACES[r.choice(_TEXT_PLACES)](r, text),
                text,
            )


_TEXT_PLACES = ("query", "form", "json", "multipart", "xml", "cookie", "graphql")


def all_cases(seed: int, count: int, which: str) -> list[Case]:
    cases: list[Case] = []
    if which in ("all", "attacks"):
        cases += [
            *attacks(seed, count),
            *wider(seed, max(count // 4, 1)),
            *by_hand(seed, count),
            *afresh(seed, count),
            *unread(seed, count),
            *unread_again(seed, count),
        ]
    if which in ("all", "benign"):
        cases += [*benign(seed, count), *technical_talk(seed, count), *honest(seed, count)]
    return cases


class Tally:
    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.examples: dict[str, list[tuple[str, str, str]]] = defaultdict(list)

    def add(self, case: Case, refused: bool, why: str) -> None:
        for key in case.rows:
            self.sent[key] += 1
            self.refused[key] += refused
        if refused is not case.attack and case.shown:
            self.examples[case.rows[0]].append((case.message.place, case.text, why))

    def share(self, key: str) -> float:
        return self.refused[key] / self.sent[key] if self.sent[key] else 0.0


def measure(refuses: Refuses, cases: Iterable[Case]) -> tuple[Tally, Tally]:
    """(of attacks, of legitimate messages)."""
    attack, legitimate = Tally(), Tally()
    for case in cases:
        refused, why = refuses(case.message)
        (attack if case.attack else legitimate).add(case, refused, why)
    return attack, legitimate


def report(results: dict[str, tuple[Tally, Tally]]) -> None:
    names = list(results)
    for title, index in (("attacks refused", 0), ("legitimate requests refused", 1)):
        print(f"\n{title:<46}{'n':>7}" + "".join(f"{name:>12}" for name in names))
        keys = sorted(
            {k for tallies in results.values() for k in tallies[index].sent},
            key=lambda k: ("total" in k, k),
        )
        for key in keys:
            row = "".join(f"{100 * results[name][index].share(key):>11.2f}%" for name in names)
            print(f"{key:<46}{max(results[n][index].sent[key] for n in names):>7}{row}")


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


_OF_CRS = (
    "CRS as Debian packages it: it refuses PUT and types such as text/plain and gRPC whatever is in them."
)


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
    cases = all_cases(options.seed, options.count, options.which)
    results: dict[str, tuple[Tally, Tally]] = {}
    for level in options.levels.split(","):
        _, refuses = ours(int(level))
        results[f"level {level}"] = measure(refuses, cases)
    if options.crs:
        if missing := peers.why_not("modsecurity"):
            print(f"nginx + ModSecurity + CRS is left out: {missing}", file=sys.stderr)
        else:
            results["CRS PL1"] = crs(cases)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        report(results)
    print(printed.getvalue())
    if options.results:
        told = f"`python -m bench.detection --count {options.count} --seed {options.seed}`, {date.today()}."
        text = f"{told} Composed attacks and real texts, see bench/corpora. {_OF_CRS}\n\n```{printed.getvalue()}```"
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
