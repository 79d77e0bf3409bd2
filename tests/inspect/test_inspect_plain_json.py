"""The plain case of JSON in C holds to the reference in Python."""

from __future__ import annotations

import itertools
import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chance import several
from tests.inspect.inspect_samples import alike, mask
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.bodies import json_body, json_limits, plain
from waf.inspect.bodies.parsed import MARK, BodyKind, Notes, Parsed
from waf.model import Field, Kind

plain_sheet = json_body.PLAIN_SHEET
pytestmark = pytest.mark.skipif(plain_sheet is None, reason="the accelerator is not built or not wanted")


def sheet(body: bytes, depth: int = Limits().depth) -> bytes | None:
    assert plain_sheet is not None
    made = plain_sheet(body, depth, False)
    return None if made is None else made[0]


def reference(body: bytes, depth: int = Limits().depth) -> tuple[Parsed | None, list[str]]:
    notes = Notes(Limits(depth=depth), mask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_body, "PLAIN_SHEET", None)
        parsed = json_body.parse(body, notes)
    return parsed, [finding.rule for finding in notes.findings]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"a": "x", "b": [1, -2.5, true, null]}', b"\x7fa\x7fx\x7fb\x7f1\x7f-2.5\x7ftrue\x7fnull"),
        (b"{}", b""),
        (b" [ ] \r\n", b""),
        (b'{"":""}', b"\x7f\x7f"),
        (b'["{[]}"]', b"\x7f{[]}"),
        ('{"ä":"€𝄞"}'.encode(), "\x7fä\x7f€𝄞".encode()),
        (b'{"a":{"a":1}}', b"\x7fa\x7fa\x7f1"),
        (b'[{"a":1},{"a":1}]', b"\x7fa\x7f1\x7fa\x7f1"),
        (b'{"a":{"b":{"query":1}}}', b"\x7fa\x7fb\x7fquery\x7f1"),
    ],
)
def test_plain(body: bytes, text: bytes) -> None:
    assert sheet(body) == text


@together(
    "body",
    [
        b"", b" ", b"1", b'"a"', b"null", b"]", b"}", b"[", b"{", b"[1", b"[1,]", b"[,1]", b"{,}", b'{"a"}', b'{"a":}',
        b'{"a":1,}', b'{"a":1]', b"[1}", b"[1]]", b"[1] x", b"[1][2]", b'{"a":1 "b":2}', b"[1 2]", b"{1:2}", b"{a:1}",
        b"['a']", b"[01]", b"[-]", b"[1.]", b"[.5]", b"[+1]", b"[1e100]", b"[1e]", b"[1e+]", b"[0x1]", b"[%s]" % (b"1" * 41), b"[NaN]",
        b"[tru]", b"[nulll]", b'["a]', b'["\\b"]', b'["\n"]', b'["\x7f"]', b'["\x00"]', b"\xef\xbb\xbf[]", b'["\xff"]',
        b'["\xc0\xaf"]', b'["\xed\xa0\x80"]', b'["\xf4\x90\x80\x80"]', b'["\xe2\x82"]', b'["\xe2\x82', b"[/**/]", b"[1]\x00",
        b"[%s]" % b",".join([b'{"a":1,"a":2}'] * 65),
    ],
)  # fmt: skip
def test_all_else_is_for_the_reference(body: bytes) -> None:
    assert sheet(body) is None


def test_depth() -> None:
    assert sheet(b"[" * 64 + b"]" * 64, 64) is not None
    assert sheet(b"[" * 65 + b"]" * 65, 64) is None
    assert sheet(b"[" * 100_000, 100_000) is None


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**16), 10**16), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8), st.sampled_from(["query", "{}", "[1]", "<script>", "é", "\x7f", "\\", '"', 'a "b"', "a\nb\t", '{"a":"b"}', '["\n"]']),
)  # fmt: skip
DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abqué\x7f", max_size=3), inner, max_size=4)
    ),
    max_leaves=25,
)


def held(field: Field, values: list[bytes]) -> bool:
    if field.kind is Kind.NUMBER:
        return any(_number(value) == float(field.value) for value in values)
    return field.value in values


