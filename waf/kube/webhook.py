"""The injector: the pure answers of `admission` over TLS, with a fresh view of the cluster beside them.

Owns sockets, limits and metrics of the webhook. A bug of ours answers 500, so that the webhook configuration's
failurePolicy decides whether pods start without a firewall or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

import prometheus_client
import yaml
from aiohttp import web

from waf.kube.admission import BadReview, Outcome, review, review_config
from waf.kube.client import ApiError, Kube, NotFound, Object
from waf.kube.keyring import Keyring
from waf.kube.pods import NOT_OPTED_IN
from waf.kube.settings import PREFIX, Settings, SettingsError, settle
from waf.kube.watch import Watched
from waf.record.log import Log

MAX_BODY: Final = 7 * 1024 * 1024  # bytes; the API server takes 3 MiB, and a review may hold an object twice
CONFIG_SECONDS: Final = 8.0  # for the reading of one ConfigMap; the webhook's own limit is 10
LINGER: Final = 5.0  # seconds for which a replica that is to end still answers
_CONFIGS_AT_ONCE: Final = 2
_SETTINGS_EVERY: Final = 5.0
_VERSION_EVERY: Final = 300.0
_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Injector:
    """Answers reviews. `namespaces` holds the metadata of all namespaces, kept fresh by someone else; `lookup` asks
    the API server for one of them.
    """

    def __init__(
        self,
        defaults: Settings,
        namespaces: Watched,
        lookup: Callable[[str], Awaitable[Object]],
        log: Log,
        server_version: tuple[int, int] = (1, 31),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.defaults = defaults
        self.server_version = server_version
        self.namespaces = namespaces
        self._lookup = lookup
        self._log = log
        self._clock = clock
        self._reading = asyncio.Semaphore(_CONFIGS_AT_ONCE)
        self.registry = prometheus_client.CollectorRegistry()
        self._reviews = prometheus_client.Counter(
            "waf_injector_reviews", "Reviews answered.", ["webhook", "outcome"], registry=self.registry
        )
        self._seconds = prometheus_client.Histogram(
            "waf_injector_review_seconds",
            "Time to an answer, in seconds.",
            ["webhook"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        prometheus_client.Gauge(name, text, registry=self.registry).set_function(value)

    def app(self) -> web.Application:
        """The routes; reviews come in through /mutate and /validate-config."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/mutate", self._mutate)
        app.router.add_post("/validate-config", self._validate)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        return app

    async def _mutate(self, request: web.Request) -> web.Response:
        return await self._reviewed("mutate", request, self._pod)

    async def _validate(self, request: web.Request) -> web.Response:
        return await self._reviewed("config", request, self._config)

    async def _pod(self, body: bytes) -> Outcome:
        outcome = review(body, self.defaults, self.namespaces.items, self.server_version)
        if outcome.reason != NOT_OPTED_IN or not outcome.namespace:
            return outcome
        # The API server asks only about those who opted in: our view of a namespace just made may be behind its own.
        with contextlib.suppress(NotFound):
            fresh = {outcome.namespace: _metadata_of(await self._lookup(outcome.namespace))}
            outcome = review(body, self.defaults, fresh, self.server_version)
        return outcome

    async def _config(self, body: bytes) -> Outcome:
        # Long texts take long to read: beside the loop, and only so many at once.
        async with asyncio.timeout(CONFIG_SECONDS), self._reading:
            return await asyncio.to_thread(review_config, body)

    async def _reviewed(
        self, name: str, request: web.Request, answer: Callable[[bytes], Awaitable[Outcome]]
    ) -> web.Response:
        begun = self._clock()
        try:
            outcome = await answer(await request.read())
        except BadReview as error:
            self._reviews.labels(name, "bad").inc()
            return web.Response(status=400, text=str(error))
        except web.HTTPException:
            raise
        except Exception as error:
            self._reviews.labels(name, "failed").inc()
            self._log("error", "a review could not be answered", webhook=name, error=repr(error))
            return web.Response(status=500, text="the review could not be answered; see the injector's log")
        self._reviews.labels(name, outcome.outcome).inc()
        self._seconds.labels(name).observe(self._clock() - begun)
        if outcome.outcome == "denied":
            self._log("warning", "denied", webhook=name, reason=outcome.reason)
        return web.Response(body=outcome.body, content_type="application/json")

    async def _healthz(self, request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _readyz(self, request: web.Request) -> web.Response:
        if self.namespaces.synced.is_set():
            return web.Response(text="ok")
        return web.Response(status=503, text="the cluster's namespaces are not known yet")

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=prometheus_client.generate_latest(self.registry), content_type="text/plain")


