"""Documents of GraphQL: tokens and literals in C are those of the expressions in Python."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import alike, mask
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.bodies import graphql, json_body
from waf.inspect.bodies.parsed import MARK, BodyKind, Collector, Notes
from waf.inspect.native import BODIES
from waf.model import Field

PIECES = [
    b"{", b"}", b"(", b")", b"[", b"]", b":", b"@", b"$", b"!", b"=", b"|", b"&", b".", b"...", b"a", b"b2", b"_c", b"9", b"9d", b"-1",
    b'"', b'""', b'"""', b"\\", b'\\"', b"\\\\", b'\\"""', b"\\n", b"\\u0041", b"\\u00e4", b"\\u20AC", b"\\ud83d", b"\\u12", b"\\x", b"\\\n",
    b"#", b"# a\n", b"\n", b"\r", b" ", b",", b"'", b"\0", b"\xc3\xa4", b"\xff", b"\x7f", b'"a"', b"a:b", b"a{b(c:d)}",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=2), max_size=40).map(b"".join)


@pytest.mark.skipif(BODIES is None, reason="not built")
@given(TEXTS, st.sampled_from([0, 1, 3, 1000]))
@settings(max_examples=2000)
def test_as_the_reference(text: bytes, most: int) -> None:
    assert graphql.counts(text, most) == graphql.read_counts(text, most)
    assert graphql.literals(text, most) == graphql.read_literals(text, most)


@together(
    ("text", "said"),
    [
        (b'{ a(b: "x\\u0027 or\\t1") }', [b"x' or\t1"]),
        (b'{ a(b: """x "quoted" \\""" y""") }', [b'x "quoted" """ y']),
        (b'{ a(b: "") # "none"\n }', []),
        (b'{ a(b: "open\n) "c" }', [b"open", b"c"]),
        (b'{ a(b: """open " \\', [b'open " ']),
        (b'"\\ud83d\\ude00"', [b"\xed\xa0\xbd\xed\xb8\x80"]),
    ],
)
@together("read", [graphql.literals, graphql.read_literals])
def test_what_literals_say(text: bytes, said: list[bytes], read: object) -> None:
    assert callable(read)
    assert read(text, 100) == said


def test_literals_beyond_the_fields_are_one_text() -> None:
    notes = Notes(Limits(fields=10), mask)
    into = Collector(notes)
    graphql.collect("{ " + " ".join(f'a(b: "literal {n}")' for n in range(100)) + " }", into)
    fields = into.done()
    assert len(fields) == 11
    assert [finding.rule for finding in notes.findings] == ["limit.fields"]
    assert {b"literal 50", b"literal 99"} <= {*fields[-1].value.split(b"\n")}


QUERIES = st.sampled_from(
    ["{ a }", "query Q { a(b: \"c\") }", " mutation{b}", "fragment f on G { a }", "query", "{", "#x\n{a}", "words", "{a(b:\"\\u007f\")}", "{a(b:\"\\u0041'\")}",
     "subscription { a b: c d }", '{"a":1}', "[1]", "\u2003{ a }", "{ a } }", "query ;{ a }"]
) | TEXTS.map(lambda text: text.decode("latin-1"))  # fmt: skip
OTHERS = (
    st.none() | st.booleans() | st.sampled_from(["", "x", "[1,2]", '{"b":"c"}', {}, [], ["y"], {"id": "7"}])
)
OPERATIONS = st.builds(lambda query, other: {"query": query, "variables": other}, QUERIES | OTHERS, OTHERS)


@pytest.mark.skipif(BODIES is None, reason="not built")
@given(
    OPERATIONS | st.lists(OPERATIONS | OTHERS, max_size=3),
    st.booleans(),
    st.sampled_from([3, 12, 2000]),
    st.sampled_from([9, 65536]),
)
@settings(max_examples=1500)
def test_requests_are_read_as_by_the_reference(
    document: Any, ascii_only: bool, most: int, longest: int
) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only).encode()

    def told() -> tuple[BodyKind, set[str], list[Field], bytes | None]:
        notes = Notes(Limits(fields=most, value=longest), mask)
        parsed = json_body.parse(body, notes)
        assert parsed is not None
        sheet = parsed.sheet() if parsed.sheet is not None else None
        fields = parsed.fields()
        return parsed.kind, {one.rule for one in notes.findings}, fields, sheet and sheet.text

    made = told()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_body, "PLAIN_SHEET", None)
        reference = told()
    assert made[:2] == reference[:2]
    assert alike(made[2], reference[2], most)
    if made[3] is not None and made[0] is BodyKind.GRAPHQL:
        values = made[3].split(MARK)
        assert all(field.value in values for field in made[2] if field.kind == 0 and "{}" not in field.name)


@pytest.mark.skipif(BODIES is None, reason="not built")
@pytest.mark.parametrize(
    ("query", "sheet"),
    [
        ('query { a(b: "c\\n\'") { d } }', True),
        ('{ a(b: "\\u007f") }', False),
        ("{" + " a" * 40_000 + "}", False),
    ],
)
def test_which_requests_have_a_sheet(query: str, sheet: bool) -> None:
    parsed = json_body.parse(json.dumps({"query": query}).encode(), Notes(Limits(), mask))
    assert parsed is not None
    assert parsed.kind is BodyKind.GRAPHQL
    assert (parsed.sheet is not None) is sheet
