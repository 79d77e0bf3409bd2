"""Where the cells of a table are. Knows nothing of what is in them."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=256)
def column(number: int, separator: bytes) -> re.Pattern[bytes]:
    """The cell of that number in every line that has no quotes; of three characters at least, as shorter ones say
    nothing.
    """
    mark = re.escape(separator)
    before = rb"(?:[^%b\n]*+%b){%d}" % (mark, mark, number)
    return re.compile(rb"^%b([^%b\r\n]{3,}+)" % (before, mark), re.MULTILINE)


def cells_of(text: bytes, start: int, end: int, separator: bytes) -> list[tuple[int, int]]:
    """The spans of a line's cells (RFC 4180), quotes included."""
    cells = []
    place = start
    while place <= end:
        stop = place
        if text[place : place + 1] == b'"':
            stop = text.find(b'"', place + 1, end)
            while stop >= 0 and text[stop + 1 : stop + 2] == b'"':
                stop = text.find(b'"', stop + 2, end)
            stop = end if stop < 0 else stop
        stop = text.find(separator, stop, end)
        stop = end if stop < 0 else stop
        cells.append((place, stop))
        place = stop + 1
    return cells
