"""The server's TLS context, kept fresh: certificates from the shared Secret, or from a directory (cert-manager).

A new certificate is loaded into the living context, so the next connection gets it and nothing is restarted. The
authority's bundle is written into the webhook configurations. Decides nothing about certificates: see `certs`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from waf.kube import certs
from waf.kube.client import JSON_PATCH, ApiError, Conflict, Kube, NotFound, Object
from waf.record.log import Log

ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"
_EVERY: Final = 30.0  # seconds between two looks
_MEANWHILE: Final = (404, 409, 422)  # not installed, or changed since it was read (a failed test is 422)


class Keyring:
    """`context` is the server's; `serving` is set once it has a certificate; `ends` tells when that one ends."""

    def __init__(self, load: Callable[[], Awaitable[certs.Pair]], log: Log, every: float = _EVERY) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.serving = asyncio.Event()
        self.ends = 0.0
        self.bundle = b""
        self._load = load
        self._log = log
        self._every = every
        self._pair: certs.Pair | None = None

    async def run(self) -> None:
        """Look again and again until cancelled; what cannot be loaded leaves the former certificate in place."""
        while True:
            await self.look()
            await asyncio.sleep(self._every if self.serving.is_set() else min(self._every, 1.0))

    async def look(self) -> None:
        """Load what is to be served now."""
        try:
            pair = await self._load()
            if pair != self._pair:
                load_into(self.context, pair)
                self._pair, self.ends = pair, certs.ends(pair.certificate)
                self.serving.set()
                self._log("info", "serving a certificate", ends=int(self.ends))
        except (ApiError, OSError, ValueError) as error:
            self._log("error", "no certificate", error=str(error))


def load_into(context: ssl.SSLContext, pair: certs.Pair) -> None:
    """Load a pair of PEM texts; the key touches memory only, since OpenSSL reads files and no disk is writable."""
    handle = os.memfd_create("waf-tls", os.MFD_CLOEXEC)
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(pair.certificate + pair.key)
        context.load_cert_chain(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


def from_directory(directory: Path) -> Callable[[], Awaitable[certs.Pair]]:
    """Reads tls.crt and tls.key, as cert-manager's Secret is mounted."""

    async def load() -> certs.Pair:
        return certs.Pair((directory / "tls.crt").read_bytes(), (directory / "tls.key").read_bytes())

    return load


class SelfMade:
    """The certificates in the shared Secret `namespace/name`, renewed here, and their bundle where it is trusted.

    Whoever writes first wins; a replica whose write conflicts takes what the other wrote.
    """

    def __init__(
        self,
        kube: Kube,
        namespace: str,
        name: str,
        names: Sequence[str],
        webhooks: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kube = kube
        self._path = f"/api/v1/namespaces/{namespace}/secrets"
        self._name = name
        self._names = tuple(names)
        self._webhooks = tuple(webhooks)
        self._clock = clock
        self.state: certs.State | None = None

    async def load(self) -> certs.Pair:
        """The pair to serve now; what is due is renewed and published before it is served."""
        for _ in range(5):
            secret = await self._read()
            before = certs.from_secret(secret.get("data"))
            state = certs.renew(before, self._names, self._clock())
            if state != before:
                secret["data"] = certs.to_secret(state)
                try:
                    await self._write(secret)
                except Conflict:
                    continue
            self.state = state
            await self._publish(state.bundle(self._clock()))
            return state.server
        raise ApiError(409, "Conflict", f"secret {self._name} is written by others all the time")

    def bundle(self) -> bytes:
        """The authorities to be trusted now, PEM; b"" before the first load."""
        return self.state.bundle(self._clock()) if self.state is not None else b""

    async def _read(self) -> Object:
        with contextlib.suppress(NotFound):
            return await self._kube.get(f"{self._path}/{self._name}")
        return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {"name": self._name}}

    async def _write(self, secret: Object) -> None:
        if secret["metadata"].get("resourceVersion"):
            await self._kube.replace(f"{self._path}/{self._name}", secret)
        else:
            await self._kube.create(self._path, secret)

    async def _publish(self, bundle: bytes) -> None:
        text = base64.b64encode(bundle).decode()
        for where in self._webhooks:
            path = f"{ADMISSION}/{where}"
            try:
                patch = bundle_patch(await self._kube.get(path), text)
                if patch:
                    await self._kube.patch(path, patch, JSON_PATCH)
            except ApiError as error:
                if error.status not in _MEANWHILE:
                    raise


def bundle_patch(configuration: Object, bundle: str) -> list[dict[str, Any]]:
    """JSON patch that makes each webhook of a configuration trust `bundle` (base64 of PEM); empty if it does.

    It holds only for the version that was read, since webhooks are told apart by their place.
    """
    patch: list[dict[str, Any]] = [
        {"op": "add", "path": f"/webhooks/{number}/clientConfig/caBundle", "value": bundle}
        for number, webhook in enumerate(configuration.get("webhooks") or [])
        if (webhook.get("clientConfig") or {}).get("caBundle") != bundle
    ]
    if patch:
        version = configuration["metadata"]["resourceVersion"]
        patch.insert(0, {"op": "test", "path": "/metadata/resourceVersion", "value": version})
    return patch
