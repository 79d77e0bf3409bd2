"""What a pod's annotations and the cluster's defaults say about its sidecar, checked before anything is changed.

Precedence: pod annotation, namespace annotation, cluster default. A mistake is an error that names the annotation,
what is wrong and the mend; it is shown to the person who creates the pod. Knows nothing of how the sidecar is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

PREFIX: Final = "waf.sidecar/"
LABEL_INJECT: Final = PREFIX + "inject"  # on a namespace or a pod: "true" or "false"; "false" wins
STATUS: Final = PREFIX + "status"  # set by us: what was changed, so that it can be taken back

Capture = Literal["port-name", "redirect", "service"]
Probes = Literal["app", "sidecar"]
Family = Literal["ipv4", "ipv6"]


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
    config: tuple[str, ...] = (
        "waf-config",
    )  # ConfigMaps in the pod's namespace, the nearest last; () for none
    listen_port: int = 15006
    control_port: int = 15021
    app_port: int = 0  # 0 = found: the port named http, else the first port, else 8080
    excluded_ports: tuple[int, ...] = ()  # never redirected
    family: Family = "ipv4"  # of the addresses listened on; ipv6 takes IPv4 too where the kernel has both
    capture: Capture = "port-name"
    probes: Probes = "app"  # whom the kubelet asks: the app itself, or the app through the sidecar
    resources: Resources = Resources()
    workload: str = ""  # "" = from the pod's owner, labels or name
    native: bool | None = None  # None = by the server's version
    fleet: str = ""  # host:port of the fleet controller, "" for none
    drain_seconds: int = 25
    asked: frozenset[str] = frozenset()  # names of the settings that somebody wrote


class SettingsError(Exception):
    """Annotations that cannot be used, or a pod that cannot be served as they ask; the text names the mend."""


_QUANTITY: Final = re.compile(
    r"(?:[1-9][0-9]{0,11}|0(?=\.[0-9]))(?:\.[0-9]{1,3})?(?:m|k|Ki|M|Mi|G|Gi)?", re.ASCII
)
_NAME: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)*")
_IMAGE: Final = re.compile(
    r"[a-z0-9](?:[a-zA-Z0-9._/-]|:(?=[0-9]+/)){0,254}(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_HOST_PORT: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?:([0-9]{1,5})")


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or not 1 <= int(text) <= 65535:
        raise ValueError("not a port; write a number from 1 to 65535")
    return int(text)


def _unprivileged_port(text: str) -> int:
    port = _port(text)
    if port < 1024:
        raise ValueError("the sidecar runs without privileges; choose a port from 1024 on")
    return port


def _ports(text: str) -> tuple[int, ...]:
    return tuple(sorted({_port(part.strip()) for part in text.split(",") if part.strip()}))


def _one_of(*words: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return check


def _fits(pattern: re.Pattern[str], mend: str, longest: int = 253) -> Callable[[str], str]:
    def check(text: str) -> str:
        if len(text) > longest or not pattern.fullmatch(text):
            raise ValueError(mend)
        return text

    return check


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError('write "true" or "false"')
    return text == "true"


def _seconds(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 4 or not 1 <= int(text) <= 3600:
        raise ValueError("write seconds from 1 to 3600")
    return int(text)


def _host_port(text: str) -> str:
    found = _HOST_PORT.fullmatch(text)
    if not found:
        raise ValueError('not an address; write "host:port"')
    _port(found[1])
    return text


_quantity = _fits(_QUANTITY, 'not a quantity above 0; write for example "100m" or "64Mi"')
_name = _fits(_NAME, "not a Kubernetes name: lower-case letters, digits, - and .")


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_name(part.strip()) for part in text.split(",") if part.strip()))


ANNOTATIONS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "image": ("image", _fits(_IMAGE, "not an image reference", 500)),
    "image-pull-policy": ("image_pull_policy", _one_of("Always", "IfNotPresent", "Never")),
    "mode": ("mode", _one_of("off", "monitor", "protect")),
    "config": ("config", _names),
    "listen-port": ("listen_port", _unprivileged_port),
    "control-port": ("control_port", _unprivileged_port),
    "app-port": ("app_port", _port),
    "excluded-ports": ("excluded_ports", _ports),
    "address-family": ("family", _one_of("ipv4", "ipv6")),
    "capture": ("capture", _one_of("port-name", "redirect", "service")),
    "probes": ("probes", _one_of("app", "sidecar")),
    "cpu-request": ("resources.cpu_request", _quantity),
    "cpu-limit": ("resources.cpu_limit", _quantity),
    "memory-request": ("resources.memory_request", _quantity),
    "memory-limit": ("resources.memory_limit", _quantity),
    "workload": ("workload", _name),
    "native": ("native", _boolean),
    "fleet": ("fleet", _host_port),
    "drain-seconds": ("drain_seconds", _seconds),
}
"""Annotation (after the prefix) to (setting, its check). The table that docs and tests read."""

_JOINED: Final = frozenset({"config"})
"""Settings to which every layer adds; an empty value takes away what the farther layers said."""

_FACTORS: Final = {
    "": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30,
}  # fmt: skip


def settle(defaults: Settings, *layers: Mapping[str, str]) -> Settings:
    """`defaults` under the annotations of each layer, the nearest last. Raises SettingsError with every mistake."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for layer in layers:
        for key, text in sorted(layer.items()):
            if not key.startswith(PREFIX) or key == STATUS:
                continue
            name = key.removeprefix(PREFIX)
            if key == LABEL_INJECT:
                problems.append(f"annotation {key}: it is a label; move it to metadata.labels")
                continue
            known = ANNOTATIONS.get(name)
            if known is None:
                problems.append(f"annotation {key}: unknown; known are {', '.join(sorted(ANNOTATIONS))}")
                continue
            setting, check = known
            try:
                value = check(text)
            except ValueError as error:
                problems.append(f"annotation {key}: {error}")
                continue
            if setting in _JOINED and value:
                far = values.get(setting, getattr(defaults, setting))
                value = (*(item for item in far if item not in value), *value)
            values[setting] = value
    resources = {k.removeprefix("resources."): v for k, v in values.items() if k.startswith("resources.")}
    settled = msgspec.structs.replace(
        defaults,
        **{k: v for k, v in values.items() if "." not in k},
        resources=msgspec.structs.replace(defaults.resources, **resources),
        asked=defaults.asked | values.keys(),
    )
    problems += _contradictions(settled)
    if problems:
        raise SettingsError("; ".join(problems))
    return settled


def _contradictions(settings: Settings) -> list[str]:
    """What no single annotation shows to be wrong."""
    found = []
    if settings.listen_port == settings.control_port:
        found.append(f"listen-port and control-port are both {settings.listen_port}; choose two")
    if settings.app_port in (settings.listen_port, settings.control_port):
        found.append(f"app-port {settings.app_port} is a port of the sidecar's own; set another listen-port")
    if settings.capture == "redirect" and settings.app_port in settings.excluded_ports:
        found.append(f"port {settings.app_port} is app-port and in excluded-ports; it cannot be both")
    resources = settings.resources
    for what, request, limit in (
        ("cpu", resources.cpu_request, resources.cpu_limit),
        ("memory", resources.memory_request, resources.memory_limit),
    ):
        if limit and quantity(request) > quantity(limit):
            found.append(f"{what}-request {request} is above {what}-limit {limit}; raise the limit")
    return found


def quantity(text: str) -> float:
    """A Kubernetes quantity as a number: "100m" is 0.1, "1Ki" is 1024. Takes what `ANNOTATIONS` lets in."""
    number = text.rstrip("mkKMGi")
    return float(number) * _FACTORS[text[len(number) :]]
