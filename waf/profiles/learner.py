"""The mutable whole: what the shell feeds with observations and asks for a profile.

Not thread-safe: one thread owns it. Time is passed in.
"""

from __future__ import annotations

from typing import Final

from waf.config.schema import Profiles
from waf.model import Mask
from waf.profiles import compile
from waf.profiles.candidates import Candidate, candidates, families, places_of
from waf.profiles.check import Profile
from waf.profiles.closing import Needs, close
from waf.profiles.constraints import Constraint, Stage
from waf.profiles.evidence import mark
from waf.profiles.findings import shape_mask
from waf.profiles.model import State
from waf.profiles.observe import HOUR, Observation, lesson

_STAGE: Final = {"discover": Stage.DISCOVER, "monitor": Stage.STAGE, "protect": Stage.PROTECT}


class Learner:
    """Learns one workload. `key` makes hashes of sources and values; all replicas of a workload share it."""

    def __init__(self, config: Profiles, key: bytes) -> None:
        self.config: Final = config
        self.state = State()
        self._key: Final = key[:64]
        self._requests = 0
        self._all_trusted = config.sources == 1

    def observe(self, observation: Observation, now: float) -> None:
        """Learn from one exchange; `now` is Unix time in seconds."""
        if not lesson(observation):
            return
        self._requests += 1
        trusted = observation.trusted or self._all_trusted
        bits = mark(observation.source, int(observation.wall / HOUR), self._requests, trusted=trusted)
        self.state.observe(observation, bits, self._key)

    def candidates(self) -> list[Candidate]:
        needs = Needs.of(self.config.epsilon, self.config.sources, self.config.hours)
        found = list(candidates(self.state, needs.floors))
        close(found, list(families(self.state, needs.floors)), needs, self.state.common.n)
        return found

    def compile(self, now: float, mask: Mask = shape_mask) -> Profile:
        """The profile as of `now`; `mask` makes bytes safe to show in findings."""
        stage = _STAGE.get(self.config.mode, Stage.DISCOVER)
        constraints = [Constraint(c.key, c.allowed, stage) for c in self.candidates() if c.closed]
        places = places_of(self.state)
        version = compile.version_of(places, constraints)
        return compile.build(places, constraints, key=self._key, mask=mask, version=version)
