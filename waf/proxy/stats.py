"""Plain counters of this room, read by whoever exposes metrics. Written on the loop only; only ever grow."""

from __future__ import annotations


class Stats:
    """Counts since start. Gauges (open connections, the pool) are properties of `Server`."""

    __slots__ = (
        "connect_failures",
        "connections",
        "connections_refused",
        "connects",
        "exchanges",
        "interim_dropped",
        "own_errors",
        "record_errors",
        "resets_by_us",
        "retries",
        "tls_reloads",
        "tunnels",
        "unasked_bytes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.connections = 0  # accepted from clients
        self.connections_refused = 0  # over a limit of connections
        self.exchanges = 0
        self.record_errors = 0
        self.own_errors = 0
        self.connects = 0  # to the app
        self.connect_failures = 0
        self.retries = 0  # sent again after a stale connection
        self.unasked_bytes = 0  # connections of the app closed since it sent what nobody had asked for
        self.interim_dropped = 0  # 1xx answers of the app not passed on
        self.resets_by_us = 0  # client connections cut since the answer could not be completed
        self.tunnels = 0
        self.tls_reloads = 0

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}
