"""The aggregator put together: leadership, store, port, copies. The one place of this room that starts tasks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import Coroutine
from typing import Any, Final

from waf.kube.client import ApiError, Conflict, Kube, NotFound
from waf.kube.fleet.aggregator import GROUP, Aggregator, object_name
from waf.kube.fleet.identity import Identities
from waf.kube.fleet.lease import Leadership
from waf.kube.fleet.server import Fleet
from waf.kube.fleet.shards import Store
from waf.kube.fleet.spread import CLUSTER_CONFIG, spread, wanting
from waf.kube.fleet.terms import CA_CONFIG_MAP, MODES, Key, Merger
from waf.kube.keyring import Keyring, SelfMade
from waf.kube.watch import Watched
from waf.kube.webhook import Served, namespaces_of
from waf.record.log import Log

_SPREAD_EVERY: Final = 30.0
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


class Modes:
    """The mode that people set for each workload by `kubectl patch wafprofile`; kept fresh by a watch."""

    def __init__(self, kube: Kube) -> None:
        self.profiles = Watched(
            kube, f"/apis/{GROUP}/wafprofiles", keep=lambda thing: thing.get("spec") or {}
        )

    def __call__(self, key: Key) -> str:
        mode = str((self.profiles.items.get(f"{key.namespace}/{object_name(key)}") or {}).get("mode") or "")
        return mode if mode in MODES else ""


async def serve(
    kube: Kube,
    merger: Merger,
    namespace: str,
    identity: str,
    maker: SelfMade,
    address: tuple[str, int],
    until: Coroutine[Any, Any, Any],
    log: Log,
) -> None:
    """The whole aggregator until `until` is done. `identity` is host:port at which other replicas' sidecars find us.

    Raises ApiError or OSError before it listens.
    """
    modes, namespaces, store = Modes(kube), namespaces_of(kube), Store(kube, namespace)
    aggregator = Aggregator(kube, store, merger, modes, log)

    def turned(leads: bool) -> None:
        log("info", "we lead" if leads else "we follow", identity=identity)
        aggregator.forget()

    leadership = Leadership(kube, namespace, "waf-fleet", identity, changed=turned)
    secret = await shared_secret(kube, namespace)
    fleet = Fleet(Identities(kube), leadership, aggregator, store, modes, secret, log)
    keyring = Keyring(maker.load, log)

    async def copies() -> None:
        while True:
            await asyncio.sleep(_SPREAD_EVERY if leadership.sure and maker.state is not None else 1.0)
            if leadership.sure and maker.state is not None and namespaces.synced.is_set():
                with contextlib.suppress(ApiError):
                    what = {CA_CONFIG_MAP: {"ca.crt": maker.bundle().decode()}}
                    what |= await _cluster_layer(kube, namespace)
                    await spread(kube, wanting(namespaces.items, namespace), what, log)

    work = (
        keyring.run(),
        modes.profiles.run(),
        namespaces.run(),
        leadership.run(),
        aggregator.run(),
        copies(),
    )
    tasks = [asyncio.create_task(each) for each in work]
    served = Served(fleet.app(), keyring, *address)
    try:
        await served.start()
        log("info", "fleet listens", port=served.port)
        await until
        if leadership.sure:
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
