"""Which exchanges are worth learning, so that learning costs little however many there are.

Three sieves, each of which leaves what is learned unbiased, asked in the order of what they cost (Budget, Pace, Repeats):

    Repeats   what one source sends again within the hour, byte for byte, shows nothing that it has not shown before.
              Only the 2nd, 4th, 8th … is learned, and counted for all that came since
    Pace      an endpoint that has been learned often is *mature*: then one request in sixteen is learned, chosen by
              chance; it counts as one, since what the others showed was not seen
    Budget    a token bucket: so many a second at the most and a small burst, in other words 1 % of a core for long
              and a tenth of a second of it at once (a fiftieth right after the start); where tokens are short, endpoints
              count as mature sixteen times sooner, so that what is left goes to those that are seldom seen. Those who
              teach on purpose (a replay by trusted sources) have a bucket of their own, which takes a whole recording

An exchange that goes against the profile at a mature endpoint is none of these sieves' business but the last one's.
A set that is closed therefore sees all its novelties and only a sample of what is usual: doubts are counted up to
`SAMPLE` times too high there, which errs towards enforcing less.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from waf.profiles.observe import HOUR

SAMPLE: Final = 16  # at mature endpoints one in so many is learned
MATURE: Final = 8.0  # an endpoint is mature once learned from so many times 1/eps requests
RATE: Final = 100.0  # lessons a second, for long
USUAL: Final = 0.0001  # CPU seconds of one lesson that a token pays for; dearer ones cost more
BURST: Final = 1_000.0  # and at once, after a quiet time; …
FIRST: Final = (
    200.0  # … to a process that has just started so many: traffic is not waiting for what it learns
)
RECORDING: Final = 30_000.0  # at once from those who teach on purpose
SOONER: Final = 16  # so many times sooner an endpoint is mature where tokens are short
MAX_PACES: Final = 4_096
MAX_REPEATS: Final = 8_192


class Repeats:
    """Counts identical requests within an hour, approximately: in two generations of a bounded table."""

    __slots__ = ("_ends", "_old", "_young")

    def __init__(self) -> None:
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        self._ends = 0.0

    def count(self, what: int, wall: float) -> int:
        """How often `what` (a hash) came within this hour, this time included."""
        young = self._young
        times = young.get(what)
        if times is not None and wall < self._ends:
            young[what] = times = times + 1
            return times
        return self._first(what, wall)

    def _first(self, what: int, wall: float) -> int:
        if wall >= self._ends:
            self._ends = (wall // HOUR + 1) * HOUR
            self._young, self._old = {}, {}
        elif len(self._young) >= MAX_REPEATS // 2:
            self._young, self._old = {}, self._young
        times = self._young[what] = self._old.pop(what, 0) + 1
        return times


class Pace:
    """How one endpoint is sampled. `passed` are requests since the last one that was learned."""

    __slots__ = ("learned", "passed", "skip")

    def __init__(self, learned: float = 0.0) -> None:
        self.learned = learned
        self.passed = 0
        self.skip = 0

    def wants(self, mature: float, chance: Callable[[int], int] = random.randrange) -> bool:
        """True if this request is to be learned; `mature` is the number of lessons after which few are."""
        if self.learned < mature:
            return True
        if self.skip > 0:
            self.skip -= 1
            return False
        self.skip = chance(
            2 * SAMPLE - 1
        )  # on average fifteen are left out, in no rhythm that traffic may have
        return True

    def take(self) -> float:
        """One is learned: how many requests it stands for, itself included."""
        weight = self.passed + 1.0
        self.learned += 1
        self.passed = 0
        return weight


class Budget:
    """A token bucket over Unix time, full at first or with `first` tokens."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float = RATE, burst: float = BURST, first: float | None = None) -> None:
        self._rate: Final = rate
        self._burst: Final = burst
        self._tokens = burst if first is None else first
        self._at = 0.0

    def has(self, now: float) -> bool:
        """Whether there is a token."""
        if self._tokens < 1.0 or now - self._at > 1.0:
            gained = max(0.0, now - self._at) * self._rate if self._at else 0.0
            self._tokens = min(self._burst, self._tokens + gained)
            self._at = now
        return self._tokens >= 1.0

    @property
    def short(self) -> bool:
        """True where half of the burst is spent."""
        return self._tokens < self._burst / 2

    def spend(self, now: float) -> bool:
        """Take one token; false if there is none."""
        if not self.has(now):
            return False
        self._tokens -= 1.0
        return True

    def charge(self, lessons: int, seconds: float) -> None:
        """So many lessons took so many CPU seconds: what they took beyond `USUAL` is paid by those to
        come, within the worth of one burst."""
        self._tokens = max(-self._burst, self._tokens - max(0.0, seconds / USUAL - lessons))
