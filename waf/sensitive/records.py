"""The masker for what we write ourselves: events, captures, explanations, labels, profiles, error pages.

Stricter than traffic: every entity counts whether it is switched on or not, what policy would only report is
masked, and what must not be stored even masked (track data, verification codes, PCI DSS 3.3.1) is replaced by
its name. A number that the excerpt's edge may have cut is masked as if it were whole.
"""

from __future__ import annotations

import re
from typing import Final

from waf.sensitive.find import Finder
from waf.sensitive.mask import masked
from waf.sensitive.views import over, view

SHOWN: Final = 120
_LOOKED_AT: Final = 1024
_REMEMBERED: Final = 1024
_CUT_NUMBER: Final = re.compile(rb"\A[0-9](?:[ -]?[0-9]){6,}|[0-9](?:[ -]?[0-9]){6,}\Z")
_TRACK: Final = re.compile(rb"[0-9]{11,19}\^?[A-Z .'-]{1,26}/[A-Z .'-]{1,26}[\^0-9?]*")
"""What is left of a stripe once a decoding step has eaten some of it; views of attacks are shown, too."""

_STARS: Final = bytes(42 if 48 <= c <= 57 else c for c in range(256))


class RecordMask:
    """Masks with all entities of `finder`."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._plain: dict[bytes, str] = {}  # short texts in which nothing was found; bounded

    def excerpt(self, data: bytes) -> str:
        """A `model.Mask`: at most 120 characters, controls escaped."""
        known = self._plain.get(data) if len(data) <= SHOWN else None
        if known is not None:
            return known
        safe = self.masked(data[:_LOOKED_AT])
        whole = safe.isdigit()
        if not whole:
            safe = _CUT_NUMBER.sub(_starred, safe)
        text = shown(safe[: SHOWN * 4])
        if safe == data and len(data) <= SHOWN:
            # Hosts, methods, agents and names of fields come again with every event.
            if len(self._plain) >= _REMEMBERED:
                self._plain.clear()
            self._plain[data] = text
        return text if len(text) <= SHOWN and len(data) <= _LOOKED_AT else text[: SHOWN - 1] + "…"

    def text(self, text: str, name: str = "") -> str:
        """A text of any length; `name` is the field that it stood in."""
        label = name.encode("utf-8", "replace") + b"=" if name else b""
        safe = self.masked(label + text.encode("utf-8", "surrogateescape"))
        return safe[len(label) :].decode("utf-8", "surrogateescape")

    def masked(self, data: bytes) -> bytes:
        """Bytes of any length, in each spelling: as they stand, by escapes, percent-encoded."""
        data = _TRACK.sub(b"[card-track]", self._through(data, form=False))
        return self._through(data, form=True) if b"%" in data or b"+" in data else data

    def _through(self, data: bytes, form: bool) -> bytes:
        seen = view(data, form)
        hits = self._finder.find(seen.text)
        if not hits:
            return data
        pieces = []
        done = 0
        for hit in hits:
            start, end = seen.span(hit.start, hit.end)
            pieces.append(data[done:start])
            if hit.entity.unwritten:
                pieces.append(b"[%b]" % hit.entity.id.encode())
            else:
                value = seen.text[hit.start : hit.end]
                pieces.append(over(seen, hit.start, masked(value, hit.entity.mask)))
            done = end
        pieces.append(data[done:])
        return b"".join(pieces)


def _starred(number: re.Match[bytes]) -> bytes:
    return number[0].translate(_STARS)


def shown(data: bytes) -> str:
    """Bytes as one line of printable text."""
    text = data.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
