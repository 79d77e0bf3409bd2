"""Whatever we accept, h11 and llhttp accept and read in the same way; so does what we write.

Where both accept and we refuse, the rule is one of `STRICTER`: each a choice, none an accident.
"""

# ruff: noqa: PT017  (the exception is one of two good outcomes here)
from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http1 import http1_strategies as make
from tests.http1 import http1_wire as wire
from waf.errors import ClientFault, UpstreamFault
from waf.http1 import serialize
from waf.http1.headers import JOINED
from waf.model import Framing, Request, Response

STRICTER = {
    # grammar that both oracles leave to their caller
    "protocol.method", "protocol.target-form", "protocol.target-character", "protocol.target-percent",
    "protocol.target-fragment", "protocol.target-asterisk", "protocol.target-authority",
    "protocol.host-syntax",
    "protocol.header-twin", "protocol.header-duplicate", "protocol.connection-option",
    "protocol.connection-nominates", "protocol.upgrade", "protocol.expect", "protocol.te-in-1.0",
    "protocol.version", "protocol.host-missing", "protocol.host-duplicate",
    # Content-Length: 007 is 7 to both
    "protocol.content-length",
    # h11 takes anything after a semicolon, llhttp controls and stray quotes
    "protocol.chunk-extension", "protocol.response-chunk-extension",
    # both take controls in a reason phrase
    "protocol.response-control-character",
    # both drop trailers without a look at their names
    "protocol.trailer-field",
    # nine hex digits, of which the first are zeros
    "protocol.chunk-size",
    # both take the limits of their caller
    "protocol.body-size", "protocol.head-size", "protocol.chunk-line-size",
    # responses
    "protocol.response-header-duplicate", "protocol.response-connection-option",
    "protocol.response-connection-nominates", "protocol.response-framed-bodiless",
    "protocol.response-content-length", "protocol.response-trailer-field", "protocol.response-status",
    "protocol.response-version", "protocol.response-te-in-1.0", "protocol.response-chunk-size",
}  # fmt: skip

few = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
many = settings(max_examples=6_000, deadline=None, suppress_health_check=list(HealthCheck))


def joined(fields: tuple[tuple[bytes, bytes], ...]) -> tuple[tuple[bytes, bytes], ...]:
    """Several lines of one list as one, as we forward them; so the oracles' reading can be compared."""
    out: dict[int, tuple[bytes, bytes]] = {}
    first: dict[bytes, int] = {}
    for at, (name, wire_value) in enumerate(fields):
        value = wire_value.lower() if name == b"transfer-encoding" else wire_value  # h11 lowers it
        if name in JOINED and name in first:
            before = out[first[name]][1]
            together = JOINED[name].join(part for part in (before, value) if part)
            out[first[name]] = (name, together)
        else:
            first.setdefault(name, at)
            out[at] = (name, value)
    return tuple(out.values())


# -------------------------------------------------------------------------------------------------- requests


def same_request(data: bytes) -> None:
    """What we read, both oracles read; what we refuse, one of them refuses, or it is a choice."""
    try:
        ours = wire.read_request([data])
    except ClientFault as fault:
        assert fault.rule != "protocol.malformed-head"  # diagnosis knows a reason for all that does not fit
        if accepted_by_all(data, wire.h11_request, wire.llhttp_request):
            assert fault.rule in STRICTER
        return
    if ours.request is None:
        return
    request = ours.request
    upgraded = request.upgrade is not None
    for oracle in (wire.h11_request, wire.llhttp_request):
        # llhttp takes any Upgrade for the end of HTTP, and h11 refuses blank lines: named differences.
        if oracle is wire.llhttp_request and b"upgrade" in request.headers.index and not upgraded:
            continue
        theirs = oracle(data.removeprefix(b"\r\n"))
        assert theirs.start[0] == request.method
        target = theirs.start[1]
        if target[:2] == b"//":  # the one form of a path that is rewritten
            target = b"/" + target.lstrip(b"/")
        if target[:1] == b"/" or target == b"*":
            assert target == request.target
        assert theirs.start[2] == b"1.%d" % request.minor
        assert joined(theirs.fields) == joined(wire.fields_of(request))
        assert theirs.body == ours.payload
        assert theirs.complete == ours.complete
        if ours.complete:
            assert theirs.rest == ours.rest
    if ours.complete:
        same_after_us(request, ours.payload)


