"""The control API: every endpoint, who may use it, and what a browser on the same machine may not."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.loopback import HOST
from waf.config.address import Endpoint
from waf.config.load import effective, load
from waf.config.schema import Events
from waf.control.api import HEADERS, Api
from waf.control.guard import Guard
from waf.control.reload import Reloader
from waf.control.site import LocalSite
from waf.control.wire import MAX_BODY, MAX_CONNECTIONS, Answer, Asked, ControlServer
from waf.errors import ConfigError, Problem
from waf.model import Action, Confidence, Engine, Exchange, Finding, Outcome, Peer, Severity, Verdict
from waf.record.log import Log
from waf.record.metrics import Metrics
from waf.record.recorder import Recorder

TOKEN = "correct-horse"


class Policy:
    version = "v1"
    mode = "protect"
    warnings: tuple[Problem, ...] = ()


def exchange(
    id: str, client: str = "192.0.2.1", rule: str = "sqli-1", wall: float = 1_700_000_000.0
) -> Exchange:
    made = Exchange(id, Peer(client, 1, client, "http"), 100.0, wall)
    found = Finding(rule, "sqli", Engine.SIGNATURE, Severity.HIGH, Confidence.HIGH)
    made.verdict = Verdict(Action.BLOCK, Action.BLOCK, 9, 403, (found,))
    made.outcome = Outcome.BLOCKED
    made.ended = 100.01
    made.sent_status = 403
    return made


class Bench:
    """A site of one process, its problems and its drains in view."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.drains = 0
        self.now = 0.0
        self.recorder = Recorder(
            Events(), Metrics("1.0"), lambda _: None, lambda data: data.decode("latin-1")
        )
        self.reloader: Reloader[Any] = Reloader(
            self.build, lambda _: None, self.recorder.metrics, Log(lambda _: None)
        )
        loaded = load([("mode: protect\n", "waf.yaml")])
        self.site = LocalSite(
            self.recorder,
            self.reloader,
            lambda: effective(loaded),
            self.drain,
            lambda: {"connections": 3},
            "1.0",
            lambda: self.now,
        )

    def build(self) -> Policy:
        if self.problems:
            raise ConfigError(self.problems)
        return Policy()

    def drain(self) -> None:
        self.drains += 1

    def server(self, endpoint: Endpoint | None = None, **guard: Any) -> ControlServer:
        api = Api(self.site, self.guard(**guard))
        return ControlServer(api.respond, api.refuse, endpoint or Endpoint(HOST, 0))

    def guard(self, *, loopback: bool = True, unix: bool = False, token: str | None = None) -> Guard:
        return Guard(loopback, unix, lambda: token)


Call = Callable[..., Awaitable[aiohttp.ClientResponse]]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def call(bench: Bench) -> AsyncIterator[Call]:
    """Calls the API, with the options of `Bench.guard`; each set of them has a server of its own."""
    opened: list[ControlServer | aiohttp.ClientSession] = []

    async def ask(
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        **guard: Any,
    ) -> aiohttp.ClientResponse:
        server = bench.server(**guard)
        await server.start()
        session = aiohttp.ClientSession(f"http://{server.endpoint}")
        opened.extend([session, server])
        return await session.request(method, path, headers=headers, data=data)

    yield ask
    for one in opened:
        await one.close()


# --------------------------------------------------------------------------- what it shows


async def test_alive_from_the_start_ready_with_a_policy_and_not_while_draining(
    bench: Bench, call: Call
) -> None:
    assert (await call("GET", "/healthz")).status == 200
    before = await call("GET", "/readyz")
    assert (before.status, await before.text()) == (503, "no policy was loaded yet\n")
    await bench.reloader.reload("start")
    assert (await call("GET", "/readyz")).status == 200
    drained = await call("POST", "/v1/drain")
    assert (drained.status, bench.drains) == (202, 1)
    after = await call("GET", "/readyz")
    assert (after.status, await after.text()) == (503, "draining\n")
    assert (await call("GET", "/healthz")).status == 200


