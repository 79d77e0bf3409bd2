"""Hyperscan over all entities: bytes in, places to look at out.

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

from waf.errors import ConfigError, Problem
from waf.model import PatternStore
from waf.sensitive.entities import Entity
from waf.sensitive.forms import Form, forms
from waf.sensitive.sieve import Sieve

Candidate = tuple[int, int]
"""(index of the form, where: the start of the match, for a led form the end)."""


class Candidates:
    """The compiled patterns; may be scanned with from several threads."""

    def __init__(self, database: Any, forms: Sequence[Form], sieve: Sieve | None = None) -> None:
        self.forms: Final = tuple(forms)
        self._led = tuple(form.led for form in forms)
        self._database = database
        self._sieve = sieve
        self._local = threading.local()

    @classmethod
    def build(cls, entities: Sequence[Entity], store: PatternStore | None, sieved: bool = True) -> Candidates:
        """Compile, or load what was compiled before. ConfigError names each pattern that Hyperscan refuses.

        Without being `sieved`, long texts cost more and compiling less.
        """
        all_forms = forms(entities)
        if not all_forms:
            return cls(None, ())
        sieve = Sieve.build(all_forms, store) if sieved else None
        return cls(_compiled(all_forms, store), all_forms, sieve)

    def only(self, entities: Sequence[Entity], store: PatternStore | None) -> Candidates:
        """The same patterns behind a sieve that lets through what could be one of `entities`."""
        wanted = {entity.id for entity in entities}
        kept = [form for form in self.forms if form.entity.id in wanted]
        return Candidates(self._database, self.forms, Sieve.build(kept, store) if kept else None)

    def scan(self, text: bytes) -> set[Candidate]:
        """Every candidate in `text`."""
        found: set[Candidate] = set()
        if self._database is None:
            return found
        try:
            scratch, sieving = self._local.scratches
        except AttributeError:  # scratch space is for one thread at a time
            sieve = self._sieve
            scratch, sieving = self._local.scratches = (
                hyperscan.Scratch(self._database), None if sieve is None else sieve.scratch()
            )  # fmt: skip
        windows = None
        if self._sieve is not None:
            windows = self._sieve.windows(text, sieving)
            if windows is not None and not windows:
                return found
        led = self._led
        add = found.add
        base = 0

        def noticed(form: int, start: int, end: int, flags: int, context: object) -> None:
            add((form, base + (end if led[form] else start)))

        scan = self._database.scan
        if windows is None:
            scan(text, match_event_handler=noticed, scratch=scratch)
        else:
            for low, high in windows:
                base = low
                scan(text[low:high], match_event_handler=noticed, scratch=scratch)
        return found


def _compiled(all_forms: Sequence[Form], store: PatternStore | None) -> Any:
    key = _key(all_forms)
    kept = store.load(key) if store is not None else None
    if kept is not None:
        try:
            return hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
        except hyperscan.HyperscanError:
            pass  # of another engine or machine: compile anew
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
    return database


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
