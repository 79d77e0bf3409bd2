"""The sieve lets through what is nothing, and never holds back what is something."""

from __future__ import annotations

import itertools
import random
import re
from functools import cache
from types import SimpleNamespace

import hyperscan
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.patterns import patterns_made
from tests.sensitive.messages import ENTITIES, FINDER
from tests.together import together
from waf.sensitive import speed
from waf.sensitive.entities import Entity
from waf.sensitive.find import Finder
from waf.sensitive.forms import ENDLESS, Form, forms
from waf.sensitive.sieve import MARGIN, REACH, REMEMBERED, Sieve

SIEVED = FINDER._candidates
WHOLE = Finder.build(ENTITIES, patterns_made(), sieved=False)
"""The same patterns without a sieve."""

SAMPLES = [sample.text.encode() for entity in ENTITIES for sample in (*entity.hits, *entity.misses)]
FILLER = [
    b"<tr><td class='price'>49.90</td><td>2024-03-18T09:41:07.123456Z</td></tr>\n",
    b'{"id": 48213, "uuid": "6f9c2d1e-8a77-4b0f-9d55-0f2b7c9a1e34", "n": 1706704245123, "ok": true}\n',
    b"The card arrived on Tuesday, two days early; credit where credit is due. " * 3,
    b"x" * 700, b" " * 400, b"0123456789" * 30, b"AB12 " * 40, b"a", b"\n", b"order 4539148803436467, ",
]  # fmt: skip

remembers = pytest.mark.skipif(not speed.key_of_known(), reason="nothing is remembered here")

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


@together("sample", SAMPLES, ids=lambda s: s[:24].decode("utf-8", "replace"))
@together("before", [b"", b"\n", b"z" * 400 + b" "], ids=["first", "line", "far in"])
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
    sieve = Sieve.build(forms(ENTITIES), patterns_made())
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
    looking = Finder.build(ENTITIES, patterns_made(), others=others)
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


# ---------------------------------------------------------------------------- what was searched before

LINES = [
    b"<tr><td><a href='/products/%d'>A thing that is sold</a></td><td>It does what it is made for, number %d of them.</td></tr>\n"
    % (n, n)
    for n in range(40)
]
TEXTS = [
    b"".join(LINES),
    b"word " * 400,
    b"<p>" + b"of one line, " * 300 + b"</p>",
    b"\n" * 900,
    b"x" * 5000,
    *LINES[:4],
]
TOLD = [
    b" 4539148803436467 ", b"card number: 12345", b"\nsecret", b" root:x:0:0", b"<td>4539 1488 0343 6467</td>", b"jane@example.com",
    b"AKIAIOSFODNN7EXAMPLF", b"123", b"\n",
]  # fmt: skip
LEAKS = (
    (rb"\broot:[^:\n]{0,9}:0:0", 0),
    (rb"^SECRET", hyperscan.HS_FLAG_MULTILINE | hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH),
    (rb"fault[^\n]*\n\s{1,8}at line \d", hyperscan.HS_FLAG_SINGLEMATCH),
)


@remembers
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_remembered_is_found_like_what_is_new(data: st.DataObject) -> None:
    """Pages that share stretches, one after the other, through one memory and through none."""
    remembering = _sieve()
    scratch, plain = remembering.scratch(), remembering.scratch()
    pieces = [*TEXTS * 3, *TOLD]
    pages = st.lists(st.sampled_from(pieces), min_size=8, max_size=24)
    page = data.draw(pages)
    for _ in range(data.draw(st.integers(2, 6))):
        text = b"".join(page)
        windows = remembering.windows(text, scratch, True)
        expected = remembering.windows(text, plain)
        assert windows is None or windows == expected
        if windows is None or expected is None:
            assert windows == expected or len(text) < REMEMBERED
        elif expected is not None:
            assert scratch[2].others == plain[2].others
        place = data.draw(st.integers(0, len(page)))
        page[place : place + data.draw(st.integers(0, 2))] = data.draw(
            st.lists(st.sampled_from(pieces), max_size=2)
        )


