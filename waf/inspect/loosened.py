"""Expressions without the literals that hostile text repeats: two slashes, ampersands, bars or at signs.

The engine looks for the best literals of an expression and starts an automaton at each. Where the best that it finds is "//", a text
of slashes or of short URLs costs 30 to 50 ns for each of them, once for each of a dozen expressions; "&&" and "||" are no better. A
class of some bytes is no literal to it: it takes another one, or makes one automaton of all, which costs a nanosecond for a byte of
any text. So controls may stand in for such a sign here (`STAND_INS`); a text that has any of them is searched with another control in
their place.

Owns what is loosened, and that no more is found by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from re import _constants as code  # type: ignore[attr-defined]
from typing import Final

from waf.prefilter.expressions import Item, accepted, parse, tokens

STAND_INS: Final = b"\x01\x02\x03"
"""Bytes that hardly any text has. With fewer of them the engine would look for each literal that the classes make."""
_OTHER: Final = b"\x04"  # for which nothing stands in
_REPEATED: Final = (b"/", b"&", rb"\|", b"@")
_CONTROLS: Final = tuple(bytes((byte,)) for byte in STAND_INS)
_WITHOUT: Final = bytes.maketrans(STAND_INS, _OTHER * len(STAND_INS))
_REPEATS: Final = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)


def loosened(expression: bytes) -> bytes:
    """The expression with classes in place of signs that are repeated, and of a colon before slashes.

    Itself where it has none, uses more of the engine's syntax than is understood here, or is about the controls themselves.
    """
    pieces = tokens(expression) or []
    made = list(pieces)
    for at in range(1, len(pieces)):
        if pieces[at - 1] == pieces[at] and pieces[at] in _REPEATED:
            first = at - 2 if pieces[at] == b"/" and at > 1 and pieces[at - 2] == b":" else at - 1
            made[first : at + 1] = [b"[%b%b]" % (one[-1:], STAND_INS) for one in pieces[first : at + 1]]
    return expression if made == pieces or tells_apart(expression) else b"".join(made)


def tells_apart(expression: bytes) -> bool:
    """Whether it may match a text with the controls, and not with another one in their place, or the other way round."""
    items = parse(expression)
    return items is None or _any_tells_apart(items)


def _any_tells_apart(items: Iterable[Item]) -> bool:
    for kind, value in items:
        if kind in _REPEATS:
            apart = _any_tells_apart(value[2])
        elif kind is code.SUBPATTERN:
            apart = _any_tells_apart(value[3])
        elif kind is code.BRANCH:
            apart = any(map(_any_tells_apart, value[1]))
        else:
            taken = accepted((kind, value)) or frozenset()
            apart = len({byte in taken for byte in STAND_INS + _OTHER}) > 1
        if apart:
            return True
    return False


def without_stand_ins(text: bytes) -> bytes:
    """The text as what is loosened is looked for in it; most are it themselves."""
    one, other, third = _CONTROLS  # thousands of short texts are asked about
    return text.translate(_WITHOUT) if one in text or other in text or third in text else text
