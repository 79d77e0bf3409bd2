"""From a JSON Schema (draft 2020-12, as OpenAPI 3.0 and 3.1 use it) to constraints on fields.

Covers what describes data: type, enum, const, pattern, length, range, format, properties, required,
additionalProperties, items, allOf, oneOf, anyOf, nullable. Only references within the document are followed.
Bounded in depth and number: a document that a person was given is no program to be run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from waf.prefilter.ways import BOUNDED, ways
from waf.profiles.constraints import Aspect, Constraint, Key, Origin, Stage

MAX_DEPTH: Final = 12  # of nested properties
MAX_FIELDS: Final = 2_000  # of one schema
MAX_REFERENCES: Final = 20_000  # followed while reading one document
MAX_PATTERN: Final = 1_000  # characters

_FORMATS: Final = {
    "uuid": "uuid", "date": "date", "date-time": "datetime", "email": "email", "ipv4": "ipv4",
}  # fmt: skip
_KINDS: Final = {
    "string": ("text",),
    "integer": ("number:int",),
    "number": ("number:int", "number:decimal", "number:word"),
    "boolean": ("bool:bool",),
    "null": ("null:word", "null:empty"),
    "object": ("object:text",),
    "array": ("array:text",),
}
_PLAIN: Final = {
    "string": ("text",), "integer": ("int",), "number": ("int", "decimal"), "boolean": ("bool",), "null": ("empty",),
}  # fmt: skip
"""The same where values have no kinds: in queries, forms, headers and paths."""


class Refused(ValueError):
    """A schema that cannot be used; the text says why."""


class Schemas:
    """Resolves references within one document."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = MAX_REFERENCES

    def resolve(self, schema: Any) -> dict[str, Any]:
        """The schema that is meant, allOf taken together. Raises Refused."""
        seen: set[str] = set()
        while isinstance(schema, dict) and isinstance(reference := schema.get("$ref"), str):
            self._left -= 1
            if reference in seen or self._left < 0:
                raise Refused(f"{reference} refers to itself")
            seen.add(reference)
            schema = self._target(reference)
        if schema is True or schema is None:
            return {}
        if not isinstance(schema, dict):
            raise Refused("a schema is a mapping")
        parts = schema.get("allOf")
        if isinstance(parts, list):
            whole = {name: value for name, value in schema.items() if name != "allOf"}
            for part in parts[:50]:
                whole = _both(whole, self.resolve(part))
            return whole
        return schema

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise Refused(f"{reference[:100]}: only references within the document are followed")
        target = self._root
        for escaped in reference[2:].split("/"):
            step = escaped.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or step not in target:
                raise Refused(f"{reference[:100]} does not exist")
            target = target[step]
        return target


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    result = {**one, **other}
    for name in ("properties",):
        if isinstance(one.get(name), dict) and isinstance(other.get(name), dict):
            result[name] = {**one[name], **other[name]}
    required = [*one.get("required", ()), *other.get("required", ())]
    if required:
        result["required"] = required
    return result


