"""What the robustness run does to a server: floods, slowness, bombs, faults behind it, clients that leave.

Each attack is a function from a port to a tally of what came back: statuses, "closed" (ended without a whole
answer) or "open" (still waiting when the attack ended). All are bounded in count and time and use blocking
sockets; judging the tally is the table's business, watching the server that of bench.torture.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from bench.backend import FAULTS, bomb
from bench.wire import Connection, WireError

Tally = Counter[str]
HEAD: Final = "{method} {path} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: torture/1\r\n{more}\r\n"


class Attack(NamedTuple):
    """`allowed` are the outcomes that are right; empty means any. `probed` says whether a normal request
    must be answered while it goes on (not where the app itself is down)."""

    name: str
    what: str
    run: Callable[[int], Tally]
    allowed: frozenset[str] = frozenset()


def head(method: str, path: str, more: str = "") -> bytes:
    return HEAD.format(method=method, path=path, more=more).encode()


def post(path: str, body: bytes, content_type: str, more: str = "") -> bytes:
    more += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head("POST", path, more) + body


def open_many(port: int, count: int) -> list[socket.socket]:
    """Connections as far as they are granted."""
    made: list[socket.socket] = []
    for _ in range(count):
        try:
            made.append(socket.create_connection(("127.0.0.1", port), timeout=10.0))
        except OSError:
            break
    return made


def send_some(connection: socket.socket, data: bytes) -> bool:
    """False where the peer has gone or takes nothing for a second."""
    try:
        connection.settimeout(1.0)
        connection.sendall(data)
    except OSError:
        return False
    return True


def collect(connections: Iterable[socket.socket], seconds: float) -> Tally:
    """What each connection got up to now or within `seconds` in all; closes them."""
    tally: Tally = Counter()
    waiting = set(connections)
    deadline = time.monotonic() + seconds
    watched = select.poll()
    by_number = {connection.fileno(): connection for connection in waiting}
    for number in by_number:
        watched.register(number, select.POLLIN)
    while by_number and (left := deadline - time.monotonic()) > 0:
        for number, _ in watched.poll(left * 1000):
            connection = by_number.pop(number)
            watched.unregister(number)
            tally[_first_line(connection)] += 1
    tally["open"] += len(by_number)
    for connection in waiting:
        connection.close()
    return +tally


def _first_line(connection: socket.socket) -> str:
    try:
        connection.settimeout(2.0)
        data = connection.recv(64)
    except OSError:
        return "closed"
    return data[9:12].decode() if data.startswith(b"HTTP/1.") and len(data) >= 12 else "closed"


def exchange(port: int, request: bytes, count: int = 1, timeout: float = 20.0) -> Tally:
    """Send a whole request on `count` connections at once, read each answer to its end."""
    tally: Tally = Counter()
    with contextlib.ExitStack() as stack:
        made = []
        for _ in range(count):
            try:
                made.append(stack.enter_context(Connection(port, timeout)))
                send_some(made[-1].socket, request)
            except OSError:
                tally["closed"] += 1
        for connection in made:
            try:
                connection.socket.settimeout(timeout)
                status, headers = connection.head()
                if status not in (101, 204, 304):
                    connection.body(headers)
                tally[str(status)] += 1
            except TimeoutError:
                tally["open"] += 1
            except (OSError, WireError, ValueError):
                tally["closed"] += 1
    return tally


# -----------------------------------------------------------------------------------------------------
# slowness


def idle(port: int, count: int) -> Tally:
    """Connections that say nothing, every second after one exchange."""
    made = open_many(port, count)
    request = head("GET", "/ok")
    for connection in made[::2]:
        if send_some(connection, request):
            with contextlib.suppress(OSError):
                connection.recv(4096)
    time.sleep(3.0)
    tally = Counter({"held": len(made)})
    for connection in made:
        connection.close()
    return tally


def slow_heads(port: int) -> Tally:
    """Heads that arrive a byte at a time and never end."""
    made = open_many(port, 400)
    text = head("GET", "/ok", "X-Slow: " + "a" * 100)
    for turn in range(20):
        for connection in made:
            with contextlib.suppress(OSError):
                connection.send(text[turn : turn + 1])
        time.sleep(0.2)
    return collect(made, 1.0)


def slow_bodies(port: int) -> Tally:
    """Bodies that arrive a byte at a time, or not at all."""
    made = open_many(port, 300)
    for connection in made:
        send_some(connection, head("POST", "/sink", "Content-Type: text/plain\r\nContent-Length: 5000\r\n"))
    for _ in range(15):
        for connection in made[::3]:
            with contextlib.suppress(OSError):
                connection.send(b"a")
        time.sleep(0.2)
    return collect(made, 0.5)


def never_reads(port: int) -> Tally:
    """Clients that ask for 20 MB and read nothing."""
    made = open_many(port, 40)
    for connection in made:
        send_some(connection, head("GET", "/data/20000000/1"))
    time.sleep(5.0)
    tally = Counter({"held": len(made)})
    for connection in made:
        connection.close()
    return tally


# --------------------------------------------------------------------------------------------------------
# floods


def _flood(data: bytes, count: int) -> Callable[[int], Tally]:
    def run(port: int) -> Tally:
        made = open_many(port, count)
        for connection in made:
            send_some(connection, data)
        return collect(made, 5.0)

    return run


def _exchanges(request: bytes, count: int) -> Callable[[int], Tally]:
    return lambda port: exchange(port, request, count)


def pipelined(port: int) -> Tally:
    """Thousands of requests at once on each connection, the answers never read."""
    return _flood(head("GET", "/ok") * 2_000, 20)(port)


def _deep(opening: bytes, closing: bytes, depth: int) -> bytes:
    return opening * depth + b"1" + closing * depth


def _wide_json() -> bytes:
    return json.dumps({f"key{number}": number for number in range(60_000)}).encode()


def _many_parts() -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n'
    return b"".join(part % number for number in range(10_000)) + b"--b--\r\n"


# ---------------------------------------------------------------------------------------- clients that leave


def leavers(port: int) -> Tally:
    """Clients that go away at every stage, half of them with a reset."""
    octets = "Content-Type: application/octet-stream\r\nContent-Length: 99999999\r\n"
    stages = (
        b"GE",
        head("GET", "/ok")[:-2],
        head("POST", "/sink", "Content-Type: text/plain\r\nContent-Length: 100000\r\n") + b"a" * 5_000,
        head("POST", "/sink", "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n") + b"5\r\nab",
        head("POST", "/sink", octets) + b"a" * 9_000,
        head("GET", "/slow/5"),
        head("GET", "/data/5000000/2"),
    )
    for stage in stages:
        made = open_many(port, 60)
        for connection in made:
            send_some(connection, stage)
        time.sleep(0.1)
        for number, connection in enumerate(made):
            if number % 2:
                linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger: on, 0 seconds
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()
    return Counter({"left": 60 * len(stages)})


# ---------------------------------------------------------------------------------------- table

_REFUSED: Final = frozenset({"400", "403", "408", "413", "414", "415", "431", "501", "505", "closed"})
_FAULTS_SEEN: Final = frozenset({"502", "504", "closed"})
_ANY_BUT_HANGING: Final = _REFUSED | {"200"}
_MAY_ANSWER: Final = frozenset({"gzip-bomb", "bad-gzip", "early-answer", "surplus"})

FAULT_ATTACKS: Final = tuple(
    Attack(
        f"app: {name}",
        "the app fails in this way, 5 times",
        _exchanges(head("GET", f"/fault/{name}"), 5),
        _FAULTS_SEEN | {"200"} if name in _MAY_ANSWER else _FAULTS_SEEN,
    )
    for name in FAULTS
)


def attacks(connections: int) -> tuple[Attack, ...]:
    """The whole table; `connections` is how many the idle attack holds."""
    chunked = head("POST", "/sink", "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n")
    zipped = "Content-Encoding: gzip\r\n"
    json_type, form_type = "application/json", "application/x-www-form-urlencoded"
    parts_type = "multipart/form-data; boundary=b"

    def body(content: bytes, content_type: str, more: str = "") -> Callable[[int], Tally]:
        return _exchanges(post("/sink", content, content_type, more), 10)

    def chunks(content: bytes) -> Callable[[int], Tally]:
        return _flood(chunked + content, 20)

    def no_http(port: int) -> Tally:
        hello = b"\x16\x03\x01\x02\x00\x01\x00" + b"a" * 300
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        return _flood(hello, 50)(port) + _flood(preface, 50)(port)

    slow = (
        Attack("idle", f"{connections:,} idle connections", lambda port: idle(port, connections)),
        Attack("slow heads", "400 heads, a byte each 0.2 s", slow_heads, _REFUSED),
        Attack("slow bodies", "300 bodies, a byte each 0.2 s or none", slow_bodies, _REFUSED | {"open"}),
        Attack("never reads", "40 × 20 MB asked for, nothing read", never_reads),
        Attack("leavers", "420 clients that leave at every stage", leavers),
    )
    line = _flood(head("GET", "/", "X: ")[:-4] + b"a" * 10**6, 50)
    lines = _flood(head("GET", "/", "X: a\r\n" * 20_000), 50)
    zeros, trailers = b"0" * 10**6, b"0\r\n" + b"X: a\r\n" * 160_000
    heads = (
        Attack("endless header", "50 × 1 MB in one header line", line, _REFUSED),
        Attack("many headers", "50 × 20,000 headers", lines, _REFUSED),
        Attack("endless target", "50 × 1 MB in the target", _flood(b"GET /" + b"a" * 10**6, 50), _REFUSED),
        Attack("blank lines", "50 × 1 MB of CRLF", _flood(b"\r\n" * 500_000, 50), _REFUSED),
        Attack("no HTTP", "50 × TLS hello, 50 × HTTP/2", no_http, _REFUSED),
        Attack("pipelined", "20 × 2,000 requests, answers unread", pipelined, frozenset({"200", "closed"})),
        Attack("chunk extension", "20 × 1 MB of chunk extension", chunks(b"1;" + b"a" * 10**6), _REFUSED),
        Attack("chunk size zeros", "20 × 1 MB of leading zeros", chunks(zeros), _REFUSED),
        Attack("endless trailer", "20 × 1 MB of trailers", chunks(trailers), _REFUSED),
    )
    tiny = _exchanges(chunked + b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n", 10)
    nested, deep = gzip.compress(bomb()), _deep(b"[", b"]", 100_000)
    deep_xml, wide = _deep(b"<a>", b"</a>", 100_000), _wide_json()
    fields, parts = b"a=1&" * 200_000, _many_parts()
    bodies = (
        Attack("tiny chunks", "10 × 100,000 chunks of a byte", tiny, _ANY_BUT_HANGING),
        Attack("gzip request", "10 × 64 MB in 64 KB", body(bomb(), json_type, zipped), _REFUSED),
        Attack("gzip in gzip", "10 × nested", body(nested, json_type, zipped), _REFUSED),
        Attack("deep JSON", "10 × 100,000 levels", body(deep, json_type), _REFUSED),
        Attack("wide JSON", "10 × 60,000 keys", body(wide, json_type), _ANY_BUT_HANGING),
        Attack("deep XML", "10 × 100,000 levels", body(deep_xml, "application/xml"), _ANY_BUT_HANGING),
        Attack("many fields", "10 × 200,000 form fields", body(fields, form_type), _ANY_BUT_HANGING),
        Attack("many parts", "10 × 10,000 multipart parts", body(parts, parts_type), _ANY_BUT_HANGING),
    )
    return (*slow, *heads, *bodies, *FAULT_ATTACKS)
