"""How well and how fast sensitive data is found.

    python -m bench.sensitive [--documents N] [--seed N] [--borders N] [--megabytes N] [--room] [--results] [-v]

Prints recall and precision, look-alikes altered, documents broken or otherwise changed, through a running sidecar in
both directions: as they are, gzipped, and cut at every border within a value; a very long download and the memory it
takes; and, in one process without sockets, µs/KB on clean and dense text. `--room` calls the detector alone.
"""

from __future__ import annotations

import argparse
import gzip
import math
import random
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.figures import replace_section
from bench.latency import machine
from bench.sensitive_corpus import REQUESTS, RESPONSES, Document, Item, clean, corpus
from bench.sensitive_proxy import Download, Rig, long_download
from bench.sensitive_values import pan
from waf.config.schema import Sensitive
from waf.model import Framing, Headers, Request, Response
from waf.sensitive.detect import Clean, Detector
from waf.sensitive.entities import parse_entities

Transport = Callable[[Document], bytes]
"""Takes a document through whatever masks it; gives the body that came out."""

HERE: Final = Path(__file__).resolve().parent
RULES = Path(__file__).resolve().parent.parent / "rules" / "sensitive"
QUIET = {"generic-secret"}  # reported only, by design


def detector(request_action: str = "mask") -> Detector:
    """All entities, all of them masked."""
    entities = [
        e for path in sorted(RULES.glob("*.yaml")) for e in parse_entities(path.read_text(), path.name)
    ]
    config = Sensitive(report_only=(), request_action=request_action)  # type: ignore[arg-type]
    return Detector.build(config, entities, None, b"bench" * 8)


def request(body: bytes = b"", content_type: str = "", accept: bytes = b"gzip") -> Request:
    headers = [(b"Host", b"bench"), (b"Accept-Encoding", accept)]
    if content_type:
        headers.append((b"Content-Type", content_type.encode()))
    return Request(
        method=b"POST" if body else b"GET", target=b"/x", path=b"/x", query=None, minor=1,
        headers=Headers.make(*headers), host=b"bench", framing=Framing.LENGTH if body else Framing.NONE,
        length=len(body), keep_alive=True, expects_continue=False, upgrade=None,
    )  # fmt: skip


def response(content_type: str, length: int, coding: bytes = b"") -> Response:
    headers = [(b"Content-Type", content_type.encode())]
    if coding:
        headers.append((b"Content-Encoding", coding))
    return Response(
        status=200, reason=b"OK", minor=1, headers=Headers.make(*headers), framing=Framing.LENGTH, length=length,
        keep_alive=True,
    )  # fmt: skip


def through_response(found: Detector, cut: int, coded: bool) -> Transport:
    """Chunks of `cut` bytes (0: whole; negative: random places), as they are or gzipped."""
    chance = random.Random(7)

    def send(document: Document) -> bytes:
        body = gzip.compress(document.body, 6) if coded else document.body
        answer = response(document.content_type, len(body), b"gzip" if coded else b"")
        passed = found.response_filter(request(), answer)
        if passed is None:
            return document.body
        out = []
        place = 0
        while place < len(body):
            size = len(body) if not cut else cut if cut > 0 else chance.randint(1, -cut)
            out.append(passed.feed(body[place : place + size]))
            place += size
        out.append(passed.finish())
        data = b"".join(out)
        return zlib.decompress(data, 47) if passed.response.headers.get(b"content-encoding") else data

    return send


def through_request(found: Detector) -> Transport:
    def send(document: Document) -> bytes:
        from waf.config.schema import Limits
        from waf.inspect.reading import read

        incoming = request(document.body, document.content_type)
        reading = read(incoming, document.body, Limits(), found.mask)
        hits = found.check_request(reading, b"/x")
        return found.redact_request(incoming, document.body, hits)[1] if hits is not None else document.body

    return send


class Score:
    """What became of the values and look-alikes of documents."""

    def __init__(self) -> None:
        self.wanted: Counter[str] = Counter()
        self.got: Counter[str] = Counter()
        self.alike = self.altered = self.broken = self.reframed = 0
        self.missed: list[tuple[str, Item]] = []
        self.wronged: list[tuple[str, Item, str]] = []

    def add(self, document: Document, out: bytes) -> None:
        try:
            values, framed = document.read(out), document.frame(out)
        except Exception:
            self.broken += 1
            return
        if len(values) != len(document.items):
            self.broken += 1
            return
        self.reframed += framed != document.frame(document.body)
        originals = document.read(document.body)
        for item, before, after in zip(document.items, originals, values, strict=True):
            if item.entity is None:
                self.alike += 1
                if after != before:
                    self.altered += 1
                    self.wronged.append((document.format, item, after))
            else:
                self.wanted[item.entity] += 1
                if after != before:
                    self.got[item.entity] += 1
                else:
                    self.missed.append((document.format, item))

    @property
    def recall(self) -> float:
        return sum(self.got.values()) / max(1, sum(self.wanted.values()))

    @property
    def precision(self) -> float:
        right = sum(self.got.values())
        return right / max(1, right + self.altered)


