"""Does a GraphQL document ask for one thing very many times or very deep, or without end?

Owns the counting of aliases, depth, directives and fragments, and which of these, or of fields, lead back to themselves. The limits are far above what clients generate.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from waf.inspect.bodies.graphql import GUESSED, GUESSES, guessed
from waf.model import Confidence

_CAP: Final = 8192
_ALIAS: Final = re.compile(rb"[{\s,}]\w{1,40}\s{0,4}:\s{0,4}(\w{1,60})\s{0,4}[({]")
_DIRECTIVE: Final = re.compile(rb"@(\w{1,40})")
_STRING: Final = re.compile(rb'"""(?:[^"]|"(?!""))*+(?:"""|\Z)|"(?:[^"\\\n]|\\.)*+"?')
_OPENING: Final = re.compile(rb"\s*(?:\{|query\b|mutation\b|subscription\b|fragment\b)")

_RUN: Final = re.compile(
    rb"@(\w{1,40})(?:\s{0,4}\([^()]{0,80}\))?(?:\s{0,4}@\w{1,40}(?:\s{0,4}\([^()]{0,80}\))?)+"
)
_FRAGMENT: Final = re.compile(rb"\bfragment\s+(\w{1,40})\s+on\b|\.\.\.\s*(?!on\b)(\w{1,40})|([{}])")

_NO_BRACES: Final = bytes(set(range(256)) - set(b"{}"))
_SELECTION: Final = re.compile(rb"\b(\w{1,40}+)\s{0,8}+(?:\([^(){}]{0,200}+\)\s{0,8}+)?(\{)|([{}])")

_BATCH: Final = re.compile(rb"\s*\[\s*\{")
_BATCH_CAP: Final = 65_536
_QUERY: Final = re.compile(rb'"query"\s*+:\s*+"((?:[^"\\]|\\.)*+)"', re.S)
"""An operation in a batch that is text itself."""

ALIASES: Final = 12
DEPTH: Final = 14
ROUNDS: Final = 5
"""Times that a field may stand within itself by way of another; by itself it is a tree."""
DIRECTIVES: Final = 10
REPEATED: Final = 3
"""Directives of one name at one place, where the specification (5.7.3) allows none of these twice."""


def confirm(value: bytes, span: tuple[int, int]) -> Confidence | None:
    """HIGH past one of the limits above, counted over the first `_CAP` bytes of what looks like a document."""
    if not _OPENING.match(value):
        again = _BATCH.match(value) and guessed(
            [text.replace(b'\\"', b'"') for text in _QUERY.findall(value, 0, _BATCH_CAP)]
        )
        return Confidence.HIGH if again else None
    text = _STRING.sub(b'""', value[:_CAP])
    aliases = Counter(_ALIAS.findall(text) if b":" in text else ())
    directives = Counter(_DIRECTIVE.findall(text))
    if aliases and aliases.most_common(1)[0][1] >= ALIASES:
        return Confidence.HIGH
    if directives and directives.most_common(1)[0][1] >= DIRECTIVES:
        return Confidence.HIGH
    if any(count >= GUESSES and GUESSED.search(name) for name, count in aliases.items()):
        return Confidence.HIGH
    for run in _RUN.finditer(text):
        names = Counter(_DIRECTIVE.findall(run[0]))
        if names[b"include"] >= REPEATED or names[b"skip"] >= REPEATED:
            return Confidence.HIGH
    # Neither is asked where it cannot be: each takes longer than all else.
    if (b"fragment" in text and _leads_back(text)) or (text.count(b"{") >= ROUNDS and _goes_round(text)):
        return Confidence.HIGH
    return Confidence.HIGH if _is_deep(text) else None


def _is_deep(text: bytes) -> bool:
    depth = 0
    for byte in text.translate(None, _NO_BRACES):
        depth += 1 if byte == 0x7B else -1
        if depth >= DEPTH:
            return True
    return False


def _goes_round(text: bytes) -> bool:
    """user { friends { user { friends {"""
    path: list[bytes] = []
    times: Counter[bytes] = Counter()
    for match in _SELECTION.finditer(text):
        if match[3] == b"}":
            if path:
                times[path.pop()] -= 1
            continue
        name = match[1] or b""
        again = name and (not path or path[-1] != name)
        path.append(name if again else b"")
        times[path[-1]] += 1
        if again and times[name] >= ROUNDS:
            return True
    return False


def _leads_back(text: bytes) -> bool:
    """A fragment spreads itself, perhaps by others (GraphQL specification, section 5.5.2.2, forbids that)."""
    spreads: dict[bytes, list[bytes]] = {}
    within: list[bytes] = []
    depth = 0
    for match in _FRAGMENT.finditer(text):
        if match[1] is not None:
            within = spreads.setdefault(match[1], [])
        elif match[2] is not None:
            within.append(match[2])
        else:
            depth += 1 if match[3] == b"{" else -1
            if depth <= 0:
                within = []  # what follows is another definition
    return _has_cycle(spreads)


def _has_cycle(edges: dict[bytes, list[bytes]]) -> bool:
    done: set[bytes] = set()
    for root in edges:
        path: dict[bytes, list[bytes]] = {} if root in done else {root: edges[root][:]}
        while path:
            name, waiting = next(reversed(path.items()))
            following = waiting.pop() if waiting else None
            if following is None:
                done.add(name)
                del path[name]
            elif following in path:
                return True
            elif following in edges and following not in done:
                path[following] = edges[following][:]
    return False
