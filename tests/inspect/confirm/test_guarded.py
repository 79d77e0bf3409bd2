"""What the engine lets pass unread holds nothing that `re` would find."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waf.inspect.confirm import CONFIRMERS, guarded
from waf.inspect.confirm.guarded import Guarded, loosened

assert CONFIRMERS  # which make the expressions
ALL = Guarded.all.copy()


class Store:
    """Compiled patterns in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def save(self, key: str, database: bytes) -> None:
        self.kept[key] = database


STORE = Store()
_WORD = re.compile(rb"[a-z_]{2,}|\\?[^a-z_]")


def _pieces(expression: bytes) -> list[bytes]:
    """Words and signs of an expression, so that texts of them come near to what it looks for."""
    found = [piece[-1:] if piece[:1] == b"\\" else piece for piece in _WORD.findall(expression)]
    return [*dict.fromkeys(found), b" ", b"\n", b"1", b"a", b"\0", b"\xff"]


def _drawn(pattern: re.Pattern[bytes]) -> re.Pattern[bytes]:
    """What texts are drawn by: not without case, which Hypothesis knows for text alone; they are made lower-case anyway."""
    return re.compile(pattern.pattern.replace(b"(?-i:", b"(?:"), pattern.flags & ~re.I)


@pytest.mark.parametrize("one", ALL, ids=lambda one: str(one.pattern.pattern[:24]))
@given(data=st.data(), number=st.integers(0, 2**32))
@settings(max_examples=60)  # to draw what fits takes most of the time, …
def test_nothing_that_fits_is_passed(one: Guarded, data: st.DataObject, number: int) -> None:
    one.prepare(STORE)
    fitting = data.draw(st.from_regex(_drawn(one.pattern)).map(lambda text: text.lower()))
    chance, pieces = random.Random(number), _pieces(one.pattern.pattern)

    def around() -> bytes:
        return b"".join(chance.choices(pieces, k=chance.randrange(30)))

    texts = [fitting.ljust(40)]
    for _ in range(8):  # … and what stands around it none
        texts += [around() + fitting + around(), around()]
    for text in texts:
        assert bool(one.search(text)) == bool(one.pattern.search(text))
        assert len([*one.finditer(text)]) == len([*one.pattern.finditer(text)])


def test_an_expression_is_loosened() -> None:
    assert loosened(rb"(?<![\w.$])a(?=\s[)])b++(?!c)[(?=]*+") == rb"ab+[(?=]*"
    assert loosened(rb"(['\"])a\1\\1[\\]\2") == rb"(['\"])a.{0,64}\\1[\\].{0,64}"


def test_they_are_prepared_with_the_rules() -> None:
    guarded.prepare(STORE)
    assert ALL
    assert not any(one.occurs(b"nothing of the kind is in this text, " * 9) for one in ALL)