def same_after_us(request: Request, payload: bytes) -> None:
    """What we write is read alike by both oracles and by ourselves, and says what we read."""
    writings = [serialize.request_head(request, wire.HOP, len(payload)) + payload]
    if request.framing is not Framing.NONE and request.upgrade is None:
        head = serialize.request_head(request, wire.HOP, None)
        writings.append(head + serialize.chunk(payload) + serialize.LAST_CHUNK)
    for written in writings:
        for oracle in (wire.h11_request, wire.llhttp_request):
            theirs = oracle(written)
            assert theirs.start == (request.method, request.target, b"1.1")
            assert theirs.body == payload
            assert (theirs.complete, theirs.rest) == (True, b"")
            names = [name for name, _ in theirs.fields]
            assert names.count(b"host") == 1
            assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
            assert not {b"te", b"trailer", b"keep-alive", b"expect", b"proxy", b"http2-settings"} & set(names)
        again = wire.read_request([written])
        assert again.request is not None
        assert (again.payload, again.rest, again.complete) == (payload, b"", True)
        assert again.request.target == request.target
        assert (again.request.path, again.request.query) == (request.path, request.query)
        assert again.request.upgrade == request.upgrade
    # But for an empty chunked body, which becomes a length of 0, and HTTP/1.0 without Host, which gets one.
    if request.host and (payload or request.framing is not Framing.CHUNKED):
        fixpoint(writings[0], payload)


def fixpoint(written: bytes, payload: bytes) -> None:
    """Read and written again by a hop like us, a message stays as it is, the order of our own lines aside."""
    again = wire.read_request([written]).request
    assert again is not None
    twice = serialize.request_head(again, wire.HOP, len(payload)) + payload
    assert sorted(twice.split(b"\r\n")) == sorted(written.split(b"\r\n"))


def accepted_by_all(data: bytes, *oracles: Callable[[bytes], wire.Got]) -> bool:
    try:
        return all(oracle(data).complete for oracle in oracles)
    except wire.Refused:
        return False


@few
@given(st.one_of(make.requests(), make.free_requests))
def test_generated_requests(data: bytes) -> None:
    same_request(data)


@few
@given(make.tampered(make.requests()))
def test_tampered_requests(data: bytes) -> None:
    same_request(data)


@pytest.mark.slow
@many
@given(make.tampered(st.one_of(make.requests(), make.free_requests)))
def test_tampered_requests_at_length(data: bytes) -> None:
    same_request(data)


@few
@given(make.requests(), st.binary(max_size=20))
def test_well_formed_requests_are_accepted(data: bytes, tail: bytes) -> None:
    """The generator makes only ordinary requests but for a few that contradict themselves."""
    try:
        got = wire.read_request([data + tail])
    except ClientFault as fault:
        assert fault.rule in {
            "protocol.target-asterisk", "protocol.target-authority", "protocol.header-duplicate",
            "protocol.te-in-1.0", "protocol.connection-option",
        }  # fmt: skip
        return
    assert (got.complete, got.rest) == (True, tail)


# ------------------------------------------------------------------------------------------------- responses


def start(got: wire.Got) -> tuple[bytes, bytes, bytes]:
    """The status line without the white space around the reason, which carries no meaning."""
    status, reason, version = got.start
    return status, reason.strip(), version


