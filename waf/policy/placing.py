"""Puts the samples of rules into whole messages, as a client or an app would send them.

Knows how a text is written at each place of a message, so that a sample takes the very path of traffic: through
the strict parser and the reading. Knows nothing of what a rule means.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, quote_from_bytes
from xml.sax.saxutils import escape

from waf.config.schema import Limits, Size
from waf.http1.parse import request_head, response_head
from waf.inspect.rules import Place, Rule, Sample
from waf.model import Part, Request, Response

LIMITS: Final = Limits(head=Size(1 << 20), line=Size(1 << 20))
"""Samples may be longer than the heads of real traffic."""

_FORM: Final = "application/x-www-form-urlencoded"
_BOUNDARY: Final = "----part"
_MULTIPART: Final = f"multipart/form-data; boundary={_BOUNDARY}"
_PATH_SAFE: Final = "/;:@,!$()*'~.-_&=+%"
_FILE_NAME_SAFE: Final = " /.,;:()[]{}<>'!&*+-=@$^_`|~#?%"


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def message(lines: Sequence[bytes], body: bytes = b"", content_type: str = "") -> tuple[Request, bytes]:
    """A request of these head lines; Host, type and length are added. Raises ClientFault."""
    head = [*lines]
    if not any(line.lower().startswith(b"host:") for line in head):
        head.append(b"Host: app.example")
    if content_type:
        head.append(b"Content-Type: " + content_type.encode())
    if body:
        head.append(b"Content-Length: %d" % len(body))
    return request_head(b"\r\n".join(head) + b"\r\n\r\n", LIMITS), body


def whole(text: str) -> tuple[Request, bytes]:
    """A request written out, whose lines may end in LF. Raises ClientFault."""
    head, _, body = text.partition("\n\n")
    lines = [as_bytes(line) for line in head.split("\n") if not line.lower().startswith("content-length")]
    return message(lines, as_bytes(body))


def answer(text: str) -> tuple[Request, Response, bytes]:
    """A response written out, whose lines may end in LF, and a request for it. Raises UpstreamFault."""
    head, _, rest = text.partition("\n\n")
    body = as_bytes(rest)
    lines = [as_bytes(line) for line in head.split("\n") if not line.lower().startswith("content-length")]
    lines.append(b"Content-Length: %d" % len(body))
    request, _ = message([b"GET / HTTP/1.1"])
    return request, response_head(b"\r\n".join(lines) + b"\r\n\r\n", LIMITS, b"GET"), body


def place(text: str, where: Place) -> tuple[Request, bytes] | None:
    """The request that carries `text` at `where`; None where no client can put this text there."""
    data = as_bytes(text)
    url = quote_from_bytes(data, safe="").encode()
    name = where.name.replace("*", "") or "q"
    target, body, content_type, headers = b"/", b"", "", list[bytes]()
    match where.part:
        case Part.PATH:
            target = _path(text)
        case Part.SEGMENT:
            target = b"/a/" + url
        case Part.QUERY:
            target = b"/?" + url
        case Part.ARG:
            target = b"/?" + quote(name).encode() + b"=" + url
        case Part.ARG_NAME:
            target = b"/?" + url + b"=1"
        case Part.FORM:
            body, content_type = quote(name).encode() + b"=" + url, _FORM
        case Part.FORM_NAME:
            body, content_type = url + b"=1", _FORM
        case Part.HEADER if name == "host":
            return None
        case Part.HEADER if name == "content-type":
            body, content_type = b"x", _header(text)
        case Part.HEADER:
            headers = [(where.name.replace("*", "") or "X-Note").encode() + b": " + _header(text).encode()]
        case Part.COOKIE:
            headers = [b"Cookie: " + name.encode() + b"=" + url]
        case Part.COOKIE_NAME:
            headers = [b"Cookie: " + url + b"=1"]
        case Part.JSON:
            keys: object = text
            for key in reversed(name.split(".")):
                keys = {key: keys}
            body, content_type = json.dumps(keys).encode(), "application/json"
        case Part.JSON_KEY:
            body, content_type = json.dumps({text: 1}).encode(), "application/json"
        case Part.XML:
            if any(c < " " and c not in "\t\n\r" for c in text):
                return None
            body, content_type = f"<r><q>{escape(text)}</q></r>".encode(), "application/xml"
        case Part.PART_NAME:
            body, content_type = _part(b"; name=" + _quoted(text), b"x"), _MULTIPART
        case Part.FILE_NAME:
            body, content_type = _file(b"; filename=" + _quoted(text), b"x"), _MULTIPART
        case Part.FILE:
            body = _file(b'; filename="f.bin"\r\nContent-Type: text/plain', data)
            content_type = _MULTIPART
        case Part.BODY:
            body, content_type = data, "text/plain"
        case Part.GRAPHQL:
            target = b"/graphql"
            body, content_type = json.dumps({"query": text}).encode(), "application/json"
        case _:
            return None
    method = b"POST" if body else b"GET"
    return message([method + b" " + target + b" HTTP/1.1", *headers], body, content_type)


def placed(rule: Rule, sample: Sample) -> list[tuple[Place, Request, bytes]]:
    """Every request that the sample asks for: its own place, or each place of the rule. Raises ClientFault."""
    if sample.place == "request":
        request, body = whole(sample.text)
        return [(rule.where[0], request, body)]
    out = []
    for where in _places(rule, sample):
        made = place(sample.text, where)
        if made is not None:
            out.append((where, *made))
    return out


def _places(rule: Rule, sample: Sample) -> Sequence[Place]:
    if not sample.place:
        return rule.where
    label, _, name = sample.place.partition(".")
    part = next(part for part in Part if part.label == label)
    if not name:
        name = next((where.name for where in rule.where if where.part is part and where.name), "")
    return [Place(part, name)]


def _path(text: str) -> bytes:
    """The text as a target: what may stand in a path as it is stands so; "//" is kept at the beginning."""
    if not text.startswith("/"):
        return b"/" + quote_from_bytes(as_bytes(text), safe="/").encode().lstrip(b"/")
    path = quote_from_bytes(as_bytes(text), safe=_PATH_SAFE).encode()
    return path if text.startswith("//") else b"/" + path.lstrip(b"/")


def _header(text: str) -> str:
    return "".join(c if " " <= c < "\x7f" else quote(c, errors="surrogateescape") for c in text).strip()


def _quoted(text: str) -> bytes:
    odd = any(c < " " or c in '"\\' for c in text)
    return b'"' + (quote(text, safe=_FILE_NAME_SAFE).encode() if odd else as_bytes(text)) + b'"'


def _file(headers: bytes, content: bytes) -> bytes:
    return _part(b'; name="f"' + headers, content)


def _part(headers: bytes, content: bytes) -> bytes:
    mark = b"--" + _BOUNDARY.encode()
    return (
        mark
        + b"\r\nContent-Disposition: form-data"
        + headers
        + b"\r\n\r\n"
        + content
        + b"\r\n"
        + mark
        + b"--\r\n"
    )
