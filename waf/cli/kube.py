"""`waf inject`: the sidecar added to manifests offline, by the same function as the webhook's."""

from __future__ import annotations

import sys
from typing import Any, Final

import click
import yaml

from waf.cli.common import clear_errors, fail
from waf.kube.inject import injected
from waf.kube.settings import Settings, SettingsError, settle

_TEMPLATES: Final = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Kind to the way from the object to its pod."""


@click.command()
@click.option(
    "--file", "-f", "files", multiple=True, required=True, type=click.File("r"), help="Manifests; - is stdin."
)
@click.option("--image", default=Settings().image, show_default=True, help="Image of the sidecar.")
@click.option(
    "--kubernetes", default="1.31", show_default=True, help="Version of the cluster, for native sidecars."
)
@clear_errors
def inject(files: tuple[Any, ...], image: str, kubernetes: str) -> None:
    """Add the sidecar to the workloads in manifests and print them; all else passes unchanged."""
    try:
        major, minor = (int(part) for part in kubernetes.split(".")[:2])
    except ValueError:
        fail("--kubernetes takes a version such as 1.31")
    out = []
    for file in files:
        try:
            documents = list(yaml.safe_load_all(file))
        except yaml.YAMLError as error:
            fail(f"{file.name}: not YAML: {error}")
        for document in documents:
            if document is not None:
                out.append(_with_sidecar(document, Settings(image=image), (major, minor), file.name))
    yaml.safe_dump_all(out, sys.stdout, sort_keys=False, width=110)


def _with_sidecar(document: Any, defaults: Settings, version: tuple[int, int], file: str) -> Any:
    if isinstance(document, dict) and document.get("kind") == "List":
        document["items"] = [
            _with_sidecar(item, defaults, version, file) for item in document.get("items") or []
        ]
        return document
    way = _TEMPLATES.get(document.get("kind", "")) if isinstance(document, dict) else None
    if way is None:
        return document
    name = f"{file}: {document['kind']} {(document.get('metadata') or {}).get('name', '?')}"
    *parents, last = ("", *way)
    holder: Any = {"": document}
    for key in parents:
        holder = holder.get(key)
        if not isinstance(holder, dict):
            fail(f"{name}: no pod template")
    pod = holder.get(last)
    if not isinstance(pod, dict) or not isinstance(pod.get("spec"), dict):
        fail(f"{name}: no pod template")
    try:
        settings = settle(defaults, (pod.get("metadata") or {}).get("annotations") or {})
        holder[last] = injected(pod, settings, version)
    except SettingsError as error:
        fail(f"{name}: {error}")
    return document if way else holder[""]
