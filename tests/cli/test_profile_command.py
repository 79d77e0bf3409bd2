"""`waf profile` over a state directory: taught by a recording, looked at, edited, undone, merged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.desk import Desk

CONFIG = {"mode": "protect", "profiles": {"mode": "protect", "epsilon": 0.02}}


def recording(first: int, requests: int) -> str:
    """Requests to one page, each with another number."""
    entries = [
        {
            "startedDateTime": f"2026-01-01T00:{n // 60 % 60:02}:{n % 60:02}.000Z",
            "request": {
                "method": "GET",
                "url": f"http://shop/items?id={n}&sort={('asc', 'desc')[n % 2]}",
                "headers": [],
            },
            "response": {"status": 200, "headers": [], "content": {"mimeType": "text/html"}},
        }
        for n in range(first, first + requests)
    ]
    return json.dumps({"log": {"entries": entries}})


@pytest.fixture
def taught(desk: Desk) -> Desk:
    desk.write("waf.yaml", CONFIG)
    state(desk, "state")
    result = profile(desk, "learn-from", desk.write("traffic.har", recording(0, 150)))
    assert result == (0, result[1])
    assert "learned from 150 requests" in result[1]
    return desk


def state(desk: Desk, name: str) -> Path:
    directory = desk.directory / name
    directory.mkdir(exist_ok=True)
    (directory / "sensitive.key").write_bytes(b"k" * 32)
    return directory


def profile(desk: Desk, *args: str, state: str = "state") -> tuple[int, str]:
    result = desk.waf("profile", "--config", "waf.yaml", "--state", str(desk.directory / state), *args)
    return result.exit_code, result.output


def test_status_and_show(taught: Desk) -> None:
    code, said = profile(taught, "status")
    assert (code, "GET /items" in said, "ready to protect" in said) == (0, True, True)
    code, shown = profile(taught, "show")
    assert yaml.safe_load(shown)["endpoints"]["GET /items"]["arg.sort"]["enum"]["allow"] == ["=asc", "=desc"]
    assert json.loads(profile(taught, "status", "--json")[1])["constraints"]["protect"] > 0


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("pin", "GET /items arg.id length", "9", "1"), "write the least first"),
        (("pin", "GET /items arg.id length", "9"), "2 values are needed"),
        (("pin", "GET /items arg.id nothing", "9"), "is no aspect"),
        (("pin", "GET /items arg.id pattern", "("), "GET /items arg.id pattern"),
        (("unpin", "GET /items arg.id length"), "is not pinned"),
        (("recall", "GET", "/items"), "is not ignored"),
        (("rollback", "none"), "kept are: "),
        (("ignore", "GET"), 'write "METHOD /template'),
        (("import", "bad.yaml"), 'bad.yaml:1: endpoint: unknown key (did you mean "endpoints"?)'),
        (("import", "openapi.json"), "this is an OpenAPI document"),
        (("shadows", "broken.json"), "broken.json: neither YAML nor JSON"),
        (("learn-from", "bad.yaml"), "bad.yaml: not JSON"),
        (("learn-from", "openapi.json"), "HAR"),
        (("shadows",), "name an OpenAPI document"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    taught: Desk, args: tuple[str, ...], told: str
) -> None:
    taught.write("bad.yaml", "endpoint: {}\n")
    taught.write("openapi.json", '{"openapi": "3.1.0", "paths": {}}')
    taught.write("broken.json", '{"openapi":')
    before = profile(taught, "show")
    code, said = profile(taught, *args)
    assert (code, told in said) == (2, True), said
    assert profile(taught, "show") == before


def test_every_edit_of_a_person_can_be_undone_by_a_rollback(taught: Desk) -> None:
    shows = [profile(taught, "show")[1]]
    for edit in (
        ("pin", "GET /items arg.id length", "1", "80"),
        ("ignore", "GET", "/items", "arg.sort"),
        ("promote", "stage", "GET", "/items", "arg.id", "type"),
        ("unpin", "GET /items arg.id length"),
    ):
        assert profile(taught, *edit)[0] == 0
        shows.append(profile(taught, "show")[1])
    assert len(set(shows)) == len(shows)
    versions = json.loads(profile(taught, "status", "--json")[1])["versions"]
    assert [v["why"].partition(" ")[0] for v in versions[-4:]] == ["pin", "ignore", "promote", "unpin"]
    for version, show in zip(reversed(versions[-5:]), reversed(shows), strict=True):
        assert profile(taught, "rollback", version["version"])[0] == 0
        assert profile(taught, "show")[1] == show
    assert profile(taught, "resume")[0] == 0


def test_an_exported_profile_is_imported_as_it_was_edited(taught: Desk) -> None:
    assert profile(taught, "export", "-o", "p.yaml") == (0, "")
    assert profile(taught, "diff", "p.yaml") == (0, "")
    text = (taught.directory / "p.yaml").read_text()
    taught.write("edited.yaml", text.replace("[=asc, =desc]", "[=asc, =desc, =rank]"))
    code, said = profile(taught, "diff", "edited.yaml")
    assert (code, "rank" in said) == (1, True)
    code, said = profile(taught, "import", "edited.yaml")
    assert (code, "+rank" in said) == (0, True)
    said = profile(taught, "diff", "edited.yaml")[1]
    assert "rank" not in said
    assert "arg.sort length" in said  # a list that a person wrote says all there is to say of a value


def test_merging_twice_is_merging_once(taught: Desk) -> None:
    state(taught, "other")
    assert profile(taught, "learn-from", taught.write("more.har", recording(900, 60)), state="other")[0] == 0
    other = str(taught.directory / "other")
    assert "merged" in profile(taught, "merge", other)[1]
    said = profile(taught, "status")[1]
    assert "210" in said
    assert "nothing that was not known" in profile(taught, "merge", other)[1]
    assert profile(taught, "status")[1] == said


def test_explain_holds_a_request_against_what_was_learned(taught: Desk) -> None:
    taught.write("waf.yaml", {**CONFIG, "state_dir": str(taught.directory / "state"),
                              "routes": [{"path": "/items", "name": "items", "profiles_mode": "monitor"}]})  # fmt: skip
    result = taught.waf("explain", "--config", "waf.yaml", "http://shop/items?id=x&sort=asc")
    assert result.exit_code == 1
    for told in ("profile.type", "[watched]", "mode monitor here: items"):
        assert told in result.output
    result = taught.waf("explain", "--config", "waf.yaml", "http://shop/items?id=7&sort=asc")
    assert result.exit_code == 0


def test_a_damaged_state_is_told_and_its_predecessor_used(taught: Desk) -> None:
    kept = taught.directory / "state" / "profile.state"
    assert profile(taught, "hold")[0] == 0  # a second state is kept, so there is a predecessor
    assert kept.with_name("profile.state.previous").exists()
    kept.write_bytes(kept.read_bytes()[:-3] + b"xxx")
    code, said = profile(taught, "status")
    assert (code, "the predecessor is used" in said, "GET /items" in said) == (0, True, True)
    kept.with_name("profile.state.previous").unlink()
    code, said = profile(taught, "status")
    assert (code, "learning begins anew" in said) == (0, True)
