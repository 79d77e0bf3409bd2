"""What a pod's annotations and the cluster's defaults say about its sidecar, checked before anything is changed.

Precedence: pod annotation, namespace annotation, cluster default. A mistake is an error that names the annotation,
what is wrong and the mend; it is shown to the person who creates the pod.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

PREFIX: Final = "waf.sidecar/"
LABEL_INJECT: Final = "waf.sidecar/inject"  # on a namespace or a pod: "true" or "false"; "false" wins
STATUS: Final = PREFIX + "status"  # set by us; a pod that has it is left alone

Capture = Literal["port-name", "redirect", "none"]


class Resources(msgspec.Struct, frozen=True):
    cpu_request: str = "50m"
    cpu_limit: str = ""
    memory_request: str = "64Mi"
    memory_limit: str = "128Mi"


class Settings(msgspec.Struct, frozen=True):
    """All that the patch depends on beside the pod and the server's version."""

    image: str = "waf-sidecar:latest"
    image_pull_policy: str = "IfNotPresent"
    mode: str = ""  # "" = what the configuration says
    config: str = "waf-config"  # ConfigMap with waf.yaml and tuning.yaml, in the pod's namespace; "" for none
    listen_port: int = 15006
    control_port: int = 15021
    app_port: int = 0  # 0 = found: the port named http, else the first port, else 8080
    excluded_ports: tuple[int, ...] = ()  # never redirected
    capture: Capture = "port-name"
    resources: Resources = Resources()
    workload: str = ""  # "" = from the pod's owner or name
    native: bool | None = None  # None = by the server's version
    fleet: str = ""  # host:port of the fleet controller, "" for none
    drain_seconds: int = 25


class SettingsError(Exception):
    """Annotations that cannot be used; the text names each of them with its mend."""


_QUANTITY: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:m|k|Ki|M|Mi|G|Gi)?")
_NAME: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_IMAGE: Final = re.compile(r"[a-z0-9][a-zA-Z0-9._:/@-]{0,400}")
_HOST_PORT: Final = re.compile(r"[a-z0-9.-]+:[0-9]{1,5}")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ValueError("not a port; write a number from 1 to 65535")
    return int(text)


def _unprivileged_port(text: str) -> int:
    port = _port(text)
    if port < 1024:
        raise ValueError("the sidecar runs without privileges; choose a port from 1024 on")
    return port


def _ports(text: str) -> tuple[int, ...]:
    return tuple(_port(part.strip()) for part in text.split(",") if part.strip())


def _one_of(*words: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return check


def _fits(pattern: re.Pattern[str], mend: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(mend)
        return text

    return check


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError('write "true" or "false"')
    return text == "true"


def _seconds(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3600:
        raise ValueError("write seconds from 1 to 3600")
    return int(text)


_quantity = _fits(_QUANTITY, 'not a quantity; write for example "100m" or "64Mi"')
_name = _fits(_NAME, "not a Kubernetes name: lower-case letters, digits, - and .")

ANNOTATIONS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "image": ("image", _fits(_IMAGE, "not an image reference")),
    "image-pull-policy": ("image_pull_policy", _one_of("Always", "IfNotPresent", "Never")),
    "mode": ("mode", _one_of("off", "monitor", "protect")),
    "config": ("config", lambda text: text and _name(text)),
    "listen-port": ("listen_port", _unprivileged_port),
    "control-port": ("control_port", _unprivileged_port),
    "app-port": ("app_port", _port),
    "excluded-ports": ("excluded_ports", _ports),
    "capture": ("capture", _one_of("port-name", "redirect", "none")),
    "cpu-request": ("resources.cpu_request", _quantity),
    "cpu-limit": ("resources.cpu_limit", _quantity),
    "memory-request": ("resources.memory_request", _quantity),
    "memory-limit": ("resources.memory_limit", _quantity),
    "workload": ("workload", _name),
    "native": ("native", _boolean),
    "fleet": ("fleet", _fits(_HOST_PORT, 'not an address; write "host:port"')),
    "drain-seconds": ("drain_seconds", _seconds),
}
"""Annotation (after the prefix) to (setting, its check). The table that docs and tests read."""


def settle(defaults: Settings, *layers: Mapping[str, str]) -> Settings:
    """`defaults` under the annotations of each layer, the nearest last. Raises SettingsError with every mistake."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for annotations in layers:
        for key, text in sorted(annotations.items()):
            if not key.startswith(PREFIX) or key in (STATUS, LABEL_INJECT):
                continue
            name = key.removeprefix(PREFIX)
            known = ANNOTATIONS.get(name)
            if known is None:
                problems.append(f"annotation {key}: unknown; known are {', '.join(sorted(ANNOTATIONS))}")
                continue
            try:
                values[known[0]] = known[1](text)
            except ValueError as error:
                problems.append(f"annotation {key}: {error}")
    if problems:
        raise SettingsError("; ".join(problems))
    resources = {k.removeprefix("resources."): v for k, v in values.items() if k.startswith("resources.")}
    plain = {k: v for k, v in values.items() if "." not in k}
    if resources:
        plain["resources"] = msgspec.structs.replace(defaults.resources, **resources)
    settled = msgspec.structs.replace(defaults, **plain)
    if settled.listen_port == settled.control_port:
        raise SettingsError(f"listen-port and control-port are both {settled.listen_port}; choose two")
    return settled


def wanted(namespace_labels: Mapping[str, str], pod: Mapping[str, Any]) -> str:
    """Why a pod is not to be injected, "" if it is: the label on pod or namespace asks, and nothing forbids it."""
    metadata = pod.get("metadata") or {}
    spec = pod.get("spec") or {}
    of_pod = (metadata.get("labels") or {}).get(LABEL_INJECT)
    of_namespace = namespace_labels.get(LABEL_INJECT)
    if "false" in (of_pod, of_namespace):
        return "opted out by label"
    if "true" not in (of_pod, of_namespace):
        return "not opted in"
    if spec.get("hostNetwork"):
        return "the pod uses the host's network"
    if STATUS in (metadata.get("annotations") or {}):
        return "already injected"
    return ""
