"""Bodies of requests that are too long to be held: searched as they pass, whatever the pieces."""

from __future__ import annotations

import gzip

import pytest

from tests.sensitive.messages import CARD, SSN, detector, request
from tests.together import together
from waf.model import Finding, Severity

FILLER = b"nothing to see here, 12.50 EUR\r\n" * 900
PARTS = (
    b'--B\r\nContent-Disposition: form-data; name="ssn"\r\n\r\n536228145\r\n'
    b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\nid,card\r\n1,'
    + CARD.encode() + b"\r\n" + FILLER
    + b'\r\n--B\r\nContent-Disposition: form-data; name="p"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    + SSN.encode() + b"\x00" * 5000 + b"\r\n--B--\r\n"
)  # fmt: skip
SIZES = [1 << 20, 65536, 1000, 7]


def search(
    kind: str, body: bytes, size: int = 65536, coding: bytes = b"", **config: str
) -> tuple[list[Finding], bool]:
    said: list[bool] = []
    lines = [(b"Content-Type", kind.encode()), *([(b"Content-Encoding", coding)] if coding else [])]
    asked = request(*lines, method=b"POST", length=len(body))
    begun = detector(**config).request_stream(asked, None, lambda: said.append(True))
    if begun is None:
        return [], False
    scan, hits = begun
    found: list[Finding] = []
    for place in range(0, len(body), size):
        found += scan.feed(body[place : place + size])
    found += scan.finish()
    assert hits.tally is scan.tally
    return found, bool(said)


def places(found: list[Finding]) -> set[tuple[str, str]]:
    return {(f.rule, f.address) for f in found}


@together("size", SIZES)
@together(
    ("kind", "body", "wanted"),
    [
        ("application/json", b'{"a":[' + b"1," * 9000 + b'{"card":"4539148803436467"}]}', {("sensitive.pan", "json.a[].card")}),
        ("text/plain", FILLER + b"SSN 536228145\n" + FILLER, {("sensitive.us-ssn", "text")}),
        ("application/x-www-form-urlencoded", b"a=1&card=4539+1488+0343+6467&b=" + b"x" * 9000, {("sensitive.pan", "form.card")}),
        ("text/csv", b"id,ssn\n" + b"1,536228145\n" * 900, {("sensitive.us-ssn", "csv.ssn")}),
        ("multipart/form-data; boundary=B", PARTS, {("sensitive.us-ssn", "form.ssn"), ("sensitive.pan", "file.f")}),
        ("application/octet-stream", SSN.encode() * 50, set()),
        ("text/plain", FILLER, set()),
    ],
)  # fmt: skip
def test_found_in_any_pieces(kind: str, body: bytes, wanted: set[tuple[str, str]], size: int) -> None:
    found, spared = search(kind, body, size)
    assert places(found) == wanted
    assert not spared
    assert all(f.severity is Severity.INFO for f in found)
    assert CARD not in repr(found)


def test_a_coded_body_is_decoded() -> None:
    body = gzip.compress(FILLER + CARD.encode(), mtime=0)
    assert places(search("text/plain", body, 999, b"gzip")[0]) == {("sensitive.pan", "text")}


@pytest.mark.parametrize(
    ("kind", "body", "coding"),
    [
        ("text/plain", b"x", b"snappy"),
        ("text/plain", b"no gzip at all", b"gzip"),
        ("text/plain; charset=utf-16", b"x", b""),
    ],
)
def test_what_cannot_be_read_is_said(kind: str, body: bytes, coding: bytes) -> None:
    assert places(search(kind, body, 65536, coding)[0]) == {("sensitive.undecodable", "")}


def test_a_refused_value_is_told_at_once() -> None:
    asked = request((b"Content-Type", b"text/plain"), method=b"POST", length=1)
    begun = detector(request_action="block").request_stream(asked, None, lambda: None)
    assert begun is not None
    assert begun[0].feed(FILLER) == ()
    (found,) = begun[0].feed(b"card 4539148803436467\n" + FILLER)
    assert (found.rule, found.severity) == ("sensitive.pan", Severity.CRITICAL)
    assert begun[0].feed(FILLER) == ()


def test_what_should_have_been_masked_is_admitted() -> None:
    found, spared = search("text/plain", FILLER + CARD.encode(), request_action="mask")
    assert spared
    assert "reported" in found[0].detail
    assert not search("text/plain", FILLER, request_action="mask")[1]
