"""Every rule's own hits and misses through the pipeline: what a person checks who wrote or changed rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from waf.errors import Fault
from waf.inspect.reading import read
from waf.inspect.rules import Rule, Sample
from waf.inspect.signatures import Signatures
from waf.model import Finding, Part
from waf.policy.placing import LIMITS, answer, placed
from waf.policy.tuning import PATCH_PREFIX

DEFAULT_LEVEL: Final = 2
"""Rules are tried at the level that is common, or at their own where that is higher."""


def failures(rules: Sequence[Rule], signatures: Signatures) -> list[str]:
    """One line for each hit that is not found at one of its places and each miss that is found; [] for none.

    Patches are left out: they come from tuning, without samples.
    """
    return [
        line for rule in rules if not rule.id.startswith(PATCH_PREFIX) for line in _of_rule(rule, signatures)
    ]


def _of_rule(rule: Rule, signatures: Signatures) -> Iterator[str]:
    for word, samples, wanted in (("hit", rule.hits, True), ("miss", rule.misses, False)):
        for sample in samples:
            about = f"{rule.id} ({rule.file}:{rule.line}): {word} {sample.text[:60]!r}"
            try:
                tried = list(_tries(rule, sample, signatures, wanted))
            except Fault as fault:
                yield f"{about} is no message: {fault.rule}"
                continue
            if wanted and not tried:
                yield f"{about} can stand at no place of the rule"
            for where, found in tried:
                if found is not wanted:
                    yield f"{about} is {'found' if found else 'not found'} at {where}"


def _tries(rule: Rule, sample: Sample, signatures: Signatures, wanted: bool) -> Iterator[tuple[str, bool]]:
    """(place, whether the rule finds the sample there) for each message that the sample makes."""
    level = max(rule.level, DEFAULT_LEVEL)
    if rule.response:
        request, response, body = answer(sample.text)
        scan = signatures.response_stream(request, response, level)
        found = [] if scan is None else [*scan.feed(body), *scan.finish()]
        yield "response", any(one.rule == rule.id for one in found)
        return
    for where, request, body in placed(rule, sample):
        found = signatures.check(read(request, body, LIMITS, _plain), level, lambda _: False)
        yield where.address, any(_fits(one, rule, where.part, wanted) for one in found)


def _fits(finding: Finding, rule: Rule, part: Part, wanted: bool) -> bool:
    # A body that is JSON or XML after all is read as that, where another rule of the class may find it first. What no rule of
    # the class should find is a matter of that other rule.
    return finding.rule == rule.id or (wanted and part is Part.BODY and finding.kind == rule.kind)


def _plain(data: bytes) -> str:
    return data[:120].decode("latin-1")
