"""The profile as an OpenAPI 3.1 document: what the workload takes, for those who have no document of their
own.

Only closed constraints are said; where names are not closed, more of them are allowed. Constraints that
OpenAPI has no word for (characters, shapes) become one pattern.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from waf.profiles import values as v
from waf.profiles.book import Places
from waf.profiles.constraints import CHARSETS, EVERYWHERE, Aspect, Constraint
from waf.profiles.rules import allowed_bytes

_TYPES: Final[dict[str, dict[str, Any]]] = {
    "int": {"type": "integer"}, "decimal": {"type": "number"}, "bool": {"type": "boolean"},
    "uuid": {"type": "string", "format": "uuid"}, "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"}, "email": {"type": "string", "format": "email"},
    "ipv4": {"type": "string", "format": "ipv4"}, "url": {"type": "string", "format": "uri"},
    "null": {"type": "null"}, "array": {"type": "array"}, "object": {"type": "object"},
}  # fmt: skip
_SLOTS: Final[dict[str, dict[str, Any]]] = {
    "{int}": {"type": "integer"}, "{uuid}": {"type": "string", "format": "uuid"},
    "{date}": {"type": "string", "format": "date"}, "{hex}": {"type": "string", "pattern": "^[0-9a-fA-F]+$"},
}  # fmt: skip
_BODIES: Final = {"form": "application/x-www-form-urlencoded", "json": "application/json"}

Claims = dict[Aspect, tuple[str, ...]]


def export(places: Places, constraints: Iterable[Constraint], title: str, version: str) -> dict[str, Any]:
    """The document as plain values, sorted. `version` is that of the profile."""
    by_place: defaultdict[tuple[str, str], dict[str, Claims]] = defaultdict(lambda: defaultdict(dict))
    for c in constraints:
        by_place[c.key.template, c.key.method][c.key.address][Aspect(c.key.aspect)] = c.allowed
    paths: dict[str, Any] = {}
    for template in sorted(places):
        path, slots = _path(template)
        item: dict[str, Any] = {}
        if slots:
            segments = by_place.get((template, EVERYWHERE), {})
            item["parameters"] = [_slot(name, number, slot, segments) for name, number, slot in slots]
        for method in sorted(places[template]):
            if method.lower() in ("get", "put", "post", "delete", "options", "patch", "trace"):
                item[method.lower()] = _operation(by_place.get((template, method), {}))
        paths[path] = item
    return {"openapi": "3.1.0", "info": {"title": title, "version": version}, "paths": paths}


def _path(template: str) -> tuple[str, list[tuple[str, int, str]]]:
    """The OpenAPI path, and (name, number, slot) of each slot."""
    slots: list[tuple[str, int, str]] = []
    segments = []
    for number, segment in enumerate(template[1:].split("/"), 1):
        if segment[:1] == "{":
            name = f"{segment[1:-1]}{number}"
            slots.append((name, number, segment))
            segments.append("{" + name + "}")
        else:
            segments.append(segment)
    return "/" + "/".join(segments), slots


def _slot(name: str, number: int, slot: str, segments: dict[str, Claims]) -> dict[str, Any]:
    schema = dict(_SLOTS.get(slot) or _schema(segments.get(f"segment.{number}", {})))
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _operation(fields: dict[str, Claims]) -> dict[str, Any]:
    operation: dict[str, Any] = {"responses": {"default": {"description": "any answer"}}}
    parameters = []
    bodies: defaultdict[str, dict[str, Claims]] = defaultdict(dict)
    for address, claims in sorted(fields.items()):
        part, _, name = address.partition(".")
        if part == "arg" and name:
            parameter: dict[str, Any] = {"name": name, "in": "query", "schema": _schema(claims)}
            if Aspect.REQUIRED in claims:
                parameter["required"] = True
            parameters.append(parameter)
        elif part in _BODIES:
            bodies[part][name] = claims
    if parameters:
        operation["parameters"] = parameters
    if bodies:
        content = {_BODIES[part]: {"schema": _body(names)} for part, names in bodies.items()}
        operation["requestBody"] = {"content": content}
        types = fields.get("", {}).get(Aspect.CONTENT_TYPE)
        if types is not None and "" not in types:
            operation["requestBody"]["required"] = True
    return operation


def _body(fields: dict[str, Claims]) -> dict[str, Any]:
    """An object's schema from the paths of its fields."""
    names = fields.get("", {}).get(Aspect.NAMES)
    closed = names is not None and "*" not in names
    root: dict[str, Any] = {}
    every = sorted(name for name in {*fields, *(names or ())} if name and name[-1] != "*")
    for name in every:
        _put(root, re.findall(r"\[\]|[^.\[\]]+", name), fields.get(name, {}), closed)
    if not root:
        root = {"type": "object"}
    if closed and root.get("type") == "object":
        root["additionalProperties"] = False
    return root


