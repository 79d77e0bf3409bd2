"""Redirect with real packets: two network namespaces, a pod and a neighbour, IPv4 and IPv6."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from waf.cli.kube import redirect
from waf.kube.redirect import Plan, as_bytes, as_text, plan_of, rules

PLAN = Plan(ports=(8080,), to=15006, uid=1337, excluded=(9090, 15021))
POD4, POD6 = "10.111.0.2", "fd00:111::2"
NEAR4, NEAR6 = "10.111.0.1", "fd00:111::1"

SERVE = """
import os, socket, sys, threading
uid, ports, word = int(sys.argv[1]), sys.argv[2].split(','), sys.argv[3].encode()
os.setgid(uid); os.setuid(uid)
def serve(listening):
    while True:
        try: peer, _ = listening.accept()
        except OSError: return
        said = word
        if word == b'waf':
            v6 = listening.family == socket.AF_INET6
            try:
                level, size = (41, 28) if v6 else (0, 16)
                said += b' for %d' % int.from_bytes(peer.getsockopt(level, 80, size)[2:4], 'big')
            except OSError: pass
        peer.sendall(said); peer.close()
for port in ports:
    for family, host in zip((socket.AF_INET, socket.AF_INET6), sys.argv[4].split(',')):
        s = socket.socket(family)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((host, int(port))); s.listen()
        threading.Thread(target=serve, args=(s,), daemon=True).start()
print('ready', flush=True)
sys.stdin.read()
"""
ASK = """
import encodings.idna, os, socket, sys  # what a stranger may not be able to read later
os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
for where in sys.argv[2:]:
    host, _, port = where.rpartition('@')
    try:
        with socket.create_connection((host, int(port)), timeout=60) as s: print(s.recv(100).decode())
    except OSError as error: print(type(error).__name__)
"""


def run(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def tools() -> str:
    """Why there can be no namespaces here, "" if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    name = f"waf-try-{os.getpid()}"
    try:
        run("ip", "netns", "add", name)
        try:
            run("ip", "netns", "exec", name, "nft", "list", "ruleset")
        finally:
            run("ip", "netns", "delete", name)
    except subprocess.CalledProcessError as error:
        return f"not permitted: {error.stderr.strip()}"
    return ""


WHY_NOT = tools()
packets = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")


