"""Which single patterns make texts dear: what is recorded, and what is left out in turn."""

from __future__ import annotations

import random

import hyperscan
import pytest

from bench import dearest
from waf.patterns import BLOCK, Patterns

EXPRESSIONS = [(b"needle", 0), (rb"[a-c]x{2}", 0), (rb"\bword\b", 0)]


def test_what_a_database_is_asked_about_is_kept() -> None:
    usual, scratch = Patterns.database, hyperscan.Scratch
    patterns = Patterns(EXPRESSIONS, None, BLOCK, True, "")
    matches: list[int] = []
    with dearest.watched() as asked:
        database = patterns.database()
        database.scan(b"a needle, a word", lambda index, *_: matches.append(index))
        assert hyperscan.Scratch(database) is not None
        assert database.info()
    assert matches == [0, 2]
    assert Patterns.database is usual
    assert hyperscan.Scratch is scratch
    (one,) = asked.values()
    assert one.texts == [b"a needle, a word"]
    assert one.length == 16
    assert one.seconds > 0
    one.forget()
    assert (one.texts, one.seconds) == ([], 0.0)


def test_each_pattern_is_left_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dearest, "taken", lambda expressions, mode, texts: (float(len(expressions)), 7))
    patterns = Patterns(EXPRESSIONS, None, BLOCK, True, "")
    found = dearest.left_out(patterns, [b"text"])
    assert sorted(one.expression for one in found) == sorted(expression for expression, _ in EXPRESSIONS)
    assert {(one.cost, one.size) for one in found} == {(2.0, 7)}


def test_a_report_names_patterns_as_they_are() -> None:
    asked = dearest.Asked()
    asked.texts, asked.seconds = [b"a needle in a | stack " * 40, b"word " * 100], 0.5
    patterns = Patterns([*EXPRESSIONS, (b"a|`b", 0)], None, BLOCK, True, "")
    table = dearest.report({patterns: asked}, 3, 9, random.Random(1))
    assert "1 databases took 500 ms in all." in table
    assert "4 patterns" in table
    assert "`a\\|'b`" in table
    assert "`\\bword\\b`" in table


def test_of_much_text_a_sample_is_enough() -> None:
    asked = dearest.Asked()
    asked.texts = [b"x" * 300_000] * 3
    assert sum(map(len, asked.sample(random.Random(1)))) == 400_000
    assert dearest.taken([], BLOCK, []) == (0.0, 0)
