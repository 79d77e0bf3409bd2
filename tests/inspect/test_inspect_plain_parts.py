"""Plain forms in parts in C hold to the reference in Python."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import mask
from tests.together import together
from waf.config.schema import Limits
from waf.inspect.bodies import multipart_body, plain
from waf.inspect.bodies.choose import plain_boundary
from waf.inspect.bodies.content_type import ContentType, parse_content_type
from waf.inspect.bodies.parsed import MARK, BodyKind, Collector, Notes
from waf.inspect.native import BODIES
from waf.model import Field, Part

pytestmark = pytest.mark.skipif(BODIES is None, reason="the accelerator is not built or not wanted")
MANY = 1 << 30


def form(*pairs: tuple[bytes, bytes], boundary: bytes = b"B") -> bytes:
    parts = b"".join(
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name, value)
        for name, value in pairs
    )
    return parts + b"--%b--\r\n" % boundary


def sheet(body: bytes, boundary: bytes = b"B", longest: int = MANY) -> tuple[bytes, int] | None:
    assert plain.PARTS_SHEET is not None
    return plain.PARTS_SHEET(body, boundary, longest)


def reference(body: bytes, limits: Limits, boundary: bytes = b"B") -> tuple[list[Field], set[str]]:
    notes = Notes(limits, mask)
    parsed = multipart_body._split(body, boundary, notes)
    return parsed.fields(), {finding.rule for finding in notes.findings}


def made(body: bytes, limits: Limits, boundary: bytes = b"B") -> tuple[list[Field], set[str]]:
    notes = Notes(limits, mask)
    parsed = multipart_body.parse(
        body, ContentType(b"multipart/form-data", ((b"boundary", boundary),)), notes
    )
    assert parsed.kind is BodyKind.MULTIPART
    return parsed.fields(), {finding.rule for finding in notes.findings}


@pytest.mark.parametrize(
    ("body", "text", "count"),
    [
        (form((b"a", b"x")), b"\x7fa\x7fx", 2),
        (form((b"a", b"")), b"\x7fa\x7f", 2),
        (form((b"", b"x")), b"\x7fx", 1),
        (form((b"a", b"x"), (b"a[b]", b"1\r\n2\0"))[:-2], b"\x7fa\x7fx\x7fa[b]\x7f1\r\n2\0", 4),
        (form(("ä".encode(), b"\xff--b")), "\x7fä\x7f".encode() + b"\xff--b", 2),
        (form((b"a", b"\r\n--")), b"\x7fa\x7f\r\n--", 2),
        (form((b"a", b"x")).replace(b"Content-D", b"content-d"), b"\x7fa\x7fx", 2),
    ],
)
def test_plain(body: bytes, text: bytes, count: int) -> None:
    assert sheet(body) == (text, count)


PLAIN = form((b"a", b"x"))


@together(
    "body",
    [
        b"", b"--", b"--B", b"--B\r\n", b"--B--", b"--B--\r\n", b"x" + PLAIN, b"\r\n" + PLAIN, PLAIN + b"x", PLAIN + b"\r\n",
        PLAIN[:-3], PLAIN[:-5], PLAIN.replace(b"\r\n", b"\n"), form((b"a", b"\x7f")), form((b"\x7f", b"")), form((b"a\\", b"x")),
        form((b"a\t", b"x")), form((b'a"; filename="b', b"x")), form((b'a"\r\nContent-Type: "text/plain', b"x")),
        form((b"a", b"x\r\n--B-")), form((b"a", b"x\r\n--B--\r\n")), form((b"a", b"x\n--B")), form((b"a", b"x\r--B")), form((b"a", b"x--B")),
        form((b"--B", b"x")), form((b"a", b"\n--B")), form((b"_charset_", b"utf-8")), form((b"a" * 4097, b"x")), PLAIN.replace(b"\r\n\r\nx", b"\r\n\r\n--B"),
        PLAIN.replace(b"\r\n\r\nx", b"\r\n"), PLAIN.replace(b"form-data", b"attachment"), PLAIN.replace(b"; name", b";name"),
    ],
)  # fmt: skip
def test_all_else_is_for_the_reference(body: bytes) -> None:
    assert sheet(body) is None


@pytest.mark.parametrize("boundary", [b"", b"B" * 71, b"C"])
def test_boundaries(boundary: bytes) -> None:
    assert sheet(PLAIN, boundary) is None
    assert plain.parts_lines(PLAIN, boundary, Limits()) is None


def test_longest() -> None:
    assert sheet(form((b"a", b"x" * 9)), longest=9) is not None
    assert sheet(form((b"a", b"x" * 10)), longest=9) is None
    assert sheet(form((b"a" * 10, b"x")), longest=9) is None


_PIECES = st.sampled_from(
    [b"--B", b"\r\n", b"\r", b"\n", b"--", b'Content-Disposition: form-data; name="', b'content-disposition: form-data; name="', b'"',
     b'"\r\n\r\n', b"a", b"note", b"x", b"\x7f", b"\0", b"\\", b";", b' filename="f"', b"%41", "ä".encode(), b"\xff", b"\r\n--B\r\n",
     b"\r\n--B--", b"\r\n--B--\r\n", b"Content-Type: text/plain", b":", b"<script>", b"' or 1=1--"]
)  # fmt: skip
_NAMES = st.lists(
    st.sampled_from([b"a", b"b[]", b"", "ä".encode(), b"\xff", b"%22", b"'", b"x" * 60, b"n" * 300]),
    max_size=2,
).map(b"".join)
_VALUES = st.lists(_PIECES, max_size=3).map(b"".join) | st.binary(max_size=8)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Forms, many of them damaged."""
    if draw(st.integers(0, 4)) == 0:
        return b"--B\r\n" + b"".join(draw(st.lists(_PIECES, max_size=12)))
    body = form(*draw(st.lists(st.tuples(_NAMES, _VALUES), max_size=5)))
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(body)))
        body = body[:start] + draw(_PIECES | st.just(b"")) + body[start + draw(st.integers(0, 4)) :]
    return body


