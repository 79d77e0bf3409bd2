"""sidecar-inject.yaml: valid, restricted, the same as the Kustomize base, its rights no more than what is needed."""

from __future__ import annotations

import asyncio
import copy
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from click.testing import CliRunner

from bench.processes import free_port
from tests import schemas
from tests.kube.api_double import ApiDouble, status
from tests.kube.test_client import until
from tests.kube.test_fleet import Numbers, pod_token
from waf.cli.main import COMMANDS
from waf.kube.client import Kube
from waf.kube.configmaps import problems_of
from waf.kube.fleet import run as fleet_run
from waf.kube.fleet.client import FleetClient
from waf.kube.fleet.terms import Key, Place, Report
from waf.kube.keyring import ADMISSION, Keyring, SelfMade
from waf.kube.settings import Settings
from waf.kube.webhook import read_defaults, serve
from waf.record.log import Log

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ("1.29", "1.33", "1.37")
Thing = dict[str, Any]


def documents(*paths: Path) -> list[Thing]:
    return [d for path in paths for d in yaml.safe_load_all(path.read_text()) if d]


MANIFEST = documents(ROOT / "sidecar-inject.yaml")
LABELS = [f"{d['kind']} {d['metadata']['name']}" for d in MANIFEST]


def _order(thing: Thing) -> tuple[str, str]:
    return thing["kind"], thing["metadata"]["name"]


def the(kind: str, name: str) -> Thing:
    (found,) = [d for d in MANIFEST if d["kind"] == kind and d["metadata"]["name"] == name]
    return copy.deepcopy(found)


def test_every_object_is_valid() -> None:
    for version in KUBERNETES:
        for thing in MANIFEST:
            schemas.validate(thing, version, strict=True)
    for path in (ROOT / "docs" / "examples").glob("*.yaml"):
        for thing in documents(path):
            schemas.validate(thing, KUBERNETES[0], strict=True)


def test_the_base_gives_the_same_objects() -> None:
    base = ROOT / "deploy"
    (kustomization,) = documents(base / "kustomization.yaml")
    assert documents(*(base / name for name in kustomization["resources"])) == MANIFEST
    assert {p.name for p in base.glob("*.yaml")} == {*kustomization["resources"], "kustomization.yaml"}
    if shutil.which("kubectl"):
        made = subprocess.run(["kubectl", "kustomize", str(base)], capture_output=True, text=True, check=True)
        assert sorted(yaml.safe_load_all(made.stdout), key=_order) == sorted(MANIFEST, key=_order)


