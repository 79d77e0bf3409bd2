"""What the tests of this room share: requests, rules, a store in memory, the bytes that tables write as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.patterns import patterns_made
from waf.config.schema import Limits
from waf.http1.parse import request_head, response_head
from waf.inspect.reading import Reading, read
from waf.inspect.rules import Rule, parse_rules
from waf.inspect.signatures import Signatures
from waf.model import Field, Request, Response

CASES = Path(__file__).parent.parent / "cases" / "inspect"
LIMITS = Limits()


def table(name: str) -> Any:
    """One table of tests/cases/inspect; an empty one is a mistake."""
    loaded = yaml.safe_load((CASES / name).read_text(encoding="utf-8"))
    assert loaded, f"{name} holds no case"
    return loaded


def raw(text: str) -> bytes:
    """Tables write bytes as Latin-1 text: "\\xff" is one byte."""
    return text.encode("latin-1")


def mask(data: bytes) -> str:
    return data[:120].decode("latin-1")


class Store:
    """Compiled patterns in memory; counts what was asked of it."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.saved = 0

    def load(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def save(self, key: str, database: bytes) -> None:
        self.saved += 1
        self.kept[key] = database


STORE = patterns_made()


def request(
    target: bytes = b"/", *lines: bytes, method: bytes = b"GET", body: bytes = b"", content_type: bytes = b""
) -> Request:
    head = [method + b" " + target + b" HTTP/1.1", b"Host: app.example", *lines]
    if content_type:
        head.append(b"Content-Type: " + content_type)
    if body:
        head.append(b"Content-Length: %d" % len(body))
    return request_head(b"\r\n".join([*head, b"", b""]), Limits(head=1 << 20, line=1 << 19))


def response(*lines: bytes, status: bytes = b"200 OK") -> Response:
    return response_head(b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", b""]), LIMITS, b"GET")


def reading(
    target: bytes = b"/", *lines: bytes, body: bytes = b"", content_type: bytes = b"", limits: Limits = LIMITS
) -> Reading:
    method = b"POST" if body or content_type else b"GET"
    made = request(target, *lines, method=method, body=body, content_type=content_type)
    return read(made, body, limits, mask)


def shown(fields: Any) -> list[tuple[str, bytes]]:
    return [(field.address, field.value) for field in fields]


def noticed(read_request: Reading) -> list[str]:
    """Rule ids, with those that only making the fields brings to light."""
    read_request.body_fields()
    return sorted({finding.rule for finding in read_request.findings})


def rule(**keys: Any) -> str:
    """A rule file of one rule, with what the keys leave out."""
    full: dict[str, Any] = {
        "id": "one", "title": "one", "class": "sqli", "severity": "high", "confidence": "high",
        "where": ["values"], "hits": ["x"],
    }  # fmt: skip
    full.update(keys)
    if "pattern" not in full and "patterns" not in full:
        full["pattern"] = "attack"
    return json.dumps([{key: value for key, value in full.items() if value is not None}])


def rules(*files: str) -> list[Rule]:
    return [one for number, text in enumerate(files) for one in parse_rules(text, f"{number}.yaml")]


@cache
def signatures(*files: str) -> Signatures:
    return Signatures.build(rules(*files), STORE, mask)


def field_values(fields: Any, part: Any) -> list[bytes]:
    return [field.value for field in fields if field.part is part]


def alike(made: Sequence[Field], reference: Sequence[Field], most: int) -> bool:
    """Whether fields are the same, but for what is more than `most` of them: there all has to be that is in the reference, in any order."""
    if made[:most] != reference[:most] or len(made) < len(reference):
        return False
    known = {field.value for field in made[:most]}
    rest = [
        {*b"\n".join(field.value for field in fields[most:]).split(b"\n")} for fields in (made, reference)
    ]
    return rest[1] <= rest[0] | known | {b""}
