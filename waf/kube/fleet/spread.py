"""ConfigMaps that every opted-in namespace gets a copy of: the fleet's authority, and the cluster's default layer.

A pod can mount only what is in its own namespace. Copies carry our label; what has the name without the label belongs
to somebody else and is left alone. Done by the leader, again and again, so that an edited copy is put right.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from waf.kube.client import ApiError, Conflict, Kube, NotFound, Object
from waf.kube.pods import SYSTEM_NAMESPACES
from waf.kube.settings import LABEL_INJECT
from waf.record.log import Log

LABEL_COPY: Final = "waf.sidecar/copy"
CLUSTER_CONFIG: Final = "waf-cluster"


def wanting(namespaces: Mapping[str, Mapping[str, Any]], own: str) -> list[str]:
    """The namespaces that get copies: opted in, not the cluster's, not ours."""
    return sorted(
        name
        for name, metadata in namespaces.items()
        if (metadata.get("labels") or {}).get(LABEL_INJECT) == "true"
        and name not in SYSTEM_NAMESPACES
        and name != own
    )


async def spread(
    kube: Kube, namespaces: Iterable[str], copies: Mapping[str, Mapping[str, str]], log: Log
) -> int:
    """Make each of `copies` (name to data) so in each namespace; gives how many were written."""
    written = 0
    for namespace in namespaces:
        for name, data in copies.items():
            try:
                written += await _copy(kube, namespace, name, dict(data))
            except ApiError as error:
                log("warning", "no copy was written", namespace=namespace, name=name, error=str(error))
    return written


async def _copy(kube: Kube, namespace: str, name: str, data: dict[str, str]) -> bool:
    collection = f"/api/v1/namespaces/{namespace}/configmaps"
    thing: Object
    try:
        thing = await kube.get(f"{collection}/{name}")
    except NotFound:
        metadata = {"name": name, "labels": {LABEL_COPY: "true"}}
        with contextlib.suppress(Conflict):
            await kube.create(
                collection, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            )
            return True
        return False
    if (thing["metadata"].get("labels") or {}).get(LABEL_COPY) != "true" or thing.get("data") == data:
        return False
    with contextlib.suppress(Conflict):
        await kube.replace(f"{collection}/{name}", {**thing, "data": data})
        return True
    return False