class Line(NamedTuple):
    """One row of the table."""

    name: str
    score: Score

    def __str__(self) -> str:
        s = self.score
        return (
            f"{self.name:44} recall {s.recall:.4f}  precision {s.precision:.4f}  values {sum(s.wanted.values())}"
            f"  look-alikes {s.alike} altered {s.altered}  broken {s.broken}  else changed {s.reframed}"
        )

    @property
    def row(self) -> str:
        s = self.score
        return (
            f"| {self.name} | {s.recall:.4f} | {s.precision:.4f} | {sum(s.wanted.values()):,} | {s.alike:,} | "
            f"{s.altered} | {s.broken} | {s.reframed} |"
        )


def measure(name: str, documents: Sequence[Document], transport: Transport, verbose: bool) -> Line:
    score = Score()
    for document in documents:
        score.add(document, transport(document))
    line = Line(name, score)
    print(line, flush=True)
    if verbose:
        for entity, count in sorted(score.wanted.items()):
            if score.got[entity] < count:
                print(f"    {entity:20} {score.got[entity]}/{count}")
        for format, item in score.missed[:40]:
            print("    missed ", format, item.label, "|", item.value[:60])
        for format, item, after in score.wronged[:40]:
            print("    altered", format, item.label, "|", item.value[:60], "->", after[:60])
    return line


def cut_at_every_border(rig: Rig, documents: Sequence[Document], borders: int) -> Line:
    """Each document once for each place within each of its values, in two pieces; up to so many in all."""
    score = Score()
    left = borders
    for document in documents:
        for item in document.items:
            place = document.body.find(item.value.encode())
            if item.entity is None or place < 0:
                continue
            for border in range(place, place + len(item.value) + 1):
                if left <= 0:
                    break
                left -= 1
                score.add(document, rig.response(document, [border]))
    line = Line(f"answers, cut at each of {borders - left} borders", score)
    print(line, flush=True)
    return line


RUNS: Final = 7
_KINDS: Final = {"json": "application/json", "html": "text/html", "text": "text/plain"}


def speed(found: Detector, documents: Sequence[Document], size: int) -> list[str]:
    """CPU time of the detector: whole answers and streamed ones; clean texts of `size` bytes, the corpus, a table."""
    rows = []

    def row(name: str, seconds: float, kib: float, what: str) -> None:
        rows.append(f"| {name} | {seconds * 1e6 / kib:.2f} | {what} |")
        print(f"{name:44} {seconds * 1e6 / kib:7.2f} µs/KB  {what}", flush=True)

    # What was searched before is remembered (`sensitive.sieve`): so each run has its own text, and one has the same.
    others = [clean(4 + number, size) for number in range(RUNS)]
    for name in others[0]:
        kind = _KINDS[name]
        new = iter(
            [Document(name, kind, texts[name], (), lambda _: [], lambda data: data) for texts in others]
        )
        best = least(lambda new=new: through_whole(found)(next(new)))  # type: ignore[misc]
        length = len(others[0][name])
        row(f"{name}, whole, new", best, length / 1024, f"{length // 1024} KB")
    for name, text in {**clean(3, size), "table of cards": table_of_cards()}.items():
        kind = _KINDS.get(name, "text/csv")
        document = Document(name, kind, text, (), lambda _: [], lambda data: data)
        for way, transport in {
            "whole": through_whole(found),
            "in pieces": through_response(found, 65536, False),
        }.items():
            best = least(lambda document=document, transport=transport: transport(document))  # type: ignore[misc]
            row(f"{name}, {way}", best, len(text) / 1024, f"{len(text) // 1024} KB")
    answers = [(response(d.content_type, len(d.body)), d.body) for d in documents]
    asked = request()

    def all_of_them() -> None:  # the detector's part alone: heads are made before
        for answer, body in answers:
            screened(found, asked, answer, body)

    best = least(all_of_them)
    values = sum(item.entity is not None for d in documents for item in d.items)
    kib = sum(len(d.body) for d in documents) / 1024
    what = f"{kib:.0f} KB, {values} values, {best * 1e6 / len(documents):.0f} µs a document"
    row("documents of the corpus, whole", best, kib, what)
    return rows


