"""tuning.yaml: exclusions, thresholds, patches, expiry; and that nothing loosens an ambiguous path."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec
import pytest

from waf.config.document import read_document
from waf.config.shape import read_struct
from waf.errors import ConfigError, Problem
from waf.model import Confidence, Engine, Finding, Framing, Headers, Request, Severity
from waf.policy.paths import canonical
from waf.policy.tuning import Tuning, TuningFile, day

TODAY = datetime.date(2026, 11, 24)


def tuning(text: str) -> Tuning:
    problems: list[Problem] = []
    content = read_struct(read_document(text, "tuning.yaml", problems), TuningFile, problems)
    assert problems == []
    assert content is not None
    return Tuning([("tuning.yaml", content)])


def request(path: bytes = b"/articles/7", method: bytes = b"POST", host: bytes = b"cms.example") -> Request:
    return Request(method, path, path, None, 1, Headers.make(), host, Framing.NONE, 0, True, False, None)


def finding(**changes: Any) -> Finding:
    base = Finding(
        "sqli-union",
        "sqli",
        Engine.SIGNATURE,
        Severity.CRITICAL,
        Confidence.HIGH,
        "json.items[].name",
        tags=("CWE-89",),
    )
    return msgspec.structs.replace(base, **changes)


def apply(
    text: str, *, at: Request | None = None, found: Finding | None = None, client: str = "192.0.2.1"
) -> list[Finding]:
    at = at or request()
    return tuning(text).apply([found or finding()], at, canonical(at.path), client, TODAY)


@pytest.mark.parametrize(
    "entry",
    [
        "{rule: sqli-union}",
        "{rule: sqli-*}",
        "{class: sqli}",
        "{tag: CWE-89}",
        '{field: "json.items[].name"}',
        '{field: "json.*"}',
        "{rule: sqli-union, methods: [POST], host: cms.example, path: '/articles/{id}', clients: [192.0.2.0/24]}",
        "{rule: sqli-union, expires: 2026-11-24}",
        "{rule: sqli-union, host: '*.example'}",
    ],
)
def test_an_exclusion_takes_a_finding_back(entry: str) -> None:
    assert apply(f"exclusions:\n  - {entry}\n") == []


@pytest.mark.parametrize(
    "entry",
    [
        "{rule: xss-tag}",
        "{class: xss}",
        "{rule: sqli-union, methods: [GET]}",
        "{rule: sqli-union, host: other.example}",
        "{rule: sqli-union, path: /articles}",
        "{rule: sqli-union, clients: [10.0.0.0/8]}",
        "{rule: sqli-union, field: 'json.items[].title'}",
        "{rule: sqli-union, expires: 2026-11-23}",
    ],
)
def test_an_exclusion_elsewhere_does_not(entry: str) -> None:
    assert apply(f"exclusions:\n  - {entry}\n") == [finding()]


def test_monitor_keeps_the_finding_without_its_force() -> None:
    (left,) = apply("exclusions:\n  - {rule: sqli-union, action: monitor}\n")
    assert left == finding(enforced=False)


def test_nothing_is_taken_back_on_an_ambiguous_path() -> None:
    text = "exclusions:\n  - {rule: sqli-union, path: /articles/**}\n"
    assert apply(text, at=request(b"/articles/x/..%2f..%2fadmin")) == [finding()]


@pytest.mark.parametrize("path", ["", ", path: /**"])
def test_what_names_no_path_holds_on_an_ambiguous_one_too(path: str) -> None:
    text = f"exclusions:\n  - {{rule: sqli-union{path}}}\n"
    assert apply(text, at=request(b"/groups/a%2fb")) == []


def test_access_findings_cannot_be_excluded() -> None:
    denied = finding(engine=Engine.ACCESS, rule="access.denied-address")
    assert apply("exclusions:\n  - {field: 'json.*'}\n", found=denied) == [denied]


def test_thresholds_by_place() -> None:
    tuned = tuning("thresholds:\n  - {path: /api/**, request: 12}\n  - {response: 9}\n")
    assert tuned.threshold(7, "response", request(b"/a%2fb"), canonical(b"/a%2fb"), "", TODAY) == 9
    for path, direction, expected in (
        (b"/api/x", "request", 12),
        (b"/shop", "request", 7),
        (b"/api/x", "response", 9),
        (b"/api/%2e%2e/x", "request", 7),
    ):
        at = request(path)
        assert tuned.threshold(7, direction, at, canonical(path), "", TODAY) == expected  # type: ignore[arg-type]


def test_patches_without_a_pattern_refuse_by_scope() -> None:
    tuned = tuning("patches:\n  - {id: old-admin, path: /admin/**, expires: 2026-12-01}\n")
    at = request(b"/admin/x")
    assert (patch := tuned.patch(at, canonical(at.path), "", TODAY)) is not None
    assert patch.id == "old-admin"
    assert tuned.patch(request(b"/"), canonical(b"/"), "", TODAY) is None
    assert tuned.patch(at, canonical(at.path), "", datetime.date(2026, 12, 2)) is None


def test_an_allowing_patch_never_holds_on_an_ambiguous_path() -> None:
    tuned = tuning("patches:\n  - {id: health, path: /health/**, action: allow}\n")
    assert tuned.patch(request(b"/health/x"), canonical(b"/health/x"), "", TODAY) is not None
    odd = b"/health/..%2fadmin"
    assert tuned.patch(request(odd), canonical(odd), "", TODAY) is None


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("exclusions:\n  - {path: /x}\n", "exclusions[0]", "needs a rule, class, tag or field"),
        ("exclusions:\n  - {rule: a, path: x}\n", "exclusions[0]", 'starts with "/"'),
        ("exclusions:\n  - {rule: a, expires: soon}\n", "exclusions[0]", "write it as 2027-01-31"),
        ("exclusions:\n  - {rule: a, clients: [here]}\n", "exclusions[0]", "here"),
        ("patches:\n  - {id: a, action: allow}\n", "patches[0]", "allows everything"),
        ("patches:\n  - {id: a, path: /a, action: allow, pattern: x}\n", "patches[0]", "takes no pattern"),
        ("patches:\n  - {id: a, path: /a, field: arg.q}\n", "patches[0]", "needs a pattern"),
    ],
)
def test_mistakes_are_located(text: str, path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        tuning(text)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message


def test_what_has_expired_is_reported() -> None:
    tuned = tuning("exclusions:\n  - {rule: a, expires: 2026-11-23}\n  - {rule: b, expires: 2026-11-24}\n")
    assert [p.path for p in tuned.expired(TODAY)] == ["exclusions[0]"]


def test_day_is_utc() -> None:
    assert day(0.0) == datetime.date(1970, 1, 1)
