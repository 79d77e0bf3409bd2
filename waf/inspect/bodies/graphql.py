"""GraphQL operations: the document's size and nesting, its literals as fields.

Owns a tokenizer of the query language (GraphQL specification, October 2021, section 2.1) and its limits. Knows
nothing of schemas: variables are JSON and are read there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

from waf.inspect.bodies.parsed import Collector, Notes
from waf.inspect.native import BODIES
from waf.model import Part

MAX_DEPTH: Final = 20  # selection sets within one another; the usual introspection query has 13
MAX_ALIASES: Final = 30
MAX_SELECTIONS: Final = 1000
MAX_BATCH: Final = 20
MAX_TOKENS: Final = 20_000  # of one document that are looked at
GUESSES: Final = 5
"""Of what is asked with a secret, and answers whether that was right."""
GUESSED: Final = re.compile(
    rb"log_?in|sign_?in|authenticat|verif|otp|pin\b|passw|mfa|2fa|two_?factor|redeem|coupon|voucher|gift_?card",
    re.I,
)
_CALLED: Final = re.compile(rb"\b(?:query|mutation|subscription)\s+\w+|[{\s,:](\w{1,60})\s{0,4}\(")
"""A field with arguments; the name of an operation asks for nothing."""
_OPENING: Final = 2048  # bytes of an operation in which what it asks for is looked for

_LOOKS_LIKE: Final = re.compile(
    r"\s*+(?:#[^\n]*+\s*+)*+(?:(?:query|mutation|subscription)\b[^{;]{0,1000}\{|fragment\s+\w+\s+on\s|\{\s*[\w.#])"
)
_LITERAL_OR_COMMENT: Final = (
    # A literal that is not closed ends with the text or the line: to look for its end from every quote is quadratic.
    rb'"""(?P<block>[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+)(?:"""|\\?\Z)'
    rb'|"(?P<text>[^"\\\n]*+(?:\\.[^"\\\n]*+)*+)(?P<end>"?)|#[^\n]*'
)
_LITERAL: Final = re.compile(_LITERAL_OR_COMMENT, re.S)
_TOKEN: Final = re.compile(
    _LITERAL_OR_COMMENT + rb"|(?P<name>[A-Za-z_]\w*)|(?P<mark>[{}()\[\]:@$!=|&]|\.\.\.)", re.S
)


def looks_like(text: str) -> bool:
    """Begins as a GraphQL document does."""
    return _LOOKS_LIKE.match(text) is not None


def is_operation(document: Any) -> bool:
    """A JSON document that is a GraphQL request, or a batch of them (GraphQL over HTTP)."""
    if type(document) is dict:
        query = document.get("query")
        return type(query) is str and looks_like(query)
    return (
        type(document) is list
        and bool(document)
        and all(type(item) is dict and is_operation(item) for item in document)
    )


def queries(document: Any) -> list[str]:
    """The query texts of a request or a batch."""
    return [item["query"] for item in document] if type(document) is list else [document["query"]]


def all_literals(document: Any) -> list[bytes]:
    """What the literals of all query texts say."""
    return [literal for text in queries(document) for literal in literals(_bytes(text), MAX_TOKENS)]


def check(document: Any, notes: Notes) -> None:
    """Notes limits that the request passes."""
    texts = queries(document)
    if len(texts) > MAX_BATCH:
        notes.add("limit.graphql-batch", Part.GRAPHQL, detail=f"{len(texts)} operations")
    if len(texts) >= GUESSES and (name := guessed([_bytes(text) for text in texts])):
        notes.add("limit.graphql-guesses", Part.GRAPHQL, detail=name)
    for text in texts:
        check_text(text, notes)


def guessed(texts: Sequence[bytes]) -> str:
    """What `GUESSES` or more operations of a batch ask with a secret; "" for nothing."""
    asked: Counter[bytes] = Counter()
    for text in texts:
        asked.update(set(_CALLED.findall(_LITERAL.sub(b'""', text[:_OPENING]))))
    for name, count in asked.items():  # names of operations are empty here
        if count >= GUESSES and GUESSED.search(name):
            return name.decode()
    return ""


def check_text(text: str, notes: Notes) -> None:
    """Notes what one document has more of than is allowed."""
    deepest, aliases, selections, broken = counts(_bytes(text), MAX_TOKENS)
    if deepest > MAX_DEPTH:
        notes.add("limit.graphql-depth", Part.GRAPHQL, detail=f"{deepest} levels")
    if aliases > MAX_ALIASES:
        notes.add("limit.graphql-aliases", Part.GRAPHQL, detail=f"{aliases} aliases")
    if selections > MAX_SELECTIONS:
        notes.add("limit.graphql-fields", Part.GRAPHQL, detail=f"{selections} selections")
    elif selections < 0:
        notes.add("limit.graphql-fields", Part.GRAPHQL, detail=f"more than {MAX_TOKENS} tokens")
    if broken:
        notes.add("protocol.graphql-syntax", Part.GRAPHQL)


def read_counts(text: bytes, most: int) -> tuple[int, int, int, bool]:
    """How many selection sets stand within one another, aliases, selections, and whether the grammar is not followed.

    Of more tokens than `most` there are -1 selections. In C: `waf/_bodies_graphql.h`.
    """
    depth = deepest = arguments = aliases = selections = 0
    broken = False
    colon_may_alias = False
    for number, match in enumerate(_TOKEN.finditer(text)):
        if number >= most:
            selections = -1
            break
        kind = match.lastgroup
        if kind == "name":
            if depth and not arguments:
                selections += 1
            colon_may_alias = bool(depth) and not arguments
            continue
        mark = match[0] if kind == "mark" else b""
        if mark == b"{" and not arguments:
            depth += 1
            deepest = max(deepest, depth)
        elif mark == b"}" and not arguments:
            depth -= 1
            broken |= depth < 0
        elif mark == b"(":
            arguments += 1
        elif mark == b")":
            arguments -= 1
            broken |= arguments < 0
        elif kind == "end" and not match["end"]:
            broken = True
        elif mark == b":" and colon_may_alias:
            aliases += 1
            selections -= 1  # alias and field are one selection
        colon_may_alias = False
    return deepest, aliases, selections, bool(broken or depth or arguments)


counts: Final[Callable[[bytes, int], tuple[int, int, int, bool]]] = (
    read_counts if BODIES is None else BODIES.graphql_counts
)

_ESCAPE: Final = re.compile(rb'\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))')
_PLAIN: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def collect(text: str, into: Collector) -> None:
    """The document as one field, and each string literal in it as another, unescaped."""
    document = _bytes(text)
    into.add(Part.GRAPHQL, "", document)
    found = literals(document, MAX_TOKENS)
    for number, literal in enumerate(found):
        if into.full:
            into.keep(dict.fromkeys(found[number:]))
            break
        into.add(Part.GRAPHQL, "literal", literal)


def read_literals(text: bytes, most: int) -> list[bytes]:
    """What literals say, but for empty ones; no more than `most` of them and of comments are looked at.

    In C: `waf/_bodies_graphql.h`.
    """
    found = []
    for match in islice(_LITERAL.finditer(text), most):
        literal = match["text"] if match["block"] is None else match["block"]
        if literal:
            found.append(_ESCAPE.sub(_unescaped, literal) if b"\\" in literal else literal)
    return found


literals: Final[Callable[[bytes, int], list[bytes]]] = (
    read_literals if BODIES is None else BODIES.graphql_literals
)


def _unescaped(match: re.Match[bytes]) -> bytes:
    return _bytes(chr(int(match[1], 16))) if match[1] else _PLAIN.get(match[2], match[2])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
