"""What is judged in C is judged as in Python: labels, words near a value, check digits, hits."""

from __future__ import annotations

import base64
import importlib
import random
from collections.abc import Iterator
from itertools import pairwise, product
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patterns import patterns_made
from tests.sensitive.messages import ENTITIES, FINDER, detector, request, response
from tests.together import together
from waf.config.schema import SensitiveRule
from waf.model import Field, Part
from waf.sensitive import candidates, context, detect, find, lines, places, readings, stream
from waf.sensitive.beside import BESIDE, Neighbours
from waf.sensitive.candidates import Notices
from waf.sensitive.containers import Container
from waf.sensitive.detect import Detector, ResponseFilter
from waf.sensitive.edits import Edit
from waf.sensitive.entities import custom_entity
from waf.sensitive.find import Finder
from waf.sensitive.hits import Hit
from waf.sensitive.mask import Key, hidden, masked
from waf.sensitive.screened import Screened
from waf.sensitive.sieve import REACH, Signs
from waf.sensitive.sketch import Sketch
from waf.sensitive.tally import Count, Tally
from waf.sensitive.validate import VALIDATORS, cards, secrets

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
    assert (finder.NEAR, finder.LOOK_BEHIND, finder.LED_REACH, finder.LEAD_IN, finder.MOST_RETRIES, finder.RETRY_BYTES) == (
        context.NEAR, context.LOOK_BEHIND, readings.LED_REACH, find.LEAD_IN, find.MOST_RETRIES, find.RETRY_BYTES,
    )  # fmt: skip


@in_c
@given(_NEAR, st.integers(0, 300), st.booleans(), st.integers(0, 60))
def test_what_stands_before(text: bytes, back: int, labelled: bool, floor: int) -> None:
    start = max(0, len(text) - back)
    assert finder.label_before(text, start) == context.label_before(text, start)
    label = b"x" if labelled else b""
    assert finder.near(text, start, floor, labelled) == context.Surroundings(text, start, label, floor).near


@in_c
@given(
    st.lists(
        st.sampled_from([b"{", b"}", b'"alg"', b'"enc"', b'"typ"', b":", b",", b'"HS256"', b"12", b"012", b"null", b" ", b"\\", b'"a\\"', b"[]",
                         b"\xff", b'{"typ":"JWT","alg":"none"}', b'{"a":1,"b":"alg"}']),
        max_size=9,
    ).map(b"".join),
    st.sampled_from([b"", b".", b".eyJ9.x", b"=", b"!."]),
    st.integers(0, 2),
)  # fmt: skip
def test_web_tokens(head: bytes, tail: bytes, lost: int) -> None:
    coded = base64.urlsafe_b64encode(head).rstrip(b"=")
    value = coded[: len(coded) - lost] + tail
    given = finder.check("jwt", value)
    assert given is None or given == secrets.jwt(value)


_GROUPED = st.lists(st.text("0123456789", min_size=1, max_size=8), min_size=1, max_size=6)


@in_c
@given(
    st.lists(
        st.sampled_from([b"exam", b"ple", b"Sample", b"change", b"_me", b"me", b"your", b"-", b"XXX", b"xxx", b"*", b"..", b".",
                         b"<", b"$", b"{", b"%(", b"red", b"acted", b"aB3dE5gH7jK9", b"ghp_", b"plAceholder", b"dumm", b"y", b"\0"]),
        max_size=8,
    ).map(b"".join)
)  # fmt: skip
def test_tokens(value: bytes) -> None:
    assert finder.check("token", value) == secrets.token(value)


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
    assert finder.check("card", value) == cards.card(value)
    assert finder.check("maestro", value) == cards.maestro(value)


def _luhn(digits: str) -> bool:
    return cards.luhn(digits.encode())


_TWINS = sorted(find._TWINS.values())
_SAMPLED = {
    name: [sample.value or sample.text for e in ENTITIES if e.validator == name for sample in (*e.hits, *e.misses)]
    for name in _TWINS
}  # fmt: skip


