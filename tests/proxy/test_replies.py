"""Our own answers: what the person or program at the other end can read, and nothing that helps an attacker."""

from __future__ import annotations

import json
from email.utils import formatdate

import h11
from hypothesis import given
from hypothesis import strategies as st

from tests.together import together
from waf.config.schema import Limits
from waf.http1.parse import request_head
from waf.proxy.identity import Ids
from waf.proxy.replies import EXPLANATIONS, http_date, reply


def request(*lines: bytes, method: bytes = b"GET", version: bytes = b"1.1"):
    head = b"\r\n".join([method + b" /x HTTP/" + version, b"Host: a", *lines, b"", b""])
    return request_head(head, Limits())


def read(data: bytes, method: bytes = b"GET") -> tuple[h11.Response, bytes]:
    """As h11 reads it."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(data)
    response = connection.next_event()
    assert isinstance(response, h11.Response)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert connection.trailing_data == (b"", False)
    return response, body


@together("status", EXPLANATIONS)
@together("accept", [b"text/html,application/xhtml+xml", b"application/json", b"*/*", None])
def test_each_status_in_html_and_json(status: int, accept: bytes | None) -> None:
    lines = () if accept is None else (b"Accept: " + accept,)
    data = reply(status, request(*lines), "f" * 32, 1_700_000_000.0, close=False)
    response, body = read(data)
    headers = dict(response.headers)
    assert response.status_code == status
    assert headers[b"x-request-id"] == b"f" * 32
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"date"] == b"Tue, 14 Nov 2023 22:13:20 GMT"
    if accept is not None and b"html" in accept:
        assert headers[b"content-type"] == b"text/html; charset=utf-8"
        assert f"<code>{'f' * 32}</code>".encode() in body
        assert EXPLANATIONS[status].encode() in body
    else:
        assert headers[b"content-type"] == b"application/problem+json"
        shown = json.loads(body)
        assert (shown["status"], shown["request_id"]) == (status, "f" * 32)
        assert shown["detail"] == EXPLANATIONS[status]


def test_the_answer_to_head_has_no_body() -> None:
    full = reply(403, request(), "a", 0.0, close=False)
    bare = reply(403, request(method=b"HEAD"), "a", 0.0, close=False)
    assert full.startswith(bare)
    assert bare.endswith(b"\r\n\r\n")
    assert read(bare, b"HEAD")[1] == b""


def test_the_connection_is_said_to_end_or_to_stay() -> None:
    assert b"\r\nConnection: close\r\n" in reply(400, None, "a", 0.0, close=True)
    assert b"Connection" not in reply(403, request(), "a", 0.0, close=False)
    old = request(b"Connection: keep-alive", version=b"1.0")
    assert b"\r\nConnection: keep-alive\r\n" in reply(403, old, "a", 0.0, close=False)


def test_a_status_that_nobody_explained() -> None:
    assert read(reply(418, None, "a", 0.0, close=True))[0].reason == b"I'm a Teapot"
    assert read(reply(499, None, "a", 0.0, close=True))[0].reason == b"Refused"


@given(st.integers(0, 4_000_000_000))
def test_dates_have_the_one_fixed_form(second: int) -> None:
    assert http_date(second) == formatdate(second, usegmt=True)


def test_ids_are_hex_and_all_different() -> None:
    ids = Ids()
    drawn = [ids.draw() for _ in range(2000)]
    assert len(set(drawn)) == 2000
    assert all(len(i) == 32 and set(i) <= set("0123456789abcdef") for i in drawn)


def test_ids_come_from_the_randomness_given() -> None:
    calls: list[int] = []

    def zeros(size: int) -> bytes:
        calls.append(size)
        return bytes(size)

    ids = Ids(zeros)
    for _ in range(300):
        assert ids.draw() == "0" * 32
    assert len(calls) == 2
