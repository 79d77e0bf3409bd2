"""The profile as one YAML text that people review, keep in a repository and edit; and the way back.

Sorted keys, stable ids, no counters: two texts differ only where the profile does. Evidence (how often,
from how many sources) is a text of its own. Reading names every mistake with its line.

    profile: 1
    workload: shop
    ignored: ["POST /search arg.q charset.prose"]
    endpoints:
      POST /login:
        names form: {allow: [password, user], stage: protect}
        form.user:
          type: {allow: [word], stage: protect}
          length: {allow: ['2', '15'], stage: stage, origin: pinned}
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import msgspec
import yaml

from waf.config.document import Listing, Mapping, Scalar, Tree, read_document
from waf.config.shape import did_you_mean
from waf.errors import ConfigError, Problem
from waf.model import Mask
from waf.profiles.book import Book, pattern_of
from waf.profiles.candidates import Candidate
from waf.profiles.constraints import ROOT, Aspect, Constraint, Key, Origin, Stage
from waf.profiles.evidence import estimate, hours
from waf.profiles.rules import check_allowed

FORMAT: Final = "1"
_DUMPER: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_STAGES: Final = {stage.label: stage for stage in Stage}
_ORIGINS: Final = {origin.value: origin for origin in Origin}
_ASPECTS: Final = {aspect.value: aspect for aspect in Aspect}


class Document(msgspec.Struct, frozen=True):
    """What a profile's text says."""

    workload: str
    constraints: tuple[Constraint, ...]
    ignored: tuple[str, ...] = ()


def text_of(book: Book, workload: str) -> str:
    """The book as YAML; values stand in clear where they may be shown."""
    endpoints: dict[str, dict[str, Any]] = {}
    for constraint in sorted((book.shown(c) for c in book.constraints()), key=lambda c: c.key):
        key = constraint.key
        body = endpoints.setdefault(f"{key.method} {key.template or ROOT}", {})
        said: dict[str, Any] = {"allow": list(constraint.allowed), "stage": constraint.stage.label}
        if constraint.origin is not Origin.LEARNED:
            said["origin"] = constraint.origin.value
        if key.aspect == Aspect.NAMES.value:
            body[f"names {key.address}"] = said
        elif key.address:
            body.setdefault(key.address, {})[key.aspect] = said
        else:
            body[key.aspect] = said
    content = {
        "profile": int(FORMAT),
        "workload": workload,
        "ignored": list(book.ignored),
        "endpoints": endpoints,
    }
    return _dump(content)


def evidence_of(
    found: Iterable[Candidate],
    book: Book,
    mask: Mask = bytes.decode,
    before: dict[str, dict[str, float]] | None = None,
) -> str:
    """How well founded each constraint is, by its id, as YAML. `mask` makes safe what was seen but once.

    `before` tells where those were before who came to an endpoint, with shares (`report.predecessors`).
    """
    content: dict[str, Any] = {}
    safe = lru_cache(maxsize=4096)(lambda part: mask(part.encode()))

    def shown(place: str) -> str:
        return "/".join(safe(part) for part in place.split("/"))

    for endpoint, came in (before or {}).items():
        content[f"{shown(endpoint)} before"] = {shown(p): float(f"{share:.2g}") for p, share in came.items()}
    for candidate in found:
        entry = book.entries.get(candidate.key)
        # Part by part: a mask shortens what is long, and a template may be.
        content[name := shown(str(candidate.key))] = {
            "requests": round(candidate.n),
            "sources": _number(estimate(candidate.seen)),
            "hours": hours(candidate.seen),
            "unseen": float(f"{candidate.unseen:.2g}"),
            "stage": entry.constraint.stage.label if entry else Stage.DISCOVER.label,
            "why": (entry.note if entry else candidate.why) or "closed",
        }
        if entry and entry.violations:
            content[name]["violations"] = entry.violations
    return _dump(content)


def _number(value: float) -> int | str:
    return "many" if value == float("inf") else round(value)


def _dump(content: Any) -> str:
    text: str = yaml.dump(
        content, Dumper=_DUMPER, sort_keys=True, default_flow_style=None, allow_unicode=True, width=1_000_000
    )
    return text


# ----------------------------------------------------------------------------------------------- reading


def parse(text: str, file: str) -> Document:
    """Read a profile's text. Raises ConfigError with every problem and its line."""
    problems: list[Problem] = []
    reader = _Reader(file, problems)
    root = read_document(text, file, problems)
    if "openapi" in root.entries or "swagger" in root.entries:
        mend = "name it under profiles.openapi in waf.yaml: what it says then wins over what is learned, in requests and answers"
        raise ConfigError([Problem(file, 1, "", "this is an OpenAPI document and not a profile", mend)])
    document = reader.document(root)
    if problems:
        raise ConfigError(problems)
    return document


