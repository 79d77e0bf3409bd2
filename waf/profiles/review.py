"""What changed between two profiles, and how an edited one is taken back into the book.

Pure edits: nothing here knows files or people.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from waf.profiles.book import Book, move
from waf.profiles.constraints import ROOT, Constraint, Key, Origin, Stage
from waf.profiles.findings import expected
from waf.profiles.yaml_view import Document

_SIGNS: Final = {(False, True): "+", (True, False): "-", (True, True): "~"}


class Change(msgspec.Struct, frozen=True):
    """One constraint that two profiles do not have in common; None where one has it not at all."""

    key: Key
    before: Constraint | None
    after: Constraint | None

    def __str__(self) -> str:
        sign = _SIGNS[self.before is not None, self.after is not None]
        if self.before is None or self.after is None:
            said = self.after or self.before
            assert said is not None
            return f"{sign} {self.key}: {expected(said)} ({said.stage.label})"
        parts = []
        if self.before.allowed != self.after.allowed:
            gone = sorted(set(self.before.allowed) - set(self.after.allowed))
            come = sorted(set(self.after.allowed) - set(self.before.allowed))
            parts.append(
                " ".join([*(f"-{_plain(text)}" for text in gone), *(f"+{_plain(text)}" for text in come)])
            )
        if self.before.stage is not self.after.stage:
            parts.append(f"{self.before.stage.label} to {self.after.stage.label}")
        if self.before.origin is not self.after.origin:
            parts.append(f"now {self.after.origin.value}")
        return f"{sign} {self.key}: {', '.join(parts)}"


def _plain(text: str) -> str:
    return text.removeprefix("=") or '""'


def diff(before: Iterable[Constraint], after: Iterable[Constraint]) -> list[Change]:
    """What differs, sorted by key."""
    old = {constraint.key: constraint for constraint in before}
    new = {constraint.key: constraint for constraint in after}
    keys = sorted({*old, *new})
    return [Change(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def waiting(book: Book) -> list[Change]:
    """What has been learned beyond protected constraints and waits for a person."""
    found = []
    for key in sorted(book.entries):
        entry = book.entries[key]
        if entry.wanted:
            after = msgspec.structs.replace(entry.constraint, allowed=entry.wanted)
            found.append(Change(key, book.shown(entry.constraint), book.shown(after)))
    return found


def take_edits(book: Book, document: Document, now: float) -> list[Change]:
    """Make the book say what an edited text says. Gives what changed.

    A constraint with other values becomes a pin, with another stage it is moved there, a new one is pinned.
    A line that is gone from an endpoint is ignored from now on; endpoints that the text does not name are
    left alone.
    """
    before = [book.shown(constraint) for constraint in book.constraints()]
    known = {constraint.key: constraint for constraint in before}
    named = {(c.key.template, c.key.method) for c in document.constraints}
    written = {c.key for c in document.constraints}
    for constraint in document.constraints:
        _claim(book, known.get(constraint.key), constraint, now)
    book.ignored = document.ignored
    for key in known:
        if (key.template, key.method) in named and key not in written and book.pins.pop(key, None) is None:
            book.ignore(_exactly(key))
    return diff(before, (book.shown(constraint) for constraint in book.constraints()))


def take_document(book: Book, former: Document | None, document: Document, now: float) -> list[Change]:
    """Make the book say what a document in a repository says. Gives what changed.

    Three ways are held together, as by `kubectl apply`: what the document says, what it said when it was taken last
    (`former`, None for never), and what was learned meanwhile. A claim that the document repeats is left to learning;
    a new or changed one is pinned, or moved to its stage. A line that is gone is ignored from now on, and its pin
    undone; with its whole endpoint gone only the pin is undone.
    """
    before = [book.shown(constraint) for constraint in book.constraints()]
    known = {constraint.key: constraint for constraint in before}
    told = {constraint.key: constraint for constraint in former.constraints} if former else {}
    for constraint in document.constraints:
        if told.get(constraint.key) != constraint:
            _claim(book, known.get(constraint.key), constraint, now)
    written = {constraint.key for constraint in document.constraints}
    named = {(key.template, key.method) for key in written}
    own = set(book.ignored) - set(former.ignored if former else ()) - {_exactly(key) for key in written}
    book.ignored = tuple(sorted({*own, *document.ignored}))
    for key in told.keys() - written:
        if not book.unpin(key) and (key.template, key.method) in named:
            book.ignore(_exactly(key))
    return diff(before, (book.shown(constraint) for constraint in book.constraints()))


def _claim(book: Book, own: Constraint | None, constraint: Constraint, now: float) -> None:
    """One line that a person wrote, where the book has `own` under its key."""
    if own is None or own.allowed != constraint.allowed:
        book.pin(constraint)
    elif own.stage is not constraint.stage:
        entry = book.entries.get(constraint.key)
        if entry is not None and own.origin is Origin.LEARNED:
            move(entry, constraint.stage, now, "set by a person")
        else:
            book.pin(constraint)


def _exactly(key: Key) -> str:
    """A pattern for this key alone."""
    return f"{key.method} {key.template or ROOT} {key.address.replace(' ', '?') or '-'} {key.aspect}"


def blocking(book: Book, stage: Stage = Stage.PROTECT) -> int:
    """How many constraints are at a stage."""
    return sum(constraint.stage is stage for constraint in book.constraints())
