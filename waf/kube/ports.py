"""Which port the app has, whose names must change, and how the kubelet's probes still reach what they ask.

The facts this rests on: a Service resolves `targetPort: name` to the first container that has the name, so no other
container may keep it; a probe resolves a name within its own container only; names are at most 15 characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from waf.kube.pods import Object
from waf.kube.settings import Settings, SettingsError

PREFIX: Final = "app-"
DEFAULT_PORT: Final = 8080
LONGEST_NAME: Final = 15  # RFC 6335, section 5.1
PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
HOOKS: Final = ("postStart", "preStop")

MESHES: Final[dict[str, frozenset[int]]] = {
    "istio-proxy": frozenset({15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090}),
    "linkerd-proxy": frozenset({4140, 4143, 4190, 4191}),
    "consul-dataplane": frozenset({20000, 20100, 20200, 20300}),
}
"""Sidecars that lead traffic themselves, to the ports they take without declaring them."""

_APART: Final = 100  # how far our ports are moved where a mesh holds ours


class AppPort(msgspec.Struct, frozen=True):
    number: int
    name: str  # "" where it has none


class Check(msgspec.Struct, frozen=True):
    """One place where the kubelet is told a port: `action` is the object whose "port" it is."""

    container: str
    where: str  # "readinessProbe", "lifecycle.preStop"
    kind: str  # httpGet, tcpSocket, grpc
    action: Object
    number: int | None  # the port asked, None where a name is not declared

    def __str__(self) -> str:
        return f"{self.where} of container {self.container}"


def all_containers(spec: Object) -> list[Object]:
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


def app_port(spec: Object, settings: Settings) -> AppPort:
    """The app's port: annotation > port named http > first TCP port > 8080. A mesh's own ports do not count."""
    ports = [
        port
        for container in spec["containers"]
        if container["name"] not in MESHES
        for port in container.get("ports") or []
        if _is_tcp(port)
    ]
    if settings.app_port:
        names = [p.get("name") or "" for p in ports if p["containerPort"] == settings.app_port]
        return AppPort(settings.app_port, next(iter(sorted(names, key=lambda name: name != "http")), ""))
    first = next((port for port in ports if port.get("name") == "http"), ports[0] if ports else None)
    if first is None:
        return AppPort(DEFAULT_PORT, "")
    return AppPort(first["containerPort"], first.get("name") or "")


def settle_ports(spec: Object, settings: Settings) -> Settings:
    """`settings` with own ports that nobody else in the pod holds.

    Moved are only ports that nobody asked for, out of the way of a mesh. Raises SettingsError where a port is taken.
    """
    held = {
        name: ports for name, ports in MESHES.items() if any(c["name"] == name for c in all_containers(spec))
    }
    if held and settings.capture == "redirect":
        raise SettingsError(
            f"capture redirect and {next(iter(held))} would both redirect; set waf.sidecar/capture: port-name"
        )
    taken = {
        port["containerPort"]: container["name"]
        for container in all_containers(spec)
        for port in container.get("ports") or []
        if _is_tcp(port)
    }
    by_mesh = frozenset().union(*held.values())
    moved: dict[str, int] = {}
    for setting in ("listen_port", "control_port"):
        number = getattr(settings, setting)
        annotation = "waf.sidecar/" + setting.replace("_", "-")
        while number in by_mesh and setting not in settings.asked:
            number += _APART
        if number in by_mesh or number in taken:
            holder = taken.get(number) or next(name for name, ports in held.items() if number in ports)
            raise SettingsError(f"container {holder} already uses port {number}; set {annotation} to another")
        moved[setting] = number
    return msgspec.structs.replace(settings, **moved)


def free_name(spec: Object, wish: str) -> str:
    """`wish` as a port name that no container of the pod has, and that nothing asks for (it would be answered)."""
    names = {port.get("name") for c in all_containers(spec) for port in c.get("ports") or []}
    names |= {check.action["port"] for c in all_containers(spec) for check in checks_of(c)}
    tried, number = wish[:LONGEST_NAME].rstrip("-"), 1
    while tried in names:
        number += 1
        tail = f"-{number}"
        tried = wish[: LONGEST_NAME - len(tail)].rstrip("-") + tail
    return tried


def rename(spec: Object, old: str, new: str) -> bool:
    """Give every TCP port called `old` the name `new`, and what asks for it by name. True if there was any."""
    found = False
    for container in all_containers(spec):
        ports = [p for p in container.get("ports") or [] if p.get("name") == old and _is_tcp(p)]
        if not ports:
            continue
        found = True
        for check in checks_of(container):
            if check.action["port"] == old:
                check.action["port"] = new
        for port in ports:
            port["name"] = new
    return found


def checks_of(container: Object) -> Iterator[Check]:
    """Every port that the kubelet asks in this container: probes and life-cycle hooks."""
    numbers = {p["name"]: p["containerPort"] for p in container.get("ports") or [] if p.get("name")}
    lifecycle = container.get("lifecycle") or {}
    places = [(name, container.get(name)) for name in PROBES]
    places += [(f"lifecycle.{name}", lifecycle.get(name)) for name in HOOKS]
    for where, place in places:
        for kind in ("httpGet", "tcpSocket", "grpc"):
            action = (place or {}).get(kind)
            if action:
                port = action["port"]
                number = numbers.get(port) if isinstance(port, str) and not port.isdigit() else int(port)
                yield Check(container["name"], where, kind, action, number)


def settle_probes(spec: Object, settings: Settings, app: AppPort) -> list[tuple[str, str, Any]]:
    """Lead the kubelet's questions for the app's port to where they are answered; gives what was changed.

    Each change is (container, where, the port before). Raises SettingsError for what the sidecar cannot answer.
    """
    changed: list[tuple[str, str, Any]] = []
    through = settings.capture == "redirect" or settings.probes == "sidecar"
    for container in spec["containers"]:
        for check in checks_of(container):
            if check.number != app.number:
                continue
            if check.action.get("scheme") == "HTTPS":
                raise SettingsError(
                    f"{check} asks port {app.number} by HTTPS, but the sidecar forwards plain HTTP; "
                    "set waf.sidecar/app-port to the app's plain port"
                )
            if through and check.kind == "grpc":
                raise SettingsError(
                    f"{check} asks port {app.number} by gRPC, which cannot pass the sidecar; "
                    "let it ask another port, or capture by port-name"
                )
            if settings.probes == "sidecar" and settings.capture != "redirect":
                changed.append((check.container, f"{check.where}.{check.kind}", check.action["port"]))
                check.action["port"] = settings.listen_port
    return changed


def restore_probes(spec: Object, changed: list[Any]) -> None:
    """Take back what `settle_probes` did."""
    for container, where, port in changed:
        for holder in spec.get("containers") or []:
            node: Any = holder if holder.get("name") == container else None
            for key in where.split("."):
                node = node.get(key) if isinstance(node, dict) else None
            if isinstance(node, dict):
                node["port"] = port


def _is_tcp(port: Object) -> bool:
    return (port.get("protocol") or "TCP") == "TCP"
