"""A body, or a piece of one, searched and settled in one call (`Judge.screen` in waf/_finder.c).

Owns what C is told of containers and of pieces. `stream.Redactor` is the reference; it also answers wherever a call here
gives None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from waf.config.schema import SensitiveAction
from waf.sensitive.candidates import Candidate
from waf.sensitive.containers import Container
from waf.sensitive.edits import Edit
from waf.sensitive.find import Finder
from waf.sensitive.hits import Hit
from waf.sensitive.mask import Key
from waf.sensitive.orders import Orders
from waf.sensitive.places import Columns
from waf.sensitive.tally import MAX_PLACES, Tally
from waf.sensitive.views import View
from waf.sensitive.whereabouts import BY_COLUMN, GRAMMAR, Grammar

# The numbers that C knows them by.
_NO_RULE, _JSON_RULE, _MEMBER_RULE, _HTML_RULE, _SCRIPT_RULE = range(5)
FINAL, IDLE, IN_SCRIPT = 1, 2, 4
"""Flags of a piece: nothing follows, there is a pause, and mark-up before it was in a script."""

_RULES: Final = {
    Container.JSON: _JSON_RULE, Container.TEXT: _MEMBER_RULE, Container.MULTIPART: _MEMBER_RULE,
    Container.HTML: _HTML_RULE, Container.SCRIPT: _SCRIPT_RULE,
}  # fmt: skip

Path = tuple[list[str], str, bool, int, int]
"""Where in a JSON body we are: see `whereabouts.Whereabouts.path`."""


class Terms(msgspec.Struct, frozen=True):
    """What holds for all of a body; its key, what policy wants, and what writes all that is no mask."""

    finder: Finder
    container: Container
    orders: Orders
    key: Key
    edit: Callable[[Hit, int, int, SensitiveAction], Edit]
    enforce: bool


class Piece(msgspec.Struct, frozen=True):
    """Which part of what is viewed is to go: `offset` to `limit`, in bytes of the body; `floor` and `ceiling` are places of the text.

    `passed` bytes have gone before. `seen` holds where values stood that others count beside, and is changed. `where` gives the path.
    """

    offset: int
    limit: int
    floor: int
    ceiling: int
    passed: int
    flags: int
    seen: dict[str, int]
    where: Callable[[], Path | None]


def settled(terms: Terms, seen: View, found: list[Candidate], tally: Tally) -> tuple[bytes, bool] | None:
    """A whole body as policy lets it go on, and whether policy wants it altered; counts go into `tally`.

    `found` are the candidates in the body. None where the reference has to do it.
    """
    columns = None
    grammar = GRAMMAR[terms.container]
    if terms.container is Container.CSV:
        columns = Columns()
        columns.follow(seen.raw[: seen.raw.find(b"\n") + 1])
        if columns.names:
            grammar = Grammar(BY_COLUMN, columns.places)
    done: tuple[bytes, bool] | None = _screened(terms, seen, found, tally, grammar, columns, None)
    return done


def settled_piece(
    terms: Terms,
    seen: View,
    found: list[Candidate],
    tally: Tally,
    grammar: Grammar,
    columns: Columns | None,
    piece: Piece,
) -> tuple[bytes, bool, int, Path | None] | None:
    """What of a piece goes on, whether policy wants it altered, how many bytes it stands for, and the path if that was followed.

    None where the reference has to do it; then nothing was counted.
    """
    told = (
        piece.offset, piece.limit, piece.floor, piece.ceiling, piece.passed, piece.flags, piece.seen,
        terms.finder.lasting, piece.where,
    )  # fmt: skip
    done: tuple[bytes, bool, int, Path | None] | None = _screened(
        terms, seen, found, tally, grammar, columns, told
    )
    return done


def _screened(
    terms: Terms,
    seen: View,
    found: list[Candidate],
    tally: Tally,
    grammar: Grammar,
    columns: Columns | None,
    piece: Any,
) -> Any:
    judge = terms.finder.judge
    orders = terms.orders
    if judge is None or orders.blocks:
        return None
    table: tuple[tuple[bytes, ...], bytes] | None = None
    cells: tuple[tuple[int, tuple[int, ...]], ...] = ()
    if columns is not None and columns.names:
        table = columns.table
        led = terms.finder.cells_led(columns.names)
        if led is None:
            return None
        cells = led
    done = judge.screen(
        seen,  # type: ignore[arg-type]  # where there is a judge, C makes the views
        table,
        cells,
        found,
        grammar.how,
        grammar.names,
        (orders.action, orders.everywhere),
        _RULES.get(terms.container, _NO_RULE),
        terms.enforce,
        terms.edit,
        terms.key.sketch,
        MAX_PLACES,
        tally.counts,
        piece,
    )
    if done is not None and tally.counts:
        tally.recount()
    return done