def same_response(data: bytes, method: bytes = b"GET") -> None:
    oracles = (
        lambda d: wire.h11_response(d, method, closed=True),
        lambda d: wire.llhttp_response(d, closed=True),
    )
    try:
        ours = wire.read_response([data], method, closed=True)
    except UpstreamFault as fault:
        assert fault.rule != "protocol.response-malformed-head"
        if accepted_by_all(data, *oracles) and fault.rule != "protocol.response-body-cut":
            assert fault.rule in STRICTER
        return
    response = ours.response
    if response is None or response.status == 101:
        return
    for oracle in oracles if method != b"HEAD" else oracles[:1]:  # llhttp is not told of HEAD
        theirs = oracle(data)
        assert start(theirs) == (b"%d" % response.status, response.reason.strip(), b"1.%d" % response.minor)
        assert joined(theirs.fields) == joined(wire.fields_of(response))
        assert theirs.body == ours.payload
    same_response_after_us(response, ours.payload, method)


def same_response_after_us(response: Response, payload: bytes, method: bytes) -> None:
    for minor in (0, 1):
        streamed = serialize.response_head(response, length=None, close=False, minor=minor)
        buffered = serialize.response_head(response, length=len(payload), close=True, minor=minor)
        chunks = serialize.chunk(payload) + serialize.LAST_CHUNK
        bodies = {True: b"", False: chunks if minor else payload}[response.framing is Framing.NONE]
        for written in (streamed + bodies, buffered + (b"" if response.framing is Framing.NONE else payload)):
            theirs = wire.h11_response(written, method, closed=True)
            assert start(theirs) == (b"%d" % response.status, response.reason.strip(), b"1.1")
            assert theirs.body == payload
            assert (theirs.complete, theirs.rest) == (True, b"")
            names = [name for name, _ in theirs.fields]
            assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
            again = wire.read_response([written], method, closed=True)
            assert (again.payload, again.complete, again.rest) == (payload, True, b"")


@few
@given(st.one_of(make.responses(), make.free_responses), st.sampled_from([b"GET", b"HEAD"]))
def test_generated_responses(data: bytes, method: bytes) -> None:
    same_response(data, method)


@few
@given(make.tampered(make.responses()), st.sampled_from([b"GET", b"HEAD"]))
def test_tampered_responses(data: bytes, method: bytes) -> None:
    same_response(data, method)


@pytest.mark.slow
@many
@given(make.tampered(st.one_of(make.responses(), make.free_responses)), st.sampled_from([b"GET", b"HEAD"]))
def test_tampered_responses_at_length(data: bytes, method: bytes) -> None:
    same_response(data, method)


# ------------------------------------------------------------------------------------------------ invariants


def outcome(read: Callable[[], object]) -> object:
    try:
        return read()
    except (ClientFault, UpstreamFault):
        return "refused"


@few
@given(st.one_of(make.tampered(make.requests()), make.free_requests, st.binary(max_size=60)), st.data())
def test_requests_read_alike_however_they_are_cut(data: bytes, draw: st.DataObject) -> None:
    """A message or a ClientFault, never another exception; and the cuts make no difference."""
    cuts = sorted(draw.draw(st.sets(st.integers(0, len(data)), max_size=6)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    expected = outcome(lambda: wire.read_request([data]))
    assert outcome(lambda: wire.read_request(pieces)) == expected
    assert outcome(lambda: wire.read_request(wire.bytewise(data))) == expected


@few
@given(st.one_of(make.tampered(make.responses()), make.free_responses, st.binary(max_size=60)), st.data())
def test_responses_read_alike_however_they_are_cut(data: bytes, draw: st.DataObject) -> None:
    cuts = sorted(draw.draw(st.sets(st.integers(0, len(data)), max_size=6)))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    expected = outcome(lambda: wire.read_response([data], closed=True))
    assert outcome(lambda: wire.read_response(pieces, closed=True)) == expected
    assert outcome(lambda: wire.read_response(wire.bytewise(data), closed=True)) == expected


@pytest.mark.slow
@many
@given(st.one_of(make.tampered(make.requests()), make.tampered(make.free_requests), st.binary(max_size=200)))
def test_requests_cut_bytewise_at_length(data: bytes) -> None:
    expected = outcome(lambda: wire.read_request([data]))
    assert outcome(lambda: wire.read_request(wire.bytewise(data))) == expected
