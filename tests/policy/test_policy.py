"""Whole exchanges through policies as the sidecar builds them: modes, routes, access, errors of ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policy.rig import ATTACK, CARD, FORM, JSON, LEAN, PROTECT, Walk, Workshop, rules_of
from waf.errors import OwnFault
from waf.model import PASSED, Action, BodyPlan, Engine, Mode, Refused, Withheld
from waf.policy.policy import Policy


def test_a_plain_request_passes_as_it_came(protecting: Policy) -> None:
    walk = Walk(protecting, "/search?q=coffee", body=b'{"a": 1}', method="POST", kind=JSON)
    admitted = walk.passed()
    assert admitted.body == walk.body
    assert admitted.request.target == b"/search?q=coffee"
    assert walk.exchange.verdict is PASSED
    assert walk.exchange.inspected


@pytest.mark.parametrize(
    ("mode", "action", "would"),
    [
        ("off", Action.FORWARD, Action.FORWARD),
        ("monitor", Action.FORWARD, Action.BLOCK),
        ("protect", Action.BLOCK, Action.BLOCK),
    ],
)
def test_an_attack_in_each_mode(workshop: Workshop, mode: str, action: Action, would: Action) -> None:
    walk = Walk(workshop.policy({"mode": mode}), ATTACK)
    answer = walk.admit()
    verdict = walk.exchange.verdict
    assert isinstance(answer, Refused) is (action is Action.BLOCK)
    assert (verdict.action, verdict.would) == (action, would)
    assert walk.exchange.bypass == ("mode-off" if mode == "off" else "")
    if would is Action.BLOCK:
        finding = next(one for one in verdict.findings if one.kind == "sqli")
        assert (finding.address, finding.engine) == ("arg.q", Engine.SIGNATURE)
        assert verdict.status == 403


@pytest.mark.parametrize(
    ("mode", "masked", "action", "would"),
    [
        ("off", False, Action.FORWARD, Action.FORWARD),
        ("monitor", False, Action.FORWARD, Action.REDACT),
        ("protect", True, Action.REDACT, Action.REDACT),
    ],
)
def test_a_card_number_in_a_page_in_each_mode(
    workshop: Workshop, mode: str, masked: bool, action: Action, would: Action
) -> None:
    walk = Walk(workshop.policy({"mode": mode}), "/customers/1")
    _, out = walk.release(f"<p>Card: {CARD}</p>".encode())
    assert (CARD.encode() not in out) is masked
    verdict = walk.exchange.response_verdict
    assert (verdict.action, verdict.would) == (action, would)


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_masking_does_not_depend_on_chunks(protecting: Policy, piece: int) -> None:
    whole = Walk(protecting).release(f"<p>Card: {CARD}</p>".encode())[1]
    assert Walk(protecting).release(f"<p>Card: {CARD}</p>".encode(), piece=piece)[1] == whole
    assert CARD[-4:].encode() in whole


@pytest.mark.parametrize(
    ("config", "target", "body"),
    [
        ({"signatures": {"mode": "monitor"}}, ATTACK, b""),
        ({"signatures": {"mode": "off"}}, ATTACK, b""),
        ({"routes": [{"path": "/search", "mode": "monitor"}]}, ATTACK, b""),
    ],
)
def test_what_only_watches_says_what_it_would(
    workshop: Workshop, config: dict[str, Any], target: str, body: bytes
) -> None:
    walk = Walk(workshop.policy(PROTECT | config), target, body=body)
    walk.passed()
    assert (walk.exchange.verdict.action, walk.exchange.verdict.would) == (Action.FORWARD, Action.BLOCK)


def test_signatures_may_be_off_altogether(workshop: Workshop) -> None:
    walk = Walk(workshop.policy(PROTECT | {"signatures": {"enabled": False}}), ATTACK)
    walk.passed()
    assert walk.exchange.verdict is PASSED


def test_a_level_brings_rules_in(workshop: Workshop) -> None:
    rule = {
        "id": "own-strict", "title": "Own", "class": "code", "severity": "critical", "confidence": "high",
        "level": 3, "where": ["arg"], "pattern": "frobnicate", "hits": ["frobnicate"],
    }  # fmt: skip
    workshop.write("own.yaml", [rule])
    config = PROTECT | {
        "signatures": {"rules": ["own.yaml"], "defaults": False},
        "routes": [{"path": "/strict", "level": 3}],
    }
    policy = workshop.policy(config)
    assert rules_of(Walk(policy, "/strict?a=frobnicate").refused()) == {"own-strict"}
    Walk(policy, "/?a=frobnicate").passed()


def test_thresholds_by_place(workshop: Workshop) -> None:
    policy = workshop.policy(PROTECT, tuning={"thresholds": [{"path": "/search", "request": 100}]})
    Walk(policy, ATTACK).passed()
    Walk(policy, ATTACK.replace("search", "find")).refused()


def test_address_lists(workshop: Workshop) -> None:
    policy = workshop.policy(PROTECT | {"access": {"allow": ["10.0.0.5"], "deny": ["10.0.0.0/8"]}})
    verdict = Walk(policy, client="10.0.0.6").refused()
    assert (verdict.status, rules_of(verdict), verdict.exclusion) == (403, {"access.denied-address"}, "")
    Walk(policy, client="10.0.0.5").passed()
    Walk(policy, client="192.0.2.1").passed()
    Walk(policy, ATTACK, client="10.0.0.5").refused()  # being allowed in is not being trusted


def test_a_rate_limit_answers_429_with_the_time_to_wait(workshop: Workshop) -> None:
    limit = {"name": "login", "path": "/login", "methods": ["POST"], "rate": 0.1, "burst": 2}
    policy = workshop.policy(LEAN | {"access": {"rate_limits": [limit]}})

    def login(now: float, method: str = "POST") -> Walk:
        return Walk(
            policy, "/login", method=method, body=b"a=1" if method == "POST" else b"", kind=FORM, now=now
        )

    login(0.0).passed()
    login(0.0).passed()
    verdict = login(0.0).refused()
    assert (verdict.status, verdict.retry_after, rules_of(verdict)) == (429, 10, {"access.rate-limit"})
    login(0.0, "GET").passed()
    login(10.0).passed()


def test_a_rate_limit_only_watches_in_monitor_mode(workshop: Workshop) -> None:
    policy = workshop.policy(
        LEAN | {"mode": "monitor", "access": {"rate_limits": [{"name": "all", "burst": 1}]}}
    )
    Walk(policy).passed()
    walk = Walk(policy)
    walk.passed()
    assert (walk.exchange.verdict.would, walk.exchange.verdict.status) == (Action.BLOCK, 429)


ROUTE = {
    "path": "/api/**",
    "name": "api",
    "allow_methods": ["GET", "POST"],
    "allow_types": ["application/json"],
}


@pytest.mark.parametrize(
    ("method", "kind", "status"),
    [
        ("GET", "", 0),
        ("POST", "application/json; charset=utf-8", 0),
        ("POST", "Application/JSON", 0),
        ("PUT", "application/json", 405),
        ("POST", "text/plain", 415),
        ("POST", "", 415),
    ],
)
def test_what_a_route_allows(workshop: Workshop, method: str, kind: str, status: int) -> None:
    policy = workshop.policy(LEAN | {"routes": [ROUTE]})
    walk = Walk(policy, "/api/x", method=method, body=b"" if method == "GET" else b"{}", kind=kind)
    answer = walk.admit()
    assert (answer.verdict.status if isinstance(answer, Refused) else 0) == status
    assert walk.exchange.route == "api"


class Broken:
    """An engine with a bug."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


