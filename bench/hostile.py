"""Messages that are made to keep an inspector busy, written as small genomes that a search can change.

A message is a carrier (what kind of request or answer, and where in it the text goes), a handful of units that are
repeated until it has its size, and a few choices: how long each value is, whether the units come in turn or by
chance, whether each repetition is different from the one before. Nothing here is an attack that works; the units are
what encodings, languages and folds are recognised by, and pieces of the samples in rules and entities. Knows nothing of who judges the messages.
"""

from __future__ import annotations

import functools
import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from waf.inspect.rules import parse_rules
from waf.sensitive.entities import parse_entities

_RULES: Final = Path(__file__).resolve().parents[1] / "rules"

COUNTER: Final = "\N{NUMERO SIGN}"  # in a unit: a number that is another one each time
_UNITS: Final = (
    # encodings
    "%41", "%2541", "%27", "%u0041", "%25u0027", "&lt;", "&#x41;", "&#39;", "&amp;lt;", "\\x41", "\\u0027", "\\a", "\\\\",
    "\\101", "\\6a ", "\xc0\xaf", "\xef\xbc\xa1", "\xef\xbc\x87", "+ADw-", "\0a", "\0", "eyJ", "eyJhIjoiJyJ9",
    "data:;base64,JyBvciAxPTE", "QUFBQUFBQUFB", "JyBvciAxPTEg", "41424344", "2720", "0x27", "\xe2\x80\xae", "\xf0\x9d\x90\x80",
    # folds
    "/*", "*/", "/*!", "/**/", "--\n", "#\n", "a'b", "c'a't", "''", '"', "'", "`", "${IFS}", "$@", "{a,b}", "../", "..\\",
    "//", "/./", "..;/", "a\tb", "java\tscript:", "' + '", "'||'", "$1", "^", "s\nc",
    # marks and languages
    "<a ", "<script>", "<", ">", "</", "<!--", "<?php ", "<%", "%>", "<img src=x onerror=", "onload=", "javascript:",
    "style=", "url(", "expression(", "select ", "union select ", "or 1=1 ", "and ", "' or '", "or", "=", "(", ")", "))",
    "((", "[", "]", "{", "}", "{{", "}}", "${", "#{", "*{", "{%", "{{7*7}}", "${7*7}", "|", ";", ";id ", "||", "&&", "`id`",
    "$(id)", "$(", "cat /etc/passwd ", "/etc/passwd", "http://127.0.0.1/", "http://", "://", "@", "\n", "\r\n", " ", "a",
    "\xff", "php://", "{jndi:", "${jndi:", "${lower:", "${::-", "sleep(", "sleep(1)", "system(", "eval(", "alert(",
    "require(", "document.", "window[", "constructor", "__proto__", "__class__", ".class.", "*)(", "(|(", "&", "!", "%", "$",
    "word ", "The quick brown fox ", "```js\n", "\n```\n", "~/.ssh/", "c:\\program files\\a", "\x7f", '"a":', "$ne", "$where", "this.", "import ", "case ", "end ", "having ",
    "order by ", "1", "0", ",", "1,", "a=", "a=b&", "Bcc:", "\r\nSet-Cookie: a=", "rO0AB", "O:8:", "!!python", "exec ", "@@",
    "char(", "concat(", "0x", "-", "--", "#", ":", "?", "*", "/", "\\", "~", "+", "query{", "a:b{", "\\u00", "{\"a\":\"", "\\\"",
    # what stands in answers
    "Traceback ", "at com.a.B(C.java:1)\n", "ORA-00001", "SQL syntax", "Warning: ", "on line ", "Index of /", "4539578763621486 ",
    "jo@example.org ", "+49 30 1234567 ", "123-45-6789 ", "DE89370400440532013000 ", "card 4539-5787-6362-1486 ", "10.0.0.1 ",
    "password=", "token ", "1985-02-03 ", "AKIA",
    # values that differ
    COUNTER, "a" + COUNTER, "'" + COUNTER, "%27" + COUNTER, "${" + COUNTER + "}", "<b" + COUNTER + " ", "=" + COUNTER, "\n" + COUNTER,
)  # fmt: skip


