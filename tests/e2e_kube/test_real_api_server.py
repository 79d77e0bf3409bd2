"""Injector and aggregator as they are installed, with their own rights, before a real kube-apiserver."""

from __future__ import annotations

import asyncio
import copy
import http.server
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from bench.processes import free_port
from tests.e2e_kube.conftest import Cluster
from tests.kube.pod_shapes import SHAPES, container, pod
from waf.config.schema import Profiles
from waf.kube.fleet.client import FleetClient, FleetError
from waf.kube.fleet.terms import Place, Receipt, Report
from waf.profiles.learner import Learner
from waf.profiles.observe import Observation

ROOT = Path(__file__).resolve().parents[2]
TOO_NEW = {"PodDisruptionBudget"}  # policy/v1 came with 1.21
WAIT_SECONDS = 30
WAF = (sys.executable, "-c", "from waf.cli.main import main; main()")


def eventually(true: Callable[[], Any]) -> Any:
    end = time.monotonic() + WAIT_SECONDS
    while not (found := true()):
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.2)
    return found


class Installed:
    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster, self.directory = cluster, directory
        self.ports = {"injector": free_port(), "fleet": free_port(), "fleet-2": free_port()}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        things = [d for d in yaml.safe_load_all((ROOT / "sidecar-inject.yaml").read_text()) if d]
        for thing in things:
            for hook in thing.get("webhooks", []):  # there is no Service network here
                path = hook["clientConfig"].pop("service")["path"]
                hook["clientConfig"]["url"] = f"https://localhost:{self.ports['injector']}{path}"
        first = [t for t in things if t["kind"] in ("Namespace", "CustomResourceDefinition")]
        self.cluster.apply(*first)
        self.cluster.apply(*(t for t in things if t not in first and t["kind"] not in TOO_NEW))
        (self.directory / "aggregator.yaml").write_text(
            "fleet: {every: 1s}\nprofiles: {sources: 1, hours: 1, epsilon: 0.2}\n"
        )
        for name in self.ports:
            self.run(name)

    def run(self, name: str) -> None:
        """One process with the rights of its service account: the injector, or one of two aggregators."""
        account = name.removesuffix("-2")
        token = self.directory / account
        token.write_text(self.cluster.token("waf-system", f"waf-{account}"))
        words = ["--listen", f"127.0.0.1:{self.ports[name]}", "--namespace", "waf-system",
                 "--api", self.cluster.base, "--api-token", str(token), "--api-ca", str(self.cluster.ca),
                 "--service", "localhost"]  # fmt: skip
        if account == "fleet":
            words += ["--advertise", "localhost", "--config", str(self.directory / "aggregator.yaml")]
        role = "aggregator" if account == "fleet" else account
        with (self.directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen([*WAF, role, *words], stdout=log, stderr=log, cwd=ROOT)

    def kill(self, name: str) -> None:
        self._processes[name].kill()
        self._processes.pop(name).wait()

    def leader(self) -> str:
        """Name of the aggregator that holds the lease, "" for none."""
        holder = self.cluster.get("lease", "waf-fleet", "-n", "waf-system")["spec"].get("holderIdentity")
        names = [name for name, port in self.ports.items() if holder == f"localhost:{port}"]
        return names[0] if names and names[0] in self._processes else ""

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
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


# ------------------------------------------------------------------------------------------ the fleet


class Pod:
    """A pod of namespace shop as the API knows it, and beside it what a sidecar finds mounted."""

    def __init__(self, installed: Installed, directory: Path, name: str) -> None:
        self.installed, self.name, self.directory = installed, name, directory
        cluster = installed.cluster
        copies = ("configmap", "waf-fleet-ca", "-n", "shop")
        eventually(lambda: cluster.kubectl("get", *copies).returncode == 0)
        (directory / "ca.crt").write_text(cluster.get(*copies)["data"]["ca.crt"])
        done = cluster.kubectl("create", "-f", "-", given=_pod(name, pod(container("a", 80))))
        assert done.returncode == 0, done.stderr
        uid = cluster.get("pod", name, "-n", "shop")["metadata"]["uid"]
        bound = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}
        self.token = cluster.token("shop", "default", audiences=["waf-fleet"], boundObjectRef=bound)
        (directory / "token").write_text(self.token)

    def push(self, workload: str, delta: bytes, place: Place, report: Report | None = None) -> Receipt:
        """Push as a sidecar does, again until somebody leads."""

        async def teach() -> Receipt:
            port = self.installed.ports[self.installed.leader() or "fleet"]
            client = FleetClient(
                f"localhost:{port}", workload, token_file=self.directory / "token",
                ca_file=self.directory / "ca.crt",
            )  # fmt: skip
            try:
                return await client.push(delta, place, report or Report())
            finally:
                await client.close()

        def tried() -> Receipt | None:
            try:
                return asyncio.run(teach())
            except FleetError as error:
                if error.refused:
                    raise
                return None

        receipt: Receipt = eventually(tried)
        return receipt


