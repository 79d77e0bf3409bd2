"""`waf check` and `waf config`: right is said shortly, wrong with its place and mend."""

from __future__ import annotations

import json

import jsonschema
import pytest

from tests.cli.desk import Desk


def test_the_defaults_are_right(desk: Desk) -> None:
    result = desk.waf("check")
    assert result.exit_code == 0
    assert result.stdout.startswith("ok: mode monitor, ")
    assert result.stderr == ""


def test_a_right_file(desk: Desk) -> None:
    signatures = {"defaults": False, "rules": ["own.yaml"]}
    config = desk.write("waf.yaml", {"mode": "protect", "tuning": ["tuning.yaml"], "signatures": signatures})
    desk.write(
        "own.yaml",
        RULE.format(id="own-a", kind="sqli", pattern="attack")
        + RULE.format(id="own-b", kind="sqli", pattern="bother"),
    )
    desk.write("tuning.yaml", {"rules": [{"rule": "own-b", "disable": True}]})
    result = desk.waf("check", "--config", config)
    assert (result.exit_code, "mode protect, 1 rules" in result.stdout) == (0, True)


RULE = """
- id: {id}
  title: Own
  class: {kind}
  severity: high
  confidence: high
  where: [arg]
  pattern: '{pattern}'
  hits: [x]
"""


@pytest.mark.parametrize("marked", [False, True])
def test_a_pattern_that_costs_too_much_is_refused_unless_marked(desk: Desk, marked: bool) -> None:
    own = RULE.format(id="own", kind="sqli", pattern="[a-z]+")
    desk.write("own.yaml", own + ("  dear: true\n" if marked else ""))
    desk.write("waf.yaml", {"signatures": {"defaults": False, "rules": ["own.yaml"]}})
    result = desk.waf("check", "-c", "waf.yaml")
    assert result.exit_code == (0 if marked else 2)
    assert ("own.yaml:2: own.pattern: '[a-z]+' costs" in result.stderr) is not marked


MISTAKES = {
    "unknown key": ({"waf.yaml": "mode: protect\nlissten: {}\n"}, "waf.yaml:2: lissten", "listen"),
    "wrong type": ({"waf.yaml": "limits:\n  headers: many\n"}, "waf.yaml:2: limits.headers", "many"),
    "wrong word": ({"waf.yaml": "mode: block\n"}, "waf.yaml:1: mode", "protect"),
    "doubled key": ({"waf.yaml": "mode: off\nmode: protect\n"}, "waf.yaml:2: mode", ""),
    "no yaml": ({"waf.yaml": "mode: [\n"}, "waf.yaml:", ""),
    "no utf-8": ({"waf.yaml": "mode: '\udcff'\n"}, "waf.yaml", "UTF-8"),
    "values that do not fit": (
        {"waf.yaml": "listen:\n  trusted_proxies: [here]\n"}, "waf.yaml:2: listen.trusted_proxies", "here"
    ),
    "no such tuning": ({"waf.yaml": "tuning: [gone.yaml]\n"}, "gone.yaml", "no such file"),
    "tuning key": (
        {"waf.yaml": "tuning: [t.yaml]\n", "t.yaml": "exclusions:\n  - rul: a\n"},
        "t.yaml:2: exclusions[0].rul", "rule",
    ),
    "tuning without sense": (
        {"waf.yaml": "tuning: [t.yaml]\n", "t.yaml": "exclusions:\n  - path: /x\n"},
        "t.yaml:2: exclusions[0]", "needs",
    ),
    "tuning of no rule": (
        {"waf.yaml": "tuning: [t.yaml]\n", "t.yaml": "rules:\n  - rule: no\n    disable: yes\n"},
        "t.yaml:2: rules[0]", "waf rules list",
    ),
    "rule class": (
        {"waf.yaml": "signatures: {rules: [own.yaml]}\n", "own.yaml": RULE.format(id="own", kind="sql", pattern="x")},
        "own.yaml:4", "sql",
    ),
    "rule pattern": (
        {"waf.yaml": "signatures: {rules: [own.yaml], defaults: no}\n",
         "own.yaml": RULE.format(id="own", kind="sqli", pattern="(?=x)")}, "own.yaml:", "own",
    ),
    "rule id twice": (
        {"waf.yaml": "signatures: {rules: [own.yaml], defaults: no}\n",
         "own.yaml": 2 * RULE.format(id="own", kind="sqli", pattern="x")}, "own.yaml:", "taken",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "place", "word"), MISTAKES.values(), ids=MISTAKES.keys())
