"""Scripts of whole conversations: who says what, and what the other side must have heard."""

from __future__ import annotations

import re
import tracemalloc

import pytest

from tests.proxy.stage import OpenPolicy, Stage
from waf.config.schema import Config, Limits, Listen, Timeouts, Upstream
from waf.http1.framing import ChunkedBody
from waf.http1.rules import client_fault
from waf.model import (
    Action,
    Admitted,
    BodyPlan,
    BodyRefused,
    Outcome,
    Refused,
    Released,
    Response,
    Verdict,
    Withheld,
)

GET = b"GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: app\r\n\r\nhello"
BLOCK = Verdict(Action.BLOCK, Action.BLOCK, score=9, status=403)


def post(body: bytes, *lines: bytes) -> bytes:
    head = b"\r\n".join(
        [b"POST /form HTTP/1.1", b"Host: shop.example", b"Content-Length: %d" % len(body), *lines]
    )
    return head + b"\r\n\r\n" + body


def without_id(stage: Stage, answer: bytes) -> bytes:
    """The answer without the id of its exchange, which it must tell exactly once."""
    line = b"X-Request-Id: %b\r\n" % stage.ids.drawn[-1].encode()
    assert answer.count(line) == answer.lower().count(b"\nx-request-id:") == 1
    return answer.replace(line, b"")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def header(message: bytes, name: bytes) -> bytes | None:
    fit = re.search(
        rb"^%b:[ \t]*(.*?)\r$" % re.escape(name), message.partition(b"\r\n\r\n")[0] + b"\r", re.I | re.M
    )
    return fit and fit[1]


def test_a_get_goes_to_the_app_and_its_answer_comes_back(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    sent = app.got()
    assert sent.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert header(sent, b"Host") == b"shop.example"
    assert header(sent, b"X-Forwarded-For") == b"192.0.2.7"
    app.sends(OK)
    answer = client.got()
    assert without_id(stage, answer) == b"HTTP/1.1 200 OK\r\nServer: app\r\nContent-Length: 5\r\n\r\nhello"
    exchange = stage.last
    assert header(sent, b"X-Request-Id") == exchange.id.encode()
    assert header(sent, b"traceparent") == b"00-%b-%b-01" % (
        exchange.trace_id.encode(),
        exchange.id[:16].encode(),
    )
    assert (exchange.outcome, exchange.sent_status, exchange.attempts) == (Outcome.FORWARDED, 200, 1)
    assert (exchange.policy_version, exchange.generation) == ("test", 7)
    assert exchange.bytes_from_client == len(GET)
    assert exchange.bytes_from_app == len(OK)
    assert exchange.bytes_to_client == len(answer)
    assert not client.closed


def test_a_request_in_any_pieces_is_one_request(make_stage) -> None:
    body = b"name=value"
    message = post(body)
    for size in (1, 2, 3, 7, len(message) - 1, len(message)):
        stage = make_stage()
        client = stage.connect()
        client.sends(*(message[at : at + size] for at in range(0, len(message), size)))
        [app] = stage.apps
        assert app.got().endswith(b"\r\n\r\n" + body)
        app.sends(*(OK[at : at + size] for at in range(0, len(OK), size)))
        assert client.got().endswith(b"\r\n\r\nhello")
        assert stage.policy.judged == [body]


def test_the_connection_to_the_app_is_used_again(stage: Stage) -> None:
    client = stage.connect()
    for _ in range(3):
        client.sends(GET)
        stage.apps[0].sends(OK)
    other = stage.connect()
    other.sends(GET)
    stage.apps[0].sends(OK)
    assert len(stage.apps) == 1
    assert len(stage.records) == 4
    assert [e.outcome for e in stage.records] == [Outcome.FORWARDED] * 4


def test_pipelined_requests_are_answered_one_after_another(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"".join(GET.replace(b"/a", b"/%d" % n) for n in range(3)))
    for n in range(3):
        [app] = stage.apps
        assert app.got().startswith(b"GET /%d?" % n)  # the next one only after the answer to the one before
        app.sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % n)
        assert client.got()[-1:] == b"%d" % n


