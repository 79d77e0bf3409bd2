"""One finished exchange as the learner sees it, and the hash that stands for a source.

What is learned from is decided here (`accepted`): answers that the app gave gladly, to requests nobody
objected to.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from waf.model import Field

HOUR: Final = 3600.0


class Observation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request that has been answered.

    `path` is the raw path of the target; `fields` those of head and body as the request was judged. Sizes are
    bytes. `source` is `Sources.of(...)`. `authenticated` names how ("bearer", "cookie", "mtls" …), "" if not.
    `entities` are the sensitive entities seen in the answer or the request, `masked` the addresses of
    fields that held one: their values are never kept in clear. `flagged` says that an engine other than the
    profile objected; `violations` are the ids of constraints it went against (`Check.violations`),
    `blocked` that it never reached the app. `weight` is how many requests it stands for, where only some
    are observed; `times` how many identical ones of the same source in the same hour. `caller` is the identity of the workload that called, where mTLS tells it.
    """

    method: bytes
    path: bytes
    fields: Sequence[Field]
    source: int
    wall: float  # Unix time in seconds
    status: int
    host: str = ""
    content_type: bytes = b""
    response_type: bytes = b""
    request_size: int = 0
    response_size: int = 0
    authenticated: str = ""
    caller: str = ""
    entities: Sequence[str] = ()
    masked: frozenset[str] = frozenset()
    trusted: bool = False
    flagged: bool = False
    blocked: bool = False
    endpoint: str = ""
    violations: Sequence[str] = ()
    weight: float = 1.0
    times: float = 1.0


class Sources:
    """Hashes who sent a request, keyed so that nobody can choose the bits that they set.

    A principal is one source wherever it calls from; else a /24 of IPv4 or a /64 of IPv6 is one, so that a
    network cannot pose as a crowd.
    """

    def __init__(self, key: bytes) -> None:
        self._key: Final = key[:64]
        self._network = lru_cache(maxsize=8192)(self._of_network)

    def of(self, address: str, principal: str = "") -> int:
        """A 64-bit keyed hash. `address` is an IP address or any other name of a peer."""
        return self._hash("p:" + principal) if principal else self._network(address)

    def _of_network(self, address: str) -> int:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return self._hash("n:" + address)
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        packed = ip.packed[:3] if ip.version == 4 else ip.packed[:8]
        return self._hash(f"{ip.version}:{packed.hex()}")

    def _hash(self, text: str) -> int:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8, key=self._key)
        return int.from_bytes(digest.digest(), "big")


def accepted(observation: Observation) -> bool:
    """True if the app took the request gladly and nothing spoke against it."""
    return not observation.flagged and not observation.blocked and welcomed(observation.status)


def welcomed(status: int) -> bool:
    """True for the status of an app that took a request gladly; 101 begins a WebSocket (RFC 6455 section 4.2.2)."""
    return 200 <= status < 400 or status == 101


def media_type(value: bytes) -> str:
    """A Content-Type without its parameters, lower case; at most 80 characters."""
    return _media_type(value.partition(b";")[0][:120])


@lru_cache(maxsize=256)
def _media_type(value: bytes) -> str:
    return value.strip().lower()[:80].decode("latin-1")
