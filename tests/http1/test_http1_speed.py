"""What C reads and writes, Python reads and writes alike; and C takes the traffic for which it is there."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.cases import cases
from tests.http1 import http1_strategies as make
from tests.together import together
from waf.config.schema import Limits
from waf.errors import ClientFault, UpstreamFault
from waf.http1 import parse, seek, serialize, speed
from waf.http1.speed import HEADS, PASSES, app_name, client_name, values
from waf.model import Framing, Headers, Peer, Request, Response
from waf.prefilter import program

LIMITS = Limits()
HOP = serialize.Hop(
    Peer("203.0.113.7", 1, "203.0.113.7", "http"),
    request_id=b"0123456789abcdef",
    traceparent=b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
ANSWER = b"HTTP/1.1 200 OK\r\nServer: a\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n"
_LEAKS, _VALUES = program.build([b"leak"], None), program.build([b"value"], None)
some = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])

if HEADS is None:
    pytest.skip("the accelerator was not built", allow_module_level=True)


def same_request(data: bytes) -> Request | None:
    assert HEADS is not None
    head = data[: data.find(b"\r\n\r\n") + 4]
    fast = HEADS.request(head, LIMITS.line, LIMITS.headers, LIMITS.body)
    if fast is None:
        return None
    assert fast == parse.any_request_head(head, LIMITS)
    assert list(fast.headers.index) == list(parse.any_request_head(head, LIMITS).headers.index)
    for length in (None, 0, 12):
        if length is None and fast.framing is Framing.NONE:
            continue
        expected = serialize.any_request_head(fast, HOP, length)
        assert serialize.request_head(fast, HOP, length) == expected
    return fast


def same_response(data: bytes, method: bytes) -> Response | None:
    assert HEADS is not None
    head = data[: data.find(b"\r\n\r\n") + 4]
    fast = HEADS.response(head, parse.RESPONSE_HEAD, LIMITS.headers, method)
    if fast is None:
        return None
    assert fast == parse.any_response_head(head, LIMITS, method)
    for close in (False, True):
        for minor in (0, 1):
            for length in (0, 12, None):
                for id in (b"", b"0193a5c8f2b14e7d"):
                    form = {"length": length, "close": close, "minor": minor, "request_id": id}
                    expected = serialize.any_response_head(fast, **form)
                    assert serialize.response_head(fast, **form) == expected
    return fast


@some
@given(st.one_of(make.requests(), make.tampered(make.requests()), make.free_requests))
def test_requests_are_read_and_written_alike(data: bytes) -> None:
    same_request(data)


@some
@given(
    st.one_of(make.responses(), make.tampered(make.responses()), make.free_responses),
    st.sampled_from([b"GET", b"HEAD"]),
)
def test_responses_are_read_and_written_alike(data: bytes, method: bytes) -> None:
    same_response(data, method)


@pytest.mark.slow
@settings(max_examples=30_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(make.tampered(st.one_of(make.requests(), make.free_requests, make.responses(), make.free_responses)))
def test_heads_at_length(data: bytes) -> None:
    same_request(data)
    same_response(data, b"GET")


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_ordinary_requests_are_read_in_c(case) -> None:  # type: ignore[no-untyped-def]
    for data in case.requests:
        assert same_request(data) is not None


def test_ordinary_answers_are_read_in_c() -> None:
    assert same_response(ANSWER, b"GET") is not None


@together(
    "head",
    [
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET //a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX_A: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-A\r\nX-A: 1\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"%b: 1\r\n\r\n" % (b"x" * 65),
    ],
)
def test_unusual_requests_are_left_to_the_reference(head: bytes) -> None:
    assert HEADS is not None
    assert HEADS.request(head, LIMITS.line, LIMITS.headers, LIMITS.body) is None
    assert parse.request_head(head, LIMITS) == parse.any_request_head(head, LIMITS)


def test_limits_hold_in_c() -> None:
    assert HEADS is not None
    head = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
    assert HEADS.request(head, len(head), 2, 10) is not None
    assert HEADS.request(head, len(head) - 1, 2, 10) is None
    assert HEADS.request(head, len(head), 1, 10) is None
    assert HEADS.request(head, len(head), 2, 9) is None
    with pytest.raises(ClientFault):
        parse.request_head(head, Limits(body=9))  # type: ignore[arg-type]
    assert HEADS.response(ANSWER, len(ANSWER) - 1, 3, b"GET") is None
    assert HEADS.response(ANSWER, len(ANSWER), 2, b"GET") is None
    with pytest.raises(UpstreamFault):
        parse.response_head(ANSWER, Limits(headers=2), b"GET")


def test_many_names_and_lines_are_forgotten_and_read_again() -> None:
    """More than the caches hold, twice over."""
    for _ in range(2):
        for number in range(3000):
            head = b"GET / HTTP/1.1\r\nHost: h%d\r\nX-N%d: v\r\nUser-Agent: agent %d\r\n\r\n" % (
                (number,) * 3
            )
            assert same_request(head) is not None


def test_wrong_arguments_are_errors_not_crashes() -> None:
    assert HEADS is not None
    for call in (HEADS.request, HEADS.response, HEADS.write, HEADS.text):
        for arguments in (
            (),
            (1, 2, 3, 4),
            ("a", 1, 1, b""),
            (b"", None, (), 1, ()),
            (b"", b"", b"", (1,), set(), 5),
        ):
            with pytest.raises(TypeError):
                call(*arguments)  # type: ignore[operator]
    with pytest.raises(TypeError):
        HEADS.write(False, ("1",), (), 1, ())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not negative"):
        HEADS.write(False, (-1,), (), 1, ())
    with pytest.raises(OverflowError):
        HEADS.write(False, (), (), 1, (1 << 64,))
    with pytest.raises(TypeError):
        HEADS.write(False, (), ((b"a", b"b"),), 1, ())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        HEADS.__init__()  # type: ignore[misc]


@pytest.mark.parametrize("number", [0, 9, 10, 200, 4294967296, (1 << 63) - 1])
def test_numbers_are_written_in_decimal(number: int) -> None:
    assert HEADS is not None
    assert HEADS.write(False, (b"a", number), (), 1, (number, b"z")) == b"a%d%dz" % (number, number)


def test_c_is_told_what_the_tables_say() -> None:
    assert client_name(b"Cookie")[0] == b"cookie"
    with pytest.raises(AttributeError):
        client_name(None)  # type: ignore[arg-type]
    assert app_name(b"Connection")[1] & 16 == 0
    assert app_name(b"Server")[1] & 16


@some
@given(
    st.one_of(make.requests(), make.tampered(make.requests())), st.sampled_from([b"", b"?a=b+c", b"?a=%41&+"])
)
def test_pairs_hold_what_the_reference_holds(data: bytes, query: bytes) -> None:
    """All that sensitive data could be in, in the same words."""
    memory = values()
    assert HEADS is not None
    assert memory is not None
    request = same_request(data.replace(b" HTTP/1", query + b" HTTP/1", 1))
    if request is None:
        return
    lines = request.headers.lines
    made = HEADS.pairs(request.target, lines, frozenset({b"host"}), memory, None)
    if made is None:
        return
    text, fresh = made
    path, mark, asked = request.target.partition(b"?")
    target = unquote_to_bytes(path) + mark + unquote_to_bytes(asked.replace(b"+", b" "))
    cookie = request.headers.index.get(b"cookie", b"")
    decoded = b"\n" + unquote_to_bytes(cookie.replace(b"+", b" ")) if b"%" in cookie else b""
    said = [b"\n" + lower + b"=" + value for lower, _, value in lines if lower != b"host"]
    assert text == target + b"".join(said) + decoded
    memory.add(fresh)
    again = HEADS.pairs(request.target, lines, frozenset({b"host"}), memory, None)
    assert again is not None
    assert again == (target + decoded, b""), "lines that were clean are not looked at again"


def test_tokens_are_left_to_the_reference() -> None:
    memory = values()
    assert HEADS is not None
    assert memory is not None
    lines = ((b"x-a", b"X-A", b"an eyJ of one"),)
    assert HEADS.pairs(b"/", lines, frozenset(), memory, None) is None
    assert HEADS.pairs(b"/", lines, frozenset({b"x-a"}), memory, None) == (b"/", b"")


def test_another_value_of_a_header_and_nothing_else() -> None:
    asked = parse.request_head(
        b"GET /a?b=c HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br\r\nX-A: 1\r\n\r\n", LIMITS
    )
    changed = speed.with_value(asked.headers.lines, b"accept-encoding", b"gzip")
    made = asked.with_headers(Headers.of(changed))
    lines = (
        asked.headers.lines[0],
        (b"accept-encoding", b"Accept-Encoding", b"gzip"),
        asked.headers.lines[2],
    )
    wanted = asked.altered(headers=Headers.of(lines))
    assert made == wanted
    assert asked.headers.index[b"accept-encoding"] == b"gzip, br"


def test_an_answer_with_other_headers() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: x\r\n\r\n"
    answer = parse.response_head(head, LIMITS, b"GET")
    headers = Headers.make((b"ETag", b"y"))
    assert answer.with_headers(headers) == answer.altered(headers=headers) != answer


@pytest.mark.parametrize(
    "wrong", [(), (1,) * 9, (set(), 1, set(), 1, None, set(), 1, None, b""), (None,) * 9]
)
def test_nothing_but_a_request_is_judged(wrong: tuple[object, ...]) -> None:
    assert HEADS is not None
    with pytest.raises(TypeError):
        HEADS.clear(*wrong)  # type: ignore[arg-type]
    memory = values()
    with pytest.raises((TypeError, AttributeError)):
        HEADS.clear(set(), 9, set(), memory, None, frozenset(), memory, None, object())  # type: ignore[arg-type]


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"a", b""]), max_size=9).map(b"".join))
def test_the_size_of_a_head(data: bytes) -> None:
    assert seek.head_size(data) == seek._head_size(data)
    assert seek.head_size(data) in (0, data.find(b"\r\n\r\n") + 4)


@given(st.binary(max_size=9), st.integers(-2, 11), st.integers(-2, 11))
def test_a_part_is_cut_out(data: bytes, start: int, end: int) -> None:
    for cut in (seek.cut, seek._cut):
        if 0 <= start <= end <= len(data):
            assert cut(data, start, end) == data[start:end]
        else:
            with pytest.raises(ValueError, match="no such part"):
                cut(data, start, end)


@given(
    st.dictionaries(
        st.sampled_from([b"server", b"date", b"content-type", b"content-encoding", b"x-a", b"etag"]), st.just(b"1"),
        max_size=4,
    ),
    st.lists(
        st.sampled_from([b"a", b"leak", b" value", b"\\", b"&", b"\xc3", b"", b"{}"]), max_size=6
    ).map(b"".join),
)  # fmt: skip
@settings(max_examples=500)
def test_a_plain_answer_is_what_its_parts_say(index: dict[bytes, bytes], body: bytes) -> None:
    quiet = frozenset({b"server", b"date", b"content-type", b"content-encoding"})
    memory = values()
    assert memory is not None
    assert PASSES is not None
    wanted = (
        quiet.issuperset(index)
        and b"content-encoding" not in index
        and body.isascii()
        and not {*b"\\&"} & {*body}
        and PASSES(_LEAKS, body)
        and PASSES(_VALUES, body)
    )
    for _ in range(2):  # from memory, the second time
        assert speed.plain_answer(_LEAKS, _VALUES, quiet, memory, index, body) is wanted
    assert not speed.plain_answer(None, _VALUES, quiet, memory, index, body), (
        "without a program nothing is known"
    )


def test_a_line_is_known_to_the_set_that_holds_it_and_to_no_other() -> None:
    memory = values()
    assert HEADS is not None
    assert memory is not None
    lines = parse.request_head(
        b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: an agent of somebody\r\n\r\n", LIMITS
    ).headers.lines
    known = {*lines}
    for held in (known, set(), known):  # the same objects each time
        found = HEADS.text(b"/", None, None, lines, held, 100, memory, None)
        assert found is not None
        assert (b"an agent of somebody" in found[0]) is (not held)


@pytest.mark.parametrize(
    "wrong", [(), (1, b"a", b"b"), ((1,), b"a", b"b"), ((), "a", b"b"), ((), b"a", None)]
)
def test_no_line_is_changed_of_what_are_no_lines(wrong: tuple[object, ...]) -> None:
    with pytest.raises((TypeError, IndexError)):
        speed.with_value(*wrong)  # type: ignore[arg-type]
