"""When an endpoint sends what it never sent, or far more of it than ever: mass disclosure.

For every (endpoint, entity) the counts per response are remembered in a histogram of powers of two, which
gives the 99.9th percentile to within its bucket. A response is remarkable if its entity is new at an endpoint
that is known, or if its count is more than `FACTOR` times that percentile. Bounded, and forgetful: each count
fades by half in `HALF_LIFE`, so an endpoint that grows is believed after a while. Times are Unix seconds and
are passed in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from waf.model import Confidence, Engine, Finding, Severity

FACTOR: Final = 4
QUANTILE: Final = 0.999
KNOWN_AFTER: Final = 200
"""Responses of an endpoint before anything about it can be called unusual."""

LEAST: Final = 10
"""Values in one response below which no count is called a mass."""

MAX_ENDPOINTS: Final = 2_000
HALF_LIFE: Final = 14 * 86_400.0
_BUCKETS: Final = 24
_MAGIC: Final = b"waf-disclosure 1\n"


class _Endpoint(msgspec.Struct):
    responses: float = 0.0
    faded: float = 0.0
    entities: dict[str, list[float]] = {}


class _Dump(msgspec.Struct):
    endpoints: dict[str, _Endpoint]


class Disclosures:
    """What endpoints usually send; learns from each response and judges it."""

    def __init__(self) -> None:
        self._endpoints: dict[str, _Endpoint] = {}

    def ceilings(self, endpoint: str) -> dict[str, int] | None:
        """The most values of each entity that a response of `endpoint` may hold; None while it is not known well.

        For `Detector.response_filter`. An entity that never came has no ceiling here: `learn` reports it.
        """
        known = self._endpoints.get(endpoint)
        if known is None or known.responses < KNOWN_AFTER:
            return None
        return {entity: _ceiling(known.responses, counts) for entity, counts in known.entities.items()}

    def knows(self, endpoint: str) -> bool:
        """True where something may be called unusual."""
        known = self._endpoints.get(endpoint)
        return known is not None and known.responses >= KNOWN_AFTER

    def learn(
        self, endpoint: str, totals: Mapping[str, int], now: float, source: str = "", responses: int = 1
    ) -> list[Finding]:
        """Take the counts by entity of one response, or of `responses` without any; gives what was unusual."""
        known = self._endpoints.get(endpoint)
        if known is None:
            if len(self._endpoints) >= MAX_ENDPOINTS:
                return []
            known = self._endpoints[endpoint] = _Endpoint(faded=now, entities={})
        _fade(known, now)
        findings = []
        for entity, count in totals.items():
            counts = known.entities.get(entity)
            if known.responses >= KNOWN_AFTER:
                if counts is None:
                    findings.append(_finding("new", entity, endpoint, count, 0))
                elif count > (ceiling := _ceiling(known.responses, counts)):
                    findings.append(_finding("mass", entity, endpoint, count, ceiling))
            if counts is None:
                counts = known.entities[entity] = [0.0] * _BUCKETS
            counts[min(count.bit_length(), _BUCKETS - 1)] += 1.0
        known.responses += responses
        return findings

    def dump(self) -> bytes:
        body = msgspec.msgpack.encode(_Dump(self._endpoints), order="deterministic")
        return _MAGIC + hashlib.sha256(body).digest() + body

    def load(self, data: bytes) -> None:
        """Replace all by a dump. ValueError if it is none, damaged or of another version."""
        head = len(_MAGIC)
        if data[:head] != _MAGIC or hashlib.sha256(data[head + 32 :]).digest() != data[head : head + 32]:
            raise ValueError("not a whole record of disclosures of this version")
        try:
            read = msgspec.msgpack.decode(data[head + 32 :], type=_Dump)
        except msgspec.MsgspecError as error:
            raise ValueError(f"the record is damaged: {error}") from None
        self._endpoints = dict(list(read.endpoints.items())[:MAX_ENDPOINTS])


def _ceiling(responses: float, counts: list[float]) -> int:
    """`FACTOR` times the 99.9th percentile of the counts in one response."""
    beyond = responses * (1.0 - QUANTILE)
    above = 0.0
    for bucket in range(_BUCKETS - 1, 0, -1):
        above += counts[bucket]
        if above > beyond:
            return max(LEAST, FACTOR * ((1 << bucket) - 1))
    return LEAST


def _fade(known: _Endpoint, now: float) -> None:
    passed = now - known.faded
    if passed < HALF_LIFE / 16:
        return
    share = 0.5 ** (passed / HALF_LIFE)
    known.faded = now
    # The number of responses keeps its floor: an endpoint once known well does not become a stranger by silence.
    known.responses = max(known.responses * share, min(known.responses, float(KNOWN_AFTER)))
    for counts in known.entities.values():
        counts[:] = [count * share for count in counts]


def _finding(what: str, entity: str, endpoint: str, count: int, ceiling: int) -> Finding:
    if what == "new":
        detail = f"{count} × {entity} in a response of {endpoint}, which never sent any"
        expected = "none"
    else:
        detail = f"{count} × {entity} in one response of {endpoint}"
        expected = f"at most {ceiling}"
    return Finding(
        rule=f"sensitive.disclosure-{what}",
        kind="disclosure",
        engine=Engine.SENSITIVE,
        severity=Severity.HIGH if what == "mass" else Severity.MEDIUM,
        confidence=Confidence.MEDIUM,
        detail=detail,
        expected=expected,
        tags=("CWE-359", "CWE-200"),
    )
