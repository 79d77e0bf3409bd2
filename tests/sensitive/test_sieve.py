"""The sieve lets through what is nothing, and never holds back what is something."""

from __future__ import annotations

import itertools
import re

import hyperscan
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sensitive.messages import ENTITIES, FINDER
from waf.sensitive.candidates import Candidates
from waf.sensitive.entities import Entity
from waf.sensitive.find import Finder
from waf.sensitive.forms import ENDLESS, Form, forms
from waf.sensitive.sieve import REACH, Sieve

SIEVED = FINDER._candidates
WHOLE = Finder(ENTITIES, Candidates(SIEVED._patterns, SIEVED.forms), {})
"""The same patterns without a sieve."""

SAMPLES = [sample.text.encode() for entity in ENTITIES for sample in (*entity.hits, *entity.misses)]
FILLER = [
    b"<tr><td class='price'>49.90</td><td>2024-03-18T09:41:07.123456Z</td></tr>\n",
    b'{"id": 48213, "uuid": "6f9c2d1e-8a77-4b0f-9d55-0f2b7c9a1e34", "n": 1706704245123, "ok": true}\n',
    b"The card arrived on Tuesday, two days early; credit where credit is due. " * 3,
    b"x" * 700, b" " * 400, b"0123456789" * 30, b"AB12 " * 40, b"a", b"\n", b"order 4539148803436467, ",
]  # fmt: skip

SIGNED = [e for e in ENTITIES if e.signs] + [e for e in ENTITIES if e.led_sign and not e.signs]


@pytest.mark.parametrize("entity", SIGNED, ids=lambda e: e.id)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_match_contains_its_sign(entity: Entity, data: st.DataObject) -> None:
    for patterns, signs in ((entity.patterns, entity.signs), (entity.led, (entity.led_sign,))):
        for pattern in patterns if any(signs) else ():
            match = data.draw(st.from_regex(re.compile(pattern.encode()), fullmatch=True))
            text = b" " + match + b"\n"
            assert any(re.search(sign.encode(), text) for sign in signs), (pattern, match)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(SAMPLES + FILLER * 4), max_size=24))
def test_the_same_is_found_with_and_without(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    assert FINDER.find(text) == WHOLE.find(text)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s[:24].decode("utf-8", "replace"))
@pytest.mark.parametrize("before", [b"", b"\n", b"z" * 400 + b" "], ids=["first", "line", "far in"])
def test_each_sample_is_found_alike(sample: bytes, before: bytes) -> None:
    text = before + sample + b" " * 700
    assert FINDER.find(text) == WHOLE.find(text)


def test_all_shipped_forms_are_short_enough_for_windows() -> None:
    assert not [form.entity.id for form in forms(ENTITIES) if form.width > REACH]


@pytest.mark.parametrize(
    ("pattern", "width"), [("ab{2,4}", 5), (r"\bx[0-9+*]{3}", 4), ("a+", ENDLESS), ("(", ENDLESS)]
)
def test_the_width_of_a_form(pattern: str, width: int) -> None:
    assert Form(Entity(id="x", title="x", group="custom"), pattern, led=False).width == width


def test_a_pattern_without_bounds_is_searched_in_all_of_the_text() -> None:
    entity = Entity(id="x", title="x", group="custom", patterns=("begin [a-z ]+ end",), edges="none")
    text = b"." * 5000 + b"begin " + b"much of it " * 500 + b"end" + b"." * 5000
    assert [(h.start, h.end) for h in Finder.build([entity], None).find(text)] == [(5000, len(text) - 5000)]


def test_windows_are_apart_in_order_and_few() -> None:
    sieve = Sieve.build(forms(ENTITIES), None)
    assert sieve is not None
    scratch = sieve.scratch()
    assert sieve.windows(b"." * 9000, scratch) == []
    card = b" 4539148803436467 "
    windows = sieve.windows(b"." * 5000 + card + b"." * 5000 + card * 2 + b"." * 5000, scratch)
    assert windows is not None
    assert len(windows) == 2
    assert all(a[1] < b[0] for a, b in itertools.pairwise(windows))
    assert sieve.windows(card * 300, scratch) is None  # so many that all of it is searched


def test_expressions_of_others_are_looked_for_on_the_way() -> None:
    others = (
        (rb"\broot:[^:\n]{0,9}:0:0", 0),
        (rb"^SECRET", hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_CASELESS),
    )
    looking = Finder.build(ENTITIES, None, others=others)
    assert looking.entities == FINDER.entities
    card = b" 4539148803436467 "
    for filler in (b".", b"a line\n"):
        clean = filler * 2000 + card + filler * 2000
        assert looking.look(clean) == (FINDER.candidates(clean), True)
        for leak in (b" root:x:0:0", b"\nsecret"):
            assert looking.look(clean + leak) == (FINDER.candidates(clean + leak), False)
        assert looking.look(filler * 4000) == ([], True)
        assert looking.look(filler * 4000 + b" root:x:0:0") == ([], False)
    # Where it is not known: in a short text and in one that is searched as a whole.
    assert not looking.look(b"short")[1]
    assert not looking.look(card * 300)[1]
