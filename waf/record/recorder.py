"""The one callable that the proxy hands every ended exchange to. Never raises, never waits.

Behind it: metrics for all, an event for those that are remarkable (or chosen for the access log), the recent
events that the control API shows, captures on request, and the learner.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Final

from waf.config.schema import Events
from waf.exchange import Exchange, Outcome
from waf.findings import PASSED
from waf.model import CHOSEN_BYPASSES, Mask
from waf.record.events import event, line, remarkable
from waf.record.metrics import Metrics

_FORWARDED: Final = Outcome.FORWARDED
_QUIET: Final = CHOSEN_BYPASSES | {""}

Learner = Callable[[Exchange], None]
"""Takes an exchange into a bounded queue of its own; must be quick."""


class Recorder:
    """`record(exchange)` once for each exchange, from the loop's thread.

    `mask` makes bytes of either side safe to show; a reload may replace it. `put` takes event lines
    (`Sink.put`). `learner` and `capture` see every exchange, `None` where there is none.
    """

    def __init__(
        self,
        config: Events,
        metrics: Metrics,
        put: Callable[[bytes], object],
        mask: Mask,
        *,
        service: str = "",
        learner: Learner | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.mask = mask
        self.learner = learner
        self.capture: Learner | None = None
        self.metrics = metrics
        self.recent: deque[bytes] = deque(maxlen=config.recent)
        self._put = put
        self._service = service
        self._chance = chance
        self._share = 0.0
        self.configure(config)

    def configure(self, config: Events) -> None:
        """Take over what a reload may change: the access log's share and how many events are kept."""
        self._share = {"none": 0.0, "all": 1.0, "sampled": config.sample}[config.access]
        if config.recent != self.recent.maxlen:
            self.recent = deque(self.recent, maxlen=config.recent)

    def record(self, exchange: Exchange) -> None:
        try:
            self.metrics.count(exchange)
            # The first line is remarkable() for nearly every exchange, without its call.
            if (
                exchange.outcome is _FORWARDED
                and exchange.verdict is PASSED
                and exchange.response_verdict is PASSED
                and exchange.bypass in _QUIET
                and not exchange.fault
            ) or not remarkable(exchange):
                if self._share and (self._share >= 1.0 or self._chance() < self._share):
                    self._emit(exchange)
            else:
                self._emit(exchange)
        except Exception:
            self.metrics.record_failures += 1
        self._hand_on(exchange)

    def _emit(self, exchange: Exchange) -> None:
        data = line(event(exchange, self.mask, self._service))
        self.recent.append(data)
        self._put(data)

    def _hand_on(self, exchange: Exchange) -> None:
        for taker in (self.learner, self.capture):
            if taker is not None:
                try:
                    taker(exchange)
                except Exception:
                    self.metrics.record_failures += 1
