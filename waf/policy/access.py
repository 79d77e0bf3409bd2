"""Who may come, and how often: address lists and token buckets.

The buckets are the one mutable thing here and outlive a reload; they are bounded and forget the least
recently used. IPv6 clients count by /64, since a single host commands all of it (RFC 4291 section 2.5.4).
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from waf.config.schema import Access, RateLimit
from waf.model import Confidence, Engine, Finding, Request, Severity
from waf.policy.paths import CanonicalPath, template

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks:
    """A set of CIDRs; `holds` answers for an address as text, False for what is no address."""

    def __init__(self, cidrs: Sequence[str]) -> None:
        self._v4 = [
            n for c in cidrs if isinstance(n := ipaddress.ip_network(c, strict=False), ipaddress.IPv4Network)
        ]
        self._v6 = [
            n for c in cidrs if isinstance(n := ipaddress.ip_network(c, strict=False), ipaddress.IPv6Network)
        ]

    def __bool__(self) -> bool:
        return bool(self._v4 or self._v6)

    def holds(self, address: str) -> bool:
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        if isinstance(ip, ipaddress.IPv4Address):
            return any(ip in n for n in self._v4)
        return any(ip in n for n in self._v6)


def subnet_key(address: str) -> str:
    """The address a client is counted under: IPv4 as it is, IPv6 by its /64."""
    if ":" not in address:
        return address
    try:
        ip = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(ip) >> 64 << 64, 64)))


class Buckets:
    """Token buckets by key, at most `capacity` of them. `take` gives 0.0, or the seconds until a token is
    there.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._levels: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, key: tuple[str, str], rate: float, burst: int, now: float) -> float:
        tokens, then = self._levels.get(key, (float(burst), now))
        tokens = min(float(burst), tokens + max(0.0, now - then) * rate)
        wait = 0.0
        if tokens >= 1.0:
            tokens -= 1.0
        else:
            wait = (1.0 - tokens) / rate
        self._levels[key] = (tokens, now)
        self._levels.move_to_end(key)
        if len(self._levels) > self._capacity:
            self._levels.popitem(last=False)
        return wait


class Refusal(msgspec.Struct, frozen=True):
    finding: Finding
    retry_after: int = 0


class Gate:
    """Address lists and rate limits of one configuration, over buckets that outlive it."""

    def __init__(self, config: Access, buckets: Buckets) -> None:
        self._allow = Networks(config.allow)
        self._deny = Networks(config.deny)
        self._limits = [(limit, frozenset(m.encode() for m in limit.methods), template(limit.path))
                        for limit in config.rate_limits]  # fmt: skip
        self._buckets = buckets
        self.idle = not (self._deny or self._limits)
        self.needs_path = bool(self._limits)

    def check(self, client: str, request: Request, path: CanonicalPath | None, now: float) -> Refusal | None:
        if self._allow and self._allow.holds(client):
            return None
        if self._deny and self._deny.holds(client):
            return Refusal(_finding("access.denied-address", "the client's address is on the deny list"))
        for limit, methods, pattern in self._limits:
            if methods and request.method not in methods:
                continue
            if path is not None and not pattern.fullmatch(path.text):
                continue
            wait = self._buckets.take(
                (limit.name, self._key(limit, client, request)), limit.rate, limit.burst, now
            )
            if wait > 0.0:
                detail = f'over the rate limit "{limit.name}": {limit.rate:g} requests/s, burst {limit.burst}'
                return Refusal(_finding("access.rate-limit", detail), max(1, math.ceil(wait)))
        return None

    @staticmethod
    def _key(limit: RateLimit, client: str, request: Request) -> str:
        if limit.key.startswith("header."):
            value = request.headers.get(limit.key[7:].lower().encode())
            if value is not None:
                # A keyed bucket must not keep the secret that may be its key.
                return f"#{hash(value):x}"
        return subnet_key(client)


def _finding(rule: str, detail: str) -> Finding:
    return Finding(rule, "access", Engine.ACCESS, Severity.HIGH, Confidence.HIGH, detail=detail)
