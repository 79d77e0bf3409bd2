"""How values are made unreadable: the same length, the separators kept, in place.

A mask is a function from a value to a value of the same length that holds less. "*" stands for each hidden letter or
digit; containers that allow no star (a bare JSON number) pass another fill. PCI DSS 3.4.1 allows the BIN and the last
four digits of a card number at most.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_FORMAT: Final = re.compile(r"(?:first(\d+))?(?:last(\d+))?")
_KEEPABLE: Final = re.compile(rb"[A-Za-z0-9]")
_LEAST_HIDDEN: Final = 4  # a mask that would hide fewer characters keeps the last ones only, then none


def masked(value: bytes, format: str, fill: bytes = b"*") -> bytes:
    """`value` in the mask `format` of an entity file; as long as it was. `fill` is one byte."""
    if format == "everything":
        return fill * len(value)
    if format == "email":
        return _email(value, fill)
    first, last = _kept(format)
    places = [m.start() for m in _KEEPABLE.finditer(value)]
    hidden = len(places) - first - last
    if hidden < _LEAST_HIDDEN:
        first, hidden = 0, len(places) - last
        if hidden < _LEAST_HIDDEN:
            last, hidden = 0, len(places)
    out = bytearray(value)
    for place in places[first : first + hidden]:
        out[place] = fill[0]
    return bytes(out)


@lru_cache(maxsize=64)
def _kept(format: str) -> tuple[int, int]:
    if format == "all":
        return 0, 0
    match = _FORMAT.fullmatch(format)
    assert match is not None, "mask formats are checked when entities are read"
    return int(match[1] or 0), int(match[2] or 0)


def _email(value: bytes, fill: bytes) -> bytes:
    """j***@d***.tld: first characters and the top-level domain stay."""
    local, at, domain = value.rpartition(b"@")
    name, dot, tld = domain.rpartition(b".")
    return b"".join((local[:1], fill * (len(local) - 1), at, name[:1], fill * (len(name) - 1), dot, tld))
