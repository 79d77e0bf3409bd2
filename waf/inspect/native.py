"""What is written in C of this room (`waf/_bodies.c`, `waf/_search.c`, `waf/_views.c`, `waf/_sql.c`,
`waf/_shell.c`), where it was built.

Owns the choice whether C is asked at all. The functions in Python beside each use are the reference, and do everything
with WAF_PURE_PYTHON set.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Final

from waf.inspect import layers


def _module(name: str) -> ModuleType | None:
    if os.environ.get("WAF_PURE_PYTHON") or sys.byteorder != "little":
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _views() -> ModuleType | None:
    views = _module("waf._views")
    if views is not None:
        forms = {point: form.encode() for point, form in layers.PLAIN_FORMS.items()}
        views.learn(layers.NAMED, forms)
    return views


BODIES: Final = _module("waf._bodies")
"""Bodies: documents, forms, tokens of GraphQL."""
SEARCH: Final = _module("waf._search")
"""Matches and hints."""
SHELL: Final = _module("waf._shell")
"""Where shells begin commands."""
SQL: Final = _module("waf._sql")
"""The tokens of SQL."""
VIEWS: Final = _views()
"""The steps of decoding, by the names of their references in `layers` and `folds`."""
unpercent: Final[Callable[[bytes], bytes]] = layers.unpercent if VIEWS is None else VIEWS.unpercent
unform: Final[Callable[[bytes], bytes]] = layers.unform if VIEWS is None else VIEWS.unform
"""The one part of a step that others want by itself: see `layers`."""
