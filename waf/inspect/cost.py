"""What each pattern costs, and the guard against those that cost too much.

Owns the measure: microseconds per KiB of text, each pattern by itself, least of several runs. Knows no clock: it is
given one. One dear pattern makes every request dear, so a rule must say that it knows (`dear: true`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from waf.errors import Problem
from waf.inspect.matcher import Matcher, Pattern, TooManyMatches
from waf.inspect.rules import Rule

LIMIT: Final = 0.25  # µs/KiB that one pattern may cost on ordinary text
RUNS: Final = 5


class PatternCost(msgspec.Struct, frozen=True):
    """One pattern over the given texts. `micros` per KiB; `matches` per KiB, each of which costs once more."""

    rule: Rule
    index: int  # among the patterns of the rule
    micros: float
    matches: float
    size: int  # bytes of its database

    @property
    def expression(self) -> str:
        return self.rule.patterns[self.index]


class _Forgetful:
    """A store that keeps nothing."""

    def load(self, key: str) -> bytes | None:
        return None

    def save(self, key: str, database: bytes) -> None:
        pass


def measure(rules: Sequence[Rule], texts: Sequence[bytes], clock: Callable[[], float]) -> list[PatternCost]:
    """The cost of every pattern, dearest first. `clock` gives seconds; `texts` should be some KiB each."""
    kibibytes = sum(len(text) for text in texts) / 1024
    costs = []
    for rule in rules:
        for index, expression in enumerate(rule.patterns):
            matcher = Matcher.build([Pattern(expression.encode(), case=rule.case)], _Forgetful())
            best, matches = float("inf"), 0
            for _ in range(RUNS):
                start = clock()
                matches = sum(_scan(matcher, text) for text in texts)
                best = min(best, clock() - start)
            costs.append(PatternCost(rule, index, best * 1e6 / kibibytes, matches / kibibytes, matcher.size))
    return sorted(costs, key=lambda cost: cost.micros, reverse=True)


def _scan(matcher: Matcher, text: bytes) -> int:
    try:
        return len(matcher.scan(text))
    except TooManyMatches as error:
        return len(error.found)


def too_dear(costs: Sequence[PatternCost], limit: float = LIMIT) -> list[Problem]:
    """A problem for each pattern above the limit whose rule does not say that it may be."""
    return [
        Problem(
            cost.rule.file,
            cost.rule.line,
            f"{cost.rule.id}.patterns[{cost.index}]",
            f"costs {cost.micros:.2f} µs/KiB, {limit:.2f} are allowed",
            "begin with a longer literal, bound the repeats, or mark the rule dear: true",
        )
        for cost in costs
        if cost.micros > limit and not cost.rule.dear
    ]