def _rated(name: str, value: bytes) -> float:
    try:
        return VALIDATORS[name](value)
    except (ValueError, IndexError, KeyError):
        return 0.0


@st.composite
def _nearly(draw: st.DrawFn, name: str) -> bytes:
    """A value of the kind, some of its characters others; digits put right at the end more often than chance would have it."""
    value = list(draw(st.sampled_from(_SAMPLED[name])))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(value) - 1))
        value[place] = draw(st.sampled_from("0123456789ABIXYZabz -./()+@_%é"))
    out = "".join(value).encode() + draw(st.sampled_from([b"", b"0", b"-", b"x" * 70]))
    for last in b"0123456789" if draw(st.booleans()) else b"":
        if _rated(name, out[:-1] + bytes((last,))) > 0:
            return out[:-1] + bytes((last,))
    return out


@in_c
@settings(max_examples=1500)
@given(st.data(), st.sampled_from(_TWINS))
def test_twins_of_validators(data: st.DataObject, name: str) -> None:
    value = data.draw(_nearly(name) | st.text("0123456789 -", min_size=1, max_size=16).map(str.encode))
    given = finder.check(name, value)
    if given is not None:
        assert given == _rated(name, value), (name, value)


@in_c
@settings(max_examples=500)
@given(st.data(), st.sampled_from(["email", "iban"]))
def test_domains_and_structures(data: st.DataObject, name: str) -> None:
    """What the twins leave is looked up in tables: by way of a pattern that lets anything pass."""
    looking = _ANYTHING[name]
    value = data.draw(_nearly(name) | _ADDRESSES)
    text = b"<" + value.replace(b"<", b"").replace(b">", b"") + b">"
    found = looking.candidates(text)
    assert _told(looking.find(text)) == _told(looking._find(text, 0, None, None, found)), text


_ANYTHING = {
    name: Finder.build(
        [custom_entity("any", "[^<>]{2,120}", validator=name, where="sensitive.custom[0]")], None
    )
    for name in ("email", "iban")
}
_ADDRESSES = st.tuples(
    st.text("aB0.%'+_-@", max_size=6) | st.just("x" * 64),
    st.lists(st.sampled_from(["a", "a-b", "-a", "a-", "", "x" * 63, "x" * 64, "EXAMPLE"]), max_size=3),
    st.sampled_from(
        ["com", "COM", "png", "xn--p1ai", "xn--", "XN--p1ai", "c", "a" * 24, "a" * 25, "c0m", "xn--a-", "de"]
    ),
).map(lambda p: (p[0] + "@" + ".".join([*p[1], p[2]])).encode())
_ALL_CODES = [str(n) for n in range(1000)]


@in_c
@pytest.mark.parametrize(
    "rest",
    ["12345", "123456", "1234567", "12345678", "123456789", "0234567890", "12345678901", "1234567890123"],
)
def test_calling_codes(rest: str) -> None:
    for code in _ALL_CODES:
        for value in (f"+{code}{rest}", f"+{code} (0){rest}", f"+{code}(0 ){rest}"):
            assert finder.check("phone", value.encode()) == VALIDATORS["phone"](value.encode()), value


@in_c
def test_every_twin_is_asked_for_what_its_patterns_match() -> None:
    for name in _TWINS:
        rated = [finder.check(name, value.encode()) for value in _SAMPLED[name]]
        assert name in ("email", "iban") or 1.0 in rated, name
    with pytest.raises(ValueError, match="no twin of ipv4"):
        finder.check("ipv4", b"x")


