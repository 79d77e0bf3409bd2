"""Requests held against a learned profile: what is found, what is left alone, what is proven harmless."""

from __future__ import annotations

import random

import pytest

from tests.profiles.traffic import (
    FORM,
    JSON,
    START,
    Given,
    args,
    check,
    cookies,
    form,
    json,
    learned_shop,
    learner,
    request,
    rules,
    seen,
    shop,
)  # fmt: skip
from waf.model import Engine, Field, Kind, Part, Severity
from waf.profiles.check import UNKNOWN, Profile
from waf.profiles.endpoint import BODY_PARTS
from waf.profiles.learner import Learner


@pytest.fixture(scope="module")
def profile() -> Profile:
    return learned_shop(3_000).compile(START)


SEARCH = args(q="red old", page="3", sort="asc")
LOGIN = form(user="ana", password="abcd1234", go="Enter")

FOUND = [
    # path, head fields, body fields, method, content type, the rule that speaks first
    ("/shop/admin", [], [], "GET", b"", "profile.unknown-path"),
    ("/shop/search/more", SEARCH, [], "GET", b"", "profile.unknown-path"),
    ("/shop/img/a.gif.bak", [], [], "GET", b"", "profile.unknown-path"),
    ("/shop/items/12a", [], [], "GET", b"", "profile.unknown-path"),
    ("/shop/items", [], [], "GET", b"", "profile.unknown-path"),
    ("/shop/search", SEARCH, [], "DELETE", b"", "profile.unknown-method"),
    ("/shop/search", [*SEARCH, *args(debug="1")], [], "GET", b"", "profile.unknown-parameter"),
    ("/shop/search", args(q="red", page="x", sort="asc"), [], "GET", b"", "profile.type"),
    ("/shop/search", args(q="red", page="3", sort="up"), [], "GET", b"", "profile.enum"),
    ("/shop/search", [*SEARCH, *args(page="4")], [], "GET", b"", "profile.repeats"),
    ("/shop/search", args(page="3", sort="asc"), [], "GET", b"", "profile.missing-parameter"),
    ("/shop/login", [], form(user="a' or 1=1--", password="abc123", go="Enter"), "POST", FORM, "profile.type"),
    ("/shop/login", [], form(user="a" * 99, password="abc123", go="Enter"), "POST", FORM, "profile.length"),
    ("/shop/login", [], form(user="ANA", password="abc123", go="Enter"), "POST", FORM, "profile.charset"),
    ("/shop/login", [], LOGIN, "POST", b"text/xml", "profile.content-type"),
    ("/shop/notes", [], json(id="5", title="abc", open=True), "PUT", JSON, "profile.type"),
    ("/shop/notes", [], json(id=5, title="abc", open=True, admin=True), "PUT", JSON, "profile.unknown-parameter"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "head", "body", "method", "content_type", "rule"), FOUND)
def test_what_was_never_seen_is_found(
    profile: Profile,
    path: str,
    head: list[Field],
    body: list[Field],
    method: str,
    content_type: bytes,
    rule: str,
) -> None:
    found = check(profile, path, head, body, method=method, content_type=content_type)
    assert rules(found, enforced=True)[0] == rule
    for finding in found.findings:
        assert finding.engine is Engine.PROFILE
        assert finding.severity is Severity.HIGH
        assert finding.expected
        assert finding.detail
        assert finding.tags[1] == "learned"


FINE = [
    ("/shop/search", SEARCH, [], "GET", b""),
    ("/shop/search", [*SEARCH, *args(utm_source="mail", gclid="abc")], [], "GET", b""),
    ("/shop/search", SEARCH, [], "HEAD", b""),
    ("/shop/login", [], LOGIN, "POST", FORM + b"; charset=utf-8"),
    ("/shop/items/99999", [], [], "GET", b""),
    ("/shop/img/new.gif", [], [], "GET", b""),
    ("/shop/notes", [], json(id=77, title="a b c", open=False), "PUT", JSON),
]


@pytest.mark.parametrize(("path", "head", "body", "method", "content_type"), FINE)
def test_what_is_like_the_rest_is_fine(
    profile: Profile, path: str, head: list[Field], body: list[Field], method: str, content_type: bytes
) -> None:
    assert rules(check(profile, path, head, body, method=method, content_type=content_type)) == []


def test_normal_traffic_of_another_day_is_fine(profile: Profile) -> None:
    rng = random.Random(99)
    wrong = 0
    for _ in range(2_000):
        made = shop(rng)
        given = Given(made.fields, [f for f in made.fields if f.part in BODY_PARTS])
        found = profile.check(
            given.request(made.path.decode(), made.method.decode()), given, made.content_type
        )
        wrong += bool(found.findings)
    assert wrong <= 2


