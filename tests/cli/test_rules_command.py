"""`waf rules`: list, show, test, cost, compile."""

from __future__ import annotations

import pytest

from tests.cli.desk import Desk

OWN = """
- id: own-word
  title: The word of words
  class: code
  severity: high
  confidence: high
  where: [arg, json, cookie]
  pattern: 'frobnicate\\('
  hits: ['frobnicate(1)']
  misses: [{miss}]
- id: own-leak
  title: A leak
  class: leak
  severity: low
  confidence: high
  where: [response]
  pattern: 'internal-marker'
  hits: [{{response: "HTTP/1.1 200 OK\\nContent-Type: text/plain\\n\\nan internal-marker"}}]
"""


@pytest.fixture
def own(desk: Desk) -> Desk:
    desk.write("waf.yaml", {"signatures": {"rules": ["own.yaml"], "defaults": False}})
    desk.write("own.yaml", OWN.format(miss="frobnicates"))
    return desk


def test_list(desk: Desk) -> None:
    lines = desk.waf("rules", "list").stdout.splitlines()
    assert len(lines) > 50
    assert any(line.startswith("sqli-tautology ") for line in lines)
    assert all(" sqli " in line for line in desk.waf("rules", "list", "--class", "sqli").stdout.splitlines())


def test_show(own: Desk) -> None:
    shown = own.waf("rules", "show", "own-word", "-c", "waf.yaml").stdout
    for told in ("The word of words", "arg json cookie", "frobnicate\\(", "frobnicates", "own.yaml:2"):
        assert told in shown


@pytest.mark.parametrize(
    "args", [("show", "no-such-rule"), ("list", "--class", "nothing"), ("list", "-c", "none.yaml")]
)
def test_what_is_not_there(own: Desk, args: tuple[str, ...]) -> None:
    own.write("none.yaml", {"signatures": {"defaults": False}})
    result = own.waf("rules", *args)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")


def test_samples_that_hold(own: Desk) -> None:
    result = own.waf("rules", "test", "-c", "waf.yaml")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.startswith("3 samples of 2 rules, 0 failed")


def test_a_sample_that_does_not_hold(own: Desk) -> None:
    own.write("own.yaml", OWN.format(miss="'xfrobnicate(2)'"))
    result = own.waf("rules", "test", "-c", "waf.yaml")
    assert result.exit_code == 1
    assert "failed: own-word (" in result.stdout
    assert "miss 'xfrobnicate(2)' is found at json" in result.stdout


def test_patches_have_no_samples_to_test(own: Desk) -> None:
    own.write("waf.yaml", {"signatures": {"rules": ["own.yaml"], "defaults": False}, "tuning": ["t.yaml"]})
    own.write("t.yaml", {"patches": [{"id": "cve-1", "field": "arg.x", "pattern": "secret"}]})
    assert own.waf("rules", "test", "-c", "waf.yaml").exit_code == 0


def test_without_signatures_there_is_nothing_to_test(own: Desk) -> None:
    own.write("waf.yaml", {"signatures": {"enabled": False}})
    assert own.waf("rules", "test", "-c", "waf.yaml").exit_code == 2


def test_cost(own: Desk) -> None:
    result = own.waf("rules", "cost", "-c", "waf.yaml", "--top", "1")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert "µs/KB  own-" in line


def test_compile_fills_a_cache(own: Desk) -> None:
    result = own.waf("rules", "compile", "-c", "waf.yaml", "--cache", str(own.directory / "cache"))
    assert result.exit_code == 0, result.output
    assert list((own.directory / "cache").iterdir())
