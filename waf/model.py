"""The nouns that flow between the rooms. Values only: no I/O, no clock, no decisions.

Everything here is immutable but `Exchange`, the one mutable record of what becomes of a request.
Bytes stay bytes until they are shown to a person.
"""

from __future__ import annotations

from typing import Protocol

from waf.exchange import CHOSEN_BYPASSES as CHOSEN_BYPASSES
from waf.exchange import Exchange as Exchange
from waf.exchange import Outcome as Outcome
from waf.exchange import Peer as Peer
from waf.findings import HEAD_PARTS as HEAD_PARTS
from waf.findings import PASSED as PASSED
from waf.findings import Action as Action
from waf.findings import Confidence as Confidence
from waf.findings import Engine as Engine
from waf.findings import Field as Field
from waf.findings import Finding as Finding
from waf.findings import Kind as Kind
from waf.findings import Mask as Mask
from waf.findings import Mode as Mode
from waf.findings import Part as Part
from waf.findings import Severity as Severity
from waf.findings import Verdict as Verdict
from waf.findings import joined as joined
from waf.messages import Framing as Framing
from waf.messages import HeaderLine as HeaderLine
from waf.messages import Headers as Headers
from waf.messages import Request as Request
from waf.messages import Response as Response
from waf.permission import Admitted as Admitted
from waf.permission import BodyFilter as BodyFilter
from waf.permission import BodyPlan as BodyPlan
from waf.permission import BodyRefused as BodyRefused
from waf.permission import Refused as Refused
from waf.permission import Released as Released
from waf.permission import Withheld as Withheld


class PatternStore(Protocol):
    """Keeps compiled pattern databases between runs; keys are content hashes."""

    def load(self, key: str) -> bytes | None: ...

    def save(self, key: str, database: bytes) -> None: ...
