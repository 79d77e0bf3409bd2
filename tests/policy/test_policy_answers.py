"""Sensitive data both ways, and leaks in answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.policy.rig import CARD, FORM, JSON, LEAN, PROTECT, Walk, Workshop
from waf.errors import ConfigError
from waf.model import Action, BodyRefused, Engine, Released
from waf.policy.policy import Policy

CARD_DIGITS = CARD.replace(" ", "").encode()


@pytest.mark.parametrize("action", ["report", "mask", "block"])
def test_a_card_number_in_a_request(workshop: Workshop, action: str) -> None:
    policy = workshop.policy(LEAN | {"sensitive": {"request_action": action}})
    walk = Walk(policy, "/pay", method="POST", body=b'{"card": "' + CARD_DIGITS + b'"}', kind=JSON)
    if action == "block":
        verdict = walk.refused()
        assert {finding.engine for finding in verdict.findings} == {Engine.SENSITIVE}
        assert CARD_DIGITS.decode() not in str(msgspec.to_builtins(verdict, enc_hook=str))
        return
    body = walk.passed().body
    assert body is not None
    assert (CARD_DIGITS in body) is (action == "report")
    assert walk.exchange.verdict.action is (Action.REDACT if action == "mask" else Action.FORWARD)


@pytest.mark.parametrize(
    "config",
    [{"mode": "monitor"}, {"mode": "protect", "sensitive": {"mode": "monitor"}}],
    ids=["all", "engine"],
)
def test_monitor_mode_alters_no_request(workshop: Workshop, config: dict[str, Any]) -> None:
    policy = workshop.policy(
        config | {"sensitive": {"request_action": "mask", **config.get("sensitive", {})}}
    )
    walk = Walk(policy, "/pay", method="POST", body=b"card=" + CARD_DIGITS, kind=FORM)
    assert walk.passed().body == walk.body
    assert (walk.exchange.verdict.action, walk.exchange.verdict.would) == (Action.FORWARD, Action.REDACT)


@pytest.mark.parametrize(("mode", "refused"), [("monitor", False), ("protect", True)])
def test_a_page_with_a_card_number_may_be_withheld(workshop: Workshop, mode: str, refused: bool) -> None:
    walk = Walk(workshop.policy({"mode": mode, "sensitive": {"response_action": "block"}}))
    page = f"<p>Card: {CARD}</p>".encode()
    if not refused:
        assert walk.release(page)[1] == page
        assert walk.exchange.response_verdict.would is Action.BLOCK
        return
    with pytest.raises(BodyRefused) as caught:
        walk.release(page)
    assert caught.value.verdict.action is Action.BLOCK


def test_a_list_of_ones_own_is_recognised(workshop: Workshop) -> None:
    workshop.write("customers.csv", "name,number\nJo,KD-204711\nSam,KD-204712\n")
    listed = {"id": "customer", "file": "customers.csv", "column": "number"}
    config = LEAN | {"sensitive": {"exact": [listed], "entities": ["customer"]}}
    _, out = Walk(workshop.policy(config)).release(b"<p>KD-204711 and KD-999999</p>")
    assert b"KD-204711" not in out
    assert b"KD-999999" in out


def test_a_list_without_its_column_is_a_located_mistake(workshop: Workshop) -> None:
    workshop.write("customers.csv", "name\nJo\n")
    listed = {"id": "customer", "file": "customers.csv", "column": "number"}
    with pytest.raises(ConfigError, match=r"customers\.csv:1.*number"):
        workshop.policy(LEAN | {"sensitive": {"exact": [listed]}})


LEAK = (
    b"<html><body><pre>You have an error in your SQL syntax; check the manual that corresponds to your MySQL "
    b"server version for the right syntax to use near ''' at line 1</pre></body></html>"
)


def test_a_leak_is_reported_by_default(protecting: Policy) -> None:
    walk = Walk(protecting)
    _, out = walk.release(LEAK)
    assert out == LEAK
    assert "leak" in {finding.kind for finding in walk.exchange.response_verdict.findings}
    assert walk.exchange.response_verdict.action is Action.FORWARD


@pytest.mark.parametrize("piece", [5, 4096])
def test_a_leak_is_withheld_where_configured(workshop: Workshop, piece: int) -> None:
    policy = workshop.policy(PROTECT | {"inspection": {"response_action": "block", "response_threshold": 1}})
    with pytest.raises(BodyRefused) as caught:
        Walk(policy).release(LEAK, piece=piece)
    assert (caught.value.verdict.action, caught.value.verdict.status) == (Action.BLOCK, 502)


@pytest.mark.parametrize("blocks", [True, False])
def test_the_head_waits_where_a_response_may_be_refused(workshop: Workshop, blocks: bool) -> None:
    config = {"inspection": {"response_action": "block" if blocks else "report"}}
    released, _ = Walk(workshop.policy(PROTECT | config)).release(b"<p>page</p>")
    assert isinstance(released, Released)
    assert released.hold_head is blocks


def test_a_coded_response_that_nothing_can_read_is_counted(workshop: Workshop) -> None:
    policy = workshop.policy(PROTECT | {"sensitive": {"enabled": False}})
    walk = Walk(policy)
    _, out = walk.release(b"\x1f\x8b...", extra="Content-Encoding: gzip\r\n")
    assert (out, walk.exchange.bypass) == (b"\x1f\x8b...", "response-coding")


@pytest.mark.parametrize(
    ("config", "kind", "status", "expected"),
    [
        ({}, "text/html", "200 OK", True),
        ({}, "application/json", "200 OK", True),
        ({}, "image/png", "200 OK", False),
        ({}, "application/octet-stream", "200 OK", False),
        ({}, "text/html", "206 Partial Content", False),
        ({"mode": "off"}, "text/html", "200 OK", False),
        ({"sensitive": {"enabled": False}}, "text/html", "200 OK", True),
        ({"signatures": {"enabled": False}}, "text/html", "200 OK", True),
        ({"signatures": {"enabled": False}, "sensitive": {"enabled": False}}, "text/html", "200 OK", False),
    ],
)
def test_which_answers_are_better_gathered(
    workshop: Workshop, config: dict[str, object], kind: str, status: str, expected: bool
) -> None:
    walk = Walk(workshop.policy(PROTECT | config))
    walk.release(b"text", kind=kind, status=status)
    response = walk.exchange.response
    assert response is not None
    assert walk.policy.reads(walk.exchange, response) is expected
