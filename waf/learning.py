"""Learning beside the path: takes ended exchanges, learns in small slices, renews the profile, keeps what it knows.

Never delays traffic: what is taken waits in a bounded queue (`lessons.Intake`) and is dropped when that is full; the
loop learns for a millisecond at a time, and only when something waits. Compiling and saving happen in a thread, while
nothing is learned, and the less often the longer they take.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from waf.assembly import Kept
from waf.config.schema import Config
from waf.edits import Edit, apply, learn_recording
from waf.lessons import Intake
from waf.memory import Memory, reach_of
from waf.model import Exchange, Mask
from waf.profiles.learner import Learner
from waf.profiles.merge import Delta
from waf.profiles.openapi_import import Imported
from waf.profiles.promote import Alert
from waf.record.log import Log
from waf.schedule import Schedule

T = TypeVar("T")

SLICE: Final = 0.001  # seconds of learning at a time
PAUSE: Final = 0.05  # between two slices
HURRY: Final = 0.004  # the same where many lessons wait
MANY: Final = 32
EIGHTH: Final = 8  # of what waits is learned in a slice at least: a busy machine must not lose lessons
TICK: Final = 2.0  # seconds between two looks at what is to be done in a thread
PATIENCE: Final = 10.0  # seconds that a question may wait for what is queued

LED: Final = {
    False: "this profile is the fleet's: edit spec.profile of the WafProfile (waf fleet export)",
    True: "this profile is a store's: edit it there, or DELETE /v1/profile/compiled to learn alone again",
}  # by whether it was pushed


class Learning:
    """One process's learner. `renewed` is called when `kept.profile` was replaced.

    `fleet_key` is the secret shared by all replicas, b"" while it is not known; None where there is no fleet.
    `follows` is the number of a worker that hands what it learns to the first of them (`crew`), 0 for none.
    """

    def __init__(
        self, config: Config, kept: Kept, renewed: Callable[[], None], log: Log, replica: str = "",
        fleet_key: bytes | None = None, follows: int = 0,
    ) -> None:  # fmt: skip
        self._kept = kept
        self.mask: Mask = lambda data: kept.mask(data)  # noqa: PLW0108 (a reload replaces it)
        self._renewed = renewed
        self._log = log
        self.intake = Intake(config, self._wake)
        self.take: Callable[[Exchange], None] = self.intake.take
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.memory = Memory(
            config.state_dir, config.profiles, fleet_key or kept.key, replica,
            teaches=fleet_key is not None or follows > 0, follows=follows, reach=reach_of(config),
        )  # fmt: skip
        kept.disclosures = self.memory.disclosures
        self.observed = self.failed = self.disclosures = 0
        self.alerts: deque[Alert] = deque(maxlen=50)  # the latest, for people
        self.alerted: Callable[[], None] = lambda: None  # the others should know soon
        self._busy = False  # a thread has the memory
        self._turn = asyncio.Lock()  # held while one has it
        self._wanted: Config | None = None  # to be taken once no thread has the memory
        self._urgent = False  # the profile is out of date
        self._unkept = False  # something is not on disk that must not be forgotten
        self._mode = ""  # of the profile, as the fleet says; "" leaves it to the configuration
        self._documents: tuple[Imported, ...] = ()
        self._version = ""  # of the profile in force, with what it shows
        self._config = config

    def reconfigure(self, config: Config) -> None:
        """Other sources, thresholds and modes from now on; what was learned stays."""
        self._config = self._wanted = config
        self.intake.reconfigure(config)
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
        reach = reach_of(self._wanted)
        self._wanted = None
        self._urgent = True
        self.memory.reconfigure(profiles, reach)
        self.memory.pin(self._documents)
        self._note_release()

    def _note_release(self) -> None:
        if self.memory.released(self._config.profiles.version, time.time()):
            self._log("info", "another version of the app: for an hour its changes are believed sooner")

    # ------------------------------------------------------------------------------------------------ life

    def restore(self) -> None:
        """Read what was learned before this process began, and compile it. Damage is told and never fatal."""
        self.memory.load()
        for problem in self.memory.problems:
            self._log("error", "learned state cannot be used", problem=str(problem))
        self.memory.pin(self._documents)
        self._note_release()
        self.intake.know(self.memory.lessons_by_place())
        self.intake.flows.guesses.know(place.endpoint for place, _ in self.memory.inventory)
        self._compile()

    def start(self) -> None:
        """Learn until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Learn what is queued, keep it, end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
        async with self._turn:
            self._learn(SLICE * 100)
            self._count()
            self._save()

    def _wake(self) -> None:
        """Something waits to be learned: see to it in a moment."""
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(PAUSE, self._slice)

    def _slice(self) -> None:
        self._timer = None
        intake = self.intake
        if not self._busy:
            self._learn(SLICE)
        if (intake.queue or intake.flows) and self._loop is not None:
            pause = HURRY if len(intake.queue) > MANY else PAUSE
            self._timer = self._loop.call_later(pause, self._slice)

    async def _run(self) -> None:
        schedule = Schedule(time.monotonic(), self.observed)
        while True:
            await asyncio.sleep(TICK)
            self._count()
            began, lessons = time.monotonic(), self.observed
            if schedule.saves(
                began, lessons, urgent=self._unkept
            ):  # before the profile, which may take longer
                kept = not await self.keep()
                schedule.saved(began, time.monotonic() - began, lessons, kept=kept)
            began = time.monotonic()
            if schedule.compiles(began, self.observed, urgent=self._urgent):
                self._urgent = False
                await self._aside(partial(self._compile, settled=schedule.settled))
                self._renewed()
                schedule.compiled(began, time.monotonic() - began)

    async def keep(self) -> str:
        """Keep on disk what is known now. Gives what hindered it, "" for nothing; it is tried again by itself then."""
        return await self._aside(self._save)

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
        self._count()
        return await self._aside(self.memory.cut)

    async def change(self, what: Callable[[Memory], T]) -> T:
        """Do something to what is known, and let the profile follow. What `what` raises it must raise before."""

        def work() -> T:
            done = what(self.memory)
            self._compile()
            return done

        done = await self._aside(work)
        self._renewed()
        return done

    async def follow(self, profile: bytes) -> None:
        """Enforce a profile of the fleet. Raises ValueError for bytes that are none; then all is as it was."""
        await self.change(lambda memory: memory.follow(profile))

    async def receive(self, delta: bytes) -> None:
        """Add what another worker learned, packed. Raises ValueError for bytes that are no such thing."""
        unpacked = Delta.unpack(delta)
        await self._aside(lambda: self.memory.learner.take(unpacked, time.time()))
        self.observed += 1  # something is to be compiled

    async def book(self) -> bytes:
        """The book in force, packed, for `follow`."""
        return await self._aside(self.memory.learner.book.dump)

    @property
    def version(self) -> str:
        """Names the profile in force."""
        return self._version

    async def rekey(self, key: bytes) -> None:
        """Hash with the secret of all replicas; what was learned under one's own cannot be shared, and goes."""

        def begin_anew(memory: Memory) -> None:
            memory.rekey(key)
            memory.pin(self._documents)

        await self.change(begin_anew)

    def set_mode(self, mode: str) -> None:
        """The profile's mode as the fleet says, "" for the configuration's; in force with the next profile, at once."""
        self._mode, self._wanted = mode, self._config
        self._settle()
        self._urgent = True

    # ------------------------------------------------------------------------------------------- learning

    def _learn(self, seconds: float) -> None:
        end, intake = time.perf_counter() + seconds, self.intake
        tell = self._log if self._config.sensitive.disclosure != "off" else None
        self.disclosures += intake.flows.follow(self.memory, self._kept.mask, tell)
        owed = len(intake.queue) // EIGHTH
        began, before = time.thread_time(), self.observed
        while intake.queue:
            try:
                lesson = intake.next()
                self.memory.learner.observe(intake.observation(lesson, self.memory.sources), lesson.wall)
                self.observed += 1
            except Exception as error:
                self.failed += 1
                self._log("error", "learning failed", error=type(error).__name__)
            owed -= 1
            if owed <= 0 and time.perf_counter() >= end:
                break
        intake.charge(self.observed - before, time.thread_time() - began)
        self._tell()

    def _count(self) -> None:
        """Take in the exchanges that were only counted."""
        if self._busy:
            return
        self.intake.flows.count(self.memory, self._kept.mask, time.time())
        self.intake.tell(self.memory.learner, time.time())
        self._tell()

    def _tell(self) -> None:
        """Log what the learner has to say; some of it changed the book."""
        alerts = self.memory.learner.alerts
        while alerts:
            alert = alerts.popleft()
            self.alerts.append(alert)
            taken_back = alert.kind in ("breaker", "drift")
            self._urgent, self._unkept = self._urgent or taken_back, self._unkept or taken_back
            self._log("warning", f"profile: {alert.text}", kind=alert.kind, subject=alert.subject)
            self.alerted()

    def _compile(self, *, settled: bool = True) -> None:
        """Take the next step of promotion; where it changed what the profile says, make a new one."""
        try:
            self.memory.learner.advance(time.time(), settled=settled)
            self._build(self.memory.learner)
        except Exception as error:
            self.failed += 1
            self._log("error", "no new profile, the old one stays", error=type(error).__name__)

    def _build(self, learner: Learner) -> None:
        version = learner.version()
        if version != self._version or self._kept.profile is None:
            self._kept.profile = learner.profile(self._kept.mask)
            self._version = version

    def _save(self) -> str:
        try:
            self.memory.save()
        except OSError as error:
            self.failed += 1
            self._unkept = True
            self._log("error", "learned state could not be kept", error=error.strerror, file=error.filename)
            return str(error.strerror)
        except Exception as error:
            self.failed += 1
            self._unkept = True
            self._log("error", "learned state could not be written down", error=type(error).__name__)
            return type(error).__name__
        self._unkept = False
        return ""

    # ------------------------------------------------------------------------------------------- to look at

    def facts(self) -> dict[str, Any]:
        """For the status of the control API."""
        return {
            "enabled": self.intake.enabled,
            "observed": self.observed,
            "queued": len(self.intake.queue),
            "dropped": self.intake.dropped,
            "failed": self.failed,
            "profile": self._kept.profile.version if self._kept.profile is not None else "",
            "flows": len(self.memory.inventory),
        }

    def watch_metrics(self, watch: Callable[..., None]) -> None:
        intake = self.intake
        for name, about, value in (
            ("learning_observed_total", "Exchanges learned from.", lambda: self.observed),
            ("learning_dropped_total", "Exchanges there was no room or time for.", lambda: intake.dropped),
            ("learning_failed_total", "Exchanges that could not be learned from.", lambda: self.failed),
            ("learning_queue", "Exchanges waiting to be learned.", lambda: len(intake.queue)),
            ("disclosures_total", "Responses that disclosed unusually much.", lambda: self.disclosures),
        ):
            watch(f"waf_{name}", about, value)

    async def edit(self, edit: Edit, now: float) -> list[str]:
        """A person's edit, in force and on disk at once. Raises ValueError or ConfigError, and changes nothing then."""

        def work() -> list[str]:
            learner = self.memory.learner
            if learner.led:
                raise ValueError(LED[learner.pushed])
            changed = apply(learner, edit, now)
            self._build(learner)
            hindered = self._save()
            return [*changed, *([f"not kept over a restart: {hindered}"] if hindered else [])]

        await self._caught_up()
        changed = await self._aside(work)
        self._renewed()
        return changed

    async def teach(self, har: Any, host: str = "") -> tuple[int, dict[str, int]]:
        """Learn from recorded traffic, see `edits.learn_recording`. The profile follows as from traffic."""

        def work() -> tuple[int, dict[str, int]]:
            learned, skipped = learn_recording(self.memory, har, host=host)
            self.observed += learned
            self._save()  # what it has taught may be taught by nothing else
            return learned, skipped

        if not self.intake.enabled:
            raise ValueError("learning is off here (profiles.enabled, profiles.mode)")
        return await self._aside(work)

    async def ask(self, question: Callable[[Memory], T]) -> T:
        """Look at what is known, in a thread: a large workload takes a while to be written down."""
        await self._caught_up()
        return await self._aside(lambda: question(self.memory))

    async def _caught_up(self) -> None:
        """Learn what waits, so that who asks is told of all that went before; traffic goes on meanwhile."""
        end = time.monotonic() + PATIENCE
        while (self.intake.queue or self.intake.flows) and time.monotonic() < end:
            if not self._busy:
                self._learn(SLICE)
            await asyncio.sleep(0.001)

    def settle(self) -> None:
        """Learn all that is queued and compile, now; for the demo and for tests."""
        while self.intake.queue or self.intake.flows:
            self._learn(SLICE * 100)
        self._count()
        self._compile()
