"""Whatever happens in whatever order: one record each, nothing left, and no client ever hears a mixed-up
answer."""

from __future__ import annotations

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proxy.stage import Actor, OpenPolicy, Stage
from tests.proxy.test_conversation import BLOCK, Filter
from waf.config.schema import Config, Limits, Upstream
from waf.model import Admitted, Outcome, Refused, Released
from waf.proxy.faults import fault

REQUESTS = [
    b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
    b"POST /%d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
    b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody",
    b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsome evil",
    b"GET /%d HTTP/1.0\r\n\r\n",
    b"GET /%d\r\n\r\n",
]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nplain answer",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npieces\r\n4\r\nmore\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlongpoison",
    b"garbage",
]
BODIES = {b"plain answer", b"piecesmore", b"", b"gone", b"evil", b"long"}

sizes = st.one_of(st.integers(1, 30), st.integers(60, 400))
talk = st.one_of(
    st.tuples(st.just("client sends"), st.integers(0, 1), sizes),
    st.tuples(st.just("app sends"), st.integers(0, 3), sizes),
    st.tuples(st.just("client drains"), st.integers(0, 1), st.none()),
    st.tuples(st.just("app drains"), st.integers(0, 3), st.none()),
)
trouble = st.one_of(
    st.tuples(st.just("time"), st.floats(0.01, 20.0), st.none()),
    st.tuples(st.sampled_from(["client ends", "client resets", "client full"]), st.integers(0, 1), st.none()),
    st.tuples(st.sampled_from(["app ends", "app resets", "app full"]), st.integers(0, 3), st.none()),
    st.tuples(st.just("interrupt"), st.none(), st.none()),
)
events = st.one_of(talk, talk, talk, talk, talk, talk, trouble)
plans = st.sampled_from(
    [
        {"buffer": 1000},
        {"buffer": 4, "over": "stream"},
        {"buffer": 4, "over": "block"},
        {"buffer": 0, "stream": True},
    ]
)


class Script:
    """What a side will say, handed out in pieces."""

    def __init__(self, text: bytes) -> None:
        self.left = text

    def next(self, size: int) -> bytes:
        piece, self.left = self.left[:size], self.left[size:]
        return piece


def alive(actors: list[Actor], index: int) -> Actor | None:
    """One of those whose connections are open."""
    open_ones = [actor for actor in actors if not (actor.transport.gone or actor.transport.closing)]
    return open_ones[index % len(open_ones)] if open_ones else None


def play(stage: Stage, what: str, client: Actor | None, app: Actor | None, script: Script, size: int) -> None:
    actor = client if what.startswith("client") else app
    if actor is None or actor.transport.gone:
        return
    verb = what.split()[1]
    if verb == "sends" and actor.transport.reading and (piece := script.next(size)):
        actor.sends(piece)
    elif verb == "ends" and not actor.protocol.ended:
        actor.ends()
        script.left = b""
    elif verb == "resets":
        actor.resets()
    elif verb == "full":
        actor.transport.room = 0
    elif verb == "drains":
        actor.transport.room = None
        actor.transport.drain()
    stage.settle()


def heard(data: bytes) -> None:
    """What a client heard must be answers that it may take for such, the last one perhaps cut."""
    if not data:
        return
    connection = h11.Connection(h11.CLIENT)
    connection.receive_data(data)
    while True:
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
        body, event = b"", None
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                break
            if isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
        if not isinstance(event, h11.EndOfMessage):
            return
        own = b"request_id" in body
        assert own or body in BODIES or response.http_version == b"1.0", body
        if connection.our_state is h11.MUST_CLOSE:
            assert connection.trailing_data[0] == b"", "something came after the last answer"
            return
        connection.start_next_cycle()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(0, len(REQUESTS) - 1), min_size=1, max_size=6),
    st.lists(st.integers(0, len(ANSWERS) - 1), min_size=1, max_size=6),
    st.lists(events, min_size=4, max_size=60),
    plans,
    st.booleans(),
    st.sampled_from(["up", "up", "up", "refuses", "hangs"]),
)
def test_one_record_each_and_nothing_left(requests, answers, happenings, plan, filters, app) -> None:
    policy = OpenPolicy(**plan)
    if filters:
        policy.on_stream = lambda request: Admitted(request, None, Filter())
        policy.on_release = lambda response: Released(response, Filter(), changes_length=True, hold_head=True)
    policy.on_admit = lambda request, body: Refused(BLOCK) if b"evil" in body else Admitted(request, body)
    stage = Stage(policy, Config(upstream=Upstream(connections=2), limits=Limits(connections=3)), app=app)
    clients = [stage.connect() for _ in range(2)]
    said = [Script(b"".join(REQUESTS[n] % i if b"%d" in REQUESTS[n] else REQUESTS[n] for i, n in enumerate(requests)))
            for _ in clients]  # fmt: skip
    apps = [Script(b"".join(ANSWERS[n] for n in answers)) for _ in range(4)]
    got = [bytearray() for _ in clients]
    for what, who, how in happenings:
        if what == "time":
            stage.passes(who)
        elif what == "interrupt":
            for talk in list(stage.commons.conversations):
                talk.interrupt(fault("drain.deadline"))
            stage.settle()
        else:
            script = said[who] if what.startswith("client") else apps[who]
            client = clients[who] if what.startswith("client") else None
            play(stage, what, client, alive(stage.apps, who), script, how or 0)
        for client, so_far in zip(clients, got, strict=True):
            so_far.extend(client.got())
    for data in got:
        heard(bytes(data))
    stage.close()
    assert stage.loop.errors == []
    assert not any(exchange.outcome is Outcome.OWN_FAULT for exchange in stage.records)
