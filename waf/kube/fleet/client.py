"""The sidecar's half: push what was learned, pull what all have learned. Never on the path of a request.

Every failure is a FleetError and means the same: keep what you have and try later; `retry_after` says when. The
token is read anew for every call, since the kubelet replaces it; the authority's bundle whenever its file changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from waf.kube.fleet.terms import (
    MAX_DELTA,
    MAX_STATE,
    MODE_HEADER,
    SEQUENCE_HEADER,
    WORKLOAD_HEADER,
    Place,
    Push,
    Receipt,
    Report,
)
from waf.kube.sidecar import TOKEN_PATH

CA_PATH: Final = TOKEN_PATH.replace("/token", "/ca.crt")
_TIMEOUT: Final = 10.0
_HOPS: Final = 3
_NOTHING: Final = Report()


class FleetError(Exception):
    """The fleet could not be asked. `refused`: the same request will never be taken.

    `retry_after` is how many seconds the other side asks to be left alone; 0 where it says nothing.
    """

    def __init__(self, message: str, retry_after: float = 0.0, *, refused: bool = False) -> None:
        super().__init__(message)
        self.retry_after: Final = retry_after
        self.refused: Final = refused


class Pulled(msgspec.Struct, frozen=True):
    """A profile as the aggregator compiled it: bytes for the engine, its version, and the mode people set."""

    profile: bytes  # b"" where one has this version already
    version: str
    mode: str  # "" where nobody set one


class FleetClient:
    """`address` is host:port of the fleet's Service. One per process; `await close()` at the end."""

    def __init__(
        self,
        address: str,
        workload: str,
        *,
        token_file: Path = Path(TOKEN_PATH),
        ca_file: Path = Path(CA_PATH),
        scheme: str = "https",
        timeout: float = _TIMEOUT,
    ) -> None:
        self._address = address
        self._host = address.rpartition(":")[0]
        self._workload = workload
        self._token_file = token_file
        self._ca_file = ca_file
        self._scheme = scheme
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._leader = ""
        self._ca = b""
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def key(self) -> bytes:
        """32 bytes for hashes of sources and values, the same for all replicas of the workload."""
        _, _, body = await self._ask("GET", "/v1/key")
        if len(body) != 32:
            raise FleetError("the fleet gave no key")
        return body

    async def push(self, delta: bytes, place: Place, report: Report = _NOTHING) -> Receipt:
        """Hand over one delta, or with number 0 none: only how this replica is.

        Keep each delta until a receipt's `stored` has reached its number. Where `taken` has not reached it, push from
        `taken` on, in order: a delta counts once however often it comes, so nothing is lost with an aggregator.
        Raises FleetError; where it says `refused`, the delta is not worth keeping.
        """
        if len(delta) > MAX_DELTA:
            raise FleetError("the delta is too long", refused=True)
        data = msgspec.msgpack.encode(Push(report, delta))
        _, _, body = await self._ask("POST", "/v1/delta", data, {SEQUENCE_HEADER: str(place)}, leader=True)
        try:
            receipt = msgspec.json.decode(body, type=Receipt)
        except msgspec.DecodeError:
            raise FleetError("the fleet's answer cannot be read") from None
        return receipt

    async def pull(self, have: str = "") -> Pulled | None:
        """The profile in force, without its bytes where it is the version we `have`; None for none yet.

        Raises FleetError.
        """
        headers = {"If-None-Match": f'"{have}"'} if have else {}
        status, told, body = await self._ask("GET", "/v1/profile", None, headers)
        if status == 204:
            return None
        return Pulled(body, told.get("ETag", "").strip('"'), told.get(MODE_HEADER, ""))

    async def _ask(
        self, method: str, path: str, data: bytes | None = None, headers: dict[str, str] | None = None, *,
        leader: bool = False,
    ) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
        for _ in range(_HOPS):
            where = self._leader if leader and self._leader else self._address
            try:
                status, told, body = await self._once(method, where, path, data, headers or {})
            except FleetError:
                self._leader = ""
                raise
            if status != 421:
                return status, told, body
            self._leader = _leader_in(body)
            if not self._leader:
                break
        self._leader = ""
        raise FleetError("nobody leads the fleet just now", retry_after=5.0)

    async def _once(
        self, method: str, where: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        try:
            token = self._token_file.read_text().strip()
            session = await self._open()
            async with session.request(
                method,
                f"{self._scheme}://{where}{path}",
                data=data,
                headers={**headers, WORKLOAD_HEADER: self._workload, "Authorization": f"Bearer {token}"},
                server_hostname=self._host if self._scheme == "https" else None,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(MAX_STATE + 1)
                while len(body) <= MAX_STATE and not response.content.at_eof():
                    body += await response.content.read(MAX_STATE + 1 - len(body))
                told = {
                    name: response.headers[name] for name in ("ETag", MODE_HEADER) if name in response.headers
                }
                if len(body) > MAX_STATE:
                    raise FleetError("the fleet's answer is too long")
                if response.status in (200, 204, 304, 421):
                    return response.status, told, body
                after = response.headers.get("Retry-After", "")
                raise FleetError(
                    f"the fleet answered {response.status}",
                    float(after) if after.isdigit() and len(after) < 5 else 0.0,
                    refused=response.status in (400, 413),
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise FleetError(f"the fleet cannot be reached: {type(error).__name__}") from None

    async def _open(self) -> aiohttp.ClientSession:
        """The session; a new one where the authority's bundle has changed."""
        ca = b""
        if self._scheme == "https":
            with contextlib.suppress(FileNotFoundError):
                ca = self._ca_file.read_bytes()
            if not ca:
                raise FleetError(f"{self._ca_file} is not there yet")
        if self._session is not None and ca == self._ca:
            return self._session
        await self.close()
        try:
            tls = ssl.create_default_context(cadata=ca.decode()) if ca else True
        except (ssl.SSLError, UnicodeDecodeError):
            raise FleetError(f"{self._ca_file} holds no certificates") from None
        self._ca = ca
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, limit=2), trust_env=False, auto_decompress=False
        )
        await asyncio.sleep(0)
        return self._session


def _leader_in(body: bytes) -> str:
    try:
        told = msgspec.json.decode(body, type=dict[str, str])
    except msgspec.DecodeError:
        return ""
    host, _, port = told.get("leader", "").rpartition(":")
    return told["leader"] if host and port.isdigit() else ""
