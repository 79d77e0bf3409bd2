"""Where in a body a value stands, for rules by field and for the inventory: "json.customer.card", "csv.iban".

Each container has a tracker that follows the body as it passes. JSON's reads the whole text by one expression
and so costs about 10 µs/KB; the filter starts it only when something was found or a rule asks for fields.
Names come from the app, so they are cut to a sane length and stripped of what does not belong into a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from waf.sensitive import speed
from waf.sensitive.containers import Container
from waf.sensitive.context import label_before

MAX_NAME: Final = 120
LONGEST: Final = 160  # characters of a name that are looked at; all beyond is left out
_UNSAFE: Final = re.compile(r"[^\w.\[\]:@$*-]+")
_LONG_DIGITS: Final = re.compile(r"[0-9]{4,}")
_LONG_NUMBER: Final = re.compile(rb"[0-9]{4,}")
_TELLING: Final = re.compile(
    r"(?<![\w.+%-])[\w.+%-]++@[\w.-]+"  # an address
    r"|[A-Z]{0,2}[0-9](?:[ ./-]?[A-Z]?[0-9]){4,}[A-Za-z0-9]*"  # a number, in groups or not
    r"|([A-Za-z_-]{20,}+(?![0-9]))"  # long words, which say nothing: looked for from each of their letters, keys would take ages
    r"|[A-Za-z0-9_-]{20,}"  # a key
)


_SHORT: Final = 64  # characters of a name that is remembered with its address

MAX_NAMES: Final = 2048
_PLAIN: Final[dict[str, str]] = {}
"""Names that were looked at and say nothing; bounded. What had to be altered is not remembered."""


def _silent(telling: re.Match[str]) -> str:
    return telling[1] or "*"


def untold(name: str) -> str:
    """A name without what in it may be of somebody. In C: `waf/_finder_names.h`."""
    return _TELLING.sub(_silent, name)


_untold: Final[Callable[[str], str]] = speed.names_function() or untold


def safe_name(name: str) -> str:
    """A field's name that is safe to log and to count: apps and clients make names of values."""
    known = _PLAIN.get(name)
    if known is not None:
        return known
    safe = _untold(name[:LONGEST])[:MAX_NAME]
    if safe == name:
        if len(_PLAIN) >= MAX_NAMES:
            _PLAIN.clear()
        _PLAIN[name] = name
    return safe


_NAMED: Final[dict[Container, dict[str, str]]] = {container: {} for container in Container}


def named(container: Container, name: str) -> str:
    """The address of the field `name`, safe to log and to count."""
    known = _NAMED[container].get(name)
    if known is not None:
        return known
    address = _named(container, name)
    if len(name) <= _SHORT and "*" not in address:  # what had to be altered is not remembered
        if len(_NAMED[container]) >= MAX_NAMES:
            _NAMED[container].clear()
        _NAMED[container][name] = address
    return address


def _named(container: Container, name: str) -> str:
    clean = _LONG_DIGITS.sub("*", _UNSAFE.sub("_", safe_name(name)))[:MAX_NAME]
    kind: str = container.value
    return f"{kind}.{clean}" if clean else kind


