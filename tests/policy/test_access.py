"""Address lists and token buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.config.schema import Access, RateLimit
from waf.model import Framing, Headers, Request
from waf.policy.access import Buckets, Gate, Networks, subnet_key
from waf.policy.paths import canonical


def request(path: bytes = b"/login", method: bytes = b"POST", **headers: bytes) -> Request:
    lines = Headers.make(*((name.replace("_", "-").encode(), value) for name, value in headers.items()))
    return Request(method, path, path, None, 1, lines, b"a", Framing.NONE, 0, True, False, None)


@pytest.mark.parametrize(
    ("cidr", "inside", "outside"),
    [
        ("10.0.0.0/8", "10.1.2.3", "11.0.0.1"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
        ("2001:db8::/32", "2001:db8::1", "2001:db9::1"),
        ("10.0.0.0/8", "::ffff:10.0.0.1", "unix"),
        ("fe80::/10", "fe80::1%eth0", "::1"),
    ],
)
def test_networks(cidr: str, inside: str, outside: str) -> None:
    networks = Networks([cidr])
    assert networks.holds(inside)
    assert not networks.holds(outside)


def test_ipv6_clients_count_by_their_64() -> None:
    assert (
        subnet_key("2001:db8:1:2::5") == subnet_key("2001:db8:1:2:ffff::9") != subnet_key("2001:db8:1:3::5")
    )
    assert subnet_key("::ffff:192.0.2.1") == "192.0.2.1" == subnet_key("192.0.2.1")


def test_the_deny_list_refuses_and_the_allow_list_wins() -> None:
    gate = Gate(Access(allow=("10.0.0.5",), deny=("10.0.0.0/8",)), Buckets(10))
    assert gate.check("10.0.0.5", request(), None, 0.0) is None
    refusal = gate.check("10.0.0.6", request(), None, 0.0)
    assert refusal is not None
    assert refusal.finding.rule == "access.denied-address"
    assert gate.check("192.0.2.1", request(), None, 0.0) is None


def test_a_bucket_empties_and_fills_again() -> None:
    limit = RateLimit(name="login", path="/login", methods=("POST",), rate=0.5, burst=2)
    gate = Gate(Access(rate_limits=(limit,)), Buckets(10))
    path = canonical(b"/login")

    def refused(now: float, client: str = "192.0.2.1") -> int | None:
        refusal = gate.check(client, request(), path, now)
        return refusal.retry_after if refusal else None

    assert [refused(0.0), refused(0.0)] == [None, None]
    assert refused(0.0) == 2  # half a request a second: the next token is two seconds away
    assert refused(0.0, "192.0.2.2") is None
    assert gate.check("192.0.2.1", request(method=b"GET"), path, 0.0) is None
    assert gate.check("192.0.2.1", request(), canonical(b"/other"), 0.0) is None
    assert refused(2.0) is None
    assert refused(2.0) == 2


def test_a_header_may_be_the_key() -> None:
    limit = RateLimit(name="key", rate=1.0, burst=1, key="header.X-Api-Key")
    gate = Gate(Access(rate_limits=(limit,)), Buckets(10))
    path = canonical(b"/")
    assert gate.check("a", request(x_api_key=b"one"), path, 0.0) is None
    assert gate.check("b", request(x_api_key=b"one"), path, 0.0) is not None
    assert gate.check("a", request(x_api_key=b"two"), path, 0.0) is None


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1000)), max_size=200))
def test_buckets_are_bounded_and_never_raise(takes: list[tuple[int, float]]) -> None:
    buckets = Buckets(16)
    for key, now in takes:
        assert buckets.take(("l", str(key)), 2.0, 3, now) >= 0.0
        assert len(buckets) <= 16
