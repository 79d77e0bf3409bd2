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

import msgspec

from waf.model import Part
from waf.profiles.evidence import FRESH, SOURCE_BITS, Evidence
from waf.profiles.observe import Observation, media_type
from waf.profiles.parameter import Parameter, Place, age_things, merge_things
from waf.profiles.segments import MAX_DEPTH, SLOT, literal, slot_of, split, unliteral

MAX_ENDPOINTS: Final = 2_000
MAX_LITERALS: Final = 64  # of one node; more collapse into its slot
MAX_PARAMETERS: Final = 128  # of one endpoint
MAX_CALLERS: Final = 64
MAX_TYPES: Final = 32
MAX_HOSTS: Final = 64

BODY_PARTS: Final = frozenset({Part.FORM, Part.JSON, Part.XML, Part.FILE_NAME})
HEAD_PARTS: Final = frozenset({Part.ARG, Part.QUERY})
LEARNED_PARTS: Final = HEAD_PARTS | BODY_PARTS
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
        "_open", "_packed", "auth", "callers", "entities", "first", "last", "lost", "n", "request_sizes",
        "response_sizes", "seen", "statuses", "types_in", "types_out",
    )  # fmt: skip

    def __init__(self) -> None:
        self.n: float = 0.0
        self.seen: Evidence = 0
        self.first: float = math.inf
        self.last: float = 0.0
        self._open: dict[Place, Parameter] = {}
        self._packed = b""  # holds them instead while the endpoint is idle
        self.lost: Evidence = 0  # names that found no room
        self.types_in: dict[str, Evidence] = {}
        self.types_out: dict[str, Evidence] = {}
        self.statuses: dict[int, float] = {}  # by class, 2 to 5
        self.request_sizes: dict[int, float] = {}  # by power of two
        self.response_sizes: dict[int, float] = {}
        self.auth: dict[str, float] = {}
        self.entities: dict[str, float] = {}
        self.callers: dict[str, Evidence] = {}

    def parameters(self) -> dict[Place, Parameter]:
        """The parameters, to be looked at only: of a packed endpoint these are a copy."""
        return _unpack(self._packed) if self._packed else self._open

    def open(self) -> dict[Place, Parameter]:
        """The parameters, to be changed; the endpoint stays open until `pack`."""
        if self._packed:
            self._open, self._packed = _unpack(self._packed), b""
        return self._open

    def pack(self) -> None:
        """Hold the parameters as bytes, a fraction of the memory."""
        if self._open:
            self._packed, self._open = _pack(self._open), {}

    def as_bytes(self) -> bytes:
        """The parameters as bytes; the endpoint stays as it is."""
        return self._packed or (_pack(self._open) if self._open else b"")

    def take_bytes(self, data: bytes) -> None:
        """The inverse of `as_bytes`. Raises what `Parameter.unpack` raises."""
        _unpack(data)
        self._packed, self._open = data, {}

    @property
    def packed(self) -> bool:
        return bool(self._packed)

    @property
    def size(self) -> int:
        """Bytes that its parameters take, roughly."""
        return len(self._packed) or _OPEN_SIZE * len(self._open)

    def observe(self, seen: Observation, mark: Evidence) -> None:
        """Learn all of an exchange but its fields."""
        self.n += 1.0  # a sample, whatever it stands for: weight would be evidence that nobody has seen
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
        parameters = self.open()
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
        theirs_too = other.parameters()
        if theirs_too:
            own = self.open()
            for place, parameter in theirs_too.items():
                own.setdefault(place, Parameter()).merge(parameter)
            for place in sorted(own)[MAX_PARAMETERS:]:
                self.lost |= own.pop(place).seen

    def age(self) -> None:
        """See `Parameter.age`."""
        self.n /= 2
        for counts in (self.statuses, self.request_sizes, self.response_sizes, self.auth, self.entities):
            for key in counts:
                counts[key] /= 2  # type: ignore[index]
        for things in (self.types_in, self.types_out, self.callers):
            age_things(things)
        parameters = self.open()
        for place, parameter in list(parameters.items()):
            if not parameter.seen & FRESH:
                del parameters[place]
            else:
                parameter.age()
        self.seen &= ~FRESH
        self.lost = 0


_OPEN_SIZE: Final = 5_000  # bytes of a parameter while it is open, measured


def _pack(parameters: dict[Place, Parameter]) -> bytes:
    return msgspec.msgpack.encode([[part, name, p.pack()] for (part, name), p in parameters.items()])


