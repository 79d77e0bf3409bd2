"""GraphQL operations: the document's size and nesting, its literals as fields.

Owns a tokenizer of the query language (GraphQL specification, October 2021, section 2.1) and its limits. Knows
nothing of schemas: variables are JSON and are read there.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Final

from waf.inspect.bodies.parsed import Collector, Notes
from waf.model import Part

MAX_DEPTH: Final = 20  # selection sets within one another; the usual introspection query has 13
MAX_ALIASES: Final = 30
MAX_SELECTIONS: Final = 1000
MAX_BATCH: Final = 20
MAX_TOKENS: Final = 20_000  # of one document that are looked at

_LOOKS_LIKE: Final = re.compile(
    r"\s*+(?:#[^\n]*+\s*+)*+(?:(?:query|mutation|subscription)\b[^{;]{0,1000}\{|fragment\s+\w+\s+on\s|\{\s*[\w.#])"
)
_LITERAL_OR_COMMENT: Final = (
    # A literal that is not closed ends with the text or the line: to look for its end from every quote is quadratic.
    r'"""(?P<block>[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+)(?:"""|\\?\Z)'
    r'|"(?P<text>[^"\\\n]*+(?:\\.[^"\\\n]*+)*+)(?P<end>"?)|#[^\n]*'
)
_LITERAL: Final = re.compile(_LITERAL_OR_COMMENT, re.S)
_TOKEN: Final = re.compile(
    _LITERAL_OR_COMMENT + r"|(?P<name>[A-Za-z_]\w*)|(?P<mark>[{}()\[\]:@$!=|&]|\.\.\.)", re.S
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


def check(document: Any, notes: Notes) -> None:
    """Notes limits that the request passes."""
    texts = queries(document)
    if len(texts) > MAX_BATCH:
        notes.add("limit.graphql-batch", Part.GRAPHQL, detail=f"{len(texts)} operations")
    for text in texts:
        check_text(text, notes)


def check_text(text: str, notes: Notes) -> None:
    """Notes what one document has more of than is allowed."""
    depth = deepest = arguments = aliases = selections = 0
    broken = False
    colon_may_alias = False
    for number, match in enumerate(_TOKEN.finditer(text)):
        if number >= MAX_TOKENS:
            selections = max(selections, MAX_SELECTIONS + 1)
            break
        kind = match.lastgroup
        if kind == "name":
            if depth and not arguments:
                selections += 1
            colon_may_alias = bool(depth) and not arguments
            continue
        mark = match[0] if kind == "mark" else ""
        if mark == "{" and not arguments:
            depth += 1
            deepest = max(deepest, depth)
        elif mark == "}" and not arguments:
            depth -= 1
            broken |= depth < 0
        elif mark == "(":
            arguments += 1
        elif mark == ")":
            arguments -= 1
            broken |= arguments < 0
        elif kind == "end" and not match["end"]:
            broken = True
        elif mark == ":" and colon_may_alias:
            aliases += 1
            selections -= 1  # alias and field are one selection
        colon_may_alias = False
    if deepest > MAX_DEPTH:
        notes.add("limit.graphql-depth", Part.GRAPHQL, detail=f"{deepest} levels")
    if aliases > MAX_ALIASES:
        notes.add("limit.graphql-aliases", Part.GRAPHQL, detail=f"{aliases} aliases")
    if selections > MAX_SELECTIONS:
        notes.add("limit.graphql-fields", Part.GRAPHQL, detail=f"{selections} selections")
    if broken or depth or arguments:
        notes.add("protocol.graphql-syntax", Part.GRAPHQL)


_ESCAPE: Final = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))')
_PLAIN: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def collect(text: str, into: Collector) -> None:
    """The document as one field, and each string literal in it as another, unescaped."""
    into.add(Part.GRAPHQL, "", _bytes(text))
    for match in islice(_LITERAL.finditer(text), MAX_TOKENS):
        literal = match["text"] if match["block"] is None else match["block"]
        if literal:
            plain = _ESCAPE.sub(_unescaped, literal) if "\\" in literal else literal
            into.add(Part.GRAPHQL, "literal", _bytes(plain))


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _PLAIN.get(match[2], match[2])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
