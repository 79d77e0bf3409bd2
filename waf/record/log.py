"""Our own log: one small function for start, reload, drain and faults of ours. JSON lines beside
the events where those go to an output of the process, else on stderr.

Nothing that a client sent goes in here; that is what events and their mask are for.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable
from typing import Any, Literal

import orjson

Level = Literal["debug", "info", "warning", "error"]


class Log:
    """Writes through `put`, which takes one line with its newline; to stderr until there is a better one."""

    def __init__(
        self, put: Callable[[bytes], object] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.put: Callable[[bytes], object] = put or _to_stderr
        self._clock = clock

    def __call__(self, level: Level, message: str, **fields: Any) -> None:
        """One line. `fields` become "waf.<name>"; values that JSON does not know are shown as text."""
        moment = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC)
        entry = {
            "@timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "log.level": level,
            "event.dataset": "waf.log",
            "message": message,
            **{f"waf.{name}": value for name, value in fields.items()},
        }
        self.put(orjson.dumps(entry, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS))


def _to_stderr(line: bytes) -> None:
    # A log that cannot be written must not end the sidecar.
    try:
        os.write(2, line)
    except OSError:
        return
