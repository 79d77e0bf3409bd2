"""Rule files: what they may say, and every mistake at its line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import rule, signatures, table
from tests.together import together
from waf.errors import ConfigError, Problem
from waf.inspect.rulebook import arm
from waf.inspect.rules import GROUPS, Place, Sample, parse_rules
from waf.inspect.views import LAYERS, View
from waf.model import Confidence, Field, Part, Severity

CASES = table("rules.yaml")


@together("case", CASES, ids=lambda case: case["case"])
def test_mistakes_are_located(case: dict[str, Any]) -> None:
    assert not set(case) - {"case", "file", "problems"}
    with pytest.raises(ConfigError) as raised:
        parse_rules(case["file"], "r.yaml")
    problems = raised.value.problems
    assert all(problem.file == "r.yaml" for problem in problems)
    assert sorted(problem.line for problem in problems) == sorted(line for line, _ in case["problems"])
    for line, words in case["problems"]:
        assert any(problem.line == line and words in str(problem) for problem in problems), str(raised.value)


def test_a_whole_rule() -> None:
    text = """
# a comment
- id: sqli-tautology
  title: SQL tautology
  class: sqli
  severity: critical
  confidence: medium
  level: 3
  cwe: [CWE-89]
  attack: [T1190, T1059.004]
  tags: [shop]
  where: [values, header.Referer, "json.*.url"]
  views: [percent, sqlspace]
  patterns: ['a', "b\\\\d"]
  case: true
  dear: true
  confirm: sql
  hits: ["1' or 1=1", {arg.q: x}, {request: "GET / HTTP/1.1"}]
  misses: [y]
"""
    (one,) = parse_rules(text, "r.yaml")
    assert (one.id, one.kind, one.level, one.line, one.file) == ("sqli-tautology", "sqli", 3, 3, "r.yaml")
    assert (one.severity, one.confidence) == (Severity.CRITICAL, Confidence.MEDIUM)
    assert one.labels == ("CWE-89", "T1190", "T1059.004", "shop")
    assert one.patterns == ("a", "b\\d")
    assert one.views == View.PERCENT | View.SQLSPACE
    assert one.where[-2:] == (Place(Part.HEADER, "referer"), Place(Part.JSON, "*.url"))
    assert {place.part for place in one.where[:-2]} == set(GROUPS["values"])
    assert one.hits[1:] == (Sample("x", "arg.q"), Sample("GET / HTTP/1.1", "request"))
    assert one.case
    assert one.dear
    assert not one.response


def test_defaults() -> None:
    (one,) = parse_rules(rule(), "r.yaml")
    assert one.views == LAYERS
    assert one.level == 1
    assert not one.case
    assert parse_rules(rule(views=[]), "r.yaml")[0].views == View(0)
    assert parse_rules("", "r.yaml") == ()
    assert parse_rules("# nothing yet\n", "r.yaml") == ()


@pytest.mark.parametrize(
    ("place", "part", "name", "covers"),
    [
        ("arg", Part.ARG, "q", True),
        ("arg", Part.FORM, "q", False),
        ("arg.q", Part.ARG, "q", True),
        ("arg.q", Part.ARG, "qq", False),
        ("arg.*url*", Part.ARG, "returnURL", True),
        ("json.*.id", Part.JSON, "a.b[].id", True),
        ("json.*[].id", Part.JSON, "a.b[].id", True),
        ("json.*[x].id", Part.JSON, "ax.id", False),
    ],
)
def test_places(place: str, part: Part, name: str, covers: bool) -> None:
    (one,) = parse_rules(rule(where=[place]), "r.yaml")
    assert one.where[0].covers(part, name) is covers


@pytest.mark.parametrize(
    ("where", "left_out", "part", "name", "covers"),
    [
        (["arg"], ["arg.dl"], Part.ARG, "q", True),
        (["arg"], ["arg.dl"], Part.ARG, "DL", False),
        (["arg", "form"], ["arg.dl"], Part.FORM, "dl", True),
        (["arg.*url"], ["arg.*page*url"], Part.ARG, "url", True),
        (["arg.*url"], ["arg.*page*url"], Part.ARG, "page_url", False),
        (["json"], ["json.*attributes[].value"], Part.JSON, "spans[].attributes[].value", False),
    ],
)
def test_exceptions(where: list[str], left_out: list[str], part: Part, name: str, covers: bool) -> None:
    (one,) = parse_rules(rule(**{"where": where, "except": left_out}), "r.yaml")
    assert arm(one, []).covers(Field(part, name, b"x")) is covers


def test_what_only_compiling_shows_is_located_and_complete() -> None:
    first = rule(id="a", pattern="(b")
    second = rule(id="b", patterns=["fine", "x{1"], confirm="nobody")
    third = rule(id="c", where=["response"], pattern="[")
    fourth = rule(id="d", where=["file"], pattern="(?P<x")
    with pytest.raises(ConfigError) as raised:
        signatures(first, second, third, fourth, rule(id="a"))
    text = str(raised.value)
    assert "0.yaml:1: a.pattern: does not compile" in text
    assert '1.yaml:1: b.confirm: there is no confirmer "nobody"' in text
    assert "2.yaml:1: c.pattern: does not compile" in text
    assert "3.yaml:1: d.pattern: does not compile" in text
    assert "4.yaml:1: a: the id is taken, first at 0.yaml:1" in text
    assert "b.pattern" not in text or "x{1" not in text


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(["- id: a\n", "  where: [arg]\n", "  x: &a\n", "*a", "- - -", "\t", "{"])).map(
        "".join
    )
)
@settings(max_examples=200)
def test_any_text_is_rules_or_located_problems(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        parse_rules(text, "r.yaml")
    except ConfigError as error:
        problems = error.problems or (Problem("", 0, "", "no problem is named"),)
    assert all(problem.file == "r.yaml" for problem in problems)
