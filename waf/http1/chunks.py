"""The payload of a chunked body that is here whole, in one call: most answers of most frameworks are such.

`framing.ChunkedBody` reads all others, and is the reference.
"""

from __future__ import annotations

from typing import Final

from waf.errors import Fault
from waf.http1.framing import ENDLESS, ChunkedBody
from waf.http1.rules import upstream_fault

_LAST: Final = b"0\r\n\r\n"


def _unchunked(data: bytes, start: int) -> bytes | None:
    """The payload of the chunked body that is all of `data` from `start` on; None where it is not whole, or not plain:
    with extensions, with trailers, or with something behind it.
    """
    if not data.endswith(_LAST, start):
        return None
    reader = ChunkedBody(ENDLESS, upstream_fault)
    try:
        pieces = reader.feed(data[start:])
    except Fault:
        return None
    return b"".join(pieces) if reader.done and not reader.excess and not reader.extensions else None


try:
    from waf._speed import unchunked
except ImportError:
    unchunked = _unchunked

__all__ = ["unchunked"]
