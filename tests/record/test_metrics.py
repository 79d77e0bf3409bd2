"""Counting, joining workers, and the text that Prometheus reads."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.record.sample_exchanges import blocked, exchange, finding, response, watched
from waf.model import Action, Engine, Outcome, Verdict
from waf.record.exposition import exposition
from waf.record.families import Distribution, Family, Join, decode, encode, join
from waf.record.metrics import MAX_REASONS, MAX_ROUTES, Metrics
from waf.record.process import process_families
from waf.record.tallies import OVERHEADS, Counts, Histogram


def values(families: tuple[Family, ...]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What a Prometheus reads: by sample name and labels."""
    text, kind = exposition(families)
    assert kind.startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parse_text(text.decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return values(metrics.families())[name, tuple(sorted(labels.items()))]


def test_exchanges_are_counted_by_how_they_ended() -> None:
    metrics = Metrics("1.0", "hs 5")
    for one in (
        exchange(),
        exchange(),
        blocked(),
        watched(),
        exchange(sent_status=0, outcome=Outcome.CLIENT_GONE),
    ):
        metrics.count(one)
    have = {
        key[1]: number for key, number in values(metrics.families()).items() if key[0] == "waf_requests_total"
    }
    labels = {(dict(k)["outcome"], dict(k)["would"], dict(k)["code"]): number for k, number in have.items()}
    assert labels == {
        ("forwarded", "forward", "2xx"): 2,
        ("blocked", "block", "4xx"): 1,
        ("forwarded", "block", "2xx"): 1,
        ("client-gone", "forward", "none"): 1,
    }
    assert metrics.requests == 5


def test_everything_else_of_an_exchange_is_summed() -> None:
    metrics = Metrics()
    metrics.count(exchange(attempts=3))
    metrics.count(blocked(finding(), finding(kind="xss", rule="xss-1", enforced=False)))
    metrics.count(exchange(bypass="mode-off", detail="the mode is off here"))
    metrics.count(exchange(outcome=Outcome.UPSTREAM_FAULT, fault="upstream.refused", answered_at=0.0))
    assert value(metrics, "waf_client_received_bytes_total") == 400
    assert value(metrics, "waf_client_sent_bytes_total") == 8000
    assert value(metrics, "waf_upstream_received_bytes_total") == 7600
    assert value(metrics, "waf_upstream_retries_total") == 2
    assert value(metrics, "waf_findings_total", engine="signature", kind="sqli", enforced="true") == 1
    assert value(metrics, "waf_findings_total", engine="signature", kind="xss", enforced="false") == 1
    assert value(metrics, "waf_rule_hits_total", rule="xss-1") == 1
    assert value(metrics, "waf_uninspected_total", reason="mode-off") == 1
    assert value(metrics, "waf_faults_total", rule="upstream.refused") == 1
    assert value(metrics, "waf_overhead_seconds_count") == 4
    assert value(metrics, "waf_overhead_seconds_sum") == pytest.approx(0.0002)
    assert value(metrics, "waf_overhead_seconds_bucket", le="0.0001") == 4
    assert value(metrics, "waf_request_duration_seconds_bucket", le="0.01") == 0
    assert value(metrics, "waf_request_duration_seconds_bucket", le="0.025") == 4
    assert value(metrics, "waf_upstream_duration_seconds_count") == 3


def test_findings_in_a_response_count_as_well() -> None:
    metrics = Metrics()
    verdict = Verdict(Action.FORWARD, Action.FORWARD, findings=(finding(engine=Engine.SENSITIVE),))
    metrics.count(exchange(response_verdict=verdict))
    assert value(metrics, "waf_findings_total", engine="sensitive", kind="sqli", enforced="true") == 1


def test_no_stream_of_requests_makes_series_without_end() -> None:
    metrics = Metrics()
    for i in range(MAX_ROUTES * 3):
        metrics.count(exchange(route=f"/r{i}"))
        metrics.count(exchange(fault=f"f{i}", bypass=f"b{i}"))
    have = values(metrics.families())
    routes = {dict(labels)["route"] for name, labels in have if name == "waf_requests_total"}
    faults = {dict(labels)["rule"] for name, labels in have if name == "waf_faults_total"}
    reasons = {dict(labels)["reason"] for name, labels in have if name == "waf_uninspected_total"}
    assert len(routes) == MAX_ROUTES
    assert max(len(faults), len(reasons)) <= MAX_REASONS + 1
    assert {"_OTHER"} <= routes & faults & reasons
    assert metrics.requests == MAX_ROUTES * 6


def test_odd_statuses_of_an_app_make_no_series_each() -> None:
    metrics = Metrics()
    for status in range(200, 600):
        metrics.count(exchange(response=response(status), sent_status=status))
    assert sum(name == "waf_requests_total" for name, _ in values(metrics.families())) == 4


def test_reloads_tell_the_last_good_one() -> None:
    metrics = Metrics()
    metrics.reloaded(True, 1000.0)
    metrics.policy("abc", "protect", 1)
    metrics.reloaded(False, 2000.0)
    assert value(metrics, "waf_config_last_reload_successful") == 0
    assert value(metrics, "waf_config_last_reload_success_timestamp_seconds") == 1000.0
    assert value(metrics, "waf_config_reloads_total", result="failure") == 1
    assert value(metrics, "waf_policy_info", version="abc", mode="protect") == 1


def test_what_is_watched_is_read_at_each_scrape() -> None:
    metrics = Metrics()
    open_ = [1.0]
    metrics.watch("waf_upstream_connections", "Open.", lambda: open_[0], {"state": "idle"})
    metrics.watch("waf_upstream_connections", "Open.", lambda: 7.0, {"state": "active"})
    metrics.watch("waf_events_dropped_total", "Lost.", lambda: 3.0)
    assert value(metrics, "waf_upstream_connections", state="idle") == 1
    open_[0] = 2.0
    assert value(metrics, "waf_upstream_connections", state="idle") == 2
    assert value(metrics, "waf_upstream_connections", state="active") == 7
    assert value(metrics, "waf_events_dropped_total") == 3


def test_a_gauge_that_fails_does_not_blind_the_scrape() -> None:
    def broken() -> float:
        raise RuntimeError

    metrics = Metrics()
    metrics.watch("waf_broken", "Fails.", broken)
    metrics.watch("waf_whole", "Works.", lambda: 1.0)
    assert value(metrics, "waf_whole") == 1
    assert metrics.record_failures == 1


def test_text_that_is_no_unicode_does_not_blind_the_scrape() -> None:
    metrics = Metrics()
    metrics.count(blocked(finding(kind="\udcff"), route="/\udcff", fault="\udcff"))
    metrics.count(exchange(bypass="\udcff"))
    assert decode(encode(metrics.families()))
    assert values(metrics.families())


def test_the_process_is_shown_as_the_client_library_shows_it() -> None:
    have = {name: number for (name, _), number in values(tuple(process_families())).items()}
    theirs = {
        s.name: s.value
        for metric in ProcessCollector(registry=CollectorRegistry()).collect()
        for s in metric.samples
    }
    assert have.keys() == theirs.keys()
    for name, number in theirs.items():
        assert have[name] == pytest.approx(number, rel=0.1, abs=3), name


def test_without_proc_nothing_is_shown(tmp_path: Path) -> None:
    assert process_families(tmp_path) == []


def test_the_process_is_shown() -> None:
    have = values(Metrics().families())
    assert have["process_resident_memory_bytes", ()] > 1_000_000
    assert have["process_start_time_seconds", ()] > 1_000_000_000


def busy() -> Metrics:
    metrics = Metrics("1.0", 'an "odd" \\ engine\n')
    for one in (exchange(), blocked(), exchange(bypass='a "quoted" reason\\'), watched()):
        metrics.count(one)
    metrics.reloaded(True, 1000.0)
    metrics.policy("abc", "protect", 1)
    metrics.watch("waf_connections", "Open client connections.", lambda: 2.0)
    return metrics


def test_openmetrics_is_given_to_those_who_ask() -> None:
    text, kind = exposition(busy().families(), "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    names = {family.name for family in parse_openmetrics(text.decode())}
    assert {"waf_requests", "waf_overhead_seconds", "waf_connections"} <= names


NUMBERS = st.floats(allow_nan=False) | st.integers(0, 10**18).map(float)


@given(
    st.text(),
    st.dictionaries(st.tuples(st.text(), st.text()), NUMBERS, min_size=1, max_size=4),
    st.booleans(),
)
def test_a_scraper_reads_what_was_meant(
    help: str, sums: dict[tuple[str, str], float], openmetrics: bool
) -> None:
    """Read by Prometheus's own library: any label, any number."""

    def utf8(text: str) -> str:
        return text.encode("utf-8", "replace").decode()

    sums = {(utf8(a), utf8(b)): value for (a, b), value in sums.items()}
    text, _ = exposition(
        [Family("waf_x", help, ("a", "b"), tuple(sums.items()))], "application/openmetrics-text" * openmetrics
    )
    (family,) = (parse_openmetrics if openmetrics else parse_text)(text.decode())
    assert {(s.labels["a"], s.labels["b"]): s.value for s in family.samples} == sums
    assert openmetrics is False or family.documentation == utf8(help)


def test_no_label_is_the_client_s_to_choose() -> None:
    labels = {label for family in busy().families() for label in family.labels}
    assert labels == {
        "route", "outcome", "would", "code", "engine", "kind", "enforced", "rule", "reason", "result",
        "version", "mode", "python",
    }  # fmt: skip


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_mend() -> None:
    text, _ = exposition(busy().families())
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


# --------------------------------------------------------------------------- several workers


def test_families_travel_and_join() -> None:
    one, two = busy(), busy()
    two.count(exchange(route="/only/here"))
    two.reloaded(False, 2000.0)
    joined = join([decode(encode(worker.families())) for worker in (one, two)])
    have = values(joined)
    assert have["waf_overhead_seconds_count", ()] == 9
    assert have["waf_client_received_bytes_total", ()] == 900
    assert have["waf_connections", ()] == 4
    assert have["waf_config_last_reload_successful", ()] == 0  # one of them differs: say so
    assert have["waf_config_reloads_total", (("result", "success"),)] == 2
    assert {name for name, _ in have if name == "waf_build_info"}
    assert max(number for (name, _), number in have.items() if name == "waf_build_info") == 1


amounts = st.integers(0, 1000)
workers = st.lists(st.dictionaries(st.sampled_from("abc"), amounts), max_size=4)


@given(workers, st.sampled_from([Join.SUM, Join.MIN, Join.MAX]))
def test_joining_is_the_sum_or_bound_of_each_series(dumps: list[dict[str, int]], how: Join) -> None:
    families = [
        (Family("m", "", ("k",), tuple(((key,), float(n)) for key, n in dump.items()), join=how),)
        for dump in dumps
    ]
    joined = join(families)
    act = {Join.SUM: sum, Join.MIN: min, Join.MAX: max}[how]
    expected = {
        (key,): float(act([dump[key] for dump in dumps if key in dump]))
        for key in {k for d in dumps for k in d}
    }
    assert (dict(joined[0].samples) if joined else {}) == expected


@given(st.lists(st.lists(st.floats(0, 20), max_size=20), min_size=1, max_size=3))
def test_joined_histograms_are_the_histogram_of_all(observed: list[list[float]]) -> None:
    def spread(numbers: list[float]) -> Histogram:
        histogram = Histogram(OVERHEADS)
        for number in numbers:
            histogram.observe(number)
        return histogram

    def family(histogram: Histogram) -> Family:
        return Family(
            "h", "", distributions=(((), Distribution(OVERHEADS, tuple(histogram.counts), histogram.sum)),)
        )

    joined = join([(family(spread(numbers)),) for numbers in observed])
    whole = spread([number for numbers in observed for number in numbers])
    assert joined[0].distributions[0][1].counts == tuple(whole.counts)
    assert joined[0].distributions[0][1].sum == pytest.approx(whole.sum)


@given(st.lists(st.floats(0, 20, allow_nan=False), max_size=30))
def test_a_bucket_holds_what_is_at_most_its_bound(numbers: list[float]) -> None:
    histogram = Histogram(OVERHEADS)
    for number in numbers:
        histogram.observe(number)
    for i, bound in enumerate(OVERHEADS):
        assert sum(histogram.counts[: i + 1]) == sum(number <= bound for number in numbers)
    assert sum(histogram.counts) == len(numbers)


@given(st.lists(st.text(max_size=3), max_size=50), st.integers(1, 5))
def test_counts_are_bounded_and_lose_nothing(keys: list[str], capacity: int) -> None:
    counts: Counts[str] = Counts(capacity, lambda _: "_OTHER")
    for key in keys:
        counts.add(key)
    assert len(counts.sums) <= capacity + 1
    assert sum(counts.sums.values()) == len(keys)
