"""Findings of one exchange to its verdict: which engines only watch, what tuning takes back, which threshold holds.

Scoring itself is `decide`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import structs

from waf.config.schema import Config
from waf.inspect.notices import AMBIGUOUS_BODIES
from waf.model import Action, Engine, Exchange, Finding, Mask, Mode, Verdict
from waf.policy.decide import RETRY_SECONDS, decide
from waf.policy.judgement import Judgement
from waf.policy.settings import Settings
from waf.policy.suggest import place, suggested
from waf.policy.tuning import Tuning, day


class Verdicts:
    """Of one policy; immutable. `mask` makes paths safe to show."""

    def __init__(self, config: Config, tuning: Tuning, mask: Mask) -> None:
        self._inspection = config.inspection
        self._tuning = tuning
        self._mask = mask
        modes = {Engine.SIGNATURE: config.signatures.mode, Engine.SENSITIVE: config.sensitive.mode}
        self._watching: Final = frozenset(e for e, mode in modes.items() if mode in (Mode.MONITOR, Mode.OFF))
        """Engines that never do more than watch, whatever the mode of the request."""
        self._tolerated: Final = (
            AMBIGUOUS_BODIES if config.inspection.ambiguous_bodies == "report" else frozenset()
        )
        """Rules whose findings are told and do nothing."""

    def enforces(self, settings: Settings, engine: Engine) -> bool:
        """True if findings of `engine` may act on a request with these settings."""
        return settings.mode is Mode.PROTECT and engine not in self._watching

    def acts(self, engine: Engine) -> bool:
        """True if findings of `engine` may act where the mode says so."""
        return engine not in self._watching

    @property
    def blocks_responses(self) -> bool:
        return self._inspection.response_action == "block"

    def of_request(
        self,
        exchange: Exchange,
        judgement: Judgement,
        findings: Sequence[Finding],
        *,
        altered: bool = False,
        retry_after: int = RETRY_SECONDS,
    ) -> Verdict:
        """The verdict on a request; a refusal carries the exclusions that would have let it pass."""
        remaining, threshold = self._tuned(exchange, judgement, findings, "request")
        mode = judgement.settings.mode
        verdict = decide(remaining, threshold=threshold, mode=mode, altered=altered, retry_after=retry_after)
        if verdict.would is not Action.BLOCK:
            return verdict
        request = exchange.request
        assert request is not None
        path = judgement.path(request.path)
        check = judgement.check
        if path.ambiguous:
            where = "/**"  # there only what names no path takes anything back
        elif check is not None and check.known:
            where = check.endpoint  # one exclusion for all products
        else:
            where = place(path.text, self._mask)  # an unlearned path stands for itself
        lines = suggested(verdict.findings, threshold=threshold, method=request.method, path=where)
        return structs.replace(verdict, exclusion=lines)

    def of_response(self, exchange: Exchange, judgement: Judgement, findings: Sequence[Finding]) -> Verdict:
        """The verdict on leaks in a response; they are reported only, unless configured to block."""
        remaining, threshold = self._tuned(exchange, judgement, findings, "response")
        mode = judgement.settings.mode if self.blocks_responses else Mode.MONITOR
        verdict = decide(remaining, threshold=threshold, mode=mode)
        return structs.replace(verdict, status=502) if verdict.would is Action.BLOCK else verdict

    def _tuned(
        self,
        exchange: Exchange,
        judgement: Judgement,
        findings: Sequence[Finding],
        direction: Literal["request", "response"],
    ) -> tuple[Sequence[Finding], int]:
        request = exchange.request
        assert request is not None
        inspection = self._inspection
        threshold = inspection.request_threshold if direction == "request" else inspection.response_threshold
        watching, tolerated = self._watching, self._tolerated
        if watching or tolerated:
            findings = [
                structs.replace(f, enforced=False)
                if f.enforced and (f.engine in watching or f.rule in tolerated)
                else f
                for f in findings
            ]
        if self._tuning.idle:
            return findings, threshold
        path, client, today = judgement.path(request.path), exchange.peer.client, day(exchange.wall)
        findings = self._tuning.apply(findings, request, path, client, today)
        return findings, self._tuning.threshold(threshold, direction, request, path, client, today)
