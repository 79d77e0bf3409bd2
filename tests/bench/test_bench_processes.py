"""Starting, watching and ending processes; the peers' configurations as far as they can run here."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.attacks import attacks, collect, exchange, head, post
from bench.peers import PEERS, start_app, start_backend, start_nginx, why_not
from bench.processes import Server, cores, free_port, listens, on_cores, usage
from bench.soak import Outage
from bench.wire import get

LISTEN = "import socket,sys,time; s=socket.create_server(('127.0.0.1',int(sys.argv[1]))); time.sleep(60)"


def test_a_port_for_a_server_is_given_once_and_by_nobody_else() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    chosen_by_the_kernel = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    assert max(ports) < max(int(chosen_by_the_kernel[0]), 32_768)


def test_a_server_is_started_measured_and_ended(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", LISTEN, str(port)]
    with Server(command, where=cores().server, log=tmp_path / "log", ready=lambda: listens(port)) as server:
        assert server.alive
        assert server.ready_seconds > 0
        used = server.usage()
        assert used.processes == 1
        assert used.resident > 1_000_000
        assert used.descriptors >= 4
    assert not server.alive
    assert not listens(port)


def test_a_server_that_dies_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no luck today')"]
    with pytest.raises(RuntimeError, match="no luck today"):
        Server(command, where=cores().server, log=tmp_path / "log", ready=lambda: False)


def test_children_count(tmp_path: Path) -> None:
    port = free_port()
    code = f"import subprocess,sys; subprocess.run([sys.executable,'-c',{LISTEN!r},sys.argv[1]])"
    command = [sys.executable, "-c", code, str(port)]
    server = Server(command, where=cores().server, log=tmp_path / "log", ready=lambda: listens(port))
    try:
        assert server.usage().processes == 2
    finally:
        child = int(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text())
        os.kill(child, 15)
        server.stop()


def test_our_own_usage_grows_with_work() -> None:
    before = usage(os.getpid()).cpu_seconds
    while usage(os.getpid()).cpu_seconds < before + 0.02:
        sum(range(10_000))


def test_cores_do_not_overlap_where_there_are_two() -> None:
    where = cores()
    if where.pinned:
        assert not set(where.server.split(",")) & set(where.others.split(","))
        assert on_cores(["x"], where.server) == ["taskset", "-c", where.server, "x"]
    else:
        assert where.server == where.others


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_passes_requests_on(tmp_path: Path) -> None:
    where = cores()
    with ExitStack() as stack:
        sink = start_app(tmp_path / "sink", where)
        stack.enter_context(sink.server)
        backend = start_backend(tmp_path / "backend", where, sink)
        stack.enter_context(backend.server)
        proxy = start_nginx(tmp_path / "nginx", where, backend.port)
        stack.enter_context(proxy.server)
        assert get(proxy.port, "/anything").body == b'{"ok":true,"items":[1,2,3]}'
        assert len(get(proxy.port, "/page.html").body) == 102_400
        assert exchange(proxy.port, post("/upload", b"abc", "text/plain"), 3) == {"200": 3}


@pytest.mark.parametrize("name", PEERS)
def test_why_a_peer_is_missing_is_a_sentence_or_nothing(name: str) -> None:
    assert "\n" not in why_not(name)


# ------------------------------------------------------------------------------------------ attacks


def test_attacks_have_names_of_their_own() -> None:
    names = [attack.name for attack in attacks(10)]
    assert len(set(names)) == len(names) > 30


def test_messages_of_attacks_are_http() -> None:
    assert head("GET", "/x", "A: b\r\n") == (
        b"GET /x HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: torture/1\r\nA: b\r\n\r\n"
    )
    assert post("/x", b"abc", "text/plain").endswith(b"Content-Length: 3\r\n\r\nabc")


def test_what_comes_back_is_tallied() -> None:
    pairs = [socket.socketpair() for _ in range(4)]
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    theirs[0].sendall(b"HTTP/1.1 431 Too large\r\n\r\n")
    theirs[1].sendall(b"SSH-2.0")
    theirs[2].close()
    assert collect(ours, 1.0) == {"431": 1, "closed": 2, "open": 1}
    for one in theirs:
        one.close()


def test_a_cut_answer_counts_as_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        assert exchange(server.getsockname()[1], head("GET", "/")) == {"closed": 1}
        thread.join(60)


@pytest.mark.parametrize(
    ("started", "ended", "excused"),
    [(0, 9, False), (9, 11, True), (10, 12, True), (12.5, 13, True), (16, 17, False)],
)
def test_an_outage_excuses_what_overlaps_it(started: float, ended: float, excused: bool) -> None:
    outage = Outage()
    assert not outage.excuses(started, ended)
    outage.began, outage.ended = 10.0, 12.0
    assert outage.excuses(started, ended) is excused
