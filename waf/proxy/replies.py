"""Answers of our own: refusals, faults and limits. Owns their wording and looks, decides none of them.

A page says what happened, which status, and the request id by which an operator finds the event. It never
says which rule was hit nor repeats a byte of the request.
"""

from __future__ import annotations

import json
import time
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from waf.model import Request

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

EXPLANATIONS: Final[dict[int, str]] = {
    400: "The request is malformed or ambiguous.",
    403: "The request was refused by the security policy of this service.",
    404: "There is nothing here.",
    405: "This method is not allowed here.",
    408: "The request did not arrive in time.",
    413: "The request body is too large.",
    414: "The request target is too long.",
    415: "This content type is not accepted here.",
    417: "The expectation cannot be met.",
    421: "This host is not served here.",
    429: "Too many requests; please try again later.",
    431: "The request head is too large.",
    500: "The request could not be judged and was not passed on.",
    502: "The service gave no valid answer.",
    503: "The service is overloaded; please try again later.",
    504: "The service did not answer in time.",
    505: "This version of HTTP is not spoken here.",
}

_HTML: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{status} {title}</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}}
code{{font-size:.9em}}</style></head>
<body><h1>{title}</h1><p>{text}</p><p>Status {status}, request <code>{id}</code></p></body></html>
"""

TOO_MANY_CONNECTIONS: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
)
"""For connections beyond the limit; made once, since it is sent when there is no time."""


def reply(
    status: int,
    request: Request | None,
    id: str,
    wall: float,
    *,
    close: bool,
    retry_after: int = 0,
    with_body: bool = True,
) -> bytes:
    """A whole answer in bytes. HTML for those who accept it, problem details (RFC 9457) for all others.

    `request` is None where none could be read; `wall` is Unix time for the Date header; `retry_after` is
    seconds, 0 for none.
    """
    accept = b"" if request is None else request.headers.get(b"accept") or b""
    html = b"text/html" in accept.lower()
    title, text = _words(status)
    if html:
        kind = "text/html; charset=utf-8"
        body = _HTML.format(status=status, title=title, text=text, id=id).encode()
    else:
        kind = "application/problem+json"
        body = (
            json.dumps({"title": title, "status": status, "detail": text, "request_id": id}).encode() + b"\n"
        )
    lines = [
        f"HTTP/1.1 {status} {title}",
        f"Date: {http_date(int(wall))}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        f"X-Request-Id: {id}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
    ]
    if retry_after:
        lines.append(f"Retry-After: {retry_after}")
    if close:
        lines.append("Connection: close")
    elif request is not None and request.minor == 0:
        lines.append("Connection: keep-alive")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
    if not with_body or (request is not None and request.method == b"HEAD"):
        return head
    return head + body


@lru_cache(maxsize=64)
def _words(status: int) -> tuple[str, str]:
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Refused"
    return title, EXPLANATIONS.get(status, "The request was refused.")


# English whatever the locale, which strftime follows.
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=4)
def http_date(second: int) -> str:
    """IMF-fixdate of a Unix time (RFC 9110 5.6.7)."""
    at = time.gmtime(second)
    return f"{_DAYS[at.tm_wday]}, {time.strftime('%d', at)} {_MONTHS[at.tm_mon - 1]} {time.strftime('%Y %H:%M:%S', at)} GMT"
