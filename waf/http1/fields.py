"""Field lines: the bytes between start line and blank line to `Headers`, with each name lower-cased once.

Expects bytes that passed the grammar. Owns what several lines of one name mean: refused, joined, or left
as they are. Knows nothing of what the headers say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from waf.http1.headers import JOINED, REPEATING, REQUEST_ONCE, RESPONSE_ONCE, is_twin
from waf.http1.memo import Memo
from waf.model import HeaderLine, Headers


class FieldFault(Exception):
    """Field lines that contradict each other; `rule` is the id without its prefix."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule: Final = rule


_DOUBLES: Final = {
    b"host": "host-duplicate",
    b"content-length": "content-length-duplicate",
    b"transfer-encoding": "transfer-encoding-duplicate",
}


def _request_name(name: bytes) -> bytes:
    lower = name.lower()
    if is_twin(lower):
        raise FieldFault("header-twin")
    return lower


class FieldReader:
    """Reads the field lines of one direction.

    Names are interned; so are whole lines of the headers in `REPEATING`, which saves most of the work on the
    requests of browsers. Both memories are bounded and hold nothing that could be a secret. Names that are
    `twins` of one another, `x_a` beside `x-a`, pass only where the reader does not map names to variables.
    """

    LINES: Final = 1024
    LONGEST: Final = 384

    def __init__(self, lower: Callable[[bytes], bytes], once: frozenset[bytes], *, twins: bool) -> None:
        self._names = Memo(lower, capacity=4096, longest=64)
        self._once = once
        self._twins = twins
        self._lines: dict[bytes, HeaderLine] = {}

    def read(self, data: bytes, start: int) -> Headers:
        """The headers in `data` from `start` through the blank line that ends it. Raises FieldFault."""
        block = data[start:-4]
        if not block:
            return Headers((), {})
        known = self._lines.get
        line = self._line
        lines = [known(raw) or line(raw) for raw in block.split(b"\r\n")]
        index = {lower: value for lower, _, value in lines}
        if len(index) != len(lines):
            self._refuse_doubles(lines)
            lines = _join_doubles(lines)
            index = {lower: value for lower, _, value in lines}
        if not self._twins and b"_" in b"".join(index):
            _refuse_twins(index)
        return Headers(tuple(lines), index)

    def _line(self, raw: bytes) -> HeaderLine:
        name, _, value = raw.partition(b":")
        lower = self._names[name]
        line = (lower, name, value.strip(b"\t "))
        if lower in REPEATING and len(raw) <= self.LONGEST:
            if len(self._lines) >= self.LINES:
                self._lines.clear()
            self._lines[raw] = line
        return line

    def _refuse_doubles(self, lines: list[HeaderLine]) -> None:
        seen: set[bytes] = set()
        for lower, _, _ in lines:
            if lower in seen and lower in self._once:
                raise FieldFault(_DOUBLES.get(lower, "header-duplicate"))
            seen.add(lower)


def _join_doubles(lines: list[HeaderLine]) -> list[HeaderLine]:
    """Make one line of the several lines of each header in `JOINED`, at the place of the first one."""
    values: dict[bytes, list[bytes]] = {lower: [] for lower, _, _ in lines if lower in JOINED}
    for lower, _, value in lines:
        if value and lower in values:
            values[lower].append(value)
    joined: list[HeaderLine] = []
    for lower, name, value in lines:
        if lower not in JOINED:
            joined.append((lower, name, value))
        elif lower in values:
            joined.append((lower, name, JOINED[lower].join(values.pop(lower))))
    return joined


def _refuse_twins(index: dict[bytes, bytes]) -> None:
    """Refuse `x_user` beside `x-user`: apps that map names to variables keep one of them, or join them."""
    if any(b"_" in name and name.replace(b"_", b"-") in index for name in index):
        raise FieldFault("header-twin")


REQUEST_FIELDS: Final = FieldReader(_request_name, REQUEST_ONCE, twins=False)
RESPONSE_FIELDS: Final = FieldReader(bytes.lower, RESPONSE_ONCE, twins=True)
