"""A view reads what is spelled, and finds its way back to the bytes."""

from __future__ import annotations

import html
import json
from urllib.parse import quote_plus, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.sensitive.views import over, spelled, spelled_by, view

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
UNITS = st.lists(
    st.sampled_from(
        ["4", "a", " ", "\\u0034", "\\u002d", "\\/", "\\n", '\\"', "\\\\", "\\u00e9", "&#52;", "&#x2d;", "&nbsp;",
         "&amp;", "&lt;", "é", "\u00a0", "\u2011", "&", "\\", "%34", "+", "<", "&ndash;", "\\x34"]
    ),
    max_size=30,
)  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", b"plain"),
        (b"4539\\u00201488", b"4539 1488"),
        (b"4539\\u002D1488", b"4539-1488"),
        (b"https:\\/\\/x", b"https://x"),
        (b"4539&nbsp;1488&#160;0343&#xa0;6467", b"4539 1488 0343 6467"),
        (b"4539&#45;1488", b"4539-1488"),
        ("4539\u00a01488\u20116467".encode(), b"4539 1488-6467"),
        (b"a\\\\u0034", b"a\x80\x80u0034"),
    ],
)
def test_reads(raw: bytes, text: bytes) -> None:
    assert view(raw).text == text


def test_nothing_to_undo_costs_no_copy() -> None:
    raw = b'{"plain": "text", "n": 1}'
    assert view(raw).text is raw


@given(ASCII)
def test_json_strings_are_read_as_json_does(text: str) -> None:
    raw = json.dumps(text)[1:-1].encode()
    seen = view(raw.replace(b"&", b"+")).text
    assert len([c for c in seen if c > 32]) <= len(raw)
    plain = text.replace('"', "").replace("\\", "").replace("&", "+")
    assert plain.replace(" ", "").encode() == bytes(
        c for c in seen.replace(b"\x80", b"").replace(b'"', b"") if c != 32
    )


@given(ASCII)
def test_forms_are_read_as_forms_are(text: str) -> None:
    raw = quote_plus(text).encode()
    assert view(raw, form=True).text.decode() == unquote_plus(raw.decode())


@given(ASCII)
def test_numeric_references_are_read_as_html_does(text: str) -> None:
    raw = "".join(f"&#{ord(c)};" if ord(c) % 2 else f"&#x{ord(c):X};" for c in text)
    assert view(raw.encode()).text.decode() == html.unescape(raw)


@given(UNITS, st.booleans())
def test_every_byte_has_its_spelling(units: list[str], form: bool) -> None:
    raw = "".join(units).encode()
    seen = view(raw, form)
    spans = [seen.at(place) for place in range(len(seen.text))]
    assert [a for a, _ in spans] == [0, *(b for _, b in spans[:-1])] if spans else not raw
    assert not spans or spans[-1][1] == len(raw)
    for place, (start, end) in enumerate(spans):
        assert all(seen.place(offset) == place for offset in range(start, end))


@given(UNITS)
def test_writing_back_what_stands_there_changes_nothing(units: list[str]) -> None:
    raw = "".join(units).encode()
    seen = view(raw)
    assert over(seen, 0, seen.text) == raw if seen.text else not raw


@pytest.mark.parametrize(
    ("piece", "out"),
    [(b"4", b"*"), (b"\\u0034", b"\\u002a"), (b"&#52;", b"&#42;"), (b"&#052;", b"&#042;"), (b"&#x34;", b"&#x2a;"),
     (b"%34", b"%2A"), (b"\\x34", b"\\x2a"), (b"\\/", b"**")],
)  # fmt: skip
def test_spelled(piece: bytes, out: bytes) -> None:
    assert spelled(piece, b"*") == out
    assert len(out) == len(piece)


_RAW = st.lists(
    st.sampled_from(
        [b"4", b"a", b" ", b"\\u0034", b"\\u002d", b"\\u00e9", b"\\u2011", b"\\u20", b"\\u", b"\\x34", b"\\x8", b"\\/", b"\\n", b'\\"', b"\\\\",
         b"\\", b"&#52;", b"&#x2d;", b"&#", b"&#12345678;", b"&#xffffffff;", b"&nbsp;", b"&amp;", b"&lt;", b"lt;", b"amp;", b"#52;", b"nbsp;",
         b"&ndash;", b"&", b";", b"\xc2\xa0", b"\xe2\x80\x91", b"\xe2\x88\x92", b"\xc2", b"\xe2\x80", b"%34", b"%", b"%2", b"+", b"x" * 70,
         b"\\u0026", b"\\x26", b"&#92;", b"u0034", b"\x00", b"\xff"]
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


@given(_RAW, st.booleans())
def test_both_read_alike(raw: bytes, form: bool) -> None:
    fast, slow = view(raw, form), spelled_by(raw, form)
    assert (fast.raw, fast.text) == (slow.raw, slow.text)
    assert (fast.text is raw) is (slow.text == raw)
    for place in range(len(slow.text)):
        assert fast.at(place) == slow.at(place)
        for end in range(place, len(slow.text) + 1, 7):
            assert fast.span(place, end) == slow.span(place, end)
    for offset in range(len(raw)):
        assert fast.place(offset) == slow.place(offset)


@given(_RAW, st.booleans())
def test_a_unit_makes_no_other(raw: bytes, form: bool) -> None:
    """Text and map are of one reading: a reference that an escape spells is not read again."""
    seen = spelled_by(raw, form)
    assert sum(end - start for start, end in map(seen.at, range(len(seen.text)))) == len(raw)
    assert spelled_by(b"&; \\u0026nbsp;4").text == b"&; &nbsp;4"
