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
from xml.sax.saxutils import escape, quoteattr

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


def query_name(r: random.Random, text: str) -> Message:
    return message(r, "GET", f"{_path(r)}?{quote(text, safe='')}=1", [], b"", "query-name")


def query_whole(r: random.Random, text: str) -> Message:
    return message(r, "GET", f"{_path(r)}?{quote(text, safe='')}", [], b"", "query-whole")


def form_name(r: random.Random, text: str) -> Message:
    body = f"a=1&{quote_plus(text)}=x".encode()
    return message(
        r, "POST", _path(r), [("Content-Type", "application/x-www-form-urlencoded")], body, "form-name"
    )


def json_key(r: random.Random, text: str) -> Message:
    body = json.dumps({"id": 1, text: "x"}).encode()
    return message(r, "POST", _path(r), [("Content-Type", "application/json")], body, "json-key")


def json_nested(r: random.Random, text: str) -> Message:
    inner = json.dumps({"filter": {r.choice(PARAMETERS): text}})
    body = json.dumps({"payload": inner, "v": 2}).encode()
    return message(r, "POST", _path(r), [("Content-Type", "application/json")], body, "json-nested")


def json_list(r: random.Random, text: str) -> Message:
    body = json.dumps([text] if r.random() < 0.5 else text).encode()
    return message(r, "PUT", _path(r), [("Content-Type", "application/json")], body, "json-list")


def json_escaped(r: random.Random, text: str) -> Message:
    """Every character as a JSON escape."""
    units = text.encode("utf-16-be")
    coded = "".join(f"\\u{units[n] << 8 | units[n + 1]:04x}" for n in range(0, len(units), 2))
    body = f'{{"{r.choice(PARAMETERS)}": "{coded}"}}'.encode()
    return message(r, "POST", _path(r), [("Content-Type", "application/json")], body, "json-escaped")


def _xml(r: random.Random, inside: str, place: str) -> Message:
    body = f'<?xml version="1.0"?><order><id>1</id>{inside}</order>'.encode("utf-8", "replace")
    return message(
        r, "POST", _path(r), [("Content-Type", r.choice(["application/xml", "text/xml"]))], body, place
    )


def _clean(text: str) -> str:
    return "".join(c for c in text if c >= " " or c in "\t\n\r")


def xml_attribute(r: random.Random, text: str) -> Message:
    return _xml(r, f"<note lang={quoteattr(_clean(text))}/>", "xml-attribute")


def xml_cdata(r: random.Random, text: str) -> Message:
    return _xml(r, f"<note><![CDATA[{_clean(text).replace(']]>', '')}]]></note>", "xml-cdata")


def _part(r: random.Random, headers: str, content: str, place: str) -> Message:
    boundary = f"----{r.getrandbits(60):x}"
    body = f"--{boundary}\r\nContent-Disposition: form-data; {headers}\r\n\r\n{content}\r\n--{boundary}--\r\n"
    kind = f"multipart/form-data; boundary={boundary}"
    return message(
        r, "POST", "/upload", [("Content-Type", kind)], body.encode("utf-8", "surrogateescape"), place
    )


def multipart_name(r: random.Random, text: str) -> Message:
    name = _clean(text).replace("\n", " ").replace("\r", " ").replace('"', "%22")
    return _part(r, f'name="{name}"', "x", "multipart-name")


def file_name(r: random.Random, text: str) -> Message:
    name = _clean(text).replace("\n", " ").replace("\r", " ").replace('"', "%22")
    return _part(r, f'name="f"; filename="{name}"', "x", "file-name")


def plain_text(r: random.Random, text: str) -> Message:
    kind = r.choice(["text/plain", "text/plain; charset=utf-8"])
    return message(
        r, "POST", _path(r), [("Content-Type", kind)], text.encode("utf-8", "surrogateescape"), "plain-text"
    )


def untyped(r: random.Random, text: str, kind: str = "") -> Message:
    """The whole body, of a content type or of none."""
    headers = [("Content-Type", kind)] if kind else []
    return message(
        r,
        "POST",
        _path(r),
        headers,
        text.encode("utf-8", "surrogateescape"),
        "xml-raw" if kind else "untyped",
    )


def _header(name: str, place: str) -> Place:
    def at(r: random.Random, text: str) -> Message:
        clean = "".join(c if " " <= c <= "~" else quote(c, errors="surrogateescape") for c in text)
        return message(r, "GET", _path(r), [(name, clean.strip() or "x")], b"", place)

    return at


def referer(r: random.Random, text: str) -> Message:
    return message(
        r,
        "GET",
        _path(r),
        [("Referer", f"https://shop.example/?q={quote(text, safe='')}")],
        b"",
        "referer-query",
    )


