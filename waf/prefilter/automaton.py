"""Small expressions as one deterministic automaton, for what has no factors: forms of numbers.

Exact but for edges of words that are neither the beginning nor the end of an expression: those it takes everywhere, and so
it may find what the expressions do not match.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from re import _constants as code  # type: ignore[attr-defined]
from typing import Final

import msgspec

from waf.prefilter.expressions import Item, accepted, counts_case, either_case, least_width, parse

MOST_STATES: Final = 1024
_MOST_NODES: Final = 4096
_ALL: Final = frozenset(range(256))
END: Final = 256
"""Stands for a byte behind the last one."""
_WORD: Final = frozenset((string.ascii_letters + string.digits + "_").encode())
_BEHIND_WORD: Final = (_ALL | {END}) - _WORD
_LINE_ENDS: Final = frozenset((0x0A, 0x7F))  # or what parts values


class Automaton(msgspec.Struct, frozen=True):
    """`classes` maps bytes, and `END`, to columns; `table` has a row for each state; state 0 is where a text begins.

    The number behind those of the states stands for something found.
    """

    classes: bytes
    columns: int
    table: tuple[int, ...]


class _TooLarge(Exception):
    """It would have too many states."""


class _Net:
    """A nondeterministic automaton (Thompson's construction): bytes that lead on, and ways that need none."""

    def __init__(self) -> None:
        self.moves: list[tuple[frozenset[int], int] | None] = []
        self.free: list[list[int]] = []
        self.lines: dict[int, list[int]] = {}  # ways that are free at the beginning of a line

    def node(self) -> int:
        if len(self.moves) >= _MOST_NODES:
            raise _TooLarge
        self.moves.append(None)
        self.free.append([])
        return len(self.moves) - 1

    def sequence(self, items: Sequence[Item], start: int, *, case: bool = True, last: bool = False) -> int:
        """Nodes for the items behind `start`; gives the last one. `last`: nothing of the expression stands behind."""
        for number, item in enumerate(items):
            ends = last and number == len(items) - 1
            if ends and number and item == (code.AT, code.AT_BOUNDARY) and _in_word(items[number - 1]):
                start = self._step(_BEHIND_WORD, start)
            else:
                start = self._item(item, start, case, ends)
        return start

    def _item(self, item: Item, start: int, case: bool, last: bool) -> int:
        kind, value = item
        taken = accepted(item)
        if taken is not None:
            return self._step(taken if case else either_case(taken), start)
        if kind is code.SUBPATTERN:
            return self.sequence(list(value[3]), start, case=counts_case(case, value), last=last)
        if kind is code.BRANCH:
            end = self.node()
            for branch in value[1]:
                self.free[self.sequence(list(branch), start, case=case, last=last)].append(end)
            return end
        if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
            least, most, inner = value
            return self._repeat(least, most, list(inner), start, case)
        if kind is code.AT and value is code.AT_BOUNDARY:
            return start
        if kind is code.AT and value is code.AT_BEGINNING:
            begun = self.node()
            self.lines.setdefault(start, []).append(begun)
            return begun
        if kind is code.AT and value is code.AT_END and last:
            return self._step(_LINE_ENDS | {END}, start)
        raise _TooLarge  # or rather of a kind that is not wanted here

    def _step(self, taken: frozenset[int], start: int) -> int:
        here, end = self.node(), self.node()
        self.free[start].append(here)
        self.moves[here] = (taken, end)
        return end

    def _repeat(self, least: int, most: int, items: Sequence[Item], start: int, case: bool) -> int:
        for _ in range(least):
            start = self.sequence(items, start, case=case)
        if most is code.MAXREPEAT:
            loop = self.node()
            self.free[start].append(loop)
            self.free[self.sequence(items, loop, case=case)].append(loop)
            return loop
        end = self.node()
        self.free[start].append(end)
        for _ in range(most - least):
            start = self.sequence(items, start, case=case)
            self.free[start].append(end)
        return end

    def closure(self, nodes: Iterable[int], *, begins: bool) -> frozenset[int]:
        """All nodes that are reached from these; `begins`: at the beginning of a line."""
        found, waiting = set(nodes), list(nodes)
        while waiting:
            here = waiting.pop()
            for node in (*self.free[here], *self.lines.get(here, ())) if begins else self.free[here]:
                if node not in found:
                    found.add(node)
                    waiting.append(node)
        return frozenset(found)


def beginning(expression: bytes, least: int, most: int) -> Sequence[Item] | None:
    """As much of an expression, from its beginning, as makes an automaton of at most so many states; None where that matches
    fewer bytes than `least`.
    """
    items = parse(expression)
    for end in range(len(items or ()), 0, -1):
        begun = (items or ())[:end]
        if least_width(begun) < least:
            return None
        if automaton([begun], most) is not None:
            return begun
    return None


def _behind_optional(items: Sequence[Item]) -> Sequence[Item]:
    """Without what may be missing before the edge of a word: matches of the rest are in all matches of the whole."""
    first = 0
    while (
        first < len(items)
        and items[first][0] in (code.MAX_REPEAT, code.MIN_REPEAT)
        and not items[first][1][0]
    ):
        first += 1
    return items[first:] if first < len(items) and items[first] == (code.AT, code.AT_BOUNDARY) else items


def _at_edge(items: Sequence[Item]) -> bool:
    """Whether matches begin with a word: what stands before them is no letter, digit or "_"."""
    return len(items) > 1 and items[0] == (code.AT, code.AT_BOUNDARY) and _in_word(items[1], 0)


def _in_word(item: Item, side: int = -1) -> bool:
    """Whether whatever the item matches ends with a letter, digit or "_"; or begins so, with `side` 0."""
    kind, value = item
    taken = accepted(item)
    if taken is not None:
        return taken <= _WORD
    if kind is code.SUBPATTERN:
        return len(value[3]) > 0 and _in_word(value[3][side], side)
    if kind is code.BRANCH:
        return all(len(branch) > 0 and _in_word(branch[side], side) for branch in value[1])
    if kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        return value[0] > 0 and len(value[2]) > 0 and _in_word(value[2][side], side)
    return False


def automaton(expressions: Sequence[bytes | Sequence[Item]], most: int = MOST_STATES) -> Automaton | None:
    """Finds whether any of the expressions, where case counts, matches anywhere; None beyond `most` states."""
    net = _Net()
    root, edge, final = net.node(), net.node(), net.node()
    try:
        for expression in expressions:
            items = parse(expression) if isinstance(expression, bytes) else expression
            if items is None:
                return None
            items = _behind_optional(items)
            start = edge if _at_edge(items) else root
            net.free[net.sequence(items, start, last=True)].append(final)
        return _determined(net, root, edge, final, most)
    except _TooLarge:
        return None


def _determined(net: _Net, root: int, edge: int, final: int, most: int) -> Automaton:
    """By the subset construction; the search may begin at every byte at `root`, and behind what is in no word at `edge`."""
    sets = list(dict.fromkeys(move[0] for move in net.moves if move is not None))
    if net.free[edge]:
        sets = list(dict.fromkeys((*sets, _BEHIND_WORD)))
    if net.lines:
        sets = list(dict.fromkeys((*sets, _LINE_ENDS)))
    columns: dict[tuple[bool, ...], int] = {}
    classes = bytes(
        columns.setdefault(tuple(byte in one for one in sets), len(columns)) for byte in range(END + 1)
    )
    example = [classes.index(column) for column in range(len(columns))]
    start = net.closure((root, edge), begins=True)
    if final in start:
        raise _TooLarge
    states, rows = {start: 0}, []
    waiting = [start]
    found = -1
    for state in waiting:
        row = []
        for byte in example:
            reached = {move[1] for node in state if (move := net.moves[node]) is not None and byte in move[0]}
            following = net.closure(
                (*reached, root, *((edge,) if byte in _BEHIND_WORD else ())), begins=byte in _LINE_ENDS
            )
            if final in following:
                row.append(found)
                continue
            if following not in states:
                if len(states) >= most:
                    raise _TooLarge
                states[following] = len(states)
                waiting.append(following)
            row.append(states[following])
        rows.append(row)
    last = len(states)
    return Automaton(classes, len(columns), tuple(last if to == found else to for row in rows for to in row))
