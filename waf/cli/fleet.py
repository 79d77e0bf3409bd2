"""`waf fleet`: what the replicas of a workload have learned together, for people; through kubectl and its rights.

Imports no client of Kubernetes: kubectl knows the cluster, the user and every way to log in.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, Final

import click
import msgspec
import yaml

from waf.cli.common import clear_errors, fail
from waf.kube.fleet.engine import document_of, drift, read_document
from waf.kube.fleet.shards import Damaged, Index, join, name_of, read_index
from waf.kube.fleet.specs import GROUP
from waf.kube.fleet.terms import MODES, Key
from waf.profiles.book import Book

KIND: Final = "WafProfile"
RESOURCE: Final = "wafprofiles.waf.sidecar"
AS_CONFIGURED: Final = "as-configured"
APPLIED_BYTES: Final = 250_000  # longer objects do not fit into the annotation of a client-side apply
_TIMEOUT: Final = 60.0
_DUMPER: Final[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Cluster:
    """kubectl, with the words that choose cluster and user."""

    def __init__(self, kubectl: str, context: str | None, system: str) -> None:
        self._words = [kubectl, *(["--context", context] if context else [])]
        self.namespace: str | None = None
        self.system = system

    @property
    def here(self) -> list[str]:
        return ["--namespace", self.namespace] if self.namespace else []

    def run(self, *words: str, given: str | None = None) -> str:
        try:
            done = subprocess.run(
                [*self._words, *words],
                input=given,
                capture_output=True,
                text=True,
                check=False,
                timeout=_TIMEOUT,
            )
        except FileNotFoundError:
            fail(f"{self._words[0]} is not installed; name another with --kubectl")
        except subprocess.TimeoutExpired:
            fail(f"kubectl did not answer within {_TIMEOUT:.0f} s")
        if done.returncode:
            fail(done.stderr.strip() or f"kubectl ended with {done.returncode}")
        return done.stdout

    def get(self, *words: str) -> Any:
        return msgspec.json.decode(self.run("get", *words, "--output=json"))

    def profile(self, workload: str) -> Any:
        """The WafProfile of a workload."""
        return self.get(RESOURCE, workload, *self.here)

    def book(self, key: Key) -> Book:
        """What the aggregator has stored of a workload."""
        where = ["--namespace", self.system]
        found = self.get("configmaps", *where, "--selector", f"waf.sidecar/of={name_of(key)}")["items"]
        things = {thing["metadata"]["name"]: thing for thing in found}
        if name_of(key) not in things:
            fail(f"nothing is stored of {key} in namespace {self.system}: no replica has taught anything yet")
        try:
            return Book.load(_blob(read_index(things[name_of(key)]), "profile", things))
        except (Damaged, ValueError) as error:
            fail(f"what is stored of {key} cannot be read: {error}")


def _blob(index: Index, name: str, things: dict[str, Any]) -> bytes:
    blob = index.blobs[name]
    if any(shard not in things for shard in blob.shards):
        raise Damaged("it was replaced just now; try again")
    pieces = [base64.b64decode(things[shard]["binaryData"]["data"]) for shard in blob.shards]
    return join(pieces, blob.sha256)


@click.group()
@click.option("--context", help="Of kubectl.")
@click.option("--kubectl", default="kubectl", show_default=True, help="The program to call.")
@click.option(
    "--system-namespace", default="waf-system", show_default=True, help="Where the aggregator runs."
)
@click.pass_context
def fleet(click_context: click.Context, /, kubectl: str, system_namespace: str, context: str | None) -> None:
    """What the replicas of each workload have learned together; asked through kubectl."""
    click_context.obj = Cluster(kubectl, context, system_namespace)


def _namespaced(context: click.Context, _: click.Parameter, value: str | None) -> None:
    context.obj.namespace = value


in_namespace = click.option(
    "--namespace", "-n", expose_value=False, callback=_namespaced,
    help="Of the workload.  [default: kubectl's own]",
)  # fmt: skip


@fleet.command("list")
@in_namespace
@click.option("--all-namespaces", "-A", is_flag=True)
@click.pass_obj
def list_profiles(cluster: Cluster, all_namespaces: bool) -> None:
    """Mode, progress and would-block counts of each workload."""
    where = ["--all-namespaces"] if all_namespaces else cluster.here
    click.echo(cluster.run("get", RESOURCE, *where), nl=False)


@fleet.command()
@in_namespace
@click.argument("workload")
@click.pass_obj
def status(cluster: Cluster, workload: str) -> None:
    """One workload: how far it is, and whatever is not as it should be."""
    told = cluster.profile(workload).get("status") or {}
    for name in ("mode", "enforced", "version", "progress", "replicas", "current", "requests", "endpoints",
                 "constraints", "protected", "waiting", "violations", "wouldBlock", "drift", "lastMerge"):  # fmt: skip
        if name in told:
            click.echo(f"{name:12} {told[name]}")
    for each in told.get("conditions") or []:
        click.echo(f"{each['type']:12} {each['status']}: {each['message']}")


@fleet.command()
@in_namespace
@click.argument("workload")
@click.argument("mode", type=click.Choice([*MODES, AS_CONFIGURED]))
@click.pass_obj
def mode(cluster: Cluster, workload: str, mode: str) -> None:
    """Promote a workload's profile, or take it back; all replicas follow within a minute."""
    patch = {"spec": {"mode": None if mode == AS_CONFIGURED else mode}}
    words = ["patch", RESOURCE, workload, *cluster.here, "--type=merge", "--patch"]
    click.echo(cluster.run(*words, msgspec.json.encode(patch).decode()), nl=False)


