"""TLS on the listener, and certificates that are renewed while connections are open."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.e2e.proxy_rig import GET, Rig, on_uvloop, until
from tests.loopback import HOST
from waf.config.schema import Limits, Listen, Tls
from waf.errors import ConfigError

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is missing")


def certify(folder: Path, name: str) -> None:
    """A self-signed certificate for `name`, as server.pem and server.key."""
    command = [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", folder / "server.key", "-out", folder / "server.pem", "-days", "2", "-subj", f"/CN={name}",
        "-addext", f"subjectAltName=DNS:{name}",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)


def listen(folder: Path, **more: str) -> Listen:
    tls = Tls(certificate=str(folder / "server.pem"), key=str(folder / "server.key"), **more)
    return Listen(address=f"{HOST}:0", tls=tls)


def trusting(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "server.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


@on_uvloop
async def test_requests_over_tls_and_a_renewed_certificate(tmp_path: Path) -> None:
    certify(tmp_path, "one.example")
    async with Rig(listen=listen(tmp_path)) as rig:
        old = await rig.connect(ssl=trusting(tmp_path), server_hostname="one.example")
        await old.send(GET)
        assert (await old.response())[2] == b"hello"
        assert (await rig.recorded(1))[0].peer.scheme == "https"
        assert old.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"

        certify(tmp_path, "two.example")
        rig.server.reload_tls()
        new = await rig.connect(ssl=trusting(tmp_path), server_hostname="two.example")
        await new.send(GET)
        assert (await new.response())[2] == b"hello"
        await old.send(GET)  # the old connection lives on
        assert (await old.response())[2] == b"hello"

        (tmp_path / "server.key").write_text("rubbish")
        with pytest.raises(ConfigError, match="belong together"):
            rig.server.reload_tls()
        with pytest.raises(ssl.SSLCertVerificationError):  # the good certificate is still in use
            await rig.connect(ssl=trusting(tmp_path), server_hostname="one.example")
        for client in (old, new):
            client.close()
            await client.writer.wait_closed()


@on_uvloop
async def test_plain_http_on_the_tls_port_and_silence_leave_nothing_behind(tmp_path: Path) -> None:
    certify(tmp_path, "one.example")
    async with Rig(listen=listen(tmp_path)) as rig:
        plain = await rig.connect()
        await plain.send(GET)
        await plain.rest()
        silent = await rig.connect()
        await until(lambda: rig.server.gauges["connections_open"] == 1)
        silent.reset()
        await until(lambda: rig.server.gauges["connections_open"] == 0)
        assert rig.records == []


@on_uvloop
async def test_handshakes_count_as_connections(tmp_path: Path) -> None:
    certify(tmp_path, "one.example")
    async with Rig(listen=listen(tmp_path), limits=Limits(connections=2)) as rig:
        await rig.connect()
        await rig.connect()
        await until(lambda: rig.server.gauges["connections_open"] == 2)
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await rig.connect(ssl=trusting(tmp_path), server_hostname="one.example")
        assert rig.server.stats.connections_refused == 1


@on_uvloop
async def test_clients_may_have_to_show_a_certificate(tmp_path: Path) -> None:
    certify(tmp_path, "one.example")
    async with Rig(listen=listen(tmp_path, client_ca=str(tmp_path / "server.pem"))) as rig:
        stranger = await rig.connect(ssl=trusting(tmp_path), server_hostname="one.example")
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await stranger.reader.readexactly(1)
        known = trusting(tmp_path)
        known.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
        friend = await rig.connect(ssl=known, server_hostname="one.example")
        await friend.send(GET)
        assert (await friend.response())[0] == 200
        await until(lambda: len(rig.records) == 1)
        assert rig.records[0].peer.identity == "one.example"


@on_uvloop
async def test_a_large_answer_over_tls(tmp_path: Path) -> None:
    certify(tmp_path, "one.example")
    body = bytes(range(256)) * 40_000

    async def app(line) -> None:
        await line.request()
        await line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await line.reader.read()

    async with Rig(app, listen=listen(tmp_path)) as rig:
        client = await rig.connect(ssl=trusting(tmp_path), server_hostname="one.example")
        await client.send(GET)
        await asyncio.sleep(0.1)
        assert (await client.response())[2] == body
        client.close()
        await client.writer.wait_closed()


def test_a_missing_certificate_is_a_located_problem(tmp_path: Path) -> None:
    from waf.proxy.listener import tls_context

    with pytest.raises(ConfigError) as caught:
        tls_context(Tls(certificate=str(tmp_path / "none.pem"), key=str(tmp_path / "none.key")))
    [problem] = caught.value.problems
    assert problem.path == "listen.tls"
    assert problem.mend
