"""A report as one printable page: no scripts, nothing loaded from elsewhere, plots as inline SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from waf.sensitive.report.build import FlowRow, Report
from waf.sensitive.report.plots import Bar, bars, flow_map
from waf.sensitive.report.tables import NOTE, when

_MAX_ROWS: Final = 500

_STYLE: Final = """
:root { --ink: #1d2733; --soft: #5b6877; --line: #d9dfe6; --good: #1f7a4d; --mid: #9a5b00; --bad: #b3261e; }
* { box-sizing: border-box; }
body { font: 14px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: var(--ink); background: #fff;
  margin: 0 auto; max-width: 1040px; padding: 40px 32px 64px; }
header { border-bottom: 3px solid var(--ink); padding-bottom: 16px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; }
h2 { font-size: 17px; margin: 36px 0 10px; }
p { margin: 6px 0; } .soft { color: var(--soft); }
dl.facts { display: flex; flex-wrap: wrap; gap: 12px; margin: 22px 0 0; }
dl.facts div { flex: 1 1 150px; border: 1px solid var(--line); border-radius: 6px; padding: 10px 14px; }
dl.facts dt { color: var(--soft); font-size: 12px; } dl.facts dd { margin: 0; font-size: 22px; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: 8px 0; font-size: 13px; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line); padding: 5px 8px; }
td { border-bottom: 1px solid var(--line); padding: 5px 8px; vertical-align: top; overflow-wrap: anywhere; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td b { white-space: nowrap; }
code { font: 12px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.tag { display: inline-block; border-radius: 10px; padding: 0 8px; font-size: 12px; line-height: 19px;
  color: #fff; white-space: nowrap; }
.good { background: var(--good); } .mid { background: var(--mid); } .bad { background: var(--bad); }
ul.gaps { margin: 8px 0; padding-left: 20px; } ul.gaps li { margin: 4px 0; }
.plots { margin-top: 28px; display: flex; flex-wrap: wrap; gap: 24px; } .plots figure { flex: 1 1 440px; margin: 0; }
figcaption { font-weight: 600; margin-bottom: 4px; } svg { width: 100%; height: auto; display: block; }
footer { margin-top: 40px; border-top: 1px solid var(--line); padding-top: 10px; color: var(--soft);
  font-size: 12px; }
@page { margin: 16mm; }
@media print { body { padding: 0; max-width: none; font-size: 11px; } h2 { break-after: avoid; }
  tr, figure { break-inside: avoid; } thead { display: table-header-group; }
  .tag, svg { print-color-adjust: exact; } }
"""

_STATES: Final = {"supports": "good", "supports in part": "mid", "does not support now": "bad"}


def render_html(report: Report) -> bytes:
    """The page, UTF-8. Everything that came from traffic or configuration is escaped."""
    body = "".join(
        (
            _head(report),
            _plots(report),
            _gaps(report),
            _clauses(report),
            _controls(report),
            _flows(report.flows),
            _exceptions(report),
            _changes(report),
        )
    )
    title = escape(f"{report.title}: sensitive data report")
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{_STYLE}</style></head><body>{body}"
        f"<footer><p>{escape(NOTE)}</p><p>No value is kept or shown: counts and estimates of distinct values only."
        f"</p></footer></body></html>\n"
    )
    return page.encode()


def _head(report: Report) -> str:
    share = f"{100 * (1 - report.passed / report.values):.1f} %" if report.values else "–"
    endpoints = len({row.endpoint for row in report.flows})
    facts = (
        ("Values seen", f"{report.values:,}"),
        ("Masked, replaced or refused", share),
        ("Endpoints", f"{endpoints:,}"),
        ("Flows", f"{len(report.flows):,}"),
        ("Gaps", f"{len(report.gaps):,}"),
    )
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return (
        f"<header><h1>{escape(report.title)}</h1><p>Sensitive data in motion: what was seen and what was done</p>"
        f'<p class="soft">{_day(report.start)} to {_day(report.end)} · made {escape(when(report.made))} · policy '
        f"<code>{escape(report.policy or 'unknown')}</code> · mode {escape(report.mode)}</p></header>"
        f'<dl class="facts">{cells}</dl>'
    )


def _plots(report: Report) -> str:
    if not report.flows:
        return "<p>No value of an entity in scope was seen in this period.</p>"
    by_entity: dict[str, list[int]] = {}
    for row in report.flows:
        sums = by_entity.setdefault(row.entity, [0, 0])
        sums[0] += row.count - row.open_count
        sums[1] += row.open_count
    data = [Bar(name, done, left) for name, (done, left) in by_entity.items()]
    data.sort(key=lambda bar: -bar.done - bar.left)
    return (
        '<section class="plots">'
        f"<figure><figcaption>Values by entity</figcaption>{bars(data[:12])}</figure>"
        f"<figure><figcaption>Where it flows</figcaption>{flow_map(report.flows)}</figure></section>"
    )


def _gaps(report: Report) -> str:
    if not report.gaps:
        return "<h2>Gaps</h2><p>None found.</p>"
    lines = "".join(f"<li>{escape(gap)}</li>" for gap in report.gaps[:60])
    more = f"<p class=soft>… and {len(report.gaps) - 60} more.</p>" if len(report.gaps) > 60 else ""
    return f'<h2>Gaps</h2><ul class="gaps">{lines}</ul>{more}'


def _clauses(report: Report) -> str:
    rows = (
        (
            f"<b>{escape(c.number)}</b>",
            escape(c.title),
            f'<span class="tag {_STATES[c.state]}">{escape(c.state)}</span>',
            escape("; ".join(c.controls)) or "–",
        )
        for c in report.clauses
    )
    return "<h2>Clauses</h2>" + _table(("Clause", "What it asks", "This product", "By"), rows)


def _controls(report: Report) -> str:
    rows = (
        (
            escape(c.title),
            f'<span class="tag {"good" if c.on else "bad"}">{"in force" if c.on else "not in force"}</span>',
            escape(c.detail),
        )
        for c in report.controls
    )
    return "<h2>Controls</h2>" + _table(("Control", "State", "How"), rows)


def _flows(flows: Sequence[FlowRow]) -> str:
    rows = (
        (
            f"<code>{escape(row.endpoint)}</code>",
            escape(row.direction),
            f"<code>{escape(row.field)}</code>",
            escape(row.entity),
            f"{row.count:,}",
            f"{row.distinct:,}",
            escape(", ".join(f"{action} {count:,}" for action, count in row.actions)),
            f"{_day(row.first)}<br>{_day(row.last)}",
        )
        for row in flows[:_MAX_ROWS]
    )
    head = ("Endpoint", "Direction", "Field", "Entity", "Values", "Distinct", "Done", "First, last")
    more = (
        f"<p class=soft>{len(flows) - _MAX_ROWS:,} more are in the CSV.</p>" if len(flows) > _MAX_ROWS else ""
    )
    return "<h2>Data flows</h2>" + _table(head, rows, numbers=(4, 5)) + more


def _exceptions(report: Report) -> str:
    rows = (
        (
            f"<code>{escape(e.what)}</code>",
            escape(e.reason) or "–",
            escape(e.owner) or '<span class="tag bad">nobody</span>',
            ('<span class="tag bad">expired</span> ' if e.expired else "") + (escape(e.expires) or "never"),
        )
        for e in report.exceptions
    )
    return "<h2>Exceptions</h2>" + _table(("What", "Why", "Owner", "Expires"), rows)


def _changes(report: Report) -> str:
    rows = (
        (escape(when(c.when)), f"<code>{escape(c.version)}</code>", escape(c.what) or "–")
        for c in report.changes
    )
    return "<h2>Changes of policy</h2>" + _table(("When", "Version", "What"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: tuple[int, ...] = ()) -> str:
    def cell(kind: str, place: int, text: str) -> str:
        mark = ' class="n"' if place in numbers else ""
        return f"<{kind}{mark}>{text}</{kind}>"

    lines = ["".join(cell("td", place, text) for place, text in enumerate(row)) for row in rows]
    if not lines:
        return "<p>None in this period.</p>"
    top = "".join(cell("th", place, escape(text)) for place, text in enumerate(head))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _day(seconds: float) -> str:
    return when(seconds)[:10]
