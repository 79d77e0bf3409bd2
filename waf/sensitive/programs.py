"""Patterns as small programs that waf/_finder.c runs, so that a candidate costs no call of `re` and no object.

Owns the translation of the parse tree that `re` itself makes; `re` is the reference. What is not translated (back references,
loops without bound over more than one byte, what may match nothing where it is searched for) is left to `re`, by `None`.

A program is an array of numbers: a head (mark, size, sets, loops, the set of first bytes, the least width), its instructions
(see the enum in waf/_finder_programs.h) and sets of 256 bits.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

_MAGIC: Final = 0x57504631
(
    _ACCEPT, _BYTE, _SET, _GREEDY, _LAZY, _POSSESSIVE, _BRANCH, _JUMP, _SAVE, _AHEAD, _BEHIND, _BOUNDARY, _START, _END, _LOOP,
    _AGAIN,
) = range(16)  # fmt: skip
_MOST: Final = 1 << 30
_MOST_LOOPS: Final = 8
_MOST_ROUNDS: Final = 256
"""Of all loops within each other together."""

_MOST_DEPTH: Final = 1500
"""Of the calls within each other that a run may take at most; C stops somewhat beyond (MOST_CALLS there)."""


_RUN: Final = {"MAX_REPEAT": _GREEDY, "MIN_REPEAT": _LAZY, "POSSESSIVE_REPEAT": _POSSESSIVE}
_ALL: Final = (1 << 256) - 1


class _Untranslated(Exception):
    """Of a pattern that only `re` runs."""


@lru_cache(maxsize=1024)
def program(pattern: re.Pattern[bytes] | None, anywhere: bool = False) -> bytes | None:
    """What C runs in place of `pattern`; None where `re` has to. `anywhere`: it is looked for, and so must not match nothing."""
    parser = getattr(re, "_parser", None)
    if pattern is None or parser is None or pattern.flags & ~(re.DOTALL | re.IGNORECASE):
        return None
    try:
        tree = parser.parse(pattern.pattern, pattern.flags)
        writer = _Writer()
        writer.sequence(tree, pattern.flags, 1)
        first, empty = _first(tree, pattern.flags)
        if anywhere and (empty or tree.getwidth()[0] == 0):
            return None
        return writer.finished(_ALL if empty else first, tree.getwidth()[0])
    except _Untranslated:
        return None


@lru_cache(maxsize=256)
def run(pattern: re.Pattern[bytes] | None) -> bytes | None:
    """The program of a pattern that is up to so many bytes of one kind, which C can read backwards; None for any other."""
    parser = getattr(re, "_parser", None)
    if pattern is None or parser is None:
        return None
    tree = parser.parse(pattern.pattern, pattern.flags)
    if len(tree) != 1 or str(tree[0][0]) != "MAX_REPEAT" or tree[0][1][0] != 0 or len(tree[0][1][2]) != 1:
        return None
    op, value = tree[0][1][2][0]
    return None if bits_of(str(op), value) is None else program(pattern)


class _Writer:
    def __init__(self) -> None:
        self._code: list[int] = []
        self._sets: dict[int, int] = {}
        self._loops = 0
        self._asserting = 0
        self._depth = 0

    def finished(self, first: int, least: int) -> bytes:
        self._code.append(_ACCEPT)
        number = self._number(first)
        head = [_MAGIC, len(self._code), len(self._sets), self._loops, number, min(least, _MOST)]
        sets = b"".join(bits.to_bytes(32, "little") for bits in self._sets)
        return array("i", [*head, *self._code]).tobytes() + array("I", _words(sets)).tobytes()

    def _number(self, bits: int) -> int:
        return self._sets.setdefault(bits, len(self._sets))

    def sequence(self, items: Any, flags: int, rounds: int) -> None:
        for op, value in items:
            self._item(str(op), value, flags, rounds)

    def _item(self, op: str, value: Any, flags: int, rounds: int) -> None:
        code = self._code
        self._depth += 3 * rounds  # a group is two calls, and a loop comes back
        if self._depth > _MOST_DEPTH:
            raise _Untranslated
        bits = _bits(op, value, flags)
        if bits is not None:
            self._depth -= 3 * rounds
            if bits.bit_count() == 1:
                code += (_BYTE, bits.bit_length() - 1)
            else:
                code += (_SET, self._number(bits))
        elif op in _RUN:
            self._repeat(op, value, flags, rounds)
        elif op == "BRANCH":
            self._branch(value[1], flags, rounds)
        elif op == "SUBPATTERN":
            self._group(value, flags, rounds)
        elif op in ("ASSERT", "ASSERT_NOT"):
            self._assertion(op == "ASSERT_NOT", value, flags, rounds)
        elif op == "AT" and str(value) in _PLACES:
            code += _PLACES[str(value)]
        else:
            raise _Untranslated

    def _repeat(self, op: str, value: Any, flags: int, rounds: int) -> None:
        least, most, body = value
        most = min(int(most), _MOST)
        bits = _bits(str(body[0][0]), body[0][1], flags) if len(body) == 1 else None
        if bits is not None:
            self._code += (_RUN[op], self._number(bits), least, most)
            return
        if op == "POSSESSIVE_REPEAT" or rounds * most > _MOST_ROUNDS or body.getwidth()[0] == 0:
            raise _Untranslated
        if self._loops == _MOST_LOOPS:
            raise _Untranslated
        start = len(self._code)
        self._code += (_LOOP, self._loops, least, most, 0, int(op == "MAX_REPEAT"))
        self._loops += 1
        self.sequence(body, flags, rounds * max(most, 1))
        self._code += (_AGAIN, start)
        self._code[start + 4] = len(self._code)

    def _branch(self, ways: Sequence[Any], flags: int, rounds: int) -> None:
        start = len(self._code)
        self._code += (_BRANCH, len(ways), *[0] * len(ways))
        jumps = []
        for number, way in enumerate(ways):
            self._code[start + 2 + number] = len(self._code)
            self.sequence(way, flags, rounds)
            jumps.append(len(self._code) + 1)
            self._code += (_JUMP, 0)
        for jump in jumps:
            self._code[jump] = len(self._code)

    def _group(self, value: Any, flags: int, rounds: int) -> None:
        number, added, removed, body = value
        inner = (flags | added) & ~removed
        if inner & ~(re.DOTALL | re.IGNORECASE):
            raise _Untranslated
        if number is None:
            self.sequence(body, inner, rounds)
            return
        if number != 1 or self._asserting:
            raise _Untranslated
        self._code += (_SAVE, 0)
        self.sequence(body, inner, rounds)
        self._code += (_SAVE, 1)

    def _assertion(self, negative: bool, value: Any, flags: int, rounds: int) -> None:
        direction, body = value
        if direction < 0:
            low, high = body.getwidth()
            if low != high:
                raise _Untranslated
            self._code += (_BEHIND, int(negative), low, 0)
        else:
            self._code += (_AHEAD, int(negative), 0)
        target = len(self._code) - 1
        self._asserting += 1
        self.sequence(body, flags, rounds)
        self._asserting -= 1
        self._code.append(_ACCEPT)
        self._code[target] = len(self._code)


_PLACES: Final[dict[str, tuple[int, ...]]] = {
    "AT_BEGINNING": (_START,), "AT_BEGINNING_STRING": (_START,), "AT_END_STRING": (_END,), "AT_BOUNDARY": (_BOUNDARY,),
}  # fmt: skip
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": rb"\d", "CATEGORY_NOT_DIGIT": rb"\D", "CATEGORY_SPACE": rb"\s", "CATEGORY_NOT_SPACE": rb"\S",
    "CATEGORY_WORD": rb"\w", "CATEGORY_NOT_WORD": rb"\W",
}  # fmt: skip


def _words(data: bytes) -> array[int]:
    """Bits as numbers of 32, the lowest first, whatever the machine's order of bytes is."""
    return array("I", [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)])


