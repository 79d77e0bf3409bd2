"""Heads: bytes to `Request` and `Response`. One reading, or a fault; no resynchronisation, no second guess.

One regular expression (`grammar`) decides whether a head fits. Where it does not, `diagnose` names the rule
that was broken; diagnosis can never let a message through. What a grammar cannot say, which headers
contradict each other, follows from the tables of `headers`.

Pure: no sockets, no clock, no policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from waf.config.schema import Limits
from waf.errors import Fault
from waf.http1 import connection, diagnose
from waf.http1.fields import REQUEST_FIELDS, RESPONSE_FIELDS, FieldFault
from waf.http1.grammar import LENGTH, REQUEST, RESPONSE, WEBSOCKET_KEY
from waf.http1.hosts import HOSTS, BadHost, HostRule
from waf.http1.rules import client_fault, upstream_fault
from waf.http1.speed import HEADS, METHODS
from waf.messages import Framing, Request, Response

_METHODS: Final = frozenset(METHODS)

RESPONSE_HEAD: Final = 64 * 1024
"""Bytes of the largest head taken from the app."""

_plain_request: Final = HEADS.request if HEADS is not None else None
_plain_response: Final = HEADS.response if HEADS is not None else None

_NONE: Final = Framing.NONE
_LENGTH: Final = Framing.LENGTH
_CHUNKED: Final = Framing.CHUNKED
_UNTIL_CLOSE: Final = Framing.UNTIL_CLOSE


def request_head(data: bytes, limits: Limits, hosts: HostRule | None = None) -> Request:
    """The request whose head is exactly `data`, from its first byte through its blank line.

    What `any_request_head` gives; heads of the plain form are read in C. Raises ClientFault.
    """
    if _plain_request is not None:
        line, head = limits.line, limits.head
        request = _plain_request(data, line if line < head else head, limits.headers, limits.body)
        if request is not None:
            if hosts is not None and not hosts.allows(request.host):
                raise client_fault("host-not-allowed")
            return request
    return any_request_head(data, limits, hosts)


def any_request_head(data: bytes, limits: Limits, hosts: HostRule | None = None) -> Request:
    """The request whose head is exactly `data`, whatever its form; the reference.

    One CRLF may stand before the request line (RFC 9112 2.2). The target is kept byte for byte, but that
    several slashes at its beginning become one and that an absolute one becomes a path. `Request.host` is in
    lower case, with its port where one was given; empty only in HTTP/1.0. Raises ClientFault.
    """
    size = len(data)
    if size > limits.line or size > limits.head:
        _refuse_oversize(data, limits)
    fit = REQUEST.match(data)
    if fit is None:
        raise client_fault(diagnose.request(data))
    method, target, authority, path, query, digit, _ = fit.groups()
    if method not in _METHODS:
        raise client_fault("method")
    try:
        headers = REQUEST_FIELDS.read(data, fit.start(7))
    except FieldFault as fault:
        raise client_fault(fault.rule) from None
    if len(headers.lines) > limits.headers:
        raise client_fault("header-count")
    minor = 1 if digit == b"1" else 0
    header = headers.index.get

    named = header(b"host")
    if named is None and minor:
        raise client_fault("host-missing")
    try:
        host = HOSTS[named] if named is not None else b""
    except BadHost:
        raise client_fault("host-syntax") from None
    if target[:1] != b"/":
        if authority is not None:
            host = _authority(authority, host if named is not None else None)
        target, path = _origin_form(method, target, authority, path, query)
    if path[:2] == b"//":
        # URL parsers take what follows for an authority (RFC 3986 4.2), routers for a path.
        path = b"/" + path.lstrip(b"/")
        target = _target(path, query)
    if hosts is not None and not hosts.allows(host):
        raise client_fault("host-not-allowed")

    framing, length = _framing(header(b"content-length"), header(b"transfer-encoding"), minor, client_fault)
    if length > limits.body:
        raise client_fault("body-size")
    value = header(b"connection")
    try:
        options = connection.options[value] if value is not None else connection.NO_OPTIONS
    except connection.BadOptions as fault:
        raise client_fault(fault.rule) from None
    bodiless = framing is _NONE or (framing is _LENGTH and not length)
    upgrade = header(b"upgrade")
    if upgrade is not None:
        handshake = method == b"GET" and minor == 1 and b"upgrade" in options and _is_keyed(header)
        upgrade = _upgrade(upgrade, handshake, bodiless)
    expect = header(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise client_fault("expect")

    return Request(
        method,
        target,
        path,
        query,
        minor,
        headers,
        host,
        framing,
        length,
        minor == 1 if value is None else connection.persists(minor, options),
        expect is not None and minor == 1 and not bodiless,
        upgrade,
    )


def response_head(data: bytes, limits: Limits, method: bytes) -> Response:
    """The response whose head is exactly `data`; `method` is that of the request which it answers.

    What `any_response_head` gives; heads of the plain form are read in C. Raises UpstreamFault.
    """
    if _plain_response is not None:
        response = _plain_response(data, RESPONSE_HEAD, limits.headers, method)
        if response is not None:
            return response
    return any_response_head(data, limits, method)


def any_response_head(data: bytes, limits: Limits, method: bytes) -> Response:
    """The response whose head is exactly `data`, whatever its form; the reference.

    `framing` already knows that the answer to HEAD, 1xx, 204 and 304 have no body. Raises UpstreamFault.
    """
    if len(data) > RESPONSE_HEAD:
        raise upstream_fault("head-size")
    fit = RESPONSE.match(data)
    if fit is None:
        raise upstream_fault(diagnose.response(data))
    digit, code, reason, _ = fit.groups()
    try:
        headers = RESPONSE_FIELDS.read(data, fit.start(4))
    except FieldFault as fault:
        raise upstream_fault(fault.rule) from None
    if len(headers.lines) > limits.headers:
        raise upstream_fault("header-count")
    minor = 1 if digit == b"1" else 0
    status = int(code)
    header = headers.index.get
    framing, length = _framing(header(b"content-length"), header(b"transfer-encoding"), minor, upstream_fault)
    if status < 200 or status == 204:
        if framing is _CHUNKED or length:
            raise upstream_fault("framed-bodiless")
        framing = _NONE
    elif status == 304 or method == b"HEAD":
        framing, length = _NONE, 0
    elif framing is _NONE:
        framing = _UNTIL_CLOSE
    value = header(b"connection")
    try:
        options = connection.options[value] if value is not None else connection.NO_OPTIONS
    except connection.BadOptions as fault:
        raise upstream_fault(fault.rule) from None
    keep_alive = framing is not _UNTIL_CLOSE and connection.persists(minor, options)
    return Response(status, reason or b"", minor, headers, framing, length, keep_alive)


def _refuse_oversize(data: bytes, limits: Limits) -> None:
    """Which limit a long head breaks, if any; called only where one may be broken."""
    lines = data.removeprefix(b"\r\n").split(b"\r\n")
    if len(lines[0]) > limits.line:
        raise client_fault("request-line-size")
    if len(data) > limits.head:
        raise client_fault("head-size")
    if max(map(len, lines)) > limits.line:
        raise client_fault("header-line-size")


def _authority(authority: bytes, host: bytes | None) -> bytes:
    """The host of an absolute target; it must be the Host header's (None: HTTP/1.0 without one)."""
    try:
        named = HOSTS[authority]
    except BadHost:
        raise client_fault("target-form") from None
    if host is not None and named != host:
        raise client_fault("target-authority")
    return named


