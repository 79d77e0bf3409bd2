"""An exchange as one JSON line with ECS 8 field names (Elastic Common Schema), safe to show to anyone.

Owns which exchanges are remarkable, and what a line says. Whatever a client or the app sent is shown through
`mask` only; header values, bodies and queries are not shown at all. Knows nothing of files and threads.
"""

from __future__ import annotations

import datetime
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import orjson

from waf.exchange import CHOSEN_BYPASSES, Exchange, Outcome
from waf.findings import PASSED, Action, Confidence, Engine, Finding, Mask, Severity, Verdict

ECS_VERSION: Final = "8.11.0"
MAX_LINE: Final = 4096  # PIPE_BUF: lines of several workers on one pipe never mix (pipe(7))
MAX_FINDINGS: Final = 20

_FORWARD: Final = Action.FORWARD  # an enum's attribute costs more than a global
_FORWARDED: Final = Outcome.FORWARDED
_TUNNELLED: Final = Outcome.TUNNELLED
_PROFILE: Final = Engine.PROFILE
_SENSITIVE: Final = Engine.SENSITIVE

NOTED: Final = (Engine.SIGNATURE, Engine.PROTOCOL, Engine.ACCESS)
"""Engines of which any finding is worth a line. Those of the others, where nothing follows from them, are
counted and go into the profile and the inventory: a shop's every page holds an e-mail address."""

PROMISE: Final = "profile.response-"
"""Rules that tell of answers that are not as documented: nothing follows from them but that somebody should know."""

EVENT_TYPES: Final[dict[Outcome, str]] = {
    Outcome.FORWARDED: "allowed",
    Outcome.REDACTED: "change",
    Outcome.BLOCKED: "denied",
    Outcome.WITHHELD: "denied",
    Outcome.MALFORMED: "denied",
    Outcome.CLIENT_GONE: "error",
    Outcome.UPSTREAM_FAULT: "error",
    Outcome.OVERLOADED: "denied",
    Outcome.TUNNELLED: "allowed",
    Outcome.OWN_FAULT: "error",
}
"""ECS event.type by outcome."""

_TYPES: Final = {outcome.value: kind for outcome, kind in EVENT_TYPES.items()}
_SEVERITIES: Final = tuple([severity.name.lower() for severity in Severity])
_CONFIDENCES: Final = tuple([confidence.name.lower() for confidence in Confidence])


def remarkable(exchange: Exchange) -> bool:
    """Refused, altered or faulty, or it would have been; uninspected without a person's wish; or an engine of
    `NOTED` found something; or the app broke a promise of its document.
    """
    outcome = exchange.outcome
    if (outcome is not _FORWARDED and outcome is not _TUNNELLED) or exchange.fault:
        return True
    if exchange.bypass and exchange.bypass not in CHOSEN_BYPASSES:
        return True
    return _speaks(exchange.verdict) or _speaks(exchange.response_verdict)


def _speaks(verdict: Verdict) -> bool:
    if verdict is PASSED:
        return False
    if verdict.would is not _FORWARD:
        return True
    for finding in verdict.findings:
        engine = finding.engine
        if engine in NOTED or (engine is _PROFILE and finding.rule.startswith(PROMISE)):
            return True
    return False


