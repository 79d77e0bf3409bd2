"""What all conversations of one server have in common: settings, the pool, the clock, the one way to the
record.

Owns no socket and decides nothing; it is the small set of things that would otherwise be passed to everybody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol

from waf.config.address import parse_upstream
from waf.config.schema import Config
from waf.exchange import Exchange
from waf.http1.forwarding import TrustedProxies
from waf.http1.hosts import HostRule
from waf.messages import Response
from waf.permission import Admitted, BodyPlan, Refused, Released, Withheld
from waf.policy.access import subnet_key
from waf.proxy.identity import Ids
from waf.proxy.stats import Stats
from waf.proxy.stream import Flow
from waf.proxy.upstream import Dial, Pool, dialler
from waf.proxy.wheel import TICK, Wheel

if TYPE_CHECKING:
    from waf.proxy.downstream import Conversation

Record = Callable[[Exchange], None]
"""Called exactly once for each exchange, when it has ended. Must not block; what it raises is counted and
dropped."""

JUDGED_IN_THREAD: Final = 96 * 1024
"""Bodies that may unfold to more than this many bytes are judged in the worker thread, so that the loop goes on."""

KEEP_ALIVE_SHARE: Final = 0.9
"""Of `limits.connections`; beyond it every answer ends its connection, to free places before any is refused.
"""


class PolicyLike(Protocol):
    """What the proxy asks of a policy; see `waf.policy`. All but `admit` of large bodies run on the loop."""

    @property
    def version(self) -> str: ...

    @property
    def generation(self) -> int: ...

    def plan(self, exchange: Exchange, now: float) -> BodyPlan | Refused: ...

    def admit(self, exchange: Exchange, body: bytes, now: float) -> Admitted | Refused: ...

    def admit_stream(self, exchange: Exchange, now: float) -> Admitted | Refused: ...

    def reads(self, exchange: Exchange, response: Response) -> bool: ...

    def release(
        self, exchange: Exchange, response: Response, body: bytes | None = None
    ) -> Released | Withheld: ...


class Door:
    """Counts the clients' connections, in all and by address (IPv6 by /64), and says who may come in."""

    __slots__ = ("_by_address", "_commons", "open")

    def __init__(self, commons: Commons) -> None:
        self._commons = commons
        self._by_address: dict[str, int] = {}
        self.open = 0

    def enter(self, address: str) -> bool:
        """True, and counted, where one more connection from `address` is within the limits."""
        commons = self._commons
        limits = commons.limits
        key = subnet_key(address)
        here = self._by_address.get(key, 0)
        if self.open >= limits.connections or (here >= limits.connections_per_address and address):
            commons.stats.connections_refused += 1
            return False
        self._by_address[key] = here + 1
        self.open += 1
        commons.stats.connections += 1
        commons.weigh()
        return True

    def leave(self, address: str) -> None:
        """A counted connection is closed."""
        key = subnet_key(address)
        here = self._by_address.pop(key, 1) - 1
        if here:
            self._by_address[key] = here
        self.open -= 1
        commons = self._commons
        commons.weigh()
        if not self.open and commons.emptied is not None and not commons.emptied.done():
            commons.emptied.set_result(None)


class Commons:
    """See the module. `policy` gives the policy in force; an exchange asks once, when its head is read."""

    __slots__ = (
        "_ended",
        "bodies_held",
        "clock",
        "config",
        "conversations",
        "door",
        "draining",
        "emptied",
        "first_byte",
        "flow",
        "hosts",
        "idle_until",
        "ids",
        "judge",
        "keep_alive",
        "limits",
        "loop",
        "most_requests",
        "policy",
        "pool",
        "proxies",
        "record",
        "rest",
        "stats",
        "timeouts",
        "trusts",
        "wall",
        "websocket",
        "wheel",
    )  # fmt: skip

    def __init__(
        self,
        config: Config,
        policy: Callable[[], PolicyLike],
        record: Record,
        loop: asyncio.AbstractEventLoop,
        *,
        ids: Ids | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        tick: float = TICK,
        dial: Dial | None = None,
    ) -> None:
        self.policy = policy
        self.record = record
        self.loop = loop
        self.ids = ids or Ids()
        self.clock = clock
        self.wall = wall
        self.wheel = Wheel(clock, tick)
        self.stats = Stats()
        self.flow = Flow(loop.call_soon, config.limits.buffer)
        self.bodies_held = 0  # bytes of request bodies in memory, over all connections
        self.conversations: set[Conversation] = set()
        self.door = Door(self)
        self.emptied: asyncio.Future[None] | None = None  # set by whoever waits for the last connection's end
        self._ended: list[Exchange] = []  # in this turn of the event loop
        self.draining = False
        self.idle_until = float("inf")  # when idle client connections end at the latest
        self.keep_alive = True
        self.judge = ThreadPoolExecutor(1, thread_name_prefix="judge")
        dial = dial or dialler(parse_upstream(config.upstream.url), loop)
        self.pool = Pool(dial, config.upstream, self.wheel, clock, loop, self.stats, self.flow)
        self.reconfigure(config)

    def reconfigure(self, config: Config) -> None:
        """Use other limits, timeouts, hosts and pool sizes from the next exchange on; addresses stay as they
        are."""
        self.config = config
        self.limits = config.limits
        self.timeouts = config.timeouts
        self.flow.held = config.limits.buffer
        self.hosts = HostRule.compile(config.listen.hosts)
        self.proxies = TrustedProxies.compile(config.listen.trusted_proxies, config.listen.trusted_hops)
        self.trusts = bool(self.proxies.networks)
        self.websocket = config.listen.websocket
        # What every exchange asks for.
        self.first_byte = float(config.timeouts.first_byte)
        self.rest = float(config.timeouts.keep_alive)
        self.most_requests = config.limits.requests_per_connection
        self.pool.resize(config.upstream, config.timeouts.connect)

    def weigh(self) -> None:
        """Connections came or went, or we drain: may connections be kept?"""
        crowded = self.door.open > self.limits.connections * KEEP_ALIVE_SHARE
        self.keep_alive = not (self.draining or crowded)

    def finish(self, exchange: Exchange) -> None:
        """The exchange has ended: the one place from which it is recorded.

        That is done for all that end in a turn of the event loop, behind all that is sent in it: one after the other they cost
        half of what each costs between two exchanges, where caches are cold; and nobody waits for it.
        """
        exchange.ended = self.clock()
        self.flow.under_way -= 1
        self.stats.exchanges += 1
        if not self._ended:
            self.loop.call_soon(self.record_ended)
        self._ended.append(exchange)

    def record_ended(self) -> None:
        """Record what ended and is not recorded yet."""
        ended, self._ended = self._ended, []
        for exchange in ended:
            try:
                self.record(exchange)
            except Exception as error:
                self.stats.record_errors += 1
                self.loop.call_exception_handler(
                    {"message": "recording an exchange failed", "exception": error}
                )
