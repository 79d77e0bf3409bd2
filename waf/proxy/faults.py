"""Every reason of this room to end an exchange: rule id -> whose fault, status, outcome, sentence.

`http1.rules` has those of the grammar, the policy those of judgement; here are those of sockets and time.
Docs and tests read the table. A status of 0 means that nobody is left to be answered.
"""

from __future__ import annotations

from typing import Final

import msgspec

from waf.errors import ClientFault, Fault, OwnFault, UpstreamFault
from waf.model import Outcome, Verdict


class Reason(msgspec.Struct, frozen=True):
    guilty: type[Fault]
    status: int
    outcome: Outcome
    sentence: str


FAULTS: Final[dict[str, Reason]] = {
    # -- the client
    "client.gone": Reason(
        ClientFault, 0, Outcome.CLIENT_GONE, "the client closed the connection before it was answered"
    ),
    "client.gone-early": Reason(
        ClientFault,
        0,
        Outcome.CLIENT_GONE,
        "the client closed the connection before its request was complete",
    ),
    "timeout.head": Reason(ClientFault, 408, Outcome.MALFORMED, "the request head did not arrive in time"),
    "timeout.body": Reason(ClientFault, 408, Outcome.MALFORMED, "the request body stalled"),
    "timeout.body-rate": Reason(
        ClientFault, 408, Outcome.MALFORMED, "the request body came more slowly than the least rate"
    ),
    "timeout.write": Reason(ClientFault, 0, Outcome.CLIENT_GONE, "the client did not read its answer"),
    "limit.body": Reason(
        ClientFault, 413, Outcome.BLOCKED, "the request body is longer than what is inspected here"
    ),
    # -- the app, and the way to it
    "upstream.refused": Reason(UpstreamFault, 502, Outcome.UPSTREAM_FAULT, "the app refuses connections"),
    "upstream.unreachable": Reason(UpstreamFault, 502, Outcome.UPSTREAM_FAULT, "the app cannot be reached"),
    "upstream.reset": Reason(
        UpstreamFault, 502, Outcome.UPSTREAM_FAULT, "the app closed the connection without a whole answer"
    ),
    "upstream.unasked-upgrade": Reason(
        UpstreamFault, 502, Outcome.UPSTREAM_FAULT, "the app switched protocols without being asked"
    ),
    "upstream.handshake": Reason(
        UpstreamFault, 502, Outcome.UPSTREAM_FAULT, "the app's WebSocket handshake is not valid"
    ),
    "upstream.interim-flood": Reason(
        UpstreamFault, 502, Outcome.UPSTREAM_FAULT, "the app sent too many interim answers"
    ),
    "timeout.connect": Reason(
        UpstreamFault, 504, Outcome.UPSTREAM_FAULT, "the app did not accept the connection in time"
    ),
    "timeout.upstream-write": Reason(
        UpstreamFault, 504, Outcome.UPSTREAM_FAULT, "the app did not read the request in time"
    ),
    "timeout.first-byte": Reason(
        UpstreamFault, 504, Outcome.UPSTREAM_FAULT, "the app did not answer in time"
    ),
    "timeout.response": Reason(
        UpstreamFault, 504, Outcome.UPSTREAM_FAULT, "the app stalled within its answer"
    ),
    "timeout.tunnel": Reason(
        ClientFault, 0, Outcome.TUNNELLED, "nothing went through the tunnel for too long"
    ),
    # -- ourselves
    "overload.upstream-pool": Reason(
        OwnFault, 503, Outcome.OVERLOADED, "all connections to the app are in use"
    ),
    "overload.bodies": Reason(
        OwnFault, 503, Outcome.OVERLOADED, "too many request bodies are held for inspection at this moment"
    ),
    "drain.deadline": Reason(OwnFault, 503, Outcome.OVERLOADED, "the sidecar ended before the exchange did"),
    "own.error": Reason(OwnFault, 500, Outcome.OWN_FAULT, "an error in the sidecar's own code"),
}


class Refusal(Exception):
    """A verdict that ends the exchange: `outcome` is BLOCKED for a request, WITHHELD for a response."""

    def __init__(self, verdict: Verdict, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.verdict: Final = verdict
        self.outcome: Final = outcome


_BY_GUILT: Final = (
    (ClientFault, Outcome.MALFORMED),
    (UpstreamFault, Outcome.UPSTREAM_FAULT),
)


def fault(rule: str) -> Fault:
    """The fault of that name, to be raised."""
    reason = FAULTS[rule]
    return reason.guilty(reason.status, rule, reason.sentence)


def outcome_of(error: Fault) -> Outcome:
    """How an exchange ended that ended with `error`, be it from here or from another room."""
    reason = FAULTS.get(error.rule)
    if reason is not None:
        return reason.outcome
    for guilty, outcome in _BY_GUILT:
        if isinstance(error, guilty):
            return outcome
    return Outcome.OWN_FAULT
