"""Exchanges for tests: one ordinary, and changes to it."""

from __future__ import annotations

from typing import Any

from waf.model import (
    Action,
    Confidence,
    Engine,
    Exchange,
    Finding,
    Framing,
    Headers,
    Outcome,
    Peer,
    Request,
    Response,
    Severity,
    Verdict,
)

PEER = Peer("10.0.0.9", 4711, "203.0.113.7", "http")


def mask(data: bytes) -> str:
    """Stands for the real mask: digits are what must not be shown."""
    return "".join("*" if c.isdigit() else c for c in data.decode("latin-1") if c.isprintable())[:120]


def request(path: bytes = b"/shop/cart", **changes: Any) -> Request:
    values: dict[str, Any] = {
        "method": b"GET",
        "target": path,
        "path": path,
        "query": None,
        "minor": 1,
        "headers": Headers.make((b"Host", b"shop.example"), (b"User-Agent", b"curl/8")),
        "host": b"shop.example",
        "framing": Framing.NONE,
        "length": 0,
        "keep_alive": True,
        "expects_continue": False,
        "upgrade": None,
    }
    return Request(**{**values, **changes})


def response(status: int = 200, *headers: tuple[bytes, bytes]) -> Response:
    return Response(status, b"OK", 1, Headers.make(*headers), Framing.NONE, 0, True)


def finding(**changes: Any) -> Finding:
    values: dict[str, Any] = {
        "rule": "sqli-tautology",
        "kind": "sqli",
        "engine": Engine.SIGNATURE,
        "severity": Severity.CRITICAL,
        "confidence": Confidence.HIGH,
        "address": "arg.q",
        "excerpt": "' or '*'='*",
    }
    return Finding(**{**values, **changes})


def exchange(**changes: Any) -> Exchange:
    """Forwarded, answered 200, nothing found; stages 1, 2, 1, 1, 5, 10 ms."""
    made = Exchange("req-1", PEER, 100.0, 1_700_000_000.25)
    made.request = request()
    made.response = response()
    made.head_at, made.client_body_at, made.admitted_at = 100.001, 100.003, 100.004
    made.sent_upstream_at, made.answered_at, made.ended = 100.005, 100.010, 100.020
    made.overhead = 0.00005
    made.sent_status = 200
    made.attempts = 1
    made.bytes_from_client, made.bytes_to_client, made.bytes_from_app = 100, 2000, 1900
    made.policy_version, made.generation = "abc", 3
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def blocked(*findings: Finding, **changes: Any) -> Exchange:
    verdict = Verdict(
        Action.BLOCK, Action.BLOCK, 9, 403, findings or (finding(),), exclusion="- rule: sqli-tautology"
    )
    values = {"verdict": verdict, "outcome": Outcome.BLOCKED, "sent_status": 403, "response": None}
    return exchange(**{**values, **changes})


def watched(*findings: Finding) -> Exchange:
    """Monitor mode: forwarded, and would have been blocked."""
    return exchange(verdict=Verdict(Action.FORWARD, Action.BLOCK, 9, 403, findings or (finding(),)))
