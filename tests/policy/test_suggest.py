"""The exclusions that a refusal offers: enough to pass, as little else as possible, always a template that fits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.model import Confidence, Engine, Finding, Severity
from waf.policy.paths import canonical, template
from waf.policy.suggest import place, suggested


def finding(
    rule: str = "a",
    kind: str = "sqli",
    at: str = "arg.q",
    severity: Severity = Severity.CRITICAL,
    **more: object,
) -> Finding:
    engine = more.get("engine", Engine.SIGNATURE)
    assert isinstance(engine, Engine)
    return Finding(rule, kind, engine, severity, Confidence.HIGH, at)


def lines(findings: list[Finding], threshold: int = 7) -> list[dict[str, object]]:
    text = suggested(findings, threshold=threshold, method=b"GET", path="/p")
    return [json.loads(line.removeprefix("- ")) for line in text.splitlines()]


def test_one_rule_one_line() -> None:
    (line,) = lines([finding()])
    assert line == {
        "rule": "a",
        "methods": ["GET"],
        "path": "/p",
        "field": "arg.q",
        "reason": "",
        "owner": "",
    }


def test_several_rules_of_a_class_at_one_field_are_one_line() -> None:
    (line,) = lines([finding("a"), finding("b")])
    assert (line["class"], line["field"], "rule" in line) == ("sqli", "arg.q", False)


def test_what_is_left_and_too_light_to_block_needs_no_line() -> None:
    light = finding("c", "scanner", severity=Severity.LOW)
    assert [line["rule"] for line in lines([light, finding("a")])] == ["a"]
    assert [line["rule"] for line in lines([light, finding("a")], threshold=2)] == ["a", "c"]


def test_as_many_lines_as_are_needed_but_not_many() -> None:
    fields = [finding(at=f"arg.{i}") for i in range(5)]
    assert len(lines(fields[:4])) == 4
    assert lines(fields) == []


def test_a_refusal_by_access_has_no_way_out() -> None:
    assert lines([finding(), finding("access.method", "access", "", engine=Engine.ACCESS)]) == []


def test_a_finding_without_a_field() -> None:
    (line,) = lines([finding(at="")])
    assert "field" not in line


def mask(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return "".join("•" if c.isdigit() or not c.isprintable() else c for c in text)[:120]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", "/"),
        ("/search", "/search"),
        ("/a/", "/a/"),
        ("/users/4111/x", "/users/*/x"),
        ("/a*b/**/c", "/*/*/c"),
        ("/" + "x/" * 20, "/" + "x/" * 12 + "**"),
        ("/" + "y" * 300 + "/x", "/**"),
    ],
)
def test_places(path: str, shown: str) -> None:
    assert place(path, mask) == shown


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=40))
def test_a_place_fits_its_own_path_and_shows_nothing_masked(text: str) -> None:
    path = canonical(b"/" + text.encode()).text
    shown = place(path, mask)
    assert template(shown).fullmatch(path)
    assert mask(shown.encode())[:100] == shown[:100]
