"""The containers and volumes that an injection adds, as Kubernetes reads them. Decides nothing about the pod."""

from __future__ import annotations

from typing import Any, Final

from waf.kube.pods import REDIRECT, SIDECAR, Object
from waf.kube.settings import Settings

UID: Final = 1337
TOKEN_AUDIENCE: Final = "waf-fleet"
TOKEN_PATH: Final = "/var/run/secrets/waf/token"
TOKEN_SECONDS: Final = 3600
CONFIG_DIR: Final = "/etc/waf"
STATE_DIR: Final = "/var/lib/waf"
STATE_VOLUME: Final = "waf-state"
TOKEN_VOLUME: Final = "waf-identity"
CONFIG_VOLUME: Final = "waf-config-"  # and the layer's number, counted from the farthest
DEFAULT_DRAIN: Final = 25  # seconds; timeouts.drain


def is_ours(volume: str) -> bool:
    """Whether a volume of this name is one that `volumes` makes."""
    return volume in (STATE_VOLUME, TOKEN_VOLUME) or (
        volume.startswith(CONFIG_VOLUME) and volume.removeprefix(CONFIG_VOLUME).isdigit()
    )


def sidecar(
    settings: Settings, *, app_port: int, port_name: str, workload: str, version: str, native: bool
) -> Object:
    """The sidecar's container; `port_name` is the name by which Services find it."""
    health = {"path": "/healthz", "port": settings.control_port}
    ready = {"path": "/readyz", "port": settings.control_port}
    container: Object = {
        "name": SIDECAR,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["run"],
        "ports": [
            {"name": port_name, "containerPort": settings.listen_port, "protocol": "TCP"},
            {"name": "waf-control", "containerPort": settings.control_port, "protocol": "TCP"},
        ],
        "env": _environment(settings, app_port, workload, version),
        "resources": _resources(settings),
        "volumeMounts": _mounts(settings),
        # Slow answers under load are no reason to kill what stands in the path of every request.
        "livenessProbe": {"httpGet": health, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "readinessProbe": {"httpGet": ready, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 3},
        # A native sidecar's startup probe holds the app back: no request meets an app without its firewall.
        "startupProbe": {"httpGet": ready, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 60},
        "terminationMessagePolicy": "FallbackToLogsOnError",  # a mistake in waf.yaml stands in `kubectl describe`
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": UID,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    if native:
        container["restartPolicy"] = "Always"
    return container


def redirect(settings: Settings, app_port: int) -> Object:
    """The init container that leads the app's port to the sidecar (see `waf.kube.redirect`)."""
    excluded = sorted({settings.control_port, *settings.excluded_ports})
    return {
        "name": REDIRECT,
        "image": settings.image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": [
            "redirect", "--apply", "--port", str(app_port), "--to", str(settings.listen_port), "--uid", str(UID),
            *(word for port in excluded for word in ("--exclude", str(port))),
        ],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        # nftables in the pod's own network namespace needs NET_ADMIN and uid 0, and nothing else.
        "securityContext": {
            "runAsNonRoot": False,
            "runAsUser": 0,
            "runAsGroup": 0,
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }  # fmt: skip


def volumes(settings: Settings) -> list[Object]:
    """The state, one volume for each layer of configuration, and the token by which the fleet knows the pod."""
    made: list[Object] = [{"name": STATE_VOLUME, "emptyDir": {"sizeLimit": "128Mi"}}]
    for number, name in enumerate(settings.config):
        # Optional: a missing ConfigMap means that this layer says nothing, not a pod that cannot start.
        made.append({"name": f"{CONFIG_VOLUME}{number}", "configMap": {"name": name, "optional": True}})
    if settings.fleet:
        token = {"audience": TOKEN_AUDIENCE, "expirationSeconds": TOKEN_SECONDS, "path": "token"}
        # The fleet's authority is copied into opted-in namespaces; until it is there the sidecar learns alone.
        authority = {"name": "waf-fleet-ca", "optional": True, "items": [{"key": "ca.crt", "path": "ca.crt"}]}
        sources: list[Object] = [{"serviceAccountToken": token}, {"configMap": authority}]
        made.append({"name": TOKEN_VOLUME, "projected": {"sources": sources}})
    return made


def _mounts(settings: Settings) -> list[Object]:
    mounts: list[Object] = [{"name": STATE_VOLUME, "mountPath": STATE_DIR}]
    for number, name in enumerate(settings.config):
        # Whole directories, never a subPath: only those follow a change of the ConfigMap.
        mounts.append(
            {"name": f"{CONFIG_VOLUME}{number}", "mountPath": f"{CONFIG_DIR}/{name}", "readOnly": True}
        )
    if settings.fleet:
        mounts.append({"name": TOKEN_VOLUME, "mountPath": TOKEN_PATH.rpartition("/")[0], "readOnly": True})
    return mounts


def _environment(settings: Settings, app_port: int, workload: str, version: str) -> list[Object]:
    everywhere = "[::]" if settings.family == "ipv6" else "0.0.0.0"
    values = {
        "WAF_CONFIG": ":".join(f"{CONFIG_DIR}/{name}/waf.yaml" for name in settings.config),
        "WAF_LISTEN": f"{everywhere}:{settings.listen_port}",
        "WAF_UPSTREAM": f"http://127.0.0.1:{app_port}",
        # Other hosts may ask for health and metrics; all else on this port needs the token.
        "WAF_CONTROL_LISTEN": f"{everywhere}:{settings.control_port}",
        "WAF_STATE_DIR": STATE_DIR,
        "WAF_WORKLOAD": settings.workload or workload,
        "WAF_APP_VERSION": version,
        "WAF_MODE": settings.mode,
        "WAF_DRAIN": str(settings.drain_seconds) if settings.drain_seconds != DEFAULT_DRAIN else "",
        "WAF_FLEET": settings.fleet,
    }
    made: list[Object] = [{"name": name, "value": value} for name, value in values.items() if value]
    made.append(
        {
            "name": "WAF_CONTROL_TOKEN",
            "valueFrom": {"secretKeyRef": {"name": "waf-control", "key": "token", "optional": True}},
        }
    )
    identity = {
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "NODE_NAME": "spec.nodeName",
    }
    for variable, path in identity.items():
        made.append({"name": variable, "valueFrom": {"fieldRef": {"fieldPath": path}}})
    return made


def _resources(settings: Settings) -> dict[str, Any]:
    wanted = settings.resources
    out: dict[str, Any] = {"requests": {"cpu": wanted.cpu_request, "memory": wanted.memory_request}}
    limits = {k: v for k, v in (("cpu", wanted.cpu_limit), ("memory", wanted.memory_limit)) if v}
    if limits:
        out["limits"] = limits
    return out