def test_there_is_all_that_an_installation_needs() -> None:
    kinds = {label.split()[0] for label in LABELS}
    assert kinds == {
        "Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role",
        "RoleBinding", "Secret", "Lease", "ConfigMap", "Deployment", "Service", "PodDisruptionBudget",
        "NetworkPolicy", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
    }  # fmt: skip
    keys = [(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in MANIFEST]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", ["waf-injector", "waf-fleet"])
def test_a_deployment_is_restricted_and_stands_twice(name: str) -> None:
    deployment = the("Deployment", name)
    spec = deployment["spec"]["template"]["spec"]
    assert deployment["spec"]["replicas"] == 2
    assert spec["affinity"]["podAntiAffinity"]
    assert the("PodDisruptionBudget", name)["spec"]["minAvailable"] == 1
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    for kind, where in (
        ("Service", "selector"),
        ("PodDisruptionBudget", "selector"),
        ("NetworkPolicy", "podSelector"),
    ):
        selector = the(kind, name)["spec"][where]
        assert selector.get("matchLabels", selector).items() <= labels
    (container,) = spec["containers"]
    context = {**spec["securityContext"], **container["securityContext"]}
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == 1337
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["args"][0] in COMMANDS
    assert CliRunner().invoke(_command(container["args"][0]), ["--help"]).exit_code == 0


def _command(name: str) -> Any:
    import importlib

    module, function = COMMANDS[name]
    return getattr(importlib.import_module(module), function)


def test_the_webhooks_never_see_the_cluster_itself() -> None:
    hooks = the("MutatingWebhookConfiguration", "waf-injector")["webhooks"]
    for hook in hooks:
        excluded = [e for e in hook["namespaceSelector"]["matchExpressions"] if e["operator"] == "NotIn"]
        assert {"kube-system", "waf-system"} <= set(excluded[0]["values"])
        assert (hook["reinvocationPolicy"], hook["sideEffects"], hook["timeoutSeconds"]) == (
            "IfNeeded",
            "None",
            5,
        )
        (rule,) = hook["rules"]
        assert (rule["resources"], rule["operations"]) == (["pods"], ["CREATE"])
    service = the("Service", "waf-injector")["spec"]["ports"][0]
    for hook in (*hooks, *the("ValidatingWebhookConfiguration", "waf-injector")["webhooks"]):
        assert hook["clientConfig"]["service"]["port"] == service["port"]
    assert the("Namespace", "waf-system")["metadata"]["labels"]["waf.sidecar/inject"] == "false"


@pytest.mark.parametrize(
    ("namespace", "of_pod", "asked"),
    [("true", None, 1), ("true", "true", 1), ("true", "false", 0), (None, "true", 1), (None, None, 0),
     ("false", "true", 0), ("false", None, 0)],
)  # fmt: skip
def test_a_pod_is_asked_about_once_at_most(namespace: str | None, of_pod: str | None, asked: int) -> None:
    of_namespace = {"kubernetes.io/metadata.name": "shop"} | (
        {"waf.sidecar/inject": namespace} if namespace else {}
    )
    labels = {"waf.sidecar/inject": of_pod} if of_pod else {}
    hooks = the("MutatingWebhookConfiguration", "waf-injector")["webhooks"]
    fits = [
        h for h in hooks if _fits(h["namespaceSelector"], of_namespace) and _fits(h["objectSelector"], labels)
    ]
    assert len(fits) == asked


def _fits(selector: Thing, labels: dict[str, str]) -> bool:
    for expression in selector.get("matchExpressions", []):
        value = labels.get(expression["key"])
        match expression["operator"]:
            case "In" if value not in expression["values"]:
                return False
            case "NotIn" if value in expression["values"]:
                return False
            case "DoesNotExist" if value is not None:
                return False
    return True


def test_the_configuration_that_comes_with_it_can_be_used() -> None:
    assert problems_of(the("ConfigMap", "waf-cluster")) == []
    text = the("ConfigMap", "waf-injector")["data"]["settings.yaml"]
    defaults = read_defaults(text, Settings())
    assert defaults.config == ("waf-cluster", "waf-config")
    assert (
        defaults.fleet
        == f"waf-fleet.waf-system.svc:{the('Service', 'waf-fleet')['spec']['ports'][0]['port']}"
    )


# ------------------------------------------------------------------------------------------ rights

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<resource>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>status))?"
)


def allowed(account: str, request: web.Request) -> bool:
    """What the API server's RBAC would say of this account, by the roles in the manifest."""
    if request.path == "/version":
        return True  # system:public-info-viewer
    found = _PATH.fullmatch(request.path)
    assert found is not None
    verb = _VERBS.get(request.method) or (
        "watch" if request.query.get("watch") else "get" if found["name"] else "list"
    )
    resource = found["resource"] + (f"/{found['sub']}" if found["sub"] else "")
    rules = list(the("ClusterRole", account)["rules"])
    if found["namespace"] == "waf-system":
        rules += the("Role", account)["rules"]
    return any(
        (found["group"] or "") in rule["apiGroups"]
        and resource in rule["resources"]
        and verb in rule["verbs"]
        and (not rule.get("resourceNames") or found["name"] in rule["resourceNames"])
        for rule in rules
    )


async def install(api: ApiDouble, account: str) -> list[str]:
    """The manifest's objects in the double, which from now on refuses what the account may not; gives refusals."""
    collections = {
        "Secret": "/api/v1/namespaces/waf-system/secrets",
        "ConfigMap": "/api/v1/namespaces/waf-system/configmaps",
        "Lease": "/apis/coordination.k8s.io/v1/namespaces/waf-system/leases",
        "MutatingWebhookConfiguration": f"{ADMISSION}/mutatingwebhookconfigurations",
        "ValidatingWebhookConfiguration": f"{ADMISSION}/validatingwebhookconfigurations",
    }
    for thing in MANIFEST:
        if thing["kind"] in collections:
            await api.put(collections[thing["kind"]], copy.deepcopy(thing))
    labels = {"waf.sidecar/inject": "true"}
    await api.put("/api/v1/namespaces", {"metadata": {"name": "shop", "labels": labels}})
    refused: list[str] = []

    def check(request: web.Request) -> web.Response | None:
        if allowed(account, request):
            return None
        refused.append(f"{request.method} {request.path}")
        return status(403, "Forbidden")

    api.fail = check
    return refused


