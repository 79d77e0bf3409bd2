"""The app fails, the client leaves, time runs out: in each phase the right answer, one record, nothing left."""

from __future__ import annotations

import pytest

from tests.proxy.stage import Actor, OpenPolicy, Stage, Transport
from tests.proxy.test_conversation import BLOCK, GET, OK, filtered_policy, header, post, status
from tests.together import together
from waf.config.schema import Config, Limits, Timeouts, Upstream
from waf.errors import ClientFault, OwnFault, UpstreamFault
from waf.http1.rules import RULES
from waf.model import Outcome, Refused
from waf.proxy.faults import FAULTS, fault, outcome_of
from waf.proxy.replies import EXPLANATIONS

HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


def outcome(stage: Stage) -> tuple[Outcome, str, int]:
    [exchange] = stage.records
    return exchange.outcome, exchange.fault, exchange.sent_status


# -------------------------------------------------------------------------------------------------- the table


@together("rule", FAULTS)
def test_each_fault_says_whose_it_is(rule: str) -> None:
    reason = FAULTS[rule]
    error = fault(rule)
    assert isinstance(error, reason.guilty)
    assert (error.rule, error.status) == (rule, reason.status)
    assert outcome_of(error) is reason.outcome
    assert reason.status == 0 or reason.status in EXPLANATIONS
    assert {
        ClientFault: reason.status == 0 or 400 <= reason.status < 500,
        UpstreamFault: reason.status in (502, 504),
        OwnFault: reason.status in (500, 503),
    }[reason.guilty]


def test_faults_of_other_rooms_end_by_guilt() -> None:
    assert outcome_of(ClientFault(400, "protocol.x", "")) is Outcome.MALFORMED
    assert outcome_of(UpstreamFault(502, "protocol.response-x", "")) is Outcome.UPSTREAM_FAULT
    assert outcome_of(OwnFault(503, "budget.x", "")) is Outcome.OWN_FAULT


def test_every_status_of_the_parser_has_an_explanation() -> None:
    assert {rule.status for rule in RULES.values()} <= set(EXPLANATIONS)


# ---------------------------------------------------------------------------------------------------- the app


@pytest.mark.parametrize(
    ("app", "rule"), [("refuses", "upstream.refused"), ("unreachable", "upstream.unreachable")]
)
def test_an_app_that_is_down(make_stage, app: str, rule: str) -> None:
    stage = make_stage(app=app)
    client = stage.connect()
    client.sends(GET)
    answer = client.got()
    assert status(answer) == 502
    assert header(answer, b"Connection") is None  # the client is not to blame
    assert outcome(stage) == (Outcome.UPSTREAM_FAULT, rule, 502)
    stage.app = "up"
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert status(client.got()) == 200


def test_an_app_that_accepts_too_late(make_stage) -> None:
    stage = make_stage(app="hangs")
    client = stage.connect()
    client.sends(GET)
    stage.passes(2)
    assert stage.records == []
    stage.passes(2)
    assert status(client.got()) == 504
    assert outcome(stage) == (Outcome.UPSTREAM_FAULT, "timeout.connect", 504)
    _, attempt = stage.pending[0]
    assert attempt.cancelled()


def test_a_connection_that_comes_after_we_gave_up_is_cut(make_stage) -> None:
    stage = make_stage(app="hangs")
    client = stage.connect()
    client.sends(GET)
    client.resets()
    link, _ = stage.pending.pop()
    transport = Transport()
    link.connection_made(transport)
    assert transport.aborted


def test_an_attempt_that_is_cancelled_is_a_fault_like_any_other(make_stage) -> None:
    stage = make_stage(app="hangs")
    client = stage.connect()
    client.sends(GET)
    stage.pending[0][1].cancel()
    stage.settle()
    assert status(client.got()) == 502
    assert outcome(stage)[1] == "upstream.unreachable"


def resets(app: Actor) -> None:
    app.resets()


def ends(app: Actor) -> None:
    app.ends()


