"""From text to a configuration: values, mistakes with their places, environment, layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.together import together
from waf.config.document import MAX_NODES, read_document
from waf.config.layers import ENVIRONMENT, JOINED
from waf.config.load import effective, load, parse_config
from waf.config.schema import Config
from waf.config.shape import read_struct
from waf.errors import ConfigError, Problem
from waf.model import Mode

TABLE: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "problems.yaml").read_text())


def problems_of(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "waf.yaml")
    assert all(problem.file == "waf.yaml" for problem in caught.value.problems)
    return [(p.line, p.path, f"{p.message} ({p.mend})") for p in caught.value.problems]


@together("name", TABLE)
def test_a_mistake_is_told_with_its_place_and_mend(name: str) -> None:
    case = TABLE[name]
    assert set(case) == {"text", "problems"}, "unknown keys in the table"
    told = problems_of(case["text"])
    expected = case["problems"]
    assert [(line, path) for line, path, _ in told] == [(line, path) for line, path, _ in expected], told
    for (_, _, words), (_, _, part) in zip(told, expected, strict=True):
        assert part in words


def test_the_error_reads_like_a_compiler_s() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("limits:\n  head: 64k\n", "/etc/waf/waf.yaml")
    assert str(caught.value).startswith("/etc/waf/waf.yaml:2: limits.head: ")


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n", "~", "{}", "routes:\nlimits:\n"])
def test_nothing_written_means_the_defaults(text: str) -> None:
    assert parse_config(text, "waf.yaml") == Config()


VALUES = {
    "mode: off": ("mode", Mode.OFF),  # YAML 1.1 would read False
    'mode: "off"': ("mode", Mode.OFF),
    "profiles: {version: 1.10}": ("profiles.version", "1.10"),  # ... and 1.1
    "profiles: {workload: 007}": ("profiles.workload", "007"),
    "profiles: {workload: yes}": ("profiles.workload", "yes"),
    "profiles: {workload: 2024-01-01}": ("profiles.workload", "2024-01-01"),
    "limits: {head: 64KiB}": ("limits.head", 65536),
    "limits: {headers: 1_000}": ("limits.headers", 1000),
    'limits: {headers: "50"}': ("limits.headers", 50),
    "timeouts: {head: 500ms}": ("timeouts.head", 0.5),
    "watch: no": ("watch", False),
    "watch: True": ("watch", True),
    "events: {sample: 5e-1}": ("events.sample", 0.5),
    "signatures: {mode: ~}": ("signatures.mode", None),
    "signatures: {mode: protect}": ("signatures.mode", Mode.PROTECT),
    "listen: {hosts: [a.example, '*.b.example', 'c:8080', '[::1]']}": (
        "listen.hosts",
        ("a.example", "*.b.example", "c:8080", "[::1]"),
    ),
}


@together(("text", "expected"), VALUES.items())
def test_a_value_is_read_as_what_its_key_is(text: str, expected: tuple[str, Any]) -> None:
    path, value = expected
    have: Any = parse_config(text, "waf.yaml")
    for name in path.split("."):
        have = getattr(have, name)
    assert have == value
    assert type(have) is not bool or isinstance(value, bool)


def test_anchors_may_be_used_for_equal_parts() -> None:
    config = parse_config(
        "routes:\n - path: /a\n   methods: &m [GET, HEAD]\n - path: /b\n   methods: *m\n", "waf.yaml"
    )
    assert config.routes[1].methods == ("GET", "HEAD")


def test_aliases_that_multiply_are_bounded() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    told = problems_of("\n".join(lines))
    assert f"more than {MAX_NODES} values" in told[-1][2]


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "? " * 5000])
def test_deep_nesting_is_refused(text: str) -> None:
    assert problems_of(text)


def test_a_text_too_long_is_refused() -> None:
    assert "longer than 4 MiB" in problems_of("#" * (4 * 1024 * 1024 + 1))[0][2]


def test_what_is_no_unicode_is_refused() -> None:
    assert "not valid UTF-8" in problems_of("mode: \udc80")[0][2]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("upstream: {url: 'http://user:hunter2@127.0.0.1:80'}", "hunter2"),
        ("control: {token_env: hunter2-token}", "hunter2"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_quoted(text: str, secret: str) -> None:
    assert secret not in str(problems_of(text))


# --------------------------------------------------------------------------- suspicious, yet usable

WARNINGS = {
    "listen: {trusted_proxies: [10.0.0.0/8]}": "listen.trusted_proxies",
    "listen: {trusted_proxies: [0.0.0.0/0], trusted_hops: 1}": "listen.trusted_proxies[0]",
    "limits: {line: 64KiB}": "limits.line",
    "limits: {inspect_body: 1GiB}": "limits.inspect_body",
    "routes: [{path: /**}, {path: /a}]": "routes[1]",
}


@pytest.mark.parametrize(("text", "path"), WARNINGS.items())
def test_what_hardly_does_as_meant_is_a_warning(text: str, path: str) -> None:
    loaded = load([(text, "waf.yaml")])
    assert [(warning.path, warning.line) for warning in loaded.warnings] == [(path, 1)]


# --------------------------------------------------------------------------- other sources


def test_the_environment_is_stronger_than_files_and_options_are_stronger_still() -> None:
    loaded = load(
        [("mode: protect\nlisten: {address: '127.0.0.1:1'}\n", "waf.yaml")],
        {"WAF_MODE": "off", "WAF_LISTEN": "127.0.0.1:2", "WAF_TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8",
         "WAF_TRUSTED_HOPS": "1"},
        {"listen.address": "127.0.0.1:3"},
    )  # fmt: skip
    assert loaded.config.mode is Mode.OFF
    assert loaded.config.listen.address == "127.0.0.1:3"
    assert loaded.config.listen.trusted_proxies == ("10.0.0.0/8", "fd00::/8")
    assert str(loaded.origins["mode"]) == "environment WAF_MODE"
    assert str(loaded.origins["listen.address"]) == "command line"


def test_every_variable_of_the_table_is_read() -> None:
    good = {
        "WAF_MODE": "protect",
        "WAF_LISTEN": "[::]:80",
        "WAF_UPSTREAM": "unix:/run/app.sock",
        "WAF_CONTROL_LISTEN": "127.0.0.1:9",
        "WAF_WORKERS": "3",
        "WAF_TRUSTED_PROXIES": "10.0.0.0/8",
        "WAF_TRUSTED_HOPS": "2",
        "WAF_LOG": "stderr",
        "WAF_ACCESS_LOG": "all",
        "WAF_STATE_DIR": "/state",
        "WAF_CACHE_DIR": "/cache",
        "WAF_WORKLOAD": "shop",
        "WAF_APP_VERSION": "1.10",
        "WAF_DRAIN": "40s",
        "WAF_FLEET": "waf-fleet.waf-system.svc:8443",
    }
    assert set(good) == set(ENVIRONMENT)
    loaded = load((), good)
    assert set(loaded.origins) == set(ENVIRONMENT.values())
    assert loaded.warnings == ()


def test_an_empty_variable_is_not_set() -> None:
    loaded = load([("mode: protect", "f")], {"WAF_MODE": "", "WAF_LISTEN": ""})
    assert (loaded.config.mode, loaded.warnings) == (Mode.PROTECT, ())


def test_a_thousand_mistakes_are_not_all_told() -> None:
    told = problems_of("\n".join(f"key{i}: 1" for i in range(1000)))
    assert len(told) == 101
    assert "and 900 more problems" in told[-1][2]


def test_a_mistake_in_the_environment_names_the_variable() -> None:
    with pytest.raises(ConfigError) as caught:
        load((), {"WAF_MODE": "protct"})
    assert str(caught.value).startswith("environment WAF_MODE: mode: ")


ENVIRONMENTS = {
    "WAF_MOED": 'did you mean "WAF_MODE"?',
    "WAF_UNHEARD_OF": "",
    "WAF_SERVICE_HOST": None,  # what Kubernetes writes for a Service named "waf"
    "WAF_SERVICE_PORT_HTTP": None,
    "WAF_PORT": None,
    "WAF_PORT_8080_TCP_ADDR": None,
    "WAF_CONTROL_SERVICE_HOST": None,
    "WAF_CONTROL_TOKEN": None,
    "WAF_CONFIG": None,
    "PATH": None,
    "MY_WAF_MODE": None,
}


@together(("name", "mend"), ENVIRONMENTS.items())
def test_unknown_variables_are_told_without_their_value(name: str, mend: str | None) -> None:
    warnings = load((), {name: "some-value"}).warnings
    assert [warning.mend for warning in warnings] == ([] if mend is None else [mend])
    assert "some-value" not in str(warnings)


def test_layers_join_and_replace() -> None:
    loaded = load(
        [
            ("mode: monitor\naccess: {deny: [10.0.0.0/8]}\nlisten: {hosts: [a.example]}\n"
             "routes: [{path: /far}]\nlimits: {head: 16KiB, depth: 5}\n", "cluster"),
            ("mode: protect\naccess: {deny: [192.0.2.0/24]}\nlisten: {hosts: [b.example]}\n"
             "routes: [{path: /near}]\nlimits: {head: 8KiB}\n", "workload"),
        ]
    )  # fmt: skip
    config = loaded.config
    assert config.mode is Mode.PROTECT
    assert config.access.deny == ("10.0.0.0/8", "192.0.2.0/24")
    assert config.listen.hosts == ("b.example",)
    assert [route.path for route in config.routes] == ["/near", "/far"]
    assert (config.limits.head, config.limits.depth) == (8192, 5)
    assert str(loaded.origins["limits.head"]) == "workload:5"
    assert str(loaded.origins["limits.depth"]) == "cluster:5"
    assert str(loaded.origins["routes[1].path"]) == "cluster:4"


def test_a_nearer_null_takes_away_what_farther_layers_said() -> None:
    loaded = load([("tuning: [a.yaml]\nlimits: {depth: 5}\n", "far"), ("tuning: ~\nlimits: ~\n", "near")])
    assert loaded.config == Config()


def test_a_mistake_in_a_layer_names_that_layer() -> None:
    with pytest.raises(ConfigError) as caught:
        load([("routes: [{path: /a}]\n", "cluster"), ("\nroutes: [{path: b}]\n", "workload")])
    assert [(p.file, p.line, p.path) for p in caught.value.problems] == [("workload", 2, "routes[0].path")]


def test_lists_that_join_are_lists_of_the_schema() -> None:
    for path in JOINED:
        value: Any = Config()
        for name in path.split("."):
            value = getattr(value, name)
        assert isinstance(value, tuple)


def test_effective_shows_every_value_and_where_the_written_ones_stand() -> None:
    shown = effective(load([("limits:\n  head: 64KiB\n", "waf.yaml")], {"WAF_MODE": "protect"}))
    assert shown["config"]["limits"]["head"] == 65536
    assert shown["config"]["mode"] == "protect"
    assert shown["config"]["timeouts"]["drain"] == 25.0
    assert shown["origins"] == {"limits.head": "waf.yaml:2", "mode": "environment WAF_MODE"}


# --------------------------------------------------------------------------- invariants


words = st.text(alphabet="ab-_.:/* 09é\n", max_size=8)


def section(names: list[str]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(names) | words, leaves, max_size=4)


leaves = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | words
    | st.sampled_from(["off", "protect", "64KiB", "30s", "/a/**", "127.0.0.1:80", "10.0.0.0/8", "auto", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
SECTIONS = {
    name: sorted(getattr(Config(), name).__struct_fields__)
    for name in Config.__struct_fields__
    if hasattr(getattr(Config(), name), "__struct_fields__")
}
routes = st.lists(section(["path", "mode", "methods", "level"]), max_size=3) | leaves
documents = st.fixed_dictionaries(
    {},
    optional={name: section(keys) | leaves for name, keys in SECTIONS.items()}
    | {"routes": routes, "mode": leaves},
)


@given(documents)
@settings(max_examples=200)
def test_any_structure_is_a_config_or_a_config_error(document: dict[str, Any]) -> None:
    text = yaml.safe_dump(document, allow_unicode=True)
    try:
        assert isinstance(parse_config(text, "f"), Config)
    except ConfigError as caught:
        problems = caught.problems
        assert problems
        assert all(problem.message and 0 <= problem.line <= text.count("\n") + 1 for problem in problems)


@given(st.text(alphabet=st.sampled_from("abmode:-?[]{}&*!|>'\"%@`#,~ \n\t\x00\x85\ud800é"), max_size=60))
@settings(max_examples=300)
def test_any_text_is_a_config_or_a_config_error(text: str) -> None:
    try:
        parse_config(text, "f")
    except ConfigError as caught:
        problems = caught.problems
        assert problems


@given(st.sampled_from(sorted(ENVIRONMENT)), st.text(max_size=20))
def test_any_variable_is_a_config_or_a_config_error(name: str, value: str) -> None:
    try:
        load((), {name: value})
    except ConfigError as caught:
        problems = caught.problems
        assert problems


class Note(msgspec.Struct, frozen=True):
    text: str
    kind: str = msgspec.field(default="", name="class")


class Notes(msgspec.Struct, frozen=True):
    notes: tuple[Note, ...] = ()


def test_other_files_are_read_by_the_same_reader() -> None:
    problems: list[Problem] = []
    text = "notes:\n  - {text: a, class: b}\n"
    assert read_struct(read_document(text, "f", problems), Notes, problems) == Notes((Note("a", "b"),))
    assert problems == []
    read_struct(read_document("notes:\n  - {text: a, kind: b}\nmode: x\n", "f", problems), Notes, problems)
    assert [(p.line, p.path) for p in problems] == [(2, "notes[0].kind"), (3, "mode")]
    assert "belongs" not in str(problems)
