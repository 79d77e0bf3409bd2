"""Context, labels, overlaps, and the look-alikes of ordinary traffic."""

from __future__ import annotations

import pytest

from tests.sensitive.messages import CARD, FINDER
from tests.together import together
from waf.sensitive.beside import settled_by
from waf.sensitive.context import is_decisive, label_before
from waf.sensitive.find import Finder
from waf.sensitive.hits import apart


def found(text: str) -> list[tuple[str, str, bool]]:
    data = text.encode()
    return [(h.entity.id, data[h.start : h.end].decode(), h.acts) for h in settled_by(FINDER.find(data))]


@together(
    ("text", "value"),
    [
        (f"{CARD} 123", CARD),
        (f"room 3120 {CARD}", CARD),
        ("4539 1488 0343 6467 12/27", "4539 1488 0343 6467"),
        ("4539 1488 0343 6467 1227", "4539 1488 0343 6467"),
        (f"({CARD})", CARD),
        (f"pan={CARD}&x=1", CARD),
        (f"2026-01-31 12:00:00 {CARD} ok", CARD),
        (f"{CARD}.", CARD),
        (f"1,{CARD},2", CARD),
        (f"Your order was paid with {CARD}", CARD),
        (f"Order confirmed. Card {CARD}", CARD),
        (f'{{"order_id":"A-1","pan":"{CARD}"}}', CARD),
        (f'{{"order":{{"card":"{CARD}"}}}}', CARD),
    ],
)
def test_a_card_number_is_found_exactly(text: str, value: str) -> None:
    assert ("pan", value, True) in found(text)


@together(
    "text",
    [
        f"1{CARD}", f"{CARD}1", f"0.{CARD}", f"{CARD}.5", f"v{CARD}", f"{CARD}a", f"{CARD}_x", f"+{CARD}", f"${CARD}",
        f"a1b2-{CARD}", "3f2504e0-4539-1488-0343-64670c33e5b1", "4539-1488-0343-6467-abcd1234",
        f"order no. {CARD}", f"order #{CARD}", f"trackingNumber: {CARD}", f'"orderId":"{CARD}"', f"imei={CARD}",
        f"<tracking>{CARD}</tracking>", f"transaction id is {CARD}", "4111111111111112", "4000000000000000",
        "1700000000000000", "2024013112304512", "9783161484100", "DE89 3704 0044 0532 0130 01",
    ],
)  # fmt: skip
def test_a_look_alike_of_a_card_is_left_alone(text: str) -> None:
    assert not [hit for hit in found(text) if hit[2]]


@together(
    ("text", "entity"),
    [
        ("SSN 536228145", "us-ssn"),
        ('"ssn": 536228145', "us-ssn"),
        ('{"type":"ssn","value":"536228145"}', "us-ssn"),
        ("<td>SSN</td>\n   <td class='num'>536228145</td>", "us-ssn"),
        ("customerSsn=536228145", "us-ssn"),
        ("my social security number is: 536228145", "us-ssn"),
        ("<ssn>536228145</ssn>", "us-ssn"),
        ('<input name="ssn" value="536228145">', "us-ssn"),
        ("SSN:\n536228145", "us-ssn"),
        ("ssn: 536228145\norder: 1", "us-ssn"),
    ],
)
def test_context_makes_digits_speak(text: str, entity: str) -> None:
    assert [hit[0] for hit in found(text) if hit[2]] == [entity]


@pytest.mark.parametrize(
    "text",
    [
        "536228145",
        '{"ssn":null,"order":"536228145"}',
        "ssn=&phone_extension=1&count=536228145",
        "session 536228145",
        "<ssn/><count>536228145</count>",
        "<tr><td>SSN</td><td></td></tr>\n<tr><td>count</td><td>536228145</td></tr>",
        "the ssn field is empty\ncount 536228145",
        "lessness 536228145",
    ],
)
def test_context_of_another_field_says_nothing(text: str) -> None:
    assert not [hit for hit in found(text) if hit[0] == "us-ssn"]


def test_of_two_that_overlap_the_surer_stays() -> None:
    text = "pay to DE89370400440532013000 now"
    assert found(text) == [("iban", "DE89370400440532013000", True)]