@in_c
@together("lengths", [*sorted(cards._GROUPS), (16,), (19,), (20,), (4, 4, 4, 4, 4), (4, 12), (0, 4, 4, 4, 4)])
@together(
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
        assert finder.check("card", value) == cards.card(value), value
        assert finder.check("maestro", value) == cards.maestro(value), value


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
def test_what_stands_before_a_value_is_looked_at_once() -> None:
    """Forms whose candidates are named by their ends come back to a place after others."""
    starts = []

    def noting(text: bytes, start: int) -> tuple[None, int]:
        starts.append(start)
        return None, 0

    text = b"account number, phone, cvv, ssn, nhs, dob, passport: 123 456 789 12 34 567 " * 20
    FINDER.find(text, field_at=noting)
    assert len(starts) == len(set(starts)) > 50


@in_c
def test_errors_of_what_it_calls_come_through() -> None:
    def failing(text: bytes, start: int) -> tuple[bytes | None, int]:
        raise LookupError("no field")

    with pytest.raises(LookupError, match="no field"):
        FINDER.find(b"card 4539148803436467", field_at=failing)
    for wrong in (b"", (b"", "x"), ("name", 0), 5):
        with pytest.raises(TypeError):
            FINDER.find(b"card 4539148803436467", field_at=lambda text, start: wrong)  # type: ignore[arg-type,return-value]  # noqa: B023
    judge = FINDER.judge
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


@in_c
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5000), st.integers(0, 9000)), max_size=40),
    st.integers(0, 30),
    st.booleans(),
)
def test_windows(signs: list[tuple[int, int, int]], most: int, first: bool) -> None:
    both = (Signs(b"\0\1\0\2", REACH), finder.Signs(b"\0\1\0\2", REACH))
    for one in both:
        one.begin(most)
    for sign, end, base in signs:
        for one in both:
            one.at(base)
        assert both[0](sign, 0, end, 0, None) is both[1](sign, 0, end, 0, None)
    assert both[0].windows(first) == both[1].windows(first)
    assert both[0].others is both[1].others is any(sign == 3 for sign, *_ in signs)
    for one in both:
        one.begin(most)
        assert not one.others


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
    slow = Finder.build(ENTITIES, patterns_made())
    assert slow.judge is None
    text = b"card 4539148803436467, a@b.example, ssn 536-22-8145"
    assert _told(slow.find(text)) == _told(FINDER.find(text)) != []


# ------------------------------------------------------------------------------------- bodies that are here whole