class Network:
    """A pod and its neighbour; `inside` and `outside` ask addresses and give what was answered."""

    def __init__(self) -> None:
        tail = uuid.uuid4().hex[:8]
        self.pod, self.near = f"waf-pod-{tail}", f"waf-near-{tail}"
        self._processes: list[subprocess.Popen[str]] = []
        for name in (self.pod, self.near):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run(
            "ip",
            "-n",
            self.pod,
            "link",
            "add",
            "eth0",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            self.near,
        )
        for name, four, six in ((self.pod, POD4, POD6), (self.near, NEAR4, NEAR6)):
            run("ip", "-n", name, "address", "add", f"{four}/24", "dev", "eth0")
            run("ip", "-n", name, "address", "add", f"{six}/64", "dev", "eth0", "nodad")
            run("ip", "-n", name, "link", "set", "eth0", "up")
        deadline = time.monotonic() + 60.0
        while not all(self._carries(name) for name in (self.pod, self.near)):
            assert time.monotonic() < deadline, "the link does not come up"
            time.sleep(0.01)

    @staticmethod
    def _carries(name: str) -> bool:
        """The kernel tells IPv6 of the carrier in its own time."""
        link = run("ip", "-n", name, "-o", "link", "show", "eth0")
        return " state UP " in link and bool(run("ip", "-n", name, "-6", "route", "show", "fd00:111::/64"))

    def serve(self, where: str, uid: int, ports: str, word: str, hosts: str = "0.0.0.0,::") -> None:
        process = subprocess.Popen(
            ["ip", "netns", "exec", where, sys.executable, "-c", SERVE, str(uid), ports, word, hosts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    def ask(self, where: str, uid: int, *places: str) -> list[str]:
        return run("ip", "netns", "exec", where, sys.executable, "-c", ASK, str(uid), *places).splitlines()

    def redirect(self) -> str:
        code = "from waf.cli.main import main; main()"
        words = [
            "redirect",
            "--apply",
            "--port",
            "8080",
            "--to",
            "15006",
            "--exclude",
            "9090",
            "--exclude",
            "15021",
        ]
        return run("ip", "netns", "exec", self.pod, sys.executable, "-c", code, *words)

    def close(self) -> None:
        for process in self._processes:
            process.communicate("", timeout=60)
        for name in (self.pod, self.near):
            subprocess.run(["ip", "netns", "delete", name], check=False)


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network()
    try:
        yield made
    finally:
        made.close()


@packets
def test_packets(network: Network) -> None:
    network.serve(network.pod, 1000, "8080,9090", "app")
    network.serve(network.pod, 1337, "15006", "waf")
    network.serve(network.near, 1000, "8080", "other")
    near = (f"{POD4}@8080", f"{POD6}@8080")
    own = ("127.0.0.1@8080", "::1@8080", f"{POD4}@8080", f"{POD6}@8080", "127.9.9.9@8080")
    # Without rules the app answers, so that what follows is the rules' doing.
    assert network.ask(network.near, 1000, *near) == ["app"] * 2
    assert network.ask(network.pod, 1000, *own) == ["app"] * 5
    for _ in range(2):  # a second run changes nothing
        network.redirect()
        assert network.ask(network.near, 1000, *near) == ["waf for 8080"] * 2
        assert network.ask(network.pod, 1000, *own) == ["waf for 8080"] * 5
        assert network.ask(network.pod, 0, *own) == ["waf for 8080"] * 5
        assert network.ask(network.pod, 1337, *own) == ["app"] * 5
    # Excluded ports, the sidecar's own port, and what leaves the pod.
    assert network.ask(network.near, 1000, f"{POD4}@9090", f"{POD6}@9090") == ["app"] * 2
    assert network.ask(network.pod, 1000, "127.0.0.1@9090") == ["app"]
    assert network.ask(network.near, 1000, f"{POD4}@15006") in (["waf"], ["waf for 15006"])
    assert network.ask(network.pod, 1000, f"{NEAR4}@8080", f"{NEAR6}@8080") == ["other"] * 2


@packets
def test_what_is_applied_is_what_is_printed(network: Network) -> None:
    printed = network.redirect()
    assert printed == as_text(PLAN)
    applied = run("ip", "netns", "exec", network.pod, "nft", "list", "table", "inet", "waf_redirect")
    subprocess.run(
        ["ip", "netns", "exec", network.near, "nft", "-f", "-"], input=printed, text=True, check=True
    )
    read = run("ip", "netns", "exec", network.near, "nft", "list", "table", "inet", "waf_redirect")
    run("ip", "netns", "exec", network.near, "nft", "delete", "table", "inet", "waf_redirect")
    assert applied == read
    assert 'oifname "lo" tcp dport 8080 redirect to :15006' in applied


@packets
def test_without_the_capability_it_says_so(network: Network) -> None:
    code = (
        "import os\n"
        "from waf.kube.redirect import Plan, apply\n"
        "os.setgid(1000); os.setuid(1000)\n"
        "try: apply(Plan((8080,), 15006, 1337))\n"
        "except OSError as error: print(error.strerror)"
    )
    out = run("ip", "netns", "exec", network.near, sys.executable, "-c", code)
    assert "NET_ADMIN is needed" in out


def test_every_chain_lets_excluded_ports_through_before_it_redirects() -> None:
    for chain in ("prerouting", "output"):
        lines = [rule for rule in rules(PLAN) if rule.chain == chain]
        first = next(number for number, rule in enumerate(lines) if rule.to is not None)
        assert {rule.port for rule in lines[:first]} >= {9090, 15021}
        assert all(rule.to == 15006 for rule in lines[first:])
    assert rules(PLAN)[0].uid == 1337


@pytest.mark.parametrize(
    ("ports", "to", "excluded"), [((8080,), 8080, ()), ((8080,), 15006, (8080,)), ((), 15006, ())]
)
def test_a_plan_that_captures_nothing_is_refused(
    ports: tuple[int, ...], to: int, excluded: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="port"):
        plan_of(ports, to, 1337, excluded)


def test_messages_are_whole() -> None:
    data, numbers = as_bytes(PLAN), []
    while data:
        length = int.from_bytes(data[:4], sys.byteorder)
        assert length % 4 == 0
        assert 20 <= length <= len(data)
        numbers.append(int.from_bytes(data[8:12], sys.byteorder))
        data = data[length:]
    assert numbers == list(range(len(numbers)))


def test_the_command_prints_rules_and_refuses_nonsense() -> None:
    arguments = ["--port", "8080", "--to", "15006", "--exclude", "9090", "--exclude", "15021"]
    result = CliRunner().invoke(redirect, arguments)
    assert (result.exit_code, result.stdout) == (0, as_text(PLAN))
    assert CliRunner().invoke(redirect, ["--port", "80", "--to", "80"]).exit_code == 2
    assert CliRunner().invoke(redirect, ["--port", "0", "--to", "80"]).exit_code == 2
