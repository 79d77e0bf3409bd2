"""What is judged in C is judged as in Python: labels, words near a value, check digits, hits."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sensitive.messages import ENTITIES, FINDER
from waf.sensitive import candidates, context, find, readings
from waf.sensitive.beside import BESIDE, Neighbours
from waf.sensitive.candidates import Notices
from waf.sensitive.find import Finder, Hit
from waf.sensitive.validate import cards

try:
    finder: ModuleType | Any = importlib.import_module("waf._finder")
except ImportError:
    finder = None

in_c = pytest.mark.skipif(
    finder is None or find.speed.judge_type() is None,
    reason="waf._finder was not built, or is not to be used",
)

_PIECES = (
    [sample.text for entity in ENTITIES for sample in entity.hits]
    + [sample.text for entity in ENTITIES for sample in entity.misses]
    + [
        "<td>", "</td>", "<tr>", "</tr>\n", "<br>", "<b", ">", "<", "\n", " ", "  ", "\t", ",", ", ", ";", "&", "&amp;", "=",
        ":", '": "', '","', "{", "}", "[", "]", '"', "'", "-", "+", ".", "(", ")", "order no. ", "orderId", "card", "Karte ",
        "cardNumber", "4539 1488 0343 6467", "4539148803436467", "3120 ", " 12/27", "12", "0", "cvv ", "123", "ssn", "IBAN ",
        "\x00", "ü", "\xff", "&card=", "&order=", "tel:", "number", "value", "<card>", "<!-- ", "<?xml", "phone ",
    ]
)  # fmt: skip
texts = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=14).map(
    lambda pieces: "".join(pieces).encode("utf-8", "surrogateescape")
)
_NEAR = st.lists(
    st.sampled_from(
        [b"<", b">", b"<tr>", b"</p>", b"</pre>", b"<br/>", b"</h1>", b"<h1>", b"\n", b" ", b"\t", b"\r", b"\v", b",", b'"', b"'",
         b"&", b"a=", b"&ab=", b"=", b":", b"e", b"l", b"}", b"]", b"1", b"cardNumber", b"IDCard", b"x", b"A", b"aB", b"-", b"_",
         b".", b"$", b"{", b"[", b"(", b";", b"/", b"!", b"?", b"\xc3\xbc", b"\x00", b"order no. ", b"z" * 70, b"%5B"]
    ),
    max_size=40,
).map(b"".join)  # fmt: skip


@in_c
def test_both_have_the_same_bounds() -> None:
    assert (finder.NEAR, finder.LOOK_BEHIND, finder.LED_REACH, finder.LEAD_IN, finder.MOST_RETRIES) == (
        context.NEAR, context.LOOK_BEHIND, readings.LED_REACH, find.LEAD_IN, find.MOST_RETRIES,
    )  # fmt: skip


@in_c
@given(_NEAR, st.integers(0, 300), st.booleans(), st.integers(0, 60))
def test_what_stands_before(text: bytes, back: int, labelled: bool, floor: int) -> None:
    start = max(0, len(text) - back)
    assert finder.label_before(text, start) == context.label_before(text, start)
    label = b"x" if labelled else b""
    assert finder.near(text, start, floor, labelled) == context.Surroundings(text, start, label, floor).near


_GROUPED = st.lists(st.text("0123456789", min_size=1, max_size=8), min_size=1, max_size=6)


@in_c
@given(_GROUPED, st.sampled_from(["", " ", "-", "x", "  "]), st.booleans())
def test_card_numbers(groups: list[str], separator: str, right: bool) -> None:
    digits = "".join(groups)
    if right:  # with the right check digit, of an issuer more often than chance would have it
        digits = (
            random.Random(digits).choice(["4", "51", "2221", "37", "6011", "3528", "36", "62", "50"]) + digits
        )
        digits = next(d for n in range(10) if _luhn(d := digits[:-1] + str(n)))
    cuts = []
    for group in groups:
        cuts.append(digits[: len(group)])
        digits = digits[len(group) :]
    value = separator.join([*cuts, digits] if digits else cuts).encode()
    assert finder.card(value) == cards.card(value)
    assert finder.maestro(value) == cards.maestro(value)


def _luhn(digits: str) -> bool:
    return cards.luhn(digits.encode())


@in_c
@pytest.mark.parametrize(
    "lengths", [*sorted(cards._GROUPS), (16,), (19,), (20,), (4, 4, 4, 4, 4), (4, 12), (0, 4, 4, 4, 4)]
)
@pytest.mark.parametrize(
    "prefix", ["4", "51", "2720", "2721", "34", "3589", "3590", "305", "306", "6440", "6600", "62", "58"]
)
def test_groups_and_issuers(lengths: tuple[int, ...], prefix: str) -> None:
    size = sum(lengths)
    body = (prefix + "12345678901234567890")[: size - 1]
    digits = next(body + str(n) for n in range(10) if _luhn(body + str(n)))
    parts = []
    for length in lengths:
        parts.append(digits[:length])
        digits = digits[length:]
    for separator in (" ", "-"):
        value = separator.join(parts).encode()
        assert finder.card(value) == cards.card(value), value
        assert finder.maestro(value) == cards.maestro(value), value


def _told(hits: list[Hit]) -> list[tuple[str, int, int, float, bool]]:
    return [(hit.entity.id, hit.start, hit.end, hit.score, hit.test) for hit in hits]


@in_c
@settings(max_examples=400)
@given(texts, st.integers(0, 100), st.none() | st.integers(0, 400), st.booleans(), st.booleans())
def test_hits(text: bytes, floor: int, ceiling: int | None, fields: bool, strict: bool) -> None:
    looking = STRICT if strict else FINDER
    found = looking.candidates(text)
    field_at = _field_at if fields else None
    wanted = looking._find(text, floor, ceiling, field_at, found)
    assert _told(looking.find(text, floor, ceiling, field_at, found)) == _told(wanted)


STRICT = FINDER.stricter()


def _field_at(text: bytes, start: int) -> tuple[bytes | None, int]:
    line = text.rfind(b"\n", 0, start) + 1
    return (None, b"", b"card", b"order", b"ssn")[start % 5], line


@in_c
def test_every_sample_of_every_entity() -> None:
    for entity in ENTITIES:
        for sample in (*entity.hits, *entity.misses):
            for before in ("", "order ", '{"order":"', "<td>phone</td><td>", "x=1&", "4539 "):
                text = (before + sample.text).encode()
                found = FINDER.candidates(text)
                assert _told(FINDER.find(text)) == _told(FINDER._find(text, 0, None, None, found)), text


@in_c
def test_errors_of_what_it_calls_come_through() -> None:
    def failing(text: bytes, start: int) -> tuple[bytes | None, int]:
        raise LookupError("no field")

    with pytest.raises(LookupError, match="no field"):
        FINDER.find(b"card 4539148803436467", field_at=failing)
    for wrong in (b"", (b"", "x"), ("name", 0), 5):
        with pytest.raises(TypeError):
            FINDER.find(b"card 4539148803436467", field_at=lambda text, start: wrong)  # type: ignore[arg-type,return-value]  # noqa: B023
    judge = FINDER._judge
    assert judge is not None
    for arguments in ((b"x",), ("x", 0, 0, None, []), (b"x", 0, 0, None, ()), (b"x", 0, 0, None, ["x"])):
        with pytest.raises(TypeError):
            judge.find(*arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not a candidate"):
        judge.find(b"x", 0, 0, None, [-5])
    assert judge.find(b"x", 0, -1, None, [1 << 40, 0xFFFF, 9 << 16]) == []


@in_c
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(0, 50), st.integers(0, 99)), max_size=30
    )
)
def test_what_is_noticed(matches: list[tuple[int, int, int, int]]) -> None:
    both = (Notices(b"\0\1\0\1"), finder.Notices(b"\0\1\0\1"))
    for form, start, end, base in matches:
        for one in both:
            one.begin(base)
            one(form, start, end, 0, None)
    assert both[0].take() == both[1].take()
    assert both[0].take() == both[1].take() == []


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(3, 40), st.sampled_from("pcx")), max_size=20))
def test_what_stands_beside_another(spans: list[tuple[int, int, str]]) -> None:
    by_id = {entity.id: entity for entity in ENTITIES}
    kinds = {"p": by_id["pan"], "c": by_id["card-cvv"], "x": by_id["email"]}
    hits, place = [], 0
    for gap, size, kind in spans:
        hits.append(Hit(kinds[kind], place + gap, place + gap + size, 1.0))
        place += gap + size
    neighbours = Neighbours(hits)
    for hit in hits:
        if hit.entity.beside:
            assert neighbours.stand_by(hit) == any(
                other.entity.id.startswith("pan")
                and other.start < hit.end + BESIDE
                and other.end > hit.start - BESIDE
                for other in hits
            )


class _Counted(list[Hit]):
    asked = 0

    def __iter__(self) -> Iterator[Hit]:
        _Counted.asked += 1
        return super().__iter__()


def test_many_that_stand_beside_nothing_are_compared_once() -> None:
    hits = _Counted(FINDER.find(b"cvv 123 " * 50))
    assert len(hits) == 50
    neighbours = Neighbours(hits)
    _Counted.asked = 0
    assert not any(neighbours.stand_by(hit) for hit in hits)
    assert _Counted.asked == 2  # this loop's, and the one of the first question


@pytest.mark.parametrize(
    ("words", "beginnings"),
    [
        (("card", "order"), (b"car", b"ord")),
        ((r"\bni\b", "tax id"), (b"ni", b"tax")),
        (("ss ?#",), (b"ss",)),
        (("tax(?:payer)? id",), (b"tax",)),
        (("tax(?:a|b) id",), (b"tax",)),
        (("co?de",), None),
        (("x",), None),
        (("card|order",), None),
        ((), ()),
    ],
)
def test_beginnings_of_words(words: tuple[str, ...], beginnings: tuple[bytes, ...] | None) -> None:
    assert context.beginnings(words) == beginnings


@given(texts)
def test_a_word_is_not_where_no_beginning_is(text: bytes) -> None:
    near = context.plain_words(text)
    for form in FINDER._forms:
        for pattern, known in (
            ((form.context, form.context_words), (form.denied, form.denied_words)) if form else ()
        ):
            if pattern is not None and known is not None and pattern.search(near):
                assert any(beginning in near for beginning in known)


def test_candidates_are_in_order() -> None:
    found = FINDER.candidates(b"card 4539148803436467, a@b.example, ssn 536-22-8145")
    assert found == sorted(found)
    assert {FINDER._candidates.forms[c & candidates.FORM].entity.id for c in found} >= {
        "pan",
        "email",
        "us-ssn",
    }


@in_c
def test_both_find_alike_without_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find.speed, "_FINDER", None)
    slow = Finder.build(ENTITIES, None)
    assert slow._judge is None
    text = b"card 4539148803436467, a@b.example, ssn 536-22-8145"
    assert _told(slow.find(text)) == _told(FINDER.find(text)) != []
