"""Who may use the control API. Owns authentication, and the defence of a loopback listener against browsers.

On a loopback address everything is open to this machine unless a token is configured; elsewhere only health
and metrics are. A page in a browser on this machine is not this machine's user: it may resolve its own name
to 127.0.0.1 (DNS rebinding), or post a form here (CSRF). So Host must name the loopback, and no other origin
may ask.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

OPEN: Final = frozenset({"/healthz", "/readyz", "/metrics"})
PROBES: Final = frozenset({"/healthz", "/readyz"})

_LOOPBACK_HOST = re.compile(
    r"(?:localhost\.?|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]{1,5})?", re.I | re.ASCII
)


class Denied(msgspec.Struct, frozen=True):
    status: int
    message: str


class Guard:
    """`loopback`: the listener is reachable from this machine only. `unix`: it is a socket in the file
    system, which no browser reaches. `token` gives the current token, None for none; it may raise OSError.
    """

    def __init__(self, loopback: bool, unix: bool, token: Callable[[], str | None]) -> None:
        self._loopback = loopback
        self._unix = unix
        self._token = token

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> Denied | None:
        """None where the request may go on. Names of headers are in lower case."""
        if path in PROBES:
            return None
        denied = self._from_browser(method, headers)
        if denied is not None or path in OPEN:
            return denied
        try:
            token = self._token()
        except OSError:
            return Denied(503, "the control token cannot be read")
        if token is None:
            if self._loopback:
                return None
            return Denied(403, "set control.token_file or the token's variable to use the API from elsewhere")
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not _equal(given.strip(), token):
            return Denied(401, "a bearer token is needed")
        return None

    def _from_browser(self, method: str, headers: Mapping[str, str]) -> Denied | None:
        if self._loopback and not self._unix and not _LOOPBACK_HOST.fullmatch(headers.get("host", "")):
            return Denied(421, "Host must name the loopback address")  # RFC 9110 section 15.5.20
        if method in ("GET", "HEAD"):
            return None
        site = headers.get("sec-fetch-site", "none")
        origin = headers.get("origin")
        if site not in ("none", "same-origin"):
            return Denied(403, "requests of other sites are refused")
        if origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower():
            return Denied(403, "requests of other origins are refused")
        return None


def _equal(given: str, token: str) -> bool:
    """In constant time, length included: digests are compared."""
    return hmac.compare_digest(
        hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest(),
        hashlib.sha256(token.encode()).digest(),
    )