def broken(policy: Policy) -> Policy:
    changed = policy.with_profile(None, 1)
    changed.signatures = changed._answers._signatures = Broken()  # type: ignore[misc, assignment]
    return changed


def test_on_error_closed(protecting: Policy) -> None:
    policy = broken(protecting)
    with pytest.raises(OwnFault) as caught:
        Walk(policy, ATTACK).admit()
    assert (caught.value.status, caught.value.rule) == (500, "own.inspection")


def test_on_error_open(workshop: Workshop) -> None:
    policy = broken(workshop.policy(PROTECT | {"inspection": {"on_error": "open"}}))
    walk = Walk(policy, ATTACK)
    _, out = walk.release(b"<p>page</p>")
    assert (walk.exchange.bypass, walk.exchange.inspected, out) == ("own-error", False, b"<p>page</p>")
    assert "ZeroDivisionError" in walk.exchange.detail


def test_a_response_that_cannot_be_judged_is_withheld(protecting: Policy) -> None:
    walk = Walk(protecting)
    walk.passed()
    walk.policy = broken(protecting)
    released = walk.policy.release(walk.exchange, _response())
    assert isinstance(released, Withheld)
    assert released.verdict.status == 502
    assert walk.exchange.response_verdict is released.verdict


def _response() -> Any:
    from waf.config.schema import Limits
    from waf.http1.parse import response_head

    return response_head(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n", Limits(), b"GET"
    )


def test_a_plan_says_how_to_take_a_body(protecting: Policy) -> None:
    plan = Walk(protecting, "/", method="POST", body=b"a=1", kind=FORM).plan()
    assert plan == BodyPlan(buffer=protecting.config.limits.inspect_body, over="block")
    assert protecting.config.mode is Mode.PROTECT
