"""What people do to a learned profile, as one vocabulary for the command line and the control API.

Each edit is a pure change of the learner's book; the next compiled profile follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from waf.config.schema import Config, Limits
from waf.inspect.reading import read
from waf.memory import Memory
from waf.model import Field, Mask, Request
from waf.profiles import compile, openapi_export, report, review, yaml_view
from waf.profiles.book import Places
from waf.profiles.constraints import Aspect, Constraint, Key, Stage
from waf.profiles.findings import expected, shape_mask
from waf.profiles.har import Skipped, observations
from waf.profiles.learner import Learner
from waf.profiles.model import State
from waf.profiles.rules import check_allowed

Operation = Literal[
    "accept", "compile", "hold", "ignore", "import", "pin", "promote", "recall", "resume", "rollback", "unpin"
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
    lines = _DO[edit.operation](learner, edit, now)
    if lines and edit.operation in _KEPT:
        book = learner.book
        version = compile.version_of(book.all_places(), book.constraints())
        book.keep_version(
            version, now, f"{edit.operation} by a person: {edit.pattern or f'{len(lines)} changes'}"[:200]
        )
    return lines


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


def _hold(learner: Learner, edit: Edit, now: float) -> list[str]:
    book = learner.book
    version = compile.version_of(book.all_places(), book.constraints())
    book.keep_version(version, now, "held by a person")
    book.held = version
    return [f"held at {version}; nothing is learned into it until resume"]


def _resume(learner: Learner, edit: Edit, now: float) -> list[str]:
    learner.book.resume()
    return ["learning goes on"]


def _import(learner: Learner, edit: Edit, now: float) -> list[str]:
    document = yaml_view.parse(edit.text, "profile")
    return [str(change) for change in review.take_edits(learner.book, document, now)]


_DO: Final[dict[str, Callable[[Learner, Edit, float], list[str]]]] = {
    "accept": _accept, "compile": _compile, "hold": _hold, "ignore": _ignore, "import": _import, "pin": _pin, "promote": _promote,
    "recall": _recall, "resume": _resume, "rollback": _rollback, "unpin": _unpin,
}  # fmt: skip


_KEPT: Final = frozenset({"accept", "ignore", "import", "pin", "promote", "recall", "unpin"})
"""Edits after which the profile is kept as a version: whoever erred goes back to the one before."""


VIEWS: Final = ("profile", "evidence", "openapi")


def view(learner: Learner, workload: str, name: str, mask: Mask = shape_mask) -> str:
    """The profile as a text, in one of `VIEWS`. `mask` makes safe what is not known to be usual: paths seen once."""
    book = learner.book
    match name:
        case "evidence":
            before = report.predecessors(learner.state)
            return yaml_view.evidence_of(learner.candidates(), book, mask, before)
        case "openapi":
            version = book.versions[-1].version if book.versions else "0"
            document = openapi_export.export(book.all_places(), book.constraints(), workload, version)
            return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"
    return yaml_view.text_of(book, workload)


def route_modes(config: Config) -> dict[str, str]:
    """The mode of the profile at those routes that have one of their own."""
    return {r.name or r.path: r.profiles_mode for r in config.routes if r.profiles_mode is not None}


def status(
    learner: Learner, workload: str, mask: Mask = shape_mask, routes: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """How far learning has come: counts by stage, each endpoint, versions, what waits for a person.

    `routes` are those with a mode of their own. `mask` makes safe what is not known to be usual: a path that was seen once may be anything.
    """
    book = learner.book
    stages = {stage.label: review.blocking(book, stage) for stage in Stage}
    known = book.all_places()
    rows = report.plain(report.status(learner.state, book, learner.candidates()))
    for row in rows:
        row["template"] = mask(row["template"].encode())
        row["before"] = {mask(place.encode()): share for place, share in row["before"].items()}
    return {
        "workload": workload,
        "mode": learner.config.mode,
        "routes": dict(routes or {}),
        "constraints": stages,
        "endpoints": sum(len(methods) for methods in known.values()),
        "waiting": [str(change) for change in review.waiting(book)],
        "ignored": list(book.ignored),
        "versions": [{"version": v.version, "made": v.made, "why": v.why} for v in book.versions],
        "held": book.held,
        "led": learner.led,
        "frozen": learner.frozen,
        "ready": stages[Stage.PROTECT.label] > 0 and not book.held,
        "places": rows,
    }


def compare(state: State, documented: Places, now: float, mask: Mask = shape_mask) -> dict[str, Any]:
    """What is in use and not in the document, and what is in it (or was once seen) and silent."""

    def shown(template: str) -> str:
        return template if template in documented else mask(template.encode())

    return {
        "shadows": [{"template": shown(t), "method": m} for t, m in report.shadows(state, documented)],
        "zombies": [
            {"template": shown(t), "method": m, "why": why}
            for t, m, why in report.zombies(state, documented, now)
        ],
    }


def learn_recording(
    memory: Memory, har: Any, *, trusted: bool = True, host: str = ""
) -> tuple[int, dict[str, int]]:
    """Learn from a HAR 1.2 as plain values; gives how many requests were learned from, and why others were not.

    A recording is made on purpose, so its requests are `trusted` unless it is told otherwise. With `host` only those
    of that host are taken.
    """
    limits, skipped, learned = Limits(), Skipped(), 0

    def fields(request: Request, body: bytes) -> list[Field]:
        reading = read(request, body, limits, lambda _: "")
        return [*reading.target, *reading.cookies, *reading.headers, *reading.body_fields()]

    learner = memory.learner
    for seen in observations(har, fields, memory.sources, skipped, host=host, trusted=trusted):
        if learner.observe(seen, seen.wall):
            learned += 1
        else:
            skipped.add(f"answered {seen.status}" if not 200 <= seen.status < 400 else "no place in the tree")
    return learned, skipped.reasons
