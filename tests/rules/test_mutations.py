"""Do the samples see every rule? Each pattern is dropped in turn, each confirmer too: some sample must then fail.

Slow (thousands of small compilations); run with `make mutation`.
"""

from __future__ import annotations

import msgspec
import pytest

from tests.inspect.inspect_samples import Store, mask
from tests.rules.test_signature_rules import RULES
from waf.inspect.rules import Rule
from waf.inspect.signatures import Signatures
from waf.policy.selftest import failures

pytestmark = pytest.mark.slow

_STORE = Store()


def _failing(rule: Rule, mutant: Rule | None) -> set[str]:
    """The samples of the rule that fail where the mutant (or nothing) stands in its place."""
    return set(failures([rule], Signatures.build([mutant] if mutant else [], _STORE, mask)))


def _seen(rule: Rule, mutant: Rule | None) -> bool:
    return not _failing(rule, mutant) <= _failing(rule, rule)


def _without(rule: Rule, number: int) -> Rule | None:
    patterns = rule.patterns[:number] + rule.patterns[number + 1 :]
    return msgspec.structs.replace(rule, patterns=patterns) if patterns else None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_pattern_can_go_unnoticed(rule: Rule) -> None:
    unseen = [
        pattern for number, pattern in enumerate(rule.patterns) if not _seen(rule, _without(rule, number))
    ]
    assert not unseen


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.confirm or rule.confirm_pattern], ids=lambda rule: rule.id
)
def test_no_confirmer_can_go_unnoticed(rule: Rule) -> None:
    assert _seen(rule, msgspec.structs.replace(rule, confirm="", confirm_pattern=""))