def read_defaults(text: str, base: Settings) -> Settings:
    """`base` under the cluster's defaults: a mapping of annotation names without their prefix to values.

    Raises SettingsError with every mistake.
    """
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"not YAML: {error}") from None
    if told is None:
        return base
    if not isinstance(told, dict):
        raise SettingsError("write a mapping of settings, such as mode: monitor")
    return settle(base, {f"{PREFIX}{name}": _text(value) for name, value in told.items()})


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return ",".join(_text(item) for item in value)
        case None:
            return ""
        case _:
            return str(value)


class View:
    """Keeps fresh what the injector knows: namespaces, the server's version, the defaults' file."""

    def __init__(
        self, kube: Kube, injector: Injector, base: Settings, settings_file: Path | None, log: Log
    ) -> None:
        self._kube = kube
        self._injector = injector
        self._base = base
        self._file = settings_file
        self._log = log
        self._text: str | None = None
        self.settings_good = True

    async def run(self) -> None:
        """Keep all of it fresh until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._injector.namespaces.run())
            group.create_task(self._versions())
            group.create_task(self._settings())

    async def first(self) -> None:
        """What must be known before the first review: version and defaults. Raises SettingsError, ApiError."""
        if self._file is not None:
            self._text = self._file.read_text()
            self._injector.defaults = read_defaults(self._text, self._base)
        self._injector.server_version = await self._kube.version()

    async def _versions(self) -> None:
        while True:
            await asyncio.sleep(_VERSION_EVERY)
            with contextlib.suppress(ApiError):
                self._injector.server_version = await self._kube.version()

    async def _settings(self) -> None:
        while self._file is not None:
            await asyncio.sleep(_SETTINGS_EVERY)
            self.look_at_settings()

    def look_at_settings(self) -> None:
        """Take the defaults' file if it changed; with a mistake in it the former ones stay."""
        if self._file is None:
            return
        try:
            text = self._file.read_text()
            if text == self._text:
                return
            self._text = text
            self._injector.defaults = read_defaults(text, self._base)
            self.settings_good = True
            self._log("info", "defaults read")
        except (OSError, UnicodeDecodeError, SettingsError) as error:
            self.settings_good = False
            self._log("error", "defaults kept as they were", file=str(self._file), error=str(error))


def namespaces_of(kube: Kube, changed: Callable[[str], None] = lambda name: None) -> Watched:
    """The namespaces' labels and annotations, by name."""
    return Watched(kube, "/api/v1/namespaces", keep=_metadata_of, changed=changed)


async def until_first(until: Coroutine[Any, Any, Any], tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait for `until`; where one of the tasks ends before it, raise what ended it.

    A process whose watch has died would go on answering by what it knew then: it is better started anew.
    """
    end = asyncio.ensure_future(until)
    try:
        await asyncio.wait([end, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done() and not end.done():
                raise RuntimeError("a task ended that never ends") from task.exception()
    finally:
        end.cancel()


def lookup_in(kube: Kube) -> Callable[[str], Awaitable[Object]]:
    """Reads one namespace. Raises NotFound, ApiError."""
    return lambda name: kube.get(f"/api/v1/namespaces/{name}")


def _metadata_of(namespace: Object) -> Object:
    metadata = namespace.get("metadata") or {}
    return {key: metadata.get(key) for key in ("labels", "annotations")}


class Served:
    """An application on a TLS port; `port` is the one that was bound."""

    def __init__(self, app: web.Application, keyring: Keyring, host: str, port: int) -> None:
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=90, shutdown_timeout=5)
        self._keyring = keyring
        self._address = (host, port)
        self.port = 0

    async def start(self) -> None:
        """Bind once there is a certificate. Raises OSError."""
        await self._keyring.serving.wait()
        await self._runner.setup()
        site = web.TCPSite(self._runner, *self._address, ssl_context=self._keyring.context)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Take no new connection, answer what is asked, end."""
        await self._runner.cleanup()


async def serve(
    kube: Kube,
    keyring: Keyring,
    base: Settings,
    settings_file: Path | None,
    address: tuple[str, int],
    until: Coroutine[Any, Any, Any],
    log: Log,
    linger: float = LINGER,
) -> None:
    """The whole injector, until `until` is done and `linger` seconds after it.

    Raises SettingsError, ApiError or OSError before it listens.
    """
    injector = Injector(base, namespaces_of(kube), lookup_in(kube), log)
    view = View(kube, injector, base, settings_file, log)
    await view.first()
    injector.gauge(
        "waf_injector_certificate_end_seconds", "Unix time of the certificate's end.", lambda: keyring.ends
    )
    injector.gauge(
        "waf_injector_settings_good", "Whether the defaults could be read.", lambda: float(view.settings_good)
    )
    tasks = [asyncio.create_task(view.run()), asyncio.create_task(keyring.run())]
    served = Served(injector.app(), keyring, *address)
    try:
        await served.start()
        log("info", "injector listens", port=served.port)
        await until_first(until, tasks)
        # Endpoints are told of the end at the same time as we are: serve on while they forget us.
        await asyncio.sleep(linger)
    finally:
        await served.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
