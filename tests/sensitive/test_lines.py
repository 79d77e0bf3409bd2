"""Fields in lines behind their names: what C makes of plain bodies holds to what is made of their fields."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.sensitive.messages import detector, request
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.bodies import plain
from waf.inspect.reading import read
from waf.model import Field, Part
from waf.sensitive.lines import Lines

HEAD = [Field(Part.ARG, "q", b"a\nb"), Field(Part.COOKIE, "", b""), Field(Part.HEADER, "x-a", b"x-a")]
JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
built = pytest.mark.skipif(plain.BODIES is None, reason="the accelerator is not built or not wanted")


def both(body: bytes, kind: bytes, most: int = 2000) -> tuple[Lines, Lines] | None:
    """The lines of a body by its fields and by C; None where C has none."""
    limits = Limits(fields=most)
    asked = request((b"Content-Type", kind), method=b"POST", length=len(body))
    told = read(asked, body, limits, detector().mask).body_lines()
    if told is None:
        return None
    fields = read(asked, body, limits, detector().mask).body_fields()
    return Lines([*HEAD, *fields]), Lines(HEAD, told)


def agrees(body: bytes, kind: bytes) -> bool:
    """Whether C made lines; that those are the same is asserted."""
    made = both(body, kind)
    if made is None:
        return False
    reference, told = made
    assert told.text == reference.text
    spoken: dict[int, str] = {}
    for place in range(-1, len(told.text) + 1):
        found = told.at(place)
        assert found == reference.at(place)
        if found[0] >= 0:
            address = told.address(found[0])
            assert address == reference.address(found[0])
            assert spoken.setdefault(told.spoken(found[0]), address) == address
    return True


@together(
    "body",
    [
        '{"a":1}', "{}", "[]", '[[],{},[{}],"x"]', '{"a":{"b":[1,"x",{"c":null}],"d":[]},"a.b":true,"a":{"b":[2]}}', '{"a":"a","b":{"a":"a"}}',
        '[{"sku":"x","n":1},{"sku":"y","n":2}]', '{"n":[-0,-1,-0.0,0.0,1.0,1.10,0.5,0.05,0.0001,0.00001,-12.500,123456789012345]}',
        '{"n":[1e5,-1.5E-7,1E+2,0e1,1.000000000000000000001,123456789012345678,-123456789012345678,2.718281828459045,1234567.1234567890]}',
        '{"t":["\\u0041\\u00fc\\u20ac","\\ud834\\udd1e"," \\u003C\\u003c"]}', '{"a.b":1,"a":{"b":2}}', '{"a[]":1,"a":[2]}', '{"":{"":1,"a":2},"a":3}', '{"t":"line\\nline\\t\\"x\\" \\\\ \\/"}', '{"ä":{"€":"𝄞"}}',
        '{"a":"{}"}', '["[]"]', '{"a":"[1,2]","b":2}', '{"a":"{\\"b\\":{\\"c\\":[1,\\"x\\\\ny\\"]},\\"a\\":\\"[1]\\"}","b":"{\\"a\\":1}"}',
        '{"ssn-123-45-6789":"536-22-8145","a1234567":{"b":1},"a123456":"x"}',
        '{"a":"{b}"}', '{"a":"{\\"query\\":\\"{c}\\"}"}', '{"query":"a"}', '{"%s":{"b":1}}' % ("k" * 70), '{"a":"{","b":"[1","c":"}"}', '{"a":1,"a":2}', ' { "a" : [ 1 , 2 ] , "b" : { } } \r\n',
    ],
)  # fmt: skip
@built
def test_plain_documents(body: str) -> None:
    assert agrees(body.encode(), JSON)


def test_numbers_in_names_are_looked_at_but_once() -> None:
    """As the names that they are, and not before each value as well."""
    names = [Field(Part.FORM_NAME, "a123456", b"a123456"), Field(Part.FORM_NAME, "a1234567", b"a1234567")]
    values = [Field(Part.FORM, name.name, b"v") for name in names]
    assert Lines([*names, *values]).text == b"\n=a123456\n=a1234567\na123456=v\naxxxxxxx=v"
    assert Lines([Field(Part.FORM_NAME, "a\\xff1", b"a\xff1")]).text == b"\n=a\xff1"


@together(
    "body",
    [
        '{"a":"{\\"b\\" 1}"}', '{"a":"{\\"b\\":1,\\"b\\":2}"}', '{"a":"[1e100]"}', '{"a":"\\u007f"}', '{"a":"\\u0000"}', '{"a\\n":1}', '{"a":1234567890123456789}',
        '{"a":1e100}', '{"a":%s}' % ("1" * 41), '{"%s":1}' % ("k" * 257),
        '{"query":"{a}"}', "1", '"x"', "[1", "[1] x", '["\x00"]', "{'a':1}",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_fields(body: str) -> None:
    assert both(body.encode(), JSON) is None


@together(
    "body",
    [
        "a=1", "a=1&b=2", "a", "a=", "=a", "&a=1&", "a=b=c", "email=email", "a=%41+b%2", "n%0Aame=x", "a%u0041=%zz", "card%5Bno%5D=4539+1488",
        "%C3%A4=%FF", "k" * 70 + "=1",
    ],
)  # fmt: skip
@built
def test_forms(body: str) -> None:
    assert agrees(body.encode(), FORM)


def parts(*pairs: tuple[str, str]) -> bytes:
    made = [
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in pairs
    ]
    return ("".join(made) + "--B--\r\n").encode("utf-8", "surrogateescape")


IN_PARTS = b"multipart/form-data; boundary=B"


@together(
    ("pairs", "made"),
    [
        ([("a", "1")], True), ([("a", "1"), ("a", ""), ("", "x"), ("b[c]", "x\r\ny")], True), ([("email", "email")], True),
        ([("k" * 70, "1"), ("ä", "é")], True), ([("k" * 300, "1"), ("k" * 301, "2")], True), ([("é" * 129, "1")], False),
        ([("a\udcff\udcc3b\udce2\udc82", "1"), ("a\\", "1")], False), ([("\udcff" * 3, "\udcff")], True), ([("\udcff" * 70, "1")], True),
        ([('a"; filename="b', "1")], False), ([("a", "\x7f"), ("b", "1")], False),
    ],
)  # fmt: skip
@built
def test_forms_in_parts(pairs: list[tuple[str, str]], made: bool) -> None:
    assert agrees(parts(*pairs), IN_PARTS) is made


@pytest.mark.parametrize("most", [1, 2, 7, 8, 9, 100])
@built
def test_more_parts_than_there_may_be_fields(most: int) -> None:
    made = both(parts(*((f"k{number}", f"v{number}") for number in range(4))), IN_PARTS, most)
    assert made is not None
    assert made[0].text == made[1].text


@built
def test_more_names_of_parts_than_there_is_room_for() -> None:
    """Those of what has no field any more need none."""
    pairs = [(f"k{number}", "1") for number in range(2100)]
    assert both(parts(*pairs), IN_PARTS) is not None
    assert both(parts(*pairs), IN_PARTS, 10_000) is None


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ("<a/>", True), ("<order n='1'><a>x</a><a b='2'>y\nz<c/></a><!--note--></order>", True), ("<a><b>1</b><c><b>2</b></c></a>", True),
        ("<a>&lt;&#228;<![CDATA[<x>]]></a>", True), (f"<{'k' * 70}><b>1</b></{'k' * 70}>", True), ("<a %s='x'/>" % ("k" * 255), False),
        ("<!DOCTYPE a><a/>", False), ("<a>", False), ("<ä/>", False),
    ],
)  # fmt: skip
@built
def test_xml(body: str, made: bool) -> None:
    assert agrees(body.encode(), b"text/xml") is made


@built
def test_more_elements_than_there_may_be_fields() -> None:
    made = both(b"<r><!--c-->" + b"<a b='y'>x</a>" * 8 + b"</r>", b"text/xml", 9)
    assert made is not None
    reference, told = made
    rest = told.text.rpartition(b"\n=")[2].split(b"\n")
    assert sorted(rest) == [b"x", b"y"]
    assert {*rest} <= {*reference.text.rpartition(b"\n=")[2].split(b"\n")}
    assert told.address(told.at(len(told.text))[0]) == "body"


@pytest.mark.parametrize(
    ("body", "made"),
    [
        ('{"a":1,"b":{"c":[1,"x"]}}\n{"a":2,"c":[]}\n', True), ("[1]\n\n[2]\r\n{}", True), ('\x1e{"a":1}\n\x1e{"a":1}\n', True),
        ("1\n[2]", False), ('[1]\n"x"', False), ("[1]\n{", False),
    ],
)  # fmt: skip
@built
def test_lines_of_documents(body: str, made: bool) -> None:
    assert agrees(body.encode(), b"application/x-ndjson") is made


@pytest.mark.parametrize("body", ["%FF=1", "k" * 257 + "=1", "%C3=1", "&&a=1"])
def test_forms_with_odd_names_are_left_to_the_fields(body: str) -> None:
    assert both(body.encode(), FORM) is None


@built
@together(
    "document",
    [[0] * 8, [0] * 9, [[], {}, "x", "y", -0.0, {"k": {"l": None}}] * 4, {"a": {"b": ["x"] * 9, "c": {"d": 1}}, "e": "f"}],
)  # fmt: skip
@together("most", [1, 2, 7, 8, 9, 100])
def test_what_is_more_than_there_may_be_fields_is_one(document: Any, most: int) -> None:
    """The reference keeps of it what may matter, in no order and each once."""
    made = both(json.dumps(document).encode(), JSON, most)
    assert made is not None
    reference, told = made
    whole, known = told.at(len(told.text)), reference.at(len(reference.text))
    assert whole[0] == known[0]
    assert told.address(whole[0]) == reference.address(known[0])
    if whole[0] < len(HEAD) + most:
        assert told.text == reference.text
    else:
        assert told.text[: whole[1]] == reference.text[: known[1]]
        assert {*told.text[whole[1] :].split(b"\n")} >= {*reference.text[known[1] :].split(b"\n")}
        assert told.address(whole[0]) == "body"


@built
@pytest.mark.parametrize(("names", "made"), [(2046, True), (2047, False)])
def test_no_more_names_than_there_is_room_for(names: int, made: bool) -> None:
    """The document and its list have one each."""
    objects = [
        {f"k{number}": 0 for number in range(first, min(first + 60, names))} for first in range(0, names, 60)
    ]
    assert (both(json.dumps(objects).encode(), JSON, 10_000) is not None) is made


_NAMES = (
    st.text("ab.[]é\n x", max_size=4)
    | st.text(min_size=60, max_size=70)
    | st.text("k", min_size=120, max_size=260)
)
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**16), 10**16), st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(-1000, 1000, places=3).map(float), st.text(max_size=8), st.sampled_from(["{}", "[1]", "a", "a.b", "é", 'a "b"', "a\nb\t", "\\"]),
)  # fmt: skip
_DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_NAMES, inner, max_size=4)
        | st.lists(inner, max_size=2).map(json.dumps)
        | st.dictionaries(_NAMES, inner, max_size=2).map(json.dumps)
    ),
    max_leaves=25,
)


@built
@given(st.lists(_DOCUMENTS, max_size=3) | st.dictionaries(_NAMES, _DOCUMENTS, max_size=3), st.booleans())
@settings(max_examples=400)
def test_any_documents(value: Any, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    agrees(body, JSON)
    agrees(body + b"\n" + body + b"\n[1]", b"application/x-ndjson")


_PIECES = st.text("ab=&+%é \n", max_size=6) | st.binary(max_size=4) | st.text(min_size=60, max_size=70)


@built
@given(st.lists(st.tuples(_PIECES, _PIECES), max_size=6), st.booleans())
@example([(b"\xff", "")], True)
@settings(max_examples=300)
def test_any_forms(pairs: list[tuple[str | bytes, str | bytes]], quoted: bool) -> None:
    if quoted:
        body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs).encode()
    else:
        body = b"&".join(b"=".join(p if isinstance(p, bytes) else p.encode() for p in pair) for pair in pairs)
    agrees(body, FORM)


@built
@given(st.binary(max_size=60) | st.text('{}[]":,1a.\\', max_size=60).map(str.encode))
@settings(max_examples=300)
def test_c_takes_any_bytes(body: bytes) -> None:
    """It is asked for what was read before; but it relies on nothing of that."""
    assert plain.BODIES is not None
    for made in (plain.BODIES.json_lines(body, 50), plain.BODIES.form_lines(body, 50)):
        if made is not None:
            text, table, names = made
            numbers = memoryview(table).cast("i").tolist()
            for start, end, place, length in zip(*(numbers[part::4] for part in range(4)), strict=True):
                assert 0 < start <= end <= len(text)
                assert 0 <= place <= place + (length >> 2) <= len(names)


@built
def test_c_names_what_it_takes() -> None:
    assert plain.BODIES is not None
    for function in (plain.BODIES.json_lines, plain.BODIES.form_lines):
        for wrong in [("{}", 1), (b"{}", "1"), (b"{}",)]:
            with pytest.raises(TypeError):
                function(*wrong)
