"""A sidecar's membership: a schedule over `client`, and what is kept of it. Never on the path of a request.

What was learned goes out as numbered deltas, each kept until the aggregator has stored it for good; what all have
learned comes in as one whole profile by its version. While nobody can be reached the sidecar enforces what it has and
learns on; a bounded number of deltas waits, and what is learned beyond them waits unpacked in the learner.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec

from waf.kube.fleet.client import FleetClient, FleetError, Pulled
from waf.kube.fleet.terms import LONGEST_EVERY, MAX_DELTA, MODES, Place, Receipt, Report
from waf.profiles import store
from waf.record.log import Log

MAGIC: Final = b"\x89WAFFLT\n"
OUTBOX: Final = 8  # deltas that wait to be stored
JOIN_SECONDS: Final = 0.8  # that a start waits for the fleet before it goes on with what it has
LEAVE_SECONDS: Final = 3.0  # for the last push
SOON: Final = 5.0  # seconds within which a nudge is heard, at random
_FIRST_RETRY: Final = 2.0
_ROUNDS: Final = 3  # of sending again what a new leader does not know


class Taught(Protocol):
    """The learner as the fleet sees it. Its coroutines work beside the loop."""

    async def cut(self) -> tuple[int, bytes] | None:
        """What was learned since the last cut, packed, and its number; None for nothing."""
        ...

    async def follow(self, profile: bytes) -> None:
        """Enforce a profile of the fleet, as a whole. Raises ValueError for bytes that are none."""
        ...

    async def rekey(self, key: bytes) -> None:
        """Hash as all replicas do from now on."""
        ...

    def set_mode(self, mode: str) -> None:
        """The mode that people set for the workload, "" for the configuration's own."""
        ...


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What outlives the process, so that a restarted one is what it was before it has reached anybody."""

    key: bytes
    version: str
    mode: str
    profile: bytes


class Member:
    """One process's membership. `report` says how this replica is; `slot` tells it from others of its pod.

    `kept` is what `keep` was given last, in this process's life or an earlier one; `keep` may raise OSError.
    """

    def __init__(
        self,
        client: FleetClient,
        report: Callable[[str], Report],
        log: Log,
        *,
        every: float,
        kept: bytes = b"",
        keep: Callable[[bytes], None] = lambda data: None,
        slot: int = 0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self._client = client
        self._store = keep
        self._report = report
        self._log = log
        self._own_every = self._every = every
        self._clock = clock
        self._wall = wall
        self._random = rng or random.Random()
        self._epoch = f"{slot}.{secrets.token_urlsafe(9)}"
        self._outbox: list[tuple[int, bytes]] = []
        self._taken = 0
        self._refused_version = ""  # a profile that this program cannot read
        self._kept = self._restore(kept)
        self._soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._asked = 0.0
        self._early: asyncio.Task[tuple[bytes, Pulled | None]] | None = None
        self._taught: Taught | None = None
        self.key = self._kept.key
        self.version = ""
        self.mode = ""
        self.pushed = self.adopted = self.dropped = self.failed = self.failures = 0
        self.last_success = 0.0  # Unix time
        self.last_error = ""

    # ------------------------------------------------------------------------------------------- life

    def ask(self) -> None:
        """Begin to ask the fleet for what `join` takes; a start has other things to do meanwhile."""
        self._early = asyncio.create_task(self._first())
        self._asked = self._clock()

    async def join(self, taught: Taught, patience: float = JOIN_SECONDS) -> None:
        """Take what was kept, then what the fleet has, if it comes within `patience` seconds of `ask`.

        Called before traffic is let in, so that a new replica begins with what the others know.
        """
        self._taught = taught
        if self._kept.profile:
            await self._adopt(Pulled(self._kept.profile, self._kept.version, self._kept.mode))
        if self._early is None:
            self.ask()
        assert self._early is not None
        try:
            async with asyncio.timeout(max(0.0, self._asked + patience - self._clock())):
                key, pulled = await self._early
        except (FleetError, TimeoutError) as error:
            self._failed(str(error) or "no answer in time")
            return
        finally:
            self._early = None
        await self._take_key(key)
        await self._take_pulled(pulled)

    async def _first(self) -> tuple[bytes, Pulled | None]:
        key = self.key or await self._client.key()
        return key, await self._client.pull(self._kept.version)

    def start(self) -> None:
        """Push and pull until `stop`."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Hand over what was learned last, if it can be done quickly, and end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self.key and self._taught is not None:
            try:
                async with asyncio.timeout(LEAVE_SECONDS):
                    await self._cut()
                    await self._push()
            except (FleetError, TimeoutError) as error:
                self._log(
                    "warning", "what was learned last stays untold", error=str(error) or "no answer in time"
                )
        await self._client.close()

    def nudge(self) -> None:
        """There is something to tell: push within seconds."""
        self._soon.set()

    async def _run(self) -> None:
        # Replicas that start together shall not come together.
        wait, looked = self._random.uniform(0, self._every / 2), True
        while True:
            try:
                async with asyncio.timeout(wait):
                    await self._soon.wait()
                    await asyncio.sleep(min(self._random.uniform(0, SOON), self._every))
                looked = True  # what is to be told cannot wait for the turn after this
            except TimeoutError:
                pass
            self._soon.clear()
            wait = await (self.turn() if looked else self.look())
            looked = bool(self.failures) or not looked

    async def turn(self) -> float:
        """Push what was learned, and pull what is new; gives the seconds until the next `look`."""
        return await self._try(self._exchange)

    async def look(self) -> float:
        """Only pull: between two pushes, others have taught and people may have decided. Gives seconds as well."""
        return await self._try(self._look)

    async def _try(self, what: Callable[[], Awaitable[None]]) -> float:
        try:
            await what()
        except FleetError as error:
            self._failed(str(error))
            wait = max(error.retry_after, min(self._every, _FIRST_RETRY * 2.0 ** min(self.failures, 10)))
            return wait * self._random.uniform(0.75, 1.25)
        if self.failures:
            self._log("info", "the fleet answers again", failures=self.failures)
        self.failures, self.last_error, self.last_success = 0, "", self._wall()
        return self._every / 2 * self._random.uniform(2 / 3, 4 / 3)

    async def _exchange(self) -> None:
        await self._take_key(self.key or await self._client.key())
        room = await self._cut()
        receipt = await self._push()
        if not room and await self._cut():
            receipt = await self._push()
        await self._set_mode(receipt.mode)
        if receipt.version not in ("", self.version, self._refused_version):
            await self._look()

    async def _look(self) -> None:
        await self._take_pulled(await self._client.pull(self._refused_version or self.version))

    async def _take_pulled(self, pulled: Pulled | None) -> None:
        if pulled is None:
            return
        if pulled.profile and pulled.version != self._refused_version:
            await self._adopt(pulled)
        else:
            await self._set_mode(pulled.mode)

    # ------------------------------------------------------------------------------------------- out

    async def _cut(self) -> bool:
        """Put what was learned lately into the outbox, if there is room; else it goes on growing in the learner."""
        assert self._taught is not None
        if len(self._outbox) >= OUTBOX:
            return False
        made = await self._taught.cut()
        if made is not None and len(made[1]) > MAX_DELTA:
            self.dropped += 1
            self._log("error", "what was learned is too much to be told", bytes=len(made[1]), limit=MAX_DELTA)
        elif made is not None:
            self._outbox.append(made)
        return True

    async def _push(self) -> Receipt:
        """Hand over all that the leader does not know; with nothing to hand over, say how we are."""
        for _ in range(_ROUNDS):
            receipt, taken = await self._push_once(), self._taken
            if all(number <= taken for number, _ in self._outbox):
                return receipt
        raise FleetError("the fleet's leaders change too quickly", retry_after=5.0)

    async def _push_once(self) -> Receipt:
        receipt: Receipt | None = None
        before = 0
        for number, delta in list(self._outbox):
            if number > self._taken:
                try:
                    receipt = await self._send(delta, Place(self._epoch, number, before))
                except FleetError as error:
                    if not error.refused:
                        raise
                    self.dropped += 1
                    self._log("error", "the fleet refuses what was learned", error=str(error))
                    self._outbox = [waiting for waiting in self._outbox if waiting[0] != number]
                    continue
                if receipt.taken < number:
                    return receipt  # something before it is missing: a new leader
                self.pushed += 1
            before = number
        return receipt or await self._send(b"", Place(self._epoch))

    async def _send(self, delta: bytes, place: Place) -> Receipt:
        receipt = await self._client.push(delta, place, self._report(self.version))
        self._taken = receipt.taken
        self._outbox = [waiting for waiting in self._outbox if waiting[0] > receipt.stored]
        self._every = min(max(self._own_every, receipt.every), LONGEST_EVERY)
        return receipt

    # ------------------------------------------------------------------------------------------- in

    async def _take_key(self, key: bytes) -> None:
        assert self._taught is not None
        if key != self.key:
            await self._taught.rekey(key)
            self.key = key
            await self._keep(b"")

    async def _adopt(self, pulled: Pulled) -> None:
        """Put a profile into force as a whole, or leave everything as it was."""
        assert self._taught is not None
        # The mode first: a profile is compiled for it, and nothing is ever judged by one for another.
        await self._set_mode(pulled.mode, keep=False)
        try:
            await self._taught.follow(pulled.profile)
        except ValueError as error:
            self._refused_version = pulled.version
            self.failed += 1
            self._log("error", "the fleet's profile cannot be read; the former one stays",
                      version=pulled.version, error=str(error)[:300])  # fmt: skip
            return
        self.version, self._refused_version = pulled.version, ""
        self.adopted += 1
        await self._keep(pulled.profile)
        self._log("info", "profile of the fleet in force", version=pulled.version, mode=pulled.mode)

    async def _set_mode(self, mode: str, *, keep: bool = True) -> None:
        if mode == self.mode or (mode and mode not in MODES):
            return
        assert self._taught is not None
        self.mode = mode
        self._taught.set_mode(mode)
        self._log("info", "mode of the profile set", mode=mode or "as configured")
        if keep:
            await self._keep(self._kept.profile)

    def _failed(self, why: str) -> None:
        self.failures += 1
        self.failed += 1
        self.last_error = why
        if self.failures == 1:
            self._log("warning", "the fleet cannot be asked; what is there stays in force", error=why)

    # ------------------------------------------------------------------------------------------- kept

    def _restore(self, data: bytes) -> _Kept:
        nothing = _Kept(b"", "", "", b"")
        if not data:
            return nothing
        try:
            return msgspec.convert(store.unseal(data, MAGIC), _Kept)
        except ValueError as error:
            self._log("error", "what was kept of the fleet cannot be used", error=str(error))
            return nothing

    async def _keep(self, profile: bytes) -> None:
        kept = _Kept(self.key, self.version if profile else "", self.mode, profile)
        if kept == self._kept:
            return
        self._kept = kept
        try:
            await asyncio.to_thread(lambda: self._store(store.seal(kept, MAGIC)))
        except OSError as error:
            self._log(
                "error", "the fleet's profile could not be kept", error=error.strerror, file=error.filename
            )

    # ------------------------------------------------------------------------------------------- to look at

    def facts(self) -> dict[str, Any]:
        """For the status of the control API."""
        return {
            "version": self.version,
            "mode": self.mode,
            "waiting": len(self._outbox),
            "failures": self.failures,
            "last_error": self.last_error,
            "last_success": self.last_success,
        }

    def watch_metrics(self, watch: Callable[..., None]) -> None:
        watch("waf_fleet_deltas_pushed_total", "Deltas that the fleet has taken.", lambda: self.pushed)
        watch("waf_fleet_deltas_dropped_total", "Deltas that can never be taken.", lambda: self.dropped)
        watch(
            "waf_fleet_profiles_adopted_total", "Profiles of the fleet put into force.", lambda: self.adopted
        )
        watch("waf_fleet_failures_total", "Attempts at the fleet that failed.", lambda: self.failed)
        watch("waf_fleet_deltas_waiting", "Deltas not stored by the fleet yet.", lambda: len(self._outbox))
        watch("waf_fleet_last_success_timestamp_seconds", "When the fleet was last asked with success.",
              lambda: self.last_success)  # fmt: skip
