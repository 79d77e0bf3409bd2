"""What each pattern costs, and the guard against those that cost too much.

Owns the measure: microseconds per KiB of ordinary text, each pattern by itself, least of several runs. Knows no
clock: it is given one. One dear pattern makes every request dear, so a rule must say that it knows (`dear: true`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from waf.errors import Problem
from waf.inspect.joining import among_others, between_marks
from waf.inspect.matcher import Matcher, Pattern, TooManyMatches
from waf.inspect.rules import Rule
from waf.prefilter.expressions import alternatives
from waf.prefilter.factors import sets_of

LIMIT: Final = 0.25  # µs/KiB that one pattern may cost on ordinary text
_RUNS: Final = 5
_REPEATS: Final = 20

_PROSE: Final = (
    b"The order arrived on Tuesday, two days early, and the box wasn't damaged at all. We'd like to select a "
    b"second one from your list, either in blue or in green; the price (49.90 EUR) is fine with us. Please drop "
    b"me a line where it's possible to update the address, or call +49 30 1234567 and ask for Ms. O'Neill. "
    b'\xc3\x9cber die Gr\xc3\xb6\xc3\x9fe sind wir uns nicht sicher - "M or L" would do. Thanks & best regards!\n'
)
_DATA: Final = (
    b'{"id": 48213, "name": "Running shoe", "tags": ["sport", "outdoor"], "price": 79.5, "in_stock": true, '
    b'"created": "2024-03-18T09:41:07Z", "url": "https://shop.example/p/48213?ref=mail&utm_source=news", '
    b'"uuid": "6f9c2d1e-8a77-4b0f-9d55-0f2b7c9a1e34", "owner": {"email": "jo.doe@example.org", "city": "Lyon"}}\n'
)
_FORM: Final = (
    b"q=red shoes\x7fpage=2\x7fsort=price_asc\x7fsize=42\x7fsession=9f86d081884c7d659a2feaa0c55ad015\x7f"
)

ORDINARY: Final = (_PROSE * 24, _DATA.replace(b'"', b"\x7f") * 24, _FORM * 64)
"""What most traffic is made of: prose, the values of documents, parameters; about 8 KiB each, as they are joined."""


class PatternCost(msgspec.Struct, frozen=True):
    """One pattern over ordinary text. Each match costs once more, so there should be few of them."""

    rule: str
    pattern: str
    microseconds_per_kb: float
    matches_per_kb: float
    size: int  # bytes of its database
    dear: bool  # the rule says so
    file: str
    line: int


class _Forgetful:
    """A store that keeps nothing."""

    def load(self, key: str) -> bytes | None:
        return None

    def save(self, key: str, database: bytes) -> None:
        pass


def pattern_costs(
    rules: Sequence[Rule], clock: Callable[[], float], texts: Sequence[bytes] = ORDINARY
) -> list[PatternCost]:
    """The cost of every pattern, the dearest first. `clock` gives seconds."""
    kibibytes = sum(len(text) for text in texts) / 1024
    costs = []
    for rule in rules:
        for expression in rule.patterns:
            matcher = Matcher.build(
                [Pattern(between_marks(expression.encode()), case=rule.case)], _Forgetful(), marked=True
            )
            best, matches = float("inf"), 0
            for _ in range(_RUNS):
                start = clock()
                matches = sum(_scan(matcher, text) for text in texts)
                best = min(best, clock() - start)
            costs.append(
                PatternCost(
                    rule.id, expression, best * 1e6 / kibibytes, matches / kibibytes, matcher.size, rule.dear,
                    rule.file, rule.line,
                )
            )  # fmt: skip
    return sorted(costs, key=lambda cost: cost.microseconds_per_kb, reverse=True)


def text_costs(
    rules: Sequence[Rule], clock: Callable[[], float], texts: Sequence[bytes] = ORDINARY
) -> list[tuple[float, float]]:
    """µs/KiB of each text under all patterns of requests: in one database, and in groups as they are used."""
    patterns = [
        Pattern(between_marks(expression.encode()), case=rule.case)
        for rule in rules
        if not rule.response
        for expression in rule.patterns
    ]
    matchers = [
        Matcher.build(patterns, _Forgetful(), grouped=grouped, marked=True) for grouped in (False, True)
    ]
    costs = []
    for text in texts:
        best = [float("inf")] * len(matchers)
        for _ in range(_RUNS):
            for number, matcher in enumerate(matchers):
                start = clock()
                for _ in range(_REPEATS):
                    _scan(matcher, text)
                best[number] = min(best[number], clock() - start)
        one, grouped = (cost * 1e6 / _REPEATS / (len(text) / 1024) for cost in best)
        costs.append((one, grouped))
    return costs


def in_any_text(rules: Sequence[Rule]) -> list[Problem]:
    """A problem for each pattern of requests that may match in a text of any bytes: with one of them no value can be passed without
    the engine (see `prefilter.program`). One without a place where there is none, and yet all together are too many.
    """
    problems = [
        Problem(
            rule.file,
            rule.line,
            f"{rule.id}.pattern",
            f"{expression[:60]!r} needs no byte that could be looked for first, so each value of each request is searched by "
            "the engine: two to four times as dear",
            "add a word or a sign that each match has",
        )
        for rule in rules
        if not rule.response
        for expression in rule.patterns
        if not all(map(sets_of, alternatives(among_others(expression.encode()))))
    ]
    return problems or [
        Problem(
            "signatures", 0, "rules",
            "have more words and signs together than can be looked for first, so each value of each request is searched by "
            "the engine: two to four times as dear",
            "drop rules that this app does not need",
        )
    ]  # fmt: skip


def _scan(matcher: Matcher, text: bytes) -> int:
    try:
        return len(matcher.scan(text))
    except TooManyMatches as error:
        return len(error.found)


def too_dear(costs: Sequence[PatternCost], limit: float = LIMIT) -> list[Problem]:
    """A problem for each pattern above the limit whose rule does not say that it may be."""
    return [
        Problem(
            cost.file,
            cost.line,
            f"{cost.rule}.pattern",
            f"{cost.pattern[:60]!r} costs {cost.microseconds_per_kb:.2f} µs/KiB, {limit:.2f} are allowed",
            "begin with a longer literal, bound the repeats, or mark the rule dear: true",
        )
        for cost in costs
        if cost.microseconds_per_kb > limit and not cost.dear
    ]
