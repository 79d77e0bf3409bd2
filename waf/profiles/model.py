"""The learning state of one workload: a path tree of endpoints, each with its parameters.

Every part merges commutatively and associatively: counts add, evidence ORs, times take the earliest and
latest. Owns the shape of the tree and its caps. What is to be made of it is decided in `closing`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Final

from waf.profiles.distinct import mixed
from waf.profiles.endpoint import (
    COMMON_PARTS,
    LEARNED_PARTS,
    Endpoint,
    add_thing,
)
from waf.profiles.evidence import FRESH, SOURCE_BITS, Evidence
from waf.profiles.observe import HOUR, Observation
from waf.profiles.parameter import Parameter, Place, age_things, merge_things, value_hash
from waf.profiles.sampling import Repeats
from waf.profiles.segments import MAX_DEPTH, SLOT, is_word, literal, slot_of, split, unliteral
from waf.profiles.sequence import Step

MAX_ENDPOINTS: Final = 2_000
MAX_LITERALS: Final = 64  # of one node; more collapse into its slot
MAX_HOSTS: Final = 64
STALE: Final = 90 * 86_400.0  # seconds unseen after which an endpoint is stale
REMEMBERED: Final = 365 * 86_400.0
SETTLED: Final = 10.0  # requests, halved each month, of an endpoint that is worth remembering


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

    def child(self, segment: bytes, mark: Evidence, secret: bool = False) -> Node:
        """The node below for a segment, made if need be. A `secret` one is kept as a slot unless it is a plain word."""
        name = slot_of(segment) or (SLOT if secret and not is_word(segment) else literal(segment))
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

    def age(self, now: float) -> None:
        """See `State.age`."""
        self.n /= 2
        self.seen &= ~FRESH
        if self.values is not None:
            self.values.age()
        for method, endpoint in list(self.endpoints.items()):
            if endpoint.seen & FRESH:
                endpoint.age()
            elif now - endpoint.last < REMEMBERED and (endpoint.withered or endpoint.n >= SETTLED):
                endpoint.wither()
            else:
                del self.endpoints[method]

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


class State:
    """All that has been learned of one workload, in at most about `memory` bytes."""

    __slots__ = (
        "_hot",
        "_repeats",
        "_seen_since",
        "_since",
        "activity",
        "awoken",
        "common",
        "endpoints",
        "hosts",
        "memory",
        "refused",
        "requests",
        "root",
        "strayed",
    )

    def __init__(self, memory: int = 32 * 1024 * 1024) -> None:
        self.root = Node()
        self.common = Endpoint()
        self.hosts: dict[str, Evidence] = {}
        self.endpoints = 0
        self.refused = 0.0  # observations of endpoints that found no room
        self.requests = 0.0  # that were accepted, whether learned or only counted
        self.memory = memory
        self._hot: dict[Endpoint, None] = {}  # endpoints that are not packed, the least recently used first
        self.activity = [0.0] * SOURCE_BITS  # requests by source bit
        self._since = 0
        self._seen_since = 0
        self._repeats = Repeats()
        self.awoken: deque[tuple[str, str, float]] = deque(maxlen=64)  # stale endpoints that are used again
        self.strayed: deque[tuple[str, str]] = deque(maxlen=64)  # arrivals from where nobody comes

    def observe(self, seen: Observation, mark: Evidence, key: bytes, step: Step | None = None) -> bool:
        """Learn one exchange, to which its source came by a `step` (None for not known).

        False if its path is no place in the tree, or the tree is full.
        """
        segments = split(seen.path)
        if segments is None:
            return False
        if len(segments) > MAX_DEPTH:
            segments = segments[:MAX_DEPTH]
        method = method_of(seen.method)
        node = self.root
        times = seen.times
        node.n += times
        node.seen |= mark
        secret = "segment" in seen.masked
        for segment in segments:
            node = node.child(segment, mark, secret)
            node.n += times
            node.seen |= mark
        endpoint = node.endpoints.get(method)
        if endpoint is None:
            if self.endpoints >= MAX_ENDPOINTS:
                self.refused += seen.weight
                return False
            self.endpoints += 1
            endpoint = node.endpoints[method] = Endpoint()
        elif seen.wall - endpoint.last > STALE:
            self.awoken.append((self._template(segments), method, seen.wall - endpoint.last))
        if step is not None:
            if endpoint.before.unusual(step.before):
                self.strayed.append((self._template(segments), method))
            if step.first:
                endpoint.before.add(step.before)
        endpoint.observe(seen, mark)
        endpoint.learn(seen, LEARNED_PARTS, mark, key)
        self.requests += 1.0
        self.activity[seen.source % SOURCE_BITS] += times
        self.common.present(seen, mark)
        self.common.learn(seen, COMMON_PARTS, mark, key, partial(self._sent, seen, key))
        if seen.host:
            add_thing(self.hosts, seen.host, mark, MAX_HOSTS)
        self._hot.pop(endpoint, None)
        self._hot[endpoint] = None
        self._since += 4 + len(seen.fields)
        if self._since >= _COOL_EVERY:
            self._cool()
        return True

    def _template(self, segments: list[bytes]) -> str:
        """The template of a place that is there."""
        node, template = self.root, ""
        for segment in segments:
            below = node.child(segment, 0)
            template += "/" + next(name for name, child in node.children.items() if child is below)
            node = below
        return template

    def _sent(self, seen: Observation, key: bytes, place: Place, value: bytes) -> int:
        """A client sends its cookies with every request: a token that came a thousand times is one token, not a thousand.

        See `endpoint.Sent`. What is known to have been learned is left out only to save time: to learn it again would
        change nothing.
        """
        if self._repeats.count(hash((seen.source, place, value)), seen.wall) > 1:
            return -1
        return mixed(seen.source, int(seen.wall / HOUR), value_hash(value, key))

    def _cool(self) -> None:
        """Pack the endpoints that have not been used for longest."""
        self._seen_since += self._since
        self._since = 0
        left = self.memory // 8
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
        if self.endpoints > MAX_ENDPOINTS * 0.9:  # what is only remembered must not keep anything new out
            for _, _, node, method in places:
                if node.endpoints[method].withered:
                    del node.endpoints[method]
            self.root.prune()
            places = [place for place in places if place[3] in place[2].endpoints]
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
        self.requests += other.requests
        self.activity = [mine + theirs for mine, theirs in zip(self.activity, other.activity, strict=True)]
        self._hot = {e: None for _, n in self.root.walk() for e in n.endpoints.values() if not e.packed}
        self._cool()
        self.settle()

    def age(self, now: float = math.inf) -> None:
        """Once a month: what has not been seen since the last time is forgotten, the rest counts half.

        Of an endpoint that was in use it is remembered for a year that there was one, see `awoken`.
        """
        for _, node in list(self.root.walk()):
            node.age(now)
        self.root.prune()
        self.common.age()
        self.requests /= 2
        self.activity = [count / 2 for count in self.activity]
        age_things(self.hosts)
        self.settle()


_COOL_EVERY: Final = 1_024  # fields, about
_SETTLE_EVERY: Final = 65_536
_PLACE_SIZE: Final = 2_000  # bytes of a node with an endpoint, without parameters


def method_of(method: bytes) -> str:
    """HEAD is GET without a body (RFC 9110 section 9.3.2)."""
    return "GET" if method == b"HEAD" else method.decode("latin-1")
