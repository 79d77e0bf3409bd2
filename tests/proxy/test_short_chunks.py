"""An answer in very short chunks is read in slices, so that others have their turns; what it says stays the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.config.schema import Limits
from waf.errors import UpstreamFault
from waf.http1 import framing, parse
from waf.proxy.intake import SLICE
from waf.proxy.relay import _drawn

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def reader() -> framing.BodyReader:
    limits = Limits()
    return framing.response_body(parse.response_head(HEAD, limits, b"GET"), limits)


def chunked(sizes: list[int]) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (size, b"z" * size) for size in sizes) + b"0\r\n\r\n"


def drained(data: bytes) -> tuple[bytes, bytes, list[int]]:
    """Payload, what lies beyond the end, and how much was read at each turn."""
    link: Any = SimpleNamespace(inbox=data)
    body, payload, turns = reader(), b"", []
    while not body.done:
        taken, link.inbox = link.inbox, b""
        pieces, size = _drawn(link, body, taken)
        assert pieces or body.done  # else nothing would say that there is more
        assert size + len(link.inbox) == len(taken)
        payload += b"".join(pieces)
        turns.append(size)
    return payload, body.excess + link.inbox, turns


@given(
    st.lists(st.sampled_from([1, 1, 1, 2, 30, 63, 64, 65, 1000, SLICE]), min_size=1, max_size=60),
    st.integers(1, 400),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n\r\n", b"\r\n"]),
)
def test_slices_change_nothing(sizes: list[int], times: int, beyond: bytes) -> None:
    data = chunked((sizes * times)[:6000])
    payload, excess, _ = drained(data + beyond)
    whole = reader()
    assert payload == b"".join(whole.feed(data + beyond))
    assert excess == whole.excess == beyond


def test_short_chunks_take_turns_and_long_ones_do_not() -> None:
    assert max(drained(chunked([1] * 20_000))[2]) <= SLICE
    assert len(drained(chunked([1000] * 200))[2]) == 1


def test_a_fault_in_a_later_slice_is_found() -> None:
    with pytest.raises(UpstreamFault):
        drained(chunked([1] * 5_000)[:-5] + b"x\r\n")
