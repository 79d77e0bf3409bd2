"""The few calls to the Kubernetes API that this room needs, as plain HTTPS: no Kubernetes library.

Owns credentials, time limits, retries and what an answer means. Knows no kind of object; the paths below name them.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

Object = dict[str, Any]

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
MERGE_PATCH: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"

_ATTEMPTS: Final = 4
_TOKEN_SECONDS: Final = 60.0  # bound tokens are replaced in their file long before they end
_LONGEST_LINE: Final = 4 * 1024 * 1024  # one object of a watch; the API server stores at most about 1.5 MB
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})


class ApiError(Exception):
    """What the API server refused, or that it could not be reached (status 0)."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status: Final = status
        self.reason: Final = reason


class NotFound(ApiError):
    """404."""


class Conflict(ApiError):
    """409: somebody else wrote meanwhile, or it is there already."""


class Gone(ApiError):
    """410: what was asked of the past is no longer kept; list anew."""


_KINDS: Final[dict[int, type[ApiError]]] = {404: NotFound, 409: Conflict, 410: Gone}


def error_of(status: int, body: bytes | Object) -> ApiError:
    """The error that a Status object (or whatever was answered in its place) tells."""
    if isinstance(body, bytes):
        try:
            body = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError):
            body = {}
    told = body if isinstance(body, dict) else {}
    reason, message = str(told.get("reason", "")), str(told.get("message", ""))[:1000]
    return _KINDS.get(status, ApiError)(status, reason, message)


class Kube:
    """A client of one API server. `await close()` at the end."""

    def __init__(
        self,
        base: str,
        *,
        token_file: Path | None = None,
        tls: ssl.SSLContext | None = None,
        timeout: float = 10.0,
        pause: float = 0.2,
    ) -> None:
        self._base = base.rstrip("/")
        self._token_file = token_file
        self._token: tuple[float, str] = (float("-inf"), "")
        self._timeout = timeout
        self._pause = pause
        connector = aiohttp.TCPConnector(ssl=tls if tls is not None else True, limit=20)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=True, trust_env=False)

    @classmethod
    def in_cluster(cls, environ: Mapping[str, str] = os.environ, account: Path = ACCOUNT) -> Kube:
        """The client of the cluster that this pod is in. Raises OSError where it is in none."""
        host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise OSError("KUBERNETES_SERVICE_HOST is not set: this is no pod of a cluster")
        host = f"[{host}]" if ":" in host else host
        tls = ssl.create_default_context(cafile=str(account / "ca.crt"))
        return cls(f"https://{host}:{port}", token_file=account / "token", tls=tls)

    async def close(self) -> None:
        await self._session.close()

    async def get(self, path: str, **query: str) -> Object:
        return await self._call("GET", path, query=query, again=True)

    async def create(self, path: str, thing: Object) -> Object:
        return await self._call("POST", path, thing)

    async def replace(self, path: str, thing: Object) -> Object:
        """PUT; with metadata.resourceVersion set a change by somebody else is a Conflict, so it may be repeated."""
        return await self._call("PUT", path, thing, again=bool(thing["metadata"].get("resourceVersion")))

    async def patch(self, path: str, patch: Any, kind: str = MERGE_PATCH) -> Object:
        return await self._call("PATCH", path, patch, kind=kind, again=kind == MERGE_PATCH)

    async def delete(self, path: str) -> None:
        await self._call("DELETE", path, again=True)

    async def version(self) -> tuple[int, int]:
        """(major, minor) of the API server; managed clusters write "31+"."""
        told = await self.get("/version")
        digits = ["".join(c for c in str(told.get(k, "")) if c.isdigit()) for k in ("major", "minor")]
        if not all(digits):
            raise ApiError(200, "BadVersion", "the server does not tell its version")
        return int(digits[0]), int(digits[1])

    async def watch(
        self, path: str, since: str, seconds: int = 300, query: Mapping[str, str] | None = None
    ) -> AsyncIterator[Object]:
        """Events after the resourceVersion `since`; ends when the server ends it. Raises ApiError, Gone."""
        asked = {**(query or {}), "watch": "1", "resourceVersion": since, "allowWatchBookmarks": "true"}
        asked["timeoutSeconds"] = str(seconds)
        # A connection that died without a word is noticed by the total, not by the kernel's two hours.
        limit = aiohttp.ClientTimeout(total=seconds + 30, sock_connect=self._timeout)
        try:
            async with self._session.get(
                self._base + path, params=asked, headers=self._headers(), timeout=limit
            ) as response:
                if response.status != 200:
                    raise error_of(response.status, await response.read())
                rest = b""
                async for data in response.content.iter_any():
                    *lines, rest = (rest + data).split(b"\n")
                    if len(rest) > _LONGEST_LINE:
                        raise ApiError(0, "TooLong", "an event of the watch is too long")
                    for line in lines:
                        if line.strip():
                            yield _event(line)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ApiError(0, "Unreachable", type(error).__name__) from None

    async def _call(
        self,
        method: str,
        path: str,
        thing: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        kind: str = "application/json",
        again: bool = False,
    ) -> Object:
        data = None if thing is None else msgspec.json.encode(thing)
        headers = {} if data is None else {"Content-Type": kind}
        limit = aiohttp.ClientTimeout(total=self._timeout)
        attempt = 0
        while True:
            attempt += 1
            wait = self._pause * 2**attempt * random.uniform(0.5, 1.5)
            try:
                async with self._session.request(
                    method,
                    self._base + path,
                    params=query,
                    data=data,
                    headers=headers | self._headers(),
                    timeout=limit,
                    allow_redirects=False,
                ) as response:
                    body = await response.read()
                    if 200 <= response.status < 300:
                        return _decoded(body)
                    error = error_of(response.status, body)
                    after = response.headers.get("Retry-After", "")
                    if after.isdigit():
                        wait = max(wait, min(int(after), 30))
                    if response.status == 401:
                        self._token = (float("-inf"), "")
            except (aiohttp.ClientError, TimeoutError) as cause:
                error = ApiError(0, "Unreachable", type(cause).__name__)
            # 429 says that nothing was done, so even a POST may be repeated.
            repeat = error.status == 429 or (again and (error.status == 0 or error.status in _AGAIN))
            if not repeat or attempt >= _ATTEMPTS:
                raise error
            await asyncio.sleep(wait)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "waf-sidecar"}
        if self._token_file is not None:
            read, token = self._token
            if time.monotonic() - read > _TOKEN_SECONDS:
                try:
                    token = self._token_file.read_text().strip()
                except OSError as error:
                    raise ApiError(0, "NoToken", str(error)) from None
                self._token = (time.monotonic(), token)
            headers["Authorization"] = f"Bearer {token}"
        return headers


def _decoded(body: bytes) -> Object:
    try:
        thing = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ApiError(0, "BadAnswer", "the answer is no JSON") from None
    if not isinstance(thing, dict):
        raise ApiError(0, "BadAnswer", "the answer is no object")
    return thing


def _event(line: bytes) -> Object:
    event = _decoded(line)
    thing = event.get("object")
    if not isinstance(thing, dict):
        raise ApiError(0, "BadAnswer", "an event without an object")
    if event.get("type") == "ERROR":
        raise error_of(int(thing.get("code", 0)), thing)
    return event
