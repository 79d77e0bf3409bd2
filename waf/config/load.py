"""The way from text to a configuration, and back to people.

Reads no file and no environment: the caller brings their contents. Every mistake is reported at once, each
with its place and mend.
"""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from typing import Any

import msgspec

from waf.config.checks import check
from waf.config.document import Mapping, Origin, read_document
from waf.config.layers import environment_layer, find, merge, origins, overrides
from waf.config.schema import Config
from waf.config.shape import MAX_PROBLEMS, plain, read_config
from waf.errors import ConfigError, Problem


class Loaded(msgspec.Struct, frozen=True):
    """A configuration with where each of its written values stands, and what is suspicious but usable."""

    config: Config
    origins: dict[str, Origin]
    warnings: tuple[Problem, ...] = ()


def load(
    documents: Sequence[tuple[str, str]] = (),
    environ: Dictionary[str, str] | None = None,
    options: Dictionary[str, str] | None = None,
) -> Loaded:
    """A configuration from `documents` (text, file), each stronger than those before it.

    `environ` is stronger than all of them (see `layers.ENVIRONMENT`), `options` stronger still: it maps
    dotted paths to text, as command line options give them ("listen.address": "0.0.0.0:80").
    Raises ConfigError with every problem in all of them.
    """
    problems: list[Problem] = []
    layers: list[Mapping] = []
    for text, file in documents:
        try:
            layers.append(read_document(text, file, problems))
        except ConfigError as error:
            problems.extend(error.problems)
    from_environment, warnings = environment_layer(environ or {})
    layers += [from_environment, overrides(options or {})]
    tree = merge(layers)
    config = read_config(tree, problems)
    unread = {_top(problem.path) for problem in problems}
    for remark in check(config):
        if _top(remark.path) in unread:
            continue  # defaults stand for what could not be read: a remark on them would mislead
        origin = find(tree, remark.path)
        problem = Problem(origin.source, origin.line, remark.path, remark.message, remark.mend)
        (warnings if remark.warning else problems).append(problem)
    if problems:
        told = sorted(problems, key=lambda problem: (problem.file, problem.line))
        more = len(told) - MAX_PROBLEMS
        if more > 0:
            told[MAX_PROBLEMS:] = [Problem(told[MAX_PROBLEMS].file, 0, "", f"and {more} more problems")]
        raise ConfigError(told)
    return Loaded(config, origins(tree), tuple(warnings))


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def parse_config(text: str, file: str) -> Config:
    """The configuration in one document. Raises ConfigError with every problem found."""
    return load([(text, file)]).config


def effective(loaded: Loaded) -> dict[str, Any]:
    """For people: "config" with every value, "origins" with where each that is no default was written.

    The schema holds no secret (keys and tokens are named by file or variable), so nothing has to be hidden; a
    password in an address is refused by `checks`.
    """
    return {
        "config": plain(loaded.config),
        "origins": {path: str(origin) for path, origin in sorted(loaded.origins.items())},
        "warnings": [str(warning) for warning in loaded.warnings],
    }
