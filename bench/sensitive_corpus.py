"""A labelled corpus of documents with sensitive values and look-alikes; the same for the same seed.

A document is a list of items (label, value, entity or None for a look-alike) put into a format; its `read`
parses the format again, so that what came through can be compared item by item with what was put in.
"""

from __future__ import annotations

import csv
import html
import io
import json
import random
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus
from xml.etree import ElementTree

from bench.sensitive_values import KINDS, LOOK_ALIKES


class Item(NamedTuple):
    label: str
    value: str
    entity: str | None  # None: a look-alike that must stay as it is
    number: bool = False  # may stand as a bare number


class Document(NamedTuple):
    format: str
    content_type: str
    body: bytes
    items: tuple[Item, ...]
    read: Callable[[bytes], list[str]]  # the values in order; raises if the document is broken
    frame: Callable[[bytes], bytes]  # all that is not a value, to see that it stayed


_QUIET_LABELS = ("value", "data", "field", "info", "entry", "note")
_WORDS = [
    "the",
    "quick",
    "delivery",
    "of",
    "our",
    "new",
    "product",
    "line",
    "was",
    "delayed",
    "by",
    "weather",
    "and",
    "we",
    "are",
    "sorry",
    "for",
    "that",
    "inconvenience",
    "please",
    "find",
    "attached",
    "all",
    "details",
    "about",
    "your",
    "recent",
    "visit",
    "to",
    "us",
    "and",
    "let",
    "me",
    "know",
    "whether",
    "anything",
    "is",
    "unclear",
]


def prose(r: random.Random, n: int) -> str:
    return " ".join(r.choice(_WORDS) for _ in range(n))


def items(r: random.Random, values: int, alikes: int) -> list[Item]:
    """A mixture in random order."""
    made = []
    for _ in range(values):
        kind = r.choice(KINDS)
        label = r.choice(kind.labels)
        if kind.plain and r.random() < 0.3:
            label = r.choice(_QUIET_LABELS)
        value = kind.make(r)
        made.append(Item(label, value, kind.entity, value.isdigit() and value[0] != "0" and r.random() < 0.3))
    for _ in range(alikes):
        label, make = r.choice(LOOK_ALIKES)
        value = make(r)
        bare = value.isdigit() and (value[0] != "0" or value == "0") and r.random() < 0.5
        made.append(Item(label, value, None, bare))
    r.shuffle(made)
    return made


# -------------------------------------------------------------------------------------------------------- formats


def _key(label: str) -> str:
    return label.replace(" ", "_").replace("-", "_")


def _json(r: random.Random, made: list[Item]) -> Document:
    objects = []
    for item in made:
        value: object = int(item.value) if item.number else item.value
        objects.append({"seq": len(objects), _key(item.label): value, "text": prose(r, r.randint(8, 30))})
    ascii_only = r.random() < 0.7
    if r.random() < 0.5:
        text = json.dumps({"items": objects}, indent=r.choice([None, 2]), ensure_ascii=ascii_only)
    else:
        text = json.dumps({"items": objects}, separators=(",", ":"), ensure_ascii=ascii_only)
    if r.random() < 0.3:
        text = text.replace("/", "\\/")

    def read(body: bytes) -> list[str]:
        return [str(list(o.values())[1]) for o in json.loads(body)["items"]]

    def frame(body: bytes) -> bytes:
        return repr([(list(o), o["seq"], o["text"]) for o in json.loads(body)["items"]]).encode()

    return Document("json", "application/json", text.encode(), tuple(made), read, frame)


def _ndjson(r: random.Random, made: list[Item]) -> Document:
    body = "".join(json.dumps({_key(i.label): int(i.value) if i.number else i.value}) + "\n" for i in made)

    def read(data: bytes) -> list[str]:
        return [str(next(iter(json.loads(line).values()))) for line in data.splitlines()]

    return Document("ndjson", "application/x-ndjson", body.encode(), tuple(made), read, _keys_of_lines)


def _keys_of_lines(data: bytes) -> bytes:
    return repr([list(json.loads(line)) for line in data.splitlines()]).encode()


