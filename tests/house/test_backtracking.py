"""No expression of `re` takes time that grows faster than with the square of what it reads.

A few hundred blanks are enough for seconds where four runs of them may stand one behind the other. What the engine matches
is linear anyway. Possessive runs give nothing back: they count as a single character.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import waf
from waf.inspect.confirm.guarded import Guarded
from waf.inspect.rules import parse_rules

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of the standard library's parser, by its old name
    from regexploit.ast.repeat import FiniteRepeat
    from regexploit.ast.sre import SreOpParser
    from regexploit.redos import find

ROOT = Path(waf.__path__[0])
SIMPLE = 2  # runs one behind the other that share a character
BOUNDED = 8  # a count up to here is none; what may be repeated more often is as good as endless
KILLERS = ("", "$", "\x00", "\xff", "x")
"""What may follow, so that a match fails: an expression may also be one for the whole of a text."""

_ENDS = re.compile(r"\\Z")
_FLAGS = re.compile(r"\A\(\?([aiLmsux]+)\)")


class _Parser(SreOpParser):  # type: ignore[misc]
    """With possessive runs and atomic groups."""

    def from_POSSESSIVE_REPEAT(self, data: Any) -> Any:
        least, _, elements = data
        once = self.sequence_or_singleton(elements)
        return once if least or once is None else FiniteRepeat(once, 0, 1)

    def from_ATOMIC_GROUP(self, data: Any) -> Any:
        return self.sequence_or_singleton(data)

    def from_MAX_REPEAT(self, data: Any) -> Any:
        least, most, elements = data
        if most is not re._constants.MAXREPEAT and most > BOUNDED:  # type: ignore[attr-defined]
            most = re._constants.MAXREPEAT  # type: ignore[attr-defined]
        return super().from_MAX_REPEAT((least, most, elements))

    from_MIN_REPEAT = from_MAX_REPEAT


def runs(expression: str, flags: int) -> int:
    """How many runs of one character stand one behind the other at most; 11 for a run of runs."""
    own = _FLAGS.match(expression)
    if own:
        flags |= re.compile(f"(?{own[1]})", flags).flags
        expression = expression[own.end() :]
    expression = _ENDS.sub("$", expression)
    found = [0]
    for killer in KILLERS:
        parsed = _Parser().parse_sre(f"(?:{expression}){killer}", flags)
        found += [one.starriness for one in find(parsed)]
    return max(found)


def _patterns(value: object, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Guarded):
        yield value.pattern
    elif depth and isinstance(value, (tuple, list, frozenset, set)):
        for one in value:
            yield from _patterns(one, depth - 1)
    elif depth and isinstance(value, dict):
        for one in value.values():
            yield from _patterns(one, depth - 1)
    elif depth and isinstance(value, type) and value.__module__.startswith("waf"):
        for one in vars(value).values():
            yield from _patterns(one, depth - 1)


def _made() -> Iterator[tuple[str, str, int]]:
    """Where, expression, and flags of what modules make when they are loaded."""
    for found in pkgutil.walk_packages(waf.__path__, "waf."):
        if not found.name.endswith("__main__"):
            for name, value in list(vars(importlib.import_module(found.name)).items()):
                for one in _patterns(value):
                    text = one.pattern if isinstance(one.pattern, str) else one.pattern.decode("latin-1")
                    yield f"{found.name}.{name}", text, one.flags


def _written() -> Iterator[tuple[str, str, int]]:
    """The same of what is written in calls."""
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="re")), args=[ast.Constant(value=text), *_]
                ):
                    text = text if isinstance(text, str) else text.decode("latin-1")
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", text, 0


def _ruled() -> Iterator[tuple[str, str, int]]:
    """The same of what rules ask besides the engine."""
    for file in sorted((ROOT.parent / "rules" / "signatures").glob("*.yaml")):
        for rule in parse_rules(file.read_text("utf-8"), file.name):
            if rule.confirm_pattern:
                yield f"{file.name}: {rule.id}", rule.confirm_pattern, re.S | re.M


def test_no_expression_tries_too_many_ways() -> None:
    where: dict[tuple[str, int], str] = {}
    for place, text, flags in (*_made(), *_written(), *_ruled()):
        where.setdefault((text, flags), place)
    assert len(where) > 700
    slow = [f"{place}: {text}" for (text, flags), place in where.items() if runs(text, flags) > SIMPLE]
    assert not slow


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (r"a\s*\(?\s*0?\s*\)?\s*$", 4),
        (r"a\s*+\(?\s*+0?\s*+\)?\s*+$", 0),
        (r"(?:[^a-z]+|or\b){2,24}", 11),
        (r"(?:[^a-z]++|or\b){1,24}", 0),
        (r"(?i)a\w{0,40}\w{0,40}\w{0,40}!", 3),
        (r"a\w{0,4}\w{0,4}\w{0,4}!", 0),
        (r'"(?:[^"\\]++|\\.)*+"', 0),
        (r'"(?:[^"\\]+|\\.)*"', 11),
    ],
)
def test_ways_are_told(expression: str, expected: int) -> None:
    assert runs(expression, 0) == expected
