"""No expression of `re` takes time that grows faster than with the square of what it reads.

A few hundred blanks are enough for seconds where four runs of them may stand one behind the other. What the engine matches
is linear anyway.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import waf
from waf.inspect.confirm.guarded import Guarded
from waf.inspect.rules import parse_rules
from waf.prefilter.ways import BOUNDED, ways
from waf.sensitive.entities import parse_entities

ROOT = Path(waf.__path__[0])


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
    """The same of what rules ask besides the engine, and of entities."""
    for file in sorted((ROOT.parent / "rules" / "signatures").glob("*.yaml")):
        for rule in parse_rules(file.read_text("utf-8"), file.name):
            if rule.confirm_pattern:
                yield f"{file.name}: {rule.id}", rule.confirm_pattern, re.S | re.M
    for file in sorted((ROOT.parent / "rules" / "sensitive").glob("*.yaml")):
        for entity in parse_entities(file.read_text("utf-8"), file.name):
            single = (entity.led_sign, entity.before, entity.behind, entity.endless)
            for text in (*entity.patterns, *entity.led, *entity.signs, *single):
                yield f"{file.name}: {entity.id}", text, 0


def test_no_expression_tries_too_many_ways() -> None:
    where: dict[tuple[str, int], str] = {}
    for place, text, flags in (*_made(), *_written(), *_ruled()):
        where.setdefault((text, flags), place)
    assert len(where) > 800
    slow = [
        f"{place}: {text}"
        for (text, flags), place in where.items()
        if ways(text, flags & ~re.UNICODE) > BOUNDED
    ]
    assert not slow
