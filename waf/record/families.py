"""Metric families as values: they travel between processes and add up.

Each worker makes its own families; whoever answers a scrape joins them, so that one port shows all workers.
There are no shared files and no dead workers' leftovers: a worker that has gone takes its part along, which
Prometheus reads as a counter reset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

import msgspec

Labels = tuple[str, ...]


class Join(Enum):
    """How the values of several workers become one."""

    SUM = "sum"
    MIN = "min"
    MAX = "max"


class Distribution(msgspec.Struct, frozen=True):
    """`counts` by bucket, not cumulated, one more than `bounds`."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


class Family(msgspec.Struct, frozen=True):
    """One metric: `samples` of a counter ("…_total") or gauge, or `distributions` of a histogram."""

    name: str
    help: str
    labels: Labels = ()
    samples: tuple[tuple[Labels, float], ...] = ()
    distributions: tuple[tuple[Labels, Distribution], ...] = ()
    join: Join = Join.SUM


_DECODER = msgspec.json.Decoder(tuple[Family, ...])
_ENCODER = msgspec.json.Encoder()


def encode(families: Sequence[Family]) -> bytes:
    return _ENCODER.encode(families)


def decode(data: bytes) -> tuple[Family, ...]:
    """Raises msgspec.DecodeError (or its ValidationError) on what `encode` did not make."""
    return _DECODER.decode(data)


def join(workers: Iterable[Sequence[Family]]) -> tuple[Family, ...]:
    """The families of several workers as one."""
    joined: dict[str, Family] = {}
    for families in workers:
        for family in families:
            known = joined.get(family.name)
            joined[family.name] = family if known is None else _join(known, family)
    return tuple(joined.values())


def _join(a: Family, b: Family) -> Family:
    samples = dict(a.samples)
    for labels, value in b.samples:
        if labels not in samples:
            samples[labels] = value
        elif a.join is Join.SUM:
            samples[labels] += value
        else:
            samples[labels] = (min if a.join is Join.MIN else max)(samples[labels], value)
    distributions = dict(a.distributions)
    for labels, more in b.distributions:
        have = distributions.get(labels)
        if have is None or have.bounds != more.bounds:
            distributions[labels] = more
            continue
        counts = tuple(x + y for x, y in zip(have.counts, more.counts, strict=True))
        distributions[labels] = Distribution(have.bounds, counts, have.sum + more.sum)
    return msgspec.structs.replace(
        a, samples=tuple(samples.items()), distributions=tuple(distributions.items())
    )
