"""What wrk prints, how times are summed up, and the small client on a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load import one_by_one, paced, parse_result, percentile, write_script
from bench.wire import Connection, WireError, ask


def test_the_line_of_our_script_is_read() -> None:
    result = parse_result("Running 1s test\nresult 1000 2000000 5000 1 2 3 4 5 150 900\n")
    assert (result.requests, result.seconds, result.received) == (1000, 2.0, 5000)
    assert (result.broken, result.timed_out, result.refused) == (6, 4, 5)
    assert (result.p50, result.p99) == (pytest.approx(150e-6), pytest.approx(900e-6))


def test_a_run_without_a_result_is_an_error() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        parse_result("unable to connect to 127.0.0.1")


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0, 100))
def test_a_percentile_is_one_of_the_values_and_has_enough_below_it(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * share / 100 - 1e-6


@pytest.mark.parametrize(("share", "expected"), [(50, 3), (99, 5), (100, 5), (0, 1), (20, 1), (21, 2)])
def test_percentiles_of_five(share: float, expected: float) -> None:
    assert percentile([5, 3, 1, 2, 4], share) == expected


def test_a_script_carries_the_requests_byte_for_byte(tmp_path) -> None:  # type: ignore[no-untyped-def]
    script = write_script([b"GET / HTTP/1.1\r\n\r\n", b"\x00\xff"], tmp_path / "load")
    assert (tmp_path / "load" / "2").read_bytes() == b"\x00\xff"
    assert "for number = 1, 2 do" in script.read_text()


@contextmanager
def answering(answer: Callable[[bytes], bytes], close: bool = False) -> Iterator[int]:
    """A server that answers each read with `answer` of what it read."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        while data := connection.recv(65536):
                            connection.sendall(answer(data))
                            if close:
                                break
            except OSError:
                pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(60)


ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: x\r\n\r\n",
        b"abc",
    ),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
]


@pytest.mark.parametrize(("raw", "body"), ANSWERS)
def test_answers_are_read_to_their_end(raw: bytes, body: bytes) -> None:
    with answering(lambda _: raw) as port, Connection(port, 60.0) as connection:
        for _ in range(2):  # the second exchange shows that nothing was left over
            answer = connection.exchange(b"GET / HTTP/1.1\r\n\r\n")
            assert (answer.status, answer.body) == (200, body)


def test_an_answer_that_ends_with_the_connection() -> None:
    with answering(lambda _: b"HTTP/1.1 200 OK\r\n\r\nall of it", close=True) as port:
        assert ask(port, b"GET / HTTP/1.1\r\n\r\n", 60.0).body == b"all of it"


WRONG = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Le",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc",
    b"SSH-2.0\r\n\r\n",
    b"",
]


@pytest.mark.parametrize("raw", WRONG)
def test_what_is_cut_or_too_much_is_an_error(raw: bytes) -> None:
    with answering(lambda _: raw, close=True) as port, pytest.raises((WireError, ConnectionError)):
        ask(port, b"GET / HTTP/1.1\r\n\r\n", 60.0)


def test_a_paced_run_counts_what_it_was_told() -> None:
    seen: list[bytes] = []

    def answer(data: bytes) -> bytes:
        seen.append(data)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    with answering(answer) as port:
        times = paced(port, [b"GET /1 HTTP/1.1\r\n\r\n", b"GET /2 HTTP/1.1\r\n\r\n"], rate=1e6, count=10)
    assert len(times) == 10
    assert len(seen) == 12  # two to warm up
    assert all(seconds > 0 for seconds in times)


def test_one_by_one_makes_at_least_one_exchange_and_counts_refusals() -> None:
    with answering(lambda _: b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno") as port:
        result = one_by_one(port, [b"GET / HTTP/1.1\r\n\r\n"], seconds=0.0)
    assert (result.requests, result.refused, result.received, result.broken) == (1, 1, 2, 0)
