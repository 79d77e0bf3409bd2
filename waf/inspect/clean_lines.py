"""Header lines in which nothing was found, remembered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from waf.http1.memo import Memo
from waf.model import HeaderLine

_CAPACITY: Final = 2048  # header lines
_ALL_OF_IT: Final = 512  # bytes of a header line that is remembered, at most
_SECRET: Final = re.compile(
    rb"auth|cookie|token|secret|key|session|csrf|xsrf|signature|password|credential|jwt|saml|assertion"
)
_FRESH: Final = frozenset(
    {
        b"traceparent", b"tracestate", b"x-request-id", b"x-correlation-id", b"content-length", b"if-none-match",
        b"if-modified-since", b"range", b"x-forwarded-for", b"date", b"x-amzn-trace-id", b"cf-ray",
    }
)  # fmt: skip
"""Headers with another value in every request: remembering them is of no use."""

_memorable: Final = Memo(
    lambda name: name not in _FRESH and _SECRET.search(name) is None, capacity=512, longest=64
)


class CleanLines:
    """Header lines in which nothing was found: browsers send the same ones again and again.

    Bounded, and never holds what may be secret: lines of cookies, credentials, tokens, and URLs with a query.
    """

    __slots__ = ("lines",)

    def __init__(self) -> None:
        self.lines: Final[set[HeaderLine]] = set()

    def unknown(self, lines: Sequence[HeaderLine]) -> list[HeaderLine]:
        known = self.lines
        return [line for line in lines if line not in known]

    def add(self, lines: Sequence[HeaderLine]) -> None:
        for line in lines:
            lower, _, value = line
            if len(value) <= _ALL_OF_IT and _memorable[lower] and b"?" not in value:
                if len(self.lines) >= _CAPACITY:
                    self.lines.clear()
                self.lines.add(line)
