"""What is counted of every exchange, and of the sidecar itself. One `Metrics` per process.

Names follow Prometheus: base units, `_total`, no label that a client can choose freely (no path, address or
user). The route label is a bounded template. Nothing here blocks or does I/O but the reading of /proc for a
scrape.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Final

from waf.exchange import Exchange, Outcome
from waf.findings import PASSED, Action, Finding, Verdict
from waf.record.families import Distribution, Family, Join
from waf.record.process import process_families
from waf.record.tallies import DURATIONS, OTHER, OVERHEADS, Counts, Histogram

_FORWARD: Final = Action.FORWARD
_FORWARDED: Final = Outcome.FORWARDED

MAX_ROUTES: Final = 300
MAX_SERIES: Final = (
    3_000  # of requests: routes x outcomes x status classes that really occur, but for those passed
)
CLASSES: Final = 6  # of statuses; 0 for none
MAX_KINDS: Final = 200
MAX_REASONS: Final = 50
MAX_RULES: Final = 1_000

HELP: Final[dict[str, str]] = {
    "requests": "Exchanges by how they ended, what protect mode would have done, and status class.",
    "findings": "Findings by engine and kind; enforced is false for those that are only watched.",
    "rules": "Findings by rule.",
    "faults": "Exchanges that ended with a fault, by its rule.",
    "bypasses": "Exchanges let pass uninspected, by reason.",
    "overhead": "Time spent in our own code judging an exchange.",
    "duration": "From the first byte of a request to the end of the exchange.",
    "upstream": "From request sent to response head read.",
    "from_client": "Bytes read from clients.",
    "to_client": "Bytes written to clients.",
    "from_app": "Bytes read from the app.",
    "retries": "Requests sent to the app once more.",
    "failures": "Exchanges not fully recorded because of a bug of ours.",
    "reloads": "Loads of configuration and rules, the first one included.",
    "reload_ok": "1 if the last load took effect.",
    "reload_at": "Unix time at which the configuration in force was loaded.",
    "generation": "How often a policy came into force.",
    "policy": "The policy in force; its value counts the workers that have it.",
    "build": "This sidecar.",
}

RELOAD_AT: Final = "waf_config_last_reload_success_timestamp_seconds"

RequestKey = tuple[str, str, str, int]


class Metrics:
    """Sums of one process. `count` is for the hot path; `families` gives all of it as values."""

    def __init__(self, version: str = "", engine: str = "") -> None:
        self._requests: Counts[RequestKey] = Counts(MAX_SERIES, lambda key: (OTHER, *key[1:]))
        self._passed: dict[str, list[int]] = {
            OTHER: [0] * CLASSES
        }  # by route: forwarded without a finding, by status class
        self._findings: Counts[tuple[str, str, bool]] = Counts(MAX_KINDS, lambda k: (k[0], OTHER, k[2]))
        self._rules: Counts[str] = Counts(MAX_RULES, lambda _: OTHER)
        self._faults: Counts[str] = Counts(MAX_REASONS, lambda _: OTHER)
        self._bypasses: Counts[str] = Counts(MAX_REASONS, lambda _: OTHER)
        self._overhead = Histogram(OVERHEADS)
        self._duration = Histogram(DURATIONS)
        self._upstream = Histogram(DURATIONS)
        self._from_client = self._to_client = self._from_app = self._retries = 0
        self._build = (version, platform.python_version(), engine)
        self._reloads = {"success": 0, "failure": 0}
        self._reload_ok = 0
        self._reload_at = 0.0
        self._policy: tuple[str, str] = ("", "")
        self._generation = 0
        self._watched: list[tuple[Family, Callable[[], float]]] = []
        self.record_failures = 0  # bugs met while recording; the exchange itself is not harmed

    def count(self, exchange: Exchange) -> None:
        """Add one ended exchange."""
        verdict, reply = exchange.verdict, exchange.response_verdict
        status_class = exchange.sent_status // 100
        if (
            verdict is PASSED
            and reply is PASSED
            and exchange.outcome is _FORWARDED
            and (passed := self._passed.get(exchange.route)) is not None
            and status_class < CLASSES
        ):
            passed[status_class] += 1
        else:
            would = verdict.would if verdict.would is not _FORWARD else reply.would
            self._add((exchange.route, exchange.outcome._value_, would._value_, status_class))
        self._overhead.observe(exchange.overhead)
        seconds = exchange.ended - exchange.started
        if seconds > 0.0:
            self._duration.observe(seconds)
        if exchange.answered_at:
            self._upstream.observe(exchange.answered_at - exchange.sent_upstream_at)
        self._from_client += exchange.bytes_from_client
        self._to_client += exchange.bytes_to_client
        self._from_app += exchange.bytes_from_app
        if exchange.attempts > 1:
            self._retries += exchange.attempts - 1
        if exchange.bypass:
            self._bypasses.add(exchange.bypass)
        if exchange.fault:
            self._faults.add(exchange.fault)
        if verdict.findings:
            self._count_findings(verdict)
        if reply.findings:
            self._count_findings(reply)

    def _add(self, key: RequestKey) -> None:
        """Count one of a kind that is rarer, or the first of its route."""
        route = key[0]
        if route not in self._passed:
            if len(self._passed) >= MAX_ROUTES:
                key = (OTHER, *key[1:])
            else:
                self._passed[route] = [0] * CLASSES
        self._requests.add(key)

    def _series(self) -> dict[RequestKey, int]:
        """All exchanges by what they are counted under."""
        sums = dict(self._requests.sums)
        for route, passed in self._passed.items():
            for status_class, count in enumerate(passed):
                if count:
                    key = (route, _FORWARDED.value, _FORWARD.value, status_class)
                    sums[key] = sums.get(key, 0) + count
        return sums

    def _count_findings(self, verdict: Verdict) -> None:
        findings: tuple[Finding, ...] = verdict.findings
        for finding in findings:
            self._findings.add((finding.engine._value_, finding.kind, finding.enforced))
            self._rules.add(finding.rule)

    def reloaded(self, ok: bool, now: float) -> None:
        """A reload ended at Unix time `now`. The first load counts as one."""
        self._reloads["success" if ok else "failure"] += 1
        self._reload_ok = int(ok)
        if ok:
            self._reload_at = now

    def policy(self, version: str, mode: str, generation: int) -> None:
        """What is in force from now on."""
        self._policy = (version, mode)
        self._generation = generation

    def watch(
        self, name: str, help: str, read: Callable[[], float], labels: dict[str, str] | None = None
    ) -> None:
        """Show what `read` gives at each scrape; a counter where `name` ends in "_total", else a gauge.

        `read` must be quick and not fail; it is called in the thread of the loop.
        """
        labels = labels or {}
        family = Family(name, help, tuple(labels), samples=((tuple(labels.values()), 0.0),))
        self._watched.append((family, read))

    @property
    def requests(self) -> int:
        """Exchanges counted so far."""
        return sum(self._series().values())

    def families(self) -> tuple[Family, ...]:
        """Everything, now."""
        from_watched: dict[str, Family] = {}
        for family, read in self._watched:
            try:
                sample = (family.samples[0][0], float(read()))
            except Exception:  # one broken gauge must not blind the scrape
                self.record_failures += 1
                continue
            known = from_watched.get(family.name, Family(family.name, family.help, family.labels))
            from_watched[family.name] = Family(
                family.name, family.help, family.labels, (*known.samples, sample)
            )
        return (*self._own(), *from_watched.values(), *process_families())

    def _own(self) -> list[Family]:
        requests = tuple(
            ((_text(route), outcome, would, _status_class(status)), float(n))
            for (route, outcome, would, status), n in self._series().items()
        )
        findings = tuple(
            ((engine, _text(kind), "true" if enforced else "false"), float(n))
            for (engine, kind, enforced), n in self._findings.sums.items()
        )
        return [
            Family("waf_requests_total", HELP["requests"], ("route", "outcome", "would", "code"), requests),
            Family("waf_findings_total", HELP["findings"], ("engine", "kind", "enforced"), findings),
            _by("waf_rule_hits_total", HELP["rules"], "rule", self._rules),
            _by("waf_faults_total", HELP["faults"], "rule", self._faults),
            _by("waf_uninspected_total", HELP["bypasses"], "reason", self._bypasses),
            _spread("waf_overhead_seconds", HELP["overhead"], self._overhead),
            _spread("waf_request_duration_seconds", HELP["duration"], self._duration),
            _spread("waf_upstream_duration_seconds", HELP["upstream"], self._upstream),
            _one("waf_client_received_bytes_total", HELP["from_client"], self._from_client),
            _one("waf_client_sent_bytes_total", HELP["to_client"], self._to_client),
            _one("waf_upstream_received_bytes_total", HELP["from_app"], self._from_app),
            _one("waf_upstream_retries_total", HELP["retries"], self._retries),
            _one("waf_record_failures_total", HELP["failures"], self.record_failures),
            *self._of_policy(),
        ]

    def _of_policy(self) -> list[Family]:
        reloads = tuple(((result,), float(n)) for result, n in self._reloads.items())
        labels = ("version", "python", "engine")
        return [
            Family("waf_config_reloads_total", HELP["reloads"], ("result",), reloads),
            _one("waf_config_last_reload_successful", HELP["reload_ok"], self._reload_ok, Join.MIN),
            _one(
                "waf_config_last_reload_success_timestamp_seconds",
                HELP["reload_at"],
                self._reload_at,
                Join.MIN,
            ),
            _one("waf_policy_generation", HELP["generation"], self._generation, Join.MIN),
            Family("waf_policy_info", HELP["policy"], ("version", "mode"), ((self._policy, 1.0),)),
            Family("waf_build_info", HELP["build"], labels, ((self._build, 1.0),), join=Join.MAX),
        ]


def _text(label: str) -> str:
    """Text that can be encoded: a lone surrogate would end every scrape."""
    return label.encode("utf-8", "replace").decode()


def _status_class(status: int) -> str:
    return f"{status}xx" if status else "none"


def _one(name: str, help: str, value: float, join: Join = Join.SUM) -> Family:
    return Family(name, help, samples=(((), float(value)),), join=join)


def _by(name: str, help: str, label: str, counts: Counts[str]) -> Family:
    return Family(name, help, (label,), tuple(((_text(key),), float(n)) for key, n in counts.sums.items()))


def _spread(name: str, help: str, histogram: Histogram) -> Family:
    distribution = Distribution(histogram.bounds, tuple(histogram.counts), histogram.sum)
    return Family(name, help, distributions=(((), distribution),))
