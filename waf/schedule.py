"""When a learner compiles and saves: soon where much is new, seldom where little is, never for more than its share.

Knows no clock; times are monotonic seconds and are passed in.
"""

from __future__ import annotations

from typing import Final

RENEW: Final = 10.0  # seconds between two profiles, at least
RENEW_LATER: Final = 60.0  # the same where hardly anything was learned since
HARDLY: Final = 0.02  # share of all lessons
SHARE: Final = 100.0  # and at least as many times what the last one took
SAVE: Final = 60.0  # seconds between two states on disk


class Schedule:
    """Asked every so often with the number of lessons so far."""

    def __init__(self, now: float, lessons: int) -> None:
        self._renew = self._later = self._quiet = now + RENEW
        self._save = now + SAVE
        self._heard = self._learned = self._kept = lessons
        self._teaching = False  # something was compiled while lessons were still coming
        self.settled = False  # no lesson has come for a while

    def compiles(self, now: float, lessons: int, *, urgent: bool) -> bool:
        """True if a new profile is due; whether somebody is still teaching is then in `settled`."""
        if lessons != self._heard:
            self._heard, self._quiet = lessons, now + RENEW
        self.settled = now >= self._quiet
        new = lessons - self._learned
        due = now >= (self._later if new <= HARDLY * lessons else self._renew)
        if not (urgent or (new and due) or (self._teaching and self.settled)):
            return False
        self._learned, self._teaching = lessons, not self.settled
        return True

    def compiled(self, now: float, took: float) -> None:
        self._renew = now + max(RENEW, SHARE * took)
        self._later = now + max(RENEW_LATER, SHARE * took)

    def saves(self, now: float, lessons: int) -> bool:
        """True if the state is to be kept."""
        if now < self._save or lessons == self._kept:
            return False
        self._kept = lessons
        return True

    def saved(self, now: float, took: float) -> None:
        self._save = now + max(SAVE, SHARE * took)
