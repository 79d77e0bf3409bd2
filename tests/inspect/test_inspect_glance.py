"""The first look at a long sheet: what is proved is spared the search, and nothing else is."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.inspect import glance
from waf.inspect.bodies.parsed import MARK, Sheet
from waf.inspect.hits import Scan
from waf.model import Part

_VALUES = st.lists(st.sampled_from([b"", b"ab", b"a" * 9, b"!", b"!" * 7, b"!" * 40, b"a" * 40]), max_size=30)


class Sift:
    """Stands for the accelerator: lets pass what has no "!"."""

    def __init__(self) -> None:
        self.read = 0

    def __call__(self, program: bytes | None, text: bytes) -> bytes:
        self.read += len(text)
        return MARK.join([value for value in text.split(MARK) if b"!" in value])


@given(_VALUES, st.integers(1, 24))
def test_what_is_not_proved_is_left_in_its_order(values: list[bytes], piece: int) -> None:
    text = MARK.join(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glance, "_PIECE", piece)
        left = glance.unproved(Sift(), b"", text).split(MARK)
    following = iter(values)
    assert all(value in following for value in left if value)  # in their order, each whole
    assert [value for value in left if b"!" in value] == [value for value in values if b"!" in value]


def test_of_a_text_that_does_not_pass_only_a_piece_is_tried() -> None:
    rng = random.Random(1)
    text = MARK.join(rng.choice((b"!", b"!!!")) * 20 for _ in range(5_000))
    sift = Sift()
    assert glance.unproved(sift, b"", text) == text
    assert sift.read < 2 * glance._PIECE


class Looks:
    """Stands for a search: each "!" is a match, and each "%" a place that a step may change."""

    program = None
    hints = property(lambda self: self)

    def __init__(self) -> None:
        self.read = self.looked = 0

    def look(self, text: bytes) -> tuple[int, list[tuple[int, int]]]:
        self.looked += len(text)
        spots = [(1, place + 1) for place, byte in enumerate(text) if byte == ord("%")]
        return int(bool(spots)), spots

    def scan(self, text: bytes, hinted: tuple[int, Any] = (0, []), head: int | None = None) -> Scan:
        assert head == 0  # it is a body's
        self.read += len(text)
        return Scan([(0, place + 1) for place, byte in enumerate(text) if byte == ord("!")], *hinted)

    def scan_again(self, values: list[bytes], wanted: list[int], matched: bool) -> Scan:
        return Scan([(0, 1)] if matched else [], max(wanted), None, False, wanted)

    def idle(self, values: list[bytes], scan: Scan) -> bool:
        return not scan


def looked_at(values: list[bytes]) -> tuple[int, object]:
    searcher = Looks()
    sheet = Sheet(MARK.join(values), (Part.JSON,))
    told: Any = glance.glance(searcher, sheet, lambda scan: [end for _, end in scan.matches])  # type: ignore[arg-type]
    return searcher.read, told if isinstance(told, bool) else told[1]


def test_of_a_text_full_of_matches_a_piece_is_searched() -> None:
    many, few = [b"a!"] * 50_000, [b"ab"] * 50_000
    assert looked_at(many) == (glance._PIECE, True)
    read, told = looked_at([b"b!", *few, b"c!"])
    assert told == {b"b!": 0, b"c!": 0}
    assert read < 3 * 50_002 + 2 * glance._PIECE
    assert looked_at(few)[1] is False
    assert looked_at([b"!" * 65, *few])[1] is True
    assert looked_at([*few, *many])[1] is True
    long = b"a" * 100_000
    assert looked_at([long, b"b!"]) == (100_003, {b"b!": 0})


def places_looked_for(values: list[bytes]) -> tuple[int, object]:
    searcher = Looks()
    told = glance.glance(searcher, Sheet(MARK.join(values), (Part.JSON,)), lambda scan: [])  # type: ignore[arg-type]
    return searcher.looked, told if isinstance(told, bool) else told[1]


def test_of_a_text_full_of_places_a_piece_is_looked_at() -> None:
    many, few, long = [b"a%"] * 50_000, [b"ab"] * 50_000, b"a" * 100_000
    assert places_looked_for(many) == (glance._PIECE, True)
    looked, told = places_looked_for([b"b%", *few, b"c%"])
    assert told == {b"b%": 1, b"c%": 1}
    assert looked > len(MARK.join(few))
    assert places_looked_for([b"a", b"b" + b"%" + long]) == (glance._PIECE, True)
    assert places_looked_for([b"%", long])[1] == {b"%": 1}
    assert places_looked_for([long, b"%"])[1] == {b"%": 1}


def test_a_long_value_is_not_tried() -> None:
    sift = Sift()
    prose = b"a" * 100_000
    assert glance.unproved(sift, b"", prose) == prose
    assert sift.read == 0
    assert glance.unproved(sift, b"", MARK.join((prose, *[b"a"] * 5_000))) == prose + MARK + MARK.join(
        [b"a"] * 5_000
    )
