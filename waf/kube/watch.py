"""A local copy of one collection of objects, kept fresh by list and watch.

Survives all that happens to a watch: its regular end, a lost server, 410 Gone (then it lists anew). While the server
is away the copy stays as it was.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from waf.kube.client import ApiError, Gone, Kube, Object

_PAGE: Final = "500"
_LONGEST_PAUSE: Final = 30.0


class Watched:
    """`items` by "namespace/name" (or name, where there is no namespace); `keep` cuts an object to what is needed."""

    def __init__(
        self,
        kube: Kube,
        path: str,
        *,
        keep: Callable[[Object], Any] = lambda thing: thing,
        changed: Callable[[str], None] = lambda key: None,
        pause: float = 0.5,
        query: Mapping[str, str] | None = None,
    ) -> None:
        self.items: dict[str, Any] = {}
        self.synced = asyncio.Event()
        self.failures = 0  # in a row
        self._kube = kube
        self._path = path
        self._keep = keep
        self._changed = changed
        self._pause = pause
        self._query = dict(query or {})

    async def run(self) -> None:
        """List and watch until cancelled."""
        since = ""
        while True:
            try:
                if not since:
                    since = await self._list()
                async for event in self._kube.watch(self._path, since, query=self._query):
                    since = self._take(event)
                    self.failures = 0
            except Gone:
                since = ""
            except ApiError:
                self.failures += 1
                await asyncio.sleep(
                    min(self._pause * 2 ** min(self.failures, 10), _LONGEST_PAUSE) * random.random()
                )
            else:
                await asyncio.sleep(
                    self._pause * random.random()
                )  # a server that ends at once is not hammered

    async def _list(self) -> str:
        found: dict[str, Any] = {}
        query = {**self._query, "limit": _PAGE}
        while True:
            page = await self._kube.get(self._path, **query)
            for thing in page.get("items") or []:
                found[key_of(thing)] = self._keep(thing)
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                break
            query["continue"] = metadata["continue"]
        before, self.items = self.items, found
        self.failures = 0
        self.synced.set()
        for key in before.keys() | found.keys():
            if before.get(key) != found.get(key):
                self._changed(key)
        return str(metadata.get("resourceVersion", "0"))

    def _take(self, event: Object) -> str:
        thing = event["object"]
        version = str((thing.get("metadata") or {}).get("resourceVersion", ""))
        kind = event.get("type")
        if kind in ("ADDED", "MODIFIED", "DELETED"):
            key = key_of(thing)
            if kind == "DELETED":
                self.items.pop(key, None)
            else:
                self.items[key] = self._keep(thing)
            self._changed(key)
        return version


def key_of(thing: Object) -> str:
    metadata = thing.get("metadata") or {}
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata.get('name')}" if namespace else str(metadata.get("name"))
