"""Compiled patterns: databases of Hyperscan with their flags, scratch space and cache on disk.

Knows nothing of texts that are made to be scanned together; `matcher.py` chooses what is asked about which text.
"""

from __future__ import annotations

import functools
import hashlib
import platform
from array import array
from collections.abc import Sequence
from typing import Any, Final

import hyperscan
import msgspec

from waf.model import PatternStore


class Pattern(msgspec.Struct, frozen=True):
    """One expression in Hyperscan's syntax. `once`: that it occurs is enough to know, where does not matter."""

    expression: bytes
    case: bool = False
    once: bool = False


class PatternFault(Exception):
    """Patterns that do not compile: (index, the engine's reason) of each."""

    def __init__(self, faults: Sequence[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"pattern {index}: {reason}" for index, reason in faults))
        self.faults: Final = tuple(faults)


class Database:
    """Patterns in one database, for whole texts. A match is told by the place of its pattern among `indices`.

    `bits` are the characters of which a text must have one to be worth a scan (see `gates`); 0: every text is.
    """

    __slots__ = ("_database", "_spare", "bits", "indices", "numbers", "size")

    def __init__(self, database: Any, indices: Sequence[int] | None = None, bits: int = 0) -> None:
        self._database = database
        self._spare: list[Any] = []
        self.indices: Final = None if indices is None else tuple(indices)
        self.numbers: Final = None if indices is None else array("I", indices).tobytes()
        self.bits: Final = bits
        self.size: Final[int] = database.size()  # bytes

    def scan(self, text: bytes, on_match: Any) -> None:
        """Raises hyperscan.ScanTerminated where `on_match` wants no more."""
        try:
            self._database.scan(text, on_match)
        except hyperscan.ScratchInUseError:
            # A callback let another thread in, which scans with the database's own scratch space.
            scratch = self._spare.pop() if self._spare else hyperscan.Scratch(self._database)
            try:
                self._database.scan(text, on_match, scratch=scratch)
            finally:
                self._spare.append(scratch)


def _flags(pattern: Pattern) -> int:
    flags = hyperscan.HS_FLAG_DOTALL | hyperscan.HS_FLAG_MULTILINE
    if not pattern.case:
        flags |= hyperscan.HS_FLAG_CASELESS
    if pattern.once:
        flags |= hyperscan.HS_FLAG_SINGLEMATCH
    return int(flags)


Expression = tuple[bytes, int]
"""In the engine's syntax, with the engine's flags."""


def occurring(patterns: Sequence[Pattern]) -> tuple[Expression, ...]:
    """The patterns with the engine's flags for whoever only asks whether they occur, in a database of his own."""
    return tuple(
        (one.expression, _flags(Pattern(one.expression, case=one.case, once=True))) for one in patterns
    )


def _compile(patterns: Sequence[Pattern], mode: int) -> Any:
    database = hyperscan.Database(mode=mode)
    database.compile(
        expressions=[pattern.expression for pattern in patterns],
        ids=list(range(len(patterns))),
        elements=len(patterns),
        flags=[_flags(pattern) for pattern in patterns],
    )
    return database


@functools.cache
def engine_version() -> str:
    """The engine's version and the processor features it compiles for."""
    return str(_compile([Pattern(b"a")], hyperscan.HS_MODE_BLOCK).info().decode())


def cache_key(patterns: Sequence[Pattern], mode: int) -> str:
    """The name under which a compiled set is kept: everything that its bytes depend on."""
    digest = hashlib.sha256(f"{engine_version()}\n{platform.machine()}\n{mode}\n".encode())
    for pattern in patterns:
        digest.update(f"{_flags(pattern)} {len(pattern.expression)}\n".encode() + pattern.expression)
    return digest.hexdigest()


def compiled(patterns: Sequence[Pattern], store: PatternStore, *, streaming: bool = False) -> Any:
    """Compiles, or loads what was compiled before. Raises hyperscan.HyperscanError."""
    mode = hyperscan.HS_MODE_STREAM if streaming else hyperscan.HS_MODE_BLOCK
    key = cache_key(patterns, mode)
    kept = store.load(key)
    if kept is not None:
        try:
            database = hyperscan.loadb(kept, mode)
            database.scratch = hyperscan.Scratch(database)
        except hyperscan.HyperscanError:
            pass  # damaged, or of another build: compiled anew
        else:
            return database
    database = _compile(patterns, mode)
    store.save(key, hyperscan.dumpb(database))
    return database


def faults(patterns: Sequence[Pattern], *, streaming: bool = False) -> list[tuple[int, str]]:
    """The engine does not say which pattern it could not compile: one by one they tell."""
    found = []
    for index, pattern in enumerate(patterns):
        try:
            _compile([pattern], hyperscan.HS_MODE_BLOCK)
            if streaming:
                _compile([pattern], hyperscan.HS_MODE_STREAM)
        except hyperscan.HyperscanError as error:
            found.append((index, str(error)))
    return found
