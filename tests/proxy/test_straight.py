"""The straight way and the coroutine's: the same exchange, whatever comes in one piece and whatever does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.stage import OpenPolicy, Stage
from tests.proxy.test_conversation import BLOCK, Filter
from tests.together import together
from waf.config.schema import Config, Limits, Size, Timeouts
from waf.model import Admitted, Outcome, Refused, Released, Withheld
from waf.proxy.faults import fault
from waf.proxy.straight import GATHERED, PATIENCE, SHORT_PATIENCE

GET = b"GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
WARM = b"GET /warm HTTP/1.1\r\nHost: shop.example\r\n\r\n"

REQUESTS = [
    GET,
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nevil",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\nab",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nab",
]
CHUNKS = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS = [
    OK,
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nevil",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    CHUNKS + b"1\r\no\r\n01\r\nk\r\n0\r\n\r\n",
    CHUNKS + b"2\r\nok\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
    b"nonsense\r\n\r\n",
]


def strict() -> OpenPolicy:
    """Refuses bodies that are evil, either way."""
    policy = OpenPolicy()
    policy.on_admit = lambda request, body: Refused(BLOCK) if body == b"evil" else Admitted(request, body)
    policy.on_release = lambda response: (
        Withheld(BLOCK) if response.status == 404 else Released(response, Filter(lambda data: data))
    )
    return policy


def outcome(request: bytes, answer: bytes, cut: int | None, answer_cut: int | None) -> tuple[Any, ...]:
    """What the client and the app got and what was recorded, where both messages come in one piece or in two."""
    stage = Stage(strict())
    client = stage.connect()
    client.sends(WARM)
    stage.apps[0].sends(OK)
    client.got()
    stage.apps[0].got()
    client.sends(*((request,) if cut is None else (request[:cut], request[cut:])))
    app = stage.apps[0]
    asked = app.got()
    if asked:
        for piece in (answer,) if answer_cut is None else (answer[:answer_cut], answer[answer_cut:]):
            if piece and not app.transport.gone:
                app.sends(piece)
    got, closed, cut_off = client.got(), client.closed, client.cut
    ids = [exchange.id.encode() for exchange in stage.records[1:]]
    for number, name in enumerate(ids):
        asked, got = asked.replace(name, b"id%d" % number), got.replace(name, b"id%d" % number)
        asked = asked.replace(name[:16], b"id%d" % number)
    told = [
        (
            one.outcome, one.fault, one.sent_status, one.attempts, one.verdict, one.response_verdict,
            one.bytes_from_client, one.bytes_to_client, one.bytes_from_app,
        )
        for one in stage.records[1:]
    ]  # fmt: skip
    idle = stage.commons.pool.idle
    stage.close()
    return asked, got, closed, cut_off, told, idle


@together("answer", ANSWERS)
@together("request_", REQUESTS)
def test_the_same_in_one_piece_and_in_two(request_: bytes, answer: bytes) -> None:
    whole = outcome(request_, answer, None, None)
    assert outcome(request_, answer, 3, None) == whole
    if b"okHTTP" not in answer:  # what comes after an answer is on its own only where it comes later
        assert outcome(request_, answer, None, 3) == whole
        assert outcome(request_, answer, 3, 3) == whole


@given(
    st.sampled_from([request for request in REQUESTS if b"HTTP" in request]),
    st.sampled_from(ANSWERS[:10]),
    st.data(),
)
def test_the_same_wherever_it_is_cut(request_: bytes, answer: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(request_) - 1))
    answer_cut = data.draw(st.integers(1, len(answer) - 1))
    assert outcome(request_, answer, cut, answer_cut) == outcome(request_, answer, None, None)


def warm(stage: Stage) -> Any:
    """A client whose next exchange can go the straight way."""
    client = stage.connect()
    client.sends(WARM)
    stage.apps[0].sends(OK)
    client.got()
    stage.apps[0].got()
    client.sends(GET)
    assert client.protocol.conversation.ahead is not None
    return client


def test_an_app_that_does_not_answer(stage: Stage) -> None:
    client = warm(stage)
    stage.passes(float(stage.commons.timeouts.first_byte) + 1.0)
    assert stage.last.fault == "timeout.first-byte"
    assert client.got().startswith(b"HTTP/1.1 504")


def test_an_app_that_closes_unasked_is_asked_again(stage: Stage) -> None:
    client = warm(stage)
    stage.apps[0].goes()
    stage.apps[1].sends(OK)
    assert stage.last.attempts == 2
    assert client.got().endswith(b"ok")


def test_a_client_that_leaves(stage: Stage) -> None:
    client = warm(stage)
    client.goes()
    assert stage.last.outcome is Outcome.CLIENT_GONE
    assert stage.apps[0].cut


def test_a_client_that_half_closes_is_answered(stage: Stage) -> None:
    client = warm(stage)
    client.ends()
    stage.apps[0].sends(OK)
    assert client.got().endswith(b"ok")


def test_an_interruption_is_recorded(stage: Stage) -> None:
    client = warm(stage)
    client.protocol.conversation.interrupt(fault("drain.deadline"))
    stage.settle()
    assert stage.last.fault == "drain.deadline"
    assert client.got().startswith(b"HTTP/1.1 503")


def test_a_wake_without_news_changes_nothing(stage: Stage) -> None:
    client = warm(stage)
    client.protocol.conversation.wake()
    stage.apps[0].sends(OK)
    assert client.got().endswith(b"ok")
    assert stage.last.outcome is Outcome.FORWARDED


def test_the_next_request_waits_for_the_answer(stage: Stage) -> None:
    client = warm(stage)
    client.sends(GET)
    assert stage.apps[0].got().count(b"GET ") == 1
    stage.apps[0].sends(OK)
    assert stage.apps[0].got().count(b"GET ") == 1
    stage.apps[0].sends(OK)
    assert client.got().count(b"\r\n\r\nok") == 2


def test_an_error_of_ours_is_answered_and_recorded(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    client = stage.connect()
    client.sends(WARM)
    stage.apps[0].sends(OK)
    client.got()

    def broken(*_: object) -> Any:
        raise ZeroDivisionError

    stage.policy.on_admit = broken
    client.sends(GET)
    stage.expects_errors = True  # type: ignore[attr-defined]
    assert client.got().startswith(b"HTTP/1.1 500")
    assert stage.last.outcome is Outcome.OWN_FAULT


@pytest.mark.parametrize("size", [2000, GATHERED])
def test_a_text_in_pieces_is_judged_whole(make_stage: Callable[..., Stage], size: int) -> None:
    stage = make_stage()
    client = warm(stage)
    seen: list[bytes | None] = []
    release = stage.policy.release
    stage.policy.release = lambda exchange, response, body=None: (
        seen.append(body) or release(exchange, response, body)
    )
    body = b"x" * size
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, body)
    stage.apps[0].sends(answer[:500], answer[500:1000])
    assert client.got() == b""
    stage.apps[0].sends(answer[1000:])
    assert client.got().endswith(body)
    assert seen == [body]


@pytest.mark.parametrize(("reads", "size"), [(False, 2000), (True, GATHERED + 1)])
def test_other_answers_go_on_as_they_come(make_stage: Callable[..., Stage], reads: bool, size: int) -> None:
    stage = make_stage()
    stage.policy.reads_answers = reads
    client = warm(stage)
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nbegin" % size)
    assert client.got().endswith(b"begin")
    stage.apps[0].sends(b"x" * (size - 5))
    assert stage.last.outcome is Outcome.FORWARDED


def test_an_answer_that_stalls_goes_on_as_far_as_it_came(stage: Stage) -> None:
    client = warm(stage)
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin")
    stage.passes(PATIENCE / 2)
    assert client.got() == b""
    stage.passes(PATIENCE * 2)
    assert client.got().endswith(b"begin")
    stage.apps[0].sends(b"12345")
    assert client.got() == b"12345"
    assert stage.last.outcome is Outcome.FORWARDED


def told_whole(stage: Stage) -> list[bytes | None]:
    """What each answer was released with."""
    seen: list[bytes | None] = []
    release = stage.policy.release
    stage.policy.release = lambda exchange, response, body=None: (
        seen.append(body) or release(exchange, response, body)
    )
    return seen


@pytest.mark.parametrize("wait", [0.0, SHORT_PATIENCE / 2])
def test_a_text_in_chunks_is_judged_whole(stage: Stage, wait: float) -> None:
    client = warm(stage)
    seen = told_whole(stage)
    answer = CHUNKS + b"3e8\r\n" + b"x" * 1000 + b"\r\n5\r\n12345\r\n0\r\n\r\n"
    stage.apps[0].sends(answer[:500], answer[500:900])
    stage.passes(wait)
    assert client.got() == b""
    stage.apps[0].sends(answer[900:])
    got = client.got()
    assert b"\r\nContent-Length: 1005\r\n" in got
    assert b"Transfer-Encoding" not in got
    assert got.endswith(b"x" * 1000 + b"12345")
    assert seen == [b"x" * 1000 + b"12345"]
    assert stage.last.bytes_from_app == len(answer)
    stage.passes(SHORT_PATIENCE)  # the timer of then means nobody now
    client.sends(GET)
    stage.apps[0].sends(CHUNKS + b"2\r\nok\r\n0\r\n\r\n")
    assert client.got().endswith(b"ok")


def test_chunks_of_an_app_that_pauses_go_on_as_they_come(stage: Stage) -> None:
    client = warm(stage)
    seen = told_whole(stage)
    stage.apps[0].sends(CHUNKS + b"5\r\nbegin\r\n")
    assert client.got() == b""
    stage.passes(SHORT_PATIENCE)
    assert client.got().endswith(b"\r\n5\r\nbegin\r\n")
    stage.apps[0].sends(b"2\r\nok\r\n")
    assert client.got() == b"2\r\nok\r\n"
    stage.apps[0].sends(b"0\r\n\r\n")
    assert client.got() == b"0\r\n\r\n"
    assert seen == [None]
    assert stage.last.outcome is Outcome.FORWARDED


@pytest.mark.parametrize(
    ("head", "reads", "size"),
    [
        (CHUNKS.replace(b"text/html", b"text/event-stream; charset=utf-8"), True, 5),
        (CHUNKS.replace(b"Content-Type: text/html\r\n", b""), True, 5),
        (CHUNKS, False, 5),
        (CHUNKS, True, GATHERED),
    ],
)
def test_chunks_that_nobody_waits_for(
    make_stage: Callable[..., Stage], head: bytes, reads: bool, size: int
) -> None:
    stage = make_stage()
    stage.policy.reads_answers = reads
    client = warm(stage)
    stage.apps[0].sends(head + b"%x\r\n" % size + b"x" * size + b"\r\n")
    assert client.got().endswith(b"x" * size + b"\r\n")
    stage.apps[0].sends(b"0\r\n\r\n")
    assert client.got() == b"0\r\n\r\n"


@pytest.mark.parametrize("rest", [b"5\r\n12345x", b"g\r\n", b"0\r\nContent-Length: 5\r\n\r\n"])
def test_chunks_that_are_none_are_found_out_by_the_reference(stage: Stage, rest: bytes) -> None:
    client = warm(stage)
    stage.apps[0].sends(CHUNKS + b"1\r\nx\r\n", rest + b"\r\n0\r\n\r\n")
    stage.passes(SHORT_PATIENCE)
    assert stage.last.outcome is Outcome.UPSTREAM_FAULT
    assert client.got().startswith(b"HTTP/1.1 502") or client.cut


def test_an_answer_that_is_cut_while_it_is_gathered(stage: Stage) -> None:
    client = warm(stage)
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin")
    stage.apps[0].goes()
    assert stage.last.fault == "upstream.reset"
    assert client.got() == b"" or client.cut


def test_the_last_request_of_a_connection(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(config=Config(limits=Limits(requests_per_connection=2)))
    client = stage.connect()
    client.sends(WARM)
    stage.apps[0].sends(OK)
    client.got()
    client.sends(GET)
    stage.apps[0].sends(OK)
    assert b"Connection: close" in client.got()
    assert client.closed


def test_where_the_coroutine_has_to_begin_nothing_was_touched(stage: Stage) -> None:
    """A request that is not whole leaves no trace but its bytes."""
    client = stage.connect()
    client.sends(WARM)
    stage.apps[0].sends(OK)
    client.sends(GET[:10])
    assert len(stage.ids.drawn) == 2  # by the coroutine, which waits for the rest
    assert client.protocol.conversation.ahead is None
    client.sends(GET[10:])
    stage.apps[0].sends(OK)
    assert client.got().count(b"\r\n\r\nok") == 2


def test_an_answer_beyond_the_buffer_is_not_waited_for(make_stage: Callable[..., Stage]) -> None:
    """Its rest would not be read before somebody takes what has come."""
    stage = make_stage(config=Config(limits=Limits(buffer=Size(16 * 1024))))
    client = warm(stage)
    stage.apps[0].sends(b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\nbegin")
    assert client.got().endswith(b"begin")
    stage.apps[0].sends(b"x" * 29_995)
    assert stage.last.outcome is Outcome.FORWARDED


def test_an_idle_connection_ends_in_time_after_a_slow_answer(make_stage: Callable[..., Stage]) -> None:
    """The wheel had looked away until the answer would have been late."""
    stage = make_stage(config=Config(timeouts=Timeouts(keep_alive=5, first_byte=60)))
    client = warm(stage)
    stage.passes(7)
    stage.apps[0].sends(OK)
    assert client.got().endswith(b"ok")
    stage.passes(4)
    assert not client.closed
    stage.passes(2)
    assert client.closed


def test_a_refusal_by_the_head_counts_all_that_came(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    stage.policy.body_plan = Refused(BLOCK)
    client = stage.connect()
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    client.sends(request)
    assert client.got().startswith(b"HTTP/1.1 403")
    assert stage.last.bytes_from_client == len(request)
    client.sends(GET)
    assert client.got().startswith(b"HTTP/1.1 403")
