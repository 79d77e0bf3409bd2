"""One parameter's constraints compiled: a fast yes in most cases, an exact account of what is broken in the
rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from waf.model import Field, Kind, Part
from waf.profiles import values as v
from waf.profiles.constraints import CHARSETS, Aspect, Constraint, Stage
from waf.profiles.parameter import value_hash

Fast = Callable[[bytes], object]
"""Something true where the value satisfies every constraint; something false says nothing yet."""

Test = Callable[[Field], bool]

ANY_KIND: Final = (1 << len(Kind)) - 1

_STRATUM: Final = {
    Aspect.PLAIN: v.Stratum.PLAIN,
    Aspect.PROSE: v.Stratum.PROSE,
    Aspect.CODE: v.Stratum.CODE,
    Aspect.CONTROL: v.Stratum.CONTROL,
    Aspect.SCRIPT: v.Stratum.SCRIPT,
}


class Plain(msgspec.Struct, frozen=True, gc=False):
    """The same yes as `ValueRule.fast` in parts that need no Python: all of them must agree, and `asked` where it is set.

    Lengths are in bytes; `allowed` are all bytes that may stand in a value.
    """

    least: int = 0
    most: int = 1 << 62
    allowed: bytes = bytes(range(256))
    values: frozenset[bytes] | None = None
    shapes: frozenset[bytes] | None = None
    asked: Fast | None = None
    types: int = 0  # a bit for each `values.Type` that makes asking needless


class ValueRule(msgspec.Struct, frozen=True, gc=False):
    """`fast` and `kinds` together say yes; `broken` says which constraints a field goes against, in order
    of strength. `plain` is `fast` in parts.

    `harmless` is the anchored pattern of a protected type that leaves no room for an attack. `bit` tells
    the rules of one endpoint apart.
    """

    bit: int
    fast: Fast
    plain: Plain
    kinds: int
    tests: tuple[tuple[Constraint, Test], ...]
    repeats: Constraint | None = None
    harmless: Callable[[bytes], re.Match[bytes] | None] | None = None

    def broken(self, field: Field) -> list[Constraint]:
        """The constraints that the field goes against; the charset's four parts are told once."""
        found: list[Constraint] = []
        for constraint, test in self.tests:
            if not test(field):
                found.append(constraint)
        return found


def value_rule(bit: int, constraints: Iterable[Constraint], key: bytes) -> ValueRule:
    """Compile the constraints on one parameter's values. Raises re.error for a document's pattern that is
    none."""
    by_aspect: dict[Aspect, list[Constraint]] = {}
    for constraint in constraints:
        by_aspect.setdefault(Aspect(constraint.key.aspect), []).append(constraint)
    tests: list[tuple[Constraint, Test]] = []
    for aspect in Aspect:
        make = _TESTS.get(aspect)
        if make is not None:
            tests += [(constraint, make(constraint, key)) for constraint in by_aspect.get(aspect, ())]
    types = by_aspect.get(Aspect.TYPE, [])
    fast, plain = _fast(by_aspect, tests, key)
    return ValueRule(
        bit=bit,
        fast=fast,
        plain=plain,
        kinds=_kinds(types),
        tests=tuple(tests),
        repeats=next(iter(by_aspect.get(Aspect.REPEATS, ())), None),
        harmless=_harmless(types),
    )


# --------------------------------------------------------------------------------------- the exact tests


def parse_type(label: str) -> int:
    """The tag of a type's label, "int" or "number:int". Raises ValueError."""
    kind, _, name = label.rpartition(":")
    try:
        return v.tag_of(Kind[kind.upper()] if kind else Kind.STRING, v.Type[name.upper()])
    except KeyError:
        raise ValueError(f"{label!r} is no type") from None


def _type_test(constraint: Constraint, key: bytes) -> Test:
    by_kind: dict[Kind, set[v.Type]] = {}
    for label in constraint.allowed:
        kind, type_ = v.kind_and_type(parse_type(label))
        by_kind.setdefault(kind, set()).add(type_)
    patterns = {kind: re.compile(_type_pattern(types).encode()).fullmatch for kind, types in by_kind.items()}

    def fits(field: Field) -> bool:
        pattern = patterns.get(field.kind)
        return pattern is not None and pattern(field.value) is not None

    return fits


def _enum_test(constraint: Constraint, key: bytes) -> Test:
    allows = _enumeration(constraint, key)
    return lambda field: bool(allows(field.value))


def _enumeration(constraint: Constraint, key: bytes) -> Fast:
    """True for the values of an enumeration, whether they are known in clear or by their hash alone."""
    values = frozenset(text[1:].encode() for text in constraint.allowed if text[:1] == "=")
    hashes = frozenset(int(text[1:], 16) for text in constraint.allowed if text[:1] == "#")
    if not hashes:
        return values.__contains__
    return lambda value: value in values or value_hash(value, key) in hashes


def _length_test(constraint: Constraint, key: bytes) -> Test:
    least, most = _bounds(constraint)
    return lambda field: least <= len(field.value) <= most


