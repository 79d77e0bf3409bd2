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
SHEET: Final[Callable[[bytes, int], bytes | None] | None] = BODIES.json_sheet if BODIES else None
"""The sheet of a document."""
SCREEN: Final[Callable[[bytes, int, bytes | None, bytes | None], tuple[int, bytes] | None] | None] = (
    BODIES.json_screen if BODIES else None
)
"""What of a document two programs do not prove to be clean."""
FORM_SCREEN: Final[Callable[[bytes, int, bytes | None, bytes | None], tuple[int, bytes] | None] | None] = (
    BODIES.form_screen if BODIES else None
)
"""The same of a form."""


def json_lines(data: bytes, limits: Limits) -> BodyLines | None:
    """The fields of a strict document in lines."""
    told = None if BODIES is None else BODIES.json_lines(data, limits.fields)
    return None if told is None else (*told, Part.JSON, Part.JSON_KEY)


def form_lines(data: bytes, limits: Limits) -> BodyLines | None:
    """The fields of a urlencoded form in lines."""
    told = None if BODIES is None else BODIES.form_lines(data, 2 * limits.fields)
    return None if told is None else (*told, Part.FORM, Part.FORM_NAME)
