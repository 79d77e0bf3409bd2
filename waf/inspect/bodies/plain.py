"""Bodies of the most ordinary form, read in C (`waf/_bodies.c`), where it was built.

Wherever C gives None the parsers beside this module read the body; they are the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from waf.config.schema import Limits
from waf.inspect.bodies.parsed import BodyLines
from waf.inspect.native import BODIES
from waf.model import Part

SHEET: Final[Callable[[bytes, int], tuple[bytes, bool] | None] | None] = BODIES.json_sheet if BODIES else None
"""The sheet of a document, and whether a value of it has escapes."""
SCREEN: Final[Callable[[bytes, int, bytes | None, bytes | None], tuple[int, bytes] | None] | None] = (
    BODIES.json_screen if BODIES else None
)
"""What of a document two programs do not prove to be clean."""
FORM_SCREEN: Final[Callable[[bytes, int, bytes | None, bytes | None], tuple[int, bytes] | None] | None] = (
    BODIES.form_screen if BODIES else None
)
"""The same of a form."""


_WHAT: Final = 3
_THE_REST: Final = 2  # as in waf/_bodies_lines.h


def json_lines(data: bytes, limits: Limits) -> BodyLines | None:
    """The fields of a strict document in lines."""
    told = None if BODIES is None else BODIES.json_lines(data, limits.fields)
    return None if told is None else (*told, Part.JSON, Part.JSON_KEY, Part.BODY)


def has_more(data: bytes, most: int) -> bool | None:
    """Whether a strict document has more fields than `most`."""
    told = None if BODIES is None else BODIES.json_lines(data, most)
    return None if told is None else bool(told[1]) and memoryview(told[1]).cast("i")[-1] & _WHAT == _THE_REST


def form_lines(data: bytes, limits: Limits) -> BodyLines | None:
    """The fields of a urlencoded form in lines."""
    told = None if BODIES is None else BODIES.form_lines(data, 2 * limits.fields)
    return None if told is None else (*told, Part.FORM, Part.FORM_NAME, Part.BODY)
