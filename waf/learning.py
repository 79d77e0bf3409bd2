"""Learning beside the path: takes ended exchanges, learns in small slices, renews the profile, keeps what it knows.

Never delays traffic: `take` only queues, and drops when the queue is full; the loop learns for a few milliseconds at
a time. Compiling and saving happen in a thread, while nothing is learned.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from waf.assembly import Kept
from waf.config.schema import Config
from waf.edits import Edit, apply
from waf.memory import Memory
from waf.model import Action, Engine, Exchange, Outcome
from waf.policy.access import Networks
from waf.policy.judgement import Judgement
from waf.profiles.observe import Observation
from waf.profiles.openapi_import import Imported
from waf.record.log import Log

T = TypeVar("T")

QUEUE: Final = 4_000  # exchanges waiting to be learned
QUEUE_BYTES: Final = (
    2 * 1024 * 1024
)  # of request bodies waiting; read as fields they are several times larger
SLICE: Final = 0.001  # seconds of learning at a time
BACKLOG: Final = 0.000_002  # and for each exchange that waits, so that a burst is learned and not lost
PAUSE: Final = 0.05  # between two slices
RENEW: Final = 10.0  # seconds between two profiles
SAVE: Final = 60.0  # seconds between two states on disk
MATURE: Final = 20_000  # exchanges after which only a sample is learned
SAMPLE: Final = 16  # one in so many, then
MAX_BODY: Final = 64 * 1024  # longer bodies are not read for learning

_TAKEN: Final = frozenset({Outcome.FORWARDED, Outcome.REDACTED, Outcome.BLOCKED})
_READ: Final = frozenset({"", "response-coding"})
"""Values of `Exchange.bypass` with which the request was read whole."""
_OBJECTIONS: Final = frozenset({Engine.SIGNATURE, Engine.PROTOCOL, Engine.ACCESS})
"""Engines whose findings speak against learning from a request."""


def _is_probe(exchange: Exchange) -> bool:
    """The kubelet's health checks are no traffic of the workload."""
    request = exchange.request
    return request is not None and (request.headers.get(b"user-agent") or b"").startswith(b"kube-probe/")


