"""`waf report`: what an auditor reads, from the inventory in the state directory."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from waf.cli.common import clear_errors, config_option, fail, files_of, policy_of, show_problems
from waf.memory import Memory
from waf.policy.tuning import Tuning, day
from waf.sensitive.report import (
    STANDARDS,
    ExceptionFact,
    Facts,
    PolicyChange,
    build_report,
    render_csv,
    render_html,
    render_json,
)

RENDER: Final = {"html": render_html, "json": render_json, "csv": render_csv}


@click.command()
@config_option
@click.option("--standard", type=click.Choice(list(STANDARDS)), required=True)
@click.option("--format", "form", type=click.Choice(list(RENDER)), default="html", show_default=True)
@click.option("--state", type=click.Path(file_okay=False), help="State directory.  [default: state_dir]")
@click.option("--since", help="First day, 2026-01-31.  [default: 90 days ago]")
@click.option("--until", help="Last day.  [default: today]")
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="File to write.  [default: stdout]")
@clear_errors
def report(
    configs: Sequence[str],
    standard: str,
    form: str,
    state: str | None,
    since: str | None,
    until: str | None,
    output: str | None,
) -> None:
    """Report which sensitive data flows where, and which controls support which clause. Holds no values."""
    bundle, kept = policy_of(files_of(configs, state_dir=state))
    policy = bundle.policy
    if not policy.config.state_dir:
        fail("no state directory: set state_dir in waf.yaml or give --state")
    memory = Memory(policy.config.state_dir, policy.config.profiles, kept.key)
    memory.load()
    show_problems(memory.problems, warning=True)
    now = time.time()
    end = _day(until, "--until") + 86_400.0 if until else now
    start = _day(since, "--since") if since else end - 90 * 86_400.0
    if start >= end:
        fail("--since lies behind --until")
    built = build_report(
        memory.inventory,
        Facts.of(policy.config, policy.version),
        standard=standard,  # type: ignore[arg-type]  # click checked it
        period=(start, end),
        made=now,
        exceptions=_exceptions(policy.tuning, now),
        changes=[PolicyChange(c.when, c.version, f"mode {c.mode}") for c in memory.changes],
    )
    data = RENDER[form](built)
    if output:
        Path(output).write_bytes(data)
        click.echo(
            f"{output}: {built.values} values in {len(built.flows)} flows, {len(built.gaps)} gaps", err=True
        )
    else:
        sys.stdout.buffer.write(data)


def _day(text: str, option: str) -> float:
    try:
        return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp()
    except ValueError:
        fail(f"{option}: not a day; write it as 2026-01-31")


def _exceptions(tuning: Tuning, now: float) -> list[ExceptionFact]:
    """The exclusions of all tuning files; those that expired are listed as such."""
    today = day(now).isoformat()
    return [
        ExceptionFact(
            what=" ".join(filter(None, (e.rule, e.kind, e.tag, e.field, *e.methods, e.path))),
            reason=e.reason,
            owner=e.owner,
            expires=e.expires,
            expired=bool(e.expires) and e.expires < today,
        )
        for _, content in tuning.files
        for e in content.exclusions
    ]
