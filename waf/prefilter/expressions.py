"""Expressions as the standard library parses them, where it and the engine read them alike."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

# The standard library's own parser of expressions: private by its name, the same since Python 3.11.
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

Item = tuple[Any, Any]
"""A piece of a parsed expression: its kind, out of `re._constants`, and what belongs to it."""

_CLASS: Final = rb"\[\^?\]?(?:\\[dwsDWSnrtf]|\\x[0-9a-fA-F]{2}|\\[^a-zA-Z0-9]|\[(?![:.=])|[^\\\]\[])*\]"
_TOKEN: Final = (
    rb"\\(?:[dwsDWSbBnrtf]|x[0-9a-fA-F]{2}|[^a-zA-Z0-9])|"
    + _CLASS
    + rb"|\(\?-?i?:|\((?![?*])|\{(?!,)|[^\\(\[{]"
)
_TOKENS: Final = re.compile(_TOKEN, re.S)
_UNDERSTOOD: Final = re.compile(rb"(?:" + _TOKEN + rb")*", re.S)
_OFTEN: Final = re.compile(rb"(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?")
_WORTH: Final = 6  # bytes of an ending at least


_ALL: Final = frozenset(range(256))
_REPEATS: Final = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)
_BYTES: Final = (code.LITERAL, code.NOT_LITERAL, code.ANY, code.IN)
_ENDLESS: Final = 1 << 32


def parse(expression: bytes) -> list[Item] | None:
    """The expression's items; None where it uses more of the engine's syntax than is understood here."""
    parsed = _parsed(expression)
    return None if parsed is None else list(parsed)


def longest(expression: bytes) -> int | None:
    """Bytes of the longest match, very many where it has no bounds; None as for `parse`."""
    parsed = _parsed(expression)
    return None if parsed is None else int(parsed.getwidth()[1])


def longest_with_runs(expression: bytes, fillings: Sequence[bytes], run: int) -> int | None:
    """Bytes of the longest match in texts that nowhere have more than `run` bytes in a row of any of `fillings`; None as for `longest`."""
    parsed = _parsed(expression)
    return None if parsed is None else _widest(parsed, fillings, run)


def _widest(items: Any, fillings: Sequence[bytes], run: int) -> int:
    width = 0
    for kind, value in items:
        if kind in _REPEATS:
            _, most, body = value
            whole = min(_widest(body, fillings, run) * int(most), _ENDLESS)
            width += min(whole, run) if any(_takes_only(body, one) for one in fillings) else whole
        elif kind is code.SUBPATTERN:
            width += _widest(value[3], fillings, run)
        elif kind is code.BRANCH:
            width += max(_widest(way, fillings, run) for way in value[1])
        elif kind in _BYTES:
            width += 1
        elif kind is not code.AT:
            width = _ENDLESS  # nothing that `_UNDERSTOOD` lets through
    return min(width, _ENDLESS)


def _takes_only(items: Any, filling: bytes) -> bool:
    """Whether what the items match has no other bytes than those of `filling`."""
    for kind, value in items:
        if kind in _REPEATS:
            only = _takes_only(value[2], filling)
        elif kind is code.SUBPATTERN:
            only = _takes_only(value[3], filling)
        elif kind is code.BRANCH:
            only = all(_takes_only(way, filling) for way in value[1])
        else:
            taken = accepted((kind, value))
            only = taken is not None and taken <= frozenset(filling)
        if not only:
            return False
    return True


def _parsed(expression: bytes) -> Any:
    if expression.startswith(b"(?i)"):
        expression = b"(?i:" + expression[4:] + b")"
    if not _UNDERSTOOD.fullmatch(expression):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what other libraries read otherwise ("[[")
        try:
            return parser.parse(expression, re.S | re.M)
        except (re.error, OverflowError, RecursionError):
            return None


def ending(expression: bytes, most: int) -> bytes | None:
    """What every match ends with, as an expression whose matches have `most` bytes at most; the same where it has no longer ones.

    None as for `parse`, and where what is left is hardly worth looking for.
    """
    case = b"(?i)" if expression.startswith(b"(?i)") else b""
    ends = [_ending(way, most) for way in alternatives(expression[len(case) :])]
    return None if None in ends else case + b"|".join(end for end in ends if end is not None)


def _ending(expression: bytes, most: int) -> bytes | None:
    """The same of what has no alternatives."""
    left = pieces(expression)
    while left and left[0]:
        end = b"".join(left)
        width = longest(end)
        if width is None:
            return None
        if width <= most:
            items = parse(end)
            return end if end == expression or (items and least_width(items) >= _WORTH) else None
        left.pop(0)
    return None


def pieces(expression: bytes) -> list[bytes]:
    """What an expression that is understood has one behind the other, each with how often it may come."""
    found: list[bytes] = []
    depth = place = 0
    while place < len(expression):
        often = _OFTEN.match(expression, place) if found and not depth else None
        token = often or _TOKENS.match(expression, place)
        if token is None:
            return []
        if often or depth:
            found[-1] += token[0]
        else:
            found.append(token[0])
        if not often:
            depth += token[0].startswith(b"(") - (token[0] == b")")
        place = token.end()
    return found


def leading(expression: bytes) -> bytes:
    """What every match begins with: without what there may be more or less of at its end, and the edge behind that.

    Each match of the expression begins where one of this does, and ends no earlier; there are far fewer ends to be told of. The same
    where it uses more of the engine's syntax than is understood here.
    """
    return b"|".join(_leading(way) for way in alternatives(expression))


def _leading(expression: bytes) -> bytes:
    left = pieces(expression)
    edges = b""
    while left:
        piece = left.pop()
        if piece == rb"\b":
            edges += piece
            continue
        base, least, most = repeated(piece)
        if not least:
            edges = b""
        elif least != most:
            return b"".join(left) + base + (b"" if least == 1 else b"{%d}" % least)
        else:
            opened = None if left or most > 1 else _GROUP.match(base)
            within = b"" if opened is None else opened[0] + leading(base[opened.end() : -1]) + b")"
            return within + edges if within == base else within or b"".join(left) + piece + edges
    return expression


_GROUP: Final = re.compile(rb"\(\?-?i?:|\((?!\?)")
_TIMES: Final = re.compile(rb"(?:([*+?])|\{(\d+)(,)?(\d*)\})[?+]?\Z")


def repeated(piece: bytes) -> tuple[bytes, int, int]:
    """What is repeated, how often at least and at most (-1: without bounds)."""
    depth = place = 0
    while token := _TOKENS.match(piece, place):
        depth += token[0].startswith(b"(") - (token[0] == b")")
        place = token.end()
        if not depth:
            break
    times = _TIMES.match(piece, place)
    if times is None:
        return piece, 1, 1
    sign, least, ranged, most = times.groups()
    if sign:
        return piece[:place], int(sign == b"+"), 1 if sign == b"?" else -1
    return piece[:place], int(least), int(most or -1) if ranged else int(least)


def least_width(items: Sequence[Item]) -> int:
    """Bytes of the shortest match of the items one behind the other."""
    return int(parser.SubPattern(parser.State(), list(items)).getwidth()[0])


def tokens(expression: bytes) -> list[bytes] | None:
    """The expression in pieces that stand for themselves: characters, classes, escapes, brackets; None as for `parse`."""
    if not _UNDERSTOOD.fullmatch(expression):
        return None
    return [token[0] for token in _TOKENS.finditer(expression)]


def alternatives(expression: bytes) -> list[bytes]:
    """The expression as several that together match what it matches: split at its outermost "|"."""
    if not _UNDERSTOOD.fullmatch(expression):
        return [expression]
    found, depth, start = [], 0, 0
    for token in _TOKENS.finditer(expression):
        match token[0][:1]:
            case b"(":
                depth += 1
            case b")":
                depth -= 1
            case b"|" if depth == 0:
                found.append(expression[start : token.start()])
                start = token.end()
    return [*found, expression[start:]]


def accepted(item: Item) -> frozenset[int] | None:
    """The bytes that an item takes one of, where case counts; None for an item of another kind."""
    kind, value = item
    if kind is code.LITERAL:
        return frozenset((value,))
    if kind is code.NOT_LITERAL:
        return _ALL - {value}
    if kind is code.ANY:
        return _ALL
    return members(value) if kind is code.IN else None


def members(items: Sequence[Item]) -> frozenset[int]:
    """The bytes of a class."""
    found: set[int] = set()
    negated = False
    for kind, value in items:
        if kind is code.NEGATE:
            negated = True
        elif kind is code.LITERAL:
            found.add(value)
        elif kind is code.RANGE:
            found.update(range(value[0], value[1] + 1))
        else:
            found |= _CATEGORIES[value]
    return _ALL - found if negated else frozenset(found)


_IGNORE_CASE: Final = 2  # re.IGNORECASE, as the parser has it


def counts_case(case: bool, group: tuple[Any, int, int, Any]) -> bool:
    """Whether case counts in a group, `case` being whether it does around it."""
    return (case or bool(group[2] & _IGNORE_CASE)) and not group[1] & _IGNORE_CASE


def either_case(accepted: frozenset[int]) -> frozenset[int]:
    """The bytes of a class where case does not count."""
    both = bytes(accepted)
    return frozenset(both.lower() + both.upper())


def _matching(expression: bytes) -> set[int]:
    return {byte for byte in range(256) if re.fullmatch(expression, bytes((byte,)), re.S)}


_CATEGORIES: Final = {
    code.CATEGORY_DIGIT: _matching(rb"\d"),
    code.CATEGORY_NOT_DIGIT: _matching(rb"\D"),
    code.CATEGORY_SPACE: _matching(rb"\s"),
    code.CATEGORY_NOT_SPACE: _matching(rb"\S"),
    code.CATEGORY_WORD: _matching(rb"\w"),
    code.CATEGORY_NOT_WORD: _matching(rb"\W"),
}
