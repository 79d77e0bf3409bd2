"""The measured requests are right HTTP, of the sizes promised, the same in every run."""

from __future__ import annotations

import json

import h11
import pytest

from bench.cases import PAGE_BYTES, PAGE_CARDS, Case, cases, page
from waf.demo.catalogue import grouped

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_request_is_one_whole_message(case: Case) -> None:
    for raw in case.requests:
        peer = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
        peer.receive_data(raw)
        kinds = []
        while (event := peer.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            kinds.append(type(event))
            if isinstance(event, h11.EndOfMessage):
                break
        assert kinds[0] is h11.Request
        assert kinds[-1] is h11.EndOfMessage
        assert peer.trailing_data[0] == b""


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("json-2k", 1_700, 2_048),
        ("json-64k", 65_000, 65_536),
        ("upload", 10 * 2**20, 10 * 2**20 + 1_000),
        ("upload-raw", 10 * 2**20, 10 * 2**20),
    ],
)
def test_bodies_have_the_size_that_their_title_says(name: str, least: int, most: int) -> None:
    case = next(case for case in CASES if case.name == name)
    for raw in case.requests:
        body = raw.partition(b"\r\n\r\n")[2]
        assert least <= len(body) <= most
        if name.startswith("json"):
            json.loads(body)


def test_a_get_has_five_parameters_and_its_variants_differ() -> None:
    case = CASES[0]
    assert {raw.split(b" ")[1].count(b"=") for raw in case.requests} == {5}
    assert len(set(case.requests)) == len(case.requests) > 1


def test_the_page_holds_each_card_once() -> None:
    html = page()
    assert len(html) == PAGE_BYTES
    assert [html.count(grouped(card).encode()) for card in PAGE_CARDS] == [1] * len(PAGE_CARDS)
    assert html.endswith(b"</html>\n")
