"""Whole exchanges through policies as the sidecar builds them: default rules, files, no sockets."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.policy.rig import CARD, PROTECT, SQLI, Walk, Workshop
from waf.errors import ConfigError, OwnFault
from waf.model import PASSED, Action, BodyPlan, BodyRefused, Engine, Mode, Refused, Released, Withheld
from waf.policy.policy import Policy

ATTACK = "/search?q=1%27%20OR%20%271%27=%271%27%20--%20"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
CARD_DIGITS = CARD.replace(" ", "").encode()


def rules_of(verdict: Any) -> set[str]:
    return {finding.rule for finding in verdict.findings}


# ------------------------------------------------------------------------------------------------------ modes


def test_a_plain_request_passes_as_it_came(protecting: Policy) -> None:
    walk = Walk(protecting, "/search?q=coffee", body=b'{"a": 1}', method="POST", kind=JSON)
    admitted = walk.passed()
    assert admitted.body == walk.body
    assert admitted.request.target == b"/search?q=coffee"
    assert walk.exchange.verdict is PASSED
    assert walk.exchange.inspected


@pytest.mark.parametrize(
    ("mode", "action", "would"),
    [
        ("off", Action.FORWARD, Action.FORWARD),
        ("monitor", Action.FORWARD, Action.BLOCK),
        ("protect", Action.BLOCK, Action.BLOCK),
    ],
)
def test_an_attack_in_each_mode(workshop: Workshop, mode: str, action: Action, would: Action) -> None:
    walk = Walk(workshop.policy({"mode": mode}), ATTACK)
    answer = walk.admit()
    verdict = walk.exchange.verdict
    assert isinstance(answer, Refused) is (action is Action.BLOCK)
    assert (verdict.action, verdict.would) == (action, would)
    assert walk.exchange.bypass == ("mode-off" if mode == "off" else "")
    if would is Action.BLOCK:
        finding = next(one for one in verdict.findings if one.kind == "sqli")
        assert (finding.address, finding.engine) == ("arg.q", Engine.SIGNATURE)
        assert verdict.status == 403


@pytest.mark.parametrize(
    ("mode", "masked", "action", "would"),
    [
        ("off", False, Action.FORWARD, Action.FORWARD),
        ("monitor", False, Action.FORWARD, Action.REDACT),
        ("protect", True, Action.REDACT, Action.REDACT),
    ],
)
def test_a_card_number_in_a_page_in_each_mode(
    workshop: Workshop, mode: str, masked: bool, action: Action, would: Action
) -> None:
    walk = Walk(workshop.policy({"mode": mode}), "/customers/1")
    _, out = walk.release(f"<p>Card: {CARD}</p>".encode())
    assert (CARD.encode() not in out) is masked
    verdict = walk.exchange.response_verdict
    assert (verdict.action, verdict.would) == (action, would)


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_masking_does_not_depend_on_chunks(protecting: Policy, piece: int) -> None:
    whole = Walk(protecting).release(f"<p>Card: {CARD}</p>".encode())[1]
    assert Walk(protecting).release(f"<p>Card: {CARD}</p>".encode(), piece=piece)[1] == whole
    assert CARD[-4:].encode() in whole


@pytest.mark.parametrize(
    ("config", "target", "body"),
    [
        ({"signatures": {"mode": "monitor"}}, ATTACK, b""),
        ({"signatures": {"mode": "off"}}, ATTACK, b""),
        ({"routes": [{"path": "/search", "mode": "monitor"}]}, ATTACK, b""),
    ],
)
def test_what_only_watches_says_what_it_would(
    workshop: Workshop, config: dict[str, Any], target: str, body: bytes
) -> None:
    walk = Walk(workshop.policy(PROTECT | config), target, body=body)
    walk.passed()
    assert (walk.exchange.verdict.action, walk.exchange.verdict.would) == (Action.FORWARD, Action.BLOCK)


def test_signatures_may_be_off_altogether(workshop: Workshop) -> None:
    walk = Walk(workshop.policy(PROTECT | {"signatures": {"enabled": False}}), ATTACK)
    walk.passed()
    assert walk.exchange.verdict is PASSED


def test_a_level_brings_rules_in(workshop: Workshop) -> None:
    rule = {
        "id": "own-strict", "title": "Own", "class": "code", "severity": "critical", "confidence": "high",
        "level": 3, "where": ["arg"], "pattern": "frobnicate", "hits": ["frobnicate"],
    }  # fmt: skip
    workshop.write("own.yaml", [rule])
    config = PROTECT | {
        "signatures": {"rules": ["own.yaml"], "defaults": False},
        "routes": [{"path": "/strict", "level": 3}],
    }
    policy = workshop.policy(config)
    assert rules_of(Walk(policy, "/strict?a=frobnicate").refused()) == {"own-strict"}
    Walk(policy, "/?a=frobnicate").passed()


def test_thresholds_by_place(workshop: Workshop) -> None:
    policy = workshop.policy(PROTECT, tuning={"thresholds": [{"path": "/search", "request": 100}]})
    Walk(policy, ATTACK).passed()
    Walk(policy, ATTACK.replace("search", "find")).refused()


# -------------------------------------------------------------------------------------------------- long bodies

SMALL = PROTECT | {"limits": {"inspect_body": 1000}}
LONG_JSON = json.dumps({"note": "plain words " * 200}).encode()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_document_over_the_limit_is_refused_with_413(workshop: Workshop, chunked: bool) -> None:
    walk = Walk(workshop.policy(SMALL), "/api", method="POST", body=LONG_JSON, kind=JSON, chunked=chunked)
    verdict = walk.refused()
    assert (verdict.status, rules_of(verdict)) == (413, {"limit.body"})


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("kind", ["application/octet-stream", "image/png"])
def test_a_file_over_the_limit_streams(workshop: Workshop, kind: str, chunked: bool) -> None:
    body = bytes(range(256)) * 40
    walk = Walk(workshop.policy(SMALL), "/up", method="PUT", body=body, kind=kind, chunked=chunked)
    assert walk.passed().body == body
    assert walk.exchange.inspected


def upload(content: bytes, name: str = "notes.txt") -> tuple[bytes, str]:
    head = f'Content-Disposition: form-data; name="f"; filename="{name}"\r\nContent-Type: text/plain'
    body = b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n--b--\r\n"
    return body, "multipart/form-data; boundary=b"


def test_a_streamed_upload_is_judged_as_it_passes(workshop: Workshop) -> None:
    policy = workshop.policy(SMALL)
    body, kind = upload(b"words of no harm\n" * 500)
    assert Walk(policy, "/up", method="POST", body=body, kind=kind).passed().body == body
    bad, kind = upload(
        b"words of no harm\n" * 500, "x.php%00.png;../../etc/passwd<script>alert(1)</script>.php"
    )
    walk = Walk(policy, "/up", method="POST", body=bad, kind=kind)
    assert walk.refused().would is Action.BLOCK
    assert walk.exchange.verdict.action is Action.BLOCK


@pytest.mark.parametrize("over", ["auto", "block", "stream"])
@pytest.mark.parametrize("mode", ["monitor", "protect"])
def test_over_limit_by_choice(workshop: Workshop, over: str, mode: str) -> None:
    policy = workshop.policy(SMALL | {"mode": mode, "routes": [{"path": "/**", "over_limit": over}]})
    walk = Walk(policy, "/api", method="POST", body=LONG_JSON, kind=JSON)
    if mode == "protect" and over != "stream":
        assert walk.refused().status == 413
    else:
        assert walk.passed().body == LONG_JSON
        would = Action.FORWARD if over == "stream" else Action.BLOCK
        assert walk.exchange.verdict.would is would, walk.exchange.verdict


def test_a_long_body_without_a_length_is_watched_in_monitor_mode(workshop: Workshop) -> None:
    policy = workshop.policy(SMALL | {"mode": "monitor"})
    walk = Walk(policy, "/api", method="POST", body=LONG_JSON, kind=JSON, chunked=True)
    assert walk.passed().body == LONG_JSON


@pytest.mark.parametrize("mode", ["monitor", "protect"])
def test_a_body_larger_than_any_may_be(workshop: Workshop, mode: str) -> None:
    policy = workshop.policy({"mode": mode, "routes": [{"path": "/up", "body": 100}]})
    walk = Walk(policy, "/up", method="PUT", body=b"x" * 101, kind="application/octet-stream")
    answer = walk.plan()
    assert isinstance(answer, Refused) is (mode == "protect")
    assert walk.exchange.verdict.would is Action.BLOCK
    assert walk.exchange.verdict.status == 413


def test_an_attack_in_a_streamed_document_is_found(workshop: Workshop) -> None:
    policy = workshop.policy(SMALL | {"routes": [{"path": "/**", "over_limit": "stream"}]})
    body = json.dumps({"note": "plain words " * 200, "q": SQLI}).encode()
    walk = Walk(policy, "/api", method="POST", body=body, kind=JSON)
    assert "sqli" in {finding.kind for finding in walk.refused().findings}


def test_a_streamed_body_with_signatures_off_is_no_silent_pass(workshop: Workshop) -> None:
    policy = workshop.policy(SMALL | {"signatures": {"enabled": False}})
    walk = Walk(policy, "/up", method="PUT", body=b"x" * 2000, kind="application/octet-stream")
    assert walk.passed().body == b"x" * 2000
    assert walk.exchange.bypass == "stream-off"


# ---------------------------------------------------------------------------------------------- access and routes


def test_address_lists(workshop: Workshop) -> None:
    policy = workshop.policy(PROTECT | {"access": {"allow": ["10.0.0.5"], "deny": ["10.0.0.0/8"]}})
    verdict = Walk(policy, client="10.0.0.6").refused()
    assert (verdict.status, rules_of(verdict), verdict.exclusion) == (403, {"access.denied-address"}, "")
    Walk(policy, client="10.0.0.5").passed()
    Walk(policy, client="192.0.2.1").passed()
    Walk(policy, ATTACK, client="10.0.0.5").refused()  # being allowed in is not being trusted


def test_a_rate_limit_answers_429_with_the_time_to_wait(workshop: Workshop) -> None:
    limit = {"name": "login", "path": "/login", "methods": ["POST"], "rate": 0.1, "burst": 2}
    policy = workshop.policy(PROTECT | {"access": {"rate_limits": [limit]}})

    def login(now: float, method: str = "POST") -> Walk:
        return Walk(
            policy, "/login", method=method, body=b"a=1" if method == "POST" else b"", kind=FORM, now=now
        )

    login(0.0).passed()
    login(0.0).passed()
    verdict = login(0.0).refused()
    assert (verdict.status, verdict.retry_after, rules_of(verdict)) == (429, 10, {"access.rate-limit"})
    login(0.0, "GET").passed()
    login(10.0).passed()


def test_a_rate_limit_only_watches_in_monitor_mode(workshop: Workshop) -> None:
    policy = workshop.policy({"mode": "monitor", "access": {"rate_limits": [{"name": "all", "burst": 1}]}})
    Walk(policy).passed()
    walk = Walk(policy)
    walk.passed()
    assert (walk.exchange.verdict.would, walk.exchange.verdict.status) == (Action.BLOCK, 429)


ROUTE = {
    "path": "/api/**",
    "name": "api",
    "allow_methods": ["GET", "POST"],
    "allow_types": ["application/json"],
}


@pytest.mark.parametrize(
    ("method", "kind", "status"),
    [
        ("GET", "", 0),
        ("POST", "application/json; charset=utf-8", 0),
        ("POST", "Application/JSON", 0),
        ("PUT", "application/json", 405),
        ("POST", "text/plain", 415),
        ("POST", "", 415),
    ],
)
def test_what_a_route_allows(workshop: Workshop, method: str, kind: str, status: int) -> None:
    policy = workshop.policy(PROTECT | {"routes": [ROUTE]})
    walk = Walk(policy, "/api/x", method=method, body=b"" if method == "GET" else b"{}", kind=kind)
    answer = walk.admit()
    assert (answer.verdict.status if isinstance(answer, Refused) else 0) == status
    assert walk.exchange.route == "api"


# ------------------------------------------------------------------------------------------------------- tuning


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


def test_no_exclusion_is_offered_that_would_not_work(protecting: Policy) -> None:
    assert Walk(protecting, "/a/..%2fb" + ATTACK[7:]).refused().exclusion == ""


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
    policy = workshop.policy(PROTECT, {"patches": PATCHES["patches"][1:2]})
    walk = Walk(policy, "/health" + ATTACK[7:])
    walk.passed()
    assert (walk.exchange.bypass, walk.exchange.detail) == ("patch", "allowed by patch probe")
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


# ------------------------------------------------------------------------------------------------ sensitive data


@pytest.mark.parametrize("action", ["report", "mask", "block"])
def test_a_card_number_in_a_request(workshop: Workshop, action: str) -> None:
    policy = workshop.policy(PROTECT | {"sensitive": {"request_action": action}})
    walk = Walk(policy, "/pay", method="POST", body=b'{"card": "' + CARD_DIGITS + b'"}', kind=JSON)
    if action == "block":
        verdict = walk.refused()
        assert {finding.engine for finding in verdict.findings} == {Engine.SENSITIVE}
        assert CARD_DIGITS.decode() not in str(msgspec.to_builtins(verdict, enc_hook=str))
        return
    body = walk.passed().body
    assert body is not None
    assert (CARD_DIGITS in body) is (action == "report")
    assert walk.exchange.verdict.action is (Action.REDACT if action == "mask" else Action.FORWARD)


def test_monitor_mode_alters_no_request(workshop: Workshop) -> None:
    policy = workshop.policy({"mode": "monitor", "sensitive": {"request_action": "mask"}})
    walk = Walk(policy, "/pay", method="POST", body=b"card=" + CARD_DIGITS, kind=FORM)
    assert walk.passed().body == walk.body
    assert (walk.exchange.verdict.action, walk.exchange.verdict.would) == (Action.FORWARD, Action.REDACT)


@pytest.mark.parametrize(("mode", "refused"), [("monitor", False), ("protect", True)])
def test_a_page_with_a_card_number_may_be_withheld(workshop: Workshop, mode: str, refused: bool) -> None:
    walk = Walk(workshop.policy({"mode": mode, "sensitive": {"response_action": "block"}}))
    page = f"<p>Card: {CARD}</p>".encode()
    if not refused:
        assert walk.release(page)[1] == page
        assert walk.exchange.response_verdict.would is Action.BLOCK
        return
    with pytest.raises(BodyRefused) as caught:
        walk.release(page)
    assert caught.value.verdict.action is Action.BLOCK


def test_a_list_of_ones_own_is_recognised(workshop: Workshop) -> None:
    workshop.write("customers.csv", "name,number\nJo,KD-204711\nSam,KD-204712\n")
    listed = {"id": "customer", "file": "customers.csv", "column": "number"}
    config = PROTECT | {"sensitive": {"exact": [listed], "entities": ["customer"]}}
    _, out = Walk(workshop.policy(config)).release(b"<p>KD-204711 and KD-999999</p>")
    assert b"KD-204711" not in out
    assert b"KD-999999" in out


def test_a_list_without_its_column_is_a_located_mistake(workshop: Workshop) -> None:
    workshop.write("customers.csv", "name\nJo\n")
    listed = {"id": "customer", "file": "customers.csv", "column": "number"}
    with pytest.raises(ConfigError, match=r"customers\.csv:1.*number"):
        workshop.policy(PROTECT | {"sensitive": {"exact": [listed]}})


# ---------------------------------------------------------------------------------------------------------- leaks

LEAK = (
    b"<html><body><pre>You have an error in your SQL syntax; check the manual that corresponds to your MySQL "
    b"server version for the right syntax to use near ''' at line 1</pre></body></html>"
)


def test_a_leak_is_reported_by_default(protecting: Policy) -> None:
    walk = Walk(protecting)
    _, out = walk.release(LEAK)
    assert out == LEAK
    assert "leak" in {finding.kind for finding in walk.exchange.response_verdict.findings}
    assert walk.exchange.response_verdict.action is Action.FORWARD


@pytest.mark.parametrize("piece", [5, 4096])
def test_a_leak_is_withheld_where_configured(workshop: Workshop, piece: int) -> None:
    policy = workshop.policy(PROTECT | {"inspection": {"response_action": "block", "response_threshold": 1}})
    with pytest.raises(BodyRefused) as caught:
        Walk(policy).release(LEAK, piece=piece)
    assert (caught.value.verdict.action, caught.value.verdict.status) == (Action.BLOCK, 502)


@pytest.mark.parametrize("blocks", [True, False])
def test_the_head_waits_where_a_response_may_be_refused(workshop: Workshop, blocks: bool) -> None:
    config = {"inspection": {"response_action": "block" if blocks else "report"}}
    released, _ = Walk(workshop.policy(PROTECT | config)).release(b"<p>page</p>")
    assert isinstance(released, Released)
    assert released.hold_head is blocks


def test_a_coded_response_that_nothing_can_read_is_counted(workshop: Workshop) -> None:
    policy = workshop.policy(PROTECT | {"sensitive": {"enabled": False}})
    walk = Walk(policy)
    _, out = walk.release(b"\x1f\x8b...", extra="Content-Encoding: gzip\r\n")
    assert (out, walk.exchange.bypass) == (b"\x1f\x8b...", "response-coding")


# ------------------------------------------------------------------------------------------------- errors of ours


class Broken:
    """An engine with a bug."""

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(name)


def broken(policy: Policy) -> Policy:
    changed = policy.with_profile(None, 1)
    changed.signatures = Broken()  # type: ignore[misc, assignment]
    return changed


def test_on_error_closed(protecting: Policy) -> None:
    policy = broken(protecting)
    with pytest.raises(OwnFault) as caught:
        Walk(policy).admit()
    assert (caught.value.status, caught.value.rule) == (500, "own.inspection")


def test_on_error_open(workshop: Workshop) -> None:
    policy = broken(workshop.policy(PROTECT | {"inspection": {"on_error": "open"}}))
    walk = Walk(policy, ATTACK)
    _, out = walk.release(b"<p>page</p>")
    assert (walk.exchange.bypass, walk.exchange.inspected, out) == ("own-error", False, b"<p>page</p>")
    assert "ZeroDivisionError" in walk.exchange.detail


def test_a_response_that_cannot_be_judged_is_withheld(protecting: Policy) -> None:
    walk = Walk(protecting)
    walk.passed()
    walk.policy = broken(protecting)
    released = walk.policy.release(walk.exchange, _response())
    assert isinstance(released, Withheld)
    assert released.verdict.status == 502
    assert walk.exchange.response_verdict is released.verdict


def _response() -> Any:
    from waf.config.schema import Limits
    from waf.http1.parse import response_head

    return response_head(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n", Limits(), b"GET"
    )


def test_a_plan_says_how_to_take_a_body(protecting: Policy) -> None:
    plan = Walk(protecting, "/", method="POST", body=b"a=1", kind=FORM).plan()
    assert plan == BodyPlan(buffer=protecting.config.limits.inspect_body, over="block")
    assert protecting.config.mode is Mode.PROTECT
