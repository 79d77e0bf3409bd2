"""The schema for people and editors: JSON Schema, and a table of every key with its default.

The descriptions are the comments of schema.py, the one place where a key is explained. They are read from its
source when somebody asks; without the source (a zipped install) the rest still stands.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import inspect as shapes

from waf.config import schema
from waf.config.schema import Config, Seconds, Size
from waf.config.shape import plain

_SIZE: Final = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": "^[0-9][0-9_.]* ?([KMGTkmgt][Ii]?[Bb]|[KMGTkmgt]i|[Bb])?$"},
    ]
}
_SPAN: Final = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": "^[0-9][0-9_.]* ?(us|ms|s|m|h|d)?$|^([0-9]+(us|ms|s|m|h|d)){2,}$"},
    ]
}

_CLASS = re.compile(r"class (\w+)\(")
_FIELD = re.compile(r"    (\w+): [^#]*?(?:#\s*(.*))?$")


class Key(msgspec.Struct, frozen=True):
    """One row of the reference: dotted path ("routes[].mode"), kind, default as JSON; "" if required."""

    path: str
    kind: str
    default: str
    about: str


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of waf.yaml, with descriptions and defaults."""
    shape = shapes.type_info(Config)
    definitions: dict[str, Any] = {}
    root = _definition(shape, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "waf.yaml",
        **root,
        "$defs": definitions,
    }


def _definition(kind: shapes.Type, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of one type. Sections other than the root become entries of `definitions`."""
    match kind:
        case shapes.StructType():
            about = _comments().get(kind.cls.__name__, {})
            properties: dict[str, Any] = {}
            for field in kind.fields:
                inner, _ = _inner(field.type)
                if isinstance(inner, shapes.StructType) and inner.cls.__name__ not in definitions:
                    definitions[inner.cls.__name__] = _definition(inner, definitions)
                # Beside "$ref" any keyword may stand since draft 2019-09.
                properties[field.encode_name] = _reference(field.type, definitions)
                if field.name in about:
                    properties[field.encode_name]["description"] = about[field.name]
                if not field.required and not isinstance(inner, shapes.StructType):
                    properties[field.encode_name]["default"] = plain(field.default)
            required = [field.encode_name for field in kind.fields if field.required]
            made = {"type": "object", "additionalProperties": False, "properties": properties}
            return {**made, "required": required} if required else made
        case shapes.VarTupleType():
            return {"type": "array", "items": _reference(kind.item_type, definitions)}
        case shapes.UnionType():
            return {"anyOf": [_reference(one, definitions) for one in kind.types]}
        case shapes.NoneType():
            return {"type": "null"}
        case shapes.EnumType():
            return {"enum": [member.value for member in kind.cls]}
        case shapes.LiteralType():
            return {"enum": list(kind.values)}
        case shapes.BoolType():
            return {"type": "boolean"}
        case shapes.IntType() | shapes.FloatType():
            bounds = {
                "minimum": kind.ge,
                "maximum": kind.le,
                "exclusiveMinimum": kind.gt,
                "exclusiveMaximum": kind.lt,
            }
            name = "integer" if isinstance(kind, shapes.IntType) else "number"
            return {"type": name, **{key: bound for key, bound in bounds.items() if bound is not None}}
        case shapes.CustomType() if kind.cls is Size:
            return dict(_SIZE)
        case shapes.CustomType() if kind.cls is Seconds:
            return dict(_SPAN)
        case shapes.StrType():
            return {"type": "string"}
        case _:
            raise TypeError(f"schema.py uses a type that has no JSON Schema here: {kind}")


def _reference(kind: shapes.Type, definitions: dict[str, Any]) -> dict[str, Any]:
    if isinstance(kind, shapes.StructType):
        return {"$ref": f"#/$defs/{kind.cls.__name__}"}
    return _definition(kind, definitions)


def reference() -> list[Key]:
    """Every key, in the order of the schema."""
    shape = shapes.type_info(Config)
    assert isinstance(shape, shapes.StructType)
    return list(_keys(shape, ""))


def _keys(shape: shapes.StructType, path: str) -> Iterator[Key]:
    about = _comments().get(shape.cls.__name__, {})
    for field in shape.fields:
        place = f"{path}.{field.encode_name}" if path else field.encode_name
        inner, many = _inner(field.type)
        if isinstance(inner, shapes.StructType):
            yield from _keys(inner, f"{place}[]" if many else place)
            continue
        default = "" if field.required else msgspec.json.encode(plain(field.default)).decode()
        yield Key(place, ("list of " if many else "") + _kind(inner), default, about.get(field.name, ""))


def _inner(kind: shapes.Type) -> tuple[shapes.Type, bool]:
    if isinstance(kind, shapes.UnionType):
        kind = next(t for t in kind.types if not isinstance(t, shapes.NoneType))
    return (kind.item_type, True) if isinstance(kind, shapes.VarTupleType) else (kind, False)


def _kind(kind: shapes.Type) -> str:
    match kind:
        case shapes.EnumType():
            return " | ".join(str(member.value) for member in kind.cls)
        case shapes.LiteralType():
            return " | ".join(str(value) for value in kind.values)
        case shapes.CustomType():
            return {Size: "size", Seconds: "time"}.get(kind.cls, "text")
        case shapes.BoolType():
            return "bool"
        case shapes.IntType() | shapes.FloatType():
            return "number"
        case _:
            return "text"


@functools.cache
def _comments() -> dict[str, dict[str, str]]:
    """By class and field, the comment at the end of the field's line."""
    try:
        lines = inspect.getsource(schema).splitlines()
    except OSError:
        return {}
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in lines:
        if match := _CLASS.match(line):
            current = found.setdefault(match[1], {})
        elif (match := _FIELD.match(line)) and match[2]:
            current[match[1]] = match[2]
    return found
