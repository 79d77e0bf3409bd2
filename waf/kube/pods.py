"""What can be said of a pod as it is: whether its shape can be read, whether it wants a sidecar, whose it is.

Only reads. The structs name the parts that this room reads, so that a pod of another shape is refused with its
place before anything is done; all other keys pass unseen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from waf.kube.settings import LABEL_INJECT, STATUS, Settings, SettingsError

SIDECAR: Final = "waf-sidecar"
REDIRECT: Final = "waf-redirect"
SYSTEM_NAMESPACES: Final = frozenset({"kube-system", "kube-public", "kube-node-lease"})
NATIVE_SINCE: Final = (1, 29)  # initContainers[].restartPolicy is on by default (Kubernetes enhancement 753)
ENFORCE_LABEL: Final = "pod-security.kubernetes.io/enforce"
OPTED_OUT: Final = "opted out by label"
NOT_OPTED_IN: Final = "not opted in"
WEBHOOK: Final = "webhook"  # in the status: injected at admission, to be redone when asked again
OFFLINE: Final = "manifest"  # in the status: injected into a manifest, to be left as it is
MIRROR: Final = "kubernetes.io/config.mirror"

Object = dict[str, Any]

Port = int | str


class _PortShape(msgspec.Struct):
    containerPort: int
    name: str | None = None
    protocol: str | None = None


class _CheckShape(msgspec.Struct):
    port: Port
    scheme: str | None = None


class _ProbeShape(msgspec.Struct):
    httpGet: _CheckShape | None = None
    tcpSocket: _CheckShape | None = None
    grpc: _CheckShape | None = None


class _LifecycleShape(msgspec.Struct):
    postStart: _ProbeShape | None = None
    preStop: _ProbeShape | None = None


class _ContainerShape(msgspec.Struct):
    name: str
    image: str | None = None
    ports: list[_PortShape] | None = None
    livenessProbe: _ProbeShape | None = None
    readinessProbe: _ProbeShape | None = None
    startupProbe: _ProbeShape | None = None
    lifecycle: _LifecycleShape | None = None
    restartPolicy: str | None = None


class _VolumeShape(msgspec.Struct):
    name: str


class _SpecShape(msgspec.Struct):
    containers: list[_ContainerShape]
    initContainers: list[_ContainerShape] | None = None
    volumes: list[_VolumeShape] | None = None
    terminationGracePeriodSeconds: int | None = None
    restartPolicy: str | None = None
    hostNetwork: bool | None = None


class _OwnerShape(msgspec.Struct):
    kind: str
    name: str
    controller: bool | None = None


class _MetaShape(msgspec.Struct):
    name: str | None = None
    generateName: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    ownerReferences: list[_OwnerShape] | None = None


class _PodShape(msgspec.Struct):
    spec: _SpecShape
    metadata: _MetaShape | None = None


def check_shape(pod: Any) -> Object:
    """The pod itself if every part that is read here has its type. Raises SettingsError with the place."""
    try:
        msgspec.convert(pod, _PodShape)
    except msgspec.ValidationError as error:
        raise SettingsError(f"not a pod: {error}") from None
    assert isinstance(pod, dict)
    return pod


def wanted(namespace_labels: Mapping[str, str], pod: Mapping[str, Any], namespace: str = "") -> str:
    """Why a pod is not to be injected, "" if it is: the label on pod or namespace asks, and nothing forbids it."""
    metadata = pod.get("metadata") or {}
    spec = pod.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    of_pod = (metadata.get("labels") or {}).get(LABEL_INJECT)
    of_namespace = namespace_labels.get(LABEL_INJECT)
    if "false" in (of_pod, of_namespace):
        return OPTED_OUT
    if "true" not in (of_pod, of_namespace):
        return NOT_OPTED_IN
    if namespace in SYSTEM_NAMESPACES:
        return f"namespace {namespace} belongs to the cluster"
    if spec.get("hostNetwork"):
        return "the pod uses the host's network"
    if MIRROR in annotations:
        return "a static pod cannot be changed through the API"
    if (spec.get("os") or {}).get("name") == "windows":
        return "the sidecar runs on Linux only"
    if _ours(spec):
        if STATUS not in annotations:
            return f"it has a container {SIDECAR} of its own"
        if status_of(pod).get("by") != WEBHOOK:
            return "already injected into the manifest"
    return ""


def status_of(pod: Mapping[str, Any]) -> Object:
    """What an injection noted of its changes; empty where there was none or the note cannot be read."""
    text = ((pod.get("metadata") or {}).get("annotations") or {}).get(STATUS) or ""
    try:
        status = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return status if isinstance(status, dict) else {}


def unfit(pod: Mapping[str, Any], settings: Settings, server_version: tuple[int, int]) -> str:
    """Why a pod that wants a sidecar is better left without one, "" if it is not."""
    if not is_native(settings, server_version) and (pod["spec"].get("restartPolicy") or "Always") != "Always":
        return "a Job beside an ordinary sidecar container never ends; native sidecars need Kubernetes 1.29"
    return ""


def is_native(settings: Settings, server_version: tuple[int, int]) -> bool:
    return settings.native if settings.native is not None else server_version >= NATIVE_SINCE


def _ours(spec: Mapping[str, Any]) -> bool:
    both = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return any(container.get("name") == SIDECAR for container in both)


_CRON_SUFFIX: Final = re.compile(r"-[0-9]{8,10}$")  # a CronJob's Job ends in the time at which it was due
_NO_NAME: Final = re.compile(r"[^a-z0-9.-]+")
_NAME_LABELS: Final = ("app.kubernetes.io/name", "app", "k8s-app")


def workload_of(pod: Mapping[str, Any]) -> str:
    """The name under which all replicas of the app learn: of the controller, else by label, else of the pod.

    It is the name of a WafProfile as well, and so written as Kubernetes writes names (RFC 1123, section 2.1).
    """
    parts = (part.strip("-") for part in _NO_NAME.sub("-", _named(pod).lower()).split("."))
    return ".".join(part for part in parts if part)[:253].rstrip("-.") or "default"


def _named(pod: Mapping[str, Any]) -> str:
    metadata = pod.get("metadata") or {}
    labels = metadata.get("labels") or {}
    for owner in metadata.get("ownerReferences") or []:
        if not owner.get("controller"):
            continue
        name = str(owner["name"])
        match owner["kind"]:
            case "ReplicaSet" if labels.get("pod-template-hash"):
                return name.removesuffix("-" + labels["pod-template-hash"])
            case "Job":
                return _CRON_SUFFIX.sub("", name)
            case _:
                return name
    for label in _NAME_LABELS:
        if labels.get(label):
            return str(labels[label])
    return str(metadata.get("name") or (metadata.get("generateName") or "").rstrip("-") or "default")
