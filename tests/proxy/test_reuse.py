"""When a connection to the app may serve another exchange: only if nothing of the last one is left on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.proxy.stage import Stage
from waf.config.schema import Config, Upstream
from waf.proxy.upstream import UNREPEATABLE_IDLE

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


def test_stale_connections_make_room_for_fresh_ones(make_stage: Callable[..., Stage]) -> None:
    """Else every request that must not be sent twice would open one of its own as long as they are kept."""
    stage = make_stage(config=Config(upstream=Upstream(idle_connections=2)))
    clients = [stage.connect() for _ in range(2)]
    for client in clients:
        client.sends(GET)
    for app in stage.apps:
        app.sends(OK)
    stage.passes(UNREPEATABLE_IDLE + 0.5)
    for _ in range(3):
        clients[0].sends(POST)
        stage.apps[-1].sends(OK)
    assert len(stage.apps) == 3
    assert stage.apps[0].closed
    assert stage.commons.pool.idle == 2