async def test_the_injectors_rights_are_enough(api: ApiDouble, kube: Kube, log: Log, tmp_path: Path) -> None:
    refused = await install(api, "waf-injector")
    hooks = ("mutatingwebhookconfigurations/waf-injector", "validatingwebhookconfigurations/waf-injector")
    keyring = Keyring(SelfMade(kube, "waf-system", "waf-injector-tls", ("localhost",), hooks).load, log)
    (tmp_path / "settings.yaml").write_text(the("ConfigMap", "waf-injector")["data"]["settings.yaml"])
    end = asyncio.Event()
    task = asyncio.create_task(
        serve(
            kube, keyring, Settings(), tmp_path / "settings.yaml", ("127.0.0.1", 0), end.wait(), log, linger=0
        )
    )

    def trusted() -> bool:
        hooks = api.get(f"{ADMISSION}/validatingwebhookconfigurations", "waf-injector")["webhooks"]
        return all("caBundle" in hook["clientConfig"] for hook in hooks)

    await until(
        lambda: keyring.serving.is_set() and trusted() and ("GET", "/api/v1/namespaces") in api.requests
    )
    end.set()
    await task
    assert refused == []


async def test_the_aggregators_rights_are_enough(
    api: ApiDouble, kube: Kube, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_run, "_SPREAD_EVERY", 0.05)
    refused = await install(api, "waf-fleet")
    port = free_port()
    end = asyncio.Event()
    maker = SelfMade(kube, "waf-system", "waf-fleet-tls", ("localhost",))
    task = asyncio.create_task(
        fleet_run.serve(
            kube, Numbers, "waf-system", f"localhost:{port}", maker, ("127.0.0.1", port), end.wait(), log
        )
    )
    copies = "/api/v1/namespaces/shop/configmaps"
    await until(lambda: ("/api/v1/configmaps", "shop/waf-cluster") in api.objects)
    (tmp_path / "ca.crt").write_text(api.get(copies, "waf-fleet-ca")["data"]["ca.crt"])
    client = FleetClient(
        f"localhost:{port}", "web", token_file=pod_token(api, tmp_path, "w"), ca_file=tmp_path / "ca.crt"
    )
    broken = Report(problems=("waf.yaml:2: moode: unknown key",))
    await client.push(b'{"a":1}', Place("0.e", 1), broken)
    profiles = "/apis/waf.sidecar/v1alpha1/namespaces/shop/wafprofiles"
    await kube.create(profiles, {"metadata": {"name": "gone"}, "spec": {"profile": {"names": ["x"]}}})
    await until(
        lambda: "status" in api.objects.get(("/apis/waf.sidecar/v1alpha1/wafprofiles", "shop/gone"), {})
    )
    api.fail, check = (lambda request: None), api.fail
    await kube.delete(f"{profiles}/gone")
    api.fail = check
    await until(lambda: any(method == "DELETE" and "configmaps" in path for method, path in api.requests))
    await until(lambda: any(place == "/api/v1/events" for place, _ in api.objects))
    end.set()
    await task
    await client.close()
    told = api.get(profiles, "web")["status"]
    assert told["requests"] == 1
    assert {c["type"]: c["reason"] for c in told["conditions"]}["ConfigAccepted"] == "Refused"
    assert refused == []


def test_no_right_is_wider_than_it_must_be() -> None:
    for thing in MANIFEST:
        for rule in thing.get("rules", []):
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            if "secrets" in rule["resources"]:
                assert thing["kind"] == "Role"
                assert rule["resourceNames"]
                assert set(rule["verbs"]) <= {"get", "update"}


def test_the_crd_holds_what_is_written() -> None:
    (version,) = the("CustomResourceDefinition", "wafprofiles.waf.sidecar")["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    columns = {column["name"] for column in version["additionalPrinterColumns"]}
    assert {"Mode", "Progress", "Would-block"} <= columns
    known = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    for column in version["additionalPrinterColumns"]:
        if column["jsonPath"].startswith(".status."):
            assert column["jsonPath"].removeprefix(".status.").partition("[")[0] in known
    from waf.config.schema import Profiles
    from waf.kube.fleet.engine import Workload
    from waf.kube.fleet.replicas import Replicas

    facts = Workload(Profiles(), Key("shop", "web"), b"").compile(0.0, "").facts
    told = Replicas().status("", "")
    assert {*facts, *told, "version", "drift", "lastMerge"} == set(known)
    assert set(told["conditions"][0]) | {"lastTransitionTime"} == set(
        known["conditions"]["items"]["properties"]
    )
