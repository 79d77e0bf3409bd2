"""Rules' own samples: put into messages as they would be sent, and told where they do not hold."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.together import together
from waf.control.files import DirectoryPatternStore
from waf.inspect.reading import read
from waf.inspect.rules import Place, Rule, parse_rules
from waf.inspect.signatures import Signatures
from waf.model import Part
from waf.policy.placing import LIMITS, answer, place, whole
from waf.policy.selftest import failures

TEXTS = ["plain", "a b&c=d", "' or 1=1 -- ", '<b>"x"</b>', "../../etc/passwd", "größe", "50% off + more"]
CARRIED = [
    Part.ARG, Part.ARG_NAME, Part.FORM, Part.FORM_NAME, Part.COOKIE, Part.COOKIE_NAME, Part.JSON, Part.JSON_KEY,
    Part.XML, Part.FILE, Part.SEGMENT, Part.GRAPHQL, Part.QUERY, Part.BODY,
]  # fmt: skip


@together("text", TEXTS)
@together("part", CARRIED, ids=lambda part: part.label)
def test_a_text_is_read_where_it_was_put(part: Part, text: str) -> None:
    made = place(text, Place(part))
    assert made is not None
    reading = read(*made, LIMITS, lambda data: data.decode("latin-1"))
    fields = [*reading.head, *reading.body_fields()]
    found = [
        field.name if part.label.endswith(("-name", "-key")) else field.value.decode() for field in fields
    ]
    assert any(text.strip() in shown for one in found for shown in (one, unquote(one))), found


@pytest.mark.parametrize(("name", "kept"), [("", True), ("referer", True), ("host", False)])
def test_headers(name: str, kept: bool) -> None:
    made = place("a value", Place(Part.HEADER, name))
    assert (made is not None) is kept


@pytest.mark.parametrize("part", [Part.METHOD, Part.STATUS, Part.RESPONSE])
def test_no_client_puts_a_text_there(part: Part) -> None:
    assert place("x", Place(part)) is None


def test_whole_messages() -> None:
    request, body = whole("POST /x HTTP/1.1\nHost: a\nContent-Length: 99\n\nhello")
    assert (request.method, request.length, body) == (b"POST", 5, b"hello")
    _, response, body = answer("HTTP/1.1 404 Not Found\nContent-Type: text/plain\n\ngone")
    assert (response.status, response.length, body) == (404, 4, b"gone")


RULE = """
- id: own
  title: Own
  class: code
  severity: high
  confidence: high
  where: [{where}]
  views: []
  pattern: 'frobnicate'
  hits: [{hit}]
  misses: [{miss}]
"""


@pytest.mark.parametrize(
    ("where", "hit", "miss", "told"),
    [
        ("arg", "frobnicate", "other", []),
        ("arg", "other", "other", ["hit 'other' is not found at arg"]),
        ("arg, json", "frobnicate", "frobnicated", ["is found at arg", "is found at json"]),
        ("arg", '{json: "frobnicate"}', "x", ["is not found at json"]),
        ("method", "frobnicate", "x", ["can stand at no place"]),
        ("arg", '{request: "GET /?a=frobnicate HTTP/1.1\\nHost: a"}', "x", []),
        ("arg", '{request: "GET / HTTP/1.1\\nHost: a\\nHost: b"}', "x", ["is no message: protocol."]),
        ("response", '{response: "HTTP/1.1 200 OK\\nContent-Type: text/plain\\n\\nfrobnicate"}',
         '{response: "HTTP/1.1 200 OK\\nContent-Type: text/plain\\n\\nx"}', []),
    ],
)  # fmt: skip
def test_failures(pattern_cache: Path, where: str, hit: str, miss: str, told: list[str]) -> None:
    rules: tuple[Rule, ...] = parse_rules(RULE.format(where=where, hit=hit, miss=miss), "own.yaml")
    signatures = Signatures.build(
        rules, DirectoryPatternStore(pattern_cache), lambda data: data.decode("latin-1")
    )
    found = failures(rules, signatures)
    assert len(found) == len(told), found
    for line, words in zip(found, told, strict=True):
        assert line.startswith("own (own.yaml:2): ")
        assert words in line


def test_what_another_rule_of_the_class_finds_is_no_failure(pattern_cache: Path) -> None:
    other = (
        RULE.format(where="body", hit="other", miss="x")
        .replace("own", "another")
        .replace("frobnicate", "other")
    )
    text = RULE.format(where="body", hit="frobnicate", miss="other") + other
    signatures = Signatures.build(
        rules := parse_rules(text, "own.yaml"),
        DirectoryPatternStore(pattern_cache),
        lambda data: data.decode("latin-1"),
    )
    assert failures(rules, signatures) == []
