"""When not to learn: sources that were caught of late, and times at which the workload is under attack."""

from __future__ import annotations

from typing import Final

MINUTE: Final = 60.0
USUAL: Final = 0.01  # share of requests with findings before any is known
FACTOR: Final = 10.0  # above the usual share learning freezes
LEAST: Final = 20  # findings within a minute below which nothing freezes
CALM_MINUTES: Final = 10
SLOWNESS: Final = 60.0  # minutes over which the usual share is averaged


class Siege:
    """Freezes learning while the share of requests with findings is ten times the usual one or more."""

    def __init__(self) -> None:
        self.frozen = False
        self.usual = USUAL
        self._minute = -1
        self._requests = 0
        self._findings = 0
        self._calm = 0

    def count(self, flagged: bool, now: float, requests: int = 1) -> tuple[str, str, str] | None:
        """Count one request, or several alike; what to tell people (kind, subject, text) when learning stops or goes on."""
        minute = int(now // MINUTE)
        turned = self._turn(minute) if minute != self._minute else None
        self._requests += requests
        if not flagged:
            return turned
        self._findings += requests
        if not self.frozen and self._findings >= LEAST and self._share() > FACTOR * self.usual:
            self.frozen, self._calm = True, 0
            return "frozen", "learning", f"{self._share():.0%} of this minute's requests have findings"
        return turned

    def _share(self) -> float:
        return self._findings / self._requests if self._requests else 0.0

    def _turn(self, minute: int) -> tuple[str, str, str] | None:
        passed = minute - self._minute
        self._minute = minute
        share, self._requests, self._findings = self._share(), 0, 0
        if not self.frozen:
            # Never below a tenth of a percent: at no findings at all, two would be a siege.
            self.usual = max(0.001, self.usual + (share - self.usual) / SLOWNESS)
            return None
        self._calm = self._calm + passed if share <= FACTOR / 2 * self.usual else 0
        if self._calm < CALM_MINUTES:
            return None
        self.frozen = False
        return "thawed", "learning", f"{self._calm} quiet minutes"


class Suspects:
    """Sources with a finding within the hour; the most recent few thousand of them."""

    def __init__(self, seconds: float = 3_600.0, cap: int = 4_096) -> None:
        self._seconds = seconds
        self._cap = cap
        self._caught: dict[int, float] = {}

    def add(self, source: int, now: float) -> None:
        self._caught.pop(source, None)
        self._caught[source] = now
        if len(self._caught) > self._cap:
            del self._caught[next(iter(self._caught))]

    def holds(self, source: int, now: float) -> bool:
        caught = self._caught.get(source)
        if caught is None:
            return False
        if now - caught < self._seconds:
            return True
        del self._caught[source]
        return False
