"""What is made to keep an inspector busy: bounded, and never without a finding."""

from __future__ import annotations

import json

import pytest

from tests.inspect.inspect_samples import STORE, mask
from tests.inspect.inspect_samples import request as made
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.bodies import graphql
from waf.inspect.bodies.parsed import LONGEST_NAME, Notes
from waf.inspect.confirm import template
from waf.inspect.folds import fold_sqlspace
from waf.inspect.layers import unpercent
from waf.inspect.reading import read
from waf.inspect.rules import parse_rules
from waf.inspect.signatures import Signatures
from waf.model import Confidence, Field, Part, Severity
from waf.sensitive.places import MAX_NAME, safe_name

LONG = 20_000


def _noted(body: bytes, content_type: bytes) -> list[str]:
    reading = read(made(method=b"POST", body=body, content_type=content_type), body, Limits(), mask)
    reading.body_fields()
    return [finding.rule for finding in reading.findings]


@pytest.mark.parametrize("content_type", [b"application/x-www-form-urlencoded", b"application/json"])
def test_names_are_kept_short(content_type: bytes) -> None:
    name = "n" * LONG
    body = f"{name}=1".encode() if b"form" in content_type else json.dumps({name: 1}).encode()
    reading = read(made(method=b"POST", body=body, content_type=content_type), body, Limits(), mask)
    fields = reading.body_fields()
    assert {len(field.name) for field in fields} == {LONGEST_NAME}
    assert name.encode() in {field.value for field in fields}  # as a value it is looked at whole


def test_a_key_given_twice_is_found_among_very_many() -> None:
    keys = ",".join(f'"k{number}":1' for number in range(LONG))
    assert "protocol.json-duplicate-key" in _noted(
        f'{{{keys},"last":1,"last":2}}'.encode(), b"application/json"
    )


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ('{ a(b: "open }', ["protocol.graphql-syntax"]),
        ('{ a(b: """open }', ["protocol.graphql-syntax"]),
        ('{ a(b: "closed") }', []),
        ('{ a(b: """two "quotes" within""") }', []),
        ("{ " + '\\"exec ' * LONG, ["protocol.graphql-syntax"]),
        ("{ " + "a " * graphql.MAX_TOKENS + "}", ["limit.graphql-fields", "protocol.graphql-syntax"]),
    ],
)
def test_graphql_that_never_ends(text: str, rules: list[str]) -> None:
    notes = Notes(Limits(), mask)
    graphql.check_text(text, notes)
    assert [finding.rule for finding in notes.findings] == rules


def test_comments_before_graphql_are_read_once() -> None:
    assert not graphql.looks_like("#" * LONG + "x")
    assert graphql.looks_like("# a\n  # b\n\nquery {")


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        (b"uni/**/on", b"union"),
        (b"a/* x **/b/***/c", b"abc"),
        (b"a/**/ b", b"a/**/ b"),
        (b"a/**/$b/**/c", b"a/**/$bc"),
    ],
)
def test_comments_within_words(text: bytes, folded: bytes) -> None:
    assert folded in (text, *fold_sqlspace(text))
    assert len(fold_sqlspace(b"/**/$where" * LONG)[0]) > LONG


@pytest.mark.parametrize("text", [b"%" * 80, b"100% a%20b=c%zz%" + b"x" * 64, b"%41=%3d%2" + b"y" * 64])
def test_percent_signs_that_encode_nothing_stay(text: bytes) -> None:
    pieces = [text[start : start + 60] for start in range(0, len(text), 60)]
    assert unpercent(text) == text.replace(b"%20", b" ").replace(b"%41", b"A").replace(b"%3d", b"=")
    assert len(pieces) > 1  # long enough for the fast way


def test_names_are_masked_whatever_their_length() -> None:
    assert safe_name("jo.doe@example.org") == "*"
    assert safe_name("form.jo@example.org.x") == "*"
    assert len(safe_name("a" * LONG)) == MAX_NAME
    assert safe_name("-".join(["abc"] * LONG)).startswith("abc-abc")


