"""Fields of JSON documents that were read: keys by their paths, scalars, what strings hold that are JSON themselves.

Owns the walk that knows places; for documents of the most ordinary form C has one of its own (`waf/_bodies_lines.h`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from waf.inspect.bodies import graphql
from waf.inspect.bodies.json_values import Pairs, as_bytes, nested, values
from waf.inspect.bodies.parsed import Collector, Notes
from waf.model import Field, Kind, Part

_VALUE: Final = Part.JSON
_KEY: Final = Part.JSON_KEY


def fields_of(
    documents: list[Any], notes: Notes, operations: Sequence[Any] = (), rest: bytes = b""
) -> list[Field]:
    """Fields of documents and of those among them that are requests of GraphQL; `rest` is to be inspected raw."""
    into = Collector(notes)
    for number, document in enumerate(documents):
        if into.full:
            into.keep(values(documents[number:], True))
            break
        collect(document, into)
    for operation in operations:
        for text in graphql.queries(operation):
            graphql.collect(text, into)
    if rest:
        into.add_raw(rest)
    return into.done()


def collect(document: Any, into: Collector, prefix: str = "", inner: bool = False) -> None:
    """Fields of a document in its order: each key once by its path, each scalar, each empty container."""
    keys: set[str] = set()
    stack: list[tuple[str, Any, str | None]] = [(prefix, document, None)]
    add = into.add
    while stack:
        if into.left <= 0:
            # Names of what comes are of no use any more.
            rest = reversed(stack)
            into.keep(values([value if key is None else {key: value} for _, value, key in rest], not inner))
            return
        path, value, key = stack.pop()
        if key is not None and path not in keys:
            keys.add(path)
            add(_KEY, path, as_bytes(key))
        kind = type(value)
        if kind is str:
            add(_VALUE, path, as_bytes(value))
            if not inner and value[:1] in ("{", "[") and (within := nested(value)) is not None:
                collect(within, into, f"{path}{{}}", inner=True)
        elif kind is dict or kind is Pairs:
            pairs = value.items() if kind is dict else value
            if not pairs:
                add(_VALUE, path, b"{}", kind=Kind.OBJECT)
            lead = f"{path[:1000]}." if path else ""
            if len(pairs) > into.left:  # each makes a field at least: of those behind no names are wanted
                pairs = list(pairs)
                stack.append((path, Pairs(pairs[into.left :]), None))
                pairs = pairs[: into.left]
            stack += [(lead + name, child, name) for name, child in reversed(pairs)]
        elif kind is list:
            if not value:
                add(_VALUE, path, b"[]", kind=Kind.ARRAY)
            place = f"{path}[]"
            if len(value) > into.left:
                stack.append((path, value[into.left :], None))
                value = value[: into.left]
            stack += [(place, child, None) for child in reversed(value)]
        elif value is None:
            add(_VALUE, path, b"null", kind=Kind.NULL)
        elif kind is bool:
            add(_VALUE, path, b"true" if value else b"false", kind=Kind.BOOL)
        else:
            add(_VALUE, path, str(value).encode(), kind=Kind.NUMBER)
