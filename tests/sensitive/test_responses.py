"""Heads kept truthful, codings undone, scope kept."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard

from tests.sensitive.messages import CARD, detector, request, response
from tests.together import together
from waf.config.schema import SensitiveRule
from waf.model import Action, BodyRefused, Framing, Response
from waf.sensitive.coding import BadCoding, codings, decoder, unfolded
from waf.sensitive.containers import Container, container_of, readable_charset, sniffed
from waf.sensitive.heads import accepts_gzip, prepared

BODY = ('{"card":"' + CARD + '","text":"' + "some words " * 40 + '"}').encode()
MASKED = BODY.replace(CARD.encode(), b"453914******6467")

CODERS = {
    b"gzip": gzip.compress,
    b"x-gzip": gzip.compress,
    b"deflate": zlib.compress,
    b"br": brotli.compress,
    b"zstd": zstandard.ZstdCompressor().compress,
}


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(6, zlib.DEFLATED, -15)
    return coder.compress(data) + coder.flush()


def head(passed: object) -> Response:
    return passed.response  # type: ignore[attr-defined,no-any-return]


@together("coding", CODERS)
@together("size", [1, 7, 100_000])
def test_a_coded_body_is_redacted(coding: bytes, size: int) -> None:
    body = CODERS[coding](BODY)
    passed = detector().response_filter(
        request(), response((b"Content-Type", b"application/json"), (b"Content-Encoding", coding),
                            (b"Content-Length", b"%d" % len(body)), length=len(body))
    )  # fmt: skip
    assert passed is not None
    assert passed.changes_length
    out = b"".join(passed.feed(body[i : i + size]) for i in range(0, len(body), size)) + passed.finish()
    assert out == MASKED
    kept = head(passed)
    assert kept.headers.get(b"content-encoding") is None
    assert kept.headers.get(b"content-length") is None
    assert kept.framing is Framing.CHUNKED


def test_a_client_that_takes_gzip_gets_gzip() -> None:
    body = gzip.compress(BODY, mtime=0)
    passed = detector().response_filter(
        request((b"Accept-Encoding", b"gzip, deflate")),
        response((b"Content-Type", b"application/json"), (b"Content-Encoding", b"gzip"), length=len(body)),
    )
    assert passed is not None
    out = passed.feed(body[:50]) + passed.idle() + passed.feed(body[50:]) + passed.finish()
    assert head(passed).headers.get(b"content-encoding") == b"gzip"
    assert gzip.decompress(out) == MASKED


def test_watching_a_coded_body_passes_it_as_it_is() -> None:
    for body, findings in (
        (gzip.compress(BODY, mtime=0), ["sensitive.pan"]),
        (b"rubbish" * 9, ["sensitive.coding"]),
    ):
        passed = detector().response_filter(
            request(),
            response((b"Content-Type", b"application/json"), (b"Content-Encoding", b"gzip")),
            enforce=False,
        )
        assert passed is not None
        assert not passed.changes_length
        assert passed.feed(body[:20]) + passed.idle() + passed.feed(body[20:]) + passed.finish() == body
        assert [f.rule for f in passed.verdict().findings] == findings
        assert passed.response.headers.get(b"content-encoding") == b"gzip"


def test_several_members_raw_deflate_and_two_codings() -> None:
    for names, body in (
        ((b"gzip",), gzip.compress(BODY[:100], mtime=0) + gzip.compress(BODY[100:], mtime=0) + b"\0" * 8),
        ((b"deflate",), raw_deflate(BODY)),
        ((b"deflate", b"gzip"), gzip.compress(zlib.compress(BODY), mtime=0)),
        ((b"zstd",), CODERS[b"zstd"](BODY[:50]) + CODERS[b"zstd"](BODY[50:])),
    ):
        chain = decoder(names)
        assert chain is not None
        assert (
            b"".join(piece for i in range(0, len(body), 3) for piece in chain.feed(body[i : i + 3])) == BODY
        )


def test_a_bomb_is_not_swallowed() -> None:
    bomb = gzip.compress(b"\0" * (30 * 1024 * 1024), 9, mtime=0)
    chain = decoder((b"gzip",))
    assert chain is not None
    pieces = chain.feed(bomb)
    assert all(len(next(pieces)) <= 256 * 1024 for _ in range(20))
    with pytest.raises(BadCoding):
        list(pieces)
    assert unfolded(bomb, (b"gzip",)) is None
    passed = detector().response_filter(
        request(), response((b"Content-Type", b"text/plain"), (b"Content-Encoding", b"gzip"))
    )
    assert passed is not None
    with pytest.raises(BodyRefused) as caught:
        passed.feed(bomb)
    assert caught.value.verdict.status == 502


def test_rubbish_in_place_of_a_coding() -> None:
    for name in (b"gzip", b"deflate", b"br", b"zstd"):
        chain = decoder((name,))
        assert chain is not None
        with pytest.raises(BadCoding):
            list(chain.feed(b"this is not compressed at all, not even a bit"))
    assert decoder((b"compress",)) is None
    assert decoder((b"gzip", b"gzip", b"gzip")) is None
    assert codings(b"identity") == ()
    assert codings(b"Br, identity , GZIP") == (b"br", b"gzip")


@pytest.mark.parametrize(("policy", "refused"), [("pass", False), ("block", True)])
def test_what_cannot_be_read_goes_as_policy_says(policy: str, refused: bool) -> None:
    found = detector(undecodable=policy)
    for lines, status in (
        ([(b"Content-Type", b"text/html"), (b"Content-Encoding", b"compress")], 200),
        ([(b"Content-Type", b"text/html; charset=utf-16le")], 200),
        ([(b"Content-Type", b"multipart/byteranges; boundary=x")], 206),
    ):
        passed = found.response_filter(request(), response(*lines, status=status))
        assert passed is not None
        assert passed.may_block is refused
        if refused:
            with pytest.raises(BodyRefused):
                passed.feed(b"x")
        else:
            assert passed.feed(b"as it is") == b"as it is"
        assert [f.rule for f in passed.verdict().findings] == ["sensitive.undecodable"]
        assert passed.verdict().would is (Action.BLOCK if refused else Action.FORWARD)


def test_validators_are_made_true() -> None:
    lines = [
        (b"Content-Type", b"application/json"), (b"ETag", b'"abc"'), (b"Content-MD5", b"x"), (b"Digest", b"x"),
        (b"Repr-Digest", b"x"), (b"Accept-Ranges", b"bytes"), (b"Content-Length", b"%d" % len(BODY)), (b"X-Y", b"z"),
    ]  # fmt: skip
    passed = detector().response_filter(request(), response(*lines, length=len(BODY)))
    assert passed is not None
    assert not passed.changes_length
    assert [(n, v) for _, n, v in head(passed).headers.lines] == [
        (b"Content-Type", b"application/json"), (b"ETag", b'W/"abc"'), (b"Content-Length", b"%d" % len(BODY)),
        (b"X-Y", b"z"),
    ]  # fmt: skip
    assert (head(passed).framing, head(passed).length) == (Framing.LENGTH, len(BODY))


def test_what_has_no_body_keeps_it_that_way() -> None:
    for asked, status in ((request(method=b"HEAD"), 200), (request(), 304)):
        passed = detector().response_filter(
            asked, response((b"Content-Type", b"text/html"), (b"Content-Encoding", b"gzip"), status=status)
        )
        assert passed is not None
        assert not passed.changes_length
        assert passed.finish() == b""


@pytest.mark.parametrize(
    "kind",
    [
        "image/png",
        "video/mp4",
        "application/zip",
        "application/octet-stream",
        "font/woff2",
        "application/pdf",
    ],
)
def test_what_holds_no_text_is_out_of_scope(kind: str) -> None:
    assert detector().response_filter(request(), response((b"Content-Type", kind.encode()))) is None


@pytest.mark.parametrize(
    ("kind", "container"),
    [
        (b"application/json; charset=utf-8", Container.JSON),
        (b"application/problem+json", Container.JSON),
        (b"image/svg+xml", Container.XML),
        (b"application/xhtml+xml", Container.XML),
        (b"text/css", Container.TEXT),
        (b"Text/HTML", Container.HTML),
        (None, Container.TEXT),
        (b"application/grpc", None),
    ],
)
def test_containers(kind: bytes | None, container: Container | None) -> None:
    assert container_of(kind) is container


def test_first_bytes_tell_what_types_do_not() -> None:
    assert sniffed(Container.HTML, b'\xef\xbb\xbf {"a":1}') is Container.JSON
    assert sniffed(Container.TEXT, b"<html>") is Container.HTML
    assert sniffed(Container.TEXT, b"<?xml version='1.0'?>") is Container.XML
    assert sniffed(Container.TEXT, b"PK\x03\x04\x00\x00") is None
    assert sniffed(Container.CSV, b"{") is Container.CSV
    assert readable_charset(b"text/html; charset=ISO-8859-1")
    assert not readable_charset(b"text/html; charset=utf-7")


def test_binary_data_without_a_type_is_left_alone() -> None:
    passed = detector().response_filter(request(), response())
    assert passed is not None
    data = b"\x00\x01" + CARD.encode() + b"\x00"
    assert passed.feed(data) + passed.finish() == data


@pytest.mark.parametrize(
    ("value", "accepted"),
    [(b"gzip", True), (b"br, gzip;q=0.5", True), (b"GZIP", True), (b"gzip;q=0", False), (b"br", False), (b"*", False),
     (b"gzip;q=0.0, br", False), (b"x-gzip", True), (b"notgzip", False)],
)  # fmt: skip
def test_who_takes_gzip(value: bytes, accepted: bool) -> None:
    assert accepts_gzip(request((b"Accept-Encoding", value))) is accepted


def test_a_request_is_prepared() -> None:
    asked = request(
        (b"Accept-Encoding", b"br, gzip"), (b"Range", b"bytes=0-7"), (b"If-Range", b'"x"'), (b"X", b"y")
    )
    sent = prepared(asked)
    assert [(n, v) for n, _, v in sent.headers.lines] == [
        (b"host", b"shop"), (b"accept-encoding", b"gzip"), (b"x", b"y")
    ]  # fmt: skip
    assert prepared(request()) == request()
    assert prepared(request((b"Accept-Encoding", b"br"))).headers.get(b"accept-encoding") == b"identity"
    film = request((b"Range", b"bytes=0-7"), target=b"/a/film.mp4")
    assert prepared(film).headers.get(b"range") == b"bytes=0-7"
    disguised = request((b"Range", b"bytes=0-7"), target=b"/api/customers?x=.mp4")
    assert prepared(disguised).headers.get(b"range") is None


_SAYS = (
    (b"Content-Type", b"application/json"), (b"ETag", b'"1"'), (b"Digest", b"sha-256=x"), (b"Accept-Ranges", b"bytes"),
    (b"Content-Length", b"%d" % len(BODY)),
)  # fmt: skip


@pytest.mark.parametrize("coding", [b"", b"gzip"])
def test_where_nothing_is_altered_heads_and_codings_stay(coding: bytes) -> None:
    rules = (
        SensitiveRule(action="mask", entities=("pan",)),
        SensitiveRule(action="report", path="/customers/*"),
        SensitiveRule(action="ignore", entities=("email",)),
    )
    checked = detector(rules=rules)
    answer = response(*_SAYS, *([(b"Content-Encoding", coding)] if coding else []), length=len(BODY))
    body = gzip.compress(BODY) if coding else BODY
    streamed = checked.response_filter(request(), answer)
    assert streamed is not None
    assert head(streamed) is answer
    assert not streamed.changes_length
    assert streamed.feed(body) + streamed.finish() == body
    assert [(c.entity.id, c.action, c.count) for c in streamed.tally] == [("pan", "report", 1)]
    assert streamed.verdict().would is Action.FORWARD
    if not coding:
        whole = checked.screen(request(), answer, BODY)
        assert head(whole) is answer
        assert whole.whole(BODY) == BODY  # type: ignore[union-attr]
    elsewhere = checked.response_filter(request(target=b"/orders"), answer)
    assert head(elsewhere) is not answer


def test_what_blocks_or_masks_later_still_does() -> None:
    for rule, altered in (
        (SensitiveRule(action="block", entities=("pan",)), None),
        (SensitiveRule(action="mask", fields=("json.card",)), MASKED),
    ):
        checked = detector(rules=(SensitiveRule(action="report"), rule))
        passed = checked.screen(request(), response(*_SAYS, length=len(BODY)), BODY)
        assert passed is not None
        if altered is None:
            with pytest.raises(BodyRefused):
                passed.whole(BODY)  # type: ignore[union-attr]
        else:
            assert passed.whole(BODY) == altered  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("action", "length"), [("mask", b"%d" % len(BODY)), ("tokenise", None), ("report", b"%d" % len(BODY))]
)
def test_the_answer_to_head_says_no_length_that_the_body_has_not(action: str, length: bytes | None) -> None:
    checked = detector(response_action=action)
    answer = response(*_SAYS).altered(framing=Framing.NONE)
    told = checked.bodyless(request(method=b"HEAD"), answer)
    assert told.headers.get(b"content-length") == length
    assert (told.headers.get(b"etag") == b'"1"') is (action == "report")
    assert told.framing is Framing.NONE
