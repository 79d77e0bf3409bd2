"""The wording of what went against the profile: findings that say endpoint, constraint and what was expected.

Whether a finding refuses anything is decided by the stage of its constraint alone.
"""

from __future__ import annotations

import re
from typing import Final

from waf.model import Confidence, Engine, Field, Finding, Mask, Severity
from waf.profiles.constraints import CHARSETS, NEVER_ENFORCED, ROOT, Aspect, Constraint, Stage

SEVERITY: Final = dict.fromkeys(Aspect, Severity.HIGH) | {Aspect.SIZE: Severity.LOW}

_SHOWN: Final = 8  # of many allowed things, as many are named

_SENTENCES: Final = {
    Aspect.PATH: "no such path was learned here",
    Aspect.METHOD: "the method was never used here",
    Aspect.CONTENT_TYPE: "the body's type was never used here",
    Aspect.NAMES: "no parameter of this name was learned here",
    Aspect.REQUIRED: "a parameter that every request has is missing",
    Aspect.REPEATS: "the parameter stands more often than ever",
    Aspect.TYPE: "the value is of another type",
    Aspect.ENUM: "the value is none of the few ever used",
    Aspect.LENGTH: "the value's length is out of bounds",
    Aspect.RANGE: "the number is out of bounds",
    Aspect.PATTERN: "the value does not fit the documented pattern",
    Aspect.PLAIN: "the value holds characters never used here",
    Aspect.PROSE: "the value holds punctuation never used here",
    Aspect.CODE: "the value holds punctuation of code never used here",
    Aspect.CONTROL: "the value holds control characters",
    Aspect.SCRIPT: "the value holds letters of a script never used here",
    Aspect.SHAPE: "the value is built unlike any other",
    Aspect.SIZE: "the body is larger than usual",
}


def shape_mask(data: bytes) -> str:
    """A mask that needs no detector: letters as "a", digits as "0", everything else as it is, 120
    characters."""
    text = data[:120].decode("utf-8", "replace")
    shown = ("a" if c.isalpha() else "0" if c.isdigit() else c if c.isprintable() else "." for c in text)
    return "".join(shown)


def about_place(constraint: Constraint, excerpt: str) -> Finding:
    """A finding about an endpoint as a whole. `excerpt` is safe to show."""
    return _finding(constraint, constraint.key.address, excerpt)


_USUAL_NAME: Final = re.compile(r"[A-Za-z0-9_.\[\]{}-]{1,80}")


def about_field(constraint: Constraint, field: Field, mask: Mask) -> Finding:
    """A finding about one field. A name that the client made up is masked as values are."""
    if constraint.key.aspect != Aspect.NAMES.value:
        return _finding(constraint, field.address, mask(field.value))
    shown = mask(field.name.encode("utf-8", "replace"))
    usual = _USUAL_NAME.fullmatch(field.name) is not None
    return _finding(constraint, field.address if usual else f"{field.part.label}.{shown}", shown)


def _finding(constraint: Constraint, address: str, excerpt: str) -> Finding:
    aspect = Aspect(constraint.key.aspect)
    return Finding(
        rule=aspect.rule,
        kind="profile",
        engine=Engine.PROFILE,
        severity=SEVERITY[aspect],
        confidence=Confidence.HIGH,
        address=address,
        excerpt=excerpt,
        detail=f"{constraint.key.method} {constraint.key.template or ROOT}: {_SENTENCES[aspect]}",
        expected=expected(constraint),
        tags=(str(constraint.key), constraint.origin.value),
        enforced=constraint.stage is Stage.PROTECT and aspect not in NEVER_ENFORCED,
    )


def expected(constraint: Constraint) -> str:
    """What the constraint allows, in a few words."""
    aspect, allowed = Aspect(constraint.key.aspect), constraint.allowed
    if aspect in (Aspect.LENGTH, Aspect.RANGE):
        unit = " bytes" if aspect is Aspect.LENGTH else ""
        least, most = allowed
        if least == most:
            return f"{least}{unit}"
        return f"at least {least}{unit}" if not most else f"{least or 'any'} to {most}{unit}"
    if aspect is Aspect.REPEATS:
        return f"at most {allowed[0]} times"
    if aspect is Aspect.REQUIRED:
        return "present"
    if aspect is Aspect.SIZE:
        return f"at most {allowed[0]} bytes"
    if aspect is Aspect.ENUM:
        clear = [value[1:] for value in allowed if value[:1] == "="]
        hidden = len(allowed) - len(clear)
        return _listed(clear) + (f"{', ' if clear else ''}{hidden} values kept as hashes" if hidden else "")
    if aspect in CHARSETS and not allowed:
        return "none of this kind"
    return _listed([name or "none" for name in allowed]) or "none"


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