def test_nothing_shows_the_value(profile: Profile) -> None:
    secret = "hunter2' or 'x'='x"
    found = check(
        profile,
        "/shop/login",
        [],
        form(user=secret, password="a", go="Enter"),
        method="POST",
        content_type=FORM,
    )
    assert found.findings
    assert all("hunter2" not in str(finding) for finding in found.findings)
    odd = check(profile, "/shop/search", [*SEARCH, Field(Part.ARG, "<script>hunter2", b"1")])
    assert rules(odd) == ["profile.unknown-parameter"]
    assert "hunter2" not in str(odd.findings[0])


def test_the_mask_is_the_callers() -> None:
    profile = learned_shop(1_500).compile(START, mask=lambda data: f"<{len(data)}>")
    assert check(profile, "/shop/nothing").findings[0].excerpt == "<7>"


ENDPOINTS = [
    ("/shop/items/5", "/shop/items/{int}"),
    ("/shop/img/1.gif", "/shop/img/{file}"),
    ("/shop/nothing/there", "/shop/**"),
    ("/elsewhere", "/**"),
    ("/a/../b", UNKNOWN),
]


@pytest.mark.parametrize(("path", "endpoint"), ENDPOINTS)
def test_the_route_label_is_the_template(profile: Profile, path: str, endpoint: str) -> None:
    assert check(profile, path).endpoint == endpoint


TYPED = [
    ("/shop/search", Field(Part.ARG, "page", b"12"), True),
    ("/shop/search", Field(Part.ARG, "page", b"12'"), False),
    ("/shop/search", Field(Part.ARG, "q", b"12"), False),
    ("/shop/search", Field(Part.ARG, "unknown", b"12"), False),
    ("/shop/items/5", Field(Part.SEGMENT, "", b"5"), True),
    ("/shop/items/5", Field(Part.SEGMENT, "", b"items"), False),
    ("/shop/notes", Field(Part.JSON, "id", b"5", kind=Kind.NUMBER), True),
    ("/nowhere", Field(Part.ARG, "page", b"12"), False),
    ("/shop/search", Field(Part.HEADER, "user-agent", b"12"), False),
]


@pytest.mark.parametrize(("path", "field", "typed"), TYPED)
def test_a_protected_type_proves_values_harmless(
    profile: Profile, path: str, field: Field, typed: bool
) -> None:
    method = "PUT" if path.endswith("notes") else "GET"
    assert check(profile, path, method=method).typed(field) is typed


def test_a_staged_type_proves_nothing() -> None:
    profile = learned_shop(1_500, mode="monitor").compile(START)
    assert not check(profile, "/shop/search").typed(Field(Part.ARG, "page", b"12"))


def test_the_body_is_read_only_where_there_is_something_to_check(profile: Profile) -> None:
    def body() -> list[Field]:
        raise AssertionError("nobody asked for it")

    for path in ("/shop/search", "/shop/items/5", "/nowhere"):
        given = Given(SEARCH, body)
        found = profile.check(given.request(path), given, b"")
        assert not found.needs_body
    found = check(profile, "/shop/login", [], LOGIN, method="POST", content_type=FORM)
    assert found.needs_body


MODES = [("off", 0, 0), ("discover", 0, 0), ("monitor", 0, 1), ("protect", 1, 0)]


@pytest.mark.parametrize(("mode", "enforced", "watched"), MODES)
def test_the_mode_caps_every_constraint(mode: str, enforced: int, watched: int) -> None:
    profile = learned_shop(1_500, mode=mode).compile(START)
    found = check(profile, "/shop/nothing")
    assert len(rules(found, enforced=True)) == enforced
    assert len(rules(found, enforced=False)) == watched
    assert found.endpoint == "/shop/**"


def test_an_empty_profile_finds_nothing() -> None:
    profile = learner().compile(START)
    found = check(profile, "/any/where", args(q="' or 1=1"), form(x="<script>"), method="POST")
    assert (rules(found), found.endpoint, found.violations) == ([], "/**", ())


def test_cookies_are_learned_for_the_whole_workload() -> None:
    made = learner()
    rng = random.Random(3)
    for number in range(900):
        fields = cookies(sid=f"{rng.getrandbits(128):032x}")
        made.observe(seen(f"/{'abc'[number % 3]}", fields, trusted=True, wall=START + number), START)
    profile = made.compile(START)
    assert rules(check(profile, "/a", cookies(sid="0" * 31 + "f"))) == []
    assert rules(check(profile, "/a", cookies(other="anything"))) == []
    assert rules(check(profile, "/a", cookies(sid="' or 1=1")))[0] == "profile.type"
    assert rules(check(profile, "/zzz", cookies(sid="' or 1=1")))[:2] == [
        "profile.unknown-path",
        "profile.type",
    ]