@pytest.mark.parametrize("leave", [resets, ends])
@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 20", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_an_app_that_goes_before_its_answer(stage: Stage, leave, before: bytes) -> None:
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    if before:
        app.sends(before)
    leave(app)
    assert status(client.got()) == 502
    assert outcome(stage) == (Outcome.UPSTREAM_FAULT, "upstream.reset", 502)
    assert len(stage.apps) == 1  # the connection was fresh: no second attempt
    assert not client.closed


@pytest.mark.parametrize("leave", [resets, ends])
@pytest.mark.parametrize("before", [HALF, CHUNKED])
def test_an_app_that_goes_within_its_answer(stage: Stage, leave, before: bytes) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(before)
    client.got()
    leave(stage.apps[0])
    assert client.cut  # without a last chunk: the client sees that something is missing
    assert client.got() == b""
    result, rule, sent = outcome(stage)
    assert (result, sent) == (Outcome.UPSTREAM_FAULT, 200)
    assert rule in ("upstream.reset", "protocol.response-body-cut")


def test_an_answer_until_close_that_is_reset_is_cut(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"GET / HTTP/1.0\r\n\r\n")
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\n\r\nabc")
    client.got()
    stage.apps[0].resets()
    assert client.cut
    assert outcome(stage)[1] == "upstream.reset"


def test_a_held_head_turns_a_cut_answer_into_a_clean_one(make_stage) -> None:
    stage = make_stage(filtered_policy(changes_length=True, hold_head=True))
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(CHUNKED)
    stage.apps[0].resets()
    assert status(client.got()) == 502
    assert not client.cut


@pytest.mark.parametrize(
    "wire",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 1\n\na",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000,
        b"\x00\x01\x02",
    ],
)
def test_an_app_that_talks_nonsense(stage: Stage, wire: bytes) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(wire)
    assert status(client.got()) == 502
    result, rule, _ = outcome(stage)
    assert result is Outcome.UPSTREAM_FAULT
    assert rule.startswith("protocol.response-")
    assert stage.apps[0].cut


