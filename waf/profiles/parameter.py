"""What is remembered of one parameter: sets of things with their evidence, all of them merged by OR.

A parameter is (where, name): "arg.q", "json.items[].name", "segment.2". Owns the caps that bound its memory.
Knows nothing of thresholds: what is a closed set is `closing`'s business.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Final

from waf.model import Kind, Part
from waf.profiles.distinct import Distinct
from waf.profiles.evidence import BYTES, FRESH, HOURS, SOURCES, Evidence, saturated
from waf.profiles.values import Look, length_bucket, look_at, tag_of

MAX_VALUES: Final = 48  # distinct values remembered; with more than these it is no enumeration
MAX_SHAPES: Final = 48
MAX_TEXT: Final = 32  # bytes of a value that may be kept in clear


def merge_things(mine: dict[Any, Evidence], theirs: dict[Any, Evidence]) -> None:
    """OR `theirs` into `mine`."""
    for thing, evidence in theirs.items():
        mine[thing] = mine.get(thing, 0) | evidence


def _add(things: dict[Any, Evidence], thing: Any, mark: Evidence) -> None:
    """OR `mark` into what is known of a thing; mostly that is known already, and then nothing is written."""
    before = things.get(thing, 0)
    after = before | mark
    if after != before:
        things[thing] = after


class Parameter:
    """Learning state of one parameter. All attributes are public to `closing`, `state` and the tests.

    `counted` is how many values were seen, `requests` how many requests had any; `seen` is the evidence of its
    presence. Where clients send the same with every request, `distinct` counts what they sent in the place of `counted`,
    which then is only what was there before the last `age`.
    """

    __slots__ = (
        "chars", "clear", "counted", "distinct", "high", "lengths", "low", "many_shapes", "many_values", "repeats",
        "requests", "seen", "shapes", "texts", "types", "values",
    )  # fmt: skip

    def __init__(self) -> None:
        self.counted: float = 0.0
        self.distinct: Distinct | None = None
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

    @property
    def n(self) -> float:
        """The size of the sample: values seen."""
        return self.counted if self.distinct is None else self.counted + self.distinct.estimate()

    def count_distinct(self, thing: int) -> None:
        """Count a value that its client sends again and again, known by a number of its own."""
        if self.distinct is None:
            self.distinct = Distinct()
        self.distinct.add(thing)

    def observe(
        self, value: bytes, kind: Kind, mark: Evidence, key: bytes, clear: bool, times: float = 1.0
    ) -> None:
        """Learn one value. `clear` says that it may be kept in clear once it is known to be common; `times` is
        how many identical requests this one stands for.
        """
        look = look_at(value)
        if not self.many_values:
            digest = value_hash(value, key)
            values = self.values
            before = values.get(digest, 0)
            after = before | mark
            if after == before:
                typed = self.types.get(tag_of(kind, look.type), 0)
                if typed | mark == typed:  # all that this value shows was marked together with it
                    self.counted += times
                    return
            values[digest] = after
            if before:
                # Kept in clear only once a second witness has sent it: what is common is nobody's secret.
                if clear and after != before and len(value) <= MAX_TEXT:
                    self.texts[digest] = value
            elif len(values) > MAX_VALUES:
                self.many_values = True
                values.clear()
                self.texts.clear()
        self._describe(look, mark, times, kind)

    def describe(self, value: bytes, mark: Evidence, n: float = 1.0) -> None:
        """Learn what a value looks like, without remembering the value; `n` requests with evidence `mark`
        had it."""
        self._describe(look_at(value), mark, n, Kind.STRING)

    def _describe(self, look: Look, mark: Evidence, n: float, kind: Kind) -> None:
        self.counted += n
        _add(self.types, tag_of(kind, look.type), mark)
        _add(self.lengths, look.length, mark)
        chars = self.chars
        for code in look.codes:
            _add(chars, code, mark)
        if (number := look.number) is not None:
            if self.low is None or self.high is None:
                self.low = self.high = number
            elif number < self.low:
                self.low = number
            elif number > self.high:
                self.high = number
        if not self.many_shapes:
            shapes = self.shapes
            _add(shapes, look.shape, mark)
            if len(shapes) > MAX_SHAPES:
                self.many_shapes = True
                shapes.clear()

    def present(self, times: int, mark: Evidence, requests: float = 1.0) -> None:
        """One request (or `requests` identical ones) had it `times` times."""
        self.requests += requests
        self.seen |= mark
        _add(self.repeats, times if times <= 4 else length_bucket(times), mark)

    def merge(self, other: Parameter) -> None:
        """Add what another replica has seen; commutative and associative."""
        self.counted += other.counted
        if other.distinct is not None:
            if self.distinct is None:
                self.distinct = Distinct()
            self.distinct.join(other.distinct)
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
        self.counted = self.n / 2
        self.distinct = None
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
        head = [self.counted, self.requests, seen, flags, self.low, self.high, list(self.texts.items())]
        return [*head, *sets] if self.distinct is None else [*head, *sets, bytes(self.distinct.registers)]

    @classmethod
    def unpack(cls, data: list[Any]) -> Parameter:
        """Raises ValueError, TypeError, IndexError, KeyError or OverflowError for what `pack` never made."""
        self = cls()
        self.counted, self.requests, seen, flags, self.low, self.high, texts, *sets = data
        if len(sets) == _SETS + 1:
            self.distinct = Distinct(sets.pop())
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
    return _hash_again(value, key) if len(value) <= MAX_TEXT else _hash(value, key)


def _hash(value: bytes, key: bytes) -> int:
    digest = hashlib.blake2b(value, digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big") >> 4


_hash_again: Final = lru_cache(maxsize=2_048)(_hash)  # most short values come again


_SETS: Final = 6  # of one parameter


Place = tuple[Part, str]
"""Where a parameter stands, and its name there."""
