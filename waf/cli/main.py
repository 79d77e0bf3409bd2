"""The command group. Subcommands are imported when they are called, so that `waf run` starts fast."""

from __future__ import annotations

import importlib
from typing import Final

import click

import waf

COMMANDS: Final = {
    "run": ("waf.cli.serve", "run"),
    "demo": ("waf.cli.serve", "demo"),
    "check": ("waf.cli.check", "check"),
    "config": ("waf.cli.check", "config"),
    "rules": ("waf.cli.rules", "rules"),
    "explain": ("waf.cli.explain", "explain"),
    "replay": ("waf.cli.explain", "replay"),
    "profile": ("waf.cli.profile", "profile"),
    "report": ("waf.cli.report", "report"),
    "inject": ("waf.cli.kube", "inject"),
    "injector": ("waf.cli.kube", "injector"),
    "redirect": ("waf.cli.kube", "redirect"),
    "aggregator": ("waf.cli.kube", "aggregator"),
    "fleet": ("waf.cli.fleet", "fleet"),
}
"""Name of a command to (module, function)."""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(waf.__version__, prog_name="waf")
def main() -> None:
    """A web application firewall that runs as a sidecar in front of one app."""
