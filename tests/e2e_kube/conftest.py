"""A real kube-apiserver over a real etcd, on loopback; KUBE_BIN names the directory with kube-apiserver."""

from __future__ import annotations

import os
import secrets
import shutil
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.processes import free_port

BINARIES = Path(os.environ.get("KUBE_BIN", "/nonexistent"))
READY_SECONDS = 60


def missing() -> str:
    """Why there can be no API server, "" if there can."""
    if not (BINARIES / "kube-apiserver").exists():
        return "KUBE_BIN names no directory with kube-apiserver (tests/e2e_kube/build.sh makes one)"
    return ", ".join(
        f"{tool} is not installed" for tool in ("etcd", "openssl", "kubectl") if not shutil.which(tool)
    )


class Cluster:
    """The API server's address, and kubectl as its administrator."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.admin = secrets.token_hex(16)
        self._processes: list[subprocess.Popen[bytes]] = []
        ports = [free_port() for _ in range(3)]
        self.base = f"https://127.0.0.1:{ports[0]}"
        self._etcd = f"http://127.0.0.1:{ports[1]}"
        self._peer = f"http://127.0.0.1:{ports[2]}"
        self.ca = directory / "pki" / "apiserver.crt"
        self._port = ports[0]

    def start(self) -> None:
        pki = self.directory / "pki"
        pki.mkdir()
        subprocess.run(["openssl", "genrsa", "-out", pki / "sa.key", "2048"], check=True, capture_output=True)
        (pki / "tokens.csv").write_text(f'{self.admin},admin,admin,"system:masters"\n')
        self._run(
            "etcd", "--data-dir", self.directory / "etcd", "--listen-client-urls", self._etcd,
            "--advertise-client-urls", self._etcd, "--listen-peer-urls", self._peer,
        )  # fmt: skip
        self._run(
            BINARIES / "kube-apiserver", f"--etcd-servers={self._etcd}", "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1", f"--secure-port={self._port}", f"--cert-dir={pki}",
            f"--service-account-key-file={pki / 'sa.key'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            "--service-account-issuer=https://kubernetes.default.svc", f"--token-auth-file={pki / 'tokens.csv'}",
            "--authorization-mode=RBAC", "--service-cluster-ip-range=10.96.0.0/24",
        )  # fmt: skip
        unchecked = ssl._create_unverified_context()
        end = time.monotonic() + READY_SECONDS
        request = urllib.request.Request(
            f"{self.base}/readyz", headers={"Authorization": f"Bearer {self.admin}"}
        )
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(request, context=unchecked, timeout=2) as answer:
                    if answer.read() == b"ok":
                        return
            except OSError:
                pass
            time.sleep(0.2)
        raise AssertionError((self.directory / "kube-apiserver.log").read_text()[-3000:])

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(timeout=20)

    def kubectl(self, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        cluster = ["kubectl", f"--server={self.base}", f"--token={self.admin}", "--insecure-skip-tls-verify"]
        return subprocess.run([*cluster, *words], input=given, capture_output=True, text=True, check=False)

    def apply(self, *things: Any) -> str:
        text = b"\n".join(b"---\n" + msgspec.json.encode(thing) for thing in things).decode()
        done = self.kubectl("apply", "-f", "-", given=text)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, *words: str) -> Any:
        done = self.kubectl("get", *words, "-o", "json")
        assert done.returncode == 0, done.stderr
        return msgspec.json.decode(done.stdout)

    def token(self, namespace: str, account: str, **spec: Any) -> str:
        """A token as the kubelet asks for it."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        done = self.kubectl("create", "--raw", path, "-f", "-", given=msgspec.json.encode(request).decode())
        assert done.returncode == 0, done.stderr
        return str(msgspec.json.decode(done.stdout)["status"]["token"])

    def _run(self, program: Any, *words: Any) -> None:
        with (self.directory / f"{Path(program).name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen([str(program), *map(str, words)], stdout=log, stderr=log, cwd=self.directory)
            )


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    why_not = missing()
    if why_not:
        pytest.skip(why_not)
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start()
        yield made
    finally:
        made.stop()
