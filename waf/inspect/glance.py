"""A first look at all values of a body in one text, which for most bodies is the last.

Owns what is few enough to be looked at without making the body's fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import structs

from waf.http1.speed import SIFT
from waf.inspect.bodies.parsed import MARK, Sheet
from waf.inspect.hits import Scan
from waf.inspect.search import Searcher
from waf.model import Field

MAX_SUSPECTS: Final = 256  # values of a sheet that are looked at one by one before all of its fields are made
_MUCH: Final = 8 * 1024  # bytes of such values that would be dear to look at twice
_MANY: Final = 64  # matches in a sheet that are no accident: its fields are made at once
_MANY_SPOTS: Final = 512  # the same of places that some step may change
_PIECE: Final = 8 * 1024  # bytes of a sheet that are tried before it is told whether all of it pays
_LONG: Final = 8 * _PIECE  # bytes of one of which a piece costs little


def glance(
    searcher: Searcher, sheet: Sheet, matched: Callable[[Scan], list[int]]
) -> tuple[Scan, dict[bytes, int]] | bool:
    """False: nothing is to be found in a body with this sheet. True: only its fields tell. Else the values that must be
    looked at, each with the bits of steps that might change it, and a scan of them.

    `matched` gives the offsets behind the matches of a scan that count.
    """
    if SIFT is not None and searcher.program is not None:
        # What is proved to be clean by itself needs no scan, and nothing in it belongs to what is left.
        left = unproved(SIFT, searcher.program, sheet.text)
        if not left:
            return False
        sheet = structs.replace(sheet, text=left)
    text, piece = sheet.text, b""
    if len(text) > _LONG:
        # What is full of places and of matches is looked at once, with the fields; so is a value that is much by itself.
        end = text.find(MARK, _PIECE)
        short = 0 < end < 2 * _PIECE
        piece = text[: end if short else _PIECE]
        spots = searcher.hints.look(piece)[1]
        if spots is None or len(spots) * len(text) > 2 * _MANY_SPOTS * len(piece):
            return True
        if not short:
            begin, piece = piece.rfind(MARK) + 1, b""
            if any(place > begin for _, place in spots):
                return True
    hinted = searcher.hints.look(text)
    spots = hinted[1]
    if spots is None or len(spots) > _MANY_SPOTS or sum(map(len, sheet.around((), spots))) > _MUCH:
        return True
    if piece:
        first = searcher.scan(piece, (0, []), head=0)
        if first.overflow or len(matched(first)) * len(text) > 2 * _MANY * len(piece):
            return True
    scan = searcher.scan(sheet.text, hinted, head=0)
    if not scan:
        return False
    if scan.spots is None or scan.overflow:
        return True
    offsets = matched(scan)
    if len(offsets) > _MANY:
        return True
    values = sheet.around(offsets, scan.spots)
    if len(values) > MAX_SUSPECTS or sum(map(len, values)) > _MUCH:
        return True
    scan = searcher.scan_again([*values], [*values.values()], bool(offsets))
    return False if searcher.idle([*values], scan) else (scan, values)


def proved(searcher: Searcher, values: Sequence[Field]) -> tuple[bool, Sheet | None]:
    """Of fields for which there is no sheet: whether all are proved to be clean; and one of those that are not, where it is short."""
    text = MARK.join([field.value for field in values])
    if SIFT is None or searcher.program is None or text.count(MARK) != len(values) - 1:
        return not values, None
    left = unproved(SIFT, searcher.program, text)
    if not left:
        return True, None
    if len(left) > _PIECE and 2 * len(left) > len(text):
        return False, None
    coded = any(field.raw is not None for field in values)
    return False, Sheet(left, tuple({field.part for field in values}), coded)


def unproved(sift: Callable[[bytes | None, bytes], bytes], program: bytes, text: bytes) -> bytes:
    """Of values with marks between them those that the program does not let pass, with marks between them.

    To prove a value costs half of what the search does, so that it pays where half of the bytes pass: told after each piece,
    as long as that holds of all before. A value longer than a piece is left, since hardly any such passes.
    """
    if len(text) <= _PIECE:
        return sift(program, text)
    left: list[bytes] = []
    start = kept = 0
    while start < len(text) and 2 * kept <= start:
        end = text.find(MARK, start + _PIECE)
        end = len(text) if end < 0 else end
        values = text[start:end]
        if len(values) <= 2 * _PIECE:
            values = sift(program, values)
        if values:
            left.append(values)
            kept += len(values)
        start = end + 1
    if start < len(text):
        left.append(text[start:])
    return MARK.join(left)