def test_a_code_counts_beside_a_card_only() -> None:
    assert "card-cvv" in {hit[0] for hit in found(f'{{"cvv":"123","number":"{CARD}"}}')}
    assert "card-cvv" in {hit[0] for hit in found(f'{{"number":"{CARD}","cvv":"123"}}')}
    assert "card-cvv" not in {hit[0] for hit in found('{"cvv":"123"}')}
    assert "card-cvv" not in {hit[0] for hit in found(f'{{"cvv":"123"}}{" " * 500}"{CARD}"')}


def test_published_numbers_are_told_apart() -> None:
    (hit,) = FINDER.find(b"4111 1111 1111 1111")
    assert hit.test
    (hit,) = FINDER.find(CARD.encode())
    assert not hit.test


@together(
    ("before", "label"),
    [
        (b'{"ssn":"', b"ssn"), (b'{"a.b" : [ "', b"a.b"), (b"x=1&ssn=", b"ssn"), (b"<ssn>", b"ssn"),
        (b'<x ssn="', b"ssn"), (b"\nssn: ", b"ssn"), (b"{ssn: ", b"ssn"), (b"my ssn: ", b""), (b"the ssn is ", b""),
        (b"driver license = ", b""), (b"</ssn>", b""), (b"", b""), (b'"', b""), (b"<td class='a'>\n ", b"td"),
    ],
)  # fmt: skip
def test_labels(before: bytes, label: bytes) -> None:
    assert label_before(before + b"123", len(before)) == label


def test_labels_that_say_nothing() -> None:
    assert not any(map(is_decisive, (b"", b"value", b"td", b"items[].value", b"Number")))
    assert all(map(is_decisive, (b"ssn", b"orderId", b"card.cvv")))


def test_apart_is_quick_on_many_hits() -> None:
    text = b" ".join([CARD.encode()] * 3000)
    hits = FINDER.find(text)
    assert len(hits) == 3000
    assert apart(list(reversed(hits))) == hits


TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@together("before", ["", "token=", "session-", "_" * 2 + "-", "ab-" * 21])
def test_a_token_begins_soon_in_what_could_be_one(before: str) -> None:
    assert ("jwt", TOKEN, True) in found(before + TOKEN)


def test_a_token_is_not_looked_for_far_into_what_could_be_one() -> None:
    assert not [hit for hit in found("ab-" * 22 + TOKEN) if hit[0] == "jwt"]
    assert not found("eyJ-" * 500)


def test_tokens_in_one_run_are_one() -> None:
    row = f"{TOKEN}." * 5
    assert found(row) == [("jwt", row, True)]
    assert found(f"{row} {TOKEN} {row}") == [("jwt", row, True), ("jwt", TOKEN, True), ("jwt", row, True)]


def test_all_cards_of_a_long_table_are_found() -> None:
    """Each is read a second time, without what stands beside it."""
    line = "4539 1488 0343 6467 12/27\n"
    assert found(line * 4000) == [("pan", "4539 1488 0343 6467", True)] * 4000


def test_a_led_value_is_found_once_though_it_may_end_in_many_places() -> None:
    value = "de89 3704 0044 0532 0130 00"
    assert found(f"iban {value}, iban {value}") == [("iban", value, True)] * 2


def test_a_led_value_is_looked_for_at_its_edge() -> None:
    """Else it could end at each byte of a text of nothing but what it may hold."""
    assert not FINDER.candidates(b"aws" * 1000)
    assert not FINDER.candidates(b"secretaccesskey" * 200)
    key = "kR8vX2mPq9LzT4wYbN7cJ5hGd3FsAe6UoI1xVtQy"
    for between in ("=", " ", "_secret_access_key = ", '": "', "-" * 20):
        assert found(f"aws{between}{key}") == [("aws-secret-key", key, True)]


def test_what_no_word_speaks_for_is_not_read_again() -> None:
    """Each of its groups would be looked at with each end, and with all that stands before it."""
    starts = []

    def noting(text: bytes, start: int) -> tuple[None, int]:
        starts.append(start)
        return None, 0

    text = b"account number and many more words than are looked at: 12 35 79 24 68 01"
    assert not FINDER.find(text, field_at=noting)
    first = text.index(b"12")
    assert set(starts) == {first}
    slow = Finder(FINDER.entities, FINDER._candidates, {})
    slow.judge = None  # type: ignore[misc]
    starts.clear()
    assert not slow.find(text, field_at=noting)
    assert set(starts) == {first}
    assert found("account number: 1234 5678 90 12 34 56 78") == [("bank-account", "1234 5678 90 12 34", True)]
