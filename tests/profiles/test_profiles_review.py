"""Profiles as people see them: YAML, diffs, edits, evidence, status; HAR."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from tests.profiles.traffic import SOURCES, START, args, check, learned_shop, learner, rules, seen, shop
from tests.together import together
from waf.errors import ConfigError
from waf.model import Field, Part, Request
from waf.profiles.closing import LEAST
from waf.profiles.constraints import Constraint, Key, Origin, Stage
from waf.profiles.har import Skipped, observations
from waf.profiles.learner import Learner
from waf.profiles.model import STALE
from waf.profiles.promote import UNHELD, WAITS
from waf.profiles.report import SILENT, plain, shadows, status, zombies
from waf.profiles.review import diff, take_document, take_edits, waiting
from waf.profiles.yaml_view import Document, evidence_of, parse, text_of

TYPE = Key("/shop/search", "GET", "arg.page", "type")
SORT = Key("/shop/search", "GET", "arg.sort", "enum")


@pytest.fixture
def made() -> Learner:
    made = learned_shop(1_500)
    made.advance(START)
    return made


def test_the_text_says_all_and_nothing_is_lost_on_the_way_back(made: Learner) -> None:
    text = text_of(made.book, "shop")
    document = parse(text, "profile.yaml")
    assert document.workload == "shop"
    shown = sorted((made.book.shown(c) for c in made.book.constraints()), key=lambda c: c.key)
    assert list(document.constraints) == shown
    assert take_edits(made.book, document, START) == []
    assert made.book.pins == {}
    assert text_of(made.book, "shop") == text


def test_the_text_has_no_counters(made: Learner) -> None:
    before = text_of(made.book, "shop")
    assert "asc" in before
    for number in range(50):
        made.observe(
            seen("/shop/search", args(q="red", page=str(number % 20 + 1), sort="asc"), trusted=True), START
        )
    made.advance(START)
    assert text_of(made.book, "shop") == before


def test_edits_become_pins_stages_and_ignored_lines(made: Learner) -> None:
    text = text_of(made.book, "shop")
    edited = text.replace("allow: [=asc, =desc]", "allow: [=asc, =desc, =price]")
    assert edited != text
    changes = take_edits(made.book, parse(edited, "p.yaml"), START)
    assert [str(change) for change in changes if change.key == SORT] == [f"~ {SORT}: +price, now pinned"]
    assert made.book.pins[SORT].origin is Origin.PINNED
    document = parse(text, "p.yaml")
    fewer = tuple(c for c in document.constraints if c.key != TYPE)
    take_edits(made.book, type(document)(document.workload, fewer), START)
    assert made.book.ignored == ("GET /shop/search arg.page type",)
    assert rules(check(made.profile(), "/shop/search", args(q="red", page="x", sort="asc"))) != [
        "profile.type"
    ]


def test_a_stage_can_be_set_by_editing(made: Learner) -> None:
    document = parse(text_of(made.book, "shop"), "p.yaml")
    staged = tuple(
        Constraint(c.key, c.allowed, Stage.STAGE, c.origin) if c.key == TYPE else c
        for c in document.constraints
    )
    changes = take_edits(made.book, type(document)(document.workload, staged), START)
    assert [str(change) for change in changes] == [f"~ {TYPE}: protect to stage"]


WRONG = [
    ("endpoints: {}", 0, "profile", "format"),
    ("profile: 7", 1, "profile", "format"),
    ("profile: 1\nendpoint: {}", 2, "endpoint", "unknown key"),
    ("profile: 1\nendpoints: [a]", 2, "endpoints", "not a mapping"),
    ("profile: 1\nendpoints:\n  login: {}", 3, "endpoints.login", "path template"),
    ("profile: 1\nendpoints:\n  GET /a:\n    arg.q:\n      typ: {allow: [int]}", 5, "endpoints.GET /a.arg.q.typ", "no such"),
    ("profile: 1\nendpoints:\n  GET /a:\n    arg.q:\n      type: {allow: [integer]}", 5, "endpoints.GET /a.arg.q.type.allow",
     "no type"),
    ("profile: 1\nendpoints:\n  GET /a:\n    arg.q:\n      type: {allow: [int], stage: on}", 5,
     "endpoints.GET /a.arg.q.type.stage", "discover, stage, protect"),
    ("profile: 1\nendpoints:\n  GET /a:\n    arg.q:\n      length: {allow: [1]}", 5, "endpoints.GET /a.arg.q.length.allow",
     "2 values"),
    ("profile: 1\nendpoints:\n  GET /a:\n    arg.q:\n      enum: {allow: [a]}", 5, "endpoints.GET /a.arg.q.enum.allow", '"="'),
    ("profile: 1\nendpoints:\n  GET /a:\n    arg.q:\n      charset.code: {allow: [xx]}", 5,
     "endpoints.GET /a.arg.q.charset.code.allow", "character class"),
    ("profile: 1\nendpoints:\n  GET /a:\n    arg.q:\n      pattern: {allow: ['(']}", 5,
     "endpoints.GET /a.arg.q.pattern.allow", "unterminated"),
    ("profile: 1\nignored: [x]", 2, "ignored", "METHOD"),
    ("profile: 1\nprofile: 1", 2, "profile", "twice"),
]  # fmt: skip


@together(("text", "line", "path", "message"), WRONG)
def test_mistakes_are_told_with_their_line(text: str, line: int, path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "profile.yaml")
    problem = caught.value.problems[0]
    assert (problem.line, problem.path) == (line, path)
    assert message in str(problem)


def test_every_mistake_is_told_at_once() -> None:
    text = "profile: 1\nendpoints:\n  GET /a:\n    arg.q:\n      typ: {}\n      enum: {allow: [a]}\n      length: 5"
    with pytest.raises(ConfigError) as caught:
        parse(text, "p.yaml")
    assert len(caught.value.problems) == 3


def test_diffs_say_what_came_and_went() -> None:
    key = Key("/p", "GET", "arg.q", "enum")
    a, b = Constraint(key, ("=x", "=y"), Stage.STAGE), Constraint(key, ("=y", "=z"), Stage.PROTECT)
    other = Constraint(Key("/p", "GET", "arg.r", "length"), ("1", "9"))
    assert [str(c) for c in diff([a, other], [b])] == [
        "~ GET /p arg.q enum: -x +z, stage to protect",
        "- GET /p arg.r length: 1 to 9 bytes (discover)",
    ]
    assert [str(c) for c in diff([], [other])] == ["+ GET /p arg.r length: 1 to 9 bytes (discover)"]
    assert diff([a], [a]) == []


def test_what_waits_for_a_person_is_listed(made: Learner) -> None:
    assert waiting(made.book) == []
    entry = made.book.entries[SORT]
    entry.wanted = (*entry.constraint.allowed, "#000000000000001")
    (change,) = waiting(made.book)
    assert str(change) == f"~ {SORT}: +#000000000000001"


def test_the_evidence_is_a_text_of_its_own(made: Learner) -> None:
    text = evidence_of(made.candidates(), made.book)
    line = next(line for line in text.splitlines() if str(TYPE) in line)
    for word in ("hours", "requests", "sources", "unseen", "stage: protect", "why"):
        assert word in line


def test_the_status_tells_how_far_each_endpoint_is(made: Learner) -> None:
    for number in range(5):
        made.observe(seen("/shop/new", args(a=str(number)), trusted=True, entities=("pan",)), START)
    made.advance(START)
    rows = {(s.method, s.template): s for s in status(made.state, made.book, made.candidates())}
    old, new = rows["GET", "/shop/search"], rows["GET", "/shop/new"]
    assert old.ready
    assert old.protected == old.protected + old.staged > 5
    assert not new.ready
    assert f"seen in 5 requests, needs {LEAST}" in new.why_not
    assert new.entities == ("pan",)
    assert [row.requests for row in rows.values()] == sorted(
        (row.requests for row in rows.values()), reverse=True
    )
    assert all(row["sources"] is None or row["sources"] >= 0 for row in plain(rows.values()))


def test_shadows_and_zombies() -> None:
    made = learner()
    made.observe(seen("/users/5", wall=START), START)
    made.observe(seen("/users/5", method="DELETE", wall=START), START)
    made.observe(seen("/old", wall=START - 2 * STALE), START)
    made.observe(seen("/users/5", method="OPTIONS", wall=START), START)
    documented = {"/users/{str}": frozenset({"GET"}), "/never": frozenset({"POST"})}
    assert shadows(made.state, documented) == [("/old", "GET"), ("/users/{int}", "DELETE")]
    found = {(t, m): why for t, m, why in zombies(made.state, documented, START)}
    assert found == {
        ("/never", "POST"): "in the document, never seen",
        ("/old", "GET"): "not seen for 180 days",
    }
    later = {(t, m): why for t, m, why in zombies(made.state, documented, START + SILENT + 86_400)}
    assert later["/users/{str}", "GET"] == "in the document, not seen for 31 days"


# ------------------------------------------------------------------------------------------------------ HAR


def read(request: Request, body: bytes) -> list[Field]:
    pairs = [pair.partition(b"=") for part in (request.query, body) if part for pair in part.split(b"&")]
    return [Field(Part.ARG, name.decode(), value) for name, _, value in pairs]


def entry(url: str, *, status: int = 200, **more: object) -> dict[str, object]:
    asked = {"method": "GET", "url": url, "headers": [{"name": ":authority", "value": "x"}], **more}
    answer = {"status": status, "content": {"mimeType": "text/html; charset=utf-8"}, "bodySize": 12}
    return {"startedDateTime": "2024-05-01T10:00:00.000Z", "request": asked, "response": answer}


def test_a_recording_is_learned_from() -> None:
    posted = {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a b", "value": "1&2"}]}
    har = {
        "log": {
            "entries": [
                entry("https://app.example/shop/ä?q=1&r=a%20b"),
                entry("https://app.example/login", method="POST", postData=posted),
                entry(
                    "https://app.example/raw", method="POST", postData={"text": "eD0x", "encoding": "base64"}
                ),
                entry("https://cdn.example/x.js"),
                entry("https://app.example/aborted", status=0),
                {"request": {}},
                None,
            ]
        }
    }
    skipped = Skipped()
    found = list(observations(har, read, SOURCES, skipped, host="app.example"))
    assert [(o.method, o.path) for o in found] == [
        (b"GET", b"/shop/%C3%A4"), (b"POST", b"/login"), (b"POST", b"/raw"),
    ]  # fmt: skip
    assert [(f.name, f.value) for f in found[0].fields] == [("q", b"1"), ("r", b"a%20b")]
    assert [(f.name, f.value) for f in found[1].fields] == [("a%20b", b"1%262")]
    assert [(f.name, f.value) for f in found[2].fields] == [("x", b"1")]
    assert (found[0].wall, found[0].status, found[0].trusted) == (1714557600.0, 200, True)
    assert skipped.reasons == {"another host": 1, "no answer recorded": 1, "not understood: KeyError": 1,
                               "not understood: TypeError": 1}  # fmt: skip


@pytest.mark.parametrize("har", [None, [], {}, {"log": None}, {"log": {"entries": 5}}])
def test_what_is_no_recording_gives_nothing(har: object) -> None:
    assert list(observations(har, read, SOURCES, Skipped())) == []


# ------------------------------------------------------------------------------------------ from a repository


def written(*constraints: Constraint, ignored: tuple[str, ...] = ()) -> Document:
    return Document("shop", tuple(sorted(constraints, key=lambda c: c.key)), ignored)


def test_what_a_document_repeats_is_left_to_learning(made: Learner) -> None:
    document = parse(text_of(made.book, "shop"), "profile.yaml")
    assert take_document(made.book, None, document, START) == []
    assert made.book.pins == {}
    entry = made.book.entries[SORT]
    entry.constraint = replace(entry.constraint, allowed=("=asc", "=desc", "=new"))  # learned since
    assert take_document(made.book, document, document, START) == []
    assert made.book.pins == {}


def test_a_changed_line_is_pinned_and_a_stage_is_moved(made: Learner) -> None:
    document = parse(text_of(made.book, "shop"), "profile.yaml")
    own = next(c for c in document.constraints if c.key == TYPE)
    edited = [c for c in document.constraints if c.key != TYPE]
    changed = take_document(made.book, document, written(*edited, replace(own, allowed=("word",))), START)
    assert TYPE in [change.key for change in changed]
    assert made.book.pins[TYPE].allowed == ("word",)
    former = written(*edited, replace(own, allowed=("word",)))
    other = Stage.STAGE if made.book.entries[SORT].constraint.stage is Stage.PROTECT else Stage.PROTECT
    moved = [replace(c, stage=other) if c.key == SORT else c for c in former.constraints]
    take_document(made.book, former, written(*moved), START)
    assert made.book.entries[SORT].constraint.stage is other
    assert SORT not in made.book.pins


def test_a_line_that_is_taken_away_is_ignored_and_stays_so(made: Learner) -> None:
    document = parse(text_of(made.book, "shop"), "profile.yaml")
    without = written(*(c for c in document.constraints if c.key != SORT))
    # A first document says nothing of what it does not name: it may have been learned since it was written.
    assert take_document(made.book, None, without, START) == []
    take_document(made.book, document, without, START)
    assert SORT not in {c.key for c in made.book.constraints()}
    later = written(*without.constraints, ignored=("POST /x",))
    take_document(made.book, without, later, START)
    assert SORT not in {c.key for c in made.book.constraints()}, "the next document does not name it either"
    take_document(made.book, later, document, START)
    assert SORT in {c.key for c in made.book.constraints()}, "written again, it counts again"
    assert made.book.ignored == ()


def test_with_its_endpoint_a_pin_goes_and_nothing_is_ignored(made: Learner) -> None:
    pinned = Constraint(TYPE, ("word",), Stage.PROTECT, Origin.PINNED)
    take_document(made.book, None, written(pinned), START)
    assert made.book.pins == {TYPE: pinned}
    take_document(made.book, written(pinned), written(), START)
    assert made.book.pins == {}
    assert made.book.ignored == ()
    assert TYPE in {c.key for c in made.book.constraints()}, "what was learned counts again"


def test_an_openapi_document_is_sent_where_it_belongs() -> None:
    with pytest.raises(ConfigError, match=r"profiles\.openapi"):
        parse("openapi: 3.1.0\npaths: {}\n", "shop.yaml")


def test_a_pin_holds_where_nothing_was_learned() -> None:
    made = learner()
    made.book.pin(Constraint(Key("/new", "POST", "arg.id", "length"), ("0", "2"), Stage.PROTECT))
    made.book.pin(Constraint(Key("*", "*", "header.x-own", "length"), ("0", "2"), Stage.PROTECT))
    profile = made.profile()
    assert rules(check(profile, "/new", args(id="123"), method="POST")) == ["profile.length"]
    assert not rules(check(profile, "/new", args(id="12"), method="POST"))
    assert made.book.all_places() == {"/new": frozenset({"POST"})}


def test_people_are_told_what_staged_constraints_wait_for() -> None:
    rng = random.Random(1)
    made = learner("discover", sources=1)

    def reasons() -> set[str]:
        rows = status(made.state, made.book, made.candidates())
        return {why for row in rows for why in row.why_not if row.staged}

    for number in range(1_500):
        wall = START + number * 120
        made.observe(shop(rng, source=f"10.0.{number % 40}.1", wall=wall), wall)
    made.advance(START + 200_000)
    assert WAITS in reasons()
    made = learner("discover")
    for number in range(1_500):
        wall = START + number * 120
        made.observe(shop(rng, source=f"10.0.{number % 40}.1", wall=wall), wall)
    made.advance(START + 200_000)
    assert UNHELD in reasons()
    watching = learner("monitor")
    watching.succeed(made)
    watching.advance(START + 200_100)
    made = watching
    assert UNHELD not in reasons()
    assert any(why.startswith("watched for 0 of ") for why in reasons())
