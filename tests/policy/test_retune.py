"""Rules as tuning.yaml changes them, and patches that become rules."""

from __future__ import annotations

import pytest

from waf.config.document import read_document
from waf.config.shape import read_struct
from waf.errors import ConfigError, Problem
from waf.inspect.rules import Rule, parse_rules
from waf.model import Confidence, Part, Severity
from waf.policy.retune import retuned
from waf.policy.tuning import Tuning, TuningFile

RULES = parse_rules(
    """
- {id: sqli-one, class: sqli, severity: critical, confidence: high, title: One, where: [arg], pattern: a, hits: [a]}
- {id: sqli-two, class: sqli, severity: high, confidence: low, title: Two, where: [arg], pattern: b, hits: [b]}
- {id: xss-one, class: xss, severity: high, confidence: high, title: Three, where: [arg], pattern: c, hits: [c]}
""",
    "rules.yaml",
)


def tuned(text: str) -> list[Rule]:
    problems: list[Problem] = []
    content = read_struct(read_document(text, "tuning.yaml", problems), TuningFile, problems)
    assert problems == []
    assert content is not None
    return retuned(RULES, Tuning([("tuning.yaml", content)]))


def test_without_changes_the_rules_are_as_they_were() -> None:
    assert tuned("") == list(RULES)


@pytest.mark.parametrize(
    ("glob", "left"),
    [("sqli-one", ["sqli-two", "xss-one"]), ("sqli-*", ["xss-one"]), ("*", [])],
)
def test_rules_are_disabled_by_name(glob: str, left: list[str]) -> None:
    assert [rule.id for rule in tuned(f"rules:\n  - {{rule: '{glob}', disable: true}}\n")] == left


def test_rules_are_weighed_anew() -> None:
    one, two, three = tuned(
        "rules:\n  - {rule: sqli-*, severity: low}\n  - {rule: sqli-two, confidence: high}\n"
    )
    assert (one.severity, one.confidence) == (Severity.LOW, Confidence.HIGH)
    assert (two.severity, two.confidence) == (Severity.LOW, Confidence.HIGH)
    assert three == RULES[2]


def test_a_patch_with_a_pattern_is_a_rule_at_its_field() -> None:
    *_, patch = tuned("patches:\n  - {id: cve-1, title: Old hole, field: arg.file, pattern: 'etc/passwd'}\n")
    assert (patch.id, patch.title, patch.kind, patch.level) == ("patch.cve-1", "Old hole", "cve", 1)
    assert (patch.severity, patch.confidence) == (Severity.CRITICAL, Confidence.HIGH)
    assert [(place.part, place.name) for place in patch.where] == [(Part.ARG, "file")]
    assert patch.patterns == ("etc/passwd",)


def test_a_patch_that_reports_weighs_nothing() -> None:
    *_, patch = tuned("patches:\n  - {id: cve-1, pattern: x, action: report}\n")
    assert patch.severity is Severity.INFO


def test_a_patch_without_a_pattern_is_no_rule() -> None:
    assert tuned("patches:\n  - {id: gone, path: /old/**}\n") == list(RULES)


def test_all_mistakes_are_told_at_once_with_their_place() -> None:
    with pytest.raises(ConfigError) as caught:
        tuned(
            "rules:\n  - {rule: sqli-ten, disable: true}\n  - {rule: nothing-*, severity: low}\n"
            "patches:\n  - {id: odd, field: nowhere.x, pattern: x}\n"
        )
    told = [(p.file, p.path, p.message) for p in caught.value.problems]
    assert [path for _, path, _ in told] == ["rules[0]", "rules[1]", "patches[0]"]
    assert {file for file, _, _ in told} == {"tuning.yaml"}
    assert "sqli-ten" in told[0][2]
