"""Values of the hot path, compiled or not: equal by parts, altered by copying, no keys of dicts."""

import pytest

from waf.exchange import Peer
from waf.messages import Framing, Headers, Request, Response
from waf.permission import Admitted, BodyPlan

PEER = Peer("192.0.2.1", 80, "192.0.2.2", "http")


def request(path: bytes = b"/") -> Request:
    return Request(
        b"GET", path, path, None, 1, Headers.make((b"Host", b"a")), b"a", Framing.NONE, 0, True, False, None
    )


def test_equal_where_all_parts_are() -> None:
    assert request() == request()
    assert request() != request(b"/b")
    assert BodyPlan(3) == BodyPlan(buffer=3, over="block", stream=False)
    assert Admitted(request(), b"") != Admitted(request(), None)
    assert PEER != ("192.0.2.1", 80, "192.0.2.2", "http", "")


def test_altered_makes_another() -> None:
    first = request()
    second = first.altered(path=b"/b", minor=0)
    assert (first.path, first.minor) == (b"/", 1)
    assert (second.path, second.minor, second.headers) == (b"/b", 0, first.headers)
    with pytest.raises(TypeError):
        first.altered(colour=b"red")


def test_it_is_shown_with_its_parts_and_is_no_key() -> None:
    assert repr(PEER) == "Peer(address='192.0.2.1', port=80, client='192.0.2.2', scheme='http', identity='')"
    assert "status=204" in repr(Response(204, b"", 1, Headers.make(), Framing.NONE, 0, True))
    with pytest.raises(TypeError, match="unhashable"):
        hash(PEER)
