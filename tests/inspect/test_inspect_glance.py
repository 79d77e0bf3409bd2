"""The first look at a long sheet: what is proved is spared the search, and nothing else is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf.inspect import glance
from waf.inspect.bodies.parsed import MARK

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


def test_a_long_value_is_not_tried() -> None:
    sift = Sift()
    prose = b"a" * 100_000
    assert glance.unproved(sift, b"", prose) == prose
    assert sift.read == 0
    assert glance.unproved(sift, b"", MARK.join((prose, *[b"a"] * 5_000))) == prose + MARK + MARK.join(
        [b"a"] * 5_000
    )
