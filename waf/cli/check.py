"""`waf check` and `waf config`: is what I wrote right, what does it mean, what may I write."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click
import orjson

from waf.cli.common import clear_errors, config_option, files_of, policy_of, show_problems
from waf.config.describe import json_schema
from waf.config.load import effective
from waf.policy.tuning import day


@click.command()
@config_option
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@clear_errors
def check(configs: Sequence[str], strict: bool) -> None:
    """Check configuration, rules and tuning, with every mistake located. A CI step: exit status 2 on
    mistakes.
    """
    started = time.perf_counter()
    bundle, _ = policy_of(files_of(configs))
    policy = bundle.policy
    warnings = [*bundle.warnings, *policy.tuning.expired(day(time.time()))]
    show_problems(warnings, warning=True)
    seconds = time.perf_counter() - started
    click.echo(
        f"ok: mode {bundle.mode}, {len(bundle.rules)} rules, policy {bundle.version}, built in {seconds:.2f} s"
    )
    if warnings and strict:
        sys.exit(2)


@click.group()
def config() -> None:
    """What may stand in waf.yaml, and what is in force."""


@config.command()
def schema() -> None:
    """Print the JSON Schema of waf.yaml."""
    click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2).decode())


@config.command()
@config_option
@clear_errors
def show(configs: Sequence[str]) -> None:
    """Print the effective configuration and where each value comes from."""
    click.echo(orjson.dumps(effective(files_of(configs).load()), option=orjson.OPT_INDENT_2).decode())
