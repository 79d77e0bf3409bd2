"""The Host header: its grammar and which hosts are served here.

Stricter than RFC 3986's reg-name, which allows `%41`, `!` and `,`: only names that every resolver, URL parser
and virtual-host table reads alike.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from waf.http1.memo import Memo

_NAME: Final = rb"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})"
_HOST: Final = re.compile(
    rb"(?=[^:]{1,255}(?::|\Z))(?P<name>"
    + _NAME
    + rb"(?:\."
    + _NAME
    + rb")*+\.?)(?::(?P<port>[1-9][0-9]{0,4}))?\Z"
)
_HOST6: Final = re.compile(rb"\[(?P<name>[0-9A-Fa-f:.]{2,45})\](?::(?P<port>[1-9][0-9]{0,4}))?\Z")
_NUMBER: Final = re.compile(rb"(?:[0-9]+|0[xX][0-9A-Fa-f]*)\Z")


def is_host(value: bytes) -> bool:
    """True for `name`, `1.2.3.4` or `[v6]`, each with an optional port 1–65535.

    A name whose last label is a number but that is no dotted quad ("127.1", "0x7f000001") is refused: URL
    parsers read it as an address (WHATWG URL, "ends in a number"), others as a name.
    """
    fit = _HOST6.match(value) or _HOST.match(value)
    if fit is None or int(fit["port"] or 1) > 65535:
        return False
    name: bytes = fit["name"]
    try:
        if value[:1] == b"[":
            ipaddress.IPv6Address(name.decode())
        elif _NUMBER.match(name.rstrip(b".").rpartition(b".")[2]):
            ipaddress.IPv4Address(name.decode())
    except ValueError:
        return False
    return True


class BadHost(Exception):
    """A value is no Host."""


def _lower_host(value: bytes) -> bytes:
    if not is_host(value):
        raise BadHost
    return value.lower()


HOSTS: Final = Memo(_lower_host, capacity=1024, longest=255)
"""Host value -> the same in lower case; raises BadHost."""


class HostRule(msgspec.Struct, frozen=True):
    """Which hosts are served here, compiled from `listen.hosts`. Values are lower-case.

    "example.com" allows that name with any port, "example.com:8443" that port only, "*.example.com" every
    name below it. A trailing dot makes no difference.
    """

    exact: frozenset[bytes]
    suffixes: tuple[bytes, ...]

    @classmethod
    def compile(cls, patterns: Iterable[str]) -> HostRule | None:
        """None for no patterns: any valid host is allowed."""
        names = [pattern.strip().lower().encode("ascii", "replace") for pattern in patterns]
        if not names:
            return None
        return cls(
            exact=frozenset(name for name in names if not name.startswith(b"*.")),
            suffixes=tuple(name[1:] for name in names if name.startswith(b"*.")),
        )

    def allows(self, host: bytes) -> bool:
        """`host` is a valid Host value in lower case."""
        name, _, _port = host.rpartition(b":") if host[-1:] != b"]" and b":" in host else (host, b"", b"")
        name = name.removesuffix(b".")
        if name in self.exact or host in self.exact:
            return True
        return bool(self.suffixes) and name.endswith(self.suffixes) and not name.startswith(b".")