_JSON = st.lists(
    st.sampled_from(
        [b'"', b"{", b"}", b"[", b"]", b":", b",", b" ", b"\n", b"\t", b"\\", b'\\"', b"\\\\", b'"a"', b'"a":', b'"k" :', b"1",
         b"null", b'"x y"', b'"card":', b'{"b":', b'[{"c":', b"\xff", b"\xc3\xa9", b'"' + b"n" * 70 + b'":', b"\v", b"y" * 4200]
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


@in_c
@settings(max_examples=400)
@given(_JSON, st.lists(st.integers(0, 9000), max_size=4))
def test_paths(text: bytes, cuts: list[int]) -> None:
    slow, fast = places.JsonPath(), places.JsonPath()
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    for low, high in pairwise(edges):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(places, "_FOLLOW", None)
            slow.follow(text[low:high])
        fast.follow(text[low:high])
        assert vars(fast) == vars(slow)


@in_c
@given(st.binary(max_size=300), st.sampled_from(["pan", "us-ssn", "x"]), st.binary(min_size=1, max_size=40))
def test_sketches(value: bytes, id: str, secret: bytes) -> None:
    key = Key(secret)
    sketch = Sketch()
    sketch.add(key.sketch_hash(id, b"another"))
    before = bytes(sketch.registers)
    sketch.add(key.sketch_hash(id, value))
    assert finder.sketch(before, key.sketch, id, value) == bytes(sketch.registers)


@in_c
@given(
    st.binary(max_size=40) | st.text("abZ019@. -*+", max_size=40).map(str.encode),
    st.sampled_from(
        ["all", "everything", "email", "first6last4", "last4", "first4", "last2", "first12last12"]
    ),
)
def test_masks(value: bytes, format: str) -> None:
    assert finder.masked(value, *hidden(format)) == masked(value, format)


_TYPES = (
    "application/json", "text/html", "text/plain", "application/xml", "text/csv", "application/x-www-form-urlencoded",
    "application/javascript", "multipart/mixed", "text/event-stream",
)  # fmt: skip
_CONFIGS: tuple[dict[str, Any], ...] = (
    {},
    {"report_only": ()},
    {"report_only": (), "response_action": "tokenise"},
    {"report_only": (), "response_action": "drop"},
    {"report_only": (), "response_action": "report"},
    {"report_only": (), "rules": (SensitiveRule(fields=("json.card", "form.*", "csv.card"), action="hash"),)},
    {"report_only": (), "rules": (SensitiveRule(entities=("email",), action="ignore"),)},
)
_BODY_PIECES = (
    *_PIECES, '{"card":', "4539148803436467", "-4539148803436467", ":4539148803436467,", "\n4539148803436467\n", "card,name\n",
    "id;card\n", "<script>", "</script>", "var n = ", "a=", "+", "%20", "a.b@example.com", '\\"', "\\u0034539148803436467",
    "\\/", "&nbsp;", "&lt;", "1,2,", "},{", '"items":[', "4111111111111111", ">4539148803436467<",
)  # fmt: skip
_bodies = st.lists(st.sampled_from(_BODY_PIECES), min_size=1, max_size=16).map(
    lambda pieces: "".join(pieces).encode("utf-8", "surrogateescape")
)


class _Reference:
    """What `Screened` stands for, made anew by the filter for bodies in pieces."""

    def __init__(
        self,
        head: Any,
        looking: Any,
        container: Any,
        orders: Any,
        key: Any,
        seen: Any,
        found: Any,
        *,
        enforce: bool,
        unmet: bool,
    ) -> None:
        self._filter = ResponseFilter(
            head, stream.Redactor(looking, container, orders, key, enforce=enforce), enforce=enforce
        )
        self._filter.look_at(seen, found)
        self.whole, self.verdict = self._filter.whole, self._filter.verdict
        self.tally, self.response = self._filter.tally, head


def _whole(checked: Detector, body: bytes, content_type: str, enforce: bool) -> Any:
    answer = response((b"Content-Type", content_type.encode()), length=len(body))
    passed = checked.screen(request(), answer, body, enforce)
    if not isinstance(passed, ResponseFilter | Screened | _Reference):
        return type(passed)
    out = passed.whole(body)
    counts = [(c.entity.id, c.address, c.action, c.count, c.test, c.sure, c.registers) for c in passed.tally]
    return out, counts, passed.tally.totals, passed.verdict(), passed.response


@in_c
@settings(max_examples=600)
@given(_bodies, st.sampled_from(_TYPES), st.sampled_from(range(len(_CONFIGS))), st.booleans())
def test_whole_bodies(body: bytes, content_type: str, config: int, enforce: bool) -> None:
    checked = detector(**_CONFIGS[config])
    fast = _whole(checked, body, content_type, enforce)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect, "Screened", _Reference)
        slow = _whole(checked, body, content_type, enforce)
    assert fast == slow


@in_c
def test_many_places_are_counted_together() -> None:
    names = ["".join(pair) for pair in product("abcdefghijklmnopqrst", repeat=2)]
    body = "[{" + "},{".join(f'"{name}":"{name}@example.com"' for name in names) + "}]"
    fast = _whole(detector(), body.encode(), "application/json", True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect, "Screened", _Reference)
        slow = _whole(detector(), body.encode(), "application/json", True)
    assert fast == slow
    assert fast[1][-1][1] == "*"


_DEEP = (
    *['{"%s":' % (letter * 20) for letter in "abcdefgh"] * 3,
    '{"é":',
    "[",
    "}",
    "}",
    "]",
    "},{",
    ',"card":',
)


@in_c
@settings(max_examples=300)
@given(
    st.lists(st.sampled_from((*_DEEP, '"4539148803436467"', '"a.b@example.com"')), min_size=20, max_size=90)
)
def test_deep_documents(pieces: list[str]) -> None:
    """Of a long path no more is joined than an address is made of, and not anew for each value."""
    body = ("{" + '{"way":' * 6 + "".join(pieces) + '"4539148803436467"').encode()
    fast = _whole(detector(), body, "application/json", True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect, "Screened", _Reference)
        assert _whole(detector(), body, "application/json", True) == fast


@in_c
def test_what_is_settled_has_to_fit() -> None:
    judge = FINDER.judge
    assert judge is not None
    text = b"card 4539148803436467"

    seen = finder.view(text, False)

    def screen(**other: Any) -> Any:
        arguments: dict[str, Any] = {
            "view": seen, "field_at": None, "cells": (), "found": FINDER.candidates(text), "named": 0, "names": "text",
            "orders": (lambda entity, address: "mask", {}), "rule": 0, "enforce": True, "edit": None, "key": bytes(32), "most": 9,
            "counts": [], "piece": None,
        }  # fmt: skip
        return judge.screen(*{**arguments, **other}.values())

    def asked(answer: Any) -> Any:
        return (lambda entity, address: answer, {})

    def piece(*told: Any, where: Any = None) -> dict[str, Any]:
        return {"piece": (*told, *(0, len(text), 0, -1, 0, 1, {}, ())[len(told) :], where)}

    assert screen() == (b"card 453914******6467", True)
    assert screen(enforce=False) == (text, True)
    assert screen(orders=asked("report")) == (text, False)
    assert screen(orders=(None, {"pan": "mask"})) == (b"card 453914******6467", True)
    assert screen(**piece(2)) == (b"rd 453914******6467", True, 19, None)
    assert screen(**piece(12)) == (b"14******6467"[3:], True, 9, None)
    assert screen(**piece(0, 7, 0, -1, 0, 0)) == (b"card ", False, 5, None)  # what comes next may go on
    assert screen(named=2, **piece(where=lambda: None)) is None
    for wrong in (
        {"key": b"short"}, {"names": 5}, {"orders": asked("block")},
        {"orders": asked(5)}, {"orders": asked("drop"), "edit": lambda *hit: Edit(5, 99, b"")}, {"named": 3}, {"named": 3, "names": ((), b"")},
        {"named": 3, "names": ((), b'"', "")}, {"field_at": ((b"",), b","), "cells": ((0, (9999,)),)},
        {"field_at": ((b"",), b","), "cells": ((0, (-1,)),)}, piece(-1), piece(5, 4), piece(0, 99), piece(0, 5, 99), piece(0, 5, -1),
        {"named": 2, **piece(where=lambda: ([], "", False, 5, 99))}, {"named": 2, **piece(where=lambda: ([], "", False, 5, 4))},
    ):  # fmt: skip
        with pytest.raises(ValueError):  # noqa: PT011 (the words differ)
            screen(**wrong)
    for wrong in (
        {"names": ((5,), b",", ""), "named": 3}, {"orders": None}, {"orders": (None, {})},
        {"orders": (None, None)}, {"view": text}, {"found": ()}, {"cells": ((0, ()),)}, {"field_at": ((b"",), b","), "cells": (5,)},
        {"field_at": ((b"",), b","), "cells": (("x", ()),)}, {"key": None}, {"most": "x"}, {"counts": ()}, {"piece": 5},
        {"piece": (1, 2)}, piece(0, 5, 0, -1, 0, 1, None), {"named": 2, **piece(where=lambda: 5)}, {"named": 2, **piece(where=lambda: (1, 2))},
    ):  # fmt: skip
        with pytest.raises(TypeError):
            screen(**wrong)
    for count in (Count(5, "text", "mask", registers=b""), Count(5, 5, "mask"), Count(5, "text", 5)):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="not a count"):
            screen(counts=[count])
    with pytest.raises(AttributeError):
        screen(counts=[5])


