"""The aggregator put together: leadership, store, port, copies. The one place of this room that starts tasks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
import time
from collections.abc import Coroutine
from typing import Any, Final

from waf.kube.client import ApiError, Conflict, Kube, NotFound
from waf.kube.fleet.aggregator import STORE_EVERY, Aggregator
from waf.kube.fleet.events import Events
from waf.kube.fleet.identity import Identities
from waf.kube.fleet.server import Fleet
from waf.kube.fleet.shards import Damaged, Store
from waf.kube.fleet.shares import Shares
from waf.kube.fleet.specs import Specs
from waf.kube.fleet.spread import CLUSTER_CONFIG, spread, wanting
from waf.kube.fleet.terms import CA_CONFIG_MAP, PUSH_EVERY, Merger
from waf.kube.keyring import Keyring, SelfMade
from waf.kube.webhook import Served, namespaces_of, until_first
from waf.record.log import Log

_SPREAD_EVERY: Final = 30.0
_SOON: Final = 1.0
_SWEEP_EVERY: Final = 3600.0
_SECRET: Final = "waf-fleet-key"
_KEY_BYTES: Final = 32


async def shared_secret(kube: Kube, namespace: str) -> bytes:
    """The secret of which the workloads' keys are made; whoever comes first makes it. Raises ApiError."""
    path = f"/api/v1/namespaces/{namespace}/secrets/{_SECRET}"
    for _ in range(3):
        secret = await kube.get(
            path
        )  # made empty at installation, so that nobody needs the right to create Secrets
        key = (secret.get("data") or {}).get("key")
        if key:
            return base64.b64decode(key)
        text = base64.b64encode(os.urandom(_KEY_BYTES)).decode()
        with contextlib.suppress(Conflict):
            await kube.replace(path, {**secret, "data": {"key": text}})
    raise ApiError(0, "NoSecret", f"{_SECRET} can be neither read nor filled")


async def serve(
    kube: Kube,
    merger: Merger,
    namespace: str,
    identity: str,
    maker: SelfMade,
    address: tuple[str, int],
    until: Coroutine[Any, Any, Any],
    log: Log,
    *,
    count: int = 1,
    push_every: float = PUSH_EVERY,
    store_every: float = STORE_EVERY,
) -> None:
    """The whole aggregator until `until` is done; with others it divides `count` shares. `identity` is host:port at which other replicas' sidecars find us.

    Raises ApiError or OSError before it listens.
    """

    def turned(share: int, leads: bool) -> None:
        log("info", "we lead" if leads else "we follow", identity=identity, share=share)
        aggregator.forget(lambda key: shares.share(key) == share)

    shares = Shares(kube, namespace, "waf-fleet", identity, count, changed=turned)
    specs = Specs(kube)
    opted = asyncio.Event()  # a namespace has changed: it may want its copies
    namespaces, store, events = (
        namespaces_of(kube, lambda _: opted.set()),
        Store(kube, namespace),
        Events(kube),
    )
    aggregator = Aggregator(
        kube, store, merger, specs, log,
        leads=shares.leads, store_every=store_every, push_every=push_every,
    )  # fmt: skip
    specs.removed = aggregator.erase_soon
    secret = await shared_secret(kube, namespace)
    fleet = Fleet(Identities(kube), shares, aggregator, store, specs, secret, log, events=events)
    keyring = Keyring(maker.load, log)

    async def copies() -> None:
        wait = _SOON
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await opted.wait()
                    await asyncio.sleep(min(_SOON, wait))  # many may change at once
            opted.clear()
            wait = _SOON
            if shares.first and maker.state is not None and namespaces.synced.is_set():
                wait = _SPREAD_EVERY
                with contextlib.suppress(ApiError):
                    what = {CA_CONFIG_MAP: {"ca.crt": maker.bundle().decode()}}
                    what |= await _cluster_layer(kube, namespace)
                    await spread(kube, wanting(namespaces.items, namespace), what, log)

    async def sweeping() -> None:
        while True:
            await asyncio.sleep(_SWEEP_EVERY * random.uniform(0.5, 1.5))
            if shares.first:
                with contextlib.suppress(ApiError, Damaged):
                    if count := await store.sweep(time.time() - _SWEEP_EVERY):
                        log("info", "shards swept that no profile names", count=count)

    work = (
        keyring.run(),
        specs.watched.run(),
        events.run(),
        namespaces.run(),
        sweeping(),
        shares.run(),
        aggregator.run(),
        copies(),
    )
    tasks = [asyncio.create_task(each) for each in work]
    served = Served(fleet.app(), keyring, *address)
    try:
        await served.start()
        log("info", "fleet listens", port=served.port)
        await until_first(until, tasks)
        await aggregator.store_all()
    finally:
        await served.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _cluster_layer(kube: Kube, namespace: str) -> dict[str, dict[str, str]]:
    """The cluster's default layer, if there is one."""
    with contextlib.suppress(NotFound):
        found = await kube.get(f"/api/v1/namespaces/{namespace}/configmaps/{CLUSTER_CONFIG}")
        return {CLUSTER_CONFIG: dict(found.get("data") or {})}
    return {}
