"""What is remembered of one endpoint: its parameters, statuses, types, sizes and callers.

A commutative monoid like every part of the state; packs itself while nobody learns from it.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from waf.model import Part
from waf.profiles.evidence import FRESH, Evidence, rewitnessed
from waf.profiles.observe import Observation, media_type
from waf.profiles.parameter import Parameter, Place, age_things, merge_things
from waf.profiles.sequence import Before

MAX_PARAMETERS: Final = 128  # of one endpoint
MAX_CALLERS: Final = 64
MAX_TYPES: Final = 32

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
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-client-cert", "x-real-ip",
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


Sent = Callable[[Place, bytes], int]
"""A number for what a client sends again and again, one for each client, hour and value; -1 if it was just learned."""


class Endpoint:
    """One method at one place of the tree, or what all requests of the workload have in common."""

    __slots__ = (
        "_open", "_packed", "auth", "before", "callers", "entities", "first", "last", "lost", "n", "request_sizes",
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
        self.before = Before()  # the endpoints from which its callers come

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
        self.present(seen, mark)
        add_thing(self.types_in, media_type(seen.content_type), mark, MAX_TYPES)
        add_thing(self.types_out, media_type(seen.response_type), mark, MAX_TYPES)
        weight = seen.weight
        for counts, key in (
            (self.statuses, seen.status // 100),
            (self.request_sizes, seen.request_size.bit_length()),
            (self.response_sizes, seen.response_size.bit_length()),
        ):
            counts[key] = counts.get(key, 0.0) + weight
        self.auth[seen.authenticated] = self.auth.get(seen.authenticated, 0.0) + weight
        for entity in seen.entities:
            self.entities[entity] = self.entities.get(entity, 0.0) + weight
        if seen.caller:
            add_thing(self.callers, seen.caller, mark, MAX_CALLERS)

    def present(self, seen: Observation, mark: Evidence) -> None:
        """Learn that there was such an exchange."""
        # A sample counts as itself, whatever it stands for: weight would be evidence that nobody has seen.
        self.n += seen.times
        self.seen |= mark
        wall = seen.wall
        self.first = min(self.first, wall)
        self.last = max(self.last, wall)

    def learn(
        self,
        seen: Observation,
        parts: frozenset[Part],
        mark: Evidence,
        key: bytes,
        sent: Sent | None = None,
    ) -> None:
        """Learn the fields that stand in `parts`. With `sent` a value counts once from each client in an hour."""
        met: dict[Place, int] = {}
        parameters = self.open()
        masked = seen.masked
        times = seen.times
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
                parameter.clear = not (part in COMMON_PARTS or SECRET.search(name))
            clear = parameter.clear and not (masked and field.address in masked)
            met[place] = met.get(place, 0) + 1
            if sent is None:
                parameter.observe(field.value, field.kind, mark, key, clear, times)
            elif (thing := sent(place, field.value)) >= 0:
                parameter.count_distinct(thing)
                parameter.observe(field.value, field.kind, rewitnessed(mark, thing), key, clear, 0.0)
        for place, count in met.items():
            parameters[place].present(count, mark, times)

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
        self.before.merge(other.before)
        add_counts(self.auth, other.auth)
        add_counts(self.entities, other.entities)
        theirs_too = other.parameters()
        if theirs_too:
            own = self.open()
            for place, parameter in theirs_too.items():
                own.setdefault(place, Parameter()).merge(parameter)
            for place in sorted(own)[MAX_PARAMETERS:]:
                self.lost |= own.pop(place).seen

    @property
    def withered(self) -> bool:
        """True where only is remembered that there was such an endpoint."""
        return self.n == 0.0

    def wither(self) -> None:
        """Forget all but that it was there, and when it was used last."""
        self.n, self._open, self._packed = 0.0, {}, b""
        self.before = Before()
        for things in (self.types_in, self.types_out, self.callers, self.statuses, self.request_sizes,
                       self.response_sizes, self.auth, self.entities):  # fmt: skip
            things.clear()

    def age(self) -> None:
        """See `Parameter.age`."""
        self.n /= 2
        self.before.age()
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


_ZLIB: Final = 0x78  # how compressed bytes begin (RFC 1950), and no list in MessagePack
_MOST: Final = 64 * 1024 * 1024  # bytes of one endpoint's parameters; a bomb is no state


def _pack(parameters: dict[Place, Parameter]) -> bytes:
    plain = msgspec.msgpack.encode([[part, name, p.pack()] for (part, name), p in parameters.items()])
    return zlib.compress(plain, 1)


def _unpack(data: bytes) -> dict[Place, Parameter]:
    if not data:
        return {}
    if data[0] == _ZLIB:  # the first versions wrote it plain
        inflate = zlib.decompressobj()
        try:
            data = inflate.decompress(data, _MOST)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        if not inflate.eof:
            raise ValueError("parameters larger than any may be, or cut off")
    return {(Part(part), name): Parameter.unpack(p) for part, name, p in msgspec.msgpack.decode(data)}


def add_thing(things: dict[str, Evidence], thing: str, mark: Evidence, cap: int) -> None:
    before = things.get(thing, 0)
    after = before | mark
    if after != before and (before or len(things) < cap):
        things[thing] = after


def add_counts(counts: dict[Any, float], more: dict[Any, float]) -> None:
    for key, count in more.items():
        counts[key] = counts.get(key, 0.0) + count
