"""The quick yes is the yes of the fields: for whatever rules and requests, and in C as in Python."""

from __future__ import annotations

import json
from typing import NoReturn
from unittest.mock import patch
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.profiles.traffic import FORM, JSON, START, args, cookies, learned_shop, learner, seen
from tests.together import together
from waf.config.schema import Limits
from waf.http1.parse import request_head
from waf.inspect.reading import read
from waf.profiles import conforming
from waf.profiles import values as v
from waf.profiles.book import Book
from waf.profiles.check import Check, Profile
from waf.profiles.compile import build
from waf.profiles.conforming import ConformingBody, Parameter, document_met, pairs_met
from waf.profiles.constraints import Aspect, Constraint, Key, Origin, Stage
from waf.profiles.findings import shape_mask
from waf.profiles.rules import check_allowed, value_rule

LIMITS = Limits()
PLACES = {"/p": frozenset({"GET", "POST"})}
NAMES = ["a", "b", "c.d", "items[].n", "a1", "e f", "é"]

_LABELS = st.sampled_from(["int", "decimal", "word", "text", "bool", "hex", "date", "empty", "uuid"])
_JSON_LABELS = _LABELS | st.sampled_from(
    ["number:int", "number:decimal", "bool:bool", "null:word", "object:text"]
)
_CODES = st.lists(st.sampled_from(["a-z", "A-Z", "0-9", ".", "-", "space", "_"]), max_size=6)
_SHAPES = st.sampled_from(["a", "0", "a a", "a0", "0.0", "a-0", "", "a a.", "-0"])
_ALLOWED: dict[Aspect, st.SearchStrategy[tuple[str, ...]]] = {
    Aspect.LENGTH: st.tuples(st.integers(0, 3), st.integers(3, 9)).map(
        lambda pair: (str(pair[0]), str(pair[1]))
    ),
    Aspect.ENUM: st.lists(st.sampled_from(["=a", "=b c", "=1", "=1.5", "=true", "=null"]), min_size=1).map(
        lambda found: tuple(sorted({*found}))
    ),
    Aspect.PLAIN: _CODES.map(lambda found: tuple(sorted({*found}))),
    Aspect.CODE: st.just(()),
    Aspect.CONTROL: st.just(()),
    Aspect.SCRIPT: st.just(()),
    Aspect.SHAPE: st.lists(_SHAPES, min_size=1).map(lambda found: tuple(sorted({*found}))),
    Aspect.RANGE: st.just(("0", "50")),
    Aspect.PATTERN: st.just(("^[a-z0-9 ]*$",)),
    Aspect.REPEATS: st.just(("1",)),
    Aspect.REQUIRED: st.just(("1",)),
}


@st.composite
def constraints(draw: st.DrawFn, part: str) -> list[Constraint]:
    made = {}
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True)):
        labels = st.lists(_JSON_LABELS if part == "json" else _LABELS, min_size=1, max_size=3)
        allowed = {**_ALLOWED, Aspect.TYPE: labels.map(lambda found: tuple(sorted({*found})))}
        for aspect in draw(st.lists(st.sampled_from(list(allowed)), max_size=2, unique=True)):
            key = Key("/p", "POST", f"{part}.{name}", aspect.value)
            made[key] = Constraint(key, draw(allowed[aspect]), Stage.PROTECT, Origin.PINNED)
    if draw(st.booleans()):
        key = Key("/p", "POST", part, Aspect.NAMES.value)
        made[key] = Constraint(key, tuple(sorted(draw(st.sets(st.sampled_from(NAMES))))), Stage.PROTECT)
    assert all(check_allowed(constraint) == "" for constraint in made.values())
    return list(made.values())


_VALUES = st.text('ab1.5- _é{}[]/"\\', max_size=8) | st.sampled_from(
    [
        "a",
        "b c",
        "1",
        "1.5",
        "true",
        "null",
        "-0",
        "12.50",
        "0.00001",
        "a a a a",
        "deadbeef01",
        "2024-01-01",
        "{}",
        "[1]",
    ]
)
_QUOTED = _VALUES.map(
    lambda text: "".join(c if c.isalnum() and c.isascii() else f"%{b:02X}" for c in text for b in c.encode())
)
_PAIRS = st.tuples(
    st.sampled_from([*NAMES[:3], "a1", "zz", "e+f", "%C3%A9", ""]), _QUOTED | st.text("ab1+%5.x", max_size=6)
).map("=".join)
_TEXTS = st.lists(_PAIRS | st.sampled_from(["a", "", "=", "a=1=2"]), max_size=5).map("&".join)
_SCALARS = (
    st.none() | st.booleans() | st.integers(-100, 100) | st.floats(-9, 9).map(lambda x: round(x, 2)) | _VALUES
)
_DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "c", "d", "items", "n", "a1", "c.d", "é", "zz", ""]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