class Tracker(Protocol):
    def follow(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        ...

    def address(self, text: bytes, start: int) -> str:
        """The field of the value at `text[start]`; all bytes before it were followed."""
        ...


class Labels:
    """Names by what directly precedes a value; follows nothing."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def follow(self, data: bytes) -> None:
        pass

    def address(self, text: bytes, start: int) -> str:
        if self._container in (Container.HTML, Container.TEXT):
            return named(self._container, "")
        label = label_before(text, start)
        return named(self._container, label.decode("utf-8", "replace"))


_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'
_BLANK: Final = rb"[ \t\r\n]*+"
# All that says nothing of where we are, in one step: text between tokens, and members that ended.
_PASSED: Final = (
    rb'(?:[^"{}\[\]]++|' + _STRING + _BLANK + rb"(?:(?=[,\]}])|:" + _BLANK
    + rb"(?:" + _STRING + rb'|[^"{}\[\],\s]++)' + _BLANK + rb"(?=[,}])))*+"
)  # fmt: skip
_TOKEN: Final = re.compile(
    _PASSED + rb'(?:"((?:[^"\\]++|\\.)*+)"(?:[ \t\r\n]*+(:))?|([{\[])|([}\]])|("))', re.DOTALL
)
_FOLLOW: Final = speed.path_function()
_END_OF_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL)
_MAX_DEPTH: Final = 64
_MAX_OPEN: Final = 4096


class JsonPath:
    """The path to the member at hand: "items[].card.number", with "[]" for each array.

    Follows any mixture of documents (lines of JSON, event streams); what it cannot read it skips, and the
    worst that can come of it is a wrong name.
    """

    def __init__(self) -> None:
        self._stack: list[str] = []  # ".name" of an object's member in which we are, "[]" of an array
        self._key = ""
        self._rest = b""
        self._in_string = False

    def follow(self, data: bytes) -> None:
        text = self._rest + data
        self._rest = b""
        position = 0
        if _FOLLOW is not None:
            self._key, again, self._in_string = _FOLLOW(self._stack, self._key, text, self._in_string)
            self._rest = text[again:]
            return
        if self._in_string:
            end = _END_OF_STRING.match(text)
            if end is None:
                self._keep(text[-1:] if text[-1:] == b"\\" else b"")
                return
            self._in_string = False
            position = end.end()
        # Anchored, as each token begins where the last one ended: to look for one further on would read the inside of
        # strings as structure, and all of a long run of numbers again from each of its bytes.
        while (match := _TOKEN.match(text, position)) is not None:
            position = match.end()
            opening, closing = match[3], match[4]
            if opening is not None:
                if len(self._stack) < _MAX_DEPTH:
                    self._stack.append(self._key + "[]" if opening == b"[" else self._key)
                self._key = ""
            elif closing is not None:
                if self._stack:
                    self._stack.pop()
                self._key = ""
            elif match[1] is None:  # a string that has not ended yet
                rest = text[match.start(5) :]
                if len(rest) > _MAX_OPEN:
                    self._in_string = True
                    rest = b""
                self._keep(rest)
                return
            elif match[2] is not None:
                self._key = "." + match[1][:64].decode("utf-8", "replace")
            elif match.end() == len(text):
                self._keep(text[match.start(1) - 1 :])  # its colon may be about to come
                return

    def _keep(self, rest: bytes) -> None:
        self._rest = rest

    def state(self) -> tuple[list[str], str, bool, int]:
        """For C: what is open, the member at hand, whether a string is open, and how many of the last bytes are to be read
        again.
        """
        return self._stack.copy(), self._key, self._in_string, len(self._rest)

    def resume(self, stack: list[str], key: str, in_string: bool, rest: bytes) -> None:
        """What C made of a `state`."""
        self._stack, self._key, self._in_string, self._rest = stack, key, in_string, rest

    def address(self, text: bytes, start: int) -> str:
        path = "".join(self._stack) + self._key
        return named(Container.JSON, path.removeprefix("."))


_CSV: Final = named(Container.CSV, "")


class _Head(msgspec.Struct, frozen=True):
    """What the first line of a table says."""

    separator: bytes
    names: tuple[str, ...] = ()
    labels: tuple[bytes, ...] = ()
    addresses: tuple[str, ...] = ()
    by_label: dict[bytes, str] = {}
    places: tuple[tuple[str, ...], bytes, str] = (
        (),
        b",",
        _CSV,
    )  # the addresses, the separator, the address of all else


_MAX_HEADS: Final = 256
_LONGEST_HEAD: Final = 512
_HEADS: Final[dict[bytes, _Head]] = {}
"""Of first lines that were read; bounded."""


def _head(line: bytes) -> _Head:
    separator = max((b",", b";", b"\t", b"|"), key=line.count)
    if _LONG_NUMBER.search(line):
        return _Head(
            separator, places=((), separator, _CSV)
        )  # a first line with numbers in it is data already
    names = tuple([c.strip(' "') for c in line.decode("utf-8", "replace").split(separator.decode())])
    labels = tuple([name.encode() for name in names])
    by_label = {label: named(Container.CSV, name) for label, name in zip(labels, names, strict=True)}
    addresses = tuple([by_label[label] for label in labels])
    return _Head(separator, names, labels, addresses, by_label, (addresses, separator, _CSV))


class Columns:
    """The column of a table by its head line; the separator is the likeliest of four in that line."""

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self.names: tuple[str, ...] = ()
        self._labels: tuple[bytes, ...] = ()
        self._addresses: dict[bytes, str] = {}
        self.separator = b","
        self.places: tuple[tuple[str, ...], bytes, str] = ((), b",", _CSV)
        """What `named_at` goes by: the address of each column, the separator, the address of all else."""
        self.column = 0
        self._quoted = False

    def follow(self, data: bytes) -> None:
        if self._head is not None:
            line, end, rest = (self._head + data).partition(b"\n")
            self._head = line
            if not end and len(line) < 8192:
                return
            self._read_head(line)
            self._head = None
            data = rest
        _, newline, line = data.rpartition(b"\n")
        if newline:
            self.column, self._quoted = 0, False
        for part in line.split(b'"'):
            if not self._quoted:
                self.column += part.count(self.separator)
            self._quoted = not self._quoted
        self._quoted = not self._quoted

    def _read_head(self, line: bytes) -> None:
        known = _HEADS.get(line)
        if known is None:
            known = _head(line.strip(b"\r\n\xef\xbb\xbf"))
            # As with names: what says something of a person is not remembered.
            if len(line) <= _LONGEST_HEAD and not any("*" in address for address in known.addresses):
                if len(_HEADS) >= _MAX_HEADS:
                    _HEADS.clear()
                _HEADS[line] = known
        self.separator, self.names = known.separator, known.names
        self._labels, self._addresses, self.places = known.labels, known.by_label, known.places

    @property
    def ready(self) -> bool:
        """The head line was read."""
        return self._head is None

    def address(self, text: bytes, start: int) -> str:
        name = self.names[self.column] if self.column < len(self.names) else ""
        return named(Container.CSV, name)

    @property
    def table(self) -> tuple[tuple[bytes, ...], bytes]:
        """What `field_at` goes by: the heads of the columns, and the separator."""
        return self._labels, self.separator

    def field_at(self, text: bytes, start: int) -> tuple[bytes | None, int]:
        """The head of the column at `text[start]`, whose line begins in `text`, and where its cell begins."""
        line = text.rfind(b"\n", 0, start) + 1
        separator = self.separator
        before = text[line:start]
        if b'"' in before:
            parts = before.split(b'"')
            column = sum(part.count(separator) for part in parts[::2])
            cell = line + len(before) - len(parts[-1]) if len(parts) % 2 == 0 else 0
        else:
            column = before.count(separator)
            cell = 0
        cell = max(cell, text.rfind(separator, line, start) + 1, line)
        return self._labels[column] if column < len(self._labels) else b"", cell

    def named_at(self, text: bytes, start: int) -> str:
        """As `address`, for a value whose line begins in `text`."""
        label = self.field_at(text, start)[0] or b""
        return self._addresses.get(label) or named(Container.CSV, "")


def tracker(container: Container) -> Tracker:
    if container is Container.JSON:
        return JsonPath()
    if container is Container.CSV:
        return Columns()
    return Labels(container)
