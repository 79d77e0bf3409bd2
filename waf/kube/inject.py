"""The one pure function behind webhook, command line and tests: a pod in, a JSON patch out.

`inject(pod, settings, server_version)` reads nothing but its arguments and is idempotent: the status annotation notes
what was changed, so that a pod which carries our containers is first taken back to what it was. That makes a second
call by the API server (reinvocationPolicy) safe: it answers for the pod as other webhooks have made it meanwhile.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from waf.kube import ports, sidecar
from waf.kube.pods import (
    ENFORCE_LABEL,
    REDIRECT,
    SIDECAR,
    WEBHOOK,
    Object,
    check_shape,
    is_native,
    status_of,
    workload_of,
)
from waf.kube.settings import STATUS, Settings, SettingsError

Patch = list[dict[str, Any]]

_GRACE: Final = "terminationGracePeriodSeconds"
_DEFAULT_GRACE: Final = 30  # seconds; Kubernetes' own default
_AFTER_DRAIN: Final = 15  # seconds for what remains once the last exchange has ended
_MOST_PROBES: Final = 500
_MOST_ANNOTATIONS: Final = 8
_SCRAPE: Final = "prometheus.io/"
_LOCAL_VOLUMES: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
_DEFAULT_CONTAINER: Final = "kubectl.kubernetes.io/default-container"


def inject(
    pod: Mapping[str, Any], settings: Settings, server_version: tuple[int, int], by: str = WEBHOOK
) -> Patch:
    """The JSON patch (RFC 6902) that puts the sidecar into `pod`; empty where nothing would change.

    `server_version` is the API server's (major, minor). Raises SettingsError where the pod cannot be served as
    asked, with the mend.
    """
    return difference(pod, injected(pod, settings, server_version, by))


def injected(
    pod: Mapping[str, Any], settings: Settings, server_version: tuple[int, int], by: str = WEBHOOK
) -> Object:
    """The pod with its sidecar. See `inject`."""
    check_shape(pod)
    out = without(pod)
    spec: Object = out["spec"]
    for key in ("initContainers", "volumes"):  # null, [] and nothing at all are the same to Kubernetes
        if key in spec and not spec[key]:
            del spec[key]
    if not spec["containers"]:
        raise SettingsError("the pod has no containers")
    _refuse_strangers(spec)
    settings = ports.settle_ports(spec, settings)
    app = ports.app_port(spec, settings)
    native = is_native(settings, server_version)
    status: Object = {"by": by, "container": "native" if native else "ordinary"}

    name = ports.free_name(spec, "waf-http")
    if settings.capture == "port-name":
        name = app.name or "http"
        renamed = ports.free_name(spec, ports.PREFIX + name)
        if ports.rename(spec, name, renamed):
            status["renamed"] = {renamed: name}
    probes = ports.settle_probes(spec, settings, app)
    if probes:
        status["probes"] = probes

    image = next((c.get("image") or "" for c in spec["containers"] if c["name"] not in ports.MESHES), "")
    ours = sidecar.sidecar(
        settings,
        app_port=app.number,
        port_name=name,
        workload=workload_of(out),
        version=image,
        native=native,
    )
    starting = [sidecar.redirect(settings, app.number)] if settings.capture == "redirect" else []
    if native:
        starting.append(ours)
    else:
        spec["containers"] = [ours, *spec["containers"]]
    if starting:
        spec["initContainers"] = [*starting, *(spec.get("initContainers") or [])]
    spec["volumes"] = [*(spec.get("volumes") or []), *sidecar.volumes(settings)]

    needed = settings.drain_seconds + _AFTER_DRAIN
    grace = spec.get(_GRACE)
    # A grace of 0 is a person's wish to kill at once; it is kept.
    if grace != 0 and (_DEFAULT_GRACE if grace is None else grace) < needed:
        status["grace"] = grace
        spec[_GRACE] = needed
    _annotate(out, settings, status)
    return out


def without(pod: Mapping[str, Any]) -> Object:
    """A copy of the pod as it was before an injection; one that never was is only copied."""
    out: Object = copy.deepcopy(dict(pod))
    status = status_of(pod)
    annotations = (out.get("metadata") or {}).get("annotations") or {}
    if STATUS not in annotations:
        return out
    spec = out["spec"]
    for key in ("initContainers", "containers"):
        if spec.get(key):
            spec[key] = [c for c in spec[key] if c.get("name") not in (SIDECAR, REDIRECT)]
    if spec.get("volumes"):
        spec["volumes"] = [v for v in spec["volumes"] if not sidecar.is_ours(v["name"])]
    for key in ("initContainers", "volumes"):
        if key in spec and not spec[key]:
            del spec[key]
    note = _note_of(status)
    ports.restore_probes(spec, list(note.probes))
    for new, old in note.renamed.items():
        ports.rename(spec, new, old)
    if "grace" in status:
        if note.grace is None:
            spec.pop(_GRACE, None)
        else:
            spec[_GRACE] = note.grace
    for key in (STATUS, *note.annotations):
        annotations.pop(key, None)
    if not annotations:
        del out["metadata"]["annotations"]
    return out


class _Note(msgspec.Struct, frozen=True):
    """The status annotation: what must be undone to have the pod as it was."""

    renamed: dict[str, str] = {}
    probes: tuple[tuple[str, str, int | str], ...] = ()
    grace: int | None = None
    annotations: tuple[str, ...] = ()


def _note_of(status: Object) -> _Note:
    """The note, as far as it can be one of ours: the pod's creator may have written it, and made it long."""
    try:
        note = msgspec.convert(status, _Note)
    except msgspec.ValidationError:
        return _Note()
    if len(note.renamed) > 1 or len(note.probes) > _MOST_PROBES or len(note.annotations) > _MOST_ANNOTATIONS:
        return _Note()
    return note


