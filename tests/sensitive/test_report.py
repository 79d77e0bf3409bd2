"""Reports: what an auditor reads, in three formats, never a value and never a claim of compliance."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from html.parser import HTMLParser

import pytest

from tests.sensitive.messages import ENTITIES
from waf.config.schema import Config, Sensitive, SensitiveRule
from waf.model import Mode
from waf.sensitive.inventory import Inventory
from waf.sensitive.report import (
    STANDARDS,
    ExceptionFact,
    Facts,
    PolicyChange,
    Report,
    Standard,
    build_report,
    render_csv,
    render_html,
    render_json,
)
from waf.sensitive.sketch import Sketch
from waf.sensitive.tally import Count

BY_ID = {e.id: e for e in ENTITIES}
DAY = 86400.0
NOW = 1_790_000_000.0


def inventory() -> Inventory:
    made = Inventory("x", "1")
    for endpoint, direction, field, entity, action, count in (
        ("/customers/{id}", "response", "html", "pan", "mask", 40),
        ("/pay", "request", "form.card", "pan", "report", 10),
        ("/export", "response", "csv.<b>x</b>", "us-ssn", "report", 7),
        ("/p/{id}", "response", "json.mrn", "medical-record", "mask", 3),
        ("=cmd|' /C calc'!A0", "response", "json.card", "pan", "mask", 1),
    ):
        sketch = Sketch()
        for number in range(count):
            sketch.add(random.Random(f"{entity} {number}").getrandbits(64))
        tally = Count(BY_ID[entity], field, action, count, registers=bytes(sketch.registers))  # type: ignore[arg-type]
        made.add(endpoint, direction, [tally], NOW, "v1")
    return made


def report(standard: Standard = "gdpr", config: Config | None = None, **more: object) -> Report:
    return build_report(
        inventory(), Facts.of(config or Config(mode=Mode.PROTECT), "v1"), standard=standard,
        period=(NOW - DAY, NOW + DAY), made=NOW + 2 * DAY, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_standard_sees_its_own_entities() -> None:
    assert {row.entity for row in report("pci-dss").flows} == {"pan"}
    assert {row.entity for row in report("hipaa").flows} == {"us-ssn", "medical-record"}
    assert {row.entity for row in report("gdpr").flows} == {"pan", "us-ssn", "medical-record"}


def test_flows_outside_of_the_period_are_not_told() -> None:
    made = build_report(
        inventory(), Facts.of(Config(), "v1"), standard="gdpr", period=(NOW + DAY, NOW + 2 * DAY), made=NOW
    )
    assert made.flows == ()
    assert b"No value" in render_html(made)


def test_gaps_are_derived() -> None:
    gaps = " ".join(
        report(
            "soc2",
            exceptions=[
                ExceptionFact("sqli on /a", owner="", expires=""),
                ExceptionFact("xss on /b", owner="me", expires="2020-01-01", expired=True),
            ],
        ).gaps
    )
    assert "/export sent 7 of 7 us-ssn values" in gaps
    assert "sqli on /a has no owner" in gaps
    assert "xss on /b has expired" in gaps
    assert "/pay" not in gaps  # a request is what the app asked for
    assert "mode is monitor" in " ".join(report(config=Config()).gaps)


def test_controls_are_read_off_the_configuration() -> None:
    def on(config: Config) -> dict[str, bool]:
        return {c.control: c.on for c in Facts.of(config, "v").controls}

    watching, protecting = on(Config()), on(Config(mode=Mode.PROTECT))
    assert not watching["masking"]
    assert not watching["inspection"]
    assert protecting["masking"]
    assert protecting["inspection"]
    assert not protecting["tokens"]
    assert watching["unwritten"]
    keyed = Config(mode=Mode.PROTECT, sensitive=Sensitive(rules=(SensitiveRule(action="tokenise"),)))
    assert on(keyed)["tokens"]
    assert not on(Config(mode=Mode.PROTECT, sensitive=Sensitive(mode=Mode.MONITOR)))["masking"]


@pytest.mark.parametrize("standard", STANDARDS)
def test_every_clause_is_answered_and_none_is_called_compliant(standard: Standard) -> None:
    made = report(standard, changes=[PolicyChange(NOW, "v1", "first"), PolicyChange(NOW - 9 * DAY, "v0")])
    assert len(made.clauses) == len(STANDARDS[standard].clauses)
    assert {c.state for c in made.clauses} <= {"supports", "supports in part", "does not support now"}
    assert [c.version for c in made.changes] == ["v1"]
    for text in (render_html(made).decode(), render_json(made).decode(), render_csv(made).decode()):
        words = re.sub(r"not a statement of compliance|never compliance", "", text.lower())
        assert "complian" not in words


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "rect", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag != "path":
            assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing() -> None:
    page = Page()
    text = render_html(report("soc2")).decode()
    page.feed(text)
    assert page.open == []
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "b>x"}
    assert not [a for _, attrs in page.tags for a in attrs if a in ("src", "href", "onclick", "onload")]
    assert "<b>x</b>" not in text
    assert "csv.&lt;b&gt;x&lt;/b&gt;" in text
    assert text.count("<svg") == 2


def test_json_and_csv_say_the_same() -> None:
    made = report("gdpr")
    data = json.loads(render_json(made))
    rows = list(csv.DictReader(io.StringIO(render_csv(made).decode())))
    assert len(data["flows"]) == len(rows) == 5
    assert {r["endpoint"].lstrip("'") for r in rows} == {f["endpoint"] for f in data["flows"]}
    assert sum(int(r["values"]) for r in rows) == sum(f["count"] for f in data["flows"]) == 61
    assert data["start"] == "2026-09-20T14:13:20Z"
    assert data["flows"][0]["actions"] == {"mask": 40}


def test_a_spreadsheet_runs_nothing() -> None:
    for row in csv.reader(io.StringIO(render_csv(report()).decode())):
        assert not [cell for cell in row if cell.startswith(("=", "+", "@"))]