class Fields:
    """Collects the constraints of one body, query or response: `names` seen, `constraints` made.

    A property that is for answers alone need not stand in a request that has it among its `required`, and the other way
    round (`readOnly` and `writeOnly`, JSON Schema Validation 2020-12 section 9.4, OpenAPI 3.0.3 section 4.7.24.1).
    """

    def __init__(self, schemas: Schemas, base: Key, part: str, *, kinds: bool, answer: bool = False) -> None:
        self._elsewhere = "writeOnly" if answer else "readOnly"
        self._schemas = schemas
        self._base = base
        self._part = part
        self._kinds = _KINDS if kinds else _PLAIN
        self.names: set[str] = set()
        self.constraints: dict[Key, Constraint] = {}

    def anything_below(self, name: str) -> None:
        """The document does not list all that may stand below `name`."""
        self.names.add(f"{name}.*" if name else "*")

    def say(self, name: str, aspect: Aspect, allowed: Iterable[str]) -> None:
        """Add one claim about a field."""
        prefix = f"{self._part}.{name}" if name else self._part
        key = Key(self._base.template, self._base.method, prefix, aspect.value)
        self.constraints[key] = Constraint(key, tuple(allowed), Stage.PROTECT, Origin.OPENAPI)

    def walk(self, name: str, schema: Any, required: bool, depth: int = 0) -> None:
        """Describe the field `name` and all below it."""
        if len(self.names) >= MAX_FIELDS or depth > MAX_DEPTH:  # perhaps it contains itself
            self.names.add("*")
            return
        schema = self._schemas.resolve(schema)
        branches = [*_list(schema.get("oneOf")), *_list(schema.get("anyOf"))]
        if branches:
            self._walk_branches(name, branches, depth)
            return
        types = _types(schema)
        if not types and "properties" not in schema:
            self.names.add(name)
            self.anything_below(name)
        if "object" in types or "properties" in schema:
            self._walk_object(name, schema, required, depth, only=types == ["object"] or not types)
        if "array" in types:
            self.names.add(name)
            self.walk(f"{name}[]", schema.get("items", True), False, depth + 1)
        if not set(types) - {"object", "array"} and types:
            return
        self.names.add(name)
        if required and name:
            self.say(name, Aspect.REQUIRED, ("1",))
        self._values(name, schema, types)

    def _walk_object(self, name: str, schema: dict[str, Any], required: bool, depth: int, only: bool) -> None:
        self.names.add(name)
        properties = schema.get("properties")
        needed = set(_list(schema.get("required"))) if required and only else set()
        for inner, child in (properties if isinstance(properties, dict) else {}).items():
            here = inner in needed and self._schemas.resolve(child).get(self._elsewhere) is not True
            self.walk(f"{name}.{inner}" if name else str(inner), child, here, depth + 1)
        more = schema.get("additionalProperties", True)
        if more is not False or schema.get("patternProperties"):
            self.anything_below(name)

    def _walk_branches(self, name: str, branches: list[Any], depth: int) -> None:
        """Any of several schemas: names of all of them, values of none."""
        said = dict(self.constraints)
        for branch in branches[:20]:
            self.walk(name, branch, False, depth + 1)
        self.constraints = said

    def _values(self, name: str, schema: dict[str, Any], types: list[str]) -> None:
        choices = schema.get("enum", [schema["const"]] if "const" in schema else None)
        if isinstance(choices, list) and choices:
            self.say(name, Aspect.ENUM, sorted({f"={_text(choice)}" for choice in choices}))
            return
        labels = {label for kind in types for label in self._kinds.get(kind, ())}
        narrow = _FORMATS.get(str(schema.get("format")))
        if narrow and "text" in labels:
            labels = labels - {"text"} | {narrow}
        if labels and (labels != {"text"} or self._kinds is _KINDS):
            self.say(name, Aspect.TYPE, sorted(labels))
        if types == ["string"]:
            self._string(name, schema)
        least, most = _number(schema, "minimum", 1), _number(schema, "maximum", -1)
        if least or most:
            self.say(name, Aspect.RANGE, (least, most))

    def _string(self, name: str, schema: dict[str, Any]) -> None:
        pattern = schema.get("pattern")
        least, most = schema.get("minLength"), schema.get("maxLength")
        patterns = []
        if isinstance(pattern, str):
            patterns.append(checked_pattern(pattern))
        if isinstance(least, int) or isinstance(most, int):
            # Characters, not bytes; a pattern counts them as the document means it.
            bounds = f"{least if isinstance(least, int) else 0},{most if isinstance(most, int) else ''}"
            patterns.append(rf"\A[\s\S]{{{bounds}}}\Z")
        if len(patterns) == 2:
            patterns = [rf"(?={patterns[1]})(?=[\s\S]*?(?:{patterns[0]}))"]
        if patterns:
            self.say(name, Aspect.PATTERN, patterns)


def checked_pattern(pattern: str) -> str:
    """A pattern as it may be used. Raises Refused for one that is too long, none, or could run for ages."""
    if len(pattern) > MAX_PATTERN:
        raise Refused(f"a pattern of more than {MAX_PATTERN} characters")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Refused(f"{pattern[:80]!r} is no pattern: {error}") from None
    if ways(pattern) > BOUNDED:
        raise Refused(f"{pattern[:80]!r} may try one text in too many ways: it could run for ages")
    return pattern


def _types(schema: dict[str, Any]) -> list[str]:
    types = schema.get("type", [])
    result = [t for t in (types if isinstance(types, list) else [types]) if isinstance(t, str)]
    if result and schema.get("nullable") is True:  # OpenAPI 3.0
        result.append("null")
    return result


def _number(schema: dict[str, Any], name: str, step: int) -> str:
    """A bound as text, "" where there is none; for integers an exclusive one is moved inwards."""
    value = schema.get(name)
    exclusive = schema.get("exclusive" + name.capitalize())
    if isinstance(exclusive, (int, float)) and not isinstance(exclusive, bool):  # OpenAPI 3.1
        value, exclusive = exclusive, True
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return ""
    if exclusive is True and schema.get("type") == "integer":
        value += step
    return repr(value)


def _text(value: Any) -> str:
    """A value of an enumeration as it stands in a field."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