@settings(max_examples=1000)
@given(bodies())
def test_what_is_read_is_read_so_by_the_reference(body: bytes) -> None:
    found = sheet(body)
    if found is None:
        return
    fields, rules = reference(body, Limits())
    assert not rules
    assert {field.part for field in fields} <= set(multipart_body.PARTS)
    assert found == (b"".join(MARK + field.value for field in fields), len(fields))


@settings(max_examples=600)
@given(bodies(), st.sampled_from([100, 2000]), st.sampled_from([1024, 65536]), st.integers(1, 30))
def test_fields_and_notes_are_those_of_the_reference(
    body: bytes, most: int, longest: int, times: int
) -> None:
    body = body[: -len(b"--B--\r\n")] * times + b"--B--\r\n"
    limits = Limits(fields=most, value=longest)
    assert made(body, limits) == reference(body, limits)


_MEDIA = st.sampled_from(
    [b"text/plain", b"image/png", b"application/json", b"multipart/mixed", b"multipart/form-data", b"text/plain; charset=utf-16", b"Text/html", b"x", b""]
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Forms with files and types, some damaged."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        head = b'form-data; name="%b"' % draw(_NAMES)
        head += b'; filename="%b"' % draw(_NAMES | _VALUES) if draw(st.booleans()) else b""
        head += b"\r\nContent-Type: " + draw(_MEDIA) if draw(st.booleans()) else b""
        content = draw(_VALUES | st.just(b'{"a": ["x"]}'))
        parts.append(b"--B\r\nContent-Disposition: " + head + b"\r\n\r\n" + content + b"\r\n")
    body = b"".join(parts) + draw(st.sampled_from([b"--B--\r\n"] * 3 + [b"--B--", b"--B--x", b"--B", b""]))
    if draw(st.integers(0, 3)) == 0:
        start = draw(st.integers(0, len(body)))
        body = body[:start] + draw(_PIECES | st.just(b"")) + body[start + draw(st.integers(0, 4)) :]
    return body


@settings(max_examples=1500)
@given(files() | bodies(), st.sampled_from([100, 2000]), st.sampled_from([16, 65536]))
def test_plain_heads_of_files_are_read_as_the_reference_does(body: bytes, most: int, longest: int) -> None:
    notes = Notes(Limits(fields=most, value=longest), mask)
    parsed = multipart_body._plainly(body, b"B", notes)
    if parsed is None:
        return
    fields = parsed.fields()
    assert (fields, {finding.rule for finding in notes.findings}) == reference(body, notes.limits)


def test_files_with_plain_heads_need_no_splitter(monkeypatch: pytest.MonkeyPatch) -> None:
    body = form((b'a"; filename="b.txt"\r\nContent-Type: "text/plain', b"x"), (b"c", b"y")).replace(
        b': "text/plain"', b": text/plain"
    )
    split: list[bytes] = []
    monkeypatch.setattr(multipart_body, "_split", lambda data, boundary, notes: split.append(data))
    fields, rules = made(body, Limits())
    assert [(field.part, field.value) for field in fields] == [
        (Part.PART_NAME, b"a"), (Part.FILE_NAME, b"b.txt"), (Part.PART_HEADER, b"text/plain"), (Part.FILE, b"x"),
        (Part.PART_NAME, b"c"), (Part.FORM, b"y"),
    ]  # fmt: skip
    assert not rules
    assert not split


@settings(max_examples=600)
@given(bodies())
def test_plain_heads_are_split_roughly_as_any_other(body: bytes) -> None:
    def split() -> list[Field]:
        into = Collector(Notes(Limits(), mask))
        multipart_body.collect_roughly(body, b"B", into)
        return into.done()

    made = split()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(multipart_body, "_PLAIN_PIECE", re.compile(rb"(?!)"))
        assert made == split()


def test_what_is_beyond_the_fields_is_one_text() -> None:
    limits = Limits(fields=100)
    body = form(*((b"k%d" % number, b"v%d" % number) for number in range(80)))
    fields, rules = made(body, limits)
    assert (fields, rules) == reference(body, limits)
    assert len(fields) == 101
    assert rules == {"limit.fields"}
    assert fields[-1].part is Part.BODY
    assert fields[-1].value.endswith(b"k79\nv79")


@given(st.binary(max_size=80).map(lambda text: b"multipart/form-data;" + text) | st.sampled_from(
    [b"multipart/form-data; boundary=B", b"multipart/form-data;boundary=----a_1", b'multipart/form-data; boundary="B"',
     b"multipart/form-data; boundary=B; charset=utf-8", b"multipart/form-data; boundary=B, x", b"multipart/mixed; boundary=B",
     b"multipart/form-data; boundary=", b"Multipart/Form-Data; boundary=B"]
))  # fmt: skip
def test_boundaries_of_types(line: bytes) -> None:
    boundary = plain_boundary(line)
    if boundary:
        notes = Notes(Limits(), mask)
        content_type = parse_content_type(line)
        assert content_type.wellformed
        assert content_type.media == b"multipart/form-data"
        assert multipart_body.boundary_of(content_type, notes) == boundary
        assert not notes.findings


@pytest.mark.parametrize("arguments", [(), (b"", "B", 1), ("", b"B", 1), (b"", b"B", None), (b"", b"B")])
def test_what_are_no_forms(arguments: tuple[object, ...]) -> None:
    assert BODIES is not None
    for function in (BODIES.parts_sheet, BODIES.parts_lines):
        with pytest.raises(TypeError):
            function(*arguments)
    with pytest.raises(TypeError):
        BODIES.parts_screen(*arguments, None, None)