def _origin_form(
    method: bytes, target: bytes, authority: bytes | None, path: bytes, query: bytes | None
) -> tuple[bytes, bytes]:
    """(target, path) as they are forwarded, for a target that does not begin with a slash (RFC 9112 3.2)."""
    if target == b"*":
        if method != b"OPTIONS":
            raise client_fault("target-asterisk")
        return target, target
    if authority is None:
        raise client_fault("target-form")
    if not path and query is None and method == b"OPTIONS":
        return b"*", b"*"
    path = path or b"/"
    return _target(path, query), path


def _target(path: bytes, query: bytes | None) -> bytes:
    return path if query is None else b"%b?%b" % (path, query)


def _framing(
    length: bytes | None, coding: bytes | None, minor: int, fault: Callable[[str], Fault]
) -> tuple[Framing, int]:
    """RFC 9112 section 6.3, without its leniencies."""
    if coding is not None:
        if length is not None:
            raise fault("te-with-cl")
        if not minor:
            raise fault("te-in-1.0")
        if coding.lower() != b"chunked":
            raise fault("transfer-encoding")
        return _CHUNKED, 0
    if length is None:
        return _NONE, 0
    if LENGTH.match(length) is None:
        raise fault("content-length")
    return _LENGTH, int(length)


def _upgrade(wanted: bytes, handshake: bool, bodiless: bool) -> bytes | None:
    """b"websocket" for a handshake that every reader takes for one; None where the header is simply dropped.

    A half handshake is refused, not repaired, and so is an upgrade with a body: a server that switches would
    read the body as the new protocol. But for h2c, which some clients offer with every request.
    """
    protocol = wanted.lower()
    if protocol in _HARMLESS_UPGRADES:
        return None
    websocket = protocol == b"websocket"
    if not bodiless or (websocket and not handshake):
        raise client_fault("upgrade")
    return protocol if websocket else None


def _is_keyed(header: Callable[[bytes], bytes | None]) -> bool:
    """True where version and key are those of RFC 6455 4.2.1, so that only a server that means it can answer."""
    key = header(b"sec-websocket-key")
    return (
        key is not None and WEBSOCKET_KEY.match(key) is not None and header(b"sec-websocket-version") == b"13"
    )


_HARMLESS_UPGRADES: Final = frozenset({b"", b"h2c"})
