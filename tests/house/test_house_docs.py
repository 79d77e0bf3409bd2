"""What the documents say is true: examples parse, links lead somewhere, commands exist, the reference is
current."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from tests.house.configuration_page import render
from tests.together import together
from waf.cli.main import main
from waf.config.document import read_document
from waf.config.load import parse_config
from waf.config.schema import Config
from waf.config.shape import read_struct
from waf.config.units import parse_size
from waf.errors import Problem
from waf.policy.tuning import Tuning, TuningFile

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md"))
    if not path.name.startswith(".")
)
_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.M | re.S)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    document: str
    kind: str  # the words after the fence
    text: str


def blocks(kind: str) -> list[Block]:
    """All fenced blocks of a kind, with the indentation of lists taken away."""
    found = []
    for path in DOCUMENTS:
        for indent, label, text in _FENCE.findall(path.read_text()):
            if label == kind:
                lines = [line.removeprefix(indent) for line in text.splitlines()]
                found.append(Block(path.name, label, "\n".join(lines) + "\n"))
    return found


def read_tuning(text: str, name: str) -> TuningFile:
    problems: list[Problem] = []
    content = read_struct(read_document(text, name, problems), TuningFile, problems)
    assert problems == []
    assert content is not None
    return content


def _id(block: object) -> str:
    return block.document if isinstance(block, Block) else str(block)


@pytest.mark.parametrize("block", blocks("yaml waf.yaml"), ids=_id)
def test_examples_of_waf_yaml_are_valid_and_say_something(block: Block) -> None:
    assert parse_config(block.text, block.document) != Config()


@pytest.mark.parametrize("block", blocks("yaml tuning.yaml"), ids=_id)
def test_examples_of_tuning_yaml_are_valid(block: Block) -> None:
    tuning = Tuning([(block.document, read_tuning(block.text, block.document))])
    assert not tuning.idle or tuning.changes


@pytest.mark.parametrize("block", blocks("json event"), ids=_id)
def test_the_sample_event_has_only_fields_that_events_have(block: Block) -> None:
    sample = json.loads(block.text)
    source = (ROOT / "waf" / "record" / "events.py").read_text()
    for key in (*sample, *sample["waf.findings"][0]):
        assert f'"{key}"' in source, key
    line = json.loads(sample["waf.exclusion"].removeprefix("- "))
    assert line["rule"] == sample["waf.findings"][0]["rule"]
    assert line["field"] == sample["waf.findings"][0]["field"]


def _command_lines() -> list[tuple[str, str]]:
    lines = []
    for block in blocks("sh"):
        for line in block.text.splitlines():
            words = line.split("#")[0].strip()
            if re.match(r"(\S*/)?waf ", words):
                lines.append((block.document, words))
    return lines


@together(("document", "line"), _command_lines())
def test_command_lines_name_commands_and_options_that_exist(document: str, line: str) -> None:
    words = shlex.split(line)[1:]
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group) and words:
        if words[0].startswith("--"):  # an option of the group, and its value
            options = {name: one for one in command.params for name in one.opts}
            assert words[0] in options, f"{document}: {line}: no option {words[0]}"
            option = options[words[0]]
            words = words[1 if isinstance(option, click.Option) and option.is_flag else 2 :]
            continue
        found = command.get_command(context, words[0])
        assert found is not None, f"{document}: no command {words[0]!r}"
        command = found
        words = words[1:]
    assert not isinstance(command, click.Group), f"{document}: {line} lacks a subcommand"
    known = {name for parameter in command.params for name in parameter.opts}
    for word in words:
        if word.startswith("-") and word != "--":
            assert word.split("=")[0] in known, f"{document}: {line}: no option {word}"


def test_make_targets_in_documents_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+)(?: [a-z -]+)*:", makefile, re.M))
    named = {name for block in blocks("sh") for name in re.findall(r"^make ([a-z-]+)", block.text, re.M)}
    assert named
    assert named <= targets


@together("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in _LINK.findall(path.read_text()):
        if not re.match(r"[a-z]+:|#", target):
            assert (path.parent / target.partition("#")[0]).exists(), target


def test_the_reference_is_the_schema() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert page == render(), "run: python tests/house/configuration_page.py > docs/configuration.md"


def test_keys_named_in_the_readme_exist_with_these_defaults() -> None:
    from waf.config.describe import reference

    known = {key.path: key.default.strip('"') for key in reference()}
    lists = {path.partition("[]")[0] for path in known if "[]" in path}
    rows = re.findall(r"^\| `([a-z_.]+)`(?:, `\.[a-z]+`)? \| (\S+)", (ROOT / "README.md").read_text(), re.M)
    assert len(rows) > 10
    for path, cell in rows:
        assert path in known or path in lists, path
        told = cell.strip("`")
        if told not in ("none", "the"):  # "none" and "the user's" are said in words
            in_file = known[path]
            assert told == in_file or parse_size(told) == parse_size(in_file), path
