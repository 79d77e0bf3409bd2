"""The one place where findings become a verdict.

Each finding weighs severity x confidence; findings of one class at one field count once, by the heaviest; the
sum is the anomaly score, held against the threshold of its direction. So one HIGH finding of high confidence
blocks at the default threshold of 7, a CRITICAL one of medium confidence needs company, and any number of
INFO ones is free.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from waf.model import PASSED, Action, Confidence, Engine, Finding, Mode, Severity, Verdict

POINTS: Final = {
    Severity.INFO: 0.0,
    Severity.LOW: 2.0,
    Severity.MEDIUM: 4.0,
    Severity.HIGH: 7.0,
    Severity.CRITICAL: 10.0,
}
TRUST: Final = {Confidence.LOW: 0.3, Confidence.MEDIUM: 0.6, Confidence.HIGH: 1.0}

# What a block is answered with when a finding of this rule took part; 403 for all others.
STATUS_OF_RULE: Final = {
    "access.rate-limit": 429,
    "access.method": 405,
    "access.content-type": 415,
    "limit.body": 413,
    "limit.decompressed": 413,
}
RETRY_SECONDS: Final = 1
_ACCESS: Final = Engine.ACCESS  # an enum's attribute costs more than a global


def weight(finding: Finding) -> float:
    """The points of one finding."""
    return POINTS[finding.severity] * TRUST[finding.confidence]


def score(findings: Iterable[Finding]) -> float:
    """The anomaly score: per (class, field) the heaviest finding, summed."""
    heaviest: dict[tuple[str, str], float] = {}
    for finding in findings:
        key = (finding.kind, finding.address)
        heaviest[key] = max(weight(finding), heaviest.get(key, 0.0))
    return sum(heaviest.values())


def decide(
    findings: Sequence[Finding],
    *,
    threshold: int,
    mode: Mode,
    altered: bool = False,
    retry_after: int = RETRY_SECONDS,
) -> Verdict:
    """The verdict on one message.

    `altered` says that a body or head is changed on its way. Findings that are not `enforced` count only
    towards `would`. Refusals by an access rule stand by themselves: they are a person's explicit wish, not a
    score.
    """
    if not findings:
        return Verdict(Action.REDACT, Action.REDACT) if altered else PASSED
    milder = Action.REDACT if altered else Action.FORWARD
    weighty = [f for f in findings if f.severity or f.engine is _ACCESS]
    if not weighty:  # INFO alone, which is what most findings are
        action = milder if mode is Mode.PROTECT else Action.FORWARD
        return Verdict(action, milder, findings=tuple(findings))
    would_score = score(weighty)
    enforced = [f for f in weighty if f.enforced]
    enforced_score = would_score if len(enforced) == len(weighty) else score(enforced)
    would = Action.BLOCK if would_score >= threshold or _explicit(weighty) else milder
    action = Action.BLOCK if enforced_score >= threshold or _explicit(enforced) else milder
    if mode is not Mode.PROTECT:
        action = Action.FORWARD
    status, retry = 403, 0
    if would is Action.BLOCK:
        status = next((STATUS_OF_RULE[f.rule] for f in findings if f.rule in STATUS_OF_RULE), 403)
        retry = retry_after if status == 429 else 0
    return Verdict(
        action=action,
        would=would,
        score=round(would_score),
        status=status,
        findings=tuple(findings),
        retry_after=retry,
    )


def _explicit(findings: Iterable[Finding]) -> bool:
    return any(f.engine is _ACCESS for f in findings)
