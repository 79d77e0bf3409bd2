"""What is in C gives what its references in Python give, for any bytes."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chance import by_chance, joined, several
from tests.together import together
from waf.inspect import edges, folds, gates, layers, native
from waf.inspect.bodies.parsed import MARK
from waf.inspect.confirm.shape import read_is_document
from waf.inspect.confirm.sql_reduction import read_shape, shape_of
from waf.inspect.confirm.sql_tokens import LIMIT, read_tokens, tokens
from waf.inspect.decode import STEPS, Text, can_differ
from waf.inspect.hits import Hit, find_ends, find_ends_up_to, find_firsts, find_steps, gather
from waf.inspect.joining import join, part
from waf.inspect.matcher import Found, place
from waf.inspect.native import SEARCH, VIEWS
from waf.inspect.questions import first_of_each

T = TypeVar("T")
pytestmark = pytest.mark.skipif(VIEWS is None or SEARCH is None, reason="not built")

_PIECES = [
    *(bytes([code]) for code in b"%&\\/*-#'\"`^${}()[]<>;:,.+=@!?|~_ \n\r\t\v\f\0\x1a\x7f\x80\xa0\xbf\xc0\xc2\xe0\xe2\xf0"),
    b"%41", b"%2541", b"%u0041", b"%u0025", b"%U00e4", b"%ud800", b"u00", b"41", b"0", b"00000000000", b"7", b"a", b"f", b"D", b"e",
    b"&#", b"&#x", b"&#X0", b"&lt", b"&GT;", b"&nbsp;", b"&fjlig;", b"&NewLine;", b"&auml;", b"&amp", b"&", b"x", b"X", b"u", b"U",
    b"\\u", b"\\x", b"\\U0000", b"\\u{", b"}", b"\\ud83d\\ude00", b"\\101", b"\\377", b"\\n", b"\\\r\n", b"\\\n", b"\\\\", b"\\5c", b"\\06",
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbc\x9c", b"\xc2\xa0", b"\xe2\x80\x8b",
    b"\xf0\x9d\x90\x80", b"\xe3\x8e\xaf", b"\xc3\xa4", b"\xef\xbb\xbf", b"+ADw-", b"+AD", b"+2D3eAA-", b"+AAE-", b"+/", b"AHMAYwByAGkAcAB0",
    b"/*", b"*/", b"/**/", b"/*!50000", b"/*+", b"--", b"#", b"select", b"${IFS}", b"$IFS$9", b"$ifs", b"${IFS:0:1}", b"$@", b"${@}", b"$()",
    b"``", b"{cat,/etc}", b"{a,b,c}", b"{.", b",", b"..", b"..;", b"../", b"/./", b"//", b"/;a=b/", b"\\..\\", b"/a/../", b"' + '", b"'||\"",
    b"'.'", b"java\nscript:", b"ipt\n:", b"base64,", b"BASIC ", b"eyJ", b"H4sI", b"77y", b"772", b"eJw", b"eAF", b"eF7", b"eNp",
    b"H4sIAAAAAAACA1NXyC9SMLQ11NVVAAADUb7cCwAAAA==", b"eJyzSbJLVFfIL1JQTwIAEn0DDw==", b"JyBvciAxPTEg", b"JwAgAG8AcgAgAA", b'{"a', b"[[", b"0x2720", b"x'41",
    b"424344454647", b"0d0a0920", b"data:", b"script:", b"data:;base64,", b"DATA:a/b;c=d; base64, ", b";base64,JyBvciAx", b"eyJhIjoxfQ",
    b".eyJ", b"Basic ", b"YTpi", b"YTph", b"w6TDtg==", b"wyCp", b"gICA", b"AHMAYwAg", b"cwBjACAA", b"=",
]  # fmt: skip
TEXTS = st.binary(max_size=60) | st.lists(st.sampled_from(_PIECES), max_size=6).map(b"".join)
MANY = st.tuples(TEXTS) | several(joined(_PIECES, 60, odd=3))
REFERENCES: list[Callable[[bytes], tuple[bytes, ...]]] = [
    layers.decode_percent, layers.decode_html, layers.decode_js, layers.decode_css, layers.decode_unicode, layers.decode_utf7,
    layers.decode_base64,
    folds.fold_sqlspace, folds.fold_shell, folds.fold_pathnorm, folds.fold_concat,
]  # fmt: skip


def test_the_steps_are_those_in_c() -> None:
    assert VIEWS is not None
    in_c = {step.apply for step in STEPS} & {getattr(VIEWS, one.__name__) for one in REFERENCES}
    assert len(in_c) == len(REFERENCES)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda one: str(one.__name__))
@given(texts=MANY)
@settings(max_examples=300)
def test_a_step_gives_the_same(
    reference: Callable[[bytes], tuple[bytes, ...]], texts: Sequence[bytes]
) -> None:
    step = getattr(VIEWS, reference.__name__)
    for text in texts:
        assert step(text) == reference(text), text
    with pytest.raises(TypeError):
        step(texts[0].decode("latin-1"))


@together("reference", REFERENCES, ids=lambda one: str(one.__name__))
@together("unit", _PIECES, ids=repr)
def test_a_step_gives_the_same_of_long_texts(
    reference: Callable[[bytes], tuple[bytes, ...]], unit: bytes
) -> None:
    step = getattr(VIEWS, reference.__name__)
    edges = b"\\\r\\n..;" + b"a" * 59 + b"//;" + b"a" * 60 + b"/;" + b"a" * 61 + b"/"
    for text in (edges + unit, unit * 700, b"a" + unit * 70, unit * 70 + b"a", unit + b"a" * 2100 + unit):
        assert step(text) == reference(text)


@together("reference", REFERENCES, ids=lambda one: str(one.__name__))
def test_a_step_gives_the_same_of_any_character(reference: Callable[[bytes], tuple[bytes, ...]]) -> None:
    step = getattr(VIEWS, reference.__name__)
    every = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000).encode()
    assert step(every) == reference(every)


def test_all_characters_that_stand_for_ascii_are_known() -> None:
    for point in range(0x80, 0x110000):
        form = unicodedata.normalize("NFKC", chr(point))
        assert not form.isascii() or point in layers.PLAIN_FORMS, hex(point)


def _steps(text: bytes) -> int:
    return sum(step.bit for step in STEPS if can_differ(step, text))


@given(MANY)
@settings(max_examples=600)
def test_hints_of_one_value(texts: Sequence[bytes]) -> None:
    assert SEARCH is not None
    for text in (text.replace(MARK, b"") for text in texts):
        steps, spots = SEARCH.hints(text)
        assert steps == SEARCH.steps(text) == _steps(text), text
        assert {bit for bit, _ in spots} == {step.bit for step in STEPS if step.bit & steps}, text
        assert len(spots) == steps.bit_count(), text


@given(st.lists(TEXTS, max_size=2) | several(joined(_PIECES, 60, odd=3), 6))
@settings(max_examples=1000)
def test_hints_of_joined_values(values: list[bytes]) -> None:
    assert SEARCH is not None
    values = [value.replace(MARK, b"") for value in values]
    steps, spots = SEARCH.hints(MARK.join(values))
    found = [0] * len(values)
    for bit, end in spots:
        assert 0 < end <= len(MARK.join(values))
        found[MARK.join(values)[: end - 1].count(MARK)] |= bit
        steps &= ~bit
    assert not steps
    for value, bits in zip(values, found, strict=True):
        assert not _steps(value) & ~bits  # a value may begin with what another's end would make of it


_SQL = [
    *(bytes([code]) for code in b"'\"`[](){};:,.+-*/%^&|~!=<>?@#$\\_ \n\t\0\x0b\xa0\xc2\xff09axbenuqe"),
    b"select", b"union ", b" or ", b"and(", b"sleep(", b"1.e(", b"1.e=", b"0x1f", b"0b01", b"1e5", b".5e-1", b"/*", b"*/", b"/*!50000", b"--",
    b";\0", b"''", b"\\'", b"\\n", b"_utf8'", b"_latin1 '", b"n'", b"u&'", b"q'[a]'", b"$$a$$", b"$t$a$t$", b"@@version", b"@a", b":a", b"::",
    b":=", b"[a b]", b"[a", b"`a`", b"`a", b"a.b", b"sys.tables", b"dual", b"x_y", b"information_schema.tables", b"pg_sleep (", b"exec ", b"drop table",
    b"insert into ", b"set @a", b"{fn ", b"->>", b"!~*", b"<=>", b"||", b"\xe2\x80\x83", b"\xe3\x80\x80", b"\xc2\xa0", b"a" * 210, b"`" + b"a" * 128,
]  # fmt: skip
STATEMENTS = st.tuples(st.lists(st.sampled_from(_SQL), max_size=8).map(b"".join)) | several(
    joined(_SQL, 200, odd=3)
)


@given(STATEMENTS, st.integers(0, 20), st.integers(1, LIMIT))
@settings(max_examples=600)
def test_tokens_of_sql_are_the_same(texts: Sequence[bytes], start: int, most: int) -> None:
    for text in texts:
        assert tokens(text, start, most) == read_tokens(text, start, most), text


@given(STATEMENTS)
@settings(max_examples=600)
def test_shapes_of_sql_are_the_same(texts: Sequence[bytes]) -> None:
    for text in texts:
        assert shape_of(text) == read_shape(text), text
        assert shape_of(text.lower()) == read_shape(text.lower()), text


MATCHES = st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), max_size=12), max_size=4)


@given(MATCHES, st.integers(0, 20), st.booleans(), st.integers(0, 13))
def test_matches_are_kept_as_the_reference_keeps_them(
    groups: list[list[tuple[int, int]]], most: int, numbered: bool, last: int
) -> None:
    assert SEARCH is not None
    both = [Found(most), SEARCH.Found(most)]
    enough = []
    for found in both:
        enough.append(False)
        for number, group in enumerate(groups):
            own = None if not numbered else b"".join((number * 5 + n).to_bytes(4, "little") for n in range(5))
            found.group(own)
            for index, end in group:
                enough[-1] = enough[-1] or bool(found(index, 0, end, 0, None))
    assert enough[0] == enough[1]
    assert both[0].matches(last) == both[1].matches(last)
    assert both[0].matches() == both[1].matches()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60)), max_size=40), st.lists(st.integers(1, 20), min_size=1, max_size=6),
       st.integers(0, 14), st.sets(st.integers(0, 5)))  # fmt: skip
def test_matches_are_placed_as_the_reference_places_them(
    matches: list[tuple[int, int]], sizes: list[int], close: int, numbers: set[int]
) -> None:
    assert SEARCH is not None
    ends = list(accumulate(sizes))
    for some in (sorted(matches, key=lambda match: match[1]), matches):
        within = [match for match in some if match[1] <= ends[-1]]
        assert SEARCH.placed(within, ends, close) == place(within, ends, close)
        wanted = {number: 0 for number in numbers if number < len(ends)}
        assert SEARCH.placed(within, ends, close, wanted) == place(within, ends, close, wanted)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60))), st.integers(0, 5))
def test_matches_up_to_a_level_are_the_same(matches: list[tuple[int, int]], level: int) -> None:
    assert SEARCH is not None
    levels = bytes((1, 2, 3, 4))
    assert SEARCH.ends_up_to(matches, levels, level) == find_ends_up_to(matches, levels, level)


@given(TEXTS)
def test_watched_characters_are_the_same(text: bytes) -> None:
    assert gates.watched(text) == gates.find_watched(text)


@given(TEXTS, st.lists(st.sampled_from([b"%", b"%2", b"%41", b"%zz", b"+", b"=", b"%2B", b"a"])))
def test_values_of_forms_are_decoded_the_same(text: bytes, pieces: list[bytes]) -> None:
    for value in (text, b"".join(pieces), text.join(pieces)):
        assert native.unpercent(value) == layers.unpercent(value)
        assert native.unform(value) == layers.unform(value)


@given(
    st.one_of(TEXTS, st.text(" \nabcdefghijklmnopqrstuvwxyz", max_size=60).map(str.encode)),
    st.integers(1, 90),
)
@settings(max_examples=1000)
def test_documents_are_the_same(text: bytes, times: int) -> None:
    assert SEARCH is not None
    for value in (text * times, b" " * times + text * times, (text + b"\n" + bytes(range(64, 94))) * times):
        assert SEARCH.is_document(value) is read_is_document(value)


def test_very_many_matches_are_placed_in_time() -> None:
    assert SEARCH is not None
    texts, every = 100_000, 3
    matches = [(0, number * every + 1) for number in range(texts)]
    ends = [(number + 1) * every for number in range(texts)]
    assert SEARCH.placed(matches, ends, 12) == place(matches, ends, 12)


def test_what_is_no_match_is_refused() -> None:
    assert SEARCH is not None
    found = SEARCH.Found(3)
    for arguments in [(), (1, 2), (1, 2, 3, 4, 5, 6), ("a", 0, 1, 0, None), (1, 0, -1, 0, None)]:
        with pytest.raises((TypeError, OverflowError)):
            found(*arguments)
    found.group(b"\0" * 4)
    with pytest.raises(IndexError):
        found(1, 0, 1, 0, None)
    for text in ("a", None, 1):
        with pytest.raises(TypeError):
            SEARCH.hints(text)
        with pytest.raises(TypeError):
            SEARCH.steps(text)
    for matches, ends in [
        ([(1, 2, 3)], [9]),
        ([(-1, 2)], [9]),
        ([(1, "a")], [9]),
        ([(1 << 40, 2)], [9]),
        ([], ["a"]),
    ]:
        with pytest.raises((TypeError, OverflowError)):
            SEARCH.placed(matches, ends, 12)
    with pytest.raises(ValueError, match="behind"):
        SEARCH.placed([], [3, 3], 12)
    for numbers, error in (
        ({7: 0}, ValueError),
        ({-1: 0}, ValueError),
        ({"a": 0}, TypeError),
        ([0], TypeError),
    ):
        with pytest.raises(error):
            SEARCH.placed([], [3], 12, numbers)
    for arguments in ((b"a",), (b"a", b"short"), ("a", bytes(1024))):
        with pytest.raises(TypeError):
            SEARCH.watched(*arguments)
    for arguments, error in (
        (([(0, 1)], b"", 2), IndexError),
        (([(0, "a")], b"a", 2), TypeError),
        (([(0, 1)], b"a", 2**80), OverflowError),
        (([(0, 1)], b"a"), TypeError),
    ):
        with pytest.raises(error):
            SEARCH.ends_up_to(*arguments)


_DATA = [b"attack now " * 40, b"an attack, " * 30 + b"attack", b"attack", b"", b"x" * 900]
_HIT = st.tuples(st.integers(0, len(_DATA) - 1), st.integers(0, 5), st.integers(0, 500))
_HITS = st.lists(_HIT, max_size=6) | by_chance(
    lambda chance: [
        (chance.randrange(len(_DATA)), chance.randint(0, 5), chance.randint(0, 500))
        for _ in range(chance.randint(0, 60))
    ]
)


@given(_HITS, st.integers(1, 200))
@settings(max_examples=1000)
def test_hits_that_are_one_question(places: list[tuple[int, int, int]], near: int) -> None:
    assert SEARCH is not None
    texts = [Text(number, data) for number, data in enumerate(_DATA)]
    hits = [Hit(texts[text], (index, min(end, len(_DATA[text])))) for text, index, end in places]
    assert SEARCH.differing(hits, near) == first_of_each(hits, near)


@given(_HITS, st.booleans())
@settings(max_examples=1000)
def test_hits_in_their_groups(places: list[tuple[int, int, int]], alone: bool) -> None:
    assert SEARCH is not None
    texts = [Text(number // 2, data) for number, data in enumerate(_DATA)]
    owners = [text.owner for text in texts]
    families = array("I", [0, 0, 1, 1, 2, 7]).tobytes()
    within = b"" if alone else bytes([1, 0, 1, 0, 1, 0])
    given_places = [(text, (index, end)) for text, index, end in places]
    ours: dict[int, list[Hit]] = {}
    theirs: dict[int, list[Hit]] = {}
    for half in (given_places[:20], given_places[20:]):
        SEARCH.gathered(ours, half, texts, owners, families, within, Hit)
        gather(theirs, half, texts, owners, families, within, Hit)
    assert ours == theirs
    assert list(ours) == list(theirs)


@given(_HITS, st.binary(min_size=len(_DATA), max_size=9), st.binary(min_size=6, max_size=9))
def test_the_first_places_of_each_pattern(
    places: list[tuple[int, int, int]], texts: bytes, patterns: bytes
) -> None:
    assert SEARCH is not None
    given_places = [(text, (index, end)) for text, index, end in places]
    texts, patterns = (bytes(byte % 2 for byte in flags) for flags in (texts, patterns))
    assert SEARCH.firsts(given_places, texts, patterns) == find_firsts(given_places, texts, patterns)


@pytest.mark.parametrize(
    "arguments",
    [
        ([(1, (0, 1))], b"\1", b"\1"),
        ([(-1, (0, 1))], b"\1", b"\1"),
        ([(0, (1, 1))], b"\1", b"\1"),
        ([(0, (-1, 1))], b"\1", b"\1"),
        ([(0, 1)], b"\1", b"\1"),
        ([0], b"\1", b"\1"),
        ((), b"", b""),
        ([], b"", None),
    ],
)
def test_what_are_no_places(arguments: tuple[object, ...]) -> None:
    assert SEARCH is not None
    with pytest.raises((TypeError, IndexError, OverflowError)):
        SEARCH.firsts(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ({}, [(0, (0, 1))], [], [], b"", b"", Hit),
        ({}, [(-1, (0, 1))], [None], [0], b"\0" * 4, b"", Hit),
        ({}, [(0, (9, 1))], [None], [0], b"\0" * 4, b"", Hit),
        ({}, [(0, (0, 1))], [None], [-1], b"\0" * 4, b"", Hit),
        ({}, [(0, 1)], [None], [0], b"\0" * 4, b"", Hit),
        ({}, [(0, (0, 1))], [None], [0, 1], b"\0" * 4, b"", Hit),
        ({0: ()}, [(0, (0, 1))], [None], [0], b"\0" * 4, b"", Hit),
        ({}, (), [], [], b"", b"", Hit),
    ],
)
def test_what_are_no_hits(arguments: tuple[object, ...]) -> None:
    assert SEARCH is not None
    with pytest.raises((TypeError, ValueError, IndexError, OverflowError)):
        SEARCH.gathered(*arguments)
    with pytest.raises(AttributeError):
        SEARCH.differing([object()], 3)


def _some(chance: Random, most: int, each: Callable[[], T], least: int = 0) -> list[T]:
    return [each() for _ in range(chance.randint(least, most))]


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5)
    | by_chance(lambda c: _some(c, 40, lambda: c.randint(1, 9), 1)),
    st.lists(st.integers(0, 400), max_size=5) | by_chance(lambda c: _some(c, 20, lambda: c.randint(0, 400))),
    by_chance(lambda c: _some(c, 40, lambda: (c.choice([1, 2, 1024, 32768]), c.randint(0, 400)))),
)
@settings(max_examples=1000)
def test_places_are_in_the_same_texts(
    sizes: list[int], offsets: list[int], spots: list[tuple[int, int]]
) -> None:
    assert SEARCH is not None
    ends = list(accumulate(sizes))
    told = SEARCH.steps_of(ends, offsets, spots)
    assert list(told.items()) == list(find_steps(ends, offsets, spots).items())


@given(st.lists(st.binary(max_size=5), max_size=40))
def test_texts_end_behind_their_marks(values: list[bytes]) -> None:
    assert SEARCH is not None
    assert SEARCH.ends_of(values) == find_ends(values)


@pytest.mark.parametrize("values", [(b"a",), [b"a", "b"], [None], b"a"])
def test_what_are_no_values_have_no_ends(values: object) -> None:
    assert SEARCH is not None
    with pytest.raises(TypeError):
        SEARCH.ends_of(values)


_MARKED = st.lists(st.sampled_from([b"\x7f", b"\x01", b"a", b" ", b"\n", b"long " * 9]), max_size=12).map(
    b"".join
)


@given(st.lists(_MARKED, max_size=8))
def test_values_are_joined_the_same(values: list[bytes]) -> None:
    assert SEARCH is not None
    assert SEARCH.joined(values) == SEARCH.joined(tuple(values)) == join(values)


@given(
    st.lists(
        st.tuples(_MARKED, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4)),
        max_size=5,
    )
)
def test_parts_of_texts_are_the_same(wanted: list[tuple[bytes, list[tuple[int, int]]]]) -> None:
    assert SEARCH is not None
    texts = [text for text, _ in wanted]
    parts = [
        [(min(start, end, len(text)), min(max(start, end), len(text))) for start, end in pairs]
        for text, pairs in wanted
    ]
    assert SEARCH.parted(texts, parts) == part(texts, parts)


@given(st.lists(_MARKED, min_size=1, max_size=8), st.integers(1, 20), st.integers(1, 5), st.integers(1, 9))
def test_ends_of_texts_are_the_same(values: list[bytes], window: int, kept: int, most: int) -> None:
    assert SEARCH is not None
    for text in (b"".join(values), MARK + b"".join(values) + MARK, MARK + join(values) + MARK):
        if text:
            assert SEARCH.ends(text, window, kept, most) == edges.find_ends(text, window, kept, most)


def test_what_cannot_be_joined_or_cut_is_refused() -> None:
    assert SEARCH is not None
    for call, wrong, error in (
        (SEARCH.joined, ([b"a", "b"],), TypeError),
        (SEARCH.joined, (3,), TypeError),
        (SEARCH.parted, ((b"a",), [[]]), TypeError),
        (SEARCH.parted, ([b"a"], [()]), TypeError),
        (SEARCH.parted, (["a"], [[]]), TypeError),
        (SEARCH.parted, ([b"a"], [[3]]), TypeError),
        (SEARCH.parted, ([b"a"], []), ValueError),
        (SEARCH.parted, ([b"a"], [[(0, 2)]]), ValueError),
        (SEARCH.parted, ([b"ab"], [[(2, 1)]]), ValueError),
        (SEARCH.parted, ([b"ab"], [[(-1, 1)]]), OverflowError),
        (SEARCH.ends, (b"", 1, 1, 1), ValueError),
        (SEARCH.ends, (b"a", 0, 1, 1), ValueError),
        (SEARCH.ends, (b"a", 1, 1 << 40, 1), ValueError),
        (SEARCH.ends, ("a", 1, 1, 1), TypeError),
        (SEARCH.ends, (b"a", 1, "1", 1), TypeError),
    ):
        with pytest.raises(error):
            call(*wrong)


def test_what_is_no_place_is_refused() -> None:
    assert SEARCH is not None
    for wrong in (([5], [-1], []), ([5], [], [(-1, 2)]), ([5], [], [(1 << 40, 2)]), ([-5], [], [])):
        with pytest.raises((ValueError, OverflowError)):
            SEARCH.steps_of(*wrong)
    for bad in (((5,), [], []), ([5], 3, []), ([5], [], [3]), ([5], ["a"], [])):
        with pytest.raises(TypeError):
            SEARCH.steps_of(*bad)
