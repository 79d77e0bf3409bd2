"""The learner beside the path: takes ended exchanges, learns in small slices, renews the profile, keeps it on
disk.

Never delays traffic: `take` only queues, and drops when the queue is full; the loop learns for a few
milliseconds at a time. What is learned survives the process in the state directory (atomic replace, the
previous file kept).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from waf.assembly import Kept
from waf.config.schema import Config
from waf.model import Engine, Exchange, Outcome
from waf.policy.access import Networks
from waf.policy.judgement import Judgement
from waf.profiles.learner import Learner
from waf.profiles.observe import Observation, Sources
from waf.record.log import Log

QUEUE: Final = 2_000  # exchanges waiting to be learned
SLICE: Final = 0.002  # seconds of learning at a time
PAUSE: Final = 0.05  # between two slices
RENEW: Final = 10.0  # seconds between two profiles
SAVE: Final = 60.0  # seconds between two states on disk
MATURE: Final = 20_000  # exchanges after which only a sample is learned
SAMPLE: Final = 16  # one in so many, then
MAX_BODY: Final = 64 * 1024  # longer bodies are not read for learning
MAX_STATE: Final = 64 * 1024 * 1024
_FILE: Final = "profile.state"

_LEARNED: Final = frozenset({Outcome.FORWARDED, Outcome.REDACTED})
_READ: Final = frozenset({"", "response-coding"})
"""Values of `Exchange.bypass` with which the request was read whole."""


class Learning:
    """One process's learner. `renewed` is called when `kept.profile` was replaced."""

    def __init__(self, config: Config, kept: Kept, renewed: Callable[[], None], log: Log) -> None:
        self._kept = kept
        self._renewed = renewed
        self._log = log
        self._queue: deque[Exchange] = deque()
        self._task: asyncio.Task[None] | None = None
        self._sources = Sources(hashlib.blake2b(kept.key, person=b"waf-sources").digest())
        self._learner = Learner(config.profiles, hashlib.blake2b(kept.key, person=b"waf-values").digest())
        self._path = Path(config.state_dir) / _FILE if config.state_dir else None
        self._trusted = Networks(config.profiles.trusted_sources)
        self.enabled = config.profiles.enabled and config.profiles.mode != "off"
        self.observed = self.dropped = self.failed = 0
        self._seen = 0

    def reconfigure(self, config: Config) -> None:
        """Other sources and modes from now on; what was learned stays."""
        self.enabled = config.profiles.enabled and config.profiles.mode != "off"
        self._trusted = Networks(config.profiles.trusted_sources)

    def take(self, exchange: Exchange) -> None:
        """Queue an ended exchange; called on the hot path."""
        if not self.enabled or exchange.outcome not in _LEARNED or exchange.bypass not in _READ:
            return
        self._seen += 1
        if self._seen > MATURE and self._seen % SAMPLE:
            return
        if len(self._queue) >= QUEUE:
            self.dropped += 1
            return
        self._queue.append(exchange)

    # ------------------------------------------------------------------------------------------------ life

    def start(self) -> None:
        """Read what was learned before, and learn until `stop`. Damage is told and never fatal."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Learn what is queued, keep it, end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._learn(SLICE * 50)

    async def _run(self) -> None:
        renew = time.monotonic() + RENEW
        learned = 0
        while True:
            await asyncio.sleep(PAUSE)
            self._learn(SLICE)
            now = time.monotonic()
            if now >= renew and self.observed != learned:
                learned, renew = self.observed, now + RENEW
                # The learner belongs to one thread at a time: nothing is learned while it compiles.
                await asyncio.to_thread(self._compile)
                self._renewed()

    def _learn(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while self._queue and time.perf_counter() < end:
            exchange = self._queue.popleft()
            try:
                observation = self._observation(exchange)
                if observation is not None:
                    self._learner.observe(observation, exchange.wall)
                    self.observed += 1
            except Exception as error:
                self.failed += 1
                self._log("error", "learning failed", error=type(error).__name__)

    def _compile(self) -> None:
        try:
            self._kept.profile = self._learner.compile(time.time())
        except Exception as error:
            self.failed += 1
            self._log("error", "no new profile", error=type(error).__name__)

    def _observation(self, exchange: Exchange) -> Observation | None:
        """What the learner may know of an exchange; None where nothing was read of it."""
        judgement = exchange.policy_data
        request, response = exchange.request, exchange.response
        if (
            not isinstance(judgement, Judgement)
            or judgement.reading is None
            or request is None
            or response is None
        ):
            return None
        reading, check = judgement.reading, judgement.check
        body = reading.body_fields() if len(reading.body) <= MAX_BODY else ()
        client = exchange.peer.client
        header = request.headers.get(b"authorization")
        authenticated = "cookie" if b"cookie" in request.headers.index else ""
        if header is not None:
            authenticated = header.partition(b" ")[0].lower().decode("latin-1")[:16]
        findings = [*exchange.verdict.findings, *exchange.response_verdict.findings]
        sensitive = [f for f in findings if f.engine is Engine.SENSITIVE]
        return Observation(
            method=request.method,
            path=request.path,
            fields=[*reading.head, *body],
            source=self._sources.of(client),
            wall=exchange.wall,
            status=response.status,
            host=request.host.decode("latin-1"),
            content_type=request.headers.get(b"content-type") or b"",
            response_type=response.headers.get(b"content-type") or b"",
            request_size=exchange.bytes_from_client,
            response_size=exchange.bytes_from_app,
            authenticated=authenticated,
            entities=tuple(f.kind for f in sensitive),
            masked=frozenset(f.address for f in sensitive),
            trusted=bool(self._trusted) and self._trusted.holds(client),
            flagged=any(f.engine in (Engine.SIGNATURE, Engine.PROTOCOL, Engine.ACCESS) for f in findings),
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
        }

    def watch_metrics(self, watch: Callable[..., None]) -> None:
        watch("waf_learning_observed_total", "Exchanges learned from.", lambda: self.observed)
        watch(
            "waf_learning_dropped_total",
            "Exchanges not learned from, the queue was full.",
            lambda: self.dropped,
        )
        watch("waf_learning_failed_total", "Exchanges that could not be learned from.", lambda: self.failed)
        watch("waf_learning_queue", "Exchanges waiting to be learned.", lambda: len(self._queue))

    def story(self) -> str:
        """What was learned so far, in a few lines for people."""
        self._learn(1.0)
        self._compile()
        return f"learned from {self.observed} requests"