def event(exchange: Exchange, mask: Mask, service: str = "") -> dict[str, Any]:
    """The event of an ended exchange. Keys are flat ECS names; those without a value are left out.

    Pages that hold a card number are altered as long as they do, and each has an event: so it is built in one go, and
    enums are asked for `_value_`, which costs a tenth of `value` and of a look-up by them.
    """
    request, response, peer = exchange.request, exchange.response, exchange.peer
    verdict, reply = exchange.verdict, exchange.response_verdict
    speaking = verdict if _speaks(verdict) else reply if _speaks(reply) else verdict
    findings = (*verdict.findings, *reply.findings)
    shown = _strongest(findings)
    outcome = exchange.outcome._value_
    kind = _TYPES[outcome]
    would = verdict.would if verdict.would is not _FORWARD else reply.would
    entry: dict[str, Any] = {
        "@timestamp": _timestamp(exchange.wall),
        "ecs.version": ECS_VERSION,
        "event.dataset": "waf.exchange",
        "event.kind": "alert" if findings or kind == "denied" else "event",
        "event.category": ["web", "intrusion_detection"] if findings else ["web"],
        "event.type": [kind],
        "event.action": _action(kind, verdict, reply),
        "event.outcome": "failure" if kind == "error" else "success",
        "event.reason": exchange.detail or (shown[0].detail if shown else ""),
        "event.duration": max(0, round((exchange.ended - exchange.started) * 1e9)),
        "http.request.id": exchange.id,
        "trace.id": exchange.trace_id,
        "source.ip": peer.client,
        "waf.peer.ip": peer.address if peer.address != peer.client else "",
        "url.scheme": peer.scheme,
        "service.name": service,
        "http.response.status_code": exchange.sent_status,
        "http.request.bytes": exchange.bytes_from_client,
        "http.response.bytes": exchange.bytes_to_client,
        "rule.id": _rules(exchange, shown),
        "rule.category": _kinds(shown),
        "waf.outcome": outcome,
        "waf.would": would._value_,
        "waf.score": speaking.score,
        "waf.fault": exchange.fault,
        "waf.exclusion": _exclusion(verdict.exclusion or reply.exclusion, shown, mask),
        "waf.findings": [_finding(finding, mask, exchange.policy_version) for finding in shown],
        "waf.findings_omitted": len(findings) - len(shown),
        "waf.route": exchange.route,
        "waf.attempts": exchange.attempts,
        "waf.policy.version": exchange.policy_version,
        "waf.policy.generation": exchange.generation,
        "waf.timings_ms": timings(exchange),
        "waf.overhead_ms": _thousandths(exchange.overhead),
    }  # fmt: skip
    if request is not None:
        path = request.path
        entry["http.request.method"] = masked(mask, request.method)
        entry["http.version"] = "1.1" if request.minor else "1.0"
        entry["url.domain"] = masked(mask, request.host)
        entry["url.path"] = masked(mask, unquote_to_bytes(path) if b"%" in path else path)
        entry["user_agent.original"] = masked(mask, request.headers.get(b"user-agent") or b"")
    if response is not None:
        entry["waf.upstream.status_code"] = response.status
    for key in [key for key, value in entry.items() if not value]:
        if key not in _ALWAYS:
            del entry[key]
    if exchange.bypass:
        entry["waf.inspected"] = False
        entry["waf.bypass"] = exchange.bypass
    return entry


_ALWAYS: Final = frozenset(
    {"http.response.status_code", "waf.score", "waf.overhead_ms", "event.duration", "rule.id"}
)


def line(entry: dict[str, Any]) -> bytes:
    """The event as one line with its newline, at most `MAX_LINE` bytes: weak findings give way first."""
    try:
        data = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # text that is no Unicode must not make an event vanish
        entry = _unicode(entry)
        data = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
    while len(data) > MAX_LINE and entry.get("waf.findings"):
        findings = entry["waf.findings"]
        keep = len(findings) // 2
        omitted = entry.get("waf.findings_omitted", 0) + len(findings) - keep
        entry = {**entry, "waf.findings": findings[:keep], "waf.findings_omitted": omitted}
        data = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
    if len(data) > MAX_LINE:
        entry = {key: _cut(value) for key, value in entry.items()}
        data = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
    # A copy: what orjson gives keeps the spare room of its buffer, ten times the line, for as long as it lives.
    return bytes(memoryview(data))


def _unicode(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _unicode(item) for key, item in value.items()}
    return [_unicode(item) for item in value] if isinstance(value, list) else value


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:80]
    return [_cut(item) for item in value[:8]] if isinstance(value, list) else value


def timings(exchange: Exchange) -> dict[str, float]:
    """Milliseconds by stage, those that were reached."""
    spans: dict[str, float] = {}
    before = exchange.started
    for name, at in (
        ("head", exchange.head_at),
        ("body", exchange.client_body_at),
        ("judge", exchange.admitted_at),
        ("connect", exchange.sent_upstream_at),
        ("upstream", exchange.answered_at),
        ("reply", exchange.ended),
    ):
        if at:
            spans[name] = _thousandths(at - before)
            before = max(at, before)
    return spans


