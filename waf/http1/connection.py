"""The Connection header and what hangs on it: persistence and nominated fields (RFC 9110 7.6.1)."""

from __future__ import annotations

from typing import Final

from waf.http1.grammar import OPTIONS
from waf.http1.headers import NEVER_NOMINATED
from waf.http1.memo import Memo

NO_OPTIONS: Final[frozenset[bytes]] = frozenset()
_OWN: Final = frozenset({b"close", b"keep-alive", b"upgrade", b"te"})


class BadOptions(Exception):
    """The Connection header is no list of tokens, or nominates a field that the other side relies on."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule: Final = rule


def _read(value: bytes) -> frozenset[bytes]:
    if OPTIONS.match(value) is None:
        raise BadOptions("connection-option")
    options = frozenset(value.lower().replace(b",", b" ").split())
    for option in options - _OWN:
        if option in NEVER_NOMINATED or option.startswith(b"x-forwarded-"):
            raise BadOptions("connection-nominates")
    return options


options: Final = Memo(_read, capacity=256, longest=64)
"""Connection header value -> its options in lower case. Raises BadOptions."""


def nominated(value: bytes | None) -> frozenset[bytes]:
    """The fields that a valid Connection header says are for this hop only."""
    return options[value] - _OWN if value is not None else NO_OPTIONS


def persists(minor: int, options: frozenset[bytes]) -> bool:
    """Whether the connection stays open after the message (RFC 9112 9.3)."""
    return b"close" not in options and (minor == 1 or b"keep-alive" in options)
