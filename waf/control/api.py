"""The control port: health, metrics, recent events, effective configuration, reload, drain, captures.

Runs in the loop of the proxy: a scrape costs it a millisecond, while a thread of its own would contend for
the interpreter at every turn. Owns the HTTP face only; what is shown and done is `Site`'s, who may ask is
`Guard`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import msgspec
import orjson
from aiohttp import web

from waf.config.address import Endpoint
from waf.control.guard import Guard
from waf.control.query import EventFilter, select
from waf.control.site import Site, shown
from waf.record.capture import Wanted
from waf.record.exposition import exposition

MAX_BODY: Final = 64 * 1024
MAX_CONNECTIONS: Final = 256

HEADERS: Final[dict[str, str]] = {
    "Server": "waf",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}

_SITE: Final = web.AppKey("site", Site)
_Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_api(site: Site, guard: Guard, extra: Iterable[web.RouteDef] = ()) -> web.Application:
    """The application; `extra` routes are guarded like all others."""

    @web.middleware
    async def guarded(request: web.Request, handler: _Answer) -> web.StreamResponse:
        denied = guard.check(request.method, request.path, request.headers)
        if denied is not None:
            response = _json({"error": denied.message}, denied.status)
            if denied.status == 401:
                response.headers["WWW-Authenticate"] = 'Bearer realm="waf"'
            return response
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            response = _json({"error": error.reason.lower()}, error.status)
            if isinstance(error, web.HTTPMethodNotAllowed):
                response.headers["Allow"] = error.headers["Allow"]
            return response

    api = web.Application(middlewares=[guarded], client_max_size=MAX_BODY)
    api[_SITE] = site
    api.on_response_prepare.append(_dress)
    api.add_routes([*ROUTES, *extra])
    return api


async def _dress(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


async def _healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


async def _readyz(request: web.Request) -> web.Response:
    readiness = await request.app[_SITE].readiness()
    return web.Response(text=f"{readiness.reason or 'ready'}\n", status=200 if readiness.ready else 503)


async def _metrics(request: web.Request) -> web.Response:
    families = await request.app[_SITE].families()
    body, kind = exposition(families, request.headers.get("Accept", ""))
    return web.Response(body=body, headers={"Content-Type": kind})


async def _index(_request: web.Request) -> web.Response:
    return _json({"endpoints": [f"{route.method} {route.path}" for route in ROUTES]})


async def _status(request: web.Request) -> web.Response:
    return _json(await request.app[_SITE].status())


async def _config(request: web.Request) -> web.Response:
    return _json(await request.app[_SITE].config())


async def _events(request: web.Request) -> web.Response:
    try:
        wanted = EventFilter.read(request.query)
    except ValueError as error:
        return _json({"error": str(error)}, 400)
    chosen = select(await request.app[_SITE].events(), wanted)
    if wanted.format == "ndjson":
        lines = b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in chosen)
        return web.Response(body=lines, content_type="application/x-ndjson")
    return _json({"events": chosen})


async def _reload(request: web.Request) -> web.Response:
    result = await request.app[_SITE].reload("api")
    return _json(shown(result), 200 if result.ok else 422)


async def _drain(request: web.Request) -> web.Response:
    await request.app[_SITE].drain()
    return _json({"draining": True}, 202)


async def _start_capture(request: web.Request) -> web.Response:
    try:
        wanted = msgspec.json.decode(await request.read() or b"{}", type=Wanted)
    except msgspec.DecodeError as error:
        return _json({"error": str(error)}, 400)
    if wanted.problem():
        return _json({"error": wanted.problem()}, 400)
    await request.app[_SITE].capture(wanted)
    return _json(msgspec.structs.asdict(wanted), 201)


async def _captured(request: web.Request) -> web.Response:
    har = await request.app[_SITE].captured()
    return _json({"error": "no capture was asked for"}, 404) if har is None else _json(har)


async def _forget_capture(request: web.Request) -> web.Response:
    await request.app[_SITE].forget_capture()
    return web.Response(status=204)


ROUTES: Final[tuple[web.RouteDef, ...]] = (
    web.get("/healthz", _healthz),
    web.get("/readyz", _readyz),
    web.get("/metrics", _metrics),
    web.get("/v1", _index),
    web.get("/v1/status", _status),
    web.get("/v1/config", _config),
    web.get("/v1/events", _events),
    web.post("/v1/reload", _reload),
    web.post("/v1/drain", _drain),
    web.post("/v1/capture", _start_capture),
    web.get("/v1/capture", _captured),
    web.delete("/v1/capture", _forget_capture),
)


def _json(value: Any, status: int = 200) -> web.Response:
    body = orjson.dumps(value, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)
    return web.Response(body=body, status=status, content_type="application/json")


class ControlServer:
    """The API on a listener. `await start()`, then `endpoint` tells where (port 0 resolved), `await close()`.

    At most `MAX_CONNECTIONS` are open; one more ends the oldest, so that idle ones can never shut the
    kubelet's probes out.
    """

    def __init__(self, api: web.Application, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._runner = web.AppRunner(api, access_log=None, handle_signals=False, keepalive_timeout=30)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Bind and listen. Raises OSError."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        where = self.endpoint
        try:
            if where.path:
                _remove_stale_socket(where.path)
                self._server = await loop.create_unix_server(self._accept, where.path)
                os.chmod(where.path, 0o660)
            else:
                self._server = await loop.create_server(
                    self._accept, where.host, where.port, reuse_address=True
                )
                port = self._server.sockets[0].getsockname()[1]
                self.endpoint = Endpoint(where.host, port)
        except OSError:
            await self._runner.cleanup()
            raise

    def _accept(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        assert server is not None  # set up by start()
        connections = server.connections
        if len(connections) >= MAX_CONNECTIONS:
            connections[0].force_close()
        protocol: asyncio.BaseProtocol = server()
        return protocol

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()
        if self.endpoint.path:
            with contextlib.suppress(OSError):
                os.unlink(self.endpoint.path)


def _remove_stale_socket(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
