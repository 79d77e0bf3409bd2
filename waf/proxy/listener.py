"""Where clients come in: listening sockets, TLS, and the renewal of certificates.

Owns no connection: what is accepted and fits the limits becomes a `ClientStream`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import stat
from typing import TYPE_CHECKING, Final, cast

from waf.config.address import Endpoint, parse_endpoint
from waf.config.schema import Listen, Tls
from waf.errors import ConfigError, Problem
from waf.proxy.downstream import ClientStream, peer_of

if TYPE_CHECKING:
    from waf.proxy.commons import Commons

HANDSHAKE_SECONDS: Final = 10.0
GOODBYE_SECONDS: Final = 5.0
"""How long a TLS peer may take to say goodbye before its connection is cut."""


class Listener:
    """`open` binds and accepts, `close` stops accepting; connections that exist are not touched by either."""

    def __init__(self, listen: Listen, commons: Commons) -> None:
        self._listen: Final = listen
        self._commons: Final = commons
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.AbstractServer] = []
        self._handshakes: set[asyncio.Task[None]] = set()
        self._bound: tuple[int, int] | None = None  # device and inode of the Unix socket that is ours
        self.context: ssl.SSLContext | None = None

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where it listens; with the port that it got where 0 was asked for."""
        found = []
        for sock in self._sockets:
            name = sock.getsockname()
            found.append(Endpoint(name[0], name[1]) if isinstance(name, tuple) else Endpoint(path=str(name)))
        return found

    async def open(self, reuse_port: bool = False) -> None:
        """Raises OSError where an address cannot be had, ConfigError where the certificate cannot be used."""
        if self._listen.tls is not None:
            self.context = tls_context(self._listen.tls)
        endpoint = parse_endpoint(self._listen.address)
        loop = self._commons.loop
        if endpoint.path:
            self._sockets = [_unix_socket(endpoint.path)]
            status = os.stat(endpoint.path)
            self._bound = (status.st_dev, status.st_ino)
        else:
            self._sockets = await _tcp_sockets(endpoint, reuse_port, loop)
        for sock in self._sockets:
            serve = loop.create_unix_server if endpoint.path else loop.create_server
            self._servers.append(await serve(self._entrant, sock=sock, backlog=self._listen.backlog))

    def renew(self) -> None:
        """Read certificate and key again; handshakes from now on use them. Raises ConfigError, keeping the
        old."""
        if self._listen.tls is not None:
            self.context = tls_context(self._listen.tls)
            self._commons.stats.tls_reloads += 1

    def close(self) -> None:
        """Accept no more."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()
        for task in list(self._handshakes):
            task.cancel()
        if self._bound is not None:
            path = parse_endpoint(self._listen.address).path
            with contextlib.suppress(OSError):
                status = os.stat(path)
                if (status.st_dev, status.st_ino) == self._bound:
                    os.unlink(path)
            self._bound = None

    def _entrant(self) -> asyncio.BaseProtocol:
        return ClientStream(self._commons) if self.context is None else _Entrant(self)

    def shake_hands(self, transport: asyncio.Transport, entrant: _Entrant, address: str) -> None:
        """Begin TLS on an accepted connection, which is counted under `address`."""
        task = self._commons.loop.create_task(self._handshake(transport, entrant, address))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _handshake(self, transport: asyncio.Transport, entrant: _Entrant, address: str) -> None:
        commons = self._commons
        client = ClientStream(commons, secure=True)
        assert self.context is not None
        try:
            secured = await commons.loop.start_tls(
                transport, entrant, self.context, server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS, ssl_shutdown_timeout=GOODBYE_SECONDS,
            )  # fmt: skip
        except (OSError, asyncio.CancelledError):  # ssl.SSLError is an OSError
            secured = None
        if secured is None:
            commons.door.leave(address)
            transport.abort()
            return
        secured.set_protocol(client)
        client.connection_made(secured)


class _Entrant(asyncio.Protocol):
    """An accepted connection before its TLS handshake."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        accepted = cast(asyncio.Transport, transport)
        address = peer_of(accepted, True).address
        if not self._listener._commons.door.enter(address):
            accepted.abort()
            return
        accepted.pause_reading()  # until TLS reads
        self._listener.shake_hands(accepted, self, address)


def tls_context(tls: Tls) -> ssl.SSLContext:
    """A context for the listener: TLS 1.2 at least, HTTP/1.1 only. Raises ConfigError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ValueError) as error:
        problem = Problem(
            tls.certificate, 0, "listen.tls", f"certificate or key cannot be used: {_reason(error)}",
            "both must be PEM files and belong together",
        )  # fmt: skip
        raise ConfigError([problem]) from None
    if tls.client_ca is not None:
        try:
            context.load_verify_locations(tls.client_ca)
        except (OSError, ValueError) as error:
            problem = Problem(
                tls.client_ca, 0, "listen.tls.client_ca", f"the CA cannot be used: {_reason(error)}",
                "it must be a PEM file",
            )  # fmt: skip
            raise ConfigError([problem]) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)


async def _tcp_sockets(
    endpoint: Endpoint, reuse_port: bool, loop: asyncio.AbstractEventLoop
) -> list[socket.socket]:
    found = await loop.getaddrinfo(
        endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            if sockets and endpoint.port == 0:
                break  # one port, not a different one for each family
            sock = socket.socket(family, kind, protocol)
            sockets.append(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if reuse_port:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:  # "[::]" takes IPv4 too
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
            sock.bind(address)
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


def _unix_socket(path: str) -> socket.socket:
    """Bound to `path`; a socket that nobody listens on any more is replaced."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(1.0)
                try:
                    probe.connect(path)
                except ConnectionRefusedError:
                    os.unlink(path)
        sock.setblocking(False)
        sock.bind(path)
    except OSError:
        sock.close()
        raise
    return sock
