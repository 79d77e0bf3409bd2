"""From samples to medians, ratios, the budget and the results file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.cases import cases
from bench.figures import (
    Budget,
    Figure,
    Run,
    Sample,
    notes,
    over_budget,
    read_budget,
    replace_section,
    summarise,
    table,
)

BUDGET = Path(__file__).resolve().parents[2] / "bench" / "budget.yaml"


def sample(peer: str, cpu: float, p50: float | None = None, p99: float | None = None) -> Sample:
    return Sample(
        "get", peer, cpu * 1e-6, 1_000.0, 0.9, None if p50 is None else p50 * 1e-6, p99 and p99 * 1e-6
    )


SAMPLES = [
    sample("direct", 0, 100, 200),
    sample("nginx", 20, 150, 260),
    sample("sidecar", 50, 170, 290),
    sample("direct", 0, 110, 210),
    sample("nginx", 22, 160, 280),
    sample("sidecar", 52, 200, 300),
    sample("nginx", 900, 158, 270),
    sample("sidecar", 54, 180, 310),
]


def run(figures: dict[str, dict[str, Figure]], memory: float = 50.0, ready: float = 0.5) -> Run:
    return Run("a machine", "2026-01-01", 3, True, figures, {"sidecar": memory}, {"sidecar": ready})


def test_medians_and_ratios() -> None:
    figures = summarise(SAMPLES)["get"]
    assert "direct" not in figures
    assert figures["nginx"].cpu_us == pytest.approx(22)
    assert figures["nginx"].cpu_ratio == pytest.approx(1)
    ours = figures["sidecar"]
    assert ours.cpu_us == pytest.approx(52)
    assert ours.cpu_ratio == pytest.approx(52 / 22)
    assert ours.added_p50_us == pytest.approx(180 - 105)
    assert ours.added_p50_ratio == pytest.approx(75 / 53)
    assert ours.added_p99_us == pytest.approx(300 - 205)


def test_without_nginx_or_latency_there_are_no_ratios() -> None:
    figure = summarise([sample("sidecar", 50)])["get"]["sidecar"]
    assert figure.cpu_ratio is None
    assert figure.added_p50_us is None
    assert "–" in table(run({"get": {"sidecar": figure}}), {})


def test_latency_below_the_direct_one_makes_no_ratio() -> None:
    figures = summarise(
        [sample("direct", 0, 100, 100), sample("nginx", 1, 90, 90), sample("sidecar", 1, 120, 120)]
    )
    assert figures["get"]["sidecar"].added_p50_ratio is None


BUDGET_CASES = [
    (50.0, 0.5, 3.0, 0),
    (50.0, 0.5, 2.0, 1),
    (61.0, 0.5, 3.0, 1),
    (61.0, 1.5, 2.0, 3),
]


@pytest.mark.parametrize(("memory", "ready", "bound", "expected"), BUDGET_CASES)
def test_what_exceeds_the_budget_is_named(memory: float, ready: float, bound: float, expected: int) -> None:
    budget = Budget({"get": bound}, {}, {}, 60, 1.0)
    over, missing = over_budget(run(summarise(SAMPLES), memory, ready), budget)
    assert len(over) == expected
    assert missing == []


def test_modsecurity_is_a_lower_bound() -> None:
    figures = summarise([*SAMPLES, sample("modsecurity", 1_000)])
    within = over_budget(run(figures), Budget({}, {"get": 10}, {}, 60, 1.0))
    beyond = over_budget(run(figures), Budget({}, {"get": 30}, {}, 60, 1.0))
    assert within == ([], [])
    assert len(beyond[0]) == 1


def test_what_was_not_measured_is_said_and_is_no_excess() -> None:
    over, missing = over_budget(run({}), read_budget(BUDGET))
    assert over == []
    assert len(missing) > 5


def test_the_budget_file_names_cases_that_exist() -> None:
    budget = read_budget(BUDGET)
    known = {case.name for case in cases()}
    for named in (budget.cpu_vs_nginx, budget.times_cheaper_than_modsecurity, budget.added_latency_vs_nginx):
        assert set(named) <= known


def test_an_unknown_key_in_the_budget_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(BUDGET.read_text() + "\nresident: 3\n")
    with pytest.raises(msgspec.ValidationError, match="resident"):
        read_budget(tmp_path / "b.yaml")


def test_the_table_and_the_notes_read_well() -> None:
    result = run(summarise(SAMPLES))
    text = table(result, {"get": "A title"})
    assert "| A title | nginx | 22.0 | 1.00 |" in text
    assert "|  | sidecar | 52.0 | 2.36 |" in text
    assert "| sidecar | 50 | 0.50 |" in text
    assert "medians of 3" in notes(result)


def test_sections_of_the_results_replace_themselves_and_leave_the_others(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    replace_section(path, "one", "One", "first")
    replace_section(path, "two", "Two", "second")
    replace_section(path, "one", "One", "third\n")
    text = path.read_text()
    assert "first" not in text
    assert text.index("third") < text.index("second")
    assert text.count("<!-- one -->") == text.count("<!-- end of one -->") == 1
    again = text
    replace_section(path, "two", "Two", "second")
    assert path.read_text() == again
