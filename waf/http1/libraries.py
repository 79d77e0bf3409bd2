"""Libraries of content codings that need not be installed. They are imported when a body first needs them: most
sidecars never meet one, and each costs hundreds of KB.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from typing import Any


def has(name: str) -> bool:
    """True where the library is installed; it is not imported."""
    return importlib.util.find_spec(name) is not None


@functools.cache
def library(name: str) -> Any:
    """The library, imported. Raises ImportError where it is not installed."""
    return importlib.import_module(name)
