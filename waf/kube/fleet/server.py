"""The aggregator's port: deltas in, receipts and profiles out, over HTTPS, each caller known by its token.

Any replica answers a pull from the store. A push is for the leader; another replica names it (421) and the sidecar
asks there. Owns limits: body size, pushes at once; what is too much is answered 429 with a time to wait. Nothing is
answered before it is known what people ask of the workloads: a mode that is not known would be one that nobody set.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from waf.kube.client import ApiError
from waf.kube.fleet.aggregator import Aggregator
from waf.kube.fleet.events import Events
from waf.kube.fleet.identity import Caller, Identities
from waf.kube.fleet.shards import Damaged, Store
from waf.kube.fleet.shares import Shares
from waf.kube.fleet.specs import Specs
from waf.kube.fleet.terms import (
    MAX_PUSH,
    MODE_HEADER,
    NAME,
    SEQUENCE_HEADER,
    WORKLOAD_HEADER,
    Key,
    Place,
    Push,
)
from waf.record.log import Log

AT_ONCE: Final = 64  # pushes
FRESH: Final = 2.0  # seconds for which a profile is not read from the store again
_MOST_CACHED: Final = 1_000


class Fleet:
    """`secret` makes the key that all replicas of one workload share for their hashes."""

    def __init__(
        self,
        identities: Identities,
        shares: Shares,
        aggregator: Aggregator,
        store: Store,
        specs: Specs,
        secret: bytes,
        log: Log,
        *,
        events: Events | None = None,
        fresh: float = FRESH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._identities = identities
        self._shares = shares
        self._aggregator = aggregator
        self._store = store
        self._specs = specs
        self._events = events
        self._secret = secret
        self._log = log
        self._fresh = fresh
        self._clock = clock
        self._running = 0
        self._profiles: dict[Key, tuple[float, bytes, str]] = {}

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_PUSH, middlewares=[self._guarded])
        app.router.add_post("/v1/delta", self._delta)
        app.router.add_get("/v1/profile", self._profile)
        app.router.add_get("/v1/key", self._key)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        return app

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            # Without the API server nobody can be known and nothing stored: later, not never.
            status = 429 if error.status == 429 else 503
            return _refusal(status, "the cluster's API is not to be reached now", retry=10)
        except Damaged as error:
            self._log("error", "what is stored cannot be read", error=str(error))
            return _refusal(503, "what is stored cannot be read", retry=60)

    async def _whose(self, request: web.Request) -> tuple[Caller, Key]:
        if not self._specs.watched.synced.is_set():
            raise ApiError(0, "NotSynced", "the WafProfiles are not known yet")
        caller = await self._identities.of(request.headers.get("Authorization", ""))
        if caller is None:
            raise web.HTTPUnauthorized(text="no pod's token for this audience")
        workload = request.headers.get(WORKLOAD_HEADER, "")
        if not NAME.fullmatch(workload):
            raise web.HTTPBadRequest(text=f"{WORKLOAD_HEADER} names no workload")
        # The namespace is the token's, never the caller's word.
        return caller, Key(caller.namespace, workload)

    async def _delta(self, request: web.Request) -> web.Response:
        caller, key = await self._whose(request)
        leadership = self._shares.of(key)
        if not leadership.sure:
            leader = leadership.leader
            body = {"leader": leader if leader != leadership.identity else ""}
            return web.Response(status=421, body=msgspec.json.encode(body), content_type="application/json")
        if self._running >= AT_ONCE:
            return _refusal(429, "too many at once", retry=5)
        self._running += 1
        try:
            place = Place.read(request.headers.get(SEQUENCE_HEADER, ""))
            push = msgspec.msgpack.decode(await request.read(), type=Push)
            receipt = await self._aggregator.take(key, caller.uid, place, push.delta, push.report, caller.pod)
        except (ValueError, msgspec.DecodeError) as error:
            return _refusal(400, f"no delta: {error}"[:200])
        finally:
            self._running -= 1
        if self._events is not None:
            self._events.note(caller, push.report)
        return web.Response(body=msgspec.json.encode(receipt), content_type="application/json")

    async def _profile(self, request: web.Request) -> web.Response:
        _, key = await self._whose(request)
        profile, version = await self._stored(key)
        mode = self._specs.of(key).mode
        headers = {"ETag": f'"{version}"', MODE_HEADER: mode}
        if not version:
            return web.Response(status=204, headers={MODE_HEADER: mode})
        if request.headers.get("If-None-Match") == headers["ETag"]:
            return web.Response(status=304, headers=headers)
        return web.Response(body=profile, headers=headers, content_type="application/octet-stream")

    async def _stored(self, key: Key) -> tuple[bytes, str]:
        until, profile, version = self._profiles.get(key, (0.0, b"", ""))
        if self._clock() < until:
            return profile, version
        found = await self._store.read(key, ("profile",))
        if found is not None:
            profile, version = found[0].blobs.get("profile", b""), str(found[0].facts.get("version", ""))
        while len(self._profiles) >= _MOST_CACHED:
            del self._profiles[next(iter(self._profiles))]
        self._profiles[key] = (self._clock() + self._fresh, profile, version)
        return profile, version

    async def _key(self, request: web.Request) -> web.Response:
        _, key = await self._whose(request)
        made = hmac.new(self._secret, f"waf-fleet {key}".encode(), hashlib.sha256).digest()
        return web.Response(body=made, content_type="application/octet-stream")

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="leader" if self._shares.held else "follower")

    async def _readyz(self, request: web.Request) -> web.Response:
        if not self._specs.watched.synced.is_set():
            return web.Response(status=503, text="the WafProfiles are not known yet")
        return await self._healthz(request)

    async def _metrics(self, request: web.Request) -> web.Response:
        counts = self._aggregator
        lines = [
            f"waf_fleet_shares {self._shares.held}",
            f"waf_fleet_workloads {len(counts)}",
            f"waf_fleet_replicas {counts.replicas}",
            f"waf_fleet_push_interval_seconds {counts.every:.0f}",
            f"waf_fleet_deltas_merged_total {counts.merged}",
            f"waf_fleet_deltas_repeated_total {counts.doubled}",
            f"waf_fleet_deltas_out_of_turn_total {counts.missing}",
            f"waf_fleet_erased_total {counts.erased}",
            f"waf_fleet_stores_total {counts.stored}",
            f"waf_fleet_conflicts_total {counts.conflicts}",
        ]
        return web.Response(text="\n".join(lines) + "\n")


def _refusal(status: int, text: str, retry: int = 0) -> web.Response:
    return web.Response(status=status, text=text, headers={"Retry-After": str(retry)} if retry else {})
