"""What was read in more than one way: a body as a form and as text, a document in a string and its literals.

Owns how much of it is looked at. Few ordinary bodies have much of it, and then few matches; made to keep us busy one has it three times.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from waf.inspect.bodies.parsed import Notes
from waf.inspect.effort import PER_COPIED, Effort
from waf.inspect.hits import Scan
from waf.inspect.search import Searcher
from waf.model import HEAD_PARTS, Field

_MOST: Final = 16 * 1024  # bytes that may always be read more than once
_FEW: Final = 1_000  # matches that do no harm, whatever else the budget was spent for


def look(
    searcher: Searcher, fields: Sequence[Field], length: int, effort: Effort, notes: Notes
) -> tuple[Sequence[Field], Scan]:
    """The fields that are searched, and a look at all of them; `length` is that of the message, in bytes.

    All are, unless there is much that was read more than once, and what comes before it has so many matches that there would be no budget
    for all: then that is told, and the rest is left out, as it was looked at in another form.
    """
    values = [field.value for field in fields]
    heads = heads_of(fields)
    sizes = [*accumulate(map(len, values))]
    if not values or sizes[-1] - length <= _MOST:
        return fields, searcher.scan_all(values, heads)
    first = next(number for number, size in enumerate(sizes, 1) if size * 4 >= length * 3)
    if 1 < first == len(values) and len(values[-1]) >= sizes[-1] - length:
        first -= 1  # the last is all that was read more than once, however much of the message is syntax
    scan = searcher.scan_all(values[:first], heads)
    if first == len(values):
        return fields, scan
    matches = len(scan.matches) * sizes[-1] // sizes[first - 1]
    copied = (sizes[-1] - length) // PER_COPIED
    dense = matches > _FEW and (matches > effort.left // 2 or matches + copied > effort.left // 4 * 3)
    if scan.overflow or dense:
        notes.add("limit.matches")
        return fields[:first], scan
    other = searcher.scan_all(values[first:], max(heads - first, 0))
    return fields, beside(scan, other, sizes[first - 1] + first)


def heads_of(fields: Sequence[Field]) -> int:
    """So many of the first fields may be of a message's head; all behind them are of its body."""
    for number in range(len(fields), 0, -1):
        if fields[number - 1].part in HEAD_PARTS:
            return number
    return 0


def beside(scan: Scan, other: Scan, offset: int) -> Scan:
    """A look at values that are joined, out of looks at the first and the others, which begin at the offset."""
    spots = None
    if scan.spots is not None and other.spots is not None:
        spots = [*scan.spots, *[(bit, place + offset) for bit, place in other.spots]]
    return Scan(
        [*scan.matches, *[(index, end + offset) for index, end in other.matches]],
        scan.steps | other.steps,
        spots,
        scan.overflow or other.overflow,
    )
