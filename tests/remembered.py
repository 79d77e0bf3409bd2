"""What is made of the same rules hundreds of times in a run, made once in each process.

Nearly every test that asks a whole firewall builds one, of the rules that come with the project. What takes long there are
functions whose results depend on their arguments alone. They are called as before; their second answer is the first one.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PURE = (
    ("waf.prefilter.expressions", "_parsed"),
    ("waf.prefilter.factors", "sets_of"),
    ("waf.inspect.joining", "stays_within"),
    ("waf.inspect.joining", "without_marks"),
    ("waf.inspect.hints", "_is_small"),
    ("waf.inspect.rules", "parse_rules"),
    ("waf.sensitive.entities", "parse_entities"),
)
"""None of them changes what it was given, and nobody changes what they give, lists aside."""
MOST = 8192
"""Results of each: tests make up expressions as well, tens of thousands of them."""


_remembering = True


@contextmanager
def afresh() -> Iterator[None]:
    """Where a test changes what these functions know besides their arguments: nothing is remembered or told from memory."""
    global _remembering  # noqa: PLW0603
    _remembering = False
    try:
        yield
    finally:
        _remembering = True


def remember() -> None:
    """Put a memory before each of these functions, wherever it is known; to be called when all of `waf` is loaded."""
    re._MAXCACHE = MOST  # type: ignore[attr-defined]  # ten times as many as the rules have: else each is compiled anew
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "waf"]
    for home, name in PURE:
        function = getattr(sys.modules[home], name)
        memory = _memory(function)
        for module in modules:
            for known, value in [*vars(module).items()]:
                if value is function:
                    setattr(module, known, memory)


def _memory(function: Callable[..., Any]) -> Callable[..., Any]:
    once = functools.lru_cache(MOST)(function)

    @functools.wraps(function)
    def ask(*args: Any) -> Any:
        result = once(*args) if _remembering else function(*args)
        return [*result] if type(result) is list else result

    return ask
