"""Patterns and their flags, and databases of them that are asked about whole texts.

Knows nothing of texts that are made to be scanned together; `matcher.py` chooses what is asked about which text.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

import hyperscan
import msgspec

from waf.model import PatternStore
from waf.patterns import BLOCK, STREAM, Expression, Patterns
from waf.patterns import compiled as patterns_compiled


class Pattern(msgspec.Struct, frozen=True):
    """One expression in Hyperscan's syntax. `once`: that it occurs is enough to know, where does not matter. `leads`: a match counts
    only where it begins within the first bytes of a value (see `edges.LEADING`). `head`: it is looked for in no body.
    """

    expression: bytes
    case: bool = False
    once: bool = False
    leads: bool = False
    head: bool = False


class PatternFault(Exception):
    """Patterns that do not compile: (index, the engine's reason) of each."""

    def __init__(self, faults: Sequence[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"pattern {index}: {reason}" for index, reason in faults))
        self.faults: Final = tuple(faults)


class Database:
    """Patterns in one database, for whole texts. A match is told by the place of its pattern among `indices`.

    `bits` are the characters of which a text must have one to be worth a scan (see `gates`); 0: every text is. `bound`: of a
    long text it is asked about the ends of its values alone (see `edges`). `loose`: it is asked about a text without what stands
    in for signs (see `loosened`). `head`: it is asked about nothing of a body.
    """

    __slots__ = ("_patterns", "_spare", "bits", "bound", "head", "indices", "loose", "numbers", "size")

    def __init__(
        self,
        patterns: Patterns,
        indices: Sequence[int] | None = None,
        bits: int = 0,
        bound: bool = False,
        loose: bool = False,
        head: bool = False,
    ) -> None:
        self._patterns = patterns
        self._spare: list[Any] = []
        self.indices: Final = None if indices is None else tuple(indices)
        self.numbers: Final = None if indices is None else array("I", indices).tobytes()
        self.bits: Final = bits
        self.bound: Final = bound
        self.loose: Final = loose
        self.head: Final = head
        self.size: Final = patterns.size  # bytes

    def scan(self, text: bytes, on_match: Any) -> None:
        """Raises hyperscan.ScanTerminated where `on_match` wants no more."""
        database = self._patterns.database()
        try:
            database.scan(text, on_match)
        except hyperscan.ScratchInUseError:
            # A callback let another thread in, which scans with the database's own scratch space.
            scratch = self._spare.pop() if self._spare else hyperscan.Scratch(database)
            try:
                database.scan(text, on_match, scratch=scratch)
            finally:
                self._spare.append(scratch)


def _flags(pattern: Pattern) -> int:
    flags = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_MULTILINE
    if not pattern.case:
        flags |= hyperscan.HS_FLAG_CASELESS
    if pattern.once:
        flags |= hyperscan.HS_FLAG_SINGLEMATCH
    return int(flags)


def occurring(patterns: Sequence[Pattern]) -> tuple[Expression, ...]:
    """The patterns with the engine's flags for whoever only asks whether they occur, in a database of his own."""
    return tuple(
        (one.expression, _flags(Pattern(one.expression, case=one.case, once=True))) for one in patterns
    )


def compiled(patterns: Sequence[Pattern], store: PatternStore, *, streaming: bool = False) -> Patterns:
    """Compiles, or takes what was compiled before. Raises hyperscan.HyperscanError."""
    return Patterns.of(_expressions(patterns), store, STREAM if streaming else BLOCK)


def _expressions(patterns: Sequence[Pattern]) -> list[Expression]:
    return [(pattern.expression, _flags(pattern)) for pattern in patterns]


def faults(patterns: Sequence[Pattern], *, streaming: bool = False) -> list[tuple[int, str]]:
    """The engine does not say which pattern it could not compile: one by one they tell."""
    found = []
    for index, pattern in enumerate(patterns):
        try:
            for mode in (BLOCK, STREAM) if streaming else (BLOCK,):
                patterns_compiled(_expressions([pattern]), mode)
        except hyperscan.HyperscanError as error:
            found.append((index, str(error)))
    return found
