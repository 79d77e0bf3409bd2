"""The worst input that a search finds, with the shipped rules: a report, no verdict. Run with `pytest -m slow`."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inspect.inspect_samples import STORE, mask
from tests.inspect.inspect_samples import request as made
from waf.config.schema import Limits
from waf.inspect.reading import read
from waf.inspect.rules import parse_rules
from waf.inspect.signatures import Signatures

pytestmark = pytest.mark.slow

SIZE = 100_000
SECONDS = 60.0
RULES = Path(__file__).parents[2] / "rules" / "signatures"
UNITS = [
    "%41", "%2541", "%u0041", "&lt;", "&#x41;", "\\x41", "\\a", "\\\\", "\\6a ", "\xc0\xaf", "\xef\xbc\xa1", "+ADw-",
    "\0a", "/*", "*/", "--\n", "#\n", "a'b", "''", '"', "${IFS}", "$@", "{a,b}", "../", "//", "..;/", "a\tb", "' + '",
    "eyJ", "data:;base64,QUFB", "QUFBQUFBQUFB", "41424344", "<a ", "<script>", "<", ">", "onload=", "javascript:",
    "select ", "union select ", "or 1=1 ", "and ", "' or '", "=", "(", ")", "[", "{{", "}}", "${", "<%", "|", ";id ",
    "`id`", "$(id)", "cat /etc/passwd ", "http://127.0.0.1/", "\n", " ", "a", "\xff", "php://", "{jndi:", "sleep(",
    "system(", "eval(", "__proto__", "*)(", "&", "!", "%", "word ", "\x7f", '"a":', "<!--", "<?php ", "$ne", "url(",
]  # fmt: skip


def shapes(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    shown = text.decode("latin-1")
    pieces = [shown[start : start + 30] for start in range(0, len(shown) * 2 // 3, 30)]
    yield b"text/plain", text
    yield b"application/x-www-form-urlencoded", b"a=" + text.replace(b"&", b"%26")
    yield (
        b"application/x-www-form-urlencoded",
        b"&".join(b"k=" + text[n : n + 40] for n in range(0, len(text), 43)),
    )
    yield b"application/json", json.dumps(pieces).encode()
    yield b"application/json", json.dumps({"a": shown[: SIZE // 2]}).encode()
    yield b"application/json", json.dumps({f"{piece}{n}": 1 for n, piece in enumerate(pieces)}).encode()
    head = b'--B\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
    yield b"multipart/form-data; boundary=B", head + text + b"\r\n--B--\r\n"
    yield b"", text


def test_report_the_worst_input(request: pytest.FixtureRequest) -> None:
    rules = [
        rule for path in sorted(RULES.glob("*.yaml")) for rule in parse_rules(path.read_text(), path.name)
    ]
    signatures = Signatures.build(rules, STORE, mask)
    chance = random.Random(20_240)
    worst: list[tuple[float, str, str]] = []
    tried, end = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        chosen = chance.choices(UNITS, k=chance.choice([1, 1, 2, 3]))
        text = ("".join(chosen) * SIZE)[:SIZE].encode("latin-1")
        for content_type, body in shapes(text):
            best = min(spent(signatures, content_type, body) for _ in range(2))
            worst.append(
                (best * SIZE / len(body), content_type.decode() or "no type", " ".join(map(repr, chosen)))
            )
            tried += 1
    worst.sort(reverse=True)
    writer = request.config.get_terminal_writer()
    writer.line(f"\n{tried} inputs; the worst, in ms per 100 KB:")
    for seconds, content_type, units in worst[:10]:
        writer.line(f"{seconds * 1e3:8.1f}  {content_type:36} {units}")
    assert tried > 10


def spent(signatures: Signatures, content_type: bytes, body: bytes) -> float:
    head = made(method=b"POST", body=body, content_type=content_type)
    started = time.perf_counter()
    signatures.check(read(head, body, Limits(), mask), 2)
    return time.perf_counter() - started
