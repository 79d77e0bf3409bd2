"""The nouns that flow between the rooms. Values only: no I/O, no clock, no decisions.

Everything here is immutable but `Exchange`, the one mutable record of what becomes of a request.
Bytes stay bytes until they are shown to a person.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from waf.exchange import CHOSEN_BYPASSES as CHOSEN_BYPASSES
from waf.exchange import Exchange as Exchange
from waf.exchange import Outcome as Outcome
from waf.exchange import Peer as Peer
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


class PatternStore(Protocol):
    """Keeps compiled pattern databases between runs; keys are content hashes."""

    def load(self, key: str) -> bytes | None: ...

    def save(self, key: str, database: bytes) -> None: ...


# --------------------------------------------------------------------------------- permission to send something


class BodyPlan(msgspec.Struct, frozen=True, gc=False):
    """How the proxy takes a request's body; the policy's answer to a head.

    Bodies of up to `buffer` bytes are read whole and judged by `admit`. A longer one is answered with 413 when `over`
    is "block", or judged by `admit_stream` and forwarded in inspected windows when it is "stream". With `stream` true
    any body streams from its first byte.
    """

    buffer: int
    over: Literal["block", "stream"] = "block"
    stream: bool = False


class Admitted(msgspec.Struct, frozen=True):
    """Permission to send a request upstream; made by `policy.Policy` alone, asked for by `proxy.upstream`.

    `body` is the whole inspected body, or None when it streams: then each window comes out of `stream.feed`.
    """

    request: Request
    body: bytes | None
    stream: BodyFilter | None = None


class Refused(msgspec.Struct, frozen=True):
    """The request goes no further; `verdict` says why and with which status to answer."""

    verdict: Verdict


class Released(msgspec.Struct, frozen=True):
    """Permission to send a response head to the client; its body goes through `body` (None: as it comes).

    When `changes_length` is true the body's length is not known beforehand and the proxy frames it anew.
    `response` may differ from what the app sent (dropped validators, dropped Content-Encoding).
    `hold_head` asks the proxy to keep the head back until `body` released its first bytes or ended, so that a
    refusal can still become a clean answer. `whole` is what the client gets of a body that was here whole and was
    judged as that; there is no `body` to go through then.
    """

    response: Response
    body: BodyFilter | None = None
    changes_length: bool = False
    hold_head: bool = False
    whole: bytes | None = None


class Withheld(msgspec.Struct, frozen=True):
    """The response must not reach the client; answer `verdict.status` instead."""

    verdict: Verdict


class BodyRefused(Exception):
    """Raised by `BodyFilter.feed` and `finish` when a streamed body must not go on."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.findings[0].rule if verdict.findings else "refused")
        self.verdict = verdict


class BodyFilter(Protocol):
    """A body inspected in constant memory as it passes. What comes out is inspected and may be sent.

    `feed` and `finish` raise `BodyRefused`; nothing held back is given out after that.
    """

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of payload, give those that may go on (possibly none, possibly changed)."""
        ...

    def idle(self) -> bytes:
        """The sender pauses: give out what is held back, as far as no open candidate forbids it."""
        ...

    def finish(self) -> bytes:
        """The body ended: give out the rest."""
        ...

    def verdict(self) -> Verdict:
        """What was found and done up to here."""
        ...
