"""The nouns that flow between the rooms. Values only: no I/O, no clock, no decisions.

Everything here is immutable but `Exchange`, the one mutable record of what becomes of a request.
Bytes stay bytes until they are shown to a person.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from waf.messages import Framing as Framing
from waf.messages import HeaderLine as HeaderLine
from waf.messages import Headers as Headers
from waf.messages import Request as Request
from waf.messages import Response as Response

# ------------------------------------------------------------------------------------------------- inspection


class Part(enum.IntEnum):
    """Where in a message a field stands. Rules, tuning and profiles name parts by `Part.label`."""

    METHOD = 0
    PATH = 1  # the whole path, percent-decoded once, dot segments kept
    SEGMENT = 2  # one path segment
    QUERY = 3  # the raw query string, only where it is no name=value list
    ARG_NAME = 4
    ARG = 5  # a query parameter's value
    FORM_NAME = 6
    FORM = 7  # a urlencoded or multipart form parameter's value
    HEADER_NAME = 8
    HEADER = 9
    COOKIE_NAME = 10
    COOKIE = 11
    JSON_KEY = 12
    JSON = 13
    XML_NAME = 14
    XML = 15  # element text or attribute value
    PART_NAME = 16  # multipart: name=
    FILE_NAME = 17  # multipart: filename=
    PART_HEADER = 18  # multipart: any other part header, content type included
    FILE = 19  # multipart: a file's content, where it is text
    GRAPHQL = 20  # the query document
    BODY = 21  # the raw body, where nothing finer fits
    STATUS = 22  # response: status code and reason
    RESPONSE_HEADER = 23
    RESPONSE = 24  # response body

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


class Kind(enum.IntEnum):
    """A field's type where the container has types (JSON); STRING everywhere else."""

    STRING = 0
    NUMBER = 1
    BOOL = 2
    NULL = 3
    OBJECT = 4  # an empty container, so that profiles see it
    ARRAY = 5


class Field(msgspec.Struct, frozen=True, gc=False):
    """One thing that a client controls.

    `name` is the field's address without its part: a parameter's name, a header's lower-case name, a JSON path
    with "[]" for every index ("items[].name"), "" where a part has no names. `value` is what a standard parser of
    the container hands to the app (percent-decoded once, JSON unescaped, cookie unquoted), as UTF-8 bytes.
    `raw` is the same as it stood on the wire, None where it is equal to `value`.
    """

    part: Part
    name: str
    value: bytes
    raw: bytes | None = None
    kind: Kind = Kind.STRING

    @property
    def address(self) -> str:
        """How people and tuning files name it: "arg.q", "json.items[].name", "path"."""
        return f"{self.part.label}.{self.name}" if self.name else self.part.label


class Severity(enum.IntEnum):
    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class Confidence(enum.IntEnum):
    LOW = 0
    MEDIUM = 1
    HIGH = 2


class Engine(enum.Enum):
    """Which engine made a finding."""

    PROTOCOL = "protocol"
    SIGNATURE = "signature"
    PROFILE = "profile"
    SENSITIVE = "sensitive"
    ACCESS = "access"  # IP lists, rate limits, host policy, method and type rules of a route


class Finding(msgspec.Struct, frozen=True):
    """One thing that an engine noticed. Safe to log: `excerpt` is masked and `detail` quotes nothing unmasked.

    `rule` is the stable id; `kind` the class it is counted under ("sqli", "protocol", "profile", "pan" …);
    `views` tells how the value was decoded ("percent>html"), "" for as given; `expected` says what would have
    been normal, where an engine knows it.
    `enforced` is False for a finding that is only watched (staged constraint, monitor route): it never counts
    towards a verdict's `action`, only towards its `would`.
    """

    rule: str
    kind: str
    engine: Engine
    severity: Severity
    confidence: Confidence
    address: str = ""
    excerpt: str = ""
    views: str = ""
    detail: str = ""
    expected: str = ""
    tags: tuple[str, ...] = ()
    enforced: bool = True


class Action(enum.Enum):
    FORWARD = "forward"
    REDACT = "redact"
    BLOCK = "block"


class Mode(enum.Enum):
    """What a verdict leads to. OFF inspects nothing; MONITOR inspects and forwards; PROTECT enforces."""

    OFF = "off"
    MONITOR = "monitor"
    PROTECT = "protect"


class Verdict(msgspec.Struct, frozen=True):
    """What is done with a message (`action`) and what protect mode would do (`would`); equal in protect mode.

    `score` is the anomaly score that was held against the threshold. `status` is the answer of a block, with
    `retry_after` seconds (0 = none). `exclusion` holds the lines of tuning.yaml that would have let it pass, mostly one.
    """

    action: Action
    would: Action
    score: int = 0
    status: int = 403
    findings: tuple[Finding, ...] = ()
    retry_after: int = 0
    exclusion: str = ""


PASSED = Verdict(Action.FORWARD, Action.FORWARD)


def joined(first: Verdict, second: Verdict) -> Verdict:
    """Two verdicts on one message as one: the findings of both, the stronger action of the two."""
    if second is PASSED or second == PASSED:
        return first
    if first is PASSED or first == PASSED:
        return second
    stronger = second if second.action is Action.BLOCK or first.action is Action.FORWARD else first
    would = Action.BLOCK if Action.BLOCK in (second.would, first.would) else first.would
    if would is Action.FORWARD:
        would = second.would
    return msgspec.structs.replace(stronger, would=would, findings=(*first.findings, *second.findings))


Mask = Callable[[bytes], str]
"""Makes bytes safe to show: sensitive values masked, controls escaped, at most 120 characters."""


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


# --------------------------------------------------------------------------------------- one record an exchange


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


class Peer(msgspec.Struct, frozen=True, gc=False):
    """Who is at the other end: `address` of the socket; `client` the address believed after trusted hops."""

    address: str
    port: int
    client: str
    scheme: str  # "http" or "https", as the listener saw it


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
        self.outcome: Outcome = Outcome.FORWARDED
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
