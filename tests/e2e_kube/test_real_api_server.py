"""Injector and aggregator as they are installed, with their own rights, before a real kube-apiserver."""

from __future__ import annotations

import asyncio
import copy
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e_kube.conftest import Cluster, _free_port
from tests.kube.pod_shapes import SHAPES, container, pod
from waf.config.schema import Profiles
from waf.kube.fleet.client import FleetClient
from waf.profiles import store
from waf.profiles.merge import Delta
from waf.profiles.model import State

ROOT = Path(__file__).resolve().parents[2]
TOO_NEW = {"PodDisruptionBudget"}  # policy/v1 came with 1.21
WAIT_SECONDS = 30


def eventually(true: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_SECONDS
    while not (found := true()):
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.2)
    return found


class Installed:
    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster, self.directory = cluster, directory
        self.ports = {"injector": _free_port(), "fleet": _free_port()}
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        things = [d for d in yaml.safe_load_all((ROOT / "sidecar-inject.yaml").read_text()) if d]
        for thing in things:
            for hook in thing.get("webhooks", []):  # there is no Service network here
                path = hook["clientConfig"].pop("service")["path"]
                hook["clientConfig"]["url"] = f"https://localhost:{self.ports['injector']}{path}"
        first = [t for t in things if t["kind"] in ("Namespace", "CustomResourceDefinition")]
        self.cluster.apply(*first)
        self.cluster.apply(*(t for t in things if t not in first and t["kind"] not in TOO_NEW))
        for account in ("injector", "fleet"):
            token = self.directory / account
            token.write_text(self.cluster.token("waf-system", f"waf-{account}"))
            words = ["--listen", f"127.0.0.1:{self.ports[account]}", "--namespace", "waf-system",
                     "--api", self.cluster.base, "--api-token", str(token), "--api-ca", str(self.cluster.ca),
                     "--service", "localhost"]  # fmt: skip
            if account == "fleet":
                words += ["--advertise", "localhost"]
            name = "aggregator" if account == "fleet" else account
            command = [sys.executable, "-c", "from waf.cli.main import main; main()", name, *words]
            with (self.directory / f"{account}.log").open("wb") as log:
                self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT))

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            assert process.wait(timeout=20) == 0


@pytest.fixture(scope="module")
def installed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    made = Installed(cluster, tmp_path_factory.mktemp("installed"))
    # The Service is called localhost here, and so are the Secrets named after it.
    for name in ("localhost-tls",):
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "waf-system"}})
        cluster.apply(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "waf-system"}}
        )
    may = {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": ["localhost-tls"],
        "verbs": ["get", "update"],
    }
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "here-only", "namespace": "waf-system"}, "rules": [may]}  # fmt: skip
    accounts = [
        {"kind": "ServiceAccount", "name": f"waf-{n}", "namespace": "waf-system"}
        for n in ("injector", "fleet")
    ]
    binding = {"apiVersion": role["apiVersion"], "kind": "RoleBinding", "metadata": role["metadata"],
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "here-only"},
               "subjects": accounts}  # fmt: skip
    cluster.apply(role, binding)
    labels = {"waf.sidecar/inject": "true"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "shop"}},
    )
    made.start()
    try:
        hooks = ("mutatingwebhookconfiguration", "waf-injector")
        eventually(lambda: all("caBundle" in h["clientConfig"] for h in cluster.get(*hooks)["webhooks"]))
        eventually(lambda: cluster.kubectl("create", "--dry-run=server", "-f", "-",
                                           given=_pod("probe", pod(container("a", 80)))).returncode == 0)  # fmt: skip
        yield made
    finally:
        made.stop()


def _pod(name: str, made: dict[str, Any]) -> str:
    thing = copy.deepcopy({"apiVersion": "v1", "kind": "Pod", **made})
    thing["metadata"] = {**thing["metadata"], "name": name, "namespace": "shop"}
    thing["metadata"].pop("ownerReferences", None)
    thing["spec"]["automountServiceAccountToken"] = False
    return yaml.safe_dump(thing)


