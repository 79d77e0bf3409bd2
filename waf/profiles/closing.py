"""Which sets are complete: from learning state to the constraints that may be relied upon.

For every set of things the Good–Turing estimate tells how much has not been seen yet. Turing's plain estimate
(n[1] + 1) / n puts one whole unseen thing into every set, so that no set of fewer than 1/eps requests could
ever close. A workload has hundreds of sets of each kind, and they tell what that prior is worth: under the
Ewens sampling model a set with concentration theta shows theta singletons on average, and something new with
probability theta / n. So theta is estimated from the sets of one aspect together, and

    U = (doubtful + theta) / n

A set is closed at U <= eps; and of the closed sets only as many count as keep the *sum* of the expected false
alarms within eps / 4 of all requests. What is not closed is left to the signatures.

References: Good, Biometrika 40 (1953); Ewens, Theor. Popul. Biol. 3 (1972).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec

from waf.model import Kind, Part
from waf.profiles import values as v
from waf.profiles.constraints import EVERYWHERE, Aspect, Key
from waf.profiles.evidence import REQUESTS, Evidence, Floors, estimate, hours, tally
from waf.profiles.model import MAX_LITERALS, Endpoint, Node, State, is_literal
from waf.profiles.parameter import Parameter
from waf.profiles.segments import SLOT

LEAST: Final = 20  # values below which no set is judged
SLOT_SHARE: Final = 0.05  # share of once-seen literals at which they are values of a slot
SLOT_LEAST: Final = 30
SLOT_LITERALS: Final = 12
PER_SOURCE: Final = 64.0  # requests that one source may contribute to the size of a sample
BUDGET: Final = 0.25  # of eps: expected false alarms of all constraints together

_STRATA: Final = {
    v.Stratum.PLAIN: Aspect.PLAIN,
    v.Stratum.SHARP: Aspect.SHARP,
    v.Stratum.CONTROL: Aspect.CONTROL,
    v.Stratum.SCRIPT: Aspect.SCRIPT,
}
_CROWD: Final = frozenset({Aspect.ENUM, *_STRATA.values()})
"""Aspects that need `Needs.crowd` sources."""


_MAY_BE_EMPTY: Final = frozenset({Aspect.PATH, Aspect.NAMES, *_STRATA.values()})
"""Sets for which "none at all" is a thing to say."""


class Needs(msgspec.Struct, frozen=True):
    """What a set needs beside a small U. Trusted evidence needs none of it."""

    epsilon: float = 0.002
    sources: int = 3
    hours: int = 3
    crowd: int = 20  # sources before a set of values or characters is believed to be whole
    elapsed: float = 86_400.0  # seconds between its first and last observation

    @classmethod
    def of(cls, epsilon: float, sources: int, hours: int) -> Needs:
        """From the configuration. Fewer sources or hours than the defaults waive the other floors in
        proportion."""
        return cls(
            epsilon=epsilon,
            sources=sources,
            hours=hours,
            crowd=20 if sources >= 3 else sources,
            elapsed=86_400.0 * min(1.0, (hours - 1) / 2),
        )

    @property
    def floors(self) -> Floors:
        return Floors(sources=self.sources, hours=min(2, self.hours))


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
    unseen: float = 1.0  # U
    closed: bool = False
    why: str = ""  # why it is not closed


def candidates(state: State, floors: Floors) -> Iterator[Candidate]:
    """Every set of the state, as far as it says anything."""
    for found in _of_node(state.root, "", floors):
        if not found.last:
            found.first, found.last = state.common.first, state.common.last
        yield found
    yield from _of_endpoint(state.common, EVERYWHERE, EVERYWHERE, floors)


def close(found: list[Candidate], needs: Needs, total: float) -> None:
    """Decide which of the candidates are closed; `total` is the number of requests of the workload."""
    prior = _priors(found, needs.epsilon)
    ready: list[tuple[float, float, Candidate]] = []
    for candidate in found:
        theta, mean = prior[candidate.aspect]
        n = _size(candidate)
        candidate.unseen = min(1.0, (candidate.doubtful + theta) / n) if n else 1.0
        candidate.why = _lacks(candidate, needs, n)
        if not candidate.why:
            ready.append((candidate.doubtful + mean, candidate.unseen, candidate))
    left = BUDGET * needs.epsilon * total
    for cost, _, candidate in sorted(ready, key=lambda item: (item[0], item[1], item[2].key)):
        left -= cost
        candidate.closed = left >= 0.0 or cost <= 0.0
        if not candidate.closed:
            candidate.why = "would bring the expected false alarms of all constraints above their budget"


def _size(candidate: Candidate) -> float:
    """The size of the sample: one source may make up only so much of it."""
    if candidate.seen & REQUESTS:
        return candidate.n
    return min(candidate.n, PER_SOURCE * estimate(candidate.seen))


def _priors(found: Iterable[Candidate], epsilon: float) -> dict[Aspect, tuple[float, float]]:
    """For each aspect theta, and the mean of what sets that look nearly closed still show."""
    pools: defaultdict[Aspect, list[float]] = defaultdict(list)
    for candidate in found:
        if candidate.n >= LEAST and candidate.doubtful <= max(2.0, 5 * epsilon * candidate.n):
            pools[candidate.aspect].append(min(candidate.doubtful, 2.0))
    result = dict.fromkeys(Aspect, (1.0, 1.0))
    for aspect, pool in pools.items():
        theta = min(1.0, (sum(pool) + 1.0) / (len(pool) + 1.0))
        result[aspect] = (theta, sum(pool) / len(pool))
    return result


def _lacks(candidate: Candidate, needs: Needs, n: float) -> str:
    """What the candidate lacks to be closed, "" if nothing."""
    if n < LEAST:
        return f"seen in {n:.0f} requests, needs {LEAST}"
    if not candidate.seen & REQUESTS:
        crowd = needs.crowd if candidate.aspect in _CROWD else needs.sources
        sources = estimate(candidate.seen)
        if sources < crowd - 0.5:
            return f"seen from {sources:.0f} sources, needs {crowd}"
        if hours(candidate.seen) < needs.hours:
            return f"seen in {hours(candidate.seen)} hours, needs {needs.hours}"
        if candidate.last - candidate.first < needs.elapsed:
            age = (candidate.last - candidate.first) / 3600
            return f"seen for {age:.0f} h, needs {needs.elapsed / 3600:.0f}"
    if not candidate.known and candidate.aspect not in _MAY_BE_EMPTY:
        return "nothing of it is known well enough"
    if candidate.unseen > needs.epsilon:
        return f"{candidate.unseen:.2%} not seen yet, needs {needs.epsilon:.2%}"
    return ""


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
        values.describe(name.encode(), child.seen, child.n)
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
        for (part, name), parameter in endpoint.parameters.items():
            names.setdefault(part, {})[name] = parameter.seen
        for part, things in names.items():
            if endpoint.lost:
                things["*"] = endpoint.lost
            key = Key(template, method, part.label, Aspect.NAMES.value)
            yield _of_set(key, Aspect.NAMES, things, n, seen, floors)
        key = Key(template, method, "", Aspect.CONTENT_TYPE.value)
        yield _of_set(key, Aspect.CONTENT_TYPE, endpoint.types_in, n, seen, floors)
    for (part, name), parameter in endpoint.parameters.items():
        key = Key(template, method, f"{part.label}.{name}" if name else part.label, "")
        yield from _of_values(parameter, key, part, floors)
        absent = n - parameter.requests
        if not common and absent <= 2:
            required = msgspec.structs.replace(key, aspect=Aspect.REQUIRED.value)
            known = 1 if absent <= 0 else 0
            yield Candidate(required, Aspect.REQUIRED, ("1",), n, absent, known, seen, math.inf, 0.0)


# ------------------------------------------------------------------------------------------------ values


def _of_set(
    key: Key, aspect: Aspect, things: Mapping[str, Evidence], n: float, seen: Evidence, floors: Floors
) -> Candidate:
    """A set of named things, allowed as they are."""
    result = tally(things.values(), floors)
    allowed = tuple(sorted(name for name, evidence in things.items() if floors.known(evidence)))
    return Candidate(key, aspect, allowed, n, result.doubtful, result.known, seen, math.inf, 0.0)


def _of_values(parameter: Parameter, base: Key, part: Part, floors: Floors) -> Iterator[Candidate]:
    """All constraints on the values of one parameter."""
    n, seen = parameter.n, parameter.seen
    if not seen:  # a slot: its presence is that of its values
        for evidence in parameter.types.values():
            seen |= evidence

    def make(aspect: Aspect, allowed: Iterable[str], doubtful: float, known: int) -> Candidate:
        key = msgspec.structs.replace(base, aspect=aspect.value)
        return Candidate(key, aspect, tuple(allowed), n, doubtful, known, seen, math.inf, 0.0)

    types = tally(parameter.types.values(), floors)
    known_types = [tag for tag, evidence in parameter.types.items() if floors.known(evidence)]
    if any(_says_something(tag, part) for tag in known_types) and not _anything(known_types, part):
        yield make(Aspect.TYPE, sorted(type_label(tag) for tag in known_types), types.doubtful, types.known)
    for stratum, aspect in _STRATA.items():
        codes = {code: e for code, e in parameter.chars.items() if v.stratum(code) is stratum}
        result = tally(codes.values(), floors)
        allowed = sorted(v.code_label(code) for code, evidence in codes.items() if floors.known(evidence))
        yield make(aspect, allowed, result.doubtful, result.known)
    if lengths := _lengths(parameter.lengths, floors):
        least, most, doubtful = lengths
        yield make(Aspect.LENGTH, (str(least), str(most)), doubtful, len(parameter.lengths))
    if not parameter.many_shapes:
        shapes = tally(parameter.shapes.values(), floors)
        known = sorted(_text(shape) for shape, evidence in parameter.shapes.items() if floors.known(evidence))
        yield make(Aspect.SHAPE, known, shapes.doubtful, shapes.known)
    if not parameter.many_values and parameter.values:
        result = tally(parameter.values.values(), floors)
        kept = (digest for digest, evidence in parameter.values.items() if floors.known(evidence))
        yield make(Aspect.ENUM, sorted(_value(d, parameter) for d in kept), result.doubtful, result.known)
    if parameter.repeats:
        repeats = tally(parameter.repeats.values(), floors)
        most = max((times for times, e in parameter.repeats.items() if floors.known(e)), default=0)
        if most:
            beyond = tally((e for times, e in parameter.repeats.items() if times > most), floors)
            yield make(Aspect.REPEATS, (str(most),), beyond.doubtful, repeats.known)


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


def _value(digest: int, parameter: Parameter) -> str:
    text = parameter.texts.get(digest)
    if text is not None and text.isascii() and text.decode().isprintable():
        return "=" + text.decode()
    return f"#{digest:015x}"


def _lengths(lengths: dict[int, Evidence], floors: Floors) -> tuple[int, int, float] | None:
    """The least and most bytes of a value, with room for half the spread that has been seen, and what is
    doubtful."""
    known = [bucket for bucket, evidence in lengths.items() if floors.known(evidence)]
    if not known:
        return None
    low, high = min(known), max(known)
    spread = high - low
    least = max(low - (spread + 3) // 4, min(low, 1))
    most = high + (spread + 1) // 2
    outside = [evidence for bucket, evidence in lengths.items() if not least <= bucket <= most]
    return least, most, tally(outside, floors).doubtful
