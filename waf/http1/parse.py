"""Heads: bytes to `Request` and `Response`. One reading, or a fault; no resynchronisation, no second guess.

One regular expression decides whether a head fits the grammar. It is written without ambiguity (possessive
throughout), so its time is linear. When it does not fit, `diagnose` names the rule that was broken; diagnosis
can never let a message through. What the grammar cannot say (which headers contradict each other) follows
from tables.

Pure: no sockets, no clock, no policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from waf.config.schema import Limits
from waf.errors import Fault
from waf.http1 import diagnose
from waf.http1.grammar import FIELD, LENGTH, OPTIONS, REQUEST, RESPONSE
from waf.http1.headers import (
    JOINED,
    NEVER_NOMINATED,
    REQUEST_NAMES,
    REQUEST_ONCE,
    RESPONSE_NAMES,
    RESPONSE_ONCE,
    NameTwin,
    join_doubles,
)
from waf.http1.hosts import HOSTS, BadHost, HostRule
from waf.http1.memo import Memo
from waf.http1.rules import client_fault, upstream_fault
from waf.model import Framing, HeaderLine, Headers, Request, Response

METHODS: Final = frozenset(
    {
        b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"QUERY",
        b"PROPFIND", b"PROPPATCH", b"MKCOL", b"COPY", b"MOVE", b"LOCK", b"UNLOCK", b"SEARCH", b"REPORT",
        b"MKCALENDAR", b"ACL", b"BIND", b"REBIND", b"UNBIND", b"CHECKOUT", b"MERGE", b"MKACTIVITY", b"PURGE",
        b"LINK", b"UNLINK", b"SUBSCRIBE", b"UNSUBSCRIBE", b"NOTIFY",
    }
)  # fmt: skip
"""Registered methods with a meaning for an app behind us. Not CONNECT and TRACE (they are for
proxies), nor PRI."""

RESPONSE_HEAD: Final = 64 * 1024
"""Bytes of the largest head taken from the app."""


def request_head(data: bytes, limits: Limits, hosts: HostRule | None = None) -> Request:
    """The request whose head is exactly `data`, from its first byte through its blank line.

    At most one CRLF may stand before the request line (RFC 9112 2.2). Raises ClientFault.
    """
    if len(data) > limits.head:
        raise client_fault("head-size")
    fit = REQUEST.match(data)
    if fit is None:
        raise client_fault(diagnose.request(data))
    method, target, authority, path, query, minor = fit.group(1, 2, 3, 4, 5, 6)
    start = fit.start(7)
    if method not in METHODS:
        raise client_fault("method")
    if len(data) > limits.line:
        if start - 2 > limits.line:
            raise client_fault("request-line-size")
        if diagnose.longest_line(data, start) > limits.line:
            raise client_fault("header-line-size")
    try:
        lines, index = _lines(data, start, REQUEST_NAMES, REQUEST_ONCE)
    except NameTwin:
        raise client_fault("header-twin") from None
    except _Doubled as doubled:
        raise client_fault(_DOUBLES.get(doubled.name, "header-duplicate")) from None
    if len(lines) > limits.headers:
        raise client_fault("header-count")

    version = 1 if minor == b"1" else 0
    get = index.get
    host = get(b"host")
    if host is not None:
        try:
            host = HOSTS[host]
        except BadHost:
            raise client_fault("host-syntax") from None
    elif version:
        raise client_fault("host-missing")

    if target[:1] != b"/":
        if target == b"*":
            if method != b"OPTIONS":
                raise client_fault("target-asterisk")
            path = target
        else:
            if authority is None:
                raise client_fault("target-form")
            try:
                named = HOSTS[authority]
            except BadHost:
                raise client_fault("target-form") from None
            if host is None:
                host = named
            elif named != host:
                raise client_fault("target-authority")
            if path:
                target = path if query is None else path + b"?" + query
            elif query is None and method == b"OPTIONS":
                target = path = b"*"
            else:
                path = b"/"
                target = path if query is None else b"/?" + query
    if hosts is not None and (host is None or not hosts.allows(host)):
        raise client_fault("host-not-allowed")

    framing, length = _framing(index, version, client_fault)
    if length > limits.body:
        raise client_fault("body-size")

    keep_alive = version == 1
    upgrade = None
    connection = get(b"connection")
    if connection is not None:
        options = _OPTIONS[connection]
        if options is None:
            raise client_fault("connection-option")
        if not NEVER_NOMINATED.isdisjoint(options) or any(o.startswith(b"x-forwarded-") for o in options):
            raise client_fault("connection-nominates")
        keep_alive = b"close" not in options and (version == 1 or b"keep-alive" in options)
    else:
        options = frozenset()
    wanted = get(b"upgrade")
    if wanted is not None and wanted.lower() == b"websocket":
        # Half a handshake is one that two servers take differently: refused, not repaired.
        if method != b"GET" or version == 0 or b"upgrade" not in options or framing is not Framing.NONE:
            raise client_fault("upgrade")
        upgrade = b"websocket"
    elif wanted is not None and framing is not Framing.NONE:
        raise client_fault("upgrade")
    expect = get(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise client_fault("expect")
    return Request(
        method, target, path, query, version, Headers(tuple(lines), index), host or b"", framing, length,
        keep_alive, expect is not None and version == 1 and framing is not Framing.NONE, upgrade,
    )  # fmt: skip


def response_head(data: bytes, limits: Limits, method: bytes) -> Response:
    """The response whose head is exactly `data`; `method` is that of the request which it answers.

    `framing` already knows that HEAD, 1xx, 204 and 304 have no body. Raises UpstreamFault, status 502.
    """
    if len(data) > RESPONSE_HEAD:
        raise upstream_fault("head-size")
    fit = RESPONSE.match(data)
    if fit is None:
        raise upstream_fault(diagnose.response(data))
    minor, code, reason = fit.group(1, 2, 3)
    try:
        lines, index = _lines(data, fit.start(4), RESPONSE_NAMES, RESPONSE_ONCE)
    except _Doubled as doubled:
        raise upstream_fault(_DOUBLES.get(doubled.name, "header-duplicate")) from None
    if len(lines) > limits.headers:
        raise upstream_fault("header-count")
    version = 1 if minor == b"1" else 0
    status = int(code)
    framing, length = _framing(index, version, upstream_fault)
    if status < 200 or status == 204:
        if framing is Framing.CHUNKED or length:
            raise upstream_fault("framed-bodiless")
        framing = Framing.NONE
    elif status == 304 or method == b"HEAD":
        framing, length = Framing.NONE, 0
    elif framing is Framing.NONE:
        framing = Framing.UNTIL_CLOSE
    options = _OPTIONS[index.get(b"connection", b"")]
    if options is None:
        raise upstream_fault("connection-option")
    keep_alive = (
        framing is not Framing.UNTIL_CLOSE
        and b"close" not in options
        and (version == 1 or b"keep-alive" in options)
    )
    return Response(status, reason or b"", version, Headers(tuple(lines), index), framing, length, keep_alive)


_DOUBLES: Final = {
    b"host": "host-duplicate",
    b"content-length": "content-length-duplicate",
    b"transfer-encoding": "transfer-encoding-duplicate",
}


class _Doubled(Exception):
    def __init__(self, name: bytes) -> None:
        self.name = name


def _lines(
    data: bytes, start: int, names: Memo[bytes], once: frozenset[bytes]
) -> tuple[list[HeaderLine], dict[bytes, bytes]]:
    """The header lines from `start` and their index, doubles joined or refused."""
    lines = [(names[name], name, value) for name, value in FIELD.findall(data, start)]
    if b" \r" in data or b"\t\r" in data:
        lines = [(lower, name, value.rstrip(b"\t ")) for lower, name, value in lines]
    index = {lower: value for lower, _, value in lines}
    if len(index) != len(lines):
        seen: set[bytes] = set()
        joins = False
        for lower, _, _ in lines:
            if lower in seen:
                if lower in once:
                    raise _Doubled(lower)
                joins = joins or lower in JOINED
            seen.add(lower)
        if joins:
            lines = join_doubles(lines)
            index = {lower: value for lower, _, value in lines}
    return lines, index


def _framing(index: dict[bytes, bytes], version: int, fault: Callable[[str], Fault]) -> tuple[Framing, int]:
    """RFC 9112 section 6.3, without its leniencies."""
    length = index.get(b"content-length")
    coding = index.get(b"transfer-encoding")
    if coding is not None:
        if length is not None:
            raise fault("te-with-cl")
        if not version:
            raise fault("te-in-1.0")
        if coding.lower() != b"chunked":
            raise fault("transfer-encoding")
        return Framing.CHUNKED, 0
    if length is None:
        return Framing.NONE, 0
    if LENGTH.match(length) is None:
        raise fault("content-length")
    return Framing.LENGTH, int(length)


def _split_options(value: bytes) -> frozenset[bytes] | None:
    """The Connection header's options in lower case; None where it is no list of tokens."""
    if OPTIONS.match(value) is None:
        return None
    return frozenset(value.lower().replace(b",", b" ").split())


_OPTIONS: Final = Memo(_split_options, capacity=256, longest=64)
