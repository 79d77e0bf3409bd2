"""OpenAPI both ways: documents as pinned constraints and contracts, profiles as documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.profiles.traffic import JSON, START, args, check, form, learned_shop, learner, rules, seen
from tests.profiles.traffic import json as fields_of_json
from waf.model import Field, Kind, Part
from waf.profiles.check import Profile
from waf.profiles.contract import fields_of
from waf.profiles.learner import Learner
from waf.profiles.openapi_export import export
from waf.profiles.openapi_import import Imported, import_document, read_json, template_of
from waf.profiles.rules import check_allowed

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://app.example/api/"}],
    "components": {
        "parameters": {"Page": {"name": "page", "in": "query", "schema": {"type": "integer", "minimum": 1}}},
        "schemas": {
            "Item": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "price"],
                "properties": {
                    "name": {"type": "string", "minLength": 2, "maxLength": 10, "pattern": "^[A-Z]"},
                    "price": {"type": "number", "exclusiveMinimum": 0},
                    "kind": {"enum": ["book", "film"]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "maker": {
                        "type": ["object", "null"],
                        "properties": {"id": {"type": "string", "format": "uuid"}},
                    },
                    "gone": {"type": "boolean"},
                },
            },
            "Loop": {"$ref": "#/components/schemas/Loop"},
        },
    },
    "paths": {
        "/items": {
            "parameters": [{"$ref": "#/components/parameters/Page"}],
            "get": {
                "parameters": [
                    {"name": "sort", "in": "query", "required": True, "schema": {"enum": ["asc", "desc"]}}
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
                            }
                        }
                    },
                    "4XX": {"description": "no"},
                },
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Item"}}},
                },
                "responses": {"default": {"description": "any"}},
            },
        },
        "/items/{id}": {
            "get": {
                "parameters": [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "integer", "maximum": 999},
                    }
                ],
                "responses": {},
            }
        },
    },
}


@pytest.fixture(scope="module")
def imported() -> Imported:
    made = import_document(DOCUMENT, "api.yaml")
    assert made.problems == ()
    assert [wrong for c in made.constraints.values() if (wrong := check_allowed(c))] == []
    return made


@pytest.fixture(scope="module")
def profile(imported: Imported) -> Profile:
    made = learner()
    made.pin_documents([imported])
    return made.compile(START)


GOOD = fields_of_json(name="Alpha", price=9.5)
SAID = [
    # path, head, body, method: rules
    ("/api/items", args(sort="asc", page="2"), [], "GET", []),
    ("/api/items", args(sort="up"), [], "GET", ["profile.enum"]),
    ("/api/items", args(sort="asc", page="0"), [], "GET", ["profile.range"]),
    ("/api/items", args(sort="asc", page="two"), [], "GET", ["profile.type"]),
    ("/api/items", args(), [], "GET", ["profile.missing-parameter"]),
    ("/api/items", args(sort="asc", debug="1"), [], "GET", ["profile.unknown-parameter"]),
    ("/api/items", args(), [], "DELETE", ["profile.unknown-method"]),
    ("/api/items/5", [], [], "GET", []),
    ("/api/items/abc", [], [], "GET", ["profile.type"]),
    ("/api/items/1000", [], [], "GET", ["profile.range"]),
    ("/api/items", [], GOOD, "POST", []),
    ("/api/items", [], fields_of_json(name="Alpha"), "POST", ["profile.missing-parameter"]),
    ("/api/items", [], fields_of_json(name="alpha", price=9), "POST", ["profile.pattern"]),
    ("/api/items", [], fields_of_json(name="A" * 11, price=9), "POST", ["profile.pattern"]),
    ("/api/items", [], fields_of_json(name="Äöüäöüäöüä"[:10], price=9), "POST", ["profile.pattern"]),
    ("/api/items", [], fields_of_json(name="Aöüäöüäöüä", price=9), "POST", []),
    ("/api/items", [], [*GOOD, *fields_of_json(kind="song")], "POST", ["profile.enum"]),
    ("/api/items", [], [*GOOD, *fields_of_json(admin=True)], "POST", ["profile.unknown-parameter"]),
    ("/api/items", [], [*GOOD, *fields_of_json(gone="yes")], "POST", ["profile.type"]),
    ("/api/items", [], [*GOOD, Field(Part.JSON, "tags[]", b"x")], "POST", []),
    ("/api/items", [], [*GOOD, Field(Part.JSON, "tags", b"[]", kind=Kind.ARRAY)], "POST", []),
    ("/api/items", [], [*GOOD, Field(Part.JSON, "maker.id", b"5")], "POST", ["profile.type"]),
    ("/other", args(x="'"), [], "GET", []),
]  # fmt: skip


@pytest.mark.parametrize(("path", "head", "body", "method", "expected"), SAID)
def test_what_a_document_says_holds_at_once(
    profile: Profile, path: str, head: list[Field], body: list[Field], method: str, expected: list[str]
) -> None:
    found = check(profile, path, head, body, method=method, content_type=JSON if body else b"")
    assert rules(found, enforced=True) == expected
    assert all(finding.tags[1] == "openapi" for finding in found.findings)


def test_a_document_wins_over_what_was_learned() -> None:
    made = learned_shop(1_500)
    document = {
        "openapi": "3.0.3",
        "paths": {
            "/shop/search": {
                "get": {
                    "parameters": [
                        {"name": "q", "in": "query", "schema": {"type": "string"}},
                        {"name": "page", "in": "query", "schema": {"type": "string", "nullable": True}},
                        {"name": "sort", "in": "query", "schema": {"enum": ["asc", "price high to low"]}},
                        {"name": "new", "in": "query", "schema": {"type": "string"}},
                    ]
                }
            },
            "/shop/items/{id}": {
                "get": {"parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}}]}
            },
            "/shop/fresh/{id}": {"get": {}},
        },
    }
    made.pin_documents([import_document(document, "api.json")])
    profile = made.compile(START)
    fine = args(q="red", page="3", sort="price high to low", new="x")
    assert rules(check(profile, "/shop/search", fine)) == []
    assert rules(check(profile, "/shop/search", args(q="red", page="3", sort="desc"))) == ["profile.enum"]
    assert rules(check(profile, "/shop/fresh/1")) == []
    assert check(profile, "/shop/items/12a").endpoint == "/shop/items/{str}"
    assert rules(check(profile, "/shop/items/12a")) == []
    assert rules(check(profile, "/shop/nothing")) == ["profile.unknown-path"]


BROKEN = [
    ({}, "openapi"),
    ({"openapi": "2.0"}, "openapi"),
    ({"openapi": "3.1.0", "paths": []}, "paths"),
    ({"openapi": "3.1.0", "paths": {"x": {}}}, "paths.x"),
    ({"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"$ref": "http://evil/x"}]}}}}, "paths./a.get.parameters[0]"),
    ({"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"$ref": "#/nowhere"}]}}}}, "paths./a.get.parameters[0]"),
    (
        {"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"name": "q", "in": "query", "schema": {"type": "string", "pattern": "(a+)+$"}}]}}}},
        "paths./a.get.parameters.q",
    ),
    (
        {"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"name": "q", "in": "query", "schema": {"type": "string", "pattern": "^((\\w+)\\s?)*$"}}]}}}},
        "paths./a.get.parameters.q",
    ),
    (
        {"openapi": "3.1.0", "paths": {"/a": {"get": {"parameters": [{"name": "q", "in": "query", "schema": {"type": "string", "pattern": "("}}]}}}},
        "paths./a.get.parameters.q",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "path"), BROKEN)
def test_problems_are_told_with_their_place(document: dict[str, Any], path: str) -> None:
    made = import_document(document, "api.yaml")
    assert [problem.path for problem in made.problems] == [path]


@pytest.mark.parametrize(
    "document", [None, 5, "x", [], {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": 5}}}}}]
)
def test_nonsense_is_no_crash(document: object) -> None:
    import_document(document, "api.yaml")


def test_references_that_go_round_end() -> None:
    document = {
        "openapi": "3.1.0",
        "components": {"schemas": {"Tree": {"type": "object", "properties": {"left": {"$ref": "#/components/schemas/Tree"}}}}},
        "paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Tree"}}}}}}},
    }  # fmt: skip
    made = import_document(document, "api.yaml")
    assert made.problems == ()
    loop = {
        **DOCUMENT,
        "paths": {
            "/a": {
                "get": {
                    "parameters": [
                        {"name": "q", "in": "query", "schema": {"$ref": "#/components/schemas/Loop"}}
                    ]
                }
            }
        },
    }
    assert "refers to itself" in str(import_document(loop, "x").problems[0])


def test_one_of_several_schemas_allows_the_names_of_all() -> None:
    branches = [{"properties": {"a": {"type": "integer"}}, "additionalProperties": False},
                {"properties": {"b": {"type": "string"}}, "additionalProperties": False}]  # fmt: skip
    document = {"openapi": "3.1.0", "paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {
        "schema": {"oneOf": branches}}}}}}}}  # fmt: skip
    made = learner()
    made.pin_documents([import_document(document, "x")])
    profile = made.compile(START)
    for body, expected in (({"a": 1}, []), ({"b": "x"}, []), ({"c": 1}, ["profile.unknown-parameter"])):
        assert (
            rules(check(profile, "/a", [], fields_of_json(**body), method="POST", content_type=JSON))
            == expected
        )


def test_forms_are_described_without_kinds() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    document = {"openapi": "3.0.0", "paths": {"/a": {"post": {"requestBody": {"content": {
        "application/x-www-form-urlencoded": {"schema": schema}}}}}}}  # fmt: skip
    made = learner()
    made.pin_documents([import_document(document, "x")])
    profile = made.compile(START)
    urlencoded = b"application/x-www-form-urlencoded"
    assert rules(check(profile, "/a", [], form(n="5"), method="POST", content_type=urlencoded)) == []
    assert rules(check(profile, "/a", [], form(n="x"), method="POST", content_type=urlencoded)) == [
        "profile.type"
    ]
    assert rules(check(profile, "/a", [], form(n="5"), method="POST", content_type=JSON)) == [
        "profile.content-type"
    ]


ANSWERS = [
    (200, "application/json", [{"name": "Alpha", "price": 1}], []),
    (200, "application/json", [{"name": "Alpha", "price": "1"}], ["profile.response-schema"]),
    (200, "application/json", [{"name": "Alpha", "price": 1, "secret": "x"}], ["profile.response-schema"]),
    (200, "text/html", None, ["profile.response-type"]),
    (404, "text/plain", None, []),
    (500, "text/plain", None, ["profile.response-status"]),
]


@pytest.mark.parametrize(("status", "kind", "document", "expected"), ANSWERS)
def test_answers_are_held_against_the_document(
    imported: Imported, status: int, kind: str, document: object, expected: list[str]
) -> None:
    found = imported.contract.check("/api/items", "GET", status, kind, document)
    assert [finding.rule for finding in found] == expected
    assert not any(finding.enforced for finding in found)
    assert imported.contract.check("/elsewhere", "GET", status, kind, document) == []


def test_fields_of_answers_are_named_as_those_of_requests() -> None:
    names = {
        field.name: field.value for field in fields_of({"a": [{"b": 1}, {"b": True}], "c": None, "d": "x"})
    }
    assert names == {"a[].b": b"true", "c": b"null", "d": b"x"} or names["a[].b"] in (b"1", b"true")
    assert len(list(fields_of([0] * 10_000))) <= 2_000


@pytest.mark.parametrize(
    ("path", "template"), [("/a/{id}", "/a/{str}"), ("/a/{id}.json", "/a/{str}"), ("/a b", "/a%20b")]
)
def test_templates(path: str, template: str) -> None:
    assert template_of(path) == template


# --------------------------------------------------------------------------------------------------- export


def exported(made: Learner) -> dict[str, Any]:
    book = made.book
    return export(book.all_places(), (book.shown(c) for c in book.constraints()), "shop", "1")


def test_the_export_says_what_was_learned() -> None:
    made = learned_shop(1_500)
    made.advance(START)
    document = exported(made)
    search = document["paths"]["/shop/search"]["get"]
    by_name = {p["name"]: p for p in search["parameters"]}
    assert by_name["sort"]["schema"]["enum"] == ["asc", "desc"]
    assert by_name["sort"]["required"]
    assert by_name["page"]["schema"]["type"] == "integer"
    item = document["paths"]["/shop/items/{int3}"]
    assert item["parameters"][0]["schema"] == {"type": "integer"}
    note = document["paths"]["/shop/notes"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert note["additionalProperties"] is False
    assert note["properties"]["open"]["type"] == "boolean"
    login = document["paths"]["/shop/login"]["post"]["requestBody"]["content"][
        "application/x-www-form-urlencoded"
    ]
    assert login["schema"]["properties"]["go"]["enum"] == ["Enter"]
    assert json.loads(json.dumps(document)) == document


def test_what_is_exported_can_be_imported_and_takes_the_same_traffic() -> None:
    made = learned_shop(1_500)
    made.advance(START)
    again = import_document(exported(made), "export.json")
    assert again.problems == ()
    fresh = learner()
    fresh.pin_documents([again])
    profile = fresh.compile(START)
    assert rules(check(profile, "/shop/search", args(q="red old", page="3", sort="asc"))) == []
    assert "profile.enum" in rules(check(profile, "/shop/search", args(q="red", page="3", sort="up")))
    assert "profile.type" in rules(check(profile, "/shop/items/abc"))


def test_nested_documents_keep_their_form() -> None:
    made = learner()
    for number in range(900):
        fields = [
            Field(Part.JSON, "a.b[].c", str(number).encode(), kind=Kind.NUMBER),
            Field(Part.JSON, "m.17.x", b"t"),
        ]
        made.observe(seen("/p", fields, method="POST", trusted=True, content_type=JSON), START)
    made.advance(START)
    schema = exported(made)["paths"]["/p"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["a"]["properties"]["b"]["items"]["properties"]["c"]["type"] == "integer"
    assert "x" in schema["properties"]["m"]["additionalProperties"]["properties"]


def test_json_texts_are_read_and_bounded() -> None:
    assert read_json('{"a": 1}', "x") == {"a": 1}
    with pytest.raises(ValueError, match="x: "):
        read_json("{", "x")
    with pytest.raises(ValueError, match="larger"):
        read_json(" " * (8 * 1024 * 1024 + 1), "x")


def document_of(schema: dict[str, Any]) -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": schema}}}
    operation = {"requestBody": {"required": True, **content}, "responses": {"200": content}}
    return {"openapi": "3.0.3", "paths": {"/users": {"post": operation}}}


PERSON = {
    "type": "object",
    "required": ["id", "name", "secret", "at"],
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "name": {"type": "string"},
        "secret": {"type": "string", "writeOnly": True},
        "at": {"type": "object", "required": ["a.b"], "properties": {"a.b": {"type": "string"}}},
    },
}


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ({"id": 1, "name": "x", "at": {"a.b": "y"}}, []),
        ({"id": 1, "name": None, "at": {"a.b": "y"}}, []),  # of another type, which is told as that
        ({"name": "x", "at": {"a.b": "y"}}, ["response.json.id"]),
        ({"id": 1, "name": "x", "at": {}}, ["response.json.at.a.b"]),
        ({"id": 1, "name": "x", "at": 5}, ["response.json.at.a.b"]),
        ([], ["response.json.at.a.b", "response.json.id", "response.json.name"]),
    ],
)
def test_answers_have_what_the_document_requires(answer: object, missing: list[str]) -> None:
    contract = import_document(document_of(PERSON), "x").contract
    found = contract.check("/users", "POST", 200, "application/json", answer)
    assert sorted(f.address for f in found if "missing" in f.detail) == missing


def test_a_request_need_not_have_what_is_for_answers_alone() -> None:
    made = learner()
    made.pin_documents([import_document(document_of(PERSON), "x")])
    profile = made.compile(START)

    def broken(*names: str) -> list[str]:
        body = [Field(Part.JSON, name, b"x") for name in names]
        return rules(check(profile, "/users", [], body, method="POST", content_type=JSON))

    assert broken("name", "secret", "at.a.b") == []
    assert broken("name", "at.a.b") == ["profile.missing-parameter"]
