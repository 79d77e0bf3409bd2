"""One coroutine for each connection, resumed by whoever has news. Owns waking; knows no sockets.

An `asyncio.Task` that waits on a future for every read costs a future, a handle and a turn of the event loop
each time (1.1 µs of the 28 that a proxied request may cost, twice per request) and 1 KB for each idle
connection. Here a callback of the event loop (data came, the peer left, a buffer drained, a deadline passed)
notes its news on the object that it concerns and calls `wake`, which resumes the coroutine at once and in
place. The coroutine looks for itself what there is to do. So:

- The coroutine checks every condition that it cares about before it pauses; news that came while it ran is
  not told.
- A wake without news is allowed; `pause` belongs into a loop.
- A callback does nothing after `wake` that relies on what it saw before.
- One coroutine never wakes another from within (that would nest their stacks): it asks the loop to
  (`call_soon`).
"""

from __future__ import annotations

import math
from asyncio import Future
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from waf.proxy.sleep import asleep
from waf.proxy.wheel import Wheel

T = TypeVar("T")


class Turn:
    """A coroutine and the deadline until which it sleeps; `expired` tells that the last one passed."""

    __slots__ = ("_awake", "_coroutine", "_send", "deadline", "expired", "fires", "wheel")

    def __init__(self, wheel: Wheel) -> None:
        self.wheel = wheel
        self.deadline = math.inf
        self.fires = math.inf  # when the wheel looks at us next, inf = it does not know us
        self.expired = False
        self._awake = True
        self._coroutine: Coroutine[Any, None, None] | None = None
        self._send: Callable[[None], Any] = _over

    def start(self, coroutine: Coroutine[Any, None, None]) -> None:
        """Run `coroutine` up to its first pause."""
        self._coroutine = coroutine
        self._send = coroutine.send
        self._awake = False
        self.wake()

    def wake(self) -> None:
        """There is news; nothing happens if the coroutine runs already or has ended."""
        if self._awake:
            return
        self._awake = True
        try:
            self._send(None)
        except BaseException as end:
            self._ended(end)

    def heard(self, _of: object) -> None:
        """Bytes came that are wanted, on the stream given."""
        self.wake()

    def expire(self) -> None:
        """Called by the wheel: the deadline passed."""
        self.expired = True
        self.wake()

    def interrupt(self, error: Exception) -> None:
        """Raise `error` where the coroutine sleeps; nothing happens if it runs or has ended."""
        if self._awake:
            return
        self._awake = True
        try:
            assert self._coroutine is not None
            self._coroutine.throw(error)
        except BaseException as end:
            self._ended(end)

    async def pause(self, deadline: float) -> None:
        """Sleep until woken; `deadline` is monotonic seconds, `inf` for none. Sets `expired` anew."""
        self.expired = False
        self.deadline = deadline
        if deadline < self.fires:
            self.wheel.watch(self)
        self._awake = False
        await asleep()

    async def settled(self, future: Future[T]) -> T:
        """Wait for a future of the event loop, without a deadline of its own."""
        future.add_done_callback(self._wake_for)
        while not future.done():
            await self.pause(math.inf)
        return future.result()

    def _wake_for(self, _: Future[Any]) -> None:
        self.wake()

    def _ended(self, end: BaseException) -> None:
        """The coroutine returned, or `end` escaped from it; it is never awake again."""
        self._coroutine, self._send = None, _over
        self.wheel.forget(self)
        if not isinstance(end, StopIteration):
            raise end


def _over(_: None) -> None:
    """Sent to before its start or after its end, a turn does nothing."""
