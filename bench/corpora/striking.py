"""Where each class of attack can strike at all: an XML entity needs an XML body, and a header cannot hold a line break."""

from __future__ import annotations

from typing import Final

from bench.corpora import requests

PLACES: Final[dict[str, tuple[str, ...]]] = {
    "xxe": ("xml-raw",),
    "ssrf": ("query", "form", "json", "multipart", "xml", "graphql"),
    "prototype": ("json-raw", "query-raw"),
    "crlf": ("query", "form", "json", "path"),
    "lfi": ("query", "form", "json", "path", "cookie", "multipart"),
}
# Of the further places those where a class cannot strike: a line break is no part of a header or name, a document of XML
# no cookie, and a URL in a Referer is what a Referer is.
_IN_HEADS = frozenset({"header", "user-agent", "referer", "x-header", "cookie-plain", "basic"})
_IN_NAMES = frozenset({"query-name", "form-name", "json-key", "multipart-name", "file-name"})
_NO_LINES = _IN_HEADS | _IN_NAMES | {"xml-attribute", "plain-text", "untyped", "grpc-web"}
NOT_AT: Final[dict[str, frozenset[str]]] = {
    "xxe": _NO_LINES - {"plain-text", "untyped"}
    | {"path", "path-raw", "cookie", "referer-query", "query-whole"},
    "crlf": _NO_LINES | {"xml", "xml-cdata", "multipart", "graphql", "graphql-inline"},
    "mail": _NO_LINES | {"graphql", "graphql-inline"},
    "ssrf": frozenset({"referer", "user-agent", "header", "path", "path-raw"}),
    "rfi": _IN_HEADS | {"path", "path-raw"},
    "redirect": _IN_HEADS
    | _IN_NAMES
    | {"path", "path-raw", "xml", "xml-attribute", "xml-cdata", "plain-text", "untyped"},
    "prototype": frozenset({*requests.PLACES, *requests.MORE_PLACES} - {"query-whole"}),
}
