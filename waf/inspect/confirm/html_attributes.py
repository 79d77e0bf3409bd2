"""The attributes of tags, read as browsers do: a tag that nothing closes goes on through those behind it.

So the same bytes are read for one tag after the other, and what stands at each of them is found out once.
"""

from __future__ import annotations

import re
from typing import Final

_MOST: Final = 24  # places of one tag that are looked at for an attribute
# Some of what stands before a name may stand in one: it is one where nothing else can be. Said so, that is found without trying each of
# its divisions.
_LEAD: Final = rb"[\s/\"'`\x00-\x20;+]"
_ATTRIBUTE: Final = re.compile(
    rb"(?:%b++([^\s\"'>/=\x00-\x20<]{1,60}+)|%b+([`;+]))[\s\x00]*(?:=[\s\x00]*(\"[^\"]{0,1024}\"?"
    rb"|'[^']{0,1024}'?|`[^`]{0,1024}`?|[^\s>]{1,1024})|(?=[\s/>]|$))" % (_LEAD, _LEAD)
)
_SKIPPED: Final = re.compile(rb"[^\s>\"'/]*+[\s\"'/]")

_Step = tuple[bytes | None, bytes, int]
"""An attribute's name in lower case, None where there is none; its content; where to go on, -1 where the tag ends."""


class Attributes:
    """Those of any tag in one text."""

    __slots__ = ("_steps", "_text")

    def __init__(self, text: bytes) -> None:
        self._text: Final = text
        self._steps: dict[int, _Step] = {}

    def of(self, end: int) -> tuple[dict[bytes, bytes], int]:
        """Of the tag whose name ends at `end`: name -> content with entities decoded. And how many places were looked at for one."""
        found: dict[bytes, bytes] = {}
        steps = self._steps
        for looked in range(_MOST):
            step = steps.get(end)
            if step is None:
                step = steps[end] = self._step(end)
            name, content, end = step
            if end < 0:
                return found, looked + 1
            if name is not None:
                found.setdefault(name, content)
        return found, _MOST

    def _step(self, position: int) -> _Step:
        text = self._text
        match = _ATTRIBUTE.match(text, position)
        if match is not None:
            content = (match[3] or b"").strip(b"\"'`")
            return (
                (match[1] or match[2]).lower(),
                _decoded(content) if b"&" in content else content,
                match.end(),
            )
        if text.find(b">", position, position + 2) >= 0 or position >= len(text):
            return None, b"", -1
        skip = _SKIPPED.match(text, position)
        if skip is None or skip.end() == position:
            return None, b"", -1
        return None, b"", max(skip.end() - 1, position + 1)


def _decoded(content: bytes) -> bytes:
    import html  # 0.6 MB for the names of all references, in attributes of which few hold one

    return html.unescape(content.decode("latin-1")).encode("latin-1", "replace")
