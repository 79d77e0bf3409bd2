"""Bodies changed while they pass: constant memory, the same result wherever chunks are cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from waf.model import PASSED, Verdict
from waf.sensitive.containers import Container, is_bare_number
from waf.sensitive.find import LOOK_BEHIND, Finder, Hit
from waf.sensitive.mask import masked

HOLD: Final = 768
"""Bytes held back at most: more than twice the longest bounded value, so that overlaps are settled alike."""

_HARD: Final = (b"\n", b'"', b"<", b">", b"{", b"}", b"[", b"]")
"""Bytes that no value contains: what stands before the last of them is decided."""


class Redactor:
    """A text filter: decoded bytes in, redacted bytes of the same length out."""

    def __init__(self, finder: Finder, container: Container, acts: Callable[[Hit], bool]) -> None:
        self._finder = finder
        self._container = container
        self._acts = acts
        self._behind = b""  # sent already; context
        self._held = b""
        self.hits: list[Hit] = []
        self.altered = False

    def feed(self, data: bytes) -> bytes:
        self._held += data
        held = self._held
        tail = held[-HOLD:]
        hard = max(tail.rfind(byte) for byte in _HARD)
        return self._release(len(held) - len(tail) + max(hard + 1, 0), final=False)

    def idle(self) -> bytes:
        held = self._held
        cut = len(held)
        while cut and held[cut - 1 : cut] in b"0123456789 -" and len(held) - cut < HOLD:
            cut -= 1
        return self._release(cut, final=False)

    def finish(self) -> bytes:
        return self._release(len(self._held), final=True)

    def _release(self, limit: int, final: bool) -> bytes:
        if not limit:
            return b""
        offset = len(self._behind)
        text = self._behind + self._held
        hits = self._finder.find(text)
        out = bytearray(self._held)
        for hit in hits:
            start, end = hit.start - offset, hit.end - offset
            if start < 0:
                continue
            if start >= limit:
                break
            if end >= len(self._held) and not final:
                limit = start
                break
            limit = max(limit, end)
            self.hits.append(hit)
            if self._acts(hit):
                fill = b"*"
                if self._container in (Container.JSON, Container.SCRIPT) and is_bare_number(
                    text, hit.start, hit.end
                ):
                    fill = b"0"
                out[start:end] = masked(text[hit.start : hit.end], hit.entity.mask, fill)
                self.altered = True
        self._behind = text[: offset + limit][-LOOK_BEHIND:]
        self._held = self._held[limit:]
        return bytes(out[:limit])

    def verdict(self) -> Verdict:
        return PASSED
