"""What is remembered of one parameter: sets of things with their evidence, all of them merged by OR.

A parameter is (where, name): "arg.q", "json.items[].name", "segment.2". Owns the caps that bound its memory.
Knows nothing of thresholds: what is a closed set is `closing`'s business.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from waf.model import Kind, Part
from waf.profiles.evidence import BYTES, FRESH, HOURS, SOURCES, Evidence, saturated
from waf.profiles.values import Type, codes_of, shape_of, tag_of, type_of

MAX_VALUES: Final = 48  # distinct values remembered; with more than these it is no enumeration
MAX_SHAPES: Final = 48
MAX_TEXT: Final = 32  # bytes of a value that may be kept in clear

_EXACT: Final = 64


def length_bucket(length: int) -> int:
    """Lengths up to 64 as they are; above, eight steps to each doubling, as the largest length of the
    step."""
    if length <= _EXACT:
        return length
    step = 1 << (length.bit_length() - 4)
    return (length // step + 1) * step - 1


def bucket_floor(bucket: int) -> int:
    """The least length in a bucket."""
    return bucket if bucket <= _EXACT else bucket - (1 << (bucket.bit_length() - 4)) + 1


_BUCKETS: Final = tuple(length_bucket(length) for length in range(1024))


def merge_things(mine: dict[Any, Evidence], theirs: dict[Any, Evidence]) -> None:
    """OR `theirs` into `mine`."""
    for thing, evidence in theirs.items():
        mine[thing] = mine.get(thing, 0) | evidence


class Parameter:
    """Learning state of one parameter. All attributes are public to `closing`, `state` and the tests.

    `n` counts the values seen, `requests` the requests that had any; `seen` is the evidence of its presence.
    """

    __slots__ = (
        "chars", "clear", "high", "lengths", "low", "many_shapes", "many_values", "n", "repeats", "requests",
        "seen", "shapes", "texts", "types", "values",
    )  # fmt: skip

    def __init__(self) -> None:
        self.n: float = 0.0
        self.requests: float = 0.0
        self.seen: Evidence = 0
        self.types: dict[int, Evidence] = {}
        self.chars: dict[int, Evidence] = {}
        self.lengths: dict[int, Evidence] = {}
        self.shapes: dict[bytes, Evidence] = {}
        self.values: dict[int, Evidence] = {}  # by keyed hash
        self.texts: dict[int, bytes] = {}  # hash to value, only what may be kept in clear
        self.repeats: dict[int, Evidence] = {}
        self.many_values = False
        self.clear = True  # its values may be kept in clear
        self.many_shapes = False
        self.low: float | None = None
        self.high: float | None = None

    def observe(self, value: bytes, kind: Kind, mark: Evidence, key: bytes, clear: bool) -> None:
        """Learn one value. `clear` says that it may be kept in clear once it is known to be common."""
        self.describe(value, mark, kind=kind)
        if not self.many_values:
            self._observe_value(value, value_hash(value, key), mark, clear)

    def describe(self, value: bytes, mark: Evidence, n: float = 1.0, kind: Kind = Kind.STRING) -> None:
        """Learn what a value looks like, without remembering the value; `n` requests with evidence `mark`
        had it."""
        self.n += n
        type_ = type_of(value)
        types = self.types
        tag = tag_of(kind, type_)
        types[tag] = types.get(tag, 0) | mark
        size = len(value)
        bucket = _BUCKETS[size] if size < 1024 else length_bucket(size)
        lengths = self.lengths
        lengths[bucket] = lengths.get(bucket, 0) | mark
        if type_ is Type.INT:
            number = int(value)
            if self.low is None or self.high is None:
                self.low = self.high = float(number)
            elif number < self.low:
                self.low = float(number)
            elif number > self.high:
                self.high = float(number)
        chars = self.chars
        for code in codes_of(value):
            chars[code] = chars.get(code, 0) | mark
        if not self.many_shapes:
            shape = shape_of(value)
            shapes = self.shapes
            shapes[shape] = shapes.get(shape, 0) | mark
            if len(shapes) > MAX_SHAPES:
                self.many_shapes = True
                shapes.clear()

    def _observe_value(self, value: bytes, digest: int, mark: Evidence, clear: bool) -> None:
        values = self.values
        before = values.get(digest, 0)
        values[digest] = before | mark
        if before:
            # Kept in clear only once a second witness has sent it: what is common is nobody's secret.
            if clear and before | mark != before and len(value) <= MAX_TEXT:
                self.texts[digest] = value
        elif len(values) > MAX_VALUES:
            self.many_values = True
            values.clear()
            self.texts.clear()

    def present(self, times: int, mark: Evidence) -> None:
        """One request had it `times` times."""
        self.requests += 1.0
        self.seen |= mark
        repeats = self.repeats
        step = times if times <= 4 else length_bucket(times)
        repeats[step] = repeats.get(step, 0) | mark

    def merge(self, other: Parameter) -> None:
        """Add what another replica has seen; commutative and associative."""
        self.n += other.n
        self.requests += other.requests
        self.seen |= other.seen
        self.clear &= other.clear
        for mine, theirs in zip(self.sets(), other.sets(), strict=True):
            merge_things(mine, theirs)
        self.texts.update(other.texts)
        self.many_shapes |= other.many_shapes or len(self.shapes) > MAX_SHAPES
        self.many_values |= other.many_values or len(self.values) > MAX_VALUES
        if self.many_shapes:
            self.shapes.clear()
        if self.many_values:
            self.values.clear()
        if self.many_values or not self.clear:
            self.texts.clear()
        lows = [low for low in (self.low, other.low) if low is not None]
        highs = [high for high in (self.high, other.high) if high is not None]
        self.low = min(lows, default=None)
        self.high = max(highs, default=None)

    def sets(self) -> tuple[dict[Any, Evidence], ...]:
        return self.types, self.chars, self.lengths, self.shapes, self.values, self.repeats

    def age(self) -> None:
        """Forget what has not been seen since this was called before; what is left counts half."""
        self.n /= 2
        self.requests /= 2
        self.seen &= ~FRESH
        for things in self.sets():
            age_things(things)
        for digest in [digest for digest in self.texts if digest not in self.values]:
            del self.texts[digest]

    def pack(self) -> list[Any]:
        """Plain values, compact; `unpack` is the inverse but for `saturated`."""
        flags = self.many_values | self.many_shapes << 1 | self.clear << 2
        sets = [pack_things(things) for things in self.sets()]
        seen = self.seen.to_bytes(BYTES, "little")
        return [self.n, self.requests, seen, flags, self.low, self.high, list(self.texts.items()), *sets]

    @classmethod
    def unpack(cls, data: list[Any]) -> Parameter:
        """Raises ValueError, TypeError, IndexError, KeyError or OverflowError for what `pack` never made."""
        self = cls()
        self.n, self.requests, seen, flags, self.low, self.high, texts, *sets = data
        self.seen = int.from_bytes(seen, "little")
        self.many_values, self.many_shapes, self.clear = bool(flags & 1), bool(flags & 2), bool(flags & 4)
        self.texts = dict(texts)
        self.types, self.chars, self.lengths, self.shapes, self.values, self.repeats = map(
            unpack_things, sets
        )
        return self


def pack_things(things: dict[Any, Evidence]) -> list[Any]:
    """Keys, and the evidence of each in one run of bytes; the saturated come first and take no bytes."""
    full: list[Any] = []
    rest: list[Any] = []
    bits = bytearray()
    for thing, evidence in things.items():
        kept = saturated(evidence)
        if kept == _FULL:
            full.append(thing)
        else:
            rest.append(thing)
            bits += kept.to_bytes(BYTES, "little")
    return [full, rest, bytes(bits)]


def unpack_things(data: list[Any]) -> dict[Any, Evidence]:
    full, rest, bits = data
    things = dict.fromkeys(full, _FULL)
    if len(bits) != BYTES * len(rest):
        raise ValueError("evidence and things differ in number")
    for number, thing in enumerate(rest):
        things[thing] = int.from_bytes(bits[number * BYTES : number * BYTES + BYTES], "little")
    return things


def age_things(things: dict[Any, Evidence]) -> None:
    """Forget things that are not fresh; the others are fresh no more."""
    for thing in [thing for thing, evidence in things.items() if not evidence & FRESH]:
        del things[thing]
    for thing in things:
        things[thing] &= ~FRESH


_FULL: Final = FRESH | SOURCES | HOURS


def value_hash(value: bytes, key: bytes) -> int:
    """The keyed hash that stands for a value (BLAKE2b, RFC 7693), 60 bits: one word of CPython's integers."""
    digest = hashlib.blake2b(value, digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") >> 4


Place = tuple[Part, str]
"""Where a parameter stands, and its name there."""