@pytest.mark.parametrize("before", [b"", b"{{ }} " * 5, b"<# " * 20, b"[[ " * 12])
def test_expressions_are_found_behind_openings_that_nothing_closes(before: bytes) -> None:
    value = before + b"{{7*7}}"
    assert template.confirm(value, (len(before), len(value))) is Confidence.HIGH


RULE = """
- id: own-dense
  title: a rule that matches everywhere
  class: xss
  severity: low
  confidence: low
  level: 1
  cwe: [CWE-79]
  attack: [T1190]
  where: [form, json]
  pattern: 'zq'
  hits: ["zq"]
  misses: ["q"]
"""


@pytest.mark.parametrize("before", [0, 60_000])
def test_too_many_matches_are_a_finding(before: int) -> None:
    rules = parse_rules(RULE, "own.yaml")
    signatures = Signatures.build(rules, STORE, mask)
    body = b"a=" + b"word " * (before // 5) + b"zq" * 20_000
    reading = read(
        made(method=b"POST", body=body, content_type=b"application/x-www-form-urlencoded"),
        body,
        Limits(),
        mask,
    )
    found = signatures.check(reading, 2)
    assert "own-dense" in {finding.rule for finding in found}
    assert "limit.matches" in {finding.rule for finding in reading.findings}


# An expression of which is not known that its matches stay within a value, as "\0" is not read here.
CROSSING = """
- id: own-crossing
  title: a rule whose matches may go on from one value to the next
  class: xss
  severity: low
  confidence: low
  level: 1
  cwe: [CWE-79]
  attack: [T1190]
  where: [values]
  pattern: 'q[^\\0z]{0,8}k'
  hits: ["qk"]
  misses: ["q"]
"""


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (b"/?a=x&b=kqk", True),
        (b"/?a=%2541xq&b=kqk", True),  # the first match there begins in the value before
        (b"/?a=%2541xq&b=k", False),
        (b"/?a=%2541xq&b=k" + b"x" * 20 + b"k", False),
    ],
)
def test_what_begins_in_another_value_hides_nothing(target: bytes, found: bool) -> None:
    signatures = Signatures.build(parse_rules(CROSSING, "own.yaml"), STORE, mask)
    fields = read(made(target=target), b"", Limits(), mask).target
    assert signatures.searcher.scan_all([field.value for field in fields]).matches
    findings = signatures.examine(fields, 2, Notes(Limits(), mask))
    assert bool(findings) is found


HIDDEN = b"&#x25;7a&#x25;71"  # "zq", percent-encoded, as HTML's references
WITHIN = "%7a%71"
JUNK = [
    b"%41&lt;\\x41", b"&amp;lt; %2541 \\u0025", b"\\\\x41 &#92;x41", b"\xef\xbc\xa1%27&#39;", b"/**/a%2f%2a&lt;", b"c'a't%27&quot; ",
    b"word &amp; word \\n", b"%u0041%25u0041", b"+ADw-&lt;%3c", b"\\6a %5c&#92;",
]  # fmt: skip


@together("unit", JUNK)
@together("first", [False, True])
@together("kind", ["one", "values", "within"])
def test_junk_hides_nothing_that_is_encoded_twice(unit: bytes, first: bool, kind: str) -> None:
    signatures = Signatures.build(parse_rules(RULE, "own.yaml"), STORE, mask)
    for size in (3_000, 30_000, 200_000):
        junk = unit * (size // len(unit))
        if kind == "one":
            values = [HIDDEN + b" " + junk if first else junk + b" " + HIDDEN]
        elif kind == "within":  # in the midst of what is more than a document's strings
            strings = [f"{number} {unit!r}" for number in range(60)]
            values = [json.dumps([WITHIN, *strings] if first else [*strings, WITHIN]).encode()]
        else:
            pieces = [b"%d" % at + junk[at : at + 40] for at in range(0, len(junk), 40)]
            values = [HIDDEN, *pieces] if first else [*pieces, HIDDEN]
        notes = Notes(Limits(), mask)
        fields = [Field(Part.JSON, "a", value) for value in values]
        found = {finding.rule for finding in signatures.examine(fields, 2, notes)}
        found |= {finding.rule for finding in notes.findings if finding.severity >= Severity.HIGH}
        assert found & {"own-dense", "limit.encodings", "limit.matches"}, size
