"""The plain case of heads in C (`waf/_speed.c`), where it was built: most requests and responses are of that form.

Owns what C is told about names, and the choice whether C is asked at all. The functions in Python beside each use
are the reference: they are asked wherever C gives None, and say why something is refused. With WAF_PURE_PYTHON set
they do everything.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from waf.http1.headers import (
    CLIENT_CLAIMS,
    HOP_BY_HOP,
    JOINED,
    OWN_TO_REQUESTS,
    REPEATING,
    REQUEST_ONCE,
    RESPONSE_ONCE,
    is_twin,
)
from waf.http1.hosts import HOSTS
from waf.messages import Framing, HeaderLine, Headers, Request, Response

if TYPE_CHECKING:
    from waf._speed import Heads, Values

Lines = tuple[HeaderLine, ...]
PlainAnswer = Callable[
    [bytes | None, bytes | None, frozenset[bytes], "Values", dict[bytes, bytes], bytes], bool
]

METHODS: Final = (
    b"GET", b"POST", b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"QUERY",
    b"PROPFIND", b"PROPPATCH", b"MKCOL", b"COPY", b"MOVE", b"LOCK", b"UNLOCK", b"SEARCH", b"REPORT",
    b"MKCALENDAR", b"ACL", b"BIND", b"REBIND", b"UNBIND", b"CHECKOUT", b"MERGE", b"MKACTIVITY", b"PURGE",
    b"LINK", b"UNLINK", b"SUBSCRIBE", b"UNSUBSCRIBE", b"NOTIFY",
)  # fmt: skip
"""Methods with a meaning for an app behind us. Not CONNECT and TRACE (for proxies), nor PRI (HTTP/2)."""

# What C is told of a name; `enum` in waf/_speed.c has the same numbers.
_ONCE, _JOINED, _FROM_TRUSTED, FROM_CLIENT, FROM_APP = 1, 2, 4, 8, 16
_REPEATING, _ODD, _USUAL, _QUIET, _SPECIAL = 32, 64, 128, 256, 12
_SPECIALS: Final = {
    b"host": 1, b"content-length": 2, b"transfer-encoding": 3, b"connection": 4, b"upgrade": 5, b"expect": 6,
}  # fmt: skip
_USUAL_CHARACTERS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-")


def _flags(lower: bytes, once: frozenset[bytes]) -> int:
    flags = _ONCE if lower in once else 0
    if lower in JOINED:
        flags |= _JOINED
    if lower in REPEATING:
        flags |= _REPEATING
    if _USUAL_CHARACTERS.issuperset(lower):
        flags |= _USUAL
    return flags | _SPECIALS.get(lower, 0) << _SPECIAL


def client_name(name: bytes) -> tuple[bytes, int]:
    """A header name of a request: in lower case, and what there is to know of it."""
    lower = name.lower()
    flags = _flags(lower, REQUEST_ONCE)
    if is_twin(lower) or b"_" in lower:  # refused, or held against the other names
        flags |= _ODD
    if lower == b"cookie":
        flags |= _QUIET
    if lower not in HOP_BY_HOP and lower not in OWN_TO_REQUESTS:
        flags |= _FROM_TRUSTED
        if lower not in CLIENT_CLAIMS and not lower.startswith(b"x-forwarded-"):
            flags |= FROM_CLIENT
    return lower, flags


def app_name(name: bytes) -> tuple[bytes, int]:
    """The same for a response."""
    lower = name.lower()
    flags = _flags(lower, RESPONSE_ONCE)
    if lower not in HOP_BY_HOP:
        flags |= FROM_APP
    return lower, flags


def _heads() -> Heads | None:
    if os.environ.get("WAF_PURE_PYTHON") or sys.byteorder != "little":  # as the programs of `prefilter` are
        return None
    try:
        from waf._speed import Heads
    except ImportError:
        return None
    framings = (Framing.NONE, Framing.LENGTH, Framing.CHUNKED, Framing.UNTIL_CLOSE)
    return Heads(Request, Response, Headers, framings, HOSTS, METHODS, client_name, app_name)


HEADS: Final = _heads()


def _passes() -> Callable[[bytes | None, bytes], bool] | None:
    if HEADS is None:
        return None
    from waf._speed import passes

    return passes


def _sift() -> Callable[[bytes | None, bytes], bytes] | None:
    if HEADS is None:
        return None
    from waf._speed import sift

    return sift


SIFT: Final = _sift()
"""Of values with marks between them those that a program does not let pass, with marks between them."""


PASSES: Final = _passes()
"""Runs a program of `prefilter.program`. True: nothing that the program is about is in the text."""


def _with_value(lines: Lines, name: bytes, value: bytes) -> Lines:
    return tuple([line if line[0] != name else (line[0], line[1], value) for line in lines])


def _never_plain(
    leaks: bytes | None,
    values: bytes | None,
    quiet: frozenset[bytes],
    memory: Values,
    index: dict[bytes, bytes],
    body: bytes,
) -> bool:
    return False


def _with_c() -> tuple[Callable[[Lines, bytes, bytes], Lines], PlainAnswer]:
    if HEADS is None:
        return _with_value, _never_plain
    from waf._speed import plain_answer, with_value

    return with_value, plain_answer


with_value, plain_answer = _with_c()
"""The first gives the lines with another value in each of a name, which is in lower case; of the second, see `waf/_speed.c`:
without the accelerator no answer is known to be plain.
"""


def values() -> Values | None:
    """A memory of values in which nothing was found, under a key of its own."""
    if HEADS is None:
        return None
    from waf._speed import Values

    return Values(os.urandom(16))