def test_parameters_and_cookies_do_not_answer_for_each_other() -> None:
    """A cookie that is met must not pass for a required parameter that is missing."""
    made = learner()
    for number in range(400):
        fields = [*cookies(a=str(number)), *args(z=str(number))]
        made.observe(seen("/p", fields, trusted=True, wall=START + number), START)
    profile = made.compile(START)
    assert rules(check(profile, "/p", [*cookies(a="1"), *args(z="1")])) == []
    assert rules(check(profile, "/p", cookies(a="1"))) == ["profile.missing-parameter"]


def _slugs(count: int) -> Learner:
    made = learner()
    rng = random.Random(5)
    for number in range(count):
        slug = "-".join("".join(rng.choices("abcdefgh", k=rng.randint(3, 7))) for _ in range(3))
        made.observe(seen(f"/blog/{slug}", trusted=True, wall=START + number), START)
        made.observe(seen("/about", trusted=True, wall=START + number), START)
    return made


@pytest.mark.parametrize(
    ("path", "method", "asked"),
    [
        ("/favicon.ico", "GET", True),
        ("/robots.txt", "HEAD", True),
        ("/apple-touch-icon-120x120-precomposed.png", "GET", True),
        ("/.well-known/change-password", "GET", True),
        ("/.well-known/acme-challenge/abc_DEF-1", "GET", True),
        ("/favicon.ico", "POST", False),
        ("/favicon.ico.bak", "GET", False),
        ("/shop/favicon.ico", "GET", False),
        ("/.well-known/.git/config", "GET", False),
        ("/.git/config", "GET", False),
    ],
)
def test_what_browsers_ask_of_any_site_is_no_unknown_path(
    profile: Profile, path: str, method: str, asked: bool
) -> None:
    assert ("profile.unknown-path" not in rules(check(profile, path, method=method))) is asked


def test_a_browser_may_ask_for_the_options_of_any_page(profile: Profile) -> None:
    assert rules(check(profile, "/shop/search", method="OPTIONS")) == []
    assert rules(check(profile, "/shop/search", method="TRACE")) == ["profile.unknown-method"]


def test_slugs_are_values_of_a_slot_and_checked_as_such() -> None:
    profile = _slugs(600).compile(START)
    assert rules(check(profile, "/blog/some-new-title")) == []
    assert check(profile, "/blog/some-new-title").endpoint == "/blog/{str}"
    assert "profile.charset" in rules(check(profile, "/blog/x'%20or%201=1"))


def test_few_slugs_are_not_taken_for_all_there_are() -> None:
    profile = _slugs(25).compile(START)
    assert rules(check(profile, "/blog/some-new-title")) == []


def test_ids_of_a_wider_type_may_look_like_a_narrower_one() -> None:
    made = learner()
    rng = random.Random(6)
    for number in range(400):
        ident = "".join(rng.choices("abcdef0123456789", k=15)) + "a"
        made.observe(seen(f"/o/{ident}", trusted=True, wall=START + number), START)
    profile = made.compile(START)
    assert check(profile, "/o/1234567890123456").endpoint == "/o/{hex}"
    assert rules(check(profile, "/o/1234567890123456")) == []


def test_a_string_that_holds_json_is_its_own_business() -> None:
    made = learner()
    for number in range(400):
        made.observe(
            seen("/p", json(note=f"text {number}"), method="POST", trusted=True, content_type=JSON), START
        )
    profile = made.compile(START)
    inner = [*json(note="text 5"), Field(Part.JSON, "note{}.a", b"1", kind=Kind.NUMBER)]
    assert rules(check(profile, "/p", [], inner, method="POST", content_type=JSON)) == []


def test_violations_name_their_constraints(profile: Profile) -> None:
    found = check(profile, "/shop/search", args(q="red", page="x", sort="asc"))
    assert found.violations[0] == "GET /shop/search arg.page type"


def test_headers_of_the_apps_own_are_checked() -> None:
    made = learner()
    for number in range(900):
        fields = [
            Field(Part.HEADER, "x-tenant", str(number).encode()),
            Field(Part.HEADER, "user-agent", b"A"),
        ]
        made.observe(seen("/p", fields, trusted=True, wall=START + number), START)
    profile = made.compile(START)
    for headers, expected in (
        ({"X-Tenant": "5"}, []),
        ({"X-Tenant": "5'"}, ["profile.type"]),
        ({"User-Agent": "${x}"}, []),
    ):
        found = profile.check(request("/p", headers=headers), Given(), b"")
        assert rules(found)[:1] == expected
