"""What proxies say about a request: client address, scheme, host, trace. Believed only where configured.

Values to values; knows nothing of sockets. Garbage never raises: it is not believed.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from waf.http1.hosts import is_host
from waf.model import Headers

_TRACEPARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]*)?\Z"
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies(msgspec.Struct, frozen=True):
    """Which peers are believed, and how many proxies append to X-Forwarded-For before it reaches us."""

    networks: tuple[Network, ...] = ()
    hops: int = 0

    @classmethod
    def compile(cls, cidrs: Iterable[str], hops: int) -> TrustedProxies:
        """From `listen.trusted_proxies` and `listen.trusted_hops`; ValueError for what is no CIDR."""
        return cls(tuple(ipaddress.ip_network(cidr, strict=False) for cidr in cidrs), hops)


NOBODY: Final = TrustedProxies()


def client_address(peer_address: str, headers: Headers, proxies: TrustedProxies = NOBODY) -> tuple[str, bool]:
    """(address of the client, whether the peer is a trusted proxy).

    The client is the `hops`-th entry of X-Forwarded-For counted from the right: each proxy of ours appended
    the address it saw, and what stands further left is the client's own claim. An entry that is no address,
    or a list that is too short, ends the walk at the last address that is known.
    """
    if not proxies.networks:
        return peer_address, False
    peer = _address(peer_address)
    if peer is None or not any(peer in network for network in proxies.networks):
        return peer_address, False
    entries = headers.get(b"x-forwarded-for")
    client = str(peer)
    if entries is None or not proxies.hops:
        return client, True
    for entry in entries.rsplit(b",", proxies.hops)[: -proxies.hops - 1 : -1]:
        address = _address(entry.strip(b"\t ").decode("latin-1"))
        if address is None:
            break
        client = str(address)
    return client, True


_PAIR: Final = re.compile(rb'([A-Za-z]{1,16})=("(?:[^"\\]|\\.)*"|[^";,]*)([;,]|\Z)')
MAX_IDENTITY: Final = 256  # characters; a SPIFFE ID has at most 2,048 bytes, those in use are far shorter


def client_identity(headers: Headers, proxies: TrustedProxies) -> str:
    """Whom the client's certificate names, as a *trusted* peer says in X-Forwarded-Client-Cert (Envoy); "" for nobody.

    Each proxy of ours appended the certificate it saw, so the client's is the `hops`-th from the right, as with
    addresses. Of its parts the URI (a SPIFFE ID) tells most, then a DNS name, then the subject.
    """
    text = b",".join(headers.all(b"x-forwarded-client-cert"))
    if not text:
        return ""
    elements: list[dict[bytes, bytes]] = [{}]
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            return ""  # not what a proxy of ours writes
        name, value, end = pair.groups()
        elements[-1].setdefault(name.lower(), value[1:-1] if value[:1] == b'"' else value)
        at = pair.end()
        if end == b"," and at < len(text):
            elements.append({})
    element = elements[max(0, len(elements) - max(1, proxies.hops))]
    for name in (b"uri", b"dns", b"subject"):
        if value := element.get(name, b""):
            return shown_identity(value.decode("utf-8", "replace"))
    return ""


def certificate_identity(certificate: Mapping[str, Any]) -> str:
    """The same of a certificate that was shown to us, as `ssl.SSLSocket.getpeercert` gives it."""
    names = [(kind.lower(), value) for kind, value in certificate.get("subjectAltName", ())]
    for wanted in ("uri", "dns"):
        for kind, value in names:
            if kind == wanted:
                return shown_identity(value)
    subject = [f"{name}={value}" for part in certificate.get("subject", ()) for name, value in part]
    return shown_identity(",".join(subject))


def shown_identity(text: str) -> str:
    """An identity as it may be shown; "" for what no authority would certify."""
    return text if len(text) <= MAX_IDENTITY and text.isprintable() else ""


def forwarded_scheme(headers: Headers) -> str | None:
    """What a *trusted* peer says in X-Forwarded-Proto: "http", "https", or None where it says nothing
    clear."""
    said = headers.all(b"x-forwarded-proto")
    return {b"http": "http", b"https": "https"}.get(said[0].lower()) if len(said) == 1 else None


def forwarded_host(headers: Headers) -> bytes | None:
    """What a *trusted* peer says in X-Forwarded-Host, in lower case; None where it is no single valid
    host."""
    said = headers.all(b"x-forwarded-host")
    return said[0].lower() if len(said) == 1 and is_host(said[0]) else None


def traceparent(headers: Headers) -> bytes | None:
    """The client's trace context where it is valid (W3C Trace Context, section 3.2), else None."""
    said = headers.get(b"traceparent")
    if said is None or len(headers.all(b"traceparent")) > 1:
        return None
    return said if is_traceparent(said) else None


def is_traceparent(value: bytes) -> bool:
    """Version 00 has exactly four fields; a higher one may have more. ff and all-zero ids are invalid."""
    return (
        len(value) <= 512
        and _TRACEPARENT.match(value) is not None
        and (value[:2] != b"00" or len(value) == 55)
    )


@functools.lru_cache(maxsize=4096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, with the port or brackets that some proxies add; IPv4-mapped ones as IPv4."""
    if text[:1] == "[":
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or (None if address.scope_id else address)
    return address