def bits_of(op: str, value: Any, flags: int = re.DOTALL) -> int | None:
    """The bytes that a part of a parse tree matches if it is one byte long, as a number of 256 bits."""
    try:
        return _bits(op, value, flags)
    except _Untranslated:
        return None


def _bits(op: str, value: Any, flags: int) -> int | None:
    """The bytes that a part which is one byte long matches; None where it is something else."""
    if op == "LITERAL":
        return _cased(1 << value, flags) if value < 256 else None
    if op == "NOT_LITERAL":
        return _ALL & ~_cased(1 << value, flags) if value < 256 else None
    if op == "ANY":
        return _ALL if flags & re.DOTALL else _ALL & ~(1 << 10)
    if op != "IN":
        return None
    bits, negative = 0, False
    for kind, what in value:
        name = str(kind)
        if name == "NEGATE":
            negative = True
        elif name == "LITERAL" and what < 256:
            bits |= 1 << what
        elif name == "RANGE" and what[1] < 256:
            bits |= (1 << (what[1] + 1)) - (1 << what[0])
        elif name == "CATEGORY" and str(what) in _CATEGORIES:
            known = re.compile(_CATEGORIES[str(what)])
            bits |= sum(1 << byte for byte in range(256) if known.match(bytes((byte,))))
        else:
            raise _Untranslated
    bits = _cased(bits, flags)
    return _ALL & ~bits if negative else bits


def _cased(bits: int, flags: int) -> int:
    if not flags & re.IGNORECASE:
        return bits
    letters = sum(1 << byte for byte in range(97, 123))
    return bits | (bits & letters) >> 32 | (bits & letters >> 32) << 32


def _first(items: Any, flags: int) -> tuple[int, bool]:
    """The bytes that a match of `items` may begin with, and whether it may be empty."""
    bits = 0
    for op, value in items:
        found, empty = _first_of(str(op), value, flags)
        bits |= found
        if not empty:
            return bits, False
    return bits, True


def _first_of(op: str, value: Any, flags: int) -> tuple[int, bool]:
    one = _bits(op, value, flags)
    if one is not None:
        return one, False
    if op in _RUN:
        bits, empty = _first(value[2], flags)
        return bits, empty or value[0] == 0
    if op == "BRANCH":
        ways = [_first(way, flags) for way in value[1]]
        bits = 0
        for way, _ in ways:
            bits |= way
        return bits, any(empty for _, empty in ways)
    if op == "SUBPATTERN":
        return _first(value[3], (flags | value[1]) & ~value[2])
    return 0, True  # an assertion
