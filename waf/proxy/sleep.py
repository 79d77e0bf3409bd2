"""The one point at which a turn sleeps. Apart from `turn`, which is compiled: there it would be wrapped in Python."""

from __future__ import annotations

import types
from collections.abc import Generator


@types.coroutine
def asleep() -> Generator[None, None, None]:
    """Give the thread back to whoever woke us; returns at the next `send`."""
    yield