def _number(value: bytes) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def agrees(body: bytes, depth: int = 64) -> None:
    text = sheet(body, depth)
    if text is None:
        return
    parsed, noticed = reference(body, depth)
    assert parsed is not None
    assert plain_sheet is not None
    made = plain_sheet(body, depth, False)
    assert made is not None
    assert parsed.kind is BodyKind.JSON or (made[2] and parsed.kind is BodyKind.GRAPHQL)
    assert not {*noticed} - {"protocol.graphql-syntax"}
    values = text.split(MARK)
    for field in parsed.fields():
        if field.kind in (Kind.OBJECT, Kind.ARRAY):
            continue
        # A string that is JSON itself is read once more; its own text has what is in it.
        within = "{}" in field.name and field.kind is not Kind.STRING
        assert field.value in text if within else held(field, values), field


@together(
    ("body", "doubled"),
    [
        (b'{"a":1,"a":2}', [b"a"]),
        (b'{"a":1,"b":2,"b":2,"a":1}', [b"b"]),
        (b'[{"b":{"a":1,"c":2,"a":3}},{"b":1,"b":2}]', [b"a", b"b"]),
        (b'{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}', []),
        (b"{%s}" % b",".join(b'"%d":1' % number for number in range(5000)), []),
        (b"{%s}" % b",".join(b'"%d":1' % number for number in [*range(5000), 4999]), [b"4999"]),
        (b"{%s}" % b",".join(b'"%d":{"1":1,"1":2}' % number for number in [*range(63), 7]), [b"1"] * 64),
        (
            b"{%s}" % b",".join(b'"%d":{"a":[{"0":1}]}' % number for number in [*range(64), 64, 63, 0]),
            [b"63"],
        ),
        (b"[%s]" % b",".join([b"{%s}" % b",".join(b'"%d":1' % number for number in range(70))] * 3), []),
        (b'{"a":1,"a":"x\\n"}', [b"a"]),
    ],
)
def test_keys_that_an_object_has_twice(body: bytes, doubled: list[bytes]) -> None:
    assert plain_sheet is not None
    made = plain_sheet(body, 64, False)
    assert made is not None or len(doubled) > 63
    if made is not None:
        assert [*made[3]] == doubled
        assert ("protocol.json-duplicate-key" in reference(body)[1]) is bool(doubled)


def test_keys_made_to_meet_are_for_the_reference() -> None:
    """Names of one hash (FNV-1a), as anybody can make them: of each two pieces either leads to the same."""
    pieces = [
        "oaysvct",
        "gldiswm",
        "vlzifai",
        "lafcqmu",
        "okltldj",
        "gewakps",
        "dmmaouz",
        "crpkfxi",
        "yvqxswy",
        "lwygoeh",
        "qaplxkj",
        "modvhhs",
        "yghzchc",
        "hkjqcte",
        "kbczjfd",
        "gdlbnnu",
    ]
    names = ["".join(chosen) for chosen in itertools.product(*zip(pieces[::2], pieces[1::2], strict=True))]
    assert len({*names}) == 256

    def document(count: int) -> bytes:
        return json.dumps(dict.fromkeys(names[:count], 1)).encode()

    assert sheet(document(64)) is not None
    assert sheet(document(65)) is None
    assert sheet(document(256)) is None
    assert sheet(document(256).replace(names[0].encode(), b"another")) is None


def _all_told(body: bytes, limits: Limits, *, by_line: bool) -> tuple[BodyKind, set[str], list[Field]] | None:
    notes = Notes(limits, mask)
    parsed = json_body.parse(body, notes, by_line=by_line)
    if parsed is None:
        return None
    fields = parsed.fields()
    return parsed.kind, {finding.rule for finding in notes.findings}, fields


_TWICE = st.sampled_from(
    [b'{"a":1,"a":2}', b'{"a":{"b":"x","b":[]},"c":1}', b'[{"a":"[1]","a":"{\\"b\\":2}"}]', b'{"query":"{a}","query":"{b}"}', b"{}", b"", b" ", b'{"a":1e400}']
)  # fmt: skip


@given(
    st.lists(
        DOCUMENTS.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        | _TWICE,
        max_size=6,
    ),
    st.booleans(),
    st.sampled_from([5, 2000]),
    st.sampled_from([9, 65536]),
)
@settings(max_examples=1000)
def test_documents_are_read_as_by_the_reference(
    lines: list[bytes], by_line: bool, most: int, longest: int
) -> None:
    body = b"\n".join(lines) if by_line else b"[%b]" % b",".join(lines)
    limits = Limits(fields=most, value=longest)
    made = _all_told(body, limits, by_line=by_line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_body, "PLAIN_SHEET", None)
        expected = _all_told(body, limits, by_line=by_line)
    if made is None or expected is None:
        assert made == expected
        return
    assert made[:2] == expected[:2]
    assert alike(made[2], expected[2], most)


