"""Client address, scheme, host and trace from what proxies say; and the heads that we write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http1 import http1_wire as wire
from tests.together import together
from waf.http1 import forwarding, parse, serialize
from waf.http1.forwarding import TrustedProxies
from waf.http1.hosts import HostRule
from waf.model import Framing, Headers, Peer, Response

XFCC = b"X-Forwarded-Client-Cert"
CART = "spiffe://cluster.local/ns/shop/sa/cart"
INNER = ["10.0.0.0/8", "fd00::/8"]


def headers(*values: str, name: bytes = b"X-Forwarded-For") -> Headers:
    return Headers.make(*[(name, value.encode("latin-1")) for value in values])


@together(
    ("peer", "said", "hops", "client", "trusted"),
    [
        # no proxy configured, or the peer is none of ours
        ("192.0.2.1", ["1.1.1.1"], 1, "192.0.2.1", False),
        ("11.0.0.1", ["1.1.1.1"], 1, "11.0.0.1", False),
        ("", ["1.1.1.1"], 1, "", False),
        ("unix", ["1.1.1.1"], 1, "unix", False),
        # counted from the right: what stands further left is the client's own claim
        ("10.0.0.1", ["1.1.1.1"], 1, "1.1.1.1", True),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1"], 1, "1.1.1.1", True),
        ("10.0.0.1", ["6.6.6.6, 1.1.1.1, 10.0.0.9"], 2, "1.1.1.1", True),
        ("10.0.0.1", ["6.6.6.6, 7.7.7.7, 1.1.1.1, 10.0.0.9, 10.0.0.8"], 3, "1.1.1.1", True),
        ("10.0.0.1", ["1.1.1.1"], 0, "10.0.0.1", True),
        ("10.0.0.1", [], 1, "10.0.0.1", True),
        # too short a list: the last address known
        ("10.0.0.1", ["1.1.1.1"], 3, "1.1.1.1", True),
        ("10.0.0.1", [""], 1, "10.0.0.1", True),
        # garbage is not believed
        ("10.0.0.1", ["unknown"], 1, "10.0.0.1", True),
        ("10.0.0.1", ["1.1.1.1, garbage, 10.0.0.9"], 3, "10.0.0.9", True),
        ("10.0.0.1", ["1.1.1.1,"], 1, "10.0.0.1", True),
        ("10.0.0.1", ["1.1.1.1, \xe9"], 1, "10.0.0.1", True),
        ("10.0.0.1", ["1.1.1.1; drop"], 1, "10.0.0.1", True),
        ("10.0.0.1", ["999.1.1.1"], 1, "10.0.0.1", True),
        ("10.0.0.1", ["01.1.1.1"], 1, "10.0.0.1", True),
        ("10.0.0.1", ["fe80::1%eth0"], 1, "10.0.0.1", True),
        # shapes that proxies really write
        ("10.0.0.1", ["1.1.1.1:4711"], 1, "1.1.1.1", True),
        ("10.0.0.1", ["[2001:db8::1]:4711"], 1, "2001:db8::1", True),
        ("10.0.0.1", ["[2001:db8::1]"], 1, "2001:db8::1", True),
        ("10.0.0.1", ["2001:DB8::1"], 1, "2001:db8::1", True),
        ("10.0.0.1", ["::ffff:1.1.1.1"], 1, "1.1.1.1", True),
        ("::ffff:10.0.0.1", ["1.1.1.1"], 1, "1.1.1.1", True),
        ("fd00::5", ["  1.1.1.1\t"], 1, "1.1.1.1", True),
    ],
)
def test_client_address(peer, said, hops, client, trusted) -> None:
    proxies = TrustedProxies.compile(INNER, hops)
    assert forwarding.client_address(peer, headers(*said), proxies) == (client, trusted)


def test_nobody_is_trusted_by_default() -> None:
    assert forwarding.client_address("127.0.0.1", headers("1.1.1.1")) == ("127.0.0.1", False)


@given(st.text(alphabet="0123456789abcdef.:,[] \t%-_\xe9", max_size=80), st.integers(0, 5))
def test_client_address_never_raises(said: str, hops: int) -> None:
    proxies = TrustedProxies.compile(INNER, hops)
    client, trusted = forwarding.client_address("10.0.0.1", headers(said), proxies)
    assert trusted
    assert client
    assert "%" not in client
    assert "," not in client


@pytest.mark.parametrize(
    ("values", "scheme"),
    [
        (["https"], "https"),
        (["HTTP"], "http"),
        (["ftp"], None),
        (["https, http"], None),
        ([], None),
        (["http", "http"], None),
    ],
)
def test_scheme_said_by_a_proxy(values, scheme) -> None:
    assert forwarding.forwarded_scheme(headers(*values, name=b"X-Forwarded-Proto")) == scheme


@pytest.mark.parametrize(
    ("values", "host"),
    [
        (["Shop.example:8443"], b"shop.example:8443"),
        (["a, b"], None),
        (["a b"], None),
        ([], None),
        (["a", "a"], None),
    ],
)
def test_host_said_by_a_proxy(values, host) -> None:
    assert forwarding.forwarded_host(headers(*values, name=b"X-Forwarded-Host")) == host


TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "value",
    [TRACE, TRACE[:-2] + b"00", b"01" + TRACE[2:], b"cc" + TRACE[2:] + b"-more", b"fe" + TRACE[2:]],
)
def test_valid_traceparent(value) -> None:
    assert forwarding.is_traceparent(value)
    assert forwarding.traceparent(Headers.make((b"TraceParent", value))) == value


@together(
    "value",
    [
        b"", b"00", TRACE.upper(), b"ff" + TRACE[2:], TRACE + b"-more", TRACE + b" ", b" " + TRACE,
        TRACE[:-1], b"00-" + b"0" * 32 + TRACE[35:], TRACE[:36] + b"0" * 16 + TRACE[52:],
        TRACE.replace(b"-", b"_"),
        TRACE.replace(b"a", b"g"), b"0" + TRACE, b"01" + TRACE[2:] + b"x", b"01" + TRACE[2:] + b"-\xe9",
        b"01" + TRACE[2:] + b"-" + b"x" * 600, TRACE + b"\n",
    ],
)  # fmt: skip
def test_invalid_traceparent(value) -> None:
    assert not forwarding.is_traceparent(value)
    assert forwarding.traceparent(Headers.make((b"traceparent", value))) is None


def test_two_traceparents_are_none() -> None:
    assert forwarding.traceparent(Headers.make((b"traceparent", TRACE), (b"Traceparent", TRACE))) is None


def request(*lines: bytes) -> parse.Request:
    return parse.request_head(b"\r\n".join([*lines, b"", b""]), wire.LIMITS)


def head_lines(req: parse.Request, **hop: object) -> list[bytes]:
    peer = Peer("192.0.2.7", 1, "192.0.2.7", "https")
    return serialize.request_head(req, serialize.Hop(peer, **hop), 0).split(b"\r\n")  # type: ignore[arg-type]


def test_tracestate_goes_with_its_own_traceparent_only() -> None:
    req = request(
        b"GET / HTTP/1.1", b"Host: a", b"traceparent: " + TRACE, b"tracestate: a=1", b"TraceState: b=2"
    )
    with_own = head_lines(req, traceparent=forwarding.traceparent(req.headers))
    assert with_own[-6:-2] == [
        b"X-Forwarded-Host: a",
        b"traceparent: " + TRACE,
        b"tracestate: a=1",
        b"tracestate: b=2",
    ]
    made = head_lines(req, traceparent=b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")
    assert not any(line.lower().startswith(b"tracestate") for line in made)
    none = head_lines(req)
    assert not any(line.lower().startswith(b"trace") for line in none)


def test_what_the_hop_adds() -> None:
    lines = head_lines(request(b"GET / HTTP/1.1", b"Host: A:8443"), via=b"waf", request_id=b"01HX")
    assert lines == [
        b"GET / HTTP/1.1",
        b"Host: A:8443",
        b"X-Forwarded-For: 192.0.2.7",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: a:8443",
        b"X-Request-Id: 01HX",
        b"Via: 1.1 waf",
        b"",
        b"",
    ]


def test_a_peer_without_address() -> None:
    peer = Peer("", 0, "", "http")
    head = serialize.request_head(request(b"GET / HTTP/1.1", b"Host: a"), serialize.Hop(peer), 0)
    assert b"\r\nX-Forwarded-For: unknown\r\n" in head


def test_a_streamed_body_goes_in_chunks() -> None:
    req = request(b"POST / HTTP/1.1", b"Host: a", b"Transfer-Encoding: chunked")
    head = serialize.request_head(req, wire.HOP, None)
    assert head.count(b"Transfer-Encoding: chunked\r\n") == 1
    assert b"Content-Length" not in head


# ------------------------------------------------------------------------------------------------- responses


def answer(head: bytes, method: bytes = b"GET") -> Response:
    return parse.response_head(head, wire.LIMITS, method)


@pytest.mark.parametrize(
    ("length", "close", "minor", "lines"),
    [
        (5, False, 1, [b"Content-Length: 5"]),
        (5, True, 1, [b"Content-Length: 5", b"Connection: close"]),
        (5, False, 0, [b"Content-Length: 5", b"Connection: keep-alive"]),
        (5, True, 0, [b"Content-Length: 5", b"Connection: close"]),
        (None, False, 1, [b"Transfer-Encoding: chunked"]),
        (None, True, 1, [b"Transfer-Encoding: chunked", b"Connection: close"]),
        (None, False, 0, [b"Connection: close"]),  # HTTP/1.0 knows no chunks
        (None, True, 0, [b"Connection: close"]),
    ],
)
def test_framing_by_the_version_of_the_client(length, close, minor, lines) -> None:
    response = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\nA: b\r\n\r\n")
    head = serialize.response_head(response, length=length, close=close, minor=minor)
    assert head.split(b"\r\n") == [b"HTTP/1.1 200 OK", b"A: b", *lines, b"", b""]


@together("length", [None, 0, 5])
@together("minor", [0, 1])
@together("status", [100, 103, 204, 304])
def test_bodiless_responses_are_never_framed(status, minor, length) -> None:
    response = answer(b"HTTP/1.1 %d X\r\nA: b\r\n\r\n" % status)
    head = serialize.response_head(response, length=length, close=False, minor=minor).lower()
    assert b"content-length" not in head
    assert b"transfer-encoding" not in head
    assert (b"connection" in head) == (minor == 0 and status >= 200)


def test_our_headers_replace_those_of_the_app() -> None:
    response = answer(b"HTTP/1.1 200 OK\r\nServer: x\r\nX-Id: app\r\nSERVER: y\r\n\r\n")
    head = serialize.response_head(
        response, length=0, close=False, minor=1, extra=((b"Server", b"us"), (b"X-New", b"1"))
    )
    assert head.split(b"\r\n")[1:-3] == [b"X-Id: app", b"Server: us", b"X-New: 1"]


def test_chunks() -> None:
    assert serialize.chunk(b"") == b""
    assert serialize.chunk(b"x" * 255) == b"ff\r\n" + b"x" * 255 + b"\r\n"
    assert serialize.LAST_CHUNK == b"0\r\n\r\n"


@together("status", [200, 400, 403, 405, 408, 413, 414, 417, 421, 429, 431, 500, 502, 503, 504, 505])
@together("head_only", [False, True])
@together("minor", [0, 1])
def test_simple_response_reads_back(status, head_only, minor) -> None:
    data = serialize.simple_response(
        status, b"sorry", b"text/html", close=True, minor=minor, head_only=head_only, extra=((b"X-Id", b"1"),)
    )
    got = wire.read_response([data], b"HEAD" if head_only else b"GET")
    assert got.response is not None
    assert got.response.status == status
    assert got.response.reason == serialize.reason(status) != b""
    assert got.payload == (b"" if head_only else b"sorry")
    assert (got.rest, got.complete) == (b"", True)
    assert not got.response.keep_alive
    assert got.response.headers.get(b"x-id") == b"1"
    assert got.response.headers.get(b"content-length") == b"5"


def test_simple_response_of_nothing() -> None:
    assert (
        serialize.simple_response(404, close=False) == b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize("status", [100, 204, 304])
def test_simple_response_without_body(status) -> None:
    data = serialize.simple_response(status, b"ignored", close=False)
    assert wire.read_response([data]).rest == b""
    assert b"Content-" not in data
    assert serialize.reason(799) == b""


@pytest.mark.parametrize(
    ("head", "method", "framing", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"GET", Framing.LENGTH, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n", b"GET", Framing.LENGTH, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", b"GET", Framing.LENGTH, False),
        (
            b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\n",
            b"GET",
            Framing.LENGTH,
            True,
        ),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"GET", Framing.UNTIL_CLOSE, False),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"HEAD", Framing.NONE, True),
        (b"HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET", Framing.NONE, True),
        (b"HTTP/1.1 204 X\r\n\r\n", b"GET", Framing.NONE, True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET", Framing.CHUNKED, True),
    ],
)
def test_response_framing_and_persistence(head, method, framing, keep_alive) -> None:
    response = answer(head, method)
    assert (response.framing, response.keep_alive) == (framing, keep_alive)


@pytest.mark.parametrize(
    ("lines", "keep_alive"),
    [
        ([b"GET / HTTP/1.1", b"Host: a"], True),
        ([b"GET / HTTP/1.1", b"Host: a", b"Connection: close"], False),
        ([b"GET / HTTP/1.1", b"Host: a", b"Connection: keep-alive, Close"], False),
        ([b"GET / HTTP/1.0", b"Host: a"], False),
        ([b"GET / HTTP/1.0", b"Host: a", b"Connection: keep-alive"], True),
        ([b"GET / HTTP/1.0", b"Host: a", b"Connection: keep-alive", b"Connection: close"], False),
    ],
)
def test_request_persistence(lines, keep_alive) -> None:
    assert request(*lines).keep_alive is keep_alive


@pytest.mark.parametrize(
    ("lines", "expects"),
    [
        ([b"POST / HTTP/1.1", b"Host: a", b"Expect: 100-continue", b"Content-Length: 1"], True),
        ([b"POST / HTTP/1.1", b"Host: a", b"Expect: 100-Continue", b"Transfer-Encoding: chunked"], True),
        ([b"POST / HTTP/1.1", b"Host: a", b"Expect: 100-continue", b"Content-Length: 0"], False),
        ([b"GET / HTTP/1.1", b"Host: a", b"Expect: 100-continue"], False),
        ([b"POST / HTTP/1.0", b"Host: a", b"Expect: 100-continue", b"Content-Length: 1"], False),
    ],
)
def test_who_waits_for_100(lines, expects) -> None:
    assert request(*lines).expects_continue is expects


def test_no_hosts_listed_allow_all() -> None:
    assert HostRule.compile([]) is None
    assert HostRule.compile(()) is None


def test_host_is_lower_case_with_port() -> None:
    assert request(b"GET / HTTP/1.1", b"Host: Shop.Example:8080").host == b"shop.example:8080"
    assert request(b"GET http://Shop.Example/x HTTP/1.0").host == b"shop.example"
    assert request(b"GET / HTTP/1.0").host == b""


def test_path_and_query_are_the_target() -> None:
    for target, path, query in [
        (b"/a?b", b"/a", b"b"), (b"/a", b"/a", None), (b"/?", b"/", b""), (b"/a?b?c", b"/a", b"b?c"),
        (b"http://a?x", b"/", b"x"), (b"http://a", b"/", None), (b"http://a/y?z", b"/y", b"z"),
    ]:  # fmt: skip
        req = request(b"GET " + target + b" HTTP/1.1", b"Host: a")
        assert (req.path, req.query) == (path, query)
        assert req.target == (path if query is None else path + b"?" + query)
    star = request(b"OPTIONS * HTTP/1.1", b"Host: a")
    assert (star.target, star.path, star.query) == (b"*", b"*", None)


@together(
    ("said", "hops", "identity"),
    [
        ([], 1, ""),
        ([f'By=spiffe://me;Hash=0a1b;Subject="";URI={CART}'], 1, CART),
        ([f"URI={CART}"], 0, CART),
        # counted from the right, as addresses are
        ([f"URI=spiffe://claimed,URI={CART}"], 1, CART),
        ([f"URI=spiffe://claimed,URI={CART},URI=spiffe://gateway"], 2, CART),
        (["URI=spiffe://claimed", f"URI={CART}"], 1, CART),
        ([f"URI={CART}"], 3, CART),
        # what else a certificate may name
        (['Hash=0a;Subject="CN=cart,O=shop; inc";DNS=cart.shop.svc;DNS=cart'], 1, "cart.shop.svc"),
        (['Hash=0a;Subject="CN=cart,O=\\"shop\\""'], 1, 'CN=cart,O=\\"shop\\"'),
        (["uri=spiffe://lower"], 1, "spiffe://lower"),
        (["Hash=0a1b"], 1, ""),
        # nothing that a proxy writes
        (["garbage"], 1, ""),
        ([f'URI={CART};Subject="open'], 1, ""),
        ([f"URI={CART} URI=x;;"], 1, ""),
        ([f"URI=spiffe://{'x' * 300}"], 1, ""),
        (["URI=spiffe://a\x01b"], 1, ""),
    ],
)
def test_client_identity(said: list[str], hops: int, identity: str) -> None:
    proxies = TrustedProxies.compile(INNER, hops)
    assert forwarding.client_identity(headers(*said, name=XFCC), proxies) == identity


@given(st.binary(max_size=200), st.integers(0, 3))
def test_any_bytes_in_the_header_are_an_identity_or_nobody(said: bytes, hops: int) -> None:
    found = forwarding.client_identity(Headers.make((XFCC, said)), TrustedProxies.compile(INNER, hops))
    assert found.isprintable()
    assert len(found) <= forwarding.MAX_IDENTITY


@pytest.mark.parametrize(
    ("certificate", "identity"),
    [
        ({}, ""),
        ({"subjectAltName": (("DNS", "cart"), ("URI", CART))}, CART),
        ({"subjectAltName": (("IP Address", "10.0.0.1"), ("DNS", "cart"))}, "cart"),
        (
            {"subject": ((("organizationName", "shop"),), (("commonName", "cart"),))},
            "organizationName=shop,commonName=cart",
        ),
        ({"subjectAltName": (("DNS", "a\nb"),)}, ""),
    ],
)
def test_certificate_identity(certificate: dict[str, object], identity: str) -> None:
    assert forwarding.certificate_identity(certificate) == identity
