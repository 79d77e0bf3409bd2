"""Puts a text into a request as clients do: every place where apps take data, in every encoding that they undo.

`Message` is what goes over the wire; the same for attacks and for legitimate texts, so that only the text differs.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

BROWSERS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
    "okhttp/4.12.0", "python-requests/2.32.3", "PostmanRuntime/7.42.0", "axios/1.7.9",
)  # fmt: skip
PARAMETERS: Final = ("q", "id", "name", "search", "comment", "title", "file", "url", "page", "message", "email", "ref",
                     "sort", "filter", "description", "lang", "category", "text", "input", "data")  # fmt: skip


class Message(NamedTuple):
    head: bytes
    body: bytes
    place: str


def _headers(r: random.Random, extra: list[tuple[str, str]]) -> list[tuple[str, str]]:
    base = [
        ("Host", r.choice(["shop.example", "api.example.org", "www.example.com:8443"])),
        ("User-Agent", r.choice(BROWSERS)),
        ("Accept", r.choice(["*/*", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
                             "application/json, text/plain, */*"])),
        ("Accept-Encoding", "gzip, deflate, br"),
    ]  # fmt: skip
    if r.random() < 0.6:
        base.append(
            (
                "Accept-Language",
                r.choice(["en-US,en;q=0.9", "de-DE,de;q=0.8,en;q=0.5", "fr", "pt-BR,pt;q=0.9"]),
            )
        )
    names = {name.lower() for name, _ in extra}
    return [h for h in base if h[0].lower() not in names] + extra


def message(
    r: random.Random, method: str, target: str, headers: list[tuple[str, str]], body: bytes, place: str
) -> Message:
    """Frame a request; `headers` win over the usual ones of a client."""
    if body:
        headers = [*headers, ("Content-Length", str(len(body)))]
    lines = [f"{method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in _headers(r, headers))]
    return Message("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n", body, place)


def _path(r: random.Random) -> str:
    return r.choice(
        [
            "/search",
            "/api/v1/items",
            "/index.php",
            "/product/view",
            "/comments",
            "/account/profile",
            "/list.jsp",
            "/",
        ]
    )


Place = Callable[[random.Random, str], Message]


def query(r: random.Random, text: str) -> Message:
    others = [f"{r.choice(PARAMETERS)}={r.randint(1, 99)}" for _ in range(r.randint(0, 2))]
    encode = r.choice([quote_plus, lambda t: quote(t, safe=""), lambda t: quote(t, safe="!'()*~/:;=,$-@")])
    pairs = [*others, f"{r.choice(PARAMETERS)}={encode(text)}"]
    r.shuffle(pairs)
    return message(r, "GET", f"{_path(r)}?{'&'.join(pairs)}", [], b"", "query")


def form(r: random.Random, text: str) -> Message:
    body = f"csrf={r.randint(10**8, 10**9)}&{r.choice(PARAMETERS)}={quote_plus(text)}&submit=Save".encode()
    return message(r, "POST", _path(r), [("Content-Type", "application/x-www-form-urlencoded")], body, "form")


def json_value(r: random.Random, text: str) -> Message:
    document: object = {r.choice(PARAMETERS): text, "number": r.randint(1, 10**6), "active": True}
    if r.random() < 0.4:
        document = {"items": [{"n": 1, "v": document}], "meta": {"page": 1}}
    body = json.dumps(document, ensure_ascii=r.random() < 0.5).encode("utf-8", "surrogateescape")
    return message(r, "POST", _path(r), [("Content-Type", "application/json")], body, "json")


def multipart(r: random.Random, text: str) -> Message:
    boundary = f"----WebKitFormBoundary{r.randint(10**15, 10**16)}"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="id"\r\n\r\n{r.randint(1, 99)}\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="{r.choice(PARAMETERS)}"\r\n\r\n{text}\r\n--{boundary}--\r\n'
    ).encode("utf-8", "surrogateescape")
    return message(
        r,
        "POST",
        _path(r),
        [("Content-Type", f"multipart/form-data; boundary={boundary}")],
        body,
        "multipart",
    )


def xml_text(r: random.Random, text: str) -> Message:
    clean = "".join(c for c in text if c >= " " or c in "\t\n\r")
    body = f'<?xml version="1.0" encoding="UTF-8"?><order><id>{r.randint(1, 99)}</id><note>{escape(clean)}</note></order>'
    return message(
        r, "POST", _path(r), [("Content-Type", "application/xml")], body.encode("utf-8", "replace"), "xml"
    )


def path_segment(r: random.Random, text: str) -> Message:
    return message(r, "GET", f"/{r.choice(['items', 'files', 'u'])}/{quote(text, safe='')}", [], b"", "path")


def cookie(r: random.Random, text: str) -> Message:
    return message(
        r,
        "GET",
        _path(r),
        [("Cookie", f"sid={r.getrandbits(64):x}; pref={quote(text, safe='')}")],
        b"",
        "cookie",
    )


def header(r: random.Random, text: str) -> Message:
    clean = "".join(c for c in text if " " <= c <= "~")
    name = r.choice(["Referer", "X-Forwarded-For", "User-Agent", "X-Api-Version"])
    return message(r, "GET", _path(r), [(name, clean.strip() or "x")], b"", "header")


def _graphql(r: random.Random, text: str) -> Message:
    body = json.dumps(
        {"query": "query Find($t: String!) { find(text: $t) { id name } }", "variables": {"t": text}}
    ).encode()
    return message(r, "POST", "/graphql", [("Content-Type", "application/json")], body, "graphql")


PLACES: Final[dict[str, Place]] = {
    "query": query, "form": form, "json": json_value, "multipart": multipart, "xml": xml_text, "path": path_segment,
    "cookie": cookie, "header": header, "graphql": _graphql,
}  # fmt: skip


def _twice(text: str) -> str:
    return quote(text, safe="")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _entities(text: str) -> str:
    return "".join(f"&#{ord(c)};" if not c.isalnum() else c for c in text)


def _unicode_escapes(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" if not c.isalnum() and ord(c) < 65536 else c for c in text)


ENCODINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": lambda text: text,
    "percent": _twice,
    "base64": _base64,
    "entities": _entities,
    "js-unicode": _unicode_escapes,
}
"""What an attacker wraps a payload in, beside the encoding that the place demands."""
