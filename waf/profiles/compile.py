"""From constraints to the compiled profile that `check` runs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from waf.model import Kind, Mask, Part
from waf.profiles.check import Check, Endpoint, Node, Profile, Table
from waf.profiles.conforming import (
    Conforming,
    ConformingBody,
    Cookies,
    Parameter,
    document_met,
    pairs_met,
)
from waf.profiles.constraints import EVERYWHERE, Aspect, Constraint, Origin, Stage, names_allow
from waf.profiles.endpoint import BODY_PARTS, HEAD_PARTS, general_name
from waf.profiles.rules import ValueRule, value_rule
from waf.profiles.segments import SLOT, unliteral

_PARTS: Final = {part.label: part for part in Part}
_NO_NAMES: Final[tuple[Constraint | None, ...]] = (None,) * len(Part)
Places = dict[str, frozenset[str]]
"""Templates of all known places, each with its methods."""


def build(
    places: Places,
    constraints: Iterable[Constraint],
    *,
    key: bytes,
    mask: Mask,
    version: str,
    cap: Stage = Stage.PROTECT,
) -> Profile:
    """Compile. `places` are those that requests are assigned to, whether or not anything is demanded of them.

    `cap` is how far constraints hold for requests of which no route says otherwise.
    """
    by_place: defaultdict[tuple[str, str], list[Constraint]] = defaultdict(list)
    for constraint in constraints:
        if constraint.stage is not Stage.DISCOVER:
            by_place[constraint.key.template, constraint.key.method].append(constraint)
    everywhere = by_place.pop((EVERYWHERE, EVERYWHERE), [])
    tables, _ = _tables(everywhere, key, _NO_NAMES)
    headers = tuple((name.encode("latin-1"), rule) for name, rule in (tables[Part.HEADER] or {}).items())
    common = tuple(None if part is Part.HEADER else table for part, table in zip(Part, tables, strict=True))
    root = Node("", {}, {}, {})
    cookies: dict[int, Cookies] = {}
    for template in sorted(places):
        node = _node(root, template)
        for method in places[template]:
            endpoint = _endpoint(template, by_place.get((template, method), ()), common, key, cookies)
            node.endpoints[method.encode("latin-1")] = endpoint
            if method == "GET":
                node.endpoints.setdefault(b"HEAD", endpoint)
    for (template, method), found in by_place.items():
        if method == EVERYWHERE:
            _about_place(root, template, found, key)
    _prune(root)
    return Profile(root, common, headers, version=version, mask=mask, cap=cap)


def version_of(places: Places, constraints: Iterable[Constraint]) -> str:
    """Twelve hexadecimal digits that name the content."""
    digest = hashlib.blake2b(digest_size=6)
    for template in sorted(places):
        digest.update(repr((template, sorted(places[template]))).encode())
    for c in sorted(constraints, key=lambda c: c.key):
        digest.update(repr((str(c.key), c.allowed, c.stage.value, c.origin.value)).encode())
    return digest.hexdigest()


def _node(root: Node, template: str) -> Node:
    node = root
    prefix = ""
    for name in template[1:].split("/"):
        prefix += "/" + name
        if name[:1] == "{":
            node = node.slots.setdefault(name, Node(prefix, {}, {}, {}))
        else:
            segment = unliteral(name)
            node = node.children.setdefault(segment, Node(prefix, {}, {}, {}))
    return node


def _prune(node: Node) -> None:
    """Leave out what was seen but is not known well enough to be among the allowed."""
    if (path := node.path) is not None:
        allowed = {unliteral(name) for name in path.allowed if name[:1] != "{"}
        node.children = {name: child for name, child in node.children.items() if name in allowed}
        node.slots = {name: child for name, child in node.slots.items() if name in path.allowed}
    if (methods := node.methods) is not None:
        names = {method.encode("latin-1") for method in methods.allowed}
        if b"GET" in names:
            names.add(b"HEAD")
        node.endpoints = {method: e for method, e in node.endpoints.items() if method in names}
    for child in [*node.children.values(), *node.slots.values()]:
        _prune(child)


def _about_place(root: Node, template: str, constraints: list[Constraint], key: bytes) -> None:
    values = [c for c in constraints if c.key.address]
    if values:
        parent = _node(root, template.removesuffix(f"/{SLOT}")) if template != f"/{SLOT}" else root
        parent.values = value_rule(1, values, key)
    for constraint in constraints:
        if constraint.key.address:
            continue
        aspect = Aspect(constraint.key.aspect)
        if aspect is Aspect.PATH:
            (root if template == "" else _node(root, template)).path = constraint
        elif aspect is Aspect.METHOD:
            _node(root, template).methods = constraint


def _names(constraints: Iterable[Constraint]) -> tuple[Constraint | None, ...]:
    """The constraint on names for each part."""
    names: list[Constraint | None] = [None] * len(Part)
    for constraint in constraints:
        if constraint.key.aspect == Aspect.NAMES.value:
            names[_PARTS[constraint.key.address]] = constraint
    return tuple(names)


def _endpoint(
    template: str,
    constraints: Iterable[Constraint],
    common: tuple[Table | None, ...],
    key: bytes,
    cookies: dict[int, Cookies],
) -> Endpoint:
    names = _names(constraints)
    types = next((c for c in constraints if c.key.aspect == Aspect.CONTENT_TYPE.value), None)
    tables, required = _tables(constraints, key, names, sum(len(table or ()) for table in common))
    merged = tuple(
        own if own is not None else shared if names[part] is None else {}
        for part, own, shared in zip(Part, tables, common, strict=True)
    )
    head = sum(bit for bit, c in required if _part(c)[0] not in BODY_PARTS)
    body = sum(bit for bit, c in required if _part(c)[0] in BODY_PARTS)
    needs_target = any(merged[part] is not None or names[part] is not None for part in HEAD_PARTS)
    needs_cookies = merged[Part.COOKIE] is not None
    needs_body = any(merged[part] is not None for part in BODY_PARTS)
    return Endpoint(
        template=template,
        tables=merged,
        names=names,
        required=tuple(required),
        head_required=head,
        body_required=body,
        types=types,
        needs_target=needs_target,
        needs_cookies=needs_cookies,
        needs_body=needs_body,
        passed=Check(template, (), needs_body, True, merged),
        head=_head(merged, names, needs_target, cookies, head),
        body=_body(merged, names, body),
        body_is_free=not (needs_body or body or types is not None),
    )


def _head(
    tables: tuple[Table | None, ...],
    names: tuple[Constraint | None, ...],
    needs_target: bool,
    cookies: dict[int, Cookies],
    required: int,
) -> Conforming:
    """What `tables` and `names` say of the head, for the quick yes. Endpoints with the same table share a memory."""
    query = (
        pairs_met(_parameters(tables[Part.ARG], Part.ARG), names[Part.ARG] is None) if needs_target else None
    )
    table = tables[Part.COOKIE]
    known = cookies.setdefault(id(table), Cookies()) if table is not None else None
    return Conforming(query, known, required)


def _body(
    tables: tuple[Table | None, ...], names: tuple[Constraint | None, ...], required: int
) -> ConformingBody:
    """The same of the body. Where one kind of body has no rules, others may, and only the fields tell."""
    form, json = tables[Part.FORM], tables[Part.JSON]
    return ConformingBody(
        pairs_met(_parameters(form, Part.FORM), names[Part.FORM] is None) if form is not None else None,
        document_met(_parameters(json, Part.JSON), names[Part.JSON] is None) if json is not None else None,
        required,
    )


def _parameters(table: Table | None, part: Part) -> list[Parameter]:
    """The rules of one part. A pair's value is a string: no document says that it is a number of JSON."""
    made = []
    for name, r in (table or {}).items():
        if part is Part.JSON:
            made.append(Parameter(name.encode(), r.bit, r.fast, r.plain, r.repeats is not None, r.kinds))
        elif r.kinds & 1 << Kind.STRING and general_name(name) == name:
            made.append(Parameter(name.encode(), r.bit, r.fast, r.plain))
    return made


