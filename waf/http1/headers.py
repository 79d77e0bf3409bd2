"""Tables about header names: which may stand once, which are joined, which never go on, which look alike.

Names only, in lower case; knows nothing of values or of framing.
"""

from __future__ import annotations

import re
from typing import Final

HOP_BY_HOP: Final = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding",
        b"upgrade", b"content-length", b"http2-settings",
    }
)  # fmt: skip
"""Never passed on in either direction; framing and connection headers are written anew (RFC 9110 7.6.1)."""

OWN_TO_REQUESTS: Final = frozenset(
    {
        b"expect", b"proxy", b"x-request-id", b"traceparent", b"tracestate", b"x-forwarded-for", b"forwarded",
    }
)  # fmt: skip
"""Never passed on to the app as they came: answered by us, dangerous (httpoxy), or written anew."""

CLIENT_CLAIMS: Final = frozenset(
    {
        b"forwarded", b"x-real-ip", b"x-client-ip", b"x-cluster-client-ip", b"true-client-ip", b"client-ip",
        b"cf-connecting-ip", b"fastly-client-ip", b"x-original-url", b"x-rewrite-url", b"x-original-host",
        b"x-host", b"x-forwarded", b"forwarded-for", b"x-original-forwarded-for", b"x-originating-ip",
        b"x-remote-ip", b"x-remote-addr", b"proxy-client-ip", b"wl-proxy-client-ip", b"x-azure-clientip",
        b"x-envoy-external-address", b"x-envoy-original-path", b"front-end-https", b"x-url-scheme",
    }
)  # fmt: skip
"""What only a proxy may say about a request; with all of `x-forwarded-*` dropped unless we trust the peer."""

REQUEST_ONCE: Final = frozenset(
    {
        b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"user-agent",
        b"referer", b"origin", b"expect", b"upgrade", b"range", b"content-range", b"if-range",
        b"if-modified-since", b"if-unmodified-since", b"max-forwards", b"date", b"from",
        b"proxy-authorization", b"content-location", b"content-disposition", b"content-md5",
        b"access-control-request-method", b"sec-websocket-key", b"sec-websocket-version",
        b"x-http-method-override", b"x-http-method", b"x-method-override",
        b"soapaction", b"depth", b"destination", b"overwrite", b"x-requested-with", b"x-csrf-token",
        b"x-xsrf-token", b"x-api-key", b"last-event-id", b"upgrade-insecure-requests", b"http2-settings",
    }
)  # fmt: skip
"""Servers differ in which of two they take, so a request with two of these is refused."""

RESPONSE_ONCE: Final = frozenset(
    {
        b"content-length", b"transfer-encoding", b"content-type", b"location", b"content-range",
        b"content-disposition", b"content-location", b"refresh", b"sec-websocket-accept", b"status",
    }
)  # fmt: skip
"""The same for responses; shorter, since apps repeat harmless ones (Date, Server, Vary) every day."""

JOINED: Final[dict[bytes, bytes]] = {
    b"cookie": b"; ",  # RFC 9113 8.2.3: a gateway from HTTP/2 may have split it
    b"content-encoding": b", ",
    b"content-language": b", ",
    b"connection": b", ",
    b"te": b", ",
    b"x-forwarded-for": b", ",
}
"""Lists whose several lines are made one, so that the index is exact and apps cannot choose."""

TRAILER_FORBIDDEN: Final = frozenset(
    {
        b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding",
        b"content-range", b"content-location", b"content-disposition", b"connection", b"keep-alive",
        b"proxy-connection", b"te", b"trailer", b"upgrade", b"expect", b"authorization",
        b"proxy-authorization", b"www-authenticate", b"proxy-authenticate", b"cookie", b"set-cookie",
        b"range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range",
        b"cache-control", b"max-forwards", b"pragma", b"location", b"vary", b"age", b"expires", b"date",
        b"retry-after", b"warning", b"origin", b"referer", b"user-agent", b"accept", b"http2-settings",
        b"proxy", b"status",
    }
) | CLIENT_CLAIMS  # fmt: skip
"""RFC 9110 6.5.1: framing, routing, modifiers, authentication, and how to process the content."""

NEVER_NOMINATED: Final = (
    frozenset(
        {
            b"host", b"content-length", b"transfer-encoding", b"authorization", b"proxy-authorization",
            b"cookie", b"content-type", b"content-encoding", b"expect", b"origin", b"range",
            b"cache-control", b"traceparent", b"x-request-id", b"sec-websocket-key", b"set-cookie",
            b"location", b"content-range", b"content-disposition", b"www-authenticate",
        }
    )
    | CLIENT_CLAIMS
)  # fmt: skip
"""A Connection option of this name would strip what the other side needs; so would `x-forwarded-*`."""

_KNOWN: Final = (
    REQUEST_ONCE | RESPONSE_ONCE | HOP_BY_HOP | CLIENT_CLAIMS | TRAILER_FORBIDDEN | NEVER_NOMINATED
    | {
        b"accept", b"accept-charset", b"accept-encoding", b"accept-language", b"via", b"link", b"allow",
        b"if-match", b"if-none-match", b"etag", b"server", b"last-modified", b"accept-ranges", b"proxy",
        b"cookie2", b"x-request-id", b"x-correlation-id", b"traceparent", b"tracestate", b"baggage",
        b"x-forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port",
        b"x-forwarded-prefix", b"x-forwarded-server", b"x-forwarded-scheme", b"x-forwarded-ssl",
        b"x-forwarded-user", b"remote-user", b"remote-addr", b"x-remote-user", b"x-auth-request-user",
        b"sec-websocket-protocol", b"sec-websocket-extensions", b"sec-fetch-site", b"sec-fetch-mode",
        b"sec-fetch-dest", b"sec-fetch-user", b"access-control-allow-origin", b"strict-transport-security",
        b"content-language", b"content-security-policy",
    }
)  # fmt: skip

REPEATING: Final = frozenset(
    {
        b"host", b"connection", b"user-agent", b"accept", b"accept-encoding", b"accept-language",
        b"accept-charset", b"content-type", b"cache-control", b"pragma", b"upgrade-insecure-requests",
        b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"sec-fetch-user", b"sec-ch-ua",
        b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"sec-gpc", b"dnt", b"priority", b"te", b"via",
        b"transfer-encoding", b"x-requested-with", b"x-forwarded-proto", b"x-forwarded-port",
        b"server", b"date", b"vary", b"keep-alive", b"accept-ranges", b"x-powered-by",
        b"x-content-type-options", b"x-frame-options", b"strict-transport-security",
        b"referrer-policy", b"content-encoding",
    }
)  # fmt: skip
"""Headers whose whole lines come again and again and are never secret; only these are remembered by value."""

_MAPPED: Final = re.compile(rb"[^a-z0-9]")
_KNOWN_VARIABLES: Final = frozenset(_MAPPED.sub(b"_", name) for name in _KNOWN)


def is_twin(lower: bytes) -> bool:
    """True where a server that maps names to variables (CGI, WSGI, PHP) would take it for a known header.

    They turn "-" into "_" and some of them any other character too, so `Content_Length` and `Content.Length`
    both become CONTENT_LENGTH (RFC 3875 4.1.18).
    """
    if lower in _KNOWN or lower.startswith(b"x-forwarded-"):
        return False
    variable = _MAPPED.sub(b"_", lower)
    return variable in _KNOWN_VARIABLES or variable.startswith(b"x_forwarded_")
