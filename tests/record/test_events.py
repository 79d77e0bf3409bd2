"""What an event says, which exchanges get one, and what never stands in it."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.record.sample_exchanges import blocked, exchange, finding, mask, request, response, watched
from tests.together import together
from waf.model import (
    PASSED,
    Action,
    Confidence,
    Engine,
    Exchange,
    Headers,
    Outcome,
    Severity,
    Verdict,
)
from waf.record.events import EVENT_TYPES, MAX_LINE, event, line, remarkable
from waf.record.ocsf import ocsf


def test_a_line_takes_no_more_memory_than_its_text() -> None:
    tracemalloc.start()
    lines = [line(event(blocked(), mask, "shop")) for _ in range(100)]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 2 * sum(map(len, lines))


def test_a_blocked_exchange_tells_all_that_the_one_on_call_needs() -> None:
    told = event(blocked(trace_id="4bf92f", route="/shop/*"), mask, "shop")
    assert told == {
        "@timestamp": "2023-11-14T22:13:20.250Z",
        "ecs.version": "8.11.0",
        "event.dataset": "waf.exchange",
        "event.kind": "alert",
        "event.category": ["web", "intrusion_detection"],
        "event.type": ["denied"],
        "event.action": "block",
        "event.outcome": "success",
        "event.duration": 20_000_000,
        "http.request.id": "req-1",
        "trace.id": "4bf92f",
        "source.ip": "203.0.113.7",
        "waf.peer.ip": "10.0.0.9",
        "url.scheme": "http",
        "url.domain": "shop.example",
        "url.path": "/shop/cart",
        "user_agent.original": "curl/*",
        "http.version": "1.1",
        "http.request.method": "GET",
        "http.request.bytes": 100,
        "http.response.status_code": 403,
        "http.response.bytes": 2000,
        "service.name": "shop",
        "rule.id": ["sqli-tautology"],
        "rule.category": ["sqli"],
        "waf.outcome": "blocked",
        "waf.would": "block",
        "waf.score": 9,
        "waf.exclusion": "- rule: sqli-tautology",
        "waf.findings": [
            {
                "rule": "sqli-tautology",
                "kind": "sqli",
                "engine": "signature",
                "severity": "critical",
                "confidence": "high",
                "field": "arg.q",
                "excerpt": "' or '*'='*",
            }
        ],
        "waf.route": "/shop/*",
        "waf.attempts": 1,
        "waf.policy.version": "abc",
        "waf.policy.generation": 3,
        "waf.timings_ms": {
            "head": 1.0,
            "body": 2.0,
            "judge": 1.0,
            "connect": 1.0,
            "upstream": 5.0,
            "reply": 10.0,
        },
        "waf.overhead_ms": 0.05,
    }


def test_what_monitor_mode_would_have_done_is_told() -> None:
    told = event(watched(), mask)
    assert (told["event.action"], told["waf.would"], told["waf.outcome"]) == ("forward", "block", "forwarded")
    assert told["event.kind"] == "alert"


def test_a_withheld_response_is_told_with_its_score() -> None:
    verdict = Verdict(Action.BLOCK, Action.BLOCK, 8, 502, (finding(rule="leak-sql-error"),))
    told = event(exchange(response_verdict=verdict, outcome=Outcome.WITHHELD, sent_status=502), mask)
    assert (told["event.action"], told["waf.score"], told["rule.id"]) == ("block", 8, ["leak-sql-error"])
    assert told["waf.upstream.status_code"] == 200


def test_a_fault_without_findings_is_named() -> None:
    faulty = exchange(outcome=Outcome.UPSTREAM_FAULT, fault="upstream.refused", detail="nobody listens")
    told = event(faulty, mask)
    assert told["rule.id"] == ["upstream.refused"]
    assert told["event.reason"] == "nobody listens"
    assert told["event.outcome"] == "failure"


def test_a_request_that_could_not_be_read_has_an_event() -> None:
    unread = dict.fromkeys(
        ("head_at", "client_body_at", "admitted_at", "sent_upstream_at", "answered_at"), 0.0
    )
    bare = exchange(
        request=None,
        response=None,
        outcome=Outcome.MALFORMED,
        fault="protocol.bare-lf",
        ended=100.0,
        **unread,
    )
    told = event(bare, mask)
    assert told["rule.id"] == ["protocol.bare-lf"]
    assert "url.path" not in told
    assert told["waf.timings_ms"] == {"reply": 0.0}


def test_what_passed_uninspected_says_so() -> None:
    told = event(exchange(bypass="own-error", detail="KeyError in our own code"), mask)
    assert told["waf.inspected"] is False
    assert told["waf.bypass"] == "own-error"
    assert told["event.reason"] == "KeyError in our own code"


def test_the_app_s_own_status_is_told_beside_ours() -> None:
    told = event(exchange(response=response(500), sent_status=502), mask)
    assert (told["waf.upstream.status_code"], told["http.response.status_code"]) == (500, 502)


@together("outcome", Outcome)
def test_every_outcome_has_an_event_type(outcome: Outcome) -> None:
    assert event(exchange(outcome=outcome), mask)["event.type"] == [EVENT_TYPES[outcome]]


def test_findings_that_are_only_watched_are_marked() -> None:
    told = event(watched(finding(enforced=False)), mask)
    assert told["waf.findings"][0]["enforced"] is False


# --------------------------------------------------------------------------- which get an event

QUIET = Verdict(Action.FORWARD, Action.FORWARD, 0, 403, (finding(engine=Engine.SENSITIVE, kind="email"),))
LOW = Verdict(Action.FORWARD, Action.FORWARD, 2, 403, (finding(severity=Severity.LOW),))

PROFILED, UNDOCUMENTED = (
    Verdict(Action.FORWARD, Action.FORWARD, 4, 403, (finding(rule=rule, engine=Engine.PROFILE),))
    for rule in ("profile.size", "profile.response-schema")
)

REMARKABLE: list[tuple[str, Exchange, bool]] = [
    ("ordinary", exchange(), False),
    (
        "a verdict of its own without findings",
        exchange(verdict=Verdict(Action.FORWARD, Action.FORWARD)),
        False,
    ),
    ("blocked", blocked(), True),
    ("would be blocked", watched(), True),
    ("a finding below the threshold", exchange(verdict=LOW), True),
    ("a profile's finding of which nothing follows", exchange(verdict=PROFILED), False),
    ("an answer that is not as documented", exchange(response_verdict=UNDOCUMENTED), True),
    ("an e-mail address in a page", exchange(response_verdict=QUIET), False),
    ("redacted", exchange(outcome=Outcome.REDACTED, response_verdict=QUIET), True),
    ("would be redacted", exchange(response_verdict=Verdict(Action.FORWARD, Action.REDACT)), True),
    ("tunnelled", exchange(outcome=Outcome.TUNNELLED), False),
    ("client gone", exchange(outcome=Outcome.CLIENT_GONE), True),
    ("the app failed", exchange(outcome=Outcome.UPSTREAM_FAULT), True),
    ("the app answered 500", exchange(sent_status=500), False),
    ("a fault", exchange(fault="timeout.idle"), True),
    ("uninspected by a fault of ours", exchange(bypass="own-error"), True),
    ("uninspected by configuration", exchange(bypass="mode-off"), False),
    ("uninspected by a patch, and a fault", exchange(bypass="patch", fault="timeout.idle"), True),
]


@together(("name", "which", "expected"), REMARKABLE, ids=[row[0] for row in REMARKABLE])
def test_which_exchanges_are_remarkable(name: str, which: Exchange, expected: bool) -> None:
    assert remarkable(which) is expected


# --------------------------------------------------------------------------- nothing unmasked

SECRET = "4111111111111111"


def test_no_text_of_the_client_gets_around_the_mask() -> None:
    secret = SECRET.encode()
    told = json.dumps(
        event(
            blocked(
                finding(address=f"arg.{SECRET}", rule="r", excerpt="masked by the engine"),
                request=request(
                    b"/pay/4111%31111%311111111",
                    host=secret + b".example",
                    method=b"M" + secret,
                    query=b"card=" + secret,
                    target=b"/pay?card=" + secret,
                    headers=Headers.make(
                        (b"User-Agent", secret),
                        (b"Cookie", secret),
                        (b"Authorization", secret),
                        (b"X-A", secret),
                    ),
                ),
            ),
            mask,
        )
    )
    assert SECRET not in told
    assert "41111111" not in told


def test_an_exclusion_that_names_a_secret_is_not_shown() -> None:
    telling = finding(address=f"arg.{SECRET}")
    verdict = Verdict(Action.BLOCK, Action.BLOCK, 9, 403, (telling,), exclusion=f"- field: arg.{SECRET}")
    assert SECRET not in json.dumps(event(exchange(verdict=verdict), mask))


def test_a_mask_that_fails_shows_nothing() -> None:
    def broken(data: bytes) -> str:
        raise RuntimeError(data.decode())

    told = json.dumps(event(blocked(request=request(SECRET.encode())), broken))
    assert SECRET not in told
    assert f"[{len(SECRET)} bytes]" in told


# --------------------------------------------------------------------------- one line


def test_a_line_fits_into_one_write_to_a_pipe() -> None:
    long = {"excerpt": "x" * 120, "detail": "d" * 300}
    many = tuple(finding(rule=f"r{i}", severity=Severity(i % 5), **long) for i in range(40))
    entry = event(blocked(*many), mask)
    assert entry["waf.findings_omitted"] == 20
    data = line(entry)
    assert len(data) <= MAX_LINE
    shown = json.loads(data)
    assert len(shown["waf.findings"]) + shown["waf.findings_omitted"] == 40
    assert {one["severity"] for one in shown["waf.findings"]} == {"critical"}  # the weak ones gave way


def test_a_line_with_one_huge_text_is_cut() -> None:
    data = line(event(blocked(finding(detail="d" * 9000), detail="e" * 9000, route="r" * 9000), mask))
    assert len(data) <= MAX_LINE
    assert json.loads(data)["http.request.id"] == "req-1"


texts = st.text(alphabet=st.characters(), max_size=200)  # lone surrogates too


@given(texts, texts, st.binary(max_size=300), st.integers(0, 60))
@example("\udcff", "arg.\udcff", b"\xff", 1)
def test_any_exchange_makes_one_line_of_json(detail: str, address: str, path: bytes, count: int) -> None:
    many = [finding(address=address, detail=detail, rule=f"r{i}") for i in range(count)]
    data = line(event(blocked(*many, request=request(path)), lambda raw: raw.decode("latin-1")))
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    assert len(data) <= MAX_LINE
    json.loads(data)


# --------------------------------------------------------------------------- OCSF

OCSF: list[tuple[str, Exchange, dict[str, Any]]] = [
    ("blocked", blocked(), {"action_id": 2, "disposition_id": 2, "severity_id": 5, "activity_id": 3}),
    ("watched", watched(), {"action_id": 3, "disposition_id": 19, "is_alert": True}),
    ("ordinary", exchange(), {"action_id": 1, "disposition_id": 1, "severity_id": 1, "is_alert": False}),
    ("redacted", exchange(outcome=Outcome.REDACTED, response_verdict=Verdict(Action.REDACT, Action.REDACT)),
     {"action_id": 4, "disposition_id": 11}),
    ("faulty", exchange(outcome=Outcome.UPSTREAM_FAULT), {"status_id": 2, "status": "Failure"}),
    ("unreadable", exchange(request=None), {"activity_id": 0, "type_uid": 400200}),
    ("posted", exchange(request=request(method=b"POST")), {"activity_id": 6, "type_uid": 400206}),
    ("an unusual method", exchange(request=request(method=b"PROPFIND")), {"activity_id": 99}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "which", "expected"), OCSF, ids=[row[0] for row in OCSF])
def test_an_event_as_ocsf(name: str, which: Exchange, expected: dict[str, Any]) -> None:
    mapped = ocsf(event(which, mask), "1.2")
    assert {key: mapped[key] for key in expected} == expected
    assert mapped["class_uid"] == 4002
    assert mapped["type_uid"] == 4002 * 100 + mapped["activity_id"]
    assert mapped["time"] == 1_700_000_000_250
    assert mapped["metadata"]["product"]["version"] == "1.2"


def test_ocsf_carries_rule_and_technique() -> None:
    mapped = ocsf(event(blocked(finding(tags=("CWE-89", "T1190"))), mask))
    assert mapped["firewall_rule"] == {"uid": "sqli-tautology", "category": "sqli"}
    assert [attack["technique"]["uid"] for attack in mapped["attacks"]] == ["T1190"]
    assert mapped["http_request"]["url"] == {
        "scheme": "http",
        "hostname": "shop.example",
        "path": "/shop/cart",
    }
    assert mapped["unmapped"]["waf.score"] == 9


def test_passed_is_what_the_fast_path_believes_it_is() -> None:
    assert PASSED.action is PASSED.would is Action.FORWARD
    assert not PASSED.findings
    assert Confidence.HIGH > Confidence.LOW  # findings are ranked by these