def cookie_plain(r: random.Random, text: str) -> Message:
    clean = "".join(c if c >= " " and c not in ";" else quote(c) for c in text)
    return message(
        r, "GET", _path(r), [("Cookie", f"theme=dark; {r.choice(PARAMETERS)}={clean}")], b"", "cookie-plain"
    )


def basic(r: random.Random, text: str) -> Message:
    coded = base64.b64encode(f"{text}:x".encode("utf-8", "surrogateescape")).decode()
    return message(r, "GET", _path(r), [("Authorization", f"Basic {coded}")], b"", "basic")


def graphql_inline(r: random.Random, text: str) -> Message:
    body = json.dumps({"query": f"{{ find(text: {json.dumps(text)}) {{ id }} }}"}).encode()
    return message(r, "POST", "/graphql", [("Content-Type", "application/json")], body, "graphql-inline")


def path_raw(r: random.Random, text: str) -> Message:
    """As the last segments of a path, slashes and all."""
    return message(
        r, "GET", f"/{r.choice(['items', 'files'])}/{quote(text, safe='/.;=,:@!$()*')}", [], b"", "path-raw"
    )


def grpc_web(r: random.Random, text: str) -> Message:
    data = text.encode("utf-8", "surrogateescape")[:16000]
    size = len(data)
    varint = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    inner = b"\x0a" + varint + data
    frame = b"\0" + len(inner).to_bytes(4, "big") + inner
    return message(
        r,
        "POST",
        "/shop.Search/Find",
        [("Content-Type", "application/grpc-web-text")],
        base64.b64encode(frame),
        "grpc-web",
    )


PLACES: Final[dict[str, Place]] = {
    "query": query, "form": form, "json": json_value, "multipart": multipart, "xml": xml_text, "path": path_segment,
    "cookie": cookie, "header": header, "graphql": _graphql,
}  # fmt: skip
MORE_PLACES: Final[dict[str, Place]] = {
    "query-name": query_name, "query-whole": query_whole, "form-name": form_name, "json-key": json_key,
    "json-nested": json_nested, "json-list": json_list, "json-escaped": json_escaped, "xml-attribute": xml_attribute,
    "xml-cdata": xml_cdata, "multipart-name": multipart_name, "file-name": file_name, "plain-text": plain_text,
    "untyped": untyped, "user-agent": _header("User-Agent", "user-agent"), "referer": _header("Referer", "referer"),
    "x-header": _header("X-Client-Tag", "x-header"), "referer-query": referer, "cookie-plain": cookie_plain,
    "basic": basic, "graphql-inline": graphql_inline, "path-raw": path_raw, "grpc-web": grpc_web,
}  # fmt: skip
"""Further places that the wider set of attacks is put at."""


def _twice(text: str) -> str:
    return quote(text, safe="")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _entities(text: str) -> str:
    return "".join(f"&#{ord(c)};" if not c.isalnum() else c for c in text)


def _unicode_escapes(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" if not c.isalnum() and ord(c) < 65536 else c for c in text)


def _base64_bare(text: str) -> str:
    return _base64(text).rstrip("=")


def _base64_url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _thrice(text: str) -> str:
    return quote(quote(text, safe=""), safe="")


def _all_percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogateescape"))


def _all_escapes(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" for c in text if ord(c) < 65536)


def _hex_entities(text: str) -> str:
    return "".join(f"&#x{ord(c):x};" for c in text)


def _hex_escapes(text: str) -> str:
    return "".join(f"\\x{ord(c):02x}" if ord(c) < 256 else c for c in text)


def _percent_u(text: str) -> str:
    return "".join(f"%u{ord(c):04x}" if not c.isalnum() and ord(c) < 65536 else c for c in text)


def _wide(text: str) -> str:
    """Full-width forms of what is not a letter or digit."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" and not c.isalnum() else c for c in text)


def _hexed(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").hex()


def _base64_percent(text: str) -> str:
    return _base64(quote(text, safe=""))


def _upper_half(text: str) -> str:
    return "".join(f"%{ord(c):02X}" if n % 2 and ord(c) < 128 else c for n, c in enumerate(text))


ENCODINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": lambda text: text,
    "percent": _twice,
    "base64": _base64,
    "entities": _entities,
    "js-unicode": _unicode_escapes,
}
"""What an attacker wraps a payload in, beside the encoding that the place demands."""

MORE_ENCODINGS: Final[dict[str, Callable[[str], str]]] = {
    "base64-bare": _base64_bare, "base64-url": _base64_url, "percent-thrice": _thrice, "percent-all": _all_percent,
    "js-all": _all_escapes, "entities-hex": _hex_entities, "js-hex": _hex_escapes, "percent-u": _percent_u,
    "full-width": _wide, "hex": _hexed, "base64-percent": _base64_percent, "percent-half": _upper_half,
}  # fmt: skip
"""Further wrappings of the wider set."""
