"""When a learner compiles and saves: soon where much is new, seldom where little is, never for more than its share.

Saving is the exception: what it costs is bounded by the caps on what is learned, and a crash must not cost more than a
minute of learning at any size. Knows no clock; times are monotonic seconds and are passed in.
"""

from __future__ import annotations

from typing import Final

RENEW: Final = 10.0  # seconds between two profiles, at least
RENEW_LATER: Final = 60.0  # the same where hardly anything was learned since
HARDLY: Final = 0.02  # share of all lessons
SHARE: Final = 100.0  # and at least as many times what the last one took
SAVE: Final = (
    40.0  # seconds between two states on disk; a profile being compiled first may take the rest of a minute
)
SAVE_SOON: Final = 5.0  # the same where protection was taken back, which must not be forgotten
BREATH: Final = 2.0  # and at least as many times what the last one took, on a disk that hardly writes


class Schedule:
    """Asked every so often with the number of lessons so far."""

    def __init__(self, now: float, lessons: int) -> None:
        self._renew = self._later = self._quiet = now + RENEW
        self._save, self._soon = now + SAVE, now + SAVE_SOON
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

    def saves(self, now: float, lessons: int, *, urgent: bool = False) -> bool:
        """True if the state is to be kept. `urgent`: more than lessons has changed, and is to be kept soon."""
        return now >= self._soon if urgent else lessons != self._kept and now >= self._save

    def saved(self, now: float, took: float, lessons: int, *, kept: bool) -> None:
        """It was tried, beginning at `now` with so many lessons; what could not be `kept` is tried again after a while."""
        pause = BREATH * took
        self._save = now + max(SAVE, pause)
        self._soon = now + max(SAVE_SOON, pause) if kept else self._save
        if kept:
            self._kept = lessons
