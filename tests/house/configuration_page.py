"""docs/configuration.md, written from the schema: `python tests/house/configuration_page.py >
docs/configuration.md`."""

from __future__ import annotations

from itertools import groupby

from waf.config.describe import Key, reference
from waf.config.layers import ENVIRONMENT

_HEAD = """# Configuration

Every key of `waf.yaml`, its kind, its default and its meaning. Written from the schema; `waf config schema`
prints the same as JSON Schema for editors, `waf config show` what is in force and where each value comes
from, `waf check` every mistake with file, line and mend.

Sizes are bytes: `65536`, `64KiB`, `10MB`. Times are seconds: `30`, `500ms`, `5m`, `1h30m`. Path templates:
`*` is any one segment, `**` the rest, `{id}` a named segment. `[]` marks the items of a list.

Several files can be layered (`--config base.yaml --config mine.yaml`, the nearest last): sections join key
by key, a list of the nearer file replaces the farther one's, except those of routes, rules, addresses and
tuning, which add up.
"""


def render() -> str:
    """The whole page."""
    lines = [_HEAD, "## Environment", ""]
    lines += ["Stronger than the files, weaker than options.", "", "| variable | key |", "|---|---|"]
    lines += [f"| `{name}` | `{path}` |" for name, path in ENVIRONMENT.items()]
    lines += [
        "| `WAF_CONFIG` | the file itself, as `--config` |",
        "| `WAF_CONTROL_TOKEN` | the control token |",
    ]
    for section, keys in groupby(sorted(reference(), key=lambda key: _section(key) != ""), key=_section):
        lines += ["", f"## {section}" if section else "## General", ""]
        lines += ["| key | kind | default | meaning |", "|---|---|---|---|"]
        lines += [_row(key) for key in keys]
    return "\n".join(lines) + "\n"


def _section(key: Key) -> str:
    first, dot, _ = key.path.partition(".")
    return first.removesuffix("[]") if dot else ""


def _row(key: Key) -> str:
    kind = key.kind.replace(" | ", ", ").replace("|", "\\|")
    default = f"`{key.default}`" if key.default else "required"
    about = key.about.replace("|", "\\|")
    return f"| `{key.path}` | {kind} | {default} | {about} |"


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201
