"""Exchanges without sockets: the proxy between transports that keep what it writes.

What is left of an exchange's cost when the kernel and the event loop are taken away: the proxy itself, and whatever
policy is put into it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from waf.config.schema import Config
from waf.findings import Mask
from waf.policy.policy import Policy
from waf.proxy.commons import Commons
from waf.proxy.downstream import ClientStream
from waf.proxy.upstream import Link
from waf.record.metrics import Metrics
from waf.record.recorder import Recorder

CONNECTIONS: Final = 32
_PEER: Final = ("192.0.2.7", 40_000)


class Wire:
    """Stands for a transport: takes everything at once and keeps the last of it."""

    def __init__(self) -> None:
        self.written = b""

    def get_extra_info(self, name: str, default: object = None) -> object:
        return _PEER if name == "peername" else default

    def write(self, data: bytes) -> None:
        self.written = data

    def writelines(self, parts: Sequence[bytes]) -> None:
        self.written = b"".join(parts)

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Bare:
    """A proxy with idle connections on both sides; `exchange` carries one exchange through it."""

    def __init__(
        self, config: Config, policy: Policy, requests: Sequence[bytes], answer: bytes, mask: Mask
    ) -> None:
        self._flush: list[Callable[[], object]] = []
        self._loop = asyncio.new_event_loop()
        self.metrics = Metrics()
        self.policy = policy
        self.recorder = Recorder(config.events, self.metrics, lambda _line: None, mask)
        commons = Commons(config, lambda: self.policy, self.recorder.record, self._loop)
        commons.flow._call_soon = self._flush.append
        self._clients: list[ClientStream] = []
        for _ in range(CONNECTIONS):
            client, link = ClientStream(commons), Link(commons.pool)
            for stream in (client, link):
                stream.connection_made(cast(Any, Wire()))
            link.wanted = True
            commons.pool.open += 1
            commons.pool.give(link)
            self._clients.append(client)
        self._next_client = itertools.cycle(self._clients).__next__
        self._next_request = itertools.cycle(requests).__next__
        self._answer = answer

    def exchange(self) -> bytes:
        """What the client got."""
        client = self._next_client()
        client.data_received(self._next_request())
        self._sent()
        talk = client.conversation
        if talk is None or talk.link is None:
            raise RuntimeError("the request was not sent to the app")
        talk.link.data_received(self._answer)
        self._sent()
        return cast(Wire, client.transport).written

    def _sent(self) -> None:
        for flush in self._flush:
            flush()
        self._flush.clear()

    def close(self) -> None:
        self._loop.close()
