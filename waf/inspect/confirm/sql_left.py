"""Literals of SQL that a value leaves in a way of its own: between dollars, and for further columns of an update.

Owns these questions alone. The values are in lower case and in plain words and signs (see `sql_plain.py`).
"""

from __future__ import annotations

import re
from typing import Final

from waf.inspect.confirm.sql_reduction import shape_of
from waf.inspect.confirm.sql_shapes import behind

_DOLLARS: Final = re.compile(rb"[^'\"$]{0,80}\$(?:[a-z]\w{0,12})?\$\s*+(?=\|\||;|\)|union\b|and\b|or\b)")
SETS: Final = re.compile(
    rb"[^'\"=(),:]{0,40}(['\"])\s?(?:,\s?[a-z_]\w{0,30}\s?=\s?(?:\1[^'\"]{0,60}\1|\d{1,12}|true|false|null)\s?){0,8}"
    rb",\s?[a-z_]\w{0,30}\s?=\s?\1[^'\"]{0,24}\Z"
)
"""', role='admin', bio=': columns that are set, and the last is left for the app's own quote."""


def leaves_dollars(value: bytes) -> bool:
    """$$ || (select version()) || $$: the first pair of dollars ends PostgreSQL's literal, and SQL goes on that cannot be chance."""
    left = _DOLLARS.match(value)
    if left is None:
        return False
    told = behind(shape_of(value[left.end() :])[0])
    return told.acts and told.sure
