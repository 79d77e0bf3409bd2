"""`waf rules`: which rules there are, what one does, whether all do what they say, what they cost."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from waf.cli.common import clear_errors, config_option, fail, files_of, policy_of
from waf.inspect.rules import Rule


def _rules(configs: Sequence[str]) -> tuple[Rule, ...]:
    found = policy_of(files_of(configs))[0].rules
    if not found:
        fail("there are no rules in this configuration")
    return found


@click.group()
def rules() -> None:
    """The signature rules in force."""


@rules.command("list")
@config_option
@click.option("--class", "kind", help="Only this class, for example sqli.")
@clear_errors
def list_rules(configs: Sequence[str], kind: str | None) -> None:
    """List the rules: id, class, level, weight, title."""
    found = [rule for rule in _rules(configs) if kind is None or rule.kind == kind]
    if not found:
        fail(f"no rule of class {kind}")
    width = max(len(rule.id) for rule in found)
    for rule in found:
        weight = f"{rule.severity.name.lower()}/{rule.confidence.name.lower()}"
        click.echo(f"{rule.id:<{width}}  {rule.kind:<15} L{rule.level}  {weight:<15}  {rule.title}")


@rules.command("show")
@config_option
@click.argument("rule_id")
@clear_errors
def show_rule(configs: Sequence[str], rule_id: str) -> None:
    """Show one rule: what it looks for, where, and examples."""
    rule = next((r for r in _rules(configs) if r.id == rule_id), None)
    if rule is None:
        fail(f"no rule {rule_id}; see: waf rules list")
    _show(rule)


def _show(rule: Rule) -> None:
    rows = [
        ("id", rule.id), ("title", rule.title), ("class", rule.kind), ("level", str(rule.level)),
        ("weight", f"{rule.severity.name.lower()}, confidence {rule.confidence.name.lower()}"),
        ("labels", " ".join(rule.labels)), ("where", " ".join(p.address for p in rule.where)),
        ("except", " ".join(p.address for p in rule.without)),
        ("confirm", rule.confirm or rule.confirm_pattern or "-"), ("file", f"{rule.file}:{rule.line}"),
    ]  # fmt: skip
    for name, value in rows:
        click.echo(f"{click.style(f'{name:<8}', bold=True)} {value}")
    for name, lines in (
        ("patterns", rule.patterns),
        ("hits", [s.text for s in rule.hits]),
        ("misses", [s.text for s in rule.misses]),
    ):
        click.echo(click.style(name, bold=True))
        for line in lines:
            click.echo(f"  {line}")


@rules.command("test")
@config_option
@clear_errors
def test_rules(configs: Sequence[str]) -> None:
    """Run every rule's own hits and misses through the pipeline; exit status 1 if any fails."""
    from waf.inspect.signatures import Signatures
    from waf.policy.selftest import failures

    started = time.perf_counter()
    bundle, kept = policy_of(files_of(configs))
    if bundle.policy.signatures is None:
        fail("signatures are off in this configuration (signatures.enabled: false)")
    every_level = Signatures.build(bundle.rules, kept.store, kept.mask)
    failed = failures(bundle.rules, every_level)
    for failure in failed:
        click.echo(click.style("failed: ", fg="red") + failure)
    count = sum(len(rule.hits) + len(rule.misses) for rule in bundle.rules)
    seconds = time.perf_counter() - started
    click.echo(f"{count} samples of {len(bundle.rules)} rules, {len(failed)} failed, {seconds:.1f} s")
    sys.exit(1 if failed else 0)


@rules.command("cost")
@config_option
@click.option("--top", default=20, show_default=True)
@clear_errors
def cost(configs: Sequence[str], top: int) -> None:
    """Measure what each pattern costs on ordinary text, the dearest first (microseconds per KB)."""
    from waf.inspect.cost import pattern_costs

    for entry in pattern_costs(_rules(configs), clock=time.perf_counter)[:top]:
        click.echo(f"{entry.microseconds_per_kb:8.2f} µs/KB  {entry.rule}  {entry.pattern[:80]}")


@rules.command("compile")
@config_option
@click.option(
    "--cache", required=True, type=click.Path(file_okay=False), help="Directory of the pattern cache."
)
@clear_errors
def compile_rules(configs: Sequence[str], cache: str) -> None:
    """Compile all patterns into a cache directory, for an image that starts fast."""
    started = time.perf_counter()
    policy_of(files_of(configs, cache_dir=cache))
    click.echo(f"compiled into {cache} in {time.perf_counter() - started:.1f} s")
