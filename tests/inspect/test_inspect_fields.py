"""The head as fields: the table, and the standard library as an oracle."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chance import joined, several
from tests.inspect.inspect_samples import raw, reading, request, shown, table
from tests.together import together
from waf.config.schema import Limits
from waf.http1.speed import values
from waf.inspect import torn
from waf.inspect.bodies.parsed import MARK
from waf.inspect.fields import cookie_fields, header_fields, name_text, pair_fields, spelled_name
from waf.inspect.reading import read
from waf.model import Framing, Headers, Part, Request

CASES = table("head.yaml")


@together("case", CASES, ids=lambda case: str(case)[:60])
def test_table(case: dict[str, Any]) -> None:
    assert not set(case) - {"target", "lines", "fields"}
    made = reading(raw(case["target"]), *[raw(line) for line in case.get("lines", [])])
    found = [pair for pair in shown(made.head) if pair[0] not in ("method", "header.host")]
    assert found == [(address, raw(value)) for address, value in case["fields"]]


def test_order_and_method() -> None:
    made = reading(b"/a?b=c", b"Cookie: d=e", b"X-F: g")
    assert [field.part.label for field in made.head] == [
        "method", "path", "segment", "arg-name", "arg", "header", "header", "cookie-name", "cookie",
    ]  # fmt: skip
    assert made.head[0].value == b"GET"


def test_raw_is_kept_only_where_it_differs() -> None:
    fields = {field.address: field for field in reading(b"/%61/b?c=%64&e=f", b'Cookie: g="h"; i=j').head}
    assert fields["path"].raw == b"/%61/b"
    assert fields["arg.c"].raw == b"%64"
    assert fields["arg.e"].raw is None
    assert fields["cookie.g"].raw == b'"h"'
    assert fields["cookie.i"].raw is None


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=6))
@settings(max_examples=200)
def test_forms_are_read_as_the_standard_library_reads_them(pairs: list[tuple[str, str]]) -> None:
    data = "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs).replace("%20", "+").encode()
    fields = pair_fields(data, Part.FORM_NAME, Part.FORM)
    values = [field.value.decode() for field in fields if field.part is Part.FORM]
    names = [field.value.decode() for field in fields if field.part is Part.FORM_NAME]
    expected = parse_qsl(data.decode(), keep_blank_values=True)
    assert values[: len(expected)] == [value for _, value in expected]  # then what looks torn
    assert names == [name for name, _ in expected if name]


@given(st.binary(max_size=60))
@settings(max_examples=200)
def test_any_bytes_make_fields(data: bytes) -> None:
    for field in pair_fields(data, Part.ARG_NAME, Part.ARG) + cookie_fields([data]):
        field.name.encode()
        assert field.raw != field.value


def test_headers_but_cookies() -> None:
    made = request(b"/", b"Cookie: a=b", b"Accept: */*", b"X-Two: 1", b"X-Two: 2")
    lines = [line for line in made.headers.lines if line[0] != b"cookie"]
    assert len(lines) == 4
    values = [field.value for field in reading(b"/", b"X-Two: 1", b"X-Two: 2").headers]
    assert values == [b"app.example", b"1", b"2"]


def test_legacy_cookies_are_noticed() -> None:
    made = reading(b"/", b'Cookie: $Version=1; a="b; c=d"')
    assert [finding.rule for finding in made.findings] == ["protocol.legacy-cookie"]
    assert not reading(b"/", b"Cookie: price=$5").findings


# ----------------------------------------------------------------------------------------- all values in one text

_TEXTS = st.text('ab%+&=/;? "$.-_\\1f\x7f', max_size=30)


@settings(max_examples=500, deadline=None)
@given(
    path=st.text("ab/%2fe.;1_", max_size=20),
    query=st.none() | st.text("ab=&%3d+;1[]'#(20", max_size=30),
    cookie=st.none() | st.text('ab=; "$\\1\t&#{', max_size=30),
    known=st.booleans(),
)
def test_the_text_of_a_head_is_that_of_its_fields(
    path: str, query: str | None, cookie: str | None, known: bool
) -> None:
    lines = [(b"host", b"Host", b"a"), (b"x-odd!", b"X-Odd!", b"v"), (b"user-agent", b"User-Agent", b"me")]
    if cookie is not None:
        lines.insert(1, (b"cookie", b"Cookie", cookie.encode()))
    text = f"/{path}" if query is None else f"/{path}?{query}"
    made_of = Request(
        b"GET", text.encode(), f"/{path}".encode(), query if query is None else query.encode(), 1,
        Headers.of(lines), b"a", Framing.NONE, 0, True, False, None,
    )  # fmt: skip
    read_ = read(made_of, b"", Limits(), repr)
    remembered = {lines[0], lines[-1]} if known else set()
    memory = values()
    if memory is None:
        return
    made = read_.head_text(remembered, memory)
    torn_apart = [*torn.pairs((query or "").encode()), *torn.cookies((cookie or "").encode().split(b";"))]
    if made is None:
        assert (
            torn_apart
            or set((cookie or "") + (query or "")) & set("\"$'#(;+& \t\\{&")
            or "%2" in (query or "")
        )
        return
    assert not torn_apart, "what is inspected whole as well has fields"
    unknown = [line for line in lines if line not in remembered]
    fields = [*read_.target, *read_.cookies, *header_fields(unknown)]
    assert made[0] == MARK.join([field.value for field in fields])
    assert made[1] is not any(line[0] != b"cookie" for line in unknown)
    memory.add(made[2])
    assert read_.head_text(remembered, memory) == (b"", True, b""), "what was clean is not looked at again"


def test_a_head_of_too_many_fields_has_no_text() -> None:
    made_of = Request(
        b"GET", b"/", b"/", b"a=1&" * 10, 1, Headers.of([]), b"a", Framing.NONE, 0, True, False, None
    )
    read_ = read(made_of, b"", Limits(fields=10), repr)
    memory = values()
    assert memory is None or read_.head_text(set(), memory) is None
    assert len(read_.target) > 10
    assert [finding.rule for finding in read_.findings] == ["limit.fields"]


def test_values_are_remembered_by_all_of_their_bytes() -> None:
    memory = values()
    if memory is None:
        return
    target = b"/a/b?q=clean&long=" + b"x" * 1025

    def look(target: bytes) -> bytes:
        made_of = Request(
            b"GET", target, b"/a/b", target.partition(b"?")[2], 1, Headers.of([]), b"a", Framing.NONE, 0, True, False,
            None,
        )  # fmt: skip
        found = read(made_of, b"", Limits(), repr).head_text(set(), memory)
        assert found is not None
        memory.add(found[2])
        return found[0]

    assert look(target) == MARK.join([b"/a/b", b"a", b"b", b"q", b"clean", b"long", b"x" * 1025])
    assert look(target) == b"x" * 1025, "long values are looked at each time"
    assert look(b"/a/b?q=cleam") == b"cleam"
    for number in range(40_000):  # many times what is remembered: the new value is always looked at
        assert look(b"/a/b?q=%d" % number).split(MARK)[-1] == b"%d" % number
    with pytest.raises(TypeError):
        memory.add(b"123")
    with pytest.raises(ValueError, match="16 bytes"):
        type(memory)(b"short")


class Counted(bytes):
    """A name that tells how much of it is decoded."""

    most = 0

    def __getitem__(self, key: Any) -> Any:
        piece = Counted(super().__getitem__(key))
        Counted.most = max(Counted.most, len(piece))
        return piece


@pytest.mark.parametrize(
    "piece", [b"a", b"\xff", b"\xf0\x9d\x90\x80", b"\xc3\xa4", b"\xe2\x82", b"\xe2\x82\xac"]
)
@pytest.mark.parametrize("before", [b"", b"a", b"\xff\xff\xf0\x9d"])
def test_of_a_long_name_no_more_is_decoded_than_is_kept(piece: bytes, before: bytes) -> None:
    for count in (60, 255, 256, 257, 20_000):
        name = before + piece * count
        assert name_text(name) == name.decode("utf-8", "backslashreplace")[:256]
        assert spelled_name(name) == name_text(name)
    assert spelled_name(Counted(before + piece * 20_000))
    assert Counted.most <= 1024


_OF_NAMES = [
    b"a",
    b"a" * 250,
    b"\x7f",
    b"\0",
    b"\xff",
    b"\x80",
    b"\xc3\xa4",
    b"\xe2\x82\xac",
    b"\xe2\x82",
    b"\xf0\x9d\x90\x80",
    b"\xf0\x9d",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
]


@given(several(joined(_OF_NAMES, 300, odd=2)))
@settings(max_examples=200)
def test_names_are_spelled_the_same_in_c(texts: Sequence[bytes]) -> None:
    for name in texts:
        assert name_text(name) == spelled_name(name) == name.decode("utf-8", "backslashreplace")[:256]


_BORDERS = [b"&", b"&", b"&", b"#", b"%23", b"1", b"x", b"lt;", b"LT;", b"newline;", b"Newline", b";", b" ", b"+", b"%20", b"=", b"a", b"%", b"grave;"]  # fmt: skip


@given(several(joined(_BORDERS, 14)))
@settings(max_examples=300)
def test_tears_are_what_is_found_without_case(texts: Sequence[bytes]) -> None:
    for text in texts:
        tears = [match.span() for match in torn._TEARS.finditer(text)]
        assert tears == [match.span() for match in re.finditer(rb"&" + torn._TEAR, text, re.I)], text
        borders = [at for at in range(len(text)) if text[at : at + 1] == b"&" and text[at - 1 : at] != b"&"]
        apart = [at for at in borders if not re.match(rb"&" + torn._TEAR, text[at:], re.I)]
        assert [match.start() for match in torn._BORDER.finditer(text)] == apart, text
