"""`waf profile`: look at what was learned, review it, edit it; on a running sidecar or in a state directory."""

from __future__ import annotations

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import click
import msgspec

from waf import edits
from waf.assembly import keep
from waf.cli.common import clear_errors, config_option, fail, files_of, show_problems
from waf.config.schema import Control, Limits
from waf.control.files import read_capped
from waf.inspect.reading import read
from waf.memory import Memory
from waf.model import Field, Request
from waf.profiles import report as endpoints
from waf.profiles import review, yaml_view
from waf.profiles.har import Skipped, observations
from waf.profiles.openapi_export import export as export_document
from waf.profiles.openapi_import import import_document

TIMEOUT: Final = 30.0  # seconds for an answer of the control port
MAX_HAR: Final = 1024 * 1024 * 1024  # bytes


class Source:
    """Where the profile is: a running sidecar's control port, or a state directory."""

    def __init__(self, configs: Sequence[str], state: str | None, control: str | None) -> None:
        self._url = "" if state else (control or f"http://{Control().listen}")
        self._memory: Memory | None = None
        if state:
            config = files_of(configs, state_dir=state).load().config
            self._workload = config.profiles.workload
            self._memory = Memory(state, config.profiles, keep(config, os.environ).key)
            self._memory.load()
            show_problems(self._memory.problems, warning=True)

    def text(self, view: str = "profile") -> str:
        if self._memory is None:
            return self._ask(f"/v1/profile?view={view}").decode()
        learner = self._memory.learner
        if view == "evidence":
            return yaml_view.evidence_of(learner.candidates(), learner.book)
        return yaml_view.text_of(learner.book, self._workload)

    def status(self) -> dict[str, Any]:
        if self._memory is None:
            found: dict[str, Any] = msgspec.json.decode(self._ask("/v1/profile/status"))
            return found
        return edits.status(self._memory.learner, self._workload)

    def edit(self, edit: edits.Edit) -> list[str]:
        if self._memory is None:
            answer = msgspec.json.decode(self._ask("/v1/profile", msgspec.json.encode(edit)))
            changed: list[str] = answer["changed"]
            return changed
        try:
            lines = edits.apply(self._memory.learner, edit, time.time())
        except ValueError as error:
            fail(str(error))
        self._memory.save()
        return lines

    @property
    def memory(self) -> Memory:
        if self._memory is None:
            fail("this works on a state directory: give --state DIR")
        return self._memory

    def openapi(self) -> dict[str, Any]:
        book = self.memory.learner.book
        version = book.versions[-1].version if book.versions else "0"
        return export_document(book.all_places(), book.constraints(), self._workload, version)

    def learn(self, har: Any) -> tuple[int, dict[str, int]]:
        """Learn from a HAR; gives how many requests were learned from, and why others were not."""
        memory, skipped, learned = self.memory, Skipped(), 0
        limits = Limits()

        def fields(request: Request, body: bytes) -> list[Field]:
            reading = read(request, body, limits, lambda _: "")
            return [*reading.head, *reading.body_fields()]

        for observation in observations(har, fields, memory.sources, skipped):
            learned += memory.learner.observe(observation, observation.wall)
        memory.learner.advance(time.time())
        memory.save()
        return learned, skipped.reasons

    def merge(self, other: Source) -> None:
        """Add what another state directory has learned."""
        if self._memory is None or other._memory is None:
            fail("merging needs two state directories")
        self._memory.learner.merge(other._memory.learner)
        self._memory.inventory.merge(other._memory.inventory)
        self._memory.save()

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self._url + path, data=body)
        if token := os.environ.get("WAF_CONTROL_TOKEN"):
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                data: bytes = answer.read()
                return data
        except urllib.error.HTTPError as error:
            _refused(error.read())
        except OSError as error:
            reason = getattr(error, "reason", error)
            fail(f"no sidecar answers at {self._url} ({reason}); name another with --control, or --state DIR")


def _refused(body: bytes) -> NoReturn:
    try:
        answer = msgspec.json.decode(body)
        fail("; ".join(answer.get("problems") or [answer["error"]]))
    except (msgspec.DecodeError, KeyError, AttributeError):
        fail("the control port refused it")


@click.group()
@config_option
@click.option(
    "--state", type=click.Path(exists=True, file_okay=False), help="A state directory, sidecar stopped."
)
@click.option("--control", help="URL of a control port.  [default: http://127.0.0.1:15021]")
@click.pass_context
@clear_errors
def profile(context: click.Context, configs: Sequence[str], state: str | None, control: str | None) -> None:
    """What this workload's own traffic has shown to be normal."""
    context.obj = Source(configs, state, control)


@profile.command()
@click.pass_obj
def status(source: Source) -> None:
    """How far learning has come, and what waits for a decision."""
    said = source.status()
    counts = ", ".join(f"{n} in {stage}" for stage, n in said["constraints"].items())
    click.echo(
        f"workload {said['workload']}, mode {said['mode']}: {said['endpoints']} endpoints; constraints: {counts}"
    )
    if said["held"]:
        click.echo(f"held at version {said['held']}; let it learn again with: waf profile resume")
    for line in said["waiting"]:
        click.echo(f"  waits for you: {line}")
    click.echo("ready to protect" if said["ready"] else "not ready to protect yet")