def _sse(r: random.Random, made: list[Item]) -> Document:
    body = "".join(
        f"event: update\nid: {n}\ndata: {json.dumps({_key(i.label): i.value, 'n': n})}\n\n"
        for n, i in enumerate(made)
    )

    def read(data: bytes) -> list[str]:
        return [
            next(iter(json.loads(line[6:]).values()))
            for line in data.splitlines()
            if line.startswith(b"data: ")
        ]

    def frame(data: bytes) -> bytes:
        return b"\n".join(line for line in data.splitlines() if not line.startswith(b"data: "))

    return Document("sse", "text/event-stream", body.encode(), tuple(made), read, frame)


_CELL = re.compile(rb'<td class="v">(.*?)</td>', re.DOTALL)


def _html(r: random.Random, made: list[Item]) -> Document:
    rows = []
    for item in made:
        text = html.escape(item.value)
        if " " in text and r.random() < 0.3 and "PRIVATE" not in text:
            text = text.replace(" ", r.choice(["&nbsp;", "&#160;"]))
        elif r.random() < 0.1 and "PRIVATE" not in text:
            text = text.replace("-", "&#45;")
        rows.append(f'<tr><td>{html.escape(item.label)}</td>\n  <td class="v">{text}</td></tr>')
    page = (
        "<!DOCTYPE html><html><head><title>Record</title><style>td{color:#336699}</style></head><body>"
        f"<p>{prose(r, r.randint(40, 120))} &amp; more.</p><table>{''.join(rows)}</table><script>var n={r.randint(1, 99)};</script></body></html>"
    )

    def read(data: bytes) -> list[str]:
        return [html.unescape(cell.decode()).replace("\xa0", " ") for cell in _CELL.findall(data)]

    return Document(
        "html", "text/html; charset=utf-8", page.encode(), tuple(made), read, lambda d: _CELL.sub(b"", d)
    )


def _xml(r: random.Random, made: list[Item]) -> Document:
    if r.random() < 0.5:
        rows = "".join(f"<{_key(i.label)}>{html.escape(i.value)}</{_key(i.label)}>" for i in made)
    else:
        rows = "".join(f'<row n="{n}" {_key(i.label)}="{html.escape(i.value)}"/>' for n, i in enumerate(made))
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<doc>{rows}</doc>'

    def read(data: bytes) -> list[str]:
        return [
            list(e.attrib.values())[1] if e.attrib else (e.text or "") for e in ElementTree.fromstring(data)
        ]

    def frame(data: bytes) -> bytes:
        return repr([(e.tag, list(e.attrib)) for e in ElementTree.fromstring(data)]).encode()

    return Document("xml", "application/xml", body.encode(), tuple(made), read, frame)


def _text(r: random.Random, made: list[Item]) -> Document:
    lines = []
    for item in made:
        if r.random() < 0.7:
            lines.append(prose(r, r.randint(10, 40)) + ".")
        start = r.choice(
            [f"{item.label}: ", f"{prose(r, 4)}, {item.label} ", f"the {item.label} is ", f"{item.label} = "]
        )
        lines.append(f"{start}\x01{item.value}\x02{r.choice(['', '.', ', thanks', ' ' + prose(r, 3)])}")
    marked = "\n".join(lines)
    pieces = re.split("\x01|\x02", marked)
    sizes = [len(p.encode()) for p in pieces]

    def cut(data: bytes) -> list[bytes]:
        out, place = [], 0
        for size in sizes:
            out.append(data[place : place + size])
            place += size
        if place != len(data):
            raise ValueError("the length changed")
        return out

    def read(data: bytes) -> list[str]:
        return [p.decode() for p in cut(data)[1::2]]

    return Document(
        "text", "text/plain", "".join(pieces).encode(), tuple(made), read, lambda d: b"".join(cut(d)[::2])
    )


def _always(value: str) -> Callable[[random.Random], str]:
    return lambda _: value


