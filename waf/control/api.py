"""The control port: health, metrics, recent events, effective configuration, reload, drain, captures.

Runs in the loop of the proxy: a scrape costs it a millisecond, while a thread of its own would contend for
the interpreter at every turn. Owns routes and answers; what is shown and done is `Site`'s, who may ask is `Guard`'s,
how it is read and written is `wire`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import msgspec
import orjson

from waf.control.guard import Guard
from waf.control.query import EventFilter, select
from waf.control.site import Site, shown
from waf.control.wire import Answer, Asked
from waf.record.capture import Wanted
from waf.record.exposition import exposition

HEADERS: Final[dict[str, str]] = {
    "Server": "waf",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}

Handler = Callable[[Asked], Awaitable[Answer]]


class Route(msgspec.Struct, frozen=True):
    """A method and an exact path; GET answers HEAD as well."""

    method: str
    path: str
    handler: Handler


class Api:
    """All routes behind one guard. `respond` and `refuse` are for `wire.ControlServer`."""

    def __init__(self, site: Site, guard: Guard, extra: Iterable[Route] = ()) -> None:
        self._guard = guard
        self._routes: dict[str, dict[str, Handler]] = {}
        self.routes: Final = (*_routes(site), Route("GET", "/v1", self._index), *extra)
        for route in self.routes:
            self._routes.setdefault(route.path, {})[route.method] = route.handler

    async def respond(self, asked: Asked) -> Answer:
        denied = self._guard.check(asked.method, asked.path, asked.headers)
        if denied is not None:
            more = {"WWW-Authenticate": 'Bearer realm="waf"'} if denied.status == 401 else {}
            return _dressed(json_answer({"error": denied.message}, denied.status), more)
        methods = self._routes.get(asked.path)
        if methods is None:
            return self.refuse(404, "not found")
        handler = methods.get("GET" if asked.method == "HEAD" else asked.method)
        if handler is None:
            allowed = {*methods, *({"HEAD"} if "GET" in methods else ())}
            return _dressed(
                json_answer({"error": "method not allowed"}, 405), {"Allow": ", ".join(sorted(allowed))}
            )
        return _dressed(await handler(asked))

    def refuse(self, status: int, why: str) -> Answer:
        return _dressed(json_answer({"error": why}, status))

    async def _index(self, _asked: Asked) -> Answer:
        return json_answer({"endpoints": [f"{route.method} {route.path}" for route in self.routes]})


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(
        orjson.dumps(value, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS), status
    )


def text_answer(text: str, status: int = 200, kind: str = "text/plain") -> Answer:
    return Answer(text.encode(), status, f"{kind}; charset=utf-8")


def _dressed(answer: Answer, more: dict[str, str] | None = None) -> Answer:
    return msgspec.structs.replace(answer, headers={**HEADERS, **answer.headers, **(more or {})})


def _routes(site: Site) -> list[Route]:
    async def healthz(_asked: Asked) -> Answer:
        return text_answer("ok\n")

    async def readyz(_asked: Asked) -> Answer:
        readiness = await site.readiness()
        return text_answer(f"{readiness.reason or 'ready'}\n", 200 if readiness.ready else 503)

    async def metrics(asked: Asked) -> Answer:
        body, kind = exposition(await site.families(), asked.headers.get("accept", ""))
        return Answer(body, content_type=kind)

    async def status(_asked: Asked) -> Answer:
        return json_answer(await site.status())

    async def config(_asked: Asked) -> Answer:
        return json_answer(await site.config())

    async def events(asked: Asked) -> Answer:
        try:
            wanted = EventFilter.read(asked.query)
        except ValueError as error:
            return json_answer({"error": str(error)}, 400)
        chosen = select(await site.events(), wanted)
        if wanted.format == "ndjson":
            lines = b"".join(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in chosen)
            return Answer(lines, content_type="application/x-ndjson")
        return json_answer({"events": chosen})

    async def reload(_asked: Asked) -> Answer:
        result = await site.reload("api")
        return json_answer(shown(result), 200 if result.ok else 422)

    async def drain(_asked: Asked) -> Answer:
        await site.drain()
        return json_answer({"draining": True}, 202)

    async def start_capture(asked: Asked) -> Answer:
        try:
            wanted = msgspec.json.decode(asked.body or b"{}", type=Wanted)
        except msgspec.DecodeError as error:
            return json_answer({"error": str(error)}, 400)
        if wanted.problem():
            return json_answer({"error": wanted.problem()}, 400)
        await site.capture(wanted)
        return json_answer(msgspec.structs.asdict(wanted), 201)

    async def captured(_asked: Asked) -> Answer:
        har = await site.captured()
        return json_answer({"error": "no capture was asked for"}, 404) if har is None else json_answer(har)

    async def forget_capture(_asked: Asked) -> Answer:
        await site.forget_capture()
        return Answer(status=204)

    return [
        Route("GET", "/healthz", healthz),
        Route("GET", "/readyz", readyz),
        Route("GET", "/metrics", metrics),
        Route("GET", "/v1/status", status),
        Route("GET", "/v1/config", config),
        Route("GET", "/v1/events", events),
        Route("POST", "/v1/reload", reload),
        Route("POST", "/v1/drain", drain),
        Route("POST", "/v1/capture", start_capture),
        Route("GET", "/v1/capture", captured),
        Route("DELETE", "/v1/capture", forget_capture),
    ]
