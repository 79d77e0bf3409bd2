"""Bodies: the tables of tricks and of honest traffic, the limits, the standard library as an oracle."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import field_values, mask, noticed, raw, reading, shown, signatures, table
from tests.together import together
from waf.config.schema import Limits, Size
from waf.inspect import torn
from waf.inspect.bodies import json_body, multipart_body, xml_body
from waf.inspect.bodies.content_type import parse_content_type
from waf.inspect.bodies.disposition import parse_disposition
from waf.inspect.bodies.parsed import MARK, BodyKind, Notes
from waf.inspect.notices import NOTICES, notice
from waf.model import Confidence, Kind, Part, Severity

CASES = table("bodies.yaml")
ORDINARY = table("ordinary.yaml")
CODERS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@together("case", CASES, ids=lambda case: case["case"])
def test_table(case: dict[str, Any]) -> None:
    assert not set(case) - {"case", "type", "body", "kind", "fields", "has", "notices"}
    made = reading(b"/", body=raw(case["body"]), content_type=raw(case.get("type", "")))
    found = shown(made.body_fields())
    if "kind" in case:
        assert made.body_kind.value == case["kind"]
    if "fields" in case:
        assert found == [(address, raw(value)) for address, value in case["fields"]]
    for address, value in case.get("has", []):
        assert (address, raw(value)) in found
    assert noticed(made) == sorted(case.get("notices", []))
    kind = made.body_kind
    made.put_away()
    assert (shown(made.body_fields()), made.body_kind) == (found, kind)
    assert noticed(made) == sorted(case.get("notices", []))


def test_the_table_knows_every_notice_of_bodies() -> None:
    tried = {rule for case in CASES for rule in case.get("notices", [])}
    elsewhere = ("limit.", "protocol.coding", "protocol.double", "protocol.mixed", "protocol.percent",
                 "protocol.overlong", "protocol.null", "protocol.legacy")  # fmt: skip
    assert {rule for rule in NOTICES if not rule.startswith(elsewhere)} - tried == set()


@together("case", ORDINARY, ids=lambda case: case["case"])
def test_ordinary_traffic_is_not_noticed(case: dict[str, Any]) -> None:
    assert not set(case) - {"case", "type", "body", "coding", "target", "lines"}
    body, lines = raw(case.get("body", "")), [raw(line) for line in case.get("lines", [])]
    if "coding" in case:
        body = CODERS[case["coding"]](body)
        lines.append(b"Content-Encoding: " + case["coding"].encode())
    made = reading(raw(case.get("target", "/")), *lines, body=body, content_type=raw(case.get("type", "")))
    made.body_fields()
    # The search through views may notice encodings, too.
    assert signatures().check(made, 4) == []
    assert [finding.rule for finding in made.findings] == []


# ------------------------------------------------------------------------------------------------------ codings


@pytest.mark.parametrize("coding", CODERS)
def test_codings_are_undone(coding: str) -> None:
    body = CODERS[coding](b'{"a": "x"}' + b" " * 5000)
    made = reading(b"/", b"Content-Encoding: " + coding.encode(), body=body, content_type=b"application/json")
    assert shown(made.body_fields())[1] == ("json.a", b"x")
    assert not made.findings
    assert made.body.startswith(b'{"a"')


@together(
    ("coding", "body", "rule"),
    [
        (b"gzip", b'{"a": "x"}', "protocol.coding-mislabelled"),
        (b"deflate", b'{"a": "x"}', "protocol.coding-mislabelled"),
        (b"br", b'{"a": "x"}', "protocol.coding-mislabelled"),
        (b"zstd", b'{"a": "x"}', "protocol.coding-mislabelled"),
        (b"gzip", gzip.compress(b'{"a": "x"}', mtime=0)[:-6], "protocol.coding-damaged"),
        (b"gzip", gzip.compress(b'{"a": "x"}', mtime=0) + b"more", "protocol.coding-damaged"),
        (b"deflate", zlib.compress(b'{"a": "x"}') + b"more", "protocol.coding-damaged"),
        (b"br", brotli.compress(b"x" + random.Random(1).randbytes(5000))[:-9], "protocol.coding-damaged"),
        (b"compress", b'{"a": "x"}', "protocol.coding-unknown"),
        (
            b"gzip, gzip",
            gzip.compress(gzip.compress(b'{"a": "x"}', mtime=0), mtime=0),
            "protocol.coding-doubled",
        ),
        (
            b"identity, br, gzip",
            gzip.compress(brotli.compress(b'{"a": "x"}'), mtime=0),
            "protocol.coding-doubled",
        ),
    ],
)
def test_odd_codings_are_noticed_and_inspected_all_the_same(coding: bytes, body: bytes, rule: str) -> None:
    made = reading(b"/", b"Content-Encoding: " + coding, body=body, content_type=b"application/json")
    assert rule in [finding.rule for finding in made.findings]
    assert any(b"x" in value for _, value in shown(made.body_fields()))


def test_gzip_members_follow_one_another_and_bare_deflate_is_read() -> None:
    members = gzip.compress(b'{"a": ', mtime=0) + gzip.compress(b'"x"}', mtime=0)
    made = reading(b"/", b"Content-Encoding: gzip", body=members, content_type=b"application/json")
    assert field_values(made.body_fields(), Part.JSON) == [b"x"]
    bare = zlib.compressobj(wbits=-15)
    body = bare.compress(b"a=x") + bare.flush()
    made = reading(
        b"/", b"Content-Encoding: deflate", body=body, content_type=b"application/x-www-form-urlencoded"
    )
    assert field_values(made.body_fields(), Part.FORM) == [b"x"]
    assert not made.findings


@pytest.mark.parametrize("coding", CODERS)
def test_bombs_are_cut_short(coding: str) -> None:
    body = CODERS[coding](b" " * 4_000_000)
    made = reading(b"/", b"Content-Encoding: " + coding.encode(), body=body, content_type=b"text/plain")
    assert [finding.rule for finding in made.findings] == ["limit.decompressed"]
    assert len(made.body) <= max(len(body) * 100, 256 * 1024)


# ------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(("limit", "pairs"), [(1, 1), (2, 1), (3, 1), (4, 2), (2000, 1000)])
def test_a_pair_of_a_form_is_two_fields(limit: int, pairs: int) -> None:
    for count in (pairs, pairs + 1):
        form = reading(
            body=b"&".join(b"k%d=v%d" % (n, n) for n in range(count)),
            content_type=b"application/x-www-form-urlencoded",
            limits=Limits(fields=limit),
        )
        assert len(field_values(form.body_fields(), Part.FORM)) == pairs
        assert noticed(form) == (["limit.fields"] if count > pairs else [])
        lines = form.body_lines()
        assert lines is None or len(lines[1]) == 16 * 2 * count


def test_fields_beyond_the_limit_are_one_text() -> None:
    limits = Limits(fields=10)
    form = reading(
        body=b"&".join(b"k%d=v%d" % (n, n) for n in range(20)),
        content_type=b"application/x-www-form-urlencoded",
        limits=limits,
    )
    fields = form.body_fields()
    assert len(field_values(fields, Part.FORM)) == 5
    assert b"k19=v19" in field_values(fields, Part.BODY)[0]
    assert noticed(form) == ["limit.fields"]
    document = reading(
        body=json.dumps([f"v{n}" for n in range(20)]).encode(),
        content_type=b"application/json",
        limits=limits,
    )
    assert len(field_values(document.body_fields(), Part.JSON)) == 10
    assert field_values(document.body_fields(), Part.BODY)[0].endswith(b"v19")
    assert noticed(document) == ["limit.fields"]
    tree = reading(
        body=b"<a>" + b"<b>x</b>" * 20 + b"<c>last</c></a>", content_type=b"text/xml", limits=limits
    )
    assert b"last" in field_values(tree.body_fields(), Part.BODY)[0]
    assert noticed(tree) == ["limit.fields"]


def test_long_values_are_noticed_and_whole() -> None:
    limits = Limits(value=Size(100))
    for content_type, body in (
        (b"application/json", b'{"a": "' + b"x" * 200 + b'"}'),
        (b"application/x-www-form-urlencoded", b"a=" + b"x" * 200),
        (b"text/xml", b"<a>" + b"x" * 200 + b"</a>"),
    ):
        made = reading(body=body, content_type=content_type, limits=limits)
        assert b"x" * 200 in [value for _, value in shown(made.body_fields())]
        assert noticed(made) == ["limit.value"]


@pytest.mark.parametrize(
    ("body", "deep"),
    [
        (b"[" * 64 + b"]" * 64, False),
        (b"[" * 65 + b"]" * 65, True),
        (b'{"a":' * 65 + b"1" + b"}" * 65, True),
        (b"[" * 900 + b"]" * 900, True),
        (b"[" * 100_000 + b"]" * 100_000, True),
        (b"[" + b"[]," * 200 + b"[]]", False),
        # Brackets in strings must neither hide levels nor make any.
        (b"[" * 40 + b'"' + b"]" * 40 + b'",' + b"[" * 40 + b'"' + b"[" * 40 + b'"' + b"]" * 80, True),
        (b'["' + b"[" * 200 + b'"]', False),
        (b'["\\"' + b"[" * 200 + b'\\\\"]', False),
    ],
)
def test_depth_of_json(body: bytes, deep: bool) -> None:
    assert noticed(reading(body=body, content_type=b"application/json")) == ["limit.depth"] * deep


def test_xml_beyond_the_fields_is_one_text() -> None:
    notes = Notes(Limits(fields=10, depth=5), mask)
    body = (
        b"<r>" + b"".join(b'<i%d a%d="v%d">x<b>%d</b>y</i%d>' % (n, n, n, n, n) for n in range(40)) + b"</r>"
    )
    parsed = xml_body.parse(body, notes)
    assert parsed is not None
    *fields, rest = parsed.fields()
    assert len(fields) == 10
    assert rest.part is Part.BODY
    seen = {field.value for field in fields} | {*rest.value.split(b"\n")}
    for n in range(40):
        assert {b"i%d" % n, b"a%d" % n, b"v%d" % n, b"%d" % n, b"xy"} <= seen
    assert [finding.rule for finding in notes.findings] == ["limit.fields"]


def test_xml_beyond_the_fields_is_no_deeper_than_other() -> None:
    notes = Notes(Limits(fields=10, depth=5), mask)
    body = b"<r>" + b"<i>x</i>" * 40 + b"<a>lost</a>" + b"<d>" * 5 + b"</d>" * 5 + b"</r>"
    parsed = xml_body.parse(body, notes)
    assert parsed is not None
    assert {"limit.depth", "limit.fields"} >= {finding.rule for finding in notes.findings}
    assert "limit.depth" in {finding.rule for finding in notes.findings}
    assert parsed.fields()[-2].value == body


def test_depth_of_xml() -> None:
    body = b"<a>" * 65 + b"deep" + b"</a>" * 65
    made = reading(body=body, content_type=b"text/xml")
    assert noticed(made) == ["limit.depth"]
    assert body in field_values(made.body_fields(), Part.BODY)


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("query { " + "a { " * 21 + "b" + " }" * 22, "limit.graphql-depth"),
        ("{ " + " ".join(f"x{n}: a" for n in range(31)) + " }", "limit.graphql-aliases"),
        ("{ " + "a " * 1001 + "}", "limit.graphql-fields"),
    ],
)
def test_limits_of_graphql(query: str, rule: str) -> None:
    assert noticed(reading(body=json.dumps({"query": query}).encode(), content_type=b"application/json")) == [
        rule
    ]
    assert noticed(reading(body=query.encode(), content_type=b"application/graphql")) == [rule]
    got = reading(
        b"/graphql?query=" + query.replace(" ", "+").replace("{", "%7B").replace("}", "%7D").encode()
    )
    assert noticed(got) == [rule]


def test_a_batch_of_graphql() -> None:
    operation = {"query": "{ a }"}
    body = json.dumps([operation] * 21).encode()
    assert noticed(reading(body=body, content_type=b"application/json")) == ["limit.graphql-batch"]
    body = json.dumps([operation] * 20).encode()
    assert noticed(reading(body=body, content_type=b"application/json")) == []


def test_a_batch_of_graphql_that_guesses() -> None:
    def said(query: str, times: int) -> list[str]:
        body = json.dumps([{"query": query % number} for number in range(times)]).encode()
        return noticed(reading(body=body, content_type=b"application/json"))

    assert said('mutation { otp(code: "%04d") { token } }', 5) == ["limit.graphql-guesses"]
    assert said('mutation M { again: login(user: "a", pin: %d) { token } }', 20) == ["limit.graphql-guesses"]
    assert said('mutation { otp(code: "%04d") { token } }', 4) == []
    assert said("{ item(id: %d) { name } }", 20) == []
    assert said("query Coupons($n: Int = %d) { item(id: $n) { name } }", 20) == []
    assert said('{ item(code: "login(%d)") { name } }', 20) == []


# ----------------------------------------------------------------------------------------------- any body at all

TYPES = st.sampled_from(
    [b"", b"application/json", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=B", b"text/xml",
     b"text/plain", b"application/x-ndjson", b"application/graphql", b"application/grpc-web-text", b"image/png",
     b"application/octet-stream", b"text/xml; charset=utf-16", b"application/json; charset=utf-7",
     b"multipart/mixed; boundary=B", b"application/x-www-form-urlencoded; charset=ibm037"]
)  # fmt: skip
_PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"a", b"1", b"\\u00", b"\\ud800", b"NaN", b"-", b"<a>", b"</a>",
     b"<![CDATA[", b"]]>", b"<?xml?>", b"<!DOCTYPE a>", b"&lt;", b"&x;", b"--B\r\n", b"--B--\r\n", b"\r\n\r\n", b"\n",
     b'Content-Disposition: form-data; name="a"', b'filename="x"', b"=", b"&", b"%41", b"\0", b"\xff",
     b"\xef\xbb\xbf", b"query {", b"query", b"/*", b"'", b"\x7f"]
)  # fmt: skip
BODIES = st.one_of(st.binary(max_size=200), st.lists(_PIECES, max_size=40).map(b"".join))


@given(TYPES, BODIES)
@settings(max_examples=300)
def test_any_body_is_read_or_noticed(content_type: bytes, body: bytes) -> None:
    made = reading(body=body, content_type=content_type)
    fields = made.body_fields()
    assert bool(fields) or not body.strip() or made.body_kind is not BodyKind.NONE or made.findings
    for field in fields:
        field.name.encode("utf-8", "surrogatepass")
    for finding in made.findings:
        assert finding.rule in NOTICES
    signatures().check(made, 2)


@given(st.sampled_from(sorted(CODERS)), st.binary(max_size=100), st.integers(0, 60))
@settings(max_examples=150)
def test_any_coded_body_is_read_or_noticed(coding: str, data: bytes, cut: int) -> None:
    coded = CODERS[coding](data * 3)[:cut] + data
    made = reading(b"/", b"Content-Encoding: " + coding.encode(), body=coded, content_type=b"text/plain")
    made.body_fields()


_KEYS = st.text(max_size=6).filter(lambda key: "{}" not in key)  # so are the fields of JSON in strings named
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


def _leaves(value: Any) -> list[tuple[Kind, bytes]]:
    match value:
        case dict():
            return [leaf for child in value.values() for leaf in _leaves(child)] or [(Kind.OBJECT, b"{}")]
        case list():
            return [leaf for child in value for leaf in _leaves(child)] or [(Kind.ARRAY, b"[]")]
        case str():
            return [(Kind.STRING, value.encode())]
        case bool():
            return [(Kind.BOOL, b"true" if value else b"false")]
        case None:
            return [(Kind.NULL, b"null")]
    return [(Kind.NUMBER, str(value).encode())]


@given(JSON_VALUES, st.booleans(), st.sampled_from([None, 1]))
@settings(max_examples=300)
def test_json_is_read_as_the_standard_library_reads_it(
    value: Any, ascii_only: bool, indent: int | None
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    notes = Notes(Limits(), mask)
    parsed = json_body.parse(body, notes)
    assert parsed is not None
    fields = [field for field in parsed.fields() if field.part is Part.JSON and "{}" not in field.name]
    assert [(field.kind, field.value) for field in fields] == _leaves(json.loads(body))
    assert not notes.findings or "{}" in str([field.name for field in parsed.fields()])
    assert parsed.sheet is not None
    sheet = parsed.sheet()
    for field in parsed.fields():
        if sheet is not None and field.kind is Kind.STRING and MARK not in field.value:
            position = sheet.text.find(field.value)
            assert position >= 0, "the sheet holds every value"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=5))
@settings(max_examples=200)
def test_doubled_keys_are_seen_whatever_the_document(pairs: list[tuple[str, int]]) -> None:
    body = "{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}"
    made = reading(body=b'{"z": "\\"", "y": [' + body.encode() + b"]}", content_type=b"application/json")
    doubled = len({key for key, _ in pairs}) < len(pairs)
    assert noticed(made) == ["protocol.json-duplicate-key"] * doubled
    assert [
        field.value
        for field in made.body_fields()
        if field.name in ("y[].a", "y[].b", "y[].c") and field.part is Part.JSON
    ] == [str(value).encode() for _, value in pairs]


@given(st.integers(1, 40))
@settings(max_examples=40)
def test_multipart_is_split_alike_whole_and_in_pieces(size: int) -> None:
    case = next(case for case in ORDINARY if case["case"] == "Chrome's upload")
    body = raw(case["body"])
    content_type = parse_content_type(raw(case["type"]))
    notes = Notes(Limits(), mask)
    boundary = multipart_body.boundary_of(content_type, notes)
    assert boundary is not None

    def split(step: int) -> list[object]:
        splitter = multipart_body.PartSplitter(boundary, notes)
        events = [
            event
            for start in range(0, len(body), step)
            for event in splitter.feed(body[start : start + step])
        ]
        splitter.finish()
        joined: list[object] = []
        for event in events:
            if isinstance(event, bytes) and joined and isinstance(joined[-1], bytes):
                joined[-1] += event
            else:
                joined.append(event)
        return joined

    assert split(size) == split(len(body))
    assert not notes.findings


_NEAR_DELIMITERS = st.lists(
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--XBOUN", b"--XBOUND", b"-", b"text", b"\0" * 70]
    ),
    max_size=12,
).map(b"".join)


@given(
    st.lists(_NEAR_DELIMITERS.filter(lambda one: b"--XBOUND" not in one), min_size=1, max_size=3),
    st.lists(st.integers(1, 90), min_size=1, max_size=6),
)
@settings(max_examples=300)
def test_contents_of_parts_are_given_whole_in_any_pieces(contents: list[bytes], sizes: list[int]) -> None:
    body = b"".join(
        b'--XBOUND\r\nContent-Disposition: form-data; name="f"\r\n\r\n%b\r\n' % one for one in contents
    )
    body += b"--XBOUND--\r\n"
    notes = Notes(Limits(), mask)
    splitter = multipart_body.PartSplitter(b"XBOUND", notes)
    found: list[bytes] = []
    position = number = 0
    while position < len(body):
        size = sizes[number % len(sizes)]
        for event in splitter.feed(body[position : position + size]):
            if isinstance(event, bytes):
                found[-1] += event
            elif event is not None:
                found.append(b"")
        position += size
        number += 1
    splitter.finish()
    assert not splitter.broken
    assert not notes.findings
    assert found == contents


@given(
    _NEAR_DELIMITERS,
    st.sampled_from([b"--XBOUND", b"\n--XBOUND\r\n", b"\r--XBOUND--", b"-\n--XBOUNDS"]),
    _NEAR_DELIMITERS,
    st.lists(st.integers(1, 90), min_size=1, max_size=6),
)
@settings(max_examples=300)
def test_a_boundary_elsewhere_is_seen_in_any_pieces(
    before: bytes, stray: bytes, behind: bytes, sizes: list[int]
) -> None:
    content = b"x" + before.rstrip(b"\r\n") + stray + behind
    body = b'--XBOUND\r\nContent-Disposition: form-data; name="f"\r\n\r\n%b\r\n--XBOUND--\r\n' % content
    notes = Notes(Limits(), mask)
    splitter = multipart_body.PartSplitter(b"XBOUND", notes)
    position = number = 0
    while position < len(body):
        size = sizes[number % len(sizes)]
        for _ in splitter.feed(body[position : position + size]):
            pass
        position += size
        number += 1
    splitter.finish()
    assert splitter.broken
    assert [finding.rule for finding in notes.findings] == ["protocol.multipart-syntax"]


@given(
    st.lists(
        st.sampled_from(["a", "b=1", "c=", "=d", "e=%3d%26", "f=%7F", "g=1=2", "", "h+i=j+k", "l%61=m"]),
        max_size=5,
    )
)
@settings(max_examples=200)
def test_the_sheet_of_a_form_has_all_its_values_and_no_other(pairs: list[str]) -> None:
    body = "&".join(pairs).encode()
    made = reading(body=body, content_type=b"application/x-www-form-urlencoded")
    sheet = made.body_sheet()
    values = [field.value for field in made.body_fields()]
    plain = bool(body) and all(pair.count("=") == 1 and "%7F" not in pair for pair in pairs)
    assert (sheet is not None) is (plain and not torn.may_be(body))
    if sheet is not None:
        assert [value for value in sheet.text.split(MARK) if value] == [value for value in values if value]


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be"])
def test_text_of_no_type_is_read_in_utf_16_where_its_mark_says_so(charset: str) -> None:
    mark = {"utf-16": "", "utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}[charset]
    made = reading(body=(mark + "1' or 1=1").encode(charset))
    assert [(field.part, field.value) for field in made.body_fields()] == [(Part.BODY, b"1' or 1=1")]


def test_xml_never_opens_anything() -> None:
    body = b'<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/hostname"><a>&x;</a>'
    notes = Notes(Limits(), mask)
    parsed = xml_body.parse(body, notes)
    assert parsed is not None
    assert [finding.rule for finding in notes.findings] == ["protocol.xml-doctype"]


@together(
    ("value", "name", "filename", "tricky"),
    [
        (b'form-data; name="a"', b"a", None, False),
        (b"form-data; name=a; filename=b.txt", b"a", b"b.txt", False),
        (b'form-data; name="a;b=c"', b"a;b=c", None, False),
        (b'form-data; name="f"; filename="a\\"b.txt"', b"f", b'a"b.txt', False),
        (b'form-data; name="f"; filename="C:\\dir\\new.txt"', b"f", b"C:\\dir\\new.txt", False),
        (b"form-data; name=\"f\"; filename*=utf-8''na%20me.txt", b"f", b"na me.txt", False),
        (b'form-data; name="a"; name="b"', b"a", None, True),
        (b'form-data; name="a\\"; filename=\\"x.php"', b'a"; filename="x.php', None, True),
        (b'form-data; name=a"b', b"a", None, True),
        (b"form-data; name=", b"", None, True),
        (b"form-data; name*=utf-8''x", b"x", None, True),
        (b"form-data; filename*0=a; filename*1=b", None, None, True),
        (b'form-data; name="a\0b"', b"a\0b", None, True),
        (b'form-data name="a"', None, None, True),
        (b"", None, None, True),
    ],
)
def test_dispositions(value: bytes, name: bytes | None, filename: bytes | None, tricky: bool) -> None:
    found = parse_disposition(value)
    assert (found.name, found.filename, bool(found.trick)) == (name, filename, tricky)


@given(st.binary(max_size=80))
@settings(max_examples=200)
def test_headers_of_parts_never_raise(value: bytes) -> None:
    parse_disposition(value)
    parse_disposition(b"form-data; name=" + value)
    parse_content_type(value)
    parse_content_type(b"text/plain; charset=" + value)


def test_what_is_ambiguous_blocks_and_what_is_odd_does_not() -> None:
    for rule in (
        "protocol.json-duplicate-key",
        "protocol.xml-doctype",
        "protocol.multipart-boundary",
        "limit.depth",
    ):
        found = notice(rule)
        assert (found.severity, found.confidence) == (Severity.HIGH, Confidence.HIGH)
    assert notice("protocol.double-encoding").severity is Severity.LOW
    assert notice("limit.fields").severity is Severity.INFO


def test_names_in_addresses_are_masked() -> None:
    made = reading(
        body=b'{"4111 1111 1111 1111": 1, "4111 1111 1111 1111": 2}', content_type=b"application/json"
    )
    assert made.findings[0].address == "json.4111 1111 1111 1111"
    notes = Notes(Limits(), lambda data: "masked")
    notes.add("protocol.json-duplicate-key", Part.JSON, "4111 1111 1111 1111")
    assert notes.findings[0].address == "json.masked"


@given(st.binary(max_size=12), st.none() | st.binary(max_size=12))
def test_a_plain_disposition_is_read_as_any_other(name: bytes, filename: bytes | None) -> None:
    plain = b'form-data; name="%b"' % name + (b"" if filename is None else b'; filename="%b"' % filename)
    assert parse_disposition(plain) == parse_disposition(plain.replace(b"form-data;", b"form-data ;", 1))


@pytest.mark.parametrize(
    ("digits", "long"), [("1", False), ("-" + "9" * 399, False), ("9" * 400, True), ("9" * 401, True)]
)
def test_integers_are_read_by_the_reader_itself_unless_one_may_be_too_long(digits: str, long: bool) -> None:
    notes = Notes(Limits(), mask)
    decoder = json_body._lenient_decoder(f'{{"a": {digits}, "a": 1}}', notes)
    assert (decoder.parse_int is not int) is long
    json_body.parse(f'{{"a": {digits}, "a": 1}}'.encode(), notes)
    assert ("protocol.json-number" in [one.rule for one in notes.findings]) is (len(digits) > 400)
