"""The proxy as a whole: start, drain, close. Constructs this room's parts and drives its clock; decides
nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from waf.config.address import Endpoint
from waf.config.schema import Config
from waf.proxy.commons import Commons, PolicyLike, Record
from waf.proxy.faults import fault
from waf.proxy.identity import Ids
from waf.proxy.listener import Listener
from waf.proxy.stats import Stats
from waf.proxy.wheel import TICK

IDLE_GRACE: Final = 1.0
"""Seconds for which a drain waits on idle connections: what a client sends meanwhile is answered, and told
that the connection ends. To close at once would cut requests that are on their way."""

LAST_WORDS: Final = 1.0
"""Seconds to send the last answers after the deadline of a drain."""


class Drained(msgspec.Struct, frozen=True):
    """How a drain ended: `cut` connections did not end by themselves within the `seconds` it took."""

    cut: int
    seconds: float

    @property
    def clean(self) -> bool:
        return self.cut == 0


class Server:
    """One listener and its app. Used on one event loop: `start`, later `drain` or `close`, once each.

    `policy` gives the policy in force and is asked once for each exchange; `record` is called once for each.
    """

    def __init__(
        self,
        config: Config,
        policy: Callable[[], PolicyLike],
        record: Record,
        *,
        ids: Ids | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        tick: float = TICK,
    ) -> None:
        self._config = config
        self._make: Final = partial(
            Commons, config, policy, record, ids=ids, clock=clock, wall=wall, tick=tick
        )
        self._tick: Final = tick
        self._timer: asyncio.TimerHandle | None = None
        self._commons: Commons | None = None
        self._listener: Listener | None = None

    # ---------------------------------------------------------------------------------------------- life

    async def start(self, *, reuse_port: bool = False) -> None:
        """Listen and serve; `reuse_port` shares the port between processes. Raises OSError, ConfigError."""
        loop = asyncio.get_running_loop()
        commons = self._commons = self._make(loop=loop)
        self._listener = Listener(self._config.listen, commons)
        await self._listener.open(reuse_port)
        self._turn()

    async def drain(self, deadline: float | None = None) -> Drained:
        """Stop accepting, let exchanges end, then end. `deadline` is in seconds from now (default: as
        configured)."""
        commons, listener = self._parts()
        began = commons.clock()
        seconds = float(commons.timeouts.drain if deadline is None else deadline)
        commons.draining = True
        commons.weigh()
        listener.close()
        commons.idle_until = began + min(IDLE_GRACE, seconds / 2)
        for talk in list(commons.conversations):
            talk.wake()
        await self._until_empty(began + seconds - commons.clock())
        left = list(commons.conversations)
        for talk in left:
            talk.interrupt(fault("drain.deadline"))
        await self._until_empty(LAST_WORDS)
        await self.close()
        return Drained(len(left), commons.clock() - began)

    async def close(self) -> None:
        """End at once; what is under way is cut, and recorded."""
        commons, listener = self._parts()
        listener.close()
        listener.abandon()
        commons.draining = True
        for talk in list(commons.conversations):
            talk.client.abort()
        await self._until_empty(LAST_WORDS)
        commons.pool.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        commons.judge.shutdown(wait=False)
        await asyncio.sleep(0)
        commons.record_ended()  # whoever waits for us may end the loop

    async def _until_empty(self, seconds: float) -> None:
        commons, _ = self._parts()
        if not commons.door.open or seconds <= 0:
            return
        emptied = commons.emptied = commons.loop.create_future()
        try:
            await asyncio.wait([emptied], timeout=seconds)
        finally:
            commons.emptied = None

    def _turn(self) -> None:
        commons, _ = self._parts()
        commons.wheel.advance()
        self._timer = commons.loop.call_later(self._tick, self._turn)

    # ------------------------------------------------------------------------------------------- changes

    def reload_tls(self) -> None:
        """Use the certificate that is in the files now, for new handshakes. Raises ConfigError, keeping the
        old."""
        self._parts()[1].renew()

    def reconfigure(self, config: Config) -> None:
        """Limits, timeouts, hosts, trusted proxies and pool sizes of `config`, from the next exchange on.

        What was opened stays as it is: listening addresses, certificate paths, the app's address.
        """
        self._parts()[0].reconfigure(config)

    # ------------------------------------------------------------------------------------------- to look at

    @property
    def endpoints(self) -> list[Endpoint]:
        return self._parts()[1].endpoints

    @property
    def stats(self) -> Stats:
        return self._parts()[0].stats

    @property
    def gauges(self) -> dict[str, int]:
        """Open client connections; connections to the app in all and idle; exchanges waiting for one."""
        commons, _ = self._parts()
        pool = commons.pool
        return {
            "connections_open": commons.door.open,
            "upstream_open": pool.open,
            "upstream_idle": pool.idle,
            "upstream_waiting": pool.waiting,
        }

    @property
    def draining(self) -> bool:
        return self._commons is not None and self._commons.draining

    def _parts(self) -> tuple[Commons, Listener]:
        if self._commons is None or self._listener is None:
            raise RuntimeError("the server was not started")
        return self._commons, self._listener
