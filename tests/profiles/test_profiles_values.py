"""Types, character classes, shapes, segments: tables, and the invariants between them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.together import together
from waf.model import Field, Kind, Part
from waf.profiles import values as v
from waf.profiles.constraints import Aspect, Constraint, Key, Stage
from waf.profiles.rules import parse_type, value_rule
from waf.profiles.segments import literal, slot_of, split, unliteral

TYPES = [
    (b"-DCpFfS-QGaHDGhh_Rr9fP-", v.Type.WORD),
    (b"cGFnZTIwMjQ_cGFnZTI=", v.Type.WORD),
    (b"-rf", v.Type.TEXT),
    (b"", v.Type.EMPTY),
    (b"0", v.Type.INT),
    (b"-17", v.Type.INT),
    (b"007", v.Type.INT),
    (b"1234567890123456789012", v.Type.INT),
    (b"3.50", v.Type.DECIMAL),
    (b"3,50", v.Type.DECIMAL),
    (b"true", v.Type.BOOL),
    (b"TRUE", v.Type.BOOL),
    (b"2024-02-29", v.Type.DATE),
    (b"2024-02-29T12:30:00Z", v.Type.DATETIME),
    (b"2024-02-29T12:30:00.123+02:00", v.Type.DATETIME),
    (b"550e8400-e29b-41d4-a716-446655440000", v.Type.UUID),
    (b"10.0.0.255", v.Type.IPV4),
    (b"9f86d081884c7d65", v.Type.HEX),
    (b"deadbeef", v.Type.WORD),
    (b"9F86d081884c7d65", v.Type.WORD),
    (b"ana.lopez+shop@example.co.uk", v.Type.EMAIL),
    (b"https://example.com/a?b=c", v.Type.URL),
    (b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", v.Type.JWT),
    (b"blue_cheese-2", v.Type.WORD),
    (b"blue cheese", v.Type.TEXT),
    (b"1 or 1=1", v.Type.TEXT),
    (b"1\n", v.Type.TEXT),
    (b"javascript:alert", v.Type.TEXT),
    ("ñandú".encode(), v.Type.TEXT),
]


@together(("value", "expected"), TYPES)
def test_type_of(value: bytes, expected: v.Type) -> None:
    assert v.type_of(value) is expected


@given(st.binary(max_size=40))
def test_a_value_fits_the_pattern_of_its_own_type(value: bytes) -> None:
    rule = value_rule(1, [_constraint(Aspect.TYPE, v.type_of(value).label)], b"")
    assert rule.broken(Field(Part.ARG, "q", value)) == []


@pytest.mark.parametrize("harmless", sorted(v.HARMLESS))
def test_harmless_types_leave_no_room_for_markup_or_quotes(harmless: v.Type) -> None:
    rule = value_rule(1, [_constraint(Aspect.TYPE, harmless.label)], b"")
    assert rule.harmless is not None
    for bad in (b"1'", b"<b>", b"a b", b"1;", b"(1)", b"1\n", b"\n", b"1\0", b"$1", b"../", b"%27"):
        assert rule.harmless(bad) is None


CODES = [
    (b"", set()),
    (b"abcXYZ019", {v.LOWER, v.UPPER, v.DIGIT}),
    (b"a b", {v.LOWER, 0x20}),
    (b"a'b<", {v.LOWER, ord("'"), ord("<")}),
    (b"a\x00\x1b", {v.LOWER, v.CONTROL}),
    (b"a\r\n", {v.LOWER, 0x0D, 0x0A}),
    (b"caf\xe9", {v.LOWER, v.RAW}),
]


@pytest.mark.parametrize(("value", "expected"), CODES)
def test_codes_of(value: bytes, expected: set[int]) -> None:
    assert v.codes_of(value) == expected


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("é", "latin"),
        ("ж", "cyrillic"),
        ("中", "cjk"),
        ("ا", "arabic"),
        ("한", "hangul"),
        ("😀", "emoji"),
        ("’", "punctuation"),
    ],
)
def test_scripts_have_names(text: str, label: str) -> None:
    assert [v.code_label(code) for code in v.codes_of(text.encode())] == [label]


@given(st.text(max_size=20))
def test_labels_of_codes_can_be_read_back(text: str) -> None:
    for code in v.codes_of(text.encode()):
        assert v.code_of(v.code_label(code)) == code
        assert v.stratum(code) in v.Stratum


@pytest.mark.parametrize("label", ["", "ab", "é", "u+12", "\x01"])
def test_code_of_refuses_what_is_no_label(label: str) -> None:
    with pytest.raises(ValueError, match="character class"):
        v.code_of(label)


SHAPES = [
    (b"", b""),
    (b"Ana-1984", b"a-0"),
    (b"one two three four", b"a a"),
    (b"a,b,c,d", b"a,a"),
    ("é1".encode(), b"\x010"),
    (b"x" * 97, b""),
]


@pytest.mark.parametrize(("value", "expected"), SHAPES)
def test_shape_of(value: bytes, expected: bytes) -> None:
    assert v.shape_of(value) == expected


@given(st.integers(0, 1_000_000))
def test_length_buckets_hold_their_lengths(length: int) -> None:
    bucket = v.length_bucket(length)
    assert v.bucket_floor(bucket) <= length <= bucket
    assert v.length_bucket(bucket) == bucket
    assert bucket <= length * 1.15 + 1


def _constraint(aspect: Aspect, *allowed: str, stage: Stage = Stage.PROTECT) -> Constraint:
    return Constraint(Key("/p", "GET", "arg.q", aspect.value), allowed, stage)


LABELS = st.lists(st.sampled_from([t.label for t in v.Type if t is not v.Type.TEXT]), min_size=1, unique=True)
CHARSET = st.sampled_from([Aspect.PLAIN, Aspect.PROSE, Aspect.CODE, Aspect.CONTROL, Aspect.SCRIPT])
VALUE = st.text("abzAZ019 -_.,'\"<>;=%\x00\r\néж中", max_size=30).map(str.encode) | st.binary(max_size=20)


@settings(max_examples=300)
@given(st.data())
def test_the_fast_yes_never_contradicts_the_exact_tests(data: st.DataObject) -> None:
    sample = data.draw(VALUE)
    constraints = []
    if data.draw(st.booleans()):
        constraints.append(_constraint(Aspect.TYPE, *data.draw(LABELS), v.type_of(sample).label))
    for aspect in data.draw(st.lists(CHARSET, unique=True)):
        labels = [v.code_label(code) for code in v.codes_of(sample)]
        constraints.append(_constraint(aspect, *labels))
    if data.draw(st.booleans()):
        low = data.draw(st.integers(0, 10))
        constraints.append(_constraint(Aspect.LENGTH, str(low), str(low + data.draw(st.integers(0, 30)))))
    if data.draw(st.booleans()):
        shapes = {v.shape_of(sample), *map(v.shape_of, data.draw(st.lists(VALUE, max_size=9)))}
        constraints.append(_constraint(Aspect.SHAPE, *(s.decode("latin-1") for s in shapes)))
    rule = value_rule(1, constraints, b"")
    for value in [sample, *data.draw(st.lists(VALUE, max_size=5))]:
        if rule.fast(value):
            assert rule.broken(Field(Part.ARG, "q", value)) == []


def test_the_kind_of_a_json_value_is_part_of_its_type() -> None:
    rule = value_rule(1, [_constraint(Aspect.TYPE, "number:int", "null:word")], b"")
    assert rule.broken(Field(Part.JSON, "n", b"5", kind=Kind.NUMBER)) == []
    assert rule.broken(Field(Part.JSON, "n", b"null", kind=Kind.NULL)) == []
    assert len(rule.broken(Field(Part.JSON, "n", b"5"))) == 1
    assert not rule.kinds >> Kind.STRING & 1


@pytest.mark.parametrize("label", ["integer", "number:", "map:int", ""])
def test_parse_type_refuses_what_is_no_type(label: str) -> None:
    with pytest.raises(ValueError, match="is no type"):
        parse_type(label)


SEGMENTS = [
    (b"users", None),
    (b"search.jsp", None),
    (b"v1", None),
    (b"42", "{int}"),
    (b"550e8400-e29b-41d4-a716-446655440000", "{uuid}"),
    (b"2024-05-01", "{date}"),
    (b"507f1f77bcf86cd799439011", "{hex}"),
    (b"dQw4w9WgXcQabc12", "{token}"),
    (b"logo.png", "{file}"),
    (b"app.3f2a.min.js", "{file}"),
    (b"logo.png.bak", None),
    (b".env", None),
    (b"", None),
    (b"a<b>.js", None),
]


@together(("segment", "slot"), SEGMENTS)
def test_slot_of(segment: bytes, slot: str | None) -> None:
    assert slot_of(segment) == slot


PATHS = [
    (b"/", [b""]),
    (b"/a/b", [b"a", b"b"]),
    (b"/a/", [b"a", b""]),
    (b"/a%20b", [b"a b"]),
    (b"/a;jsessionid=ABC.node1/b", [b"a", b"b"]),
    (b"/a;x='/b", [b"a;x='", b"b"]),
    (b"*", None),
    (b"/a/../b", None),
    (b"/./a", None),
    (b"/a%2fb", None),
    (b"/a%00", None),
    (b"/%2e%2e/x", None),
]


@together(("path", "segments"), PATHS)
def test_split(path: bytes, segments: list[bytes] | None) -> None:
    assert split(path) == segments


@given(st.binary(max_size=24))
def test_literals_can_be_read_back(segment: bytes) -> None:
    text = literal(segment)
    assert unliteral(text) == segment
    assert not text.startswith("{")
    assert " " not in text
