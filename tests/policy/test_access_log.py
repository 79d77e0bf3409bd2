"""Lines of access logs as requests: what the server wrote down is undone, what is no request is told apart."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.config.schema import Limits
from waf.errors import ClientFault
from waf.http1.parse import request_head
from waf.policy.access_log import from_access_log

_FRONT = b"203.0.113.9 - bob [28/Nov/2026:10:00:00 +0000] "


def _read(line: bytes) -> tuple[bytes, dict[bytes, bytes]] | None:
    (sample,) = from_access_log([line])
    if sample is None:
        return None
    request = request_head(sample.head, Limits())
    return request.target, {lower: value for lower, _, value in request.headers.lines if lower != b"host"}


@pytest.mark.parametrize(
    ("line", "target", "headers"),
    [
        (b'"GET /a?q=1 HTTP/1.1" 200 12', b"/a?q=1", {}),
        (b'"GET /a HTTP/1.1" 304 - "-" "-"', b"/a", {}),
        (b'"GET /a HTTP/2.0" 200 5 "https://x.example/" "Agent/1"', b"/a",
         {b"referer": b"https://x.example/", b"user-agent": b"Agent/1"}),
        (b'"GET /a?q=\\x7Eb\\x7e HTTP/1.1" 200 1 "-" "A \\"quoted\\" \\\\name"', b"/a?q=~b~",
         {b"user-agent": b'A "quoted" \\name'}),
        (b'"GET /a b HTTP/1.0" 400 0 "-" "-"', b"/a%20b", {}),
        (b'"POST /form" 200 0', b"/form", {}),
    ],
)  # fmt: skip
def test_a_request_is_what_the_client_asked(line: bytes, target: bytes, headers: dict[bytes, bytes]) -> None:
    assert _read(_FRONT + line) == (target, headers)
    assert _read(b"::1 - - " + line) == (target, headers)


@pytest.mark.parametrize(
    "line",
    [b"garbage", b'"GET /"', _FRONT + b'"\\x16\\x03\\x01" 400 0 "-" "-"', _FRONT + b'"-" 408 0', b'{"a": 1}'],
)
def test_other_lines_are_none(line: bytes) -> None:
    assert list(from_access_log([line, b"", b"  "])) == [None]


@given(st.binary(max_size=80))
def test_any_line_is_a_message_or_a_fault_of_the_client(middle: bytes) -> None:
    for line in (middle, _FRONT + b'"GET /' + middle + b' HTTP/1.1" 200 1 "-" "' + middle + b'"'):
        for sample in from_access_log([line]):
            if sample is not None:
                with contextlib.suppress(ClientFault):
                    request_head(sample.head, Limits())