def learned(paths: list[str], number: int = 1) -> bytes:
    """A delta of a replica that saw these paths."""
    config = Profiles(sources=1, hours=1, epsilon=0.2)
    learner = Learner(config, b"k" * 32, "replica")
    now = time.time()
    for count, path in enumerate(paths):
        learner.observe(
            Observation(method=b"GET", path=path.encode(), fields=(), source=count, wall=now, status=200), now
        )
    return msgspec.structs.replace(learner.deltas()[-1], epoch=number, would_block=3).pack()


def profile(cluster: Cluster, name: str) -> dict[str, Any]:
    done = cluster.kubectl("get", "wafprofile", name, "-n", "shop", "-o", "json")
    return dict(yaml.safe_load(done.stdout) or {}) if done.returncode == 0 else {}


def conditions(cluster: Cluster, name: str) -> dict[str, tuple[str, str, str]]:
    found = (profile(cluster, name).get("status") or {}).get("conditions") or []
    assert all(each["lastTransitionTime"] for each in found)
    return {each["type"]: (each["status"], each["reason"], each["message"]) for each in found}


def test_what_a_pod_learned_stands_in_its_wafprofile(
    cluster: Cluster, installed: Installed, tmp_path: Path
) -> None:
    web = Pod(installed, tmp_path, "web-1")
    web.push(
        "web",
        learned(["/cart", "/items"] * 40),
        Place("0.one", 1),
        Report(mode="discover", enforced="monitor"),
    )
    told = eventually(lambda: (profile(cluster, "web").get("status") or {}).get("version")) and profile(
        cluster, "web"
    )
    assert told["status"]["requests"] == 80
    assert told["status"]["wouldBlock"] == 3
    table = cluster.kubectl("get", "wafprofiles", "-n", "shop").stdout.splitlines()
    assert table[0].split() == ["NAME", "MODE", "ENFORCED", "PROGRESS", "WOULD-BLOCK", "REPLICAS", "CURRENT",
                                "DRIFT", "CONFIG", "MERGED"]  # fmt: skip
    assert table[1].split()[:6] == ["web", "discover", "monitor", "100%", "3", "1"]

    wrong = cluster.kubectl(
        "patch", "wafprofile", "web", "-n", "shop", "--type=merge", "-p", '{"spec":{"mode":"on"}}'
    )
    assert "spec.mode" in wrong.stderr
    patch = '{"spec":{"mode":"protect"},"status":{"version":"forged"}}'
    assert (
        cluster.kubectl("patch", "wafprofile", "web", "-n", "shop", "--type=merge", "-p", patch).returncode
        == 0
    )
    assert eventually(
        lambda: web.push("web", b"", Place("0.one"), Report(mode="protect", enforced="monitor")).mode
    )
    # What may be refused now is another version; that of the status stays the aggregator's.
    eventually(
        lambda: web.push("web", b"", Place("0.one")).version == profile(cluster, "web")["status"]["version"]
    )
    eventually(
        lambda: conditions(cluster, "web").get("Enforced", ("",) * 3)[1] in ("SidecarMode", "ProfileMode")
    )
    # The token is worth nothing at the API server.
    refused = subprocess.run(
        ["kubectl", f"--server={cluster.base}", f"--token={web.token}", "--insecure-skip-tls-verify", "get", "pods"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode != 0


def test_a_killed_leader_is_replaced_and_nothing_is_lost_or_counted_twice(
    cluster: Cluster, installed: Installed, tmp_path: Path
) -> None:
    pod = Pod(installed, tmp_path, "led-1")
    for number in range(1, 5):
        leader = eventually(installed.leader)
        waiting = list(range(1, number + 1))
        receipt = Receipt()
        while waiting:  # as a sidecar does: all that is not known to be stored, in order
            for each in list(waiting):
                receipt = pod.push("led", learned(["/a"] * 10, each), Place("0.life", each, each - 1))
                if receipt.taken < each:
                    break
            waiting = [n for n in waiting if n > receipt.taken]
        installed.kill(leader)
        assert eventually(installed.leader) != leader
        installed.run(leader)
    # A leader that was killed at once may have stored nothing of what it took: all of it is sent again.
    last = pod.push("led", b"", Place("0.life"))
    for each in range(last.taken + 1, 5):
        pod.push("led", learned(["/a"] * 10, each), Place("0.life", each, each - 1))
    eventually(lambda: (profile(cluster, "led").get("status") or {}).get("requests") == 40)


def test_a_refused_configuration_stands_in_the_description_of_its_pod(
    cluster: Cluster, installed: Installed, tmp_path: Path
) -> None:
    pod = Pod(installed, tmp_path, "broken-1")
    pod.push(
        "broken", b"", Place("0.x"), Report(problems=("/etc/waf/waf-config/waf.yaml:2: moode: unknown key",))
    )
    told = eventually(
        lambda: (
            "WafConfigRefused"
            in (text := cluster.kubectl("describe", "pod", "broken-1", "-n", "shop").stdout)
            and text
        )
    )
    assert "waf.yaml:2: moode: unknown key" in told
    status, reason, message = eventually(lambda: conditions(cluster, "broken").get("ConfigAccepted"))
    assert (status, reason) == ("False", "Refused")
    assert "waf.yaml:2" in message
    assert "Refused" in cluster.kubectl("get", "wafprofile", "broken", "-n", "shop").stdout


def test_a_profile_lives_in_git(cluster: Cluster, installed: Installed, tmp_path: Path) -> None:
    """Export, apply, edit, drift, refuse, delete: the way of a profile in a repository."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        f'#!/bin/sh\nexec kubectl --server={cluster.base} --token={cluster.admin} --insecure-skip-tls-verify "$@"\n'
    )
    kubectl.chmod(0o755)

    def waf(*words: str) -> subprocess.CompletedProcess[str]:
        command = [*WAF, "fleet", "--kubectl", str(kubectl), words[0], "--namespace", "shop", *words[1:]]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)

    def apply() -> None:
        # Old servers count the writer of a status as a manager of the spec beside it: hence the force.
        done = cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
        assert done.returncode == 0, done.stderr

    pod = Pod(installed, tmp_path, "git-1")
    pod.push("git", learned(["/cart", "/items"] * 40), Place("0.one", 1))
    eventually(lambda: (profile(cluster, "git").get("status") or {}).get("version"))
    file = tmp_path / "profile.yaml"
    done = waf("export", "git", "-o", str(file))
    assert done.returncode == 0, done.stderr
    assert "GET /cart" in file.read_text()
    assert (waf("diff", str(file)).returncode, waf("list").returncode) == (0, 0)
    apply()
    eventually(lambda: conditions(cluster, "git").get("InSync", ("",))[0] == "True")
    assert "InSync" in waf("status", "git").stdout

    # What is learned beyond the file is drift, in the cluster's status and in the command's answer.
    pod.push("git", learned(["/new", "/newer"] * 40, 2), Place("0.one", 2, 1))
    eventually(lambda: conditions(cluster, "git").get("InSync", ("",) * 3)[1] == "Drift")
    assert profile(cluster, "git")["status"]["drift"] > 0
    done = waf("diff", str(file))
    assert done.returncode == 1
    assert "/new" in done.stdout

    # A person's line is pinned, a mistake is told and changes nothing.
    content = yaml.safe_load(file.read_text())
    content["spec"]["mode"] = "monitor"
    content["spec"]["profile"]["endpoints"]["GET /cart"] = {
        "arg.page": {"type": {"allow": ["int"], "stage": "protect"}}
    }
    file.write_text(yaml.safe_dump(content))
    apply()
    eventually(lambda: "arg.page" in waf("export", "git").stdout)
    assert profile(cluster, "git")["spec"]["mode"] == "monitor"
    assert waf("mode", "git", "as-configured").returncode == 0
    assert "mode" not in profile(cluster, "git")["spec"]
    content["spec"]["profile"]["endpoints"]["GET /cart"] = {"arg.page": {"typo": {"allow": ["int"]}}}
    file.write_text(yaml.safe_dump(content))
    apply()
    _, _, message = eventually(
        lambda: (found := conditions(cluster, "git").get("InSync")) and found[1] == "Refused" and found
    )
    assert "endpoints.GET /cart.arg.page.typo" in message
    assert waf("diff", str(file)).returncode == 2
    assert "arg.page" in waf("export", "git").stdout

    # Deleting it forgets what was learned.
    assert cluster.kubectl("delete", "wafprofile", "git", "-n", "shop").returncode == 0
    eventually(lambda: waf("export", "git").returncode == 2)


def test_a_real_sidecar_learns_through_a_real_cluster(
    cluster: Cluster, installed: Installed, tmp_path: Path
) -> None:
    Pod(installed, tmp_path, "real-1")
    (listen, control), app = (free_port(), free_port()), _App()
    config = {
        "mode": "protect",
        "listen": {"address": f"127.0.0.1:{listen}"},
        "upstream": {"url": f"http://127.0.0.1:{app.port}"},
        "control": {"listen": f"127.0.0.1:{control}"},
        "state_dir": str(tmp_path / "state"),
        "profiles": {"sources": 1, "hours": 1, "epsilon": 0.05, "workload": "real"},
        "fleet": {"address": f"localhost:{installed.ports['fleet']}", "token_file": str(tmp_path / "token"),
                  "ca_file": str(tmp_path / "ca.crt"), "every": "1s"},
    }  # fmt: skip
    (tmp_path / "waf.yaml").write_text(yaml.safe_dump(config))
    with (tmp_path / "sidecar.log").open("wb") as log:
        sidecar = subprocess.Popen(
            [*WAF, "run", "-c", str(tmp_path / "waf.yaml")], stdout=log, stderr=log, cwd=ROOT
        )
    try:
        eventually(lambda: _status(f"http://127.0.0.1:{control}/readyz") == 200)
        for number in range(50):
            assert _status(f"http://127.0.0.1:{listen}/cart?page={1_000 + number}") == 200
        eventually(lambda: (profile(cluster, "real").get("status") or {}).get("requests") == 50)
        eventually(lambda: profile(cluster, "real")["status"]["current"] == 1)
        patch = '{"spec":{"mode":"protect"}}'
        cluster.kubectl("patch", "wafprofile", "real", "-n", "shop", "--type=merge", "-p", patch)
        eventually(lambda: conditions(cluster, "real").get("Enforced", ("",))[0] == "True")
        eventually(lambda: profile(cluster, "real")["status"]["current"] == 1)
        assert _status(f"http://127.0.0.1:{listen}/cart?page=abc") == 403
    finally:
        sidecar.terminate()
        app.shutdown()
        app.server_close()
    assert sidecar.wait(timeout=40) == 0


class _App(http.server.ThreadingHTTPServer):
    """Answers 200 to everything."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None: ...


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
