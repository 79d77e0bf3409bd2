"""A double of the Kubernetes API over real HTTP: storage, versions, conflicts, watch, 410 Gone, and faults on demand.

Holds any object at any path of the usual form. It does what the tests rely on as the API server does it: one growing
resourceVersion, optimistic locking, history that can be compacted, watches with bookmarks that end by themselves,
merge and JSON patch, paging, TokenReview, the status subresource.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.kube.json_patch import apply
from tests.loopback import HOST

_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[a-z0-9.]+)/(?P<version>v[a-z0-9]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>status))?"
)
MAX_CONFIG_MAP = 1024 * 1024


def status(code: int, reason: str, message: str = "") -> web.Response:
    body = {
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message or reason,
    }
    return web.json_response(body, status=code)


class ApiDouble:
    """`base` is its address once started. `fail` may give a response in place of the real one."""

    def __init__(self, page: int = 1000) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}  # (collection, namespace/name)
        self.version = 100
        self.oldest = 100  # versions before it are forgotten
        self.history: list[tuple[int, str, str, dict[str, Any]]] = []  # version, type, collection, object
        self.moved = asyncio.Condition()
        self.requests: list[tuple[str, str]] = []
        self.fail: Callable[[web.Request], web.Response | None] = lambda request: None
        self.tokens: dict[str, dict[str, Any]] = {}  # token to the status of its TokenReview
        self.refuse: str = ""  # an HTTP 403 reason for everything
        self.page = page
        self.kubernetes = ("1", "31")
        self.base = ""
        self._runner: web.AppRunner | None = None
        self._watchers: set[asyncio.Task[Any]] = set()
        self._port = 0

    # ------------------------------------------------------------------------------------------ life

    async def start(self) -> None:
        app = web.Application(client_max_size=3 * 1024 * 1024)
        app.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.base = f"http://{HOST}:{self._port}"

    async def stop(self) -> None:
        for task in list(self._watchers):
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    async def restart(self) -> None:
        """All connections are lost; what is stored stays, and the port."""
        await self.stop()
        await self.start()

    async def cut_watches(self) -> None:
        for task in list(self._watchers):
            task.cancel()

    def compact(self) -> None:
        """Forget the past: watches of former versions are answered with 410 Gone."""
        self.oldest = self.version + 1
        self.history.clear()
        self.version += 1

    # ------------------------------------------------------------------------------------------ storage

    async def put(self, collection: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Store an object as a person would with kubectl; `collection` such as "/api/v1/namespaces"."""
        namespace = re.search(r"/namespaces/([^/]+)/", collection + "/")
        if namespace and not collection.endswith("/namespaces"):
            thing["metadata"]["namespace"] = namespace[1]
        key = (_flat(collection), _key(thing))
        return await self._store(key, copy.deepcopy(thing), "MODIFIED" if key in self.objects else "ADDED")

    def get(self, collection: str, name: str) -> dict[str, Any]:
        namespace = re.search(r"/namespaces/([^/]+)/", collection + "/")
        flat = _flat(collection)
        prefix = f"{namespace[1]}/" if namespace and flat != collection else ""
        return self.objects[flat, prefix + name]

    async def _store(self, key: tuple[str, str], thing: dict[str, Any], kind: str) -> dict[str, Any]:
        """Nothing waits before all is done: versions stand in the history in their order."""
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)
        thing["metadata"].setdefault("creationTimestamp", "2026-11-24T03:00:00Z")
        thing["metadata"].setdefault("uid", f"uid-{self.version}")
        if kind == "DELETED":
            del self.objects[key]
        else:
            self.objects[key] = thing
        self.history.append((self.version, kind, key[0], copy.deepcopy(thing)))
        async with self.moved:
            self.moved.notify_all()
        return thing

    # ------------------------------------------------------------------------------------------ answers

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        failed = self.fail(request)
        if failed is not None:
            return failed
        if request.path == "/version":
            return web.json_response({"major": self.kubernetes[0], "minor": self.kubernetes[1]})
        found = _PATH.fullmatch(request.path)
        if found is None:
            return status(404, "NotFound", request.path)
        group = found["core"] or f"{found['group']}/{found['version']}"
        collection = f"/api/v1/{found['resource']}" if found["core"] else f"/apis/{group}/{found['resource']}"
        if found["resource"] == "tokenreviews":
            asked = await request.json()
            told = self.tokens.get(asked["spec"]["token"], {"authenticated": False})
            return web.json_response({**asked, "status": told}, status=201)
        namespace = found["namespace"] or ""
        if found["name"] is None:
            return await self._collection(request, collection, namespace)
        key = (collection, f"{namespace}/{found['name']}" if namespace else found["name"])
        return await self._one(request, key, found["sub"] == "status")

    async def _collection(self, request: web.Request, collection: str, namespace: str) -> web.StreamResponse:
        if request.method == "POST":
            thing = await request.json()
            if namespace:
                thing["metadata"]["namespace"] = namespace
            key = (collection, _key(thing))
            if key in self.objects:
                return status(409, "AlreadyExists")
            return await self._stored(key, thing, "ADDED", 201)
        if request.query.get("watch"):
            return await self._watch(request, collection, namespace)
        fits = [
            thing
            for (place, _), thing in sorted(self.objects.items())
            if place == collection
            and (not namespace or thing["metadata"].get("namespace") == namespace)
            and _selected(thing, request.query.get("labelSelector", ""))
        ]
        first = int(request.query.get("continue", "0"))
        limit = min(int(request.query.get("limit", "0")) or self.page, self.page)
        metadata: dict[str, str] = {"resourceVersion": str(self.version)}
        if first + limit < len(fits):
            metadata["continue"] = str(first + limit)
        return web.json_response({"kind": "List", "metadata": metadata, "items": fits[first : first + limit]})

    async def _one(self, request: web.Request, key: tuple[str, str], sub: bool) -> web.StreamResponse:
        # Read first: nothing may be stored between a look at the object and what is made of it.
        sent = await request.json() if request.method in ("PUT", "PATCH") else None
        thing = self.objects.get(key)
        if thing is None:
            return status(404, "NotFound", key[1])
        match request.method:
            case "GET":
                return web.json_response(thing)
            case "DELETE":
                await self._store(key, copy.deepcopy(thing), "DELETED")
                return web.json_response({"kind": "Status", "status": "Success"})
            case "PUT":
                new = sent
                wanted = new["metadata"].get("resourceVersion")
                if wanted and wanted != thing["metadata"]["resourceVersion"]:
                    return status(409, "Conflict")
            case "PATCH":
                patch = sent
                if request.content_type == "application/json-patch+json":
                    for step in patch:
                        if step["op"] == "test" and _at(thing, step["path"]) != step["value"]:
                            return status(422, "Invalid", "the test failed")
                    new = _patched(thing, [step for step in patch if step["op"] != "test"])
                elif sub and "status" not in thing and None in patch["status"].values():
                    # The real server keeps nulls where there was nothing to take them from, and then minds them.
                    return status(422, "Invalid", "must be of type string: null")
                else:
                    new = _merged(thing, patch)
            case _:
                return status(405, "MethodNotAllowed")
        merged = {**thing, "status": new.get("status")} if sub else {**new}
        if not sub and "status" in thing:
            merged["status"] = thing["status"]
        return await self._stored(key, merged, "MODIFIED", 200)

    async def _stored(
        self, key: tuple[str, str], thing: dict[str, Any], kind: str, code: int
    ) -> web.Response:
        if key[0].endswith("/configmaps"):
            size = sum(len(v) for v in (thing.get("data") or {}).values())
            size += sum(len(base64.b64decode(v)) for v in (thing.get("binaryData") or {}).values())
            if size > MAX_CONFIG_MAP:
                return status(422, "Invalid", "Too long: must have at most 1048576 bytes")
        return web.json_response(await self._store(key, copy.deepcopy(thing), kind), status=code)

    async def _watch(self, request: web.Request, collection: str, namespace: str) -> web.StreamResponse:
        since = int(request.query.get("resourceVersion") or "0")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._watchers.add(task)
        try:
            if since < self.oldest:
                gone = {
                    "kind": "Status",
                    "code": 410,
                    "reason": "Expired",
                    "message": "too old resource version",
                }
                await response.write(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
                return response
            async with asyncio.timeout(float(request.query.get("timeoutSeconds", "300"))):
                while True:
                    news = [entry for entry in self.history if entry[0] > since]
                    for version, kind, place, thing in news:
                        since = version
                        if place != collection or (
                            namespace and thing["metadata"].get("namespace") != namespace
                        ):
                            continue
                        line = json.dumps({"type": kind, "object": thing}).encode() + b"\n"
                        await response.write(line[:7])  # events arrive in pieces
                        await response.write(line[7:])
                    if news:
                        mark = {"kind": "x", "metadata": {"resourceVersion": str(since)}}
                        await response.write(
                            json.dumps({"type": "BOOKMARK", "object": mark}).encode() + b"\n"
                        )
                    async with self.moved:
                        while not self.history or self.history[-1][0] <= since:
                            await self.moved.wait()
        except (TimeoutError, ConnectionError, asyncio.CancelledError):
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._watchers.discard(task)
        return response


def _flat(collection: str) -> str:
    return re.sub(r"/namespaces/[^/]+(?=/)", "", collection)


def _key(thing: dict[str, Any]) -> str:
    metadata = thing["metadata"]
    return (
        f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
    )


def _selected(thing: dict[str, Any], selector: str) -> bool:
    labels = thing["metadata"].get("labels") or {}
    return all(
        labels.get(part.partition("=")[0]) == part.partition("=")[2] for part in selector.split(",") if part
    )


def _at(thing: Any, path: str) -> Any:
    for key in path.split("/")[1:]:
        thing = thing[int(key)] if isinstance(thing, list) else thing[key]
    return thing


def _patched(thing: dict[str, Any], patch: list[dict[str, Any]]) -> dict[str, Any]:
    """JSON patch through lists: they are made objects for the time of it."""

    def opened(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: opened(v) for k, v in value.items()}
        return (
            {str(i): opened(v) for i, v in enumerate(value)} | {"": []} if isinstance(value, list) else value
        )

    def closed(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if value.get("", None) == []:
            return [closed(v) for k, v in value.items() if k]
        return {k: closed(v) for k, v in value.items()}

    done: dict[str, Any] = closed(apply(opened(thing), patch))
    return done


def _merged(thing: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    out = dict(thing) if isinstance(thing, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = _merged(out.get(key), value)
    return out
