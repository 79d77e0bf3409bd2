"""The learning state of one workload: a path tree of endpoints, each with its parameters.

Every part merges commutatively and associatively: counts add, evidence ORs, times take the earliest and
latest. Owns the shape of the tree and its caps. What is to be made of it is decided in `closing`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from waf.model import Part
from waf.profiles.evidence import Evidence
from waf.profiles.observe import Observation, media_type
from waf.profiles.parameter import Parameter, Place, merge_things
from waf.profiles.segments import MAX_DEPTH, SLOT, literal, slot_of, split

MAX_ENDPOINTS: Final = 2_000
MAX_LITERALS: Final = 64  # of one node; more collapse into its slot
MAX_PARAMETERS: Final = 128  # of one endpoint
MAX_CALLERS: Final = 64
MAX_TYPES: Final = 32
MAX_HOSTS: Final = 64

BODY_PARTS: Final = frozenset({Part.FORM, Part.JSON, Part.XML, Part.FILE_NAME})
HEAD_PARTS: Final = frozenset({Part.ARG, Part.QUERY})
COMMON_PARTS: Final = frozenset({Part.HEADER, Part.COOKIE})
"""Parameters that belong to the client more than to a page: learned once for the whole workload."""

UNLEARNED_HEADERS: Final = frozenset({
    "host", "connection", "content-length", "content-type", "content-encoding", "transfer-encoding", "te",
    "trailer", "upgrade", "expect", "keep-alive", "user-agent", "accept", "accept-language",
    "accept-encoding", "accept-charset", "referer", "origin", "cookie", "authorization",
    "proxy-authorization", "cache-control", "pragma", "dnt", "save-data", "priority", "range", "if-range",
    "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "via", "forwarded",
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip",
    "x-request-id", "x-correlation-id", "traceparent", "tracestate", "baggage", "date", "from",
    "upgrade-insecure-requests", "purpose", "x-purpose", "early-data",
})  # fmt: skip
"""Headers of browsers and proxies: they vary with the client, not with the app, and are left to the
signatures."""

_IGNORED_PREFIXES: Final = ("sec-", "x-b3-", "cf-", "x-amz", "x-envoy-")

SECRET: Final = re.compile(
    r"pass|pwd|secret|token|session|sid$|auth|key|csrf|xsrf|pin$|cvv|cvc|card|iban|ssn", re.I
)
"""Names of parameters whose values are never kept in clear."""

TRACKING: Final = re.compile(
    r"utm_\w{1,32}|gclid|gbraid|wbraid|fbclid|msclkid|dclid|yclid|mc_[ce]id|_ga|_gl|_"
)
"""Query parameters that third parties append to any link: never unknown, always left to the signatures."""

_DYNAMIC: Final = re.compile(
    r"(?<![^.\[\]])(?:[0-9]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|(?=[a-f]*[0-9])[0-9a-f]{12,}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2})(?![^.\[\]])"
)


@lru_cache(maxsize=4096)
def general_name(name: str) -> str:
    """A JSON path or parameter name with keys that are ids replaced by "{}": "users.4711.name" is
    "users.{}.name"."""
    return _DYNAMIC.sub("{}", name) if any(c.isdigit() for c in name) else name


@lru_cache(maxsize=1024)
def learned_header(name: str) -> bool:
    return name not in UNLEARNED_HEADERS and not name.startswith(_IGNORED_PREFIXES)


class Endpoint:
    """One method at one place of the tree, or what all requests of the workload have in common."""

    __slots__ = (
        "auth", "callers", "entities", "first", "last", "lost", "n", "parameters", "request_sizes",
        "response_sizes", "seen", "statuses", "types_in", "types_out",
    )  # fmt: skip

    def __init__(self) -> None:
        self.n: float = 0.0
        self.seen: Evidence = 0
        self.first: float = math.inf
        self.last: float = 0.0
        self.parameters: dict[Place, Parameter] = {}
        self.lost: Evidence = 0  # names that found no room
        self.types_in: dict[str, Evidence] = {}
        self.types_out: dict[str, Evidence] = {}
        self.statuses: dict[int, float] = {}  # by class, 2 to 5
        self.request_sizes: dict[int, float] = {}  # by power of two
        self.response_sizes: dict[int, float] = {}
        self.auth: dict[str, float] = {}
        self.entities: dict[str, float] = {}
        self.callers: dict[str, Evidence] = {}

    def observe(self, seen: Observation, mark: Evidence) -> None:
        """Learn all of an exchange but its fields."""
        self.n += seen.weight
        self.seen |= mark
        self.first = min(self.first, seen.wall)
        self.last = max(self.last, seen.wall)
        add_thing(self.types_in, media_type(seen.content_type) if seen.content_type else "", mark, MAX_TYPES)
        add_thing(
            self.types_out, media_type(seen.response_type) if seen.response_type else "", mark, MAX_TYPES
        )
        for counts, key in (
            (self.statuses, seen.status // 100),
            (self.request_sizes, seen.request_size.bit_length()),
            (self.response_sizes, seen.response_size.bit_length()),
        ):
            counts[key] = counts.get(key, 0.0) + seen.weight
        self.auth[seen.authenticated] = self.auth.get(seen.authenticated, 0.0) + seen.weight
        for entity in seen.entities:
            self.entities[entity] = self.entities.get(entity, 0.0) + seen.weight
        if seen.caller:
            add_thing(self.callers, seen.caller, mark, MAX_CALLERS)

    def learn(self, seen: Observation, parts: frozenset[Part], mark: Evidence, key: bytes) -> None:
        """Learn the fields that stand in `parts`."""
        times: dict[Place, int] = {}
        parameters = self.parameters
        masked = seen.masked
        for field in seen.fields:
            part = field.part
            if part not in parts:
                continue
            name = field.name
            if part is Part.HEADER and not learned_header(name):
                continue
            place = (part, general_name(name))
            parameter = parameters.get(place)
            if parameter is None:
                if part is Part.ARG and TRACKING.fullmatch(name):
                    continue
                if len(parameters) >= MAX_PARAMETERS:
                    self.lost |= mark
                    continue
                parameter = parameters[place] = Parameter()
            clear = parameter.clear and not (masked and field.address in masked)
            if clear and not parameter.n:
                clear = parameter.clear = not (part in COMMON_PARTS or SECRET.search(name))
            times[place] = times.get(place, 0) + 1
            parameter.observe(field.value, field.kind, mark, key, clear)
        for place, count in times.items():
            parameters[place].present(count, mark)

    def merge(self, other: Endpoint) -> None:
        self.n += other.n
        self.seen |= other.seen
        self.lost |= other.lost
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        for mine, theirs in ((self.types_in, other.types_in), (self.types_out, other.types_out)):
            merge_things(mine, theirs)
        merge_things(self.callers, other.callers)
        for counts, more in (
            (self.statuses, other.statuses),
            (self.request_sizes, other.request_sizes),
            (self.response_sizes, other.response_sizes),
        ):
            add_counts(counts, more)
        add_counts(self.auth, other.auth)
        add_counts(self.entities, other.entities)
        for place, parameter in other.parameters.items():
            mine_too = self.parameters.get(place)
            if mine_too is None:
                mine_too = self.parameters[place] = Parameter()
            mine_too.merge(parameter)
        for place in sorted(self.parameters)[MAX_PARAMETERS:]:
            self.lost |= self.parameters.pop(place).seen


class Node:
    """A place in the tree. `children` are literals and slots ("{int}"); the key "" is a trailing slash."""

    __slots__ = ("children", "collapsed", "endpoints", "n", "seen", "values")

    def __init__(self) -> None:
        self.n: float = 0.0
        self.seen: Evidence = 0
        self.children: dict[str, Node] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.collapsed = False  # its literals have become its slot
        self.values: Parameter | None = None  # what stands in that slot

    def child(self, segment: bytes, mark: Evidence) -> Node:
        """The node below for a segment, made if need be."""
        name = slot_of(segment)
        children = self.children
        if name is None:
            name = literal(segment)
            if self.collapsed and is_literal(name):
                self.slot_values().describe(segment, mark)
                name = SLOT
        node = children.get(name)
        if node is None:
            node = children[name] = Node()
            if len(children) > MAX_LITERALS and not self.collapsed:
                return self._collapse_if_full(name)
        return node

    def _collapse_if_full(self, name: str) -> Node:
        self.collapse_if_full()
        return self.children[name if name in self.children else SLOT]

    def collapse_if_full(self) -> None:
        """Where there are too many literals, fold them into the slot."""
        literals = [name for name in self.children if is_literal(name)]
        if self.collapsed or len(literals) > MAX_LITERALS:
            self.collapsed = True
            for name in literals:
                child = self.children.pop(name)
                self.slot_values().describe(name.encode(), child.seen, child.n)
                self.children.setdefault(SLOT, Node()).merge(child)

    def slot_values(self) -> Parameter:
        if self.values is None:
            self.values = Parameter()
        return self.values

    def merge(self, other: Node) -> None:
        self.n += other.n
        self.seen |= other.seen
        self.collapsed |= other.collapsed
        for method, endpoint in other.endpoints.items():
            mine = self.endpoints.get(method)
            if mine is None:
                mine = self.endpoints[method] = Endpoint()
            mine.merge(endpoint)
        for name, child in other.children.items():
            mine_too = self.children.get(name)
            if mine_too is None:
                mine_too = self.children[name] = Node()
            mine_too.merge(child)
        if other.values is not None:
            self.slot_values().merge(other.values)
        self.collapse_if_full()

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Node]]:
        """This node and all below it with their templates, in order of the templates."""
        yield prefix or "/", self
        for name in sorted(self.children):
            yield from self.children[name].walk(f"{prefix}/{name}")


def is_literal(name: str) -> bool:
    return bool(name) and name[0] != "{"


def add_thing(things: dict[str, Evidence], thing: str, mark: Evidence, cap: int) -> None:
    if thing in things or len(things) < cap:
        things[thing] = things.get(thing, 0) | mark


def add_counts(counts: dict[Any, float], more: dict[Any, float]) -> None:
    for key, count in more.items():
        counts[key] = counts.get(key, 0.0) + count


class State:
    """All that has been learned of one workload."""

    __slots__ = ("common", "endpoints", "hosts", "refused", "root")

    def __init__(self) -> None:
        self.root = Node()
        self.common = Endpoint()
        self.hosts: dict[str, Evidence] = {}
        self.endpoints = 0
        self.refused = 0.0  # observations of endpoints beyond the cap

    def observe(self, seen: Observation, mark: Evidence, key: bytes) -> bool:
        """Learn one exchange. False if its path is no place in the tree, or the tree is full."""
        segments = split(seen.path)
        if segments is None:
            return False
        if len(segments) > MAX_DEPTH:
            segments = segments[:MAX_DEPTH]
        method = method_of(seen.method)
        node = self.root
        node.n += seen.weight
        node.seen |= mark
        for segment in segments:
            node = node.child(segment, mark)
            node.n += seen.weight
            node.seen |= mark
        endpoint = node.endpoints.get(method)
        if endpoint is None:
            if self.endpoints >= MAX_ENDPOINTS:
                self.refused += seen.weight
                return False
            self.endpoints += 1
            endpoint = node.endpoints[method] = Endpoint()
        endpoint.observe(seen, mark)
        endpoint.learn(seen, HEAD_PARTS | BODY_PARTS, mark, key)
        self.common.observe(seen, mark)
        self.common.learn(seen, COMMON_PARTS, mark, key)
        if seen.host:
            add_thing(self.hosts, seen.host, mark, MAX_HOSTS)
        return True

    def merge(self, other: State) -> None:
        self.root.merge(other.root)
        self.common.merge(other.common)
        merge_things(self.hosts, other.hosts)
        self.refused += other.refused
        self.endpoints = sum(len(node.endpoints) for _, node in self.root.walk())


def method_of(method: bytes) -> str:
    """HEAD is GET without a body (RFC 9110 section 9.3.2)."""
    return "GET" if method == b"HEAD" else method.decode("latin-1")
