"""The requests that are measured, as raw bytes, and what a right answer to each looks like.

Made from fixed seeds, so every run and every peer sees the same bytes. A case has several variants that are
sent in turn: a proxy that remembers its last request gains nothing. Knows nothing of servers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache, partial
from typing import Final, NamedTuple
from urllib.parse import quote_plus

from waf.demo.catalogue import card_number, grouped

HOST: Final = "shop.example"
GETS: Final = 6_000
"""Each with a phrase and a number of its own: more than the sidecar remembers, so that each is judged anew."""
PAGE_BYTES: Final = 100 * 1024
NEW_PAGES: Final = 320  # of one text each: more than is remembered
PAGE_CARDS: Final = tuple(card_number(f"page-{number}") for number in range(3))

_BROWSER: Final = (
    ("Host", HOST),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", f"https://{HOST}/search?q=coffee"),
    ("Connection", "keep-alive"),
    ("Cookie", "session=6f1c0d2e9b7a4f55a1d3; theme=dark; consent=necessary"),
    ("Upgrade-Insecure-Requests", "1"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Priority", "u=1"),
)
_TEXT: Final = (
    "coffee grinder burr steel kitchen morning bread flour yeast oven warm blanket wool lamp reading "
    "corner shop delivery Tuesday garden bicycle repair bottle water trail shoes river mountain Sunday "
    "market fresh quiet paper letter window table chair green blue winter summer early late small round "
    "wooden simple good old new"
)
_WORDS: Final = _TEXT.split()


class Case(NamedTuple):
    """One kind of request. `requests` are whole messages; `connections` is how many the load keeps open."""

    name: str
    title: str
    requests: tuple[bytes, ...]
    connections: int
    masked: bool = False  # the answer holds card numbers that the sidecar must mask
    paced: bool = True  # its latency is measured at a low rate
    peers: tuple[str, ...] = ("nginx", "modsecurity", "sidecar")


def message(method: str, path: str, body: bytes = b"", content_type: str = "", accept: str = "") -> bytes:
    """A whole request with a browser's headers."""
    headers = [(name, accept if accept and name == "Accept" else value) for name, value in _BROWSER]
    if method != "GET":
        headers += [
            ("Origin", f"https://{HOST}"),
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
        ]
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode() + b"\r\n" + body


def prose(rng: random.Random, words: int) -> str:
    """Plain sentences."""
    return " ".join(
        rng.choice(_WORDS) + ("." if number % 11 == 10 else "") for number in range(words)
    ).capitalize()


def document(rng: random.Random, size: int) -> bytes:
    """An order as JSON of about `size` bytes, never more: objects, lists, numbers, text."""
    order: dict[str, object] = {
        "order": rng.randrange(10**6),
        "customer": {"name": "Mary O'Neill", "city": "Cork", "newsletter": True, "rating": 4.5},
        "note": prose(rng, 12),
    }
    items: list[dict[str, object]] = []
    order["items"] = items
    left = size - len(_json(order)) + 1  # the first item has no comma before it
    while True:
        item: dict[str, object] = {
            "sku": f"{rng.choice(_WORDS)}-{rng.randrange(1000):03d}",
            "quantity": rng.randrange(1, 9),
            "price": round(rng.uniform(1, 200), 2),
            "gift": rng.random() < 0.2,
            "comment": prose(rng, rng.randrange(3, 12)),
        }
        left -= len(_json(item)) + 1
        if left < 0:
            return _json(order)
        items.append(item)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@cache