_CELLS = st.lists(
    st.sampled_from(
        ["card", "order", "ssn", "name", "cvv", ",", ",", ";", "\r\n", "12-3456", "02134 567", "\n", "\n", '"', "4539148803436467", "536-22-8145", "536228145",
         "123", " ", "x" * 600, "a@b.example", '","', '"\n"']
    ),
    max_size=40,
).map(lambda pieces: "".join(pieces).encode())  # fmt: skip


@in_c
@settings(max_examples=400)
@given(
    st.sampled_from([b"card,order,ssn\n", b"ssn;card\n", b"name\tcvv,card\n", b"a,\n"]),
    _CELLS,
    st.integers(0, 50),
)
def test_columns(head: bytes, rows: bytes, floor: int) -> None:
    columns = places.Columns()
    columns.follow(head)
    text = head + rows
    found = FINDER.candidates(text)
    wanted = FINDER._find(text, floor, None, columns.field_at, found)
    assert _told(FINDER.find(text, floor, field_at=columns, found=found)) == _told(wanted)
    for hit in wanted:
        assert columns.named_at(text, hit.start) in columns.places[0] + columns.places[2:]


_HEADS = st.sampled_from(
    [b"card,order,ssn\n", b"ssn;card;account no\r\n", b"name\tcvv,card\n", b'"passport","phone",dob\n', b"iban|bic|phone|card\n"]
)  # fmt: skip