def _put(schema: dict[str, Any], steps: list[str], claims: Claims, closed: bool) -> None:
    if not steps:
        schema.update(_schema(claims) if not schema else {})
        return
    first, *rest = steps
    if first == "[]":
        schema["type"] = "array"
        _put(schema.setdefault("items", {}), rest, claims, closed)
        return
    schema["type"] = "object"
    if first == "{}":  # keys that are values
        schema.pop("additionalProperties", None)
        inner = schema.setdefault("additionalProperties", {})
        _put(inner if isinstance(inner, dict) else {}, rest, claims, closed)
        return
    properties = schema.setdefault("properties", {})
    _put(properties.setdefault(first, {}), rest, claims, closed)
    if closed and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    if not rest and Aspect.REQUIRED in claims:
        schema["required"] = sorted({*schema.get("required", ()), first})


def _schema(claims: Claims) -> dict[str, Any]:
    """One value's schema."""
    schema: dict[str, Any] = {}
    kinds: list[dict[str, Any]] = []
    for label in claims.get(Aspect.TYPE, ()):
        kind, _, name = label.rpartition(":")
        said = _TYPES.get(kind) or _TYPES.get(name) or {"type": "string"}
        if kind == "number" and name != "int":
            said = {"type": "number"}
        if said not in kinds:
            kinds.append(said)
    if len(kinds) == 1:
        schema.update(kinds[0])
    elif kinds:
        schema["type"] = sorted({kind["type"] for kind in kinds})
    if Aspect.ENUM in claims and all(value[:1] == "=" for value in claims[Aspect.ENUM]):
        numbers = schema.get("type") == "integer"
        schema["enum"] = [int(v[1:]) if numbers else v[1:] for v in claims[Aspect.ENUM]]
    if Aspect.RANGE in claims:
        for name, bound in zip(("minimum", "maximum"), claims[Aspect.RANGE], strict=True):
            if bound:
                schema[name] = float(bound) if "." in bound else int(bound)
    if schema.get("type", "string") == "string" and "enum" not in schema:
        if Aspect.LENGTH in claims:
            schema["type"] = "string"
            # Bytes: as many characters at most, and never fewer than a fourth.
            least, most = (int(bound) for bound in claims[Aspect.LENGTH])
            schema["minLength"], schema["maxLength"] = (least + 3) // 4, most
        if "format" not in schema and (pattern := _pattern(claims)):
            schema["type"], schema["pattern"] = "string", pattern
    return schema


def _pattern(claims: Claims) -> str:
    if Aspect.PATTERN in claims:
        return claims[Aspect.PATTERN][0]
    types = [label for label in claims.get(Aspect.TYPE, ()) if ":" not in label]
    if types and set(types) <= {"hex", "word", "int"}:
        return "^(?:" + "|".join(v.PATTERNS[v.Type[label.upper()]] for label in types) + ")$"
    if not all(aspect in claims for aspect in CHARSETS):
        return ""
    members = "".join(re.escape(chr(b)) for b in sorted(allowed_bytes(claims)) if b < 0x80)
    more = "\\u0080-\\uffff" if claims[Aspect.SCRIPT] else ""
    return f"^[{members}{more}]*$"
