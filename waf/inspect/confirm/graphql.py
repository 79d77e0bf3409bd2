"""Does a GraphQL document ask for one thing very many times or very deep?

Owns the counting of aliases, depth, directives and fragments. The limits are far above what clients generate.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from waf.model import Confidence

_CAP: Final = 8192
_ALIAS: Final = re.compile(rb"[{\s,}]\w{1,40}\s{0,4}:\s{0,4}(\w{1,60})\s{0,4}[({]")
_DIRECTIVE: Final = re.compile(rb"@(\w{1,40})")
_STRING: Final = re.compile(rb'"""(?:[^"]|"(?!""))*+(?:"""|\Z)|"(?:[^"\\\n]|\\.)*+"?')
_OPENING: Final = re.compile(rb"\s*(?:\{|query\b|mutation\b|subscription\b|fragment\b)")

ALIASES: Final = 12
DEPTH: Final = 14
DIRECTIVES: Final = 10


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH past one of the limits above, counted over the first `_CAP` bytes of what looks like a document."""
    if not _OPENING.match(value):
        return None
    text = _STRING.sub(b'""', value[:_CAP])
    aliases = Counter(_ALIAS.findall(text))
    directives = Counter(_DIRECTIVE.findall(text))
    if aliases and aliases.most_common(1)[0][1] >= ALIASES:
        return Confidence.HIGH
    if directives and directives.most_common(1)[0][1] >= DIRECTIVES:
        return Confidence.HIGH
    depth = deepest = 0
    for byte in text:
        if byte == 0x7B:
            depth += 1
            deepest = max(deepest, depth)
        elif byte == 0x7D:
            depth -= 1
    return Confidence.HIGH if deepest >= DEPTH else None
