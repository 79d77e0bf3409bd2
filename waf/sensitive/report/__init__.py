"""Reports for auditors: what flowed where, what was done, by which controls, with which exceptions and gaps."""

from waf.sensitive.report.build import (
    ControlFact,
    ExceptionFact,
    Facts,
    FlowRow,
    PolicyChange,
    Report,
    build_report,
)
from waf.sensitive.report.clauses import STANDARDS, Standard
from waf.sensitive.report.html import render_html
from waf.sensitive.report.tables import render_csv, render_json

__all__ = [
    "STANDARDS",
    "ControlFact",
    "ExceptionFact",
    "Facts",
    "FlowRow",
    "PolicyChange",
    "Report",
    "Standard",
    "build_report",
    "render_csv",
    "render_html",
    "render_json",
]