@fleet.command()
@in_namespace
@click.argument("workload")
@click.option("--output", "-o", type=click.File("w"), default="-", help="A file for a repository.")
@click.pass_obj
def export(cluster: Cluster, workload: str, output: Any) -> None:
    """Write the profile as a WafProfile that can be committed and applied."""
    thing = cluster.profile(workload)
    metadata = thing["metadata"]
    key = Key(metadata["namespace"], metadata["name"])
    spec: dict[str, Any] = {}
    if wanted := (thing.get("spec") or {}).get("mode"):
        spec["mode"] = wanted
    spec["profile"] = document_of(cluster.book(key))
    made = {"apiVersion": GROUP, "kind": KIND,
            "metadata": {"name": key.workload, "namespace": key.namespace}, "spec": spec}  # fmt: skip
    text = yaml.dump(
        made, Dumper=_DUMPER, sort_keys=False, default_flow_style=None, allow_unicode=True, width=1_000_000
    )
    output.write(text)
    if len(text) > APPLIED_BYTES:
        click.echo(
            "note: apply it with `kubectl apply --server-side`, it is too long for the other way", err=True
        )


@fleet.command()
@in_namespace
@click.argument("files", nargs=-1, required=True, type=click.File("r"))
@click.pass_obj
@clear_errors
def diff(cluster: Cluster, files: Sequence[Any]) -> None:
    """Show what the cluster has learned beyond or against files of a repository; exit status 1 if anything."""
    different = False
    for file in files:
        try:
            things = [thing for thing in yaml.safe_load_all(file) if thing]
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            fail(f"{file.name}: not YAML: {error}")
        for thing in things:
            if not isinstance(thing, dict) or thing.get("kind") != KIND:
                continue
            different |= _differs(cluster, thing, file.name)
    sys.exit(1 if different else 0)


def _differs(cluster: Cluster, thing: dict[str, Any], file: str) -> bool:
    metadata, spec = thing.get("metadata") or {}, thing.get("spec") or {}
    name = metadata.get("name")
    if not name:
        fail(f"{file}: a {KIND} without metadata.name")
    where = ["--namespace", metadata["namespace"]] if metadata.get("namespace") else cluster.here
    there = cluster.get(RESOURCE, str(name), *where)
    key = Key(there["metadata"]["namespace"], there["metadata"]["name"])
    lines = []
    wanted, has = spec.get("mode"), (there.get("spec") or {}).get("mode")
    if wanted != has:
        lines.append(f"~ mode: {wanted or AS_CONFIGURED} to {has or AS_CONFIGURED}")
    if "profile" in spec:
        lines += drift(cluster.book(key), read_document(spec["profile"], key))
    for line in lines:
        click.echo(f"{key} {line}")
    return bool(lines)
