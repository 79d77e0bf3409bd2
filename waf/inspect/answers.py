"""What rules look for in bodies of answers, for whoever reads these anyway and can look for it on the way.

Owns nothing but the choice of the rules, which is that of `signatures.Signatures.build`.
"""

from __future__ import annotations

from collections.abc import Sequence

from waf.inspect.databases import Pattern, occurring
from waf.inspect.rules import Rule
from waf.patterns import Expression


def answer_expressions(rules: Sequence[Rule], highest: int) -> tuple[Expression, ...]:
    """Those of rules of levels up to `highest`."""
    chosen = [rule for rule in rules if rule.response and rule.level <= highest]
    return occurring(
        [Pattern(expression.encode(), case=rule.case) for rule in chosen for expression in rule.patterns]
    )