class Genome(NamedTuple):
    """`each`: characters of one value where the carrier has many; `size`: bytes of text that it is filled with."""

    carrier: str
    units: tuple[str, ...]
    each: int
    shuffled: bool
    size: int
    seed: int


class Message(NamedTuple):
    """`head` with the blank line, `body`; `answer`: it is what the app sends. `text`: bytes to be judged."""

    head: bytes
    body: bytes
    answer: bool
    text: int


# -------------------------------------------------------------------------------------------------------- carriers

Carrier = Callable[[str, int], tuple[bytes, bytes]]
"""From the text (one character a byte) and the length of a value to content type and body."""


def _cut(text: str, each: int) -> list[str]:
    return [text[start : start + each] for start in range(0, len(text), each)]


def _raw(text: str) -> bytes:
    return text.encode("latin-1")


def _shown(piece: str) -> str:
    """As text in UTF-8, where the bytes are that."""
    return piece.encode("latin-1").decode("utf-8", "replace")


def _dumped(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _encoded(text: str) -> bytes:
    """What would end a form's value, encoded; all else as it is, so that layers lie on layers."""
    return _raw(text).replace(b"%", b"%25").replace(b"&", b"%26").replace(b"+", b"%2B").replace(b"\0", b"%00")


def _xml_text(text: str) -> bytes:
    shown = "".join(one if one >= " " or one in "\n\t\r" else " " for one in _shown(text))
    shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace("]]>", "]]&gt;")
    return shown.replace("\ufffe", "").replace("\uffff", "").encode("utf-8", "replace")


def _attribute(text: str) -> bytes:
    return _xml_text(text).replace(b'"', b"&quot;")


def _json_in_json(text: str, each: int) -> bytes:
    return _dumped([json.dumps({"a": _shown(piece), "b": [_shown(piece)]}) for piece in _cut(text, each)])


def _multipart(parts: list[bytes]) -> bytes:
    return b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + b"--B--\r\n"


def _field(name: bytes, content: bytes, more: bytes = b"") -> bytes:
    return b'Content-Disposition: form-data; name="' + name + b'"' + more + b"\r\n\r\n" + content


def _quoted(text: str) -> bytes:
    return _raw(text).translate(None, b'"\r\n\0\\')


_FORM: Final = b"application/x-www-form-urlencoded"
_JSON: Final = b"application/json"
_MULTIPART: Final = b"multipart/form-data; boundary=B"

BODIES: Final[dict[str, Carrier]] = {
    "form, one value": lambda text, each: (_FORM, b"a=" + _encoded(text)),
    "form, many values": lambda text, each: (_FORM, b"&".join(b"k=" + _encoded(p) for p in _cut(text, each))),
    "form, names": lambda text, each: (_FORM, b"&".join(_encoded(p) + b"=1" for p in _cut(text, each))),
    "form as it is": lambda text, each: (_FORM, _raw(text)),
    "JSON, one string": lambda text, each: (_JSON, _dumped({"a": _shown(text)})),
    "JSON, many strings": lambda text, each: (_JSON, _dumped([_shown(p) for p in _cut(text, each)])),
    "JSON, keys": lambda text, each: (
        _JSON,
        _dumped({f"{_shown(piece)}{number}": number for number, piece in enumerate(_cut(text, each))}),
    ),
    "JSON, a key twice": lambda text, each: (
        _JSON,
        _dumped({f"{_shown(p)}{n}": n for n, p in enumerate(_cut(text, each))})[:-1] + b',"z":1,"z":2}',
    ),
    "JSON, JSON within": lambda text, each: (_JSON, _json_in_json(text, each)),
    "JSON, escaped": lambda text, each: (_JSON, json.dumps([_shown(p) for p in _cut(text, each)]).encode()),
    "JSON, nested": lambda text, each: (
        _JSON,
        b'{"a":[' * 30 + _dumped([{"b": [_shown(p)]} for p in _cut(text, each)]) + b"]}" * 30,
    ),
    "JSON, lenient": lambda text, each: (
        _JSON,
        b"[NaN," + b",".join(_dumped(_shown(p)) for p in _cut(text, each)) + b"] x",
    ),
    "JSON as it is": lambda text, each: (_JSON, _raw(text)),
    "JSON lines": lambda text, each: (
        b"application/x-ndjson",
        b"\n".join(_dumped({"a": _shown(p)}) for p in _cut(text, each)),
    ),
    "GraphQL": lambda text, each: (
        _JSON,
        _dumped({"query": "query { " + " ".join(f"a(b: {json.dumps(_shown(p))})" for p in _cut(text, each)) + "}"}),
    ),
    "GraphQL as it is": lambda text, each: (b"application/graphql", b"query { a " + _raw(text) + b"}"),
    "XML, texts": lambda text, each: (
        b"application/xml",
        b"<r>" + b"".join(b"<i>" + _xml_text(p) + b"</i>" for p in _cut(text, each)) + b"</r>",
    ),
    "XML, attributes": lambda text, each: (
        b"application/xml",
        b"<r>" + b"".join(b'<i a="' + _attribute(p) + b'"/>' for p in _cut(text, each)) + b"</r>",
    ),
    "XML as it is": lambda text, each: (b"application/xml", b"<r>" + _raw(text) + b"</r>"),
    "multipart, fields": lambda text, each: (
        _MULTIPART,
        _multipart([_field(b"f", _raw(p)) for p in _cut(text, each)]),
    ),
    "multipart, names": lambda text, each: (
        _MULTIPART,
        _multipart([_field(_quoted(p), b"1") for p in _cut(text, each)]),
    ),
    "multipart, one field": lambda text, each: (_MULTIPART, _multipart([_field(b"f", _raw(text))])),
    "multipart, a file": lambda text, each: (
        _MULTIPART,
        _multipart([_field(b"f", _raw(text), b'; filename="a.txt"')]),
    ),
    "multipart, file names": lambda text, each: (
        _MULTIPART,
        _multipart([_field(b"f", b"1", b'; filename="' + _quoted(p) + b'"') for p in _cut(text, each)]),
    ),
    "multipart, split roughly": lambda text, each: (
        _MULTIPART,
        b"x" + _multipart([_field(b"f", _raw(p)) for p in _cut(text, each)]),
    ),
    "multipart as it is": lambda text, each: (_MULTIPART, b"--B\r\n" + _raw(text)),
    "plain text": lambda text, each: (b"text/plain", _raw(text)),
    "no type": lambda text, each: (b"", _raw(text)),
    "octets": lambda text, each: (b"application/octet-stream", _raw(text)),
    "gRPC-web": lambda text, each: (
        b"application/grpc-web+proto",
        b"".join(b"\x0a" + bytes([min(len(p), 127)]) + _raw(p) for p in _cut(text, min(each, 127))),
    ),
}  # fmt: skip
ANSWERS: Final[dict[str, bytes]] = {
    "answer, HTML": b"text/html; charset=utf-8",
    "answer, JSON": b"application/json",
    "answer, text": b"text/plain",
    "answer, script": b"application/javascript",
}
_LINE: Final = 8_000  # bytes of a header line or target; the limit is a little more
_HEAD: Final = 30_000

# What a head cannot hold as it is.
_UNPRINTABLE: Final = str.maketrans({code: f"%{code:02X}" for code in (*range(33), 127)})
_IN_TARGET: Final = _UNPRINTABLE | {code: f"%{code:02X}" for code in (*b'#"<>\\^`{|}', *range(128, 256))}
_IN_LINE: Final = str.maketrans(dict.fromkeys([*range(9), *range(10, 32), 127]))


def _target(text: str) -> str:
    return text.translate(_IN_TARGET)


def _cookies(pairs: list[str], room: int) -> list[str]:
    line = "; ".join(pairs)[:room].translate(_IN_LINE)
    return [f"Cookie: {piece}" for piece in _cut(line, _LINE - 200)]


def _lines(text: str, each: int, room: int, most: int = 80) -> list[str]:
    longest = min(each, _LINE - 200)
    pieces = _cut(text.translate(_IN_LINE), longest)
    return [f"X-{n}: {piece}" for n, piece in enumerate(pieces[: min(most, room // (longest + 8))])]


def _heads(carrier: str, text: str, each: int) -> bytes:
    """A request's head with the text in it, as long as a head may be."""
    target, lines = "/a", []
    pieces = _cut(text.replace(";", ""), each)
    if carrier == "path":
        target = "/" + _target(text)[:_LINE].rstrip("%")
    elif carrier == "query, one value":
        target = "/a?q=" + _target(text).replace("&", "%26")[:_LINE]
    elif carrier == "query, many values":
        target = "/a?" + "&".join("k=" + _target(p).replace("&", "%26") for p in _cut(text, each))[:_LINE]
    elif carrier == "query, names":
        coded = (_target(p).replace("&", "%26").replace("=", "%3D") for p in _cut(text, each))
        target = "/a?" + "&".join(f"{piece}=1" for piece in coded)[:_LINE]
    elif carrier == "query as it is":
        target = "/a?" + _target(text)[:_LINE]
    elif carrier == "cookies":
        lines = _cookies([f"k{n}={piece}" for n, piece in enumerate(pieces)], _HEAD)
    elif carrier == "cookies, names":
        lines = _cookies([f"{piece}={n}" for n, piece in enumerate(pieces)], _HEAD)
    elif carrier == "referer":
        lines = ["Referer: http://a/?" + _target(text)[: _LINE - 200]]
    elif carrier == "head, everywhere":
        target = "/a?" + "&".join("k=" + _target(p).replace("&", "%26") for p in _cut(text, each))[:_LINE]
        lines = _cookies([f"k{n}={piece}" for n, piece in enumerate(pieces)], _HEAD // 3)
        lines += _lines(text, each, _HEAD - _LINE - _HEAD // 3)
    else:
        lines = _lines(text, each, _HEAD)
    head = "".join(f"{line}\r\n" for line in lines)
    return f"GET {target} HTTP/1.1\r\nHost: shop.example\r\n{head}\r\n".encode("latin-1")


HEADS: Final = (
    "path", "query, one value", "query, many values", "query, names", "query as it is", "cookies", "cookies, names", "referer", "headers",
    "head, everywhere",
)  # fmt: skip
ZIPPED: Final = "gzip: "
CARRIERS: Final = (
    *BODIES,
    *HEADS,
    *ANSWERS,
    *(ZIPPED + name for name in ("JSON, many strings", "plain text", "answer, HTML", "answer, JSON")),
)


def text_of(genome: Genome, size: int) -> str:
    chance = random.Random(genome.seed)
    drawn = genome.shuffled or any(COUNTER in unit for unit in genome.units)
    if not drawn:
        whole = "".join(genome.units)
        return (whole * (size // len(whole) + 1))[:size]
    pieces: list[str] = []
    length = number = 0
    while length < size:
        units = chance.choices(genome.units, k=len(genome.units)) if genome.shuffled else genome.units
        number += 1
        piece = "".join(units).replace(COUNTER, str(number))
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces)[:size]


def message(genome: Genome) -> Message:
    """The message that a genome stands for. `size` is that of the text before its container's syntax."""
    zipped = genome.carrier.startswith(ZIPPED)
    carrier = genome.carrier.removeprefix(ZIPPED)
    if carrier in HEADS:
        head = _heads(carrier, text_of(genome, _HEAD * 2), genome.each)
        return Message(head, b"", False, len(head))
    text = text_of(genome, genome.size)
    coding = b"Content-Encoding: gzip\r\n" if zipped else b""
    if carrier in ANSWERS:
        content_type, body = ANSWERS[carrier], _raw(text)
        start = b"HTTP/1.1 200 OK\r\n"
    else:
        content_type, body = BODIES[carrier](text, genome.each)
        start = b"POST /a HTTP/1.1\r\nHost: shop.example\r\n"
    length = len(body)
    body = gzip.compress(body, 6, mtime=0) if zipped else body
    kind = b"Content-Type: " + content_type + b"\r\n" if content_type else b""
    head = start + kind + coding + b"Content-Length: %d\r\n\r\n" % len(body)
    return Message(head, body, carrier in ANSWERS, length)


# ---------------------------------------------------------------------------------------------------------- changes

_RUNS: Final = (12, 40, 200)
SIZES: Final = (100_000,) * 6 + (400_000, 900_000)
_EACH: Final = (3, 8, 17, 30, 60, 120, 250, 600, 2_000, 8_000, 60_000)


@functools.cache
def _samples() -> tuple[str, ...]:
    """What rules and entities say that they find, one character a byte."""
    texts = [
        sample.text
        for file in sorted((_RULES / "sensitive").glob("*.yaml"))
        for entity in parse_entities(file.read_text("utf-8"), file.name)
        for sample in entity.hits
    ]
    texts += [
        sample.text
        for file in sorted((_RULES / "signatures").glob("*.yaml"))
        for rule in parse_rules(file.read_text("utf-8"), file.name)
        for sample in rule.hits
    ]
    return tuple(text.encode().decode("latin-1") for text in texts if len(text) > 3)


def _unit(chance: random.Random) -> str:
    """One of the units, sometimes a run of it: what matches one text in several ways is slow for runs alone. Or a piece of a sample:
    what begins like something and does not go on is tried most.
    """
    if chance.random() < 0.25:
        sample = chance.choice(_samples())
        start = chance.choice((0, 0, chance.randrange(len(sample) - 2)))
        return sample[start : start + chance.choice((4, 8, 12, 20, 40))]
    unit = chance.choice(_UNITS)
    return unit * chance.choice(_RUNS) if len(unit) < 3 and chance.random() < 0.3 else unit


def made_up(chance: random.Random, carrier: str = "") -> Genome:
    """A genome by chance."""
    return Genome(
        carrier or chance.choice(CARRIERS),
        tuple(_unit(chance) for _ in range(chance.choice((1, 1, 2, 2, 3, 4, 6, 9)))),
        chance.choice(_EACH),
        chance.random() < 0.4,
        chance.choice(SIZES),
        chance.randrange(1 << 30),
    )


def changed(genome: Genome, other: Genome, chance: random.Random) -> Genome:
    """A genome with one thing changed; `other` lends its units."""
    units = list(genome.units)
    match chance.randrange(8):
        case 0 | 1:
            units.insert(chance.randrange(len(units) + 1), _unit(chance))
        case 2 if len(units) > 1:
            del units[chance.randrange(len(units))]
        case 3:
            units[chance.randrange(len(units))] = _unit(chance)
        case 4:
            cut = chance.randrange(len(units) + 1)
            units = (units[:cut] + [*other.units][chance.randrange(len(other.units)) :])[:16]
        case 5:
            return genome._replace(each=chance.choice(_EACH))
        case 6:
            return genome._replace(shuffled=not genome.shuffled)
        case _:
            return genome._replace(carrier=chance.choice(CARRIERS))
    return genome._replace(units=tuple(units[:16]) or genome.units)