@remembers
@pytest.mark.parametrize("told", [*TOLD[:6], b"fault of all\n    at line 7"])
def test_no_border_of_a_stretch_hides_a_sign(told: bytes) -> None:
    """The sign at each place of a page that is known without it."""
    sieve = _sieve()
    scratch, plain = sieve.scratch(), sieve.scratch()
    page = b"".join(LINES) + b"<script>" + b"var a = b; " * 500 + b"</script>"
    assert sieve.windows(page, scratch, True) == []
    for place in range(0, len(page), 7):
        text = page[:place] + told + page[place:]
        assert sieve.windows(text, scratch, True) == sieve.windows(text, plain)
        assert scratch[2].others == plain[2].others


@remembers
def test_what_was_clean_is_not_searched_again_and_what_changed_is() -> None:
    signs = _sieve().scratch()[2]
    page = b"".join(LINES) * 4
    signs.begin(100)
    assert signs.parts(page) == [(0, len(page))]
    signs.learn()
    assert signs.parts(page) == []
    changed = page[:9000] + b" another word " + page[9000:]
    parts = signs.parts(changed)
    assert len(parts) == 1
    (low, high), *_ = parts
    assert low + MARGIN // 4 < 9000
    assert high - MARGIN // 4 > 9014
    assert high - low < 8000
    # What had a sign in it is not remembered, nor what is beside it; the rest is.
    signs.begin(100)
    parts = signs.parts(changed)
    signs.at(0)
    signs(0, 0, 9010, 0, None)
    signs.learn()
    again = signs.parts(changed)
    assert again
    assert again[0][0] < 9000
    assert again[0][1] > 9014
    # At the ends of a text other things may match: they count as what stands beside it.
    assert signs.parts(page[:7000]) != []


@remembers
def test_a_memory_is_bounded_and_lasts() -> None:
    signs = _sieve().scratch()[2]
    known = b"".join(LINES) * 2
    signs.begin(100)
    signs.parts(known)
    signs.learn()
    for number in range(400):
        signs.parts(b"".join(b"%d " % number + line for line in LINES) * 6)
        signs.learn()
    signs.parts(known)
    signs.learn()
    assert signs.parts(known) == []
    long = b"".join(
        b"%07d line of a text that is longer than all that is looked up\n" % n for n in range(60_000)
    )
    assert signs.parts(long) == [(0, len(long))]
    signs.learn()
    *new, (low, high) = signs.parts(long)
    assert high == len(long)
    assert len(long) // 4 < low < len(long) // 2  # so far it was looked up
    assert sum(high - low for low, high in new) < low // 2  # and mostly known


@remembers
def test_a_memory_is_made_once_and_of_whole_keys() -> None:
    from waf import _finder

    signs = _finder.Signs(b"\0", REACH)
    for key, margin in (
        (b"short", 5),
        (bytes(_finder.KNOWN_KEY), MARGIN + 1),
        (bytes(_finder.KNOWN_KEY), -1),
    ):
        with pytest.raises(ValueError, match="KNOWN_KEY"):
            signs.remember(key, margin)
    with pytest.raises(TypeError):
        signs.parts(b"nothing is remembered yet")
    signs.remember(bytes(_finder.KNOWN_KEY), MARGIN)
    with pytest.raises(ValueError, match="once"):
        signs.remember(bytes(_finder.KNOWN_KEY), MARGIN)
    with pytest.raises(ValueError, match="less than nothing"):
        signs.at(-1)
    with pytest.raises(TypeError):
        signs.parts("text")


def test_signs_without_bounds_are_not_remembered() -> None:
    entity = Entity(id="x", title="x", group="custom", patterns=("begin [a-z ]+ end",), edges="none")
    sieve = Sieve.build(forms([entity]), None)
    assert sieve is not None
    text = b"." * 6000 + b"begin it all the end" + b"." * 6000
    assert [sieve.windows(text, sieve.scratch(), True) for _ in range(2)] == [None, None]


@cache
def _sieve() -> Sieve:
    """With a key that is always the same: by some keys two stretches fall together where one is forgotten for the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("waf.sensitive.sieve.os", SimpleNamespace(urandom=random.Random(7).randbytes))
        sieve = Sieve.build(forms(ENTITIES), patterns_made(), LEAKS)
    assert sieve is not None
    return sieve
