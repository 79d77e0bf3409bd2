"""A report as JSON for machines, and its flows as CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import msgspec

from waf.sensitive.report.build import Report

NOTE = "Mappings to clauses say 'supports': evidence for an assessor, not a statement of compliance."


def when(seconds: float) -> str:
    """A moment in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_json(report: Report) -> bytes:
    """The whole report; times as text in UTC."""
    data = msgspec.to_builtins(report)
    for key in ("start", "end", "made"):
        data[key] = when(data[key])
    for flow in data["flows"]:
        flow["first"], flow["last"] = when(flow["first"]), when(flow["last"])
        flow["actions"] = dict(flow["actions"])
    for change in data["changes"]:
        change["when"] = when(change["when"])
    data["note"] = NOTE
    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render_csv(report: Report) -> bytes:
    """One line a flow; cells that a spreadsheet would take for a formula are quoted (CWE-1236)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        ["standard", "endpoint", "direction", "field", "entity", "group", "values", "messages", "distinct",
         "passed_unaltered", "test_values", "actions", "first", "last", "policies"]
    )  # fmt: skip
    for row in report.flows:
        cells = [
            report.standard, row.endpoint, row.direction, row.field, row.entity, row.group, row.count, row.messages,
            row.distinct, row.open_count, row.test, " ".join(f"{a}:{n}" for a, n in row.actions), when(row.first),
            when(row.last), " ".join(row.policies),
        ]  # fmt: skip
        writer.writerow(
            [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in cells]
        )
    return out.getvalue().encode()