def _range_test(constraint: Constraint, key: bytes) -> Test:
    least = float(constraint.allowed[0] or "-inf")
    most = float(constraint.allowed[1] or "inf")

    def fits(field: Field) -> bool:
        try:
            return least <= float(field.value) <= most
        except ValueError:
            return True  # no number: the type's business

    return fits


def _pattern_test(constraint: Constraint, key: bytes) -> Test:
    patterns = [re.compile(pattern) for pattern in constraint.allowed]

    def fits(field: Field) -> bool:
        text = field.value.decode("utf-8", "replace")
        return any(pattern.search(text) for pattern in patterns)

    return fits


def _charset_test(constraint: Constraint, key: bytes) -> Test:
    stratum = _STRATUM[Aspect(constraint.key.aspect)]
    allowed = frozenset(v.code_of(label) for label in constraint.allowed)
    return lambda field: all(
        code in allowed or v.stratum(code) is not stratum for code in v.codes_of(field.value)
    )


def _shape_test(constraint: Constraint, key: bytes) -> Test:
    shapes = frozenset(shape.encode("latin-1") for shape in constraint.allowed)
    return lambda field: v.shape_of(field.value) in shapes


def check_allowed(constraint: Constraint) -> str:
    """What is wrong with the values of a constraint that a person wrote, "" if nothing."""
    aspect, allowed = Aspect(constraint.key.aspect), constraint.allowed
    try:
        if aspect in _COUNTED and len(allowed) != _COUNTED[aspect]:
            return f"{_COUNTED[aspect]} values are needed here, not {len(allowed)}"
        if aspect in (Aspect.REPEATS, Aspect.SIZE, Aspect.REQUIRED):
            int(allowed[0])
        if aspect in (Aspect.LENGTH, Aspect.RANGE):
            least, most = (float(text) if text else None for text in allowed)
            if least is not None and most is not None and least > most:
                return f"{allowed[0]} is more than {allowed[1]}: write the least first"
        if aspect is Aspect.LENGTH and not all(0 <= int(text or 0) < 1 << 31 for text in allowed):
            return "a length is a number of bytes"
        if aspect is Aspect.ENUM and not all(text[:1] in ("=", "#") for text in allowed):
            return 'write each value with "=" before it'
        if (make := _TESTS.get(aspect)) is not None:
            make(constraint, b"")
    except re.error as error:
        return str(error)
    except ValueError as error:
        return "write numbers here" if aspect in _COUNTED else str(error)
    return ""


_COUNTED: Final = {
    Aspect.LENGTH: 2, Aspect.RANGE: 2, Aspect.REPEATS: 1, Aspect.REQUIRED: 1, Aspect.SIZE: 1,
}  # fmt: skip

_TESTS: Final[dict[Aspect, Callable[[Constraint, bytes], Test]]] = {
    Aspect.TYPE: _type_test,
    Aspect.ENUM: _enum_test,
    Aspect.LENGTH: _length_test,
    Aspect.RANGE: _range_test,
    Aspect.PATTERN: _pattern_test,
    **dict.fromkeys(CHARSETS, _charset_test),
    Aspect.SHAPE: _shape_test,
}

# ------------------------------------------------------------------------------------------- the fast yes


def _bounds(constraint: Constraint) -> tuple[int, int]:
    return int(constraint.allowed[0] or 0), int(constraint.allowed[1] or 1 << 62)


def _fast(
    by_aspect: dict[Aspect, list[Constraint]], tests: Sequence[tuple[Constraint, Test]], key: bytes
) -> tuple[Fast, Plain]:
    """A function that is true only where every test would pass, and the same in parts."""
    if not tests:
        return _always, Plain()
    if not set(by_aspect).isdisjoint((Aspect.RANGE, Aspect.PATTERN)):
        every: Fast = partial(_all_pass, [test for _, test in tests])
        return every, Plain(asked=every)
    if enums := by_aspect.get(Aspect.ENUM):
        # What is in the enumeration was learned with its characters, length, type and shape.
        if len(enums) > 1:
            values = frozenset.intersection(*(_values_in_clear(c) for c in enums))
        elif any(text[:1] == "#" for text in enums[0].allowed):
            known = _enumeration(enums[0], key)
            return known, Plain(asked=known)
        else:
            values = _values_in_clear(enums[0])
        return values.__contains__, Plain(values=values)
    least, most = _bounds_of(by_aspect)
    ahead = _ahead(by_aspect)
    allowed = bytes(sorted(_allowed_of(by_aspect)))
    asked = re.compile(f"{ahead}(?s:.)*".encode()).fullmatch if ahead else None
    types = by_aspect.get(Aspect.TYPE, ())
    told = sum(1 << t for t in _with_narrower(_types_of(types[0]))) if len(types) == 1 else 0
    pattern = re.compile(_pattern(by_aspect).encode()).fullmatch
    if Aspect.SHAPE not in by_aspect:
        return pattern, Plain(least, most, allowed, asked=asked, types=told)
    shapes = frozenset.intersection(
        *(frozenset(s.encode("latin-1") for s in c.allowed) for c in by_aspect[Aspect.SHAPE])
    )
    plain = Plain(least, most, allowed, None, shapes, asked, told)
    shape_of = v.shape_of
    if not shapes or len(shapes) > _SHAPES_AT_ONCE or b"" in shapes:
        return (lambda value: pattern(value) and shape_of(value) in shapes), plain
    # Most values have no repeated pairs: one expression says yes to them without their shape being made.
    short = f"(?=[\\x00-\\xff]{{0,{v.SHAPE_LIMIT}}}\\Z)"
    at_once = re.compile(
        f"{short}(?=(?:{v.shape_pattern(shapes)})\\Z){_pattern(by_aspect)}".encode()
    ).fullmatch
    return (lambda value: at_once(value) or (pattern(value) and shape_of(value) in shapes)), plain


