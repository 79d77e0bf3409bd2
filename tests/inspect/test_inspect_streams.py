"""Bodies in pieces: whatever the pieces, the same is found; nothing is held but what must be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import request, response, rule, signatures
from tests.together import together
from waf.inspect.signatures import Signatures
from waf.inspect.streams import BodyScan, StreamScan
from waf.model import Finding, Request

FILES = (
    rule(id="shell", pattern="<\\?php.{0,40}system", where=["file"]),
    rule(id="value", pattern="attack", where=["values", "part-name"], views=["decoded"]),
    rule(id="sure", pattern="maybe", where=["file"], confirm_pattern="maybe now"),
)
LEAKS = (
    rule(id="trace", pattern="Traceback \\(most recent", where=["response"], **{"class": "leak"}),
    rule(
        id="quoted",
        pattern="SQL syntax",
        where=["response"],
        confirm_pattern="error.{0,20}SQL syntax.{0,20}near",
    ),
    rule(id="status", pattern="^500", where=["status"]),
    rule(id="header", pattern="PHP/", where=["response-header.x-powered-by"]),
    rule(id="loud", pattern="debug", where=["response"], level=4),
)
BOUNDARY = b"multipart/form-data; boundary=B"
FILE_PART = b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.php"\r\n\r\n%b\r\n'
FIELD_PART = b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'


def fed(scan: BodyScan, body: bytes, size: int) -> list[Finding]:
    found: list[Finding] = []
    for start in range(0, len(body), size):
        found += scan.feed(body[start : start + size])
    return found + scan.finish()


def ids(findings: list[Finding]) -> list[str]:
    return sorted(finding.rule for finding in findings)


def upload(content_type: bytes, *lines: bytes) -> Request:
    return request(b"/", *lines, method=b"POST", content_type=content_type)


def checker() -> Signatures:
    return signatures(*FILES)


SIZES = (1, 2, 3, 7, 64, 1 << 20)


@together("size", SIZES)
@together(
    ("content_type", "body", "found"),
    [
        (b"application/octet-stream", b"x" * 300 + b"<?php\n@system($x)" + b"y" * 300, ["shell"]),
        (b"application/octet-stream", b"an attack", []),
        (b"application/octet-stream", b"maybe now", ["sure"]),
        (b"application/octet-stream", b"maybe not, maybe", []),
        (b"image/png", b"\x89PNG <?php system", ["shell"]),
        (BOUNDARY, FILE_PART % b"<?php system(1)" + b"--B--\r\n", ["shell"]),
        (
            BOUNDARY,
            FILE_PART % (b"z" * 5000 + b"maybe now") + FIELD_PART % (b"a", b"b") + b"--B--\r\n",
            ["sure"],
        ),
        (BOUNDARY, FIELD_PART % (b"q", b"an %61ttack") + FILE_PART % b"x" + b"--B--\r\n", ["value"]),
        (BOUNDARY, FIELD_PART % (b"attack", b"x") + b"--B--\r\n", ["value"]),
        (BOUNDARY, FILE_PART % b"x" + b"--B--\r\n" + b"more", ["protocol.multipart-syntax"]),
        (BOUNDARY, FILE_PART % b"x", ["protocol.multipart-syntax"]),
        (b"text/plain", b"x" * 500 + b" an attack " + b"y" * 500, ["value"]),
        (b"application/json", b'{"a": "' + b"x" * 400 + b'attack"}', ["value"]),
    ],
)
def test_uploads_are_found_alike_in_any_pieces(
    content_type: bytes, body: bytes, found: list[str], size: int
) -> None:
    scan = checker().request_stream(upload(content_type), 2)
    assert ids(fed(scan, body, size)) == found


def test_a_field_longer_than_the_limit_is_read_in_windows() -> None:
    scan = checker().request_stream(upload(BOUNDARY), 2)
    body = FIELD_PART % (b"q", b"x" * 150_000 + b" attack " + b"y" * 150_000) + b"--B--\r\n"
    assert ids(fed(scan, body, 16_384)) == ["limit.value", "value"]


def test_a_broken_multipart_body_is_scanned_on_as_it_is() -> None:
    scan = checker().request_stream(upload(BOUNDARY), 2)
    body = FIELD_PART % (b"a", b"x") + b"--BX\r\n" + b"z" * 1000 + b"an attack"
    found = ids(fed(scan, body, 50))
    assert found == ["protocol.multipart-syntax", "value"]


def test_each_is_given_once_and_as_soon_as_it_is_complete() -> None:
    scan = checker().request_stream(upload(b"application/octet-stream"), 2)
    assert scan.feed(b"<?php sys") == []
    assert ids(scan.feed(b"tem(1); <?php system(2)")) == ["shell"]
    assert scan.feed(b"<?php system(3)") == []
    assert scan.finish() == []


def test_coded_uploads_cannot_be_seen_through() -> None:
    scan = checker().request_stream(upload(b"application/octet-stream", b"Content-Encoding: gzip"), 2)
    assert ids(fed(scan, b"\x1f\x8b", 2)) == ["protocol.coding-unknown"]


def test_memory_stays_constant() -> None:
    scan = checker().file_stream("f", 2)
    assert isinstance(scan, StreamScan)
    for _ in range(50):
        scan.feed(b"maybe not " * 3_000)
        assert len(scan._tail) <= 4096
        assert len(scan._pending) <= 512


PIECES = st.lists(
    st.sampled_from([b"<?php ", b"system", b"maybe", b" now", b" not ", b"x" * 30, b"\n"]), max_size=15
)


@given(PIECES.map(b"".join), st.integers(1, 40))
@settings(max_examples=150)
def test_any_pieces_of_a_file(body: bytes, size: int) -> None:
    whole = fed(checker().request_stream(upload(b"image/png"), 2), body, 1 << 20)
    assert ids(fed(checker().request_stream(upload(b"image/png"), 2), body, size)) == ids(whole)
    expected = {
        "shell": re.search(rb"<\?php.{0,40}system", body, re.S),
        "sure": re.search(rb"maybe now", body),
    }
    assert set(ids(whole)) == {name for name, match in expected.items() if match}


# ----------------------------------------------------------------------------------------------------- responses


@together("size", SIZES)
@together(
    ("body", "found"),
    [
        (b"<pre>" + b"x" * 400 + b"Traceback (most recent call last)", ["trace"]),
        (b"error in your SQL syntax, near 'x'", ["quoted"]),
        (b"how to read SQL syntax diagrams", []),
        (b"debug", []),
        (b"", []),
    ],
)
def test_leaks_are_found_alike_in_any_pieces(body: bytes, found: list[str], size: int) -> None:
    answer = response(b"Content-Type: text/html", b"Content-Length: %d" % len(body))
    scan = signatures(*LEAKS).response_stream(request(), answer, 2)
    assert scan is not None
    assert ids(fed(scan, body, size)) == found


def test_heads_of_responses_are_looked_at_first() -> None:
    answer = response(b"X-Powered-By: PHP/5", b"Content-Length: 1", status=b"500 Oops")
    scan = signatures(*LEAKS).response_stream(request(), answer, 2)
    assert scan is not None
    assert ids(scan.feed(b"x")) == ["header", "status"]
    assert scan.finish() == []


@pytest.mark.parametrize(
    ("content_type", "looked_at"),
    [
        (b"text/html", True),
        (b"application/json", True),
        (b"image/svg+xml", True),
        (b"image/png", False),
        (b"font/woff2", False),
        (b"application/octet-stream", False),
        (b"", True),
    ],
)
def test_only_text_is_looked_at(content_type: bytes, looked_at: bool) -> None:
    answer = response(b"Content-Type: " + content_type, b"Content-Length: 3")
    assert (signatures(*LEAKS).response_stream(request(), answer, 2) is not None) is looked_at


def test_without_rules_there_is_nothing_to_look_for() -> None:
    assert signatures().response_stream(request(), response(b"Content-Length: 0"), 4) is None
    assert signatures().file_stream("f", 4) is None
    assert fed(signatures().request_stream(upload(b"image/png"), 4), b"x" * 100, 10) == []


def test_too_many_matches_are_noticed_and_the_rest_is_scanned() -> None:
    files = (
        rule(id="many", patterns=["a", "[ab]", "[ac]"], where=["file"], confirm_pattern="never"),
        FILES[0],
    )
    scan = signatures(*files).request_stream(upload(b"image/png"), 2)
    assert ids(fed(scan, b"a" * 60_000 + b"z" * 30_000 + b"<?php system", 30_000)) == [
        "limit.matches",
        "shell",
    ]
