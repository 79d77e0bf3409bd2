"""Which sets are complete: from learning state to the constraints that may be relied upon.

For every set of things the Good–Turing estimate tells how much has not been seen yet. Turing's plain estimate
(n[1] + 1) / n puts one whole unseen thing into every set, so that no set of fewer than 1/eps requests could
ever close. A workload has hundreds of sets of each kind, and they tell what that prior is worth: under the
Ewens sampling model a set with concentration theta shows theta singletons on average, and something new with
probability theta / n. So theta is estimated from the sets of one aspect together, and

    U = (doubtful + theta) / n

A set is closed at U <= eps, or a small multiple of that where being wrong is rare and being right is worth much
(`_STRENGTH`); and of the closed sets only as many count as keep the *sum* of the expected false alarms within
eps / 8 of all requests: that sum is what bounds the false alarms of the whole, however many sets there are. What is
not closed is left to the signatures.

References: Good, Biometrika 40 (1953); Ewens, Theor. Popul. Biol. 3 (1972).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

import msgspec

from waf.profiles.candidates import Candidate, Nature, family_of
from waf.profiles.constraints import CHARSETS, EVERYWHERE, Aspect
from waf.profiles.evidence import REQUESTS, Floors, estimate, hours

LEAST: Final = 10  # values below which no set is judged by itself
LEAST_OF_CODE: Final = 6  # the same for characters that programs write, and for types without room for any
LEAST_ALWAYS: Final = 60  # the same for what has never been absent: absence shows no singletons to count
LEAST_OF_FAMILY: Final = 5  # the same for a parameter whose name is known from elsewhere
PER_SOURCE: Final = 64.0  # requests that one source may contribute to the size of a sample
OPEN: Final = 0.01  # share of doubtful requests at which a set is no peer of those that may close
BUDGET: Final = 0.125  # of eps: expected false alarms of all constraints together
HANDFUL: Final = 2.0  # expected false alarms below which no sample can tell whether they are too many

_STRENGTH: Final = {
    Aspect.PATH: 8.0, Aspect.METHOD: 8.0, Aspect.NAMES: 8.0, Aspect.CONTENT_TYPE: 4.0, Aspect.TYPE: 4.0,
    Aspect.CODE: 4.0, Aspect.CONTROL: 4.0, Aspect.PROSE: 2.0, Aspect.LENGTH: 2.0,
}  # fmt: skip
"""How much a constraint is worth for each false alarm it may cost; 1 for those not named. So much more of it may be
unseen, too: a parameter's name that is new in one of a hundred requests to a rare form is one alarm in a day, and the
form is open to everything without it."""

_OPEN_ENDED: Final = frozenset({Aspect.PLAIN, Aspect.PROSE, Aspect.SCRIPT, Aspect.SHAPE})
"""What people write has a longer tail than any sample of it shows: of free texts these sets are judged by Turing's
plain estimate."""

_CROWD: Final = frozenset({Aspect.ENUM, *CHARSETS})
"""Aspects that need `Needs.crowd` sources."""

_MAY_BE_EMPTY: Final = frozenset({Aspect.PATH, Aspect.NAMES, *CHARSETS})
"""Sets for which "none at all" is a thing to say."""


class Needs(msgspec.Struct, frozen=True):
    """What a set needs beside a small U. Trusted evidence needs none of it."""

    epsilon: float = 0.002
    sources: int = 3
    hours: int = 3
    crowd: int = 20  # sources before a set of values or characters is believed to be whole
    elapsed: float = 86_400.0  # seconds between its first and last observation

    @classmethod
    def of(cls, epsilon: float, sources: int, hours: int) -> Needs:
        """From the configuration. Fewer sources or hours than the defaults waive the other floors in
        proportion."""
        return cls(
            epsilon=epsilon,
            sources=sources,
            hours=hours,
            crowd=20 if sources >= 3 else sources,
            elapsed=86_400.0 * min(1.0, (hours - 1) / 2),
        )

    @property
    def floors(self) -> Floors:
        return Floors(sources=self.sources, hours=min(2, self.hours))


def close(found: list[Candidate], wider: list[Candidate], needs: Needs, total: float) -> None:
    """Decide which of the candidates are closed; `total` is the number of requests of the workload.

    `wider` are the sets of whole families. A parameter that is seen too seldom to be judged by itself takes
    the allowed things of its family, as far as it has shown no others.
    """
    peers = _Peers(found)
    budget = _Budget(max(BUDGET * needs.epsilon * total, HANDFUL))
    for candidate in _by_worth(found, peers, needs):
        candidate.closed = budget.spend(peers.cost(candidate))
        if not candidate.closed:
            candidate.why = "would bring the expected false alarms of all constraints above their budget"
    waiting: defaultdict[tuple[str, Aspect], list[Candidate]] = defaultdict(list)
    for candidate in found:
        if not candidate.closed and candidate.n >= LEAST_OF_FAMILY and candidate.key.template != EVERYWHERE:
            waiting[family_of(candidate.key.address.partition(".")[2]), candidate.aspect].append(candidate)
    for family in _by_worth(wider, peers, needs):
        members = [c for c in waiting.get((family.key.address, family.aspect), ()) if _within(c, family)]
        if members and budget.spend(peers.cost(family)):
            for member in members:
                member.allowed, member.unseen = family.allowed, family.unseen
                member.closed, member.why = True, ""


def promising(candidate: Candidate, needs: Needs) -> bool:
    """False for a set that cannot close and tells nothing about its peers."""
    share = max(OPEN, needs.epsilon)
    return candidate.n >= LEAST_OF_FAMILY and candidate.doubtful <= max(2.0, share * candidate.n)


def _by_worth(found: Iterable[Candidate], peers: _Peers, needs: Needs) -> list[Candidate]:
    """Those that may close, the best first; the others are told why not."""
    ready: list[tuple[float, Candidate]] = []
    for candidate in found:
        n = _size(candidate)
        theta = peers.theta(candidate)
        candidate.unseen = min(1.0, (candidate.doubtful + theta) / n) if n else 1.0
        candidate.why = _lacks(candidate, needs, n)
        if not candidate.why:
            ready.append((candidate.unseen / _STRENGTH.get(candidate.aspect, 1.0), candidate))
    return [candidate for _, candidate in sorted(ready, key=lambda item: (item[0], item[1].key))]


def _within(member: Candidate, family: Candidate) -> bool:
    """True if all that the member has shown, doubtful things included, is within what its family may have."""
    if member.aspect is Aspect.LENGTH:
        return True  # of one name: what is beyond was counted in the family
    if member.aspect is Aspect.REPEATS:
        return int(family.allowed[0]) >= int(member.allowed[0])
    return set(member.allowed) <= set(family.allowed)


class _Budget:
    """Expected false alarms that may still be taken on."""

    def __init__(self, left: float) -> None:
        self._left = left

    def spend(self, cost: float) -> bool:
        if cost > self._left:
            return False
        self._left -= cost
        return True


def _size(candidate: Candidate) -> float:
    """The size of the sample: one source may make up only so much of it."""
    if candidate.seen & REQUESTS:
        return candidate.n
    return min(candidate.n, PER_SOURCE * estimate(candidate.seen))


Pool = tuple[Aspect, Nature, int]


class _Peers:
    """What sets of the same aspect, of like richness and at least half the size still show.

    Richness matters since theta shows in the number of things, too (K grows as theta * log n): a parameter
    that took five kinds of punctuation is likelier to bring a sixth than one that took none.
    """

    def __init__(self, found: Iterable[Candidate]) -> None:
        pools: defaultdict[Pool, list[tuple[float, float]]] = defaultdict(list)
        for candidate in found:
            if candidate.n >= LEAST and candidate.doubtful <= max(2.0, OPEN * candidate.n):
                pools[_pool(candidate)].append((candidate.n, min(candidate.doubtful, 2.0)))
        self._sizes: dict[Pool, list[float]] = {}
        self._sums: dict[Pool, list[float]] = {}
        for pool, members in pools.items():
            members.sort()
            self._sizes[pool] = [n for n, _ in members]
            tail = accumulate((doubtful for _, doubtful in reversed(members)), initial=0.0)
            self._sums[pool] = [*tail][::-1]

    def theta(self, candidate: Candidate) -> float:
        """The prior for judging one set: the mean of its peers, with one unseen thing added for them all."""
        if candidate.nature is Nature.TEXT and candidate.aspect in _OPEN_ENDED:
            return 1.0
        if candidate.aspect is Aspect.ENUM and candidate.numeric:
            return 1.0
        doubtful, members = self._of(candidate)
        return min(1.0, (doubtful + 1.0) / (members + 1.0))

    def cost(self, candidate: Candidate) -> float:
        """How many of as many requests as were learned the constraint would refuse wrongly."""
        doubtful, members = self._of(candidate)
        return max(candidate.doubtful, doubtful / members if members else 1.0)

    def _of(self, candidate: Candidate) -> tuple[float, int]:
        pool = _pool(candidate)
        sizes = self._sizes.get(pool, [])
        start = bisect_left(sizes, candidate.n / 2)
        members = len(sizes) - start
        return (self._sums[pool][start], members) if members else (0.0, 0)


def _least(candidate: Candidate) -> int:
    """How many values must have been seen before a set is judged by itself."""
    match candidate.aspect:
        case Aspect.REQUIRED:
            return LEAST_ALWAYS
        case Aspect.CODE | Aspect.CONTROL if candidate.nature is not Nature.TEXT:
            return LEAST_OF_CODE
        case Aspect.TYPE if (
            candidate.nature is not Nature.WORD
        ):  # words may be texts of which only one was seen
            return LEAST_OF_CODE
    return LEAST


def _pool(candidate: Candidate) -> Pool:
    return candidate.aspect, candidate.nature, candidate.known.bit_length()


def _lacks(candidate: Candidate, needs: Needs, n: float) -> str:
    """What the candidate lacks to be closed, "" if nothing."""
    least = _least(candidate)
    if n < least:
        return f"seen in {n:.0f} requests, needs {least}"
    if not candidate.seen & REQUESTS:
        crowd = needs.crowd if candidate.aspect in _CROWD else needs.sources
        sources = estimate(candidate.seen)
        if sources < crowd - 0.5:
            return f"seen from {sources:.0f} sources, needs {crowd}"
        if hours(candidate.seen) < needs.hours:
            return f"seen in {hours(candidate.seen)} hours, needs {needs.hours}"
        if candidate.last - candidate.first < needs.elapsed:
            age = (candidate.last - candidate.first) / 3600
            return f"seen for {age:.0f} h, needs {needs.elapsed / 3600:.0f}"
    if not candidate.known and candidate.aspect not in _MAY_BE_EMPTY:
        return "nothing of it is known well enough"
    # Of paths no such multiple: a site has new pages every day, and whole sections of them.
    strength = 1.0 if candidate.aspect is Aspect.PATH else _STRENGTH.get(candidate.aspect, 1.0)
    if candidate.unseen > needs.epsilon * strength:
        return f"{candidate.unseen:.2%} not seen yet, needs {needs.epsilon * strength:.2%}"
    return ""
