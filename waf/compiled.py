"""Which modules of the hot path are compiled as well, and that a compiled one is never older than its source.

Cython compiles them as they are; a `.pxd` beside each says which of its attributes are plain C ones. The build leaves
a digest of all these sources with what it compiled. Where that is not the digest of the sources at hand (someone
edits them, or not all could be compiled), and with WAF_PURE_PYTHON set, the sources are imported instead, all of them:
compiled classes know each other's layout.

What is written in C, the accelerators, is held to its sources likewise, in a tree that was built in place: an old one beside new Python
understands it wrongly. Then, with a word on stderr, Python does everything.

Imported before anything else of `waf`, and by `setup.py` without the rest.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

MODULES: Final = (
    "waf.value",
    "waf.messages",
    "waf.permission",
    "waf.exchange",
    "waf.http1.parse",
    "waf.http1.serialize",
    "waf.proxy.stats",
    "waf.proxy.identity",
    "waf.proxy.turn",
    "waf.proxy.stream",
    "waf.proxy.upstream",
    "waf.proxy.commons",
    "waf.proxy.downstream",
    "waf.proxy.steps",
    "waf.proxy.straight",
    "waf.sensitive.heads",
    "waf.sensitive.tally",
    "waf.sensitive.sieve",
    "waf.sensitive.candidates",
    "waf.sensitive.whole",
    "waf.sensitive.screened",
    "waf.sensitive.records",
    "waf.sensitive.lines",
    "waf.sensitive.requests",
    "waf.sensitive.detect",
    "waf.inspect.effort",
    "waf.inspect.rounds",
    "waf.profiles.sampling",
    "waf.profiles.conforming",
    "waf.profiles.check",
    "waf.policy.settings",
    "waf.policy.judgement",
    "waf.policy.screens",
    "waf.policy.answers",
    "waf.policy.policy",
    "waf.record.tallies",
    "waf.record.metrics",
    "waf.record.events",
    "waf.record.recorder",
    "waf.flows",
    "waf.lessons",
)

HERE: Final = Path(__file__).resolve().parent
DIGEST: Final = "compiled.digest"
NATIVE: Final = "native.digest"
"""Only where it was built in place: an installed package has what was built with it, and no sources in C."""


def source(module: str, root: Path = HERE) -> Path:
    """Where the source of a module is; `root` is the directory of the package."""
    return root.joinpath(*module.split(".")[1:]).with_suffix(".py")


def digest(root: Path = HERE) -> str:
    """One for all sources, the declarations for the compiler included.

    By the hash that Python itself knows sources by: `hashlib` would load OpenSSL before `waf.spared` can spare it.
    """
    files = (source(module, root).with_suffix(suffix) for module in MODULES for suffix in (".py", ".pxd"))
    return importlib.util.source_hash(
        b"".join(map(importlib.util.source_hash, map(Path.read_bytes, files)))
    ).hex()


def current(root: Path = HERE) -> bool:
    """True where what was compiled, if anything, was compiled from the sources at hand."""
    try:
        return (root / DIGEST).read_text().strip() == digest(root)
    except OSError:
        return False


def native(root: Path = HERE) -> str:
    """One for all sources in C."""
    files = sorted([*root.glob("_*.c"), *root.glob("_*.h")])
    return importlib.util.source_hash(
        b"".join(importlib.util.source_hash(file.read_bytes()) for file in files)
    ).hex()


def fits(root: Path = HERE) -> bool:
    """True where the accelerators, if any, were built from the sources at hand, as far as that is known."""
    try:
        return (root / NATIVE).read_text().strip() == native(root)
    except OSError:
        return True


class Sources:
    """Finds the compiled modules' sources, before the import system finds what was compiled of them."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in MODULES:
            return None
        return importlib.util.spec_from_file_location(name, source(name))


def choose() -> None:
    """Make the import system take the sources where it must."""
    if not os.environ.get("WAF_PURE_PYTHON") and not fits():
        print(  # noqa: T201 (nothing that logs is there yet)
            "waf: what was built of waf/_*.c is not of these sources: run `make setup`. Until then Python does all, slowly.",
            file=sys.stderr,
        )
        os.environ["WAF_PURE_PYTHON"] = "1"  # for all who choose, and all who are started
    if os.environ.get("WAF_PURE_PYTHON") or not current():
        sys.meta_path.insert(0, Sources)
