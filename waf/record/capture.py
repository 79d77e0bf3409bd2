"""Exchanges kept whole for a while, because somebody asked: masked, bounded, as HAR 1.2.

Owns what of a header or field may be shown: names that carry secrets never show their value, all else goes
through the mask. Raw bodies are never kept; their fields are, where they were parsed.
"""

from __future__ import annotations

import datetime
import re
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from waf.model import Exchange, Field, Headers, Mask, Part
from waf.record.events import masked, shown_name, timings

MAX_EXCHANGES: Final = 200
MAX_SECONDS: Final = 3600.0
MAX_FIELDS: Final = 100
_LEAST_GAP: Final = 0.02  # seconds between two captures, so that a flood costs next to nothing

HIDDEN: Final = "[hidden]"
HIDDEN_HEADERS: Final = frozenset(
    {b"authorization", b"proxy-authorization", b"cookie", b"set-cookie", b"x-api-key", b"x-auth-token",
     b"x-csrf-token", b"x-xsrf-token", b"x-amz-security-token", b"x-forwarded-client-cert"}
)  # fmt: skip
_SECRET_NAME = re.compile(
    r"pass(?:wd|word|phrase|code)?|pwd|secret|token|api[-_]?key|auth|session|sid$|csrf|otp|cvv|cvc|^pin$|signature"
    r"|credential|private[-_]?key",
    re.I,
)
_HIDDEN_PARTS: Final = frozenset({Part.COOKIE, Part.FILE, Part.BODY})
_BODY_PARTS: Final = frozenset({Part.FORM, Part.JSON, Part.XML, Part.FILE_NAME, Part.GRAPHQL})


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which exchanges are asked for: those that fit all that is given; at most `exchanges`, for `seconds`."""

    route: str = ""
    client: str = ""
    outcome: str = ""
    exchanges: int = 50
    seconds: float = 60.0

    def problem(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if not 1 <= self.exchanges <= MAX_EXCHANGES:
            return f"exchanges: from 1 to {MAX_EXCHANGES}"
        if not 0 < self.seconds <= MAX_SECONDS:
            return f"seconds: more than 0, at most {MAX_SECONDS:g}"
        return ""


class Capture:
    """One running or ended capture. `take` is called for every exchange while it runs.

    `clock` gives monotonic seconds; `ended` is called once, when the time is over.
    """

    def __init__(
        self, wanted: Wanted, mask: Mask, clock: Callable[[], float], ended: Callable[[], None]
    ) -> None:
        self.wanted = wanted
        self.seen = 0
        self.skipped = 0
        self._entries: deque[dict[str, Any]] = deque(maxlen=wanted.exchanges)
        self._mask = mask
        self._clock = clock
        self._ended = ended
        self._until = clock() + wanted.seconds
        self._next = 0.0

    @property
    def running(self) -> bool:
        return self._clock() < self._until

    def stop(self) -> None:
        if self._until != float("-inf"):
            self._until = float("-inf")
            self._ended()

    def take(self, exchange: Exchange) -> None:
        now = self._clock()
        if now >= self._until:
            self.stop()
            return
        wanted = self.wanted
        if (
            (wanted.route and exchange.route != wanted.route)
            or (wanted.client and exchange.peer.client != wanted.client)
            or (wanted.outcome and exchange.outcome.value != wanted.outcome)
        ):
            return
        self.seen += 1
        if now < self._next:
            self.skipped += 1
            return
        self._next = now + _LEAST_GAP
        self._entries.append(entry(exchange, self._mask))

    def har(self, version: str = "") -> dict[str, Any]:
        """What was captured up to now, the oldest first."""
        return {
            "log": {
                "version": "1.2",
                "creator": {"name": "waf-sidecar", "version": version},
                "comment": f"{self.seen} seen, {self.skipped} skipped; values are masked",
                "entries": list(self._entries),
            }
        }


def entry(exchange: Exchange, mask: Mask) -> dict[str, Any]:
    """One HAR entry. Names beginning with "_" are ours, as HAR allows."""
    request, response = exchange.request, exchange.response
    spans = timings(exchange)
    moment = datetime.datetime.fromtimestamp(exchange.wall, datetime.UTC)
    shown: dict[str, Any] = {
        "startedDateTime": moment.isoformat(timespec="milliseconds"),
        "time": round(max(0.0, exchange.ended - exchange.started) * 1e3, 3),
        "request": {
            "method": "",
            "url": "",
            "httpVersion": "HTTP/1.1",
            "headers": [],
            "cookies": [],
            "queryString": _pairs(exchange.fields, frozenset({Part.ARG}), mask),
            "headersSize": -1,
            "bodySize": exchange.bytes_from_client,
        },
        "response": {
            "status": exchange.sent_status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "headers": [],
            "cookies": [],
            "content": {"size": exchange.bytes_to_client, "mimeType": ""},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": exchange.bytes_to_client,
        },
        "cache": {},
        "timings": {
            "send": spans.get("connect", 0.0),
            "wait": spans.get("upstream", 0.0),
            "receive": spans.get("reply", 0.0),
        },
        "_id": exchange.id,
        "_outcome": exchange.outcome.value,
        "_route": exchange.route,
        "_rules": [f.rule for f in (*exchange.verdict.findings, *exchange.response_verdict.findings)],
    }
    if request is not None:
        path = masked(mask, request.path)
        shown["request"] |= {
            "method": masked(mask, request.method),
            "url": f"{exchange.peer.scheme}://{masked(mask, request.host)}{path}",
            "httpVersion": f"HTTP/1.{request.minor}",
            "headers": _headers(request.headers, mask),
        }
        body = _pairs(exchange.fields, _BODY_PARTS, mask)
        if body:
            kind = masked(mask, request.headers.get(b"content-type") or b"")
            shown["request"]["postData"] = {"mimeType": kind, "params": body, "text": ""}
    if response is not None:
        shown["response"] |= {
            "httpVersion": f"HTTP/1.{response.minor}",
            "headers": _headers(response.headers, mask),
        }
        shown["response"]["content"]["mimeType"] = masked(mask, response.headers.get(b"content-type") or b"")
    return shown


def _headers(headers: Headers, mask: Mask) -> list[dict[str, str]]:
    return [
        {
            "name": masked(mask, name),
            "value": HIDDEN if _hidden(lower) else masked(mask, value),
        }
        for lower, name, value in headers.lines[:MAX_FIELDS]
    ]


def _hidden(lower: bytes) -> bool:
    # Where an address or a referrer stands a query may stand too, with what it carries.
    return (
        lower in HIDDEN_HEADERS
        or lower in (b"referer", b"location")
        or bool(_SECRET_NAME.search(lower.decode("latin-1")))
    )


def _pairs(fields: Any, parts: frozenset[Part], mask: Mask) -> list[dict[str, str]]:
    chosen: list[Field] = [field for field in fields if field.part in parts][:MAX_FIELDS]
    return [
        {
            "name": shown_name(mask, field.name),
            "value": HIDDEN
            if field.part in _HIDDEN_PARTS or _SECRET_NAME.search(field.name)
            else masked(mask, field.value),
        }
        for field in chosen
    ]
