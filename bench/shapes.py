"""What judging ordinary requests of many shapes costs: those with personal data, long numbers, coded characters, other formats.

    python -m bench.shapes [--only TEXT] [--results]

Each goes through a whole policy in protect mode without a learned profile, as bench.worst has it done. The figure is CPU of this
thread, the tenth percentile of a few dozen; and its ratio to that of the GET of bench.cases, measured before and behind it in the same run, as machines
are noisy. The bodies are made up here with a fixed seed.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from bench.cases import cases, message
from bench.figures import replace_section
from bench.latency import machine
from bench.worst import Judge

HERE: Final = Path(__file__).resolve().parent
TIMES: Final = 60
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_WORDS: Final = (
    "amber",
    "bread",
    "candle",
    "delta",
    "evening",
    "flour",
    "garden",
    "harbour",
    "island",
    "kettle",
)


def _person(chance: random.Random, number: int) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"{chance.choice(('Mary', 'Ana', 'Jürgen'))} {chance.choice(('Smith', 'O’Neill', 'Müller'))}",
        "email": f"person{number}@example.com",
        "phone": f"+49 30 {chance.randint(1_000_000, 9_999_999)}",
        "address": {"street": f"{chance.choice(_WORDS)} street {number % 99}", "zip": str(chance.randint(10_000, 99_999))},
        "created": "2026-04-17T09:30:00Z",
        "note": " ".join(chance.choice(_WORDS) for _ in range(12)),
        "amount": round(chance.random() * 100, 2),
        "active": True,
    }  # fmt: skip


def shapes() -> Iterator[tuple[str, bytes]]:
    """Names and whole requests."""
    chance = random.Random(11)
    people = [_person(chance, number) for number in range(200)]
    plain = [{name: one[name] for name in one if name not in ("email", "phone")} for one in people]

    def document(value: Any, **how: Any) -> bytes:
        return message("POST", "/api/things", json.dumps(value, **how).encode(), JSON)

    def form(**pairs: str) -> bytes:
        return message("POST", "/things", urlencode(pairs).encode(), FORM)

    usual = next(case for case in cases() if case.name == "json-2k").requests[0]
    orders = json.loads(usual.partition(b"\r\n\r\n")[2])
    yield "JSON of 2 KB", usual
    yield "… with an e-mail address", document(orders | {"email": "mary@example.com"})
    yield "… with a phone number", document(orders | {"phone": "+49 30 1234567"})
    yield "JSON, a person", document(people[0])
    yield "JSON, 7 people", document(people[:7])
    yield "JSON, 7 without address and phone", document(plain[:7])
    yield "JSON, 200 people", document(people)
    yield (
        "JSON, prose with line breaks",
        document({"text": "\n\n".join(['It\'s a “test” – of "things". ' * 4] * 8)}),
    )
    yield "JSON, numbers of 18 digits", document({"ids": [chance.randint(10**17, 10**18) for _ in range(60)]})
    yield (
        "JSON, numbers of 17 decimals",
        document({"points": [[chance.random(), chance.random()] for _ in range(50)]}),
    )
    yield "JSON within JSON", document({"type": "made", "payload": json.dumps(people[0])})
    yield (
        "JSON, GraphQL",
        document({"query": "query Q($id: ID!) { thing(id: $id) { id name } }", "variables": {"id": "7"}}),
    )
    yield "JSON, an image in base64", document({"image": base64.b64encode(chance.randbytes(30_000)).decode()})
    lines = b"\n".join(json.dumps(one).encode() for one in people[:50])
    yield "JSON lines, 50 people", message("POST", "/bulk", lines, "application/x-ndjson")
    yield "form", form(name="Mary Smith", city="Berlin", zip="10115", n="3")
    yield (
        "form with an e-mail address",
        form(name="Mary Smith", email="mary@example.com", note="some words, and more"),
    )
    yield (
        "form, login",
        form(username="mary", password="Sup3r-Secret!", token="ff875852a3b4bc56d71d792f8425d4a7"),
    )
    yield "form, text of lines", form(title="Hello", body="Some words here, and more.\r\n\r\n" * 30)
    yield "form, beyond ASCII", form(name="Jürgen Müßig", city="Köln", note="café – gut")
    parts = b"".join(
        b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % pair
        for pair in ((b"name", b"Mary Smith"), (b"city", b"Berlin"), (b"note", b"some words here"))
    )
    yield (
        "multipart form",
        message("POST", "/things", parts + b"--B--\r\n", "multipart/form-data; boundary=B"),
    )
    items = b"<item><sku>a-12</sku><qty>3</qty></item>" * 40
    yield (
        "XML",
        message("POST", "/x", b'<?xml version="1.0"?><order>' + items + b"</order>", "application/xml"),
    )
    yield "plain text", message("POST", "/t", b"just some plain text here. " * 40, "text/plain")
    get = next(case for case in cases() if case.name == "get").requests[0]
    target = get.split(b" ", 2)[1]
    yield "GET with an e-mail address", get.replace(target, b"/things?email=mary%40example.com&page=2", 1)


def _cost(judge: Judge, wire: bytes) -> tuple[float, str]:
    """Seconds, and what came of it."""
    head, blank, body = wire.partition(b"\r\n\r\n")
    spent = []
    for _ in range(TIMES):
        took, outcome = judge._request(head + blank, body)
        spent.append(took)
    return sorted(spent)[TIMES // 10], outcome


def table(say: Callable[[str], None], only: str = "") -> str:
    get = next(case for case in cases() if case.name == "get").requests[0]
    rows = []
    with tempfile.TemporaryDirectory(prefix="waf-shapes-") as cache:
        judge = Judge(cache)
        _cost(judge, get)
        for name, wire in shapes():
            if only not in name:
                continue
            before = _cost(judge, get)[0]
            spent, outcome = _cost(judge, wire)
            ratio = spent / min(before, _cost(judge, get)[0])
            size = len(wire.partition(b"\r\n\r\n")[2])
            rows.append(f"| {name} | {size:,} | {spent * 1e6:.1f} | {ratio:.1f} | {outcome} |")
            say(rows[-1])
    head = "| request | bytes of body | µs | of the GET | outcome |\n|---|---:|---:|---:|---|\n"
    return head + "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.shapes", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="part of the name of the shapes that are measured")
    parser.add_argument("--results", action="store_true", help="write the section of bench/RESULTS.md")
    options = parser.parse_args(arguments)
    text = table(print, options.only)
    if options.results:
        text = f"{machine()}\n\n`python -m bench.shapes --results`\n\n{text}\n"
        replace_section(
            HERE / "RESULTS.md", "shapes", "What judging ordinary requests of many shapes costs", text
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