@in_c
@settings(max_examples=400)
@given(_HEADS, _CELLS, st.sampled_from(range(len(_CONFIGS))))
def test_whole_tables(head: bytes, rows: bytes, config: int) -> None:
    checked = detector(**_CONFIGS[config])
    fast = _whole(checked, head + rows, "text/csv", True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detect, "Screened", _Reference)
        slow = _whole(checked, head + rows, "text/csv", True)
    assert fast == slow


def _in_pieces(
    body: bytes, cuts: list[tuple[int, bool]], container: Container, config: int, enforce: bool, address: str
) -> Any:
    """What goes at each step, and all that was found."""
    checked = detector(**_CONFIGS[config])
    tally = Tally(checked.key)
    passing = stream.Redactor(
        checked._finder, container, checked.policy.orders("response", b"/x"), checked.key, enforce=enforce, sniff=True,
        tally=tally, address=address, label=address.encode(),
    )  # fmt: skip
    out = []
    place = 0
    for size, pauses in cuts:
        out.append(passing.feed(body[place : place + size]))
        place += size
        if pauses:
            out.append(passing.idle())
    out += [passing.feed(body[place:]), passing.finish()]
    counts = [(c.entity.id, c.address, c.action, c.count, c.test, c.sure, c.registers) for c in tally]
    return out, counts, tally.totals, passing.altered, passing.would_alter


@in_c
@settings(max_examples=1200)
@given(
    st.one_of(
        _bodies,
        st.lists(_bodies, min_size=2, max_size=12).map(b"".join),
        st.tuples(_HEADS, st.lists(_CELLS, min_size=1, max_size=4).map(b"".join)).map(b"".join),
    ),
    st.lists(st.tuples(st.integers(1, 300), st.booleans()), max_size=12),
    st.sampled_from(Container),
    st.sampled_from(range(len(_CONFIGS))),
    st.booleans(),
    st.sampled_from(["", "", "", "header.x-card"]),
)
def test_bodies_in_pieces(
    body: bytes,
    cuts: list[tuple[int, bool]],
    container: Container,
    config: int,
    enforce: bool,
    address: str,
) -> None:
    fast = _in_pieces(body, cuts, container, config, enforce, address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "settled_piece", lambda *told: None)
        slow = _in_pieces(body, cuts, container, config, enforce, address)
    assert fast == slow


