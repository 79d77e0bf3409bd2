"""What the inspection of one message may cost, told without a clock: the same message is always judged alike.

Owns the one budget that views, matches and questions are paid from, and what each of them costs. A unit is about a
microsecond of one core, as `bench.worst` measures it. What can be had for nothing is not counted: the reading of a
message and the first look at it are linear in its length. What each field and each candidate of other searches costs beyond is.
"""

from __future__ import annotations

from typing import Final

BASE: Final = 5_000
"""Units that any message may cost, however short, …"""
PER_KB: Final = 66
"""… and for each KiB of it. What is long needs less of the first, …"""
_LESS_PER_KB: Final = 25  # … by so much for each KiB, …
_LEAST_BASE: Final = BASE // 2  # … and has so much of it at least
_BODILESS: Final = 2_500  # … in place of the first where there is no body: no ordinary head takes half of it
_GLANCE: Final = 2_000  # … or where only a few values are looked at
PER_COPIED: Final = 18
"""Bytes of a message that were read more than once, for a unit."""
COUNTED: Final = 2 * 1024 * 1024
"""Bytes of a message for which there is more: what is longer was packed."""
_ASKING: Final = 6  # a part in so many is for questions alone, which …
_SHARE: Final = 5  # … take no more than so many eighths, and …
_FOLDING: Final = 8  # … no more than one in so many is for folds of what is long or decoded


def given(length: int) -> int:
    """The units for a message of so many bytes."""
    length = min(length, COUNTED)
    return max(BASE - length * _LESS_PER_KB // 1024, _LEAST_BASE) + length * PER_KB // 1024


class Effort:
    """What is `left`. `looks` and `folds` tell whether there is any for one more view, `ample` that it is not scarce."""

    __slots__ = ("_ample", "_density", "_expected", "_folds", "_most", "_reserve", "left")

    def __init__(
        self,
        length: int,
        charged: int = 0,
        *,
        glance: bool = False,
        bodiless: bool = False,
        doubtful: bool = False,
    ) -> None:
        """`length` is that of the message, in bytes, and `charged` the units that other searches of it cost.

        `glance`: of a few values, to tell whether it must be looked at whole; `bodiless`: the message is a head alone;
        `doubtful`: what was noticed while it was read tells against it already. Such a one has half.
        """
        less = BASE - _GLANCE if glance else BASE - _BODILESS if bodiless else 0
        had = given(length) - less
        self.left = (had // 2 if doubtful else had) - charged
        self._reserve = self.left // _ASKING
        self._most = self.left * _SHARE // 8
        self._folds = self.left // _FOLDING
        self._ample = self.left // 4 * 3
        self._density = 0  # units for the matches in a KiB of the message as it is
        self._expected = 0  # units that were paid for matches not yet found

    def allow(self, length: int) -> None:
        """Takes so many more bytes into the budget, of a text that comes in pieces."""
        more = length * PER_KB // 1024
        self.left += more
        self._most += more * _SHARE // 8
        self._folds += more // _FOLDING

    @property
    def ample(self) -> bool:
        """Three quarters of it are left."""
        return self.left > self._ample

    @property
    def looks(self) -> bool:
        return self.left > self._reserve

    @property
    def folds(self) -> bool:
        return self._folds > 0 and self.left > self._reserve

    def step(self, length: int, aside: bool) -> None:
        """A step over so many bytes; `aside`: a fold that is paid from their part."""
        self._pay(3 + length // 200, aside)

    def text(self, length: int, fold: bool, aside: bool) -> bool:
        """A text of which so many bytes are searched; few patterns look at folds. False where there is not so much left: then
        nothing is taken, and it is not to be searched.

        As many matches as the message has as it is are paid with it: they would be found when there is nothing left.
        """
        expected = 0 if fold else length * self._density // 1024
        units = (length // 300 if fold else length // 36) + expected
        if units > self.left:
            return False
        self._expected += expected
        self._pay(units, aside)
        return True

    def carried(self, length: int, aside: bool) -> None:
        """A text of so many bytes of which only what is new is searched: the rest is read for what may reach there."""
        self._pay(40, aside)

    def _pay(self, units: int, aside: bool) -> None:
        self.left -= units
        if aside:
            self._folds -= units

    def read(self, fields: int) -> None:
        """So many fields that were made."""
        self.left -= fields * 3 // 2

    def first_look(self, count: int, length: int) -> None:
        """So many values that are looked at closer, and bytes that were read more than once for them."""
        self.left -= 2 * count + length // PER_COPIED

    def first_matches(self, found: int, kept: int, length: int) -> None:
        """The matches in so many bytes of the message as it is."""
        self.matches(found, kept)
        self._density = (found // 2 + kept) * 1024 // max(length, 1024)

    def matches(self, found: int, kept: int) -> None:
        """What the engine reported in a text, and what was left of it."""
        units = found // 2 + kept
        paid = min(units, self._expected)
        self._expected -= paid
        self.left -= units - paid

    def doubts(self, count: int) -> None:
        """So many matches that are searched once more, each with a little around it."""
        self.left -= 6 * count

    def begin_questions(self) -> None:
        """Nothing more is decoded; questions about documents would take whatever there is, so a part of all must do."""
        self.left = min(self.left, self._most)

    def judge(self, groups: int) -> None:
        """So many pairs of a rule and a value are judged, whatever is asked about them."""
        self.left -= 2 * groups

    def ask(self, units: int) -> None:
        self.left -= units
