"""One Hyperscan database for all entities: bytes in, places to look at out.

Owns compiling, caching and scanning. Knows nothing of validators or scores: a candidate only says "here may
be one".

Patterns that speak for themselves are compiled with start-of-match, which costs nothing as they are short.
Led ones are compiled behind their context words, within `GAP` bytes, and report their end: so a text full of
plain numbers makes no candidates at all. Hyperscan's block mode serves streams too: the filter keeps the last
bytes anyway, as expansion and context need them, and a decision that always sees the same bytes cannot depend
on where chunks were cut.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import Any, Final

import hyperscan
import msgspec

from waf.errors import ConfigError, Problem
from waf.model import PatternStore
from waf.sensitive.entities import Entity

GAP: Final = 60
"""Bytes between a context word and a led value, mark-up included."""

_LABEL_GAP: Final = r"[A-Za-z0-9_\]-]{0,16}[\"' ]{0,2}(?:=>|[=:>])[\"' ]{0,3}"


class Form(msgspec.Struct, frozen=True):
    """One pattern of one entity; `led` ones count behind a context word only."""

    entity: Entity
    pattern: str
    led: bool

    @property
    def expression(self) -> bytes:
        """What Hyperscan looks for."""
        if not self.led:
            return self.pattern.encode()
        words = "|".join(_word(word) for word in self.entity.context)
        gap = _LABEL_GAP if self.entity.labelled else f".{{0,{GAP}}}"
        return f"(?:{words}){gap}(?:{self.pattern})".encode()

    @property
    def flags(self) -> int:
        return int(hyperscan.HS_FLAG_DOTALL if self.led else hyperscan.HS_FLAG_SOM_LEFTMOST)


def core(word: str) -> str:
    """A context word as an expression without its edges."""
    return word.removeprefix(r"\b").removesuffix(r"\b").replace(" ", "[ _.-]?")


def _word(word: str) -> str:
    """A context word for Hyperscan; one that begins at an edge does so at a hump too ("customerPan", not "span")."""
    text = core(word)
    if not word.startswith(r"\b") or not text[:1].isalpha():
        return f"(?i:{text})"
    return rf"(?:(?:\b|_)(?i:{text})|[a-z]{text[0].upper()}(?i:{text[1:]}))"


def forms(entities: Sequence[Entity]) -> tuple[Form, ...]:
    """Every pattern of `entities`; candidates carry an index into this."""
    return tuple(
        Form(entity, pattern, led)
        for entity in entities
        for patterns, led in ((entity.patterns, False), (entity.led, True))
        for pattern in patterns
    )


Candidate = tuple[int, int]
"""(index of the form, where: the start of the match, for a led form the end)."""


class Candidates:
    """The compiled patterns; may be scanned with from several threads."""

    def __init__(self, database: Any, forms: Sequence[Form]) -> None:
        self.forms: Final = tuple(forms)
        self._led = tuple(form.led for form in forms)
        self._database = database
        self._local = threading.local()

    @classmethod
    def build(cls, entities: Sequence[Entity], store: PatternStore | None) -> Candidates:
        """Compile, or load what was compiled before. ConfigError names each pattern that Hyperscan refuses."""
        all_forms = forms(entities)
        key = _key(all_forms)
        kept = store.load(key) if store is not None and all_forms else None
        if kept is not None:
            try:
                return cls(hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK), all_forms)
            except hyperscan.HyperscanError:
                pass  # of another engine or machine: compile anew
        if not all_forms:
            return cls(None, ())
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        try:
            database.compile(
                expressions=[form.expression for form in all_forms],
                ids=list(range(len(all_forms))),
                elements=len(all_forms),
                flags=[form.flags for form in all_forms],
            )
        except hyperscan.HyperscanError:
            raise ConfigError(_refused(all_forms)) from None
        if store is not None:
            store.save(key, hyperscan.dumpb(database))
        return cls(database, all_forms)

    def scan(self, text: bytes) -> set[Candidate]:
        """Every candidate in `text`."""
        found: set[Candidate] = set()
        if self._database is None:
            return found
        try:
            scratch = self._local.scratch
        except AttributeError:  # scratch space is for one thread at a time
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        led = self._led
        add = found.add

        def noticed(form: int, start: int, end: int, flags: int, context: object) -> None:
            add((form, end if led[form] else start))

        self._database.scan(text, match_event_handler=noticed, scratch=scratch)
        return found


def _key(all_forms: Sequence[Form]) -> str:
    digest = hashlib.sha256(f"sensitive {getattr(hyperscan, '__version__', '')}\n".encode())
    for form in all_forms:
        expression = form.expression
        digest.update(b"%d %d %b\n" % (form.flags, len(expression), expression))
    return digest.hexdigest()


def _refused(all_forms: Sequence[Form]) -> list[Problem]:
    """A failed batch does not name the pattern, so each is tried alone."""
    problems = []
    for form in all_forms:
        try:
            hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(
                expressions=[form.expression], ids=[0], elements=1, flags=[form.flags]
            )
        except hyperscan.HyperscanError as error:
            entity = form.entity
            place = f"{entity.id}.{'led' if form.led else 'pattern'}"
            problems.append(Problem(entity.file, entity.line, place, f"Hyperscan refuses it: {error}"))
    return problems or [Problem("", 0, "", "the patterns do not compile together")]
