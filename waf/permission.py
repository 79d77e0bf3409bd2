"""Permission to send something: what a policy answers and the proxy asks for. Part of `model`, which gives it out."""

from __future__ import annotations

from typing import Literal, Protocol

from waf.findings import Verdict
from waf.messages import Request, Response
from waf.value import Value


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


class BodyPlan(Value):
    """How the proxy takes a request's body; the policy's answer to a head.

    Bodies of up to `buffer` bytes are read whole and judged by `admit`. A longer one is answered with 413 when `over`
    is "block", or judged by `admit_stream` and forwarded in inspected windows when it is "stream". With `stream` true
    any body that is not here whole streams from its first byte.
    """

    __slots__ = ("buffer", "over", "stream")

    def __init__(self, buffer: int, over: Literal["block", "stream"] = "block", stream: bool = False) -> None:
        self.buffer = buffer
        self.over = over
        self.stream = stream


class Admitted(Value):
    """Permission to send a request upstream; made by `policy.Policy` alone, asked for by `proxy.upstream`.

    `body` is the whole inspected body, or None when it streams: then each window comes out of `stream.feed`.
    """

    __slots__ = ("request", "body", "stream")  # noqa: RUF023 (the order of the arguments)

    def __init__(self, request: Request, body: bytes | None, stream: BodyFilter | None = None) -> None:
        self.request = request
        self.body = body
        self.stream = stream


def admitted(request: Request, body: bytes) -> Admitted:
    """What `Admitted(request, body)` gives, at less cost: compiled, it calls nothing."""
    made = Admitted.__new__(Admitted)
    made.request = request
    made.body = body
    made.stream = None
    return made


class Refused(Value):
    """The request goes no further; `verdict` says why and with which status to answer."""

    __slots__ = ("verdict",)

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict


class Released(Value):
    """Permission to send a response head to the client; its body goes through `body` (None: as it comes).

    When `changes_length` is true the body's length is not known beforehand and the proxy frames it anew.
    `response` may differ from what the app sent (dropped validators, dropped Content-Encoding).
    `hold_head` asks the proxy to keep the head back until `body` released its first bytes or ended, so that a
    refusal can still become a clean answer. `whole` is what the client gets of a body that was here whole and was
    judged as that; there is no `body` to go through then.
    """

    __slots__ = ("response", "body", "changes_length", "hold_head", "whole")  # noqa: RUF023

    def __init__(
        self,
        response: Response,
        body: BodyFilter | None = None,
        changes_length: bool = False,
        hold_head: bool = False,
        whole: bytes | None = None,
    ) -> None:
        self.response = response
        self.body = body
        self.changes_length = changes_length
        self.hold_head = hold_head
        self.whole = whole


def released(response: Response, whole: bytes) -> Released:
    """What `Released(response, whole=whole)` gives, at less cost."""
    made = Released.__new__(Released)
    made.response = response
    made.body = None
    made.changes_length = False
    made.hold_head = False
    made.whole = whole
    return made


class Withheld(Value):
    """The response must not reach the client; answer `verdict.status` instead."""

    __slots__ = ("verdict",)

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
