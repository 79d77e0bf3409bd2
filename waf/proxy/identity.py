"""Names for requests, drawn from the kernel's randomness in batches.

One id serves as request id and, where the client sent no `traceparent`, as the trace id of the one we make
(both are 16 random bytes as 32 hex digits), so that one search finds an exchange in events, traces and the
app's logs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

_BATCH: Final = 256
_BYTES: Final = 16


class Ids:
    """`draw()` gives the next id: 32 lower-case hex digits. Make it after a fork, not before."""

    __slots__ = ("_at", "_digits", "_random")

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._digits = ""  # of a batch
        self._at = 0  # of them are left

    def draw(self) -> str:
        if not self._at:
            self._digits = self._random(_BATCH * _BYTES).hex()
            self._at = 2 * _BYTES * _BATCH
        end = self._at
        self._at = end - 2 * _BYTES
        return self._digits[end - 2 * _BYTES : end]
