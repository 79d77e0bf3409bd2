"""When a connection to the app may serve another exchange: only if nothing of the last one is left on it."""

from __future__ import annotations

import pytest

from tests.proxy.stage import Stage

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize(("unsent", "connections"), [(0, 1), (100, 2)])
def test_an_answer_before_the_body_was_sent(stage: Stage, unsent: int, connections: int) -> None:
    client = stage.connect()
    client.sends(POST)
    stage.apps[0].transport.unsent = unsent
    stage.apps[0].sends(OK)
    client.sends(GET)
    assert len(stage.apps) == connections
