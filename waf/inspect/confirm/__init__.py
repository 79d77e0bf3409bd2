"""Confirmers: what decides between an attack and text that only looks like one.

A confirmer is a pure function `(value, span) -> Confidence | None`: `value` is one field in the decoded view in
which a pattern was found, `span` the bytes of it that fitted. Each knows one language and judges whether the value,
put where apps put values, becomes more than data there. Each is bounded in time whatever the value. Rules name
them by their key in `CONFIRMERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from waf.inspect.confirm import html, js, path, shell, sql, template
from waf.model import Confidence

Confirmer = Callable[[bytes, tuple[int, int]], Confidence | None]

CONFIRMERS: Final[dict[str, Confirmer]] = {
    "html": html.confirm,
    "css": html.confirm_css,
    "script_url": html.confirm_url,
    "js": js.confirm,
    "path": path.confirm,
    "shell": shell.confirm,
    "sql": sql.confirm,
    "template": template.confirm,
}
