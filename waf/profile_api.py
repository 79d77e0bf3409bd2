"""The learned profile on the control port: look at it, review it, edit it. Guarded like all of that port."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from waf import edits
from waf.errors import ConfigError
from waf.learning import Learning
from waf.profiles import yaml_view


def profile_routes(learning: Learning, workload: Callable[[], str]) -> list[web.RouteDef]:
    """Routes over the learner of this process."""

    async def show(request: web.Request) -> web.Response:
        learner = learning.memory.learner
        if request.query.get("view") == "evidence":
            text = yaml_view.evidence_of(learner.candidates(), learner.book)
        else:
            text = yaml_view.text_of(learner.book, workload())
        return web.Response(text=text, content_type="application/yaml")

    async def status(_request: web.Request) -> web.Response:
        return _json(edits.status(learning.memory.learner, workload()))

    async def edit(request: web.Request) -> web.Response:
        try:
            wanted = msgspec.json.decode(await request.read(), type=edits.Edit)
            changed = learning.edit(wanted, time.time())
        except ConfigError as error:
            return _json(
                {"error": "the document cannot be used", "problems": [str(p) for p in error.problems]}, 422
            )
        except (msgspec.DecodeError, ValueError) as error:
            return _json({"error": str(error)}, 400)
        return _json({"changed": changed})

    handlers: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
        "/v1/profile": show,
        "/v1/profile/status": status,
    }
    return [*(web.get(path, handler) for path, handler in handlers.items()), web.post("/v1/profile", edit)]


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")
