"""Where clients come in: listening sockets, TLS, and the renewal of certificates.

Owns no connection: what is accepted and fits the limits becomes a `ClientStream`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
from typing import TYPE_CHECKING, Any, Final, cast

from waf.config.address import Endpoint, parse_endpoint
from waf.config.schema import Listen, Tls
from waf.errors import ConfigError, Problem
from waf.proxy.downstream import ClientStream, address_of

if TYPE_CHECKING:
    import ssl

    from waf.proxy.commons import Commons

_ACCEPTED_AT_ONCE: Final = 64
_NO_DESCRIPTOR_SECONDS: Final = 0.5

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
        self._arrivals: set[asyncio.Task[Any]] = set()
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
            if self.context is not None:
                sock.listen(self._listen.backlog)
                loop.add_reader(sock, self._accept, sock)
                continue
            serve = loop.create_unix_server if endpoint.path else loop.create_server
            self._servers.append(await serve(self._plain, sock=sock, backlog=self._listen.backlog))

    def renew(self) -> None:
        """Read certificate and key again; handshakes from now on use them. Raises ConfigError, keeping the
        old."""
        if self._listen.tls is not None:
            self.context = tls_context(self._listen.tls)
            self._commons.stats.tls_reloads += 1

    def close(self) -> None:
        """Accept no more but what the kernel has accepted already."""
        for sock in self._sockets:
            while self._accept(sock):
                pass
            if self.context is not None:
                self._commons.loop.remove_reader(sock)
        for server in self._servers:
            server.close()
        for sock in self._sockets:
            sock.close()
        self._servers.clear()
        self._sockets.clear()
        if self._bound is not None:
            path = parse_endpoint(self._listen.address).path
            with contextlib.suppress(OSError):
                status = os.stat(path)
                if (status.st_dev, status.st_ino) == self._bound:
                    os.unlink(path)
            self._bound = None

    def abandon(self) -> None:
        """End the handshakes under way."""
        for task in list(self._arrivals):
            task.cancel()

    def _plain(self) -> asyncio.Protocol:
        return cast(asyncio.Protocol, ClientStream(self._commons))

    # ------------------------------------------------------------------------------------------ by hand
    # With TLS every connection is accepted by hand, so that it counts before its handshake, and each handshake
    # uses the certificate of its day. Without, only those that wait when the listener is closed.

    def _accept(self, sock: socket.socket) -> bool:
        """Accept some; False when none waits."""
        commons = self._commons
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                accepted, name = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return False
            except OSError:  # no descriptor left: look again when some may be free
                if self.context is not None:
                    commons.loop.remove_reader(sock)
                    commons.loop.call_later(_NO_DESCRIPTOR_SECONDS, self._accept_again, sock)
                return False
            accepted.setblocking(False)
            address = address_of(name)
            if not commons.door.enter(address):
                accepted.close()
                continue
            self._welcome(accepted, address)
        return True

    def _accept_again(self, sock: socket.socket) -> None:
        if sock in self._sockets:
            self._commons.loop.add_reader(sock, self._accept, sock)

    def _welcome(self, accepted: socket.socket, address: str) -> None:
        """Make an accepted connection, counted under `address`, a client; with TLS after its handshake."""
        secure = self.context is not None
        client = ClientStream(self._commons, secure=secure, counted=address)
        task = self._commons.loop.create_task(
            self._commons.loop.connect_accepted_socket(
                lambda: cast(asyncio.Protocol, client),
                accepted,
                ssl=self.context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if secure else None,
                ssl_shutdown_timeout=GOODBYE_SECONDS if secure else None,
            )
        )
        self._arrivals.add(task)

        def arrived(task: asyncio.Task[Any]) -> None:
            self._arrivals.discard(task)
            if task.cancelled() or task.exception() is not None:
                client.uncount()
                accepted.close()

        task.add_done_callback(arrived)


def tls_context(tls: Tls) -> ssl.SSLContext:
    """A context for the listener: TLS 1.2 at least, HTTP/1.1 only. Raises ConfigError."""
    import ssl  # five megabytes that a sidecar without TLS does not hold (`waf.spared`)

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
