"""From a tree of text to the frozen schema: every value is read as what its key is declared to be.

Owns the wording of what is wrong with one value. Knows the schema's types only through `msgspec.inspect`, so
a new key in schema.py needs nothing here. Whether values fit one another is `checks.py`'s business.
"""

from __future__ import annotations

import enum
import functools
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect as shapes

from waf.config.document import Listing, Mapping, Origin, Scalar, Tree
from waf.config.schema import Config, Seconds, Size
from waf.config.units import parse_seconds, parse_size
from waf.errors import Problem

_BOOLS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17}|[1-9][0-9]{0,2}(?:_[0-9]{3}){1,5})", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?[0-9]{1,18}(?:\.[0-9]{0,18})?(?:[eE][-+]?[0-9]{1,2})?|[-+]?\.[0-9]{1,18}", re.ASCII
)
_UNITS: Final[dict[type, Any]] = {Size: parse_size, Seconds: parse_seconds}

T = TypeVar("T", bound=msgspec.Struct)

MAX_PROBLEMS: Final = 100
"""As many are told at once; whoever has more has one."""

UNREAD: Final = object()
"""Stands for a value that could not be read; its problem is noted."""


@functools.cache
def _config_shape() -> shapes.StructType:
    shape = shapes.type_info(Config)
    assert isinstance(shape, shapes.StructType)
    return shape


def read_struct(tree: Mapping, kind: type[T], problems: list[Problem]) -> T | None:
    """Another file's schema, such as tuning.yaml's. None where it could not be read; `problems` says why."""
    shape = shapes.type_info(kind)
    assert isinstance(shape, shapes.StructType)
    value = _Reader(problems, shape).read(tree, shape, "")
    return value if isinstance(value, kind) else None


def read_config(tree: Mapping, problems: list[Problem]) -> Config:
    """The configuration in `tree`. What cannot be read goes to `problems`, its default stands instead."""
    config = _Reader(problems, _config_shape()).read(tree, _config_shape(), "")
    assert isinstance(config, Config)  # the root is a mapping and requires no key
    return config


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """'did you mean "x"?', or "" when nothing is near."""
    import difflib  # rarely needed

    near = difflib.get_close_matches(word[:60].lower().replace("-", "_"), list(known), 1, 0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def shown(text: str) -> str:
    """A written value for a message: quoted, escaped, cut."""
    cut = text if len(text) <= 60 else text[:57] + "..."
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut) + '"'