def _all_pass(tests: Sequence[Test], value: bytes) -> bool:
    field = Field(Part.ARG, "", value)
    return all(test(field) for test in tests)


def _values_in_clear(constraint: Constraint) -> frozenset[bytes]:
    return frozenset(text[1:].encode() for text in constraint.allowed if text[:1] == "=")


_SHAPES_AT_ONCE: Final = 8


def _pattern(by_aspect: dict[Aspect, list[Constraint]]) -> str:
    """Type, length and characters as one regular expression for a whole value."""
    least, most = _bounds_of(by_aspect)
    count = f"{{{least},{most}}}" if most < 1 << 62 else f"{{{least},}}"
    allowed = _allowed_of(by_aspect)
    members = "".join(f"\\x{byte:02x}" for byte in sorted(allowed))
    run = f"[{members}]{count}" if members else "(?!)" if least else ""
    if len(allowed) == 256:
        run = f"(?s:.){count}"
    return _ahead(by_aspect) + run


def _bounds_of(by_aspect: dict[Aspect, list[Constraint]]) -> tuple[int, int]:
    """Least and most bytes of a value."""
    least, most = 0, 1 << 62
    for constraint in by_aspect.get(Aspect.LENGTH, ()):
        low, high = _bounds(constraint)
        least, most = max(least, low), min(most, high)
    return least, most


def _ahead(by_aspect: dict[Aspect, list[Constraint]]) -> str:
    """Looks ahead over a whole value: whether it is of the types that are allowed; "" where any is."""
    alternatives = [_type_pattern(_types_of(constraint)) for constraint in by_aspect.get(Aspect.TYPE, ())]
    anything = v.PATTERNS[v.Type.TEXT]
    return "".join(f"(?=(?:{one})\\Z)" for one in alternatives if one != anything)


def _allowed_of(by_aspect: dict[Aspect, list[Constraint]]) -> set[int]:
    allowed = set(range(256))
    for aspect in _STRATUM:
        for constraint in by_aspect.get(aspect, ()):
            allowed &= allowed_bytes({aspect: constraint.allowed})
    return allowed


def allowed_bytes(claims: Mapping[Aspect, tuple[str, ...]]) -> set[int]:
    """The bytes that constraints on characters allow; those they do not speak of are allowed."""
    allowed = set(range(256))
    for aspect, stratum in _STRATUM.items():
        if aspect in claims:
            kept = {b for label in claims[aspect] for b in v.bytes_of(v.code_of(label))}
            allowed -= {byte for byte in range(256) if _stratum_of_byte(byte) is stratum} - kept
    return allowed


def _stratum_of_byte(byte: int) -> v.Stratum:
    if byte >= 0x80:
        return v.Stratum.SCRIPT
    control = byte == 0x7F or (byte < 0x20 and byte not in (0x09, 0x0A, 0x0D))
    return v.stratum(v.CONTROL if control else v.FOLD[byte])


def _types_of(constraint: Constraint) -> set[v.Type]:
    """The types that a constraint allows, whatever the JSON kind."""
    return {v.kind_and_type(parse_type(label))[1] for label in constraint.allowed}


def _type_pattern(types: Iterable[v.Type]) -> str:
    """One pattern for values of any of the types, narrower ones included."""
    every = _with_narrower(types)
    return v.PATTERNS[v.Type.TEXT] if v.Type.TEXT in every else "|".join(v.PATTERNS[t] for t in sorted(every))


def _with_narrower(types: Iterable[v.Type]) -> set[v.Type]:
    wide = set(types)
    return wide.union(*(v.SUBTYPES.get(type_, ()) for type_ in wide))


def _kinds(types: Sequence[Constraint]) -> int:
    kinds = ANY_KIND
    for constraint in types:
        own = 0
        for label in constraint.allowed:
            own |= 1 << v.kind_and_type(parse_type(label))[0]
        kinds &= own
    return kinds


def _harmless(types: Sequence[Constraint]) -> Callable[[bytes], re.Match[bytes] | None] | None:
    for constraint in types:
        own = _types_of(constraint)
        if constraint.stage is Stage.PROTECT and own <= v.HARMLESS:
            return re.compile(_type_pattern(own).encode()).fullmatch
    return None


def _always(value: bytes) -> bool:
    return True
