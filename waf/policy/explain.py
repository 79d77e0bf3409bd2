"""The policy asked about one request, off the wire: what it reads, finds, scores and would do.

Takes the path of traffic (strict parse, plan, admit), so that an explanation cannot differ from what happens.
"""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from waf.errors import Fault
from waf.http1 import parse
from waf.inspect.bodies.parsed import address
from waf.inspect.questions import Outcome
from waf.inspect.signatures import Signatures
from waf.inspect.views import chain_label
from waf.model import PASSED, Action, BodyPlan, BodyRefused, Exchange, Peer, Refused, Verdict
from waf.policy.judgement import Judgement
from waf.policy.policy import Policy
from waf.policy.samples import Sample

EXPLAINED_PEER = Peer(
    address="192.0.2.1", port=0, client="192.0.2.1", scheme="http"
)  # RFC 5737: documentation

WITHHELD = "(not shown: the value holds sensitive data)"


class Explanation(msgspec.Struct, frozen=True):
    """What became of a sample. Safe to show: values are masked.

    `fault` is set where it is refused in every mode: a malformed head, an error of ours.
    """

    label: str
    verdict: Verdict
    fault: str = ""
    detail: str = ""
    status: int = 0  # the answer in protect mode, 0 = the app's own
    endpoint: str = ""
    profile_mode: str = ""  # how far the learned profile goes here
    fields: tuple[tuple[str, str], ...] = ()  # (address, masked value)
    views: tuple[tuple[str, str, str], ...] = ()  # (address, steps of decoding, masked text)
    rejected: tuple[tuple[str, str, str], ...] = ()  # (rule, address, why a match of it does not count)


def judge(
    policy: Policy, sample: Sample, now: float = 0.0, wall: float = 0.0, *, fields: bool = False
) -> Explanation:
    """Hold one sample against a policy. `now` is monotonic and `wall` Unix seconds (for expiries)."""
    label = policy.detector.mask(sample.label.encode("utf-8", "replace"))
    exchange = Exchange("explain", EXPLAINED_PEER, now, wall)
    try:
        exchange.request = parse.request_head(sample.head, policy.config.limits)
        plan = policy.plan(exchange, now)
        answer: object = plan
        if isinstance(plan, BodyPlan):
            answer = _take(policy, exchange, plan, sample.body, now)
    except Fault as fault:
        return Explanation(label, PASSED, fault.rule, fault.detail, fault.status)
    verdict = answer.verdict if isinstance(answer, Refused) else exchange.verdict
    judgement: Judgement = exchange.policy_data
    shown: tuple[tuple[str, str], ...] = ()
    views: tuple[tuple[str, str, str], ...] = ()
    rejected: tuple[tuple[str, str, str], ...] = ()
    if fields and judgement.reading is not None:
        read = [*judgement.reading.head, *judgement.reading.body_fields()]
        shown = tuple((field.address, policy.detector.mask(field.value)) for field in read)
        if policy.signatures is not None and judgement.settings.signatures:
            views, rejected = _looked_at(policy, policy.signatures, judgement)
    status = verdict.status if verdict.would is Action.BLOCK else 0
    return Explanation(
        label, verdict, "", exchange.detail, status, exchange.route, policy.profile_mode(judgement.settings),
        shown, views, rejected,
    )  # fmt: skip


def _looked_at(
    policy: Policy, signatures: Signatures, judgement: Judgement
) -> tuple[tuple[tuple[str, str, str], ...], tuple[tuple[str, str, str], ...]]:
    """The decoded texts of all fields, and the matches that came to nothing, each rule and field once."""
    assert judgement.reading is not None
    explained = signatures.explain(judgement.reading, judgement.settings.level)
    addresses = [address(field.part, field.name, policy.detector.mask) for field in explained.searched]
    # A fold may take away what a value is known by: where there is something to mask, decoded texts are not shown.
    hold = [holds_sensitive(policy, field.value) for field in explained.searched]
    views = [
        (
            addresses[text.owner],
            chain_label(text.chain),
            WITHHELD if hold[text.owner] else policy.detector.mask(text.data),
        )
        for text in explained.decoded
        if text.chain
    ]
    found = {(finding.rule, finding.address) for finding in judgement.findings}
    rejected = {
        (one.rule.id, address(one.field.part, one.field.name, policy.detector.mask)): one.outcome.value
        for one in explained.candidates
        if one.outcome is not Outcome.FOUND
    }
    return tuple(views), tuple((*key, why) for key, why in rejected.items() if key not in found)


def holds_sensitive(policy: Policy, value: bytes) -> bool:
    """Whether there is anything in the value that our own records mask."""
    text = value.decode("utf-8", "replace")
    return policy.detector.mask_text(text) != text


def _take(policy: Policy, exchange: Exchange, plan: BodyPlan, body: bytes, now: float) -> object:
    if not plan.stream and len(body) <= plan.buffer:
        return policy.admit(exchange, body, now)
    if not plan.stream and plan.over == "block":
        return Refused(policy.over_limit(exchange))
    answer = policy.admit_stream(exchange, now)
    if not isinstance(answer, Refused) and answer.stream is not None:
        try:
            for start in range(0, len(body), 65536):
                answer.stream.feed(body[start : start + 65536])
            answer.stream.finish()
        except BodyRefused as refused:
            return Refused(refused.verdict)
    return answer


def as_builtins(explanation: Explanation, wall: float) -> dict[str, Any]:
    """For JSON output."""
    out: dict[str, Any] = msgspec.to_builtins(explanation, enc_hook=str)
    for finding, shown in zip(explanation.verdict.findings, out["verdict"]["findings"], strict=True):
        shown["severity"] = finding.severity.name.lower()
        shown["confidence"] = finding.confidence.name.lower()
    out["at"] = datetime.datetime.fromtimestamp(wall, datetime.UTC).isoformat()
    return out
