"""A request that conforms, told without making fields of it: the answer to nearly every request to a learned endpoint.

A yes here is the yes that `check` would come to by way of the fields; whatever is not plain (a name that is encoded, a
parameter that stands twice, a value that a rule does not take at once) is left to it. Queries and documents are held
against their rules in C where that was built (`waf/_values.c`, not with WAF_PURE_PYTHON).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from waf.messages import Request
from waf.profiles.rules import Fast, Plain

if TYPE_CHECKING:
    from waf._values import Document, Query, Rule

MOST: Final = 2_048  # Cookie headers that are remembered as conforming
LONGEST: Final = 4_096  # bytes of one, and of a parameter's value

_SALT: Final = os.urandom(16)  # whoever knows the seed of this process's hashes knows not what is hashed


def _accelerators() -> tuple[type[Query], type[Document]] | None:
    if os.environ.get("WAF_PURE_PYTHON"):
        return None
    try:
        from waf._values import Document, Query
    except ImportError:
        return None
    return Query, Document


IN_C: Final = _accelerators()
"""Queries and documents in C (`waf/_values.c`), where it was built. The references are `_pairs_met` and the fields."""

_MOST_BITS: Final = 1 << 62
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
    """A rule on one parameter of the query or one place of a document: its raw name, its bit, its yes.

    `once` says that it may not be met twice; `kinds` has a bit for each `Kind` of value that may be there.
    """

    name: bytes
    bit: int
    yes: Fast
    plain: Plain
    once: bool = True
    kinds: int = 1


Met = Callable[[bytes], int]
"""The bits of the rules that a text meets, -1 where only its fields tell."""


def pairs_met(parameters: Sequence[Parameter], others: bool) -> Met:
    """For a query or a form. `others` says that other names may stand there."""
    if IN_C is not None and _fit(parameters):
        return IN_C[0](tuple(map(_rule, parameters)), others).met
    return partial(_pairs_met, {p.name: (p.bit, p.yes) for p in parameters}, others)


def document_met(parameters: Sequence[Parameter], others: bool) -> Met | None:
    """For a JSON document that `waf/_bodies.c` found to be plain. None without C: its fields are as fast."""
    if IN_C is not None and _fit(parameters):
        return IN_C[1](tuple(map(_rule, parameters)), others).met
    return None


def _fit(parameters: Sequence[Parameter]) -> bool:
    return all(p.bit < _MOST_BITS for p in parameters)


def _rule(parameter: Parameter) -> Rule:
    p, plain = parameter, parameter.plain
    most = min(plain.most, LONGEST)
    sets = plain.values, plain.shapes, plain.asked
    return p.name, p.bit, plain.least, most, plain.allowed, *sets, p.once, p.kinds, plain.types


def _pairs_met(rules: dict[bytes, tuple[int, Fast]], others: bool, text: bytes) -> int:
    """The reference of `Query.met` in `waf/_values.c`."""
    met = 0
    for pair in text.split(b"&"):
        name, equals, value = pair.partition(b"=")
        if not equals or len(value) >= LONGEST:
            return -1
        rule = rules.get(name)
        if rule is None:
            if others and _PLAIN_NAME(name) is not None:
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


class Conforming:
    """What one endpoint demands of a request's head: `query`, `cookies` (None for nothing), and bits that must be met."""

    def __init__(self, query: Met | None, cookies: Cookies | None, required: int) -> None:
        self._query = query
        self._required = required
        self.cookies = cookies

    def holds(self, request: Request) -> bool:
        """True where nothing in path, query and cookies goes against the profile; False says nothing yet."""
        met = 0
        query = request.query
        if query and self._query is not None:
            met = self._query(query)
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


class ConformingBody(NamedTuple):
    """The same of a body that is plainly a form or a JSON document; None where nothing is known to conform."""

    form: Met | None
    document: Met | None
    required: int

    def holds(self, plain: bytes, *, form: bool) -> bool:
        """See `Conforming.holds`."""
        met_by = self.form if form else self.document
        met = -1 if met_by is None else met_by(plain)
        return met >= 0 and met & self.required == self.required