class _Reader:
    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems

    def document(self, root: Mapping) -> Document:
        self._known(root, ("profile", "workload", "ignored", "endpoints"), "")
        form = root.entries.get("profile")
        if not isinstance(form, Scalar) or form.text != FORMAT:
            self._wrong(
                root.keys.get("profile"), "profile", "not a profile of a format known here", "profile: 1"
            )
        workload = (
            self._text(root.entries.get("workload"), "workload") if "workload" in root.entries else "default"
        )
        ignored = self._texts(root.entries.get("ignored"), "ignored")
        for pattern in ignored:
            try:
                pattern_of(pattern)
            except ValueError as error:
                self._wrong(root.keys.get("ignored"), "ignored", str(error))
        constraints: list[Constraint] = []
        for name, body in self._entries(root.entries.get("endpoints"), "endpoints"):
            method, _, template = name.partition(" ")
            path = f"endpoints.{name}"
            if not template or (template[0] != "/" and template not in ("*", ROOT)):
                self._wrong(body.origin, path, "not a method and a path template", "such as POST /login")
                continue
            constraints += self._endpoint(body, method, "" if template == ROOT else template, path)
        return Document(workload, tuple(sorted(constraints, key=lambda c: c.key)), tuple(ignored))

    def _endpoint(self, body: Tree, method: str, template: str, path: str) -> list[Constraint]:
        found: list[Constraint | None] = []
        for name, said in self._entries(body, path):
            place = f"{path}.{name}"
            if name.startswith("names "):
                key = Key(template, method, name[6:], Aspect.NAMES.value)
                found.append(self._constraint(said, key, place))
            elif name in _ASPECTS:
                found.append(self._constraint(said, Key(template, method, "", name), place))
            else:
                for aspect, inner in self._entries(said, place):
                    if aspect not in _ASPECTS:
                        mend = did_you_mean(aspect, _ASPECTS)
                        self._wrong(inner.origin, f"{place}.{aspect}", "no such constraint", mend)
                        continue
                    key = Key(template, method, name, aspect)
                    found.append(self._constraint(inner, key, f"{place}.{aspect}"))
        return [constraint for constraint in found if constraint is not None]

    def _constraint(self, tree: Tree, key: Key, path: str) -> Constraint | None:
        if not isinstance(tree, Mapping):
            self._wrong(tree.origin, path, "not a mapping", "such as {allow: [int], stage: protect}")
            return None
        self._known(tree, ("allow", "stage", "origin"), path)
        allowed = self._texts(tree.entries.get("allow"), f"{path}.allow")
        stage = self._choice(tree, "stage", _STAGES, Stage.PROTECT, path)
        origin = self._choice(tree, "origin", _ORIGINS, Origin.LEARNED, path)
        constraint = Constraint(key, tuple(allowed), stage, origin)
        if wrong := check_allowed(constraint):
            self._wrong(tree.origin, f"{path}.allow", wrong)
            return None
        return constraint

    def _choice(self, tree: Mapping, name: str, choices: dict[str, Any], default: Any, path: str) -> Any:
        value = tree.entries.get(name)
        if value is None:
            return default
        text = self._text(value, f"{path}.{name}")
        if text not in choices:
            self._wrong(
                value.origin,
                f"{path}.{name}",
                f"not one of {', '.join(choices)}",
                did_you_mean(text, choices),
            )
            return default
        return choices[text]

    def _entries(self, tree: Tree | None, path: str) -> list[tuple[str, Tree]]:
        if tree is None or (isinstance(tree, Scalar) and tree.null):
            return []
        if not isinstance(tree, Mapping):
            self._wrong(tree.origin, path, "not a mapping")
            return []
        return list(tree.entries.items())

    def _texts(self, tree: Tree | None, path: str) -> list[str]:
        if tree is None:
            return []
        if not isinstance(tree, Listing):
            self._wrong(tree.origin, path, "not a list", "write it in brackets: [a, b]")
            return []
        return [self._text(item, path) for item in tree.items]

    def _text(self, tree: Tree | None, path: str) -> str:
        if isinstance(tree, Scalar):
            return tree.text
        self._wrong(None if tree is None else tree.origin, path, "not a text")
        return ""

    def _known(self, tree: Mapping, names: tuple[str, ...], path: str) -> None:
        for name, origin in tree.keys.items():
            if name not in names:
                self._wrong(origin, f"{path}.{name}".lstrip("."), "unknown key", did_you_mean(name, names))

    def _wrong(self, origin: Any, path: str, message: str, mend: str = "") -> None:
        line = origin.line if origin is not None else 0
        self._problems.append(Problem(self._file, line, path, message, mend))