def test_what_is_pipelined_is_not_read_while_an_exchange_is_under_way(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    assert client.transport.reading
    client.sends(GET)
    assert not client.transport.reading
    stage.apps[0].sends(OK)
    stage.apps[0].sends(OK)
    assert client.transport.reading
    assert client.got().count(b"hello") == 2


def test_a_client_that_never_reads_is_not_served_further(stage: Stage) -> None:
    client = stage.connect()
    client.transport.room = 10
    client.sends(GET + GET)
    [app] = stage.apps
    app.sends(OK)
    assert app.got().count(b"GET") == 1
    stage.passes(40)
    assert client.cut
    assert stage.last.outcome is Outcome.FORWARDED  # its answer went out as far as anybody can know
    assert len(stage.records) == 1


@pytest.mark.parametrize(
    ("request_line", "lines", "keeps"),
    [
        (b"GET / HTTP/1.1", b"", True),
        (b"GET / HTTP/1.1", b"Connection: close\r\n", False),
        (b"GET / HTTP/1.0", b"", False),
        (b"GET / HTTP/1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_keep_alive(stage: Stage, request_line: bytes, lines: bytes, keeps: bool) -> None:
    client = stage.connect()
    client.sends(request_line + b"\r\nHost: a\r\n" + lines + b"\r\n")
    stage.apps[0].sends(OK)
    answer = client.got()
    assert client.closed is not keeps
    assert (header(answer, b"Connection") == b"close") is not keeps


def test_the_requests_of_a_connection_are_limited(make_stage) -> None:
    stage = make_stage(config=Config(limits=Limits(requests_per_connection=2)))
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert header(client.got(), b"Connection") is None
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert header(client.got(), b"Connection") == b"close"
    assert client.closed


# ------------------------------------------------------------------------------------------- refused requests


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"GET /\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"\r\n\r\n\r\nGET / HTTP/1.1\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /" + b"a" * 40_000, 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 5000 + b"\r\n", None),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X%d: %b\r\n" % (n, b"a" * 5000) for n in range(8)),
            431,
        ),
    ],
)
def test_what_is_malformed_is_answered_and_the_connection_ends(
    stage: Stage, wire: bytes, code: int | None
) -> None:
    client = stage.connect()
    client.sends(wire)
    if code is None:
        assert stage.records == []  # it may still become a request
        return
    answer = client.got()
    assert status(answer) == code
    assert header(answer, b"Connection") == b"close"
    assert client.transport.half_closed
    client.ends()
    assert client.closed
    assert stage.apps == []
    assert stage.last.outcome is Outcome.MALFORMED
    assert stage.last.fault.startswith("protocol.")
    assert stage.last.sent_status == code


def test_after_a_fault_nothing_more_is_parsed_and_little_is_read(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"GET / HTTP/1.1\r\n\r\n" + GET)
    assert status(client.got()) == 400
    client.sends(*[b"x" * 8192] * 7)
    assert not client.transport.closing
    client.sends(b"x" * 8192)
    assert client.transport.closing
    assert not client.cut
    assert len(stage.records) == 1


def test_lingering_ends_after_a_while(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"GET / HTTP/1.1\r\n\r\n")
    stage.passes(1)
    assert not client.transport.closing
    stage.passes(2)
    assert client.transport.closing
    assert not client.cut


def test_a_request_refused_by_its_head_gets_no_continue_and_ends_the_connection(make_stage) -> None:
    policy = OpenPolicy()
    policy.body_plan = Refused(BLOCK)
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
    answer = client.got()
    assert status(answer) == 403
    assert header(answer, b"Connection") == b"close"
    assert header(answer, b"X-Request-Id") == stage.last.id.encode()
    assert stage.last.outcome is Outcome.BLOCKED
    assert stage.last.verdict is BLOCK
    assert stage.apps == []


