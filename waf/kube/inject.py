"""The one pure function behind webhook, command line and tests: a pod in, a JSON patch out.

`inject(pod, settings, server_version)` is idempotent: a pod that carries our containers is taken as it was before
they were added. It never reads anything but its arguments.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from waf.kube.settings import STATUS, Settings, SettingsError

SIDECAR: Final = "waf-sidecar"
REDIRECT: Final = "waf-redirect"
UID: Final = 1337
NATIVE_SINCE: Final = (1, 29)  # initContainers[].restartPolicy is on by default (Kubernetes enhancement 753)
APP_PORT_PREFIX: Final = "app-"
_CONFIG_VOLUME: Final = "waf-config"
_STATE_VOLUME: Final = "waf-state"
_TOKEN_VOLUME: Final = "waf-identity"
_VOLUMES: Final = frozenset({_CONFIG_VOLUME, _STATE_VOLUME, _TOKEN_VOLUME})
TOKEN_AUDIENCE: Final = "waf-fleet"

Pod = dict[str, Any]
Patch = list[dict[str, Any]]


def inject(pod: Mapping[str, Any], settings: Settings, server_version: tuple[int, int]) -> Patch:
    """The JSON patch (RFC 6902) that puts the sidecar into `pod`; empty where nothing would change.

    Raises SettingsError where the pod cannot be served as asked, with the mend.
    """
    after = injected(pod, settings, server_version)
    patch: Patch = []
    before_meta, after_meta = pod.get("metadata") or {}, after["metadata"]
    if "metadata" not in pod:
        patch.append({"op": "add", "path": "/metadata", "value": after_meta})
    elif before_meta.get("annotations") != after_meta.get("annotations"):
        patch.append({"op": "add", "path": "/metadata/annotations", "value": after_meta["annotations"]})
    before_spec, after_spec = pod["spec"], after["spec"]
    for key in sorted(after_spec):
        if before_spec.get(key) != after_spec[key]:
            patch.append({"op": "add", "path": f"/spec/{key}", "value": after_spec[key]})
    return patch


def injected(pod: Mapping[str, Any], settings: Settings, server_version: tuple[int, int]) -> Pod:
    """The pod with its sidecar. See `inject`."""
    out = without(pod)
    spec = out["spec"]
    containers: list[dict[str, Any]] = spec.get("containers") or []
    if not containers:
        raise SettingsError("the pod has no containers")
    native = settings.native if settings.native is not None else server_version >= NATIVE_SINCE
    app_port, port_name = _app_port(containers, settings)
    if settings.listen_port in _numbers(containers):
        raise SettingsError(f"a container already uses port {settings.listen_port}; set another listen-port")
    if settings.control_port in _numbers(containers):
        raise SettingsError(
            f"a container already uses port {settings.control_port}; set another control-port"
        )
    if settings.capture == "port-name":
        _take_over(containers, app_port, port_name)
    sidecar = _sidecar(settings, app_port, port_name, native)
    if native:
        spec["initContainers"] = [sidecar, *(spec.get("initContainers") or [])]
    else:
        spec["containers"] = [sidecar, *containers]
    if settings.capture == "redirect":
        spec["initContainers"] = [_redirect(settings, app_port), *(spec.get("initContainers") or [])]
    spec["volumes"] = [*(spec.get("volumes") or []), *_volumes(settings)]
    annotations = dict(out["metadata"].get("annotations") or {})
    annotations[STATUS] = "injected"
    annotations.setdefault("prometheus.io/scrape", "true")
    annotations.setdefault("prometheus.io/port", str(settings.control_port))
    annotations.setdefault("prometheus.io/path", "/metrics")
    out["metadata"]["annotations"] = annotations
    return out


def without(pod: Mapping[str, Any]) -> Pod:
    """A copy of the pod as it was before an injection."""
    out: Pod = copy.deepcopy(dict(pod))
    out.setdefault("metadata", {})
    spec = out["spec"] = dict(out.get("spec") or {})
    ours = {SIDECAR, REDIRECT}
    for key in ("initContainers", "containers"):
        if key in spec:
            spec[key] = [c for c in spec[key] if c.get("name") not in ours]
    if "initContainers" in spec and not spec["initContainers"]:
        del spec["initContainers"]
    if "volumes" in spec:
        spec["volumes"] = [v for v in spec["volumes"] if v.get("name") not in _VOLUMES]
        if not spec["volumes"]:
            del spec["volumes"]
    if (out["metadata"].get("annotations") or {}).get(STATUS):
        for container in spec.get("containers") or []:
            for port in container.get("ports") or []:
                if port.get("name", "").startswith(APP_PORT_PREFIX):
                    port["name"] = port["name"].removeprefix(APP_PORT_PREFIX)
    return out


def _numbers(containers: list[dict[str, Any]]) -> set[int]:
    return {p["containerPort"] for c in containers for p in c.get("ports") or [] if "containerPort" in p}


def _app_port(containers: list[dict[str, Any]], settings: Settings) -> tuple[int, str]:
    """(number, name) of the app's port: annotation > port named http > first TCP port > 8080."""
    ports = [p for c in containers for p in c.get("ports") or [] if p.get("protocol", "TCP") == "TCP"]
    if settings.app_port:
        named = next((p.get("name", "") for p in ports if p.get("containerPort") == settings.app_port), "")
        return settings.app_port, named
    for port in ports:
        if port.get("name") == "http":
            return port["containerPort"], "http"
    if ports:
        return ports[0]["containerPort"], ports[0].get("name", "")
    return 8080, ""


