"""Headers of responses: values taken out, credentials left where they belong, everything else as it was."""

from __future__ import annotations

import pytest

from tests.sensitive.messages import CARD, SSN, detector, request, response
from waf.config.schema import SensitiveRule
from waf.model import Action

JWT = b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
SAS = b"https://x.blob.core.windows.net/c/b?sig=kR8vX2mPq9LzT4wYbN7cJ5hGd3FsAe6UoI1xVtQyZw0%3D"


@pytest.mark.parametrize(
    ("name", "value", "out"),
    [
        (b"Set-Cookie", b"card=4539148803436467; Path=/; HttpOnly", b"card=453914******6467; Path=/; HttpOnly"),
        (b"Set-Cookie", b"card=4539%201488%200343%206467; Path=/", b"card=4539%2014**%20****%206467; Path=/"),
        (b"Location", b"/pay?ssn=536228145&a=1", b"/pay?ssn=*****8145&a=1"),
        (b"X-Customer-Ssn", b"536228145", b"*****8145"),
        (b"X-Note", b"paid by 4539148803436467", b"paid by 453914******6467"),
        (b"Content-Disposition", b'attachment; filename="536-22-8145.pdf"', b'attachment; filename="***-**-8145.pdf"'),
    ],
)  # fmt: skip
def test_a_value_in_a_header_is_masked(name: bytes, value: bytes, out: bytes) -> None:
    answer = response((b"Content-Type", b"text/html"), (name, value), (b"ETag", b'"a"'))
    hits = detector().head_hits(request(), answer)
    assert hits is not None
    assert hits.response.headers.index[name.lower()] == out
    assert hits.response.headers.index[b"etag"] == b'"a"'
    assert hits.verdict.action is hits.verdict.would is Action.REDACT
    assert {f.address for f in hits.verdict.findings} == {f"header.{name.decode().lower()}"}
    assert CARD not in repr(hits.verdict)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"Set-Cookie", b"sid=" + JWT), (b"Set-Cookie", b"key=ghp_x7Kq2mVbN4cRt8LwZp3JyHs6GdFa9EoU1iTy"), (b"Location", SAS),
        (b"Location", b"https://u:s3cr3t-Pa55@h.example/"), (b"X-Trace", b"4539148803436468"), (b"ETag", CARD.encode()),
        (b"X-Order-No", CARD.encode()), (b"Link", b"</a.css>; rel=preload"),
    ],
)  # fmt: skip
def test_what_headers_are_for_is_left_alone(name: bytes, value: bytes) -> None:
    answer = response((b"Content-Type", b"text/html"), (name, value))
    hits = detector().head_hits(request(), answer)
    assert hits is None or hits.response is answer


def test_a_rule_that_names_the_field_has_its_way() -> None:
    rule = SensitiveRule(action="mask", fields=("header.location",))
    hits = detector(rules=(rule,)).head_hits(request(), response((b"Location", SAS)))
    assert hits is not None
    assert hits.response.headers.index[b"location"] != SAS


def test_watching_changes_nothing() -> None:
    answer = response((b"X-Ssn", SSN.encode()))
    hits = detector().head_hits(request(), answer, enforce=False)
    assert hits is not None
    assert hits.response is answer
    assert (hits.verdict.action, hits.verdict.would) == (Action.FORWARD, Action.REDACT)


def test_a_refused_value_makes_a_block() -> None:
    hits = detector(response_action="block").head_hits(request(), response((b"X-Ssn", SSN.encode())))
    assert hits is not None
    assert (hits.verdict.action, hits.verdict.status) == (Action.BLOCK, 502)


def test_a_token_may_be_longer() -> None:
    hits = detector(response_action="tokenise").head_hits(request(), response((b"X-Ssn", SSN.encode())))
    assert hits is not None
    assert hits.response.headers.index[b"x-ssn"].startswith(b"tok_us-ssn_")
