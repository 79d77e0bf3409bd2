"""Exclusions reach the masking of sensitive data: what a person took back is neither masked nor refused.

Masking happens while a body passes, long before findings are weighed, so it has to ask beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from waf.model import Confidence, Engine, Exchange, Finding, Severity
from waf.policy.judgement import Judgement
from waf.policy.tuning import Tuning, day
from waf.sensitive.entities import Entity
from waf.sensitive.orders import Lift


class Lifting:
    """Of one policy; immutable. `idle` says that no exclusion is about sensitive data at all."""

    def __init__(self, tuning: Tuning, entities: Sequence[Entity]) -> None:
        self._tuning = tuning
        self.idle: Final = not any(tuning.concerns(_finding(entity, "")) for entity in entities)

    def of(self, exchange: Exchange, judgement: Judgement) -> Lift | None:
        """What was taken back for this exchange; None for nothing."""
        if self.idle:
            return None
        request = exchange.request
        assert request is not None
        takes = self._tuning.lifts(
            request, judgement.path(request.path), exchange.peer.client, day(exchange.wall)
        )
        return None if takes is None else lambda entity, address: takes(_finding(entity, address))


def _finding(entity: Entity, address: str) -> Finding:
    return Finding(
        rule=f"sensitive.{entity.id}",
        kind=entity.id,
        engine=Engine.SENSITIVE,
        severity=Severity.INFO,
        confidence=Confidence.HIGH,
        address=address,
        tags=(entity.group, *entity.tags),
    )