def _thousandths(seconds: float) -> float:
    """Milliseconds with three places, none below zero; `round` asks for the decimal form of the number."""
    return int(seconds * 1e6 + 0.5) / 1e3 if seconds > 0.0 else 0.0


def masked(mask: Mask, data: bytes) -> str:
    """`mask(data)`; should the mask itself fail, nothing of the data is shown."""
    if not data:
        return ""
    try:
        return mask(data)
    except Exception:
        return f"[{len(data)} bytes]"


def shown_name(mask: Mask, name: str) -> str:
    """The name of a field or its address, masked: a parameter's name is the client's own text."""
    return masked(mask, name.encode("utf-8", "backslashreplace"))


def _action(kind: str, verdict: Verdict, reply: Verdict) -> str:
    if verdict.action is not _FORWARD:
        return verdict.action._value_  # type: ignore[no-any-return]
    if reply.action is not _FORWARD:
        return reply.action._value_  # type: ignore[no-any-return]
    return "block" if kind == "denied" else "forward"


def _strongest(findings: tuple[Finding, ...]) -> list[Finding]:
    if len(findings) > 1:
        ranked = sorted(findings, key=lambda f: (f.enforced, f.severity, f.confidence), reverse=True)
        return ranked[:MAX_FINDINGS]
    return list(findings)


def _rules(exchange: Exchange, findings: list[Finding]) -> list[str]:
    if not findings:
        return [exchange.fault] if exchange.fault else []
    if len(findings) == 1:
        return [findings[0].rule]
    return list(dict.fromkeys([finding.rule for finding in findings]))


def _kinds(findings: list[Finding]) -> list[str]:
    if len(findings) == 1:
        return [findings[0].kind]
    return list(dict.fromkeys([finding.kind for finding in findings]))


def _exclusion(line: str, findings: list[Finding], mask: Mask) -> str:
    """The line, unless it names a field whose name must not be shown."""
    if not line or any(f.address and shown_name(mask, f.address) != f.address for f in findings):
        return ""
    return line


_MAX_TOLD: Final = 256
_TOLD: Final[dict[int, tuple[Finding, Mask, str, dict[str, Any]]]] = {}
"""Findings of sensitive data as they are shown, by identity: pages that hold the same have the same (`sensitive.tally`)."""


def _finding(finding: Finding, mask: Mask, version: str) -> dict[str, Any]:
    """Shared by the events that tell of it: nobody may change it. `version` is that of the policy, of which the mask is."""
    if finding.engine is not _SENSITIVE:
        return _described(finding, mask)
    told = _TOLD.get(id(finding))
    if told is not None and told[0] is finding and told[1] is mask and told[2] == version:
        return told[3]
    if len(_TOLD) >= _MAX_TOLD:
        _TOLD.clear()
    shown = _described(finding, mask)
    _TOLD[id(finding)] = finding, mask, version, shown
    return shown


def _described(finding: Finding, mask: Mask) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "rule": finding.rule,
        "kind": finding.kind,
        "engine": finding.engine._value_,
        "severity": _SEVERITIES[finding.severity],
        "confidence": _CONFIDENCES[finding.confidence],
        "field": shown_name(mask, finding.address),
        "excerpt": finding.excerpt,
        "views": finding.views,
        "detail": finding.detail,
        "expected": finding.expected,
        "tags": list(finding.tags),
    }
    for key in [key for key, value in shown.items() if not value]:
        del shown[key]
    if not finding.enforced:
        shown["enforced"] = False
    return shown


class _Second:
    """The last second of which the time was told: most events are of the same one."""

    __slots__ = ("number", "shown")

    def __init__(self) -> None:
        self.number = -1
        self.shown = ""


_LAST: Final = _Second()


def _timestamp(wall: float) -> str:
    """RFC 3339, to the millisecond below."""
    number = int(wall // 1.0)
    if number != _LAST.number:
        _LAST.shown = datetime.datetime.fromtimestamp(number, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        _LAST.number = number
    thousandths = int((wall - number) * 1e6 + 0.5) // 1000
    return f"{_LAST.shown}{min(thousandths, 999):03d}Z"