def _take_over(containers: list[dict[str, Any]], app_port: int, port_name: str) -> None:
    """Give the app's port another name, so that a Service's `targetPort: http` leads to the sidecar.

    If both kept the name, traffic would silently go past the firewall. Probes by name must follow the app.
    """
    if not port_name:
        return
    renamed = (APP_PORT_PREFIX + port_name)[:15].rstrip("-")
    for container in containers:
        for port in container.get("ports") or []:
            if port.get("name") == port_name and port.get("containerPort") == app_port:
                port["name"] = renamed
        for key in ("livenessProbe", "readinessProbe", "startupProbe"):
            for action in ("httpGet", "tcpSocket"):
                check = (container.get(key) or {}).get(action)
                if check and check.get("port") == port_name:
                    check["port"] = renamed
        for hook in ((container.get("lifecycle") or {}).get(k) or {} for k in ("postStart", "preStop")):
            check = hook.get("httpGet")
            if check and check.get("port") == port_name:
                check["port"] = renamed


def _sidecar(settings: Settings, app_port: int, port_name: str, native: bool) -> dict[str, Any]:
    name = port_name if settings.capture == "port-name" and port_name else "waf-http"
    environment = [
        {"name": "WAF_LISTEN", "value": f"0.0.0.0:{settings.listen_port}"},
        {"name": "WAF_UPSTREAM", "value": f"http://127.0.0.1:{app_port}"},
        {"name": "WAF_CONTROL_LISTEN", "value": f"0.0.0.0:{settings.control_port}"},
        {"name": "WAF_STATE_DIR", "value": "/var/lib/waf"},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]
    if settings.mode:
        environment.append({"name": "WAF_MODE", "value": settings.mode})
    if settings.workload:
        environment.append({"name": "WAF_WORKLOAD", "value": settings.workload})
    if settings.config:
        environment.append({"name": "WAF_CONFIG", "value": "/etc/waf/waf.yaml"})
    mounts = [{"name": _STATE_VOLUME, "mountPath": "/var/lib/waf"}]
    if settings.config:
        mounts.append({"name": _CONFIG_VOLUME, "mountPath": "/etc/waf", "readOnly": True})  # type: ignore[dict-item]
    if settings.fleet:
        environment.append({"name": "WAF_FLEET", "value": settings.fleet})
        mounts.append({"name": _TOKEN_VOLUME, "mountPath": "/var/run/secrets/waf", "readOnly": True})  # type: ignore[dict-item]
    health = {"path": "/healthz", "port": settings.control_port}
    ready = {"path": "/readyz", "port": settings.control_port}
    sidecar: dict[str, Any] = {
        "name": SIDECAR,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["run"],
        "ports": [
            {"name": name, "containerPort": settings.listen_port, "protocol": "TCP"},
            {"name": "waf-control", "containerPort": settings.control_port, "protocol": "TCP"},
        ],
        "env": environment,
        "resources": _resources(settings),
        "volumeMounts": mounts,
        # Slow answers under load are no reason to kill what stands in the path of every request.
        "livenessProbe": {"httpGet": health, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "readinessProbe": {"httpGet": ready, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 3},
        "startupProbe": {"httpGet": ready, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 60},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": UID,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if native:
        sidecar["restartPolicy"] = "Always"
    return sidecar


def _resources(settings: Settings) -> dict[str, Any]:
    wanted = settings.resources
    out: dict[str, Any] = {"requests": {"cpu": wanted.cpu_request, "memory": wanted.memory_request}}
    limits = {k: v for k, v in (("cpu", wanted.cpu_limit), ("memory", wanted.memory_limit)) if v}
    if limits:
        out["limits"] = limits
    return out


def _redirect(settings: Settings, app_port: int) -> dict[str, Any]:
    excluded = {settings.control_port, *settings.excluded_ports}
    return {
        "name": REDIRECT,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": [
            "redirect", "--to", str(settings.listen_port), "--uid", str(UID), "--port", str(app_port),
            *(a for port in sorted(excluded) for a in ("--exclude", str(port))),
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        # nftables in the pod's own network namespace needs NET_ADMIN and uid 0, and nothing else.
        "securityContext": {
            "runAsUser": 0,
            "runAsGroup": 0,
            "runAsNonRoot": False,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }  # fmt: skip


def _volumes(settings: Settings) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [{"name": _STATE_VOLUME, "emptyDir": {"sizeLimit": "128Mi"}}]
    if settings.config:
        # Optional: a missing ConfigMap means the built-in defaults, not a pod that cannot start.
        volumes.append({"name": _CONFIG_VOLUME, "configMap": {"name": settings.config, "optional": True}})
    if settings.fleet:
        token = {
            "serviceAccountToken": {"audience": TOKEN_AUDIENCE, "expirationSeconds": 3600, "path": "token"}
        }
        volumes.append({"name": _TOKEN_VOLUME, "projected": {"sources": [token]}})
    return volumes
