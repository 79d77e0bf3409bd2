"""`waf inject`, and the commands that run in the cluster: injector, aggregator, redirect.

Imports nothing of the data path (and so not `cli.common`): the redirect runs in a small init container.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, NoReturn

import click
import yaml

from waf.kube.inject import injected, remarks
from waf.kube.pods import OFFLINE, check_shape, unfit, wanted
from waf.kube.settings import LABEL_INJECT, PREFIX, Settings, SettingsError, settle

LISTEN: Final = "0.0.0.0:8443"

_TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Kind to the way from the object to its pod."""


@click.command()
@click.option(
    "--file", "-f", "files", multiple=True, required=True, type=click.File("r"), help="Manifests; - is stdin."
)
@click.option("--image", help="Image of the sidecar.  [default: waf-sidecar:latest]")
@click.option(
    "--kubernetes", default="1.31", show_default=True, help="Version of the cluster, for native sidecars."
)
@click.option(
    "--set", "sets", multiple=True, metavar="NAME=VALUE", help="A default, named as the annotation."
)
def inject(files: tuple[Any, ...], image: str | None, kubernetes: str, sets: tuple[str, ...]) -> None:
    """Add the sidecar to the workloads in manifests and print them; all else passes unchanged.

    A workload labelled waf.sidecar/inject=false is left as it is.
    """
    version = _version(kubernetes)
    given = dict(text.partition("=")[::2] for text in sets)
    if image:
        given["image"] = image
    defaults = _defaults(given)
    out = []
    for file in files:
        try:
            documents = list(yaml.safe_load_all(file))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            _fail(f"{file.name}: not YAML: {error}")
        out += [_with_sidecar(d, defaults, version, file.name) for d in documents if d is not None]
    yaml.safe_dump_all(out, sys.stdout, sort_keys=False, width=110)


def _fail(message: str) -> NoReturn:
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
    sys.exit(2)


def _version(text: str) -> tuple[int, int]:
    try:
        major, minor = (int(part) for part in text.removeprefix("v").split(".")[:2])
    except ValueError:
        _fail("--kubernetes takes a version such as 1.31")
    return major, minor


def _with_sidecar(document: Any, defaults: Settings, version: tuple[int, int], file: str) -> Any:
    """The document with the sidecar in its pod; one without a pod as it is."""
    if not isinstance(document, dict):
        return document
    kind = document.get("kind")
    if kind == "List" and isinstance(document.get("items"), list):
        document["items"] = [_with_sidecar(item, defaults, version, file) for item in document["items"]]
        return document
    if not isinstance(kind, str) or kind not in _TEMPLATES:
        return document
    metadata = document.get("metadata")
    name = f"{file}: {kind} {(metadata if isinstance(metadata, dict) else {}).get('name', '?')}"
    way = _TEMPLATES[kind]
    pod: Any = document
    for key in way:
        pod = pod.get(key) if isinstance(pod, dict) else None
    try:
        done = _of_pod(pod, defaults, version, name)
    except SettingsError as error:
        _fail(f"{name}: {error}")
    if not way:
        return done
    holder: Any = document
    for key in way[:-1]:
        holder = holder[key]
    holder[way[-1]] = done
    return document


def _of_pod(pod: Any, defaults: Settings, version: tuple[int, int], name: str) -> Any:
    check_shape(pod)
    settings = settle(defaults, (pod.get("metadata") or {}).get("annotations") or {})
    # Who names a manifest asks for it: only what forbids counts here, and one's own earlier work is done anew.
    why_not = wanted({LABEL_INJECT: "true"}, pod)
    if why_not == "already injected into the manifest":
        why_not = ""
    why_not = why_not or unfit(pod, settings, version)
    if why_not:
        _remark(f"{name}: not injected: {why_not}")
        return pod
    for text in remarks(pod, settings):
        _remark(f"{name}: {text}")
    return injected(pod, settings, version, OFFLINE)


def _remark(text: str) -> None:
    click.echo(click.style("warning: ", fg="yellow") + text, err=True)


_kube_options = (
    click.option("--listen", default=LISTEN, show_default=True, help="Address of the TLS port."),
    click.option(
        "--namespace", envvar="POD_NAMESPACE", default="waf-system", show_default=True, help="Our own."
    ),
    click.option("--api", help="Base URL of the API server, where this is no pod of a cluster."),
    click.option("--api-token", type=click.Path(path_type=Path), help="File with the token for --api."),
    click.option("--api-ca", type=click.Path(path_type=Path), help="PEM of the authority for --api."),
)


def _with_kube_options(command: Any) -> Any:
    for option in reversed(_kube_options):
        command = option(command)
    return command


