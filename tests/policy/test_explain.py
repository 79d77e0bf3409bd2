"""The policy asked about one request off the wire: the same answer as traffic gets, safe to show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.rig import CARD, PROTECT, WALL, Workshop
from waf.model import Action
from waf.policy.explain import Explanation, as_builtins, judge
from waf.policy.policy import Policy
from waf.policy.samples import Sample, from_curl, from_raw

ATTACK = "http://shop/search?q=1%27%20OR%20%271%27=%271%27%20--%20"


def explain(policy: Policy, line: str) -> Explanation:
    return judge(policy, from_curl(line), 0.0, WALL, fields=True)


def test_a_plain_request(protecting: Policy) -> None:
    told = explain(protecting, "curl 'http://shop/search?q=coffee' -d 'a=b'")
    assert (told.verdict.would, told.status, told.fault) == (Action.FORWARD, 0, "")
    assert {("path", "/search"), ("arg.q", "coffee"), ("form.a", "b")} <= set(told.fields)


def test_an_attack(protecting: Policy) -> None:
    told = explain(protecting, f"curl '{ATTACK}'")
    assert (told.verdict.would, told.status) == (Action.BLOCK, 403)
    assert {finding.address for finding in told.verdict.findings} == {"arg.q"}
    assert '"path":"/search"' in told.verdict.exclusion


def test_a_malformed_head(protecting: Policy) -> None:
    told = judge(protecting, from_raw(b"GET / HTTP/1.1\nHost: a\nHost: b\n\n"))
    assert told.fault.startswith("protocol.")
    assert 400 <= told.status < 500


def test_what_needs_no_body_is_told_too(workshop: Workshop) -> None:
    policy = workshop.policy(PROTECT | {"routes": [{"path": "/x", "allow_methods": ["GET"]}]})
    told = explain(policy, "curl -X DELETE http://shop/x")
    assert (told.status, told.fields) == (405, ())


@pytest.mark.parametrize(
    ("kind", "status"), [("application/json", 413), ("application/octet-stream", 0)], ids=["held", "streamed"]
)
def test_a_long_body(workshop: Workshop, kind: str, status: int) -> None:
    policy = workshop.policy(PROTECT | {"limits": {"inspect_body": 100}})
    assert explain(policy, f"curl -H 'Content-Type: {kind}' -d '{'x' * 200}' http://shop/").status == status


def test_an_attack_in_a_streamed_body(workshop: Workshop) -> None:
    config = PROTECT | {"limits": {"inspect_body": 100}, "routes": [{"path": "/**", "over_limit": "stream"}]}
    body = json.dumps({"pad": "words " * 100, "q": "1' OR '1'='1' -- "}).replace("'", "\\u0027")
    assert explain(workshop.policy(config), f"curl --json '{body}' http://shop/").status == 403


def test_an_error_of_ours_is_told(workshop: Workshop) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise ZeroDivisionError

    policy = workshop.policy(PROTECT)  # of its own: what is known to be clean is not searched
    policy.signatures = Broken()  # type: ignore[misc, assignment]
    assert explain(policy, "http://shop/").fault == "own.inspection"


def test_nothing_is_shown_unmasked(protecting: Policy) -> None:
    number = CARD.replace(" ", "")
    sample = from_curl(f"curl 'http://shop/{number}?card={number}' -d 'card={number}' -H 'X-Card: {number}'")
    told = as_builtins(judge(protecting, sample, 0.0, WALL, fields=True), WALL)
    assert number not in json.dumps(told)
    assert "arg.card" in json.dumps(told)


def test_as_json_it_has_words_for_weights(protecting: Policy) -> None:
    told = as_builtins(explain(protecting, f"curl '{ATTACK}'"), WALL)
    assert told["verdict"]["would"] == "block"
    assert {finding["severity"] for finding in told["verdict"]["findings"]} <= {"high", "critical"}
    assert told["at"].startswith("2026-11-24T")
    assert json.dumps(told)


def test_a_label_of_any_text(protecting: Policy) -> None:
    assert judge(protecting, Sample(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", "\udcff\x00")).label


TOKENS = st.sampled_from(
    [b"GET", b"POST", b" /", b" HTTP/1.1", b"\n", b"Host: a\n", b"Content-Type: application/json\n", b"\n\n",
     b'{"a":', b"[" * 70, b"q=%27", b"<a", b"' or 1=1--", b"Content-Encoding: gzip\n",
     b"\xff", b"?", b"Cookie: a=b\n"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(TOKENS | st.binary(max_size=8), max_size=12))
def test_any_request_is_explained(protecting: Policy, pieces: list[bytes]) -> None:
    raw = b"POST /x HTTP/1.1\nHost: a\n" + b"".join(pieces)
    for data in (raw, b"".join(pieces)):
        told = judge(protecting, from_raw(data), 0.0, WALL, fields=True)
        assert told.fault != "own.inspection"
        assert json.dumps(as_builtins(told, WALL))
