"""One record an exchange: who, when, what became of it. Part of `model`, which gives it out."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Final

from waf.findings import PASSED, Field, Verdict
from waf.messages import Request, Response
from waf.value import Value


class Outcome(enum.Enum):
    """How an exchange ended; exactly one for each."""

    FORWARDED = "forwarded"  # answered by the app, untouched
    REDACTED = "redacted"  # answered by the app, altered by us
    BLOCKED = "blocked"  # request refused
    WITHHELD = "withheld"  # response refused
    MALFORMED = "malformed"  # no request could be read
    CLIENT_GONE = "client-gone"
    UPSTREAM_FAULT = "upstream-fault"
    OVERLOADED = "overloaded"  # refused by a limit of ours
    TUNNELLED = "tunnelled"  # upgraded, ended without fault
    OWN_FAULT = "own-fault"  # a bug of ours


_FORWARDED: Final = Outcome.FORWARDED  # an enum's attribute costs more than a global


class Peer(Value):
    """Who is at the other end: `address` of the socket; `client` the address believed after trusted hops.

    `scheme` is "http" or "https", as the listener saw it; `identity` is whom its certificate names (a SPIFFE ID, where
    it has one), shown to us or to a trusted proxy.
    """

    __slots__ = ("address", "port", "client", "scheme", "identity")  # noqa: RUF023 (the order of the arguments)

    def __init__(self, address: str, port: int, client: str, scheme: str, identity: str = "") -> None:
        self.address = address
        self.port = port
        self.client = client
        self.scheme = scheme
        self.identity = identity


CHOSEN_BYPASSES: Final = frozenset({"mode-off", "patch", "response-coding"})
"""Values of `Exchange.bypass` that follow from what a person configured: counted, and no event for each."""


class Exchange:
    """What is remembered of one request and its reply. The one mutable value; owned by its connection.

    Times are seconds of one monotonic clock, 0.0 where a stage was not reached; `started` is when the first byte
    of the head was read, `wall` the same moment as Unix time.
    """

    __slots__ = (
        "admitted_at", "answered_at", "attempts", "bypass", "bytes_from_app", "bytes_from_client",
        "bytes_to_client", "client_body_at", "detail", "ended", "fault", "fields", "generation", "head_at", "id",
        "outcome", "overhead", "peer", "policy_data", "policy_version", "request", "response",
        "response_verdict", "route", "sent_status", "sent_upstream_at", "started", "trace_id", "verdict", "wall",
    )  # fmt: skip

    def __init__(self, id: str, peer: Peer, started: float, wall: float) -> None:
        self._begin(id, peer, started, wall)

    def _begin(self, id: str, peer: Peer, started: float, wall: float) -> None:
        self.id = id
        self.trace_id = ""
        self.peer = peer
        self.started = started
        self.wall = wall
        self.head_at = 0.0  # head parsed
        self.client_body_at = 0.0  # request body complete (buffered ones)
        self.admitted_at = 0.0  # verdict reached
        self.sent_upstream_at = 0.0  # request written to the app
        self.answered_at = 0.0  # response head read from the app
        self.ended = 0.0
        self.overhead = 0.0  # seconds spent in our own code judging it
        self.request: Request | None = None
        self.response: Response | None = None
        self.verdict: Verdict = PASSED
        self.response_verdict: Verdict = PASSED
        self.outcome: Outcome = _FORWARDED
        self.fault = ""  # rule id of the fault it ended with
        self.detail = ""  # one sentence for people
        self.sent_status = 0  # status the client got, 0 = none
        self.attempts = 0  # times it was sent upstream
        self.bytes_from_client = 0
        self.bytes_to_client = 0
        self.bytes_from_app = 0
        self.bypass = ""  # why some of it passed uninspected: a steady id ("mode-off"), `detail` says more
        self.policy_version = ""
        self.generation = 0
        self.route = "_OTHER"  # learned template or configured route, bounded; the metrics label
        self.fields: Sequence[Field] = ()
        self.policy_data: Any = None  # what the policy carries from request to response; nobody else reads it

    @property
    def inspected(self) -> bool:
        return not self.bypass


def begun(id: str, peer: Peer, started: float, wall: float) -> Exchange:
    """What `Exchange(id, peer, started, wall)` gives, at less cost: compiled, it calls nothing."""
    made = Exchange.__new__(Exchange)
    made._begin(id, peer, started, wall)
    return made
