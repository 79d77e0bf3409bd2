"""What the rounds of a run come to: medians, ratios to plain nginx of the same run, and the budget they
must keep.

Values in, values and text out. Knows nothing of servers.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import yaml

BASE: Final = "nginx"


class Sample(msgspec.Struct, frozen=True):
    """One measurement of one case at one peer. Times in seconds; `busy` is the share of its core that it
    used."""

    case: str
    peer: str
    cpu_per_request: float
    requests_per_second: float
    busy: float
    p50: float | None = None
    p99: float | None = None


class Figure(msgspec.Struct, frozen=True):
    """Medians of a case at a peer. CPU and latencies in microseconds; `added` is over the direct
    connection."""

    cpu_us: float
    requests_per_second: float
    busy: float
    cpu_ratio: float | None
    added_p50_us: float | None
    added_p99_us: float | None
    added_p50_ratio: float | None
    added_p99_ratio: float | None


class Run(msgspec.Struct, frozen=True):
    """A whole run. `resident_mb` and `ready_seconds` are by peer; `skipped` says which peers are missing
    and why."""

    machine: str
    date: str
    rounds: int
    pinned: bool
    figures: dict[str, dict[str, Figure]]  # case, peer
    resident_mb: dict[str, float]
    ready_seconds: dict[str, float]
    skipped: dict[str, str] = {}


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Upper and lower bounds; see budget.yaml. Keys of the mappings are case names."""

    cpu_vs_nginx: dict[str, float]
    times_cheaper_than_modsecurity: dict[str, float]
    added_latency_vs_nginx: dict[str, float]
    resident_mb: float
    ready_seconds: float


def summarise(samples: Sequence[Sample]) -> dict[str, dict[str, Figure]]:
    """Medians by case and peer, in the order of the samples; "direct" is what latencies are added to."""
    groups: dict[str, dict[str, list[Sample]]] = {}
    for sample in samples:
        groups.setdefault(sample.case, {}).setdefault(sample.peer, []).append(sample)
    figures: dict[str, dict[str, Figure]] = {}
    for case, by_peer in groups.items():
        direct, base = by_peer.get("direct", []), by_peer.get(BASE, [])
        base_cpu = _median([s.cpu_per_request for s in base])
        base_added = [_added(base, direct, key) for key in ("p50", "p99")]
        figures[case] = {}
        for peer, group in by_peer.items():
            if peer == "direct":
                continue
            cpu = _median([s.cpu_per_request for s in group]) or 0.0
            added = [_added(group, direct, key) for key in ("p50", "p99")]
            figures[case][peer] = Figure(
                cpu_us=cpu * 1e6,
                requests_per_second=_median([s.requests_per_second for s in group]) or 0.0,
                busy=_median([s.busy for s in group]) or 0.0,
                cpu_ratio=_ratio(cpu, base_cpu),
                added_p50_us=None if added[0] is None else added[0] * 1e6,
                added_p99_us=None if added[1] is None else added[1] * 1e6,
                added_p50_ratio=_ratio(added[0], base_added[0]),
                added_p99_ratio=_ratio(added[1], base_added[1]),
            )
    return figures


def _added(group: Sequence[Sample], direct: Sequence[Sample], key: str) -> float | None:
    own = _median([value for s in group if (value := getattr(s, key)) is not None])
    without = _median([value for s in direct if (value := getattr(s, key)) is not None])
    return None if own is None or without is None else own - without


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base is not None and base > 0 else None


# -------------------------------------------------------------------------------------------------------
# budget


def read_budget(path: Path) -> Budget:
    """Raises msgspec.ValidationError on an unknown or missing key."""
    return msgspec.convert(yaml.safe_load(path.read_text()), Budget)


