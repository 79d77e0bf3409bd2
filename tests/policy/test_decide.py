"""Scoring and verdicts: what counts once, what needs company, what only watches."""

from __future__ import annotations

import pytest

from waf.model import PASSED, Action, Confidence, Engine, Finding, Mode, Severity
from waf.policy.decide import decide, score, weight


def finding(
    severity: Severity = Severity.HIGH,
    confidence: Confidence = Confidence.HIGH,
    kind: str = "sqli",
    address: str = "arg.q",
    rule: str = "r",
    engine: Engine = Engine.SIGNATURE,
    enforced: bool = True,
) -> Finding:
    return Finding(rule, kind, engine, severity, confidence, address, enforced=enforced)


def test_nothing_found_is_passed() -> None:
    assert decide([], threshold=7, mode=Mode.PROTECT) is PASSED


@pytest.mark.parametrize(
    ("severity", "confidence", "blocks"),
    [
        (Severity.INFO, Confidence.HIGH, False),
        (Severity.LOW, Confidence.HIGH, False),
        (Severity.MEDIUM, Confidence.HIGH, False),
        (Severity.HIGH, Confidence.LOW, False),
        (Severity.HIGH, Confidence.MEDIUM, False),
        (Severity.HIGH, Confidence.HIGH, True),
        (Severity.CRITICAL, Confidence.MEDIUM, False),
        (Severity.CRITICAL, Confidence.HIGH, True),
    ],
)
def test_one_finding_at_the_default_threshold(
    severity: Severity, confidence: Confidence, blocks: bool
) -> None:
    verdict = decide([finding(severity, confidence)], threshold=7, mode=Mode.PROTECT)
    assert (verdict.action is Action.BLOCK) == blocks
    assert verdict.would is verdict.action


def test_a_class_counts_once_per_field_by_its_heaviest() -> None:
    twice = [finding(Severity.MEDIUM), finding(Severity.LOW), finding(Severity.MEDIUM)]
    assert score(twice) == weight(twice[0])
    assert score([*twice, finding(Severity.MEDIUM, address="arg.r")]) == 2 * weight(twice[0])
    assert score([*twice, finding(Severity.MEDIUM, kind="xss")]) == 2 * weight(twice[0])


def test_weak_findings_need_company() -> None:
    one = finding(Severity.CRITICAL, Confidence.MEDIUM)
    other = finding(Severity.LOW, Confidence.MEDIUM, kind="scanner")
    assert decide([one], threshold=7, mode=Mode.PROTECT).action is Action.FORWARD
    assert decide([one, other], threshold=7, mode=Mode.PROTECT).action is Action.BLOCK


@pytest.mark.parametrize("mode", [Mode.MONITOR, Mode.OFF])
def test_only_protect_acts(mode: Mode) -> None:
    verdict = decide([finding()], threshold=7, mode=mode, altered=True)
    assert (verdict.action, verdict.would) == (Action.FORWARD, Action.BLOCK)


def test_watched_findings_count_towards_would_alone() -> None:
    verdict = decide([finding(enforced=False)], threshold=7, mode=Mode.PROTECT)
    assert (verdict.action, verdict.would) == (Action.FORWARD, Action.BLOCK)
    assert verdict.score == 7


def test_an_access_finding_needs_no_score() -> None:
    refused = finding(Severity.INFO, Confidence.LOW, rule="access.method", engine=Engine.ACCESS)
    verdict = decide([refused], threshold=100, mode=Mode.PROTECT)
    assert (verdict.action, verdict.status) == (Action.BLOCK, 405)


def test_a_rate_limit_says_when_to_come_back() -> None:
    refused = finding(rule="access.rate-limit", engine=Engine.ACCESS)
    verdict = decide([refused], threshold=7, mode=Mode.PROTECT, retry_after=9)
    assert (verdict.status, verdict.retry_after) == (429, 9)


def test_an_altered_message_is_redacted_unless_it_is_blocked() -> None:
    weak = [finding(Severity.LOW)]
    assert decide(weak, threshold=7, mode=Mode.PROTECT, altered=True).action is Action.REDACT
    assert decide([], threshold=7, mode=Mode.PROTECT, altered=True).action is Action.REDACT
    assert decide([finding()], threshold=7, mode=Mode.PROTECT, altered=True).action is Action.BLOCK
