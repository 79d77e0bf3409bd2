"""Addresses as configuration writes them. Owns their grammar; opens nothing and resolves nothing."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import msgspec

_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII)
_PORT = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)

LOOPBACK_NAMES: Final = frozenset({"localhost", "localhost."})


class Endpoint(msgspec.Struct, frozen=True):
    """A TCP endpoint (`host` without brackets, `port`), or a Unix socket at `path` (then `host` is "")."""

    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def loopback(self) -> bool:
        """Reachable only from this machine (in a pod: from this pod)."""
        if self.path or self.host in LOOPBACK_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """From "host:port", "[v6]:port", ":port" (every address) or "unix:/path". ValueError tells the mend."""
    if text.startswith("unix:"):
        path = text[5:]
        if not path.startswith("/") or path.endswith("/"):
            raise ValueError("write a Unix socket as unix:/path/to/socket")
        if len(path.encode()) > 107:  # sun_path of unix(7)
            raise ValueError("a Unix socket's path has at most 107 bytes")
        return Endpoint(path=path)
    host, colon, port = text.rpartition(":")
    if not colon or not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError('write host:port, such as "127.0.0.1:8080", "[::1]:8080" or "unix:/path"')
    if host == "":
        return Endpoint("0.0.0.0", int(port))
    if host.startswith("[") and host.endswith("]"):
        try:
            return Endpoint(str(ipaddress.IPv6Address(host[1:-1])), int(port))
        except ValueError:
            raise ValueError("no valid IPv6 address between the brackets") from None
    if ":" in host:
        raise ValueError(f"write an IPv6 address in brackets: [{host[:45]}]:{port}")
    return Endpoint(_host(host), int(port))


def _host(host: str) -> str:
    if re.fullmatch(r"[0-9.]+", host, re.ASCII):  # an IPv4 address or a mistake, never a name
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError("no valid IPv4 address") from None
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise ValueError("no valid host name")
    return host.lower()


def parse_upstream(text: str) -> Endpoint:
    """From "http://host:port" (port 80 if left out) or "unix:/path". ValueError says what to write."""
    if text.startswith("unix:"):
        return parse_endpoint(text)
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise ValueError('write http://host:port, such as "http://127.0.0.1:8000", or unix:/path')
    if scheme.lower() == "https":
        raise ValueError("TLS to the app is not supported: it is reached inside the pod; write http://")
    if scheme.lower() != "http":
        raise ValueError("write http://host:port or unix:/path")
    rest = rest.removesuffix("/")
    if "@" in rest:
        raise ValueError("credentials do not belong in the address of the app")
    if any(c in rest for c in "/?#"):
        raise ValueError("write host and port only: the path comes from the request")
    if (rest.startswith("[") and rest.endswith("]")) or ":" not in rest:
        rest += ":80"
    endpoint = parse_endpoint(rest)
    if rest.startswith(":"):
        raise ValueError("the host of the app is missing")
    if endpoint.port == 0:
        raise ValueError("port 0 cannot be connected to")
    return endpoint
