"""Signature rules as tuning.yaml wants them: some disabled or reweighed, and the patches that have a pattern
added.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate

import msgspec

from waf.errors import ConfigError, Problem
from waf.inspect.rules import Rule, parse_rules
from waf.model import Confidence, Severity
from waf.policy.tuning import PATCH_PREFIX, Patch, RuleChange, Tuning


def retuned(rules: Sequence[Rule], tuning: Tuning) -> list[Rule]:
    """The rules after all changes. Raises ConfigError for a change that names no rule and a patch without
    sense.
    """
    problems: list[Problem] = []
    out = list(rules)
    for file, change in tuning.changes:
        out = _changed(out, change, file, problems)
    for file, patch in tuning.patterns():
        out += _patched(patch, file, problems)
    if problems:
        raise ConfigError(problems)
    return out


def _changed(rules: list[Rule], change: RuleChange, file: str, problems: list[Problem]) -> list[Rule]:
    glob = re.compile(translate(change.rule))
    if not any(glob.fullmatch(rule.id) for rule in rules):
        message = f'no rule is called "{change.rule}"'
        problems.append(Problem(file, 0, "rules", message, "see the names with: waf rules list"))
    out = []
    for rule in rules:
        if not glob.fullmatch(rule.id):
            out.append(rule)
        elif not change.disable:
            severity = Severity[change.severity.upper()] if change.severity else rule.severity
            confidence = Confidence[change.confidence.upper()] if change.confidence else rule.confidence
            out.append(msgspec.structs.replace(rule, severity=severity, confidence=confidence))
    return out


def _patched(patch: Patch, file: str, problems: list[Problem]) -> Sequence[Rule]:
    """A patch's pattern as a rule: it stands wherever `field` says and is never doubted."""
    where = patch.field or "request"
    document = msgspec.json.encode(
        [
            {
                "id": "patch-" + patch.id,
                "title": patch.title or patch.reason or f"virtual patch {patch.id}",
                "class": "cve",
                "severity": "critical" if patch.action == "block" else "info",
                "confidence": "high",
                "level": 1,
                "where": [where],
                "pattern": patch.pattern,
                "hits": ["-"],
            }
        ]
    )
    try:
        rules = parse_rules(document.decode(), file)
    except ConfigError as error:
        problems += [msgspec.structs.replace(p, line=0, path=f"patches.{patch.id}") for p in error.problems]
        return ()
    return [msgspec.structs.replace(rule, id=PATCH_PREFIX + patch.id) for rule in rules]
