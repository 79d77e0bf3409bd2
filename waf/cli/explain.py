"""`waf explain` one request and `waf replay` many: what would the policy do, and which exclusion would change
it.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click
import orjson

from waf.cli.common import clear_errors, config_option, fail, files_of, learned_policy
from waf.control.files import read_capped
from waf.model import Action, Finding
from waf.policy.access_log import from_access_log
from waf.policy.decide import weight
from waf.policy.explain import Explanation, as_builtins, judge
from waf.policy.samples import Sample, from_curl, from_har, from_raw

_LOG_NAME: Final = re.compile(r"(?:\.log|access_log|access\.log)(?:\.\d+)?$")
MAX_INPUT: Final = 1024 * 1024 * 1024  # bytes of a file to replay


@click.command(context_settings={"ignore_unknown_options": True})
@config_option
@click.option("--raw", type=click.Path(exists=True, dir_okay=False), help="A file with one raw HTTP request.")
@click.option("--har", type=click.Path(exists=True, dir_okay=False), help="A HAR file; see --entry.")
@click.option("--entry", default=1, show_default=True, help="Which entry of the HAR file, from 1.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.argument("curl", nargs=-1, type=click.UNPROCESSED)
@clear_errors
def explain(
    configs: Sequence[str], raw: str | None, har: str | None, entry: int, as_json: bool, curl: Sequence[str]
) -> None:
    """Explain what would be done with one request: fields, findings, score, verdict, and the way out.

    \b
    waf explain "curl 'http://shop/search?q=1%27+or+1=1--'"
    waf explain -- -X POST http://shop/api -H 'Content-Type: application/json' -d '{"a": 1}'
    waf explain --raw request.http
    """
    sample = _one_sample(raw, har, entry, curl)
    explanation = judge(learned_policy(files_of(configs)), sample, time.monotonic(), time.time(), fields=True)
    if as_json:
        click.echo(orjson.dumps(as_builtins(explanation, time.time()), option=orjson.OPT_INDENT_2).decode())
    else:
        _show(explanation)
    sys.exit(1 if explanation.fault or explanation.verdict.would is Action.BLOCK else 0)


def _one_sample(raw: str | None, har: str | None, entry: int, curl: Sequence[str]) -> Sample:
    try:
        if raw:
            return from_raw(read_capped(raw, MAX_INPUT), raw)
        if har:
            samples = list(from_har(_har(har)))
            if not 1 <= entry <= len(samples):
                fail(f"--entry must be from 1 to {len(samples)}")
            return samples[entry - 1]
        if not curl:
            fail("give a curl line, --raw FILE or --har FILE")
        if len(curl) == 1:
            return from_curl(curl[0])
        import shlex

        return from_curl(shlex.join(curl))
    except ValueError as error:
        fail(str(error))


def _har(path: str) -> Any:
    try:
        return orjson.loads(read_capped(path, MAX_INPUT))
    except orjson.JSONDecodeError as error:
        fail(f"{path}: not JSON: {error}")


def _show(explanation: Explanation) -> None:
    click.echo(_bold(explanation.label))
    if explanation.fault:
        click.echo(
            f"  refused with {explanation.status} in every mode: {explanation.fault}: {explanation.detail}"
        )
        return
    if explanation.profile_mode != "off":
        click.echo(
            _bold("profile")
            + f"  mode {explanation.profile_mode} here: {explanation.endpoint or 'nothing learned'}"
        )
    if explanation.fields:
        click.echo(_bold("fields"))
        width = min(40, max(len(address) for address, _ in explanation.fields))
        views = defaultdict(list)
        for address, steps, text in explanation.views:
            views[address].append(f"  {'':<{width}}  {click.style(f'({steps})', dim=True)} {text}")
        for address, value in explanation.fields:
            click.echo(f"  {address:<{width}}  {value}")
            for line in views.pop(address, ()):
                click.echo(line)
    verdict = explanation.verdict
    if verdict.findings:
        click.echo(_bold("findings"))
    for finding in verdict.findings:
        click.echo("  " + _line(finding))
    if explanation.rejected:
        click.echo(_bold("looked at, and let pass"))
    for rule, address, why in explanation.rejected:
        click.echo(f"  {rule} at {address}: {why}")
    colour = {Action.BLOCK: "red", Action.REDACT: "yellow", Action.FORWARD: "green"}[verdict.would]
    says = {
        Action.BLOCK: f"protect mode refuses it with {verdict.status}",
        Action.REDACT: "protect mode alters it and forwards",
        Action.FORWARD: "forwarded",
    }[verdict.would]
    now = "" if verdict.action is verdict.would else f"; the mode in force does: {verdict.action.value}"
    click.echo(_bold("verdict") + f"  score {verdict.score}: " + click.style(says, fg=colour) + now)
    if explanation.detail:
        click.echo(f"  {explanation.detail}")
    if verdict.exclusion:
        click.echo(_bold("to let it pass") + ", under `exclusions:` in tuning.yaml")
        for line in verdict.exclusion.splitlines():
            click.echo("  " + line)


def _bold(text: str) -> str:
    return click.style(text, bold=True)


def _line(finding: Finding) -> str:
    weight = f"{finding.severity.name.lower()}/{finding.confidence.name.lower()}"
    views = f" ({finding.views})" if finding.views else ""
    watched = "" if finding.enforced else " [watched]"
    excerpt = f": {finding.excerpt}" if finding.excerpt else ""
    return f"{finding.rule} [{weight}]{watched} at {finding.address or '-'}{views}{excerpt}"


@click.command()
@config_option
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--top", default=20, show_default=True, help="How many rule and field pairs to show.")
@clear_errors
def replay(configs: Sequence[str], files: Sequence[str], as_json: bool, top: int) -> None:
    """Hold recorded traffic against the policy, offline: HAR files, the captures of the control API, access logs.

    An access log (Common or Combined format; *.log) tells request lines, Referer and User-Agent alone.

    Shows what protect mode would refuse, by rule and field, with the exclusion for each: tune until only
    attacks are left, then switch to protect. Exit status 1 if anything would be refused.
    """
    policy = learned_policy(files_of(configs))
    refused: Counter[tuple[str, str]] = Counter()
    exclusions: dict[tuple[str, str], str] = {}
    examples: dict[tuple[str, str], str] = {}
    total = would_block = malformed = unread = 0
    samples = [sample for path in files for sample in _samples(path)]
    with click.progressbar(samples, label="replaying", file=sys.stderr, hidden=as_json) as bar:
        for sample in bar:
            if sample is None:
                unread += 1
                continue
            total += 1
            explanation = judge(policy, sample, total, time.time())
            if explanation.fault:
                malformed += 1
                refused[explanation.fault, "-"] += 1
                examples.setdefault((explanation.fault, "-"), explanation.label)
            elif explanation.verdict.would is Action.BLOCK:
                would_block += 1
                for key, finding in {(f.rule, f.address): f for f in explanation.verdict.findings}.items():
                    refused[key] += 1
                    examples.setdefault(key, f"{explanation.label}: {finding.excerpt}")
                    if weight(finding) > 0:
                        exclusions.setdefault(key, explanation.verdict.exclusion)
    rows = [
        {"rule": rule, "field": field, "count": n, "example": examples[rule, field],
         "exclusion": exclusions.get((rule, field), "")}
        for (rule, field), n in refused.most_common(top)
    ]  # fmt: skip
    summary = {
        "requests": total, "would_block": would_block, "malformed": malformed, "unread": unread, "rules": rows,
    }  # fmt: skip
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        sys.exit(1 if refused else 0)
    skipped = f"; {unread} lines are no requests" if unread else ""
    click.echo(f"{total} requests: {would_block} would be refused, {malformed} are malformed{skipped}")
    for row in rows:
        click.echo(f"  {row['count']:>6}  {row['rule']}  at {row['field']}\n          {row['example']}")
        for line in str(row["exclusion"]).splitlines():
            click.echo(f"          {line}")
    sys.exit(1 if refused else 0)


def _samples(path: str) -> Iterator[Sample | None]:
    data = read_capped(path, MAX_INPUT)
    if _LOG_NAME.search(path):
        yield from from_access_log(data.splitlines())
        return
    if Path(path).suffix.lower() in (".http", ".raw", ".txt"):
        yield from_raw(data, path)
        return
    try:
        yield from from_har(orjson.loads(data))
    except (orjson.JSONDecodeError, ValueError) as error:
        fail(f"{path}: {error}")