_ONE = st.sampled_from(
    [
        Aspect.TYPE,
        Aspect.LENGTH,
        Aspect.ENUM,
        Aspect.PLAIN,
        Aspect.SHAPE,
        Aspect.RANGE,
        Aspect.PATTERN,
        Aspect.REPEATS,
    ]
)
_TYPES = st.lists(_JSON_LABELS, min_size=1, max_size=2).map(lambda found: tuple(sorted({*found})))
_NEAR = (
    st.text("aB1._- ", max_size=10)
    | st.text("0123456789", max_size=45)
    | st.text("0123456789abcdef", min_size=6, max_size=9)
    | st.sampled_from(
        ["-", ".", "a.", "-1", "1.", ".5", "1,5", "1.5.5", "abcdef1", "{}", "[]", "{1}", "a" * 127, "a" * 129]
    )
    | _VALUES
)
_SCALAR_TEXTS = st.sampled_from(
    ["1", "-1", "-0", "0", "1.5", "1.50", "-0.5", "0.05", "0.00001", "1e5", "01", "1.0", "123456789012345", "true", "null",
     "false", "{}", "[]", '["a"]', '{"b":1}']
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_one_value_of_a_document(data: st.DataObject) -> None:
    aspects = data.draw(st.lists(_ONE, min_size=1, max_size=2, unique=True))
    found = []
    for aspect in aspects:
        allowed = data.draw(_TYPES if aspect is Aspect.TYPE else _ALLOWED[aspect])
        for address in ("json.a", "json.a[]"):
            found.append(
                Constraint(Key("/p", "POST", address, aspect.value), allowed, Stage.PROTECT, Origin.PINNED)
            )
    value = data.draw(_NEAR.map(lambda text: json.dumps(text, ensure_ascii=False)) | _SCALAR_TEXTS)
    shape = data.draw(
        st.sampled_from(['{"a":%s}', '{"a":[%s]}', '{"a": [%s, %s]}', '{"a":%s,"b":"x"}', '{"b1":1,"a":%s}'])
    )
    body = shape.replace("%s", value).encode()
    same(profile_of(found), "POST /p", body, JSON)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_one_value_of_a_form(data: st.DataObject) -> None:
    found = []
    for aspect in data.draw(st.lists(_ONE, min_size=1, max_size=2, unique=True)):
        allowed = data.draw(_LABELS.map(lambda one: (one,)) if aspect is Aspect.TYPE else _ALLOWED[aspect])
        found.append(
            Constraint(Key("/p", "POST", "form.a", aspect.value), allowed, Stage.PROTECT, Origin.PINNED)
        )
    value = data.draw(_NEAR.map(quote_plus) | _NEAR.map(quote) | st.text("a%+1F", max_size=6))
    shape = data.draw(st.sampled_from(["a=%s", "a=%s&b=1", "a=%s&a=%s", "b-1=&a=%s"]))
    same(profile_of(found), "POST /p", shape.replace("%s", value).encode(), FORM)


def profile_of(found: list[Constraint]) -> Profile:
    return build(PLACES, found, key=b"", mask=shape_mask, version="1")


def checked(profile: Profile, head: str, body: bytes = b"", kind: bytes = b"", quick: bool = True) -> Check:
    raw = f"{head} HTTP/1.1\r\nHost: app\r\n".encode()
    if kind:
        raw += b"Content-Type: %s\r\nContent-Length: %d\r\n" % (kind, len(body))
    request = request_head(raw + b"\r\n", LIMITS)
    reading = read(request, body, LIMITS, shape_mask)
    return profile.check(request, reading, kind, quick)


class Unread:
    """A request whose fields nobody may ask for."""

    def __init__(self, plain_body: bytes = b"") -> None:
        self.plain_body = plain_body, False

    @property
    def target(self) -> NoReturn:
        raise AssertionError

    cookies = target

    def body_fields(self) -> NoReturn:
        raise AssertionError


def same(profile: Profile, head: str, body: bytes = b"", kind: bytes = b"") -> None:
    quick = checked(profile, head, body, kind)
    slow = checked(profile, head, body, kind, quick=False)
    assert list(quick.findings) == list(slow.findings)
    assert (quick.endpoint, quick.known, quick.needs_body) == (slow.endpoint, slow.known, slow.needs_body)


@settings(max_examples=300, deadline=None)
@given(constraints("arg"), _TEXTS)
def test_queries(found: list[Constraint], query: str) -> None:
    try:
        request_head(f"POST /p?{query} HTTP/1.1\r\nHost: a\r\n\r\n".encode(), LIMITS)
    except Exception:
        return  # nothing that reaches the profile
    same(profile_of(found), f"POST /p?{query}")


@settings(max_examples=300, deadline=None)
@given(constraints("form"), _TEXTS)
def test_forms(found: list[Constraint], text: str) -> None:
    same(profile_of(found), "POST /p", text.encode(), FORM)


@settings(max_examples=500, deadline=None)
@given(constraints("json"), _DOCUMENTS, st.sampled_from([None, 1]), st.booleans())
@example([], {"a": [{}, []]}, None, True)
def test_documents(found: list[Constraint], document: object, indent: int | None, ascii: bool) -> None:
    body = json.dumps(document, indent=indent, ensure_ascii=ascii).encode()
    same(profile_of(found), "POST /p", body, JSON)


@settings(max_examples=300, deadline=None)
@given(constraints("form"), _TEXTS, st.booleans())
def test_pairs_in_c_are_pairs_in_python(found: list[Constraint], text: str, others: bool) -> None:
    by_name: dict[str, list[Constraint]] = {}
    for constraint in found:
        if constraint.key.aspect != Aspect.NAMES.value:
            by_name.setdefault(constraint.key.address.removeprefix("form."), []).append(constraint)
    rules = {name: value_rule(1 << n, each, b"") for n, (name, each) in enumerate(by_name.items())}
    parameters = [Parameter(name.encode(), r.bit, r.fast, r.plain) for name, r in rules.items()]
    in_c = pairs_met(parameters, others)
    with patch.object(conforming, "IN_C", None):
        in_python = pairs_met(parameters, others)
        assert document_met(parameters, others) is None
    assert in_c(text.encode()) == in_python(text.encode())


@given(st.text("ab AB01.-é{@\x01", max_size=100).map(str.encode) | st.binary(max_size=100))
def test_shapes_in_c_are_shapes_in_python(value: bytes) -> None:
    speed = pytest.importorskip("waf._values")
    assert speed.shape_of(value) == v.shape_of(value)


@together(
    "body",
    [b"", b"[", b'{"a"', b'{"a":', b'{"a":1', b"[1,]", b'{"a":1,}', b"}", b'"', b'{"a":"\\"}', b"[" * 99],
)
def test_what_is_no_document_is_never_fine_and_ends_nothing(body: bytes) -> None:
    speed = pytest.importorskip("waf._values")
    assert speed.Document((), True).met(body) == -1


def test_bits_that_c_cannot_hold_are_left_to_python() -> None:
    parameter = Parameter(b"a", 1 << 70, lambda _: True, value_rule(1, [], b"").plain)
    assert document_met([parameter], True) is None
    assert pairs_met([parameter], True)(b"a=1") == 1 << 70


COOKIE = "GET /p HTTP/1.1\r\nHost: a\r\nCookie: sid={}\r\n{}\r\n"


def test_only_cookies_that_conform_are_remembered_and_a_second_header_is_looked_at() -> None:
    found = [Constraint(Key("*", "*", "cookie.sid", "type"), ("int",), Stage.PROTECT)]
    profile = profile_of(found)

    def rules(value: str, more: str = "") -> list[str]:
        request = request_head(COOKIE.format(value, more).encode(), LIMITS)
        reading = read(request, b"", LIMITS, shape_mask)
        return [f.rule for f in profile.check(request, reading, b"").findings]

    for _ in range(2):
        assert rules("1") == []
        assert rules("x") == ["profile.type"]
        assert rules("x", "Cookie: sid=1\r\n") == ["profile.type"]
        assert rules("1", "Cookie: sid=x\r\n") == ["profile.type"]


def test_each_line_of_a_doubled_header_is_held_against_the_profile() -> None:
    found = [Constraint(Key("*", "*", "header.x-tenant", "type"), ("int",), Stage.PROTECT)]
    profile = profile_of(found)
    for lines, rules in (("1", []), ("x", ["profile.type"]), ("x\r\nX-Tenant: 1", ["profile.type"])):
        head = f"GET /p HTTP/1.1\r\nHost: a\r\nX-Tenant: {lines}\r\n\r\n"
        request = request_head(head.encode(), LIMITS)
        found_now = profile.check(request, read(request, b"", LIMITS, shape_mask), b"").findings
        assert [f.rule for f in found_now] == rules


def test_a_document_that_a_string_holds_is_looked_into() -> None:
    found = [Constraint(Key("/p", "POST", "json.a{}[]", "type"), ("number:int",), Stage.PROTECT)]
    profile = profile_of(found)
    for body, rules in ((b'{"a":"[1]"}', []), (b'{"a":"[true]"}', ["profile.type"]), (b'{"a":"[1"}', [])):
        assert [f.rule for f in checked(profile, "POST /p", body, JSON).findings] == rules


def test_a_learned_request_needs_no_fields() -> None:
    made = learned_shop()
    profile = made.compile(START + 10_000)
    head = "GET /shop/search?q=red+old&page=7&sort=asc HTTP/1.1\r\nHost: a\r\n\r\n"
    request = request_head(head.encode(), LIMITS)
    assert profile.check(request, Unread(), b"").known
    body = b'{"id":1234,"title":"abc def","open":true}'
    head = f"PUT /shop/notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    request = request_head(head.encode(), LIMITS)
    if conforming.IN_C is not None:
        assert profile.check(request, Unread(body), JSON).findings == ()


def test_books_of_the_first_versions_still_say_what_they_said() -> None:
    made = learner()
    for number in range(60):
        made.observe(
            seen("/p", [*args(a=str(number)), *cookies(s="1")], trusted=True, wall=START + number), START
        )
    made.advance(START + 100)
    assert Book.load(made.book.dump()).constraints() == made.book.constraints()
    assert ConformingBody(None, None, 0).holds(b"", form=True) is False