def test_a_malformed_chunk_cuts_the_answer(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(CHUNKED)
    client.got()
    stage.apps[0].sends(b"zz\r\n")
    assert client.cut
    assert outcome(stage)[1] == "protocol.response-chunk-size"


def test_switching_protocols_unasked(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    assert status(client.got()) == 502
    assert outcome(stage)[1] == "upstream.unasked-upgrade"
    assert stage.apps[0].cut


def test_endless_interim_answers(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(b"HTTP/1.1 102 Processing\r\n\r\n" * 17)
    assert status(client.got()) == 502
    assert outcome(stage)[1] == "upstream.interim-flood"


@pytest.mark.parametrize(
    "wire",
    [
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
        b"HTTP/1.1 204 No Content\r\n\r\nx",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx",
    ],
)
def test_bytes_after_an_answer_end_the_connection_and_reach_nobody(stage: Stage, wire: bytes) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(wire)
    answer = client.got()
    assert status(answer) in (200, 204, 304)
    assert b"poison" not in answer
    assert stage.apps[0].cut
    client.sends(GET)
    stage.apps[1].sends(OK)
    assert client.got().endswith(b"hello")


def test_a_body_after_the_answer_to_head(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET.replace(b"GET", b"HEAD"))
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert client.got().endswith(b"Content-Length: 5\r\n\r\n")
    assert stage.apps[0].cut


def test_bytes_on_an_idle_connection_end_it(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(OK)
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    assert stage.apps[0].cut
    assert stage.commons.stats.unasked_bytes == 1
    client.got()
    client.sends(GET)
    stage.apps[1].sends(OK)
    assert client.got().endswith(b"hello")


# ------------------------------------------------------------------------------------------ stale connections


def warmed(stage: Stage) -> Actor:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(OK)
    client.got()
    stage.apps[0].got()
    return client


@pytest.mark.parametrize("leave", [resets, ends])
def test_a_stale_connection_costs_an_idempotent_request_nothing(stage: Stage, leave) -> None:
    client = warmed(stage)
    client.sends(GET)
    first = stage.apps[0].got()
    leave(stage.apps[0])
    assert stage.apps[1].got() == first
    stage.apps[1].sends(OK)
    assert status(client.got()) == 200
    assert stage.last.attempts == 2
    assert stage.commons.stats.retries == 1


def test_but_only_once(stage: Stage) -> None:
    client = warmed(stage)
    client.sends(GET)
    stage.apps[0].resets()
    stage.apps[1].resets()
    assert status(client.got()) == 502
    assert stage.last.attempts == 2
    assert len(stage.apps) == 2


def test_not_after_a_byte_came_back(stage: Stage) -> None:
    client = warmed(stage)
    client.sends(GET)
    stage.apps[0].sends(b"H")
    stage.apps[0].resets()
    assert status(client.got()) == 502
    assert len(stage.apps) == 1


def test_not_for_a_request_that_may_have_worked(stage: Stage) -> None:
    client = warmed(stage)
    client.sends(post(b"pay"))
    stage.apps[0].resets()
    assert status(client.got()) == 502
    assert len(stage.apps) == 1


def test_not_for_a_body_that_streamed(make_stage) -> None:
    stage = make_stage(OpenPolicy(buffer=0, stream=True))
    client = warmed(stage)
    head, _, body = post(b"abc").replace(b"POST", b"PUT").partition(b"\r\n\r\n")
    client.sends(head + b"\r\n\r\n")
    client.sends(body)
    stage.apps[0].resets()
    assert status(client.got()) == 502
    assert len(stage.apps) == 1


def test_a_body_that_is_here_whole_needs_no_streaming(make_stage) -> None:
    stage = make_stage(OpenPolicy(buffer=0, stream=True))
    client = warmed(stage)
    client.sends(post(b"abc").replace(b"POST", b"PUT"))
    assert stage.apps[0].got().endswith(b"\r\n\r\nabc")
    stage.apps[0].resets()
    assert len(stage.apps) == 2  # it is held, and so it may be sent again
    stage.apps[1].sends(OK)
    assert status(client.got()) == 200


def test_a_request_that_must_not_be_repeated_takes_no_connection_that_may_be_closing(stage: Stage) -> None:
    client = warmed(stage)
    stage.passes(2)
    client.sends(post(b"pay"))
    assert len(stage.apps) == 2
    assert stage.apps[0].got() == b""
    stage.apps[1].sends(OK)
    client.sends(GET)
    stage.apps[1].sends(OK)
    assert len(stage.records) == 3


def test_idle_connections_that_the_app_closed_are_not_used(stage: Stage) -> None:
    client = warmed(stage)
    stage.apps[0].ends()
    client.sends(GET)
    assert len(stage.apps) == 2
    stage.apps[1].sends(OK)
    assert stage.last.attempts == 1


# ------------------------------------------------------------------------------------------------- the client


def test_a_connection_without_a_byte_is_no_exchange(stage: Stage) -> None:
    stage.connect().ends()
    stage.connect().resets()
    stage.connect().sends(b"\r\n")
    stage.passes(61)
    assert all(client.transport.gone for client in stage.clients)
    assert stage.records == []


@pytest.mark.parametrize("leave", [resets, ends])
def test_a_client_that_goes_within_its_head(stage: Stage, leave) -> None:
    client = stage.connect()
    client.sends(b"GET / HT")
    leave(client)
    assert outcome(stage) == (Outcome.CLIENT_GONE, "client.gone-early", 0)
    assert stage.last.bytes_from_client == 8
    assert stage.last.request is None


@pytest.mark.parametrize("leave", [resets, ends])
@pytest.mark.parametrize("streams", [False, True])
def test_a_client_that_goes_within_its_body(make_stage, leave, streams: bool) -> None:
    stage = make_stage(OpenPolicy(buffer=0 if streams else 100, stream=streams))
    client = stage.connect()
    client.sends(post(b"abcdef")[:-3])
    leave(client)
    assert outcome(stage) == (Outcome.CLIENT_GONE, "client.gone-early", 0)
    assert [app.cut for app in stage.apps] == [True] * streams


def test_a_client_that_goes_while_the_app_thinks(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    client.resets()
    assert stage.apps[0].cut  # the app need not go on
    assert outcome(stage) == (Outcome.CLIENT_GONE, "client.gone", 0)


def test_a_client_that_goes_while_we_connect(make_stage) -> None:
    stage = make_stage(app="hangs")
    client = stage.connect()
    client.sends(GET)
    client.resets()
    assert outcome(stage) == (Outcome.CLIENT_GONE, "client.gone", 0)
    assert stage.pending[0][1].cancelled()


def test_a_client_that_goes_within_its_answer(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(HALF)
    client.resets()
    assert stage.apps[0].cut
    assert outcome(stage) == (Outcome.CLIENT_GONE, "client.gone", 200)


def test_a_client_that_goes_while_its_body_is_judged(stage: Stage) -> None:
    client = stage.connect()
    client.protocol.data_received(post(b"x" * 300_000))
    client.resets()
    assert outcome(stage)[0] is Outcome.CLIENT_GONE
    assert all(app.cut for app in stage.apps)


def test_a_client_that_half_closes_gets_a_prompt_answer(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    client.ends()
    stage.passes(1)
    stage.apps[0].sends(OK)
    assert status(client.got()) == 200
    assert client.closed
    assert outcome(stage) == (Outcome.FORWARDED, "", 200)


def test_but_the_app_is_not_kept_busy_for_it(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    client.ends()
    stage.passes(3)
    assert outcome(stage) == (Outcome.CLIENT_GONE, "client.gone", 0)
    assert stage.apps[0].cut


def test_pipelined_requests_before_a_half_close_are_all_answered(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET * 3)
    client.ends()
    for _ in range(3):
        stage.apps[0].sends(OK)
    assert client.got().count(b"hello") == 3
    assert client.closed


# ------------------------------------------------------------------------------------------------------- time


def test_a_slow_head(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"G")
    for byte in b"ET / HTTP/1":
        stage.passes(0.8)
        client.sends(bytes([byte]))
    assert stage.records == []
    stage.passes(2)
    assert status(client.got()) == 408
    assert outcome(stage) == (Outcome.MALFORMED, "timeout.head", 408)


def test_a_body_that_stalls(stage: Stage) -> None:
    client = stage.connect()
    client.sends(post(b"abcdef")[:-3])
    stage.passes(14)
    assert stage.records == []
    stage.passes(2)
    assert status(client.got()) == 408
    assert outcome(stage) == (Outcome.MALFORMED, "timeout.body", 408)


def test_a_body_below_the_least_rate(stage: Stage) -> None:
    client = stage.connect()
    client.sends(post(b"x" * 10_000)[:-10_000])
    seconds = 0
    while not stage.records:
        client.sends(b"x" * 100)  # a fifth of the least rate
        stage.passes(1)
        seconds += 1
    assert status(client.got()) == 408
    assert outcome(stage)[1] == "timeout.body-rate"
    assert 20 <= seconds <= 30


def test_a_body_at_the_least_rate_passes(stage: Stage) -> None:
    client = stage.connect()
    client.sends(post(b"x" * 30_000)[:-30_000])
    for _ in range(60):
        stage.passes(1)
        client.sends(b"x" * 500)
    assert stage.apps[0].got().endswith(b"x" * 30_000)
    stage.apps[0].sends(OK)


def test_an_app_that_does_not_answer(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.passes(59)
    assert stage.records == []
    stage.passes(2)
    assert status(client.got()) == 504
    assert outcome(stage) == (Outcome.UPSTREAM_FAULT, "timeout.first-byte", 504)


def test_the_time_to_the_first_byte_counts_from_the_end_of_the_request(make_stage) -> None:
    stage = make_stage(OpenPolicy(buffer=0, stream=True))
    client = stage.connect()
    client.sends(post(b"x" * 60_000)[:-60_000])
    for _ in range(60):
        stage.passes(1)
        client.sends(b"x" * 1000)
    stage.passes(50)
    stage.apps[0].sends(OK)
    assert status(client.got()) == 200


def test_an_app_that_stalls_within_its_answer(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(HALF)
    for _ in range(2):
        stage.passes(50)
        stage.apps[0].sends(b"d")
    assert stage.records == []
    stage.passes(61)
    assert client.cut
    assert outcome(stage) == (Outcome.UPSTREAM_FAULT, "timeout.response", 200)


def test_an_idle_connection_ends(make_stage) -> None:
    stage = make_stage(config=Config(timeouts=Timeouts(keep_alive=5)))
    client = stage.connect()
    stage.passes(4)
    client.sends(GET)
    stage.apps[0].sends(OK)
    stage.passes(4)
    assert not client.closed
    stage.passes(2)
    assert client.transport.gone
    assert len(stage.records) == 1


# --------------------------------------------------------------------------------------------------- overload


def test_connections_over_the_limit_get_a_cheap_answer(make_stage) -> None:
    stage = make_stage(config=Config(limits=Limits(connections=2)))
    stage.connect(("192.0.2.1", 1))
    stage.connect(("192.0.2.2", 1))
    third = stage.connect(("192.0.2.3", 1))
    assert status(third.got()) == 503
    assert third.closed
    assert stage.records == []
    assert stage.commons.stats.connections_refused == 1
    stage.clients[0].goes()
    fourth = stage.connect(("192.0.2.4", 1))
    assert not fourth.closed


def test_connections_of_one_address_are_limited(make_stage) -> None:
    stage = make_stage(config=Config(limits=Limits(connections_per_address=1)))
    stage.connect(("192.0.2.1", 1))
    assert status(stage.connect(("192.0.2.1", 2)).got()) == 503
    assert status(stage.connect(("::ffff:192.0.2.1", 3)).got()) == 503
    stage.connect(("2001:db8::1", 1))
    assert status(stage.connect(("2001:db8::2", 1)).got()) == 503  # the same /64
    assert not stage.connect(("192.0.2.2", 1)).transport.closing
    assert not stage.connect("").transport.closing  # a Unix socket has no address
    assert not stage.connect("").transport.closing


def test_when_it_gets_crowded_connections_are_not_kept(make_stage) -> None:
    stage = make_stage(config=Config(limits=Limits(connections=10)))
    clients = [stage.connect() for _ in range(10)]
    clients[0].sends(GET)
    stage.apps[0].sends(OK)
    assert header(clients[0].got(), b"Connection") == b"close"
    assert clients[0].closed
    clients[0].ends()
    clients[1].sends(GET)
    stage.apps[0].sends(OK)
    assert header(clients[1].got(), b"Connection") is None


def test_exchanges_wait_for_a_connection_to_the_app(make_stage) -> None:
    stage = make_stage(config=Config(upstream=Upstream(connections=1)))
    first, second, third = (stage.connect() for _ in range(3))
    first.sends(GET)
    second.sends(GET)
    third.sends(GET)
    assert len(stage.apps) == 1
    assert stage.commons.pool.waiting == 2
    stage.apps[0].sends(OK)
    assert status(first.got()) == 200
    stage.apps[0].sends(OK)
    assert status(second.got()) == 200
    stage.apps[0].resets()  # stale: the third goes on with a new one in its place
    stage.apps[1].sends(OK)
    assert status(third.got()) == 200
    assert (stage.commons.pool.open, stage.commons.pool.waiting) == (1, 0)


def test_a_lost_connection_makes_room_for_a_new_one(make_stage) -> None:
    stage = make_stage(config=Config(upstream=Upstream(connections=1)))
    first, second = stage.connect(), stage.connect()
    first.sends(GET)
    second.sends(GET)
    first.resets()
    assert len(stage.apps) == 2
    stage.apps[1].sends(OK)
    assert status(second.got()) == 200
    assert stage.commons.pool.open == 1


def test_but_not_for_long(make_stage) -> None:
    stage = make_stage(config=Config(upstream=Upstream(connections=1)))
    first, second = stage.connect(), stage.connect()
    first.sends(GET)
    second.sends(GET)
    stage.passes(4)
    answer = second.got()
    assert status(answer) == 503
    assert header(answer, b"Retry-After") == b"1"
    assert (stage.last.outcome, stage.last.fault) == (Outcome.OVERLOADED, "overload.upstream-pool")
    stage.apps[0].sends(OK)
    assert status(first.got()) == 200


def test_and_not_too_many(make_stage) -> None:
    stage = make_stage(config=Config(upstream=Upstream(connections=1)))
    clients = [stage.connect() for _ in range(6)]
    for client in clients:
        client.sends(GET)
    assert [bool(client.got()) for client in clients] == [False] * 5 + [True]
    assert stage.last.outcome is Outcome.OVERLOADED


def test_who_leaves_the_queue_takes_no_place_with_it(make_stage) -> None:
    stage = make_stage(config=Config(upstream=Upstream(connections=1)))
    first, second, third = (stage.connect() for _ in range(3))
    first.sends(GET)
    second.sends(GET)
    third.sends(GET)
    second.resets()
    assert stage.commons.pool.waiting == 1
    stage.apps[0].sends(OK)
    stage.apps[0].sends(OK)
    assert status(third.got()) == 200


def test_who_leaves_when_its_turn_has_come_passes_it_on(make_stage) -> None:
    stage = make_stage(config=Config(upstream=Upstream(connections=1)))
    first, second, third = (stage.connect() for _ in range(3))
    first.sends(GET)
    second.sends(GET)
    third.sends(GET)
    stage.apps[0].protocol.data_received(OK)  # the second's turn has come, and before it is told …
    second.transport.gone = True
    second.protocol.connection_lost(None)
    stage.settle()
    stage.apps[0].sends(OK)
    assert status(third.got()) == 200
    assert len(stage.records) == 3


def test_the_memory_of_all_bodies_is_limited(make_stage) -> None:
    stage = make_stage(config=Config(limits=Limits(bodies=10_000)))
    clients = [stage.connect() for _ in range(3)]
    for client in clients:
        client.sends(post(b"x" * 5000)[:-1000])
    answer = clients[2].got()
    assert status(answer) == 503
    assert (stage.last.outcome, stage.last.fault) == (Outcome.OVERLOADED, "overload.bodies")
    assert stage.commons.bodies_held == 8000
    clients[0].sends(b"x" * 1000)  # still held while the app thinks
    assert stage.commons.bodies_held == 9000
    stage.apps[0].sends(OK)
    assert status(clients[0].got()) == 200
    assert stage.commons.bodies_held == 4000
    clients[1].resets()
    assert stage.commons.bodies_held == 0


def test_idle_connections_to_the_app_are_few_and_end(make_stage) -> None:
    config = Config(upstream=Upstream(idle_connections=2, idle_timeout=10), timeouts=Timeouts(keep_alive=100))
    stage = make_stage(config=config)
    clients = [stage.connect() for _ in range(4)]
    for client in clients:
        client.sends(GET)
    for app in list(stage.apps):
        app.sends(OK)
    assert stage.commons.pool.idle == 2
    assert [app.transport.closing for app in stage.apps] == [True, True, False, False]
    stage.passes(11)
    assert all(app.closed for app in stage.apps)
    assert stage.commons.pool.open == 0


def test_the_app_says_how_long_it_keeps_an_idle_connection(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=5, max=9\r\n\r\n")
    stage.passes(3.5)
    assert stage.commons.pool.idle == 1
    stage.passes(1)
    assert stage.commons.pool.idle == 0


def test_a_connection_that_may_not_be_used_again_is_not(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(OK.replace(b"Server: app", b"Connection: close"))
    assert header(client.got(), b"Connection") is None
    client.sends(b"DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
    stage.apps[1].sends(OK)
    client.sends(GET)
    assert len(stage.apps) == 3


# ------------------------------------------------------------------------------------------------ interrupted


def test_the_deadline_of_a_drain_answers_what_it_can(stage: Stage) -> None:
    waiting, streaming, idle = (stage.connect() for _ in range(3))
    waiting.sends(GET)
    streaming.sends(GET)
    stage.apps[1].sends(HALF)
    streaming.got()
    stage.commons.draining = True
    stage.commons.weigh()
    for talk in list(stage.commons.conversations):
        talk.interrupt(fault("drain.deadline"))
    stage.settle()
    answer = waiting.got()
    assert status(answer) == 503
    assert header(answer, b"Connection") == b"close"
    assert waiting.closed
    assert streaming.cut
    assert idle.transport.gone
    assert [(e.outcome, e.fault) for e in stage.records] == [(Outcome.OVERLOADED, "drain.deadline")] * 2


def test_a_verdict_is_no_fault(make_stage) -> None:
    policy = OpenPolicy()
    policy.on_admit = lambda request, body: Refused(BLOCK)
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(GET)
    assert stage.last.fault == ""
    assert stage.last.verdict is BLOCK
