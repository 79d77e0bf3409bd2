"""Where `waf` and `python -m waf.cli` begin.

`waf run`, as pods call it, is read here, without the library for command lines: what is loaded for that, the sidecar would
keep for its whole life (1 MB). Whatever is not plain here is `main`'s to read, to explain and to refuse.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from waf import spared

if TYPE_CHECKING:
    from waf.assembly import Files

OPTIONS: Final = {
    "--listen": "listen.address",
    "--upstream": "upstream.url",
    "--mode": "mode",
    "--control": "control.listen",
    "--workers": "listen.workers",
}
"""Options of `waf run` and what of the configuration each sets."""

_MODES: Final = ("off", "monitor", "protect")


def main() -> None:
    """Carry out the command that the process was called with."""
    files = plain_run(sys.argv[1:], os.environ)
    if files is None:
        from waf.cli.main import main as any_command

        any_command()
    else:
        sys.exit(serve(files))


def serve(files: Files) -> int:
    """Be the sidecar until told to end; gives the exit status."""
    gc.disable()  # what is imported and built from here on stays; `heap.settle` turns it on again
    from waf.errors import ConfigError

    try:
        config = files.load().config
        if config.listen.tls is None and not config.fleet.address:
            spared.spare_tls()
        else:
            spared.spare_inspection()
        from waf.processes import run

        return run(files, os.environ)
    except (ConfigError, OSError) as error:
        from waf.cli.common import show

        return show(error)


def plain_run(arguments: Sequence[str], environ: Mapping[str, str]) -> Files | None:
    """The configuration's sources of a plain `waf run`; None for every other command line."""
    if not arguments or arguments[0] != "run":
        return None
    configs: list[str] = []
    given: dict[str, str] = {}
    rest = iter(arguments[1:])
    for argument in rest:
        name, joined, value = argument.partition("=")
        if not joined:
            value = next(rest, "")
        if not value or value.startswith("-"):
            return None
        if name in ("--config", "-c") and not (joined and name == "-c"):
            configs.append(value)
        elif name in OPTIONS:
            given[OPTIONS[name]] = value
        else:
            return None
    if given.get("mode", "off") not in _MODES or not _counts(given.get("listen.workers", "1")):
        return None
    named = bool(configs)
    if not named:
        configs = environ.get("WAF_CONFIG", "").split(os.pathsep) if environ.get("WAF_CONFIG") else []
    if any(not config or os.path.isdir(config) for config in configs):
        return None
    spared.spare_hashes()
    spared.spare_typing()
    spared.spare_dataclasses()
    spared.spare_files()
    from waf.assembly import Files

    return Files(configs, environ, given, optional=bool(configs) and not named)


def _counts(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) > 0
