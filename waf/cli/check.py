"""`waf check` and `waf config`: is what I wrote right, what does it mean, what may I write."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Final

import click
import msgspec
import orjson

from waf.assembly import rules_directory
from waf.cli.common import clear_errors, config_option, files_of, policy_of, show_problems
from waf.config.describe import json_schema
from waf.config.load import effective
from waf.errors import ConfigError, Problem
from waf.inspect.cost import LIMIT, pattern_costs, too_dear
from waf.inspect.rules import Rule
from waf.policy.tuning import PATCH_PREFIX, day


@click.command()
@config_option
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@clear_errors
def check(configs: Sequence[str], strict: bool) -> None:
    """Check configuration, rules and tuning, with every mistake located. A CI step: exit status 2 on
    mistakes, a pattern of one's own that costs too much and is not marked as dear among them.
    """
    started = time.perf_counter()
    bundle, _ = policy_of(files_of(configs))
    policy = bundle.policy
    if dear := _dear(bundle.rules):
        raise ConfigError(dear)
    warnings = [*bundle.warnings, *policy.tuning.expired(day(time.time()))]
    show_problems(warnings, warning=True)
    seconds = time.perf_counter() - started
    click.echo(
        f"ok: mode {bundle.mode}, {len(bundle.rules)} rules, policy {bundle.version}, built in {seconds:.2f} s"
    )
    if warnings and strict:
        sys.exit(2)


_TIMES_A_WORD: Final = 4  # what a pattern may cost, in costs of a plain word


def _dear(rules: Sequence[Rule]) -> list[Problem]:
    """Patterns of rules that did not come with the package and cost too much, whenever they are measured."""
    shipped = str(rules_directory())
    left = [
        rule
        for rule in rules
        if not (rule.dear or rule.file.startswith(shipped) or rule.id.startswith(PATCH_PREFIX))
    ]
    problems: list[Problem] = []
    for _ in range(3):  # a machine that is busy makes cheap ones look dear, never the other way round
        if not left:
            break
        word = msgspec.structs.replace(left[0], patterns=("unusual-word",))
        (least,) = pattern_costs([word], clock=time.thread_time)
        limit = max(
            LIMIT, _TIMES_A_WORD * least.microseconds_per_kb
        )  # a slow machine is no fault of the rules
        problems = too_dear(pattern_costs(left, clock=time.thread_time), limit)
        left = [rule for rule in left if any(f"{rule.id}.pattern" == problem.path for problem in problems)]
    return problems


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
