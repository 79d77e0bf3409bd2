"""A body that is here whole, searched and settled in one call (`Judge.screen` in waf/_finder.c).

Owns what C is told of containers: how fields are named, and where digits may stand without quotes. `stream.Redactor` is the
reference; it also answers wherever `settled` says None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from waf.config.schema import SensitiveAction
from waf.sensitive.candidates import Candidate
from waf.sensitive.containers import Container
from waf.sensitive.edits import Edit
from waf.sensitive.find import Finder, Hit
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
    found: list[Candidate],
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

    `found` are the candidates in the body; `columns` have followed its first line. None where the reference has to do it.
    """
    judge = finder.judge
    if judge is None or orders.blocks or tally:
        return None
    how, names, rule = _GRAMMAR[container]
    text = seen.text
    span = None if len(text) == len(seen.raw) else seen.span
    told = orders.action, orders.everywhere
    table: tuple[tuple[bytes, ...], bytes] | None = None
    cells: tuple[tuple[int, tuple[int, ...]], ...] = ()
    if columns is not None and columns.names:
        how, names, table = _BY_COLUMN, columns.places, columns.table
        led = finder.cells_led(columns.names)
        if led is None:
            return None
        cells = led
    body, would, counts = judge.screen(
        text,
        table,
        cells,
        found,
        seen.raw,
        span,
        how,
        names,
        told,
        rule,
        enforce,
        edit,
        key.sketch,
        MAX_PLACES,
    )
    tally.take(counts)
    return body, would
