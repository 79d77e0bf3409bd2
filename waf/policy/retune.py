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
    known = [rule.id for rule in rules]
    for file, place, change in tuning.changes:
        glob = re.compile(translate(change.rule))
        if not any(map(glob.fullmatch, known)):
            mend = "see the names with: waf rules list"
            problems.append(tuning.problem(file, place, f'no rule is called "{change.rule}"', mend))
        out = _changed(out, change, glob)
    for file, place, patch in tuning.patterns():
        try:
            out.append(_patched(patch, file, tuning.problem(file, place, "").line))
        except ConfigError as error:
            problems += [tuning.problem(file, place, p.message, p.mend) for p in error.problems]
    if problems:
        raise ConfigError(problems)
    return out


def _changed(rules: list[Rule], change: RuleChange, glob: re.Pattern[str]) -> list[Rule]:
    out = []
    for rule in rules:
        if not glob.fullmatch(rule.id):
            out.append(rule)
        elif not change.disable:
            severity = Severity[change.severity.upper()] if change.severity else rule.severity
            confidence = Confidence[change.confidence.upper()] if change.confidence else rule.confidence
            out.append(msgspec.structs.replace(rule, severity=severity, confidence=confidence))
    return out


def _patched(patch: Patch, file: str, line: int) -> Rule:
    """A patch's pattern as a rule: it stands wherever `field` says and is never doubted. Raises ConfigError."""
    where = patch.field or "request"
    entry = {
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
    (rule,) = parse_rules("- " + msgspec.json.encode(entry).decode(), file)
    return msgspec.structs.replace(rule, id=PATCH_PREFIX + patch.id, line=line)
