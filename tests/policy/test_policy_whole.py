"""Answers that are here whole: judged in one step, and as they would be judged in pieces."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.rig import CARD, PROTECT, Walk, Workshop
from waf.config.schema import Limits
from waf.http1.parse import request_head
from waf.model import PASSED, Action, BodyRefused, Framing, Headers, Released, Response, Verdict, Withheld
from waf.policy.policy import Policy

TYPES = [
    "text/html; charset=utf-8", "application/json", "text/plain", "text/csv", "application/xml",
    "application/x-www-form-urlencoded", "application/javascript", "image/png", "image/svg+xml",
    "text/html; charset=utf-16", "", "text/event-stream",
]  # fmt: skip
PIECES = [
    b"<p>", b"</p>", b"<script>", b"</script>", b"{", b"}", b"[1, 2]", b"\n", b",", b'"', b"&amp;", b"&nbsp;", b"\\u0034",
    b'"card": ', b'"ssn": ', b"ssn=", b"id,ssn,iban,note\n", b"1,536228145,DE89370400440532013000,x\n", b"order 4539148803436467 ",
    b"4539148803436467", b"4539 1488 0343 6467", b"4539+1488+0343+6467", b"536-22-8145", b"DE89 3704 0044 0532 0130 00",
    b"jane.doe@example.org", b"postgres://app:tr0ub4dor@db/x", b'"cvv":"123",', b"ghp_x7Kq2mVbN4cRt8LwZp3JyHs6GdFa9EoU1iTy",
    b"-----BEGIN PRIVATE KEY-----\n" + b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7\n" * 20 + b"-----END PRIVATE KEY-----",
    b"You have an error in your SQL syntax; check the manual that corresponds to your MySQL", b"<title>Index of /backup</title>",
    b"Traceback (most recent call last):\n  File \"/app/x.py\", line 3", b"x" * 900, b" " * 70, b"\xc2\xa0", b"\x00\x01\xff", b"0" * 40,
]  # fmt: skip


def told(verdict: Verdict) -> tuple[object, ...]:
    return (
        verdict.action, verdict.would, verdict.status if verdict.would is Action.BLOCK else 0,
        sorted((f.rule, f.address, f.detail, f.tags) for f in verdict.findings),
    )  # fmt: skip


@pytest.fixture(scope="session", params=["mask", "tokenise", "block", "monitor"])
def policy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, pattern_cache: Path
) -> Policy:
    workshop = Workshop(tmp_path_factory.mktemp("whole"), pattern_cache)
    if request.param == "monitor":
        return workshop.policy({"mode": "monitor"})
    blocks = {"response_action": "block", "response_threshold": 1} if request.param == "block" else {}
    return workshop.policy(
        PROTECT | {"inspection": blocks, "sensitive": {"response_action": request.param, "report_only": []}}
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.sampled_from(TYPES), st.integers(1, 3000))
def test_whole_and_in_pieces_alike(policy: Policy, pieces: list[bytes], kind: str, size: int) -> None:
    body = b"".join(pieces)
    whole, streamed = Walk(policy), Walk(policy)
    released, out = whole.release_whole(body, kind)
    if isinstance(released, Withheld):
        with pytest.raises(BodyRefused) as refused:
            streamed.release(body, kind, size)
        assert told(released.verdict)[:3] == told(refused.value.verdict)[:3]
        return
    _, wanted = streamed.release(body, kind, size)
    assert out == wanted
    assert told(whole.exchange.response_verdict) == told(streamed.exchange.response_verdict)


def test_what_is_clean_goes_on_untouched_and_unsaid(protecting: Policy) -> None:
    walk = Walk(protecting)
    released, out = walk.release_whole(b'{"ok":true}', "application/json", extra='ETag: "a"\r\n')
    assert isinstance(released, Released)
    assert released.response is walk.exchange.response  # its strong ETag holds: nothing was changed
    assert (out, released.body, walk.exchange.response_verdict) == (b'{"ok":true}', None, PASSED)


def test_what_is_masked_claims_no_more_than_is_true(protecting: Policy) -> None:
    body = f"<p>{CARD}</p>".encode()
    extra = 'ETag: "a"\r\nDigest: x\r\nAccept-Ranges: bytes\r\n'
    released, out = Walk(protecting).release_whole(body, extra=extra)
    assert isinstance(released, Released)
    assert CARD.encode() not in out
    assert len(out) == len(body)
    index = released.response.headers.index
    assert (index[b"etag"], b"digest" in index, b"accept-ranges" in index) == (b'W/"a"', False, False)


@pytest.mark.parametrize(
    ("status", "extra"), [("206 Partial Content", ""), ("200 OK", "Content-Encoding: gzip\r\n")]
)
def test_ranges_and_codings_go_through_a_filter(protecting: Policy, status: str, extra: str) -> None:
    walk = Walk(protecting)
    released = walk.policy.release(walk.exchange, walk._answered(b"x", "text/html", status, extra), b"x")
    assert isinstance(released, Released)
    assert released.whole is None
    assert released.body is not None


ZIP = "Content-Encoding: gzip\r\n"


def zipped(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


def test_a_clean_zipped_answer_goes_on_as_the_app_zipped_it(protecting: Policy) -> None:
    body = zipped(b'{"ok":true}')
    walk = Walk(protecting, accept_encoding="gzip")
    released, out = walk.release_whole(body, "application/json", extra=ZIP + 'ETag: "a"\r\n')
    assert isinstance(released, Released)
    assert (released.response, released.whole, out) == (walk.exchange.response, body, body)
    assert walk.exchange.policy_data.response_tally is not None


@pytest.mark.parametrize(
    ("body", "accept", "extra"),
    [
        (zipped(f"<p>{CARD}</p>".encode()), "gzip", ZIP),
        (zipped(b"<title>Index of /backup</title>"), "gzip", ZIP),
        (zipped(b"<p>clean</p>"), "identity", ZIP),
        (zipped(b"<p>clean</p>") + b"more", "gzip", ZIP),
        (b"no gzip", "gzip", ZIP),
        (zipped(b" " * (2 << 20)), "gzip", ZIP),
        (b"x", "gzip", "Content-Encoding: gzip, br\r\n"),
        (zipped(b"<p>clean</p>"), "gzip", ZIP + f"X-Card: {CARD}\r\n"),
    ],
)
def test_any_other_coded_answer_takes_a_filter(
    protecting: Policy, body: bytes, accept: str, extra: str
) -> None:
    walk = Walk(protecting, accept_encoding=accept)
    released, _ = walk.release_whole(body, extra=extra)
    assert isinstance(released, Released)
    assert released.whole is None
    assert released.body is not None


def test_a_head_without_a_body_is_made_truthful(protecting: Policy) -> None:
    walk = Walk(protecting, method="HEAD")
    response = walk._answered(b"", "text/html", "200 OK", 'ETag: "a"\r\n')
    assert response.framing is Framing.NONE
    released = walk.policy.release(walk.exchange, response, b"")
    assert isinstance(released, Released)
    assert (released.whole, released.response.headers.index[b"etag"]) == (b"", b'W/"a"')


class Broken:
    def screen(self, *_: object) -> None:
        raise ZeroDivisionError


def test_an_error_of_ours_ends_as_configured(workshop: Workshop) -> None:
    for way, wanted in (("closed", Withheld), ("open", Released)):
        policy = workshop.policy(PROTECT | {"inspection": {"on_error": way}})
        policy._answers._detector = Broken()  # type: ignore[misc, assignment]
        walk = Walk(policy)
        released, out = walk.release_whole(b"<p>this &amp; that</p>")
        assert isinstance(released, wanted)
        assert (walk.exchange.bypass == "own-error") is (way == "open")
        assert out == (b"" if way == "closed" else b"<p>this &amp; that</p>")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.sampled_from(TYPES))
def test_rules_are_spared_only_what_they_would_find_nothing_in(
    policy: Policy, pieces: list[bytes], kind: str
) -> None:
    """The detector's pass over an answer tells whether anything of theirs is there."""
    signatures = policy.signatures
    assert signatures is not None
    matcher = signatures._response_matcher
    assert matcher is not None
    assert policy.detector.others == signatures.answer_expressions != ()
    body = b"x " * 600 + b"\n" + b"".join(pieces)
    answer = Response(
        200, b"OK", 1, Headers.make((b"Content-Type", kind.encode())), Framing.LENGTH, len(body), True
    )
    request = request_head(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Limits())
    seen = policy.detector.screen(request, answer, body)
    if seen is not None and seen.unmet:
        assert not matcher.hits(body)