NEWER = {"native sidecar of another", "probe on a port of its own"}  # restartPolicy, grpc: unknown to 1.20


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - NEWER))
def test_every_shape_is_admitted_with_its_sidecar(cluster: Cluster, installed: Installed, name: str) -> None:
    made = copy.deepcopy(SHAPES[name])
    made.setdefault("metadata", {})
    done = cluster.kubectl("create", "--dry-run=server", "-o", "yaml", "-f", "-", given=_pod("p", made))
    assert done.returncode == 0, done.stderr
    admitted = yaml.safe_load(done.stdout)
    names = [c["name"] for c in admitted["spec"]["containers"]]
    if made["spec"].get("restartPolicy", "Always") == "Always":
        assert names[0] == "waf-sidecar"
    else:
        assert "waf-sidecar" not in names
        assert "never ends" in done.stderr


def test_mistakes_are_refused_with_their_place(cluster: Cluster, installed: Installed) -> None:
    wrong = pod(container("a", 80), annotations={"waf.sidecar/mode": "on"})
    done = cluster.kubectl("create", "-f", "-", given=_pod("wrong", wrong))
    assert "annotation waf.sidecar/mode: must be one of" in done.stderr
    broken = {
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"waf.yaml": "mode: protect\nmoode: x\n"},
        "metadata": {"name": "waf-config", "namespace": "shop", "labels": {"waf.sidecar/config": "true"}},
    }  # fmt: skip
    done = cluster.kubectl("create", "-f", "-", given=yaml.safe_dump(broken))
    assert "waf.yaml:2" in done.stderr
    broken["data"] = {"waf.yaml": "mode: protect\n"}
    assert cluster.kubectl("create", "-f", "-", given=yaml.safe_dump(broken)).returncode == 0


def test_a_namespace_that_opts_out_is_left_alone(cluster: Cluster, installed: Installed) -> None:
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plain"}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "plain"}},
    )
    text = _pod("p", pod(container("a", 80))).replace("namespace: shop", "namespace: plain")
    done = cluster.kubectl("create", "--dry-run=server", "-o", "yaml", "-f", "-", given=text)
    assert "waf-sidecar" not in done.stdout
    assert done.returncode == 0


def test_what_a_pod_learned_stands_in_its_wafprofile(
    cluster: Cluster, installed: Installed, tmp_path: Path
) -> None:
    copies = ("configmap", "waf-fleet-ca", "-n", "shop")
    eventually(lambda: cluster.kubectl("get", *copies).returncode == 0)
    (tmp_path / "ca.crt").write_text(cluster.get(*copies)["data"]["ca.crt"])
    assert cluster.kubectl("create", "-f", "-", given=_pod("web-1", pod(container("a", 80)))).returncode == 0
    uid = cluster.get("pod", "web-1", "-n", "shop")["metadata"]["uid"]
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "web-1", "uid": uid}
    token = cluster.token("shop", "default", audiences=["waf-fleet"], boundObjectRef=bound)
    (tmp_path / "token").write_text(token)
    delta = Delta("web-1", 1, store.dump(State(int(Profiles().memory)))).pack()

    async def teach() -> tuple[str, str]:
        client = FleetClient(
            f"localhost:{installed.ports['fleet']}", "shop",
            token_file=tmp_path / "token", ca_file=tmp_path / "ca.crt",
        )  # fmt: skip
        try:
            await client.push(delta, "one", 1)
            await asyncio.to_thread(eventually, lambda: "status" in profile())
            patch = '{"spec":{"mode":"protect"}}'
            cluster.kubectl("patch", "wafprofile", "shop", "-n", "shop", "--type=merge", "-p", patch)
            await asyncio.sleep(1)
            receipt = await client.push(delta, "one", 2)
            pulled = await client.pull()
            assert pulled is not None
            return receipt.mode, pulled.version
        finally:
            await client.close()

    def profile() -> dict[str, Any]:
        done = cluster.kubectl("get", "wafprofile", "shop", "-n", "shop", "-o", "yaml")
        found: dict[str, Any] = yaml.safe_load(done.stdout) or {}
        return found

    mode, version = asyncio.run(teach())
    assert mode == "protect"
    assert profile()["status"]["version"] == version
    table = cluster.kubectl("get", "wafprofiles", "-n", "shop").stdout
    assert "WOULD-BLOCK" in table
    assert "protect" in table
    # The token is worth nothing at the API server.
    wrong = subprocess.run(
        ["kubectl", f"--server={cluster.base}", f"--token={token}", "--insecure-skip-tls-verify", "get", "pods"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert wrong.returncode != 0
