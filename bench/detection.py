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
import socket
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from bench import peers
from bench.corpora import requests
from bench.corpora.cases import Case, all_cases, legitimate
from bench.figures import replace_section
from bench.processes import cores
from waf.assembly import Files, build, keep
from waf.model import Action
from waf.policy.explain import judge
from waf.policy.policy import Policy
from waf.policy.samples import Sample

Refuses = Callable[[requests.Message], tuple[bool, str]]


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
    """A peer that answers 403 to what it refuses. What it goes on waiting for, as a body that never ends, it does not refuse."""

    def refuses(message: requests.Message) -> tuple[bool, str]:
        head = message.head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(head + message.body)
            try:
                status = sock.recv(64)
            except TimeoutError:
                return False, "no answer"
        return status[9:12] in (b"403", b"400"), status[9:12].decode()

    return refuses


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
    parser.add_argument("--legitimate", help="measure the legitimate requests of this file instead")
    options = parser.parse_args()
    if options.legitimate:
        cases = legitimate(options.legitimate, options.seed)
    else:
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
        name, title, of = "detection", "Detection", f"--count {options.count}"
        what = "Composed attacks and real texts, see bench/corpora."
        if options.legitimate:
            name, title, of = "legitimate", "Legitimate requests of real texts", "--legitimate FILE"
            what = (
                "The file's texts belong to others and are not kept here; decision 0067 tells what they are."
            )
        told = f"`python -m bench.detection {of} --seed {options.seed}`, {date.today()}."
        text = f"{told} {what} {_OF_CRS}\n\n```{printed.getvalue()}```"
        replace_section(Path(__file__).with_name("RESULTS.md"), name, title, text)
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
