"""Certificates: made, renewed in the right order, shared by replicas, loaded without a restart."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kube.api_double import ApiDouble, status
from waf.kube import certs
from waf.kube.client import Kube
from waf.kube.keyring import ADMISSION, Keyring, SelfMade, bundle_patch, from_directory, load_into
from waf.record.log import Log

NAMES = ("waf-injector.waf-system.svc", "waf-injector")
NOW = 1_800_000_000.0
DAY = 86_400.0


def trusts(bundle: bytes, pair: certs.Pair, name: str = NAMES[0]) -> bool:
    """Whether a TLS client that trusts `bundle` takes a server with `pair`; over memory, the real handshake."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    load_into(server, pair)
    client.load_verify_locations(cadata=bundle.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # what later Python versions do by default
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [server.wrap_bio(up, down, server_side=True), client.wrap_bio(down, up, server_hostname=name)]
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    return ends[1].version() is not None


def fresh(now: float | None = None) -> certs.State:
    import time

    return certs.renew(None, NAMES, time.time() if now is None else now)


def test_what_is_made_is_trusted_for_its_names_only() -> None:
    state = fresh()
    assert trusts(state.ca.certificate, state.server)
    assert trusts(state.ca.certificate, state.server, NAMES[1])
    assert not trusts(state.ca.certificate, state.server, "kubernetes.default.svc")
    assert not trusts(fresh().ca.certificate, state.server)


def test_nothing_due_changes_nothing() -> None:
    state = fresh(NOW)
    assert certs.renew(state, NAMES, NOW + DAY) is state


def test_the_servers_certificate_is_renewed_in_time_and_for_other_names() -> None:
    state = fresh(NOW)
    later = certs.renew(state, NAMES, NOW + 61 * DAY)
    assert later.ca == state.ca
    assert later.server != state.server
    assert certs.ends(later.server.certificate) > certs.ends(state.server.certificate)
    assert certs.renew(state, ("other",), NOW).server != state.server


def test_a_new_authority_is_published_before_it_signs_and_the_old_one_stays_trusted() -> None:
    due = NOW + certs.CA_DAYS * DAY * 0.7
    state = certs.renew(fresh(NOW), NAMES, due - 30 * DAY)
    published = certs.renew(state, NAMES, due)
    assert published.ca == state.ca
    assert published.server == state.server
    assert published.next is not None
    assert published.next.certificate in published.bundle(due)
    assert state.ca.certificate in published.bundle(due)
    soon = certs.renew(published, NAMES, due + certs.OVERLAP - 1)
    assert soon.ca == state.ca
    signed = certs.renew(soon, NAMES, due + certs.OVERLAP)
    assert signed.ca == published.next
    assert signed.next is None
    assert {state.ca.certificate, signed.ca.certificate} == {
        part.encode() + b"-----END CERTIFICATE-----\n"
        for part in signed.bundle(due).decode().split("-----END CERTIFICATE-----\n")
        if part
    }
    ended = NOW + (certs.CA_DAYS + 1) * DAY
    assert state.ca.certificate not in signed.bundle(ended)


def test_at_every_step_of_a_rotation_the_bundle_before_trusts_the_server_after() -> None:
    """An API server may still hold the bundle of one step ago."""
    state, now = fresh(NOW), NOW
    bundles = [state.bundle(now)]
    while now < NOW + 2 * certs.CA_DAYS * DAY:
        now += 20 * DAY if state.next is None else certs.OVERLAP
        state = certs.renew(state, NAMES, now)
        signers = [part for part in (state.ca.certificate,) if part in bundles[-1]]
        assert signers, "a server's certificate whose authority was not yet published"
        bundles.append(state.bundle(now))


def test_the_secret_holds_the_state_and_damage_is_noticed() -> None:
    state = certs.renew(fresh(NOW), NAMES, NOW + certs.CA_DAYS * DAY * 0.7)
    data = certs.to_secret(state)
    assert certs.from_secret(data) == state
    other = certs.to_secret(fresh(NOW))
    broken: list[Any] = [
        None,
        {},
        {**data, "tls.key": other["tls.key"]},
        {**data, "ca.crt": "%%"},
        {**data, "ca.key": base64.b64encode(b"x").decode()},
        {k: v for k, v in data.items() if k != "ca.key"},
        {**data, "tls.crt": 7},
        {**data, "old.crt": base64.b64encode(b"nonsense").decode()},
    ]
    for each in broken:
        assert certs.from_secret(each) is None


# ------------------------------------------------------------------------------------------ keyring


def configuration(kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"name": "waf-injector"},
        "webhooks": [{"name": f"{n}.waf.sidecar", "clientConfig": {"service": {"name": "x"}}} for n in "ab"],
    }


