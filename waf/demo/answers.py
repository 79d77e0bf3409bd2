"""The small parts every page of the demo shop is made of: reading what was asked, wording the answer."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web

from waf.demo import catalogue, pages

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """JSON problems under /api, aiohttp's own pages elsewhere."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if request.path.startswith("/api/") and error.status >= 400:
            return problem(error.status, error.reason)
        raise


def html(title: str, body: str, status: int = 200) -> web.Response:
    return web.Response(text=pages.page(title, body), content_type="text/html", status=status)


def as_json(value: object, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)


def problem(status: int, detail: str) -> web.Response:
    return as_json({"error": detail}, status=status)


def plain(value: catalogue.Product | catalogue.Customer) -> dict[str, object]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def found(value: T | None) -> T:
    if value is None:
        raise web.HTTPNotFound
    return value


def number(request: web.Request, name: str, default: float, most: float) -> float:
    try:
        value = float(request.query.get(name, default))
    except ValueError:
        raise web.HTTPBadRequest(reason=f"{name} is a number") from None
    return min(max(value, 0.0), most) if not math.isnan(value) else default


async def read_object(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason="send application/json")
    try:
        value = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(reason="that is not JSON") from None
    if not isinstance(value, dict):
        raise web.HTTPUnprocessableEntity(reason="send an object")
    return value
