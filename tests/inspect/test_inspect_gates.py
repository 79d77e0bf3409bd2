"""Gates: what an expression demands of a text, and that groups of patterns find what all in one database find."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.inspect_samples import STORE
from tests.together import together
from waf.inspect import gates, grouping
from waf.inspect.joining import among_others
from waf.inspect.matcher import Matcher, Pattern, TooManyMatches
from waf.inspect.rules import Rule, parse_rules
from waf.prefilter.expressions import alternatives

RULES = Path(__file__).parents[2] / "rules" / "signatures"


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        (rb"a|b", [rb"a", rb"b"]),
        (rb"a(?:b|c)|[|]d|\|e", [rb"a(?:b|c)", rb"[|]d", rb"\|e"]),
        (rb"(a|b)", [rb"(a|b)"]),
        (rb"[]|]x|y", [rb"[]|]x", rb"y"]),
        (rb"(?i)a|b", [rb"(?i)a|b"]),  # the flag holds for both
        (rb"\Qa|b\E", [rb"\Qa|b\E"]),
    ],
)
def test_alternatives(expression: bytes, parts: list[bytes]) -> None:
    assert alternatives(expression) == parts


@together(
    ("expression", "gate"),
    [
        (rb"select", b""),
        (rb"\$\{jndi", b"$"),
        (rb"\$|<", b"$<"),
        (rb"x(?:\$|y)", b""),
        (rb"x(?:\$a|<b)", b"$<"),
        (rb"(?:\$)?<", b"<"),
        (rb"(?:\$){2,}", b"$"),
        (rb"[$<]x", b"$<"),
        (rb"[$a]x", b""),
        (rb"[^$]\w", b""),
        (rb"/etc;", b";"),  # the rarer of the two
        (rb"[\x01-\x05]", b"\0"),
        (rb"\xe2\x80", b"\x80"),
        (rb"a\.b", b""),  # nearly every text has one
        (rb"(?#$)a", b""),
        (rb"\cA\$", b""),
        (rb"[[:punct:]$]", b""),
        (rb"a{,3}\$", b""),
        (rb"(", b""),
    ],
)
def test_what_an_expression_demands(expression: bytes, gate: bytes) -> None:
    found = gates.family(expression)[1]
    assert bytes(sorted(found & gates.WATCHED)) == gate


@cache
def project_rules() -> list[Rule]:
    return [
        one
        for path in sorted(RULES.glob("*.yaml"))
        for one in parse_rules(path.read_text("utf-8"), path.name)
    ]


@cache
def patterns() -> list[Pattern]:
    return [
        Pattern(among_others(expression.encode()), case=rule.case)
        for rule in project_rules()
        if not rule.response
        for expression in rule.patterns
    ]


@cache
def samples() -> list[bytes]:
    """The texts that the rules' own samples are made of."""
    texts = [str(sample) for rule in project_rules() for sample in (*rule.hits, *rule.misses)]
    return [text.encode("utf-8", "surrogateescape") for text in texts]


@cache
def matchers() -> tuple[Matcher, Matcher]:
    return Matcher.build(patterns(), STORE), Matcher.build(patterns(), STORE, grouped=True)


def found(matcher: Matcher, text: bytes) -> set[tuple[int, int]]:
    try:
        return set(matcher.scan(text, 100_000))
    except TooManyMatches:
        pytest.fail("too many matches")


def test_the_project_s_rules_are_understood() -> None:
    understood = [gates.family(part)[1] for one in patterns() for part in alternatives(one.expression)]
    assert sum(map(bool, understood)) > len(understood) * 0.8, "most parts need some character"


def test_groups_find_in_samples_what_all_together_find() -> None:
    whole, grouped = matchers()
    padding = b" " * 2000  # so that the groups are asked
    for text in [sample + padding for sample in samples()]:
        assert found(grouped, text) == found(whole, text), text


_PIECES = st.one_of(
    st.sampled_from(samples()).flatmap(
        lambda text: st.tuples(st.integers(0, len(text)), st.integers(1, 60)).map(
            lambda cut: text[cut[0] : cut[0] + cut[1]]
        )
    ),
    st.binary(max_size=8),
    st.sampled_from(
        [b"\x7f", b" ", b"'", b"$", b"<", b"\n", b"../", b"plain words", b"//", b"\x01", b":/\x02"]
    ),
)


@given(st.lists(_PIECES, max_size=8).map(b"".join))
@settings(max_examples=300, deadline=None)
def test_groups_find_in_any_text_what_all_together_find(text: bytes) -> None:
    whole, grouped = matchers()
    text = text.ljust(1500, b" ")
    assert found(grouped, text) == found(whole, text)


@given(st.binary(max_size=80))
@settings(max_examples=200)
def test_watched_characters_are_seen(text: bytes) -> None:
    alike = {gates.ALIKE[byte] for byte in text} & gates.WATCHED
    assert gates.watched(text) == gates.watched(bytes(sorted(alike)))
    assert gates.watched(text).bit_count() == len(alike)
    assert gates.watched(text * 3) == gates.watched(text)


_EXPRESSION = st.recursive(
    st.sampled_from(["a", "b", r"\$", "<", "[$<]", "[^a]", r"\s", "[ab;]", r"\x01"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, inner).map("|".join),
        inner.map(lambda one: f"(?:{one})?"),
        inner.map(lambda one: f"(?:{one}){{1,3}}"),
        inner.map(lambda one: f"(?:{one})*"),
    ),
    max_leaves=8,
)


@given(_EXPRESSION, st.text("ab$<; \x01", max_size=12))
@settings(max_examples=500)
def test_what_matches_passes_the_gate(expression: str, text: str) -> None:
    data = text.encode()
    alike = {gates.ALIKE[byte] for byte in data}
    for part in alternatives(expression.encode()):
        gate = gates.family(part)[1]
        if gate and re.search(part, data, re.S | re.M):
            assert gate & alike, (part, data)


def test_what_heads_alone_have_and_what_needs_a_bar_at_an_end_is_apart() -> None:
    patterns = [
        Pattern(b"\x7f/wp-", head=True), Pattern(b"\x7f[\\s(]+\\|", leads=True), Pattern(b"x\\|\x7f"), Pattern(b"\x7f\\$x"),
        Pattern(b"select|x\\|y"), Pattern(b"agent", head=True),
    ]  # fmt: skip
    groups = grouping.grouped(patterns, marked=True)
    kinds = [({*group.indices}, group.bound, group.head, group.bits) for group in groups]
    bar = gates.BITS[ord("|")]
    assert ({1, 2}, True, False, bar) in kinds
    assert all(group.head == ({*group.indices} <= {0, 5}) for group in groups)
    assert [indices for indices, bound, _, bits in kinds if bound and bits != bar and 3 in indices] == [{3}]
