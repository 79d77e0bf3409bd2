"""`waf profile`: look at what was learned, review it, edit it, teach it; on a running sidecar or in a state directory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from waf import edits
from waf.cli.common import clear_errors, config_option, fail
from waf.cli.profile_source import MAX_FILE, Remote, Source, Stored, check_har
from waf.cli.profile_store import gather
from waf.control.files import read_capped
from waf.profiles import review, yaml_view


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
    context.obj = Stored(configs, state) if state else Remote(control)


@profile.command()
@click.option("--all", "every", is_flag=True, help="Every endpoint, not only the busiest twenty.")
@click.option("--json", "as_json", is_flag=True, help="All of it, for programs.")
@click.pass_obj
@clear_errors
def status(source: Source, every: bool, as_json: bool) -> None:
    """How far learning has come, per endpoint, and what waits for a decision."""
    said = source.status()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(said)).decode())
        return
    counts = ", ".join(f"{n} in {stage}" for stage, n in said["constraints"].items())
    click.echo(
        f"workload {said['workload']}, mode {said['mode']}: {said['endpoints']} endpoints; constraints: {counts}"
    )
    for route, mode in said.get("routes", {}).items():
        click.echo(f"  at route {route}: mode {mode}")
    places = said["places"]
    if places:
        click.echo(
            f"{'requests':>9} {'sources':>7} {'learned':>7} {'staged':>6} {'protected':>9} {'would refuse':>12}  endpoint"
        )
    for row in places if every else places[:20]:
        sources = "many" if row["sources"] is None else row["sources"]
        click.echo(
            f"{row['requests']:>9.0f} {sources:>7} {row['learned']:>7} {row['staged']:>6} {row['protected']:>9}"
            f" {row['violations']:>12}  {row['method']} {row['template'] or '/'}"
        )
        if row["why_not"] and (every or not row["ready"]):
            click.echo(f"{'':>57}not yet: {'; '.join(row['why_not'])}")
        if row["callers"]:
            click.echo(f"{'':>57}called by: {', '.join(row['callers'])}")
        if every and row.get("before"):
            came = ", ".join(f"{place} ({share:.0%})" for place, share in row["before"].items())
            click.echo(f"{'':>57}comes from: {came}")
    if not every and len(places) > 20:
        click.echo(f"  … {len(places) - 20} more: --all")
    for version in said["versions"]:
        click.echo(f"  version {version['version']}: {version['why']}")
    if said["held"]:
        click.echo(f"held at version {said['held']}; let it learn again with: waf profile resume")
    if said["frozen"]:
        click.echo("learning is frozen: too many requests have findings")
    for pattern in said["ignored"]:
        click.echo(f"  ignored: {pattern}")
    for line in said["waiting"]:
        click.echo(f"  waits for you (accept): {line}")
    for alert in said.get("alerts", ()):
        click.echo(f"  {alert['kind']}: {alert['subject']}: {alert['text']}")
    click.echo("ready to protect" if said["ready"] else "not ready to protect yet")


@profile.command()
@click.option("--evidence", is_flag=True, help="How well founded each constraint is.")
@click.pass_obj
@clear_errors
def show(source: Source, evidence: bool) -> None:
    """Print the profile as YAML (no counters, so that differences are changes)."""
    click.echo(source.view("evidence" if evidence else "profile"), nl=False)


@profile.command()
@click.option("--output", "-o", type=click.Path(dir_okay=False), required=True)
@click.option("--openapi", is_flag=True, help="As an OpenAPI 3.1 document.")
@click.option("--evidence", is_flag=True, help="The evidence, to stand beside the profile.")
@click.pass_obj
@clear_errors
def export(source: Source, output: str, openapi: bool, evidence: bool) -> None:
    """Write the profile to a file, for a repository."""
    Path(output).write_text(source.view("openapi" if openapi else "evidence" if evidence else "profile"))


@profile.command("learn-from")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--host", default="", help="Only requests to this host.")
@click.option("--compile/--no-compile", "compiles", default=True, help="Let the profile follow at once.")
@click.pass_obj
@clear_errors
def learn_from(source: Source, file: str, host: str, compiles: bool) -> None:
    """Learn from recorded traffic, a HAR file. A recording is trusted: each request counts as a witness."""
    try:
        har = msgspec.json.decode(read_capped(file, MAX_FILE))
    except msgspec.DecodeError as error:
        fail(f"{file}: not JSON: {error}; record one with a browser's network tab or `POST /v1/capture`")
    check_har(har, file)
    learned, skipped = source.learn(har, host)
    click.echo(f"learned from {learned} requests")
    for reason, count in sorted(skipped.items()):
        click.echo(f"  {count} left out: {reason}")
    if compiles:
        changed = source.edit(edits.Edit("compile"))
        click.echo(f"{len(changed)} constraints changed; see: waf profile status")


@profile.command()
@click.argument("document", type=click.Path(exists=True, dir_okay=False), required=False)
@click.pass_obj
@clear_errors
def shadows(source: Source, document: str | None) -> None:
    """Endpoints that are used and not in an OpenAPI document, and those in it that are silent.

    Without DOCUMENT those of the configuration are meant.
    """
    found = source.shadows(document)
    for shadow in found["shadows"]:
        click.echo(f"shadow  {shadow['method']} {shadow['template']}")
    for zombie in found["zombies"]:
        click.echo(f"zombie  {zombie['method']} {zombie['template']}: {zombie['why']}")


@profile.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.pass_obj
@clear_errors
def import_profile(source: Source, file: str) -> None:
    """Make the profile say what an edited file says."""
    text = Path(file).read_text()
    yaml_view.parse(text, file)  # so that what is wrong is told with the file's name
    _told(source.edit(edits.Edit("import", text=text)))


@profile.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.argument("other", type=click.Path(exists=True, dir_okay=False), required=False)
@click.pass_obj
@clear_errors
def diff(source: Source, file: str, other: str | None) -> None:
    """Show what differs between FILE and the profile, or between two files; exit status 1 if anything does."""
    before = yaml_view.parse(Path(file).read_text(), file)
    after = yaml_view.parse(
        *((Path(other).read_text(), other) if other else (source.view("profile"), "the profile"))
    )
    changes = review.diff(before.constraints, after.constraints)
    for change in changes:
        click.echo(str(change))
    sys.exit(1 if changes else 0)


@profile.command("compile")
@click.pass_obj
@clear_errors
def compile_now(source: Source) -> None:
    """Let what was learned take its next step now, as it does by itself every so often."""
    _told(source.edit(edits.Edit("compile")))


@profile.command()
@click.argument("pattern", nargs=-1, required=True)
@click.pass_obj
@clear_errors
def accept(source: Source, pattern: Sequence[str]) -> None:
    """Protect what was learned for the constraints that fit METHOD /template [address [aspect]]."""
    _told(source.edit(edits.Edit("accept", pattern=" ".join(pattern))))


@profile.command()
@click.argument("stage", type=click.Choice(["discover", "stage", "protect"]))
@click.argument("pattern", nargs=-1, required=True)
@click.pass_obj
@clear_errors
def promote(source: Source, stage: str, pattern: Sequence[str]) -> None:
    """Set the stage of the constraints that fit METHOD /template [address [aspect]]."""
    _told(source.edit(edits.Edit("promote", pattern=" ".join(pattern), stage=stage)))


@profile.command()
@click.argument("constraint")
@click.argument("allowed", nargs=-1)
@click.option("--stage", type=click.Choice(["discover", "stage", "protect"]), default="protect")
@click.pass_obj
@clear_errors
def pin(source: Source, constraint: str, allowed: Sequence[str], stage: str) -> None:
    """Claim something yourself; it replaces what is learned, for good.

    \b
    waf profile pin "POST /login form.user type" word email
    waf profile pin "GET /search arg.q length" 0 80
    """
    _told(source.edit(edits.Edit("pin", pattern=constraint, stage=stage, text="\n".join(allowed))))


@profile.command()
@click.argument("constraint")
@click.pass_obj
@clear_errors
def unpin(source: Source, constraint: str) -> None:
    """Leave a pinned constraint to learning again."""
    _told(source.edit(edits.Edit("unpin", pattern=constraint)))


@profile.command()
@click.argument("pattern", nargs=-1, required=True)
@click.pass_obj
@clear_errors
def ignore(source: Source, pattern: Sequence[str]) -> None:
    """Never check the constraints that fit METHOD /template [address [aspect]]."""
    _told(source.edit(edits.Edit("ignore", pattern=" ".join(pattern))))


@profile.command()
@click.argument("pattern", nargs=-1, required=True)
@click.pass_obj
@clear_errors
def recall(source: Source, pattern: Sequence[str]) -> None:
    """Undo `ignore`."""
    _told(source.edit(edits.Edit("recall", pattern=" ".join(pattern))))


@profile.command()
@click.argument("version")
@click.pass_obj
@clear_errors
def rollback(source: Source, version: str) -> None:
    """Go back to one of the last ten versions (see status) and hold it."""
    _told(source.edit(edits.Edit("rollback", version=version)))


@profile.command()
@click.pass_obj
@clear_errors
def hold(source: Source) -> None:
    """Keep the profile as it is, whatever is learned, until `resume`."""
    _told(source.edit(edits.Edit("hold")))


@profile.command()
@click.pass_obj
@clear_errors
def resume(source: Source) -> None:
    """Let a held profile learn again."""
    _told(source.edit(edits.Edit("resume")))


@profile.command()
@click.argument("directories", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False))
@click.pass_obj
@clear_errors
def merge(source: Source, directories: Sequence[str]) -> None:
    """Add what other replicas' state directories have learned (with --state). To do so again changes nothing."""
    for directory in directories:
        new = source.merge(directory)
        click.echo(f"merged {directory}" if new else f"{directory}: nothing that was not known")


profile.add_command(gather)


def _told(lines: Sequence[Any]) -> None:
    for line in lines or ["nothing to change"]:
        click.echo(line)
