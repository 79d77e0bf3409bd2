"""Confirmers: what decides between an attack and text that only looks like one.

A confirmer is a pure function `(value, span) -> Confidence | None`: `value` is one field in the decoded view in
which a pattern was found, `span` the bytes of it that fitted. Each knows one language and judges whether the value,
put where apps put values, becomes more than data there. Each is bounded in time whatever the value. Rules name
them by their key in `CONFIRMERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from waf.inspect.confirm import (
    code,
    filters,
    graphql,
    html,
    jndi,
    js,
    path,
    shell,
    shell_starts,
    sql,
    stands,
    template,
    url,
)
from waf.model import Confidence

Confirmer = Callable[[bytes, tuple[int, int]], Confidence | None]

CONFIRMERS: Final[dict[str, Confirmer]] = {
    "code": code.confirm,
    "crlf": filters.confirm_crlf,
    "csv": filters.confirm_csv,
    "css": html.confirm_css,
    "graphql": graphql.confirm,
    "html": html.confirm,
    "jndi": jndi.confirm,
    "js": js.confirm,
    "ldap": filters.confirm_ldap,
    "local": url.confirm_local,
    "mail": filters.confirm_mail,
    "nosql": filters.confirm_nosql,
    "path": path.confirm,
    "redirect": url.confirm_redirect,
    "redirect_parameter": url.confirm_away,
    "remote_include": url.confirm_include,
    "rfi": url.confirm_rfi,
    "script_url": html.confirm_url,
    "shell": shell.confirm,
    "sql": sql.confirm,
    "ssrf": url.confirm_ssrf,
    "stands": stands.confirm,
    "template": template.confirm,
    "whole": stands.confirm_whole,
    "xpath": filters.confirm_xpath,
}

OF_VALUE: Final = frozenset(
    {"graphql", "redirect", "redirect_parameter", "remote_include", "rfi", "sql", "xpath"}
)
"""Those whose answer depends on the value alone: the span need not be known, and one question a value is enough."""

READS_DOCUMENTS: Final = frozenset({"graphql", "shell", "sql", "template"})
"""Those that read on where others see at a glance that a document is none of their business."""

OF_DOCUMENT: Final = frozenset(
    {
        "code",
        "crlf",
        "css",
        "js",
        "ldap",
        "local",
        "mail",
        "nosql",
        "path",
        "shell",
        "ssrf",
        "stands",
        "template",
    }
)
"""The same for values that are documents (`shape.is_document`): most of these look for nothing in them."""

PLACES: Final[dict[str, Callable[[bytes, int], int]]] = {"jndi": jndi.places, "shell": shell_starts.places}
"""How many places are judged around a match that ends there, in a value that is no document: what most of an answer's cost is."""
