"""What OpenAPI documents promise about an answer, as a scan of its body."""

from __future__ import annotations

from collections.abc import Callable

from waf.model import Exchange, Response
from waf.policy.judgement import Judgement
from waf.profiles.contract import AnswerScan, Contract
from waf.profiles.model import method_of


def promise(
    contract: Contract,
    exchange: Exchange,
    judgement: Judgement,
    response: Response,
    unaltered: Callable[[], bool],
) -> AnswerScan | None:
    """A scan for an answer of a documented place, None for others. `unaltered` is asked at the end."""
    check, request = judgement.check, exchange.request
    if check is None or request is None:
        return None
    place = check.endpoint, method_of(request.method)
    if place not in contract.rules:
        return None
    kind = response.headers.get(b"content-type") or b""
    return AnswerScan(contract, place, response.status, kind, unaltered)
