"""A program lets no text pass in which one of its expressions matches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.chance import joined, several
from tests.inspect.inspect_samples import STORE
from tests.remembered import afresh
from tests.sensitive.messages import ENTITIES, FINDER
from tests.together import together
from waf.config.schema import Limits
from waf.http1.speed import PASSES, SIFT
from waf.inspect.bodies.parsed import Notes
from waf.inspect.databases import Pattern
from waf.inspect.rules import parse_rules
from waf.inspect.search import Searcher
from waf.inspect.suspicion import note_layers
from waf.model import Field, Part
from waf.prefilter import factors as prefilter_factors
from waf.prefilter import program, whole
from waf.prefilter.automaton import END, automaton, beginning
from waf.prefilter.factors import SYMBOLS, sets_of
from waf.prefilter.layout import APART, HUMPED, _calm
from waf.prefilter.leads import leads_of
from waf.prefilter.ordinary import ORDINARY
from waf.sensitive.forms import forms

RULES = Path(__file__).parents[2] / "rules" / "signatures"
needs_c = pytest.mark.skipif(PASSES is None, reason="without the accelerator no program runs")


def passes(made: bytes | None, text: bytes) -> bool:
    assert PASSES is not None
    return PASSES(made, text)


# ------------------------------------------------------------------------------------------- what expressions demand


def factors(*texts: str) -> frozenset[bytes]:
    return frozenset(text.encode().translate(SYMBOLS).replace(SYMBOLS[0x7F:0x80], b"\1") for text in texts)


@together(
    ("expression", "best"),
    [
        (rb"select", ["select"]),
        (rb"SELECT", ["select"]),
        (rb"jndi|ldaps", ["jndi", "ldaps"]),
        (rb"x(?:ab|cd)y", ["xaby", "xcdy"]),
        (rb"union[ (]{1,4}select", [" select", "(select"]),
        (rb"(?:quux)?zorb", ["zorb"]),
        (rb"(?:quux)*zorb", ["zorb"]),
        (rb"zorb[0-9]{2}", ["zorb11"]),
        (rb"[a-z]{3}zorb\w+", ["zorb"]),
        (rb"zorb.*quux", ["quux"]),
        (rb"^zorb$", ["\x7fzorb\x7f", "\nzorb\x7f", "\x7fzorb\n", "\nzorb\n"]),
        (rb"(?i)zorb", ["zorb"]),
        (rb"zorb\s*\(", ["zorb ", "zorb(", "zorb\t", "zorb\n"]),
        (rb"zorb(?:\+\w+)?;", ["zorb+", "zorb;"]),
        (rb"^\s*zorb", [f"{one}zorb" for one in "\x7f\n \t"]),
        (rb"zorb\b[ (]*=", ["zorb ", "zorb(", "zorb="]),
    ],
)
def test_the_best_factors(expression: bytes, best: list[str]) -> None:
    assert sets_of(expression)[0] == factors(*best)


def test_what_stands_beside_many_words_is_told_by_their_edges() -> None:
    words = "|".join(f"{one}{other}q" for one in "abcdefghijklm" for other in "abcdefgh")
    demanded = sets_of(rf"[;&] ?(?:{words})[\s;&|<>(){{}},.]".encode())
    assert any(b"\0" + b"aaq".translate(SYMBOLS) + b"\0" in one for one in demanded)


@pytest.mark.parametrize(
    "expression", [rb".*", rb"a?", rb"(?:a|b*)", rb"\w{0,3}", rb"\Qab\E", rb"(?=a)b", rb"("]
)
def test_what_demands_nothing(expression: bytes) -> None:
    assert sets_of(expression) == []
    assert program.build([b"abc", expression], None) is None


@pytest.mark.parametrize(
    ("expression", "sizes"),
    [
        (rb"^[ab]{3}c[^d]{2}", [[4, 4, 4, 2, 256, 256]]),
        (rb"(?-i:^[ab]{3}c[^d]{2})", [[2, 2, 2, 1, 255, 255]]),
        (rb"^(?:0x)?[0-9]{6}", [[10] * 6, [1, 2] + [10] * 6]),
        (rb"^(?:aaaaaa|[bc][bc][bc]d[bc]e)\w+", [[2] * 6 + [63], [4, 4, 4, 2, 4, 2, 63]]),
        (rb"^abc", []),
        (rb"^abc*defghi", []),
        (rb"abcdefgh", []),
    ],
)
def test_leads(expression: bytes, sizes: list[list[int]]) -> None:
    assert [[len(one) for one in lead] for lead in leads_of(expression)] == sizes


def test_an_automaton_that_is_too_large_is_none() -> None:
    assert automaton([rb"[ab]*a[ab]{12}"]) is None
    assert automaton([rb"x*"]) is None, "matches everywhere"
    assert automaton([rb"a\Z"]) is None
    assert automaton([rb"a$b"]) is None, "an end within is not looked for"


# --------------------------------------------------------------------------------------------- any expression at all

_LEAVES = st.sampled_from(
    ["a", "b", "ab", "1", " ", r"\$", "[$<]", "[^a]", r"\s", r"\w", "[a-c;]", r"\b", ".", r"\n", "abc", "^", "$",
     r"[\x00-\x1f]", "é", "[0-9a-f]", "_", r"\s{0,4}", "[;<]*", "(?:[ab$]<)*", r"\W", "(?:a|b|c|1|_)"]
)  # fmt: skip
_EXPRESSION = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, inner).map("|".join),
        inner.map(lambda one: f"(?:{one})?"),
        inner.map(lambda one: f"(?i:{one})"),
        inner.map(lambda one: f"(?:{one}){{1,3}}"),
        inner.map(lambda one: f"(?:{one}){{2}}"),
        inner.map(lambda one: f"(?:{one})*"),
        inner.map(lambda one: f"(?:{one})+"),
    ),
    max_leaves=10,
)
_TEXT = st.text("aAbBc1$<; \x01\n_.é\x7f", max_size=14) | st.text("aAbBc1 _.-\x7f", max_size=14)
"""The second kind is ordinary: there is a program of its own for it."""
# To make a program takes far longer than to ask it.
_FEW_TEXTS = st.lists(_TEXT, min_size=1, max_size=2) | several(
    lambda chance: "".join(
        chance.choices(chance.choice(["aAbBc1$<; \x01\n_.é\x7f", "aAbBc1 _.-\x7f"]), k=chance.randint(0, 14))
    ),
    6,
)


def _stopped(made: bytes | None, coded: Sequence[bytes], texts: Sequence[str], flags: int) -> bool:
    """Whether none of the texts in which an expression matches passes."""
    return not any(
        passes(made, data) and any(re.search(one, data, flags) for one in coded)
        for data in (text.encode() for text in texts)
    )


@needs_c
@given(st.lists(_EXPRESSION, min_size=1, max_size=3), _FEW_TEXTS)
@settings(max_examples=700, deadline=None)
def test_what_matches_does_not_pass(expressions: list[str], texts: list[str]) -> None:
    coded = [one.encode() for one in expressions]
    assert _stopped(program.build(coded, None), coded, texts, re.S | re.M | re.I)


@needs_c
@given(st.lists(_EXPRESSION, min_size=1, max_size=3), _FEW_TEXTS)
@settings(max_examples=700, deadline=None)
def test_what_matches_does_not_pass_where_products_are_small(
    expressions: list[str], texts: list[str]
) -> None:
    coded = [one.encode() for one in expressions]
    with pytest.MonkeyPatch.context() as patch, afresh():
        patch.setattr(prefilter_factors, "_MOST", 3)
        patch.setattr(prefilter_factors, "_MOST_LISTED", 6)
        patch.setattr(prefilter_factors, "_WIDEST", 4)
        made = program.build(coded, None)
    assert _stopped(made, coded, texts, re.S | re.M | re.I)


@needs_c
@given(st.lists(_EXPRESSION, min_size=1, max_size=3), _FEW_TEXTS, st.lists(_TEXT, max_size=2))
@settings(max_examples=700, deadline=None)
def test_what_matches_does_not_pass_where_it_is_looked_for_whole(
    expressions: list[str], texts: list[str], ordinary: list[str]
) -> None:
    coded = [one.encode() for one in expressions]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole, "VALUES", tuple(one.encode() for one in (*ordinary, texts[0], "aBc1 b_a; c")))
        made = program.build(coded, None, whole_where_ordinary=True)
    assert _stopped(made, coded, texts, re.S | re.M | re.I)


@needs_c
def test_expressions_with_factors_of_ordinary_values_are_looked_for_whole() -> None:
    expressions = [
        b"2852039166",
        rb"(?:^|\x7f)-[a-z]?[\s+][^\n]{0,40}prepend",
        rb"@\w{1,20}\s{0,4}@\w",
        rb"https?:[\w.-]{1,9}\.[a-z]",
    ]
    made = program.build(expressions, None, whole_where_ordinary=True)
    for text in (b"1795940000", b"-8.4756", b"mary@example.com", b"https://shop.example/a"):
        assert passes(made, text), text
        assert not passes(program.build(expressions, None), text) or text == b"-8.4756"
    for text in (b"at 2852039166", b"-d auto_prepend", b"@a @b", b"HTTPS:shop.example"):
        assert not passes(made, text), text
    assert not passes(made, b"1795940000" + b" " * 1024), "longer than is tried"


@needs_c
def test_of_a_letter_that_is_a_word_its_edges_count() -> None:
    made = program.build([rb";.*\bw\b", rb"#.*\bx", rb"%.*y\b"], None)
    for text in (b"we; saw", b"#ox", b"%yes"):
        assert passes(made, text), text
    for text in (b";w", b"a; w-1", b"#-x1", b"#x", b"%my", b"%my."):
        assert not passes(made, text), text


def test_what_is_looked_for_whole_is_its_beginning_without_counts() -> None:
    sets = sets_of(b"x[0-9]{9}@")
    assert whole.wholes_of({tuple(sets[:1]): [b"x[0-9]{9}@"]}) == [], "no ordinary value has them"
    ((demand, machine),) = whole.wholes_of({(factors("-"),): [rb"-[0-9]{400}z"]})
    assert demand == (factors("-"),)
    assert whole.finds(machine, b"-" + b"1" * 12 + b"z")
    assert not whole.finds(machine, b"-" + b"1" * 11 + b"z")


@needs_c
@given(st.lists(_EXPRESSION, min_size=1, max_size=2), _FEW_TEXTS)
@settings(max_examples=500, deadline=None)
def test_what_matches_with_its_case_does_not_pass(expressions: list[str], texts: list[str]) -> None:
    coded = [one.encode() for one in expressions]
    assert _stopped(program.build([b"never there"], None, exact=coded), coded, texts, re.S | re.M)


@needs_c
@given(_EXPRESSION, _TEXT)
@settings(max_examples=700, deadline=None)
def test_what_begins_so_does_not_pass(expression: str, text: str) -> None:
    data, coded = text.encode(), b"^(?:0x)?(?:[a-c1]){6}" + expression.encode()
    leads = leads_of(coded)
    if "|" in expression or "^" in expression or not leads:
        return
    made = program.build([b"never there"], None, leads=leads)
    if re.search(coded, data, re.S | re.M | re.I):
        assert not passes(made, data)


@needs_c
def test_plain_words_pass_and_edges_count() -> None:
    made = program.build([rb"\bor\b", rb"^off$", rb"sleep\s*\(", rb"['\"].*union"], None)
    assert passes(made, b"")
    assert passes(made, b"more corners, offers")
    assert passes(made, b"they sleep; a union")
    assert not passes(made, b"this or that")
    assert not passes(made, b"off")
    assert not passes(made, b"on\noff")
    assert not passes(made, b"x\x7foff\x7fy")
    assert not passes(made, b"sleep (1)")
    assert not passes(made, b"it's a union")
    assert not passes(None, b""), "without a program nothing is known"


@needs_c
def test_apostrophes_within_words_are_taken_out_and_what_is_left_is_looked_at() -> None:
    quotes = rb"[a-z]['\"][a-z]"
    made = program.build([rb"\bselect\b", rb"'\s*or\b", quotes], None, unquoting=[quotes])
    for text in (b"O'Neill", b"don't, it's 5 o'clock", b"users' rights", b"we selec'ted"):
        assert passes(made, text), text
    for text in (b"se'lect", b"a sel'ect'", b"it' or that", b'd"one', b"don't; d\"one", b"select' it"):
        assert not passes(made, text), text
    assert not passes(made, b"x'" * 1024), "longer than is unquoted"
    assert not passes(program.build([quotes], None), b"O'Neill")


@needs_c
@given(
    st.lists(_EXPRESSION, min_size=1, max_size=3),
    st.lists(st.text("aAbB1 _.'\x7f;", max_size=14), min_size=1, max_size=2)
    | several(lambda chance: "".join(chance.choices("aAbB1 _.'\x7f;", k=chance.randint(0, 14))), 6),
)
@settings(max_examples=700, deadline=None)
def test_what_matches_with_apostrophes_or_without_does_not_pass(
    expressions: list[str], texts: list[str]
) -> None:
    quotes = rb"[a-z0-9]['`]{1,2}[a-z0-9]"
    coded = [one.encode() for one in expressions]
    for made in (
        program.build([*coded, quotes], None, unquoting=[quotes]),
        program.build(
            [b"never there"],
            None,
            exact=[*coded, b"(?i:" + quotes + b")"],
            unquoting=[b"(?i:" + quotes + b")"],
        ),
    ):
        for data in (text.encode() for text in texts):
            flags = re.S | re.M
            unquoted = data.replace(b"'", b"") if re.search(quotes, data, re.I) else data
            if any(re.search(one, each, flags) for one in coded for each in (data, unquoted)):
                assert not passes(made, data), data


@needs_c
def test_words_whose_case_tells() -> None:
    made = program.build([b"never there"], None, cased=[(rb"pan", HUMPED), (rb"(?:\b|_)bics?", APART)])
    for text in (b"companion", b"PAN", b"Pan", b"my pan", b"5Pan", b"bicycle", b"cubic", b"bicss"):
        assert passes(made, text), text
    for text in (b"customerPan", b"customerPANS", b"bic", b"a bic: b", b"BICS", b"_bic5", b"bicYCLE"):
        assert not passes(made, text), text
    unknown = program.build([b"never there"], None, cased=[(rb"pan.*", HUMPED)])
    assert not passes(unknown, b"a pan"), "what is not known word by word counts in any case"


@together(
    ("expression", "text", "found"),
    [
        (rb"\b[0-9]{3}", b"123", True),
        (rb"\b[0-9]{3}", b"-1234", True),
        (rb"\b[0-9]{3}", b"a123 12", False),
        (rb"\b[0-9]{3}", b"1a23 456", True),
        (rb"\b[0-9]{3}\b", b"ab123 1234 12", False),
        (rb"\b(?:[0-9]{3}|x)", b"x", True),
        (rb"\b(?:[0-9]{3}|x)", b"ax", False),
        (rb";?\b[0-9]{3}", b"a123;12", False),
        (rb";?\b[0-9]{3}", b"a;123", True),
        (rb"\b-[0-9]{3}", b"a-123", True),
        (rb"\b-[0-9]{3}", b" -123", True),  # before what is in no word edges are not looked at
        (rb"^a", b"ab", True),
        (rb"^a", b"ba", False),
        (rb"^a", b"b\na", True),
        (rb"(?:^|;)\s*a", b"b; a", True),
        (rb"(?:^|;)\s*a", b"b a", False),
        (rb"a(?:;|$)", b"ab", False),
        (rb"a(?:;|$)", b"ba", True),
        (rb"a$", b"a\nb", True),
    ],
)
def test_an_automaton_knows_where_words_begin(expression: bytes, text: bytes, found: bool) -> None:
    made = automaton([expression])
    assert made is not None
    assert whole.finds(made, text) is found


def test_as_much_of_an_expression_as_makes_a_small_automaton() -> None:
    def length(expression: bytes, least: int, most: int) -> int | None:
        begun = beginning(expression, least, most)
        return None if begun is None else len(begun)

    assert length(rb"\b[0-9]{3}-[0-9]{2}", 1, 100) == 4
    assert length(rb"\b[0-9]{3}-[0-9]{2}", 1, 5) == 3
    assert length(rb"\b[0-9]{3}-[0-9]{2}", 5, 5) is None, "what is left is too short to tell anything"
    assert length(rb"(?P<x", 1, 100) is None, "no expression"


_WHOLES = [rb"\b[0-9]{4}[ -]?[A-Z]\b", rb"[A-Z][0-9]{3}[A-D]", rb";?\b[0-9]{5}=[0-9]"]
_SIGN = rb"[0-9](?:[ -]?[0-9]){2}(?:[ -]?[A-Z]\b|[ABD]|=)"


@cache
def narrowed() -> bytes | None:
    """A program with the wholes in place of their sign."""
    return program.build(
        [b"never there"], None, exact=[_SIGN], wholes=[(whole, [_SIGN]) for whole in _WHOLES]
    )


_DIGITS = [b"1234", b"12", b"A", b"D", b"Z", b"9", b"=", b";", b"-", b" ", b"abc", b"\n"]


@needs_c
@given(st.tuples(st.lists(st.sampled_from(_DIGITS), max_size=9).map(b"".join)) | several(joined(_DIGITS, 9)))
@settings(max_examples=250, deadline=None)
def test_wholes_in_place_of_their_sign_stop_all_that_holds_one(texts: Sequence[bytes]) -> None:
    for text in texts:
        if any(re.search(whole, text) for whole in _WHOLES):
            assert not passes(narrowed(), text), text


@needs_c
def test_a_sign_gives_way_to_what_it_is_the_sign_of() -> None:
    signs = program.build([b"never there"], None, exact=[_SIGN])
    few = program.build([b"never there"], None, exact=[_SIGN], wholes=[(_WHOLES[0], [_SIGN])])
    assert narrowed() != signs
    for text in (b"ab123Dcafe", b"991234 567D"):
        assert not passes(signs, text)
        assert not passes(few, text), "a sign of few stays"
        assert passes(narrowed(), text)


def test_where_an_automaton_may_begin() -> None:
    def calm(*expressions: bytes) -> tuple[int, int]:
        made = automaton(expressions)
        assert made is not None
        states, back = _calm(made)
        return len(states), back

    assert calm(rb"[0-9]{3}") == (1, 0)
    assert calm(rb"[A-Z][0-9]{3}") == (2, 1)
    assert calm(rb"[A-Z]{2}[0-9]", rb"[a-z]@") == (4, 2)
    assert calm(rb"[A-Z]{3}") == (0, 0), "something is found without an alarm"
    assert calm(rb"x[a-z]*5") == (0, 0), "how far back it begins is not known"


_ALARMING = [rb"[A-Z]{2}[0-9]{2}", rb"[a-z]@[A-Z]", rb"[0-9] [A-C]{1,2}"]


@cache
def alarming() -> bytes | None:
    return program.build([b"never there"], None, exact=_ALARMING)


_NEAR = [b"A", b"AB", b"xyz ", b"12", b"1", b"@", b"C", b" words, and more words", b"\n"]


@needs_c
@given(st.tuples(st.lists(st.sampled_from(_NEAR), max_size=9).map(b"".join)) | several(joined(_NEAR, 9)))
@settings(max_examples=250, deadline=None)
def test_an_automaton_that_begins_before_alarms_finds_all(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert passes(alarming(), text) == (not any(re.search(one, text) for one in _ALARMING)), text


@needs_c
def test_what_needs_a_sign_is_not_looked_for_in_ordinary_texts() -> None:
    signs = [rb"[;&|].{0,9}\bls\b", rb"\$\(id", rb"\b(?:or|and)\b.{0,20}="]
    made, other = program.build(signs, None), program.build([*signs, rb"\bls\b"], None)
    assert made is not None
    assert other is not None
    assert len(made) < len(other)
    for text in (b"ls", b"this or that, and ls", b"an id-1 or 2."):
        assert passes(made, text)
    assert not passes(other, b"this, or ls-1")
    assert not passes(made, b"more than a block of ordinary words before the sign that tells, and then; ls")
    assert not passes(made, b"more than a block of ordinary words before what tells, or that, this=that")


@needs_c
def test_any_set_of_factors_tells_that_ordinary_texts_have_nothing() -> None:
    text = b"please select one from the list and export it"
    expression = rb"select\s.{0,80}\bfrom\s.{0,80}\bexport[^a-z]{0,40}\x60"
    made = program.build([expression], None)
    assert passes(made, text), "the rarest two of its sets are words, but it ends with a sign"
    assert not passes(made, text + b" `")


@needs_c
@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_no_bytes_do_harm(text: bytes) -> None:
    assert passes(FINDER.program, text) in (True, False)


@needs_c
@given(st.data())
@settings(max_examples=300)
def test_a_damaged_program_is_refused_or_runs(data: st.DataObject) -> None:
    whole = FINDER.program or b""
    made, part = bytearray(whole), int.from_bytes(whole[24:28], "little")
    assert whole[part : part + 4] == whole[:4], "the program for ordinary texts"
    counts = [*range(32), *range(528, 544)]  # of the automata for single expressions, too
    heads = [*counts, *(part + at for at in counts)]
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(made) - 1) | st.sampled_from(heads))
        made[at] = data.draw(st.integers(0, 255))
    size = data.draw(st.integers(0, len(made)) | st.just(len(made)))
    try:
        passes(bytes(made[:size]), b"AB12 4539 1488 0343 6467 card mary@example.com \n" * 3)
        passes(bytes(made[:size]), b"AB12 4539 1488 0343 6467 card, 4539-1488 " * 3)
    except ValueError:
        assert size < len(made) or any(made[at] != whole[at] for at in heads)


@cache
def _of_single_expressions() -> bytes:
    return program.build([b"2852039166", rb"@\w{1,20}\s{0,4}@\w"], None, whole_where_ordinary=True) or b""


@needs_c
@given(st.data())
@settings(max_examples=300)
def test_damaged_automata_of_single_expressions_do_no_harm(data: st.DataObject) -> None:
    whole = _of_single_expressions()
    made = bytearray(whole)
    behind = int.from_bytes(whole[24:28], "little")  # the first program ends with them
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(
            st.integers(0, behind - 1) | st.integers(behind - 4_000, behind - 1) | st.integers(528, 543)
        )
        made[at] = data.draw(st.integers(0, 255))
    try:
        for text in (b"at 1795940000 and", b"mary@example.com; \xff", b"@a " * 300):
            passes(bytes(made), text)
    except ValueError:
        assert made != whole


def test_a_program_is_kept_and_found_again() -> None:
    class Store(dict[str, bytes]):
        def load(self, key: str) -> bytes | None:
            return self.get(key)

        def save(self, key: str, database: bytes) -> None:
            self[key] = database

    store = Store()
    made = program.build([b"select"], store)
    assert made is not None
    assert [*store.values()] == [made]
    assert program.build([b"select"], store) is made
    assert program.build([b"selekt"], store) != made
    assert program.build([b".*"], store) is None
    assert program.build([b".*"], store) is None, "that there is none is kept as well"


# ------------------------------------------------------------------------------------------------- what is shipped


@cache
def searcher() -> Searcher:
    rules = [
        rule
        for path in sorted(RULES.glob("*.yaml"))
        for rule in parse_rules(path.read_text("utf-8"), path.name)
        if not rule.response and {place.part for place in rule.where} != {Part.FILE}
    ]
    patterns = [Pattern(one.encode(), case=rule.case) for rule in rules for one in rule.patterns]
    return Searcher.build(patterns, STORE)


@cache
def samples() -> list[bytes]:
    texts = [
        str(sample)
        for path in sorted(RULES.glob("*.yaml"))
        for rule in parse_rules(path.read_text("utf-8"), path.name)
        for sample in (*rule.hits, *rule.misses)
    ]
    return [text.encode("utf-8", "surrogateescape") for text in texts]


def is_clean(text: bytes) -> bool:
    """Whether no pattern matches in the text, nor in what becomes of it where a hint is found."""
    scan = searcher().scan(text)
    if not scan:
        return True
    result = searcher().search([text], scan)
    notes = Notes(Limits(), lambda _: "")
    note_layers([Field(Part.FORM, "", text, b"%")], result.decoded, scan.steps, notes)
    limits = result.overflowed or result.exhausted or notes.findings
    return not (result.hits or limits)


def _quoted(text: bytes) -> bytes:
    """The same with an apostrophe within each longer word."""
    return re.sub(rb"\b([a-z]+)([a-z]{2})\b", rb"\1'\2", _ordinary(text), flags=re.I)


def _ordinary(text: bytes) -> bytes:
    """What is left of a text without the signs that are not ordinary."""
    return bytes(byte for byte in text if SYMBOLS[byte] in ORDINARY)


def _cut(texts: Sequence[bytes], most: int) -> st.SearchStrategy[bytes]:
    """Up to so many bytes out of one of the texts."""
    return st.sampled_from(texts).flatmap(
        lambda text: st.tuples(st.integers(0, len(text)), st.integers(1, most)).map(
            lambda cut: text[cut[0] : cut[0] + cut[1]]
        )
    )


def _cut_by_chance(chance: Random, texts: Sequence[bytes], most: int) -> bytes:
    text = chance.choice(texts)
    start = chance.randint(0, len(text))
    return text[start : start + chance.randint(1, most)]


_SAMPLES = [*samples(), *map(_ordinary, samples()), *map(_quoted, samples())]
_BETWEEN = [b" ", b"'", b"O'Neill ", b"\n", b"../", b"plain words", b"or ", b"4711", b"eyJ", b"0x"]
_PIECES = st.one_of(_cut(_SAMPLES, 40), st.binary(max_size=4), st.sampled_from(_BETWEEN))


def _of_samples(chance: Random) -> bytes:
    def piece() -> bytes:
        kind = chance.randrange(3)
        if kind == 0:
            return _cut_by_chance(chance, _SAMPLES, 40)
        return chance.randbytes(chance.randint(0, 4)) if kind == 1 else chance.choice(_BETWEEN)

    return b"".join(piece() for _ in range(chance.randint(0, 5)))


def test_all_shipped_rules_and_entities_are_understood() -> None:
    assert searcher().program is not None
    assert FINDER.program is not None
    responses = [
        pattern.encode()
        for path in RULES.glob("*.yaml")
        for rule in parse_rules(path.read_text("utf-8"), path.name)
        if rule.response
        for pattern in rule.patterns
    ]
    assert program.build(responses, STORE) is not None


@needs_c
def test_no_sample_passes_in_which_something_matches() -> None:
    for text in (*samples(), *map(_ordinary, samples()), *map(_quoted, samples())):
        assert is_clean(text) or not passes(searcher().program, text), text


@needs_c
@given(st.tuples(st.lists(_PIECES, max_size=5).map(b"".join)) | several(_of_samples))
@settings(max_examples=320, deadline=None)
def test_no_text_passes_in_which_something_matches(texts: Sequence[bytes]) -> None:
    for text in texts:
        if passes(searcher().program, text):
            assert is_clean(text), text


VALUES = [sample.text.encode() for entity in ENTITIES for sample in (*entity.hits, *entity.misses)]
VALUES += [*map(_ordinary, VALUES)]
_WHOLE = [re.compile(form.whole, re.S) for form in forms(ENTITIES)]


def _holds_value(text: bytes) -> bool:
    """A candidate is less: what a value begins with."""
    return any(one.search(text) for one in _WHOLE)


@needs_c
@pytest.mark.parametrize("before", [b"", b"\n", b"z ", b"q=", b"fooA"])
def test_no_value_passes_that_is_one(before: bytes) -> None:
    for text in VALUES:
        if passes(FINDER.program, before + text):
            assert not _holds_value(before + text), text


_BESIDE = [b" ", b"\n", b"=", b"12", b"A", b"card", b"Pan", b"-"]


def _of_values(chance: Random) -> bytes:
    return b"".join(
        _cut_by_chance(chance, VALUES, 60) if chance.randrange(2) else chance.choice(_BESIDE)
        for _ in range(chance.randint(0, 6))
    )


@needs_c
@given(
    st.tuples(st.lists(_cut(VALUES, 60) | st.sampled_from(_BESIDE), max_size=6).map(b"".join))
    | several(_of_values)
)
@settings(max_examples=250, deadline=None)
def test_no_text_passes_with_a_value_in_it(texts: Sequence[bytes]) -> None:
    for text in texts:
        if passes(FINDER.program, text):
            assert not _holds_value(text), text


def test_the_end_is_a_column_of_its_own() -> None:
    made = automaton([rb"[0-9]{2}\b"])
    assert made is not None
    assert len(made.classes) == END + 1


@needs_c
@given(st.lists(st.binary(max_size=20).map(lambda one: one.replace(b"\x7f", b"")), max_size=6))
@settings(max_examples=300, deadline=None)
def test_values_are_sifted_one_by_one(values: list[bytes]) -> None:
    assert SIFT is not None
    made = program.build([b"[a-m]", rb"^\x00"], STORE)
    left = [value for value in values if not passes(made, value)]
    assert SIFT(made, b"\x7f".join(values)) == b"\x7f".join(left)
    assert SIFT(None, b"\x7f".join(values)) == b"\x7f".join(values)


@cache
def _of_a_sign_and_an_atom() -> bytes | None:
    return program.build(
        [
            rb"['\")\d]\s{0,8}(?:exec(?:ute)?|declare|waitfor|shutdown|drop\s+(?:table|database|user)|truncate\s+table|insert\s+into"
            rb"|delete\s+from|create\s+(?:table|user|login)|alter\s+(?:table|user|login)|backup\s+database|begin\s|if\s*\("
            rb"|if\s+(?:exists|not)|reconfigure)\b",
            rb"(?:\.\.|%2l%2l|\.%2l|%2l\.|%j0%hl|\xc0\xae|%b002l|\xe0\x80\xae|%bmm0l)(?:;[^/\\]{0,16})?"
            rb"(?:[/\\]|%2m|%5j|0e2m|0e5j|%25(?:2m|5j)|%j0%hm|%j1%9j|\xc0\xaf|%b2215|\x00)",
        ],
        None,
    )


@needs_c
@given(st.lists(st.sampled_from([b"60.0", b"7", b"..", b"green table", b"begin", b"x/", b""]), max_size=8))
@settings(max_examples=300, deadline=None)
@example([b"60.0", b"green table"])
def test_nothing_of_one_value_counts_for_the_next(values: list[bytes]) -> None:
    """Signs that are told by being there count as atoms do, and a pair of both must stand in one value."""
    assert SIFT is not None
    made = _of_a_sign_and_an_atom()
    left = [value for value in values if not passes(made, value)]
    assert SIFT(made, b"\x7f".join(values)) == b"\x7f".join(left)