def _csv(r: random.Random, made: list[Item]) -> Document:
    """A table: every column one kind, several rows."""
    columns = []
    for item in made[:6]:
        makers = [k.make for k in KINDS if k.entity == item.entity and item.label in k.labels]
        makers += [m for label, m in LOOK_ALIKES if item.entity is None and label == item.label]
        columns.append((item.label, item.entity, makers[0] if makers else _always(item.value)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=r.choice(["\n", "\r\n"]), delimiter=r.choice([",", ",", ";"]))
    writer.writerow(["row", *(label for label, _, _ in columns), "comment"])
    cells: list[Item] = []
    for row in range(r.randint(2, 6)):
        values = [make(r) for _, _, make in columns]
        cells += [Item(c[0], v, c[1]) for c, v in zip(columns, values, strict=True)]
        writer.writerow([row, *values, prose(r, 3)])
    width, delimiter = len(columns), writer.dialect.delimiter

    def rows(data: bytes) -> list[list[str]]:
        return list(csv.reader(io.StringIO(data.decode()), delimiter=delimiter))

    def read(data: bytes) -> list[str]:
        return [cell for row in rows(data)[1:] for cell in row[1 : width + 1]]

    def frame(data: bytes) -> bytes:
        table = rows(data)
        return repr([table[0], *([row[0], row[-1]] for row in table[1:])]).encode()

    return Document("csv", "text/csv", out.getvalue().encode(), tuple(cells), read, frame)


def _form(r: random.Random, made: list[Item]) -> Document:
    code = r.choice([quote_plus, lambda v: quote(v, safe="")])
    body = "&".join(f"{quote_plus(_key(i.label))}={code(i.value)}" for i in made)

    def read(data: bytes) -> list[str]:
        return [v for _, v in parse_qsl(data.decode(), keep_blank_values=True, strict_parsing=True)]

    def frame(data: bytes) -> bytes:
        return repr([k for k, _ in parse_qsl(data.decode(), keep_blank_values=True)]).encode()

    return Document("form", "application/x-www-form-urlencoded", body.encode(), tuple(made), read, frame)


def _script(r: random.Random, made: list[Item]) -> Document:
    lines = [
        f"var v{n} = {{{_key(i.label)}: {i.value if i.number else json.dumps(i.value)}}};"
        for n, i in enumerate(made)
    ]
    pattern = re.compile(r"var v\d+ = \{\w+: (.*)\};")

    def read(data: bytes) -> list[str]:
        found = [json.loads(pattern.fullmatch(line)[1]) for line in data.decode().split("\n")]  # type: ignore[index]
        return [str(value) for value in found]

    def frame(data: bytes) -> bytes:
        return re.sub(rb": .*\}", b"", data)

    return Document("script", "application/javascript", "\n".join(lines).encode(), tuple(made), read, frame)


RESPONSES = (_json, _json, _ndjson, _sse, _html, _html, _xml, _text, _text, _csv, _form, _script)
REQUESTS = (_json, _json, _form, _form, _xml, _text)


def corpus(
    seed: int, documents: int, formats: tuple[Callable[[random.Random, list[Item]], Document], ...]
) -> list[Document]:
    """`documents` documents with about 1.6 values and 4 look-alikes each."""
    r = random.Random(seed)
    made = []
    for number in range(documents):
        document_items = items(r, r.choice([0, 1, 1, 2, 2, 3]), r.randint(2, 6))
        made.append(formats[number % len(formats)](r, document_items))
    return made


def clean(seed: int, size: int) -> dict[str, bytes]:
    """Everyday texts without a sensitive value, each of about `size` bytes."""
    r = random.Random(seed)
    rows = [
        {"id": n, "name": prose(r, 3), "price": r.randint(100, 99999) / 100, "tags": prose(r, 3).split(),
         "created": "2026-01-31T12:30:45Z", "ok": True}
        for n in range(size // 150)
    ]  # fmt: skip
    markup = "".join(
        f'<div class="row"><a href="/p/{n}?x=1">{prose(r, 4)}</a> <span>{r.randint(1, 99)}.50 EUR</span></div>\n'
        for n in range(size // 110)
    )
    return {
        "json": json.dumps(rows).encode(),
        "html": markup.encode(),
        "text": "\n".join(prose(r, 14) + "." for _ in range(size // 90)).encode(),
    }
