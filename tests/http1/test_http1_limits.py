"""Floods and sizes: everything a peer may send without end is bounded; bodies pass through uncopied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from tests.http1 import http1_wire as wire
from waf.config.schema import Limits
from waf.errors import ClientFault, Fault, UpstreamFault
from waf.http1 import arrival, framing, parse
from waf.http1.fields import FieldReader
from waf.http1.memo import Memo
from waf.http1.rules import client_fault

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMITS = Limits()


def refused(pieces: Iterable[bytes], limits: Limits = LIMITS) -> str:
    with pytest.raises(ClientFault) as caught:
        wire.read_request(pieces, limits)
    return caught.value.rule


def app_refused(pieces: Iterable[bytes]) -> str:
    with pytest.raises(UpstreamFault) as caught:
        wire.read_response(pieces)
    return caught.value.rule


@pytest.mark.parametrize("cut", wire.CUTS)
@pytest.mark.parametrize("size", [255, 256])
def test_chunk_line_of_the_longest_size_passes(cut, size) -> None:
    line = b"1;" + b"a" * (size - 4) + b"\r\n"
    assert len(line) == size
    assert wire.read_request(cut(HEAD + line + b"x\r\n0\r\n\r\n")).payload == b"x"


@pytest.mark.parametrize("cut", wire.CUTS)
@pytest.mark.parametrize("size", [257, 300, 5000])
def test_longer_chunk_line_is_refused(cut, size) -> None:
    line = b"1;" + b"a" * (size - 4) + b"\r\n"
    assert refused(cut(HEAD + line + b"x\r\n0\r\n\r\n")) == "protocol.chunk-line-size"
    assert app_refused(cut(ANSWER + line)) == "protocol.response-chunk-line-size"


@pytest.mark.parametrize("cut", wire.CUTS)
def test_chunk_line_without_end_is_refused(cut) -> None:
    assert refused(cut(HEAD + b"1;" + b"a" * 400)) == "protocol.chunk-line-size"


def test_chunk_extensions_of_one_body_are_bounded() -> None:
    chunk = b"1;" + b"a" * 199 + b"\r\nx\r\n"
    fits = framing.EXTENSIONS_SIZE // 200
    assert wire.read_request([HEAD + chunk * fits + b"0\r\n\r\n"]).payload == b"x" * fits
    assert refused([HEAD, *[chunk] * (fits + 1)]) == "protocol.chunk-extension-flood"
    assert app_refused([ANSWER, *[chunk] * (fits + 1)]) == "protocol.response-chunk-extension-flood"


@pytest.mark.parametrize("cut", wire.CUTS)
def test_trailers_are_bounded(cut) -> None:
    line = b"X: " + b"y" * 59 + b"\r\n"
    assert len(line) == 64
    fits = framing.TRAILERS_SIZE // 64 - 1
    assert wire.read_request(cut(HEAD + b"0\r\n" + line * fits + b"\r\n")).complete
    assert refused(cut(HEAD + b"0\r\n" + line * (fits + 5))) == "protocol.trailer-size"
    assert app_refused(cut(ANSWER + b"0\r\n" + line * (fits + 5))) == "protocol.response-trailer-size"


def test_response_heads_are_bounded() -> None:
    line = b"X: " + b"y" * 995 + b"\r\n"
    assert wire.read_response([b"HTTP/1.1 204 X\r\n", line * 60, b"\r\n"]).complete
    assert app_refused([b"HTTP/1.1 204 X\r\n", line * 70]) == "protocol.response-head-size"
    assert app_refused([b"HTTP/1.1 204 X\r\n" + line * 70 + b"\r\n"]) == "protocol.response-head-size"
    assert (
        app_refused([b"HTTP/1.1 204 X\r\n", b"X: y\r\n" * 101, b"\r\n"]) == "protocol.response-header-count"
    )


@pytest.mark.parametrize(
    ("flood", "rule"),
    [
        (b"A" * 100_000, "protocol.request-line"),
        (b"GET /" + b"a" * 100_000, "protocol.request-line-size"),
        (b"\r\n" * 50_000, "protocol.blank-lines"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000, "protocol.head-size"),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000, "protocol.head-size"),
        (b"\x00" * 100_000, "protocol.control-character"),
        (b"\n" * 100_000, "protocol.bare-lf"),
    ],
)
def test_floods_end_early(flood, rule) -> None:
    """Refused before much more than the limit has been taken in, whatever the pieces."""
    for size in (700, 16_384, 100_000):
        arrived: list[bytes] = []

        def pieces(size: int = size, arrived: list[bytes] = arrived) -> Iterator[bytes]:
            for at in range(0, len(flood), size):
                arrived.append(flood[at : at + size])
                yield arrived[-1]

        assert refused(pieces()) == rule
        assert sum(map(len, arrived)) <= LIMITS.head + 2 * size


@pytest.mark.parametrize(
    ("head", "bad", "rule"),
    [
        (b"", b"\x16", "protocol.control-character"),
        (b"", b"g", "protocol.request-line"),
        (b"GET ", b" ", "protocol.request-line"),
        (b"GET / ", b"/", ""),
        (b"GET / HTTP/1.1\r", b"G", "protocol.bare-cr"),
        (b"GET / HTTP/3.1\r", b"\n", "protocol.version"),
        (b"GET /# HTTP/1.1\r", b"\n", "protocol.target-fragment"),
        (b"GET / HTTP/1.1\r\nHost: a", b"\n", "protocol.bare-lf"),
        (b"GET / HTTP/1.1\r\nHost: a", b"\x00", "protocol.control-character"),
    ],
)
def test_garbage_is_refused_at_its_first_byte(head, bad, rule) -> None:
    assert arrival.request_head_end(head, 0, LIMITS) is None
    if not rule:
        assert arrival.request_head_end(head + bad, len(head), LIMITS) is None
        return
    with pytest.raises(ClientFault) as caught:
        arrival.request_head_end(head + bad, len(head), LIMITS)
    assert caught.value.rule == rule


def test_a_bytearray_may_be_scanned() -> None:
    assert arrival.request_head_end(bytearray(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nX"), 0, LIMITS) == 27
    assert arrival.response_head_end(bytearray(b"HTTP/1.1 200 OK\r\n\r\nX"), 0) == 19


def test_large_pieces_pass_through_uncopied() -> None:
    """What lies within one chunk, or within the length, is handed on as the very object that came."""
    piece = bytes(100_000)
    length = framing.LengthBody(300_000, client_fault)
    chunked = framing.ChunkedBody(1 << 40, client_fault)
    assert chunked.feed(b"%x\r\n" % 300_000) == []
    for reader in (length, chunked):
        assert [out is piece for out in reader.feed(piece)] == [True]
        assert [out is piece for out in reader.feed(piece)] == [True]
        assert [out is piece for out in reader.feed(piece)] == [True]
    assert length.done
    assert not chunked.done
    assert chunked.feed(b"\r\n0\r\n\r\nnext") == []
    assert (chunked.done, chunked.excess) == (True, b"next")


def test_empty_reads_change_nothing() -> None:
    for reader in (
        framing.NoBody(),
        framing.LengthBody(3, client_fault),
        framing.BodyUntilClose(),
        framing.ChunkedBody(10, client_fault),
    ):
        before = reader.done
        assert reader.feed(b"") == []
        assert (reader.done, reader.excess) == (before, b"")


def test_bytes_after_the_end_are_excess_however_they_come() -> None:
    length = framing.LengthBody(1, client_fault)
    chunked = framing.ChunkedBody(10, client_fault)
    assert length.feed(b"a") == [b"a"]
    chunked.feed(b"0\r\n\r\n")
    for reader in (framing.NoBody(), length, chunked):
        assert reader.done
        assert reader.feed(b"x") == []
        assert reader.feed(b"yz") == []
        assert reader.excess == b"xyz"
        reader.eof()


@pytest.mark.parametrize("sent", [b"", b"5", b"5\r\nhel", b"5\r\nhello\r\n", b"0\r\n", b"0\r\nX: y\r\n"])
def test_a_cut_chunked_body_is_a_fault(sent) -> None:
    reader = framing.ChunkedBody(10, client_fault)
    reader.feed(sent)
    with pytest.raises(ClientFault) as caught:
        reader.eof()
    assert caught.value.rule == "protocol.body-cut"


def test_a_cut_length_is_a_fault() -> None:
    reader = framing.LengthBody(2, client_fault)
    reader.feed(b"a")
    with pytest.raises(ClientFault, match="body-cut"):
        reader.eof()


def test_a_route_may_have_a_limit_of_its_own() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
    request = parse.request_head(head, LIMITS)
    assert framing.request_body(request, LIMITS, 5).feed(b"hello") == [b"hello"]
    with pytest.raises(ClientFault, match="body-size"):
        framing.request_body(request, LIMITS, 4)
    reader = framing.request_body(parse.request_head(HEAD, LIMITS), LIMITS, 4)
    with pytest.raises(ClientFault, match="body-size"):
        reader.feed(b"5\r\n")


def test_memories_are_bounded() -> None:
    memo = Memo(bytes.lower, capacity=10, longest=4)
    for number in range(1000):
        assert memo[b"A%d" % number] == b"a%d" % number
        assert memo[b"LONG%d" % number] == b"long%d" % number
        assert len(memo) <= 10
    assert all(len(key) <= 4 for key in memo)

    reader = FieldReader(bytes.lower, frozenset(), twins=True)
    for number in range(3000):
        reader.read(b"User-Agent: %d\r\nCookie: %d\r\nX-%d: 1\r\n\r\n" % (number, number, number), 0)
        assert len(reader._lines) <= FieldReader.LINES
    assert all(lower == b"user-agent" for lower, _, _ in reader._lines.values())  # never a cookie


def test_a_memory_keeps_nothing_that_failed() -> None:
    def fail(_: bytes) -> bytes:
        raise KeyError("no")

    memo = Memo(fail, capacity=10, longest=4)
    with pytest.raises(KeyError):
        memo[b"a"]
    assert not memo


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nX", "protocol.malformed-head"),  # more than one head
        (b"GET / HTTP/1.1\r\nHost: a\r\n", "protocol.malformed-head"),  # less than one
        (b"\x16\x03\x01\x00\r\n\r\n", "protocol.tls-on-plain"),
        (b"", "protocol.request-line"),
        (b"\r\n\r\n", "protocol.blank-lines"),
    ],
)
def test_what_is_not_exactly_one_head(data, rule) -> None:
    with pytest.raises(ClientFault) as caught:
        parse.request_head(data, LIMITS)
    assert caught.value.rule == rule


def test_faults_quote_nothing_of_the_peer() -> None:
    with pytest.raises(Fault) as caught:
        parse.request_head(b"GET / HTTP/1.1\r\nHost: s3cr3t secret\r\nAuthorization: pw\r\n\r\n", LIMITS)
    assert "s3cr3t" not in str(caught.value)
    assert "pw" not in caught.value.detail