def _part(constraint: Constraint) -> tuple[Part, str]:
    label, _, name = constraint.key.address.partition(".")
    return _PARTS[label], name


def _tables(
    constraints: Iterable[Constraint], key: bytes, names: tuple[Constraint | None, ...], start: int = 0
) -> tuple[tuple[Table | None, ...], list[tuple[int, Constraint]]]:
    """The rules by part and name, and which of them are required; their bits begin at `start`.

    Where `names` are closed, learned constraints on others are left out: those were seen too seldom to be
    known.
    """
    by_parameter: dict[tuple[Part, str], list[Constraint]] = {
        (part, name): []
        for part, closed in zip(Part, names, strict=True)
        if closed is not None
        for name in closed.allowed
        if name[-1:] != "*"
    }
    for constraint in constraints:
        aspect = Aspect(constraint.key.aspect)
        if aspect in (Aspect.NAMES, Aspect.CONTENT_TYPE, Aspect.SIZE) or not constraint.key.address:
            continue
        place = _part(constraint)
        closed = names[place[0]]
        if (
            closed is None
            or place in by_parameter
            or constraint.origin is not Origin.LEARNED
            or names_allow(closed.allowed, place[1])
        ):
            by_parameter.setdefault(place, []).append(constraint)
    tables: list[Table | None] = [None] * len(Part)
    required: list[tuple[int, Constraint]] = []
    for number, ((part, name), found) in enumerate(sorted(by_parameter.items()), start):
        rule: ValueRule = value_rule(1 << number, found, key)
        table = tables[part]
        if table is None:
            table = tables[part] = {}
        table[name] = rule
        required += [(rule.bit, c) for c in found if c.key.aspect == Aspect.REQUIRED.value]
    return tuple(tables), required