def _unpack(data: bytes) -> dict[Place, Parameter]:
    if not data:
        return {}
    return {(Part(part), name): Parameter.unpack(p) for part, name, p in msgspec.msgpack.decode(data)}


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
        name = slot_of(segment) or literal(segment)
        children = self.children
        node = children.get(name)
        if node is None and is_literal(name):
            if not self.collapsed and len(children) >= MAX_LITERALS:
                self.collapse_if_full(1)
            if self.collapsed:
                self.slot_values().describe(segment, mark)
                name = SLOT
                node = children.get(name)
        if node is None:
            node = children[name] = Node()
        return node

    def collapse_if_full(self, coming: int = 0) -> None:
        """Where there are too many literals (with those `coming`), fold them into the slot."""
        literals = [name for name in self.children if is_literal(name)]
        if self.collapsed or len(literals) + coming > MAX_LITERALS:
            self.collapsed = True
            for name in literals:
                child = self.children.pop(name)
                self.slot_values().describe(unliteral(name), child.seen, child.n)
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

    def age(self) -> None:
        """See `Parameter.age`."""
        self.n /= 2
        self.seen &= ~FRESH
        if self.values is not None:
            self.values.age()
        for method, endpoint in list(self.endpoints.items()):
            if not endpoint.seen & FRESH:
                del self.endpoints[method]
            else:
                endpoint.age()

    def prune(self) -> None:
        """Drop what leads nowhere."""
        for name, child in list(self.children.items()):
            child.prune()
            if not child.children and not child.endpoints:
                del self.children[name]

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
    """All that has been learned of one workload, in at most about `memory` bytes."""

    __slots__ = (
        "_hot",
        "_seen_since",
        "_since",
        "activity",
        "common",
        "endpoints",
        "hosts",
        "memory",
        "refused",
        "root",
    )

    def __init__(self, memory: int = 32 * 1024 * 1024) -> None:
        self.root = Node()
        self.common = Endpoint()
        self.hosts: dict[str, Evidence] = {}
        self.endpoints = 0
        self.refused = 0.0  # observations of endpoints that found no room
        self.memory = memory
        self._hot: dict[Endpoint, None] = {}  # endpoints that are not packed, the least recently used first
        self.activity = [0.0] * SOURCE_BITS  # requests by source bit
        self._since = 0
        self._seen_since = 0

    def observe(self, seen: Observation, mark: Evidence, key: bytes) -> bool:
        """Learn one exchange. False if its path is no place in the tree, or the tree is full."""
        segments = split(seen.path)
        if segments is None:
            return False
        if len(segments) > MAX_DEPTH:
            segments = segments[:MAX_DEPTH]
        method = method_of(seen.method)
        node = self.root
        node.n += 1.0
        node.seen |= mark
        for segment in segments:
            node = node.child(segment, mark)
            node.n += 1.0
            node.seen |= mark
        endpoint = node.endpoints.get(method)
        if endpoint is None:
            if self.endpoints >= MAX_ENDPOINTS:
                self.refused += seen.weight
                return False
            self.endpoints += 1
            endpoint = node.endpoints[method] = Endpoint()
        endpoint.observe(seen, mark)
        endpoint.learn(seen, LEARNED_PARTS, mark, key)
        self.activity[seen.source % SOURCE_BITS] += 1.0
        self.common.observe(seen, mark)
        self.common.learn(seen, COMMON_PARTS, mark, key)
        if seen.host:
            add_thing(self.hosts, seen.host, mark, MAX_HOSTS)
        self._hot.pop(endpoint, None)
        self._hot[endpoint] = None
        self._since += 4 + len(seen.fields)
        if self._since >= _COOL_EVERY:
            self._cool()
        return True

    def _cool(self) -> None:
        """Pack the endpoints that have not been used for longest."""
        self._seen_since += self._since
        self._since = 0
        left = self.memory // 16
        for endpoint in reversed(self._hot):
            left -= endpoint.size
            if left < 0:
                endpoint.pack()
        self._hot = {endpoint: None for endpoint in self._hot if not endpoint.packed}
        if self._seen_since >= _SETTLE_EVERY:
            self.settle()

    def settle(self) -> None:
        """Give up the endpoints longest unseen where memory is short."""
        self._seen_since = 0
        places = [
            (e.last, e.size + _PLACE_SIZE, n, m) for _, n in self.root.walk() for m, e in n.endpoints.items()
        ]
        self.endpoints = len(places)
        excess = sum(size for _, size, _, _ in places) - self.memory * 3 // 4
        if excess > 0:
            for _, size, node, method in sorted(places, key=lambda place: place[0]):
                self._hot.pop(node.endpoints.pop(method), None)
                excess -= size
                self.endpoints -= 1
                if excess <= 0:
                    break
            self.root.prune()

    def merge(self, other: State) -> None:
        """Add what another replica has learned; commutative and associative as long as no cap is met."""
        self.root.merge(other.root)
        self.common.merge(other.common)
        merge_things(self.hosts, other.hosts)
        self.refused += other.refused
        self.activity = [mine + theirs for mine, theirs in zip(self.activity, other.activity, strict=True)]
        self._hot = {e: None for _, n in self.root.walk() for e in n.endpoints.values() if not e.packed}
        self._cool()
        self.settle()

    def age(self) -> None:
        """Once a month: what has not been seen since the last time is forgotten, the rest counts half."""
        for _, node in list(self.root.walk()):
            node.age()
        self.root.prune()
        self.common.age()
        self.activity = [count / 2 for count in self.activity]
        age_things(self.hosts)
        self.settle()


_COOL_EVERY: Final = 1_024  # fields, about
_SETTLE_EVERY: Final = 65_536
_PLACE_SIZE: Final = 1_500  # bytes of a node with an endpoint, without parameters


def method_of(method: bytes) -> str:
    """HEAD is GET without a body (RFC 9110 section 9.3.2)."""
    return "GET" if method == b"HEAD" else method.decode("latin-1")
