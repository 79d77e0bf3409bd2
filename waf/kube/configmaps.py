"""Whether a ConfigMap with the sidecar's configuration can be used: read as the sidecar reads it, before it is kept.

Owns what the keys of such a ConfigMap mean. Reads nothing but the object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from waf.config.document import read_document
from waf.config.load import load
from waf.config.schema import Config
from waf.config.shape import read_struct
from waf.errors import ConfigError, Problem
from waf.inspect.rules import parse_rules
from waf.policy.tuning import Tuning, TuningFile

LABEL_CONFIG: Final = "waf.sidecar/config"
MAIN: Final = "waf.yaml"
TUNING: Final = "tuning.yaml"


def problems_of(configmap: Mapping[str, Any]) -> list[Problem]:
    """Every mistake in waf.yaml and in the tuning and rules that it names; each is located by key and line."""
    data = configmap.get("data")
    texts = {k: v for k, v in (data if isinstance(data, Mapping) else {}).items() if isinstance(v, str)}
    problems: list[Problem] = []
    config = Config()
    if MAIN in texts:
        try:
            config = load([(texts[MAIN], MAIN)]).config
        except ConfigError as error:
            problems.extend(error.problems)
    elif texts and TUNING not in texts:
        problems.append(
            Problem(MAIN, 0, "", "there is no such key", f"name the key of the configuration {MAIN}")
        )
    for key in _named(config.signatures.rules, "signatures.rules", texts, problems):
        try:
            parse_rules(texts[key], key)
        except ConfigError as error:
            problems.extend(error.problems)
    tuning = list(_named(config.tuning, "tuning", texts, problems))
    if TUNING in texts and TUNING not in tuning:
        tuning.append(TUNING)
    _check_tuning({key: texts[key] for key in tuning}, problems)
    return problems


def _named(
    paths: tuple[str, ...], place: str, texts: Mapping[str, str], problems: list[Problem]
) -> list[str]:
    """The keys that `paths` name; a file of this ConfigMap that is not in it is a mistake, others may be mounted."""
    found = []
    for path in paths:
        if path in texts:
            found.append(path)
        elif "/" not in path:
            problems.append(
                Problem(MAIN, 0, place, f"{path} is no key of this ConfigMap", "add it, or correct it")
            )
    return found


def _check_tuning(texts: Mapping[str, str], problems: list[Problem]) -> None:
    contents: list[tuple[str, TuningFile]] = []
    for key, text in texts.items():
        try:
            content = read_struct(read_document(text, key, problems), TuningFile, problems)
        except ConfigError as error:
            problems.extend(error.problems)
            continue
        if content is not None:
            contents.append((key, content))
    try:
        Tuning(contents)
    except ConfigError as error:
        problems.extend(error.problems)