def least(work: Callable[[], object], runs: int = RUNS) -> float:
    """CPU seconds, the least of several runs."""
    best = math.inf
    for _ in range(runs):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def through_whole(found: Detector) -> Transport:
    """Answers that are here whole, as `policy.answers` has them judged."""

    asked = request()

    def send(document: Document) -> bytes:
        return screened(found, asked, response(document.content_type, len(document.body)), document.body)

    return send


def screened(found: Detector, asked: Request, answer: Response, body: bytes) -> bytes:
    """The body of an answer that is here whole as it goes on, its verdict taken as well."""
    seen = found.screen(asked, answer, body)
    if seen is None or isinstance(seen, Clean):
        return body
    out = seen.whole(body)
    seen.verdict()
    return out


def table_of_cards() -> bytes:
    r = random.Random(5)
    rows = [f"{n},Jane Doe,{pan(r)},Graz" for n in range(5000)]
    return "\n".join(["id,name,card,city", *rows]).encode()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sensitive", description=__doc__.split("\n")[0])
    parser.add_argument("--documents", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--borders", type=int, default=3000, help="borders within values at which answers are cut"
    )
    parser.add_argument("--megabytes", type=int, default=100, help="length of the long download; 0: none")
    parser.add_argument("--room", action="store_true", help="the detector alone, without a running sidecar")
    parser.add_argument("--results", action="store_true", help="write the tables into RESULTS.md")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args(arguments)
    found = detector()
    answers = corpus(options.seed, options.documents, RESPONSES)
    asked = corpus(options.seed + 1, options.documents, REQUESTS)
    lines = []
    text = []
    if options.room:
        lines.append(measure("answers, whole", answers, through_whole(found), options.verbose))
        lines.append(measure("answers, cut anywhere", answers, through_response(found, -200, False), False))
        lines.append(measure("answers, gzip, cut", answers, through_response(found, -200, True), False))
        lines.append(
            measure("answers, byte by byte", answers[::10], through_response(found, 1, False), False)
        )
        lines.append(measure("requests", asked, through_request(found), options.verbose))
    else:
        with tempfile.TemporaryDirectory(prefix="waf-sensitive-") as directory, Rig(Path(directory)) as rig:
            lines.append(measure("answers", answers, rig.response, options.verbose))
            lines.append(measure("answers, gzip", answers, lambda d: rig.response(d, coded=True), False))
            lines.append(cut_at_every_border(rig, answers, options.borders))
            lines.append(
                measure(
                    "answers, gzip, cut every 50 bytes",
                    answers[::8],
                    lambda d: rig.response(d, [50] * 400, coded=True),
                    False,
                )
            )
            lines.append(measure("requests", asked, rig.request, options.verbose))
            lines.append(measure("requests, gzip", asked, lambda d: rig.request(d, coded=True), False))
            if options.megabytes:
                text.append(told(long_download(rig, options.megabytes)))
                print(text[-1], flush=True)
    head = "| through the running sidecar | recall | precision | values | look-alikes | altered | broken | else changed |"
    table = [head, "|---|" + "---:|" * 7, *(line.row for line in lines)]
    rows = ["| detector alone | µs/KB | |", "|---|---:|---|", *speed(found, answers, 256 * 1024)]
    if options.results and not options.room:
        when = f"{time.strftime('%Y-%m-%d')}, {machine()}; seed {options.seed}, {options.documents} documents a way."
        whole = "\n\n".join([when, "\n".join(table), *text, "\n".join(rows)])
        replace_section(HERE / "RESULTS.md", "sensitive", "Sensitive data", whole)
    return int(
        any(line.score.recall < 0.98 or line.score.precision < 0.995 or line.score.broken for line in lines)
    )


def told(download: Download) -> str:
    mb = 1024 * 1024
    return (
        f"A CSV of {download.megabytes:.0f} MB with {download.rows:,} rows, {download.masked:,} card numbers masked while it "
        f"passed: {download.cpu_seconds * 1e6 / (download.megabytes * 1024):.1f} µs of CPU per KB; resident "
        f"{download.resident_before / mb:.0f} MB before, at most {download.most_resident / mb:.0f} MB meanwhile."
    )


if __name__ == "__main__":
    sys.exit(main())
