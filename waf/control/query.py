"""Choosing among the recent events. Pure: lines and a filter in, events out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import orjson

from waf.record.ocsf import ocsf

MAX_EVENTS: Final = 1_000

# Parameter: the event's key it is held against.
FILTERS: Final[dict[str, str]] = {
    "id": "http.request.id",
    "trace": "trace.id",
    "source": "source.ip",
    "outcome": "waf.outcome",
    "action": "event.action",
    "would": "waf.would",
    "route": "waf.route",
    "method": "http.request.method",
    "path": "url.path",
    "rule": "rule.id",
    "kind": "rule.category",
}
FORMATS: Final = ("json", "ndjson", "ocsf")


class EventFilter(msgspec.Struct, frozen=True):
    """`wanted` by key of the event; `since` an ISO 8601 time in UTC, compared as text; the newest `limit`."""

    wanted: dict[str, str] = {}
    since: str = ""
    limit: int = 100
    format: str = "json"

    @classmethod
    def read(cls, query: Mapping[str, str]) -> EventFilter:
        """From a query string's parameters. ValueError names what is not known."""
        wanted: dict[str, str] = {}
        limit, since, form = 100, "", "json"
        for name, value in query.items():
            if name in FILTERS:
                wanted[FILTERS[name]] = value
            elif name == "limit":
                if not value.isascii() or not value.isdigit() or not 1 <= int(value[:6]) <= MAX_EVENTS:
                    raise ValueError(f"limit: from 1 to {MAX_EVENTS}")
                limit = int(value)
            elif name == "since":
                since = value
            elif name == "format":
                if value not in FORMATS:
                    raise ValueError(f"format: one of {', '.join(FORMATS)}")
                form = value
            else:
                raise ValueError(f"known parameters: {', '.join([*FILTERS, 'since', 'limit', 'format'])}")
        return cls(wanted, since, limit, form)


def select(lines: Sequence[bytes], chosen: EventFilter) -> list[dict[str, Any]]:
    """The events that fit, the newest first."""
    events: list[dict[str, Any]] = []
    for line in reversed(lines):
        event = orjson.loads(line)
        if chosen.since and event.get("@timestamp", "") < chosen.since:
            continue
        if all(_fits(event.get(key), value) for key, value in chosen.wanted.items()):
            events.append(ocsf(event) if chosen.format == "ocsf" else event)
            if len(events) >= chosen.limit:
                break
    return events


def _fits(have: Any, wanted: str) -> bool:
    return wanted in have if isinstance(have, list) else have == wanted