@in_c
@pytest.mark.parametrize("container", Container)
def test_long_bodies_in_pieces(container: Container) -> None:
    """Longer than what is remembered of a body in which nothing was found, with names that reach across pieces."""
    chance = random.Random(container.value)
    pieces = []
    for _ in range(400):
        pieces += [
            chance.choice(_BODY_PIECES),
            "x" * chance.choice((0, 0, 5, 700)),
            chance.choice(_BODY_PIECES),
        ]
    body = b"lorem ipsum " * 9000 * chance.randint(0, 1) + "".join(pieces).encode("utf-8", "surrogateescape")
    for cut in (50, 4096, 65536):
        cuts = [(cut, False)] * (len(body) // cut)
        fast = _in_pieces(body, cuts, container, 1, True, "")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stream, "settled_piece", lambda *told: None)
            slow = _in_pieces(body, cuts, container, 1, True, "")
        assert fast == slow


_NAMES_AND_VALUES = st.lists(
    st.sampled_from(["a", "Z", "_", "-", ".", "+", "%", "@", "x@y.org", "12345", "AB12345", "A1 2 3 4 5", "1.2.3.4.5", "ABC12345", "a" * 20,
                     "B" + "b" * 19 + "1", "aB3" * 8, "ü", "№", "²", "٣", " ", "/", "\n", "\0", "0", "1A2B3C4D5E", "-" * 21, "\U0001d11e", "=",
                     "\ud800"]),
    max_size=9,
).map("".join)  # fmt: skip


@in_c
@settings(max_examples=1000)
@given(_NAMES_AND_VALUES)
def test_names_without_what_they_tell(name: str) -> None:
    name = name[: places.LONGEST]
    assert finder.untold(name) == places.untold(name)


@in_c
def test_of_a_name_no_more_than_is_looked_at() -> None:
    assert finder.untold("x" * places.LONGEST) == "x" * places.LONGEST
    for wrong in ("x" * (places.LONGEST + 1), b"x"):
        with pytest.raises(ValueError, match="a name of no more than is looked at"):
            finder.untold(wrong)  # type: ignore[arg-type]


_FIELDS = st.lists(
    st.tuples(st.sampled_from(Part), _NAMES_AND_VALUES, _NAMES_AND_VALUES | st.none()).map(
        lambda told: Field(
            told[0], told[1], (told[1] if told[2] is None else told[2]).encode("utf-8", "replace")
        )
    ),
    max_size=12,
)


@in_c
@given(_FIELDS)
def test_fields_in_lines(fields: list[Field]) -> None:
    assert finder.written(fields, lines._NAMES) == lines.written(fields)
    assert finder.written(tuple(fields), 0) == lines.written(fields, 0)


@in_c
@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (7, "fields are a sequence"),
        ([b"x"], "attribute 'part'"),
        ([SimpleNamespace(part=7, name=b"a", value=b"")], "a field has a name, and a value of bytes"),
        ([SimpleNamespace(part=7, name="a", value="")], "a field has a name, and a value of bytes"),
        ([SimpleNamespace(part="a", name="a", value=b"")], "int"),
        ([SimpleNamespace(part=64, name="a", value=b"")], "no part of a message"),
        ([SimpleNamespace(part=-1, name="a", value=b"")], "no part of a message"),
    ],
)
def test_what_is_no_field(fields: Any, error: str) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError), match=error):
        finder.written(fields, 0)


@in_c
@settings(max_examples=400)
@given(
    st.lists(
        st.sampled_from(["card", "Number", "iban", "order", "no", "secret", "api", "_key", "phone", "ssn", "Passport", "id", "test", ".", "-", " ",
                         "x7Kq2mV", "output()", "ref", "account", "tracking"]),
        min_size=1, max_size=14,
    ).map("".join),
    st.sampled_from(["4539148803436467", "DE89370400440532013000", "536-22-8145", "x7Kq2mVbT9pLw3", "+49 30 1234567", "123456789"]),
)  # fmt: skip
def test_what_long_labels_say(label: str, value: str) -> None:
    """The words of a label may speak for a value and against it; the last ones count."""
    text = f'"{label}": "{value}"'.encode()
    found = FINDER.candidates(text)
    assert _told(FINDER.find(text, found=found)) == _told(FINDER._find(text, 0, None, None, found))
