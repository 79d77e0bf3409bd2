"""Where sensitive data went: noted of each exchange, followed off the hot path into inventory and usual disclosures.

`note` and `note_clean` are on the hot path: a look into a dictionary for answers without anything, a struct for others.
Bounded: what comes faster than it is followed is lost from the front, and clean answers are counted for so many routes
and paths.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from waf.exchange import Exchange
from waf.findings import Mask
from waf.guesses import MOST_CLEAN, Guesses
from waf.memory import Memory
from waf.policy.judgement import Judgement
from waf.profiles.observe import welcomed
from waf.sensitive.inventory import OTHER
from waf.sensitive.tally import Tally

WAITING: Final = 512
MAX_ROUTES: Final = 4_096
MAX_PATHS: Final = 1_024  # each costs a guess on the loop
MAX_PATH: Final = 256  # bytes of one that is counted for itself


class Flow(msgspec.Struct, frozen=True, gc=False):
    """Sensitive data that one message carried. `path` is told where there is no route, for a guess; `found`: the app has it."""

    route: str
    direction: str
    tally: Tally
    wall: float
    policy: str
    request: str  # id of the exchange
    path: bytes = b""
    found: bool = False


class Flows:
    """Of one process."""

    def __init__(self) -> None:
        self.guesses: Final = Guesses()
        self._waiting: deque[Flow] = deque(maxlen=WAITING)
        self._clean: dict[str, int] = {}  # by route: answers that were searched and held nothing sensitive
        self._clean_paths: dict[bytes, int] = {}  # the same by path, where there is no route

    def __bool__(self) -> bool:
        return bool(self._waiting)

    # ------------------------------------------------------------------------------------------ the hot path

    def note_clean(self, exchange: Exchange) -> None:
        """An answer that was searched and held nothing sensitive."""
        clean, route = self._clean, exchange.route
        if route in clean or len(clean) < MAX_ROUTES:
            clean[route] = clean.get(route, 0) + 1
        request = exchange.request
        if route != OTHER or request is None or not welcomed(exchange.sent_status):
            return
        paths, path = self._clean_paths, request.path
        if path in paths or (len(paths) < MAX_PATHS and len(path) <= MAX_PATH):
            paths[path] = paths.get(path, 0) + 1

    def note(self, exchange: Exchange, judgement: Judgement) -> bool:
        """What an exchange carried, and an answer that held nothing; False if there is nothing to follow."""
        request, response = exchange.request, exchange.response
        path = request.path if request is not None and exchange.route == OTHER else b""
        found = response is not None and welcomed(response.status)
        tally = judgement.hits.tally if judgement.hits is not None else None
        waits = tally is not None and self._note("request", tally, exchange, path, found)
        tally = judgement.response_tally
        if tally is None:
            return waits
        if self._note("response", tally, exchange, path, found):
            return True
        self.note_clean(exchange)
        return waits

    def _note(self, direction: str, tally: Tally, exchange: Exchange, path: bytes, found: bool) -> bool:
        if not tally.totals:
            return False
        self._waiting.append(
            Flow(
                exchange.route, direction, tally, exchange.wall, exchange.policy_version, exchange.id, path, found
            )
        )  # fmt: skip
        return True

    # -------------------------------------------------------------------------------------- off the hot path

    def follow(self, memory: Memory, mask: Mask, tell: Callable[..., None] | None) -> int:
        """Let `memory` know where all went that waits. `tell` logs what was unusual about answers; gives how much was."""
        unusual = 0
        while self._waiting:
            flow = self._waiting.popleft()
            route = self.guesses.place(flow.path, mask, flow.found) if flow.path else flow.route
            for finding in memory.flowed(
                flow.route, flow.direction, flow.tally, flow.wall, flow.policy, route
            ):
                unusual += 1
                if tell is not None:
                    more = {"expected": finding.expected, "request": flow.request, "route": route}
                    tell("warning", finding.detail, rule=finding.rule, **more)
        return unusual

    def count(self, memory: Memory, mask: Mask, now: float) -> None:
        """Let `memory` know of the answers without anything since the last call."""
        clean, self._clean = self._clean, {}
        paths, self._clean_paths = self._clean_paths, {}
        for route, answers in clean.items():
            memory.disclosures.learn(route, {}, now, responses=answers)
        for path, answers in paths.items():
            place = self.guesses.place(path, mask, most=MOST_CLEAN)
            if place != OTHER:
                memory.disclosures.learn(place, {}, now, responses=answers)
