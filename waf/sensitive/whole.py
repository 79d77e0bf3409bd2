"""A body that is here whole, its hits settled in one call (`Judge.settle` in waf/_finder.c).

Owns what C is told of containers: how fields are named, and where digits may stand without quotes. `stream.Redactor` is the
reference; it also answers wherever `settled` says None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from waf.config.schema import SensitiveAction
from waf.sensitive.beside import settled_by
from waf.sensitive.candidates import Candidate
from waf.sensitive.containers import Container
from waf.sensitive.edits import Edit
from waf.sensitive.find import Finder, Hit, apart
from waf.sensitive.mask import Key
from waf.sensitive.orders import Orders
from waf.sensitive.places import Columns, named
from waf.sensitive.tally import MAX_PLACES, Tally
from waf.sensitive.views import View

MAX_NAMES: Final = 1024
LONGEST_NAME: Final = 256

# The numbers that C knows them by.
_ONE_NAME, _BY_LABEL, _BY_PATH, _BY_COLUMN = range(4)
_NO_RULE, _JSON_RULE, _MEMBER_RULE, _HTML_RULE, _ASK = range(5)

_RULES: Final = {
    Container.JSON: _JSON_RULE, Container.TEXT: _MEMBER_RULE, Container.MULTIPART: _MEMBER_RULE,
    Container.HTML: _HTML_RULE, Container.SCRIPT: _ASK,
}  # fmt: skip


class _Names(dict[bytes, str]):
    """Addresses of one container by what stands before a value. Bounded; names with a value in them are not kept."""

    def __init__(self, container: Container) -> None:
        super().__init__()
        self._container = container

    def __missing__(self, name: bytes) -> str:
        address = named(self._container, name.decode("utf-8", "replace").removeprefix("."))
        if len(name) <= LONGEST_NAME and "*" not in address:
            if len(self) >= MAX_NAMES:
                self.clear()
            self[name] = address
        return address


def _naming(container: Container) -> tuple[int, Any]:
    if container in (Container.HTML, Container.TEXT, Container.CSV):
        return _ONE_NAME, named(container, "")
    return _BY_PATH if container is Container.JSON else _BY_LABEL, _Names(container)


_GRAMMAR: Final = {
    container: (*_naming(container), _RULES.get(container, _NO_RULE)) for container in Container
}


def settled(
    finder: Finder,
    hits: list[Hit],
    seen: View,
    container: Container,
    columns: Columns | None,
    orders: Orders,
    key: Key,
    tally: Tally,
    edit: Callable[[Hit, int, int, SensitiveAction], Edit],
    *,
    enforce: bool,
) -> tuple[bytes, bool] | None:
    """The body as policy lets it go on, and whether policy wants it altered; counts go into `tally`, which is empty.

    None where the reference has to do it.
    """
    judge = finder.judge
    if judge is None or orders.blocks or tally:
        return None
    how, names, rule = _GRAMMAR[container]
    if columns is not None and columns.names:
        how, names = _BY_COLUMN, columns.places
    span = None if len(seen.text) == len(seen.raw) else seen.span
    return judge.settle(
        seen.text, seen.raw, span, settled_by(hits), how, names, orders.action, rule, enforce, edit, key.sketch,
        MAX_PLACES, tally.put,
    )  # fmt: skip


def hits_of(finder: Finder, seen: View, columns: Columns | None, found: list[Candidate]) -> list[Hit]:
    """The values in a body, and in its cells; `columns` have followed its first line."""
    text = seen.text
    if columns is None or not columns.names:
        return finder.find(text, found=found)
    hits = finder.find(text, field_at=columns, found=found)
    taken = {hit.start for hit in hits}
    cells = finder.find_cells(text, 0, len(text), columns.names, columns.separator, taken)
    return apart([*hits, *cells]) if cells else hits
