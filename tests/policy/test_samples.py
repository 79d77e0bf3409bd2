"""Requests from curl lines, raw files and HAR entries: the bytes that would be sent, or a ValueError."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.together import together
from waf.config.schema import Limits
from waf.http1.parse import request_head
from waf.policy.samples import Sample, from_curl, from_har, from_har_entry, from_raw

FORM = "application/x-www-form-urlencoded"


def parts(sample: Sample) -> tuple[str, str, dict[str, str], bytes]:
    """Method, target, headers and body of a sample, as the parser reads them."""
    request = request_head(sample.head, Limits())
    assert request.length == len(sample.body)
    headers = {name.decode(): value.decode() for name, _, value in request.headers.lines}
    return request.method.decode(), request.target.decode(), headers, sample.body


@together(
    ("line", "method", "target", "headers", "body"),
    [
        ("curl http://shop/a?b=1", "GET", "/a?b=1", {"host": "shop"}, b""),
        ("http://shop", "GET", "/", {"host": "shop"}, b""),
        ("shop.example:8080/x", "GET", "/x", {"host": "shop.example:8080"}, b""),
        ("curl 'http://u:p@shop/a b?q=1 OR 1=1#top'", "GET", "/a%20b?q=1%20OR%201=1", {"host": "shop"}, b""),
        ("curl -X DELETE http://shop/1", "DELETE", "/1", {}, b""),
        ("curl -XPUT http://shop/1 -dx", "PUT", "/1", {"content-type": FORM}, b"x"),
        ("curl --request=PATCH --url=http://shop/1", "PATCH", "/1", {}, b""),
        ("curl -I http://shop/", "HEAD", "/", {}, b""),
        ("curl http://shop -d a=1 --data b=2", "POST", "/", {"content-type": FORM}, b"a=1&b=2"),
        ("curl -G http://shop?z=0 -d a=1 -d b=2", "GET", "/?z=0&a=1&b=2", {}, b""),
        ("curl http://shop --data-urlencode 'q=a b&c'", "POST", "/", {}, b"q=a%20b%26c"),
        ("curl http://shop --data-urlencode '=a b'", "POST", "/", {}, b"a%20b"),
        ("curl http://shop --data-urlencode 'a b'", "POST", "/", {}, b"a%20b"),
        ("curl http://shop -d '<a/>'", "POST", "/", {}, b"<a/>"),
        ("curl http://shop --data-raw @x", "POST", "/", {}, b"@x"),
        ("curl http://shop --json '{}'", "POST", "/", {"content-type": "application/json"}, b"{}"),
        ("curl -H 'Host: other' -H 'A:b' http://shop", "GET", "/", {"host": "other", "a": "b"}, b""),
        ("curl -H 'content-type: text/plain' -d x http://shop", "POST", "/", {"content-type": "text/plain"}, b"x"),
        ("curl -b a=1 -A me -e http://r/ http://shop", "GET", "/", {"cookie": "a=1", "user-agent": "me"}, b""),
        ("curl -u a:b http://shop", "GET", "/", {"authorization": "Basic YTpi"}, b""),
        ("curl -sSL --compressed -o out -m 3 http://shop/x", "GET", "/x", {}, b""),
        ("curl 'http://shop/x' \\\n  -H 'a: b' \\\n  -d y", "POST", "/x", {"a": "b"}, b"y"),
        ("curl http://shop --data-raw $'it\\'s \\u0021\\n'", "POST", "/", {}, b"it's !\n"),
        ("curl http://shop --data-raw 'a $'\\''b'", "POST", "/", {}, b"a $'b"),
        ('curl http://shop --data-raw "say \\"$\'x\'\\""', "POST", "/", {}, b"say \"$'x'\""),
    ],
)  # fmt: skip
def test_curl(line: str, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
    made = parts(from_curl(line))
    assert (made[0], made[1], made[3]) == (method, target, body)
    assert headers.items() <= made[2].items()


def test_a_form_becomes_multipart() -> None:
    _, _, headers, body = parts(from_curl("curl -F a=1 -F 'b=x y' http://shop/up"))
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    boundary = headers["content-type"].partition("boundary=")[2].encode()
    assert body.count(b"--" + boundary) == 3
    assert body.endswith(b"--" + boundary + b"--\r\n")
    assert b'name="b"\r\n\r\nx y\r\n' in body


@together(
    ("line", "mend"),
    [
        ("", "no URL"),
        ("curl", "no URL"),
        ("curl 'http://shop", "quote it"),
        ("curl -X", "-X needs a value"),
        ("curl --proxy x http://shop", "--proxy is not known"),
        ("curl -H nonsense http://shop", "Name: value"),
        ("curl ftp://shop/x", "not an http URL"),
        ("curl -d @secret.txt http://shop", "not read from files"),
        ("curl --json @x http://shop", "not read from files"),
        ("curl -F f=@/etc/passwd http://shop", "not read from files"),
    ],
)
def test_what_a_curl_line_must_not_say(line: str, mend: str) -> None:
    with pytest.raises(ValueError, match=mend):
        from_curl(line)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_raw(end: bytes) -> None:
    lines = [
        b"POST /x HTTP/1.1",
        b"Host: shop",
        b"Content-Length: 999",
        b"Transfer-Encoding: chunked",
        b"",
        b"a=1",
        b"",
    ]
    assert parts(from_raw(end.join(lines))) == ("POST", "/x", {"host": "shop", "content-length": "3"}, b"a=1")


def test_raw_text_keeps_its_last_line_end() -> None:
    sample = from_raw(b"POST /x HTTP/1.1\nHost: shop\nContent-Type: text/plain\n\nhello\n", "note")
    assert (sample.body, sample.label) == (b"hello\n", "note")


def entry(**request: Any) -> dict[str, Any]:
    return {"request": {"method": "GET", "url": "https://shop/a", "headers": [], **request}}


def test_har() -> None:
    listed = [("Host", "shop"), (":authority", "shop"), ("Content-Length", "9"), ("Cookie", "a=1")]
    headers = [{"name": name, "value": value} for name, value in listed]
    made = parts(from_har_entry(entry(headers=headers, url="https://shop/a?q=x y")))
    assert made == ("GET", "/a?q=x%20y", {"host": "shop", "cookie": "a=1"}, b"")


@pytest.mark.parametrize(
    ("post", "kind", "body"),
    [
        ({"mimeType": "application/json", "text": '{"a": "é"}'}, "application/json", '{"a": "é"}'.encode()),
        ({"mimeType": FORM, "params": [{"name": "a", "value": "b c"}, {"name": "d"}]}, FORM, b"a=b%20c&d="),
        ({"mimeType": "application/json", "params": [{"name": "a.b", "value": "c"}]}, FORM, b"a.b=c"),
        ({"mimeType": "image/png", "text": "AAE=", "encoding": "base64"}, "image/png", b"\x00\x01"),
    ],
)
def test_har_bodies(post: dict[str, Any], kind: str, body: bytes) -> None:
    method, _, headers, sent = parts(from_har_entry(entry(method="POST", postData=post)))
    assert (method, headers["content-type"], sent) == ("POST", kind, body)


def test_har_with_its_query_apart() -> None:
    made = from_har_entry(entry(queryString=[{"name": "q", "value": "a b"}, {"name": "r"}]))
    assert parts(made)[1] == "/a?q=a%20b&r="
    twice = entry(url="https://shop/a?q=1", queryString=[{"name": "q", "value": "1"}])
    assert parts(from_har_entry(twice))[1] == "/a?q=1"


@together(
    "har",
    [None, [], {}, {"log": 1}, {"log": {"entries": {}}}, {"log": {"entries": [1]}}, {"log": {"entries": [{}]}},
     {"log": {"entries": [entry(postData=3)]}}, {"log": {"entries": [entry(headers=[1])]}},
     {"log": {"entries": [entry(url="//[")]}}, {"log": {"entries": [entry(postData={"text": 5})]}}],
)  # fmt: skip
def test_what_is_no_har(har: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(from_har(har))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["method", "url", "headers", "postData", "text", "params", "name", "value", "encoding"]
)


@given(st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=3), max_size=5))
def test_any_har_entry_is_a_sample_or_a_value_error(request: dict[str, Any]) -> None:
    for one in ({"request": request}, {"request": {**entry()["request"], **request}}, request):
        with contextlib.suppress(ValueError):
            assert isinstance(from_har_entry(one), Sample)
        with contextlib.suppress(ValueError):
            assert all(isinstance(sample, Sample) for sample in from_har({"log": {"entries": [one]}}))


WORDS = st.sampled_from(
    ["curl", "-X", "-d", "-H", "-F", "-G", "-sk", "--json", "--url", "http://[", "http://shop/", "a: b", "@x", "a=@b",
     "$'\\x41\\'", "'", '"', "\\", "--", "-", "=", "POST"]
)  # fmt: skip


@given(st.lists(WORDS | st.text(max_size=6), max_size=8))
def test_any_line_is_a_sample_or_a_value_error(words: list[str]) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(from_curl(" ".join(words)), Sample)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_raw_sample(data: bytes) -> None:
    sample = from_raw(data)
    assert sample.head.endswith(b"\r\n\r\n")
    assert json.dumps(sample.label)
