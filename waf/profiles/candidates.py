"""From learning state to candidates: every set of things that might become a constraint, and how doubtful
it is.

Walks the tree as it is to be read: literals that turn out to be values are folded into slots. Decides nothing
about which sets are complete; that is `closing`.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from waf.model import Kind, Part
from waf.profiles import values as v
from waf.profiles.constraints import EVERYWHERE, Aspect, Key
from waf.profiles.endpoint import Endpoint
from waf.profiles.evidence import Evidence, Floors, tally
from waf.profiles.model import MAX_LITERALS, Node, State, is_literal
from waf.profiles.parameter import Parameter
from waf.profiles.segments import SLOT, unliteral

SLOT_SHARE: Final = 0.05  # share of once-seen literals at which they are values of a slot
SLOT_LEAST: Final = 30
SLOT_LITERALS: Final = 12
LISTED: Final = 0.05  # share of requests with a value seen once at which values are not a list
FAMILY: Final = "~"
"""Template of candidates about all parameters of one name, wherever they stand."""

_FIXED: Final = frozenset({v.Type.EMPTY, v.Type.DATE, v.Type.UUID, v.Type.BOOL})
"""Types whose values are as long as they have to be."""

_NUMBERS: Final = frozenset({v.Type.EMPTY, v.Type.INT, v.Type.DECIMAL})

_OF_VALUES: Final = frozenset({Aspect.SHAPE, Aspect.PLAIN, Aspect.PROSE, Aspect.SCRIPT})
"""What a new value may well bring, however often the old ones were sent."""

_STRATA: Final = {
    v.Stratum.PLAIN: Aspect.PLAIN,
    v.Stratum.PROSE: Aspect.PROSE,
    v.Stratum.CODE: Aspect.CODE,
    v.Stratum.CONTROL: Aspect.CONTROL,
    v.Stratum.SCRIPT: Aspect.SCRIPT,
}


class Nature(enum.IntEnum):
    """What kind of values a parameter takes, roughly: like is compared with like."""

    LISTED = 0  # few values, again and again
    FORMAL = 1  # numbers, dates, ids
    WORD = 2
    TEXT = 3
    PLACE = 4  # no parameter at all


class Candidate(msgspec.Struct, gc=False):
    """A set that might become a constraint, and how complete it is."""

    key: Key
    aspect: Aspect
    allowed: tuple[str, ...]
    n: float
    doubtful: float
    known: int
    seen: Evidence
    first: float
    last: float
    nature: Nature
    numeric: bool = False  # its values are numbers: the next one is as good as the last
    unseen: float = 1.0  # U
    closed: bool = False
    why: str = ""  # why it is not closed
    texts: Mapping[int, bytes] = {}  # of an enumeration: those values that may be shown


def candidates(state: State, floors: Floors) -> Iterator[Candidate]:
    """Every set of the state, as far as it says anything."""
    for found in _of_node(state.root, "", floors):
        if not found.last:
            found.first, found.last = state.common.first, state.common.last
        yield found
    yield from _of_endpoint(state.common, EVERYWHERE, EVERYWHERE, floors)


def families(state: State, floors: Floors) -> Iterator[Candidate]:
    """Sets of all parameters that share a name, where at least two do: "id" is "id" in every form."""
    endpoints = [endpoint for _, node in state.root.walk() for endpoint in node.endpoints.values()]
    counts = Counter(family_of(name) for endpoint in endpoints for _, name in endpoint.parameters())
    wholes = {name: Parameter() for name, count in counts.items() if count > 1}
    for endpoint in endpoints:  # one at a time: parameters of a packed endpoint are a copy
        for (_, name), parameter in endpoint.parameters().items():
            if (whole := wholes.get(family_of(name))) is not None:
                whole.merge(parameter)
    for name, whole in wholes.items():
        for found in _of_values(whole, Key(FAMILY, EVERYWHERE, name, ""), Part.ARG, floors):
            found.first, found.last = state.common.first, state.common.last
            yield found


def family_of(name: str) -> str:
    """The last part of a JSON path, without brackets; other names as they are."""
    return name.removesuffix("[]").rpartition(".")[2]


# ---------------------------------------------------------------------------------------------- the tree


def children_of(node: Node) -> tuple[dict[str, Node], Parameter | None]:
    """The children by name as they are to be read: literals that are values of a slot are folded into it.

    Gives also what stands in the untyped slot, where there is one. The state itself stays as it is.
    """
    literals = [name for name in node.children if is_literal(name)]
    if node.collapsed or not _is_slot([node.children[name] for name in literals]):
        return node.children, node.values
    children = {name: child for name, child in node.children.items() if name not in literals}
    slot, values = Node(), Parameter()
    for name in literals:
        child = node.children[name]
        slot.merge(child)
        values.describe(unliteral(name), child.seen, child.n)
    children[SLOT] = slot
    return children, values


def _is_slot(literals: list[Node]) -> bool:
    total = sum(child.n for child in literals)
    if len(literals) < SLOT_LITERALS or total < SLOT_LEAST:
        return False
    once = sum(1 for child in literals if Floors(sources=2).rank(child.seen) == 1)
    return once > SLOT_SHARE * total or len(literals) > MAX_LITERALS


def places_of(state: State) -> dict[str, frozenset[str]]:
    """The templates of all places that answer, each with its methods."""
    result: dict[str, frozenset[str]] = {}

    def walk(node: Node, template: str) -> None:
        if node.endpoints:
            result[template] = frozenset(node.endpoints)
        for name, child in children_of(node)[0].items():
            walk(child, f"{template}/{name}")

    walk(state.root, "")
    return result


def _of_node(node: Node, template: str, floors: Floors) -> Iterator[Candidate]:
    children, values = children_of(node)
    if SLOT not in children:
        key = Key(template, EVERYWHERE, "", Aspect.PATH.value)
        things = {name: child.seen for name, child in children.items()}
        yield _of_set(key, Aspect.PATH, things, node.n, node.seen, floors)
    if values is not None:
        address = f"segment.{template.count('/') + 1}"
        yield from _of_values(
            values, Key(f"{template}/{SLOT}", EVERYWHERE, address, ""), Part.SEGMENT, floors
        )
    if node.endpoints:
        yield from _of_place(node, template, floors)
    for name, child in children.items():
        yield from _of_node(child, f"{template}/{name}", floors)


def _of_place(node: Node, template: str, floors: Floors) -> Iterator[Candidate]:
    n = sum(endpoint.n for endpoint in node.endpoints.values())
    seen = 0
    for endpoint in node.endpoints.values():
        seen |= endpoint.seen
    key = Key(template, EVERYWHERE, "", Aspect.METHOD.value)
    methods = {method: endpoint.seen for method, endpoint in node.endpoints.items()}
    found = _of_set(key, Aspect.METHOD, methods, n, seen, floors)
    found.first = min(endpoint.first for endpoint in node.endpoints.values())
    found.last = max(endpoint.last for endpoint in node.endpoints.values())
    yield found
    for method, endpoint in node.endpoints.items():
        yield from _of_endpoint(endpoint, template, method, floors)


def _of_endpoint(endpoint: Endpoint, template: str, method: str, floors: Floors) -> Iterator[Candidate]:
    for found in _sets_of(endpoint, template, method, floors):
        found.first, found.last = endpoint.first, endpoint.last
        yield found


def _sets_of(endpoint: Endpoint, template: str, method: str, floors: Floors) -> Iterator[Candidate]:
    n, seen = endpoint.n, endpoint.seen
    common = template == EVERYWHERE
    if not common:
        names: dict[Part, dict[str, Evidence]] = {Part.ARG: {}}
        for (part, name), parameter in endpoint.parameters().items():
            names.setdefault(part, {})[name] = parameter.seen
        for part, things in names.items():
            if endpoint.lost:
                things["*"] = endpoint.lost
            key = Key(template, method, part.label, Aspect.NAMES.value)
            yield _of_set(key, Aspect.NAMES, things, n, seen, floors)
        key = Key(template, method, "", Aspect.CONTENT_TYPE.value)
        yield _of_set(key, Aspect.CONTENT_TYPE, endpoint.types_in, n, seen, floors)
    for (part, name), parameter in endpoint.parameters().items():
        key = Key(template, method, f"{part.label}.{name}" if name else part.label, "")
        yield from _of_values(parameter, key, part, floors)
        absent = n - parameter.requests
        if not common and absent <= 2:
            required = msgspec.structs.replace(key, aspect=Aspect.REQUIRED.value)
            known = 1 if absent <= 0 else 0
            yield Candidate(
                required, Aspect.REQUIRED, ("1",), n, absent, known, seen, math.inf, 0.0, Nature.PLACE
            )


# ------------------------------------------------------------------------------------------------ values


def _of_set(
    key: Key, aspect: Aspect, things: Mapping[str, Evidence], n: float, seen: Evidence, floors: Floors
) -> Candidate:
    """A set of named things, allowed as they are."""
    result = tally(things.values(), floors)
    allowed = tuple(sorted(name for name, evidence in things.items() if floors.known(evidence)))
    return Candidate(
        key, aspect, allowed, n, result.doubtful, result.known, seen, math.inf, 0.0, Nature.PLACE
    )


def _of_values(parameter: Parameter, base: Key, part: Part, floors: Floors) -> Iterator[Candidate]:
    """All constraints on the values of one parameter."""
    n, seen = parameter.n, parameter.seen
    if not seen:  # a slot: its presence is that of its values
        for evidence in parameter.types.values():
            seen |= evidence

    nature = _nature(parameter, floors)

    # Few values, again and again, are a sample of as many values and not of as many requests.
    distinct = min(n, float(len(parameter.values))) if parameter.values and not parameter.many_values else n

    def make(aspect: Aspect, allowed: Iterable[str], doubtful: float, known: int) -> Candidate:
        key = msgspec.structs.replace(base, aspect=aspect.value)
        size = distinct if aspect in _OF_VALUES else n
        return Candidate(key, aspect, tuple(allowed), size, doubtful, known, seen, math.inf, 0.0, nature)

    types = tally(parameter.types.values(), floors)
    tags = [tag for tag, evidence in parameter.types.items() if floors.known(evidence)]
    if any(_says_something(tag, part) for tag in tags) and not _anything(tags, part):
        yield make(Aspect.TYPE, sorted(type_label(tag) for tag in tags), types.doubtful, types.known)
    kinds = {v.kind_and_type(tag)[1] for tag in parameter.types}
    # A narrow type says which characters there are; only what it leaves open is worth a constraint of its
    # own.
    formal = kinds <= v.HARMLESS
    narrow = v.Type.TEXT not in kinds and not types.doubtful
    for stratum in (() if formal else (v.Stratum.PLAIN,)) if narrow else _STRATA:
        codes = {code: e for code, e in parameter.chars.items() if v.stratum(code) is stratum}
        result = tally(codes.values(), floors)
        allowed = sorted(v.code_label(code) for code, evidence in codes.items() if floors.known(evidence))
        yield make(_STRATA[stratum], allowed, result.doubtful, result.known)
    if not (narrow and kinds <= _FIXED) and (lengths := _lengths(parameter.lengths, n, floors)):
        least, most, doubtful = lengths
        yield make(Aspect.LENGTH, (str(least), str(most)), doubtful, len(parameter.lengths))
    if not parameter.many_shapes and not (formal and narrow):
        shapes = tally(parameter.shapes.values(), floors)
        known = sorted(_text(shape) for shape, evidence in parameter.shapes.items() if floors.known(evidence))
        yield make(Aspect.SHAPE, known, shapes.doubtful, shapes.known)
    if not parameter.many_values and parameter.values and not (kinds <= _NUMBERS and _is_run(parameter)):
        result = tally(parameter.values.values(), floors)
        kept = (digest for digest, evidence in parameter.values.items() if floors.known(evidence))
        found = make(Aspect.ENUM, sorted(f"#{digest:015x}" for digest in kept), result.doubtful, result.known)
        found.texts, found.numeric = parameter.texts, kinds <= _NUMBERS
        yield found
    if parameter.repeats and part is not Part.JSON:  # arrays have any length
        repeats = tally(parameter.repeats.values(), floors)
        most = max((times for times, e in parameter.repeats.items() if floors.known(e)), default=0)
        if most:
            beyond = tally((e for times, e in parameter.repeats.items() if times > most), floors)
            yield make(Aspect.REPEATS, (str(most),), beyond.doubtful, repeats.known)


def _is_run(parameter: Parameter) -> bool:
    """True for numbers that lie close together, as pages and stars do: after 9 comes 10."""
    if parameter.low is None or parameter.high is None or len(parameter.values) < 3:
        return False
    return parameter.high - parameter.low < 2 * len(parameter.values)


def _nature(parameter: Parameter, floors: Floors) -> Nature:
    if not parameter.many_values:
        values = tally(parameter.values.values(), Floors(sources=2))
        if values.doubtful <= LISTED * parameter.n:
            return Nature.LISTED
    types = {v.kind_and_type(tag)[1] for tag, evidence in parameter.types.items() if floors.known(evidence)}
    if v.Type.TEXT in types:
        return Nature.TEXT
    return Nature.FORMAL if types <= v.HARMLESS else Nature.WORD


def type_label(tag: int) -> str:
    kind, type_ = v.kind_and_type(tag)
    return type_.label if kind is Kind.STRING else f"{kind.name.lower()}:{type_.label}"


def _says_something(tag: int, part: Part) -> bool:
    kind, type_ = v.kind_and_type(tag)
    return part is Part.JSON or kind is not Kind.STRING or type_ is not v.Type.EMPTY


def _anything(tags: list[int], part: Part) -> bool:
    return part is not Part.JSON and v.tag_of(Kind.STRING, v.Type.TEXT) in tags


def _text(shape: bytes) -> str:
    return shape.decode("latin-1")


def _lengths(lengths: dict[int, Evidence], n: float, floors: Floors) -> tuple[int, int, float] | None:
    """The least and most bytes of a value, with room upwards, and what is doubtful.

    Doubtful is what lies outside, and each end that would lie outside if its one witness had not been heard.
    """
    known = sorted(bucket for bucket, evidence in lengths.items() if floors.known(evidence))
    if not known:
        return None
    least, most = _room(known, n)
    outside = [evidence for bucket, evidence in lengths.items() if not least <= bucket <= most]
    doubtful = tally(outside, floors).doubtful
    for end, rest in ((known[0], known[1:]), (known[-1], known[:-1])):
        if floors.rank(lengths[end]) <= floors.need(lengths[end]):
            low, high = _room(rest, n) if rest else (0, 0)
            doubtful += not low <= end <= high
    return least, most, doubtful


FAR: Final = 100_000.0
"""Values among which the longest is to be foreseen from fewer."""


SHORT: Final = 8
"""Bytes in which no attack has room: shorter values, or as short ones, are never refused for their length. After a
page 9 comes a page 10, and a quantity of 88 where all were of five digits."""


def _room(known: list[int], n: float) -> tuple[int, int]:
    """How far lengths may go beyond those that `n` values showed: as far again, and further where few were seen.

    Lengths of what people write are about log-normal (Sobkowicz et al., EPJ Data Science 2, 2013), and the longest of
    n such values lies sqrt(2 ln n) deviations above the middle (Gumbel, Statistics of Extremes, 1958). So the
    longest of `FAR` values is foreseen from the spread of n.
    """
    low, high = v.bucket_floor(known[0]), known[-1]
    spread = high - low
    ahead = max(high, SHORT) if spread or high <= SHORT else high
    if spread and n < FAR:
        reach = math.sqrt(math.log(FAR) / math.log(max(n, 3.0))) - 1.0
        ahead = max(ahead, int(high * (high / max(low, 1)) ** (reach / 2)))
    least = min(low, 1)
    if low > SHORT:
        least = max(low - (spread + 3) // 4, least)
    return least, max(high + spread, ahead)
