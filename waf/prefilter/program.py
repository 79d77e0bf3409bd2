"""What must not be in a text, as a program that C runs over it (`waf/_prefilter.h`).

Owns the choice of the factors that are looked for, and the layout. A text that the program lets pass holds no match of
any of the expressions; of one that it stops nothing is known.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from waf.model import PatternStore
from waf.prefilter import ordinary
from waf.prefilter.automaton import Automaton, automaton
from waf.prefilter.expressions import alternatives
from waf.prefilter.factors import (
    BLANK,
    EDGE,
    IN_WORDS,
    LONGEST,
    SYMBOLS,
    WORD_EDGE,
    Factors,
    dearness,
    sets_of,
    share,
)

Lead = Sequence[frozenset[int]]
"""Classes of bytes, one after the other, at the beginning of a line."""

_NONE: Final = b"-"  # what is kept where there is no program
_MAGIC: Final = 0x43505258
_CLEAR: Final = 1e-12  # how often a set of factors may be met for one to be enough
_NOISY: Final = 0.1  # and from which on it says nothing
_MOST_BITS: Final = 128
_IN_LOW: Final = 31  # pairs of bits behind the first bit of the first word
_MOST_PAIRS: Final = 63
_MOST_MASKS: Final = 190  # leaves room for what single symbols have together
_SHARED: Final = 16  # pairs of sets that stand for several
_MOST_ATOMS: Final = 1 << 15
MOST_LEADS: Final = 8
LONGEST_LEAD: Final = 16  # classes
_NEAR: Final = 16  # bits of a hash
_FOUND: Final = 0xFFFF
_HEADER: Final = struct.Struct("<8I")
_ATOM: Final = struct.Struct(f"<BBBB{LONGEST}s")
_BEFORE, _BEHIND = 1, 2  # edges of words, as C knows them


def build(
    expressions: Iterable[bytes],
    store: PatternStore | None,
    *,
    leads: Sequence[Lead] = (),
    exact: Sequence[bytes] = (),
) -> bytes | None:
    """A program for the expressions, in the engine's syntax and any case; None where some text cannot be ruled out.

    `leads` and `exact` are of the same kind, and their factors would be met everywhere: what begins a line, and
    expressions for which case counts, and which become one automaton where it is not too large.
    """
    wanted = list(expressions)
    digest = hashlib.sha256(
        repr((_MAGIC, SYMBOLS, wanted, [list(map(sorted, one)) for one in leads], exact)).encode()
    )
    key = f"prefilter-{digest.hexdigest()}"
    kept = store.load(key) if store is not None else None
    if kept is not None and (kept == _NONE or _is_whole(kept)):
        return None if kept == _NONE else kept
    program = _built(wanted, leads, exact)
    if store is not None:
        store.save(key, program or _NONE)
    return program


def _is_whole(kept: bytes) -> bool:
    """Whether what was kept is a program as it was made."""
    if len(kept) < _HEADER.size:
        return False
    magic, *_, check = _HEADER.unpack_from(kept)
    return bool(magic == _MAGIC and check == zlib.crc32(kept[_HEADER.size :]))


def _built(expressions: Sequence[bytes], leads: Sequence[Lead], exact: Sequence[bytes]) -> bytes | None:
    machine = automaton(exact) if exact else None
    if machine is not None and len(machine.table) > _FOUND - 256:
        machine = None
    if len(leads) > MOST_LEADS:
        return None
    demands: dict[tuple[Factors, ...], None] = {}
    for expression in expressions if machine is not None else (*expressions, *exact):
        for part in alternatives(expression):
            sets = sets_of(part)
            if not sets:
                return None
            demands[_telling(sets)] = None
    atoms = _pruned(_bits_of(list(demands)))
    if len(atoms) > _MOST_ATOMS:
        return None
    made = _packed(atoms, leads, machine)
    pairs = [(one, one << 1) for one in map(_pair, range(_MOST_PAIRS))]
    small = _packed(ordinary.within(atoms, pairs), leads, machine, ordinary.COVERED)
    return made if made is None or small is None else _joined(made, small)


def _telling(sets: Sequence[Factors]) -> tuple[Factors, ...]:
    """Of the sets of one expression those that are looked for: the best, and where it is usual a second one."""
    best = sets[0]
    if dearness(best) > _CLEAR:
        for other in sets[1:]:
            if dearness(other) > _NOISY:
                break
            if not best & other and not all(any(one in factor for one in other) for factor in best):
                return best, other
    return (best,)


def _bits_of(demands: Sequence[tuple[Factors, ...]]) -> dict[bytes, int]:
    """The bits that each factor sets: the first is enough alone, of the others each two neighbours together.

    In words of 64 bits, as C has them, no two neighbours are parted.
    """
    alone = {factor for demand in demands if len(demand) == 1 for factor in demand[0]}
    bits: dict[bytes, int] = {}
    for number, (first, second) in enumerate(_pairs([demand for demand in demands if len(demand) == 2])):
        one = _pair(number)
        for factor in first:
            bits[factor] = bits.get(factor, 0) | one
        for factor in second:
            bits[factor] = bits.get(factor, 0) | one << 1
    for factor in alone:
        bits[factor] = 1
    return bits


def _pair(number: int) -> int:
    """The first bit of a pair; the second is the next one."""
    return 1 << 2 * number + (1 if number < _IN_LOW else 2)


def _pairs(demands: Sequence[tuple[Factors, ...]]) -> list[tuple[Factors, Factors]]:
    """Pairs of sets, no more than there are bits for, of which one must be met whole.

    Those with the same second set are made one, and of those that are met least several at a time.
    """
    firsts: dict[Factors, Factors] = {}
    for first, second in demands:
        firsts[second] = firsts.get(second, frozenset()) | first
    pairs = [(first, second) for second, first in firsts.items()]
    pairs.sort(key=lambda pair: (-dearness(pair[0]), -dearness(pair[1]), sorted(pair[1])))
    own, rest = pairs[: _MOST_PAIRS - _SHARED], pairs[_MOST_PAIRS - _SHARED :]
    size = -(-len(rest) // _SHARED) or 1
    for at in range(0, len(rest), size):
        some = rest[at : at + size]
        own.append(
            (frozenset().union(*(one for one, _ in some)), frozenset().union(*(one for _, one in some)))
        )
    return own


def _pruned(bits: dict[bytes, int]) -> dict[bytes, int]:
    """Without those that hold another one that is enough alone."""

    def held(factor: bytes) -> bool:
        size = len(factor)
        return any(
            bits.get(factor[at:end], 0) == 1
            for at in range(size)
            for end in range(at + 1, size + 1)
            if end - at < size
        )

    return {factor: mask for factor, mask in bits.items() if not held(factor)}


# ------------------------------------------------------------------------------------------------------------- layout


_FIRST: Final = SYMBOLS[ord("a")]
_OUTSIDE: Final = sorted(set(range(64)) - IN_WORDS - {WORD_EDGE})


def _near(near: bytearray, key: int, size: int) -> None:
    """Takes three or four symbols into the filter (Bloom, 1970); `waf/_prefilter.h` asks it."""
    for factor in (0x9E3779B1, 0x85EBCA77):
        _set(near, (key << 2 | size & 3) * factor >> 32 - _NEAR & (1 << _NEAR) - 1)


def _packed(
    factors: dict[bytes, int],
    leads: Sequence[Lead],
    machine: Automaton | None,
    covered: Iterable[int] = range(64),
) -> bytes | None:
    """A program for texts of the symbols that are `covered`."""
    factors = _simplified(factors)
    masks = sorted(set(factors.values()))
    number_of = {mask: number for number, mask in enumerate(masks, 1)}  # 0: none
    single, ends, near = bytearray(64), bytearray(1 << 12), bytearray(1 << _NEAR - 3)
    atoms: list[bytes] = []
    threes = bytearray(1 << 15)
    keyed: list[tuple[int, int]] = []
    noted: set[bytes] = set()  # ends of keys
    for factor, mask in sorted(factors.items(), key=lambda pair: (len(pair[0]), pair[0])):
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
        if factor[0] == WORD_EDGE and size < 4:  # then what stands before it tells more
            for symbol in _OUTSIDE:
                _near(near, symbol << 6 * size | key, size + 1)
            ends[key & 0xFFF] |= 1 << size - 1
        else:
            if size > 2:
                _near(near, key, size)
            ends[key & 0xFFF] |= 1 << size - 2
        edges = (_BEFORE if factor[0] == WORD_EDGE else 0) | (_BEHIND if factor[-1] == WORD_EDGE else 0)
        keyed.append((size << 24 | key, len(atoms)))
        atoms.append(_ATOM.pack(len(inner), at + size, edges, number_of[mask], inner))
    if len(masks) > 255:
        return None
    slots = _slots(keyed)
    classes, table, columns = _machine(machine)
    tables = b"".join(
        (
            SYMBOLS,
            bytes(symbol in IN_WORDS for symbol in range(64)),
            bytes(single),
            struct.pack(
                "<5Q",
                *_presence(single, number_of),
                _waking(machine),
                sum(1 << symbol for symbol in covered),
                min((len(lead[:LONGEST_LEAD]) for lead in leads), default=0),
            ),
            bytes(threes),
            bytes(ends),
            bytes(near),
            _bits([0, *masks], 256),
            *map(_lead, leads),
            *(bytes(8 + 32 * LONGEST_LEAD) for _ in range(MOST_LEADS - len(leads))),
            classes,
            slots,
            *atoms,
            table,
        )
    )
    tables += bytes(-len(tables) % 8)
    counts = (len(atoms), len(slots) // 8, len(leads), columns, len(table) // 2)
    return _HEADER.pack(_MAGIC, *counts, 0, zlib.crc32(tables)) + tables


def _joined(whole: bytes, part: bytes) -> bytes:
    """One program that has the other for the texts that this covers; the header says where it begins."""
    magic, *counts, _, _ = _HEADER.unpack_from(whole)
    tables = whole[_HEADER.size :] + part
    return _HEADER.pack(magic, *counts, len(whole), zlib.crc32(tables)) + tables


def _presence(single: bytes | bytearray, number_of: dict[int, int]) -> tuple[int, int]:
    """The symbols that are factors, and those of them that are enough alone."""
    enough = {number for mask, number in number_of.items() if mask & 1}
    bits = [(1 << symbol, number) for symbol, number in enumerate(single) if number]
    return sum(bit for bit, _ in bits), sum(bit for bit, number in bits if number in enough)


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


def _bits(masks: Sequence[int], count: int) -> bytes:
    return b"".join(mask.to_bytes(_MOST_BITS // 8, "little") for mask in masks).ljust(
        count * _MOST_BITS // 8, b"\0"
    )


def _place_of_key(factor: bytes, size: int, noted: set[bytes]) -> int:
    """Where in the factor its key begins: the fewer and rarer the last symbols of all keys, the less is looked up."""

    def cost(place: int) -> tuple[float, float]:
        end = factor[place + max(size - 3, 0) : place + size]
        return 0.0 if end in noted else share(end), share(factor[place : place + size])

    return min(range(len(factor) - size + 1), key=cost)


def _slots(keyed: Sequence[tuple[int, int]]) -> bytes:
    """A table of (key, atom's number and one) with open addressing, half full at most."""
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


def _machine(machine: Automaton | None) -> tuple[bytes, bytes, int]:
    if machine is None:
        return bytes(264), b"", 0
    # A state is told by where its row begins. Behind the rows there is room for any column, so that C need not look
    # where it reads; whatever begins there, or beyond, stands for something found.
    columns, count = machine.columns, len(machine.table)
    rows = [min(state * columns, _FOUND) if state * columns < count else _FOUND for state in machine.table]
    table = struct.pack(f"<{count + 256}H", *rows, *(0,) * 256)
    return machine.classes + bytes(264 - len(machine.classes)), table, columns
