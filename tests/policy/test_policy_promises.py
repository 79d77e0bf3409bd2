"""What OpenAPI documents promise about answers, held against them on their way: told, never refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.policy.rig import CARD, JSON, Walk, Workshop, rules_of
from waf.model import Action
from waf.policy.policy import Policy
from waf.profiles.compile import build

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/items/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": {
                    "200": {
                        "description": "an item",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "properties": {"name": {"type": "string"}, "price": {"type": "number"}},
                                }
                            }
                        },
                    }
                },
            }
        }
    },
}


def promised(workshop: Workshop, **more: object) -> Policy:
    """A policy over this document, its places compiled as the learner does."""
    workshop.write("api.yaml", DOCUMENT)
    config = {
        "mode": "protect",
        "signatures": {"defaults": False},
        "profiles": {"openapi": [str(workshop.directory / "api.yaml")]},
        **more,
    }
    places = {"/items/{int}": frozenset({"GET"})}
    policy = workshop.policy(config)
    assert policy.contract is not None
    template = next(iter(policy.contract.rules))[0]
    profile = build({template: places["/items/{int}"]}, (), key=b"", mask=lambda _: "", version="1")
    return policy.with_profile(profile, 2)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory, pattern_cache: Path) -> dict[bool, Policy]:
    """With sensitive data looked for and without; nothing in a policy changes from one exchange to the next."""
    workshop = Workshop(tmp_path_factory.mktemp("promises"), pattern_cache)
    return {enabled: promised(workshop, sensitive={"enabled": enabled}) for enabled in (True, False)}


ANSWERS = [
    (b'{"name": "Tea", "price": 3}', JSON, "200 OK", set()),
    (b'{"name": "Tea", "price": "3"}', JSON, "200 OK", {"profile.response-schema"}),
    (b'{"name": "Tea", "cost": 2}', JSON, "200 OK", {"profile.response-schema"}),
    (b'{"name": ', JSON, "200 OK", {"profile.response-schema"}),
    (b"<p>", "text/html", "200 OK", {"profile.response-type"}),
    (b"{}", JSON, "201 Created", {"profile.response-status"}),
]


@pytest.mark.parametrize(("body", "kind", "status", "rules"), ANSWERS)
@pytest.mark.parametrize("sensitive", [True, False])
@pytest.mark.parametrize("piece", [1, 4096])
def test_an_answer_is_held_against_the_document(
    held: dict[bool, Policy],
    body: bytes,
    kind: str,
    status: str,
    rules: set[str],
    sensitive: bool,
    piece: int,
) -> None:
    walk = Walk(held[sensitive], "/items/5")
    _, out = walk.release(body, kind, status=status, piece=piece)
    assert out == body
    assert rules_of(walk.exchange.response_verdict) == rules
    assert walk.exchange.response_verdict.action is Action.FORWARD


def test_a_masked_value_is_no_broken_promise(workshop: Workshop) -> None:
    policy = promised(workshop, sensitive={"response_action": "mask"})
    walk = Walk(policy, "/items/5")
    _, out = walk.release(f'{{"name": "{CARD}", "price": "x"}}'.encode(), JSON)
    assert CARD.encode() not in out
    assert "profile.response-schema" not in rules_of(walk.exchange.response_verdict)


def test_places_without_a_document_cost_nothing(workshop: Workshop) -> None:
    policy = promised(workshop, sensitive={"enabled": False})
    released, _ = Walk(policy, "/elsewhere").release(b"{}", JSON)
    assert getattr(released, "body", None) is None
