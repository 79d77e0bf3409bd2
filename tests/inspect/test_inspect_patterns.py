"""A compiled database is loaded when somebody scans with it, and is there whatever became of the store."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.inspect.inspect_samples import Store
from waf.patterns import STREAM, Expression, Patterns

EXPRESSIONS: list[Expression] = [(b"attack", 0), (b"union\\s+select", 1)]


def ends(patterns: Patterns, text: bytes) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    patterns.database().scan(text, lambda index, _start, end, _flags, _context: found.append((index, end)))
    return found


def test_it_is_in_memory_from_the_first_scan_on() -> None:
    patterns = Patterns.of(EXPRESSIONS, Store())
    assert not patterns.loaded
    assert ends(patterns, b"an attack: UNION  SELECT") == [(0, 9), (1, 24)]
    assert patterns.loaded


def test_it_is_loaded_and_not_compiled_where_the_store_has_it() -> None:
    store = Store()
    Patterns.of(EXPRESSIONS, store)
    assert ends(Patterns.of(EXPRESSIONS, store), b"attack") == [(0, 6)]
    assert store.saved == 1


def forget(store: Store) -> None:
    store.kept.clear()


def damage(store: Store) -> None:
    store.kept = dict.fromkeys(store.kept, b"no database of anybody")


@pytest.mark.parametrize("harm", [forget, damage])
def test_what_the_store_lost_meanwhile_is_compiled_in_the_scan(harm: Callable[[Store], None]) -> None:
    store = Store()
    patterns = Patterns.of(EXPRESSIONS, store)
    harm(store)
    assert ends(patterns, b"attack") == [(0, 6)]
    assert store.saved == 2


def test_without_a_store_or_with_one_that_keeps_nothing_it_is_held_at_once() -> None:
    class Nowhere(Store):
        def save(self, key: str, database: bytes) -> None:
            self.saved += 1

    for store in (None, Nowhere()):
        patterns = Patterns.of(EXPRESSIONS, store)
        assert patterns.loaded
        assert ends(patterns, b"attack") == [(0, 6)]


def test_the_same_expressions_are_one_database_while_anybody_has_it() -> None:
    store = Store()
    before = Patterns.of(EXPRESSIONS, store)
    assert Patterns.of(list(EXPRESSIONS), store) is before
    assert Patterns.of(EXPRESSIONS, Store()) is not before
    assert Patterns.of(EXPRESSIONS, store, STREAM) is not before
    assert Patterns.of(EXPRESSIONS[:1], store) is not before
    assert Patterns.of([(b"attack", 1), EXPRESSIONS[1]], store) is not before


def test_threads_that_come_at_once_get_one_database() -> None:
    patterns = Patterns.of(EXPRESSIONS, Store())
    start = threading.Barrier(8)
    got: list[object] = []

    def come() -> None:
        start.wait()
        got.append(patterns.database())

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert len(set(map(id, got))) == 1