async def test_a_bad_first_load_is_not_ready(bench: Bench, call: Call) -> None:
    bench.problems = [Problem("waf.yaml", 1, "mode", "is no choice here")]
    await bench.reloader.reload("start")
    assert (await call("GET", "/readyz")).status == 503


async def test_metrics_can_be_read(bench: Bench, call: Call) -> None:
    bench.recorder.record(exchange("a"))
    answer = await call("GET", "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    names = {family.name for family in parse_text(await answer.text())}
    assert {"waf_requests", "waf_overhead_seconds", "waf_config_last_reload_successful"} <= names
    newer = await call("GET", "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
    assert newer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert (await newer.text()).endswith("# EOF\n")


async def test_status(bench: Bench, call: Call) -> None:
    await bench.reloader.reload("start")
    bench.now = 12.0
    shown = await (await call("GET", "/v1/status")).json()
    assert shown["ready"] is True
    assert shown["policy"] == {"version": "v1", "generation": 1}
    assert shown["uptime_seconds"] == 12.0
    assert shown["last_reload"]["ok"] is True
    assert shown["connections"] == 3


async def test_the_configuration_with_its_origins(call: Call) -> None:
    shown = await (await call("GET", "/v1/config")).json()
    assert shown["config"]["mode"] == "protect"
    assert shown["origins"] == {"mode": "waf.yaml:1"}


FILTERED = {
    "": ["c", "b", "a"],
    "?limit=1": ["c"],
    "?source=192.0.2.2": ["b"],
    "?rule=xss-1": ["c"],
    "?kind=sqli&outcome=blocked": ["c", "b", "a"],
    "?outcome=forwarded": [],
    "?id=a": ["a"],
    "?since=2023-11-14T22:13:21": ["c"],
}


@pytest.mark.parametrize(("query", "expected"), FILTERED.items())
async def test_recent_events(bench: Bench, call: Call, query: str, expected: list[str]) -> None:
    bench.recorder.record(exchange("a"))
    bench.recorder.record(exchange("b", client="192.0.2.2"))
    bench.recorder.record(exchange("c", rule="xss-1", wall=1_700_000_005.0))
    shown = await (await call("GET", f"/v1/events{query}")).json()
    assert [event["http.request.id"] for event in shown["events"]] == expected


async def test_recent_events_in_other_forms(bench: Bench, call: Call) -> None:
    bench.recorder.record(exchange("a"))
    bench.recorder.record(exchange("b"))
    lines = (await (await call("GET", "/v1/events?format=ndjson")).text()).splitlines()
    assert [json.loads(line)["http.request.id"] for line in lines] == ["b", "a"]
    mapped = await (await call("GET", "/v1/events?format=ocsf")).json()
    assert mapped["events"][0]["class_uid"] == 4002


@pytest.mark.parametrize(
    "query", ["?limit=0", "?limit=x", "?limit=99999999999", "?limit=²", "?colour=red", "?format=xml"]
)
async def test_a_filter_that_is_none_is_told(call: Call, query: str) -> None:
    answer = await call("GET", f"/v1/events{query}")
    assert answer.status == 400
    assert "error" in await answer.json()


async def test_the_index_names_every_endpoint(call: Call) -> None:
    shown = await (await call("GET", "/v1")).json()
    assert len(shown["endpoints"]) == len(ROUTES)
    assert "GET /v1" in shown["endpoints"]
    assert "POST /v1/reload" in shown["endpoints"]


# --------------------------------------------------------------------------- what it does


async def test_reload_tells_each_problem_with_its_place(bench: Bench, call: Call) -> None:
    good = await call("POST", "/v1/reload")
    assert (good.status, (await good.json())["generation"]) == (200, 1)
    bench.problems = [Problem("waf.yaml", 3, "limits.head", "is no size", "64KiB")]
    bad = await call("POST", "/v1/reload")
    shown = await bad.json()
    assert (bad.status, shown["ok"], shown["generation"]) == (422, False, 1)
    assert shown["problems"] == [
        {"file": "waf.yaml", "line": 3, "path": "limits.head", "message": "is no size", "mend": "64KiB"}
    ]


async def test_a_capture_from_asking_to_forgetting(bench: Bench, call: Call) -> None:
    assert (await call("GET", "/v1/capture")).status == 404
    asked = await call("POST", "/v1/capture", data=b'{"client": "192.0.2.1", "seconds": 30}')
    assert (asked.status, (await asked.json())["exchanges"]) == (201, 50)
    bench.recorder.record(exchange("a"))
    bench.recorder.record(exchange("b", client="192.0.2.2"))
    har = await (await call("GET", "/v1/capture")).json()
    assert [entry["_id"] for entry in har["log"]["entries"]] == ["a"]
    bench.now = 31.0
    bench.recorder.record(exchange("c"))
    assert bench.recorder.capture is None
    assert len((await (await call("GET", "/v1/capture")).json())["log"]["entries"]) == 1
    assert (await call("DELETE", "/v1/capture")).status == 204
    assert (await call("GET", "/v1/capture")).status == 404


async def test_a_new_capture_takes_the_place_of_the_old(bench: Bench, call: Call) -> None:
    await call("POST", "/v1/capture")
    await call("POST", "/v1/capture", data=b'{"client": "192.0.2.9"}')
    bench.recorder.record(exchange("a"))
    assert (await (await call("GET", "/v1/capture")).json())["log"]["entries"] == []


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"exchanges": 0}', b'{"seconds": 1e9}', b'{"colour": 1}', b'"x"', b"\xff"]
)
async def test_a_capture_that_is_none_is_told(call: Call, body: bytes) -> None:
    answer = await call("POST", "/v1/capture", data=body)
    assert answer.status == 400
    assert (await answer.json())["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/healthz", 405),
        ("GET", "/v1/reload", 405),
        ("GET", "/v1/../etc", 404),
    ],
)
async def test_errors_are_json(call: Call, method: str, path: str, status: int) -> None:
    answer = await call(method, path)
    assert answer.status == status
    assert "error" in await answer.json()
    assert ("Allow" in answer.headers) == (status == 405)