@profile.command()
@click.option("--evidence", is_flag=True, help="How well founded each constraint is.")
@click.pass_obj
def show(source: Source, evidence: bool) -> None:
    """Print the profile as YAML (no counters, so that differences are changes)."""
    click.echo(source.text("evidence" if evidence else "profile"), nl=False)


@profile.command()
@click.option("--output", "-o", type=click.Path(dir_okay=False), required=True)
@click.option("--openapi", is_flag=True, help="As an OpenAPI 3.1 document (with --state).")
@click.pass_obj
def export(source: Source, output: str, openapi: bool) -> None:
    """Write the profile to a file, for a repository."""
    text = msgspec.json.format(msgspec.json.encode(source.openapi())).decode() if openapi else source.text()
    Path(output).write_text(text)


@profile.command("learn-from")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.pass_obj
@clear_errors
def learn_from(source: Source, file: str) -> None:
    """Learn from recorded traffic, a HAR file (with --state); a recording is trusted."""
    try:
        har = msgspec.json.decode(read_capped(file, MAX_HAR))
    except msgspec.DecodeError as error:
        fail(f"{file}: not JSON: {error}")
    learned, skipped = source.learn(har)
    click.echo(f"learned from {learned} requests")
    for reason, count in sorted(skipped.items()):
        click.echo(f"  {count} left out: {reason}")


@profile.command()
@click.argument("document", type=click.Path(exists=True, dir_okay=False))
@click.pass_obj
@clear_errors
def shadows(source: Source, document: str) -> None:
    """Endpoints that are used and not in an OpenAPI document, and those in it that are silent (with --state)."""
    try:
        imported = import_document(msgspec.yaml.decode(read_capped(document, MAX_HAR)), document)
    except msgspec.DecodeError as error:
        fail(f"{document}: neither YAML nor JSON: {error}")
    show_problems(imported.problems, warning=True)
    state = source.memory.learner.state
    for template, method in endpoints.shadows(state, imported.places):
        click.echo(f"shadow  {method} {template}")
    for template, method, why in endpoints.zombies(state, imported.places, time.time()):
        click.echo(f"zombie  {method} {template}: {why}")


@profile.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.pass_obj
def import_profile(source: Source, file: str) -> None:
    """Make the profile say what an edited file says."""
    _told(source.edit(edits.Edit("import", text=Path(file).read_text())))


@profile.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.pass_obj
@clear_errors
def diff(source: Source, file: str) -> None:
    """Show what differs between a file and the profile; exit status 1 if anything does."""
    wanted = yaml_view.parse(Path(file).read_text(), file)
    now = yaml_view.parse(source.text(), "the profile")
    changes = review.diff(wanted.constraints, now.constraints)
    for change in changes:
        click.echo(str(change))
    sys.exit(1 if changes else 0)


@profile.command()
@click.argument("pattern", nargs=-1, required=True)
@click.pass_obj
def accept(source: Source, pattern: Sequence[str]) -> None:
    """Protect what was learned for the constraints that fit METHOD /template [address [aspect]]."""
    _told(source.edit(edits.Edit("accept", pattern=" ".join(pattern))))


@profile.command()
@click.argument("stage", type=click.Choice(["discover", "stage", "protect"]))
@click.argument("pattern", nargs=-1, required=True)
@click.pass_obj
def promote(source: Source, stage: str, pattern: Sequence[str]) -> None:
    """Set the stage of the constraints that fit."""
    _told(source.edit(edits.Edit("promote", pattern=" ".join(pattern), stage=stage)))


@profile.command()
@click.argument("pattern", nargs=-1, required=True)
@click.pass_obj
def ignore(source: Source, pattern: Sequence[str]) -> None:
    """Never check the constraints that fit."""
    _told(source.edit(edits.Edit("ignore", pattern=" ".join(pattern))))


@profile.command()
@click.argument("pattern", nargs=-1, required=True)
@click.pass_obj
def recall(source: Source, pattern: Sequence[str]) -> None:
    """Undo `ignore`."""
    _told(source.edit(edits.Edit("recall", pattern=" ".join(pattern))))


@profile.command()
@click.argument("version")
@click.pass_obj
def rollback(source: Source, version: str) -> None:
    """Go back to one of the last ten versions and hold it."""
    _told(source.edit(edits.Edit("rollback", version=version)))


@profile.command()
@click.pass_obj
def resume(source: Source) -> None:
    """Let a held profile learn again."""
    _told(source.edit(edits.Edit("resume")))


@profile.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False))
@click.pass_obj
def merge(source: Source, directory: str) -> None:
    """Add what another state directory has learned (with --state)."""
    source.merge(Source((), directory, None))
    click.echo(f"merged {directory}")


def _told(lines: Sequence[str]) -> None:
    for line in lines or ["nothing to change"]:
        click.echo(line)
