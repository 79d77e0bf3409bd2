"""How well and how fast sensitive data is found: `python -m bench.sensitive [--documents N] [--seed N] [--cut N]`.

Prints recall and precision by entity, look-alikes altered, documents broken, and µs/KB on clean and dense text, for
both directions. A document goes through a `transport`; the one here calls the room directly, another may go through a
running proxy.
"""

from __future__ import annotations

import argparse
import gzip
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.sensitive_corpus import REQUESTS, RESPONSES, Document, Item, clean, corpus, pan
from waf.config.schema import Sensitive
from waf.model import Framing, Headers, Request, Response
from waf.sensitive.detect import Detector
from waf.sensitive.entities import parse_entities

Transport = Callable[[Document], bytes]
"""Takes a document through whatever masks it; gives the body that came out."""

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


def measure(name: str, documents: list[Document], transport: Transport, verbose: bool) -> Score:
    score = Score()
    for document in documents:
        score.add(document, transport(document))
    print(
        f"{name:34} recall {score.recall:.4f}  precision {score.precision:.4f}  values {sum(score.wanted.values())}"
        f"  look-alikes {score.alike} altered {score.altered}  broken {score.broken}  else changed {score.reframed}"
    )
    if verbose:
        for entity, count in sorted(score.wanted.items()):
            if score.got[entity] < count:
                print(f"    {entity:20} {score.got[entity]}/{count}")
        for format, item in score.missed[:40]:
            print("    missed ", format, item.label, "|", item.value[:60])
        for format, item, after in score.wronged[:40]:
            print("    altered", format, item.label, "|", item.value[:60], "->", after[:60])
    return score


def speed(found: Detector, documents: list[Document], size: int) -> None:
    """CPU time: clean texts of `size` bytes, the corpus document by document, and tables full of cards."""
    for name, text in {**clean(3, size), "table of cards": table_of_cards()}.items():
        kind = {"json": "application/json", "html": "text/html", "text": "text/plain"}.get(name, "text/csv")
        passed = None
        best = 1e9
        for _ in range(7):
            passed = found.response_filter(request(), response(kind, len(text)))
            assert passed is not None
            started = time.process_time()
            for place in range(0, len(text), 65536):
                passed.feed(text[place : place + 65536])
            passed.finish()
            best = min(best, time.process_time() - started)
        hits = sum(count.count for count in passed.hits) if passed is not None else 0
        print(f"{name:34} {best * 1e6 / (len(text) / 1024):7.2f} µs/KB  {len(text) // 1024} KB, {hits} hits")
    through = through_response(found, 0, False)
    best = 1e9
    for _ in range(5):
        started = time.process_time()
        for document in documents:
            through(document)
        best = min(best, time.process_time() - started)
    kib = sum(len(d.body) for d in documents) / 1024
    values = sum(item.entity is not None for d in documents for item in d.items)
    print(
        f"{'documents of the corpus':34} {best * 1e6 / kib:7.2f} µs/KB  {kib:.0f} KB, {values} values, "
        f"{best * 1e6 / len(documents):.0f} µs each"
    )


def table_of_cards() -> bytes:
    r = random.Random(5)
    rows = [f"{n},Jane Doe,{pan(r)},Graz" for n in range(5000)]
    return "\n".join(["id,name,card,city", *rows]).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--documents", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--cut", type=int, default=-200, help="chunk size; negative: random up to it; 0: whole"
    )
    parser.add_argument("--quick", action="store_true", help="no requests, no byte-by-byte run")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    found = detector()
    answers = corpus(options.seed, options.documents, RESPONSES)
    measure("responses, identity", answers, through_response(found, options.cut, False), options.verbose)
    if not options.quick:
        measure("responses, gzip", answers, through_response(found, options.cut, True), False)
        measure("responses, byte by byte", answers[::10], through_response(found, 1, False), False)
        asked = corpus(options.seed + 1, options.documents, REQUESTS)
        measure("requests", asked, through_request(found), options.verbose)
    speed(found, answers, 256 * 1024)


if __name__ == "__main__":
    main()