@click.command()
@_with_kube_options
@click.option("--image", envvar="WAF_IMAGE", help="Image of the sidecars.  [default: $WAF_IMAGE]")
@click.option("--settings", type=click.Path(path_type=Path), help="File with the cluster's defaults.")
@click.option(
    "--service", default="waf-injector", show_default=True, help="Our Service, the certificate's name."
)
@click.option("--cert-dir", type=click.Path(path_type=Path), help="tls.crt and tls.key of cert-manager.")
@click.option(
    "--webhook", default="waf-injector", show_default=True, help="Name of the configurations to patch."
)
def injector(
    listen: str,
    namespace: str,
    api: str | None,
    api_token: Path | None,
    api_ca: Path | None,
    image: str | None,
    settings: Path | None,
    service: str,
    cert_dir: Path | None,
    webhook: str,
) -> None:
    """Serve the webhooks that inject sidecars into pods and refuse broken configuration."""
    from waf.kube.keyring import Keyring, SelfMade, from_directory
    from waf.kube.webhook import serve
    from waf.record.log import Log

    base = _defaults({"image": image} if image else {})
    log = Log()

    async def run() -> None:
        kube = _client(api, api_token, api_ca)
        try:
            if cert_dir is not None:
                load = from_directory(cert_dir)
            else:
                names = (f"{service}.{namespace}.svc", f"{service}.{namespace}", service)
                configurations = (
                    f"mutatingwebhookconfigurations/{webhook}",
                    f"validatingwebhookconfigurations/{webhook}",
                )
                load = SelfMade(kube, namespace, f"{service}-tls", names, configurations).load
            await serve(kube, Keyring(load, log), base, settings, _address(listen), _told_to_end(), log)
        finally:
            await kube.close()

    _run(run())


@click.command()
@_with_kube_options
@click.option("--advertise", envvar="POD_IP", help="Our address for other sidecars.  [default: $POD_IP]")
@click.option(
    "--service", default="waf-fleet", show_default=True, help="Our Service, the certificate's name."
)
@click.option(
    "--config", "-c", type=click.File("r"), help="waf.yaml whose profiles section says how is learned."
)
@click.option(
    "--shares", type=click.IntRange(1, 8), default=1, show_default=True,
    help="Into how many the workloads are divided among the replicas; the same for all of them.",
)  # fmt: skip
def aggregator(
    listen: str,
    namespace: str,
    api: str | None,
    api_token: Path | None,
    api_ca: Path | None,
    advertise: str | None,
    service: str,
    config: Any,
    shares: int,
) -> None:
    """Merge what all replicas learn, and hand out one profile for each workload."""
    from waf.config.load import parse_config
    from waf.config.schema import Config
    from waf.errors import ConfigError
    from waf.kube.fleet.aggregator import STORE_EVERY
    from waf.kube.fleet.engine import merger
    from waf.kube.fleet.run import serve
    from waf.kube.keyring import SelfMade
    from waf.record.log import Log

    try:
        settings = parse_config(config.read(), config.name) if config else Config()
    except ConfigError as error:
        _fail(str(error))
    host, port = _address(listen)
    own = advertise or host
    identity = f"[{own}]:{port}" if ":" in own else f"{own}:{port}"

    async def run() -> None:
        kube = _client(api, api_token, api_ca)
        try:
            names = (f"{service}.{namespace}.svc", f"{service}.{namespace}", service)
            maker = SelfMade(kube, namespace, f"{service}-tls", names)
            every = float(settings.fleet.every)
            await serve(
                kube, merger(settings.profiles), namespace, identity, maker, (host, port), _told_to_end(), Log(),
                count=shares, push_every=every, store_every=min(STORE_EVERY, every / 2),
            )  # fmt: skip
        finally:
            await kube.close()

    _run(run())


def _defaults(given: dict[str, str]) -> Settings:
    try:
        return settle(Settings(), {PREFIX + name: value for name, value in given.items()})
    except SettingsError as error:
        _fail(str(error))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit():
        _fail("--listen takes host:port")
    return host.strip("[]"), int(port)


def _client(api: str | None, token: Path | None, ca: Path | None) -> Any:
    import ssl

    from waf.kube.client import Kube

    if api is None:
        return Kube.in_cluster(os.environ)
    return Kube(api, token_file=token, tls=ssl.create_default_context(cafile=str(ca)) if ca else None)


async def _told_to_end() -> None:
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    await end.wait()


def _run(main: Coroutine[Any, Any, None]) -> None:
    import uvloop

    from waf.kube.client import ApiError

    try:
        uvloop.run(main)
    except (ApiError, OSError, SettingsError) as error:
        _fail(str(error))


_PORT = click.IntRange(1, 65535)


@click.command()
@click.option(
    "--port", "ports", type=_PORT, multiple=True, required=True, help="Port of the app; may be repeated."
)
@click.option("--to", type=_PORT, required=True, help="Port on which the sidecar listens.")
@click.option(
    "--uid", type=click.IntRange(1), default=1337, show_default=True, help="Uid of the sidecar, exempt."
)
@click.option("--exclude", type=_PORT, multiple=True, help="Port that is never redirected; may be repeated.")
@click.option("--apply", "carry_out", is_flag=True, help="Put the rules into force instead of printing them.")
def redirect(ports: tuple[int, ...], to: int, uid: int, exclude: tuple[int, ...], carry_out: bool) -> None:
    """Lead an app's port to the sidecar: print the nftables rules, or put them into force here."""
    from waf.kube.redirect import apply, as_text, plan_of

    try:
        plan = plan_of(ports, to, uid, exclude)
        if carry_out:
            apply(plan)
    except ValueError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"the rules could not be put into force: {error.strerror or error}")
    click.echo(as_text(plan), nl=False)
