"""Expressions compiled by Hyperscan: kept by a store, and in memory from the first scan on.

There are dozens of such databases, ten megabytes, and ordinary traffic asks few of them: most are for texts with signs that
honest values seldom have. So a database that the store keeps whole is not held until somebody scans with it. To
load one then takes 0.05 to 2 ms, once; if the store has lost it meanwhile, it is compiled
anew, in that scan: nothing is ever passed because a database is not there.

Knows no rules, entities or texts.
"""

from __future__ import annotations

import functools
import hashlib
import platform
import threading
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakValueDictionary

import hyperscan

from waf.model import PatternStore

BLOCK: Final = int(hyperscan.HS_MODE_BLOCK)
STREAM: Final = int(hyperscan.HS_MODE_STREAM)

Expression = tuple[bytes, int]
"""In the engine's syntax, with the engine's flags; its place in a sequence is the number that matches are told by."""

_loading: Final = threading.Lock()
_alive: Final[WeakValueDictionary[tuple[int, bool, str], Patterns]] = WeakValueDictionary()


class Patterns:
    """One database; immutable, and the same for all who ask the same store for the same expressions.

    So a policy that replaces another holds what that one had loaded, and its first requests wait for nothing.
    """

    __slots__ = ("__weakref__", "_database", "_expressions", "_key", "_mode", "_scratch", "_store", "size")

    def __init__(
        self,
        expressions: Sequence[Expression],
        store: PatternStore | None,
        mode: int,
        scratch: bool,
        key: str,
    ) -> None:
        self._expressions: Final = tuple(expressions)
        self._store: Final = store
        self._mode: Final = mode
        self._scratch: Final = scratch
        self._key: Final = key
        self._database: Any = None
        kept = None if store is None else store.load(key)
        if kept is None:
            database, kept = self._compile()
            if store is None or store.load(key) != kept:
                self._database = self._prepared(database)
        self.size: Final = len(kept)  # bytes

    @classmethod
    def of(
        cls,
        expressions: Sequence[Expression],
        store: PatternStore | None,
        mode: int = BLOCK,
        scratch: bool = True,
    ) -> Patterns:
        """Compiled now, or before and kept by the store. Raises hyperscan.HyperscanError.

        Without `scratch` every scan brings scratch space with it.
        """
        if store is None:
            return cls(expressions, None, mode, scratch, "")
        name = (id(store), scratch, key_of(expressions, mode))
        made = _alive.get(name)
        if made is None or made._store is not store:
            made = _alive[name] = cls(expressions, store, mode, scratch, name[2])
        return made

    @property
    def loaded(self) -> bool:
        return self._database is not None

    def database(self) -> Any:
        """The engine's own."""
        return self._database or self._load()

    def _load(self) -> Any:
        with _loading:  # judging threads and the loop may come at once
            if self._database is None:
                self._database = self._prepared(self._stored() or self._compile()[0])
            return self._database

    def _compile(self) -> tuple[Any, bytes]:
        """The database, and as it is kept."""
        database = compiled(self._expressions, self._mode)
        kept = hyperscan.dumpb(database)
        if self._store is not None:
            self._store.save(self._key, kept)
        return database, kept

    def _prepared(self, database: Any) -> Any:
        if self._scratch:
            database.scratch = hyperscan.Scratch(database)
        return database

    def _stored(self) -> Any:
        kept = None if self._store is None else self._store.load(self._key)
        try:
            return None if kept is None else hyperscan.loadb(kept, self._mode)
        except hyperscan.HyperscanError:
            return None  # its key tells machine and build: this is no database of ours


def alive() -> list[Patterns]:
    """All that somebody has and a store keeps."""
    return list(_alive.values())


def compiled(expressions: Sequence[Expression], mode: int = BLOCK) -> Any:
    """A database of the engine, without scratch space. Raises hyperscan.HyperscanError."""
    database = hyperscan.Database(mode=mode)
    database.compile(
        expressions=[expression for expression, _ in expressions],
        ids=list(range(len(expressions))),
        elements=len(expressions),
        flags=[flags for _, flags in expressions],
    )
    return database


@functools.cache
def engine_version() -> str:
    """The engine's version and the processor features it compiles for."""
    return str(compiled([(b"a", 0)]).info().decode())


def key_of(expressions: Sequence[Expression], mode: int) -> str:
    """The name under which a database is kept: everything that its bytes depend on."""
    digest = hashlib.sha256(f"{engine_version()}\n{platform.machine()}\n{mode}\n".encode())
    for expression, flags in expressions:
        digest.update(f"{flags} {len(expression)}\n".encode() + expression)
    return digest.hexdigest()
