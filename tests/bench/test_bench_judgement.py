"""How the runs judge what they saw: masked pages, robustness, endurance, micro-benchmarks."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bench import torture
from bench.attacks import Attack, exchange, head
from bench.cases import PAGE_CARDS, cases, page
from bench.latency import _wrong_page
from bench.load import LoadResult
from bench.micro import best, table
from bench.peers import Peer, start_app
from bench.processes import cores
from bench.soak import CLIENTS, Client, Outage, Reloader, _judge, _records
from waf.demo.catalogue import grouped

MASKED = page()
for _card in PAGE_CARDS:
    MASKED = MASKED.replace(grouped(_card).encode(), f"{_card[:4]} {_card[4:6]}** **** {_card[-4:]}".encode())


@pytest.mark.parametrize(
    ("body", "masks", "wrong"),
    [
        (page(), False, ""),
        (MASKED, False, "not the page"),
        (MASKED, True, ""),
        (page(), True, "in clear"),
        (MASKED[:-1], True, "bytes instead"),
        (MASKED.replace(b"<table>", b"<TABLE>"), True, "more than"),
    ],
)
def test_a_masked_page_differs_in_its_cards_only(body: bytes, masks: bool, wrong: str) -> None:
    found = _wrong_page(page(), body, masks=masks)
    assert wrong in found
    assert bool(wrong) == bool(found)


# ------------------------------------------------------------------------------------------ robustness


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(torture, "ATTACK_SECONDS", 0.0)
    peer = start_app(tmp_path / "app", cores())
    with peer.server:
        yield peer


def test_an_attack_that_is_withstood_has_no_problems(app: Peer) -> None:
    attack = Attack("x", "y", lambda port: exchange(port, head("GET", "/ok"), 3), frozenset({"200"}))
    report = torture.assault(app, app, attack)
    assert report.problems == ()
    assert report.tally == {"200": 3}
    assert "| x: y | 3 × 200 |" in torture.table([report])


def test_an_outcome_that_is_not_allowed_is_a_problem(app: Peer) -> None:
    attack = Attack("x", "y", lambda port: exchange(port, head("GET", "/ok")), frozenset({"403"}))
    assert torture.assault(app, app, attack).problems == ("unexpected: 200",)


def test_a_server_that_dies_is_a_problem(app: Peer) -> None:
    def kill(_port: int) -> Counter[str]:
        app.server.stop()
        return Counter({"x": 1})

    problems = torture.assault(app, app, Attack("x", "y", kill)).problems
    assert "the server ended" in problems
    assert any("right after" in problem for problem in problems)


# ------------------------------------------------------------------------------------------ endurance

GOOD = LoadResult(1_000, 10.0, 1, 0, 0, 0, 0.0, 0.0)
METRICS = {"waf_requests_total": 1_010.0, "waf_config_reloads_total": 11.0}


def judged(load: LoadResult = GOOD, metrics: dict[str, float] | None = None, wrong: str = "") -> list[str]:
    clients = [Client(0, seed, Outage()) for seed in range(CLIENTS)]
    clients[0].counts["right"] = 10
    if wrong:
        clients[0].wrong.append(wrong)
    config = Path(__file__)  # read only
    reloader = Reloader(config, 0)
    reloader.count = 10
    return _judge(load, clients, reloader, METRICS if metrics is None else metrics, connections=200)


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        ({}, 0),
        ({"load": GOOD._replace(timed_out=1)}, 1),
        ({"wrong": "a byte"}, 1),
        ({"metrics": {**METRICS, "waf_requests_total": 900.0}}, 1),
        ({"metrics": {**METRICS, "waf_requests_total": 1_300.0}}, 1),
        ({"metrics": {**METRICS, "waf_config_reloads_total": 2.0}}, 1),
        ({"metrics": {**METRICS, "waf_config_last_reload_successful": 0.0}}, 1),
        ({"metrics": {}}, 2),
    ],
)
def test_what_an_endurance_run_complains_of(change: dict[str, object], problems: int) -> None:
    assert len(judged(**change)) == problems  # type: ignore[arg-type]


def test_records_are_counted_by_exchange(tmp_path: Path) -> None:
    lines = [
        {"http.request.id": "a"},
        {"http.request.id": "b"},
        {"log.level": "info"},
        {"http.request.id": "a"},
    ]
    (tmp_path / "events").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert _records(tmp_path / "events", {"a", "c"}) == (3, {"a": 2})


def test_every_request_of_a_client_is_its_own_and_knows_its_answer() -> None:
    client = Client(0, 1, Outage())
    made = [client._request() for _ in range(200)]
    assert all(body for _, body in made)
    assert {request.split(b" ")[0] for request, _ in made} == {b"GET", b"POST"}


# ------------------------------------------------------------------------------------------ micro-benchmarks


def test_the_best_time_is_positive_and_the_stage_is_called() -> None:
    calls: list[int] = []
    assert best(lambda: calls.append(1)) > 0
    assert calls


def test_the_table_leaves_a_gap_where_a_stage_does_not_exist() -> None:
    wanted = cases()[:2]
    text = table({"parse": {"get": 1.25, "json-2k": 2.0}, "frame": {"json-2k": 3.0}}, wanted)
    assert "| parse | 1.2 | 2.0 |" in text
    assert "| frame |  | 3.0 |" in text