@together(
    ("body", "asks"),
    [
        (b'{"query":"{a}"}', True),
        (b'[{"a":1},{"query":" \\n query{a}"}]', True),
        (b'{"query":"\\u007ba}"}', True),
        (b'{"query":"#"}', True),
        ('{"query":"é"}'.encode(), True),
        (b'{"query":"a"}', False),
        (b'{"query":""}', False),
        (b'{"query":["{a}"]}', False),
        (b'{"query":1,"a":"{a}"}', False),
        (b'{"a":{"b":{"query":"{a}"}}}', False),
        (b'{"a":"{\\"query\\":\\"{a}\\"}"}', False),
    ],
)
def test_what_may_be_a_request_of_graphql(body: bytes, asks: bool) -> None:
    assert plain_sheet is not None
    made = plain_sheet(body, 64, False)
    assert made is not None
    assert made[2] is asks


@given(DOCUMENTS, st.booleans(), st.sampled_from([None, 2]), st.sampled_from([1, 3, 64]))
@settings(max_examples=400)
def test_whatever_c_reads_the_reference_reads_alike(
    value: Any, ascii_only: bool, indent: int | None, depth: int
) -> None:
    agrees(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass"), depth)


_BYTES = st.sampled_from(list(b'{}[]",:0123456789.-eEtruefalsn \n\t\\\x7f\xc3\xa9\xe2\x82\xac\xff'))


@given(
    DOCUMENTS,
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["set", "add", "drop"]), _BYTES), max_size=3),
)
@settings(max_examples=400)
def test_damaged_documents_as_well(value: Any, changes: list[tuple[int, str, int]]) -> None:
    body = bytearray(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    for number, change, byte in changes:
        place = number % (len(body) + 1)
        if change == "add":
            body.insert(place, byte)
        elif place < len(body):
            body[place : place + 1] = bytes([byte]) if change == "set" else b""
    agrees(bytes(body))


@given(st.binary(max_size=40))
def test_any_bytes(body: bytes) -> None:
    agrees(body)


def screened(body: bytes, depth: int = 64) -> tuple[bool, list[bytes]] | None:
    """Whether strings have escapes, and all values: without a program none is proved to be clean."""
    assert plain.SCREEN is not None
    found = plain.SCREEN(body, depth, None, None)
    return None if found is None else (found[0] == 4, found[1].split(MARK))


@together(
    ("body", "escaped", "values"),
    [
        (b'["a"]', False, [b"", b"a"]),
        (rb'["a\"b\"", 1]', True, [b"", b'a"b"', b"1"]),
        (rb'{"t":"a\nb\r\n\tc\/d\\"}', True, [b"", b"t", b"a\nb\r\n\tc/d\\"]),
        ('["ä\\n€𝄞"]'.encode(), True, [b"", "ä\n€𝄞".encode()]),
        (rb'["\n",["\n"]]', True, [b"", b"\n", b"\n"]),
        (rb'["{\"a\":1}"]', True, [b"", b'{"a":1}', b"a", b"1"]),
        (
            rb'["\u005b\"a\", \"{\\\"b\\\":2}\"]", 1]',
            True,
            [b"", b'["a", "{\\"b\\":2}"]', b"a", b'{"b":2}', b"1"],
        ),
        (rb'["{\"a\" b", "[\"] c"]', True, [b"", b'{"a" b', b'["] c']),
        (rb'["{\n a\"}", "[x\"]", "{\n}", "[ ]\""]', True, [b"", b'{\n a"}', b'[x"]', b"{\n}", b'[ ]"']),
        (rb'{"query":"a\"b\""}', True, [b"", b"query", b'a"b"']),
        (rb'["\u0041\u00fc\u20ac\ud834\udd1e"]', True, [b"", "Aü€𝄞".encode()]),
    ],
)
def test_simple_escapes_are_undone_where_a_document_is_screened(
    body: bytes, escaped: bool, values: list[bytes]
) -> None:
    assert screened(body) == (escaped, values)


@together(
    "body",
    [
        rb'["\u007f"]', rb'["\u0000"]', rb'["\u001f"]', rb'["\ud834"]', rb'["\udd1e"]', rb'["\ud834\u0041"]', rb'["\ud834\udb00"]', rb'["\u12"]',
        rb'["\u00g0"]', b'["\\u0041', b'["\\u004', rb'["\u007b\"a\" 1}"]', rb'["\b"]', rb'["\f"]', rb'["\x"]', b'["a\\', rb'["a\"', rb'["\" \u007f"]', b'["\\n\x7f"]', b'["\\n\x00"]',
        b'["\\n\xff"]', rb'{"a\n":1}', rb'["{\"a\":1,\"a\":2}"]', rb'["[\"a\" x]"]', rb'"\n"', rb'{"query":"{\n"}', b'{"query":"query{a}"}',
    ],
)  # fmt: skip
def test_other_escapes_are_for_the_reference(body: bytes) -> None:
    assert screened(body) is None


@given(DOCUMENTS, st.booleans(), st.sampled_from([1, 3, 64]))
@settings(max_examples=600)
def test_what_is_screened_holds_what_the_reference_reads(value: Any, ascii_only: bool, depth: int) -> None:
    body = json.dumps([value, 'a "b"\n\\'], ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    found = screened(body, depth)
    if found is None:
        return
    parsed, noticed = reference(body, depth)
    assert parsed is not None
    assert not noticed
    escaped, values = found
    assert escaped
    text = MARK.join(values)
    for field in parsed.fields():
        if field.kind not in (Kind.OBJECT, Kind.ARRAY):
            within = "{}" in field.name and field.kind is not Kind.STRING
            assert field.value in text if within else held(field, values), field


def _limits(body: bytes, limits: Limits) -> tuple[list[str], list[str]]:
    """What is noted when a plain document is read, and when its fields are made."""
    read, made = Notes(limits, mask), Notes(limits, mask)
    assert json_body.parse(body, read) is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_body, "PLAIN_SHEET", None)
        parsed = json_body.parse(body, made)
    assert parsed is not None
    parsed.fields()
    return ([one.rule for one in read.findings], [one.rule for one in made.findings])


def _leaf(chance: Random) -> Any:
    text = "".join(chance.choices("ab:, ", k=chance.randint(0, 12)))
    return chance.choice([chance.randint(0, 9), text, text, None, chance.random() < 0.5])


def _document(chance: Random, most: int = 6, depth: int = 3) -> Any:
    """Small ones, so that a limit of 8 fields is met from both sides; some texts are documents themselves."""

    def name() -> str:
        return "".join(chance.choices("abc", k=chance.randint(0, 3)))

    kind = chance.random() if depth else 0.1
    if kind < 0.35:
        return _leaf(chance)
    if kind < 0.45:
        return json.dumps({name(): _leaf(chance) for _ in range(chance.randint(0, 4))})
    within = [_document(chance, 4, depth - 1) for _ in range(chance.randint(0, most))]
    return within if kind < 0.7 else {name(): one for one in within}


_PLAIN_DOCUMENTS = several(
    lambda chance: chance.choice([lambda one: one, lambda one: {"a": one}])(
        [_document(chance) for _ in range(chance.randint(0, 4))]
    )
)


@given(_PLAIN_DOCUMENTS)
@settings(max_examples=200)
def test_limits_are_noted_without_fields(documents: list[Any]) -> None:
    for document in documents:
        body = json.dumps(document).encode()
        if sheet(body) is None:
            continue
        read, made = _limits(body, Limits(fields=8, value=10))
        assert sorted(set(read)) == sorted(set(made)), body


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (b"[" + b"0," * 1999 + b"0]", []),
        (b"[" + b"0," * 2000 + b"0]", ["limit.fields"]),
        (b"[" + b'"a:b:c",' * 2000 + b"0]", ["limit.fields"]),
        (b"[" + b'{"a":1},' * 1900 + b"0]", []),
        (b'["' + b"a" * 65_536 + b'"]', []),
        (b'["","' + b"a" * 65_537 + b'"]', ["limit.value"]),
        (b'["","' + b"a" * 65_537 + b'"' + b",1" * 2000 + b"]", ["limit.value", "limit.fields"]),
    ],
)
def test_limits_of_long_documents(body: bytes, rules: list[str]) -> None:
    read, made = _limits(body, Limits())
    assert read == rules
    assert sorted(made) == sorted(rules)


@given(st.text(':[{}]"a,\x7f', max_size=300), st.text("a\x7f", max_size=100), st.integers(0, 40))
def test_counts_of_a_document_and_its_sheet(data: str, sheet: str, times: int) -> None:
    document, marked = (data * times).encode(), (sheet * times).encode()
    assert json_limits._counts(document, marked) == json_limits._count(document, marked)
