"""What the engine finds of the project's patterns, in values among others, is what the standard library finds there.

Hyperscan 5.4 misses matches of some expressions: of one in which a part may be left out behind a class, where twenty bytes stand
before. Nothing but a comparison shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.patterns import patterns_made
from waf.inspect.joining import BETWEEN, between_marks, joined, without_marks
from waf.inspect.matcher import Matcher, Pattern
from waf.inspect.rules import parse_rules

_FILES = sorted((Path(__file__).parents[2] / "rules" / "signatures").glob("*.yaml"))
RULES = [
    one for file in _FILES for one in parse_rules(file.read_text("utf-8"), file.name) if not one.response
]
PATTERNS = [
    Pattern(between_marks(without_marks(expression.encode())), case=rule.case)
    for rule in RULES
    for expression in rule.patterns
]
_BEFORE = (0, 21, 64)  # bytes of another value


def _texts() -> Iterator[bytes]:
    for rule in RULES:
        for sample in rule.hits:
            if sample.place not in ("request", "response"):
                value = str(sample.text).encode("utf-8", "surrogateescape")
                for size in _BEFORE:
                    yield joined([b"a" * size, b"q", value])


def test_the_engine_misses_nothing() -> None:
    matcher = Matcher.build(PATTERNS, patterns_made(), grouped=True, marked=True)
    expressions = [
        (index, re.compile(one.expression, re.S if one.case else re.S | re.I))
        for index, one in enumerate(PATTERNS)
    ]
    tried = 0
    for text in _texts():
        found = {index for index, _ in matcher.scan(text, 100_000)}
        marked = BETWEEN + text + BETWEEN
        missed = [index for index, one in expressions if index not in found and one.search(marked)]
        assert not missed, (text, [PATTERNS[index].expression for index in missed])
        tried += len(found) > 0
    assert tried > len(RULES)