def page() -> bytes:
    """An HTML page of PAGE_BYTES bytes that shows each of PAGE_CARDS once, grouped in fours."""
    rng = random.Random(100)
    rows: list[str] = []
    size = 0
    while size < PAGE_BYTES:
        row = (
            f'<tr><td><a href="/products/{rng.randrange(1000)}">{prose(rng, 3)}</a></td>'
            f"<td>{prose(rng, rng.randrange(8, 25))}</td>"
            f"<td class='price'>{rng.uniform(1, 200):.2f}</td></tr>\n"
        )
        rows.append(row)
        size += len(row)
    for number, card in enumerate(PAGE_CARDS, start=1):
        rows.insert(number * len(rows) // 4, f"<tr><td>Card</td><td>{grouped(card)}</td></tr>\n")
    html = "<!doctype html>\n<html><head><title>Catalogue</title></head><body><table>\n" + "".join(rows)
    return (html[: PAGE_BYTES - 30] + "\n").encode().ljust(
        PAGE_BYTES - 24, b" "
    ) + b"</table></body>\n</html>\n"


def new_page(number: int) -> bytes:
    """The page, with something of its own in each row: whoever remembers what others held knows nothing of it."""
    return page().replace(b"/products/", b"/p%07d/" % number)


def _get(rng: random.Random) -> bytes:
    query = "&".join(
        (
            f"q={quote_plus(prose(rng, 3))}",
            f"category={rng.choice(('kitchen', 'books', 'home'))}",
            f"page={rng.randrange(1, 40)}",
            f"sort={rng.choice(('price', 'name', '-rating'))}",
            f"ref={rng.randrange(16**12):012x}",
        )
    )
    return message("GET", f"/search?{query}")


def _json_post(rng: random.Random, size: int) -> bytes:
    return message("POST", "/api/orders", document(rng, size), "application/json", "application/json")


def _form(rng: random.Random) -> bytes:
    fields = {
        "name": "Mary O'Neill",
        "email": "mary@example.com",
        "subject": prose(rng, 4),
        "message": prose(rng, 40),
        "newsletter": "on",
        "token": f"{rng.randrange(16**32):032x}",
    }
    body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields.items())
    return message("POST", "/feedback", body.encode(), "application/x-www-form-urlencoded")


def _upload(rng: random.Random, size: int) -> bytes:
    """A form with a title and a picture: bytes of high entropy behind a JPEG's first marker."""
    boundary = "----boundary7MA4YWxkTrZu0gW"
    picture = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + rng.randbytes(size)
    body = (
        (
            f'--{boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nholiday\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="beach.jpg"\r\n'
            "Content-Type: image/jpeg\r\n\r\n"
        ).encode()
        + picture
        + f"\r\n--{boundary}--\r\n".encode()
    )
    return message("POST", "/upload", body, f"multipart/form-data; boundary={boundary}")


MAKERS: Final[dict[str, Callable[[random.Random], bytes]]] = {
    "get": _get, "form": _form, "json-2k": partial(_json_post, size=2_048),
}  # fmt: skip
"""One request of a case, whichever chance gives."""


@cache
def cases() -> tuple[Case, ...]:
    """All cases, in the order in which they are reported."""
    rng = random.Random(2)
    ten = 10 * 1024 * 1024
    return (
        Case("get", "GET, browser headers, 5 parameters", tuple(_get(rng) for _ in range(GETS)), 32),
        Case("json-2k", "POST JSON 2 KB", tuple(_json_post(rng, 2_048) for _ in range(8)), 32),
        Case("json-64k", "POST JSON 64 KB", tuple(_json_post(rng, 65_536) for _ in range(4)), 16),
        Case("form", "POST form, 6 fields", tuple(_form(rng) for _ in range(8)), 32),
        Case("page", "GET, 100 KB HTML, masked", (message("GET", "/page.html"),), 16, masked=True),
        Case("page-chunked", "the same page in chunks", (message("GET", "/chunks.html"),), 16, masked=True),
        Case(
            "page-new",
            "pages that were not there before",
            tuple(message("GET", f"/new/{number}.html") for number in range(NEW_PAGES)),
            16,
            masked=True,
        ),
        Case("upload", "10 MB upload, multipart", (_upload(rng, ten),), 4, paced=False),
        Case(
            "upload-raw",
            "10 MB upload, octet stream",
            (message("POST", "/upload", rng.randbytes(ten), "application/octet-stream"),),
            4,
            paced=False,
            peers=("nginx", "sidecar"),  # the common rule set does not allow the type
        ),
    )