def remarks(
    pod: Mapping[str, Any], settings: Settings, namespace_labels: Mapping[str, str] | None = None
) -> list[str]:
    """What the person who creates the pod should know, though it is let in: ways that lead past the sidecar.

    Raises SettingsError where the namespace's Pod Security level forbids what is asked.
    """
    level = (namespace_labels or {}).get(ENFORCE_LABEL, "")
    if settings.capture == "redirect" and level in ("baseline", "restricted"):
        raise SettingsError(
            f"capture redirect needs NET_ADMIN, which the namespace's Pod Security level {level} refuses; "
            "set waf.sidecar/capture: port-name"
        )
    app = ports.app_port(without(pod)["spec"], settings)
    match settings.capture:
        case "redirect":
            return []
        case "service":
            return [
                "capture is service: nothing is led through the sidecar until a Service's targetPort is waf-http"
            ]
        case "port-name" if not app.name:
            return [
                f"port {app.number} of the app has no name: a Service with a number as targetPort leads past the "
                "sidecar; set its targetPort to http, or waf.sidecar/capture to redirect"
            ]
        case _:
            return []


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> Patch:
    """The operations that make `after` of `before`, whole values under metadata and spec."""
    patch: Patch = []
    for part in ("metadata", "spec"):
        old, new = before.get(part), after.get(part)
        if old == new:
            continue
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            patch.append({"op": "add", "path": f"/{part}", "value": new})
            continue
        for key in sorted(old.keys() | new.keys()):
            path = f"/{part}/{key.replace('~', '~0').replace('/', '~1')}"
            if key not in new:
                patch.append({"op": "remove", "path": path})
            elif key not in old or old[key] != new[key]:
                patch.append({"op": "add", "path": path, "value": new[key]})
    return patch


def _refuse_strangers(spec: Object) -> None:
    """Names that are ours but not of our making: two of a name would make the pod invalid."""
    for container in ports.all_containers(spec):
        if container["name"] in (SIDECAR, REDIRECT):
            raise SettingsError(
                f"the pod has a container {container['name']} of its own; rename or remove it"
            )
    for volume in spec.get("volumes") or []:
        if sidecar.is_ours(volume["name"]):
            raise SettingsError(f"the pod has a volume {volume['name']} of its own; rename it")


def _annotate(pod: Object, settings: Settings, status: Object) -> None:
    """Set the status and what tools go by; an annotation that somebody wrote is kept."""
    metadata = pod["metadata"] = dict(pod.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    offered = {_LOCAL_VOLUMES: sidecar.STATE_VOLUME}
    if not any(
        key.startswith(_SCRAPE) for key in annotations
    ):  # half of theirs and half of ours would be neither
        offered |= {
            _SCRAPE + "scrape": "true",
            _SCRAPE + "port": str(settings.control_port),
            _SCRAPE + "path": "/metrics",
        }
    if status["container"] == "ordinary":
        offered[_DEFAULT_CONTAINER] = pod["spec"]["containers"][1]["name"]
    added = sorted(key for key in offered if key not in annotations)
    annotations |= {key: offered[key] for key in added}
    status["annotations"] = added
    annotations[STATUS] = msgspec.json.encode(status).decode()
    metadata["annotations"] = annotations
