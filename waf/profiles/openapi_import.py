"""An OpenAPI document (3.0 or 3.1) as pinned constraints on requests, and as a contract for responses.

What a document says wins over what was learned. Takes the document as plain values; gives every problem
with its place in the document and uses the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from waf.errors import Problem
from waf.profiles.constraints import EVERYWHERE, Aspect, Constraint, Key, Origin, Stage
from waf.profiles.contract import Contract, ResponseRule
from waf.profiles.endpoint import learned_header
from waf.profiles.schema_rules import Fields, Refused, Schemas
from waf.profiles.segments import SLOT, literal

METHODS: Final = ("get", "put", "post", "delete", "options", "patch", "trace")
MAX_OPERATIONS: Final = 5_000
MAX_SIZE: Final = 8 * 1024 * 1024  # characters of a document

_FORM: Final = "application/x-www-form-urlencoded"
_SLOTTED: Final = re.compile(r"\{[^{}/]+\}")


class Imported(msgspec.Struct, frozen=True):
    """What a document says. `places` are its templates with their methods, `contract` holds for responses."""

    places: dict[str, frozenset[str]]
    constraints: dict[Key, Constraint]
    contract: Contract
    problems: tuple[Problem, ...]


def read_json(text: str, file: str) -> Any:
    """A document in JSON as plain values. Raises ValueError with a text for people."""
    if len(text) > MAX_SIZE:
        raise ValueError(f"{file}: larger than {MAX_SIZE // 2**20} MiB")
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{file}: {error}") from None


def import_document(document: Any, file: str) -> Imported:
    """Read a document that YAML or JSON was parsed to."""
    return _Reader(document, file).read()


class _Reader:
    def __init__(self, document: Any, file: str) -> None:
        self._document = document if isinstance(document, dict) else {}
        self._file = file
        self._schemas = Schemas(document)
        self._problems: list[Problem] = []
        self._constraints: dict[Key, Constraint] = {}
        self._responses: dict[tuple[str, str], dict[str, ResponseRule]] = {}
        self._places: dict[str, frozenset[str]] = {}
        self._segments_seen: set[str] = set()

    def read(self) -> Imported:
        version = self._document.get("openapi")
        if not isinstance(version, str) or not version.startswith("3."):
            self._wrong("openapi", "not an OpenAPI 3 document", "openapi: 3.1.0")
            return self._done()
        bases = self._bases()
        operations = 0
        for path, item in self._mapping(self._document.get("paths"), "paths").items():
            where = f"paths.{path}"
            if not isinstance(path, str) or not path.startswith("/"):
                self._wrong(where, 'a path starts with "/"')
                continue
            resolved = self._resolved(item, where)
            for method in METHODS:
                operation = resolved.get(method)
                if not isinstance(operation, dict):
                    continue
                operations += 1
                if operations > MAX_OPERATIONS:
                    self._wrong(where, f"more than {MAX_OPERATIONS} operations")
                    return self._done()
                for base in bases:
                    self._operation(base + path, resolved, method.upper(), operation, f"{where}.{method}")
        for template, methods in self._places.items():
            key = Key(template, EVERYWHERE, "", Aspect.METHOD.value)
            self._add(key, sorted(methods | {"OPTIONS"}))
        return self._done()

    def _done(self) -> Imported:
        contract = Contract(self._responses)
        return Imported(self._places, self._constraints, contract, tuple(self._problems))

    def _bases(self) -> list[str]:
        """Paths of the servers, without the last slash; one empty one if there are none."""
        bases = set()
        for server in self._document.get("servers") or []:
            url = server.get("url") if isinstance(server, dict) else None
            if isinstance(url, str) and "{" not in url:
                bases.add(urlsplit(url).path.rstrip("/"))
        return sorted(bases) or [""]

    def _operation(
        self, path: str, item: Mapping[str, Any], method: str, operation: dict[str, Any], where: str
    ) -> None:
        template = template_of(path)
        self._places[template] = self._places.get(template, frozenset()) | {method}
        base = Key(template, method, "", "")
        parameters: dict[tuple[str, str], dict[str, Any]] = {}
        for number, parameter in enumerate(
            [*_list(item.get("parameters")), *_list(operation.get("parameters"))]
        ):
            found = self._resolved(parameter, f"{where}.parameters[{number}]")
            parameters[str(found.get("in")), str(found.get("name"))] = found
        self._query(base, parameters, where)
        self._segments(path, parameters, where)
        self._request_body(base, operation, where)
        self._answers(base, operation, where)

    def _query(self, base: Key, parameters: dict[tuple[str, str], dict[str, Any]], where: str) -> None:
        fields = Fields(self._schemas, base, "arg", kinds=False)
        deep = False
        for (place, name), parameter in parameters.items():
            if place == "query":
                deep |= parameter.get("style") == "deepObject" or "content" in parameter
                try:
                    schema = self._schemas.resolve(parameter.get("schema", True))
                    if schema.get("type") == "array":
                        fields.names.add(name)  # repeated, or joined by commas: the values are not looked at
                    elif schema.get("type") == "object":
                        deep = True
                    else:
                        fields.walk(name, schema, parameter.get("required") is True)
                except Refused as error:
                    self._wrong(f"{where}.parameters.{name}", str(error))
            elif place in ("header", "cookie") and learned_header(name.lower()):
                self._header(place, name, parameter, where)
        self._constraints.update(fields.constraints)
        names = {"*"} if deep else fields.names
        self._add(msgspec.structs.replace(base, address="arg", aspect=Aspect.NAMES.value), sorted(names))

    def _header(self, place: str, name: str, parameter: dict[str, Any], where: str) -> None:
        label = f"{place}.{name.lower() if place == 'header' else name}"
        fields = Fields(self._schemas, Key(EVERYWHERE, EVERYWHERE, "", ""), place, kinds=False)
        try:
            fields.walk(label.partition(".")[2], parameter.get("schema", True), False)
        except Refused as error:
            self._wrong(f"{where}.parameters.{name}", str(error))
            return
        self._constraints.update(fields.constraints)

    def _segments(self, path: str, parameters: dict[tuple[str, str], dict[str, Any]], where: str) -> None:
        """Path parameters that fill a whole segment."""
        template = ""
        for number, segment in enumerate(path[1:].split("/"), 1):
            template += "/" + _segment(segment)
            parameter = parameters.get(("path", segment[1:-1])) if _SLOTTED.fullmatch(segment) else None
            if parameter is None:
                continue
            base = Key(template, EVERYWHERE, "", "")
            fields = Fields(self._schemas, base, "segment", kinds=False)
            try:
                fields.walk(str(number), parameter.get("schema", True), False)
            except Refused as error:
                self._wrong(f"{where}.parameters.{segment[1:-1]}", str(error))
                continue
            self._add_segment(str(number), fields, template)

    def _add_segment(self, number: str, fields: Fields, template: str) -> None:
        """Several paths may differ in nothing but a slot's type; then what any of them takes is taken."""
        first = template not in self._segments_seen
        self._segments_seen.add(template)
        for aspect in Aspect:
            key = Key(template, EVERYWHERE, f"segment.{number}", aspect.value)
            old, new = self._constraints.get(key), fields.constraints.get(key)
            if new is not None and (first or new == old):
                self._constraints[key] = new
            elif new is not None and old is not None and aspect in (Aspect.TYPE, Aspect.ENUM, Aspect.PATTERN):
                self._add(key, sorted({*old.allowed, *new.allowed}))
            else:
                self._constraints.pop(key, None)

    def _request_body(self, base: Key, operation: dict[str, Any], where: str) -> None:
        body = self._resolved(operation.get("requestBody"), f"{where}.requestBody")
        content = self._mapping(body.get("content"), f"{where}.requestBody.content")
        if not content:
            return
        types = [str(name).partition(";")[0].strip().lower() for name in content]
        if not any("*" in name for name in types):
            allowed = types if body.get("required") is True else ["", *types]
            self._add(msgspec.structs.replace(base, aspect=Aspect.CONTENT_TYPE.value), sorted(allowed))
        required = body.get("required") is True and len(content) == 1
        for name, media in content.items():
            part, kinds = _part(str(name))
            if part and isinstance(media, dict) and "schema" in media:
                found = self._schema(
                    base, part, kinds, media["schema"], required, f"{where}.requestBody.{name}"
                )
                self._constraints.update(found)

    def _schema(
        self,
        base: Key,
        part: str,
        kinds: bool,
        schema: Any,
        required: bool,
        where: str,
        *,
        answer: bool = False,
    ) -> dict[Key, Constraint]:
        fields = Fields(self._schemas, base, part, kinds=kinds, answer=answer)
        try:
            fields.walk("", schema, required)
        except Refused as error:
            self._wrong(where, str(error))
            return {}
        key = msgspec.structs.replace(base, address=part, aspect=Aspect.NAMES.value)
        names = tuple(sorted(fields.names))
        found = {k: c for k, c in fields.constraints.items() if k.address != part}
        found[key] = Constraint(key, names, Stage.PROTECT, Origin.OPENAPI)
        return found

    def _answers(self, base: Key, operation: dict[str, Any], where: str) -> None:
        rules: dict[str, ResponseRule] = {}
        for status, answer in self._mapping(operation.get("responses"), f"{where}.responses").items():
            place = f"{where}.responses.{status}"
            content = self._mapping(self._resolved(answer, place).get("content"), place)
            types = tuple(sorted(str(name).partition(";")[0].strip().lower() for name in content))
            found: dict[Key, Constraint] = {}
            for name, media in content.items():
                part, kinds = _part(str(name))
                if part == "json" and isinstance(media, dict) and "schema" in media:
                    found.update(self._schema(base, part, kinds, media["schema"], True, place, answer=True))
            rules[str(status).lower()] = ResponseRule(types, tuple(found.values()))
        if rules:
            self._responses[base.template, base.method] = rules

    def _add(self, key: Key, allowed: Iterable[str]) -> None:
        self._constraints[key] = Constraint(key, tuple(allowed), Stage.PROTECT, Origin.OPENAPI)

    def _resolved(self, value: Any, where: str) -> dict[str, Any]:
        if value is None:
            return {}
        try:
            return self._schemas.resolve(value)
        except Refused as error:
            self._wrong(where, str(error))
            return {}

    def _mapping(self, value: Any, where: str) -> dict[Any, Any]:
        if value is not None and not isinstance(value, dict):
            self._wrong(where, "not a mapping")
        return value if isinstance(value, dict) else {}

    def _wrong(self, path: str, message: str, mend: str = "") -> None:
        self._problems.append(Problem(self._file, 0, path, message, mend))


def template_of(path: str) -> str:
    """An OpenAPI path as a template of ours: every parameter is the untyped slot, its type a constraint."""
    return "/" + "/".join(_segment(segment) for segment in path[1:].split("/"))


def _segment(segment: str) -> str:
    return SLOT if _SLOTTED.search(segment) else literal(segment.encode())


def _part(media_type: str) -> tuple[str, bool]:
    """Where the fields of a body of this type stand, and whether its values have kinds."""
    name = media_type.partition(";")[0].strip().lower()
    if name == "application/json" or name.endswith("+json"):
        return "json", True
    if name in (_FORM, "multipart/form-data"):
        return "form", False
    return "", False


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