async def test_a_body_too_large_is_refused(call: Call) -> None:
    answer = await call("POST", "/v1/capture", data=b" " * (MAX_BODY + 1))
    assert answer.status == 413
    assert "error" in await answer.json()


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/v1/config", "/nothing"])
async def test_every_answer_is_dressed(call: Call, path: str) -> None:
    answer = await call("GET", path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


# --------------------------------------------------------------------------- who may

ROUTES = Api(Bench().site, Bench().guard()).routes
PROTECTED = [(route.method, route.path) for route in ROUTES if route.path.startswith("/v1")]
OPEN = ["/healthz", "/readyz", "/metrics"]


def test_all_but_health_and_metrics_is_protected() -> None:
    assert {route.path for route in ROUTES} == {path for _, path in PROTECTED} | set(OPEN)


@pytest.mark.parametrize(("method", "path"), [*PROTECTED, ("GET", "/v1/nothing")])
@pytest.mark.parametrize("loopback", [True, False])
async def test_a_configured_token_is_asked_of_everyone(
    bench: Bench, call: Call, method: str, path: str, loopback: bool
) -> None:
    for header in (
        None,
        "",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        "Bearer é",
    ):
        headers = {} if header is None else {"Authorization": header}
        answer = await call(method, path, headers, loopback=loopback, token=TOKEN)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="waf"')
    assert bench.drains == 0
    assert bench.reloader.last is None
    answer = await call(method, path, {"Authorization": f"bearer {TOKEN}"}, loopback=loopback, token=TOKEN)
    assert answer.status not in (401, 403)


@pytest.mark.parametrize(("method", "path"), PROTECTED)
async def test_without_a_token_nothing_is_given_to_other_machines(
    bench: Bench, call: Call, method: str, path: str
) -> None:
    answer = await call(method, path, {"Authorization": "Bearer "}, loopback=False)
    assert answer.status == 403
    assert bench.drains == 0


@pytest.mark.parametrize("path", OPEN)
async def test_health_and_metrics_are_open_to_all(bench: Bench, call: Call, path: str) -> None:
    await bench.reloader.reload("start")
    answer = await call("GET", path, {"Host": "10.1.2.3:15021"}, loopback=False, token=TOKEN)
    assert answer.status == 200


async def test_a_token_that_cannot_be_read_opens_nothing(bench: Bench) -> None:
    def token() -> str | None:
        raise OSError

    denied = Guard(True, False, token).check("GET", "/v1/config", {"host": "localhost"})
    assert denied is not None
    assert denied.status == 503


HOSTS = {
    "localhost:15021": True,
    "LOCALHOST": True,
    "127.0.0.1:15021": True,
    "127.1.2.3": True,
    "[::1]:15021": True,
    "evil.example:15021": False,
    "localhost.evil.example": False,
    "127.0.0.1.evil.example": False,
    "127.0.0.1:80@evil.example": False,
    "10.0.0.1": False,
    "": False,
}


@pytest.mark.parametrize(("host", "passes"), HOSTS.items())
def test_a_name_rebound_to_the_loopback_gets_nothing(bench: Bench, host: str, passes: bool) -> None:
    for path in ("/metrics", "/v1/config"):
        assert (bench.guard().check("GET", path, {"host": host}) is None) is passes
    assert bench.guard().check("GET", "/healthz", {"host": host}) is None
    assert bench.guard(unix=True).check("GET", "/v1/config", {"host": host}) is None


async def test_rebinding_over_a_socket(call: Call) -> None:
    answer = await call("GET", "/v1/config", {"Host": "evil.example"})
    assert answer.status == 421
    assert "error" in await answer.json()


HERE = "127.0.0.1:15021"
ORIGINS: list[tuple[dict[str, str], bool]] = [
    ({}, True),  # curl
    ({"Origin": f"http://{HERE}", "Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "http://127.0.0.1:8080"}, False),  # the protected app is another origin
    ({"Origin": "http://localhost:15021"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
]


@pytest.mark.parametrize(("headers", "passes"), ORIGINS)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/drain"), ("DELETE", "/v1/capture"), ("PUT", "/v1")]
)
def test_a_page_of_another_origin_does_nothing(
    bench: Bench, method: str, path: str, headers: dict[str, str], passes: bool
) -> None:
    assert (
        bench.guard().check(
            method, path, {"host": HERE, **{name.lower(): value for name, value in headers.items()}}
        )
        is None
    ) is passes


# --------------------------------------------------------------------------- the listener


async def get(endpoint: Endpoint, path: str = "/healthz") -> bytes:
    if endpoint.path:
        reader, writer = await asyncio.open_unix_connection(endpoint.path)
    else:
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


async def test_it_listens_on_a_port_the_kernel_chose(bench: Bench) -> None:
    server = bench.server()
    await server.start()
    assert server.endpoint.port > 0
    assert b" 200 OK" in await get(server.endpoint)
    await server.close()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await get(server.endpoint)


def test_it_runs_in_the_loop_of_the_proxy(bench: Bench) -> None:
    async def main() -> bytes:
        server = bench.server()
        await server.start()
        answer = await get(server.endpoint, "/metrics")
        await server.close()
        return answer

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert b"waf_requests_total" in runner.run(main())


async def test_it_listens_on_a_socket_in_the_file_system(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with socket.socket(socket.AF_UNIX) as left_by_a_killed_process:
        left_by_a_killed_process.bind(str(path))
    endpoint = Endpoint(path=str(path))
    server = bench.server(endpoint, unix=True)
    await server.start()
    assert path.stat().st_mode & 0o007 == 0
    assert b" 200 OK" in await get(endpoint, "/v1/status")
    await server.close()
    assert not path.exists()


async def test_a_port_that_is_taken_is_told(bench: Bench) -> None:
    one = bench.server()
    await one.start()
    with pytest.raises(OSError, match="in use"):
        await bench.server(one.endpoint).start()
    await one.close()


async def test_idle_connections_never_shut_a_probe_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_CONNECTIONS >= 64
    monkeypatch.setattr("waf.control.wire.MAX_CONNECTIONS", 5)
    server = bench.server()
    await server.start()
    idle = [await asyncio.open_connection(HOST, server.endpoint.port) for _ in range(20)]
    assert b" 200 OK" in await get(server.endpoint)
    # The oldest were ended for it.
    assert await asyncio.wait_for(idle[0][0].read(), 60) == b""
    for _, writer in idle:
        writer.close()
    await server.close()


async def say(server: ControlServer, *pieces: bytes) -> bytes:
    """Send bytes as they are; everything that comes back until the server closes."""
    reader, writer = await asyncio.open_connection(HOST, server.endpoint.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer


HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
LAST = HEAD + b"Connection: close\r\n\r\n"
POST = b"POST /v1/capture HTTP/1.1\r\nHost: localhost\r\n"

CONVERSATIONS: dict[str, tuple[tuple[bytes, ...], list[int]]] = {
    "two on one connection": ((HEAD + b"\r\n" + LAST,), [200, 200]),
    "byte by byte": (tuple(LAST[i : i + 1] for i in range(len(LAST))), [200]),
    "HTTP/1.0": ((b"GET /healthz HTTP/1.0\r\n\r\n",), [200]),
    "a body in chunks": (
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b"0\r\n\r\n", LAST),
        [201],
    ),
    "asks before it sends": (
        (POST + b"Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n", b"{}"),
        [100, 201],
    ),
    "no HTTP": ((b"\x16\x03\x01\x02\x00\r\n\r\n",), [400]),
    "two lengths": ((POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",), [400]),
    "length and chunks": ((POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",), [400]),
    "a chunk that is none": ((POST + b"Transfer-Encoding: chunked\r\n\r\nxx\r\n",), [400]),
    "no host": ((b"GET /healthz HTTP/1.1\r\n\r\n",), [400]),
    "a head without end": ((HEAD + b"A: " + b"a" * 40_000,), [431]),
    "too many parameters": ((b"GET /v1/events?" + b"a=1&" * 100 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",), [400]),
    "a body announced too large": ((POST + b"Content-Length: 99999999\r\n\r\n",), [413]),
    "a chunk too large": ((POST + b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",), [413]),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVERSATIONS)
async def test_what_is_said_on_a_connection(bench: Bench, name: str) -> None:
    pieces, expected = CONVERSATIONS[name]
    server = bench.server()
    await server.start()
    answer = await say(server, *pieces)
    assert [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", answer)] == expected
    await server.close()


async def test_the_head_alone(bench: Bench) -> None:
    server = bench.server()
    await server.start()
    answer = await say(server, LAST.replace(b"GET", b"HEAD"))
    assert b"Content-Length: 3\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
    await server.close()


async def test_who_sends_nothing_is_let_go(bench: Bench) -> None:
    api = Api(bench.site, bench.guard())
    server = ControlServer(api.respond, api.refuse, Endpoint(HOST, 0), idle=0.5)
    await server.start()
    assert await say(server) == b""
    assert await say(server, HEAD) == b""
    await server.close()


async def test_a_bug_of_ours_is_answered_and_told(bench: Bench) -> None:
    async def fail(_asked: Asked) -> Answer:
        raise KeyError("secret")

    told: list[bytes] = []
    server = ControlServer(fail, Api(bench.site, bench.guard()).refuse, Endpoint(HOST, 0), Log(told.append))
    await server.start()
    assert (await say(server, HEAD + b"\r\n" + LAST)).count(b"HTTP/1.1 500 ") == 2
    assert json.loads(told[0])["waf.error"] == "KeyError"
    assert b"secret" not in b"".join(told)
    await server.close()


async def test_an_answer_under_way_ends_before_the_port_does(bench: Bench) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(_asked: Asked) -> Answer:
        asked.set()
        await go.wait()
        return Answer(b"{}")

    server = ControlServer(slow, Api(bench.site, bench.guard()).refuse, Endpoint(HOST, 0))
    await server.start()
    answer = asyncio.create_task(say(server, HEAD + b"\r\n"))
    await asked.wait()
    closing = asyncio.create_task(server.close())
    await asyncio.sleep(0)
    go.set()
    assert b" 200 OK" in await answer
    await closing