class _Reader:
    def __init__(self, problems: list[Problem], root: shapes.StructType) -> None:
        self.problems = problems
        self._root = root

    def read(self, node: Tree, shape: shapes.Type, path: str) -> Any:
        """The value of `node` as `shape`, or UNREAD."""
        match shape:
            case shapes.StructType():
                return self._section(node, shape, path)
            case shapes.VarTupleType():
                return self._items(node, shape, path)
            case shapes.UnionType():
                return self._optional(node, shape, path)
        if not isinstance(node, Scalar):
            kind = "a list" if isinstance(node, Listing) else "a section"
            return self._wrong(node, path, f"expected {_described(shape)}, not {kind}")
        if node.null:
            return self._wrong(node, path, "has no value", "give one, or remove the key for its default")
        return self._scalar(node, shape, path)

    def _section(self, node: Tree, shape: shapes.StructType, path: str) -> Any:
        if isinstance(node, Scalar) and node.null:
            node = Mapping({}, {}, node.origin)  # a section whose lines are all commented out
        if not isinstance(node, Mapping):
            keys = ", ".join(f.encode_name for f in shape.fields[:4])
            return self._wrong(node, path, "expected a section", f"with keys such as {keys}")
        fields = {field.encode_name: field for field in shape.fields}
        values: dict[str, Any] = {}
        for key, child in node.entries.items():
            place = f"{path}.{key}" if path else key
            field = fields.get(key)
            if field is None:
                self._unknown(node.keys.get(key, child.origin), place, key, fields)
                continue
            values[field.name] = self.read(child, field.type, place)
        for field in shape.fields:
            if field.required and field.name not in values:
                self._wrong(node, path, f'"{field.encode_name}" is missing')
        readable = {name: value for name, value in values.items() if value is not UNREAD}
        if any(field.required and field.name not in readable for field in shape.fields):
            return UNREAD
        return shape.cls(**readable)

    def _unknown(self, origin: Origin, place: str, key: str, known: Iterable[str]) -> None:
        mend = ""
        if len(self.problems) < MAX_PROBLEMS:  # the search for a near word is slow, and more are not told
            mend = _belongs(key, self._root) or did_you_mean(key, known)
            mend = mend or "known keys: " + ", ".join(sorted(known))
        self.problems.append(Problem(origin.source, origin.line, _tidy(place), "unknown key", mend))

    def _items(self, node: Tree, shape: shapes.VarTupleType, path: str) -> Any:
        if isinstance(node, Scalar) and node.null:
            return ()
        if not isinstance(node, Listing):
            mend = f"write [{node.text[:40]}]" if isinstance(node, Scalar) else 'start each item with "- "'
            return self._wrong(node, path, "expected a list", mend)
        items = [self.read(item, shape.item_type, f"{path}[{i}]") for i, item in enumerate(node.items)]
        return UNREAD if any(item is UNREAD for item in items) else tuple(items)

    def _optional(self, node: Tree, shape: shapes.UnionType, path: str) -> Any:
        if isinstance(node, Scalar) and node.null:
            return None
        (inner,) = [t for t in shape.types if not isinstance(t, shapes.NoneType)]
        return self.read(node, inner, path)

    def _scalar(self, node: Scalar, shape: shapes.Type, path: str) -> Any:
        text = node.text
        match shape:
            case shapes.StrType():
                if any(c < " " or c == "\x7f" for c in text):
                    return self._wrong(node, path, "contains a control character or a line break")
                return text
            case shapes.BoolType():
                value = _BOOLS.get(text.lower())
                return (
                    self._wrong(node, path, f"{shown(text)} is neither true nor false")
                    if value is None
                    else value
                )
            case shapes.EnumType():
                return self._choice(node, path, {str(m.value): m for m in shape.cls})
            case shapes.LiteralType():
                return self._choice(node, path, {str(v): v for v in shape.values})
            case shapes.IntType():
                if not _INT.fullmatch(text):
                    return self._wrong(node, path, f"expected {_described(shape)}, not {shown(text)}")
                return self._bounded(node, shape, path, int(text.replace("_", "")))
            case shapes.FloatType():
                if not _FLOAT.fullmatch(text) or not math.isfinite(float(text)):
                    return self._wrong(node, path, f"expected {_described(shape)}, not {shown(text)}")
                return self._bounded(node, shape, path, float(text))
            case shapes.CustomType() if shape.cls in _UNITS:
                try:
                    return _UNITS[shape.cls](text)
                except ValueError as error:
                    return self._wrong(node, path, f"{shown(text)}: {error}")
            case _:
                raise TypeError(f"schema.py uses a type that shape.py cannot read: {shape} at {path}")

    def _bounded(
        self, node: Scalar, shape: shapes.IntType | shapes.FloatType, path: str, value: float
    ) -> Any:
        fits = (
            (shape.ge is None or value >= shape.ge)
            and (shape.le is None or value <= shape.le)
            and (shape.gt is None or value > shape.gt)
            and (shape.lt is None or value < shape.lt)
        )
        return value if fits else self._wrong(node, path, f"expected {_described(shape)}, not {value:g}")

    def _choice(self, node: Scalar, path: str, choices: dict[str, Any]) -> Any:
        if node.text in choices:
            return choices[node.text]
        mend = did_you_mean(node.text, choices) or _choices(list(choices), "one of ")
        return self._wrong(node, path, f"{shown(node.text)} is no choice here", mend)

    def _wrong(self, node: Tree, path: str, message: str, mend: str = "") -> object:
        self.problems.append(Problem(node.origin.source, node.origin.line, _tidy(path), message, mend))
        return UNREAD


def _tidy(path: str) -> str:
    """A path may hold what a person wrote as a key: nothing unprintable, nothing endless."""
    return "".join(c if c.isprintable() else "?" for c in path[:200])


def _choices(names: Sequence[str], lead: str) -> str:
    return lead + ", ".join(names)


def _belongs(key: str, root: shapes.StructType) -> str:
    """Where a key that is unknown here is known, for keys that slipped out of their section."""
    for field in root.fields:
        if isinstance(field.type, shapes.StructType) and key in {f.encode_name for f in field.type.fields}:
            return f'"{key}" belongs under "{field.encode_name}"'
        if field.encode_name == key:
            return f'"{key}" belongs at the top level'
    return ""


def _described(shape: shapes.Type) -> str:
    match shape:
        case shapes.StrType():
            return "text"
        case shapes.BoolType():
            return "true or false"
        case shapes.IntType() | shapes.FloatType():
            noun = "a whole number" if isinstance(shape, shapes.IntType) else "a number"
            bounds = [
                f"{words} {bound:g}"
                for words, bound in (
                    ("at least", shape.ge),
                    ("more than", shape.gt),
                    ("at most", shape.le),
                    ("less than", shape.lt),
                )
                if bound is not None
            ]
            return " ".join([noun, " and ".join(bounds)]).strip()
        case shapes.EnumType():
            return "one of " + ", ".join(str(m.value) for m in shape.cls)
        case shapes.LiteralType():
            return "one of " + ", ".join(str(v) for v in shape.values)
        case shapes.CustomType():
            return {Size: "a size", Seconds: "a time"}.get(shape.cls, "a value")
        case _:
            return "another kind of value"


def plain(value: Any) -> Any:
    """A configuration value as builtins, for JSON: sections as dicts, enums by value, tuples as lists."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Size):
        return int(value)
    return float(value) if isinstance(value, Seconds) else value
