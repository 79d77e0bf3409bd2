"""How a program lies in memory: tables of symbols, factors under the last symbols of their keys, an automaton.

Owns the layout, which `waf/_prefilter.h` reads, and nothing of what is looked for.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Final

from waf.prefilter.automaton import Automaton
from waf.prefilter.factors import BLANK, EDGE, IN_WORDS, LONGEST, SYMBOLS, WORD_EDGE, share

Lead = Sequence[frozenset[int]]
"""Classes of bytes, one after the other, at the beginning of a line."""

MAGIC: Final = 0x44505305
MOST_LEADS: Final = 8
LONGEST_LEAD: Final = 16  # classes
_MOST_BITS: Final = 512
_MASKS: Final = 2048  # of different bits
_MOST_MASKS: Final = 1900  # leaves room for what single symbols have together
_NEAR: Final = 16  # bits of a hash
FOUND: Final = 0xFFFF
_HEADER: Final = struct.Struct("<8I")
_CLASSES: Final = 264  # bytes for the column of each byte, and of the end
_ATOM: Final = struct.Struct(f"<QBBH{LONGEST}s")
_KEPT: Final = 10  # symbols before the end of a key that C compares at once
MOST_WHOLES: Final = 32
FIRST_WHOLE: Final = 223
"""The first of the pairs of bits, each of which has an automaton of its own: the last word in C."""
_EDGES: Final = 32  # as many combinations of them and `_MORE`
_MORE: Final = 16  # another atom with the same key follows
_BEFORE, _BEHIND = 1, 2  # edges of words, as C knows them

HUMPED: Final = 4
"""It begins with a capital behind a small letter ("customerPan")."""
APART: Final = 8
"""No small letter stands behind it."""


_IN_LOW: Final = 31  # pairs of bits behind the first bit of the first word


def pair_bit(number: int) -> int:
    """The place of the first bit of a pair, which together with the next one is enough; the bit at 0 is enough alone."""
    return 2 * number + (1 if number < _IN_LOW else 2)


def is_whole(kept: bytes) -> bool:
    """Whether what was kept is a program as it was made."""
    if len(kept) < _HEADER.size:
        return False
    magic, *_, check = _HEADER.unpack_from(kept)
    return bool(magic == MAGIC and check == zlib.crc32(kept[_HEADER.size :]))


_FIRST: Final = SYMBOLS[ord("a")]
_OUTSIDE: Final = sorted(set(range(64)) - IN_WORDS - {WORD_EDGE})


_FOUR: Final = 0x9E3779B1
_THREE: Final = 0x85EBCA77


def _near(near: bytearray, key: int, factor: int) -> None:
    """Takes three or four symbols into the filter (Bloom, 1970); `waf/_prefilter.h` asks it."""
    _set(near, (key * factor & 0xFFFFFFFF) >> 32 - _NEAR)


def packed(
    factors: dict[bytes, int],
    leads: Sequence[Lead],
    machine: Automaton | None,
    covered: Iterable[int] = range(64),
    cased: Mapping[bytes, int] = MappingProxyType({}),
    wholes: Sequence[Automaton] = (),
) -> bytes | None:
    """A program for texts of the symbols that are `covered`. `cased` are factors that are enough alone, with `HUMPED` or
    `APART`; they have two symbols at least. Where both bits of a pair from `FIRST_WHOLE` on are met, the automaton of `wholes` with
    the same number tells.
    """
    factors = _simplified(_apart(factors))
    if cased:
        factors.setdefault(b"", 1)  # for its mask
    masks = sorted(set(factors.values()))
    number_of = {mask: number for number, mask in enumerate(masks, 1)}  # 0: none
    single, ends, near = [0] * 64, bytearray(1 << 12), bytearray(1 << _NEAR - 3)
    threes = bytearray(1 << 15)
    keyed: list[tuple[int, bytes, int, int]] = []
    noted: set[bytes] = set()  # ends of keys
    sought = [*((factor, mask, 0) for factor, mask in factors.items() if factor)]
    sought += [(factor, 1, flags) for factor, flags in cased.items()]
    for factor, mask, flags in sorted(sought, key=lambda one: (len(one[0]), one)):
        inner = factor.strip(b"\0")
        if len(inner) == 1:
            known = single[inner[0]]
            both = mask | (masks[known - 1] if known else 0)
            if both not in number_of:
                masks.append(both)
                number_of[both] = len(masks)
            single[inner[0]] = number_of[both]
            continue
        size = min(len(inner), 4)
        at = _place_of_key(inner, size, noted)
        noted.add(inner[at + size - 3 : at + size] if size > 2 else inner)
        key = 0
        for symbol in inner[at : at + size]:
            key = key << 6 | symbol
        before = _OUTSIDE if factor[0] == WORD_EDGE else range(64)
        for three in (key & 0x3FFFF,) if size > 2 else [symbol << 12 | key for symbol in before]:
            _set(threes, three)
        ends[key & 0xFFF] |= 1 << size - 2
        if size == 4:
            _near(near, key, _FOUR)
        elif size == 3 and factor[0] != WORD_EDGE:
            _near(near, key, _THREE)
        elif size == 3:  # what stands before it tells more
            for symbol in _OUTSIDE:
                _near(near, symbol << 18 | key, _FOUR)
        edges = (
            (_BEFORE if factor[0] == WORD_EDGE else 0) | (_BEHIND if factor[-1] == WORD_EDGE else 0) | flags
        )
        keyed.append((size << 24 | key, inner, at + size, number_of[mask] * _EDGES + edges))
    if len(masks) >= _MASKS:
        return None
    slots, atoms = _atoms(keyed)
    classes, table, columns, calm, back = _machine(machine)
    own, pool = _pool(wholes, factors.values())
    tables = b"".join(
        (
            SYMBOLS,
            bytes(symbol in IN_WORDS for symbol in range(64)),
            struct.pack("<64H", *single),
            struct.pack(
                "<10Q",
                *_presence(single, number_of),
                _waking(machine),
                sum(1 << symbol for symbol in covered),
                min((len(lead[:LONGEST_LEAD]) for lead in leads), default=0),
                len(wholes),
                len(pool) // 2,
                calm,
                back,
            ),
            bytes(threes),
            bytes(ends),
            bytes(near),
            _bits([0, *masks], _MASKS),
            *map(_lead, leads),
            *(bytes(8 + 32 * LONGEST_LEAD) for _ in range(MOST_LEADS - len(leads))),
            classes,
            bytes(byte in ALARMS for byte in range(256)),
            slots,
            *atoms,
            own,
            table,
            pool,
        )
    )
    tables += bytes(-len(tables) % 8)
    counts = (len(atoms), len(slots) // 8, len(leads), columns, len(table) // 2)
    return _HEADER.pack(MAGIC, *counts, 0, zlib.crc32(tables)) + tables


def chained(programs: Sequence[bytes]) -> bytes:
    """One program out of several, each for the texts that it covers; headers say where the next one begins."""
    chain = b""
    for program in reversed(programs):
        magic, *counts, _, _ = _HEADER.unpack_from(program)
        tables = program[_HEADER.size :] + chain
        chain = _HEADER.pack(magic, *counts, len(program) if chain else 0, zlib.crc32(tables)) + tables
    return chain


def _presence(single: Sequence[int], number_of: dict[int, int]) -> tuple[int, int, int]:
    """The symbols that are factors, those of them that are enough alone, and those that other ones may complete."""
    masks = {number: mask for mask, number in number_of.items()}
    bits = [(1 << symbol, masks[number]) for symbol, number in enumerate(single) if number]
    together = 0
    for _, mask in bits:
        together |= mask
    # The neighbours of each bit's: that those of two pairs are neighbours as well does no harm.
    return (
        sum(bit for bit, _ in bits),
        sum(bit for bit, mask in bits if mask & 1),
        sum(bit for bit, mask in bits if mask & (together << 1 | together >> 1)),
    )


def _waking(machine: Automaton | None) -> int:
    """The symbols without one of which the automaton finds nothing: as few of the usual ones as may be."""
    if machine is None:
        return 0
    quiet: list[int] = []
    for symbols in ([*range(_FIRST, _FIRST + 26), EDGE, BLANK], *([SYMBOLS[byte]] for byte in b".,-_/:=0")):
        if not _finds(machine, [*quiet, *symbols]):
            quiet += symbols
    return sum(1 << symbol for symbol in range(64) if symbol not in quiet)


def _finds(machine: Automaton, symbols: Sequence[int]) -> bool:
    """Whether the automaton finds something in any text of these symbols."""
    columns = {machine.classes[byte] for byte in range(256) if SYMBOLS[byte] in symbols} | {
        machine.classes[256]
    }
    states = len(machine.table) // machine.columns
    seen, waiting = {0}, [0]
    while waiting:
        row = waiting.pop() * machine.columns
        for column in columns:
            state = machine.table[row + column]
            if state >= states:
                return True
            if state not in seen:
                seen.add(state)
                waiting.append(state)
    return False


def _set(bits: bytearray, number: int) -> None:
    bits[number >> 3] |= 1 << (number & 7)


def _simplified(factors: dict[bytes, int]) -> dict[bytes, int]:
    """With no more different masks than have a number: the factors of those that fewest have are enough alone."""
    count = Counter(factors.values())
    kept = {mask for mask, _ in count.most_common(_MOST_MASKS)} | {1}
    return {factor: mask if mask in kept else 1 for factor, mask in factors.items()}


def _apart(factors: dict[bytes, int]) -> dict[bytes, int]:
    """With what may stand beside a single letter that is a word, since single symbols are told by their being there alone."""
    made: dict[bytes, int] = {}
    for factor, mask in factors.items():
        inner = factor.strip(b"\0")
        ways = [factor]
        if len(inner) == 1 and factor[0] == WORD_EDGE:
            ways = [bytes((symbol,)) + factor[1:] for symbol in _OUTSIDE]
        elif len(inner) == 1 and factor[-1] == WORD_EDGE:
            ways = [inner + bytes((symbol,)) for symbol in _OUTSIDE]
        for way in ways:
            made[way] = made.get(way, 0) | mask
    return made


def _bits(masks: Sequence[int], count: int) -> bytes:
    return b"".join(mask.to_bytes(_MOST_BITS // 8, "little") for mask in masks).ljust(
        count * _MOST_BITS // 8, b"\0"
    )


_FOUND_DEARER: Final = 3.0  # to look up a key that is there, than to see by the filter that none is


def _place_of_key(factor: bytes, size: int, noted: set[bytes]) -> int:
    """Where in the factor its key begins: the fewer and rarer the last symbols of all keys, the less is looked up."""

    def cost(place: int) -> float:
        end = factor[place + max(size - 3, 0) : place + size]
        return (0.0 if end in noted else share(end)) + _FOUND_DEARER * share(factor[place : place + size])

    return min(range(len(factor) - size + 1), key=cost)


def _atoms(keyed: Iterable[tuple[int, bytes, int, int]]) -> tuple[bytes, list[bytes]]:
    """Atoms, those with the same key one behind the other, and the table that tells where those of a key begin.

    Each is given by its key, its symbols, how many of these are before the end of the key, and its mask with edges.
    """
    atoms: list[bytes] = []
    firsts: dict[int, int] = {}
    for key, same in groupby(sorted(keyed), key=itemgetter(0)):
        firsts[key] = len(atoms)
        for _, inner, end, mask in (members := list(same)):
            more = _MORE if len(atoms) - firsts[key] + 1 < len(members) else 0
            atoms.append(_ATOM.pack(_last(inner[:end]), len(inner), end, mask + more, inner))
    return _slots([*firsts.items()]), atoms


def _last(symbols: bytes) -> int:
    """The last symbols in one number, six bits each."""
    last = 0
    for symbol in symbols[-_KEPT:]:
        last = last << 6 | symbol
    return last


def _slots(keyed: Sequence[tuple[int, int]]) -> bytes:
    """A table of (key, number of its first atom and one) with open addressing, half full at most."""
    size = 16
    while size < 2 * len(keyed):
        size *= 2
    slots: list[tuple[int, int]] = [(0, 0)] * size
    for key, atom in keyed:
        at = _slot(key) & size - 1
        while slots[at][1]:
            at = at + 1 & size - 1
        slots[at] = (key, atom + 1)
    return b"".join(struct.pack("<II", *slot) for slot in slots)


def _slot(key: int) -> int:
    return (key * 0xC2B2AE35 & 0xFFFFFFFF) >> 13


def _lead(lead: Lead) -> bytes:
    sets = []
    for one in lead[:LONGEST_LEAD]:
        members = bytearray(32)
        for byte in one:
            members[byte >> 3] |= 1 << (byte & 7)
        sets.append(bytes(members))
    return struct.pack("<Q", len(sets)) + b"".join(sets) + bytes(32 * (LONGEST_LEAD - len(sets)))


ALARMS: Final = frozenset(
    byte for byte in range(128) if not chr(byte).isalpha() and byte not in b"\0\t\r\n \"',.:-_/{}[]"
)
"""Digits and all signs but those that stand everywhere: without one of them forms of numbers do not begin."""

_LONGEST_BACK: Final = 8


def _calm(machine: Automaton) -> tuple[list[int], int]:
    """The states in which an automaton may be that has met no alarm yet, and after how many bytes without one it is no
    matter in which of them it was: so whoever knows where the next alarm is may begin so many bytes before it. No states
    where it may find something without an alarm, or remembers more.
    """
    states = len(machine.table) // machine.columns
    columns = sorted({machine.classes[byte] for byte in range(256) if byte not in ALARMS})
    calm, waiting = {0}, [0]
    while waiting:
        row = waiting.pop() * machine.columns
        for column in columns:
            state = machine.table[row + column]
            if state >= states:
                return [], 0
            if state not in calm:
                calm.add(state)
                waiting.append(state)
    differing = {(one, other) for one in calm for other in calm if one < other}
    for back in range(_LONGEST_BACK):
        if not differing:
            return sorted(calm), back
        following = {
            (machine.table[one * machine.columns + column], machine.table[other * machine.columns + column])
            for one, other in differing
            for column in columns
        }
        differing = {(min(pair), max(pair)) for pair in following if pair[0] != pair[1]}
    return [], 0


def _pool(wholes: Sequence[Automaton], masks: Iterable[int]) -> tuple[bytes, bytes]:
    """Of several automata where each one lies and its classes, and the tables of all; nothing of those that no bits ask for."""
    heads, pool = b"", b""
    asked = 0
    for mask in masks:
        asked |= mask
    for number, machine in enumerate(wholes):
        if asked >> pair_bit(FIRST_WHOLE + number) & 3 != 3:
            heads += bytes(8 + _CLASSES)
            continue
        states = len(machine.table) // machine.columns
        rows = [state * machine.columns if state < states else FOUND for state in machine.table]
        table = struct.pack(f"<{len(rows) + 256}H", *rows, *(0,) * 256)
        heads += struct.pack("<2I", len(pool) // 2, len(table) // 2) + machine.classes.ljust(_CLASSES, b"\0")
        pool += table
    return heads, pool


def _machine(machine: Automaton | None) -> tuple[bytes, bytes, int, int, int]:
    """Classes, table and columns; where the rows of calm states end, and how far before an alarm to begin."""
    if machine is None:
        return bytes(_CLASSES), b"", 0, 0, 0
    calm, back = _calm(machine)
    count = len(machine.table) // machine.columns
    order = [*calm, *(state for state in range(count) if state not in set(calm))]  # state 0 stays the first
    place = {state: number for number, state in enumerate(order)}
    # A state is told by where its row begins. Behind the rows there is room for any column, so that C need not look
    # where it reads; whatever begins there, or beyond, stands for something found.
    columns = machine.columns
    rows = [
        place[state] * columns if state < count else FOUND
        for one in order
        for state in machine.table[one * columns : (one + 1) * columns]
    ]
    table = struct.pack(f"<{len(rows) + 256}H", *rows, *(0,) * 256)
    classes = machine.classes.ljust(_CLASSES, b"\0")
    return classes, table, columns, len(calm) * columns, back
