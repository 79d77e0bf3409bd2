"""Puts the samples of rules into whole messages, as a client would send them."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_from_bytes
from xml.sax.saxutils import escape

from waf.config.schema import Limits
from waf.http1.parse import request_head
from waf.inspect.rules import Place, Rule, Sample
from waf.model import Part, Request

_FORM = "application/x-www-form-urlencoded"
_BOUNDARY = "----part"


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def message(lines: list[bytes], body: bytes = b"", content_type: str = "") -> tuple[Request, bytes]:
    head = [*lines]
    if not any(line.lower().startswith(b"host:") for line in head):
        head.append(b"Host: app.example")
    if content_type:
        head.append(b"Content-Type: " + content_type.encode())
    if body:
        head.append(b"Content-Length: %d" % len(body))
    return request_head(b"\r\n".join(head) + b"\r\n\r\n", Limits(head=1 << 20, line=1 << 20)), body


def whole(text: str) -> tuple[Request, bytes]:
    """A request written out, whose lines may end in LF."""
    head, _, body = text.partition("\n\n")
    lines = [as_bytes(line) for line in head.split("\n") if not line.lower().startswith("content-length")]
    return message(lines, as_bytes(body))


def _field_name(pattern: str) -> str:
    return pattern.replace("*", "") or "q"


def _multipart(headers: bytes, content: bytes) -> bytes:
    mark = _BOUNDARY.encode()
    return b"--" + mark + b"\r\n" + headers + b"\r\n\r\n" + content + b"\r\n--" + mark + b"--\r\n"


def place(text: str, where: Place) -> tuple[Request, bytes] | None:
    """The request that carries `text` at `where`; None where no client can put this text there."""
    data = as_bytes(text)
    url = quote_from_bytes(data, safe="").encode()
    name = _field_name(where.name)
    part = where.part
    body = b""
    target = b"/"
    content_type = ""
    headers: list[bytes] = []
    kind = f"multipart/form-data; boundary={_BOUNDARY}"
    plain_header = "".join(c if " " <= c < "\x7f" else quote(c) for c in text).strip()
    match part:
        case Part.PATH:
            target = quote_from_bytes(data, safe="/;:@,!$()*'~.-_&=+\\%{}[]|^<>`\"" if text.startswith("/") else "/").encode()
            target = b"/" + target.lstrip(b"/") if not text.startswith("//") else target
            target = target.replace(b"?", b"%3F").replace(b"#", b"%23").replace(b" ", b"%20")
            for byte in b'\\{}[]|^<>`"':
                target = target.replace(bytes([byte]), b"%%%02X" % byte)
        case Part.SEGMENT:
            target = b"/a/" + url
        case Part.QUERY:
            target = b"/?" + url.replace(b"%3D", b"%3D")
        case Part.ARG:
            target = b"/?" + quote(name).encode() + b"=" + url
        case Part.ARG_NAME:
            target = b"/?" + url + b"=1"
        case Part.FORM:
            body, content_type = quote(name).encode() + b"=" + url, _FORM
        case Part.FORM_NAME:
            body, content_type = url + b"=1", _FORM
        case Part.HEADER:
            if name == "content-type":
                content_type = plain_header
                body = b"x"
            elif name == "host":
                return None
            else:
                headers.append((where.name.replace("*", "") or "X-Note").encode() + b": " + plain_header.encode())
        case Part.COOKIE:
            headers.append(b"Cookie: " + name.encode() + b"=" + url)
        case Part.COOKIE_NAME:
            headers.append(b"Cookie: " + url + b"=1")
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
        case Part.FILE_NAME:
            shown = quote(text, safe=" /.,;:()[]{}<>'!&*+-=@$^_`|~#?%") if any(c < " " or c in '"\\' for c in text) else text
            body = _multipart(b'Content-Disposition: form-data; name="f"; filename="' + as_bytes(shown) + b'"', b"x")
            content_type = kind
        case Part.FILE:
            body = _multipart(b'Content-Disposition: form-data; name="f"; filename="f.bin"\r\nContent-Type: text/plain', data)
            content_type = kind
        case Part.BODY:
            body, content_type = data, "text/plain"
        case Part.GRAPHQL:
            body, content_type = json.dumps({"query": text}).encode(), "application/json"
            target = b"/graphql"
        case _:
            return None
    method = b"POST" if body else b"GET"
    return message([method + b" " + target + b" HTTP/1.1", *headers], body, content_type)


def placed(rule: Rule, sample: Sample) -> list[tuple[Place, Request, bytes]]:
    """Every message that the sample asks for: its own place, or each place of the rule."""
    if sample.place == "request":
        request, body = whole(sample.text)
        return [(rule.where[0], request, body)]
    if sample.place:
        label, _, name = sample.place.partition(".")
        part = next(part for part in Part if part.label == label)
        named = [where.name for where in rule.where if where.part is part and where.name and not name]
        places = [Place(part, name or (named[0] if named else ""))]
    else:
        places = list(rule.where)
    out = []
    for where in places:
        made = place(sample.text, where)
        if made is not None:
            out.append((where, *made))
    return out
