"""Bodies of the most ordinary form, read in C (`waf/_bodies.c`), where it was built.

Owns the choice whether C is asked at all. Wherever it gives None the parsers beside this module read the body; they are the
reference, and do everything with WAF_PURE_PYTHON set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Final

from waf.config.schema import Limits
from waf.inspect.bodies.parsed import BodyLines
from waf.model import Part


def _accelerators() -> ModuleType | None:
    if os.environ.get("WAF_PURE_PYTHON") or sys.byteorder != "little":  # as the programs of `prefilter` are
        return None
    try:
        from waf import _bodies
    except ImportError:
        return None
    return _bodies


BODIES: Final = _accelerators()
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
