"""Families as the text that a scraper reads: Prometheus's own format, or OpenMetrics where it is asked for.

Written here rather than by the client library: that one keeps 4 MB resident for the sake of a few lines of text.
Source: prometheus.io/docs/instrumenting/exposition_formats (0.0.4), OpenMetrics 1.0.0 section 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, isnan
from typing import Final

from waf.record.families import Distribution, Family, Labels

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_HELP: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})
_VALUE: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def exposition(families: Sequence[Family], accept: str = "") -> tuple[bytes, str]:
    """Text for a scrape and its type; OpenMetrics where `accept` asks for it, else Prometheus's."""
    openmetrics = "application/openmetrics-text" in accept
    lines: list[str] = []
    for family in families:
        lines += _family(family, openmetrics)
    if openmetrics:
        lines.append("# EOF\n")
    return "".join(lines).encode("utf-8", "replace"), OPENMETRICS if openmetrics else TEXT


def _family(family: Family, openmetrics: bool) -> Iterator[str]:
    name = family.name
    counts = name.endswith("_total") and not family.distributions
    # In OpenMetrics a counter's family is named without the suffix that its samples have.
    title = name.removesuffix("_total") if counts and openmetrics else name
    help = family.help.translate(_VALUE if openmetrics else _HELP)
    yield f"# HELP {title} {help}\n"
    yield f"# TYPE {title} {'histogram' if family.distributions else 'counter' if counts else 'gauge'}\n"
    for labels, value in family.samples:
        yield f"{name}{_labels(family.labels, labels)} {_number(value)}\n"
    for labels, distribution in family.distributions:
        yield from _buckets(name, family.labels, labels, distribution)


def _buckets(name: str, names: Labels, labels: Labels, distribution: Distribution) -> Iterator[str]:
    total = 0
    for bound, count in zip((*distribution.bounds, inf), distribution.counts, strict=True):
        total += count
        own = _labels((*names, "le"), (*labels, _number(bound)))
        yield f"{name}_bucket{own} {_number(total)}\n"
    own = _labels(names, labels)
    yield f"{name}_count{own} {_number(total)}\n{name}_sum{own} {_number(distribution.sum)}\n"


def _labels(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{value.translate(_VALUE)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _number(value: float) -> str:
    """As Go writes it, and as little room as it needs."""
    if isnan(value):
        return "NaN"
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))