def test_a_refused_get_keeps_its_connection(make_stage) -> None:
    policy = OpenPolicy()
    policy.on_admit = lambda request, body: Refused(BLOCK)
    stage = make_stage(policy)
    client = stage.connect()
    for _ in range(2):
        client.sends(GET)
        answer = client.got()
        assert status(answer) == 403
        assert header(answer, b"Connection") is None
    assert not client.closed
    assert [e.outcome for e in stage.records] == [Outcome.BLOCKED] * 2


def test_too_many_requests_says_when_to_come_again(make_stage) -> None:
    policy = OpenPolicy()
    policy.body_plan = Refused(Verdict(Action.BLOCK, Action.BLOCK, status=429, retry_after=17))
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(GET)
    answer = client.got()
    assert status(answer) == 429
    assert header(answer, b"Retry-After") == b"17"


# --------------------------------------------------------------------------------------------- request bodies


def test_continue_is_ours_to_say(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
    assert client.got() == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert stage.apps == []
    client.sends(b"abcd")
    sent = stage.apps[0].got()
    assert header(sent, b"Expect") is None
    stage.apps[0].sends(OK)
    assert status(client.got()) == 200


def test_no_continue_for_a_body_that_is_here_already(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nabcd")
    assert client.got() == b""
    stage.apps[0].sends(OK)
    assert status(client.got()) == 200


def test_the_app_s_own_request_id_stays(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nx-request-ID: of-the-app\r\nContent-Length: 0\r\n\r\n")
    assert header(client.got(), b"x-request-ID") == b"of-the-app"


def test_an_interim_answer_tells_no_id(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    stage.apps[0].sends(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    assert b"X-Request-Id" not in client.got()
    stage.apps[0].sends(OK)
    assert b"X-Request-Id" in client.got()


def test_a_chunked_body_is_sent_on_with_its_length(stage: Stage) -> None:
    client = stage.connect()
    client.sends(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"3;x=y\r\nabc\r\n",
        b"2\r\nde\r\n",
        b"0\r\n\r\n",
    )
    sent = stage.apps[0].got()
    assert header(sent, b"Content-Length") == b"5"
    assert header(sent, b"Transfer-Encoding") is None
    assert sent.endswith(b"\r\n\r\nabcde")
    stage.apps[0].sends(OK)
    assert stage.policy.judged == [b"abcde"]


@pytest.mark.parametrize("stream", [False, True])
def test_others_have_their_turn_while_a_body_of_tiny_chunks_is_read(make_stage, stream: bool) -> None:
    """Not a byte of it, nor of the request behind it, is lost by that."""
    stage = make_stage(OpenPolicy(buffer=0, stream=True) if stream else OpenPolicy())
    body = bytes(range(256)) * 80
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    long = b"".join(b"X-%d: %b\r\n" % (number, b"a" * 7_000) for number in range(4))
    client.protocol.data_received(chunks + b"GET /next HTTP/1.1\r\nHost: a\r\n" + long + b"\r\n")
    assert stream or stage.policy.judged == []
    stage.settle()
    sent = stage.apps[0].got()
    reader = ChunkedBody(10**6, client_fault)
    got = b"".join(reader.feed(sent.partition(b"\r\n\r\n")[2])) if stream else sent.partition(b"\r\n\r\n")[2]
    assert got == body
    stage.apps[0].sends(OK)
    assert b"GET /next " in stage.apps[-1].got()
    stage.apps[-1].sends(OK)
    assert client.got().count(b"HTTP/1.1 200 ") == 2


def test_a_malformed_body_is_refused_and_never_sent(stage: Stage) -> None:
    client = stage.connect()
    client.sends(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"0x2\r\nde\r\n"
    )
    assert status(client.got()) == 400
    assert stage.apps == []
    assert stage.last.outcome is Outcome.MALFORMED


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_over_the_measure_is_refused_by_plan(make_stage, framing: str) -> None:
    stage = make_stage(OpenPolicy(buffer=10, over="block"))
    client = stage.connect()
    if framing == "length":
        client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n")
    else:
        client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n")
    answer = client.got()
    assert status(answer) == 413
    assert header(answer, b"Connection") == b"close"
    assert (stage.last.outcome, stage.last.fault) == (Outcome.BLOCKED, "limit.body")
    assert stage.apps == []


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_over_the_measure_streams_by_plan(make_stage, framing: str) -> None:
    stage = make_stage(OpenPolicy(buffer=4, over="stream"))
    client = stage.connect()
    if framing == "length":
        client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello")
        pieces = [b"hello", b" worl", b"d"]
        client_pieces = pieces
    else:
        client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        pieces = [b"5\r\nhello\r\n", b"5\r\n worl\r\n", b"1\r\nd\r\n0\r\n\r\n"]
        client_pieces = [pieces[0], pieces[1], b"1\r\nd\r\n0\r\n\r\n"]
    [app] = stage.apps
    assert stage.commons.bodies_held == 0  # sent on, and held no longer
    sent = app.got()
    assert sent.endswith(b"\r\n\r\n" + pieces[0])
    assert (header(sent, b"Content-Length") == b"11") is (framing == "length")
    for theirs, ours in zip(client_pieces[1:], pieces[1:], strict=True):
        client.sends(theirs)
        assert app.got() == ours
    app.sends(OK)
    assert status(client.got()) == 200
    assert stage.policy.judged == []
    client.sends(GET)  # both connections can be used again
    app.sends(OK)
    assert len(stage.apps) == 1


def test_a_body_that_streams_from_its_first_byte(make_stage) -> None:
    stage = make_stage(OpenPolicy(buffer=0, stream=True))
    client = stage.connect()
    client.sends(post(b""))
    stage.apps[0].sends(OK)
    client.sends(post(b"abc"))
    assert stage.apps[0].got().endswith(b"\r\n\r\nabc")
    stage.apps[0].sends(OK)
    assert client.got().count(b"hello") == 2


class Filter:
    """Gives each window out when the next one comes; refuses what holds `bad`."""

    def __init__(self, bad: bytes = b"evil") -> None:
        self.bad, self.held, self.idles = bad, b"", 0

    def feed(self, data: bytes) -> bytes:
        if self.bad in self.held + data:
            raise BodyRefused(BLOCK)
        out, self.held = self.held, data
        return out

    def idle(self) -> bytes:
        self.idles += 1
        out, self.held = self.held, b""
        return out

    def finish(self) -> bytes:
        return self.idle()

    def verdict(self) -> Verdict:
        return Verdict(Action.REDACT, Action.REDACT)


@pytest.mark.parametrize("answered", [False, True])
def test_a_window_refused_in_mid_stream_cuts_the_request(make_stage, answered: bool) -> None:
    policy = OpenPolicy(buffer=2)
    policy.on_stream = lambda request: Admitted(request, None, Filter())
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nnice")
    [app] = stage.apps
    assert app.got().endswith(b"\r\n\r\n")  # the first window is held back
    client.sends(b"good")
    assert app.got() == b"nice"
    if answered:
        app.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
        assert b"early" in client.got()
    client.sends(b"evil")
    assert app.got() == b""
    assert app.cut
    assert (stage.last.outcome, stage.last.verdict) == (Outcome.BLOCKED, BLOCK)
    if answered:
        assert client.cut
        assert client.got() == b""
    else:
        assert status(client.got()) == 403


def test_a_filtered_upload_arrives_whole(make_stage) -> None:
    policy = OpenPolicy(buffer=2)
    policy.on_stream = lambda request: Admitted(request, None, Filter())
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nnice", b"good")
    assert stage.apps[0].got().endswith(b"\r\n\r\nnicegood")
    stage.apps[0].sends(OK)
    assert status(client.got()) == 200


def test_an_upload_keeps_the_pace_of_the_app(make_stage) -> None:
    stage = make_stage(OpenPolicy(buffer=0, stream=True))
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n")
    [app] = stage.apps
    app.got()
    app.transport.room = 50000
    client.sends(b"x" * 100000)
    assert len(app.got()) == 100000
    client.sends(b"x" * 100000)  # one read is held, and then no more is read
    assert not client.transport.reading
    assert app.got() == b""
    app.transport.drain()
    assert len(app.got()) == 100000
    app.transport.room = None
    app.transport.drain()
    assert client.transport.reading
    client.sends(b"x" * 100000)
    app.sends(OK)
    assert status(client.got()) == 200


def test_an_app_that_does_not_read_is_left(make_stage) -> None:
    stage = make_stage(OpenPolicy(buffer=0, stream=True), Config(timeouts=Timeouts(write=5)))
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n")
    stage.apps[0].transport.room = 50000
    client.sends(b"x" * 100000)
    stage.passes(6)
    assert status(client.got()) == 504
    assert stage.last.fault == "timeout.upstream-write"


@pytest.mark.parametrize(
    ("size", "more"),
    [(300_000, b"A: b"), (5_000, b"Content-Encoding: gzip")],
    ids=["long", "may unfold to much"],
)
def test_large_bodies_are_judged_off_the_loop(stage: Stage, size: int, more: bytes) -> None:
    body = b"x" * size
    client = stage.connect()
    client.protocol.data_received(post(body, more))
    assert stage.policy.judged == []
    assert stage.apps == []
    stage.settle()
    assert stage.policy.judged == [body]
    stage.apps[0].sends(OK)
    assert status(client.got()) == 200


def test_an_answer_before_the_end_of_the_request_ends_both_connections(make_stage) -> None:
    stage = make_stage(OpenPolicy(buffer=0, stream=True))
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + b"x" * 100)
    stage.apps[0].sends(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
    answer = client.got()
    assert status(answer) == 401
    assert header(answer, b"Connection") == b"close"
    assert stage.apps[0].cut
    assert client.transport.half_closed
    client.ends()
    assert client.closed
    assert stage.last.outcome is Outcome.FORWARDED


def test_a_client_that_reads_nothing_until_it_has_sent_all(make_stage) -> None:
    stage = make_stage(OpenPolicy(buffer=0, stream=True))
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab")
    [app] = stage.apps
    client.transport.room = 0
    app.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    assert client.protocol.blocked
    app.got()
    for piece in (b"cd", b"ef"):
        client.sends(piece)
        assert app.got() == piece
    client.transport.room = None
    client.transport.drain()
    app.sends(b"0\r\n\r\n")
    assert client.got().endswith(b"\r\n2\r\nab\r\n0\r\n\r\n")
    assert stage.last.outcome is Outcome.FORWARDED


@pytest.mark.parametrize("held", [b"", b"more"])
def test_a_filter_cannot_break_the_length_of_a_request(make_stage, held: bytes) -> None:
    class Careless(Filter):
        def feed(self, data: bytes) -> bytes:
            return data + held

        def finish(self) -> bytes:
            return b"" if held else b"late"

    policy = OpenPolicy(buffer=2)
    policy.on_stream = lambda request: Admitted(request, None, Careless())
    stage = make_stage(policy)
    stage.expects_errors = True
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nnice", b"good")
    [app] = stage.apps
    assert len(app.got().partition(b"\r\n\r\n")[2]) <= 8
    assert app.cut
    assert status(client.got()) == 500
    assert stage.last.outcome is Outcome.OWN_FAULT


def test_a_body_in_single_bytes_costs_no_more_memory_than_its_size(make_stage) -> None:
    stage = make_stage()
    client = stage.connect()
    size = 100_000
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    tracemalloc.start()
    for _ in range(size - 1):
        client.protocol.data_received(b"x")
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 3 * size
    client.sends(b"x")
    assert stage.policy.judged == [b"x" * size]
    stage.apps[0].sends(OK)


def test_an_app_may_answer_while_it_reads(make_stage) -> None:
    stage = make_stage(OpenPolicy(buffer=0, stream=True))
    client = stage.connect()
    client.sends(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nab")
    [app] = stage.apps
    app.got()
    app.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    assert client.got().endswith(b"2\r\nab\r\n")
    client.sends(b"cd")
    assert app.got() == b"cd"
    app.sends(b"2\r\ncd\r\n")
    assert client.got() == b"2\r\ncd\r\n"
    client.sends(b"ef")
    assert app.got() == b"ef"
    app.sends(b"2\r\nef\r\n0\r\n\r\n")
    assert client.got() == b"2\r\nef\r\n0\r\n\r\n"
    assert client.closed


# -------------------------------------------------------------------------------------------------- responses


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
            b"HTTP/1.1 200 OK\r\nServer: app\r\nContent-Length: 5\r\n\r\nhello",
        ),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
            b"HTTP/1.1 200 OK\r\nServer: app\r\nContent-Length: 5\r\n\r\nhello",
        ),
    ],
)
def test_answers_that_are_here_at_once(stage: Stage, wire: bytes, expected: bytes) -> None:
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(wire)
    assert without_id(stage, client.got()) == expected
    client.sends(GET)
    assert len(stage.apps) == 1  # the connection was good for another


def test_head_gets_no_body_and_the_length_it_asked_for(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET.replace(b"GET", b"HEAD"))
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    assert without_id(stage, client.got()) == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    client.sends(GET)
    assert len(stage.apps) == 2  # an app that sends the body all the same sends it to nobody


def test_a_long_answer_of_known_length_passes_piece_by_piece(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    app.sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    assert without_id(stage, client.got()) == b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"
    app.sends(b"def")
    assert client.got() == b"def"
    assert stage.records == []
    app.sends(b"ghi")
    assert client.got() == b"ghi"
    assert stage.last.outcome is Outcome.FORWARDED
    client.sends(GET)
    assert len(stage.apps) == 1


def test_an_answer_of_unknown_length_is_chunked_anew(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    app.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert header(client.got(), b"Transfer-Encoding") == b"chunked"
    app.sends(b"3;a=b\r\nabc\r\n2\r\nde\r\n")
    assert client.got() == b"5\r\nabcde\r\n"
    app.sends(b"0\r\n\r\n")
    assert client.got() == b"0\r\n\r\n"
    assert not client.closed


def test_an_answer_that_ends_with_its_connection(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    app.sends(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert client.got().endswith(b"\r\n\r\n3\r\nabc\r\n")
    app.ends()
    assert client.got() == b"0\r\n\r\n"
    assert stage.last.outcome is Outcome.FORWARDED
    client.sends(GET)
    assert len(stage.apps) == 2


def test_a_client_of_http_1_0_gets_until_close(stage: Stage) -> None:
    client = stage.connect()
    client.sends(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    [app] = stage.apps
    app.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    answer = client.got()
    assert header(answer, b"Transfer-Encoding") is None
    assert header(answer, b"Connection") == b"close"
    assert answer.endswith(b"\r\n\r\nabc")
    app.sends(b"0\r\n\r\n")
    assert client.closed


def test_a_download_keeps_the_pace_of_the_client(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    client.transport.room = 50000
    app.sends(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 100000)
    client.got()
    app.sends(b"x" * 100000)
    assert not app.transport.reading
    assert client.got() == b""
    client.transport.drain()
    assert client.got() == b"x" * 100000
    assert not app.transport.reading
    client.transport.room = None
    client.transport.drain()
    assert app.transport.reading
    app.sends(b"x" * 100000)
    assert client.got() == b"x" * 100000
    assert stage.last.sent_status == 200


def test_a_slow_reader_is_waited_for_as_long_as_it_reads(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    client.transport.room = 50000
    app.sends(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 200000)
    for _ in range(3):
        stage.passes(25)
        client.transport.unsent -= 10000
    assert stage.records == []
    stage.passes(70)
    assert stage.last.fault == "timeout.write"
    assert stage.last.outcome is Outcome.CLIENT_GONE
    assert client.cut


# ----------------------------------------------------------------------------------------- filtered responses


def filtered_policy(
    changes_length: bool = False, hold_head: bool = False, bad: bytes = b"evil"
) -> OpenPolicy:
    policy = OpenPolicy()
    policy.on_release = lambda response: Released(
        response, Filter(bad), changes_length=changes_length, hold_head=hold_head
    )
    return policy


@pytest.mark.parametrize("changes_length", [False, True])
def test_a_small_answer_goes_through_its_filter_in_one_piece(make_stage, changes_length: bool) -> None:
    stage = make_stage(filtered_policy(changes_length))
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert (
        without_id(stage, client.got()) == b"HTTP/1.1 200 OK\r\nServer: app\r\nContent-Length: 5\r\n\r\nhello"
    )
    assert stage.last.outcome is Outcome.REDACTED
    assert stage.last.response_verdict.action is Action.REDACT


def test_a_filter_that_changes_the_length_makes_it_unknown(make_stage) -> None:
    stage = make_stage(filtered_policy(changes_length=True))
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    app.sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    assert header(client.got(), b"Transfer-Encoding") == b"chunked"
    app.sends(b"def")
    assert client.got() == b"3\r\nabc\r\n"
    app.sends(b"ghi")
    assert client.got() == b"6\r\ndefghi\r\n0\r\n\r\n"


def test_what_is_held_back_goes_out_when_the_app_pauses(make_stage) -> None:
    stage = make_stage(filtered_policy(changes_length=True))
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    app.sends(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.got()
    app.sends(b"7\r\ndata: 1\r\n")
    assert client.got() == b""
    stage.passes(0.04)
    assert client.got() == b""
    stage.passes(0.02)
    assert client.got() == b"7\r\ndata: 1\r\n"
    stage.passes(5)
    assert client.got() == b""
    app.sends(b"7\r\ndata: 2\r\n")
    stage.passes(0.06)
    assert client.got() == b"7\r\ndata: 2\r\n"


@pytest.mark.parametrize("hold_head", [False, True])
def test_a_refused_answer_is_replaced_or_cut(make_stage, hold_head: bool) -> None:
    stage = make_stage(filtered_policy(changes_length=True, hold_head=hold_head))
    client = stage.connect()
    client.sends(GET)
    [app] = stage.apps
    app.sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert (client.got() == b"") is hold_head
    app.sends(b"4\r\nevil\r\n")
    answer = client.got()
    if hold_head:
        assert status(answer) == 403
        assert not client.closed
    else:
        assert answer == b""
        assert client.cut
    assert stage.last.outcome is Outcome.WITHHELD
    assert stage.last.response_verdict is BLOCK
    assert app.cut


def test_a_small_refused_answer_is_replaced(make_stage) -> None:
    stage = make_stage(filtered_policy(bad=b"hello"))
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert status(client.got()) == 403
    assert stage.last.outcome is Outcome.WITHHELD


def test_a_withheld_head_is_replaced(make_stage) -> None:
    policy = OpenPolicy()
    policy.on_release = lambda response: Withheld(Verdict(Action.BLOCK, Action.BLOCK, status=502))
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert status(client.got()) == 502
    assert stage.last.outcome is Outcome.WITHHELD
    assert not client.closed


class Stretching(Filter):
    def feed(self, data: bytes) -> bytes:
        return data + b"!"


def test_a_filter_that_breaks_its_word_cuts_the_answer(make_stage) -> None:
    policy = OpenPolicy()
    policy.on_release = lambda response: Released(response, Stretching())
    stage = make_stage(policy)
    stage.expects_errors = True
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    stage.apps[0].sends(b"defghi")
    assert client.cut
    assert len(client.got().partition(b"\r\n\r\n")[2]) <= 9
    assert stage.last.outcome is Outcome.OWN_FAULT
    assert stage.commons.stats.own_errors == 1


# ------------------------------------------------------------------------------------------ errors of our own


@pytest.mark.parametrize("step", ["plan", "admit", "release"])
def test_an_error_of_ours_is_no_silent_pass(make_stage, step: str) -> None:
    policy = OpenPolicy()

    def broken(*_: object) -> object:
        raise ZeroDivisionError("secret value")

    setattr(policy, step, broken)
    stage = make_stage(policy)
    stage.expects_errors = True
    client = stage.connect()
    client.sends(GET)
    if step == "release":
        stage.apps[0].sends(OK)
    assert status(client.got()) == 500
    exchange = stage.last
    assert (exchange.outcome, exchange.fault) == (Outcome.OWN_FAULT, "own.error")
    assert "ZeroDivisionError" in exchange.detail
    assert "secret" not in exchange.detail
    assert (stage.apps == []) is (step != "release")


def test_a_broken_record_harms_nobody(make_stage) -> None:
    stage = make_stage()
    stage.expects_errors = True
    kept = stage.commons.record

    def broken(exchange: object) -> None:
        kept(exchange)
        raise OSError("disk full")

    stage.commons.record = broken
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert status(client.got()) == 200
    assert stage.commons.stats.record_errors == 1


# ----------------------------------------------------------------------------------------------------- reload


def test_an_exchange_keeps_the_policy_with_which_it_began(stage: Stage) -> None:
    client = stage.connect()
    client.sends(GET)
    newer = OpenPolicy()
    newer.version = "newer"
    newer.on_release = lambda response: Withheld(BLOCK)
    stage.policy = newer
    stage.apps[0].sends(OK)
    assert status(client.got()) == 200
    assert stage.last.policy_version == "test"
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert status(client.got()) == 403
    assert stage.last.policy_version == "newer"


def test_limits_and_timeouts_can_be_changed(stage: Stage) -> None:
    stage.commons.reconfigure(Config(limits=Limits(headers=1), listen=Listen(hosts=("shop.example",))))
    client = stage.connect()
    client.sends(b"GET / HTTP/1.1\r\nHost: shop.example\r\nA: b\r\n\r\n")
    assert status(client.got()) == 431
    other = stage.connect()
    other.sends(b"GET / HTTP/1.1\r\nHost: other.example\r\n\r\n")
    assert status(other.got()) == 421


def test_the_client_behind_trusted_proxies_is_believed(make_stage) -> None:
    config = Config(listen=Listen(trusted_proxies=("192.0.2.0/24",), trusted_hops=1), upstream=Upstream())
    stage = make_stage(config=config)
    for peer, client_address in (("192.0.2.7", "203.0.113.9"), ("198.51.100.1", "198.51.100.1")):
        client = stage.connect((peer, 1))
        client.sends(
            b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n"
        )
        stage.apps[0].sends(OK)
        assert stage.last.peer.client == client_address
        assert stage.last.peer.address == peer
        assert stage.last.peer.scheme == ("https" if peer == "192.0.2.7" else "http")


def test_the_trace_of_the_client_goes_on(stage: Stage) -> None:
    client = stage.connect()
    trace = b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-00"
    client.sends(GET[:-2] + b"traceparent: " + trace + b"\r\n\r\n")
    assert header(stage.apps[0].got(), b"traceparent") == trace
    stage.apps[0].sends(OK)
    assert stage.last.trace_id == "ab" * 16


def response_of(wire: bytes) -> Response:
    from waf.http1.parse import response_head

    return response_head(wire, Limits(), b"GET")


def test_what_the_policy_released_is_sent_not_what_the_app_said(make_stage) -> None:
    policy = OpenPolicy()
    other = response_of(b"HTTP/1.1 203 Changed\r\nX-Ours: 1\r\n\r\n")
    policy.on_release = lambda response: Released(other)
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert (
        without_id(stage, client.got())
        == b"HTTP/1.1 203 Changed\r\nX-Ours: 1\r\nContent-Length: 5\r\n\r\nhello"
    )
    assert stage.last.sent_status == 203


def test_what_the_policy_admitted_is_sent_not_what_the_client_said(make_stage) -> None:
    policy = OpenPolicy()
    policy.on_admit = lambda request, body: Admitted(request, b"[masked]")
    stage = make_stage(policy)
    client = stage.connect()
    client.sends(post(b"4111111111111111"))
    sent = stage.apps[0].got()
    assert header(sent, b"Content-Length") == b"8"
    assert sent.endswith(b"\r\n\r\n[masked]")
    stage.apps[0].sends(OK)


def test_a_body_plan_is_a_value() -> None:
    assert BodyPlan(10) == BodyPlan(10, "block", False)