def test_each_kind_of_mistake_is_located(desk: Desk, files: dict[str, str], place: str, word: str) -> None:
    for name, text in files.items():
        (desk.directory / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    result = desk.waf("check", "-c", "waf.yaml")
    assert result.exit_code == 2
    assert result.stdout == ""
    line = next(line for line in result.stderr.splitlines() if place in line)
    assert line.startswith("error: ")
    assert word in line


def test_all_mistakes_are_told_in_one_run(desk: Desk) -> None:
    desk.write(
        "waf.yaml", {"tuning": ["one.yaml", "two.yaml", "gone.yaml"], "signatures": {"rules": ["own.yaml"]}}
    )
    desk.write("one.yaml", "exclusions:\n  - path: /x\n")
    desk.write("two.yaml", "exclusion: []\n")
    desk.write("own.yaml", "- id: own\n")
    told = desk.waf("check", "-c", "waf.yaml").stderr
    for name in ("one.yaml:2", "two.yaml:1", "gone.yaml", "own.yaml:1"):
        assert name in told, told


def test_a_file_that_is_not_there(desk: Desk) -> None:
    result = desk.waf("check", "-c", "gone.yaml")
    assert (result.exit_code, "gone.yaml" in result.stderr) == (2, True)


@pytest.mark.parametrize(("strict", "status"), [((), 0), (("--strict",), 2)])
def test_what_has_expired_is_a_warning(desk: Desk, strict: tuple[str, ...], status: int) -> None:
    desk.write("waf.yaml", {"tuning": ["tuning.yaml"]})
    desk.write("tuning.yaml", {"exclusions": [{"rule": "sqli-*", "expires": "2001-01-01"}]})
    result = desk.waf("check", "-c", "waf.yaml", *strict)
    assert result.exit_code == status
    assert "warning: tuning.yaml:2: exclusions[0]: expired on 2001-01-01" in result.stderr


def test_the_schema_accepts_what_check_accepts(desk: Desk) -> None:
    schema = json.loads(desk.waf("config", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"mode": "protect", "limits": {"inspect_body": "2MiB"}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"moed": "protect"}, schema)


def test_what_is_in_force_and_from_where(desk: Desk) -> None:
    far = desk.write("far.yaml", {"mode": "monitor", "access": {"deny": ["192.0.2.0/24"]}})
    near = desk.write("near.yaml", {"mode": "protect", "access": {"deny": ["198.51.100.0/24"]}})
    shown = json.loads(
        desk.waf("config", "show", "-c", far, "-c", near, env={"WAF_UPSTREAM": "http://127.0.0.1:9"}).stdout
    )
    assert shown["config"]["mode"] == "protect"
    assert shown["config"]["access"]["deny"] == ["192.0.2.0/24", "198.51.100.0/24"]
    assert shown["origins"]["mode"] == f"{near}:1"
    assert "WAF_UPSTREAM" in shown["origins"]["upstream.url"]


def test_files_are_found_beside_the_file_that_names_them(desk: Desk) -> None:
    for place in ("cluster", "app"):
        (desk.directory / place).mkdir()
        desk.write(f"{place}/own.yaml", RULE.format(id=f"of-{place}", kind="sqli", pattern=place))
    signatures = {"defaults": False, "rules": ["own.yaml"]}
    far = desk.write("cluster/waf.yaml", {"tuning": ["tuning.yaml"], "signatures": signatures})
    near = desk.write("app/waf.yaml", {"tuning": ["more.yaml"], "signatures": signatures})
    desk.write("cluster/tuning.yaml", {"rules": [{"rule": "of-app", "severity": "low"}]})
    desk.write("app/more.yaml", {"rules": [{"rule": "of-cluster", "severity": "medium"}]})
    result = desk.waf("rules", "list", "-c", far, "-c", near)
    assert result.exit_code == 0, result.stderr
    assert [line.split()[0::3] for line in result.stdout.splitlines()] == [
        ["of-cluster", "medium/high"],
        ["of-app", "low/high"],
    ]


@pytest.mark.parametrize(
    "command", [["run"], ["demo"], ["explain"], ["replay"], ["check"], ["rules", "cost"], []]
)
def test_every_command_has_help(desk: Desk, command: list[str]) -> None:
    result = desk.waf(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_run_refuses_configuration_that_cannot_be_used(desk: Desk) -> None:
    desk.write("waf.yaml", "mode: sometimes\n")
    result = desk.waf("run", "-c", "waf.yaml")
    assert (result.exit_code, "waf.yaml:1: mode" in result.stderr) == (2, True)


def test_a_pattern_that_needs_nothing_of_a_text_is_a_warning(desk: Desk) -> None:
    desk.write("waf.yaml", {"signatures": {"rules": ["own.yaml"], "defaults": False}})
    desk.write("own.yaml", RULE.format(id="own", kind="sqli", pattern="[a-z]{40}"))
    result = desk.waf("check", "-c", "waf.yaml")
    assert result.exit_code == 0, result.stderr
    told = "warning: own.yaml:2: own.pattern: '[a-z]{40}' needs no byte that could be looked for first"
    assert told in result.stderr
