"""Sources whose word is not taken: those that show far more things that nobody else shows than others do.

A few sources that send odd requests on purpose (a scanner, somebody teaching the learner attacks) would
keep every set open: each of their singletons says "there is more to come". Honest novelty comes from all
sources alike, so a source bit with many times the usual rate of things seen by it alone is left out of
account; nothing that others have shown as well is lost by it. At most a third of the bits can go: a crowd
is no dissent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from waf.profiles.evidence import REQUESTS, SOURCE_BITS, SOURCE_SHIFT, Evidence, sources
from waf.profiles.model import State

FACTOR: Final = 3.0  # times the median rate
LEAST: Final = 12  # things of its own below which no source is odd
AT_MOST: Final = SOURCE_BITS // 3
OPEN: Final = 0.1  # share of doubtful things at which a set is open anyway and tells nothing
CROWD: Final = 8  # bits in use below which nobody can be told from the others


def dissenters(state: State) -> Evidence:
    """The source bits to be left out of account; 0 for none."""
    own = [0] * SOURCE_BITS
    for things, n in _sets(state):
        doubtful = [e for e in things if not e & REQUESTS and 0 < sources(e) <= 2]
        if doubtful and len(doubtful) <= max(2.0, OPEN * n):
            for evidence in doubtful:
                bits = evidence >> SOURCE_SHIFT & (1 << SOURCE_BITS) - 1
                while bits:
                    lowest = bits & -bits
                    own[lowest.bit_length() - 1] += 1
                    bits ^= lowest
    activity = state.activity
    rates = {bit: own[bit] / activity[bit] for bit in range(SOURCE_BITS) if activity[bit]}
    if len(rates) < CROWD:
        return 0
    ordered = sorted(rates.values())
    usual = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2  # the median
    odd = [bit for bit, rate in rates.items() if own[bit] >= LEAST and rate > FACTOR * usual]
    odd.sort(key=lambda bit: (-rates[bit], bit))
    return sum(1 << SOURCE_SHIFT + bit for bit in odd[:AT_MOST])


def _sets(state: State) -> Iterator[tuple[Iterable[Evidence], float]]:
    """Sets that tend to close, with the size of the sample."""
    for _, node in state.root.walk():
        yield [child.seen for child in node.children.values()], node.n
        for endpoint in node.endpoints.values():
            parameters = endpoint.parameters()
            yield [parameter.seen for parameter in parameters.values()], endpoint.n
            for parameter in parameters.values():
                for things in (parameter.types, parameter.chars, parameter.shapes, parameter.values):
                    yield things.values(), parameter.n
