"""A chunked body that is here whole: what C gives is what the reader gives, and it gives nothing for anything odd."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.errors import Fault
from waf.http1.chunks import _unchunked, unchunked
from waf.http1.framing import ChunkedBody
from waf.http1.rules import upstream_fault

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"

plain = st.lists(
    st.tuples(st.binary(min_size=1, max_size=40), st.sampled_from([b"%x", b"%X", b"0%x", b"%07x"])),
    max_size=6,
)
odd = st.lists(
    st.sampled_from([
        b"0\r\n\r\n", b"\r\n", b"\n", b"\r", b"0", b"1", b"2", b"a", b"ff", b"fffffffff", b"7fffffff", b"1\r\nx\r\n", b"5;a=b\r\nhello\r\n", b"5 \r\nhello\r\n",
        b"0\r\nA: b\r\n\r\n", b"-1\r\n", b"0x1\r\nx\r\n", b"", b"HTTP/1.1 200 OK\r\n\r\n",
    ]),
    max_size=8,
).map(b"".join)  # fmt: skip


def read(body: bytes) -> bytes | None:
    """What the reader of bodies makes of it: its payload, where it ends exactly there."""
    reader = ChunkedBody(1 << 62, upstream_fault)
    try:
        pieces = reader.feed(body)
    except Fault:
        return None
    return b"".join(pieces) if reader.done and not reader.excess else None


@given(plain, st.sampled_from([b"", HEAD]))
def test_plain_ones_are_read(chunks: list[tuple[bytes, bytes]], before: bytes) -> None:
    body = b"".join(size % len(data) + b"\r\n" + data + b"\r\n" for data, size in chunks) + b"0\r\n\r\n"
    for one in (unchunked, _unchunked):
        assert one(before + body, len(before)) == b"".join(data for data, _ in chunks) == read(body)


@given(odd)
def test_what_is_given_is_what_the_reader_gives(body: bytes) -> None:
    for one in (unchunked, _unchunked):
        given_ = one(HEAD + body, len(HEAD))
        assert given_ is None or given_ == read(body)


@given(plain, st.data())
def test_a_part_is_no_body(chunks: list[tuple[bytes, bytes]], data: st.DataObject) -> None:
    body = b"".join(size % len(one) + b"\r\n" + one + b"\r\n" for one, size in chunks) + b"0\r\n\r\n"
    cut = data.draw(st.integers(0, len(body) - 1))
    for one in (unchunked, _unchunked):
        given_ = one(body[:cut], 0)
        assert given_ is None or given_ == read(body[:cut])
        assert one(body + b"x", 0) is None


@pytest.mark.parametrize("start", [6, 100])
def test_where_nothing_is_nothing_is_given(start: int) -> None:
    assert unchunked(b"0\r\n\r\n", start) is None
    assert unchunked(b"", 0) is None


def test_what_c_is_told_has_to_fit() -> None:
    pytest.importorskip("waf._speed")
    for wrong in (("0", 0), (b"0", None), (b"0",), (b"0", 1 << 80)):
        with pytest.raises((TypeError, OverflowError)):
            unchunked(*wrong)  # type: ignore[arg-type]
    assert unchunked(b"0\r\n\r\n", -1) is None
