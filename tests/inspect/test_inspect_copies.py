"""What was read more than once is looked at once where there is no budget for all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspect.inspect_samples import STORE, reading, rule, signatures
from waf.config.schema import Limits
from waf.inspect import copies
from waf.inspect.bodies.parsed import Notes
from waf.inspect.databases import Database, Pattern
from waf.inspect.effort import Effort
from waf.inspect.search import Searcher
from waf.model import HEAD_PARTS, Field, Part

SEARCHER = Searcher.build([Pattern(b"attack"), Pattern(b"word")], STORE)
_FILLER = b"Nothing is said in this line of a text.\n" * 500


def looked_at(values: list[bytes], length: int, left: int = 10_000) -> tuple[int, int, list[str]]:
    """How many fields are searched, how many matches there are, and what is told."""
    fields = [Field(Part.JSON, "", value) for value in values]
    effort, notes = Effort(length), Notes(Limits(), lambda text: text)
    effort.left = left
    kept, scan = copies.look(SEARCHER, fields, length, effort, notes)
    assert kept == fields[: len(kept)]
    return len(kept), len(scan.matches), [one.rule for one in notes.findings]


def test_all_is_looked_at_where_little_is_found() -> None:
    assert looked_at([_FILLER, _FILLER, _FILLER + b"attack"], len(_FILLER)) == (3, 1, [])
    assert looked_at([_FILLER + b"attack"] * 3, len(_FILLER), left=-5_000) == (
        3,
        3,
        [],
    )  # spent for something else


def test_what_has_too_much_is_looked_at_once_and_that_is_told() -> None:
    dense = (b"word" + b"." * 40) * 600
    assert looked_at([dense, dense, dense], len(dense), left=3_000) == (1, 600, ["limit.matches"])
    # 1,800 matches, and 52,800 bytes once more for 2,933 units
    assert looked_at([dense, dense, dense], len(dense), left=6_200)[0] == 1
    assert looked_at([dense, dense, dense], len(dense), left=6_400) == (3, 1800, [])
    assert (
        looked_at([dense, dense, dense], 3 * len(dense), left=0)[0] == 3
    )  # of a message that says it three times
    short = dense[:8000]
    assert looked_at([short, short, short], len(short), left=0)[0] == 3  # as little as that always is


def test_a_body_that_is_mostly_syntax_is_looked_at_in_its_values() -> None:
    dense = (b"word" + b"." * 40) * 600
    raw = dense + b"\r\n--B" * 4_000
    assert looked_at([dense, raw], len(raw), left=1_000) == (1, 600, ["limit.matches"])
    assert looked_at([dense, raw], len(raw), left=10_000) == (2, 1200, [])


def test_a_body_that_is_inspected_raw_as_well_stays_apart_from_what_is_beyond_the_fields() -> None:
    dense = b"[NaN," + b",".join([b'"word............"'] * 3_000) + b"]"
    fields = reading(body=dense, content_type=b"application/json").body_fields()
    assert [len(field.value) for field in fields if field.part is Part.BODY] == [16, len(dense)]
    split = b'--B\r\ncontent-disposition : form-data; name="a"\r\n\r\nword\r\n' * 2_000
    fields = reading(body=split, content_type=b"multipart/form-data; boundary=B").body_fields()
    assert fields[-2].part is fields[-1].part is Part.BODY
    assert fields[-1].value == split


def test_more_than_is_counted_is_too_much() -> None:
    dense = b"attack" * 6000
    kept, found, told = looked_at([dense, dense], len(dense), left=10**9)
    assert (kept, told) == (1, ["limit.matches"])
    assert found > 1000


def test_there_may_be_nothing() -> None:
    assert looked_at([], 0) == (0, 0, [])
    assert looked_at([_FILLER * 3], 10) == (1, 0, [])


@given(
    st.lists(
        st.sampled_from([b"", b"a", b"attack", b"%41", b"word &lt;", b"x" * 300]), min_size=2, max_size=9
    ),
    st.data(),
)
def test_two_looks_are_one(values: list[bytes], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(values) - 1))
    first, others = SEARCHER.scan_all(values[:cut]), SEARCHER.scan_all(values[cut:])
    whole = SEARCHER.scan_all(values)
    made = copies.beside(first, others, sum(map(len, values[:cut])) + cut)
    assert (made.matches, made.steps, made.overflow) == (whole.matches, whole.steps, whole.overflow)
    assert made.spots == whole.spots


def test_a_form_that_is_no_text_is_refused_for_what_it_has() -> None:
    """It is read as pairs, as what "&" tore apart, and as it is."""
    checker = signatures(rule(id="r", pattern="attack"))
    body = b"a=attack&#x41;attack\xff&" * 3000
    made = reading(body=body, content_type=b"application/x-www-form-urlencoded")
    found = checker.check(made, 2)
    assert "limit.matches" in [one.rule for one in [*found, *made.findings]]
    assert "r" in [one.rule for one in found]


def _field(part: Part) -> Field:
    return Field(part, "", b"")


def test_the_head_ends_behind_the_last_of_its_fields() -> None:
    body, head = _field(Part.JSON), _field(Part.HEADER)
    assert copies.heads_of([]) == 0
    assert copies.heads_of([body, body]) == 0
    assert copies.heads_of([head, _field(Part.ARG), body]) == 2
    assert copies.heads_of([body, head, body]) == 2  # whatever stands before it is looked at as it is


def test_each_part_is_of_a_head_a_body_or_an_answer() -> None:
    answers = {Part.STATUS, Part.RESPONSE_HEADER, Part.RESPONSE}
    bodies = {Part.FORM_NAME, Part.FORM, Part.JSON_KEY, Part.JSON, Part.XML_NAME, Part.XML, Part.PART_NAME, Part.FILE_NAME,
              Part.PART_HEADER, Part.FILE, Part.GRAPHQL, Part.BODY}  # fmt: skip
    assert HEAD_PARTS | bodies | answers == set(Part)


@pytest.mark.parametrize(
    "target", [b"/a/attack", b"/a/%61ttack", b"/a/%2561ttack", b"/a?q=attack", b"/a?q=%2561ttack"]
)
@pytest.mark.parametrize("filling", [0, 300, 9_000])
def test_what_is_for_heads_is_found_beside_any_body(
    target: bytes, filling: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the patterns for it are asked about nothing of the body, as it is or decoded."""
    made = signatures(
        rule(id="of-heads", where=["path", "arg"], pattern="attack"),
        rule(id="of-bodies", where=["json"], pattern="second"),
    )
    asked: list[bytes] = []
    scan = Database.scan

    def watched(database: Database, text: bytes, on_match: Any) -> None:
        if database.head:
            asked.append(text)
        scan(database, text, on_match)

    monkeypatch.setattr(Database, "scan", watched)
    words = b"attack %61ttack \\u0061ttack &#97;ttack " + b"x" * filling
    body = b'{"a":"' + words.replace(b"\\", b"\\\\") + b'","b":"second"}'
    found = made.check(reading(target, body=body, content_type=b"application/json"), 1)
    assert {one.rule for one in found} == {"of-heads", "of-bodies"}
    assert asked
    assert not any(b"x" * 9 in text or b"second" in text for text in asked)
    asked.clear()
    found = made.check(reading(b"/a", body=body, content_type=b"application/json"), 1)
    assert {one.rule for one in found} == {"of-bodies"}
    assert not any(b"attack" in text for text in asked)
