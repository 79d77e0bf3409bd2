"""What people do to a learned profile, as one vocabulary for the command line and the control API.

Each edit is a pure change of the learner's book; the next compiled profile follows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

from waf.profiles import review, yaml_view
from waf.profiles.constraints import Aspect, Constraint, Key, Stage
from waf.profiles.findings import expected
from waf.profiles.learner import Learner
from waf.profiles.rules import check_allowed

Operation = Literal[
    "accept", "compile", "ignore", "import", "pin", "promote", "recall", "resume", "rollback", "unpin"
]
_STAGES: Final = {stage.label: stage for stage in Stage}


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`pattern` is "METHOD /template [address [aspect]]" with "*" for anything; `text` a document to import."""

    operation: Operation
    pattern: str = ""
    stage: str = ""
    version: str = ""
    text: str = ""


def apply(learner: Learner, edit: Edit, now: float) -> list[str]:
    """Do it; gives what changed, a line each. Raises ValueError or ConfigError, and changes nothing then."""
    return _DO[edit.operation](learner, edit, now)


def _compile(learner: Learner, edit: Edit, now: float) -> list[str]:
    return [f"changed {key}" for key in learner.advance(now)]


def _pin(learner: Learner, edit: Edit, now: float) -> list[str]:
    constraint = msgspec.structs.replace(_claim(edit), stage=_stage(edit.stage or Stage.PROTECT.label))
    if problem := check_allowed(constraint):
        raise ValueError(f"{constraint.key}: {problem}")
    learner.book.pin(constraint)
    return [f"pinned {constraint.key}: {expected(constraint)}"]


def _claim(edit: Edit) -> Constraint:
    """The constraint that a pin names: its key in `pattern`, one allowed value a line in `text`."""
    key = Key.parse(edit.pattern)
    try:
        aspect = Aspect(key.aspect)
    except ValueError:
        known = ", ".join(aspect.value for aspect in Aspect)
        raise ValueError(f"{key.aspect!r} is no aspect; write one of {known}") from None
    allowed = tuple(line for line in edit.text.split("\n") if line)
    ordered = aspect in (Aspect.LENGTH, Aspect.RANGE)
    if aspect is Aspect.ENUM:
        allowed = tuple(text if text[:1] in ("=", "#") else f"={text}" for text in allowed)
    return Constraint(key, allowed if ordered else tuple(sorted(allowed)))


def _unpin(learner: Learner, edit: Edit, now: float) -> list[str]:
    key = Key.parse(edit.pattern)
    if not learner.book.unpin(key):
        raise ValueError(f"{key} is not pinned")
    return [f"no longer pinned {key}"]


def _accept(learner: Learner, edit: Edit, now: float) -> list[str]:
    return [f"protect {key}" for key in learner.book.accept(edit.pattern, now)]


def _promote(learner: Learner, edit: Edit, now: float) -> list[str]:
    stage = _stage(edit.stage)
    return [f"{stage.label} {key}" for key in learner.book.promote(edit.pattern, stage, now)]


def _stage(label: str) -> Stage:
    if (stage := _STAGES.get(label)) is None:
        raise ValueError(f"no such stage; write one of {', '.join(_STAGES)}")
    return stage


def _ignore(learner: Learner, edit: Edit, now: float) -> list[str]:
    learner.book.ignore(edit.pattern)
    return [f"ignored {edit.pattern}"]


def _recall(learner: Learner, edit: Edit, now: float) -> list[str]:
    if not learner.book.recall(edit.pattern):
        raise ValueError(f"{edit.pattern!r} is not ignored")
    return [f"no longer ignored {edit.pattern}"]


def _rollback(learner: Learner, edit: Edit, now: float) -> list[str]:
    try:
        learner.book.roll_back(edit.version, now)
    except KeyError:
        kept = ", ".join(v.version for v in learner.book.versions) or "none"
        raise ValueError(f"version {edit.version!r} is not kept; kept are: {kept}") from None
    return [f"held at version {edit.version}; `resume` lets it learn again"]


def _resume(learner: Learner, edit: Edit, now: float) -> list[str]:
    learner.book.resume()
    return ["learning goes on"]


def _import(learner: Learner, edit: Edit, now: float) -> list[str]:
    document = yaml_view.parse(edit.text, "profile")
    return [str(change) for change in review.take_edits(learner.book, document, now)]


_DO: Final[dict[str, Callable[[Learner, Edit, float], list[str]]]] = {
    "accept": _accept, "compile": _compile, "ignore": _ignore, "import": _import, "pin": _pin, "promote": _promote,
    "recall": _recall, "resume": _resume, "rollback": _rollback, "unpin": _unpin,
}  # fmt: skip


def status(learner: Learner, workload: str) -> dict[str, Any]:
    """How far learning has come: counts by stage, versions, what waits for a person."""
    book = learner.book
    stages = {stage.label: review.blocking(book, stage) for stage in Stage}
    return {
        "workload": workload,
        "mode": learner.config.mode,
        "constraints": stages,
        "endpoints": sum(len(methods) for methods in book.all_places().values()),
        "waiting": [str(change) for change in review.waiting(book)],
        "ignored": list(book.ignored),
        "versions": [{"version": v.version, "made": v.made, "why": v.why} for v in book.versions],
        "held": book.held,
        "ready": stages[Stage.PROTECT.label] > 0 and not book.held,
    }
