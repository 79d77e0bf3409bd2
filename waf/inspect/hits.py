"""What a search finds: hits of patterns in texts, and which of several joined texts something stands in.

Owns how hits are gathered. Knows patterns by their numbers alone, and families of them by theirs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, chain, repeat
from typing import Final

import msgspec

from waf.inspect.decode import Text
from waf.inspect.hints import Spot
from waf.inspect.joining import BETWEEN
from waf.inspect.matcher import Match
from waf.inspect.native import SEARCH


class Hit(msgspec.Struct, frozen=True, gc=False):
    """A match in a text. Not `sure`: it was found among joined texts, and may have begun in the one before, as nothing
    is known of its pattern (see `joining.stays_within`).
    """

    text: Text
    match: Match
    sure: bool = True


Place = tuple[int, Match]
"""The number of a value, and a match with its end in there."""


class Scan(msgspec.Struct, frozen=True, gc=False):
    """What one look at a text gave: matches, steps that might change it (the bits of their views), and where.

    `spots` is None where they are too many. `overflow`: there were more matches than are counted; those counted come
    first in the text. `wanted` has the steps for each of the values that were joined, where they are known already, and
    `places` each match with the number of its value, and its end in there.
    """

    matches: list[Match]
    steps: int
    spots: list[Spot] | None
    overflow: bool = False
    wanted: Sequence[int] | None = None
    places: list[Place] | None = None

    def __bool__(self) -> bool:
        return bool(self.matches) or self.steps != 0


class Result(msgspec.Struct, frozen=True, gc=False):
    """`groups` of hits, each of one family of patterns in the texts of one value; `decoded` all texts but the values.

    `overflowed` has the owners of texts with more matches than were counted. `exhausted` says that there was more to
    decode than is decoded, `unopened` that layers were left out, or first steps on short values.
    """

    groups: list[list[Hit]]
    decoded: list[Text]
    overflowed: set[int]
    exhausted: bool
    unopened: bool

    @property
    def hits(self) -> list[Hit]:
        return [hit for group in self.groups for hit in group]


def gather(
    groups: dict[int, list[Hit]],
    places: Sequence[Place],
    texts: Sequence[Text],
    owners: Sequence[int],
    families: bytes,
    within: bytes,
    new: Callable[[Text, Match, bool], Hit],
) -> int:
    """Appends a hit for each place to the group of its pattern's family and its text's owner; gives how many they are.

    `families` has a uint32 for each pattern, `within` a byte: whether none of its matches spans joined texts; empty: there is but one. In C: `waf/_search.c`.
    """
    of = memoryview(families).cast("I")
    for number, match in places:
        key = of[match[0]] << 32 | owners[number]
        groups.setdefault(key, []).append(new(texts[number], match, not within or within[match[0]] != 0))
    return len(places)


def find_firsts(places: Sequence[Place], texts: bytes, patterns: bytes) -> list[Place]:
    """Of the places the first of each text and pattern, of those texts and patterns whose byte is not 0.

    In C: `waf/_search.c`.
    """
    first: dict[tuple[int, int], Place] = {}
    for place in places:
        number, (index, _) = place
        if texts[number] and patterns[index]:
            first.setdefault((number, index), place)
    return [*first.values()]


firsts: Final[Callable[[Sequence[Place], bytes, bytes], list[Place]]] = (
    find_firsts if SEARCH is None else SEARCH.firsts
)
gathered: Final[Callable[..., int]] = gather if SEARCH is None else SEARCH.gathered


def find_ends(values: list[bytes]) -> list[int]:
    """Where each value ends when all are joined, with the mark that stands behind it. In C: `waf/_search.c`."""
    return list(accumulate([len(value) + len(BETWEEN) for value in values]))


ends_of: Final[Callable[[list[bytes]], list[int]]] = find_ends if SEARCH is None else SEARCH.ends_of


def find_steps(ends: list[int], offsets: Sequence[int], spots: Sequence[Spot]) -> dict[int, int]:
    """Which texts the bytes before the offsets and spots stand in, in their order, with the steps of each.

    In C: `waf/_search.c`.
    """
    last = len(ends) - 1
    found: dict[int, int] = {}
    number = before = end = -1  # the text that was found last, and its bounds: offsets and spots come in rows
    for bit, offset in chain(zip(repeat(0), offsets), spots):
        if before < offset <= end:
            found[number] |= bit
            continue
        number = min(bisect_right(ends, offset - 1), last)
        before, end = ends[number - 1] if number else 0, ends[number]
        found[number] = found.get(number, 0) | bit
    return dict(sorted(found.items())) if len(found) > 1 else found


def find_ends_up_to(matches: Sequence[Match], levels: bytes, level: int) -> list[int]:
    """Where those matches end of whose pattern the byte in `levels` is no more than `level`. In C: `waf/_search.c`."""
    return [end for index, end in matches if levels[index] <= level]


ends_up_to: Final[Callable[[Sequence[Match], bytes, int], list[int]]] = (
    find_ends_up_to if SEARCH is None else SEARCH.ends_up_to
)
steps_of: Final[Callable[[list[int], Sequence[int], Sequence[Spot]], dict[int, int]]] = (
    find_steps if SEARCH is None else SEARCH.steps_of
)