class Learning:
    """One process's learner. `renewed` is called when `kept.profile` was replaced.

    `fleet_key` is the secret shared by all replicas, b"" while it is not known; None where there is no fleet.
    """

    def __init__(
        self,
        config: Config,
        kept: Kept,
        renewed: Callable[[], None],
        log: Log,
        replica: str = "",
        fleet_key: bytes | None = None,
    ) -> None:
        self._kept = kept
        self._renewed = renewed
        self._log = log
        self._queue: deque[Exchange] = deque()
        self._waiting = 0  # bytes of the requests in the queue
        self._task: asyncio.Task[None] | None = None
        self.memory = Memory(
            config.state_dir, config.profiles, fleet_key or kept.key, replica, teaches=fleet_key is not None
        )
        kept.disclosures = self.memory.disclosures
        self.observed = self.dropped = self.failed = self.disclosures = 0
        self.alerted: Callable[[], None] = lambda: None  # the others should know soon
        self._seen = 0
        self._told = 0  # alerts of the learner that were logged
        self._busy = False  # a thread has the memory
        self._turn = asyncio.Lock()  # held while one has it
        self._wanted: Config | None = None  # to be taken once no thread has the memory
        self._renew_now = False  # the profile is out of date
        self._mode = ""  # of the profile, as the fleet says; "" leaves it to the configuration
        self._documents: tuple[Imported, ...] = ()
        self._config = config
        self._apply(config)

    def _apply(self, config: Config) -> None:
        self.enabled = config.profiles.enabled and config.profiles.mode != "off"
        self._trusted = Networks(config.profiles.trusted_sources)
        self._report_disclosures = config.sensitive.disclosure != "off"

    def reconfigure(self, config: Config) -> None:
        """Other sources, thresholds and modes from now on; what was learned stays."""
        self._config = self._wanted = config
        self._apply(config)
        self._settle()

    def pin(self, documents: Sequence[Imported]) -> None:
        """Documents whose claims win over what is learned, from the next profile on."""
        self._documents = tuple(documents)
        self._wanted = self._config
        self._settle()

    def _settle(self) -> None:
        """Take what was asked for while a thread had the memory."""
        if self._busy or self._wanted is None:
            return
        profiles = self._wanted.profiles
        if self._mode and profiles.mode != "off":  # who turned learning off is not overruled from afar
            profiles = msgspec.structs.replace(profiles, mode=self._mode)
        self._wanted = None
        self.memory.reconfigure(profiles)
        self.memory.pin(self._documents)

    def take(self, exchange: Exchange) -> None:
        """Queue an ended exchange; called on the hot path."""
        if exchange.outcome not in _TAKEN or exchange.bypass not in _READ:
            return
        self._seen += 1
        plain = not exchange.verdict.findings and not exchange.response_verdict.findings
        if self._seen > MATURE and plain and self._seen % SAMPLE:
            return
        waiting = self._waiting + exchange.bytes_from_client
        if len(self._queue) >= QUEUE or waiting > QUEUE_BYTES:
            self.dropped += 1
            return
        self._waiting = waiting
        self._queue.append(exchange)

    # ------------------------------------------------------------------------------------------------ life

    def restore(self) -> None:
        """Read what was learned before this process began, and compile it. Damage is told and never fatal."""
        self.memory.load()
        for problem in self.memory.problems:
            self._log("error", "learned state cannot be used", problem=str(problem))
        self.memory.pin(self._documents)
        self._compile()

    def start(self) -> None:
        """Learn until `stop`."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Learn what is queued, keep it, end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        async with self._turn:
            self._learn(SLICE * 100)
            self._save()

    async def _run(self) -> None:
        renew = time.monotonic() + RENEW
        save = time.monotonic() + SAVE
        learned = kept = self.observed
        while True:
            await asyncio.sleep(PAUSE)
            if self._busy:
                continue
            self._learn(SLICE + BACKLOG * len(self._queue))
            now = time.monotonic()
            if self._renew_now or (now >= renew and self.observed != learned):
                self._renew_now = False
                learned, renew = self.observed, now + RENEW
                await self._aside(self._compile)
                self._renewed()
            if now >= save and self.observed != kept:
                kept, save = self.observed, now + SAVE
                await self._aside(self._save)

    async def _aside(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread; nothing is learned meanwhile, since one thread at a time has the memory.

        Who is cancelled while waiting leaves the work to end by itself, with the memory still its own.
        """
        return await asyncio.shield(asyncio.ensure_future(self._alone(work)))

    async def _alone(self, work: Callable[[], T]) -> T:
        async with self._turn:
            self._busy = True
            try:
                return await asyncio.to_thread(work)
            finally:
                self._busy = False
                self._settle()

    # ---------------------------------------------------------------------------------------- the fleet

    async def cut(self) -> tuple[int, bytes] | None:
        """What was learned since the last time, packed, and its number; None for nothing."""
        return await self._aside(self.memory.cut)

    async def follow(self, profile: bytes) -> None:
        """Enforce a profile of the fleet. Raises ValueError for bytes that are none; then all is as it was."""

        def work() -> None:
            self.memory.follow(profile)
            self._compile()

        await self._aside(work)
        self._renewed()

    async def rekey(self, key: bytes) -> None:
        """Hash with the secret of all replicas; what was learned under one's own cannot be shared, and goes."""

        def work() -> None:
            self.memory.rekey(key)
            self.memory.pin(self._documents)
            self._compile()

        await self._aside(work)
        self._renewed()

    def set_mode(self, mode: str) -> None:
        """The profile's mode as the fleet says, "" for the configuration's; in force with the next profile, at once."""
        self._mode, self._wanted = mode, self._config
        self._settle()
        self._renew_now = True

    def _learn(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while self._queue and time.perf_counter() < end:
            exchange = self._queue.popleft()
            self._waiting -= exchange.bytes_from_client
            try:
                self._remember(exchange)
            except Exception as error:
                self.failed += 1
                self._log("error", "learning failed", error=type(error).__name__)
        alerts = self.memory.learner.alerts
        while self._told < len(alerts):
            alert = alerts[self._told]
            self._told += 1
            self._log("warning", f"profile: {alert.text}", kind=alert.kind, subject=alert.subject)
            self.alerted()
        if self._told >= 100:
            alerts.clear()
            self._told = 0

    def _remember(self, exchange: Exchange) -> None:
        judgement = exchange.policy_data
        if not isinstance(judgement, Judgement):
            return
        wall, version = exchange.wall, exchange.policy_version
        if judgement.hits is not None:
            self.memory.inventory.add(exchange.route, "request", judgement.hits.tally, wall, version)
        if judgement.response_tally is not None:
            tally = judgement.response_tally
            self.memory.inventory.add(exchange.route, "response", tally, wall, version)
            for finding in self.memory.disclosures.learn(exchange.route, tally.totals, wall):
                self.disclosures += 1
                if self._report_disclosures:
                    self._log(
                        "warning", finding.detail, rule=finding.rule, expected=finding.expected,
                        request=exchange.id, route=exchange.route,
                    )  # fmt: skip
        if exchange.verdict.would is Action.BLOCK and exchange.outcome is not Outcome.BLOCKED:
            self.memory.learner.would_block += 1
        if self.enabled and judgement.reading is not None and not _is_probe(exchange):
            self.memory.learner.observe(self._observation(exchange, judgement), wall)
            self.observed += 1

    def _compile(self) -> None:
        try:
            self._kept.profile = self.memory.learner.compile(time.time(), self._kept.mask)
        except Exception as error:
            self.failed += 1
            self._log("error", "no new profile, the old one stays", error=type(error).__name__)

    def _save(self) -> None:
        try:
            self.memory.save()
        except OSError as error:
            self.failed += 1
            self._log("error", "learned state could not be kept", error=error.strerror, file=error.filename)

    def _observation(self, exchange: Exchange, judgement: Judgement) -> Observation:
        """What the learner may know of an exchange."""
        request, response = exchange.request, exchange.response
        reading, check = judgement.reading, judgement.check
        assert request is not None
        assert reading is not None
        body = reading.body_fields() if len(reading.body) <= MAX_BODY else ()
        client = exchange.peer.client
        header = request.headers.get(b"authorization")
        authenticated = "cookie" if b"cookie" in request.headers.index else ""
        if header is not None:
            authenticated = header.partition(b" ")[0].lower().decode("latin-1")[:16]
        findings = [*exchange.verdict.findings, *exchange.response_verdict.findings]
        sensitive = [f for f in findings if f.engine is Engine.SENSITIVE]
        headers = response.headers if response is not None else None
        return Observation(
            method=request.method,
            path=request.path,
            fields=[*reading.head, *body],
            source=self.memory.sources.of(client),
            wall=exchange.wall,
            status=response.status if response is not None else exchange.sent_status,
            host=request.host.decode("latin-1"),
            content_type=request.headers.get(b"content-type") or b"",
            response_type=(headers.get(b"content-type") or b"") if headers is not None else b"",
            request_size=exchange.bytes_from_client,
            response_size=exchange.bytes_from_app,
            authenticated=authenticated,
            entities=tuple(f.kind for f in sensitive),
            masked=frozenset(f.address for f in sensitive),
            trusted=bool(self._trusted) and self._trusted.holds(client),
            flagged=any(f.engine in _OBJECTIONS for f in exchange.verdict.findings),
            blocked=exchange.outcome is Outcome.BLOCKED,
            endpoint=check.endpoint if check is not None and check.known else "",
            violations=check.violations if check is not None else (),
            weight=float(SAMPLE) if self._seen > MATURE else 1.0,
        )

    # ------------------------------------------------------------------------------------------- to look at

    def facts(self) -> dict[str, Any]:
        """For the status of the control API."""
        profile = self._kept.profile
        return {
            "enabled": self.enabled,
            "observed": self.observed,
            "queued": len(self._queue),
            "dropped": self.dropped,
            "failed": self.failed,
            "profile": profile.version if profile is not None else "",
            "flows": len(self.memory.inventory),
        }

    def watch_metrics(self, watch: Callable[..., None]) -> None:
        watch("waf_learning_observed_total", "Exchanges learned from.", lambda: self.observed)
        watch("waf_learning_dropped_total", "Exchanges lost to a full queue.", lambda: self.dropped)
        watch("waf_learning_failed_total", "Exchanges that could not be learned from.", lambda: self.failed)
        watch("waf_learning_queue", "Exchanges waiting to be learned.", lambda: len(self._queue))
        watch("waf_disclosures_total", "Responses that disclosed unusually much.", lambda: self.disclosures)

    def edit(self, edit: Edit, now: float) -> list[str]:
        """A person's edit, in force at once. Raises ValueError, also while a thread has the memory."""
        if self._busy:
            raise ValueError("the profile is being compiled; try again in a moment")
        if self.memory.learner.led:
            raise ValueError(
                "this profile is the fleet's: edit spec.profile of the WafProfile (waf fleet export)"
            )
        changed = apply(self.memory.learner, edit, now)
        self._kept.profile = self.memory.learner.profile(self._kept.mask)
        self._renewed()
        return changed

    def settle(self) -> None:
        """Learn all that is queued and compile, now; for the demo and for tests."""
        self._learn(5.0)
        self._compile()
