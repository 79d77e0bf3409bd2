"""The tables in tests/cases/http1: each message, cut in every way, and what reaches the other side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tests.http1 import http1_wire as wire
from tests.together import together
from waf.config.schema import Limits
from waf.errors import ClientFault, Fault, UpstreamFault
from waf.http1 import forwarding, serialize
from waf.http1.hosts import HostRule
from waf.http1.rules import RULES
from waf.model import Framing, Peer

FOLDER = Path(__file__).parent.parent / "cases" / "http1"
CHUNKED_HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    case: str
    lines: list[str] | None = None
    raw: str | None = None
    chunks: str | None = None
    body: str = ""
    each: list[str] | None = None
    refused: str | None = None
    app_gets: list[str] | None = None
    client_gets: list[str] | None = None
    payload: str = ""
    rest: str = ""
    hosts: list[str] = []
    limits: dict[str, int] = {}
    method: str = "GET"
    closed: bool = False
    waits: bool = False
    peer: str = "192.0.2.7"
    proxies: list[str] = []
    hops: int = 0
    all_lines: bool = False

    def filled(self, text: str) -> Case:
        def fill(value: Any) -> Any:
            if isinstance(value, str):
                return value.replace("{}", text)
            return [fill(part) for part in value] if isinstance(value, list) else value

        # A payload is what the table says; only what is sent and the heads that come out have places to fill.
        names = ("lines", "raw", "chunks", "body", "app_gets", "client_gets")
        return msgspec.structs.replace(self, **{name: fill(getattr(self, name)) for name in names})

    def head(self) -> str:
        if self.chunks is not None:
            return CHUNKED_HEAD
        return self.raw if self.raw is not None else "".join(f"{line}\r\n" for line in [*self.lines, ""])

    def message(self) -> bytes:
        return (self.head() + (self.chunks or "") + self.body).encode("latin-1")


def load(name: str) -> list[Any]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    params: list[Any] = []
    for case in msgspec.convert(yaml.safe_load(text), list[Case]):
        assert (case.lines is None) + (case.raw is None) + (case.chunks is None) == 2, case.case
        asserted = [case.refused, case.app_gets, case.client_gets, case.waits or None, case.chunks]
        assert any(want is not None for want in asserted), f"{case.case} asserts nothing"
        assert case.refused is None or case.refused in RULES, case.refused
        if case.each is None:
            params.append(pytest.param(case, id=f"{name}-{case.case}"))
            continue
        assert case.each, f"{case.case} has no texts"
        for number, text in enumerate(case.each):
            params.append(pytest.param(case.filled(text), id=f"{name}-{case.case}-{number}"))
    assert params, f"{name} has no cases"
    return params


FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
RESPONSES = [name for name in FILES if name.startswith("responses")]
REQUEST_CASES = [param for name in FILES if name not in RESPONSES for param in load(name)]
RESPONSE_CASES = [param for name in RESPONSES for param in load(name)]


def latin(text: str) -> bytes:
    return text.encode("latin-1")


def limits_of(case: Case) -> Limits:
    return Limits(**case.limits)


@together("case", REQUEST_CASES)
def test_request(case: Case) -> None:
    message = case.message()
    limits = limits_of(case)
    hosts = HostRule.compile(case.hosts)
    if case.refused is not None:
        for cut in wire.CUTS:
            with pytest.raises(ClientFault) as caught:
                wire.read_request(cut(message), limits, hosts=hosts)
            if cut is wire.whole:
                assert caught.value.rule == case.refused
            assert 400 <= caught.value.status <= 505
        return
    for cut in wire.CUTS:
        for tail in (b"",) if case.waits else (b"", b"GET / HTTP/1.1\r\n", b"\x00\xff"):
            got = wire.read_request(cut(message + tail), limits, hosts=hosts)
            assert got.complete is not case.waits
            assert got.payload == latin(case.payload)
            assert got.rest == latin(case.rest) + tail
    if case.app_gets is not None:
        assert got.request is not None
        assert app_lines(case, got) == [latin(line) for line in case.app_gets]


def app_lines(case: Case, got: wire.OurRequest) -> list[bytes]:
    """The head that the app gets, without blank line and, unless asked for, without X-Forwarded lines."""
    assert got.request is not None
    proxies = forwarding.TrustedProxies.compile(case.proxies, case.hops)
    client, trusted = forwarding.client_address(case.peer, got.request.headers, proxies)
    hop = serialize.Hop(Peer(case.peer, 1, client, "http"), trusted=trusted)
    head = serialize.request_head(got.request, hop, len(got.payload))
    lines = head.split(b"\r\n")
    assert lines[-2:] == [b"", b""]
    return [line for line in lines[:-2] if case.all_lines or not line.startswith(b"X-Forwarded-")]


@together("case", RESPONSE_CASES)
def test_response(case: Case) -> None:
    message = case.message()
    method = latin(case.method)
    if case.refused is not None:
        for cut in wire.CUTS:
            with pytest.raises(UpstreamFault) as caught:
                wire.read_response(cut(message), method, limits_of(case), closed=case.closed)
            if cut is wire.whole:
                assert caught.value.rule == case.refused
            assert caught.value.status == 502
        return
    for cut in wire.CUTS:
        for tail in (b"",) if case.waits or case.closed else (b"", b"HTTP/1.1 200 OK\r\n", b"\x00\xff"):
            got = wire.read_response(cut(message + tail), method, limits_of(case), closed=case.closed)
            assert got.complete is not case.waits
            assert got.payload == latin(case.payload)
            assert got.rest == latin(case.rest) + tail
    if case.client_gets is not None:
        response = got.response
        assert response is not None
        length = response.length if response.framing is Framing.LENGTH else None
        head = serialize.response_head(response, length=length, close=False, minor=1)
        assert head.split(b"\r\n")[:-2] == [latin(line) for line in case.client_gets]


def test_every_request_rule_has_a_case() -> None:
    """A rule that nothing breaks is a rule that nobody has seen work."""
    cases = [param.values[0] for param in [*REQUEST_CASES, *RESPONSE_CASES]]
    covered = {case.refused for case in cases}
    elsewhere = {
        # Messages too large for a table: tests/http1/test_http1_limits.py
        "protocol.body-cut", "protocol.chunk-line-size", "protocol.chunk-extension-flood",
        "protocol.trailer-size", "protocol.response-head-size", "protocol.response-header-count",
        "protocol.response-chunk-line-size", "protocol.response-chunk-extension-flood",
        "protocol.response-trailer-size",
        # What diagnosis says of bytes that are not exactly one head; the proxy never hands such over.
        "protocol.malformed-head", "protocol.response-malformed-head",
    }  # fmt: skip
    assert set(RULES) - covered - {None} == elsewhere


def test_faults_say_whose_they_are() -> None:
    for rule, entry in RULES.items():
        assert (entry.status == 502) == rule.startswith("protocol.response-")
        assert entry.source.startswith("RFC ")
    assert issubclass(ClientFault, Fault)
