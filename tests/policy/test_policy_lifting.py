"""What people took back reaches the masking; heads of answers and streamed uploads are searched too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policy.rig import FORM, LEAN, Walk, Workshop
from waf.model import Action, BodyRefused, Refused, Released, Withheld

CARD = b"4532198874063150"
BODY = b'{"card":"4532198874063150","other":"4532198874063150"}'
MASKED = b'{"card":"453219******3150","other":"453219******3150"}'
HALF = b'{"card":"4532198874063150","other":"453219******3150"}'
WHY = {"reason": "shown to the holder", "owner": "ann"}


def tuned(workshop: Workshop, **entry: Any) -> Any:
    return workshop.policy(LEAN, {"exclusions": [WHY | entry]})


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("entry", "target", "out"),
    [
        ({"rule": "sensitive.pan"}, "/a", BODY),
        ({"class": "pan", "field": "json.card"}, "/a", HALF),
        ({"tag": "pci"}, "/a", BODY),
        ({"rule": "sensitive.*", "path": "/a"}, "/a", BODY),
        ({"rule": "sensitive.*", "path": "/a"}, "/b", MASKED),
        ({"rule": "sensitive.pan", "clients": ["198.51.100.0/24"]}, "/a", MASKED),
        ({"rule": "sensitive.pan", "expires": "2020-01-01"}, "/a", MASKED),
        ({"rule": "sqli-*"}, "/a", MASKED),
        ({"rule": "sensitive.pan", "action": "monitor"}, "/a", BODY),
    ],
)
def test_an_exclusion_is_not_masked(
    workshop: Workshop, entry: dict[str, Any], target: str, out: bytes, whole: bool
) -> None:
    walk = Walk(tuned(workshop, **entry), target)
    release = walk.release_whole if whole else walk.release
    assert release(BODY, "application/json")[1] == out
    told = len(walk.exchange.response_verdict.findings)
    assert (told > 0) is (out != BODY or entry.get("action") == "monitor")


def test_an_exclusion_is_not_refused_in_a_request(workshop: Workshop) -> None:
    config = LEAN | {"sensitive": {"request_action": "block"}}
    asked = {"method": "POST", "body": b"card=" + CARD, "kind": FORM}
    assert isinstance(Walk(workshop.policy(config), "/pay", **asked).admit(), Refused)
    policy = workshop.policy(config, {"exclusions": [WHY | {"rule": "sensitive.pan", "path": "/pay"}]})
    assert Walk(policy, "/pay", **asked).passed().body == asked["body"]
    assert isinstance(Walk(policy, "/else", **asked).admit(), Refused)


@pytest.mark.parametrize("whole", [True, False])
def test_headers_of_an_answer_are_masked(workshop: Workshop, whole: bool) -> None:
    walk = Walk(workshop.policy(LEAN))
    release = walk.release_whole if whole else walk.release
    released, out = release(BODY, "application/json", extra="Location: /c?card=4532198874063150\r\n")
    assert isinstance(released, Released)
    assert released.response.headers.index[b"location"] == b"/c?card=453219******3150"
    assert out == MASKED
    tally = walk.exchange.policy_data.response_tally
    assert tally.totals == {"pan": 3}
    assert {count.address for count in tally} == {"json.card", "json.other", "header.location"}


@pytest.mark.parametrize("kind", ["image/png", "application/json"])
def test_a_head_alone_may_be_what_is_refused(workshop: Workshop, kind: str) -> None:
    config = LEAN | {"sensitive": {"response_action": "block"}}
    extra = "X-Card: 4532198874063150\r\n"
    released, _ = Walk(workshop.policy(config)).release_whole(b"{}", kind, extra=extra)
    assert isinstance(released, Withheld)
    assert released.verdict.action is Action.BLOCK
    assert isinstance(Walk(workshop.policy(config)).release(b"{}", kind, extra=extra)[0], Withheld)


LONG = b"a" * 300 + b"\n" + b"card 4532198874063150\n" + b"b" * 5000


@pytest.mark.parametrize(("action", "bypass"), [("report", ""), ("mask", "stream-unmasked"), ("block", "")])
def test_a_streamed_upload_is_searched(workshop: Workshop, action: str, bypass: str) -> None:
    config = LEAN | {
        "sensitive": {"request_action": action},
        "limits": {"inspect_body": 1000, "over_limit": "stream"},
    }
    walk = Walk(workshop.policy(config), "/up", method="POST", body=LONG, kind="text/plain")
    answer = walk.admit(piece=512)
    assert isinstance(answer, Refused) is (action == "block")
    verdict = walk.exchange.verdict
    assert [f.rule for f in verdict.findings] == ["sensitive.pan"]
    assert b"4532198874063150" not in repr(verdict).encode()
    assert walk.exchange.bypass == bypass
    assert walk.exchange.policy_data.hits.tally.totals == {"pan": 1}


def test_a_streamed_answer_names_head_and_body(workshop: Workshop) -> None:
    config = LEAN | {"sensitive": {"response_action": "block"}}
    walk = Walk(workshop.policy(config))
    with pytest.raises(BodyRefused):
        walk.release(BODY, "application/json")