def self_made(kube: Kube, clock: Callable[[], float]) -> SelfMade:
    webhooks = ("mutatingwebhookconfigurations/waf-injector", "validatingwebhookconfigurations/waf-injector")
    return SelfMade(kube, "waf-system", "waf-tls", NAMES, webhooks, clock)


async def test_replicas_share_one_authority_whoever_is_first(api: ApiDouble, kube: Kube) -> None:
    makers = [self_made(kube, lambda: NOW) for _ in range(5)]
    pairs = await asyncio.gather(*(maker.load() for maker in makers))
    assert len({pair.certificate for pair in pairs}) == 1
    assert "waf-system/waf-tls" in {key for _, key in api.objects}


async def test_the_bundle_is_written_into_every_webhook(api: ApiDouble, kube: Kube) -> None:
    where = f"{ADMISSION}/mutatingwebhookconfigurations"
    await api.put(where, configuration("MutatingWebhookConfiguration"))
    now = [NOW]
    maker = self_made(kube, lambda: now[0])
    await maker.load()
    assert maker.state is not None

    def bundles() -> set[bytes]:
        webhooks = api.get(where, "waf-injector")["webhooks"]
        return {base64.b64decode(w["clientConfig"]["caBundle"]) for w in webhooks}

    assert bundles() == {maker.state.ca.certificate}
    before = len(api.history)
    await maker.load()
    assert len(api.history) == before, "written though nothing changed"
    now[0] += certs.CA_DAYS * DAY * 0.7
    await maker.load()
    assert bundles() == {maker.state.bundle(now[0])}
    assert maker.state.next is not None


async def test_a_damaged_secret_is_made_anew(api: ApiDouble, kube: Kube) -> None:
    await api.put(
        "/api/v1/namespaces/waf-system/secrets", {"metadata": {"name": "waf-tls"}, "data": {"ca.crt": "x"}}
    )
    pair = await self_made(kube, lambda: NOW).load()
    assert certs.from_secret(api.get("/api/v1/namespaces/waf-system/secrets", "waf-tls")["data"]) is not None
    assert pair.certificate


def test_a_patch_of_the_bundle_holds_for_the_version_it_was_made_for() -> None:
    thing = configuration("x")
    thing["metadata"]["resourceVersion"] = "7"
    patch = bundle_patch(thing, "Zm9v")
    assert patch[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    assert [step["path"] for step in patch[1:]] == [f"/webhooks/{n}/clientConfig/caBundle" for n in (0, 1)]
    for webhook in thing["webhooks"]:
        webhook["clientConfig"]["caBundle"] = "Zm9v"
    assert bundle_patch(thing, "Zm9v") == []


async def test_a_renewed_certificate_is_served_without_a_restart(tmp_path: Path, log: Log) -> None:
    def write(pair: certs.Pair) -> None:
        (tmp_path / "tls.crt").write_bytes(pair.certificate)
        (tmp_path / "tls.key").write_bytes(pair.key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def served(port: int) -> str:
        return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))

    first, second = fresh(), fresh()
    write(first.server)
    keyring = Keyring(from_directory(tmp_path), log)
    await keyring.look()
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=keyring.context)
    port = server.sockets[0].getsockname()[1]
    assert (await served(port)).encode() == first.server.certificate
    (tmp_path / "tls.crt").write_bytes(b"half")
    await keyring.look()
    assert (await served(port)).encode() == first.server.certificate
    write(second.server)
    await keyring.look()
    assert (await served(port)).encode() == second.server.certificate
    server.close()
    await server.wait_closed()


async def test_without_the_api_server_the_former_certificate_stays(
    api: ApiDouble, kube: Kube, log: Log
) -> None:
    keyring = Keyring(self_made(kube, lambda: NOW).load, log)
    await keyring.look()
    assert keyring.serving.is_set()
    ends = keyring.ends
    api.fail = lambda request: status(403, "Forbidden")
    await keyring.look()
    assert keyring.ends == ends


@pytest.mark.parametrize("code", [404, 409, 422])
async def test_a_webhook_configuration_changed_meanwhile_is_left_for_the_next_look(
    api: ApiDouble, kube: Kube, code: int
) -> None:
    api.fail = lambda request: status(code, "x") if "webhookconfigurations" in request.path else None
    assert (await self_made(kube, lambda: NOW).load()).certificate