def over_budget(run: Run, budget: Budget) -> tuple[list[str], list[str]]:
    """(what exceeds its bound, what could not be judged because its figure is missing), one sentence each."""
    over: list[str] = []
    missing: list[str] = []

    def judge(name: str, value: float | None, bound: float, *, at_least: bool = False) -> None:
        if value is None:
            missing.append(name)
        elif value < bound if at_least else value > bound:
            over.append(f"{name}: {value:.2f}, {'at least' if at_least else 'at most'} {bound:g} is allowed")

    def figure(case: str, peer: str) -> Figure | None:
        return run.figures.get(case, {}).get(peer)

    for case, bound in budget.cpu_vs_nginx.items():
        ours = figure(case, "sidecar")
        judge(f"CPU of {case} over nginx", ours.cpu_ratio if ours else None, bound)
    for case, bound in budget.times_cheaper_than_modsecurity.items():
        ours, theirs = figure(case, "sidecar"), figure(case, "modsecurity")
        times = _ratio(theirs.cpu_us, ours.cpu_us) if ours and theirs else None
        judge(f"CPU of {case}, ModSecurity over ours", times, bound, at_least=True)
    for case, bound in budget.added_latency_vs_nginx.items():
        ours = figure(case, "sidecar")
        judge(f"added median latency of {case} over nginx", ours.added_p50_ratio if ours else None, bound)
    judge("resident MB", run.resident_mb.get("sidecar"), budget.resident_mb)
    judge("seconds to ready, warm", run.ready_seconds.get("sidecar"), budget.ready_seconds)
    return over, missing


# ---------------------------------------------------------------------------------------------------------
# text


def table(run: Run, titles: Mapping[str, str]) -> str:
    """The run as a Markdown table: readable in a terminal, ready for RESULTS.md."""
    head = "| case | peer | CPU µs/request | × nginx | requests/s | core busy "
    head += "| added p50 µs | × nginx | added p99 µs | × nginx |"
    lines = [head, "|---|---" + "|---:" * 8 + "|"]
    for case, by_peer in run.figures.items():
        for number, (peer, f) in enumerate(by_peer.items()):
            cells = [
                titles.get(case, case) if number == 0 else "",
                peer,
                _figure(f.cpu_us),
                _times(f.cpu_ratio),
                _figure(f.requests_per_second),
                f"{f.busy:.0%}",
                _figure(f.added_p50_us),
                _times(f.added_p50_ratio),
                _figure(f.added_p99_us),
                _times(f.added_p99_ratio),
            ]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| peer | resident MB after the run | seconds to ready |", "|---|---:|---:|"]
    lines += [
        f"| {peer} | {megabytes:.0f} | {_seconds(run.ready_seconds.get(peer))} |"
        for peer, megabytes in run.resident_mb.items()
    ]
    lines += [f"\n{peer} was skipped: {why}." for peer, why in run.skipped.items()]
    return "\n".join(lines)


def notes(run: Run) -> str:
    """How the figures were taken, in a few sentences."""
    pinned = (
        "The measured server ran on one core, the app behind it and the load on the others."
        if run.pinned
        else "There was one core for everything, so the load disturbs the figures."
    )
    limited = sorted(
        f"{peer} ({case})"
        for case, by_peer in run.figures.items()
        for peer, f in by_peer.items()
        if f.busy < 0.8
    )
    text = f"{run.date}, {run.machine}; medians of {run.rounds} interleaved rounds. {pinned}"
    if limited:
        text += " Limited by load or app rather than by the server (requests/s say little, CPU per request "
        text += f"holds): {', '.join(limited)}."
    return text


def replace_section(path: Path, name: str, title: str, text: str) -> None:
    """Put `text` under a heading into the results file, in place of what stood in that section before."""
    opening, closing = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{opening}\n## {title}\n\n{text.strip()}\n{closing}\n"
    whole = path.read_text() if path.exists() else "# Results\n\nWritten by the commands in bench/.\n"
    before, found, rest = whole.partition(opening)
    if found:
        whole = before + section + rest.partition(closing + "\n")[2]
    else:
        whole = whole.rstrip("\n") + "\n\n" + section
    path.write_text(whole)


def _figure(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
