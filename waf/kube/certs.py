"""Certificates of our own making: what is kept, when it is renewed, and in what order, as functions of values.

A certificate authority of our own signs the server's certificate. All of it is in one Secret that the replicas share.
Renewing the authority takes two steps, so that no API server ever meets a certificate it does not know yet: first the
next authority is published beside the present one (the bundle holds both), and only an hour later it signs.
No I/O and no clock: time is passed in.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS: Final = 730
SERVER_DAYS: Final = 90
OVERLAP: Final = 3600.0  # seconds for which a new authority is published before it signs
_BACKDATED: Final = datetime.timedelta(minutes=10)  # clocks of nodes differ
_RENEW_AT: Final = 2 / 3  # of a certificate's life


class Pair(msgspec.Struct, frozen=True):
    """A certificate and its key, both PEM."""

    certificate: bytes
    key: bytes


class State(msgspec.Struct, frozen=True):
    """What the Secret holds. `old` are authorities that may still be trusted, PEM one after the other."""

    ca: Pair
    server: Pair
    next: Pair | None = None
    old: bytes = b""

    def bundle(self, now: float) -> bytes:
        """What the API server shall trust: every authority that has not ended, PEM."""
        parts = [self.ca.certificate, *([self.next.certificate] if self.next else []), *_split(self.old)]
        return b"".join(dict.fromkeys(p for p in parts if _end(p) > now or p == self.ca.certificate))


_KEYS: Final = {"ca.crt": "ca", "tls.crt": "server", "next.crt": "next"}


def to_secret(state: State) -> dict[str, str]:
    """The `data` of the Secret (base64)."""
    plain = {"old.crt": state.old}
    for certificate, field in _KEYS.items():
        pair = getattr(state, field)
        if pair is not None:
            plain[certificate] = pair.certificate
            plain[certificate.removesuffix(".crt") + ".key"] = pair.key
    return {name: base64.b64encode(value).decode() for name, value in plain.items()}


def from_secret(data: Mapping[str, Any] | None) -> State | None:
    """The state in a Secret's `data`; None where there is none that can be used."""
    try:
        plain = {name: base64.b64decode(value, validate=True) for name, value in (data or {}).items()}
        pairs = {
            field: Pair(plain[crt], plain[crt.removesuffix(".crt") + ".key"])
            for crt, field in _KEYS.items()
            if crt in plain
        }
        state = State(pairs["ca"], pairs["server"], pairs.get("next"), plain.get("old.crt", b""))
        for pair in pairs.values():
            if _public(x509.load_pem_x509_certificate(pair.certificate)) != _public(_key(pair)):
                return None
        _split(state.old)
    except (KeyError, ValueError, TypeError):
        return None
    return state


def renew(state: State | None, names: Sequence[str], now: float) -> State:
    """The state as it should be at `now` (Unix time, seconds); the same object where nothing is due.

    `names` are the DNS names of the server. Called again and again, by any replica.
    """
    if state is None or _end(state.ca.certificate) <= now:
        ca = make_ca(now)
        return State(ca, make_server(ca, names, now), None, b"" if state is None else state.old)
    if state.next is None and _due(state.ca.certificate, now):
        return msgspec.structs.replace(state, next=make_ca(now))
    if (
        state.next is not None
        and now >= _begin(state.next.certificate) + _BACKDATED.total_seconds() + OVERLAP
    ):
        old = b"".join(p for p in (state.ca.certificate, *_split(state.old)) if _end(p) > now)
        return State(state.next, make_server(state.next, names, now), None, old)
    if _due(state.server.certificate, now) or _names(state.server.certificate) != set(names):
        return msgspec.structs.replace(state, server=make_server(state.ca, names, now))
    return state


def make_ca(now: float, days: int = CA_DAYS) -> Pair:
    """A new authority. Each has a subject of its own, so that two in one bundle are not taken for one another."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"waf-sidecar-ca-{int(now)}")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    begin, end = _span(now, days)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begin, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key)


def make_server(ca: Pair, names: Sequence[str], now: float, days: int = SERVER_DAYS) -> Pair:
    """A server's certificate for `names`, signed by `ca`; it never outlives its authority."""
    signer, signer_key = x509.load_pem_x509_certificate(ca.certificate), _key(ca)
    key = ec.generate_private_key(ec.SECP256R1())
    begin, end = _span(now, days)
    end = min(end, signer.not_valid_after_utc)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key())
    certificate = (
        x509.CertificateBuilder(
            signer.subject,
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "waf-sidecar")]),
            key.public_key(),
            x509.random_serial_number(),
            begin,
            end,
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .sign(signer_key, hashes.SHA256())
    )
    return _pair(certificate, key)


def ends(certificate: bytes) -> float:
    """When a PEM certificate ends, Unix time in seconds."""
    return _end(certificate)


def _span(now: float, days: int) -> tuple[datetime.datetime, datetime.datetime]:
    moment = datetime.datetime.fromtimestamp(int(now), datetime.UTC)
    return moment - _BACKDATED, moment + datetime.timedelta(days=days)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), pem)


def _key(pair: Pair) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pair.key, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key of ours")
    return key


def _public(holder: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    return holder.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _split(bundle: bytes) -> list[bytes]:
    if not bundle.strip():
        return []
    return [c.public_bytes(serialization.Encoding.PEM) for c in x509.load_pem_x509_certificates(bundle)]


def _begin(certificate: bytes) -> float:
    return x509.load_pem_x509_certificate(certificate).not_valid_before_utc.timestamp()


def _end(certificate: bytes) -> float:
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc.timestamp()


def _due(certificate: bytes, now: float) -> bool:
    begin, end = _begin(certificate), _end(certificate)
    return now >= begin + (end - begin) * _RENEW_AT


def _names(certificate: bytes) -> set[str]:
    try:
        names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return set()
    return set(names.value.get_values_for_type(x509.DNSName))
