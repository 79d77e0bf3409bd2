"""Sets that were written before the rules were read: short payloads, whole hostile requests, requests of known products.

`blind.txt`, and later `unread.txt`, `unread_again.txt`, `unseen.txt`, `unseen_last.txt`, `tenth.txt`, `eleventh.txt`, `twelfth.txt`,
`thirteenth.txt` and `fourteenth.txt`, hold payloads by
kind, one a line ("⏎" is a line feed, "␍" a CR LF); some of them act nowhere. The others are lists of requests as JSON, one a line: `name`, `request` (method and
target), `headers`, `body` or `base64`. What was missed and what was refused wrongly led to changes of the rules, so these
rates say what was mended; see decisions 0038, 0043, 0044, 0051 and 0059 for what they were before. `worlds.jsonl` came last: what query
languages, settings, everyday apps and people put into requests, `pieces` that resemble payloads (many of them act where an
app hands them on), and `later` ones of other products. `plain.txt` and `plain_requests.jsonl` are legitimate alone: what
people write, texts that look like attacks, requests of products; `…_again` others, written when
those had been used; see decision 0048. `eleventh_plain…` came after those of the tenth, judged legitimate and kept before they were measured
once: everyday, tricky, rich and code as the goals for wrong refusals name them, `code on purpose` what hands code to an app whose work that
is; see decision 0058. The twelfth to fourteenth sets, of attacks and of ordinary texts, were written by people who had read no rule, and kept before
they were measured. `…_alike.txt` resemble each kind of their sets of attacks and do no harm.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

Request = tuple[str, str, list[tuple[str, str]], bytes]
"""Method, target, headers, body."""

_HERE: Final = Path(__file__).parent


def payloads(file: str = "blind.txt") -> dict[str, list[str]]:
    """Short payloads of each kind."""
    kinds: dict[str, list[str]] = {}
    for line in (_HERE / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            kinds[line[2:]] = written = []
        elif line:
            written.append(line.replace("⏎", "\n").replace("␍", "\r\n"))
    return kinds


def hostile_requests(file: str = "blind_requests.jsonl") -> Iterator[tuple[str, Request]]:
    """Whole requests of scanners and for known holes, by the place of what is wrong with them."""
    return _requests(file)


def product_requests() -> Iterator[tuple[str, Request]]:
    """What clients of known products send, by product."""
    return _requests("products.jsonl")


def worlds(file: str = "worlds.jsonl") -> Iterator[tuple[str, str, Request]]:
    """Requests of many worlds: (the world, the product or kind, the request)."""
    for line in (_HERE / file).read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        yield one["world"], one["name"], _request(one)


def _requests(file: str) -> Iterator[tuple[str, Request]]:
    for line in (_HERE / file).read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        yield one["name"], _request(one)


def _request(one: dict[str, Any]) -> Request:
    method, _, target = one["request"].partition(" ")
    body = base64.b64decode(one["base64"]) if "base64" in one else one.get("body", "").encode()
    return method, target, list(one.get("headers", {}).items()), body
