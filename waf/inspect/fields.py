"""A request's head as named fields: method, path, query, headers, cookies.

Owns how servers read them: percent-decoding, "+" as a blank, quoted cookies. Decides nothing and refuses nothing:
what cannot be decoded stays visible as it is. Doubles stay, in wire order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from waf.http1.memo import Memo
from waf.inspect import torn
from waf.inspect.bodies.parsed import LONGEST_NAME
from waf.inspect.native import BODIES, unform, unpercent
from waf.model import Field, HeaderLine, Part

_METHOD, _PATH, _SEGMENT, _QUERY = Part.METHOD, Part.PATH, Part.SEGMENT, Part.QUERY
_HEADER, _HEADER_NAME, _COOKIE, _COOKIE_NAME = Part.HEADER, Part.HEADER_NAME, Part.COOKIE, Part.COOKIE_NAME

_NAME_BYTES: Final = 4 * LONGEST_NAME  # in which as many characters as are kept of a name end, …
_ODD_BYTES: Final = (
    LONGEST_NAME // 4 + 8
)  # … and of one with bytes that are no UTF-8, four characters for each of which nearly all
_USUAL: Final = re.compile(rb"[a-z0-9-]{1,64}")
# Lower-case header name: the name as text, and whether it is an ordinary one.
_HEADERS: Final = Memo(
    lambda name: (name.decode("latin-1"), _USUAL.fullmatch(name) is not None), capacity=512, longest=64
)


_ODD: Final = re.compile("[\udc80-\udcff]+")
_SPELLED: Final = {chr(0xDC00 + byte): f"\\x{byte:02x}" for byte in range(0x80, 0x100)}


def _spelled(data: bytes) -> str:
    """As "backslashreplace" decodes it, which takes as long for each byte that is no UTF-8 as for a hundred others."""
    return _ODD.sub(
        lambda match: "".join([_SPELLED[one] for one in match[0]]), data.decode("utf-8", "surrogateescape")
    )


def spelled_name(name: bytes) -> str:
    """The first `LONGEST_NAME` characters of a client's name for something; bytes that are no UTF-8 become \\xNN.

    In C: `waf/_bodies_names.h`.
    """
    try:
        text = name[:_NAME_BYTES].decode()
    except UnicodeDecodeError:
        text = _spelled(name[:_ODD_BYTES])
        if len(text) < LONGEST_NAME + 12:  # of which the last ones may be of a character that was cut
            text = _spelled(name[:_NAME_BYTES])
    return text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME]


name_text: Final[Callable[[bytes], str]] = spelled_name if BODIES is None else BODIES.name_text


def path_fields(path: bytes) -> list[Field]:
    """The whole path, then its segments, each percent-decoded once. Empty segments are left out."""
    if b"%" in path:
        whole = unpercent(path)
        fields = [Field(_PATH, "", whole, path)]
        for raw in path.split(b"/"):
            if raw:
                value = unpercent(raw)
                fields.append(Field(_SEGMENT, "", value, raw if value != raw else None))
        return fields
    fields = [Field(_PATH, "", path)]
    fields += [Field(_SEGMENT, "", raw) for raw in path.split(b"/") if raw]
    return fields


def query_fields(query: bytes) -> list[Field]:
    """Parameters of a query string; one QUERY field where it is no list of name=value pairs."""
    if b"=" not in query:
        if not query:
            return []
        value = unform(query)
        return [Field(_QUERY, "", value, query if value != query else None)]
    return pair_fields(query, Part.ARG_NAME, Part.ARG)


def _names(part: Part) -> Memo[Field]:
    """Name fields as they come again and again; those with another raw form are made anew."""
    return Memo(lambda name: Field(part, name_text(name), name), capacity=2048, longest=64)


_NAME_FIELDS: Final = {part: _names(part) for part in (Part.ARG_NAME, Part.FORM_NAME)}
_COOKIE_NAMES: Final = _names(Part.COOKIE_NAME)


def pair_fields(data: bytes, name_part: Part, value_part: Part) -> list[Field]:
    """Names and values of a urlencoded list (WHATWG URL, application/x-www-form-urlencoded).

    Each pair gives two fields in wire order, a pair without "=" one name. ";" separates nothing: servers that
    split there are gone, and the value is inspected whole either way.
    """
    fields: list[Field] = []
    add = fields.append
    names = _NAME_FIELDS[name_part]
    for pair in data.split(b"&"):
        name, equals, value = pair.partition(b"=")
        if b"%" in pair or b"+" in pair:
            raw_name, raw = name, value
            name, value = unform(name), unform(value)
            named = names[name] if name == raw_name else Field(name_part, name_text(name), name, raw_name)
            if name:
                add(named)
            if equals:
                add(Field(value_part, named.name, value, raw if raw != value else None))
        else:
            named = names[name]
            if name:
                add(named)
            if equals:
                add(Field(value_part, named.name, value))
    for name, raw in torn.pairs(data):
        value = unform(raw)
        add(Field(value_part, name_text(name), value, raw if value != raw else None))
    return fields


def header_fields(lines: Iterable[HeaderLine]) -> list[Field]:
    """Every header but cookies by its lower-case name; names only where they are unusual ones."""
    fields: list[Field] = []
    for lower, wire, value in lines:
        if lower == b"cookie":
            continue
        label, usual = _HEADERS[lower]
        if not usual:
            fields.append(Field(_HEADER_NAME, label, wire))
        fields.append(Field(_HEADER, label, value))
        if lower == b"referer" and b"=" in value:
            fields += _asked_for(label, value)
    return fields


_LONG: Final = 8  # bytes of a parameter in which something may be encoded as a whole

_MOST: Final = 64  # parameters that are taken apart; what follows is part of the last


def _asked_for(label: str, url: bytes) -> list[Field]:
    """The query parameters of a Referer: apps that log or analyse it take them apart."""
    fields = []
    for pair in url.partition(b"?")[2].split(b"&", _MOST):
        raw = pair.partition(b"=")[2]
        value = unform(raw)
        if value != raw or len(raw) >= _LONG:
            fields.append(Field(_HEADER, label, value, raw if value != raw else None))
    return fields


_OCTAL: Final = re.compile(rb"\\(?:([0-3][0-7]{2})|(.))", re.S)


def _unquoted(value: bytes) -> bytes:
    """A quoted cookie value as Python, Java and old RFC 2109 servers read it: backslashes and octals undone."""
    inner = value[1:-1]
    if b"\\" not in inner:
        return inner
    return _OCTAL.sub(lambda match: bytes([int(match[1], 8)]) if match[1] else match[2], inner)


def cookie_fields(values: Iterable[bytes]) -> list[Field]:
    """Names and values of Cookie headers (RFC 6265 section 5.4), quotes undone; a nameless cookie is a value."""
    fields: list[Field] = []
    for line in values:
        items = line.split(b";")
        for item in items:
            name, equals, raw = item.strip().partition(b"=")
            if not equals:
                if name:
                    fields.append(Field(_COOKIE, "", name))
                continue
            name, raw = name.rstrip(), raw.lstrip()
            named = _COOKIE_NAMES[name]
            label = named.name
            fields.append(named)
            if len(raw) > 1 and raw[0] == 34 and raw[-1] == 34:
                fields.append(Field(_COOKIE, label, _unquoted(raw), raw))
            elif b"%" in raw:  # most frameworks undo what they encoded when they set the cookie
                value = unpercent(raw)
                fields.append(Field(_COOKIE, label, value, raw if value != raw else None))
            else:
                fields.append(Field(_COOKIE, label, raw))
        for name, raw in torn.cookies(items) if len(items) > 1 else ():
            value = unpercent(raw)
            fields.append(Field(_COOKIE, name_text(name), value, raw if value != raw else None))
    return fields
