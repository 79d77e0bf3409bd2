"""A blob as ConfigMaps that are never seen half written.

What a version consists of is said by one index object, which names its shards by their content; shards are written
first, the index last, old shards deleted after that. Who reads the index finds all its shards, or learns that it is
out of date. The index is written with its resourceVersion, so a former leader cannot overwrite a later one's work.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import gzip
import hashlib
import zlib
from typing import Any, Final

import msgspec

from waf.kube.client import Conflict, Kube, NotFound, Object
from waf.kube.fleet.terms import MAX_STATE, Key

SHARD: Final = 700 * 1000  # bytes; a ConfigMap holds 1 MiB
LABEL: Final = "waf.sidecar/store"
_READ_AGAIN: Final = 3


class Damaged(Exception):
    """What is stored is not what was written."""


class Version(msgspec.Struct, frozen=True):
    """One stored version: blobs by name ("state", "profile"), and whatever is small enough to stand in the index."""

    blobs: dict[str, bytes]
    facts: dict[str, Any] = {}


class Blob(msgspec.Struct, frozen=True):
    shards: tuple[str, ...]  # names of ConfigMaps
    sha256: str  # of the whole


class Index(msgspec.Struct, frozen=True):
    namespace: str
    workload: str
    blobs: dict[str, Blob]
    facts: dict[str, Any] = {}


def name_of(key: Key) -> str:
    """The index's name: readable as far as names allow, and unique by hash."""
    digest = hashlib.sha256(str(key).encode()).hexdigest()[:10]
    return f"waf-profile-{digest}"


def split(blob: bytes) -> list[bytes]:
    """`blob` packed, in pieces that fit into a ConfigMap; the same bytes give the same pieces."""
    packed = gzip.compress(blob, 6, mtime=0)
    return [packed[i : i + SHARD] for i in range(0, len(packed), SHARD)]


def join(pieces: list[bytes], sha256: str) -> bytes:
    """The blob again. Raises Damaged where it is not the one with this hash, or longer than any that is written."""
    unpacker = zlib.decompressobj(31)
    try:
        blob = unpacker.decompress(b"".join(pieces), MAX_STATE + 1)
    except zlib.error as error:
        raise Damaged(str(error)) from None
    if len(blob) > MAX_STATE or hashlib.sha256(blob).hexdigest() != sha256:
        raise Damaged("the hash is another")
    return blob


class Store:
    """Versions of workloads in ConfigMaps of one namespace. Only the leader writes."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self._kube = kube
        self._collection = f"/api/v1/namespaces/{namespace}/configmaps"

    async def read(
        self, key: Key, blobs: tuple[str, ...] = ("state", "profile")
    ) -> tuple[Version, str] | None:
        """The version stored now with these blobs, and the index's resourceVersion; None where there is none.

        Raises Damaged, ApiError.
        """
        for _ in range(_READ_AGAIN):
            found = await self._index(key)
            if found is None:
                return None
            index, version = found
            try:
                out = {n: await self._blob(b) for n, b in index.blobs.items() if n in blobs}
            except NotFound:
                await asyncio.sleep(0)  # replaced while we read: the index tells anew
                continue
            return Version(out, index.facts), version
        raise Damaged("shards are missing")

    async def write(self, key: Key, new: Version, version: str) -> str:
        """Store `new` in place of the version read as `version` ("" for none); gives the new resourceVersion.

        Raises Conflict where somebody else wrote meanwhile, ApiError.
        """
        before = await self._index(key)
        if (before[1] if before else "") != version:
            raise Conflict(409, "Conflict", f"{key} was written by another")
        name, blobs = name_of(key), {}
        for what, blob in new.blobs.items():
            names = []
            for piece in split(blob):
                digest = hashlib.sha256(piece).hexdigest()[:16]
                names.append(f"{name}-{digest}")
                await self._put_shard(names[-1], name, piece)
            blobs[what] = Blob(tuple(names), hashlib.sha256(blob).hexdigest())
        index = Index(key.namespace, key.workload, blobs, new.facts)
        thing = _config_map(name, {"index": "true", "of": name}, {"index.json": msgspec.json.encode(index)})
        if version:
            thing["metadata"]["resourceVersion"] = version
            written = await self._kube.replace(f"{self._collection}/{name}", thing)
        else:
            written = await self._kube.create(self._collection, thing)
        kept = _shards_of(index)
        for old in (_shards_of(before[0]) if before else set()) - kept:
            with contextlib.suppress(NotFound):
                await self._kube.delete(f"{self._collection}/{old}")
        return str(written["metadata"]["resourceVersion"])

    async def delete(self, key: Key) -> None:
        """Forget a workload: the index first, so that nobody finds half of it. Raises ApiError."""
        name = name_of(key)
        with contextlib.suppress(NotFound):
            await self._kube.delete(f"{self._collection}/{name}")
        query = {"labelSelector": f"waf.sidecar/of={name}"}
        for thing in (await self._kube.get(self._collection, **query)).get("items") or []:
            with contextlib.suppress(NotFound):
                await self._kube.delete(f"{self._collection}/{thing['metadata']['name']}")

    async def sweep(self, before: float) -> int:
        """Delete shards made before this Unix time that no index names: a writer died. Gives how many.

        Younger ones may belong to a version whose index is just being written.
        """
        query = {"labelSelector": f"{LABEL}=shard"}
        shards = (await self._kube.get(self._collection, **query)).get("items") or []
        query = {"labelSelector": f"{LABEL}=index"}
        named: set[str] = set()
        for thing in (await self._kube.get(self._collection, **query)).get("items") or []:
            named |= _shards_of(read_index(thing))
        lost = {thing["metadata"]["name"] for thing in shards if _made(thing) < before} - named
        for name in lost:
            with contextlib.suppress(NotFound):
                await self._kube.delete(f"{self._collection}/{name}")
        return len(lost)

    async def _index(self, key: Key) -> tuple[Index, str] | None:
        try:
            thing = await self._kube.get(f"{self._collection}/{name_of(key)}")
        except NotFound:
            return None
        return read_index(thing), str(thing["metadata"]["resourceVersion"])

    async def _blob(self, blob: Blob) -> bytes:
        pieces = []
        for name in blob.shards:
            thing = await self._kube.get(f"{self._collection}/{name}")
            pieces.append(base64.b64decode((thing.get("binaryData") or {}).get("data", "")))
        return await asyncio.to_thread(join, pieces, blob.sha256)

    async def _put_shard(self, name: str, of: str, piece: bytes) -> None:
        with contextlib.suppress(Conflict):  # there already, with the same content by its name
            await self._kube.create(self._collection, _config_map(name, {"of": of}, {"data": piece}))


def _made(thing: Object) -> float:
    try:
        return datetime.datetime.fromisoformat(thing["metadata"]["creationTimestamp"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return float("inf")


def _config_map(name: str, what: dict[str, str], data: dict[str, bytes]) -> Object:
    kind = "index" if what.get("index") else "shard"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {LABEL: kind, "waf.sidecar/of": what["of"]}},
        "binaryData": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }


def read_index(thing: Object) -> Index:
    """What an index says. Raises Damaged."""
    try:
        text = base64.b64decode((thing.get("binaryData") or {})["index.json"])
        return msgspec.json.decode(text, type=Index)
    except (KeyError, ValueError, msgspec.DecodeError) as error:
        raise Damaged(f"index: {error}") from None


def _shards_of(index: Index) -> set[str]:
    return {name for blob in index.blobs.values() for name in blob.shards}
