"""Bodies too long to be held: refused, streamed, never passed in silence."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from tests.policy.rig import FORM, JSON, LEAN, PROTECT, SQLI, Walk, Workshop, rules_of
from waf.errors import OwnFault
from waf.model import Action, Refused

SMALL = LEAN | {"limits": {"inspect_body": 1000}}
WITH_RULES = PROTECT | {"limits": {"inspect_body": 1000}}
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
    policy = workshop.policy(WITH_RULES)
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


@pytest.mark.parametrize("mode", ["monitor", "protect"])
@pytest.mark.parametrize("size", [101, 2000])
def test_a_body_without_a_length_may_not_be_larger_either(workshop: Workshop, mode: str, size: int) -> None:
    policy = workshop.policy(SMALL | {"mode": mode, "routes": [{"path": "/up", "body": 100}]})
    kind = "application/octet-stream"
    assert (
        Walk(policy, "/up", method="PUT", body=b"x" * 100, kind=kind, chunked=True).passed().body
        == b"x" * 100
    )
    walk = Walk(policy, "/up", method="PUT", body=b"x" * size, kind=kind, chunked=True)
    assert isinstance(walk.admit(), Refused) is (mode == "protect")
    assert (walk.exchange.verdict.would, walk.exchange.verdict.status) == (Action.BLOCK, 413)


def test_an_attack_in_a_streamed_document_is_found(workshop: Workshop) -> None:
    policy = workshop.policy(WITH_RULES | {"routes": [{"path": "/**", "over_limit": "stream"}]})
    body = json.dumps({"note": "plain words " * 200, "q": SQLI}).encode()
    walk = Walk(policy, "/api", method="POST", body=body, kind=JSON)
    assert "sqli" in {finding.kind for finding in walk.refused().findings}


def test_a_streamed_body_with_signatures_off_is_no_silent_pass(workshop: Workshop) -> None:
    policy = workshop.policy(SMALL | {"signatures": {"enabled": False}})
    walk = Walk(policy, "/up", method="PUT", body=b"x" * 2000, kind="application/octet-stream")
    assert walk.passed().body == b"x" * 2000
    assert walk.exchange.bypass == "stream-off"


@pytest.mark.parametrize("opening", ["open", "closed"])
def test_an_error_while_a_body_streams(workshop: Workshop, opening: str) -> None:
    class BrokenScan:
        def feed(self, data: bytes) -> Any:
            raise ZeroDivisionError

        finish = feed

    policy = workshop.policy(SMALL | {"inspection": {"on_error": opening}})
    assert policy.signatures is not None
    policy.signatures.request_stream = lambda *_: BrokenScan()  # type: ignore[method-assign, assignment]
    walk = Walk(policy, "/up", method="PUT", body=b"x" * 20_000, kind="application/octet-stream")
    if opening == "open":
        assert walk.passed().body == walk.body
        assert walk.exchange.bypass == "own-error"
    else:
        with pytest.raises(OwnFault):
            walk.admit()


TWICE = (b'{"a": 1, "a": 2}', JSON)
SPLIT = (
    b'--b\r\nContent-Disposition: form-data; name="a"; name="b"\r\n\r\nx\r\n--b--\r\n',
    "multipart/form-data; boundary=b",
)


@pytest.mark.parametrize(("body", "kind"), [TWICE, SPLIT])
def test_ambiguous_bodies_are_refused_or_reported_by_choice(
    workshop: Workshop, body: bytes, kind: str
) -> None:
    refused = Walk(workshop.policy(PROTECT), "/api", method="POST", body=body, kind=kind).refused()
    assert any(rule.startswith("protocol.") for rule in rules_of(refused))
    policy = workshop.policy(PROTECT | {"inspection": {"ambiguous_bodies": "report"}})
    walk = Walk(policy, "/api", method="POST", body=body, kind=kind)
    assert walk.passed().body == body
    verdict = walk.exchange.verdict
    assert (verdict.action, verdict.would) == (Action.FORWARD, Action.BLOCK)
    assert rules_of(verdict) == rules_of(refused)
    # What stands in one of the two is an attack all the same, and a null byte in the path no matter of bodies.
    attack = json.dumps({"a": SQLI})[:-1].encode() + b', "a": 2}'
    assert "protocol.json-duplicate-key" in rules_of(
        Walk(policy, "/api", method="POST", body=attack, kind=JSON).refused()
    )
    assert rules_of(Walk(policy, "/a%00b").refused()) >= {"protocol.null-byte-path"}
    # Nor does it let in what could not be read.
    walk = Walk(policy, "/api", method="POST", body=body, kind=kind, content_encoding="x-unknown")
    assert rules_of(walk.refused()) >= {"protocol.coding-unknown"}


UNION = "1' union select password from users-- "


def in_part(content: bytes, *head: str) -> tuple[bytes, str]:
    lines = "\r\n".join(('Content-Disposition: form-data; name="q"', *head)).encode()
    return b"--b\r\n" + lines + b"\r\n\r\n" + content + b"\r\n--b--\r\n", "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("noticed", "body", "kind"),
    [
        ("multipart-coding", *in_part(b64encode(UNION.encode()), "Content-Transfer-Encoding: base64")),
        (
            "multipart-charset",
            *in_part(UNION.encode("utf-16le"), "Content-Type: text/plain; charset=utf-16le"),
        ),
        ("multipart-charset", *in_part(UNION.encode("cp037"), "Content-Type: text/plain; charset=ibm037")),
        ("multipart-boundary", in_part(UNION.encode())[0], "multipart/form-data; boundary=b; boundary=c"),
        ("charset", ("q=" + UNION).encode("cp037"), f"{FORM}; charset=ibm037"),
        ("charset", b"_charset_=utf-16le&q=" + UNION.encode("utf-16le"), FORM),
        ("json-charset", json.dumps({"q": UNION}).encode("utf-32"), JSON),
        ("json-trailing", b'{"a": 1}' + json.dumps({"q": UNION}).encode(), JSON),
        ("json-duplicate-key", b'{"q": 1, "q": %b}' % json.dumps(UNION).encode(), JSON),
    ],
)
def test_each_reading_of_an_ambiguous_body_is_inspected(
    workshop: Workshop, noticed: str, body: bytes, kind: str
) -> None:
    policy = workshop.policy(PROTECT | {"inspection": {"ambiguous_bodies": "report"}})
    verdict = Walk(policy, "/api", method="POST", body=body, kind=kind).refused()
    assert rules_of(verdict) >= {f"protocol.{noticed}", "sqli-union"}
    assert not any(f.enforced for f in verdict.findings if f.rule == f"protocol.{noticed}")
