"""Sizes and spans of time as people write them. Owns the units; knows neither YAML nor what is measured."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from waf.config.schema import Seconds, Size

SIZE_UNITS: Final[dict[str, int]] = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "ki": 2**10,  # the last four without B: as Kubernetes writes them
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
AMBIGUOUS_SIZES: Final = frozenset("kmgt")  # 1000 to some programs, 1024 to others

SECOND_UNITS: Final[dict[str, Decimal]] = {
    "us": Decimal("0.000001"),
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}

MAX_SIZE: Final = 2**53  # exact in JSON and in a float
MAX_SECONDS: Final = 3650 * 86400

_SIZE = re.compile(r"([0-9]{1,16}(?:\.[0-9]{1,6})?|[0-9]{1,3}(?:_[0-9]{3}){1,5})[ ]?([A-Za-z]*)", re.ASCII)
_SPAN = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?|[0-9]{1,3}(?:_[0-9]{3}){1,3})[ ]?([a-z]*)", re.ASCII)
_SPANS = re.compile(r"(?:[0-9]{1,12}(?:us|ms|s|m|h|d)){2,6}", re.ASCII)
_SPAN_PIECE = re.compile(r"([0-9]{1,12})(us|ms|s|m|h|d)", re.ASCII)


def parse_size(text: str) -> Size:
    """Bytes from "65536", "64KiB", "64Ki", "1.5MB"; case does not matter.

    ValueError names what is wrong and what to write; "64k" is refused, since half of the world reads it as
    64,000 and the other half as 65,536.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError('expected a size such as "64KiB", "10MB" or 65536')
    unit = match[2].lower()
    if unit in AMBIGUOUS_SIZES:
        letter = unit.upper()
        raise ValueError(f'the unit "{match[2]}" is ambiguous: write {letter}iB (1024) or {letter}B (1000)')
    factor = 1 if unit == "" else SIZE_UNITS.get(unit)
    if factor is None:
        raise ValueError(f'unknown unit "{match[2][:12]}": use B, KB, MB, GB, TB or KiB, MiB, GiB, TiB')
    size = Decimal(match[1].replace("_", "")) * factor
    if size != size.to_integral_value():
        raise ValueError("not a whole number of bytes")
    if size > MAX_SIZE:
        raise ValueError("larger than 8 PiB")
    return Size(int(size))


def parse_seconds(text: str) -> Seconds:
    """Seconds from "30", "0.5", "500ms", "30s", "5m", "1h", "2d", "1h30m". ValueError says what to write."""
    text = text.strip()
    if _SPANS.fullmatch(text):
        units = [unit for _, unit in _SPAN_PIECE.findall(text)]
        if [SECOND_UNITS[u] for u in units] != sorted({SECOND_UNITS[u] for u in units}, reverse=True):
            raise ValueError('write each unit once, the largest first: "1h30m"')
        total = sum((Decimal(n) * SECOND_UNITS[u] for n, u in _SPAN_PIECE.findall(text)), Decimal(0))
    else:
        match = _SPAN.fullmatch(text)
        if match is None:
            raise ValueError('expected a time such as "500ms", "30s", "5m", "1h" or a number of seconds')
        factor = Decimal(1) if match[2] == "" else SECOND_UNITS.get(match[2])
        if factor is None:
            raise ValueError(f'unknown unit "{match[2][:12]}": use us, ms, s, m, h or d')
        total = Decimal(match[1].replace("_", "")) * factor
    if total > MAX_SECONDS:
        raise ValueError("longer than ten years")
    return Seconds(float(total))
