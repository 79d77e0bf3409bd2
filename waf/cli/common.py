"""What several commands share: how files are named, how mistakes are shown, what exit codes mean.

Exit codes: 0 fine, 1 something was found or refused, 2 the input could not be used.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, ParamSpec, TypeVar

import click
from click.core import ParameterSource

from waf.assembly import Bundle, Files, Kept, build, keep
from waf.errors import ConfigError, Problem
from waf.memory import Memory, reach_of
from waf.policy.policy import Policy

P = ParamSpec("P")
R = TypeVar("R")

config_option = click.option(
    "--config", "-c", "configs", multiple=True, type=click.Path(dir_okay=False), envvar="WAF_CONFIG",
    help="waf.yaml; several are layered, the nearest last. Default: $WAF_CONFIG, else the built-in defaults.",
)  # fmt: skip


def fail(message: str) -> NoReturn:
    """Say what is wrong and end with status 2."""
    click.echo(click.style("error: ", fg="red", bold=True) + message, err=True)
    sys.exit(2)


def show_problems(problems: Sequence[Problem], *, warning: bool = False) -> None:
    label = click.style("warning: ", fg="yellow") if warning else click.style("error: ", fg="red", bold=True)
    for problem in problems:
        click.echo(label + str(problem), err=True)


def clear_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Configuration that cannot be used ends in its located problems and status 2, not in a traceback."""

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (ConfigError, OSError) as error:
            sys.exit(show(error))

    return wrapper


def show(error: ConfigError | OSError) -> int:
    """Say what could not be used; gives the exit status."""
    if isinstance(error, ConfigError):
        show_problems(error.problems)
    elif isinstance(error, BrokenPipeError):  # whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    else:
        fail(f"{error.filename or ''}: {error.strerror or error}")
    return 2


def files_of(configs: Sequence[str], **options: Any) -> Files:
    """The configuration's sources of one command; `options` by dotted path with "__" for ".", None left out.

    Files that a person names must be there; those of $WAF_CONFIG may be missing, as in a pod whose ConfigMap is not
    made yet.
    """
    context = click.get_current_context(silent=True)
    source = context.get_parameter_source("configs") if context is not None else None
    given = {name.replace("__", "."): str(value) for name, value in options.items() if value is not None}
    return Files(configs, os.environ, given, optional=source is ParameterSource.ENVIRONMENT)


def policy_of(files: Files) -> tuple[Bundle, Kept]:
    """The policy that these files give, built as the sidecar builds it."""
    kept = keep(files.load().config, os.environ)
    return build(files, kept), kept


def learned_policy(files: Files) -> Policy:
    """The same over the profile that was learned in `state_dir`, as it was kept last; nothing is written there."""
    bundle, kept = policy_of(files)
    config = bundle.policy.config
    if not (config.state_dir and config.profiles.enabled and config.profiles.mode != "off"):
        return bundle.policy
    memory = Memory(config.state_dir, config.profiles, kept.key, reach=reach_of(config))
    memory.load()
    show_problems(memory.problems, warning=True)
    memory.pin(bundle.documents)
    return bundle.policy.with_profile(memory.learner.profile(kept.mask), 0)
