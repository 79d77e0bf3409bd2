"""Payloads as testers of firewalls send them: each in every encoding, at every place, under names that mean nothing.

They do not ask whether a server undoes the encoding there, and leave raw what a browser would encode: a form's value with
its "&" and ";", a body that is the payload alone under whatever type. So a set for places and encodings, not for payloads.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from html import escape
from typing import Final
from urllib.parse import quote, quote_plus

from bench.corpora import requests
from bench.corpora.requests import Message, Place

_FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
_JSON: Final = ("Content-Type", "application/json")
_XML: Final = ("Content-Type", "text/xml")
_SOAP: Final = (
    '<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
    '<m:find xmlns:m="urn:m"><m:a>{}</m:a></m:find></e:Body></e:Envelope>'
)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _name(r: random.Random) -> str:
    return f"{r.getrandbits(40):010x}"


def _in_line(text: str) -> str:
    return "".join(c for c in text if c >= " " and c != "\x7f").strip() or "x"


def _in_xml(text: str) -> str:
    return text if text.startswith("&#") else escape(_in_line(text))


def _in_string(text: str) -> str:
    return text if text.startswith("\\u") else json.dumps(text)[1:-1]


def _get(place: str, target: Callable[[random.Random, str], str]) -> Place:
    return lambda r, text: requests.message(r, "GET", target(r, text), [], b"", place)


def _headed(place: str, name: Callable[[random.Random], str], prefix: bool = False) -> Place:
    def at(r: random.Random, text: str) -> Message:
        value = f"{_name(r)}={_in_line(text)}" if prefix else _in_line(text)
        return requests.message(r, "GET", "/", [(name(r), value)], b"", place)

    return at


def _posted(
    place: str, body: Callable[[random.Random, str], str], *types: tuple[str, str], path: str = "/"
) -> Place:
    return lambda r, text: requests.message(r, "POST", path, list(types), _bytes(body(r, text)), place)


def _part(r: random.Random, text: str) -> str:
    return f'--k7k7\r\nContent-Disposition: form-data; name="{_name(r)}"\r\n\r\n{text}\r\n--k7k7--\r\n'


def uploaded(r: random.Random, text: str) -> Message:
    """The content of a file of no telling type."""
    body = (
        '--k7k7\r\nContent-Disposition: form-data; name="file"; filename="report.bin"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n{text}\r\n--k7k7--\r\n"
    )
    kind = ("Content-Type", "multipart/form-data; boundary=k7k7")
    return requests.message(r, "POST", "/upload", [kind], _bytes(body), "upload")


def posted_json(r: random.Random, path: str, document: dict[str, str]) -> Message:
    return requests.message(r, "POST", path, [_JSON], _bytes(json.dumps(document)), "json")


def _grpc(r: random.Random, text: str) -> Message:
    data = _bytes(text)
    size = bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])
    inner = b"\x0a" + size + data
    frame = b"\0" + len(inner).to_bytes(4, "big") + inner
    return requests.message(
        r, "POST", "/shop.Search/Find", [("Content-Type", "application/grpc")], frame, "grpc"
    )


_SAFE: Final = "%!$()*,;:@/"
PLACES: Final[dict[str, Place]] = {
    "path": _get("path", lambda r, text: "/" + quote(text, safe="%!$&'()*+,;=:@/")),
    "parameter": _get("parameter", lambda r, text: f"/?{_name(r)}={quote(text, safe=_SAFE)}"),
    "query": _get("query", lambda r, text: f"/?{quote(text, safe=_SAFE + '&=')}"),
    "header": _headed("header", lambda r: f"X-{_name(r)}"),
    "user-agent": _headed("user-agent", lambda r: "User-Agent"),
    "referer": _headed("referer", lambda r: "Referer"),
    "cookie": _headed("cookie", lambda r: "Cookie", prefix=True),
    "form raw": _posted("form raw", lambda r, text: f"{_name(r)}={text}", _FORM),
    "form": _posted("form", lambda r, text: f"{_name(r)}={quote_plus(text, errors='surrogateescape')}", _FORM),
    "multipart": _posted("multipart", _part, ("Content-Type", "multipart/form-data; boundary=k7k7")),
    "json": _posted("json", lambda r, text: f'{{"test":true,"{_name(r)}":"{_in_string(text)}"}}', _JSON),
    "json key": _posted("json key", lambda r, text: f'{{"a":{{"{_in_string(text)}":1}}}}', _JSON),
    "json body": _posted("json body", lambda r, text: text, _JSON),
    "xml": _posted("xml", lambda r, text: f"<?xml version='1.0'?><a>{_in_xml(text)}</a>", _XML),
    "xml body": _posted("xml body", lambda r, text: text, _XML),
    "soap": _posted("soap", lambda r, text: _SOAP.format(_in_xml(text)), _XML, ("SOAPAction", '"find"')),
    "body": _posted("body", lambda r, text: text),
    "body text": _posted("body text", lambda r, text: text, ("Content-Type", "text/plain")),
    "graphql": requests.PLACES["graphql"],
    "graphql inline": requests.MORE_PLACES["graphql-inline"],
    "grpc": _grpc,
    "grpc-web": requests.MORE_PLACES["grpc-web"],
}  # fmt: skip


def _base64(text: str) -> str:
    return base64.b64encode(_bytes(text)).decode()


ENCODINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": lambda text: text,
    "percent": lambda text: quote(text, safe=""),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "base64": _base64,
    "base64 bare": lambda text: _base64(text).rstrip("="),
    "base64 url": lambda text: base64.urlsafe_b64encode(_bytes(text)).decode(),
    "entities": lambda text: escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "entities all": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "unicode": lambda text: "".join(f"\\u{ord(c):04x}" for c in text if ord(c) < 65536),
    "utf-16": lambda text: text.encode("utf-16").decode("utf-8", "surrogateescape"),
}
_WIDE_AT: Final = frozenset({"form raw", "multipart", "json body", "xml body", "body", "body text"})


def sent(payload: str, r: random.Random) -> Iterator[tuple[str, str, Message]]:
    """The encoding, the place and the message for each of both; UTF-16 only in bodies that hold it as it is."""
    for encoding, encode in ENCODINGS.items():
        coded = encode(payload)
        for place, put in PLACES.items():
            if encoding != "utf-16" or place in _WIDE_AT:
                yield encoding, place, put(r, coded)
