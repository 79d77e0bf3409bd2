"""tuning.yaml in force: exclusions, patches, expiry, and the exclusion that each block offers."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.policy.rig import ATTACK, FORM, JSON, PROTECT, SQLI, Walk, Workshop, rules_of
from waf.errors import ConfigError
from waf.model import Action
from waf.policy.policy import Policy


def test_an_exclusion_takes_a_finding_back_where_it_says(workshop: Workshop) -> None:
    tuning = {"exclusions": [{"class": "sqli", "path": "/search", "field": "arg.q"}]}
    policy = workshop.policy(PROTECT, tuning)
    Walk(policy, ATTACK).passed()
    Walk(policy, ATTACK.replace("q=", "r=")).refused()
    Walk(policy, ATTACK.replace("search", "find")).refused()
    Walk(policy, ATTACK.replace("/search", "/x/..%2fsearch")).refused()


EXCLUDED = [
    (ATTACK, "GET", b"", ""),
    ("/a/b/c?x=%3Cscript%3Ealert(1)%3C/script%3E", "GET", b"", ""),
    ("/items?a[b][]=" + ATTACK.partition("q=")[2], "GET", b"", ""),
    ("/users/jo.doe@example.org/4111111111111111?" + ATTACK.partition("?")[2], "GET", b"", ""),
    ("/glob/*/**?" + ATTACK.partition("?")[2], "GET", b"", ""),
    ("/" + "deep/" * 40 + "?" + ATTACK.partition("?")[2], "GET", b"", ""),
    (
        "/api",
        "POST",
        json.dumps({"items": [{"na*me": SQLI}], "x": "<script>alert(1)</script>"}).encode(),
        JSON,
    ),
    ("/both?a=" + ATTACK.partition("q=")[2] + "&b=;cat%20/etc/passwd", "GET", b"", ""),
    ("/form", "POST", b"q=" + ATTACK.partition("q=")[2].encode(), FORM),
]


@pytest.mark.parametrize(
    ("target", "method", "body", "kind"), EXCLUDED, ids=[row[0][:30] for row in EXCLUDED]
)
def test_the_exclusion_that_a_block_carries_lets_the_same_request_pass(
    workshop: Workshop, protecting: Policy, target: str, method: str, body: bytes, kind: str
) -> None:
    verdict = Walk(protecting, target, method=method, body=body, kind=kind).refused()
    assert verdict.exclusion
    policy = workshop.policy(PROTECT, "exclusions:\n" + verdict.exclusion + "\n")
    Walk(policy, target, method=method, body=body, kind=kind).passed()
    Walk(policy, "/elsewhere" + ATTACK).refused()


def test_on_an_ambiguous_path_what_is_offered_names_none_and_works(
    protecting: Policy, workshop: Workshop
) -> None:
    odd = "/a/b%2fc" + ATTACK[7:]
    offered = Walk(protecting, odd).refused().exclusion
    assert '"path":"/**"' in offered
    policy = workshop.policy(PROTECT, {"exclusions": yaml.safe_load(offered)})
    Walk(policy, odd).passed()


PATCHES = {
    "patches": [
        {"id": "old-admin", "path": "/admin/**", "title": "Closed until the update"},
        {"id": "probe", "path": "/health", "clients": ["192.0.2.9"], "action": "allow"},
        {"id": "watched", "path": "/watched", "action": "report"},
        {"id": "cve-1", "path": "/down", "field": "arg.file", "pattern": "secret-[0-9]+"},
        {"id": "past", "path": "/past", "expires": "2026-11-23"},
    ]
}


def test_patches(workshop: Workshop) -> None:
    policy = workshop.policy(PROTECT | {"signatures": {"defaults": False}}, PATCHES)
    assert rules_of(Walk(policy, "/admin/x").refused()) == {"patch.old-admin"}
    assert Walk(policy, "/admin/x").refused().exclusion == ""
    assert rules_of(Walk(policy, "/down?file=secret-7").refused()) == {"patch.cve-1"}
    Walk(policy, "/down?name=secret-7").passed()
    Walk(policy, "/up?file=secret-7").passed()
    Walk(policy, "/past").passed()
    watched = Walk(policy, "/watched")
    watched.passed()
    assert (watched.exchange.verdict.action, watched.exchange.verdict.would) == (Action.FORWARD, Action.BLOCK)


def test_a_patch_that_allows_is_no_silent_pass(workshop: Workshop) -> None:
    limits = {"limits": {"inspect_body": 100, "over_limit": "stream"}}
    policy = workshop.policy(PROTECT | limits, {"patches": PATCHES["patches"][1:2]})
    walk = Walk(policy, "/health" + ATTACK[7:])
    walk.passed()
    assert (walk.exchange.bypass, walk.exchange.detail) == ("patch", "allowed by patch probe")
    body, kind = b"q=" + ATTACK.partition("q=")[2].encode() * 40, "text/html"
    long = Walk(policy, "/health", method="POST", body=body, kind=kind)
    assert long.passed().body == body
    assert long.exchange.bypass == "patch"
    Walk(policy, "/health" + ATTACK[7:], client="192.0.2.10").refused()
    Walk(policy, "/./health" + ATTACK[7:]).refused()


def test_what_has_expired_is_told(workshop: Workshop) -> None:
    import datetime

    policy = workshop.policy({"signatures": {"defaults": False}}, PATCHES)
    (problem,) = policy.tuning.expired(datetime.date(2026, 11, 24))
    assert (problem.path, problem.line > 0) == ("patches[4]", True)


@pytest.mark.parametrize(
    ("tuning", "path", "line"),
    [
        ("exclusions:\n  - rule: a\n  - path: /x\n", "exclusions[1]", 3),
        ("rules:\n  - rule: nothing\n    disable: true\n", "rules[0]", 2),
        ("patches:\n  - id: a\n    pattern: x\n  - id: b\n    pattern: '(?=x)'\n", "", 4),
        ("patches:\n  - id: a\n    field: nowhere\n    pattern: x\n", "patches[0]", 2),
        ("exclusion: []\n", "exclusion", 1),
    ],
)
def test_mistakes_in_tuning_have_file_and_line(workshop: Workshop, tuning: str, path: str, line: int) -> None:
    with pytest.raises(ConfigError) as caught:
        workshop.policy(PROTECT, tuning)
    (problem,) = caught.value.problems
    assert problem.file == str(workshop.directory / "tuning.yaml")
    assert (path in problem.path, problem.line) == (True, line), str(problem)
