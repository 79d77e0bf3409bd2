"""Several sources laid over one another, the nearer ones stronger.

Defaults < cluster < namespace < workload < annotation < environment < options. Owns which lists join and
which replace, and which environment variables count. All of it works on trees, so that a value keeps the
place where it was written however many layers lie between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as Dictionary
from typing import Final

from waf.config.document import Listing, Mapping, Origin, Scalar, Tree
from waf.config.shape import did_you_mean
from waf.errors import Problem

ENVIRONMENT: Final[dict[str, str]] = {
    "WAF_MODE": "mode",
    "WAF_LISTEN": "listen.address",
    "WAF_UPSTREAM": "upstream.url",
    "WAF_CONTROL_LISTEN": "control.listen",
    "WAF_WORKERS": "listen.workers",
    "WAF_TRUSTED_PROXIES": "listen.trusted_proxies",
    "WAF_TRUSTED_HOPS": "listen.trusted_hops",
    "WAF_LOG": "events.output",
    "WAF_ACCESS_LOG": "events.access",
    "WAF_STATE_DIR": "state_dir",
    "WAF_CACHE_DIR": "cache_dir",
    "WAF_WORKLOAD": "profiles.workload",
    "WAF_APP_VERSION": "profiles.version",
    "WAF_DRAIN": "timeouts.drain",
    "WAF_FLEET": "fleet.address",
}
"""What a pod may set without a file. A list is separated by commas; an empty value counts as not set."""

OTHER_VARIABLES: Final = frozenset({"WAF_CONFIG", "WAF_CONTROL_TOKEN"})
"""Ours as well, read elsewhere."""

_LISTS: Final = frozenset(
    {"listen.trusted_proxies", "listen.hosts", "profiles.trusted_sources", "profiles.openapi"}
)
# Kubernetes writes these into every pod where a Service is called "waf" or "waf-...".
_SERVICE_LINK = re.compile(
    r"WAF(?:_[A-Z0-9_]+)?_(?:SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)|PORT(?:_[0-9]+_(?:TCP|UDP|SCTP)(?:_[A-Z]+)?)?)"
)

JOINED: Final[dict[str, bool]] = {
    "tuning": False,
    "routes": True,  # the first fitting route wins, so those of the nearer layer come first
    "access.allow": False,
    "access.deny": False,
    "access.rate_limits": False,
    "signatures.rules": False,
    "sensitive.rules": False,  # the last fitting rule wins
    "sensitive.custom": False,
    "sensitive.exact": False,
    "profiles.openapi": False,
}
"""Lists to which every layer adds its own; True: the nearer layer's items first. Other lists are replaced."""


def merge(layers: Iterable[Mapping]) -> Mapping:
    """One tree of several, the later ones nearer to the workload and stronger.

    Sections merge key by key, lists of `JOINED` are joined, all else is replaced. A nearer null ("routes: ~")
    takes away what farther layers said.
    """
    result = Mapping({}, {}, Origin(""))
    for layer in layers:
        result = _merge_sections(result, layer, "")
    return result


def _merge_sections(far: Mapping, near: Mapping, path: str) -> Mapping:
    entries, keys = dict(far.entries), dict(far.keys)
    for key, node in near.entries.items():
        place = f"{path}.{key}" if path else key
        entries[key] = _merge(entries[key], node, place) if key in entries else node
        keys[key] = near.keys[key]
    return Mapping(entries, keys, near.origin if near.entries else far.origin)


def _merge(far: Tree, near: Tree, path: str) -> Tree:
    if isinstance(far, Mapping) and isinstance(near, Mapping):
        return _merge_sections(far, near, path)
    if isinstance(far, Listing) and isinstance(near, Listing) and path in JOINED:
        first, then = (near, far) if JOINED[path] else (far, near)
        return Listing(first.items + then.items, near.origin)
    return near


def environment_layer(environ: Dictionary[str, str]) -> tuple[Mapping, list[Problem]]:
    """The layer that `environ` makes, and a warning for each WAF_* variable that nobody reads.

    Only warnings: the environment of a pod belongs to many. Values of unknown variables are not quoted.
    """
    known = {name: path for name, path in ENVIRONMENT.items() if environ.get(name)}
    layer = overrides({path: environ[name] for name, path in known.items()},
                      {path: f"environment {name}" for name, path in known.items()})  # fmt: skip
    warnings = [
        Problem(f"environment {name[:60]}", 0, "", "no such variable is read", _near_variable(name))
        for name in sorted(environ)
        if name.startswith("WAF_")
        and name not in ENVIRONMENT
        and name not in OTHER_VARIABLES
        and not _SERVICE_LINK.fullmatch(name)
    ]
    return layer, warnings


def _near_variable(name: str) -> str:
    near = did_you_mean(name, [n.lower() for n in ENVIRONMENT])
    return near.upper().replace("DID YOU MEAN", "did you mean")


def overrides(values: Dictionary[str, str], sources: Dictionary[str, str] | str = "command line") -> Mapping:
    """A layer of single values by dotted path; `sources` names where each comes from, for messages."""
    root = Mapping({}, {}, Origin("" if not isinstance(sources, str) else sources))
    for path, text in values.items():
        origin = Origin(sources if isinstance(sources, str) else sources.get(path, ""))
        node: Tree = Scalar(text, origin, quoted=True)
        if path in _LISTS:
            items = [item.strip() for item in text.split(",")]
            node = Listing(tuple(Scalar(i, origin, quoted=True) for i in items if i), origin)
        for key in reversed(path.split(".")):
            node = Mapping({key: node}, {key: origin}, origin)
        assert isinstance(node, Mapping)
        root = _merge_sections(root, node, "")
    return root


def origins(tree: Tree, path: str = "") -> dict[str, Origin]:
    """Where each value of `tree` was written, by dotted path; a list of plain values counts as one,
    but for items that another file added.
    """
    found: dict[str, Origin] = {}
    match tree:
        case Mapping():
            for key, node in tree.entries.items():
                found |= origins(node, f"{path}.{key}" if path else key)
        case Listing():
            found[path] = tree.origin
            for i, item in enumerate(tree.items):
                if isinstance(item, Mapping):
                    found |= origins(item, f"{path}[{i}]")
                elif item.origin.source != tree.origin.source:  # joined from several files
                    found[f"{path}[{i}]"] = item.origin
        case Scalar():
            found[path] = tree.origin
    return found


def find(tree: Tree, path: str) -> Origin:
    """Where the value at `path` was written, or the nearest thing around it; line 0 where all is default."""
    origin = Origin(tree.origin.source, 0)
    node: Tree | None = tree
    for step in re.findall(r"[^.\[\]]+|\[\d+\]", path):
        if isinstance(node, Mapping) and step in node.entries:
            node = node.entries[step]
        elif isinstance(node, Listing) and step.startswith("[") and int(step[1:-1]) < len(node.items):
            node = node.items[int(step[1:-1])]
        else:
            break
        origin = node.origin
    return origin
