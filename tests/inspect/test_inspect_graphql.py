"""Documents of GraphQL: tokens and literals in C are those of the expressions in Python."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import mask
from waf.config.schema import Limits
from waf.inspect.bodies import graphql
from waf.inspect.bodies.parsed import Collector, Notes
from waf.inspect.native import BODIES

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


@pytest.mark.parametrize(
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
@pytest.mark.parametrize("read", [graphql.literals, graphql.read_literals])
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
