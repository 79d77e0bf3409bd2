"""`waf explain` and `waf replay`: what would be done with one request, and with recorded traffic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.desk import Desk

ATTACK = "http://shop.example/search?id=1%27%20OR%20%271%27=%271%27%20--%20"


def entry(url: str, method: str = "GET", **more: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": url, "headers": [], **more}}


def har(*entries: dict[str, Any]) -> str:
    return json.dumps({"log": {"entries": entries}})


@pytest.mark.parametrize(
    "args", [(f"curl '{ATTACK}'",), (ATTACK,), ("--", "-X", "GET", ATTACK), ("-X", "GET", ATTACK)]
)
def test_an_attack_as_a_curl_line(desk: Desk, args: tuple[str, ...]) -> None:
    result = desk.waf("explain", *args)
    assert result.exit_code == 1
    for told in ("arg.id", "sqli-", "protect mode refuses it with 403", "exclusions:", '"path":"/search"'):
        assert told in result.stdout


def test_a_plain_request(desk: Desk) -> None:
    result = desk.waf("explain", "curl 'http://shop.example/search?q=coffee' -d note=hello")
    assert result.exit_code == 0
    assert "form.note" in result.stdout
    assert "score 0: forwarded" in result.stdout


def test_a_raw_file(desk: Desk) -> None:
    path = desk.write(
        "request.http", 'POST /api HTTP/1.1\nHost: a\nContent-Type: application/json\n\n{"a": "x"}\n'
    )
    result = desk.waf("explain", "--raw", path)
    assert (result.exit_code, "json.a" in result.stdout) == (0, True)


def test_a_malformed_request(desk: Desk) -> None:
    result = desk.waf("explain", "--raw", desk.write("request.http", "GET / HTTP/1.1\nHost: a\nHost: b\n\n"))
    assert result.exit_code == 1
    assert "in every mode: protocol." in result.stdout


def test_an_entry_of_a_har(desk: Desk) -> None:
    path = desk.write("t.har", har(entry("http://shop/"), entry(ATTACK)))
    assert desk.waf("explain", "--har", path).exit_code == 0
    assert desk.waf("explain", "--har", path, "--entry", "2").exit_code == 1
    assert desk.waf("explain", "--har", path, "--entry", "3").exit_code == 2


def test_as_json(desk: Desk) -> None:
    told = json.loads(desk.waf("explain", "--json", ATTACK).stdout)
    assert (told["verdict"]["would"], told["status"]) == ("block", 403)
    assert ["arg.id", "1' OR '1'='1' -- "] in told["fields"]


@pytest.mark.parametrize(
    ("args", "word"),
    [((), "give a curl line"), (("curl", "--proxy", "x"), "--proxy"), (("ftp://x/",), "not an http URL")],
)
def test_what_cannot_be_explained(desk: Desk, args: tuple[str, ...], word: str) -> None:
    result = desk.waf("explain", *args)
    assert (result.exit_code, word in result.stderr) == (2, True)


@pytest.mark.parametrize("text", ["{", "[]", '{"log": {"entries": [{}]}}'])
def test_what_is_no_har(desk: Desk, text: str) -> None:
    path = desk.write("t.har", text)
    for command in (["explain", "--har", path], ["replay", path]):
        result = desk.waf(*command)
        assert result.exit_code == 2
        assert "Traceback" not in result.output


def test_explaining_tells_what_an_exclusion_changed(desk: Desk) -> None:
    line = desk.waf("explain", ATTACK).stdout.splitlines()[-1].strip()
    assert line.startswith("- {")
    desk.write("waf.yaml", {"mode": "protect", "tuning": ["tuning.yaml"]})
    desk.write("tuning.yaml", f"exclusions:\n{line}\n")
    assert desk.waf("explain", "-c", "waf.yaml", ATTACK).exit_code == 0


def test_replay_sums_up(desk: Desk) -> None:
    first = desk.write("a.har", har(entry("http://shop/"), entry(ATTACK), entry(ATTACK)))
    second = desk.write("b.http", "GET / HTTP/1.1\nHost: a\nHost: b\n\n")
    result = desk.waf("replay", first, second)
    assert result.exit_code == 1
    assert "4 requests: 2 would be refused, 1 are malformed" in result.stdout
    assert "at arg.id" in result.stdout
    assert '"path":"/search"' in result.stdout


def test_replay_as_json(desk: Desk) -> None:
    told = json.loads(desk.waf("replay", "--json", desk.write("a.har", har(entry(ATTACK)))).stdout)
    assert (told["requests"], told["would_block"], told["malformed"]) == (1, 1, 0)
    row = told["rules"][0]
    assert (row["field"], row["count"]) == ("arg.id", 1)
    assert row["exclusion"].startswith("- {")


def test_replay_of_harmless_traffic(desk: Desk) -> None:
    path = desk.write(
        "a.har", har(entry("http://shop/"), entry("http://shop/a", "POST", postData={"text": "x"}))
    )
    result = desk.waf("replay", path)
    assert result.exit_code == 0
    assert "2 requests: 0 would be refused, 0 are malformed" in result.stdout


def test_replay_shows_nothing_unmasked(desk: Desk) -> None:
    number = "4532198874063150"
    path = desk.write("a.har", har(entry(f"{ATTACK}&card={number}")))
    assert number not in desk.waf("replay", path).output


def test_explaining_shows_decoded_texts_and_what_was_let_pass(desk: Desk) -> None:
    shown = desk.waf("explain", "curl 'http://shop/?q=%2527%20or%201%253D1--&c=wait%3B%20ping%20me'").stdout
    assert "(percent) ' or 1=1--" in shown
    assert "rce-unix-separator at arg.c: not confirmed" in shown


def test_replay_of_an_access_log(desk: Desk) -> None:
    lines = [
        '1.2.3.4 - - [28/Nov/2026:10:00:00 +0000] "GET /?q=%27+or+1=1-- HTTP/1.1" 200 5 "-" "-"',
        "nothing",
    ]
    result = desk.waf("replay", desk.write("access.log", "\n".join([*lines, lines[0]])))
    assert result.exit_code == 1
    assert "2 requests: 2 would be refused, 0 are malformed; 1 lines are no requests" in result.stdout
    assert "sqli-tautology  at arg.q" in result.stdout
