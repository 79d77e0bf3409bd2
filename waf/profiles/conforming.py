"""A head that conforms, told without making fields of it: the answer to nearly every request to a learned endpoint.

A yes here is the yes that `check` would come to by way of the fields; whatever is not plain (a name that is encoded, a
parameter that stands twice, a value that a rule does not take at once) is left to it. Queries are held against their
rules in C where that was built (`waf/_values.c`, not with WAF_PURE_PYTHON).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from waf.messages import Request
from waf.profiles.rules import Fast, Plain

if TYPE_CHECKING:
    from waf._values import Query, Rule

MOST: Final = 2_048  # Cookie headers that are remembered as conforming
LONGEST: Final = 4_096  # bytes of one, and of a parameter's value
_MOST_BITS: Final = 1 << 62

_SALT: Final = os.urandom(16)  # whoever knows the seed of this process's hashes knows not what is hashed


def _accelerator() -> type[Query] | None:
    if os.environ.get("WAF_PURE_PYTHON"):
        return None
    try:
        from waf._values import Query
    except ImportError:
        return None
    return Query


QUERY: Final = _accelerator()
"""Queries in C (`waf/_values.c`), where it was built; `Conforming._met_by` is the reference."""

_PLAIN_NAME: Final = re.compile(
    rb"[A-Za-z_.-]{1,64}"
).fullmatch  # no digits: it is its own `endpoint.general_name`


class Cookies:
    """Cookie headers known to conform to one table of rules, by keyed hash, with the bits of the rules they met.

    A client sends the same with every request.
    """

    def __init__(self) -> None:
        self._met: dict[int, int] = {}

    def met(self, line: bytes) -> int:
        """The bits; -1 for a header that is not known."""
        return self._met.get(hash(_SALT + line), -1)

    def remember(self, line: bytes, met: int) -> None:
        if len(line) <= LONGEST:
            if len(self._met) >= MOST:
                self._met.clear()
            self._met[hash(_SALT + line)] = met


class Parameter(NamedTuple):
    """A rule on one parameter of the query: its raw name, its bit, its yes."""

    name: bytes
    bit: int
    yes: Fast
    plain: Plain


class Conforming:
    """What one endpoint demands of the head of a request.

    `parameters` is None where nothing is demanded of the query; `others` says that other names may stand there.
    `cookies` is None where nothing is demanded of them, `required` are the bits that must be met.
    """

    def __init__(
        self, parameters: Sequence[Parameter] | None, others: bool, cookies: Cookies | None, required: int
    ) -> None:
        self._args = {p.name: (p.bit, p.yes) for p in parameters} if parameters is not None else None
        self._others = others
        self._required = required
        self._met: Callable[[bytes], int] | None = self._met_by
        self.cookies = cookies
        if parameters is None:
            self._met = None
        elif QUERY is not None and all(p.bit < _MOST_BITS for p in parameters):
            self._met = QUERY(tuple(_rule(p) for p in parameters), others).met

    def holds(self, request: Request) -> bool:
        """True where nothing in path, query and cookies goes against the profile; False says nothing yet."""
        met = 0
        query = request.query
        if query and self._met is not None:
            met = self._met(query)
            if met < 0:
                return False
        cookies = self.cookies
        if cookies is not None:
            headers = request.headers
            line = headers.index.get(b"cookie")
            if line is not None:
                if len(headers.lines) != len(
                    headers.index
                ):  # some header stands twice: the index has the last
                    return False
                known = cookies.met(line)
                if known < 0:
                    return False
                met |= known
        return met & self._required == self._required

    def _met_by(self, query: bytes) -> int:
        """The bits of the rules that a query meets, -1 where only its fields tell. The reference of `waf/_values.c`."""
        args = self._args
        assert args is not None
        met = 0
        for pair in query.split(b"&"):
            name, equals, value = pair.partition(b"=")
            if not equals or len(value) >= LONGEST:
                return -1
            rule = args.get(name)
            if rule is None:
                if self._others and _PLAIN_NAME(name) is not None:
                    continue
                return -1
            bit, yes = rule
            if met & bit:
                return -1
            if b"+" in value:
                value = value.replace(b"+", b" ")
            if b"%" in value:
                value = unquote_to_bytes(value)
            if not yes(value):
                return -1
            met |= bit
        return met


def _rule(parameter: Parameter) -> Rule:
    plain = parameter.plain
    most = min(plain.most, LONGEST)
    return (
        parameter.name,
        parameter.bit,
        plain.least,
        most,
        plain.allowed,
        plain.values,
        plain.shapes,
        plain.asked,
    )
