"""One Hyperscan database for all entities: bytes in, places to look at out.

Owns compiling, caching and scanning. Knows nothing of validators or context: a candidate only says "an entity may
begin (or, for a led one, end) here".

Patterns that speak for themselves are compiled with start-of-match, which costs nothing as they are short. Led ones are
compiled behind their context words, within `GAP` bytes, and report their end: so a text full of plain numbers makes no
candidates. Hyperscan's block mode is used for streams too: the filter keeps the last bytes anyway, as expansion and
context need them, and a decision that sees the same bytes cannot depend on where chunks were cut.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

import hyperscan

from waf.errors import ConfigError, Problem
from waf.model import PatternStore
from waf.sensitive.entities import Entity

GAP: Final = 60
"""Bytes between a context word and a led value, mark-up included."""

Candidate = tuple[int, int, int]
"""(index of the entity, start, end); start is 0 for a led entity."""


class Candidates:
    """The compiled patterns of `entities`; indexes are those of the sequence given."""

    def __init__(self, database: Any, owners: Sequence[int]) -> None:
        self._database = database
        self._owners = tuple(owners)
        self._local = threading.local()

    @classmethod
    def build(cls, entities: Sequence[Entity], store: PatternStore | None) -> Candidates:
        """Compile, or load what was compiled before. ConfigError names each pattern that Hyperscan refuses."""
        expressions: list[bytes] = []
        flags: list[int] = []
        owners: list[int] = []
        for index, entity in enumerate(entities):
            for pattern in entity.patterns:
                expressions.append(_expression(entity, pattern))
                flags.append(hyperscan.HS_FLAG_DOTALL if entity.led else hyperscan.HS_FLAG_SOM_LEFTMOST)
                owners.append(index)
        key = _key(expressions, flags)
        kept = store.load(key) if store is not None else None
        if kept is not None:
            try:
                return cls(hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK), owners)
            except hyperscan.HyperscanError:
                pass  # of another engine or machine: compile anew
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        try:
            database.compile(
                expressions=expressions, ids=range(len(owners)), elements=len(owners), flags=flags
            )
        except hyperscan.HyperscanError:
            raise ConfigError(_refused(entities, expressions, flags, owners)) from None
        if store is not None:
            store.save(key, hyperscan.dumpb(database))
        return cls(database, owners)

    def scan(self, text: bytes) -> list[Candidate]:
        """Every candidate in `text`, in the order of their ends; one value may be reported several times."""
        try:
            scratch = self._local.scratch
        except AttributeError:  # scratch space is for one thread at a time
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        found: list[Candidate] = []
        owners = self._owners

        def noticed(pattern: int, start: int, end: int, flags: int, context: object) -> None:
            found.append((owners[pattern], start, end))

        self._database.scan(text, match_event_handler=noticed, scratch=scratch)
        return found


def context_words(words: Sequence[str]) -> str:
    """Context words as one expression; a blank in a word stands for any of " _-." or nothing."""
    return "|".join(word.replace(" ", "[ _.-]?") for word in words)


def _expression(entity: Entity, pattern: str) -> bytes:
    if not entity.led:
        return pattern.encode()
    return f"(?i:{context_words(entity.context)}).{{0,{GAP}}}(?:{pattern})".encode()


def _key(expressions: Sequence[bytes], flags: Sequence[int]) -> str:
    digest = hashlib.sha256(f"sensitive {version('hyperscan')}\n".encode())
    for expression, flag in zip(expressions, flags, strict=True):
        digest.update(b"%d %d %b\n" % (flag, len(expression), expression))
    return digest.hexdigest()


def _refused(
    entities: Sequence[Entity], expressions: Sequence[bytes], flags: Sequence[int], owners: Sequence[int]
) -> list[Problem]:
    """A failed batch does not name the pattern, so each is tried alone."""
    problems = []
    for expression, flag, owner in zip(expressions, flags, owners, strict=True):
        try:
            hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(
                expressions=[expression], ids=[0], elements=1, flags=[flag]
            )
        except hyperscan.HyperscanError as error:
            entity = entities[owner]
            problems.append(
                Problem(entity.file, entity.line, f"{entity.id}.pattern", f"Hyperscan refuses it: {error}")
            )
    return problems or [Problem("", 0, "", "the patterns do not compile together")]
