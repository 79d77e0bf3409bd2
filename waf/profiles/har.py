"""Learning from recorded traffic: a HAR 1.2 file (as plain values) as observations.

What reads a request's fields is passed in, so that a recorded request is read exactly as a live one. Knows
nothing of files; a broken entry is skipped and counted, never fatal.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from waf.model import Field, Framing, Headers, Request
from waf.profiles.observe import Observation, Sources

MAX_ENTRIES: Final = 1_000_000
_UNSAFE: Final = "!#$%&'()*+,/:;=?@[]~-._"

Read = Callable[[Request, bytes], Sequence[Field]]
"""All fields of a request and its body."""


class Skipped(msgspec.Struct):
    """Why entries were not used, and how many of each."""

    reasons: dict[str, int] = {}

    def add(self, reason: str) -> None:
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


def observations(
    har: Any, read: Read, sources: Sources, skipped: Skipped, *, host: str = "", trusted: bool = True
) -> Iterator[Observation]:
    """The exchanges of a HAR, in its order. With `host` only those of that host.

    A recording is made on purpose, so by default its requests are trusted: each counts as a witness.
    """
    log = har.get("log") if isinstance(har, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    for entry in (entries if isinstance(entries, list) else [])[:MAX_ENTRIES]:
        try:
            observation = _observation(entry, read, sources, trusted)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            skipped.add(f"not understood: {type(error).__name__}")
            continue
        if host and observation.host != host:
            skipped.add("another host")
        elif observation.status < 100:
            skipped.add("no answer recorded")
        else:
            yield observation


def _observation(entry: Any, read: Read, sources: Sources, trusted: bool) -> Observation:
    asked, answer = entry["request"], entry["response"]
    url = urlsplit(str(asked["url"]))
    body = _body(asked.get("postData"))
    request = _request(asked, url.path or "/", url.query, url.netloc, len(body))
    address = (
        str(entry.get("connection") or entry.get("serverIPAddress") or "recording")
        if not trusted
        else "recording"
    )
    return Observation(
        method=request.method,
        path=request.path,
        fields=list(read(request, body)),
        source=sources.of(address),
        wall=_wall(entry.get("startedDateTime")),
        status=int(answer.get("status") or 0),
        host=(url.hostname or "").lower(),
        content_type=request.headers.get(b"content-type") or b"",
        response_type=_response_type(answer),
        request_size=len(body),
        response_size=max(0, int(answer.get("bodySize") or 0)),
        trusted=trusted,
    )


def _request(asked: Any, path: str, query: str, host: str, length: int) -> Request:
    raw_path = quote(path, safe=_UNSAFE).encode("ascii")
    raw_query = quote(query, safe=_UNSAFE).encode("ascii") if query else None
    pairs = []
    for header in asked.get("headers") or ():
        name = str(header["name"])
        if not name.startswith(":"):  # pseudo-headers of HTTP/2
            pairs.append((name.encode("latin-1", "replace"), str(header["value"]).encode("utf-8")))
    return Request(
        method=str(asked["method"]).upper().encode("ascii"),
        target=raw_path + (b"?" + raw_query if raw_query is not None else b""),
        path=raw_path,
        query=raw_query,
        minor=1,
        headers=Headers.make(*pairs),
        host=host.encode("ascii", "replace"),
        framing=Framing.LENGTH if length else Framing.NONE,
        length=length,
        keep_alive=True,
        expects_continue=False,
        upgrade=None,
    )


def _body(posted: Any) -> bytes:
    if not isinstance(posted, dict):
        return b""
    text = posted.get("text")
    if isinstance(text, str) and text:
        if posted.get("encoding") == "base64":
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error:
                return b""
        return text.encode("utf-8", "surrogatepass")
    pairs = []
    for parameter in posted.get("params") or ():
        if "value" in parameter:
            pairs.append(
                f"{quote(str(parameter['name']), safe='')}={quote(str(parameter['value']), safe='')}"
            )
    return "&".join(pairs).encode("ascii")


def _response_type(answer: Any) -> bytes:
    content = answer.get("content")
    kind = content.get("mimeType") if isinstance(content, dict) else ""
    return str(kind or "").encode("latin-1", "replace")


def _wall(started: Any) -> float:
    """Unix time of an ISO 8601 text; 0 where there is none."""
    if not isinstance(started, str):
        return 0.0
    try:
        return datetime.fromisoformat(started).timestamp()
    except ValueError:
        return 0.0
