"""What searches for the worst found is kept, and tried again."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import worst
from bench.hostile import CARRIERS, Genome, message
from waf.inspect import effort

ONE = Genome("plain text", ("a\xff", "\n", "\N{NUMERO SIGN}"), 60, True, 2000, 7)


def test_what_was_kept_can_be_sent() -> None:
    known = worst.load(worst.HERE / "worst.json")
    assert len(known) == len(set(known)) >= 50
    for genome in known:
        assert genome.carrier in CARRIERS
        assert message(genome._replace(size=2000)).text


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    other = ONE._replace(seed=8)
    worst.keep(tmp_path / "known.json", [ONE, other, ONE])
    assert worst.load(tmp_path / "known.json") == [ONE, other]
    worst.keep(tmp_path / "known.json", [])
    assert worst.load(tmp_path / "known.json") == []


def test_without_a_budget_nothing_is_left_and_afterwards_all_is_as_it_was() -> None:
    before = effort.given(0), effort.given(100_000)
    with worst.without_budget():
        assert effort.given(0) == effort.given(100_000) == 0
    assert (effort.given(0), effort.given(100_000)) == before


@pytest.mark.parametrize("text", [None, "", "{}x", "[1]", '[{"carrier": "plain text"}]', '[{"units": 3}]'])
def test_what_is_no_list_of_genomes_is_told(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "known.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit, match="no list of genomes"):
        worst.load(path)
