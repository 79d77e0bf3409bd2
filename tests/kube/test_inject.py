"""The pure function behind webhook and command line, held against the pods of the world."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import schemas
from tests.kube.json_patch import apply
from tests.kube.pod_shapes import SHAPES, container, http, pod, shape
from tests.together import together
from waf.kube.inject import inject, injected, remarks, without
from waf.kube.pods import check_shape, unfit, wanted, workload_of
from waf.kube.settings import LABEL_INJECT, PREFIX, STATUS, Settings, SettingsError, settle

NEW, OLD = (1, 31), (1, 28)
CAPTURES = ("port-name", "redirect", "service")
MESHED = {"istio", "linkerd"}


def settled(**annotations: str) -> Settings:
    return settle(Settings(), {PREFIX + k.replace("_", "-"): v for k, v in annotations.items()})


def named(spec: dict[str, Any], name: str) -> dict[str, Any]:
    both = [*(spec.get("initContainers") or []), *spec["containers"]]
    return next(c for c in both if c["name"] == name)


def holders(spec: dict[str, Any], port_name: str) -> list[str]:
    """Containers in which a Service finds a TCP port of this name."""
    both = [*spec["containers"], *(spec.get("initContainers") or [])]
    return [
        c["name"]
        for c in both
        for p in c.get("ports") or []
        if p.get("name") == port_name and p.get("protocol", "TCP") == "TCP"
    ]


def cases() -> list[Any]:
    return [
        pytest.param(name, capture, version, id=f"{name}, {capture}, {version[1]}")
        for name in SHAPES
        for capture in CAPTURES
        for version in (NEW, OLD)
        if not (name in MESHED and capture == "redirect")
    ]


@together(("name", "capture", "version"), cases())
def test_every_shape_is_injected_once_and_can_be_taken_back(
    name: str, capture: str, version: tuple[int, int]
) -> None:
    wish = settled(capture=capture, fleet="waf-fleet.waf-system.svc:8443")
    before = shape(name)
    once = injected(before, wish, version)
    assert before == shape(name), "the argument was changed"
    assert injected(once, wish, version) == once
    assert inject(once, wish, version) == []
    assert apply(before, inject(before, wish, version)) == once
    again = apply(once, inject(once, settled(capture="service"), version))
    assert again == injected(before, settled(capture="service"), version)
    bare = without(once)
    assert injected(bare, wish, version) == once
    assert STATUS not in (bare["metadata"].get("annotations") or {})
    names = [c["name"] for c in [*(once["spec"].get("initContainers") or []), *once["spec"]["containers"]]]
    assert len(names) == len(set(names))
    for one in [*(once["spec"].get("initContainers") or []), *once["spec"]["containers"]]:
        labels = [p["name"] for p in one.get("ports") or [] if "name" in p]
        assert len(labels) == len(set(labels))
        assert all(1 <= len(label) <= 15 and not label.endswith("-") for label in labels)


def valid(spec_pod: dict[str, Any], version: str) -> None:
    whole = {"apiVersion": "v1", "kind": "Pod", **spec_pod}
    whole["metadata"].setdefault("name", "x")
    schemas.validate(_bare(whole), version, strict=True)


def _bare(value: Any) -> Any:
    """Without nulls, which the API server drops and the strict schemas do not know."""
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if v is not None}
    return [_bare(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("version", ["1.29", "1.33", "1.37"])
@pytest.mark.parametrize("capture", CAPTURES)
def test_what_is_injected_is_valid_where_sidecars_are_native(version: str, capture: str) -> None:
    for name in SHAPES.keys() - (MESHED if capture == "redirect" else set()):
        wish = settled(capture=capture, fleet="f:1", cpu_limit="500m", config="shop-waf")
        valid(injected(shape(name), wish, (1, int(version[2:]))), version)


@pytest.mark.parametrize("version", ["1.28"])
def test_what_is_injected_is_valid_where_sidecars_are_ordinary(version: str) -> None:
    for name in SHAPES:
        valid(injected(shape(name), settled(fleet="f:1"), (1, int(version[2:]))), version)


def test_the_schema_check_can_fail() -> None:
    broken = injected(shape("one number"), Settings(), NEW)
    broken["spec"]["initContainers"][0]["restartPolice"] = "Always"
    with pytest.raises(schemas.ValidationError):
        valid(broken, "1.31")


# ------------------------------------------------------------------------------------------ ports and probes


@together(
    ("name", "annotations", "upstream", "service_name", "renamed"),
    [
        ("one named port", {}, 8080, "http", ["app-http"]),
        ("one number", {}, 8080, "http", []),
        ("no ports", {}, 8080, "http", []),
        ("udp only", {}, 8080, "http", []),
        ("udp and tcp", {}, 5353, "dns-tcp", ["app-dns-tcp"]),
        ("sctp and http", {}, 8080, "http", ["app-http"]),
        ("metrics first", {}, 8080, "http", ["app-http"]),
        ("metrics first", {"app_port": "9090"}, 9090, "metrics", ["app-metrics"]),
        ("metrics first", {"app_port": "7000"}, 7000, "http", ["app-http"]),
        ("long port name", {}, 8080, "a-rather-long-n", ["app-a-rather-lo"]),
        ("port called app-http", {}, 8080, "http", ["app-http-2"]),
        ("linkerd", {}, 3000, "web", ["app-web"]),
        ("same port name in two containers", {}, 8080, "http", ["app-http"]),
    ],
)
def test_the_sidecar_takes_the_name_that_services_ask_for(
    name: str, annotations: dict[str, str], upstream: int, service_name: str, renamed: list[str]
) -> None:
    after = injected(shape(name), settled(**annotations), NEW)["spec"]
    sidecar = named(after, "waf-sidecar")
    assert {"name": "WAF_UPSTREAM", "value": f"http://127.0.0.1:{upstream}"} in sidecar["env"]
    assert holders(after, service_name) == ["waf-sidecar"]
    for new in renamed:
        assert "waf-sidecar" not in holders(after, new)
        assert holders(after, new)


def test_no_other_container_keeps_the_name() -> None:
    """Kubernetes looks through ordinary containers first: one that kept `http` would be found before ours."""
    after = injected(shape("same port name in two containers"), Settings(), NEW)["spec"]
    assert holders(after, "app-http") == ["a", "b"]
    after = injected(shape("native sidecar of another"), Settings(), NEW)["spec"]
    assert holders(after, "http") == ["waf-sidecar"]


def test_probes_and_hooks_by_name_follow_the_app() -> None:
    app = named(injected(shape("probes by name"), Settings(), NEW)["spec"], "app")
    assert app["livenessProbe"]["httpGet"]["port"] == "app-http"
    assert app["readinessProbe"]["tcpSocket"]["port"] == "app-http"
    assert app["startupProbe"]["httpGet"]["port"] == "app-http"
    assert app["lifecycle"]["preStop"]["httpGet"]["port"] == "app-http"


def test_probes_of_an_app_on_loopback_go_through_the_sidecar() -> None:
    for name in ("probes by name", "probes by number"):
        before = shape(name)
        after = injected(before, settled(probes="sidecar"), NEW)
        app = named(after["spec"], "app")
        assert app["livenessProbe"]["httpGet"]["port"] == 15006
        assert without(after)["spec"]["containers"] == before["spec"]["containers"]


@pytest.mark.parametrize("capture", CAPTURES)
def test_a_probe_of_another_port_is_left_alone(capture: str) -> None:
    before = shape("probe on a port of its own")
    app = named(injected(before, settled(capture=capture, probes="sidecar"), NEW)["spec"], "app")
    assert app["readinessProbe"] == before["spec"]["containers"][0]["readinessProbe"]
    assert app["livenessProbe"] == before["spec"]["containers"][0]["livenessProbe"]


@together(
    ("made", "annotations", "says"),
    [
        (pod(container("a", 8080, livenessProbe={"grpc": {"port": 8080}})), {"capture": "redirect"}, "gRPC"),
        (pod(container("a", 8080, livenessProbe={"grpc": {"port": 8080}})), {"probes": "sidecar"}, "gRPC"),
        (pod(container("a", 8443, livenessProbe=http(8443, scheme="HTTPS"))), {}, "HTTPS"),
        (pod(container("a", 15006)), {}, "already uses port 15006"),
        (pod(container("a", 8080), container("b", 15021)), {}, "container b already uses port 15021"),
        (pod(container("a", 9000)), {"listen_port": "9000"}, "set waf.sidecar/listen-port to another"),
        (shape("istio"), {"capture": "redirect"}, "istio-proxy would both redirect"),
        (shape("istio"), {"control_port": "15021"}, "istio-proxy already uses port 15021"),
        (pod(), {}, "no containers"),
        (pod(container("waf-sidecar", 80)), {}, "of its own"),
        (pod(container("a"), volumes=[{"name": "waf-state", "emptyDir": {}}]), {}, "volume waf-state"),
        ({"spec": {"containers": [{"name": 1}]}}, {}, "$.spec.containers[0].name"),
        ({"spec": {"containers": [{"name": "a", "ports": [{"containerPort": "80"}]}]}}, {}, "containerPort"),
        ({"spec": {}}, {}, "containers"),
        ([], {}, "not a pod"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_place(
    made: Any, annotations: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError) as error:
        inject(made, settled(**annotations), NEW)
    assert says in str(error.value)


def test_ours_step_out_of_the_way_of_a_mesh() -> None:
    after = injected(shape("istio"), Settings(), NEW)
    sidecar = named(after["spec"], "waf-sidecar")
    assert [p["containerPort"] for p in sidecar["ports"]] == [15106, 15121]
    assert sidecar["readinessProbe"]["httpGet"]["port"] == 15121
    assert after["metadata"]["annotations"]["prometheus.io/port"] == "15121"


def test_a_mesh_that_comes_later_is_taken_into_account_when_asked_again() -> None:
    late = injected(shape("one named port"), Settings(), NEW)
    late["spec"]["containers"].append(shape("istio")["spec"]["containers"][1])
    redone = apply(late, inject(late, Settings(), NEW))
    assert named(redone["spec"], "waf-sidecar")["ports"][0]["containerPort"] == 15106
    assert holders(redone["spec"], "http") == ["waf-sidecar"]


# ------------------------------------------------------------------------------------------ life cycle and identity


def test_a_native_sidecar_is_first_and_after_it_what_was_there() -> None:
    spec = injected(shape("init containers"), Settings(), NEW)["spec"]
    assert [c["name"] for c in spec["initContainers"]] == ["waf-sidecar", "migrate", "seed"]
    assert spec["initContainers"][0]["restartPolicy"] == "Always"
    spec = injected(shape("init containers"), settled(capture="redirect"), NEW)["spec"]
    assert [c["name"] for c in spec["initContainers"]] == ["waf-redirect", "waf-sidecar", "migrate", "seed"]


def test_an_old_cluster_gets_an_ordinary_container() -> None:
    after = injected(shape("init containers"), Settings(), OLD)
    assert [c["name"] for c in after["spec"]["containers"]] == ["waf-sidecar", "app"]
    assert "restartPolicy" not in after["spec"]["containers"][0]
    assert after["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"] == "app"


@pytest.mark.parametrize(
    ("name", "grace"),
    [("one number", 40), ("long grace", 600), ("no grace", 0), ("short grace", 40)],
)
def test_there_is_time_to_drain(name: str, grace: int) -> None:
    before = shape(name)
    after = injected(before, Settings(), NEW)
    assert after["spec"]["terminationGracePeriodSeconds"] == grace
    back = without(after)["spec"]
    assert back.get("terminationGracePeriodSeconds") == before["spec"].get("terminationGracePeriodSeconds")


def test_a_job_is_left_alone_where_its_sidecar_would_never_end() -> None:
    assert "never ends" in unfit(shape("job"), Settings(), OLD)
    assert unfit(shape("job"), Settings(), NEW) == ""
    assert "never ends" in unfit(shape("job"), settled(native="false"), NEW)
    assert unfit(shape("one number"), Settings(), OLD) == ""


@pytest.mark.parametrize("capture", CAPTURES)
def test_the_sidecar_passes_the_restricted_standard(capture: str) -> None:
    context = named(injected(shape("one number"), settled(capture=capture), NEW)["spec"], "waf-sidecar")[
        "securityContext"
    ]
    assert context == {
        "runAsNonRoot": True,
        "runAsUser": 1337,
        "runAsGroup": 1337,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_redirect_asks_for_net_admin_and_nothing_else() -> None:
    spec = injected(shape("one number"), settled(capture="redirect", excluded_ports="9090,22"), NEW)["spec"]
    init = named(spec, "waf-redirect")
    assert init["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    assert init["securityContext"]["privileged"] is False
    assert init["args"][:8] == ["redirect", "--apply", "--port", "8080", "--to", "15006", "--uid", "1337"]
    assert init["args"][8:] == ["--exclude", "22", "--exclude", "9090", "--exclude", "15021"]


def test_the_token_is_the_sidecars_alone() -> None:
    spec = injected(shape("one number"), settled(fleet="fleet.waf-system.svc:8443"), NEW)["spec"]
    mounted = [c["name"] for c in [*spec["initContainers"], *spec["containers"]]
               for m in c.get("volumeMounts", []) if m["name"] == "waf-identity"]  # fmt: skip
    assert mounted == ["waf-sidecar"]
    volume = next(v for v in spec["volumes"] if v["name"] == "waf-identity")
    assert volume["projected"]["sources"][0]["serviceAccountToken"]["audience"] == "waf-fleet"
    none = injected(shape("one number"), Settings(), NEW)["spec"]
    assert "waf-identity" not in json.dumps(none)


def test_layers_of_configuration_are_mounted_whole_the_nearest_last() -> None:
    wish = settle(Settings(), {PREFIX + "config": "team"}, {PREFIX + "config": "shop"})
    spec = injected(shape("one number"), wish, NEW)["spec"]
    sidecar = named(spec, "waf-sidecar")
    files = next(e["value"] for e in sidecar["env"] if e["name"] == "WAF_CONFIG")
    assert files == "/etc/waf/waf-config/waf.yaml:/etc/waf/team/waf.yaml:/etc/waf/shop/waf.yaml"
    assert not any("subPath" in mount for mount in sidecar["volumeMounts"])
    assert [v["configMap"]["name"] for v in spec["volumes"] if "configMap" in v] == [
        "waf-config",
        "team",
        "shop",
    ]
    assert "WAF_CONFIG" not in json.dumps(injected(shape("one number"), settled(config=""), NEW))


@pytest.mark.parametrize(("family", "address"), [("ipv4", "0.0.0.0"), ("ipv6", "[::]")])
def test_the_sidecar_listens_on_every_address_of_its_family(family: str, address: str) -> None:
    from waf.config.address import parse_endpoint

    sidecar = named(injected(shape("one number"), settled(address_family=family), NEW)["spec"], "waf-sidecar")
    told = {e["name"]: e.get("value", "") for e in sidecar["env"]}
    assert told["WAF_LISTEN"] == f"{address}:15006"
    assert told["WAF_CONTROL_LISTEN"] == f"{address}:15021"
    assert parse_endpoint(told["WAF_LISTEN"]).port == 15006


def test_what_the_sidecar_is_told_is_what_it_reads() -> None:
    from waf.config.layers import ENVIRONMENT, OTHER_VARIABLES

    spec = injected(shape("one number"), settled(mode="protect", fleet="f:1", drain_seconds="60"), NEW)[
        "spec"
    ]
    told = {e["name"] for e in named(spec, "waf-sidecar")["env"] if e["name"].startswith("WAF_")}
    assert told - ENVIRONMENT.keys() - OTHER_VARIABLES <= {"WAF_FLEET", "WAF_DRAIN"}


def test_annotations_of_others_are_kept() -> None:
    annotations = injected(shape("scraped"), Settings(), NEW)["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == "9090"
    assert "prometheus.io/path" not in annotations


@pytest.mark.parametrize(
    ("made", "workload"),
    [
        (shape("deployment's"), "shop"),
        (shape("one number"), "shop"),
        ({"metadata": {"name": "lone"}}, "lone"),
        ({"metadata": {"generateName": "batch-"}}, "batch"),
        ({}, "default"),
        ({"metadata": {"ownerReferences": [{"kind": "Job", "name": "nightly-28391040", "controller": True}]}},
         "nightly"),
        ({"metadata": {"ownerReferences": [{"kind": "StatefulSet", "name": "db", "controller": True}]}}, "db"),
        ({"metadata": {"ownerReferences": [{"kind": "ReplicaSet", "name": "bare-set", "controller": True}]}},
         "bare-set"),
        ({"metadata": {"name": "n", "ownerReferences": [{"kind": "Node", "name": "x"}]}}, "n"),
    ],
)  # fmt: skip
def test_replicas_learn_under_the_name_of_their_workload(made: Any, workload: str) -> None:
    assert workload_of(made) == workload


# ------------------------------------------------------------------------------------------ who is injected


@together(
    ("of_namespace", "of_pod", "more", "namespace", "why_not"),
    [
        ("true", None, {}, "shop", ""),
        (None, "true", {}, "shop", ""),
        (None, None, {}, "shop", "not opted in"),
        ("true", "false", {}, "shop", "opted out by label"),
        ("false", "true", {}, "shop", "opted out by label"),
        ("True", None, {}, "shop", "not opted in"),
        ("true", "true", {"hostNetwork": True}, "shop", "the pod uses the host's network"),
        ("true", "true", {"os": {"name": "windows"}}, "shop", "the sidecar runs on Linux only"),
        ("true", "true", {}, "kube-system", "namespace kube-system belongs to the cluster"),
        ("true", None, {"initContainers": [container("waf-sidecar")]}, "shop",
         "it has a container waf-sidecar of its own"),
    ],
)  # fmt: skip
def test_who_is_injected(of_namespace: Any, of_pod: Any, more: Any, namespace: str, why_not: str) -> None:
    labels = {LABEL_INJECT: of_pod} if of_pod else None
    around = {LABEL_INJECT: of_namespace} if of_namespace else {}
    assert wanted(around, pod(container("a"), labels=labels, **more), namespace) == why_not


def test_what_the_webhook_made_is_done_anew_and_what_a_person_made_is_kept() -> None:
    ours = {LABEL_INJECT: "true"}
    assert wanted(ours, injected(shape("one number"), Settings(), NEW)) == ""
    assert wanted(ours, injected(shape("one number"), Settings(), NEW, "manifest")) == (
        "already injected into the manifest"
    )


def test_a_forged_status_does_not_spare_a_pod() -> None:
    forged = shape("one number")
    for status in ('{"by":"manifest"}', "injected", "[]", '{"renamed":7}', "[" * 5000):
        forged["metadata"]["annotations"] = {STATUS: status}
        assert wanted({LABEL_INJECT: "true"}, forged) == ""
        assert named(injected(forged, Settings(), NEW)["spec"], "waf-sidecar")


def test_a_note_that_is_not_of_our_length_is_passed_over() -> None:
    forged = shape("one named port")
    renamed = {f"x{n}": "y" for n in range(20_000)} | {"http": "stolen"}
    forged["metadata"]["annotations"] = {STATUS: json.dumps({"by": "webhook", "renamed": renamed})}
    assert without(forged)["spec"] == shape("one named port")["spec"]


def test_remarks_tell_of_ways_past_the_sidecar() -> None:
    assert remarks(shape("one named port"), Settings()) == []
    assert "has no name" in remarks(shape("one number"), Settings())[0]
    assert "targetPort is waf-http" in remarks(shape("one number"), settled(capture="service"))[0]
    enforced = {"pod-security.kubernetes.io/enforce": "restricted"}
    with pytest.raises(SettingsError, match="needs NET_ADMIN"):
        remarks(shape("one number"), settled(capture="redirect"), enforced)
    assert remarks(shape("one number"), settled(capture="redirect")) == []


# ------------------------------------------------------------------------------------------ any pod

_NAMES = st.sampled_from(["http", "web", "grpc", "app-http", "metrics", "app-web", "abcdefghijklmno"])
_PORT = st.builds(
    lambda name, number, protocol: {"name": name, "containerPort": number, "protocol": protocol},
    _NAMES,
    st.integers(1, 14_999),
    st.sampled_from(["TCP", "UDP"]),
)
_PROBE = st.one_of(
    st.builds(lambda port: {"httpGet": {"port": port}}, st.one_of(_NAMES, st.integers(1, 14_999))),
    st.builds(lambda port: {"tcpSocket": {"port": port}}, st.one_of(_NAMES, st.integers(1, 14_999))),
)


@st.composite
def pods(draw: st.DrawFn) -> dict[str, Any]:
    made = []
    for i in range(draw(st.integers(1, 3))):
        ports = draw(
            st.lists(_PORT, max_size=3, unique_by=(lambda p: p["name"], lambda p: p["containerPort"]))
        )
        one: dict[str, Any] = {"name": f"c{i}", "image": "i", "ports": ports}
        if draw(st.booleans()):
            one["readinessProbe"] = draw(_PROBE)
        made.append(one)
    spec = {"containers": made}
    grace = draw(st.one_of(st.none(), st.integers(0, 100)))
    return {
        "metadata": {"name": "p"},
        "spec": spec | ({"terminationGracePeriodSeconds": grace} if grace else {}),
    }


@settings(max_examples=150, deadline=None)
@given(pods(), st.sampled_from(CAPTURES), st.sampled_from(["app", "sidecar"]), st.sampled_from([NEW, OLD]))
def test_for_any_pod(before: dict[str, Any], capture: str, probes: str, version: tuple[int, int]) -> None:
    wish = settled(capture=capture, probes=probes)
    once = injected(before, wish, version)
    assert apply(before, inject(before, wish, version)) == once
    assert injected(once, wish, version) == once
    assert without(once) == before
    sidecar = named(once["spec"], "waf-sidecar")
    assert holders(once["spec"], sidecar["ports"][0]["name"]) == ["waf-sidecar"]
    assert check_shape(once) is once
