"""The profiles' engine as a `Merger`: states are merged, promoted and compiled into the book that sidecars enforce.

What a sidecar pulls is the packed book (`waf.profiles.book.Book.load`); the mode in which it is enforced comes beside
it. The key with which sidecars hash is theirs; merging never needs it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import yaml

from waf.config.schema import Profiles
from waf.errors import ConfigError
from waf.kube.fleet.terms import Compiled, Key, Merger
from waf.profiles import compile, review, store, yaml_view
from waf.profiles.book import Book
from waf.profiles.constraints import CAPS, Constraint, Stage
from waf.profiles.learner import Learner
from waf.profiles.merge import Delta

MAGIC: Final = b"\x89WAFWRK\n"
FORMAT: Final = int(yaml_view.FORMAT)
_JUDGED_AS: Final = "protect"
_HOUR: Final = 3600
_HOURS: Final = 24  # for which it is told how many requests would have been refused


class Workload:
    """One workload's learner. Raises store.Damaged (a ValueError) for bytes that cannot be read."""

    def __init__(self, config: Profiles, key: Key, state: bytes) -> None:
        self._key = key
        self._learner = Learner(config, b"")
        self._would_block: dict[int, int] = {}  # by hour
        self._reach = ""
        if state:
            try:
                learned, hours, *more = store.unseal(state, MAGIC)
                self._would_block = msgspec.convert(dict(hours), dict[int, int])
                # The first versions wrote no reach, and had judged as if all were held against traffic.
                self._hold(str(more[0]) if more else _JUDGED_AS)
            except (ValueError, TypeError) as error:
                raise store.Damaged(str(error)) from None
            self._learner.load(learned)

    def merge(self, delta: bytes, now: float) -> None:
        self._learner.take(Delta.unpack(delta), now)
        hour = int(now // _HOUR)
        if counted := self._learner.would_block:
            self._would_block[hour] = self._would_block.get(hour, 0) + counted
            self._learner.would_block = 0

    def dump(self) -> bytes:
        content = [self._learner.dump(), sorted(self._would_block.items()), self._reach]
        return store.seal(content, MAGIC, dense=True)

    def _hold(self, reach: str) -> None:
        """Constraints may come as far as some replica holds traffic against them: elsewhere nobody could complain."""
        if reach in CAPS:
            self._reach, self._learner.reach = reach, CAPS[reach]

    def compile(self, now: float, reach: str) -> Compiled:
        self._hold(reach)
        self._learner.advance(now)
        book = self._learner.book
        version = compile.version_of(book.all_places(), book.constraints())
        oldest = int(now // _HOUR) - _HOURS
        self._would_block = {hour: n for hour, n in self._would_block.items() if hour > oldest}
        # Former versions are for those who roll back, here; a sidecar has no use for them.
        return Compiled(msgspec.structs.replace(book, versions=()).dump(), version, self._facts())

    def take_document(self, former: Any, document: Any, now: float) -> list[str]:
        said = self._read(document)
        before = None if former is None else self._read(former)
        changes = review.take_document(self._learner.book, before, said, now)
        return [str(change) for change in changes]

    def drift(self, document: Any) -> list[str]:
        return drift(self._learner.book, self._read(document))

    def _read(self, document: Any) -> yaml_view.Document:
        return read_document(document, self._key)

    def _facts(self) -> dict[str, Any]:
        book = self._learner.book
        found = self._learner.candidates()
        closed = sum(candidate.closed for candidate in found)
        constraints = book.constraints()
        return {
            "requests": int(self._learner.state.requests),
            "endpoints": sum(len(methods) for methods in book.all_places().values()),
            "constraints": len(constraints),
            "protected": sum(c.stage is Stage.PROTECT for c in constraints),
            "progress": f"{100 * closed // len(found) if found else 0}%",
            "wouldBlock": sum(self._would_block.values()),
            "violations": sum(
                entry.violations for entry in book.entries.values() if entry.constraint.stage is Stage.STAGE
            ),
            "waiting": sum(bool(entry.wanted) for entry in book.entries.values()),
        }


def merger(config: Profiles) -> Merger:
    """The `Merger` for workloads of this configuration."""

    # The mode is each WafProfile's own and comes beside the book; how far it lets constraints come the replicas tell.
    config = msgspec.structs.replace(config, mode="discover")

    def opened(key: Key, state: bytes) -> Workload:
        return Workload(config, key, state)

    return opened


def read_document(document: Any, key: Key) -> yaml_view.Document:
    """What `spec.profile` of a WafProfile says: the profile's YAML without its head. Raises ConfigError."""
    if not isinstance(document, dict):
        document = {"endpoints": document}
    whole = {**document, "profile": FORMAT, "workload": key.workload}
    try:
        return yaml_view.parse(yaml.safe_dump(whole, sort_keys=False), "spec.profile")
    except ConfigError as error:  # lines of a text that nobody has seen help nobody
        raise ConfigError([msgspec.structs.replace(problem, line=0) for problem in error.problems]) from None


def document_of(book: Book) -> dict[str, Any]:
    """The book as `spec.profile` of a WafProfile."""
    whole = yaml.safe_load(yaml_view.text_of(book, ""))
    return {"ignored": whole["ignored"], "endpoints": whole["endpoints"]}


def drift(book: Book, document: yaml_view.Document) -> list[str]:
    """What the book says beyond or against a document, a line each."""
    now: list[Constraint] = [book.shown(constraint) for constraint in book.constraints()]
    # A claim's origin is not written for those that were learned; what it says is what counts.
    same = {c.key: c for c in now}
    said = [
        msgspec.structs.replace(c, origin=same[c.key].origin) if c.key in same else c
        for c in document.constraints
    ]
    lines = [str(change) for change in review.diff(said, now)]
    lines += [
        f"~ no longer ignored: {pattern}" for pattern in document.ignored if pattern not in book.ignored
    ]
    lines += [f"~ ignored: {pattern}" for pattern in book.ignored if pattern not in document.ignored]
    return lines
